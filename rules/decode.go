package rules

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"crosswalk/source"
)

// The bounds for values whose type sets none. They are the bound on the cost of everything that
// expressions do with facts.
const (
	MaxText  = 1 << 20 // bytes of one text
	MaxItems = 100_000 // items of one list
	MaxKeys  = 1_000   // fields of one record
)

// DecodeError is one thing in which a value does not fit its type. It never shows personal data.
type DecodeError struct {
	Path    string // as in lines[2].sku; "" is the value itself
	Message string
	Hint    string
}

// Error is path: message (hint).
func (e *DecodeError) Error() string {
	text := e.Message
	if e.Path != "" {
		text = e.Path + ": " + text
	}
	if e.Hint != "" {
		text += " (" + e.Hint + ")"
	}
	return text
}

// DecodeErrors is everything in which a value does not fit its type.
type DecodeErrors []*DecodeError

// Error joins the errors with "; ".
func (e DecodeErrors) Error() string {
	lines := make([]string, len(e))
	for i, one := range e {
		lines[i] = one.Error()
	}
	return strings.Join(lines, "; ")
}

// Decode is the only door through which facts come in. It turns texts into dates, instants and durations
// where the type wants them, refuses unknown fields, demands the required ones and holds values to their
// limits. Every deviation is reported with its path, as DecodeErrors.
func (t *Type) Decode(v Value) (Value, error) {
	d := &decoder{}
	decoded := d.decode(t, v, nil)
	if len(d.errors) > 0 {
		return Value{}, d.errors
	}
	return decoded, nil
}

// DecodeFor is Decode for somebody who reads only some places of the value, written as Reads writes them: what does not fit
// and is not read, nor lies above or below what is, is left out of the value and named. Without reads all of it is read.
func (t *Type) DecodeFor(v Value, reads []string) (fits Value, left DecodeErrors, err error) {
	d := &decoder{}
	if reads != nil {
		d.reads = &reads
	}
	fits = d.decode(t, v, nil)
	if len(d.errors) > 0 {
		return Value{}, d.left, d.errors
	}
	return fits, d.left, nil
}

var position = regexp.MustCompile(`\[[0-9]*\]`)

// Touches says whether a place (lines[2].sku) is read, or lies above or below one that is (lines[].sku). Without reads all
// is read.
func Touches(reads []string, place string) bool {
	place = position.ReplaceAllString(place, "")
	return reads == nil || slices.ContainsFunc(reads, func(read string) bool {
		read = strings.TrimPrefix(position.ReplaceAllString(read, ""), ".")
		return read == place || read == "" || place == "" || strings.HasPrefix(read, place+".") || strings.HasPrefix(place, read+".")
	})
}

// Decode reads plain JSON by a type.
func Decode(t *Type, plainJSON []byte) (Value, error) {
	v, err := FromJSON(plainJSON)
	if err != nil {
		return Value{}, err
	}
	return t.Decode(v)
}

const maxDecodeErrors = 20

type decoder struct {
	errors DecodeErrors
	reads  *[]string // nil: all of the value is read
	left   DecodeErrors
	spared int // how often something was left out
}

// place is a linked list from the value to the root, made text only for errors.
type place struct {
	above *place
	key   string
	index int
}

func (p *place) String() string {
	switch {
	case p == nil:
		return ""
	case p.key == "":
		return p.above.String() + "[" + strconv.Itoa(p.index) + "]"
	case p.above == nil:
		return p.key
	default:
		return p.above.String() + "." + p.key
	}
}

func (d *decoder) fail(at *place, hint, format string, args ...any) Value {
	into := &d.errors
	path := at.String()
	if d.reads != nil && !Touches(*d.reads, path) {
		into = &d.left
		d.spared++
	}
	if len(*into) < maxDecodeErrors {
		*into = append(*into, &DecodeError{Path: path, Message: fmt.Sprintf(format, args...), Hint: hint})
	}
	return Value{}
}

func (d *decoder) decode(t *Type, v Value, at *place) Value {
	if v.kind == KindMissing {
		if !t.Optional {
			return d.fail(at, "", "is missing")
		}
		return v
	}
	if t.Kind != KindAny && v.kind != t.Kind {
		if v = d.convert(t, v, at); v.kind == KindMissing {
			return v
		}
	}
	spared := d.spared
	switch v.kind {
	case KindText:
		d.text(t, v, at)
	case KindNumber:
		d.number(t, v, at)
	case KindList:
		return d.list(t, v, at)
	case KindRecord:
		return d.record(t, v, at)
	}
	if d.spared > spared {
		return Value{}
	}
	if len(t.Enum) > 0 && !t.hasEnum(v) {
		if t.Personal {
			return d.fail(at, "", "is not one of %s", strings.Join(t.enumTexts(), ", "))
		}
		return d.fail(at, source.DidYouMean(v.String(), t.enumTexts()), "%s is not one of %s", quoted(v.String()), strings.Join(t.enumTexts(), ", "))
	}
	return v
}

