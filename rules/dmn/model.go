package dmn

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"crosswalk/rules"
	"crosswalk/source"
)

// Read takes the decisions out of a model: a rule table for each decision table and, if there are several or expressions
// between them, the decision that asks them one after the other, last. With an error among the problems there are none.
func Read(file string, content []byte) ([]*rules.TableSource, source.Problems) {
	m := &model{file: file, types: map[string]*element{}, inputs: map[string]*element{}, functions: map[string]*element{}, decisions: map[string]*decision{}, taken: map[string]bool{}}
	root, line, err := parse(content)
	if err != nil {
		m.problems = append(m.problems, source.Problem{File: file, Line: line, Column: min(line, 1), Severity: source.SeverityError, Message: err.Error(), Hint: "export the model as DMN 1.3 and try again"})
		return nil, m.problems
	}
	m.root = root
	m.index()
	sources := m.translate()
	if m.problems = m.problems.Sorted(); m.problems.Err() != nil {
		return nil, m.problems
	}
	return sources, m.problems
}

// model is a DMN model while it is read.
type model struct {
	file      string
	root      *element
	types     map[string]*element // item definitions
	inputs    map[string]*element // by id
	functions map[string]*element // business knowledge models, by id
	decisions map[string]*decision
	order     []*decision // in the order of the file, then of what needs what
	words     []string    // names of fields
	taken     map[string]bool
	problems  source.Problems
	depth     int
}

// decision is a decision of the model and what became of it.
type decision struct {
	*element
	title    string // its name in the model
	id       string // its name in expressions
	logic    *element
	needs    []*decision
	inputs   []*element
	state    int               // 0 new, 1 being ordered, 2 ordered
	table    *table            // nil: it is an expression
	ref      string            // how later steps of the chain read its result
	typeText string            // of its result
	optional bool              // its result may be missing
	gives    map[string]string // what each of its outputs is of its result: "" if the result is that output, else ".name"
	needed   bool
}

func (m *model) fail(e *element, hint, format string, args ...any) {
	m.add(source.SeverityError, e, hint, format, args...)
}

func (m *model) warn(e *element, hint, format string, args ...any) {
	m.add(source.SeverityWarning, e, hint, format, args...)
}

func (m *model) add(severity source.Severity, e *element, hint, format string, args ...any) {
	if len(m.problems) < 200 {
		m.problems = append(m.problems, source.Problem{File: m.file, Line: e.line, Column: e.column, Severity: severity, Message: fmt.Sprintf(format, args...), Hint: hint})
	}
}

func (m *model) place(e *element) rules.Place {
	return rules.Place{File: m.file, Line: e.line, Column: e.column}
}

// index finds everything by its id.
func (m *model) index() {
	for _, e := range m.root.children {
		switch e.name {
		case "itemDefinition":
			m.types[e.attribute("name")] = e
			m.fields(e, 0)
		case "inputData":
			m.inputs[e.attribute("id")] = e
		case "businessKnowledgeModel":
			m.functions[e.attribute("id")] = e
		case "import":
			m.fail(e, "put everything into one model", "the model imports %s, and other models are not read", quoted(e.attribute("namespace")))
		case "decision":
			name := e.attribute("name")
			if variable := e.child("variable"); variable.attribute("name") != "" {
				name = variable.attribute("name")
			}
			d := &decision{element: e, title: name, id: identifier(name)}
			m.decisions[e.attribute("id")] = d
			m.order = append(m.order, d)
		case "decisionService":
			m.warn(e, "", "the decision service %s is not taken over: it only names decisions of the model", quoted(e.attribute("name")))
		}
	}
	if language := m.root.attribute("expressionLanguage"); language != "" && !isFEEL(language) {
		m.fail(m.root, "", "the model's expressions are written in %s; only FEEL is translated", quoted(language))
	}
}

func (m *model) fields(e *element, depth int) {
	if depth > maxDepth {
		return
	}
	for _, c := range e.all("itemComponent") {
		m.words = append(m.words, c.attribute("name"))
		m.fields(c, depth+1)
	}
}

