package robots

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"unicode/utf8"

	"github.com/go-rod/rod/lib/cdp"
	"github.com/go-rod/rod/lib/proto"

	"crosswalk/contracts"
	"crosswalk/rules"
)

// download is a file on its way, as the browser tells of it.
type download struct {
	guid, name, state string // inProgress, completed, canceled
	received          float64
}

// downloadEvent keeps what the browser tells of downloads.
func (t *tab) downloadEvent(event *cdp.Event) {
	e, ok := decode[struct {
		GUID, SuggestedFilename, State string
		ReceivedBytes                  float64
	}](event)
	if !ok {
		return
	}
	t.update(func() {
		if event.Method == "Browser.downloadWillBegin" {
			t.downloads = append(t.downloads, &download{guid: e.GUID, name: e.SuggestedFilename, state: "inProgress"})
			return
		}
		for _, d := range t.downloads {
			if d.guid == e.GUID {
				d.state, d.received = e.State, e.ReceivedBytes
			}
		}
	})
}

// download starts a download, waits for its end, checks the file and keeps it.
func (u *run) download(ctx context.Context, s *step) (string, error) {
	dir, err := u.folder()
	if err != nil {
		return "", err
	}
	t := u.tab
	t.mutex.Lock()
	before := len(t.downloads)
	t.mutex.Unlock()
	behave := func(ctx context.Context, how proto.BrowserSetDownloadBehaviorBehavior) error {
		return proto.BrowserSetDownloadBehavior{Behavior: how, BrowserContextID: t.context, DownloadPath: dir, EventsEnabled: true}.Call(t.on(ctx, t.root))
	}
	if err := behave(ctx, proto.BrowserSetDownloadBehaviorBehaviorAllowAndName); err != nil {
		return "", err
	}
	defer func() { _ = behave(t.ctx, proto.BrowserSetDownloadBehaviorBehaviorDeny) }()
	at, err := s.further.starts.target.spec(u.variables)
	if err != nil {
		return "", u.wrong(s, err)
	}
	element := ""
	if s.further.starts.kind == "goto" {
		err = u.open(ctx, s.further.starts)
	} else {
		element, err = t.click(ctx, at)
	}
	if err != nil {
		return element, err
	}
	d, err := t.downloaded(ctx, before, s.further.most)
	if err != nil {
		return element, err
	}
	body, err := os.ReadFile(filepath.Join(dir, filepath.Base(d.guid)))
	_ = os.Remove(filepath.Join(dir, filepath.Base(d.guid)))
	if err != nil {
		return element, contracts.NewError(contracts.Unavailable, "", "the file that was downloaded cannot be read")
	}
	if len(body) > s.further.most {
		return element, contracts.NewError(contracts.Drift, "", "the file has %d bytes, and may have %d", len(body), s.further.most)
	}
	mediaType, err := checkFile(s.further.fileType, body)
	if err != nil {
		return element, contracts.NewError(contracts.Drift, "", "%s", err)
	}
	u.journal.add(Evidence{Name: "download " + cut(d.name, 100), MediaType: mediaType, Bytes: body})
	sum := sha256.Sum256(body)
	known := map[string]rules.Value{"name": rules.Text(d.name), "type": rules.Text(mediaType), "size": rules.Number(rules.Int(int64(len(body)))), "sha256": rules.Text(hex.EncodeToString(sum[:]))}
	if isText(s.further.fileType) && len(body) <= longestFileText {
		known["text"] = rules.Text(string(body))
	}
	u.variables[s.name] = rules.Record(known)
	return element, nil
}

// downloaded waits for the end of the one download that has begun since.
func (t *tab) downloaded(ctx context.Context, before, most int) (download, error) {
	for {
		t.mutex.Lock()
		changed := t.changed
		var d download
		count := len(t.downloads) - before
		if count > 0 {
			d = *t.downloads[before]
		}
		t.mutex.Unlock()
		switch {
		case count > 1:
			return d, contracts.NewError(contracts.Drift, "", "the page began %d downloads instead of one", count)
		case d.state == "completed":
			return d, nil
		case d.state == "canceled":
			return d, contracts.NewError(contracts.Unavailable, "", "the download was broken off")
		case d.received > float64(most):
			_ = proto.BrowserCancelDownload{GUID: d.guid, BrowserContextID: t.context}.Call(t.on(ctx, t.root))
			return d, contracts.NewError(contracts.Drift, "", "the file has more than %d bytes", most)
		}
		select {
		case <-changed:
		case <-ctx.Done():
			if t.ctx.Err() != nil {
				return d, context.Cause(t.ctx)
			}
			if count == 0 {
				return d, contracts.NewError(contracts.Drift, "", "the page is not as expected: no download began")
			}
			return d, contracts.NewError(contracts.Unavailable, "", "the download did not end in time")
		}
	}
}

func isText(kind string) bool {
	return kind == "csv" || kind == "text" || kind == "xml" || kind == "json"
}

// checkFile says what a file is by what it holds. A page with an error that came in place of a list is found here.
func checkFile(kind string, body []byte) (mediaType string, err error) {
	found, _, _ := strings.Cut(http.DetectContentType(body), ";")
	trimmed := bytes.TrimSpace(bytes.TrimPrefix(body, []byte("\ufeff")))
	wanted := map[string]string{"pdf": "application/pdf", "png": "image/png", "jpeg": "image/jpeg", "gif": "image/gif", "zip": "application/zip", "html": "text/html"}[kind]
	fits := true
	switch kind {
	case "any":
		return found, nil
	case "xlsx", "docx":
		part := map[string]string{"xlsx": "xl/", "docx": "word/"}[kind]
		wanted = map[string]string{"xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", "docx": "application/vnd.openxmlformats-officedocument.wordprocessingml.document"}[kind]
		fits = found == "application/zip" && bytes.Contains(body, []byte(part))
	case "csv", "text":
		wanted = map[string]string{"csv": "text/csv", "text": "text/plain"}[kind]
		fits = found == "text/plain" || len(body) == 0
	case "xml":
		wanted = "application/xml"
		fits = bytes.HasPrefix(trimmed, []byte("<")) && found != "text/html"
	case "json":
		wanted = "application/json"
		fits = json.Valid(body) && utf8.Valid(body)
	default:
		fits = found == wanted
	}
	if !fits {
		return "", fmt.Errorf("the file is no %s but %s", kind, found)
	}
	return wanted, nil
}
