package rules

import (
	"slices"
	"strings"
)

// Type is what is known about a value before anything runs. Types are built once, by ParseType or the
// constructors here, and never changed afterwards; they may be shared between goroutines.
type Type struct {
	Kind        Kind
	Optional    bool // the value may be missing
	Title       string
	Description string

	Enum      []Value // the only values possible, all of Kind
	Integer   bool    // numbers: only whole ones
	Minimum   *Num
	Maximum   *Num
	MinLength int // texts, in characters
	MaxLength int // texts, in characters; 0 = no limit of its own
	Format    string

	Items    *Type // lists: of each item; nil = of an empty list
	MaxItems int   // lists; 0 = no limit of its own
	MinItems int   // lists: so many are there for certain, as who made the list has seen to; not part of declarations

	Fields []Field // records: in the order of the file
	Open   bool    // records: other fields may be there
	Extra  *Type   // open records: of those other fields; nil = any

	Ref      string // texts: the id of a record of this contract and kind, as in crm.customer
	Record   string // records: a business record of this kind, with an id that is a Ref
	Personal bool   // personal data: kept out of logs, names and messages
}

// Field is one field of a record type.
type Field struct {
	Name     string
	Type     *Type
	Required bool
}

// TypeOf is the plain type of a kind: any list, any record, any text …
func TypeOf(kind Kind) *Type {
	switch kind {
	case KindList:
		return &Type{Kind: KindList, Items: &Type{Kind: KindAny, Optional: true}}
	case KindRecord:
		return &Type{Kind: KindRecord, Open: true}
	case KindMissing, KindAny:
		return &Type{Kind: kind, Optional: true}
	default:
		return &Type{Kind: kind}
	}
}

// ListOf is the type of lists of items.
func ListOf(item *Type) *Type { return &Type{Kind: KindList, Items: item} }

// RecordType is the type of records with exactly these fields.
func RecordType(fields ...Field) *Type { return &Type{Kind: KindRecord, Fields: fields} }

// EnumOf is the type of texts that can only be one of the given ones.
func EnumOf(texts ...string) *Type {
	t := &Type{Kind: KindText}
	for _, text := range texts {
		t.Enum = append(t.Enum, Text(text))
	}
	return t
}

// RefTo is the type of ids of a record of another system, as in crm.customer.
func RefTo(ref string) *Type { return &Type{Kind: KindText, Ref: ref} }

// AsOptional is the type with "may be missing" added.
func (t *Type) AsOptional() *Type { return t.optional(true) }

// AsPresent is the type with "may be missing" taken away. Any stays as it is: it says nothing.
func (t *Type) AsPresent() *Type { return t.optional(false) }

func (t *Type) optional(optional bool) *Type {
	if t.Optional == optional {
		return t
	}
	changed := *t
	changed.Optional = optional
	return &changed
}

// Field returns a declared field of a record type.
func (t *Type) Field(name string) (Field, bool) {
	for _, field := range t.Fields {
		if field.Name == name {
			return field, true
		}
	}
	return Field{}, false
}

// Member is the type of what a field holds, optional if it may not be there; nil if a record of this
// type cannot have the field.
func (t *Type) Member(name string) *Type {
	if field, ok := t.Field(name); ok {
		return field.Type.optional(field.Type.Optional || !field.Required)
	}
	switch {
	case t.Kind != KindRecord || !t.Open:
		return nil
	case t.Extra != nil:
		return t.Extra.AsOptional()
	default:
		return TypeOf(KindAny)
	}
}

// FieldNames lists the declared fields in the order of the file.
func (t *Type) FieldNames() []string {
	names := make([]string, len(t.Fields))
	for i, field := range t.Fields {
		names[i] = field.Name
	}
	return names
}

// With returns a record type with one field added or replaced.
func (t *Type) With(field Field) *Type {
	changed := *t
	changed.Fields = slices.Clone(t.Fields)
	for i := range changed.Fields {
		if changed.Fields[i].Name == field.Name {
			changed.Fields[i] = field
			return &changed
		}
	}
	changed.Fields = append(changed.Fields, field)
	return &changed
}

