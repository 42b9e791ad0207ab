package robots

import (
	"fmt"
	"regexp"
	"strings"
	"time"
)

// hours is when an application may be used: days of the week, from and to a time of day, in a zone.
type hours struct {
	days     [7]bool
	from, to time.Duration // since midnight; to may be 24 h
	zone     *time.Location
}

var (
	hoursForm = regexp.MustCompile(`^([A-Z][a-z]{2}(?:[-,][A-Z][a-z]{2})*) ([0-9]{2}):([0-9]{2})-([0-9]{2}):([0-9]{2}) ([A-Za-z_+\-/0-9]+)$`)
	weekdays  = []string{"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"}
)

// parseHours reads for example Mon-Fri 06:00-20:00 Europe/Berlin, or Mon-Thu,Sat 08:00-24:00 UTC.
func parseHours(text string) (*hours, error) {
	m := hoursForm.FindStringSubmatch(text)
	if m == nil {
		return nil, fmt.Errorf("%q does not say when it is open", text)
	}
	h := &hours{}
	for _, part := range strings.Split(m[1], ",") {
		first, last, isRange := strings.Cut(part, "-")
		if !isRange {
			last = first
		}
		from, to := weekday(first), weekday(last)
		if from < 0 || to < 0 {
			return nil, fmt.Errorf("%q is not a day; they are %s", part, strings.Join(weekdays, ", "))
		}
		for day := from; ; day = (day + 1) % 7 {
			h.days[day] = true
			if day == to {
				break
			}
		}
	}
	var err error
	if h.from, err = clock(m[2], m[3]); err == nil {
		h.to, err = clock(m[4], m[5])
	}
	if err != nil {
		return nil, err
	}
	if h.from >= h.to {
		return nil, fmt.Errorf("it opens at %s:%s and closes before that, at %s:%s", m[2], m[3], m[4], m[5])
	}
	if h.zone, err = time.LoadLocation(m[6]); err != nil || m[6] == "Local" {
		return nil, fmt.Errorf("%q is not a time zone", m[6])
	}
	return h, nil
}

func weekday(name string) int {
	for i, day := range weekdays {
		if day == name {
			return i
		}
	}
	return -1
}

func clock(hour, minute string) (time.Duration, error) {
	var h, m int
	if _, err := fmt.Sscanf(hour+" "+minute, "%d %d", &h, &m); err != nil || h > 24 || m > 59 || h == 24 && m > 0 {
		return 0, fmt.Errorf("%s:%s is not a time of day", hour, minute)
	}
	return time.Duration(h)*time.Hour + time.Duration(m)*time.Minute, nil
}

// opens is how long it takes until the application opens; zero while it is open.
func (h *hours) opens(now time.Time) time.Duration {
	local := now.In(h.zone)
	for ahead := range 8 {
		year, month, day := local.AddDate(0, 0, ahead).Date()
		if !h.days[time.Date(year, month, day, 12, 0, 0, 0, h.zone).Weekday()] {
			continue
		}
		at := func(of time.Duration) time.Time {
			return time.Date(year, month, day, int(of/time.Hour), int(of%time.Hour/time.Minute), 0, 0, h.zone)
		}
		if from, to := at(h.from), at(h.to); local.Before(to) {
			return max(from.Sub(now), 0)
		}
	}
	return 0
}
