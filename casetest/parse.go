package casetest

import (
	"maps"
	"path"
	"slices"
	"strings"
	"time"

	"crosswalk/contracts"
	"crosswalk/rules"
	"crosswalk/source"
	"crosswalk/usecases"
	"crosswalk/workflows"
)

// MaxTests is the largest number of tests in one file.
const MaxTests = 1000

// defaultStart is when a case of a test starts that does not say so: a Monday morning.
var defaultStart = time.Date(2026, time.January, 5, 9, 0, 0, 0, time.UTC)

// Parse reads a file of tests for a use case and finds everything that is wrong with it. The file is nil if there are
// errors. Everything that is said about a file is said with its name under dir.
func Parse(dir, name string, text []byte, of Subject) (*File, source.Problems) {
	doc := source.Parse(path.Join(dir, name), text)
	if doc.Root == nil {
		return nil, doc.Problems()
	}
	r := &reader{doc: doc, subject: of, plan: of.Plan, types: writtenTypes{}, steps: map[string][]stepPlace{}, systems: map[string]*contracts.Contract{}, runs: map[string]runnable{}}
	for _, plan := range of.plans() {
		r.index(plan)
	}
	slices.Sort(r.names)
	r.names = slices.Compact(r.names)
	file := r.file(doc.Root)
	if doc.Problems().Err() != nil {
		return nil, doc.Problems()
	}
	file.dir = dir
	return file, doc.Problems()
}

// reader goes through a file.
type reader struct {
	doc     *source.Document
	subject Subject
	plan    *usecases.Plan
	types   writtenTypes
	steps   map[string][]stepPlace // by id and by path
	names   []string               // by which steps can be named, for hints
	systems map[string]*contracts.Contract
	runs    map[string]runnable // what steps run, by its name
}

// runnable is what a step runs: another use case, or a workflow or activity of somebody else's worker.
type runnable struct {
	useCase       bool
	input, result *rules.Type // result: what the step gives; nil: nothing
}

// index notes how the steps of a use case can be named, what they call and what they run.
func (r *reader) index(plan *usecases.Plan) {
	maps.Copy(r.systems, plan.Systems)
	plan.Walk(func(s *usecases.Step) {
		place := stepPlace{step: s, name: r.subject.nameOf(plan, s.Path)}
		r.steps[place.name] = append(r.steps[place.name], place)
		r.names = append(r.names, place.name)
		if id := r.subject.nameOf(plan, s.ID); s.ID != "" && s.ID != s.Path {
			r.steps[id] = append(r.steps[id], place)
			r.names = append(r.names, id)
		}
		if s.Run != nil {
			r.runs[s.Run.Name()] = r.runnable(s)
		}
	})
}

func (r *reader) runnable(s *usecases.Step) runnable {
	if s.Run.UseCase == "" {
		of := runnable{input: rules.RecordType(), result: s.Run.Result}
		if s.Run.With != nil && s.Run.With.Type() != nil {
			of.input = s.Run.With.Type()
		}
		return of
	}
	of := runnable{useCase: true, input: rules.TypeOf(rules.KindAny)}
	if plan := r.subject.Runs[s.Run.UseCase]; plan != nil {
		of.input = plan.Input
	}
	of.result = rules.RecordType(rules.Field{Name: "outcome", Type: text, Required: true}, rules.Field{Name: "reference", Type: text})
	if t := s.Run.Result; t != nil && t.Kind != rules.KindMissing {
		of.result = of.result.With(rules.Field{Name: "result", Type: t.AsPresent(), Required: !t.Optional})
	}
	return of
}

