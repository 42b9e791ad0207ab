package rules

import (
	"slices"
	"sort"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/cockroachdb/apd/v3"
)

// Kind is what a value is, or what a type admits.
type Kind uint8

// The kinds. KindMissing is the kind of the zero Value; KindAny occurs in types only.
const (
	KindMissing Kind = iota
	KindBool
	KindNumber
	KindText
	KindDate
	KindInstant
	KindDuration
	KindList
	KindRecord
	KindAny
)

var kindNames = [...]string{"missing", "boolean", "number", "text", "date", "date-time", "duration", "list", "record", "any"}

// String is the name that messages and files use.
func (k Kind) String() string { return kindNames[k] }

// Value is one immutable value of the profile. The zero Value is missing, which is neither empty nor an
// error. A Value may be copied and shared between goroutines freely; compare with Equal.
type Value struct {
	kind Kind
	e    int32 // number: exponent; instant: nanoseconds
	n    int64 // bool: 0 or 1; number: coefficient; date: days, instant: seconds since 1970; duration: nanoseconds
	s    string
	p    *compound
}

// compound is what does not fit in a Value. It is never changed once it is reachable from one.
type compound struct {
	items []Value  // of a list, or of a record in the order of keys
	keys  []string // of a record, sorted, so that nothing ever depends on the order of a Go map
	big   *apd.Decimal
}

// few is how many fields most records have at most.
const few = 4

// fewFields is a record of a few fields in one piece of memory instead of three.
type fewFields struct {
	compound
	keysOf  [few]string
	itemsOf [few]Value
}

// newCompound is an empty record with room for so many fields.
func newCompound(fields int) *compound {
	if fields > few {
		return &compound{keys: make([]string, 0, fields), items: make([]Value, 0, fields)}
	}
	c := &fewFields{}
	c.keys, c.items = c.keysOf[:0], c.itemsOf[:0]
	return &c.compound
}

// Missing is the value of what is not there; the same as Value{}.
func Missing() Value { return Value{} }

// Bool is a truth value.
func Bool(b bool) Value {
	if b {
		return Value{kind: KindBool, n: 1}
	}
	return Value{kind: KindBool}
}

// Number is a number.
func Number(n Num) Value {
	v := Value{kind: KindNumber, n: n.coefficient, e: n.exponent}
	if n.big != nil {
		v.p = &compound{big: n.big}
	}
	return v
}

// Text is a text. Bytes that are not UTF-8 become the replacement character.
func Text(s string) Value {
	if !utf8.ValidString(s) {
		s = strings.ToValidUTF8(s, "\uFFFD")
	}
	return Value{kind: KindText, s: s}
}

// Date is a calendar day. A day outside the years 1 to 9999, or one that does not exist, is missing.
func Date(year int, month time.Month, day int) Value {
	t := time.Date(year, month, day, 0, 0, 0, 0, time.UTC)
	if t.Year() != year || t.Month() != month || t.Day() != day {
		return Value{}
	}
	return dateOf(t)
}

// Instant is a point in time. The zone of t is forgotten; an instant outside the years 1 to 9999 is missing.
func Instant(t time.Time) Value {
	t = t.UTC()
	if t.Year() < 1 || t.Year() > 9999 {
		return Value{}
	}
	return Value{kind: KindInstant, n: t.Unix(), e: int32(t.Nanosecond())}
}

// Duration is a length of time.
func Duration(d time.Duration) Value { return Value{kind: KindDuration, n: int64(d)} }

// List is a list of the given items, which it takes over.
func List(items ...Value) Value { return Value{kind: KindList, p: &compound{items: items}} }

// Record is a record with the given fields. Fields whose value is missing are left out: a record in
// which a field is missing and one which does not have it are the same.
func Record(fields map[string]Value) Value {
	c := newCompound(len(fields))
	for key, value := range fields {
		if !value.IsMissing() {
			c.keys = append(c.keys, key)
		}
	}
	sort.Strings(c.keys)
	for _, key := range c.keys {
		c.items = append(c.items, fields[key])
	}
	return Value{kind: KindRecord, p: c}
}

