package main

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"crosswalk/robots"
	"crosswalk/store"
)

const changedRobot = "robot: look\noperation: shop.look\nsystem: shop\nfind:\n  - click: {link: Orders}\noutput: {done: true}\n"

// proposals plays the running program that has one proposed change.
type proposals struct {
	*httptest.Server
	change store.RobotChange
	meet   func() // right before it is decided
	asked  int
}

// serveProposal is a workspace with one robot, and the program that has a change of it.
func serveProposal(t *testing.T) (*proposals, string) {
	t.Helper()
	dir := t.TempDir()
	system := "system: shop\ntitle: Shop\nbase: http://shop.example\n"
	for name, text := range map[string]string{
		"contracts/shop.yaml":     "contract: shop\noperations:\n  look:\n    effect: read\n    input: {}\n    output: {done: {type: boolean}}\n    errors: [not_found]\n",
		"robots/shop.system.yaml": system, "robots/look.yaml": changedRobot,
	} {
		require.NoError(t, os.MkdirAll(filepath.Dir(filepath.Join(dir, name)), 0o700))
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600))
	}
	file := filepath.Join(dir, "robots", "look.yaml")
	require.NoError(t, os.Chmod(file, 0o640))
	sum := sha256.New()
	for _, text := range []string{changedRobot, system} {
		_, _ = fmt.Fprintf(sum, "%d\n%s", len(text), text)
	}
	p := &proposals{meet: func() {}, change: store.RobotChange{RobotVersion: store.RobotVersion{Robot: "look", Base: "http://shop.example", Hash: hex.EncodeToString(sum.Sum(nil))},
		ID: "c1", Kind: robots.ChangeTarget, Place: "look.yaml:5", Words: `link "Orders"`, Becomes: `{"link": "All orders"}`, Reason: "a person chose it", State: store.ChangeOpen, Counted: 1}}
	p.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPost {
			p.asked++
			p.meet()
			if p.change.State != store.ChangeOpen && p.change.DecidedBy != "me" {
				w.WriteHeader(http.StatusConflict)
				_ = json.NewEncoder(w).Encode(map[string]string{"error": "It was " + p.change.State + " by " + p.change.DecidedBy + " already."})
				return
			}
			p.change.State, p.change.DecidedBy = store.ChangeAccepted, "me"
		}
		_ = json.NewEncoder(w).Encode(map[string]any{"change": p.change})
	}))
	t.Cleanup(p.Close)
	t.Setenv(urlVariable, p.URL)
	return p, file
}

func (p *proposals) accept(t *testing.T, file string) (string, error) {
	t.Helper()
	out, err := commandLine(t, "robots", "changes", "accept", "c1", "--dir", filepath.Dir(filepath.Dir(file)))
	return out, err
}

func requireText(t *testing.T, file, want string) {
	t.Helper()
	text, err := os.ReadFile(file)
	require.NoError(t, err)
	require.Equal(t, want, string(text))
	beside, err := filepath.Glob(filepath.Join(filepath.Dir(file), ".*"))
	require.NoError(t, err)
	require.Empty(t, beside, "nothing is left beside it")
}

var acceptedRobot = strings.Replace(changedRobot, "link: Orders", "link: All orders", 1)

// TestAnAcceptedChangeIsWritten holds that the file is replaced as a whole and keeps its permissions, also behind a link.
func TestAnAcceptedChangeIsWritten(t *testing.T) {
	p, file := serveProposal(t)
	kept := filepath.Join(t.TempDir(), "kept.yaml")
	require.NoError(t, os.Rename(file, kept))
	require.NoError(t, os.Symlink(kept, file))
	out, err := p.accept(t, file)
	require.NoError(t, err, out)
	requireText(t, kept, acceptedRobot)
	info, err := os.Stat(kept)
	require.NoError(t, err)
	require.EqualValues(t, 0o640, info.Mode().Perm())
	info, err = os.Lstat(file)
	require.NoError(t, err)
	require.NotZero(t, info.Mode()&os.ModeSymlink)
	_, err = p.accept(t, file)
	require.ErrorContains(t, err, "it was accepted by me already")
	require.Equal(t, 1, p.asked)
}

// TestWhatSomebodyElseDecidedIsNotWritten holds that a change which another person decided on meanwhile leaves the file alone.
func TestWhatSomebodyElseDecidedIsNotWritten(t *testing.T) {
	for _, state := range []string{store.ChangeAccepted, store.ChangeRejected} {
		p, file := serveProposal(t)
		p.meet = func() { p.change.State, p.change.DecidedBy = state, "bob" }
		_, err := p.accept(t, file)
		require.ErrorContains(t, err, "It was "+state+" by bob already.")
		requireText(t, file, changedRobot)
		_, err = p.accept(t, file)
		require.Error(t, err)
		requireText(t, file, changedRobot)
	}
}

// TestAFileThatWasEditedMeanwhileIsNotOverwritten holds that nothing that a person wrote is lost, and that what was accepted
// and not written is written by accepting it again.
func TestAFileThatWasEditedMeanwhileIsNotOverwritten(t *testing.T) {
	p, file := serveProposal(t)
	edited := changedRobot + "# by hand\n"
	p.meet = func() { require.NoError(t, os.WriteFile(file, []byte(edited), 0o600)) }
	_, err := p.accept(t, file)
	require.ErrorContains(t, err, "the change is accepted, but")
	require.ErrorContains(t, err, "was edited meanwhile")
	requireText(t, file, edited)
	p.meet = func() {}
	_, err = p.accept(t, file)
	require.ErrorContains(t, err, "has changed since this was proposed")
	requireText(t, file, edited)

	require.NoError(t, os.WriteFile(file, []byte(changedRobot), 0o600))
	_, err = p.accept(t, file)
	require.NoError(t, err)
	requireText(t, file, acceptedRobot)
}

// TestWhatPagesSayCannotSteerTheTerminal holds that no character of a page reaches the terminal as more than text.
func TestWhatPagesSayCannotSteerTheTerminal(t *testing.T) {
	p, file := serveProposal(t)
	const evil = "\x1b[2J\u009b31m\u202e\n\u2028"
	p.change.Words, p.change.Becomes, p.change.Reason = evil, `{"link": "`+"\u202e"+`"}`, evil
	for _, act := range []string{"show", "accept"} {
		out, err := commandLine(t, "robots", "changes", act, "c1", "--dir", filepath.Dir(filepath.Dir(file)))
		require.Equal(t, act == "accept", err != nil)
		require.False(t, strings.ContainsAny(fmt.Sprint(out, err), "\x1b\u009b\u202e\u2028"), "%q %q", out, err)
	}
	requireText(t, file, changedRobot)
}

// TestChangesAreListedInWords holds that what a change writes is listed as the file has it, and not as it is kept.
func TestChangesAreListedInWords(t *testing.T) {
	t.Parallel()
	for kept, want := range map[string]string{
		`{"index":0,"with":{"label":"Company"}}`:           `label "Company"`,
		`{"link":"Find customers"}`:                        `link "Find customers"`,
		`{"heading":"Turnover"}`:                           `heading "Turnover"`,
		`{"heading":"No.\nPost code","for":"Number\nZIP"}`: `heading "No.", "Post code"`,
		``: ``, `gone`: `gone`,
	} {
		require.Equal(t, want, becomesWords(kept), kept)
	}
}
