package dmn

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"crosswalk/rules"
)

// table is a decision table while it is translated.
type table struct {
	name  string
	at    *element // the decision table
	title string
	model *model
	facts []fact
	free  []fact // names that nothing in the model declares
	// others are further names of what the decisions before it decided, and what they are in expressions.
	others map[string]string
}

// fact is something that a table takes.
type fact struct {
	name, id string
	of       factType
	at       *element
	from     string // how the chain gives it; "" for an input of the same name
}

func (m *model) newTable(d *decision, at, named *element) *table {
	title := named.attribute("name")
	if title == "" {
		title = d.title
	}
	t := &table{name: m.name(title, "table"), at: at, title: title, model: m}
	d.table = t
	return t
}

func (t *table) fact(name string, of factType, at *element, from string) {
	t.facts = append(t.facts, fact{name: name, id: identifier(name), of: of, at: at, from: from})
}

var hitPolicies = map[string]string{"": "unique", "UNIQUE": "unique", "ANY": "any", "FIRST": "first", "PRIORITY": "priority", "RULE ORDER": "rule_order", "OUTPUT ORDER": "output_order", "COLLECT": "collect",
	"U": "unique", "A": "any", "F": "first", "P": "priority", "R": "rule_order", "O": "output_order", "C": "collect"}

var aggregations = map[string]string{"": "collect", "SUM": "sum", "COUNT": "count", "MIN": "min", "MAX": "max"}

// column is an input clause.
type column struct {
	name, value  string
	at           *element
	isText, miss bool
	values       string // a comment with the values that the model lists for it
	fact         int    // whose value it is, alone; -1 if it is a formula
}

// tableOf translates a decision table whose facts are known.
func (m *model) tableOf(d *decision, t *table) *rules.TableSource {
	policy, known := hitPolicies[strings.ToUpper(t.at.attribute("hitPolicy"))]
	if !known {
		m.fail(t.at, "", "decision %s: the hit policy %s is not known", quoted(t.title), quoted(t.at.attribute("hitPolicy")))
	}
	if policy == "collect" {
		if policy, known = aggregations[strings.ToUpper(t.at.attribute("aggregation"))]; !known {
			m.fail(t.at, "", "decision %s: the aggregation %s is not known", quoted(t.title), quoted(t.at.attribute("aggregation")))
		}
	}
	columns := t.columns()
	outcomes := t.outcomes(d)
	grid := t.grid(columns, outcomes)
	t.result(d, policy, outcomes)
	s := &rules.TableSource{File: m.file, Rows: grid}
	t.head(s, d, policy, columns, outcomes)
	return s
}

func (t *table) scope() scope {
	s := scope{names: map[string]string{}, words: t.model.words}
	maps.Copy(s.names, t.others)
	for _, f := range slices.Concat(t.facts, t.free) {
		s.names[f.name] = f.id
	}
	return s
}

