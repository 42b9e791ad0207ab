package adapters

import (
	"crosswalk/rules"
	"crosswalk/source"
)

// literal is a YAML value as data, without any expressions.
func literal(node *source.Node) rules.Value {
	switch node.Kind() {
	case source.Map:
		fields := map[string]rules.Value{}
		for _, key := range node.Keys() {
			fields[key] = literal(node.Get(key))
		}
		return rules.Record(fields)
	case source.List:
		var items []rules.Value
		for _, item := range node.List() {
			items = append(items, literal(item))
		}
		return rules.List(items...)
	case source.Scalar:
		return scalar(node)
	default:
		return rules.Missing()
	}
}

func scalar(node *source.Node) rules.Value {
	text, quoted := node.Literal()
	switch {
	case quoted:
	case node.Tag() == "!!bool":
		return rules.Bool(node.Bool())
	case node.Tag() == "!!int" || node.Tag() == "!!float":
		if number, err := rules.ParseNum(text); err == nil {
			return rules.Number(number)
		}
	}
	return rules.Text(text)
}
