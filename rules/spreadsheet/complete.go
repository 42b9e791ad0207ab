package spreadsheet

import (
	"slices"
	"strings"

	"crosswalk/rules"
	"crosswalk/source"
)

// complete adds to the head what stands elsewhere in the workbook: the row under the header that says what each column
// holds, and the sheet of facts. Where the head says it too, they only repeat it, and whoever changed them is told so.
func (r *reader) complete(s *rules.TableSource, definitions []rules.SourceCell, facts *sheet) {
	lines := make([]string, len(s.Head))
	for i, line := range s.Head {
		lines[i] = line.Text
	}
	root := source.Parse(r.file, []byte(strings.Join(lines, "\n")+"\n")).Root
	if root.Kind() != source.Map {
		return // what is wrong with it is said when the table is compiled
	}
	if root.Get("inputs") == nil || root.Get("outputs") == nil {
		r.columns(s, root, definitions)
	} else {
		r.repeated(s, root, definitions)
	}
	switch {
	case facts == nil || len(facts.rows) == 0:
	case root.Get("facts") == nil:
		r.facts(s, facts)
	default:
		r.glossary(root, facts)
	}
}

// columns makes inputs and outputs of the row under the header: a fact or formula for an input, => and a type for an
// output.
func (r *reader) columns(s *rules.TableSource, root *source.Node, definitions []rules.SourceCell) {
	if definitions == nil {
		return
	}
	var inputs, outputs []rules.SourceLine
	for i, cell := range definitions {
		if i >= len(s.Rows.Header) {
			break
		}
		name, says := strings.TrimSpace(s.Rows.Header[i].Text), strings.TrimSpace(cell.Text)
		if says == "" || says == "fact" || name == "" {
			continue
		}
		if typed, ok := strings.CutPrefix(says, "=>"); ok {
			outputs = append(outputs, rules.SourceLine{Text: "  - {name: " + quote(name) + ", " + outputFields(strings.TrimSpace(typed)) + "}", Place: cell.Place})
		} else {
			inputs = append(inputs, rules.SourceLine{Text: "  - {name: " + quote(name) + ", value: " + quote(says) + "}", Place: cell.Place})
		}
	}
	add := func(key string, lines []rules.SourceLine) {
		if root.Get(key) == nil && len(lines) > 0 {
			s.Head = append(s.Head, rules.SourceLine{Text: key + ":", Place: definitions[0].Place})
			s.Head = append(s.Head, lines...)
		}
	}
	add("inputs", inputs)
	add("outputs", outputs)
}

// outputFields reads what stands behind =>: a type, or the values in the order of their rank.
func outputFields(text string) string {
	if !strings.Contains(text, ",") {
		return "type: " + quote(text)
	}
	var values []string
	for value := range strings.SplitSeq(text, ",") {
		values = append(values, quote(strings.TrimSpace(value)))
	}
	return "values: [" + strings.Join(values, ", ") + "]"
}

// repeated compares the row under the header with what the head says.
func (r *reader) repeated(s *rules.TableSource, root *source.Node, definitions []rules.SourceCell) {
	known := definitionsOf(root)
	for i, cell := range definitions {
		if i >= len(s.Rows.Header) {
			break
		}
		name, says := strings.TrimSpace(s.Rows.Header[i].Text), strings.TrimSpace(cell.Text)
		if want, there := known[name]; there && says != "" && says != want {
			r.add(source.Problem{File: cell.Place.File, Cell: cell.Place.Cell, Line: cell.Place.Line, Column: cell.Place.Column, Severity: source.SeverityError,
				Message: "the row fact only repeats what inputs and outputs above say, and that is: " + want, Hint: "change it there; then empty this cell"})
		}
	}
}

