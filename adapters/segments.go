package adapters

import (
	"strings"

	"crosswalk/rules"
)

// segments is segments("reports/2026/march.csv"): the places of a path, which a file puts into that of a request.
func segments(arguments []rules.Value) (rules.Value, error) {
	var found []rules.Value
	for _, one := range strings.Split(strings.Trim(arguments[0].Text(), "/"), "/") {
		if one != "" || len(found) > 0 {
			found = append(found, rules.Text(one))
		}
	}
	return rules.List(found...), nil
}

// place writes what an expression gives into a path. Only one whose type is a list fills several places: what a system
// answers never does, whatever it is.
func place(expression *rules.Expression, value rules.Value) (string, error) {
	if expression.Type().Kind != rules.KindList {
		return segment(value)
	}
	var places []string
	for _, item := range value.Items() {
		text, err := segment(item)
		if err != nil {
			return "", err
		}
		places = append(places, text)
	}
	return strings.Join(places, "/"), nil
}
