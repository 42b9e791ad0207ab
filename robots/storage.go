package robots

import (
	"context"
	"maps"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode"

	"github.com/go-rod/rod/lib/proto"
)

// originStorage is what an origin keeps in the browser beside its cookies: applications of one page keep their login there.
type originStorage struct {
	Origin  string            `json:"origin"` // scheme://host:port
	Local   map[string]string `json:"local,omitempty"`
	Session map[string]string `json:"session,omitempty"` // of the page; windows beside it have their own
}

const (
	mostStored  = 256 << 10 // characters of one origin: a login is far shorter
	mostOrigins = 8
	storageTime = 2 * time.Second // to look at what open documents keep; a page that is busy is not waited for
	mostTokens  = 256
)

// storage looks at what the open documents of the application's own hosts keep. Those that do not say are left out.
func (u *run) storage(ctx context.Context) (found []originStorage) {
	ctx, cancel := context.WithTimeout(ctx, storageTime)
	defer cancel()
	known := map[string]bool{}
	for _, f := range u.tab.allFrames() {
		origin := originOf(f.url)
		if known[origin] || !u.ownOrigin(origin) || len(found) == mostOrigins {
			continue
		}
		var answer struct {
			Status         string
			Local, Session map[string]string
		}
		if err := u.tab.call(ctx, f, "storage", map[string]any{"most": mostStored}, &answer); err != nil || answer.Status == "none" {
			continue
		}
		known[origin] = true
		if answer.Status == "large" && u.system.session != nil {
			u.journal.note("what " + origin + " keeps in the browser is too large to be kept between runs: a login that lies there is made anew in each")
		}
		found = append(found, originStorage{Origin: origin, Local: answer.Local, Session: answer.Session})
	}
	return found
}

func originOf(address string) string {
	parsed, err := url.Parse(address)
	if err != nil || parsed.Scheme != "http" && parsed.Scheme != "https" {
		return ""
	}
	return parsed.Scheme + "://" + parsed.Host
}

// ownOrigin says whether an origin is on one of the hosts that the robot may reach.
func (u *run) ownOrigin(origin string) bool {
	parsed, err := url.Parse(origin)
	return err == nil && origin != "" && u.tab.options.fence.outside(parsed) == ""
}

// mergedStorage puts what was seen now in the place of what was known of the same origins.
func mergedStorage(known, now []originStorage) []originStorage {
	merged := slices.Clone(now)
	for _, before := range known {
		if !slices.ContainsFunc(now, func(s originStorage) bool { return s.Origin == before.Origin }) {
			merged = append(merged, before)
		}
	}
	merged = slices.DeleteFunc(merged, originStorage.empty)
	slices.SortFunc(merged, func(a, b originStorage) int { return strings.Compare(a.Origin, b.Origin) })
	return merged[:min(len(merged), mostOrigins)]
}

// ofLogin is what there is now of what the login left: a list's filter or a draft that a run leaves behind would be
// another run's surprise.
func ofLogin(left, now []originStorage) (kept []originStorage) {
	for _, one := range now {
		i := slices.IndexFunc(left, func(s originStorage) bool { return s.Origin == one.Origin })
		if i < 0 {
			continue
		}
		kept = append(kept, originStorage{Origin: one.Origin, Local: sameNames(left[i].Local, one.Local), Session: sameNames(left[i].Session, one.Session)})
	}
	return kept
}

func sameNames(left, now map[string]string) map[string]string {
	kept := map[string]string{}
	for name, value := range now {
		if _, known := left[name]; known {
			kept[name] = value
		}
	}
	return kept
}

func (s originStorage) empty() bool { return len(s.Local)+len(s.Session) == 0 }

// restore makes what origins keep what it was, each on a blank page of its own that never leaves the browser, before
// the application shows any page.
func (u *run) restore(ctx context.Context, all []originStorage) error {
	ctx, cancel := context.WithTimeoutCause(ctx, u.system.stepTime, errStepTime)
	defer cancel()
	restored := false
	for _, one := range all {
		if !u.ownOrigin(one.Origin) {
			continue
		}
		if err := u.tab.onBlank(ctx, one.Origin, func(f frame) error { return u.tab.call(ctx, f, "keep", one, nil) }); err != nil {
			return err
		}
		restored = true
	}
	if !restored {
		return nil
	}
	if err := u.tab.leavePages(ctx); err != nil {
		return err
	}
	return proto.PageResetNavigationHistory{}.Call(u.tab.on(ctx, u.tab.page)) // there is no way back to the blank page
}

