package dmn

import (
	"slices"
	"strconv"
	"strings"
)

// outcome is an output clause.
type outcome struct {
	name   string
	of     factType
	values []string
	at     *element
	given  bool // every row gives a value
}

// outcomes translates the outputs.
func (t *table) outcomes(d *decision) []outcome {
	var outcomes []outcome
	clauses := t.at.all("output")
	for i, clause := range clauses {
		name := clause.attribute("name")
		if name == "" {
			name = clause.attribute("label")
		}
		if name == "" {
			name = d.title
		}
		o := outcome{name: identifier(name), at: clause, given: true}
		for n := 2; slices.ContainsFunc(outcomes, func(other outcome) bool { return other.name == o.name }); n++ {
			o.name = identifier(name) + "_" + strconv.Itoa(n)
		}
		switch {
		case clause.attribute("typeRef") != "":
			o.of = t.model.typeOf(clause, false)
		case len(clauses) == 1:
			o.of = t.model.typeOf(d.child("variable"), false)
			if t.at.attribute("typeRef") != "" {
				o.of = t.model.typeOf(t.at, false)
			}
		default:
			o.of = factType{"type: any", true}
		}
		if strings.HasPrefix(o.of.text, "type: list") && !strings.EqualFold(t.at.attribute("hitPolicy"), "UNIQUE") && len(clauses) == 1 {
			o.of.text = strings.TrimSuffix(strings.TrimPrefix(o.of.text, "type: list, items: {"), "}") // the policy makes the list
		}
		if strings.HasPrefix(o.of.text, "type: any") {
			o.of.text = t.guessOutput(i)
		}
		if values := clause.child("outputValues"); values != nil && values.says() != "" {
			of, _, bounds, err := constraint(values.says())
			switch {
			case err != nil || bounds != "" && strings.Contains(o.of.text, "minimum"):
				t.model.fail(values, "", "decision %s, output %s: the values %s are not translated", quoted(t.title), quoted(o.name), quoted(values.says()))
			case bounds != "":
				o.of.text += ", " + bounds
			default:
				o.values = of
				if at := strings.Index(o.of.text, ", enum: ["); at >= 0 { // the order here is the rank
					o.of.text = o.of.text[:at]
				}
				o.of.text += ", enum: [" + strings.Join(of, ", ") + "]"
			}
		}
		outcomes = append(outcomes, o)
	}
	return outcomes
}

// guessOutput is the type of an output that the model gives none: that of its values.
func (t *table) guessOutput(i int) string {
	found := ""
	for _, rule := range t.at.all("rule") {
		entries := rule.all("outputEntry")
		if i >= len(entries) {
			continue
		}
		of, err := translate(entries[i].says(), t.scope(), (*feel).expression)
		if err != nil {
			continue
		}
		text := map[kind]string{literalNumber: "type: number", literalText: "type: string", literalBool: "type: boolean"}[of.kind]
		if text == "" || found != "" && found != text {
			return "type: any"
		}
		found = text
	}
	if found == "" {
		return "type: any"
	}
	return found
}

// result fixes how later decisions read what the table decides.
func (t *table) result(d *decision, policy string, outcomes []outcome) {
	d.ref, d.gives = "decisions."+d.id, map[string]string{}
	if len(outcomes) == 1 {
		d.gives[outcomes[0].at.attribute("name")] = ""
	}
	switch policy {
	case "sum", "count":
		d.typeText = "type: number"
	case "min", "max":
		d.typeText, d.optional = "type: number", len(outcomes) > 0 && !outcomes[0].given
		if len(outcomes) > 0 {
			d.typeText = outcomes[0].of.text
		}
	case "collect", "rule_order", "output_order":
		d.typeText = "type: list, items: {" + of(outcomes) + "}"
	default:
		if len(outcomes) == 1 {
			d.ref += "." + outcomes[0].name
			d.optional = !outcomes[0].given
		} else {
			for _, o := range outcomes {
				d.gives[o.at.attribute("name")] = "." + o.name
			}
		}
		d.typeText = of(outcomes)
	}
}

// of is the type of what one row decides: a value if there is one output, else a record.
func of(outcomes []outcome) string {
	if len(outcomes) == 1 {
		return outcomes[0].of.text
	}
	var fields []string
	for _, o := range outcomes {
		fields = append(fields, o.name+": "+factType{o.of.text, !o.given}.yaml(""))
	}
	return "type: record, properties: {" + strings.Join(fields, ", ") + "}"
}
