package desk

import (
	"net"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/go-rod/rod"
	"github.com/go-rod/rod/lib/input"
	"github.com/go-rod/rod/lib/launcher"
	"github.com/go-rod/rod/lib/proto"
	"github.com/stretchr/testify/require"

	"crosswalk/robots"
	"crosswalk/store"
)

// chromium starts a browser for a test.
func chromium(t *testing.T) *rod.Browser {
	t.Helper()
	program, err := robots.FindChromium(robots.Shell)
	require.NoError(t, err)
	start := launcher.New().Bin(program).Leakless(false).Headless(true).NoSandbox(true).Set("disable-gpu").Set("no-proxy-server")
	address, err := start.Launch()
	require.NoError(t, err)
	b := rod.New().ControlURL(address)
	require.NoError(t, b.Connect())
	t.Cleanup(func() {
		_ = b.Close()
		start.Kill()
		start.Cleanup()
	})
	return b
}

// TestInABrowser shares one browser: its windows know nothing of each other.
func TestInABrowser(t *testing.T) {
	t.Parallel()
	b := chromium(t)
	for name, run := range map[string]func(*testing.T, *rod.Browser){
		"a day at the desk": dayAtTheDesk, "wrong invoice and approval": wrongInvoiceAndApproval, "a phone note fills in live": phoneNote,
		"nothing of the customer runs": nothingRuns, "from another machine of the house": anotherMachine, "an analyst changes a table": atTheWorkbench, "schedules are paused and run": schedulesByHand,
	} {
		t.Run(name, func(t *testing.T) { t.Parallel(); run(t, b) })
	}
}

// tab is a page of a desk in a real browser.
type tab struct {
	*rod.Page
	t    *testing.T
	base string
}

// open opens a page in a browser window of its own, so that it has cookies of its own. Whatever runs or is refused
// there by the content policy is noted.
func open(t *testing.T, b *rod.Browser, base string, width int) *tab {
	t.Helper()
	window, err := b.Incognito()
	require.NoError(t, err)
	t.Cleanup(func() { _ = window.Close() }) // before the server, which waits for open pages
	page, err := window.Page(proto.TargetCreateTarget{})
	require.NoError(t, err)
	page = page.Timeout(5 * time.Minute)
	require.NoError(t, page.SetViewport(&proto.EmulationSetDeviceMetricsOverride{Width: width, Height: 900, DeviceScaleFactor: 1, Mobile: width < 600}))
	_, err = page.EvalOnNewDocument(`window.trapped = []; for (const name of ["alert", "confirm", "prompt", "print"]) window[name] = () => window.trapped.push(name);
		document.addEventListener("securitypolicyviolation", (e) => window.trapped.push(e.violatedDirective + " " + e.blockedURI));`)
	require.NoError(t, err)
	return &tab{Page: page, t: t, base: base}
}

func (p *tab) goTo(path string) {
	p.t.Helper()
	require.NoError(p.t, p.Navigate(p.base+path))
	require.NoError(p.t, p.WaitLoad())
	require.Equal(p.t, "[]", p.eval(`() => JSON.stringify(window.trapped)`), path)
}

func (p *tab) eval(script string) string {
	p.t.Helper()
	result, err := p.Eval(script)
	require.NoError(p.t, err)
	return result.Value.Str()
}

func (p *tab) fill(selector, text string) {
	p.t.Helper()
	element, err := p.Element(selector)
	require.NoError(p.t, err, selector)
	require.NoError(p.t, element.Input(text))
}

// click clicks what has the words on it and waits for the page that comes.
func (p *tab) click(selector, words string) {
	p.t.Helper()
	element, err := p.ElementR(selector, words)
	require.NoError(p.t, err, words)
	p.another(words, func() error { return element.Click(proto.InputMouseButtonLeft, 1) })
}

// another does what leads to another page and waits until that one is there, ready, in place of the one before.
func (p *tab) another(what string, act func() error) {
	p.t.Helper()
	p.eval(`() => { window.before = true; return "" }`)
	require.NoError(p.t, act(), what)
	require.Eventually(p.t, func() bool {
		arrived, err := p.Eval(`() => !window.before && document.readyState === "complete"`)
		return err == nil && arrived.Value.Bool()
	}, time.Minute, 20*time.Millisecond, what)
}

// press holds Alt and presses a key.
func (p *tab) press(key input.Key) {
	p.t.Helper()
	p.another("Alt and "+string(rune(key)), func() error { return p.KeyActions().Press(input.AltLeft).Type(key).Do() })
}

func (p *tab) sees(words ...string) {
	p.t.Helper()
	text := p.eval(`() => document.body.innerText`)
	for _, one := range words {
		require.Contains(p.t, text, one)
	}
}

func (p *tab) logIn(login string) {
	p.t.Helper()
	p.goTo("/")
	p.fill("#email", login)
	p.fill("#password", password)
	p.click("button", "Log in")
	p.sees("Inbox", "Log out")
}

