package rules

import (
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"
	_ "time/tzdata" // zones are the same on every machine, also on one without a zone database
)

// Period is a length of time as people write it: plain time, or the working time of a calendar.
type Period struct {
	Days int           // working days; 0 if it counts hours or is plain
	Time time.Duration // plain time, or working hours
	// Working says that Time counts only while the calendar is at work. Days always do.
	Working bool
}

// MaxPeriod is the longest period, of whatever kind. A longer one is a slip of the pen.
const MaxPeriod = 100 * 366 * 24 * time.Hour

// IsZero says that there is no period.
func (p Period) IsZero() bool { return p == Period{} }

// NeedsCalendar says that the period cannot be counted without one.
func (p Period) NeedsCalendar() bool { return p.Days > 0 || p.Working }

// String is the period as it is written.
func (p Period) String() string {
	switch {
	case p.Days == 1:
		return "1 business day"
	case p.Days > 0:
		return fmt.Sprintf("%d business days", p.Days)
	case p.Working && p.Time == time.Hour:
		return "1 business hour"
	case p.Working && p.Time%time.Hour == 0:
		return fmt.Sprintf("%d business hours", p.Time/time.Hour)
	case p.Working:
		return fmt.Sprintf("%d business minutes", p.Time/time.Minute)
	}
	return Duration(p.Time).String()
}

var workingPeriod = regexp.MustCompile(`(?i)^\s*(\d{1,7})\s+(?:business|working)\s+(day|hour|minute)s?\s*$`)

// ParseWorking reads working time such as "2 business days" or "4 business hours"; ok is false if the text is none.
func ParseWorking(text string) (p Period, ok bool) {
	found := workingPeriod.FindStringSubmatch(text)
	if found == nil {
		return Period{}, false
	}
	n, err := strconv.Atoi(found[1])
	if err != nil || n == 0 || time.Duration(n) > MaxPeriod/(24*time.Hour) && strings.EqualFold(found[2], "day") || time.Duration(n) > MaxPeriod/time.Hour {
		return Period{}, false
	}
	p = Period{Working: true}
	switch strings.ToLower(found[2]) {
	case "day":
		p.Days = n
	case "hour":
		p.Time = time.Duration(n) * time.Hour
	case "minute":
		p.Time = time.Duration(n) * time.Minute
	}
	return p, true
}

// Hours is a stretch of working time in a day, in minutes since midnight by the clock on the wall; To may be 24:00.
type Hours struct{ From, To int }

// Day is a day by its date, wherever it is.
type Day struct {
	Year  int // 0: every year
	Month time.Month
	Day   int
}

// Calendar says when people work. It is immutable; a nil one never works.
type Calendar struct {
	Zone *time.Location
	// Hours are those of each day of the week, Sunday first, in order and apart from each other.
	Hours [7][]Hours
	// Holidays are the days without work, with their names.
	Holidays map[Day]string
}

// Holiday is the name of the holiday on the day of an instant; ok is false on other days.
func (c *Calendar) Holiday(at time.Time) (name string, ok bool) {
	year, month, day := at.In(c.Zone).Date()
	if name, ok = c.Holidays[Day{year, month, day}]; ok {
		return name, true
	}
	name, ok = c.Holidays[Day{0, month, day}]
	return name, ok
}

// ErrNoWork says that a calendar has no working time within reach, for example because every day is a holiday.
var ErrNoWork = errors.New("the calendar has no working time in the hundred years ahead")

// horizon is how many days are looked at before a calendar is taken for one without work.
const horizon = 100 * 366

// Add adds a period to an instant. Working time begins to count at the next moment of work:
//
//   - n working hours later is that much working time later;
//   - n working days later is as far into the n-th working day that follows as the instant is into its own, and at most
//     the end of that day.
//
// A later instant never gives an earlier result, also where clocks are put forward or back.
func (c *Calendar) Add(at time.Time, p Period) (time.Time, error) {
	if !p.NeedsCalendar() {
		return at.Add(p.Time), nil
	}
	if c == nil || c.Zone == nil {
		return time.Time{}, ErrNoWork
	}
	year, month, day := at.In(c.Zone).Date()
	days, left := p.Days, p.Time
	begun := false
	for i := range horizon {
		stretches := c.work(year, month, day+i)
		if !begun {
			done, open := doneBy(stretches, at)
			if !open {
				continue // nothing of this day is left
			}
			begun = true
			left += done // from here on it is counted from the beginning of the day
		}
		if len(stretches) == 0 {
			continue
		}
		if days > 0 {
			days--
			continue
		}
		total := lengthOf(stretches)
		if p.Days == 0 && left > total {
			left -= total
			continue
		}
		return along(stretches, left), nil
	}
	return time.Time{}, ErrNoWork
}

// StartOfDay is the first moment of a date where the calendar is; UTC for a nil one.
func (c *Calendar) StartOfDay(date time.Time) time.Time {
	zone := time.UTC
	if c != nil && c.Zone != nil {
		zone = c.Zone
	}
	year, month, day := date.Date()
	return onClock(zone, year, month, day, 0)
}

// stretch is working time from one instant to another.
type stretch struct{ from, to time.Time }

// work lists the working time of a day.
func (c *Calendar) work(year int, month time.Month, day int) []stretch {
	noon := time.Date(year, month, day, 12, 0, 0, 0, c.Zone)
	if _, free := c.Holiday(noon); free {
		return nil
	}
	hours := c.Hours[noon.Weekday()]
	stretches := make([]stretch, 0, len(hours))
	for _, h := range hours {
		one := stretch{onClock(c.Zone, year, month, day, h.From), onClock(c.Zone, year, month, day, h.To)}
		if one.to.After(one.from) { // the clocks may leave the whole of it out
			stretches = append(stretches, one)
		}
	}
	return stretches
}

// onClock is the instant at which clocks show a time of day, or the moment at which they jump over it.
func onClock(zone *time.Location, year int, month time.Month, day, minutes int) time.Time {
	at := time.Date(year, month, day, 0, minutes, 0, 0, zone)
	wanted := time.Date(year, month, day, 0, minutes, 0, 0, time.UTC)
	_, offset := at.Zone()
	shown := at.UTC().Add(time.Duration(offset) * time.Second)
	start, end := at.ZoneBounds()
	switch {
	case shown.After(wanted):
		return start
	case shown.Before(wanted):
		return end
	}
	return at
}

// doneBy is the working time of a day before an instant; open is false if none of the day's is left after it.
func doneBy(day []stretch, at time.Time) (worked time.Duration, open bool) {
	for _, s := range day {
		if !at.After(s.from) {
			return worked, true
		}
		if at.Before(s.to) {
			return worked + at.Sub(s.from), true
		}
		worked += s.to.Sub(s.from)
	}
	return worked, false
}

func lengthOf(day []stretch) time.Duration {
	var total time.Duration
	for _, s := range day {
		total += s.to.Sub(s.from)
	}
	return total
}

// along is the instant at which so much of a day's work is done, at most its end. Nothing at all is its beginning.
func along(day []stretch, worked time.Duration) time.Time {
	for _, s := range day {
		if size := s.to.Sub(s.from); worked > size {
			worked -= size
			continue
		}
		return s.from.Add(worked)
	}
	return day[len(day)-1].to
}

// WorksOn says whether there is any working time on the day of an instant.
func (c *Calendar) WorksOn(at time.Time) bool {
	year, month, day := at.In(c.Zone).Date()
	return len(c.work(year, month, day)) > 0
}