// Fields collects the fields of a record, for who makes many records and needs no map of them.
type Fields struct{ c *compound }

// NewFields has room for so many fields; more may come.
func NewFields(room int) Fields { return Fields{newCompound(room)} }

// Set adds a field, or gives it another value. A missing value is left out, and takes out what was set before.
func (f Fields) Set(name string, value Value) {
	switch i, found := slices.BinarySearch(f.c.keys, name); {
	case found && value.IsMissing():
		f.c.keys, f.c.items = slices.Delete(f.c.keys, i, i+1), slices.Delete(f.c.items, i, i+1)
	case found:
		f.c.items[i] = value
	case value.IsMissing():
	case i == len(f.c.keys):
		f.c.keys, f.c.items = append(f.c.keys, name), append(f.c.items, value)
	default:
		f.c.keys, f.c.items = slices.Insert(f.c.keys, i, name), slices.Insert(f.c.items, i, value)
	}
}

// Record is the record; nothing may be set afterwards.
func (f Fields) Record() Value { return Value{kind: KindRecord, p: f.c} }

// recordOf makes a record of keys that are already sorted and distinct; missing values are left out.
func recordOf(keys []string, items []Value) Value {
	if i := slices.IndexFunc(items, Value.IsMissing); i < 0 {
		return Value{kind: KindRecord, p: &compound{keys: keys, items: items}}
	}
	present := &compound{keys: make([]string, 0, len(keys)), items: make([]Value, 0, len(items))}
	for i, item := range items {
		if !item.IsMissing() {
			present.keys = append(present.keys, keys[i])
			present.items = append(present.items, item)
		}
	}
	return Value{kind: KindRecord, p: present}
}

// Kind returns what the value is.
func (v Value) Kind() Kind { return v.kind }

// IsMissing says whether the value is not there.
func (v Value) IsMissing() bool { return v.kind == KindMissing }

// Bool returns a truth value; false for every other kind.
func (v Value) Bool() bool { return v.kind == KindBool && v.n == 1 }

// Num returns a number; 0 for every other kind.
func (v Value) Num() Num {
	if v.kind != KindNumber {
		return Num{}
	}
	if v.p != nil {
		return Num{big: v.p.big}
	}
	return Num{coefficient: v.n, exponent: v.e}
}

// Text returns a text; "" for every other kind. See String for a readable form of any value.
func (v Value) Text() string {
	if v.kind != KindText {
		return ""
	}
	return v.s
}

// Time returns a date (midnight UTC) or an instant as UTC time; the zero time for every other kind.
func (v Value) Time() time.Time {
	switch v.kind {
	case KindDate:
		return time.Unix(v.n*secondsPerDay, 0).UTC()
	case KindInstant:
		return time.Unix(v.n, int64(v.e)).UTC()
	default:
		return time.Time{}
	}
}

// Duration returns a length of time; 0 for every other kind.
func (v Value) Duration() time.Duration {
	if v.kind != KindDuration {
		return 0
	}
	return time.Duration(v.n)
}

// Len returns the number of items of a list or fields of a record, the characters of a text, and else 0.
func (v Value) Len() int {
	switch v.kind {
	case KindText:
		return utf8.RuneCountInString(v.s)
	case KindList, KindRecord:
		return len(v.p.items)
	default:
		return 0
	}
}

// Items returns the items of a list, or the values of a record in the order of Keys. The slice must not be changed.
func (v Value) Items() []Value {
	if v.kind != KindList && v.kind != KindRecord {
		return nil
	}
	return v.p.items
}

// At returns the item of a list at a 0-based position; missing if there is none.
func (v Value) At(i int) Value {
	if v.kind != KindList || i < 0 || i >= len(v.p.items) {
		return Value{}
	}
	return v.p.items[i]
}

