package robots

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/go-rod/rod/lib/proto"
	"github.com/stretchr/testify/require"

	"crosswalk/contracts"
	"crosswalk/sandbox"
)

func TestSessionsAge(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	s := sessions{kept: map[string]loginState{}}
	_, ok := s.get(ctx, "a", time.Hour)
	require.False(t, ok)
	cookies := []*proto.NetworkCookieParam{{Name: "sid", Value: "1"}}
	require.NoError(t, s.put(ctx, "a", loginState{cookies: cookies}, true))
	s.kept["a"] = loginState{cookies: cookies, since: time.Now().Add(-50 * time.Minute)}
	require.NoError(t, s.put(ctx, "a", loginState{cookies: cookies}, false))
	_, ok = s.get(ctx, "a", time.Hour)
	require.True(t, ok)
	_, ok = s.get(ctx, "a", 45*time.Minute)
	require.False(t, ok, "the age counts from the login, not from the last use")
	_, ok = s.get(ctx, "a", time.Hour)
	require.False(t, ok, "an old one is forgotten")
}

// storedLogins is a store of logins that counts what is written to it.
type storedLogins struct {
	mutex  sync.Mutex
	kept   map[string][]byte
	writes int
}

func (s *storedLogins) Login(_ context.Context, account string) ([]byte, error) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	return s.kept[account], nil
}

func (s *storedLogins) KeepLogin(_ context.Context, account string, login []byte) error {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	s.kept[account] = login
	s.writes++
	return nil
}

func TestStoredLoginsAreSharedAndReplaced(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	stored := &storedLogins{kept: map[string][]byte{}}
	here, there := sessions{kept: map[string]loginState{}, stored: stored}, sessions{kept: map[string]loginState{}, stored: stored}
	cookies := func(value string) loginState {
		return loginState{cookies: []*proto.NetworkCookieParam{{Name: "sid", Value: value}}}
	}
	require.NoError(t, here.put(ctx, "a", cookies("1"), true))
	require.NoError(t, here.put(ctx, "a", cookies("1"), false))
	require.Equal(t, 1, stored.writes, "what did not change is not written again")
	state, ok := there.get(ctx, "a", time.Hour)
	require.True(t, ok)
	require.Equal(t, "1", state.cookies[0].Value)
	require.WithinDuration(t, here.kept["a"].since, state.since, 0)

	require.NoError(t, there.put(ctx, "a", cookies("2"), true))
	here.forget(ctx, "a") // its own is dead; the newer one of the other process is not
	state, ok = here.get(ctx, "a", time.Hour)
	require.True(t, ok)
	require.Equal(t, "2", state.cookies[0].Value)
	here.forget(ctx, "a")
	_, ok = here.get(ctx, "a", time.Hour)
	require.False(t, ok)
}

func TestALoginOutlivesTheProcess(t *testing.T) {
	t.Parallel()
	d := newDesk(t, sandbox.PortalOptions{})
	stored := &storedLogins{kept: map[string][]byte{}}
	for range 2 { // each runner is a process of its own
		d.runner = NewRunner(pool, nil)
		d.runner.KeepLogins(stored)
		_, err := d.get(d.orders()["delivered"])
		require.NoError(t, err)
	}
	require.EqualValues(t, 1, d.logins.Load())
}

func TestLeasesBoundSessions(t *testing.T) {
	t.Parallel()
	leases := NewLeases()
	first, err := leases.Acquire(t.Context(), "a", 1)
	require.NoError(t, err)
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	_, err = leases.Acquire(ctx, "a", 1)
	require.ErrorIs(t, err, context.DeadlineExceeded)
	other, err := leases.Acquire(t.Context(), "b", 1)
	require.NoError(t, err)
	other.Release()
	first.Release()
	again, err := leases.Acquire(t.Context(), "a", 1)
	require.NoError(t, err)
	again.Release()
}

func TestExpiringSessionIsNoticedAtTheStart(t *testing.T) {
	t.Parallel()
	d := newDesk(t, sandbox.PortalOptions{SessionLife: 3 * time.Second})
	order := d.orders()["delivered"]
	get := func() (err error) { // on a slow machine a session may end before the work is done
		for range 10 {
			if _, err = d.get(order); err == nil {
				break
			}
		}
		return err
	}
	require.NoError(t, get())
	require.Eventually(t, func() bool { return d.quiet() > 3200*time.Millisecond }, 20*time.Second, 20*time.Millisecond)
	require.NoError(t, get())
	require.GreaterOrEqual(t, d.logins.Load(), int32(2))
}