// convert is for the kinds that JSON writes as text.
func (d *decoder) convert(t *Type, v Value, at *place) Value {
	var converted Value
	var err error
	switch {
	case t.Kind == KindMissing:
		return d.fail(at, "", "nothing is expected here, found %s", article(v.kind.String()))
	case t.Kind == KindDate && v.kind == KindText:
		converted, err = ParseDate(v.s)
	case t.Kind == KindInstant && v.kind == KindText:
		converted, err = ParseInstant(v.s)
	case t.Kind == KindDuration && v.kind == KindText:
		converted, err = ParseDuration(v.s)
	default:
		return d.fail(at, conversionHint(t, v.kind), "expected %s, found %s", expectation(t), article(v.kind.String()))
	}
	if err != nil {
		if t.Personal {
			return d.fail(at, "", "is not %s", expectation(t))
		}
		return d.fail(at, "", "%s", err)
	}
	return converted
}

func expectation(t *Type) string {
	if len(t.Enum) > 0 {
		return t.String()
	}
	return article(t.String())
}

// conversionHint names the function that makes the wanted kind of the one at hand.
func conversionHint(t *Type, found Kind) string {
	switch {
	case t.Ref != "" && found == KindRecord:
		return "the record must be resolved to an id first"
	case t.Kind == KindText && found != KindList && found != KindRecord:
		return "text(…) makes a text of it"
	case t.Kind == KindText:
		return "readable(…) makes a text of it"
	case t.Kind == KindNumber && found == KindText:
		return "number(…) makes a number of it"
	case t.Kind == KindDate && found == KindInstant:
		return "date_of(…) is its day"
	case t.Kind == KindDate && found == KindText:
		return "date(…) makes a date of it"
	case t.Kind == KindInstant && found == KindText:
		return "instant(…) makes a date-time of it"
	case t.Kind == KindDuration && found == KindText:
		return "duration(…) makes a duration of it"
	default:
		return ""
	}
}

func (d *decoder) text(t *Type, v Value, at *place) {
	switch {
	case len(v.s) > MaxText:
		d.fail(at, "pass on a shorter part of it, or leave the field out", "has %d bytes; at most %d are taken", len(v.s), MaxText)
	case t.MaxLength > 0 && v.Len() > t.MaxLength:
		d.fail(at, "", "has %d characters; at most %d are allowed", v.Len(), t.MaxLength)
	case t.MinLength > 0 && v.Len() < t.MinLength:
		d.fail(at, "", "has %d characters; at least %d are needed", v.Len(), t.MinLength)
	}
}

func (d *decoder) number(t *Type, v Value, at *place) {
	n := v.Num()
	switch {
	case t.Integer && !n.IsInt():
		d.fail(at, "", "must be a whole number")
	case t.Minimum != nil && n.Cmp(*t.Minimum) < 0:
		d.fail(at, "", "must be at least %s", t.Minimum)
	case t.Maximum != nil && n.Cmp(*t.Maximum) > 0:
		d.fail(at, "", "must be at most %s", t.Maximum)
	}
}

var anyItem = TypeOf(KindAny)

func (d *decoder) list(t *Type, v Value, at *place) Value {
	most := MaxItems
	if t.MaxItems > 0 {
		most = min(most, t.MaxItems)
	}
	if len(v.p.items) > most {
		return d.fail(at, "", "has %d items; at most %d are allowed", len(v.p.items), most)
	}
	item := t.Items
	if item == nil {
		item = anyItem
	}
	items := make([]Value, len(v.p.items))
	here := &place{above: at}
	for i := range v.p.items {
		here.index = i
		items[i] = d.decode(item, v.p.items[i], here)
	}
	return List(items...)
}

func (d *decoder) record(t *Type, v Value, at *place) Value {
	if len(v.p.keys) > MaxKeys {
		return d.fail(at, "", "has %d fields; at most %d are taken", len(v.p.keys), MaxKeys)
	}
	items := v.p.items        // copied as soon as one is another than it was, which is seldom
	here := &place{above: at} // of one field after the other: an error makes a text of it at once
	for i, key := range v.p.keys {
		here.key = key
		field, declared := t.Field(key)
		var decoded Value
		switch {
		case declared:
			decoded = d.decode(field.Type, items[i], here)
		case t.Kind == KindAny || t.Open && t.Extra == nil:
			decoded = d.decode(anyItem, items[i], here)
		case t.Open:
			decoded = d.decode(t.Extra, items[i], here)
		default:
			d.fail(here, source.DidYouMean(key, t.FieldNames()), "unknown field")
		}
		if decoded == items[i] {
			continue
		}
		if &items[0] == &v.p.items[0] {
			items = slices.Clone(items)
		}
		items[i] = decoded
	}
	for _, field := range t.Fields {
		// The system of a business record is stamped by the runtime, after or before it is decoded.
		stamped := t.Record != "" && field.Name == systemField
		if field.Required && !field.Type.Optional && !stamped && v.Get(field.Name).IsMissing() {
			d.fail(&place{above: at, key: field.Name}, "", "is missing")
		}
	}
	if len(items) == 0 || &items[0] == &v.p.items[0] {
		return v
	}
	return recordOf(v.p.keys, items)
}
