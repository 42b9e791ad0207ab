package casetest

import (
	"context"
	"encoding/json"
	"fmt"
	"sync"

	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/testsuite"

	"crosswalk/activities"
	"crosswalk/adapters"
	"crosswalk/contracts"
	"crosswalk/rules"
	"crosswalk/store"
	"crosswalk/usecases"
	"crosswalk/workflows"
)

// world is everything around one case: it plays the systems and the people, and notes what the case does.
type world struct {
	test  *Test
	past  *past // the case that is played again for a recording; nil in a test
	id    string
	env   *testsuite.TestWorkflowEnvironment
	store *store.Store
	acts  *activities.Activities
	reach *activities.Reach

	mu       sync.Mutex
	used     map[*answer]int
	answered map[*person]int
	given    map[string]bool // by the id of the task
	sent     map[string]bool // keys of writes that were carried out
	effects  []effect
	tasks    []activities.Task
	took     []taken
	ways     map[string]int            // how often each way was taken, by path and name
	steps    map[string]*usecases.Step // by path, with the positions of loops
	failures []Failure
	calls    []called // of a recording
}

// effect is a write that happened.
type effect struct {
	operation string // system.operation
	step      string // path
	input     rules.Value
}

// taken is a step that was done.
type taken struct {
	path string // with the positions of loops
	step *usecases.Step
}

func newWorld(t *Test, id string) *world {
	w := &world{test: t, id: id, used: map[*answer]int{}, answered: map[*person]int{}, given: map[string]bool{}, sent: map[string]bool{}, ways: map[string]int{}, steps: map[string]*usecases.Step{}}
	w.reach = &activities.Reach{Systems: map[string]*activities.System{}}
	for name, contract := range t.Plan.Systems {
		serves := map[string]activities.Service{}
		for short, operation := range contract.Operations {
			serves[short] = activities.Service{Local: true}
			if operation.Effect == contracts.Write {
				serves[short] = activities.Service{Local: true, Safety: contracts.IdempotencyKey}
			}
		}
		w.reach.Systems[name] = &activities.System{Name: name, Contract: contract.Name, Drivers: []activities.Driver{
			{Name: "test:" + name, Serves: serves, Executor: played{world: w, system: name, contract: contract}},
		}}
	}
	return w
}

func (w *world) fail(f Failure) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.failures = append(w.failures, f)
}

// Plan is the interpreter's view of bundles.
func (w *world) Plan(string) (*usecases.Plan, bool) { return w.test.Plan, true }

// Routes is the interpreter's view of reach: every system is there.
func (w *world) Routes(system, operation string) []activities.Route {
	return w.reach.Routes(system, operation)
}

// Contract is the activities' view of bundles.
func (w *world) Contract(_, system string) (*contracts.Contract, error) {
	if contract := w.test.Plan.Systems[system]; contract != nil {
		return contract, nil
	}
	return nil, fmt.Errorf("casetest: the use case calls no system %q", system)
}

// Took notes the way of the case.
func (w *world) Took(at activities.Place, step *usecases.Step, way string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.ways[wayKey(step, way)]++
	w.steps[at.Path] = step
	if way != workflows.WayTaken {
		return
	}
	if n := len(w.took); n > 0 && w.took[n-1].path == at.Path {
		return // the same step, tried again
	}
	w.took = append(w.took, taken{path: at.Path, step: step})
}

func wayKey(s *usecases.Step, way string) string { return s.Path + " " + way }

// played is a system of the test.
type played struct {
	world    *world
	system   string
	contract *contracts.Contract
}

// Execute answers a call as the test says. A call that it says nothing about fails the test.
func (p played) Execute(ctx context.Context, call adapters.Call) (activities.Result, error) {
	w := p.world
	operation := p.operation(call.Operation)
	name := p.system + "." + operation.Short
	made, problem := w.reply(ctx, name, operation, call.Input)
	if problem != nil {
		w.fail(*problem)
		return activities.Result{}, contracts.NewError(contracts.Internal, call.Operation, "the test has no answer for this call")
	}
	if made.fails != "" {
		failed := contracts.NewError(made.fails, call.Operation, "%s", made.message)
		failed.Candidates = made.candidates
		return activities.Result{}, failed
	}
	if operation.Effect == contracts.Write {
		w.happened(effect{operation: name, input: call.Input}, call.Key)
	}
	return activities.Result{Value: made.value}, nil
}