// columns translates the inputs. A name that nothing declares, as Camunda's models have them, becomes a fact of the
// column's type.
func (t *table) columns() []column {
	var columns []column
	names := map[string]bool{"id": true, "why": true, "note": true, "off": true, "from": true, "to": true}
	for i, input := range t.at.all("input") {
		expression := input.child("inputExpression")
		c := column{name: input.attribute("label"), at: input, fact: -1}
		if c.name == "" {
			c.name = expression.says()
		}
		base := strings.Join(strings.Fields(strings.NewReplacer("|", "/").Replace(c.name)), " ")
		if base == "" {
			base = "input " + strconv.Itoa(i+1)
		}
		c.name = base
		for n := 2; names[c.name]; n++ {
			c.name = base + " " + strconv.Itoa(n)
		}
		names[c.name] = true
		where := fmt.Sprintf("decision %s, input %s", quoted(t.title), quoted(c.name))
		if expression == nil {
			t.model.fail(input, "", "%s: nothing says what it is", where)
			continue
		}
		if language := expression.attribute("expressionLanguage"); language != "" && !isFEEL(language) {
			t.model.fail(expression, "", "%s is written in %s; only FEEL is translated", where, quoted(language))
		}
		of := t.model.typeOf(expression, false)
		s := t.scope()
		var undeclared []string
		s.free = func(name string) { undeclared = append(undeclared, name) }
		text := expression.says()
		made, err := translate(text, s, (*feel).expression)
		if err != nil {
			t.model.fail(expression, "make it a decision or an input of its own", "%s: %s", where, err)
			continue
		}
		for _, name := range undeclared {
			if name != text {
				t.model.fail(expression, "add an input with this name and its type to the model", "%s: nothing says what %s is", where, quoted(name))
				continue
			}
			t.free = append(t.free, fact{name: name, id: identifier(name), of: of, at: expression})
		}
		c.value = made.text
		c.fact = slices.IndexFunc(t.facts, func(f fact) bool { return f.id == c.value })
		if c.fact >= 0 && strings.HasPrefix(t.facts[c.fact].of.text, "type: any") {
			t.facts[c.fact].of.text, t.facts[c.fact].of.optional = of.text, of.optional
		}
		t.allowed(&c, input.child("inputValues"), where)
		kind := of.text
		if c.fact >= 0 {
			kind = t.facts[c.fact].of.text
		}
		if of.text == "type: any" && c.fact < 0 {
			kind = t.guess(i)
		}
		c.isText = strings.HasPrefix(kind, "type: string") || strings.HasPrefix(kind, "type: list, items: {type: string")
		c.miss = t.mayMiss(i)
		if c.fact >= 0 && c.miss {
			t.facts[c.fact].of.optional = true
		}
		if c.miss && c.fact < 0 {
			t.mayMissField(strings.Split(c.value, "."))
		}
		c.miss = c.miss || c.fact >= 0 && t.facts[c.fact].of.optional
		if j := slices.IndexFunc(t.free, func(f fact) bool { return f.id == c.value }); j >= 0 && c.miss {
			t.free[j].of.optional = true
		}
		columns = append(columns, c)
	}
	return columns
}

// allowed keeps the values that the model lists for an input, at its fact if it is one.
func (t *table) allowed(c *column, values *element, where string) {
	if values == nil || values.says() == "" || values.says() == "-" {
		return
	}
	of, null, bounds, err := constraint(values.says())
	text := ""
	switch {
	case err != nil:
		t.model.warn(values, "", "%s: the values %s are kept as a comment only: %s", where, quoted(values.says()), err)
		c.values = values.says()
		return
	case bounds != "":
		text = ", " + bounds
	case len(of) > 0:
		text = ", enum: [" + strings.Join(of, ", ") + "]"
	}
	target := (*factType)(nil)
	if c.fact >= 0 {
		target = &t.facts[c.fact].of
	} else if i := slices.IndexFunc(t.free, func(f fact) bool { return f.id == c.value }); i >= 0 {
		target = &t.free[i].of
	}
	restricted := target != nil && strings.ContainsAny(strings.TrimPrefix(target.text, "type: "), ",:")
	if target == nil || restricted || c.fact >= 0 && (t.facts[c.fact].from != "" || t.model.users(t.facts[c.fact].name) > 1) {
		// What is known of the fact elsewhere, in the model or in other tables, must not become narrower here.
		c.values = values.says()
		return
	}
	target.text += text
	target.optional = target.optional || null
}

// mayMissField lets a field of a fact be missing, of which a cell says so.
func (t *table) mayMissField(path []string) {
	for i := range t.facts {
		if len(path) > 1 && t.facts[i].id == path[0] {
			t.facts[i].of = t.facts[i].of.withOptional(path[1:])
		}
	}
}

// mayMiss says whether the cells of a column speak of what is missing.
func (t *table) mayMiss(i int) bool {
	return slices.ContainsFunc(t.at.all("rule"), func(rule *element) bool {
		entries := rule.all("inputEntry")
		if i >= len(entries) {
			return false
		}
		text, err := cellText(entries[i].says(), t.scope(), true, false)
		return err == nil && strings.Contains(text, "missing")
	})
}