// definitionsOf is what the row under the header says of each column.
func definitionsOf(root *source.Node) map[string]string {
	known := map[string]string{}
	inputs := root.Get("inputs")
	if inputs.Kind() == source.Map {
		for _, name := range inputs.Keys() {
			known[name] = inputs.Get(name).Text()
		}
	}
	if inputs.Kind() == source.List {
		for _, item := range inputs.List() {
			if item.Kind() == source.Scalar {
				known[item.Text()] = item.Text()
				continue
			}
			says := ""
			for _, key := range []string{"value", "fact"} {
				if n := item.Get(key); n.Kind() == source.Scalar {
					says = n.Text()
				}
			}
			name := says
			if n := item.Get("name"); n.Kind() == source.Scalar {
				name = n.Text()
			}
			known[name] = says
		}
	}
	outputs := root.Get("outputs")
	if outputs.Kind() == source.Map {
		for _, field := range rules.ParseFields(outputs).Fields {
			known[field.Name] = "=> " + typeText(field.Type)
		}
	}
	if outputs.Kind() == source.List {
		for _, item := range outputs.List() {
			if item.Get("name").Kind() != source.Scalar {
				continue
			}
			says := "text"
			if t := item.Get("type"); t.Exists() {
				says = typeText(rules.ParseType(t))
			}
			if values := item.Get("values"); values.Kind() == source.List {
				var texts []string
				for _, value := range values.List() {
					if value.Kind() == source.Scalar {
						texts = append(texts, value.Text())
					}
				}
				says = strings.Join(texts, ", ")
			}
			known[item.Get("name").Text()] = "=> " + says
		}
	}
	return known
}

// typeText is a type as the row under the header says it.
func typeText(t *rules.Type) string {
	if len(t.Enum) > 0 {
		texts := make([]string, len(t.Enum))
		for i, value := range t.Enum {
			texts[i] = value.String()
		}
		return strings.Join(texts, ", ")
	}
	return t.String()
}

// The columns of the sheet of facts.
var factColumns = []string{"fact", "type", "required", "values", "title"}

// glossaryRow is a fact as the sheet of facts has it.
type glossaryRow [5]string

// glossaryOf lists the facts of a record with everything in them.
func glossaryOf(prefix string, t *rules.Type) []glossaryRow {
	var rows []glossaryRow
	for _, field := range t.Fields {
		row := glossaryRow{prefix + field.Name, "", "", "", field.Type.Title}
		if field.Required {
			row[2] = "yes"
		}
		of := field.Type
		for of.Kind == rules.KindList && of.Items != nil {
			row[0] += "[]"
			of = of.Items
		}
		row[1] = of.Kind.String()
		switch {
		case of.Ref != "":
			row[1] = of.String()
		case of.Integer:
			row[1] = "whole number"
		}
		if len(of.Enum) > 0 {
			row[3] = typeText(of)
		}
		rows = append(rows, row)
		if of.Kind == rules.KindRecord {
			rows = append(rows, glossaryOf(row[0]+".", of)...)
		}
	}
	return rows
}

// glossary compares the sheet of facts with the types that the head declares.
func (r *reader) glossary(root *source.Node, facts *sheet) {
	declared := glossaryOf("", rules.ParseFields(root.Get("facts")))
	find := func(name string) (glossaryRow, bool) {
		i := slices.IndexFunc(declared, func(row glossaryRow) bool { return row[0] == name })
		if i < 0 {
			return glossaryRow{}, false
		}
		return declared[i], true
	}
	for _, row := range facts.rows[1:] {
		var says glossaryRow
		for _, c := range row {
			if c.column <= len(says) {
				says[c.column-1] = strings.TrimSpace(c.text)
			}
		}
		if says[0] == "" {
			continue
		}
		want, there := find(says[0])
		if !there {
			r.fail(facts, row[0].row, 1, "declare it in the field facts of the table's sheet; this sheet only repeats it", "the table has no fact %q", says[0])
			continue
		}
		for i := range want {
			if says[i] != want[i] {
				r.fail(facts, row[0].row, i+1, "change it in the field facts of the table's sheet", "this sheet only repeats what facts says, and there it is %q", want[i])
			}
		}
	}
}