func isFEEL(language string) bool { return strings.Contains(strings.ToLower(language), "feel") }

func quoted(text string) string {
	if runes := []rune(text); len(runes) > 80 {
		text = string(runes[:80]) + "…"
	}
	return strconv.Quote(text)
}

// referred is the id that an href points to.
func referred(e *element) string {
	_, id, found := strings.Cut(e.attribute("href"), "#")
	if !found {
		return e.attribute("href")
	}
	return id
}

var logicNames = []string{"decisionTable", "literalExpression", "invocation", "context", "functionDefinition", "relation", "list", "conditional", "filter", "for", "some", "every"}

// translate makes tables of the decisions, and the chain that asks them.
func (m *model) translate() []*rules.TableSource {
	for _, d := range m.order {
		m.connect(d)
	}
	var ordered []*decision
	for _, d := range slices.Clone(m.order) {
		ordered = m.visit(d, ordered)
	}
	m.order = ordered
	if len(m.order) == 0 {
		m.fail(m.root, "", "the model has no decision")
	}
	var sources []*rules.TableSource
	for _, d := range m.order {
		if s := m.decide(d); s != nil {
			sources = append(sources, s)
		}
	}
	if m.problems.Err() != nil {
		return nil
	}
	if len(sources) == 0 {
		m.fail(m.root, "an expression belongs into the use case, as set:", "the model has no decision table")
		return nil
	}
	if len(m.order) == 1 && m.order[0].logic.name == "decisionTable" {
		return sources
	}
	return append(sources, m.chain(sources))
}

// connect finds what a decision needs.
func (m *model) connect(d *decision) {
	d.logic = d.child(logicNames...)
	if d.logic == nil {
		m.fail(d.element, "", "the decision %s says nothing of how it is made", quoted(d.title))
		d.logic = &element{name: "nothing", line: d.line, column: d.column}
	}
	for _, requirement := range d.all("informationRequirement") {
		if other := requirement.child("requiredDecision"); other != nil {
			if needs := m.decisions[referred(other)]; needs != nil {
				d.needs = append(d.needs, needs)
				needs.needed = true
				continue
			}
			m.fail(other, "", "the decision %s needs %s, which is not in the model", quoted(d.title), quoted(other.attribute("href")))
		}
		if input := requirement.child("requiredInput"); input != nil {
			if of := m.inputs[referred(input)]; of != nil {
				d.inputs = append(d.inputs, of)
				continue
			}
			m.fail(input, "", "the decision %s needs %s, which is not in the model", quoted(d.title), quoted(input.attribute("href")))
		}
	}
}

// visit puts a decision behind those that it needs.
func (m *model) visit(d *decision, ordered []*decision) []*decision {
	switch d.state {
	case 1:
		m.fail(d.element, "", "the decision %s needs its own result", quoted(d.title))
		return ordered
	case 2:
		return ordered
	}
	if m.depth++; m.depth > maxDepth {
		m.fail(d.element, "", "more than %d decisions need each other in a row", maxDepth)
		m.depth--
		return ordered
	}
	d.state = 1
	for _, needs := range d.needs {
		ordered = m.visit(needs, ordered)
	}
	d.state = 2
	m.depth--
	return append(ordered, d)
}

// decide translates the logic of one decision; nil if it has no table.
func (m *model) decide(d *decision) *rules.TableSource {
	switch d.logic.name {
	case "decisionTable":
		t := m.newTable(d, d.logic, d.element)
		for _, input := range d.inputs {
			t.fact(inputName(input), m.typeOf(input.child("variable"), false), input, "")
		}
		for _, needs := range d.needs {
			of := needs.element
			t.fact(needs.title, factType{needs.typeText, needs.optional}, of, needs.ref)
		}
		t.others = otherNames(d, t.facts)
		return m.tableOf(d, t)
	case "literalExpression":
		m.expression(d)
	case "invocation":
		return m.invocation(d)
	case "nothing":
	default:
		m.fail(d.logic, "make a decision table of it, or several decisions", "the decision %s is a %s, which is not translated", quoted(d.title), d.logic.name)
	}
	return nil
}

