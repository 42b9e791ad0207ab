package desk

import (
	"net/http"
	"slices"
	"strconv"
	"strings"

	"crosswalk/rules"
)

// postForm reads what a person filled in.
type postForm struct{ r *http.Request }

func (f postForm) text(name string) string { return strings.TrimSpace(f.r.PostFormValue(name)) }

// value is a text, or missing if nothing was written.
func (f postForm) value(name string) rules.Value {
	if text := f.text(name); text != "" {
		return rules.Text(text)
	}
	return rules.Missing()
}

// index is the number of a candidate.
func (f postForm) index(name string, count int) (int, error) {
	i, err := strconv.Atoi(f.text(name))
	if err != nil || i < 0 || i >= count {
		return 0, refusal{http.StatusUnprocessableEntity, "Choose one of the candidates."}
	}
	return i, nil
}

// record reads the fields of a form by their types. The names of wrong ones are in the error.
func (f postForm) record(prefix string, fields []formField) (rules.Value, error) {
	values := map[string]rules.Value{}
	var wrong []string
	for _, field := range fields {
		text := f.text(prefix + field.Name)
		if text == "" {
			if field.Required {
				wrong = append(wrong, field.Title+" is missing")
			}
			continue
		}
		v, problem := field.read(text)
		if problem != "" {
			wrong = append(wrong, field.Title+" "+problem)
			continue
		}
		values[field.Name] = v
	}
	if len(wrong) > 0 {
		return rules.Missing(), refusal{http.StatusUnprocessableEntity, strings.Join(wrong, "; ") + "."}
	}
	return rules.Record(values), nil
}

// read turns what was typed into a value. Dates stay texts here: the case decodes them by the operation's type.
func (field formField) read(text string) (rules.Value, string) {
	if len(field.Enum) > 0 && !slices.Contains(field.Enum, text) {
		return rules.Missing(), "must be one of " + strings.Join(field.Enum, ", ")
	}
	switch field.Type {
	case "number":
		v, err := rules.FromJSON([]byte(text))
		if err != nil || v.Kind() != rules.KindNumber {
			return rules.Missing(), "must be a number, as in 12.50"
		}
		return v, ""
	case "boolean":
		return rules.Bool(text == "true"), ""
	case "json":
		v, err := rules.FromJSON([]byte(text))
		if err != nil {
			return rules.Missing(), "must be JSON"
		}
		return v, ""
	default:
		return rules.Text(text), ""
	}
}