func (r *reader) file(root *source.Node) *File {
	fields := root.Fields(fileShape)
	if root.Kind() != source.Map {
		return nil
	}
	if name := root.Required("usecase", "name the use case, as in usecase: "+r.plan.UseCase); name.Exists() && name.Text() != r.plan.UseCase {
		name.Errorf("write usecase: "+r.plan.UseCase+", or name the file after the use case", "by its name, the file holds tests of %s", r.plan.UseCase)
	}
	base := &Test{File: root.File(), Subject: r.subject, at: defaultStart, meta: workflows.CaseMeta{Reference: "CW-TEST", Language: "en"}}
	r.common(base, fields)
	file := &File{Name: root.File(), Subject: r.subject}
	list := root.Required("tests", "write a list, each with name:, input: and expect:").List()
	if fields["tests"].Exists() && (len(list) == 0 || len(list) > MaxTests) {
		fields["tests"].Errorf("", "expected 1 to %d tests, found %d", MaxTests, len(list))
		return nil
	}
	seen := map[string]int{}
	for _, item := range list {
		t := r.test(item, base, fields["input"])
		if line, twice := seen[t.Name]; twice && t.Name != "" {
			item.Get("name").Errorf("choose another name", "the test %q is there already, on line %d", t.Name, line)
		}
		seen[t.Name] = t.Line
		file.Tests = append(file.Tests, t)
	}
	return file
}

func (r *reader) test(n *source.Node, base *Test, baseInput *source.Node) *Test {
	t := *base
	t.Line, _ = n.Position()
	if n.Kind() != source.Map {
		n.Errorf("write for example - {name: …, input: …, expect: …}", "a test is a mapping, found %s", n.Kind())
		return &t
	}
	fields := n.Fields(testShape)
	t.Name = strings.TrimSpace(n.Required("name", "say in a few words what it shows").Text())
	if fields["name"].Exists() && t.Name == "" {
		fields["name"].Errorf("say in a few words what it shows", "the name is empty")
	}
	t.answers, t.runs = maps.Clone(base.answers), maps.Clone(base.runs)
	r.common(&t, fields)
	t.input = r.input(n, fields["input"], baseInput)
	r.expectations(&t, fields["expect"])
	return &t
}

// common reads what a file and a test have both.
func (r *reader) common(t *Test, fields map[string]*source.Node) {
	if at := fields["at"]; at.Exists() {
		starts := r.literal(at, rules.TypeOf(rules.KindInstant))
		t.at = starts.Time()
		if year := t.at.UTC().Year(); starts.Kind() == rules.KindInstant && (year < firstYear || year > lastYear) {
			at.Errorf("", "a case of a test starts in the years %d to %d", firstYear, lastYear)
		}
	}
	if meta := fields["case"]; meta.Exists() {
		known := meta.Fields(metaShape)
		for key, field := range map[string]*string{"reference": &t.meta.Reference, "language": &t.meta.Language, "channel": &t.meta.Channel,
			"started_by": &t.meta.StartedBy, "title": &t.meta.Title} {
			if known[key].Exists() {
				*field = known[key].Text()
			}
		}
	}
	if systems := fields["systems"]; systems.Exists() {
		if t.answers == nil {
			t.answers = map[string][]*answer{}
		}
		for _, operation := range systems.Keys() {
			t.answers[operation] = r.answers(systems, operation)
		}
		systems.Map()
	}
	if runs := fields["runs"]; runs.Exists() {
		if t.runs == nil {
			t.runs = map[string][]*answer{}
		}
		for _, name := range runs.Keys() {
			t.runs[name] = r.runAnswers(runs, name)
		}
		runs.Map()
	}
	if cancel := fields["cancel"]; cancel.Exists() {
		t.cancel = r.cancelling(cancel)
	}
	if people := fields["people"]; people.Exists() {
		t.people = nil
		for _, item := range people.List() {
			t.people = append(t.people, r.person(item))
		}
	}
	if events := fields["events"]; events.Exists() {
		t.events = nil
		for _, item := range events.List() {
			t.events = append(t.events, r.event(item))
		}
	}
	if messages := fields["messages"]; messages.Exists() {
		t.messages = nil
		for _, item := range messages.List() {
			t.messages = append(t.messages, r.message(item))
		}
	}
}

func (r *reader) event(n *source.Node) *event {
	fields := n.Fields(eventShape)
	e := &event{after: fields["after"].Duration()}
	if n.Kind() != source.Map {
		return e
	}
	name := n.Required("event", "say which event happens")
	e.name, e.key = name.Text(), n.Required("key", "say whom the event is about: the key that the case waits for").Text()
	of, known := r.plan.Events[e.name]
	if !known && name.Exists() {
		name.Errorf(source.DidYouMean(e.name, sortedKeys(r.plan.Events)), "the use case declares no event %q", e.name)
	}
	e.payload = rules.Record(nil)
	if payload := fields["payload"]; payload.Exists() && of != nil {
		e.payload = r.literal(payload, of)
	} else if of != nil && len(required(of)) > 0 {
		n.Errorf("add payload: {"+required(of)[0]+": …}", "the event %q tells something", e.name)
	}
	return e
}