// shoot keeps a picture of the whole page where CROSSWALK_SCREENSHOTS says, for people to look at.
func (p *tab) shoot(name string) {
	p.t.Helper()
	folder := os.Getenv("CROSSWALK_SCREENSHOTS")
	if folder == "" {
		return
	}
	picture, err := p.Screenshot(true, nil)
	require.NoError(p.t, err)
	require.NoError(p.t, os.WriteFile(filepath.Join(folder, name+".png"), picture, 0o600))
}

// fits makes sure that nothing sticks out on a narrow screen.
func (p *tab) fits() {
	p.t.Helper()
	require.Empty(p.t, p.eval(`() => document.documentElement.scrollWidth <= innerWidth ? "" : [...document.querySelectorAll("body *")].filter((e) => e.getBoundingClientRect().right > innerWidth + 1).slice(0, 5).map((e) => e.outerHTML.slice(0, 120)).join("\n") || "wider"`))
}

func dayAtTheDesk(t *testing.T, b *rod.Browser) {
	s := newScene(t, "").seed()
	s.look = 100 * time.Millisecond
	server := httptest.NewServer(s.handler())
	t.Cleanup(server.Close)

	ada := open(t, b, server.URL, 1280)
	ada.goTo("/")
	ada.shoot("login")
	ada.logIn(agent)
	ada.sees("Complaints 5", "replace: Complaint: Aurora kettle")
	ada.shoot("inbox")

	ada.click(".list a", "replace: Complaint")
	ada.sees("In short", "it broke within the warranty", "Ann Lee", "How did it end?", "meant for you", "She called again")
	ada.shoot("task-complete")
	ada.press(input.KeyK)
	ada.sees("taken by you", "Give it back")
	ada.choose("label", "Changed")
	ada.fill("#note", "She would rather have her money back.")
	ada.press(input.KeyD)
	ada.sees("Changed", "Timeline")
	require.Equal(t, "changed", s.task("t-complete").Outcome)
	ada.shoot("case")

	ada.goTo("/tasks/t-choose")
	ada.shoot("task-choose")
	ada.choose(".candidate label", "Toaster Blaze")
	ada.click("button", "Take this one")
	require.JSONEq(t, `{"index":1}`, string(plainJSON(s.task("t-choose").Answer)))

	ada.goTo("/tasks/t-repair")
	ada.sees("What went wrong", "the page has no table of parcels")
	require.Equal(t, "480", ada.eval(`() => String(document.querySelector("img.evidence").naturalWidth)`), "the robot's picture is there")
	ada.shoot("task-repair")
	ada.click("button", "Try it again")
	require.Equal(t, "retry", s.task("t-repair").Outcome)

	ada.goTo("/tasks/t-answer")
	ada.shoot("task-answer")
	require.NoError(t, ada.MustElement("#f-status").Select([]string{"delivered"}, true, rod.SelectorTypeText))
	ada.fill("#f-weight", "12,5")
	ada.click("button", "^Answer$")
	require.JSONEq(t, `{"value":{"status":"delivered","weight":12.5}}`, string(plainJSON(s.task("t-answer").Answer)))

	ada.goTo("/tasks/t-confirm")
	ada.shoot("task-confirm")
	ada.click("button", "It was not done")
	require.Equal(t, "not_done", s.task("t-confirm").Outcome)

	bob := open(t, b, server.URL, 390)
	bob.goTo("/")
	bob.shoot("login-phone")
	bob.logIn(approver)
	bob.shoot("inbox-phone")
	bob.click(".list a", "Approve: replace")
	bob.sees("Approve it?", "overdue since 2 hours ago")
	bob.fits()
	bob.shoot("task-approve-phone")
	bob.click("button", "Reject")
	bob.sees("Say why you reject it")
	bob.goTo("/tasks/t-approve")
	bob.fill("#reason", "Too dear: repair it.")
	bob.click("button", "Reject")
	require.Equal(t, "rejected", s.task("t-approve").Outcome)
	bob.shoot("case-phone")
	bob.fits()
	bob.click("button", "Log out")
	bob.sees("E-mail", "Password")
}

func (s *scene) task(id string) store.Task {
	s.t.Helper()
	task, err := s.Store.Task(s.t.Context(), id)
	require.NoError(s.t, err)
	return task
}

