package robots

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"crosswalk/contracts"
)

func TestHours(t *testing.T) {
	t.Parallel()
	h, err := parseHours("Mon-Fri 06:00-20:00 Europe/Berlin")
	require.NoError(t, err)
	for now, wait := range map[string]time.Duration{
		"2026-11-20T12:00:00+01:00": 0,              // Friday
		"2026-11-20T20:00:00+01:00": 58 * time.Hour, // until Monday
		"2026-11-22T12:00:00+01:00": 18 * time.Hour,
		"2026-11-23T05:59:00+01:00": time.Minute,
		"2026-03-28T12:00:00+01:00": 41 * time.Hour, // the clock is put forward on Sunday
	} {
		at, err := time.Parse(time.RFC3339, now)
		require.NoError(t, err)
		require.Equal(t, wait, h.opens(at), now)
	}
	for _, wrong := range []string{"", "always", "Mon-Fri 20:00-06:00 UTC", "Mon-Fry 06:00-20:00 UTC", "Mon 06:00-25:00 UTC", "Mon 06:00-20:61 UTC", "Mon-Fri 06:00-20:00", "Mon 06:00-20:00 Nowhere/Land"} {
		_, err := parseHours(wrong)
		require.Error(t, err, wrong)
	}
	weekend, err := parseHours("Sat-Mon,Wed 00:00-24:00 UTC")
	require.NoError(t, err)
	require.Equal(t, [7]bool{true, true, false, true, false, false, true}, weekend.days)
}

func TestApplicationLimits(t *testing.T) {
	t.Parallel()
	now := testInstant
	var a Application
	for i := range 20 {
		require.Zero(t, a.start(now, 20), "run %d of the minute", i)
	}
	require.Equal(t, 3*time.Second, a.start(now, 20))
	require.Zero(t, a.start(now.Add(3*time.Second), 20))
	require.Zero(t, a.start(now.Add(time.Hour), 20), "a quiet hour is not saved up")
	for range 3 {
		require.Zero(t, a.start(now, 0))
		a.ended(now, true, 3)
	}
	require.Equal(t, stopFor, a.start(now, 0))
	require.Zero(t, a.start(now.Add(stopFor), 0))
	a.ended(now.Add(stopFor), true, 3)
	require.Equal(t, stopFor, a.start(now.Add(stopFor), 0), "one more failure stops it again")
	a.ended(now, false, 3)
	require.Zero(t, a.start(now, 0))
}

func TestGateSaysWhenToComeAgain(t *testing.T) {
	t.Parallel()
	o := serveOrders(t)
	for name, c := range map[string]struct {
		limits  string
		before  func(*Application)
		message string
	}{
		"closed":          {limits: "hours: 'Mon-Thu 06:00-20:00 UTC'", message: "is closed now"}, // it is a Friday
		"too many":        {limits: "per_minute: 1", before: func(a *Application) { a.NextAt = testInstant.Add(time.Minute) }, message: "limits.per_minute"},
		"failed so often": {limits: "stop_after_failures: 2", before: func(a *Application) { a.ended(testInstant, true, 2); a.ended(testInstant, true, 2) }, message: "left alone"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := NewRunner(pool, nil)
			r.now = func() time.Time { return testInstant }
			system := "system: test\nbase: http://test.example\nlimits: {" + c.limits + "}\n"
			program := compileOrder(t, system, orderRobot)
			if c.before != nil {
				require.NoError(t, r.limits.Change(t.Context(), "test "+o.URL, c.before))
			}
			_, err := r.Run(t.Context(), program, orderCall(o, "k", &ledger{}))
			require.Equal(t, contracts.Unavailable, contracts.ClassOf(err), "%v", err)
			require.ErrorContains(t, err, c.message)
			var known *contracts.Error
			require.ErrorAs(t, err, &known)
			require.True(t, known.NothingSent)
			require.Greater(t, known.RetryAfter, 30*time.Second)
		})
	}
	require.Zero(t, o.posted())
}

func TestFailuresInARowStopAnApplication(t *testing.T) {
	t.Parallel()
	r := NewRunner(pool, nil)
	program := compileTest(t, "system: test\nbase: http://127.0.0.1:9\nlimits: {stop_after_failures: 2, step: 2s}\n", "  - goto: /", "{}")
	for range 2 {
		_, err := r.Run(t.Context(), program, Call{Base: "http://127.0.0.1:9"})
		require.Equal(t, contracts.Unavailable, contracts.ClassOf(err))
		require.NotContains(t, err.Error(), "left alone")
	}
	_, err := r.Run(t.Context(), program, Call{Base: "http://127.0.0.1:9"})
	require.ErrorContains(t, err, "left alone")
}

func TestTOTP(t *testing.T) {
	t.Parallel()
	key := "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ" // RFC 6238, appendix B
	for at, code := range map[int64]string{59: "287082", 1111111109: "081804", 1111111111: "050471", 1234567890: "005924", 2000000000: "279037"} {
		for _, form := range []string{key, "gezd gnbv gy3t qojq gezd gnbv gy3t qojq", "otpauth://totp/ERP:robot?secret=" + key + "&issuer=ERP"} {
			got, err := totp(form, time.Unix(at, 0))
			require.NoError(t, err)
			require.Equal(t, code, got)
		}
	}
	for _, wrong := range []string{"", "1", "otpauth://totp/x", "not base 32!"} {
		_, err := totp(wrong, time.Unix(0, 0))
		require.Error(t, err)
		require.NotContains(t, err.Error(), "not base 32!")
	}
}

// lost is a lease that another has taken over.
type lost struct{}

func (lost) Acquire(context.Context, string, int) (Lease, error) { return lost{}, nil }
func (lost) Check(context.Context) error {
	return contracts.NewError(contracts.Conflict, "", "the lease is held by another")
}
func (lost) Release() {}

func TestWhoLostTheLeaseDoesNotWrite(t *testing.T) {
	t.Parallel()
	o, l := serveOrders(t), &ledger{}
	_, err := NewRunner(pool, lost{}).Run(t.Context(), compileOrder(t, orderSystem, orderRobot), orderCall(o, "k1", l))
	require.Equal(t, contracts.Unavailable, contracts.ClassOf(err), "%v", err)
	require.ErrorContains(t, err, "held by another")
	require.Zero(t, o.posted())
	require.Zero(t, l.sent)
}
