package rules

import (
	"fmt"
	"slices"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// maxJSONDepth bounds the nesting of values that come from outside.
const maxJSONDepth = 100

// jsonReader is a strict reader of RFC 8259. It exists because encoding/json knows numbers only as
// float64 or as text, forgives names that stand twice, and builds Go maps that we would have to sort.
type jsonReader struct {
	text  string
	at    int
	marks bool // whether $date and its like are understood

	gentle bool // half of a character becomes U+FFFD
	halves int  // how many did
}

func readJSON(text []byte, marks bool) (Value, error) {
	return (&jsonReader{text: string(text), marks: marks}).whole()
}

func (r *jsonReader) whole() (Value, error) {
	if !utf8.ValidString(r.text) {
		return Value{}, r.errorf("not UTF-8")
	}
	v, err := r.value(0)
	if err != nil {
		return Value{}, err
	}
	if r.space(); r.at < len(r.text) {
		return Value{}, r.errorf("more text after the end of the value")
	}
	return v, nil
}

func (r *jsonReader) errorf(format string, args ...any) error {
	return fmt.Errorf("not valid JSON at byte %d: %s", r.at+1, fmt.Sprintf(format, args...))
}

func (r *jsonReader) space() {
	for r.at < len(r.text) && (r.text[r.at] == ' ' || r.text[r.at] == '\n' || r.text[r.at] == '\t' || r.text[r.at] == '\r') {
		r.at++
	}
}

// next skips space and returns the next byte without taking it, or 0 at the end.
func (r *jsonReader) next() byte {
	if r.space(); r.at < len(r.text) {
		return r.text[r.at]
	}
	return 0
}

func (r *jsonReader) take(b byte) bool {
	if r.next() != b {
		return false
	}
	r.at++
	return true
}

func (r *jsonReader) value(depth int) (Value, error) {
	if depth > maxJSONDepth {
		return Value{}, r.errorf("nested deeper than %d levels", maxJSONDepth)
	}
	switch c := r.next(); {
	case c == '{':
		return r.object(depth)
	case c == '[':
		return r.array(depth)
	case c == '"':
		s, err := r.string()
		return Value{kind: KindText, s: s}, err
	case c == '-' || c >= '0' && c <= '9':
		return r.number()
	}
	for _, word := range [...]struct {
		text  string
		value Value
	}{{"true", Bool(true)}, {"false", Bool(false)}, {"null", Value{}}} {
		if strings.HasPrefix(r.text[r.at:], word.text) {
			r.at += len(word.text)
			return word.value, nil
		}
	}
	if r.at >= len(r.text) {
		return Value{}, r.errorf("the text ends too early")
	}
	return Value{}, r.errorf("unexpected %q", r.text[r.at])
}

func (r *jsonReader) number() (Value, error) {
	start := r.at
	for r.at < len(r.text) && strings.IndexByte("+-.0123456789eE", r.text[r.at]) >= 0 {
		r.at++
	}
	text := r.text[start:r.at]
	digits := strings.TrimPrefix(text, "-")
	whole := digits[:len(digits)-len(strings.TrimLeft(digits, "0123456789"))]
	point := strings.IndexByte(digits, '.')
	if whole == "" || len(whole) > 1 && whole[0] == '0' || point >= 0 && (point+1 == len(digits) || digits[point+1] < '0' || digits[point+1] > '9') {
		r.at = start
		return Value{}, r.errorf("%s is not a number", quoted(text))
	}
	n, err := ParseNum(text)
	if err != nil {
		r.at = start
		return Value{}, r.errorf("%s: %s", quoted(text), err)
	}
	return Number(n), nil
}

func (r *jsonReader) array(depth int) (Value, error) {
	r.at++
	var items []Value
	for !r.take(']') {
		if len(items) > 0 && !r.take(',') {
			return Value{}, r.errorf("expected , or ]")
		}
		item, err := r.value(depth + 1)
		if err != nil {
			return Value{}, err
		}
		items = append(items, item)
	}
	return List(items...), nil
}

func (r *jsonReader) object(depth int) (Value, error) {
	fields, wrapped, err := r.fields(depth, r.marks)
	if err != nil {
		return Value{}, err
	}
	if wrapped || !r.marks || len(fields.p.keys) == 0 || !strings.HasPrefix(fields.p.keys[0], "$") {
		if !slices.ContainsFunc(fields.p.items, Value.IsMissing) {
			return fields, nil
		}
		return recordOf(fields.p.keys, fields.p.items), nil
	}
	if len(fields.p.keys) != 1 || fields.p.keys[0] == markRecord {
		return Value{}, r.errorf("a record with the key %s must be wrapped in %s", quoted(fields.p.keys[0]), markRecord)
	}
	v, err := unmark(fields.p.keys[0], fields.p.items[0])
	if err != nil {
		return Value{}, r.errorf("%s", err)
	}
	return v, nil
}

// fields reads an object as it stands, missing values included. If unwrap is set and the object is
// {"$record": {…}}, it reads the inner one instead, whose keys mean nothing special.
func (r *jsonReader) fields(depth int, unwrap bool) (fields Value, wrapped bool, err error) {
	r.at++
	c := newCompound(few)
	sorted := true
	for !r.take('}') {
		if len(c.keys) > 0 && !r.take(',') {
			return Value{}, false, r.errorf("expected , or }")
		}
		if r.next() != '"' {
			return Value{}, false, r.errorf("expected a name in quotes")
		}
		key, err := r.string()
		if err != nil {
			return Value{}, false, err
		}
		if !r.take(':') {
			return Value{}, false, r.errorf("expected : after a name")
		}
		if unwrap && key == markRecord && len(c.keys) == 0 && r.next() == '{' {
			if fields, _, err = r.fields(depth+1, false); err == nil && !r.take('}') {
				err = r.errorf("expected } after the content of %s", markRecord)
			}
			return fields, true, err
		}
		item, err := r.value(depth + 1)
		if err != nil {
			return Value{}, false, err
		}
		sorted = sorted && (len(c.keys) == 0 || c.keys[len(c.keys)-1] < key)
		c.keys, c.items = append(c.keys, key), append(c.items, item)
	}
	if !sorted {
		if key, twice := c.sort(); twice {
			return Value{}, false, r.errorf("the name %s stands twice in one object", quoted(key))
		}
	}
	return Value{kind: KindRecord, p: c}, false, nil
}

// sort puts the fields in the order of their keys and reports a key that is there twice.
func (c *compound) sort() (key string, twice bool) {
	order := make([]int, len(c.keys))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int { return strings.Compare(c.keys[a], c.keys[b]) })
	keys, items := make([]string, len(order)), make([]Value, len(order))
	for i, from := range order {
		keys[i], items[i] = c.keys[from], c.items[from]
		if i > 0 && keys[i] == keys[i-1] {
			return keys[i], true
		}
	}
	c.keys, c.items = keys, items
	return "", false
}

