package adapters

import (
	"fmt"
	"slices"
	"time"

	"crosswalk/rules"
	"crosswalk/source"
)

// valueTags says how a system writes values that JSON does not have: as a record whose member tag names the type, such
// as {"__class__": "date", "year": 2026, "month": 3, "day": 1}.
type valueTags struct {
	tag   string
	names []string // of the types, in the order of the file
	types map[string]taggedType
}

// taggedType is one such type: what it is to us, and in which members its value stands.
type taggedType struct {
	kind string
	in   []string
}

// The kinds of tagged values.
const (
	tagNumber  = "number"
	tagDate    = "date"
	tagInstant = "instant"
	tagText    = "text"
)

var valueTagsShape = source.Record(
	source.Field{Name: "tag", Is: source.Text(), Required: true, About: "The member that names the type.", Example: "__class__"},
	source.Field{Name: "types", Is: source.Named(taggedShape), Required: true, About: "The types by that name. Values of ours are written as the first one of their kind: numbers with decimals, dates and instants.", Example: "{Decimal: {kind: number, in: decimal}}"},
)

var taggedShape = source.Record(
	source.Field{Name: "kind", Is: source.Choice(tagNumber, tagDate, tagInstant, tagText), Required: true, About: "What it is to us. Instants are in UTC.", Example: "date"},
	source.Field{Name: "in", Is: source.OneOrMore(source.Text()), Required: true, About: "The member that holds it as a text or number; of a date its year, month and day; of an instant also hour, minute, second and, if it has them, microseconds.", Example: "[year, month, day]"},
)

func parseValueTags(node *source.Node) *valueTags {
	if !node.Exists() {
		return nil
	}
	fields := node.Fields(valueTagsShape)
	tags := &valueTags{tag: node.Required("tag", "the member that names the type").Text(), types: map[string]taggedType{}}
	for _, name := range fields["types"].Keys() {
		one := fields["types"].Get(name)
		parts := one.Fields(taggedShape)
		t := taggedType{
			kind: one.Required("kind", "number, date, instant or text").OneOf(tagNumber, tagDate, tagInstant, tagText),
			in:   one.Required("in", "the member that holds the value").Texts(),
		}
		allowed := map[string][]int{tagNumber: {1}, tagText: {1}, tagDate: {1, 3}, tagInstant: {1, 6, 7}}[t.kind]
		if parts["in"].Exists() && allowed != nil && !slices.Contains(allowed, len(t.in)) {
			parts["in"].Errorf("one member; of a date year, month, day; of an instant also hour, minute, second and perhaps microsecond", "a %s cannot stand in %d members", t.kind, len(t.in))
		}
		tags.names, tags.types[name] = append(tags.names, name), t
	}
	return tags
}

// decode reads the tagged values inside of a value. A type that the file does not name is an error: read as a plain
// record it would be taken for something else.
func (t *valueTags) decode(value rules.Value) (rules.Value, error) {
	if t == nil {
		return value, nil
	}
	switch value.Kind() {
	case rules.KindList:
		items := make([]rules.Value, value.Len())
		for i, item := range value.Items() {
			var err error
			if items[i], err = t.decode(item); err != nil {
				return rules.Value{}, err
			}
		}
		return rules.List(items...), nil
	case rules.KindRecord:
		if name := value.Get(t.tag); name.Kind() == rules.KindText {
			return t.read(name.Text(), value)
		}
		fields := make(map[string]rules.Value, value.Len())
		for i, key := range value.Keys() {
			var err error
			if fields[key], err = t.decode(value.Items()[i]); err != nil {
				return rules.Value{}, err
			}
		}
		return rules.Record(fields), nil
	}
	return value, nil
}

// read reads one tagged value.
func (t *valueTags) read(name string, value rules.Value) (rules.Value, error) {
	known, ok := t.types[name]
	if !ok {
		return rules.Value{}, fmt.Errorf("a value of the type %q came, which the adapter does not name under values", name)
	}
	first := value.Get(known.in[0])
	switch {
	case known.kind == tagText:
		return first, nil
	case known.kind == tagNumber:
		number, err := rules.ParseNum(first.String())
		if err != nil {
			return rules.Value{}, fmt.Errorf("%s: %w", name, err)
		}
		return rules.Number(number), nil
	case len(known.in) == 1:
		return iso(known.kind, first.Text())
	}
	parts := make([]int, 7)
	for i, member := range known.in {
		part, whole := value.Get(member).Num().Int64()
		if !whole || part < 0 || part > 999_999 || value.Get(member).Kind() != rules.KindNumber {
			return rules.Value{}, fmt.Errorf("%s: %s is no number", name, member)
		}
		parts[i] = int(part)
	}
	at := time.Date(parts[0], time.Month(parts[1]), parts[2], parts[3], parts[4], parts[5], parts[6]*1000, time.UTC)
	if at.Year() != parts[0] || int(at.Month()) != parts[1] || at.Day() != parts[2] || at.Hour() != parts[3] || at.Minute() != parts[4] {
		return rules.Value{}, fmt.Errorf("%s: there is no such day or time", name)
	}
	if known.kind == tagInstant {
		return rules.Instant(at), nil
	}
	return rules.Date(at.Year(), at.Month(), at.Day()), nil
}

func iso(kind, text string) (rules.Value, error) {
	if kind == tagDate {
		return rules.ParseDate(text)
	}
	return utc([]rules.Value{rules.Text(text)})
}

// encode writes the values for which the file has a type: dates, instants, and numbers with decimals.
func (t *valueTags) encode(value rules.Value) rules.Value {
	if t == nil {
		return value
	}
	kind := ""
	switch value.Kind() {
	case rules.KindList:
		items := make([]rules.Value, value.Len())
		for i, item := range value.Items() {
			items[i] = t.encode(item)
		}
		return rules.List(items...)
	case rules.KindRecord:
		fields := make(map[string]rules.Value, value.Len())
		for i, key := range value.Keys() {
			fields[key] = t.encode(value.Items()[i])
		}
		return rules.Record(fields)
	case rules.KindDate:
		kind = tagDate
	case rules.KindInstant:
		kind = tagInstant
	case rules.KindNumber:
		if value.Num().IsInt() {
			return value
		}
		kind = tagNumber
	}
	for _, name := range t.names {
		if t.types[name].kind == kind {
			return t.write(name, value)
		}
	}
	return value
}

// write writes one value as the type.
func (t *valueTags) write(name string, value rules.Value) rules.Value {
	fields, in := map[string]rules.Value{t.tag: rules.Text(name)}, t.types[name].in
	if len(in) == 1 {
		fields[in[0]] = rules.Text(value.String())
		return rules.Record(fields)
	}
	at := value.Time().UTC()
	for i, part := range []int{at.Year(), int(at.Month()), at.Day(), at.Hour(), at.Minute(), at.Second(), at.Nanosecond() / 1000} {
		if i < len(in) {
			fields[in[i]] = rules.Number(rules.Int(int64(part)))
		}
	}
	return rules.Record(fields)
}
