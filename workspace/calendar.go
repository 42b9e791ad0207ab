package workspace

import (
	"encoding/csv"
	"errors"
	"io"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"crosswalk/rules"
	"crosswalk/source"
)

// calendar reads one entry under calendars. Its holidays are read from their file later, by the loader.
func (c *Config) calendar(all *source.Node, name string) {
	node := all.Get(name)
	checkPlain(all.KeyNode(name), "calendar")
	fields := node.Fields(calendarShape)
	calendar := &rules.Calendar{Zone: time.UTC, Holidays: map[rules.Day]string{}}
	if zone := node.Required("zone", "as in zone: Europe/Berlin"); zone.Exists() {
		calendar.Zone = parseZone(zone)
	}
	if hours := node.Required("hours", "as in hours: 'Mon-Fri 09:00-17:00'"); hours.Exists() {
		parseHours(hours, calendar)
	}
	if holidays := fields["holidays"]; holidays.Exists() && !localPath(holidays.Text()) {
		holidays.Errorf("keep it inside the workspace", "%q is outside of the workspace", holidays.Text())
	}
	c.Calendars[name] = calendar
}

// parseZone reads the name of a zone, as in Europe/Berlin. The zone of the machine is none: it differs between machines.
func parseZone(node *source.Node) *time.Location {
	name := node.Text()
	zone, err := time.LoadLocation(name)
	if err != nil || name == "" || name == "Local" {
		node.Errorf("use a name of the zone database, as in Europe/Berlin or America/New_York", "%q is not a time zone", name)
		return time.UTC
	}
	return zone
}

var weekdays = []string{"sun", "mon", "tue", "wed", "thu", "fri", "sat"}

// parseHours reads 'Mon-Fri 09:00-12:00 13:00-17:00', or a list of such lines.
func parseHours(node *source.Node, calendar *rules.Calendar) {
	lines := listOf(node)
	for _, line := range lines {
		parseHoursLine(line, calendar)
	}
	if slices.IndexFunc(calendar.Hours[:], func(day []rules.Hours) bool { return len(day) > 0 }) < 0 && len(lines) == 0 {
		node.Errorf("as in hours: 'Mon-Fri 09:00-17:00'", "nobody ever works")
	}
	for day := range calendar.Hours {
		hours := calendar.Hours[day]
		slices.SortFunc(hours, func(a, b rules.Hours) int { return a.From - b.From })
		for i := 1; i < len(hours); i++ {
			if hours[i].From < hours[i-1].To {
				node.Errorf("leave one of them out", "two stretches of hours on %s overlap", time.Weekday(day))
				break
			}
		}
	}
}

const hoursHint = "write days and hours, as in 'Mon-Fri 09:00-12:00 13:00-17:00'"

func parseHoursLine(node *source.Node, calendar *rules.Calendar) {
	days, hours := map[int]bool{}, []rules.Hours{}
	for _, word := range strings.FieldsFunc(node.Text(), func(r rune) bool { return r == ' ' || r == ',' }) {
		if word[0] >= '0' && word[0] <= '9' {
			stretch, problem := parseStretch(word)
			if problem != "" {
				node.Errorf(hoursHint, "%s", problem)
				return
			}
			hours = append(hours, stretch)
			continue
		}
		from, to, isRange := strings.Cut(strings.ToLower(word), "-")
		first, last := slices.Index(weekdays, from), slices.Index(weekdays, to)
		if !isRange {
			last = first
		}
		if first < 0 || last < 0 || len(hours) > 0 {
			node.Errorf(hoursHint, "%q is not understood", word)
			return
		}
		for day := first; ; day = (day + 1) % 7 {
			days[day] = true
			if day == last {
				break
			}
		}
	}
	if len(days) == 0 || len(hours) == 0 {
		node.Errorf(hoursHint, "%q does not say which days and hours", node.Text())
		return
	}
	for day := range calendar.Hours {
		if days[day] {
			calendar.Hours[day] = append(calendar.Hours[day], hours...)
		}
	}
}

var stretchOfHours = regexp.MustCompile(`^(\d{1,2}):(\d\d)-(\d{1,2}):(\d\d)$`)