// reply is what a system answers.
type reply struct {
	value      rules.Value
	fails      contracts.Class
	message    string
	candidates rules.Value
}

// reply finds what the test, or the case that is played again, has for a call.
func (w *world) reply(ctx context.Context, name string, operation *contracts.Operation, input rules.Value) (reply, *Failure) {
	if w.past != nil {
		return w.replay(ctx, name, operation, input)
	}
	a, problem := w.answer(name, input)
	if problem != nil {
		return reply{}, problem
	}
	names := map[string]rules.Value{"input": input}
	switch {
	case a.gives != nil:
		return reply{value: w.evaluate(a, a.gives, names)}, nil
	case a.candidates != nil:
		return reply{fails: a.fails, message: a.message, candidates: w.evaluate(a, a.candidates, names)}, nil
	}
	return reply{fails: a.fails, message: a.message}, nil
}

func (p played) operation(name string) *contracts.Operation {
	for _, operation := range p.contract.Operations {
		if operation.Name == name {
			return operation
		}
	}
	return &contracts.Operation{Name: name, Short: name}
}

func (w *world) evaluate(a *answer, template *rules.Template, names map[string]rules.Value) rules.Value {
	value, err := template.Eval(names)
	if err != nil {
		w.fail(failureAt(a.at, "the answer cannot be made: %s", err))
	}
	return value
}

// answer finds the first answer that fits the call and is not used up.
func (w *world) answer(name string, input rules.Value) (*answer, *Failure) {
	w.mu.Lock()
	defer w.mu.Unlock()
	list := w.test.answers[name]
	for _, a := range list {
		if a.times > 0 && w.used[a] >= a.times || !a.fits(input) {
			continue
		}
		w.used[a]++
		return a, nil
	}
	f := Failure{File: w.test.File, Line: w.test.Line, Column: 1, Message: fmt.Sprintf("%s was called with %s, and the test has no answer for it", name, shown(input))}
	f.Hint = fmt.Sprintf("write it under systems:, as in %s: {gives: …}", name)
	if len(list) > 0 {
		f.Line, f.Column = list[0].at.Position()
		f.Hint = "none of its answers fits this call, or those that do are used up"
	}
	return nil, &f
}

// fits says whether the answer is for a call with this input.
func (a *answer) fits(input rules.Value) bool {
	names := map[string]rules.Value{"input": input}
	if !a.with.holds(input, names) {
		return false
	}
	if a.when == nil {
		return true
	}
	held, err := a.when.Eval(names)
	return err == nil && held.Bool()
}

// happened notes a write, once for each key.
func (w *world) happened(e effect, key string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if !w.sent[key] {
		w.sent[key] = true
		w.effects = append(w.effects, e)
	}
}

// registry registers the activities of the case, and looks at the tasks that are opened.
type registry struct {
	*testsuite.TestWorkflowEnvironment
	world *world
}

// RegisterActivityWithOptions registers one activity.
func (r registry) RegisterActivityWithOptions(function any, options activity.RegisterOptions) {
	if options.Name == activities.NameOpenTask {
		function = r.world.openTask
	}
	r.TestWorkflowEnvironment.RegisterActivityWithOptions(function, options)
}

// RegisterDynamicActivity registers the calls. Who plays a system also sees which step calls it.
func (r registry) RegisterDynamicActivity(_ any, options activity.DynamicRegisterOptions) {
	r.TestWorkflowEnvironment.RegisterDynamicActivity(func(ctx context.Context, args converter.EncodedValues) (activities.CallOutput, error) {
		var in activities.CallInput
		if err := args.Get(&in); err != nil {
			return activities.CallOutput{}, err
		}
		return r.world.acts.Call(context.WithValue(ctx, placeKey{}, in.Place), args)
	}, options)
}

// placeKey is under which a context holds the place of a call.
type placeKey struct{}

