package main

import (
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
	"github.com/stretchr/testify/require"
)

// parcelo is the product of docs/connect.md: a key in a header of its own, offsets, and errors that come with status 200.
type parcelo struct {
	mu      sync.Mutex
	returns []map[string]any
}

func (p *parcelo) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	answer := func(status int, body map[string]any) {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(status)
		_ = json.NewEncoder(w).Encode(body)
	}
	if r.Header.Get("X-Parcelo-Key") != "pk-canary-5512" {
		answer(http.StatusUnauthorized, map[string]any{"ok": false, "code": "WHO", "say": "unknown key"})
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	switch r.Method + " " + r.URL.Path {
	case "GET /v2/me":
		answer(http.StatusOK, map[string]any{"ok": true, "user": map[string]any{"name": "Ada Lovelace", "mail": "ada@example.com"}})
	case "GET /v2/parcels":
		all := []map[string]any{
			{"code": "P-1", "state": "THERE", "sent": "2026-03-02", "by": "DHL", "content": []any{map[string]any{"sku": "AU-2041", "count": 1}}},
			{"code": "P-2", "state": "GONE", "sent": "2026-03-04", "by": "DHL", "content": []any{map[string]any{"sku": "TO-20", "count": 2}}},
			{"code": "P-3", "state": "NEW", "content": []any{}},
		}
		if r.URL.Query().Get("order") != "10427" {
			answer(http.StatusOK, map[string]any{"ok": false, "code": "NO_SUCH_ORDER", "say": "There is no such order."})
			return
		}
		offset, _ := strconv.Atoi(r.URL.Query().Get("offset"))
		limit, _ := strconv.Atoi(r.URL.Query().Get("limit"))
		answer(http.StatusOK, map[string]any{"ok": true, "total": len(all), "data": all[min(offset, len(all)):min(offset+limit, len(all))]})
	case "POST /v2/returns":
		var made map[string]any
		if err := json.NewDecoder(r.Body).Decode(&made); err != nil {
			answer(http.StatusOK, map[string]any{"ok": false, "code": "BAD_INPUT", "say": err.Error()})
			return
		}
		made["id"], made["number"], made["state"], made["label"] = 7000+len(p.returns), fmt.Sprintf("R-%d", 7000+len(p.returns)), "OPEN", ""
		p.returns = append(p.returns, made)
		answer(http.StatusCreated, map[string]any{"ok": true, "return": made})
	case "GET /v2/returns":
		found := slices.DeleteFunc(slices.Clone(p.returns), func(m map[string]any) bool { return m["reference"] != r.URL.Query().Get("reference") })
		answer(http.StatusOK, map[string]any{"ok": true, "data": found})
	default:
		answer(http.StatusNotFound, map[string]any{"ok": false, "code": "WHERE", "say": "no such path"})
	}
}

var pageExample = regexp.MustCompile("(?s)<!-- example: ([a-z./-]+) -->\n```[a-z]+\n(.*?)```")

// TestConnectAProduct runs docs/connect.md: its files as they stand there, and its commands, against the product.
func TestConnectAProduct(t *testing.T) {
	t.Parallel()
	runConnected(t, "testdata/connect.txt", "127.0.0.1:8099", &parcelo{}, secondDriver)
}

// runConnected runs a script with the files of docs/connect.md in the folder page, in which the product stands where it is
// served now in place of its documented address. beside may write more files, for those of the page.
func runConnected(t *testing.T, script, documented string, product http.Handler, beside func(name, file, text string) error) {
	t.Helper()
	page, err := os.ReadFile("../../docs/connect.md")
	require.NoError(t, err)
	testscript.Run(t, testscript.Params{Files: []string{script}, Setup: func(env *testscript.Env) error {
		listener, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return err
		}
		server := &http.Server{Handler: product, ReadHeaderTimeout: time.Minute}
		go func() { _ = server.Serve(listener) }()
		env.Defer(func() { _ = server.Close() })
		for _, match := range pageExample.FindAllStringSubmatch(string(page), -1) {
			file := filepath.Join(env.WorkDir, "page", filepath.FromSlash(match[1]))
			text := strings.ReplaceAll(match[2], documented, listener.Addr().String())
			if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
				return err
			}
			if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
				return err
			}
			if beside != nil {
				if err := beside(match[1], file, text); err != nil {
					return err
				}
			}
		}
		return nil
	}})
}

// secondDriver writes beside the files of the page those of a second driver, whose numbers are written otherwise.
func secondDriver(name, file, text string) error {
	switch name {
	case "crosswalk.yaml":
		driver := text[strings.Index(text, "      - adapter: parcelo"):strings.Index(text, "intake:")]
		text = strings.Replace(text, driver, driver+strings.Replace(driver, "adapter: parcelo", "adapter: parcelo-two", 1), 1)
	case "adapters/parcelo.yaml":
		text = strings.Replace(strings.Replace(text, "adapter: parcelo", "adapter: parcelo-two", 1), "'${parcel.code}'", "'${lower(parcel.code)}'", 1)
	default:
		return nil
	}
	return os.WriteFile(strings.TrimSuffix(file, ".yaml")+"-two.yaml", []byte(text), 0o644)
}
