package workspace

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// TestClocksJumpOverASchedule: what Temporal leaves out on the day on which clocks are put forward is known before.
func TestClocksJumpOverASchedule(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	for _, test := range []struct{ zone, cron, day string }{
		{"Europe/Berlin", "30 2 * * *", "2027-03-28"},
		{"Europe/Berlin", "0,30 1,2 * * Mon-Sun", "2027-03-28"},
		{"Europe/Berlin", "30 1 * * *", ""},
		{"Europe/Berlin", "0 3 * * *", ""},
		{"Europe/Berlin", "0 * * * *", ""},
		{"Europe/Berlin", "*/15 1-4 * * *", ""},
		{"America/New_York", "15 2 * * *", "2027-03-14"},
		{"Africa/Cairo", "10 0 * * *", "2027-04-30"},
		{"Australia/Lord_Howe", "15 2 * * *", ""}, // half an hour later, at 02:45
		{"UTC", "30 2 * * *", ""},
	} {
		zone, err := time.LoadLocation(test.zone)
		require.NoError(t, err)
		day, left := leftOut(test.cron, zone, now)
		require.Equal(t, test.day != "", left, "%s in %s", test.cron, test.zone)
		if left {
			require.Equal(t, test.day, day.Format(time.DateOnly), "%s in %s", test.cron, test.zone)
		}
	}
}