func TestRunsAtTheSameTime(t *testing.T) {
	t.Parallel()
	d := newDesk(t, sandbox.PortalOptions{})
	orders := d.orders()
	var group sync.WaitGroup
	for _, kind := range []string{"none", "several", "delivered", "lost", "returned", "in_transit"} {
		group.Go(func() {
			result, err := d.get(orders[kind])
			if err != nil || result.Output.Get("parcels").Len() != len(d.world.ParcelsOf(orders[kind])) {
				t.Errorf("%s: %v: %s", kind, err, result.Output)
			}
		})
	}
	group.Wait()
	require.LessOrEqual(t, d.logins.Load(), int32(2), "two sessions are allowed, and each is kept")
}

func TestSecretsAreMaskedInPictures(t *testing.T) {
	t.Parallel()
	p := servePages(t)
	ctx, tb := openPage(t, p, "secrets.html")
	f, err := tb.findFrame("")
	require.NoError(t, err)
	for _, text := range []string{"hunter-2009", "DE44 5001"} {
		seen, err := tb.sees(ctx, &spec{Kind: "text", Text: &matcher{Regex: text}}, false)
		require.NoError(t, err)
		require.True(t, seen)
	}
	mask := map[string]any{"secrets": []string{"hunter-2009"}, "targets": []*spec{exact("label", "IBAN")}}
	var masked struct{ Count int }
	require.NoError(t, tb.call(ctx, f, "mask", mask, &masked))
	require.Equal(t, 4, masked.Count) // the password, the text and the field that show it, and the IBAN
	for _, hidden := range []*spec{{Kind: "text", Text: &matcher{Regex: "hunter-2009"}}, {Kind: "text", Text: &matcher{Regex: "DE44 5001"}}, {Kind: "css", Value: "input"}} {
		seen, err := tb.sees(ctx, hidden, false)
		require.NoError(t, err)
		require.False(t, seen)
	}
}

// TestMasksInFrames holds that what a robot file marks is hidden in whatever way its frame is named, and that a document which
// comes while a picture is taken does not pass for the one in which it was hidden.
func TestMasksInFrames(t *testing.T) {
	t.Parallel()
	p := servePages(t)
	p.page("/outer", `<iframe name="outer" src="/middle"></iframe>`)
	p.page("/middle", `<iframe name="inner" src="/inner"></iframe>`)
	p.page("/inner", `<table><tr><td>IBAN</td><td>DE44 5001</td></tr></table>`)
	for _, frame := range []string{"outer/inner", "inner", "[0]/[0]", "*/inner"} {
		program := compileTest(t, plainSystem, "  - goto: /outer\nevidence: {mask: [{frame: '"+frame+"', label: IBAN}]}", "{}")
		ctx, tb := openPage(t, p, "outer")
		require.Eventually(t, func() bool {
			seen, err := tb.sees(ctx, &spec{Kind: "text", Text: &matcher{Regex: "DE44 5001"}}, true)
			return err == nil && seen
		}, time.Minute, pollEvery)
		u := &run{program: program, system: program.System, tab: tb, journal: newJournal()}
		shot, err := u.maskedShot(ctx)
		require.NoError(t, err, frame)
		require.NotEmpty(t, shot)
		require.Contains(t, u.marked, "DE44 5001", frame)
		seen, err := tb.sees(ctx, &spec{Kind: "text", Text: &matcher{Regex: "DE44 5001"}}, true)
		require.NoError(t, err)
		require.False(t, seen, frame)
		before := tb.documents()
		require.NoError(t, tb.navigate(ctx, "inner", p.URL+"/inner?again"))
		require.NotEqual(t, before, tb.documents(), "a document that has come since is another one")
	}
}

func TestMissingSecretIsAuth(t *testing.T) {
	t.Parallel()
	d := newDesk(t, sandbox.PortalOptions{})
	d.call.Secrets = nil
	_, err := d.get("10427")
	require.Equal(t, contracts.Auth, contracts.ClassOf(err))
	require.ErrorContains(t, err, `the secret "user" of system versanddesk is not given`)
}

func TestPoolRetiresOldBrowsers(t *testing.T) {
	t.Parallel()
	own := NewPool(PoolOptions{Runs: 1, MaxRuns: 2})
	t.Cleanup(own.Close)
	var browsers []*Browser
	for range 3 {
		browser, release, err := own.Acquire(t.Context())
		require.NoError(t, err)
		browsers = append(browsers, browser)
		release()
	}
	require.True(t, browsers[0] == browsers[1], "a healthy browser was replaced")
	require.True(t, browsers[0] != browsers[2], "a browser beyond its age was handed out again")
	require.Eventually(t, func() bool { return browsers[0].ctx.Err() != nil }, time.Minute, 10*time.Millisecond)
}
