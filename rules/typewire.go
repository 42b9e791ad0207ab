package rules

import (
	"encoding/json"
	"fmt"
	"slices"
)

// wireType is a Type as it is stored: what is not said is left out, so that a type that grows a property keeps the
// bytes of those that do not have it.
type wireType struct {
	Kind        string      `json:"kind"`
	Optional    bool        `json:"optional,omitempty"`
	Title       string      `json:"title,omitempty"`
	Description string      `json:"description,omitempty"`
	Enum        []Value     `json:"enum,omitempty"`
	Integer     bool        `json:"integer,omitempty"`
	Minimum     *Value      `json:"minimum,omitempty"`
	Maximum     *Value      `json:"maximum,omitempty"`
	MinLength   int         `json:"min_length,omitempty"`
	MaxLength   int         `json:"max_length,omitempty"`
	Format      string      `json:"format,omitempty"`
	Items       *Type       `json:"items,omitempty"`
	MaxItems    int         `json:"max_items,omitempty"`
	Fields      []wireField `json:"fields,omitempty"`
	Open        bool        `json:"open,omitempty"`
	Extra       *Type       `json:"extra,omitempty"`
	Ref         string      `json:"ref,omitempty"`
	Record      string      `json:"record,omitempty"`
	Personal    bool        `json:"personal,omitempty"`
}

type wireField struct {
	Name     string `json:"name"`
	Type     *Type  `json:"type"`
	Required bool   `json:"required,omitempty"`
}

// MarshalJSON is the form in which a type is stored, the same bytes for the same type.
func (t *Type) MarshalJSON() ([]byte, error) {
	w := wireType{
		Kind: t.Kind.String(), Optional: t.Optional, Title: t.Title, Description: t.Description, Enum: t.Enum, Integer: t.Integer,
		Minimum: numberOf(t.Minimum), Maximum: numberOf(t.Maximum), MinLength: t.MinLength, MaxLength: t.MaxLength, Format: t.Format,
		Items: t.Items, MaxItems: t.MaxItems, Open: t.Open, Extra: t.Extra, Ref: t.Ref, Record: t.Record, Personal: t.Personal,
	}
	for _, field := range t.Fields {
		w.Fields = append(w.Fields, wireField(field))
	}
	return json.Marshal(w)
}

// UnmarshalJSON reads what MarshalJSON wrote.
func (t *Type) UnmarshalJSON(text []byte) error {
	var w wireType
	if err := json.Unmarshal(text, &w); err != nil {
		return err
	}
	kind := slices.Index(kindNames[:], w.Kind)
	if kind < 0 {
		return fmt.Errorf("rules: a type of the unknown kind %q", w.Kind)
	}
	*t = Type{
		Kind: Kind(kind), Optional: w.Optional, Title: w.Title, Description: w.Description, Enum: w.Enum, Integer: w.Integer,
		Minimum: limitOf(w.Minimum), Maximum: limitOf(w.Maximum), MinLength: w.MinLength, MaxLength: w.MaxLength, Format: w.Format,
		Items: w.Items, MaxItems: w.MaxItems, Open: w.Open, Extra: w.Extra, Ref: w.Ref, Record: w.Record, Personal: w.Personal,
	}
	for _, field := range w.Fields {
		t.Fields = append(t.Fields, Field(field))
	}
	return nil
}

func numberOf(n *Num) *Value {
	if n == nil {
		return nil
	}
	v := Number(*n)
	return &v
}

func limitOf(v *Value) *Num {
	if v == nil {
		return nil
	}
	n := v.Num()
	return &n
}