func wrongInvoiceAndApproval(t *testing.T, b *rod.Browser) {
	s := newScene(t, "").seed()
	server := httptest.NewServer(s.handler())
	t.Cleanup(server.Close)
	dan := open(t, b, server.URL, 1280)
	dan.logIn(boss)
	dan.goTo("/tasks/t-approve")
	dan.press(input.KeyA)
	require.Equal(t, "approved", s.task("t-approve").Outcome)
	dan.goTo("/tasks/t-complete")
	summary, err := dan.ElementR("summary", "Wrong Purchase")
	require.NoError(t, err)
	require.NoError(t, summary.Click(proto.InputMouseButtonLeft, 1))
	dan.shoot("task-wrong-purchase")
	dan.choose("details[open] .candidate label", "Toaster Blaze")
	dan.click("details[open] button", "go on from there")
	require.JSONEq(t, `{"act":"redo","step":"purchase","index":1}`, string(plainJSON(s.task("t-complete").Answer)))
	dan.goTo("/systems")
	dan.fill("form[action='/systems/crm/pause'] input", "maintenance")
	dan.click("form[action='/systems/crm/pause'] button", "Pause")
	dan.sees("paused by Dan Lead", "maintenance")
	dan.shoot("systems")
	dan.goTo("/links")
	dan.shoot("links")
	dan.goTo("/help")
	dan.shoot("help")
	dan.goTo("/cases")
	dan.shoot("cases")
	narrow := open(t, b, server.URL, 390)
	narrow.logIn(boss)
	for _, path := range s.pages() {
		narrow.goTo(path)
		narrow.fits()
	}
	narrow.goTo("/tasks/t-repair")
	narrow.shoot("task-repair-phone")
	narrow.goTo("/cases/" + s.caseID)
	narrow.shoot("case-open-phone")
}

// choose clicks what leads nowhere, so that there is no page to wait for.
func (p *tab) choose(selector, words string) {
	p.t.Helper()
	element, err := p.ElementR(selector, words)
	require.NoError(p.t, err, words)
	require.NoError(p.t, element.Click(proto.InputMouseButtonLeft, 1))
}

func phoneNote(t *testing.T, b *rod.Browser) {
	s := newScene(t, "")
	s.look = 100 * time.Millisecond
	server := httptest.NewServer(s.handler())
	t.Cleanup(server.Close)
	ada := open(t, b, server.URL, 1280)
	ada.logIn(agent)
	ada.shoot("inbox-empty")
	ada.press(input.KeyP)
	ada.fill("#text", "The kettle leaks, says Ann.")
	ada.fill("#name", "Ann Lee")
	ada.fill("#phone", "030 1234567")
	ada.shoot("phone-note")
	ada.press(input.KeyD)
	ada.sees("The kettle leaks, says Ann.", "Nothing yet. This page fills in by itself.")
	ada.shoot("phone-case")
	cases, err := s.Store.Cases(t.Context(), store.CaseFilter{})
	require.NoError(t, err)
	require.Len(t, cases, 1)
	require.NoError(t, s.Store.WriteRecord(t.Context(), store.Record{CaseID: cases[0].ID, Steps: []store.StepResult{{Path: "customer", Generation: 1, Kind: "call", Title: "Customer", System: "crm", FinishedAt: time.Now(), Result: wire(t, rec("system", "crm", "name", "Ann Lee", "tier", "gold"))}}}))
	_, err = ada.ElementR("#case dd", "gold")
	require.NoError(t, err, "filled in without being asked")
	ada.sees("Customer")
}

func nothingRuns(t *testing.T, b *rod.Browser) {
	for _, words := range []string{strings.Join(hostile, " "), `' autofocus onfocus=alert(1) x='`} {
		s := newScene(t, words).seed()
		server := httptest.NewServer(s.handler())
		t.Cleanup(server.Close)
		dan := open(t, b, server.URL, 390)
		dan.logIn(boss)
		for _, path := range s.pages() {
			dan.goTo(path)
			dan.fits()
			require.Equal(t, "0", dan.eval(`() => String(document.querySelectorAll("script:not([src='/ui/desk.js']), iframe, object, embed, svg, style, [onerror], [onload], [onfocus]").length)`), path)
		}
		require.Equal(t, "[]", dan.eval(`() => JSON.stringify(window.trapped)`))
	}
}

func anotherMachine(t *testing.T, b *rod.Browser) {
	s := newScene(t, "").seed()
	// Not a loopback address and no TLS: browsers then send no Sec-Fetch-Site, so the origin must do.
	listener, err := net.Listen("tcp", "0.0.0.0:0")
	require.NoError(t, err)
	server := httptest.NewUnstartedServer(s.handler())
	_ = server.Listener.Close()
	server.Listener = listener
	server.Start()
	t.Cleanup(server.Close)
	_, port, err := net.SplitHostPort(listener.Addr().String())
	require.NoError(t, err)
	ada := open(t, b, "http://"+net.JoinHostPort(ownAddress(t), port), 1280)
	ada.logIn(agent)
	ada.goTo("/tasks/t-complete")
	ada.press(input.KeyK)
	ada.sees("taken by you")
}

// ownAddress is an address of this machine that is not the loopback one.
func ownAddress(t *testing.T) string {
	t.Helper()
	addresses, err := net.InterfaceAddrs()
	require.NoError(t, err)
	for _, address := range addresses {
		if network, ok := address.(*net.IPNet); ok && !network.IP.IsLoopback() && network.IP.To4() != nil {
			return network.IP.String()
		}
	}
	return "127.0.0.2" // a machine without a network
}