// openTask opens a task and lets whom the test names answer it.
func (w *world) openTask(ctx context.Context, in activities.OpenTaskInput) error {
	if err := w.acts.OpenTask(ctx, in); err != nil {
		return err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.noteTask(in.Task)
	if w.given[in.Task.ID] {
		return nil
	}
	people := w.test.people
	if w.past != nil {
		people = w.past.people
	}
	for _, p := range people {
		if w.answered[p] >= p.times || !p.takes(in.Task, w.steps[in.Task.Path], w.past != nil) {
			continue
		}
		w.answered[p]++
		w.given[in.Task.ID] = true
		w.env.RegisterDelayedCallback(func() { w.give(p, in.Task.ID) }, p.after)
		return nil
	}
	return nil
}

// noteTask keeps a task as people see it last.
func (w *world) noteTask(task activities.Task) {
	for i := range w.tasks {
		if w.tasks[i].ID == task.ID {
			w.tasks[i] = task
			return
		}
	}
	w.tasks = append(w.tasks, task)
}

func (p *person) takes(task activities.Task, step *usecases.Step, again bool) bool {
	if again {
		return p.path == task.Path && p.task == task.Kind
	}
	if p.task != "" && p.task != task.Kind || p.queue != "" && p.queue != task.Queue || p.role != "" && p.role != task.Role {
		return false
	}
	if p.task == "" && p.step != nil && p.step.Ask != nil && task.Kind != string(p.step.Ask.What) {
		return false // a repair of the step is not what it asks
	}
	return p.step == nil || p.step == step
}

// give stores an answer and tells the case, as the desk does.
func (w *world) give(p *person, id string) {
	ctx := context.Background()
	task, err := w.store.Task(ctx, id)
	if err != nil || task.Closed() {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.answered[p]-- // the case took the task back: the answer is for another one
		return
	}
	value := p.gives
	if p.choose != nil {
		index, problem := p.index(task)
		if problem != nil {
			w.fail(*problem)
			return
		}
		value = value.With("index", rules.Number(rules.Int(int64(index))))
	}
	answer, err := json.Marshal(value)
	if err == nil {
		task, err = w.store.Answer(ctx, id, task.Version, store.Actor{User: p.name(task), All: true}, "test", answer)
	}
	if err != nil {
		w.fail(failureAt(p.at, "the task %q does not take this answer: %s", task.Title, err))
		return
	}
	update := workflows.Answered{Task: task.ID, Version: task.Version}
	w.env.UpdateWorkflow(workflows.UpdateAnswered, update.ID(), updated{world: w, person: p}, update)
}

// name is who answers: the role or queue of the task, if the test names nobody.
func (p *person) name(task store.Task) string {
	switch {
	case p.by != "":
		return p.by
	case task.Role != "":
		return task.Role
	case task.Queue != "":
		return task.Queue
	}
	return "somebody"
}

// index finds the one item that the test chooses.
func (p *person) index(task store.Task) (int, *Failure) {
	var payload rules.Value
	if err := json.Unmarshal(task.Payload, &payload); err != nil {
		f := failureAt(p.at, "the task cannot be read: %s", err)
		return 0, &f
	}
	candidates := payload.Get("candidates")
	if step := p.gives.Get("step").Text(); step != "" {
		for _, offered := range payload.Get("correct").Items() {
			if offered.Get("step").Text() == step {
				candidates = offered.Get("candidates")
			}
		}
	}
	found := -1
	for i, item := range candidates.Items() {
		if !p.choose.holds(item, nil) {
			continue
		}
		if found >= 0 {
			f := failureAt(p.choose.at, "several items of the task fit: %s", shown(candidates))
			return 0, &f
		}
		found = i
	}
	if found < 0 {
		f := failureAt(p.choose.at, "no item of the task fits: %s", shown(candidates))
		return 0, &f
	}
	return found, nil
}

// updated hears whether the case took an answer.
type updated struct {
	world  *world
	person *person
}

// Accept is called when the case takes the answer.
func (u updated) Accept() {}

// Reject is called when it does not.
func (u updated) Reject(err error) {
	u.world.fail(failureAt(u.person.at, "the case refused the answer: %s", err))
}

// Complete is called when the case has handled it.
func (u updated) Complete(_ any, err error) {
	if err != nil {
		u.Reject(err)
	}
}
