package robots

import (
	"context"
	"errors"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"syscall"
	"testing"
	"time"

	"github.com/go-rod/rod/lib/proto"
	"github.com/stretchr/testify/require"

	"crosswalk/contracts"
)

func title(t *testing.T, ctx context.Context, tb *tab) string {
	t.Helper()
	target, err := proto.TargetGetTargetInfo{TargetID: proto.TargetTargetID(tb.top)}.Call(tb.on(ctx, tb.root))
	require.NoError(t, err)
	return target.TargetInfo.Title
}

func TestFenceStopsWhatCouldChangeSomething(t *testing.T) {
	t.Parallel()
	p := servePages(t)
	p.mux.HandleFunc("POST /api/{what}", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) })
	fence := p.fence()
	ctx, tb := openPageWith(t, p, "hostile.html", tabOptions{fence: fence})
	require.Eventually(t, func() bool { return title(t, ctx, tb) == "refused" }, time.Minute, 20*time.Millisecond)
	_, err := tb.click(ctx, exact("button", "Speichern"))
	require.NoError(t, err)
	for _, stopped := range []string{"/api/change", "/api/save", "198.51.100.7", "127.0.0.1:9"} {
		require.Eventually(t, func() bool { return strings.Contains(strings.Join(fence.blocked(), "\n"), stopped) }, time.Minute, 20*time.Millisecond, stopped)
	}
	require.Zero(t, p.posts.Load())
}