// guess is the type of a formula that the model gives none: that of the first literal in its cells.
func (t *table) guess(i int) string {
	for _, rule := range t.at.all("rule") {
		if entries := rule.all("inputEntry"); i < len(entries) && strings.Contains(entries[i].says(), `"`) && !strings.Contains(entries[i].says(), "(\"") {
			return "type: string"
		}
	}
	return "type: any"
}

// grid translates the rules.
func (t *table) grid(columns []column, outcomes []outcome) rules.SourceGrid {
	m := t.model
	g := rules.SourceGrid{}
	header := func(name string, at *element) {
		g.Header = append(g.Header, rules.SourceCell{Text: name, Place: m.place(at)})
	}
	header("id", t.at)
	for _, c := range columns {
		header(c.name, c.at)
	}
	for _, o := range outcomes {
		header(o.name, o.at)
	}
	header("why", t.at)
	header("note", t.at)
	ids := map[string]bool{}
	for number, rule := range t.at.all("rule") {
		row := rules.SourceRow{}
		add := func(text string, at *element) {
			row.Cells = append(row.Cells, rules.SourceCell{Text: text, Place: m.place(at)})
		}
		add(ruleID(rule, number, ids), rule)
		inputs, outputs := rule.all("inputEntry"), rule.all("outputEntry")
		if len(inputs) != len(t.at.all("input")) || len(outputs) != len(outcomes) {
			m.fail(rule, "", "decision %s, rule %d has %d inputs and %d outputs, and the table has %d and %d", quoted(t.title), number+1, len(inputs), len(outputs), len(t.at.all("input")), len(outcomes))
			continue
		}
		for _, c := range columns {
			entry := inputs[slices.Index(t.at.all("input"), c.at)]
			if language := entry.attribute("expressionLanguage"); language != "" && !isFEEL(language) {
				m.fail(entry, "", "decision %s, rule %d, column %s is written in %s; only FEEL is translated", quoted(t.title), number+1, quoted(c.name), quoted(language))
				continue
			}
			text, err := cellText(entry.says(), t.scope(), c.isText, c.miss)
			if err != nil {
				m.fail(entry, "", "decision %s, rule %d, column %s: %s is not translated: %s", quoted(t.title), number+1, quoted(c.name), quoted(entry.says()), err)
			}
			add(text, entry)
		}
		for i := range outcomes {
			entry := outputs[i]
			if language := entry.attribute("expressionLanguage"); language != "" && !isFEEL(language) {
				m.fail(entry, "", "decision %s, rule %d, output %s is written in %s; only FEEL is translated", quoted(t.title), number+1, quoted(outcomes[i].name), quoted(language))
				continue
			}
			text, err := outputText(entry.says(), t.scope())
			if err != nil {
				m.fail(entry, "", "decision %s, rule %d, output %s: %s is not translated: %s", quoted(t.title), number+1, quoted(outcomes[i].name), quoted(entry.says()), err)
			}
			outcomes[i].given = outcomes[i].given && text != ""
			add(text, entry)
		}
		why, note := reasons(rule)
		add(why, rule)
		add(note, rule)
		g.Rows = append(g.Rows, row)
	}
	return g
}

// reasons are the annotations of a rule: the first says why, others are notes.
func reasons(rule *element) (why, note string) {
	var texts []string
	for _, entry := range rule.all("annotationEntry") {
		if text := strings.Join(strings.Fields(entry.says()), " "); text != "" {
			texts = append(texts, text)
		}
	}
	if description := rule.child("description"); description != nil {
		if text := strings.Join(strings.Fields(description.text), " "); text != "" && !slices.Contains(texts, text) {
			texts = append(texts, text)
		}
	}
	if len(texts) == 0 {
		return "", ""
	}
	return texts[0], strings.Join(texts[1:], "; ")
}

var uuid = regexp.MustCompile(`^_?([0-9a-fA-F]{8})-?[0-9a-fA-F]{4}-?[0-9a-fA-F]{4}-`)