// otherNames are the names by which Camunda's models speak of what another decision decided: that of its output, or its id.
// A name that the model declares, or that two of the decisions have, means nothing else.
func otherNames(d *decision, declared []fact) map[string]string {
	names, twice := map[string]string{}, map[string]bool{}
	for _, f := range declared {
		twice[f.name] = true
	}
	add := func(name, means string) {
		if before, known := names[name]; known && before != means {
			twice[name] = true
		}
		names[name] = means
	}
	for _, needs := range d.needs {
		result := identifier(needs.title)
		add(needs.attribute("id"), result)
		for name, field := range needs.gives {
			add(name, result+field)
		}
	}
	maps.DeleteFunc(names, func(name, _ string) bool { return name == "" || twice[name] })
	return names
}

// chainScope is what expressions between the tables can speak of.
func (m *model) chainScope(d *decision) scope {
	s := scope{names: map[string]string{}, words: m.words}
	for _, input := range d.inputs {
		s.names[inputName(input)] = identifier(inputName(input))
	}
	for _, needs := range d.needs {
		s.names[needs.title] = needs.ref
	}
	return s
}

// expression translates a decision that is an expression: it is written out where its result is read.
func (m *model) expression(d *decision) {
	if language := d.logic.attribute("expressionLanguage"); language != "" && !isFEEL(language) {
		m.fail(d.logic, "", "the decision %s is written in %s; only FEEL is translated", quoted(d.title), quoted(language))
		return
	}
	of, err := translate(d.logic.says(), m.chainScope(d), (*feel).expression)
	if err != nil {
		m.fail(d.logic, "make a decision table of it, or simplify it", "decision %s: %s", quoted(d.title), err)
		return
	}
	d.ref = of.bracketed()
	ref := d.logic
	if variable := d.child("variable"); variable.attribute("typeRef") != "" {
		ref = variable
	}
	t := m.typeOf(ref, false)
	d.typeText, d.optional = t.text, t.optional
}

// invocation translates a decision that asks a table of a business knowledge model.
func (m *model) invocation(d *decision) *rules.TableSource {
	name := d.logic.child("literalExpression").says()
	var function *element
	for _, f := range m.functions {
		if f.attribute("name") == name {
			function = f
		}
	}
	logic := function.child("encapsulatedLogic")
	body := logic.child("decisionTable")
	if body == nil {
		m.fail(d.logic, "make a decision table of it", "the decision %s calls %s, which is no decision table of the model", quoted(d.title), quoted(name))
		return nil
	}
	t := m.newTable(d, body, function)
	for _, parameter := range logic.all("formalParameter") {
		called := parameter.attribute("name")
		binding := slices.IndexFunc(d.logic.all("binding"), func(b *element) bool { return b.child("parameter").attribute("name") == called })
		if binding < 0 {
			m.fail(d.logic, "", "the decision %s calls %s without saying what %s is", quoted(d.title), quoted(name), quoted(called))
			continue
		}
		given := d.logic.all("binding")[binding].child("literalExpression")
		if given == nil {
			m.fail(d.logic.all("binding")[binding], "", "the decision %s gives %s something that is no expression", quoted(d.title), quoted(called))
			continue
		}
		of, err := translate(given.says(), m.chainScope(d), (*feel).expression)
		if err != nil {
			m.fail(given, "", "decision %s, %s: %s", quoted(d.title), quoted(called), err)
			continue
		}
		t.fact(called, m.typeOf(parameter, false), parameter, of.bracketed())
	}
	return m.tableOf(d, t)
}

func inputName(input *element) string {
	if name := input.child("variable").attribute("name"); name != "" {
		return name
	}
	return input.attribute("name")
}