// input is the input of a test: the file's, with the fields that the test gives instead.
func (r *reader) input(test, own, base *source.Node) rules.Value {
	if !own.Exists() && !base.Exists() {
		own = test
		if len(required(r.plan.Input)) == 0 {
			return rules.Record(nil)
		}
		test.Errorf("add input: {"+required(r.plan.Input)[0]+": …}", "the use case needs an input")
		return rules.Value{}
	}
	loose := optionalFields(r.types.written(r.plan.Input))
	value := rules.Record(nil)
	for _, n := range []*source.Node{base, own} {
		if !n.Exists() {
			continue
		}
		template := rules.CompileTemplate(n, rules.NewEnvironment(nil), loose, rules.Options{})
		part, _ := template.Literal()
		for _, key := range n.Keys() {
			value = value.With(key, part.Get(key))
		}
	}
	if r.doc.Problems().Err() != nil {
		return value
	}
	at := own
	if !at.Exists() {
		at = base
	}
	decoded, err := r.plan.Input.Decode(value)
	if err != nil {
		at.Errorf("", "the input does not fit the use case: %s", err)
	}
	return decoded
}

func required(t *rules.Type) []string {
	var names []string
	for _, field := range t.Fields {
		if field.Required {
			names = append(names, field.Name)
		}
	}
	return names
}

// optionalFields is a record type of which every part may be given alone.
func optionalFields(t *rules.Type) *rules.Type {
	loose := *t
	loose.Fields = nil
	for _, field := range t.Fields {
		field.Required = false
		field.Type = field.Type.AsOptional()
		loose.Fields = append(loose.Fields, field)
	}
	return &loose
}

// operation finds system.operation as use cases write it.
func (r *reader) operation(key *source.Node) *contracts.Operation {
	name := key.Text()
	system, short, _ := strings.Cut(name, ".")
	contract, known := r.systems[system]
	if !known {
		key.Errorf(source.DidYouMean(system, sortedKeys(r.systems)), "the use case calls no system %q", system)
		return nil
	}
	operation := contract.Operation(short)
	if operation == nil {
		key.Errorf(source.DidYouMean(short, contract.OperationNames()), "%q is not an operation of the system %q", short, system)
	}
	return operation
}

// answers reads what a system answers to an operation: one answer or a list of them.
func (r *reader) answers(systems *source.Node, name string) []*answer {
	operation := r.operation(systems.KeyNode(name))
	if operation == nil {
		return nil
	}
	return answerList(systems.Get(name), func(item *source.Node) *answer { return r.answer(item, operation) })
}

func answerList(n *source.Node, read func(*source.Node) *answer) []*answer {
	items := []*source.Node{n}
	if n.Kind() == source.List {
		items = n.List()
	}
	var list []*answer
	for i, item := range items {
		if i > 0 && list[i-1].with == nil && list[i-1].when == nil && list[i-1].step == nil && list[i-1].times == 0 {
			item.Errorf("give the answer before it times: 1, or with: or when:", "this answer is never reached")
		}
		list = append(list, read(item))
	}
	return list
}

func (r *reader) answer(n *source.Node, operation *contracts.Operation) *answer {
	a := &answer{at: n}
	fields := n.Fields(answerShape)
	if n.Kind() != source.Map {
		return a
	}
	if step := fields["step"]; step.Exists() {
		a.step = r.step(step)
	}
	env := r.fitting(a, fields, operation.Input)
	gives, fails := fields["gives"], fields["fails"]
	switch {
	case gives.Exists() && fails.Exists():
		fails.Errorf("write two answers, the first with times: 1", "an answer gives something or fails, not both")
	case !gives.Exists() && !fails.Exists():
		n.Errorf("write gives: and what the operation answers, or fails: not_found", "the answer says nothing")
	case gives.Exists():
		a.gives = rules.CompileTemplate(gives, env, r.types.written(operation.Output), rules.Options{})
	default:
		r.failure(a, fields, operation, env)
	}
	return a
}