// ruleID is the id that the model gives a rule, shortened if a program made it up; it stays when rules are moved.
func ruleID(rule *element, number int, taken map[string]bool) string {
	id := strings.TrimPrefix(rule.attribute("id"), "_")
	if m := uuid.FindStringSubmatch(rule.attribute("id")); m != nil && !taken["R-"+m[1]] {
		id = "R-" + m[1]
	}
	if id == "" || len(id) > 60 || id == rules.DefaultRow || taken[id] {
		id = "R" + strconv.Itoa(number+1)
	}
	base := id
	for n := 2; taken[id]; n++ {
		id = base + "-" + strconv.Itoa(n)
	}
	taken[id] = true
	return id
}

// head writes everything but the rows.
func (t *table) head(s *rules.TableSource, d *decision, policy string, columns []column, outcomes []outcome) {
	m := t.model
	add := func(e *element, format string, args ...any) {
		s.Head = append(s.Head, rules.SourceLine{Text: fmt.Sprintf(format, args...), Place: m.place(e)})
	}
	comment := func(e *element, label, text string) {
		if text = strings.Join(strings.Fields(text), " "); text != "" {
			add(e, "# %s: %s", label, text)
		}
	}
	add(t.at, "rules: 1")
	add(t.at, "table: %s", t.name)
	add(t.at, "title: %s", strconv.Quote(t.title))
	if description := d.child("description"); description != nil && strings.TrimSpace(description.text) != "" {
		add(description, "description: %s", strconv.Quote(strings.Join(strings.Fields(description.text), " ")))
	}
	if question := d.child("question"); question != nil {
		comment(question, "question", question.text)
	}
	if answers := d.child("allowedAnswers"); answers != nil {
		comment(answers, "allowed answers", answers.text)
	}
	for _, c := range columns {
		comment(c.at, "values of "+c.name, c.values)
	}
	facts := slices.Concat(t.facts, t.free)
	if len(facts) == 0 {
		add(t.at, "facts: {}")
	} else {
		add(t.at, "facts:")
	}
	for _, f := range facts {
		title := ""
		if f.name != f.id {
			title = f.name
		}
		add(f.at, "  %s: %s", f.id, f.of.yaml(title))
	}
	add(t.at, "hit: %s", policy)
	var defaults []string
	for _, o := range outcomes {
		entry := o.at.child("defaultOutputEntry")
		if entry == nil || entry.says() == "" {
			continue
		}
		made, err := translate(entry.says(), t.scope(), (*feel).expression)
		switch {
		case err != nil:
			m.fail(entry, "", "decision %s, default of %s: %s is not translated: %s", quoted(t.title), quoted(o.name), quoted(entry.says()), err)
		case made.kind == literalNull:
		case made.kind == literalText:
			defaults = append(defaults, o.name+": "+strconv.Quote(strings.ReplaceAll(made.value, "${", "$${")))
		case made.kind == literalNumber || made.kind == literalBool:
			defaults = append(defaults, o.name+": "+made.value)
		default:
			defaults = append(defaults, o.name+": "+strconv.Quote("${"+made.text+"}"))
		}
	}
	switch {
	case len(defaults) > 0 && slices.Contains([]string{"sum", "count", "min", "max"}, policy):
		_, value, _ := strings.Cut(defaults[0], ": ")
		add(t.at, "default: %s", value)
	case len(defaults) > 0 && slices.Contains([]string{"collect", "rule_order", "output_order"}, policy):
		_, value, _ := strings.Cut(defaults[0], ": ")
		if len(outcomes) > 1 {
			value = "{" + strings.Join(defaults, ", ") + "}"
		}
		add(t.at, "default: [%s]", value)
	case len(defaults) > 0:
		add(t.at, "default: {%s}", strings.Join(defaults, ", "))
	case slices.Contains([]string{"collect", "rule_order", "output_order", "sum", "count"}, policy):
		add(t.at, "no_match: empty")
	default:
		add(t.at, "no_match: error")
	}
	add(t.at, "inputs:")
	for _, c := range columns {
		add(c.at, "  - {name: %s, value: %s}", strconv.Quote(c.name), strconv.Quote(c.value))
	}
	add(t.at, "outputs:")
	for _, o := range outcomes {
		add(o.at, "  %s: {%s}", o.name, o.of.text)
	}
}
