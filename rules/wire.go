package rules

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"
	"unicode/utf8"
)

// The keys that mark what plain JSON cannot say. A record of the user's that has a key starting with $
// is wrapped in $record, so that data can never be mistaken for a mark.
const (
	markDate     = "$date"
	markInstant  = "$instant"
	markDuration = "$duration"
	markRecord   = "$record"
)

// MarshalJSON is the self-describing form in which values cross Temporal and rest in the store. It is
// canonical: equal values have equal bytes.
func (v Value) MarshalJSON() ([]byte, error) { return v.appendWire(nil), nil }

// UnmarshalJSON reads what MarshalJSON wrote.
func (v *Value) UnmarshalJSON(text []byte) error {
	decoded, err := readJSON(text, true)
	if err != nil {
		return err
	}
	*v = decoded
	return nil
}

// Plain is ordinary JSON for people and other programs: keys sorted, numbers exact, dates and durations
// as text, missing as null. What it says about kinds is lost; see Type.Decode for the way back.
func (v Value) Plain() []byte { return v.appendPlain(make([]byte, 0, 256)) }

// FromJSON reads any JSON document without types: numbers stay exact, null is missing, and a name that
// stands twice in an object is an error.
func FromJSON(text []byte) (Value, error) { return readJSON(text, false) }

// FromJSONGently reads what another system wrote as FromJSON does, but takes half of a character (\ud83d without its other
// half, as RFC 8259 section 8.2 foresees it, of an emoji that somebody cut in two) for U+FFFD. halves says how many there
// were: what is then not quite what the system said must not go unseen.
func FromJSONGently(text []byte) (v Value, halves int, err error) {
	r := &jsonReader{text: string(text), gentle: true}
	v, err = r.whole()
	return v, r.halves, err
}

// Hash is the SHA-256 of the canonical form, in hexadecimal.
func (v Value) Hash() string {
	sum := sha256.Sum256(v.appendWire(make([]byte, 0, 256)))
	return hex.EncodeToString(sum[:])
}

func (v Value) appendWire(b []byte) []byte {
	switch v.kind {
	case KindDate, KindInstant, KindDuration:
		mark := [...]string{markDate, markInstant, markDuration}[v.kind-KindDate]
		b = append(b, `{"`...)
		b = append(b, mark...)
		b = append(b, `":"`...)
		b = v.appendScalar(b)
		return append(b, `"}`...)
	case KindList:
		return v.appendList(b, Value.appendWire)
	case KindRecord:
		for _, key := range v.p.keys {
			if strings.HasPrefix(key, "$") {
				b = append(b, `{"`+markRecord+`":`...)
				return append(v.appendFields(b, Value.appendWire), '}')
			}
		}
		return v.appendFields(b, Value.appendWire)
	default:
		return v.appendPlain(b)
	}
}

func (v Value) appendPlain(b []byte) []byte {
	switch v.kind {
	case KindMissing:
		return append(b, "null"...)
	case KindBool, KindNumber:
		return v.appendScalar(b)
	case KindText:
		return appendQuoted(b, v.s)
	case KindList:
		return v.appendList(b, Value.appendPlain)
	case KindRecord:
		return v.appendFields(b, Value.appendPlain)
	default:
		return append(v.appendScalar(append(b, '"')), '"')
	}
}

func (v Value) appendList(b []byte, appendItem func(Value, []byte) []byte) []byte {
	b = append(b, '[')
	for i, item := range v.p.items {
		if i > 0 {
			b = append(b, ',')
		}
		b = appendItem(item, b)
	}
	return append(b, ']')
}

func (v Value) appendFields(b []byte, appendItem func(Value, []byte) []byte) []byte {
	b = append(b, '{')
	for i, item := range v.p.items {
		if i > 0 {
			b = append(b, ',')
		}
		b = appendQuoted(b, v.p.keys[i])
		b = appendItem(item, append(b, ':'))
	}
	return append(b, '}')
}

const hexDigits = "0123456789abcdef"

// appendQuoted writes a JSON string. Texts are valid UTF-8, see Text; the two line separators are
// escaped because JavaScript once ended lines at them.
func appendQuoted(b []byte, s string) []byte {
	b = append(b, '"')
	start := 0
	for i := 0; i < len(s); {
		c := s[i]
		if c < utf8.RuneSelf {
			if c >= ' ' && c != '"' && c != '\\' && c != 0x7f {
				i++
				continue
			}
			b = append(b, s[start:i]...)
			switch c {
			case '"', '\\':
				b = append(b, '\\', c)
			case '\n':
				b = append(b, '\\', 'n')
			case '\t':
				b = append(b, '\\', 't')
			default:
				b = append(b, '\\', 'u', '0', '0', hexDigits[c>>4], hexDigits[c&15])
			}
			i++
			start = i
			continue
		}
		r, size := utf8.DecodeRuneInString(s[i:])
		if r == '\u2028' || r == '\u2029' {
			b = append(b, s[start:i]...)
			b = append(b, '\\', 'u', '2', '0', '2', hexDigits[r&15])
			start = i + size
		}
		i += size
	}
	b = append(b, s[start:]...)
	return append(b, '"')
}

// unmark turns a wire object with one $key into the value that it stands for.
func unmark(mark string, content Value) (Value, error) {
	var v Value
	var err error
	switch mark {
	case markDate:
		v, err = ParseDate(content.Text())
	case markInstant:
		v, err = ParseInstant(content.Text())
	case markDuration:
		v, err = ParseDuration(content.Text())
	default:
		err = fmt.Errorf("unknown mark %s", quoted(mark))
	}
	return v, err
}
