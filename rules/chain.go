package rules

import (
	"fmt"
	"path"
	"slices"
	"strings"

	"crosswalk/source"
)

// The limits of decisions that are made of several tables.
const (
	maxParts = 50

	// decisionsFact is the fact under which the tables of a chain find what the ones before them decided.
	decisionsFact = "decisions"
)

// chained is a table of a chain.
type chained struct {
	id    string // under which later tables find its result
	table *Table
	with  *Template // the facts that it is given; nil: none but those below
	named []string  // those that it takes from the decision's facts of the same name
}

var partExtensions = []string{".yaml", ".csv", ".xlsx", ".dmn"}

// readParts reads the tables that a table is made of.
func (s *TableSource) readParts(root *source.Node, read TableReader, depth int) source.Problems {
	var names []*source.Node
	if versions := root.Get("versions"); versions.Kind() == source.List {
		names = versions.List()
	}
	if steps := root.Get("steps"); root.Get("decision") != nil && steps.Kind() == source.List {
		for _, step := range steps.List() {
			if table := step.Get("table"); table.Kind() == source.Scalar {
				names = append(names, table)
			}
		}
	}
	var problems source.Problems
	for i, n := range names {
		if n.Kind() != source.Scalar {
			continue // CompileTable says so
		}
		if i == maxParts {
			n.Errorf("", "at most %d tables are read", maxParts)
			break
		}
		part, found := s.readPart(n, read, depth)
		problems = append(problems, found...)
		if part != nil {
			s.Parts = append(s.Parts, SourcePart{Name: n.Text(), Table: part})
		}
	}
	return problems
}

func (s *TableSource) readPart(n *source.Node, read TableReader, depth int) (*TableSource, source.Problems) {
	name := n.Text()
	switch {
	case depth >= maxChain:
		n.Errorf("take the tables apart", "decisions are made of decisions more than %d deep; or one is made of itself", maxChain)
		return nil, nil
	case read == nil || path.IsAbs(name) || strings.ContainsAny(name, "/\\") || strings.HasPrefix(name, "."):
		n.Errorf("put it beside this one", "the table %s cannot be read from here", quoted(name))
		return nil, nil
	}
	candidates := []string{name}
	if !slices.Contains(partExtensions, path.Ext(name)) {
		candidates = nil
		for _, extension := range partExtensions {
			candidates = append(candidates, name+extension)
		}
	}
	for _, candidate := range candidates {
		if text, err := read(candidate); err == nil {
			return readTable(path.Join(path.Dir(s.File), candidate), text, read, depth+1)
		}
	}
	n.Errorf("put it beside this one", "there is no table %s", quoted(name))
	return nil, nil
}

// part compiles one of the tables that this one is made of.
func (b *tableBuilder) part(name string) *Table {
	for _, part := range b.written.Parts {
		if part.Name != name {
			continue
		}
		table, problems := compileTable(part.Table, b.published)
		if table == nil {
			b.found = append(b.found, problems...)
			return nil
		}
		b.parts = append(b.parts, table)
		return table
	}
	if EncodedTable(b.written.File) { // else ReadTable has said that it is not there
		b.found = append(b.found, Place{File: b.written.File}.problem("", 0, "", "there is no table "+quoted(name)))
	}
	return nil
}

