package rules

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"

	"crosswalk/source"
)

const secondsPerDay = 24 * 60 * 60

// ParseDate reads a calendar day in the one form YYYY-MM-DD. There is no guessing of other forms: 03/04
// means two different days to two people.
func ParseDate(text string) (Value, error) {
	t, err := time.Parse(time.DateOnly, text)
	if err != nil || t.Year() < 1 {
		return Value{}, fmt.Errorf("%s is not a date; write YYYY-MM-DD", quoted(text))
	}
	return dateOf(t), nil
}

// ParseInstant reads a point in time in RFC 3339 with its offset, as in 2026-03-01T12:00:00+01:00.
func ParseInstant(text string) (Value, error) {
	t, err := time.Parse(time.RFC3339Nano, text)
	if err != nil {
		return Value{}, fmt.Errorf("%s is not a point in time; write 2026-03-01T12:00:00Z or with an offset such as +01:00", quoted(text))
	}
	v := Instant(t)
	if v.IsMissing() {
		return Value{}, fmt.Errorf("%s lies outside the years 1 to 9999", quoted(text))
	}
	return v, nil
}

var isoDuration = regexp.MustCompile(`^P(?:(\d+)W)?(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?(?:(\d+)S)?)?$`)

// ParseDuration reads 30s, 1h30m, 3d, "2 days" or an ISO 8601 duration of weeks, days and smaller units.
// Months and years are not durations: their length depends on the calendar; see add_months.
func ParseDuration(text string) (Value, error) {
	if d, err := source.ParseDuration(text); err == nil {
		return Duration(d), nil
	}
	if d, err := time.ParseDuration(text); err == nil {
		return Duration(d), nil
	}
	if m := isoDuration.FindStringSubmatch(text); m != nil && len(text) > 2 && len(text) < 40 {
		var seconds int64
		for i, unit := range []int64{7 * secondsPerDay, secondsPerDay, 3600, 60, 1} {
			if m[i+1] == "" {
				continue
			}
			count, err := strconv.ParseInt(m[i+1], 10, 32)
			if err != nil || seconds+count*unit > maxDurationSeconds {
				return Value{}, fmt.Errorf("%s is too long a duration", quoted(text))
			}
			seconds += count * unit
		}
		return Duration(time.Duration(seconds) * time.Second), nil
	}
	return Value{}, fmt.Errorf("%s is not a duration; write for example 30s, 1h30m or 3 days", quoted(text))
}

const maxDurationSeconds = int64(1<<63-1) / int64(time.Second)

func dateOf(t time.Time) Value {
	return dateFromDays(time.Date(t.Year(), t.Month(), t.Day(), 0, 0, 0, 0, time.UTC).Unix() / secondsPerDay)
}

// The first and last day that a date can be: 0001-01-01 and 9999-12-31.
var (
	firstDay = time.Date(1, 1, 1, 0, 0, 0, 0, time.UTC).Unix() / secondsPerDay
	lastDay  = time.Date(9999, 12, 31, 0, 0, 0, 0, time.UTC).Unix() / secondsPerDay
)

func dateFromDays(days int64) Value {
	if days < firstDay || days > lastDay {
		return Value{}
	}
	return Value{kind: KindDate, n: days}
}

// addMonths moves a day by calendar months; a day that the month does not have becomes its last one.
func addMonths(days, months int64) (Value, error) {
	if months > 12*10000 || months < -12*10000 {
		return Value{}, errDateRange
	}
	t := time.Unix(days*secondsPerDay, 0).UTC()
	first := time.Date(t.Year(), t.Month()+time.Month(months), 1, 0, 0, 0, 0, time.UTC)
	last := first.AddDate(0, 1, -1).Day()
	v := dateOf(time.Date(first.Year(), first.Month(), min(t.Day(), last), 0, 0, 0, 0, time.UTC))
	if v.IsMissing() {
		return Value{}, errDateRange
	}
	return v, nil
}

var errDateRange = fmt.Errorf("the date lies outside the years 1 to 9999")

func appendDate(b []byte, days int64) []byte {
	return time.Unix(days*secondsPerDay, 0).UTC().AppendFormat(b, time.DateOnly)
}

func appendInstant(b []byte, seconds int64, nanos int32) []byte {
	return time.Unix(seconds, int64(nanos)).UTC().AppendFormat(b, time.RFC3339Nano)
}

func formatDuration(d time.Duration) string {
	s := d.String()
	s = strings.TrimSuffix(s, "m0s")
	if len(s) < len(d.String()) {
		s += "m"
	}
	if strings.HasSuffix(s, "h0m") {
		s = strings.TrimSuffix(s, "0m")
	}
	return s
}

// quoted shows a text of the outside world in a message, shortened.
func quoted(text string) string {
	const most = 60
	if runes := []rune(text); len(runes) > most {
		text = string(runes[:most]) + "…"
	}
	return strconv.Quote(text)
}
