package desk

import (
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"crosswalk/rules"
)

// formField is one field of a form that a person fills in.
type formField struct {
	Name, Title, Type, Value string
	Required                 bool
	Enum                     []string
}

// formFields reads the description of a form that a task brings.
func formFields(v rules.Value) []formField {
	var fields []formField
	for _, item := range v.Items() {
		field := formField{Name: item.Get("name").Text(), Title: label(item.Get("title").Text()), Type: item.Get("type").Text(),
			Value: shown(item.Get("value")), Required: item.Get("required").Bool(), Enum: textsOf(item.Get("enum"))}
		if field.Title == "" {
			field.Title = label(field.Name)
		}
		if field.Type == "date-time" && len(field.Value) >= len(localTime) {
			field.Value = field.Value[:len(localTime)]
		}
		fields = append(fields, field)
	}
	return fields
}

// shown is a value as it stands in the field of a form.
func shown(v rules.Value) string {
	switch v.Kind() {
	case rules.KindMissing:
		return ""
	case rules.KindRecord, rules.KindList:
		return string(v.Plain())
	}
	return v.String()
}

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
func (f postForm) index(name string) (rules.Value, error) {
	i, err := strconv.Atoi(f.text(name))
	if err != nil {
		return rules.Missing(), wrong("Choose one of the candidates.")
	}
	return rules.Number(rules.Int(int64(i))), nil
}

// record reads the fields of a form by their types. The names of wrong ones are in the error.
func (f postForm) record(fields []formField) (rules.Value, error) {
	values := map[string]rules.Value{}
	var problems []string
	for _, field := range fields {
		text := f.text("field." + field.Name)
		if text == "" {
			if field.Required {
				problems = append(problems, field.Title+" is missing")
			}
			continue
		}
		v, problem := field.read(text)
		if problem != "" {
			problems = append(problems, field.Title+" "+problem)
			continue
		}
		values[field.Name] = v
	}
	if len(problems) > 0 {
		return rules.Missing(), wrong(strings.Join(problems, "; ") + ".")
	}
	return rules.Record(values), nil
}

// localTime is what browsers send for a date and time.
const localTime = "2006-01-02T15:04"

// commaNumber is a decimal as much of the world writes it.
var commaNumber = regexp.MustCompile(`^-?\d+,\d+$`)

// read turns what was typed into a value. Dates stay texts here: the case decodes them by the operation's type.
func (field formField) read(text string) (rules.Value, string) {
	if len(field.Enum) > 0 && !slices.Contains(field.Enum, text) {
		return rules.Missing(), "must be one of " + strings.Join(field.Enum, ", ")
	}
	switch field.Type {
	case "number":
		if commaNumber.MatchString(text) {
			text = strings.Replace(text, ",", ".", 1)
		}
		v, err := rules.FromJSON([]byte(text))
		if err != nil || v.Kind() != rules.KindNumber {
			return rules.Missing(), "must be a number, as in 12.50"
		}
		return v, ""
	case "boolean":
		if text != "true" && text != "false" {
			return rules.Missing(), "must be yes or no"
		}
		return rules.Bool(text == "true"), ""
	case "date-time":
		if at, err := time.Parse(localTime, text); err == nil {
			text = at.Format(time.RFC3339)
		}
		return rules.Text(text), ""
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