func TestFenceLetsDeclaredSearchesPass(t *testing.T) {
	t.Parallel()
	p := servePages(t)
	p.mux.HandleFunc("POST /api/{what}", func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/popup.html", http.StatusSeeOther) })
	fence := newFence([]requestRule{{method: "POST", url: "/api/search"}})
	fence.allow(p.host(), true)
	ctx, tb := openPageWith(t, p, "hostile.html", tabOptions{fence: fence})
	_, err := tb.click(ctx, exact("button", "Suchen"))
	require.NoError(t, err)
	_, err = tb.until(ctx, exact("text", "Fenster"))
	require.NoError(t, err)
	require.EqualValues(t, 1, p.posts.Load())
}

func TestFenceStopsOtherHostsAndFiles(t *testing.T) {
	t.Parallel()
	for _, link := range []string{"Fremd", "Datei"} {
		t.Run(link, func(t *testing.T) {
			t.Parallel()
			ctx, tb := openPage(t, servePages(t), "hostile.html")
			_, err := tb.click(ctx, exact("link", link))
			require.NoError(t, err)
			for _, f := range tb.allFrames() {
				require.NotContains(t, f.url, "file:")
				require.True(t, f.failure != "" || strings.HasSuffix(f.url, "hostile.html") || f.id != tb.top && (f.generation == 0 || f.left || strings.HasSuffix(f.url, "popup.html")), f.url)
			}
		})
	}
}

func TestFenceHosts(t *testing.T) {
	t.Parallel()
	f := newFence([]requestRule{{method: "POST", url: "*/find?*"}, {method: "POST", url: "/search"}})
	f.allow("erp.example", false)
	f.allow("10.0.0.5:8080", true)
	for request, allowed := range map[string]bool{
		"GET https://erp.example/x": true, "GET http://ERP.example/x": true, "GET https://erp.example:8443/x": false, "GET https://erp.example.evil.example/": false,
		"GET http://10.0.0.5:8080/": true, "GET http://10.0.0.5/": false, "GET http://127.0.0.1:7233/": false, "GET http://169.254.169.254/latest": false,
		"GET file:///etc/passwd": false, "GET ftp://erp.example/": false, "GET javascript:alert(1)": false, "GET data:text/html,x": true, "GET http://erp.example@evil.example/": false,
		"POST https://erp.example/find?q=1": true, "POST https://erp.example/search": true, "POST https://erp.example/search/delete": false,
		"DELETE https://erp.example/search": false, "PUT https://erp.example/x": false,
	} {
		method, address, _ := strings.Cut(request, " ")
		require.Equal(t, allowed, f.refuses(method, address) == "", request)
	}
	f.duringLogin(true)
	require.Empty(t, f.refuses("POST", "https://erp.example/login"))
	require.NotEmpty(t, f.refuses("DELETE", "https://erp.example/login"))
	require.True(t, f.trusts("10.0.0.5:8080"))
	require.False(t, f.trusts("erp.example:443"))
}

func TestProxyRefusesPrivateAddressesOfUntrustedNames(t *testing.T) {
	t.Parallel()
	p := servePages(t)
	fence := newFence(nil)
	name := strings.Replace(p.host(), "127.0.0.1", "localhost", 1)
	fence.allow(name, false)
	way, err := startProxy(fence)
	require.NoError(t, err)
	t.Cleanup(way.close)
	_, err = way.dial(t.Context(), "tcp", name)
	require.ErrorContains(t, err, "private network")
	fence.allow(name, true)
	connection, err := way.dial(t.Context(), "tcp", name)
	require.NoError(t, err)
	require.NoError(t, connection.Close())
}

func TestNoWindowOpensOutsideTheFence(t *testing.T) {
	t.Parallel()
	ctx, tb := openPage(t, servePages(t), "hostile.html")
	_, err := tb.click(ctx, exact("link", "Neues Fenster"))
	require.NoError(t, err)
	// One of the three windows leads to another host. All of them are behind the fence before they ask for anything.
	require.Eventually(t, func() bool {
		return slices.ContainsFunc(tb.options.fence.blocked(), func(text string) bool { return strings.Contains(text, `GET "http://198.51.100.7/"`) })
	}, time.Minute, 20*time.Millisecond)
	tb.mutex.Lock()
	opened := len(tb.windows)
	tb.mutex.Unlock()
	require.GreaterOrEqual(t, opened, 1)
}

func TestPagesNeedNotBecomeQuiet(t *testing.T) {
	t.Parallel()
	p := servePages(t)
	p.mux.HandleFunc("GET /never.gif", func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
	ctx, tb := openPage(t, p, "slow.html")
	_, err := tb.click(ctx, exact("link", "Weiter"))
	require.NoError(t, err)
	_, err = tb.until(ctx, exact("text", "Angekommen"))
	require.NoError(t, err)
}

func TestNavigationUnderTheFeet(t *testing.T) {
	t.Parallel()
	ctx, tb := openPage(t, servePages(t), "redirects.html")
	at, err := tb.read(ctx, &spec{Kind: "css", Value: "h1", words: "the heading"})
	require.NoError(t, err)
	require.Equal(t, "Fenster", at.Text)
}

func TestMovingIsNotClicked(t *testing.T) {
	t.Parallel()
	_, tb := openPage(t, servePages(t), "moving.html")
	var err error
	for range 10 { // a slow machine may not get as far as to look twice
		if _, err = tb.click(briefly(t, tb), exact("button", "Weiter")); err != nil && strings.Contains(err.Error(), "does not stand still") {
			break
		}
	}
	require.ErrorContains(t, err, "does not stand still")
}

func TestBusyPageEndsAtTheDeadline(t *testing.T) {
	t.Parallel()
	for _, link := range []string{"Endlos", "Sturm"} {
		t.Run(link, func(t *testing.T) {
			t.Parallel()
			_, tb := openPage(t, servePages(t), "busy.html")
			began := time.Now()
			_, err := tb.click(briefly(t, tb), exact("link", link))
			require.Error(t, err)
			tb.close()
			require.Less(t, time.Since(began), 40*time.Second)
		})
	}
}

func TestDownloadsAreDenied(t *testing.T) {
	t.Parallel()
	p := servePages(t)
	p.mux.HandleFunc("GET /file", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Disposition", `attachment; filename="Rechnung.pdf"`)
		_, _ = w.Write([]byte("%PDF-1.4"))
	})
	p.mux.HandleFunc("GET /files", func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(`<a href="/file">Rechnung</a>`)) })
	ctx, tb := openPage(t, p, "files")
	_, err := tb.click(ctx, exact("link", "Rechnung"))
	require.NoError(t, err)
	seen, err := tb.sees(ctx, exact("link", "Rechnung"), false)
	require.NoError(t, err)
	require.True(t, seen)
}

func TestFrameOfAnotherSite(t *testing.T) {
	t.Parallel()
	p := servePages(t)
	fence := p.fence()
	fence.allow(strings.Replace(p.host(), "127.0.0.1", "localhost", 1), true)
	ctx, tb := openPageWith(t, p, "sites.html", tabOptions{fence: fence})
	at, err := tb.read(ctx, inFrame("other", exact("label", "Gesperrt")))
	require.NoError(t, err)
	require.Equal(t, "old", at.Text)
	_, err = tb.fill(ctx, inFrame("other", exact("label", "Kunde")), as("Müller"), false, nil)
	require.NoError(t, err)
	_, err = tb.click(ctx, inFrame("other", exact("button", "Suchen")))
	require.NoError(t, err)
	_, err = tb.until(ctx, inFrame("other", &spec{Kind: "text", Text: &matcher{Regex: "custno=Müller"}, words: "what was sent"}))
	require.NoError(t, err)
}

func TestCrashedTabFailsAtOnce(t *testing.T) {
	t.Parallel()
	ctx, tb := openPage(t, servePages(t), "form.html")
	go func() { _ = proto.PageCrash{}.Call(tb.on(ctx, tb.page)) }()
	began := time.Now()
	_, err := tb.until(ctx, exact("text", "never there"))
	require.ErrorIs(t, err, errTabCrashed)
	require.Less(t, time.Since(began), time.Minute)
}

