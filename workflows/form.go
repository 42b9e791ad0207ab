package workflows

import (
	"crosswalk/rules"
)

// The words for what a form's field takes.
const (
	fieldText     = "text"
	fieldNumber   = "number"
	fieldBoolean  = "boolean"
	fieldDate     = "date"
	fieldDateTime = "date-time"
	fieldJSON     = "json"
)

// wholeValue is the one field of a form for what is no record.
const wholeValue = "value"

// form describes a type to whoever shows a form for it: a list of fields in the order of the file. What is no record
// is one field.
func form(t *rules.Type) rules.Value {
	if t == nil {
		return rules.Value{}
	}
	if !isForm(t) {
		return rules.List(formField(rules.Field{Name: wholeValue, Type: t, Required: !t.Optional}, rules.Value{}))
	}
	return formFields(t, rules.Value{})
}

func isForm(t *rules.Type) bool { return t.Kind == rules.KindRecord && len(t.Fields) > 0 }

// unform reads what was typed into a form.
func unform(t *rules.Type, typed rules.Value) (rules.Value, error) {
	if t == nil {
		return typed, nil
	}
	if !isForm(t) && typed.Kind() == rules.KindRecord && t.Kind != rules.KindRecord {
		typed = typed.Get(wholeValue)
	}
	return t.Decode(typed)
}

// formFields describes the fields of a record type, with their values if there are any.
func formFields(t *rules.Type, values rules.Value) rules.Value {
	list := make([]rules.Value, 0, len(t.Fields))
	for _, field := range t.Fields {
		if t.Record != "" && field.Name == "system" {
			continue // written by the runtime
		}
		list = append(list, formField(field, values.Get(field.Name)))
	}
	return rules.List(list...)
}

func formField(field rules.Field, value rules.Value) rules.Value {
	one := map[string]rules.Value{"name": rules.Text(field.Name), "title": rules.Text(field.Name), "type": rules.Text(fieldType(field.Type)),
		"required": rules.Bool(field.Required), "value": value}
	if field.Type != nil && field.Type.Title != "" {
		one["title"] = rules.Text(field.Type.Title)
	}
	if field.Type != nil && len(field.Type.Enum) > 0 && field.Type.Kind == rules.KindText {
		one["enum"] = rules.List(field.Type.Enum...)
	}
	return rules.Record(one)
}

func fieldType(t *rules.Type) string {
	if t == nil {
		return fieldJSON
	}
	switch t.Kind {
	case rules.KindText, rules.KindDuration:
		return fieldText
	case rules.KindNumber:
		return fieldNumber
	case rules.KindBool:
		return fieldBoolean
	case rules.KindDate:
		return fieldDate
	case rules.KindInstant:
		return fieldDateTime
	}
	return fieldJSON
}
