package recording

import (
	"fmt"
	"slices"
	"strings"

	"crosswalk/contracts"
	"crosswalk/rules"
)

// contractFile is a contract for a recording that is for none.
func (p *Plan) contractFile(contract string) string {
	w := &writer{plan: p}
	_, short, _ := strings.Cut(p.OperationName, ".")
	effect := contracts.Read
	if p.Writes {
		effect = contracts.Write
	}
	w.comment("", "Written by an import: what the recorded robot takes and answers.")
	w.line("contract: %s\ntitle: %s\noperations:\n  %s:\n    title: %s\n    effect: %s", contract, quote(p.System), short, quote(p.Title), effect)
	if len(p.Inputs) > 0 {
		w.line("    input:")
		for _, input := range p.Inputs {
			w.line("      %s: {type: %s, required: true, title: %s}", input.Name, contractType(input.Type), quote(either(strings.ReplaceAll(oneLine(input.Label), "${", ""), input.Name)))
		}
	} else {
		w.line("    input: {}")
	}
	w.line("    output:")
	for _, name := range p.reads() {
		w.line("      %s: {type: string}", name)
	}
	if p.hasTable() {
		w.line("      rows:\n        type: array\n        required: true\n        items:\n          type: object\n          properties:")
		for i, name := range p.columns() {
			w.line("            %s: {type: %s, title: %s}", name, contractType(p.columnType(i)), quote(p.seen.Tables[0].Headings[i]))
		}
	}
	if !p.hasTable() && len(p.reads()) == 0 {
		w.line("      done: boolean")
	}
	return w.String()
}

func (w *writer) output() {
	p := w.plan
	if p.Operation == nil {
		w.line("output:")
		for _, name := range p.reads() {
			w.line("  %s: '${%s}'", name, name)
		}
		if p.hasTable() {
			w.line("  rows: '${rows}'")
		}
		if !p.hasTable() && len(p.reads()) == 0 {
			w.line("  done: true")
		}
		return
	}
	var known, missing []string
	for _, field := range p.Operation.Output.Fields {
		switch {
		case slices.Contains(p.reads(), field.Name):
			known = append(known, fmt.Sprintf("  %s: '${%s}'", field.Name, field.Name))
		case p.hasTable() && field.Type != nil && field.Type.Kind == rules.KindList:
			known = append(known, fmt.Sprintf("  %s: '${rows}'", field.Name))
		case slices.ContainsFunc(p.Inputs, func(i Input) bool { return i.Name == field.Name }):
			known = append(known, fmt.Sprintf("  %s: '${input.%s}'", field.Name, field.Name))
		case field.Required:
			missing = append(missing, field.Name)
		}
	}
	for _, name := range missing {
		w.comment("", fmt.Sprintf("%s answers %s too: read it with a step, and put it here", p.OperationName, name))
		warning := fmt.Sprintf("%s must answer %s, which the recording does not show: add a read or a table step and put it under output", p.OperationName, name)
		if !slices.Contains(p.Warnings, warning) {
			p.Warnings = append(p.Warnings, warning)
		}
	}
	if len(known) == 0 {
		w.line("output: {}")
		return
	}
	w.line("output:\n%s", strings.Join(known, "\n"))
}

// tables reads the largest table of the last page.
func (w *writer) tables(indent string) {
	if labels := w.plan.labels(); len(labels) > 0 {
		w.labels(indent, labels)
		return
	}
	if w.plan.seen == nil || len(w.plan.seen.Tables) == 0 {
		w.comment(indent, "no table was looked for or found on the last page: read what is wanted with read: or table:")
		return
	}
	t := w.plan.seen.Tables[0]
	from := ""
	if t.Frame != "" {
		from = "frame: " + quote(t.Frame)
	}
	w.comment(indent, "what the page says where there is nothing, with errors: [not_found] in the contract: - {seen: {text: Nothing found}, fail: not_found}")
	w.line("%s- table:", indent)
	w.line("%s    from: {%s}", indent, from)
	w.line("%s    columns:", indent)
	for i, name := range w.plan.columns() {
		typed := ""
		if kind := w.plan.columnType(i); kind != "" {
			typed = "type: " + kind + ", "
		}
		w.line("%s      %s: {as: %s, %soptional: true}", indent, quote(t.Headings[i]), name, typed)
	}
	w.line("%s    as: rows", indent)
	for _, other := range w.plan.seen.Tables[1:] {
		w.comment(indent, fmt.Sprintf("another table of the page has the headings %s", strings.Join(other.Headings, ", ")))
	}
	beside := slices.DeleteFunc(w.plan.valuesShown(), func(label Label) bool { return label.Frame != t.Frame })
	if len(beside) > 0 {
		if from != "" {
			from += ", "
		}
		w.comment(indent, "the page shows values beside labels too, which are read so: - read: {"+from+"labels: {"+
			strings.Join(each(beside, func(label Label) string { return quote(label.Text) + ": {as: " + w.plan.column(label.Text, nil) + "}" }), ", ")+"}}")
	}
}

// labels reads the values of the last page by the labels beside them, frame by frame.
func (w *writer) labels(indent string, labels []Label) {
	names := w.plan.reads()
	for i, label := range labels {
		if i == 0 || label.Frame != labels[i-1].Frame {
			w.line("%s- read:", indent)
			if label.Frame != "" {
				w.line("%s    frame: %s", indent, quote(label.Frame))
			}
			w.line("%s    labels:", indent)
		}
		w.line("%s      %s: {as: %s, optional: true}", indent, quote(label.Text), names[i])
	}
}

func (p *Plan) columns() (names []string) {
	for _, heading := range p.seen.Tables[0].Headings {
		names = append(names, p.column(heading, names))
	}
	return names
}

// outputs matches the fields of an operation's output with the headings of a table.
func (p *Plan) rowFields() []rules.Field {
	if p.Operation == nil || p.Operation.Output == nil {
		return nil
	}
	for _, field := range p.Operation.Output.Fields {
		if field.Type != nil && field.Type.Kind == rules.KindList && field.Type.Items != nil {
			return field.Type.Items.Fields
		}
	}
	return nil
}
