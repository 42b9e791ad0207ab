package rules

import (
	"strconv"
	"strings"
	"unicode"

	"crosswalk/source"
)

// Bounds on readable text: it is for people, who read no more than this.
const (
	maxReadable      = 16 << 10
	maxReadableDepth = 6
)

// Readable writes any value as lines of "Label: value" for people. The type, which may be nil, gives the
// order of the fields and their titles; what it does not know follows by name.
func Readable(v Value, t *Type) string {
	w := &readableWriter{}
	w.value(v, t, 0)
	return strings.TrimRight(w.b.String(), "\n")
}

func readable(m *machine, site *callNode, a []Value) (Value, *Error) {
	if err := m.step(site.at, weight(a[0])); err != nil {
		return Value{}, err
	}
	text := Readable(a[0], site.types[0])
	return Text(text), m.makeText(site.at, len(text))
}

type readableWriter struct {
	b    strings.Builder
	full bool
}

func (w *readableWriter) line(indent int, text string) {
	if w.full {
		return
	}
	if w.b.Len()+len(text) > maxReadable {
		w.full = true
		text = "…"
	}
	for i, part := range strings.Split(strings.TrimRight(text, "\r\n \t"), "\n") {
		w.b.WriteString(strings.Repeat("  ", indent))
		if i > 0 {
			w.b.WriteString("  ")
		}
		w.b.WriteString(strings.TrimRight(part, "\r"))
		w.b.WriteByte('\n')
	}
}

func (w *readableWriter) value(v Value, t *Type, indent int) {
	switch v.kind {
	case KindMissing:
	case KindRecord:
		w.record(v, t, indent)
	case KindList:
		w.list(v, t, indent)
	default:
		w.line(indent, plainScalar(v))
	}
}

// internal says whether a field tells only systems something: ids, and the system that a record came from.
func internal(field Field) bool {
	return field.Name == "id" || field.Name == "system" || field.Type != nil && field.Type.Ref != ""
}

func plainScalar(v Value) string {
	if v.kind == KindBool {
		if v.Bool() {
			return "yes"
		}
		return "no"
	}
	if v.kind == KindInstant {
		return v.Time().Format("2006-01-02 15:04 UTC")
	}
	return v.String()
}

func (w *readableWriter) record(v Value, t *Type, indent int) {
	if indent > maxReadableDepth {
		w.line(indent, "…")
		return
	}
	done := map[string]bool{}
	if t != nil && t.Kind == KindRecord {
		for _, field := range t.Fields {
			done[field.Name] = true
			if internal(field) {
				continue
			}
			w.field(v.Get(field.Name), field.Type, titleOf(field), indent)
		}
	}
	// Short facts first: what is nested is easier to read below them.
	for _, nested := range []bool{false, true} {
		for i, key := range v.p.keys {
			item := v.p.items[i]
			if !done[key] && nested == (item.kind == KindList || item.kind == KindRecord) {
				w.field(item, nil, humanized(key), indent)
			}
		}
	}
}

func titleOf(field Field) string {
	if field.Type.Title != "" {
		return field.Type.Title
	}
	return humanized(field.Name)
}

// humanized makes Order number of order_number and orderNumber.
func humanized(name string) string {
	var b strings.Builder
	var before rune
	for i, r := range name {
		switch {
		case r == '_' || r == '-':
			r = ' '
			b.WriteRune(r)
		case i == 0:
			b.WriteRune(unicode.ToUpper(r))
		case unicode.IsUpper(r) && unicode.IsLower(before):
			b.WriteByte(' ')
			b.WriteRune(unicode.ToLower(r))
		default:
			b.WriteRune(r)
		}
		before = r
	}
	return b.String()
}

func (w *readableWriter) field(v Value, t *Type, label string, indent int) {
	switch {
	case v.kind == KindMissing:
	case v.kind == KindRecord:
		w.line(indent, label+":")
		w.record(v, t, indent+1)
	case v.kind == KindList && scalars(v):
		texts := make([]string, len(v.p.items))
		for i, item := range v.p.items {
			texts[i] = plainScalar(item)
		}
		w.line(indent, label+": "+strings.Join(texts, ", "))
	case v.kind == KindList:
		w.line(indent, label+":")
		w.list(v, t, indent+1)
	default:
		w.line(indent, label+": "+plainScalar(v))
	}
}

func scalars(v Value) bool {
	for _, item := range v.p.items {
		if item.kind == KindList || item.kind == KindRecord {
			return false
		}
	}
	return true
}

func (w *readableWriter) list(v Value, t *Type, indent int) {
	if indent > maxReadableDepth {
		w.line(indent, "…")
		return
	}
	var item *Type
	if t != nil {
		item = t.Items
	}
	for i, element := range v.p.items {
		if element.kind == KindRecord || element.kind == KindList {
			w.line(indent, strconv.Itoa(i+1)+".")
			w.value(element, item, indent+1)
			continue
		}
		w.line(indent, "- "+plainScalar(element))
	}
}

// checkFieldPath reports a path such as ship_to.country that records of a type cannot have.
func (c *checker) checkFieldPath(t *Type, path string, at span) {
	for key := range strings.SplitSeq(path, ".") {
		if t.Kind != KindRecord {
			return
		}
		member := t.Member(key)
		if member == nil {
			c.fail(at, source.DidYouMean(key, t.FieldNames()), "unknown field %s", key)
			return
		}
		t = member
	}
}
