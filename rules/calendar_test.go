package rules_test

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"crosswalk/rules"
)

// office works Monday to Friday from 9 to 17, on Friday until 15, and has a break at noon.
func office(t testing.TB, zone string) *rules.Calendar {
	t.Helper()
	location, err := time.LoadLocation(zone)
	require.NoError(t, err)
	c := &rules.Calendar{Zone: location, Holidays: map[rules.Day]string{
		{Year: 2026, Month: time.April, Day: 3}: "Good Friday", {Year: 2026, Month: time.April, Day: 6}: "Easter Monday", {Month: time.December, Day: 25}: "Christmas",
	}}
	for day := time.Monday; day <= time.Thursday; day++ {
		c.Hours[day] = []rules.Hours{{From: 9 * 60, To: 12 * 60}, {From: 13 * 60, To: 17 * 60}}
	}
	c.Hours[time.Friday] = []rules.Hours{{From: 9 * 60, To: 15 * 60}}
	return c
}

// nights works every night, also when the clocks change.
func nights(t testing.TB, zone string) *rules.Calendar {
	t.Helper()
	c := office(t, zone)
	for day := range c.Hours {
		c.Hours[day] = []rules.Hours{{From: 0, To: 6 * 60}, {From: 22 * 60, To: 24 * 60}}
	}
	return c
}

func at(t testing.TB, text string) time.Time {
	t.Helper()
	parsed, err := time.Parse(time.RFC3339, text)
	require.NoError(t, err)
	return parsed
}

func TestCalendarAdd(t *testing.T) {
	t.Parallel()
	berlin, night := office(t, "Europe/Berlin"), nights(t, "Europe/Berlin")
	for _, test := range []struct {
		name     string
		calendar *rules.Calendar
		from     string
		period   string
		want     string
	}{
		{"the same time on the next day", berlin, "2026-03-02T10:30:00+01:00", "1 business day", "2026-03-03T10:30:00+01:00"},
		{"over the weekend", berlin, "2026-03-05T10:00:00+01:00", "2 business days", "2026-03-09T10:00:00+01:00"},
		{"from the weekend", berlin, "2026-03-07T03:00:00+01:00", "1 business day", "2026-03-10T09:00:00+01:00"},
		{"after work counts as the next morning", berlin, "2026-03-02T18:00:00+01:00", "1 business day", "2026-03-04T09:00:00+01:00"},
		{"a shorter day ends before", berlin, "2026-03-05T16:30:00+01:00", "1 business day", "2026-03-06T15:00:00+01:00"},
		{"over Easter and the change of clocks", berlin, "2026-03-26T10:00:00+01:00", "7 business days", "2026-04-08T10:00:00+02:00"},
		{"a holiday of every year", berlin, "2031-12-24T09:00:00+01:00", "1 business day", "2031-12-26T09:00:00+01:00"},
		{"hours over the break", berlin, "2026-03-02T11:00:00+01:00", "2 business hours", "2026-03-02T14:00:00+01:00"},
		{"hours to the end of the day", berlin, "2026-03-02T16:00:00+01:00", "1 business hour", "2026-03-02T17:00:00+01:00"},
		{"hours into the next week", berlin, "2026-03-06T14:30:00+01:00", "90 business minutes", "2026-03-09T10:00:00+01:00"},
		{"hours from another zone", berlin, "2026-03-02T07:00:00Z", "1 business hour", "2026-03-02T10:00:00+01:00"},
		{"a night in which an hour is left out", night, "2026-03-29T01:30:00+01:00", "1 business hour", "2026-03-29T03:30:00+02:00"},
		{"a night with an hour more", night, "2026-10-25T01:30:00+02:00", "2 business hours", "2026-10-25T02:30:00+01:00"},
		{"a night over midnight", night, "2026-03-02T23:00:00+01:00", "2 business hours", "2026-03-03T01:00:00+01:00"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			period, ok := rules.ParseWorking(test.period)
			require.True(t, ok)
			require.Equal(t, test.period, period.String())
			got, err := test.calendar.Add(at(t, test.from), period)
			require.NoError(t, err)
			require.Equal(t, at(t, test.want).UTC(), got.UTC())
		})
	}
}

