package adapters

import (
	"net/http"
	"net/netip"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestParseWait(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 5, 4, 12, 0, 0, 0, time.UTC)
	for _, test := range []struct {
		value, format string
		want          time.Duration // negative: refused
	}{
		{"2", waitRetryAfter, 2 * time.Second},
		{" 2.5 ", waitRetryAfter, 2500 * time.Millisecond},
		{"Mon, 04 May 2026 12:01:00 GMT", waitRetryAfter, time.Minute},
		{"Monday, 04-May-26 12:01:00 GMT", waitRetryAfter, time.Minute},
		{"Mon May  4 12:01:00 2026", waitRetryAfter, time.Minute},
		{"Mon, 04 May 2026 11:59:00 GMT", waitRetryAfter, 0},
		{"86400", waitRetryAfter, 24 * time.Hour},
		{"9223372037", waitRetryAfter, -1},
		{"1793300000", waitRetryAfter, -1},
		{"-1", waitRetryAfter, -1},
		{"NaN", waitRetryAfter, -1},
		{"1e400", waitRetryAfter, -1},
		{"soon", waitRetryAfter, -1},
		{"Inf", waitRetryAfter, -1},
		{"604800", waitRetryAfter, MaxWait},
		{"604801", waitRetryAfter, -1},
		{"Mon, 04 May 2026 14:01:00 +0200", waitRetryAfter, -1},
		{"Mon, 04 May 1970 12:01:00 GMT", waitRetryAfter, -1},
		{"Mon, 04 May 9999 12:01:00 GMT", waitRetryAfter, -1},
		{"1777896060000", waitEpoch, -1},
		{"1777896060", waitEpochMilli, -1},
		{"1777895940", waitEpoch, 0},
		{"-1777896060", waitEpoch, -1},
		{"1e300", waitEpoch, -1},
		{"", waitRetryAfter, -1},
		{"30", waitSeconds, 30 * time.Second},
		{"1500", waitMillis, 1500 * time.Millisecond},
		{"1777896060", waitEpoch, time.Minute},
		{"1777896060000", waitEpochMilli, time.Minute},
		{"60", waitEpoch, -1},
		{"2026-05-04T12:01Z", waitISO, time.Minute},
		{"2026-05-04T14:01:00+02:00", waitISO, time.Minute},
	} {
		wait, ok := parseWait(test.value, test.format, now)
		require.Equal(t, test.want >= 0, ok, "%s as %s", test.value, test.format)
		if ok {
			require.Equal(t, test.want, wait, "%s as %s", test.value, test.format)
		}
	}
}

// TestHeadersThatDisagree: the first that the adapter names and that can be meant decides.
func TestHeadersThatDisagree(t *testing.T) {
	t.Parallel()
	rules := []waitRule{{header: "Retry-After", format: waitRetryAfter}, {header: "X-Reset", format: waitSeconds}}
	for _, test := range []struct {
		retry []string
		reset string
		want  time.Duration // negative: nobody says
	}{
		{[]string{"5"}, "9", 5 * time.Second},
		{[]string{"-5"}, "9", 9 * time.Second},
		{[]string{"1793300000", "7"}, "9", 7 * time.Second},
		{nil, "9", 9 * time.Second},
		{[]string{"soon"}, "later", -1},
	} {
		wait, told := retryAfter(rules, http.Header{"Retry-After": test.retry, "X-Reset": {test.reset}}, time.Now())
		require.Equal(t, test.want >= 0, told, test)
		require.Equal(t, max(test.want, 0), wait, test)
	}
}

func TestPublicAddresses(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"127.0.0.1", "::1", "::ffff:127.0.0.1", "10.1.2.3", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1", "0.0.0.0",
		"::", "fe80::1%eth0", "fc00::1", "64:ff9b::a9fe:a9fe", "2002:7f00:1::", "224.0.0.1", "255.255.255.255", "198.18.0.1", "::127.0.0.1", "::10.0.0.1", "64:ff9b:1::7f00:1",
		"192.88.99.1", "3fff::1", "2001:0:7f00:1::", "fd00:ec2::254"} {
		require.False(t, public(netip.MustParseAddr(text)), text)
	}
	for _, text := range []string{"1.1.1.1", "93.184.216.34", "2606:4700:4700::1111"} {
		require.True(t, public(netip.MustParseAddr(text)), text)
	}
}

func TestRedactor(t *testing.T) {
	t.Parallel()
	r := newRedactor("s3cr/t+x", "abc", "")
	require.Equal(t, "a *** b *** *** abc", r.text("a s3cr/t+x\n b s3cr%2Ft%2Bx czNjci90K3g= abc"))
	require.LessOrEqual(t, len(r.text(string(make([]byte, 5000)))), 2*maxMessage)
}
