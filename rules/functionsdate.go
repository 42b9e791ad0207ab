package rules

import "time"

func dateFunctions() []*function {
	number := &Type{Kind: KindNumber, Integer: true}
	date, instant, duration := &Type{Kind: KindDate}, &Type{Kind: KindInstant}, &Type{Kind: KindDuration}
	part := func(usage string, of func(time.Time) int) *function {
		return define(usage, number, func(_ *machine, _ *callNode, a []Value) (Value, *Error) {
			return Number(Int(int64(of(a[0].Time())))), nil
		}, dayParam)
	}
	return []*function{
		define("date(text)", date, readAs(KindDate, ParseDate), param{kinds: []Kind{KindText, KindDate}}),
		define("instant(text)", instant, readAs(KindInstant, ParseInstant), param{kinds: []Kind{KindText, KindInstant}}),
		define("duration(text)", duration, readAs(KindDuration, ParseDuration), param{kinds: []Kind{KindText, KindDuration}}),
		define("date_of(instant)", date, dayOf, dayParam),
		define("days_between(from, to)", number, daysBetween, dayParam, dayParam),
		define("add_days(date, days)", nil, addDays, dayParam, numberParam).returning(firstKind),
		define("add_months(date, months)", nil, monthsAdder(1), dayParam, numberParam).returning(firstKind),
		define("add_years(date, years)", nil, monthsAdder(12), dayParam, numberParam).returning(firstKind),
		part("year(date)", time.Time.Year),
		part("month(date)", func(t time.Time) int { return int(t.Month()) }),
		part("day(date)", time.Time.Day),
		part("weekday(date)", func(t time.Time) int { return (int(t.Weekday())+6)%7 + 1 }),
	}
}

// firstKind is for functions whose result is of the kind of their first argument.
func firstKind(_ *checker, _ *callNode, arguments []checked) *Type {
	return TypeOf(arguments[0].t.Kind)
}

// textForms says how dates and durations are written.
var textForms = map[Kind]string{
	KindDate: "write YYYY-MM-DD", KindInstant: "write 2026-03-01T12:00:00Z or with an offset such as +01:00", KindDuration: "write for example 30s, 1h30m or 3 days",
}

func readAs(kind Kind, read func(string) (Value, error)) func(m *machine, site *callNode, a []Value) (Value, *Error) {
	return func(_ *machine, site *callNode, a []Value) (Value, *Error) {
		if a[0].kind == kind {
			return a[0], nil
		}
		v, err := read(a[0].s)
		if err != nil { // err shows the text, which may be a customer's
			return Value{}, site.at.fail(textForms[kind], "%s: the text is not %s", site.function.name, article(kind.String()))
		}
		return v, nil
	}
}

// days is the calendar day of a date or, in UTC, of an instant, counted from 1970.
func days(v Value) int64 {
	if v.kind == KindDate {
		return v.n
	}
	return dateOf(v.Time()).n
}

func dayOf(_ *machine, _ *callNode, a []Value) (Value, *Error) { return dateFromDays(days(a[0])), nil }

func daysBetween(_ *machine, _ *callNode, a []Value) (Value, *Error) {
	return Number(Int(days(a[1]) - days(a[0]))), nil
}

func addDays(_ *machine, site *callNode, a []Value) (Value, *Error) {
	count, ok := a[1].Num().Int64()
	if !ok {
		return Value{}, site.at.fail("use floor or round", "add_days: the count of days must be a whole number")
	}
	return moved(site, a[0], func(day int64) (Value, error) {
		if count > lastDay-firstDay || count < firstDay-lastDay {
			return Value{}, errDateRange
		}
		if v := dateFromDays(day + count); !v.IsMissing() {
			return v, nil
		}
		return Value{}, errDateRange
	})
}

func monthsAdder(unit int64) func(m *machine, site *callNode, a []Value) (Value, *Error) {
	return func(_ *machine, site *callNode, a []Value) (Value, *Error) {
		count, ok := a[1].Num().Int64()
		if !ok || count > 12*10000 || count < -12*10000 {
			return Value{}, site.at.fail("use floor or round", "%s: the count must be a whole number up to 120000", site.function.name)
		}
		return moved(site, a[0], func(day int64) (Value, error) { return addMonths(day, count*unit) })
	}
}

// moved changes the day of a date, or that of an instant, which keeps its time.
func moved(site *callNode, v Value, change func(day int64) (Value, error)) (Value, *Error) {
	day := days(v)
	to, err := change(day)
	if err != nil {
		return Value{}, site.at.fail("", "%s: %s", site.function.name, err)
	}
	if v.kind == KindInstant {
		return Value{kind: KindInstant, n: v.n + (to.n-day)*secondsPerDay, e: v.e}, nil
	}
	return to, nil
}