// Keys returns the names of a record's fields, sorted. The slice must not be changed.
func (v Value) Keys() []string {
	if v.kind != KindRecord {
		return nil
	}
	return v.p.keys
}

// Get returns a field of a record; missing if there is none.
func (v Value) Get(key string) Value {
	if v.kind != KindRecord {
		return Value{}
	}
	keys := v.p.keys
	if len(keys) <= 8 { // short records are the rule, and a scan beats the search in them
		for i := range keys {
			if keys[i] == key {
				return v.p.items[i]
			}
		}
		return Value{}
	}
	if i, found := slices.BinarySearch(keys, key); found {
		return v.p.items[i]
	}
	return Value{}
}

// Path follows fields by name; missing if there is nothing.
func (v Value) Path(keys ...string) Value {
	for _, key := range keys {
		v = v.Get(key)
	}
	return v
}

// With returns a copy of a record with one field set, or left out if the value is missing. On anything
// but a record it starts a new one.
func (v Value) With(key string, value Value) Value {
	var keys []string
	var items []Value
	if v.kind == KindRecord {
		keys, items = v.p.keys, v.p.items
	}
	i, found := slices.BinarySearch(keys, key)
	keys, items = slices.Clone(keys), slices.Clone(items)
	switch {
	case value.IsMissing() && found:
		keys, items = slices.Delete(keys, i, i+1), slices.Delete(items, i, i+1)
	case value.IsMissing():
	case found:
		items[i] = value
	default:
		keys, items = slices.Insert(keys, i, key), slices.Insert(items, i, value)
	}
	return Value{kind: KindRecord, p: &compound{keys: keys, items: items}}
}

// Equal says whether two values are the same: of the same kind, numbers by value, records field by field.
func (v Value) Equal(w Value) bool {
	if v.kind != w.kind {
		return false
	}
	switch v.kind {
	case KindMissing:
		return true
	case KindText:
		return v.s == w.s
	case KindNumber:
		return v.Num().Equal(w.Num())
	case KindList:
		return slices.EqualFunc(v.p.items, w.p.items, Value.Equal)
	case KindRecord:
		return slices.Equal(v.p.keys, w.p.keys) && slices.EqualFunc(v.p.items, w.p.items, Value.Equal)
	default:
		return v.n == w.n && v.e == w.e
	}
}

// order compares two values of one ordered kind.
func (v Value) order(w Value) int {
	switch v.kind {
	case KindNumber:
		return v.Num().Cmp(w.Num())
	case KindText:
		return strings.Compare(v.s, w.s)
	default:
		if c := compare(v.n, w.n); c != 0 {
			return c
		}
		return compare(int64(v.e), int64(w.e))
	}
}

// String is the value as a person reads it: a text as it is, a date as 2026-03-01, a number in plain
// digits, missing as "", and a list or record as JSON.
func (v Value) String() string {
	switch v.kind {
	case KindMissing:
		return ""
	case KindText:
		return v.s
	case KindList, KindRecord:
		return string(v.Plain())
	case KindBool:
		if v.n == 1 {
			return "true"
		}
		return "false"
	default:
		var short [32]byte
		return string(v.appendScalar(short[:0]))
	}
}

// appendScalar writes a bool, number, date, instant or duration without quotes.
func (v Value) appendScalar(b []byte) []byte {
	switch v.kind {
	case KindBool:
		if v.n == 1 {
			return append(b, "true"...)
		}
		return append(b, "false"...)
	case KindNumber:
		return v.Num().append(b)
	case KindDate:
		return appendDate(b, v.n)
	case KindInstant:
		return appendInstant(b, v.n, v.e)
	case KindDuration:
		return append(b, formatDuration(time.Duration(v.n))...)
	default:
		return append(b, v.s...)
	}
}