func TestPoolReplacesADeadBrowser(t *testing.T) {
	t.Parallel()
	own := NewPool(PoolOptions{Runs: 2})
	t.Cleanup(own.Close)
	first, release, err := own.Acquire(t.Context())
	require.NoError(t, err)
	p := servePages(t)
	tb, err := first.openTab(t.Context(), tabOptions{width: 800, height: 600, fence: p.fence(), dialog: func(dialog) bool { return false }})
	require.NoError(t, err)
	require.NoError(t, syscall.Kill(first.process.command.Process.Pid, syscall.SIGKILL))
	require.ErrorIs(t, tb.navigate(tb.ctx, "", p.URL+"/form.html"), errBrowserLost)
	tb.close()
	release()
	second, release, err := own.Acquire(t.Context())
	require.NoError(t, err)
	t.Cleanup(release)
	require.True(t, first != second, "the dead browser was handed out again")
	require.True(t, second.Healthy())
}

func TestNoBrowserIsSaidPlainly(t *testing.T) {
	t.Parallel()
	_, err := NewBrowser(t.Context(), Options{Program: "/nowhere/chromium"})
	require.ErrorContains(t, err, "/nowhere/chromium")
}

const childVariable = "CROSSWALK_TEST_BROWSER_CHILD"

// TestNoOrphanAfterKill starts a process that starts a browser, kills it as kill -9 does, and waits for the
// browser to be gone too.
func TestNoOrphanAfterKill(t *testing.T) {
	t.Parallel()
	if path := os.Getenv(childVariable); path != "" {
		browser, err := NewBrowser(t.Context(), Options{})
		require.NoError(t, err)
		text := strconv.Itoa(browser.process.command.Process.Pid) + " " + browser.process.profile
		require.NoError(t, os.WriteFile(path+".part", []byte(text), 0o600))
		require.NoError(t, os.Rename(path+".part", path))
		<-t.Context().Done() // until we are killed
		return
	}
	told := filepath.Join(t.TempDir(), "browser")
	child := exec.Command(os.Args[0], "-test.run=^TestNoOrphanAfterKill$")
	child.Env = append(os.Environ(), childVariable+"="+told)
	require.NoError(t, child.Start())
	require.Eventually(t, func() bool { _, err := os.Stat(told); return err == nil }, time.Minute, 20*time.Millisecond)
	text, err := os.ReadFile(told)
	require.NoError(t, err)
	number, profile, _ := strings.Cut(string(text), " ")
	pid, err := strconv.Atoi(number)
	require.NoError(t, err)
	require.NoError(t, syscall.Kill(pid, 0))
	require.NoError(t, child.Process.Kill())
	_ = child.Wait()
	require.Eventually(t, func() bool { return gone(pid) }, time.Minute, 20*time.Millisecond)
	require.Eventually(t, func() bool { // renderers that outlive their browser for a moment still write to the profile
		sweepProfiles()
		_, err := os.Stat(profile)
		return errors.Is(err, os.ErrNotExist)
	}, time.Minute, 20*time.Millisecond)
}

// gone says whether a process has ended; one that nobody has waited for yet counts as ended.
func gone(pid int) bool {
	text, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	return err != nil || strings.Contains(string(text), ") Z ")
}

func TestStatusOfPages(t *testing.T) {
	t.Parallel()
	for status, class := range map[int]contracts.Class{
		500: contracts.Unavailable, 503: contracts.Unavailable, 429: contracts.RateLimited, 401: contracts.Auth, 403: contracts.Auth, 404: contracts.Drift,
	} {
		err := statusError(frame{status: status, retryAfter: "120", url: "http://x.example/a?secret=1"})
		var known *contracts.Error
		require.ErrorAs(t, err, &known)
		require.Equal(t, class, known.Class)
		require.Equal(t, 2*time.Minute, known.RetryAfter)
		require.NotContains(t, err.Error(), "secret")
	}
	require.NoError(t, statusError(frame{status: 200}))
}

func TestOnlyTheWorkspaceOpensThePrivateNetwork(t *testing.T) {
	t.Parallel()
	p := servePages(t)
	system := strings.Replace(plainSystem, "http://test.example", p.URL, 1)
	program := compileTest(t, system, "  - goto: /tables.html", "{}")
	_, err := NewRunner(pool, nil).Run(t.Context(), program, Call{})
	require.Equal(t, contracts.Unavailable, contracts.ClassOf(err))
	require.ErrorContains(t, err, "private network")
	for _, call := range []Call{{Base: p.URL}, {AllowHosts: []string{p.host()}}} {
		_, err = NewRunner(pool, nil).Run(t.Context(), program, call)
		require.NoError(t, err)
	}
}
