package dmn

import (
	"strconv"
	"strings"
)

// factType is a type as YAML has it, between braces.
type factType struct {
	text     string // type: number, …
	optional bool
}

func (t factType) yaml(title string) string {
	text := t.text
	if !t.optional {
		text += ", required: true"
	}
	if title != "" {
		text += ", title: " + strconv.Quote(title)
	}
	return "{" + text + "}"
}

var basicTypes = map[string]string{
	"string": "type: string", "number": "type: number", "boolean": "type: boolean", "date": "type: date", "any": "type: any", "": "type: any",
	"dateandtime": "type: date-time", "datetime": "type: date-time", "daysandtimeduration": "type: duration", "daytimeduration": "type: duration",
	"integer": "type: integer", "long": "type: integer", "double": "type: number", // of Camunda
}

// basic is the type that FEEL has by itself; "" if it is none.
func basic(ref string) string {
	if _, after, found := strings.Cut(ref, ":"); found {
		ref = after
	}
	return basicTypes[strings.ToLower(strings.ReplaceAll(ref, " ", ""))]
}

// withOptional is the type with a field, named by its path, that may be missing. The type stays as it is if it has no such field.
func (t factType) withOptional(path []string) factType {
	const fields = "properties: {"
	at := strings.Index(t.text, fields)
	if at < 0 {
		return t
	}
	for at += len(fields); ; {
		name, rest, found := strings.Cut(t.text[at:], ": {")
		if !found {
			return t
		}
		at += len(t.text[at:]) - len(rest)
		end := at + closing(rest)
		if name == path[0] {
			field := factType{text: t.text[at:end]}
			if len(path) > 1 {
				field = field.withOptional(path[1:])
			} else {
				field.text = strings.TrimSuffix(field.text, ", required: true")
			}
			t.text = t.text[:at] + field.text + t.text[end:]
			return t
		}
		if at = end + len("}, "); at >= len(t.text) {
			return t
		}
	}
}

// closing is where the brace closes before which a text stands.
func closing(text string) int {
	depth, quoted := 1, false
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case c == '\\' && quoted:
			i++
		case c == '"':
			quoted = !quoted
		case c == '{' && !quoted:
			depth++
		case c == '}' && !quoted:
			depth--
		}
		if depth == 0 {
			return i
		}
	}
	return len(text)
}

// typeOf is the type that an element's typeRef names.
func (m *model) typeOf(e *element, optional bool) factType {
	if e == nil {
		return factType{"type: any", true}
	}
	ref := e.attribute("typeRef")
	if ref == "" {
		if child := e.child("typeRef"); child != nil {
			ref = strings.TrimSpace(child.text)
		}
	}
	return m.named(e, ref, optional, 0)
}

func (m *model) named(at *element, ref string, optional bool, depth int) factType {
	name := ref
	if _, after, found := strings.Cut(ref, ":"); found {
		name = after
	}
	definition := m.types[ref]
	if definition == nil {
		definition = m.types[name]
	}
	if definition == nil {
		text := basic(ref)
		if text == "" {
			m.fail(at, "", "the type %s is not translated", quoted(ref))
			text = "type: any"
		}
		return factType{text, optional || text == "type: any"}
	}
	if depth > maxDepth {
		m.fail(at, "", "the type %s is made of itself", quoted(ref))
		return factType{"type: any", true}
	}
	t := m.defined(definition, depth+1)
	t.optional = t.optional || optional
	return t
}

// defined is the type of an item definition or of a field of one.
func (m *model) defined(e *element, depth int) factType {
	var t factType
	components := e.all("itemComponent")
	switch {
	case len(components) > 0:
		var fields []string
		for _, c := range components {
			fields = append(fields, identifier(c.attribute("name"))+": "+m.defined(c, depth+1).yaml(""))
		}
		t.text = "type: record, properties: {" + strings.Join(fields, ", ") + "}"
	case e.child("functionItem") != nil:
		m.fail(e, "", "the type %s is that of a function", quoted(e.attribute("name")))
		t.text = "type: any"
	default:
		ref := ""
		if child := e.child("typeRef"); child != nil {
			ref = strings.TrimSpace(child.text)
		}
		t = m.named(e, ref, false, depth)
	}
	if depth > maxDepth {
		return factType{"type: any", true}
	}
	for _, name := range []string{"allowedValues", "typeConstraint"} {
		if allowed := e.child(name); allowed != nil && len(components) == 0 {
			t = m.allowed(allowed, t)
		}
	}
	if e.attribute("isCollection") == "true" {
		t = factType{"type: list, items: {" + t.text + "}", t.optional}
	}
	return t
}

// allowed keeps the values that a type is restricted to.
func (m *model) allowed(e *element, t factType) factType {
	values, null, bounds, err := constraint(e.says())
	switch {
	case err != nil:
		m.fail(e, "", "the allowed values %s are not translated: %s", quoted(e.says()), err)
	case bounds != "":
		t.text += ", " + bounds
	case len(values) > 0 && !strings.Contains(t.text, "enum:"):
		t.text += ", enum: [" + strings.Join(values, ", ") + "]"
	}
	t.optional = t.optional || null
	return t
}

// constraint reads allowed values: literals in the order of the model, or bounds.
func constraint(text string) (values []string, null bool, bounds string, err error) {
	if text == "" || text == "-" {
		return nil, false, "", nil
	}
	_, err = translate(text, scope{}, func(f *feel) bool {
		for {
			if t := f.peek(); t.kind == 'o' && (t.text == "[" || t.text == "(" || t.text == "]") {
				low, high, lowOpen, highOpen, ok := f.interval()
				if !ok || lowOpen || highOpen || low.kind != literalNumber || high.kind != literalNumber || bounds != "" {
					f.fail("only a range of numbers with both ends can be kept")
				}
				bounds = "minimum: " + low.value + ", maximum: " + high.value
			} else if t.kind == 'o' && (t.text == ">=" || t.text == "<=") && bounds == "" {
				f.next()
				of := f.sum()
				if of.kind != literalNumber {
					f.fail("only bounds of numbers can be kept")
				}
				bounds = map[string]string{">=": "minimum: ", "<=": "maximum: "}[t.text] + of.value
			} else {
				switch of := f.sum(); of.kind {
				case literalText:
					values = append(values, strconv.Quote(of.value))
				case literalNumber, literalBool:
					values = append(values, of.value)
				case literalNull:
					null = true
				default:
					f.fail("only fixed values can be kept")
				}
			}
			if !f.take(",") {
				break
			}
		}
		if bounds != "" && len(values) > 0 {
			f.fail("a range and values together cannot be kept")
		}
		return true
	})
	return values, null, bounds, err
}