// facts makes the field facts of the sheet of facts: its rows name facts by their paths.
func (r *reader) facts(s *rules.TableSource, facts *sheet) {
	header := facts.rows[0]
	at := map[int]string{}
	for _, c := range header {
		name := strings.ToLower(strings.TrimSpace(c.text))
		if !slices.Contains(factColumns, name) {
			r.fail(facts, c.row, c.column, "its columns are "+strings.Join(factColumns, ", "), "unknown column %q", c.text)
			return
		}
		at[c.column] = name
	}
	root := &factNode{}
	for _, row := range facts.rows[1:] {
		says := map[string]string{}
		for _, c := range row {
			says[at[c.column]] = strings.TrimSpace(r.intact(facts, c))
		}
		name := says["fact"]
		if name == "" || strings.HasPrefix(name, "#") {
			continue
		}
		node := root.child(name)
		if node == nil {
			r.fail(facts, row[0].row, row[0].column, "write its path, as in invoice.total or lines[].net", "%q is not the name of a fact", name)
			continue
		}
		node.place = r.place(facts, row[0].row, row[0].column)
		node.kind, node.title = says["type"], says["title"]
		node.required = slices.Contains([]string{"yes", "true", "x", "1"}, strings.ToLower(says["required"]))
		for value := range strings.SplitSeq(says["values"], ",") {
			if value = strings.TrimSpace(value); value != "" {
				node.values = append(node.values, value)
			}
		}
	}
	if len(root.order) > 0 {
		s.Head = append(s.Head, rules.SourceLine{Text: "facts:", Place: r.place(facts, header[0].row, header[0].column)})
		s.Head = append(s.Head, root.lines("  ")...)
	}
}

// factNode is a fact of a sheet with those within it.
type factNode struct {
	place              rules.Place
	name, kind, title  string
	required, repeated bool
	values             []string
	order              []*factNode
}

// child finds or makes the fact of a path; nil if that is no path.
func (n *factNode) child(path string) *factNode {
	for name := range strings.SplitSeq(path, ".") {
		name, repeated := strings.CutSuffix(name, "[]")
		if name == "" || strings.ContainsAny(name, "[]{}:, \t\"'#") {
			return nil
		}
		i := slices.IndexFunc(n.order, func(child *factNode) bool { return child.name == name })
		if i < 0 {
			n.order = append(n.order, &factNode{name: name, place: n.place})
			i = len(n.order) - 1
		}
		n = n.order[i]
		n.repeated = n.repeated || repeated
	}
	return n
}

func (n *factNode) lines(indent string) []rules.SourceLine {
	var lines []rules.SourceLine
	for _, child := range n.order {
		add := func(text string) { lines = append(lines, rules.SourceLine{Text: text, Place: child.place}) }
		add(indent + child.name + ":")
		inner := indent + "  "
		if child.required {
			add(inner + "required: true")
		}
		if child.title != "" {
			add(inner + "title: " + quote(child.title))
		}
		if child.repeated {
			add(inner + "type: list")
			add(inner + "items:")
			inner += "  "
		}
		switch {
		case len(child.order) > 0:
			add(inner + "type: record")
			add(inner + "properties:")
			lines = append(lines, child.lines(inner+"  ")...)
		case len(child.values) > 0:
			quotedValues := make([]string, len(child.values))
			for i, value := range child.values {
				quotedValues[i] = quote(value)
				if child.kind == "number" || child.kind == "boolean" {
					quotedValues[i] = value
				}
			}
			add(inner + "enum: [" + strings.Join(quotedValues, ", ") + "]")
		case child.kind == "whole number":
			add(inner + "type: integer")
		case child.kind != "":
			add(inner + "type: " + quote(child.kind))
		default:
			add(inner + "type: string")
		}
	}
	return lines
}