// fitting reads for which calls an answer is, and gives the names that it may read.
func (r *reader) fitting(a *answer, fields map[string]*source.Node, input *rules.Type) *rules.Environment {
	env := rules.NewEnvironment(rules.RecordType(rules.Field{Name: "input", Type: input, Required: true}))
	if with := fields["with"]; with.Exists() {
		a.with = r.expect(with, input, env)
	}
	if when := fields["when"]; when.Exists() {
		a.when = rules.CompileNode(when, env, rules.TypeOf(rules.KindBool), rules.Options{})
	}
	a.times = count(fields["times"])
	return env
}

func (r *reader) failure(a *answer, fields map[string]*source.Node, operation *contracts.Operation, env *rules.Environment) {
	a.fails = contracts.Class(fields["fails"].OneOf(contracts.ClassNames()...))
	if a.fails.Known() && !operation.MayFail(a.fails) {
		fields["fails"].Errorf("its contract lists the errors that it may answer", "%s never fails with %s", operation.Name, a.fails)
	}
	a.says(fields["message"])
	candidates := fields["candidates"]
	switch {
	case a.fails == contracts.NotUnique && !candidates.Exists():
		fields["fails"].Errorf("add candidates: [{…}, {…}]", "of several records that fit, say which")
	case candidates.Exists() && a.fails != contracts.NotUnique:
		candidates.Errorf("remove it", "only fails: not_unique has candidates")
	case candidates.Exists():
		a.candidates = rules.CompileTemplate(candidates, env, rules.ListOf(r.types.written(operation.Output)), rules.Options{})
	}
}

// says reads the words of an error.
func (a *answer) says(message *source.Node) {
	a.message = "as the test says"
	if message.Exists() {
		a.message = message.Text()
	}
}

// count reads a number of times; 0 if none is given.
func count(n *source.Node) int {
	if !n.Exists() {
		return 0
	}
	times := n.Int()
	if n.Kind() == source.Scalar && times < 1 {
		n.Errorf("", "expected a number of times from 1 on")
	}
	return times
}

// In which years a case of a test may start: Temporal's clock does not know others, and the case would do nothing.
const (
	firstYear = 1970
	lastYear  = 9000
)

// step finds a step by its id or its path.
func (r *reader) step(n *source.Node) *usecases.Step { return r.place(n).step }

// place finds a step by its id or its path; it has none if there is none.
func (r *reader) place(n *source.Node) stepPlace {
	if n.Kind() != source.Scalar {
		n.Errorf("", "expected the id of a step, found %s", n.Kind())
		return stepPlace{}
	}
	found := r.steps[n.Text()]
	switch useCase, _, other := strings.Cut(n.Text(), "/"); {
	case len(found) == 1:
		return stepPlace{at: n, step: found[0].step, name: found[0].name}
	case len(found) > 1:
		n.Errorf("write its path, as in "+found[0].name+" or "+found[1].name, "several steps are called %q", n.Text())
	case other && r.subject.Runs[useCase] == nil:
		n.Errorf(source.DidYouMean(useCase, sortedKeys(r.runs)), "the use case runs no use case %q", useCase)
	default:
		n.Errorf(source.DidYouMean(n.Text(), r.names), "the use case has no step %q", n.Text())
	}
	return stepPlace{}
}

func (r *reader) message(n *source.Node) *message {
	fields := n.Fields(messageShape)
	m := &message{after: fields["after"].Duration(), channel: "email"}
	if r.plan.Joined == nil && n.Kind() == source.Map {
		n.Errorf("describe under joined: in the use case what happens with them", "the use case does nothing with further messages")
	}
	if fields["channel"].Exists() {
		m.channel = fields["channel"].Text()
	}
	parsed := map[string]rules.Value{"text": rules.Text(n.Required("text", "say what the customer writes").Text())}
	if from := fields["from"]; from.Exists() {
		parsed["from"] = rules.Text(from.Text())
	}
	m.parsed = rules.Record(parsed)
	return m
}

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