// string reads a JSON string; the reader stands at its opening quote.
func (r *jsonReader) string() (string, error) {
	r.at++
	start := r.at
	for ; r.at < len(r.text); r.at++ {
		switch c := r.text[r.at]; {
		case c == '"':
			r.at++
			return r.text[start : r.at-1], nil
		case c == '\\':
			return r.escaped(start)
		case c < ' ':
			return "", r.errorf("a control character in a string")
		}
	}
	return "", r.errorf("a string that does not end")
}

// escaped goes on reading a string at its first backslash.
func (r *jsonReader) escaped(start int) (string, error) {
	b := append(make([]byte, 0, r.at-start+32), r.text[start:r.at]...)
	for r.at < len(r.text) {
		c := r.text[r.at]
		switch {
		case c == '"':
			r.at++
			return string(b), nil
		case c < ' ':
			return "", r.errorf("a control character in a string")
		case c != '\\':
			b = append(b, c)
			r.at++
			continue
		}
		if r.at++; r.at >= len(r.text) {
			break
		}
		if r.text[r.at] == 'u' {
			char, ok := r.unicode()
			switch {
			case !ok:
				return "", r.errorf("a \\u that is not followed by four hexadecimal digits")
			case utf16.IsSurrogate(char) && r.gentle:
				char = utf8.RuneError
				r.halves++
			case utf16.IsSurrogate(char):
				r.at -= 6
				return "", r.errorf("%s is half of a character; write both of its halves, or the character itself", r.text[r.at:r.at+6])
			}
			b = utf8.AppendRune(b, char)
			continue
		}
		i := strings.IndexByte(`"\/bfnrt`, r.text[r.at])
		if i < 0 {
			return "", r.errorf("unknown escape \\%c", r.text[r.at])
		}
		b = append(b, "\"\\/\b\f\n\r\t"[i])
		r.at++
	}
	return "", r.errorf("a string that does not end")
}

// unicode reads uXXXX, or a surrogate pair of two of them; a lone surrogate is returned as it is.
func (r *jsonReader) unicode() (rune, bool) {
	first, ok := r.hex4(r.at + 1)
	if !ok {
		return 0, false
	}
	r.at += 5
	if utf16.IsSurrogate(first) && strings.HasPrefix(r.text[r.at:], `\u`) {
		if second, ok := r.hex4(r.at + 2); ok {
			if pair := utf16.DecodeRune(first, second); pair != utf8.RuneError {
				r.at += 6
				return pair, true
			}
		}
	}
	return first, true
}

func (r *jsonReader) hex4(at int) (rune, bool) {
	if at+4 > len(r.text) {
		return 0, false
	}
	var n rune
	for _, c := range []byte(r.text[at : at+4]) {
		i := strings.IndexByte("0123456789abcdef", c|0x20)
		if i < 0 || c < '0' {
			return 0, false
		}
		n = n<<4 | rune(i)
	}
	return n, true
}