// chain writes the decision that asks the tables one after the other.
func (m *model) chain(parts []*rules.TableSource) *rules.TableSource {
	s := &rules.TableSource{File: m.file}
	add := func(e *element, format string, args ...any) {
		s.Head = append(s.Head, rules.SourceLine{Text: fmt.Sprintf(format, args...), Place: m.place(e)})
	}
	title := m.root.attribute("name")
	add(m.root, "rules: 1")
	add(m.root, "decision: %s", m.name(title, "decision"))
	if title != "" {
		add(m.root, "title: %s", strconv.Quote(title))
	}
	add(m.root, "facts:")
	known := map[string]bool{}
	for _, d := range m.order {
		for _, input := range d.inputs {
			if name := identifier(inputName(input)); !known[name] {
				known[name] = true
				t := m.inputType(input)
				add(input, "  %s: %s", name, t.yaml(""))
			}
		}
		if d.table != nil {
			for _, f := range d.table.free {
				if !known[f.id] {
					known[f.id] = true
					add(d.logic, "  %s: %s", f.id, f.of.yaml(""))
				}
			}
		}
	}
	if len(known) == 0 {
		s.Head[len(s.Head)-1].Text = "facts: {}"
	}
	add(m.root, "steps:")
	at := 0
	for _, d := range m.order {
		if d.table == nil {
			continue
		}
		add(d.element, "  - table: %s", d.table.name)
		add(d.element, "    id: %s", d.id)
		var with []string
		for _, f := range d.table.facts {
			if f.from != "" && f.from != f.id {
				with = append(with, fmt.Sprintf("      %s: %s", f.id, strconv.Quote("${"+f.from+"}")))
			}
		}
		if len(with) > 0 {
			add(d.element, "    with:")
			for _, line := range with {
				add(d.element, "%s", line)
			}
		}
		s.Parts = append(s.Parts, rules.SourcePart{Name: d.table.name, Table: parts[at]})
		at++
	}
	var roots []*decision
	for _, d := range m.order {
		if !d.needed {
			roots = append(roots, d)
		}
	}
	switch last := m.order[len(m.order)-1]; {
	case len(roots) == 1 && last.table != nil:
	case len(roots) == 1:
		add(last.element, "result: %s", strconv.Quote("${"+last.ref+"}"))
	default:
		add(m.root, "result:")
		for _, d := range roots {
			add(d.element, "  %s: %s", d.id, strconv.Quote("${"+d.ref+"}"))
		}
	}
	return s
}

// users counts the decisions that need an input.
func (m *model) users(name string) int {
	count := 0
	for _, d := range m.order {
		if slices.ContainsFunc(d.inputs, func(input *element) bool { return inputName(input) == name }) {
			count++
		}
	}
	return count
}

// inputType is the type of an input of the whole model: that which the model gives it, or, where only one table takes it
// or the model says nothing, that which the table found out.
func (m *model) inputType(input *element) factType {
	name := inputName(input)
	t := m.typeOf(input.child("variable"), false)
	alone, unknown := m.users(name) == 1, strings.HasPrefix(t.text, "type: any")
	for _, d := range m.order {
		if d.table == nil {
			continue
		}
		for _, f := range d.table.facts {
			if f.name != name || f.from != "" {
				continue
			}
			t.optional = t.optional && !unknown || f.of.optional
			if alone || unknown {
				t.text, unknown = f.of.text, false
			}
		}
	}
	return t
}

// name makes the name of a file of one in the model, used once.
func (m *model) name(text, otherwise string) string {
	var b strings.Builder
	for _, r := range strings.ToLower(text) {
		if unicode.IsLetter(r) || unicode.IsDigit(r) {
			b.WriteRune(r)
		} else if b.Len() > 0 && !strings.HasSuffix(b.String(), "-") {
			b.WriteByte('-')
		}
	}
	base := strings.Trim(b.String(), "-")
	if base == "" {
		base = otherwise
	}
	if m.taken[base] {
		base += "-" + otherwise
	}
	name := base
	for i := 2; m.taken[name]; i++ {
		name = base + "-" + strconv.Itoa(i)
	}
	m.taken[name] = true
	return name
}
