package adapters

import (
	"math"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// MaxWait is the longest wait that is taken from a system's answer. What asks for more is nonsense: a
// date in a field for seconds, an overflow.
const MaxWait = 7 * 24 * time.Hour

// The formats in which systems say how long to wait. An adapter declares the format of each header, for
// the same header name means seconds left with one vendor and an epoch with another.
const (
	waitRetryAfter = "retry_after" // seconds, also with decimals, or one of the three HTTP dates
	waitSeconds    = "seconds"     // seconds from now
	waitMillis     = "millis"      // milliseconds from now
	waitEpoch      = "epoch"       // an instant, in seconds since 1970
	waitEpochMilli = "epoch_millis"
	waitISO        = "iso8601" // an instant as text, with or without seconds
)

var waitFormats = []string{waitRetryAfter, waitSeconds, waitMillis, waitEpoch, waitEpochMilli, waitISO}

// parseWait reads one wait value. It reports false for what cannot be meant: then the next declared
// header is asked, and in the end the caller's own back-off decides.
func parseWait(value, format string, now time.Time) (time.Duration, bool) {
	value = strings.TrimSpace(value)
	if value == "" {
		return 0, false
	}
	switch format {
	case waitRetryAfter:
		if wait, ok := delta(value, time.Second); ok {
			return wait, true
		}
		at, err := http.ParseTime(value)
		return until(at, err, now)
	case waitSeconds:
		return delta(value, time.Second)
	case waitMillis:
		return delta(value, time.Millisecond)
	case waitEpoch, waitEpochMilli:
		return epochWait(value, format, now)
	default:
		return isoWait(value, now)
	}
}

func delta(value string, unit time.Duration) (time.Duration, bool) {
	count, err := strconv.ParseFloat(value, 64)
	if err != nil || math.IsNaN(count) || count < 0 || count > float64(MaxWait/unit) {
		return 0, false
	}
	return time.Duration(count * float64(unit)), true
}

func epochWait(value, format string, now time.Time) (time.Duration, bool) {
	count, err := strconv.ParseFloat(value, 64)
	if err != nil || count < 0 || count > 1e14 {
		return 0, false
	}
	if format == waitEpoch {
		count *= 1000
	}
	return until(time.UnixMilli(int64(count)), nil, now)
}

func isoWait(value string, now time.Time) (time.Duration, bool) {
	for _, layout := range []string{time.RFC3339Nano, "2006-01-02T15:04Z07:00", "2006-01-02T15:04:05", "2006-01-02 15:04:05"} {
		if at, err := time.Parse(layout, value); err == nil {
			return until(at, nil, now)
		}
	}
	return 0, false
}

// until is the time left to an instant. One that has just passed (clocks differ) means: at once.
func until(at time.Time, err error, now time.Time) (time.Duration, bool) {
	if err != nil || at.Before(now.Add(-MaxWait)) || at.After(now.Add(MaxWait)) {
		return 0, false
	}
	return max(0, at.Sub(now)), true
}