func parseStretch(word string) (hours rules.Hours, problem string) {
	found := stretchOfHours.FindStringSubmatch(word)
	if found == nil {
		return hours, strconv.Quote(word) + " are not hours"
	}
	var n [4]int
	for i, digits := range found[1:] {
		n[i], _ = strconv.Atoi(digits) // two digits at most
	}
	hours = rules.Hours{From: n[0]*60 + n[1], To: n[2]*60 + n[3]}
	switch {
	case n[1] > 59 || n[3] > 59 || hours.To > 24*60:
		return hours, strconv.Quote(word) + " are no hours of a day"
	case hours.From >= hours.To:
		return hours, strconv.Quote(word) + " end before they begin: hours over midnight are two stretches, of the one day until 24:00 and of the next from 00:00"
	}
	return hours, ""
}

// holidays reads the files that calendars name.
func (l *loader) holidays(r *Reach) {
	all := r.Config.doc.Root.Get("calendars")
	for _, name := range sortedKeys(r.Config.Calendars) {
		node := all.Get(name).Get("holidays")
		if !node.Exists() || !localPath(node.Text()) {
			continue
		}
		f := l.files.read(path.Clean(node.Text()))
		if f == nil {
			node.Errorf("write a CSV file with the columns date and name", "there is no file %s", node.Text())
			continue
		}
		r.keep(f)
		l.add(parseHolidays(f, r.Config.Calendars[name])...)
	}
}

// parseHolidays reads a CSV file of dates and names. 2026-12-25 is one day, 12-25 a day of every year.
func parseHolidays(f *file, calendar *rules.Calendar) source.Problems {
	var problems source.Problems
	report := func(line int, hint, message string) {
		problems = append(problems, source.Problem{File: f.name, Line: line, Column: 1, Severity: source.SeverityError, Message: message, Hint: hint})
	}
	reader := csv.NewReader(strings.NewReader(strings.TrimPrefix(string(f.text), "\ufeff")))
	reader.FieldsPerRecord, reader.TrimLeadingSpace, reader.Comment = -1, true, '#'
	for first := true; ; first = false {
		record, err := reader.Read()
		if errors.Is(err, io.EOF) {
			return problems
		}
		var broken *csv.ParseError
		if errors.As(err, &broken) {
			report(broken.Line, "", "this is not CSV: "+broken.Err.Error())
			return problems
		}
		line, _ := reader.FieldPos(0)
		if first {
			if len(record) != 2 || strings.TrimSpace(record[0]) != "date" || strings.TrimSpace(record[1]) != "name" {
				report(line, "begin the file with the line date,name", "the first line must name the columns")
				return problems
			}
			continue
		}
		day, ok := parseHoliday(record[0])
		switch {
		case len(record) != 2:
			report(line, "write a date and a name, as in 2026-12-25,Christmas", "expected 2 columns, found "+strconv.Itoa(len(record)))
		case !ok:
			report(line, "write 2026-12-25, or 12-25 for every year", strconv.Quote(record[0])+" is not a day")
		case calendar.Holidays[day] != "":
			report(line, "remove one of them", "the day "+record[0]+" is there twice")
		default:
			calendar.Holidays[day] = strings.TrimSpace(record[1])
			if calendar.Holidays[day] == "" {
				report(line, "as in "+record[0]+",Christmas", "the day has no name")
			}
		}
	}
}

func parseHoliday(text string) (rules.Day, bool) {
	text = strings.TrimSpace(text)
	if day, err := time.Parse(time.DateOnly, text); err == nil {
		return rules.Day{Year: day.Year(), Month: day.Month(), Day: day.Day()}, day.Year() > 0
	}
	day, err := time.Parse(time.DateOnly, "2024-"+text) // a leap year, which has every day
	return rules.Day{Month: day.Month(), Day: day.Day()}, err == nil
}

// Calendar finds a calendar by its name. Without a name it is the only one that there is.
func (c *Config) Calendar(name string) *rules.Calendar {
	if name == "" && len(c.Calendars) == 1 {
		for _, only := range c.Calendars {
			return only
		}
	}
	return c.Calendars[name]
}