// chainOf compiles a decision that is made of several tables, one after the other.
func (b *tableBuilder) chainOf() {
	b.keys = b.doc.Root.Fields(chainShape)
	b.named("decision", "give the decision a name")
	b.facts()
	if facts := b.keys["facts"]; facts.Get(decisionsFact) != nil {
		facts.KeyNode(decisionsFact).Errorf("choose another name", "%q is what the tables of this decision have decided", decisionsFact)
	}
	later := b.laterSteps()
	results := RecordType()
	for _, item := range b.keys["steps"].List() {
		delete(later, stepID(item))
		b.step(item, results, later)
		if len(b.table.steps) > 0 {
			last := b.table.steps[len(b.table.steps)-1]
			results = results.With(Field{Name: last.id, Type: last.table.Result.AsPresent(), Required: !last.table.Result.Optional})
		}
	}
	if len(b.table.steps) == 0 {
		if b.doc.Problems().Err() == nil && len(b.found) == 0 {
			b.doc.Root.Errorf("list them under steps: as - table: name", "no table decides anything")
		}
		return
	}
	b.table.Result = b.table.steps[len(b.table.steps)-1].table.Result
	if n := b.keys["result"]; n != nil {
		b.table.answer = CompileTemplate(n, b.after(results), nil, b.options)
		b.table.Result = b.table.answer.result
		b.read(b.table.answer.reads)
	}
}

// stepID is the name of a step: that of its table, if it has none of its own.
func stepID(item *source.Node) string {
	if id := item.Get("id"); id.Kind() == source.Scalar {
		return id.Text()
	}
	return strings.ReplaceAll(item.Get("table").Text(), "-", "_")
}

// laterSteps says of every step why it cannot be read before it is made.
func (b *tableBuilder) laterSteps() map[string]bool {
	later := map[string]bool{}
	for _, item := range b.keys["steps"].List() {
		later[stepID(item)] = true
	}
	return later
}

// after is what can be read when some tables have decided.
func (b *tableBuilder) after(results *Type) *Environment { return b.env.With(decisionsFact, results) }

// step reads one table of the chain: {table, id, with}.
func (b *tableBuilder) step(item *source.Node, results *Type, later map[string]bool) {
	keys := item.Fields(chainStepShape)
	name := item.Required("table", "name the table that decides")
	if name == nil {
		return
	}
	id := stepID(item)
	switch {
	case !namePattern.MatchString(id):
		item.Errorf("give it an id: of letters, digits and _", "%s cannot be read in expressions", quoted(id))
	case slices.ContainsFunc(b.table.steps, func(s chained) bool { return s.id == id }):
		item.Errorf("give one of them an id:", "two steps are called %s", quoted(id))
		return
	}
	table := b.part(name.Text())
	if table == nil {
		return
	}
	s := chained{id: id, table: table}
	env := b.after(results)
	if !b.cyclic(keys["with"], id, later) {
		s.with = b.giving(&s, keys["with"], name, env)
	}
	b.table.steps = append(b.table.steps, s)
}

// cyclic reports a step that reads the result of one that comes later, or its own.
func (b *tableBuilder) cyclic(with *source.Node, id string, later map[string]bool) bool {
	if with == nil {
		return false
	}
	for _, text := range with.Leaves(nil) {
		if strings.Contains(text, decisionsFact+"."+id) {
			with.Errorf("", "the step %s reads its own result", quoted(id))
			return true
		}
		for other := range later {
			if !strings.Contains(text, decisionsFact+"."+other) {
				continue
			}
			if b.readsStep(other, id) {
				with.Errorf("take one of the two apart", "the steps %s and %s need each other", quoted(id), quoted(other))
			} else {
				with.Errorf("move it up", "the step %s decides later", quoted(other))
			}
			return true
		}
	}
	return false
}

// readsStep says whether a step reads the result of another one.
func (b *tableBuilder) readsStep(id, other string) bool {
	for _, item := range b.keys["steps"].List() {
		if stepID(item) != id {
			continue
		}
		for _, text := range item.Get("with").Leaves(nil) {
			if strings.Contains(text, decisionsFact+"."+other) {
				return true
			}
		}
	}
	return false
}