func (t *Type) enumTexts() []string {
	texts := make([]string, len(t.Enum))
	for i, value := range t.Enum {
		texts[i] = value.String()
	}
	return texts
}

func (t *Type) hasEnum(v Value) bool { return slices.ContainsFunc(t.Enum, v.Equal) }

// String describes the type in a few words: text, list of number, crm.customer id, one of bronze, silver.
func (t *Type) String() string {
	if t == nil {
		return "nothing"
	}
	switch {
	case len(t.Enum) > 0:
		return "one of " + strings.Join(t.enumTexts(), ", ")
	case t.Ref != "":
		return "id of " + article(t.Ref)
	case t.Record != "":
		return t.Record + " record"
	case t.Kind == KindList && t.Items != nil && t.Items.Kind != KindAny:
		return "list of " + t.Items.String()
	case t.Integer:
		return "whole number"
	default:
		return t.Kind.String()
	}
}

func article(noun string) string {
	if noun != "" && strings.ContainsRune("aeiou", rune(noun[0])) {
		return "an " + noun
	}
	return "a " + noun
}

// refKind is the kind in contract.kind.
func refKind(ref string) string { return ref[strings.LastIndexByte(ref, '.')+1:] }

// Join is the type of a value that is either of a or of b, as the result of a step and of what stands in
// for it. A field that only one of two records has becomes optional; kinds that differ become any.
func Join(a, b *Type) *Type {
	joined, ok := join(a, b)
	if !ok {
		return &Type{Kind: KindAny, Optional: true, Personal: a.Personal || b.Personal}
	}
	return joined
}

// join reports false where two kinds (other than missing and any) meet.
func join(a, b *Type) (*Type, bool) {
	switch {
	case a == nil:
		return b, true
	case b == nil || a == b:
		return a, true
	case a.Kind == KindMissing:
		return b.AsOptional(), true
	case b.Kind == KindMissing:
		return a.AsOptional(), true
	case a.Kind == KindAny || b.Kind == KindAny:
		return &Type{Kind: KindAny, Optional: true, Personal: a.Personal || b.Personal}, true
	case a.Kind != b.Kind:
		return nil, false
	}
	t := &Type{Kind: a.Kind, Optional: a.Optional || b.Optional, Personal: a.Personal || b.Personal,
		Integer: a.Integer && b.Integer, Title: same(a.Title, b.Title), Ref: same(a.Ref, b.Ref), Record: same(a.Record, b.Record)}
	if len(a.Enum) > 0 && len(b.Enum) > 0 {
		t.Enum = slices.Clone(a.Enum)
		for _, value := range b.Enum {
			if !a.hasEnum(value) {
				t.Enum = append(t.Enum, value)
			}
		}
	}
	if a.MaxLength > 0 && b.MaxLength > 0 {
		t.MaxLength = max(a.MaxLength, b.MaxLength)
	}
	ok := true
	switch a.Kind {
	case KindList:
		if a.MaxItems > 0 && b.MaxItems > 0 {
			t.MaxItems = max(a.MaxItems, b.MaxItems)
		}
		t.Items, ok = join(a.Items, b.Items)
	case KindRecord:
		joinFields(t, a, b)
	}
	return t, ok
}

func joinFields(t, a, b *Type) {
	t.Open = a.Open || b.Open
	if t.Open && a.Extra != nil && b.Extra != nil {
		t.Extra = Join(a.Extra, b.Extra)
	}
	for _, field := range a.Fields {
		if other, both := b.Field(field.Name); both {
			t.Fields = append(t.Fields, Field{Name: field.Name, Type: Join(field.Type, other.Type), Required: field.Required && other.Required})
		} else {
			t.Fields = append(t.Fields, Field{Name: field.Name, Type: field.Type})
		}
	}
	for _, field := range b.Fields {
		if _, both := a.Field(field.Name); !both {
			t.Fields = append(t.Fields, Field{Name: field.Name, Type: field.Type})
		}
	}
}

func same(a, b string) string {
	if a == b {
		return a
	}
	return ""
}
