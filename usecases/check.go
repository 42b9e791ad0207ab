package usecases

import (
	"fmt"
	"slices"
	"strings"

	"crosswalk/contracts"
	"crosswalk/rules"
	"crosswalk/source"
)

// Environment is what a use case is checked against.
type Environment struct {
	Systems map[string]*contracts.Contract // by the name of the system; nil for one that is known to be broken
	Tables  map[string]*rules.Table        // by name; nil for one that is known to be broken
	// Contracts are those that ids may belong to, by name; the contracts of the systems need not be repeated.
	Contracts map[string]*contracts.Contract
	// UseCases are those that can be run, by name; nil for one that is known to be broken.
	UseCases map[string]*Signature
	// Queues and Roles are those that people have; nil: they are not known, and not checked.
	Queues, Roles []string
	// Calendars are those of the workspace; nil: they are not known, and not checked.
	Calendars []string
}

// contract finds a contract by its own name.
func (e Environment) contract(name string) *contracts.Contract {
	if contract := e.Contracts[name]; contract != nil {
		return contract
	}
	for _, system := range sortedKeys(e.Systems) {
		if contract := e.Systems[system]; contract != nil && contract.Name == name {
			return contract
		}
	}
	return nil
}

// Check reads a use case and finds everything that is wrong with it, all at once. The plan is nil if there
// are errors, here or in a table or contract that it uses; the latter are not reported again.
func Check(file string, text []byte, env Environment) (*Plan, source.Problems) {
	doc := source.Parse(file, text)
	if doc.Root == nil {
		return nil, doc.Problems()
	}
	c := &checker{doc: doc, env: env, plan: &Plan{Systems: map[string]*contracts.Contract{}, Tables: map[string]*rules.Table{}}}
	c.file(doc.Root)
	problems := doc.Problems()
	if problems.Err() != nil || c.broken {
		return nil, problems
	}
	return c.plan, problems
}

// recordKind finds the kind of record that a ref such as crm.customer means, or nil.
func (e Environment) recordKind(ref string) *contracts.RecordKind {
	name, kind, ok := strings.Cut(ref, ".")
	if !ok {
		return nil
	}
	contract := e.contract(name)
	if contract == nil {
		return nil
	}
	return contract.Records[kind]
}

// checker goes through a use case from top to bottom, knowing at each step which names there are and of
// which type, and builds the plan on its way.
type checker struct {
	doc     *source.Document
	env     Environment
	plan    *Plan
	results []*variable // of reads and decisions, to find those that nobody uses
	reads   []string    // what all expressions have read so far
	called  []calledStep
	facts   bool // case.facts is read somewhere, which shows every result
	ends    []*rules.Type
	awaited map[string]bool // the events that are waited for
	undos   bool            // some step says how it is undone
	kept    []*source.Node  // calls that write and are not undone
	undoing []*source.Node  // undo: of ends
	// unsure says that the type of something is not known because of an error. From then on not knowing a
	// type is no error, so that one mistake is reported once.
	unsure bool
	broken bool // a table or contract that is used is known to be broken
}

func (c *checker) file(root *source.Node) {
	fields := root.Fields(useCaseShape)
	c.plan.UseCase, c.plan.File = parseName(root), root.File()
	c.plan.Title = constantTitle(plain(fields["title"]), c.plan.UseCase)
	c.plan.Description = fields["description"].Text()
	c.plan.Input = rules.ParseFields(fields["input"])
	c.events(fields["events"])
	names := newScope()
	names.declare("input", c.plan.Input, nil)
	if title := fields["title"]; title.Exists() {
		c.plan.CaseTitle = c.template(title, names, rules.TypeOf(rules.KindText))
	}
	names.declare("case", CaseType(), nil)
	names.env = names.env.Without(absent(root))
	steps := root.Required("steps", "a use case is the list of its steps")
	list := c.steps(steps, names, place{top: true}) // declares the results in names
	c.plan.Steps = list.steps
	c.plan.Result = list.result
	for _, end := range c.ends {
		c.plan.Result = joinResults(c.plan.Result, end)
	}
	if list.last != nil {
		list.last.useWhole()
	}
	if joined := fields["joined"]; joined.Exists() {
		c.joined(joined, names)
	}
	slices.Sort(c.plan.Operations)
	c.plan.Operations = slices.Compact(c.plan.Operations)
	c.unheard(fields["events"])
	c.unused()
	c.undone()
	c.readOf()
}