// giving checks what a table of the chain is given: what `with` says, and what has the name of one of its facts.
func (b *tableBuilder) giving(s *chained, with, at *source.Node, env *Environment) *Template {
	want := *s.table.Facts
	want.Fields = slices.Clone(want.Fields)
	for i, field := range want.Fields {
		t := env.Lookup(field.Name)
		if with.Get(field.Name) != nil || t == nil {
			continue
		}
		a := &assignment{}
		a.check(s.table.Facts.Member(field.Name), t, "")
		for _, mismatch := range a.mismatches {
			at.Errorf(mismatch.Hint, "the table %s takes %s: %s", s.table.Name, field.Name, mismatch.text())
		}
		want.Fields[i].Required = false
		s.named = append(s.named, field.Name)
		for _, path := range s.table.reads {
			if path == field.Name || strings.HasPrefix(path, field.Name+".") || strings.HasPrefix(path, field.Name+"[") {
				b.read([]string{path})
			}
		}
	}
	if with == nil {
		var missing []string
		for _, field := range want.Fields {
			if field.Required && !field.Type.Optional {
				missing = append(missing, field.Name)
			}
		}
		if len(missing) > 0 {
			at.Errorf("add with: {"+missing[0]+": …}", "the table %s takes %s, which nothing here has the name of", s.table.Name, strings.Join(missing, ", "))
		}
		return nil
	}
	template := CompileTemplate(with, env, &want, b.options)
	b.read(template.reads)
	return template
}

// read notes what the decision reads of its own facts.
func (b *tableBuilder) read(paths []string) {
	for _, path := range paths {
		if path != decisionsFact && !strings.HasPrefix(path, decisionsFact+".") {
			b.reads = append(b.reads, path)
		}
	}
}

// chain asks one table after the other.
func (t *Table) chain(facts Value, left *work, depth int) (Decision, error) {
	return t.chainOver(facts, left, depth, nil)
}

// chainOver is chain, noting what each table was given.
func (t *Table) chainOver(facts Value, left *work, depth int, noted *[]Value) (Decision, error) {
	var made Decision
	if depth > maxChain {
		return made, fmt.Errorf("table %s: decisions are made of decisions more than %d deep", t.Name, maxChain)
	}
	results := Record(nil)
	var rows []string
	for i := range t.steps {
		s := &t.steps[i]
		given, err := t.facts(s, facts.With(decisionsFact, results), left)
		if err != nil {
			return Decision{}, err
		}
		if noted != nil {
			*noted = append(*noted, given)
		}
		part, err := s.table.decide(given, left, depth+1)
		if err != nil {
			return Decision{}, t.within(err)
		}
		results = results.With(s.id, part.Outputs)
		made.Parts = append(made.Parts, part)
		made.Outputs, made.Why = part.Outputs, part.Why
		rows = append(rows, s.id+": "+part.Row)
	}
	made.Row = strings.Join(rows, "; ")
	if t.answer == nil {
		return made, nil
	}
	d := t.begin(facts.With(decisionsFact, results), left)
	defer d.end(left)
	outputs, err := t.typed(d, t.answer, t.Result, "", Place{File: t.file})
	made.Outputs = outputs
	return made, err
}

// facts are those that a table of the chain is given.
func (t *Table) facts(s *chained, known Value, left *work) (Value, error) {
	given := Record(nil)
	if s.with != nil {
		d := t.begin(known, left)
		v, err := d.fill(s.with.root)
		d.end(left)
		if err != nil {
			return given, &DecisionError{Table: t.Name, Place: Place{File: t.file}, Row: s.id, Message: err.Message, Hint: err.Hint, Cell: err}
		}
		given = v
	}
	for _, name := range s.named {
		if v := known.Get(name); !v.IsMissing() {
			given = given.With(name, s.table.Facts.Member(name).Project(v))
		}
	}
	return given, nil
}

// Tables are the tables with rows that the decision is made of: itself, its versions, or those of its chain.
func (t *Table) Tables() []*Table {
	var all []*Table
	switch {
	case len(t.versions) > 0:
		all = t.versions
	case len(t.steps) > 0:
		for _, s := range t.steps {
			all = append(all, s.table)
		}
	default:
		return []*Table{t}
	}
	var flat []*Table
	for _, part := range all {
		flat = append(flat, part.Tables()...)
	}
	return flat
}
