package source

import (
	"fmt"
	"slices"
)

// Format is one kind of file. Loaders take the names of fields from its shapes, and the JSON Schema and the reference
// are made of them, so that an editor, a reader and the loader are told the same.
type Format struct {
	Name  string // as in `crosswalk schemas NAME`
	Title string
	Files string // where such files lie in a workspace
	About string
	Page  string // of the documentation, where it is explained
	Root  *Shape
}

// Shape says what may stand at one place of a file. Exactly one way of saying so is used: a kind of scalar, Fields, Of,
// OneOf or a name that refers to another shape.
type Shape struct {
	// Name is that of a part which is described once, because it stands in several places or inside of itself.
	Name  string
	About string // of a named part

	kind    shapeKind
	fields  []Field
	of      *Shape
	either  []*Shape
	choices []string
	pattern string
	words   string // the kind for people, where it is told more closely than by the kind itself
}

// Field is one field of a mapping.
type Field struct {
	Name     string
	Is       *Shape
	Required bool
	About    string // a sentence
	Default  string // what holds if it is left out, for people; "": nothing does
	Example  string // a value, as it is written in the file
	// Refused says that the loader knows the name only to say what to write instead: it is in no schema and no reference.
	Refused bool
}

type shapeKind int

const (
	shapeText shapeKind = iota
	shapeWhole
	shapeBool
	shapeNothing
	shapeAny
	shapeRecord
	shapeNamed
	shapeList
	shapeEither
	shapeRef
)

// Text is any scalar.
func Text() *Shape { return &Shape{kind: shapeText} }

// Words is any scalar, of a kind that people have a word for: a date, an expression.
func Words(kind string) *Shape { return &Shape{kind: shapeText, words: kind} }

// Matching is a scalar of a form.
func Matching(kind, pattern string) *Shape {
	return &Shape{kind: shapeText, words: kind, pattern: pattern}
}

// Span is a plain duration.
func Span() *Shape { return Matching("duration", durationUnits.String()) }

// Condition is an expression that is true or false.
func Condition() *Shape { return &Shape{kind: shapeText, words: "condition"} }

// Template is a text in which ${…} holds an expression.
func Template() *Shape { return &Shape{kind: shapeText, words: "text with ${…}"} }

// Whole is a whole number.
func Whole() *Shape { return &Shape{kind: shapeWhole} }

// YesNo is true or false.
func YesNo() *Shape { return &Shape{kind: shapeBool} }

// Nothing is a field with nothing behind it.
func Nothing() *Shape { return &Shape{kind: shapeNothing} }

// Tree is a value of any shape, with ${…} in its scalars: what it must be, the checker says.
func Tree() *Shape { return &Shape{kind: shapeAny} }

// Choice is one of some words.
func Choice(words ...string) *Shape { return &Shape{kind: shapeText, choices: words} }

// Record is a mapping with these fields and no others.
func Record(fields ...Field) *Shape { return &Shape{kind: shapeRecord, fields: fields} }

// Part is a record with a name of its own.
func Part(name, about string, fields ...Field) *Shape {
	return &Shape{kind: shapeRecord, Name: name, About: about, fields: fields}
}

// Named is a mapping of names that the file chooses.
func Named(of *Shape) *Shape { return &Shape{kind: shapeNamed, of: of} }

// ListOf is a list.
func ListOf(of *Shape) *Shape { return &Shape{kind: shapeList, of: of} }

// OneOrMore is a value, or a list of such values.
func OneOrMore(of *Shape) *Shape { return Either(of, ListOf(of)) }

// Either is one of several shapes.
func Either(shapes ...*Shape) *Shape { return &Shape{kind: shapeEither, either: shapes} }

// NamedPart gives a shape a name under which others refer to it.
func NamedPart(name, about string, shape *Shape) *Shape {
	part := *shape
	part.Name, part.About = name, about
	return &part
}

// Ref is the part of that name, which stands somewhere in the same format.
func Ref(name string) *Shape { return &Shape{kind: shapeRef, words: name} }

// Names are the names of the fields of a record.
func (s *Shape) Names() []string {
	names := make([]string, len(s.fields))
	for i, field := range s.fields {
		names[i] = field.Name
	}
	return names
}

// With is the record with further fields.
func (s *Shape) With(fields ...Field) *Shape {
	wider := *s
	wider.fields = append(slices.Clone(s.fields), fields...)
	return &wider
}

// Fields returns the values of a mapping by the names of the record, and reports every other name.
func (n *Node) Fields(record *Shape) map[string]*Node { return n.Map(record.Names()...) }

// Members are the fields of a record, in the order of the description.
func (s *Shape) Members() []Field { return s.fields }

// inner are the shapes directly inside of one.
func (s *Shape) inner() []*Shape {
	inner := slices.Clone(s.either)
	if s.of != nil {
		inner = append(inner, s.of)
	}
	for _, field := range s.fields {
		inner = append(inner, field.Is)
	}
	return inner
}

// Parts are the parts of the format in the order in which they are met: the root first.
func (f *Format) Parts() []*Shape {
	parts := []*Shape{f.Root}
	var collect func(*Shape)
	collect = func(s *Shape) {
		if s.Name != "" && s != f.Root {
			if slices.ContainsFunc(parts, func(other *Shape) bool { return other.Name == s.Name }) {
				return
			}
			parts = append(parts, s)
		}
		for _, inner := range s.inner() {
			collect(inner)
		}
	}
	collect(f.Root)
	return parts
}

// part finds a part by its name. A name that is not there is a mistake of ours, which a test finds.
func (f *Format) part(name string) *Shape {
	parts := f.Parts()
	i := slices.IndexFunc(parts, func(s *Shape) bool { return s.Name == name })
	if i < 0 {
		panic(fmt.Sprintf("source: the format %s has no part %q", f.Name, name))
	}
	return parts[i]
}
