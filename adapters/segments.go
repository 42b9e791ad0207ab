package adapters

import (
	"slices"
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

// Deep says that a request of the operation has a path of which an input fills several places.
func (o *Operation) Deep() bool {
	return o.anyRequest(func(r *request) bool {
		return r.path != nil && slices.ContainsFunc(r.path.values, func(x *rules.Expression) bool { return x != nil && x.Type().Kind == rules.KindList })
	})
}

// TakesFiles says that an answer is taken as it is, whatever stands in it: a text, rows or any file.
func (o *Operation) TakesFiles() bool {
	return o.anyRequest(func(r *request) bool { return slices.Contains([]string{"text", "csv", "base64"}, r.answers) })
}

func (o *Operation) anyRequest(holds func(*request) bool) bool {
	for _, r := range o.requests {
		if holds(r) || slices.ContainsFunc(r.firstOf, holds) {
			return true
		}
	}
	return false
}