// TestCalendarAddProperties: a later instant never gives an earlier result, what comes out lies in working time and not
// before what went in, and n hours take n hours of work; in zones that change their clocks at midnight, by half an hour,
// or not at all.
func TestCalendarAddProperties(t *testing.T) {
	t.Parallel()
	zones := []string{"Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "America/Asuncion", "Asia/Kolkata", "UTC"}
	for _, zone := range zones {
		for name, calendar := range map[string]*rules.Calendar{"office": office(t, zone), "nights": nights(t, zone)} {
			t.Run(zone+" "+name, func(t *testing.T) {
				t.Parallel()
				random := rand.New(rand.NewPCG(1, 2))
				for range 400 {
					first := time.Unix(1_770_000_000+random.Int64N(400*24*3600), 0)
					second := first.Add(time.Duration(random.Int64N(int64(6 * time.Hour))))
					period := rules.Period{Working: true, Days: 1 + random.IntN(12)}
					if random.IntN(2) == 0 {
						period = rules.Period{Working: true, Time: time.Duration(1+random.Int64N(3000)) * time.Minute}
					}
					a, err := calendar.Add(first, period)
					require.NoError(t, err)
					b, err := calendar.Add(second, period)
					require.NoError(t, err)
					require.False(t, b.Before(a), "%s + %s = %s, but %s gives %s", first, period, a, second, b)
					require.False(t, a.Before(first), "%s + %s = %s", first, period, a)
					require.True(t, works(calendar, a), "%s + %s = %s, when nobody works", first, period, a)
				}
			})
		}
	}
}

// works looks at the clock on the wall, in another way than the calendar does.
func works(c *rules.Calendar, instant time.Time) bool {
	for _, moment := range []time.Time{instant, instant.Add(-time.Second)} { // the end of work belongs to it
		local := moment.In(c.Zone)
		if _, free := c.Holiday(moment); free {
			continue
		}
		minutes := local.Hour()*60 + local.Minute()
		for _, hours := range c.Hours[local.Weekday()] {
			if minutes >= hours.From && minutes < hours.To {
				return true
			}
		}
	}
	return false
}

func TestCalendarWithoutWork(t *testing.T) {
	t.Parallel()
	_, err := (&rules.Calendar{Zone: time.UTC}).Add(time.Now(), rules.Period{Days: 1, Working: true})
	require.ErrorIs(t, err, rules.ErrNoWork)
	_, err = office(t, "UTC").Add(time.Now(), rules.Period{Days: 36_000, Working: true})
	require.ErrorIs(t, err, rules.ErrNoWork, "more working days than a hundred years have")
	far, err := office(t, "UTC").Add(time.Now(), rules.Period{Days: 20_000, Working: true})
	require.NoError(t, err)
	require.Less(t, time.Until(far), rules.MaxPeriod)
	_, err = (*rules.Calendar)(nil).Add(time.Now(), rules.Period{Days: 1, Working: true})
	require.ErrorIs(t, err, rules.ErrNoWork)
	begin := time.Now()
	plain, err := (*rules.Calendar)(nil).Add(begin, rules.Period{Time: time.Hour})
	require.NoError(t, err)
	require.Equal(t, begin.Add(time.Hour), plain)
}

func TestParseWorking(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"0 business days", "2 days", "business day", "40000 business days", "9999999 business hours", "1.5 business days"} {
		_, ok := rules.ParseWorking(text)
		require.False(t, ok, text)
	}
	p, ok := rules.ParseWorking(" 2 Working Days ")
	require.True(t, ok)
	require.Equal(t, rules.Period{Days: 2, Working: true}, p)
}

func TestStartOfDay(t *testing.T) {
	t.Parallel()
	day := time.Date(2026, 7, 1, 0, 0, 0, 0, time.UTC)
	require.Equal(t, at(t, "2026-07-01T00:00:00+02:00").UTC(), office(t, "Europe/Berlin").StartOfDay(day).UTC())
	require.Equal(t, day, (*rules.Calendar)(nil).StartOfDay(day).UTC())
}