// absent says why names that the file mentions cannot be read everywhere.
func absent(root *source.Node) map[string]string {
	reasons := map[string]string{
		"error":   "error is there in the steps under on_error alone",
		"message": "message is there in the steps under joined alone",
	}
	if root.Get("steps").Kind() != source.List {
		return reasons
	}
	for _, step := range root.Get("steps").List() {
		if id := step.Get("id"); id.Kind() == source.Scalar {
			line, _ := id.Position()
			reasons[id.Text()] = fmt.Sprintf("the step %s comes later, on line %d", id.Text(), line)
		}
	}
	return reasons
}

// joined checks the steps for further messages. They see the results of the top-level steps and wait for
// those that they read.
func (c *checker) joined(node *source.Node, names *scope) {
	names = names.child()
	names.declare("message", MessageType(), nil)
	before := map[string]bool{}
	for name, variable := range names.variables {
		if variable.top {
			before[name] = true
		}
	}
	names.reads = map[string]bool{}
	list := c.steps(node, names, place{prefix: "joined[].", joined: true})
	c.plan.Joined = &Joined{Steps: list.steps}
	for _, name := range sortedKeys(names.reads) {
		if before[name] {
			c.plan.Joined.After = append(c.plan.Joined.After, name)
		}
	}
}

// unused warns about reads and decisions whose result nobody looks at: they cost a call and mislead.
func (c *checker) unused() {
	if c.facts || c.doc.Problems().Err() != nil {
		return // what could not be compiled may use them
	}
	for _, result := range c.results {
		if !result.used {
			result.node.Warnf("use it, or remove the step", "nothing uses the result of %s", result.name)
		}
	}
}

// CaseType is the type of case in expressions.
func CaseType() *rules.Type {
	text := rules.TypeOf(rules.KindText)
	fact := rules.RecordType(
		rules.Field{Name: "step", Type: text, Required: true},
		rules.Field{Name: "title", Type: text, Required: true},
		rules.Field{Name: "system", Type: text},
		rules.Field{Name: "operation", Type: text},
		rules.Field{Name: "at", Type: rules.TypeOf(rules.KindInstant), Required: true},
		rules.Field{Name: "value", Type: rules.TypeOf(rules.KindAny)},
	)
	return rules.RecordType(
		rules.Field{Name: "id", Type: text, Required: true},
		rules.Field{Name: "reference", Type: text, Required: true},
		rules.Field{Name: "title", Type: text, Required: true},
		rules.Field{Name: "language", Type: text},
		rules.Field{Name: "channel", Type: text},
		rules.Field{Name: "started_at", Type: rules.TypeOf(rules.KindInstant), Required: true},
		rules.Field{Name: "facts", Type: rules.ListOf(fact), Required: true},
	)
}

// MessageType is the type of message in the steps under joined.
func MessageType() *rules.Type {
	text := rules.TypeOf(rules.KindText)
	personal := &rules.Type{Kind: rules.KindText, Personal: true}
	return rules.RecordType(
		rules.Field{Name: "channel", Type: text, Required: true},
		rules.Field{Name: "from", Type: personal},
		rules.Field{Name: "text", Type: personal, Required: true},
		rules.Field{Name: "received_at", Type: rules.TypeOf(rules.KindInstant), Required: true},
		rules.Field{Name: "entry", Type: text, Required: true},
	)
}

// ErrorType is the type of error in the steps that stand in for a failed one.
func ErrorType(candidates *rules.Type) *rules.Type {
	text := rules.TypeOf(rules.KindText)
	t := rules.RecordType(
		rules.Field{Name: "class", Type: rules.EnumOf(contracts.ClassNames()...), Required: true},
		rules.Field{Name: "message", Type: text, Required: true},
		rules.Field{Name: "operation", Type: text},
	)
	if candidates != nil {
		t = t.With(rules.Field{Name: "candidates", Type: candidates, Required: true})
	}
	return t
}

// joinResults joins two types of which either may be unknown because of an error found before.
func joinResults(a, b *rules.Type) *rules.Type {
	switch {
	case a == nil:
		return b
	case b == nil:
		return a
	}
	return rules.Join(a, b)
}

// personal says whether a value of the type may hold personal data.
func personal(t *rules.Type) bool {
	if t == nil {
		return false
	}
	if t.Personal || personal(t.Items) || personal(t.Extra) {
		return true
	}
	return slices.ContainsFunc(t.Fields, func(field rules.Field) bool { return personal(field.Type) })
}

// plain is the text of a scalar, without complaining about anything else.
func plain(node *source.Node) string {
	text, _ := node.Literal()
	return text
}

// readsFacts says whether one of the places read is case.facts, or the whole case.
func readsFacts(reads []string) bool {
	return slices.ContainsFunc(reads, func(read string) bool {
		return read == "case" || read == "case.facts" || strings.HasPrefix(read, "case.facts.")
	})
}
