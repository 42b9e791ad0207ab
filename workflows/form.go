package workflows

import "crosswalk/rules"

// form describes a type to whoever shows a form for it: a record with the words of JSON Schema, whose fields are a
// list, because their order means something to people.
func form(t *rules.Type) rules.Value {
	if t == nil {
		return rules.Value{}
	}
	fields := map[string]rules.Value{
		"type": rules.Text(t.Kind.String()), "title": optional(t.Title), "description": optional(t.Description),
		"format": optional(t.Format), "ref": optional(t.Ref), "items": form(t.Items),
	}
	if len(t.Enum) > 0 {
		fields["enum"] = rules.List(t.Enum...)
	}
	if len(t.Fields) > 0 {
		fields["fields"] = formFields(t)
	}
	if t.MaxLength > 0 {
		fields["maxLength"] = rules.Number(rules.Int(int64(t.MaxLength)))
	}
	return rules.Record(fields)
}

func formFields(t *rules.Type) rules.Value {
	list := make([]rules.Value, 0, len(t.Fields))
	for _, field := range t.Fields {
		one := form(field.Type).With("name", rules.Text(field.Name))
		if field.Required {
			one = one.With("required", rules.Bool(true))
		}
		list = append(list, one)
	}
	return rules.List(list...)
}