// forgetStorage empties what the application keeps in the browser: a login that counts no more must not be found again.
func (u *run) forgetStorage(ctx context.Context, known []originStorage) error {
	emptied := make([]originStorage, len(known))
	for i, one := range known {
		emptied[i].Origin = one.Origin
	}
	return u.restore(ctx, emptied)
}

// blankPath is the address of the blank page at each origin. Nobody is ever asked for it.
const blankPath = "/crosswalk-blank-page"

// onBlank opens a blank page of an origin and does something in it. The browser is given the page at the fence.
func (t *tab) onBlank(ctx context.Context, origin string, do func(frame) error) error {
	address := origin + blankPath
	t.update(func() { t.blank = address })
	defer t.update(func() { t.blank = "" })
	if err := t.navigate(ctx, "", address); err != nil {
		return err
	}
	f, err := t.findFrame("")
	if err != nil {
		return err
	}
	return do(f)
}

// isBlank says whether a page is asked for that is not the application's, but ours.
func (t *tab) isBlank(p pausedRequest) bool {
	t.mutex.Lock()
	defer t.mutex.Unlock()
	return t.blank != "" && p.FrameID == t.top && p.Request.Method == "GET" && p.Request.URL == t.blank
}

func giveBlank(c caller, id proto.FetchRequestID) {
	_ = proto.FetchFulfillRequest{
		RequestID: id, ResponseCode: 200, Body: []byte(`<!doctype html><link rel="icon" href="data:,"><title>blank</title>`),
		ResponseHeaders: []*proto.FetchHeaderEntry{{Name: "Content-Type", Value: "text/html; charset=utf-8"}, {Name: "Cache-Control", Value: "no-store"}},
	}.Call(c)
}

var tokenForm = regexp.MustCompile(`[A-Za-z0-9._~+/=-]{16,}`)

// noteTokens looks at what the application keeps in the browser now, its cookies too: it may have renewed what opens it since
// it was looked at last, and what was shown before may still stand on a page.
func (u *run) noteTokens(ctx context.Context) {
	values := []string{}
	for _, one := range append(u.storage(ctx), u.kept...) {
		for _, items := range []map[string]string{one.Local, one.Session} {
			values = slices.AppendSeq(values, maps.Values(items))
		}
	}
	if cookies, err := (proto.StorageGetCookies{BrowserContextID: u.tab.context}).Call(u.tab.on(ctx, u.tab.root)); err == nil {
		for _, cookie := range cookies.Cookies {
			values = append(values, cookie.Value)
		}
	}
	for _, token := range tokensIn(values) {
		if !slices.Contains(u.tokens, token) {
			u.tokens = append(u.tokens, token)
		}
	}
}

// noteRenewed looks at what the application keeps after what may have had it renew that: a new document, or more than filling in.
func (u *run) noteRenewed(ctx context.Context, kind string) {
	documents := u.tab.documents()
	fills := slices.Contains([]string{"fill", "select", "check", "uncheck"}, kind)
	if maps.Equal(documents, u.noted) && (fills || !u.tab.acted.Load()) {
		return
	}
	u.noted = documents
	u.noteTokens(ctx)
}

// tokensIn are the texts among what is kept that look as if they opened something: no evidence may show them.
func tokensIn(values []string) (tokens []string) {
	for _, value := range values {
		forms := []string{value}
		if plain, err := url.QueryUnescape(value); err == nil && plain != value { // as cookies hold them
			forms = append(forms, plain)
		}
		for _, form := range forms {
			for _, text := range tokenForm.FindAllString(form, -1) {
				if strings.ContainsFunc(text, unicode.IsDigit) && strings.ContainsFunc(text, unicode.IsLetter) && !slices.Contains(tokens, text) {
					tokens = append(tokens, text)
				}
			}
		}
	}
	slices.SortFunc(tokens, func(a, b string) int { return len(b) - len(a) }) // what is part of another one comes after it
	return tokens[:min(len(tokens), mostTokens)]
}
