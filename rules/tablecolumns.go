package rules

// Column is a column of a table, for those that write tables or show them.
type Column struct {
	Name   string
	Of     string // of an input: the fact, or the formula
	Type   *Type
	Output bool
}

// Columns lists the inputs and then the outputs, in the order of the head.
func (t *Table) Columns() []Column {
	columns := make([]Column, 0, len(t.columns)+len(t.Outputs.Fields))
	for _, c := range t.columns {
		columns = append(columns, Column{Name: c.name, Of: c.value.text, Type: c.value.result})
	}
	for _, field := range t.Outputs.Fields {
		columns = append(columns, Column{Name: field.Name, Type: field.Type, Output: true})
	}
	return columns
}
