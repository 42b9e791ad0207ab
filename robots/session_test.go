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
	s := sessions{kept: map[string]loginState{}}
	_, ok := s.get("a", time.Hour)
	require.False(t, ok)
	cookies := []*proto.NetworkCookieParam{{Name: "sid", Value: "1"}}
	s.put("a", cookies, true)
	s.kept["a"] = loginState{cookies: cookies, since: time.Now().Add(-50 * time.Minute)}
	s.put("a", cookies, false)
	_, ok = s.get("a", time.Hour)
	require.True(t, ok)
	_, ok = s.get("a", 45*time.Minute)
	require.False(t, ok, "the age counts from the login, not from the last use")
	_, ok = s.get("a", time.Hour)
	require.False(t, ok, "an old one is forgotten")
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
	_, err := d.get(order)
	require.NoError(t, err)
	require.Eventually(t, func() bool { return d.quiet() > 3200*time.Millisecond }, 20*time.Second, 20*time.Millisecond)
	_, err = d.get(order)
	require.NoError(t, err)
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
	require.Eventually(t, func() bool { return browsers[0].ctx.Err() != nil }, 5*time.Second, 10*time.Millisecond)
}
