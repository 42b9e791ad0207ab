package casetest

import (
	"cmp"
	"context"
	"fmt"
	"sync"
	"time"

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
	test    *Test
	past    *past      // the case that is played again for a recording; nil in a test
	ahead   *lookahead // reads real systems and notes what would be written; nil in a test
	id      string
	env     *testsuite.TestWorkflowEnvironment
	store   *store.Store
	acts    *activities.Activities
	reach   *activities.Reach
	plans   map[string]*usecases.Plan // by the name of the use case, which is the hash of its bundle here
	foreign map[string]bool           // what of other workers is run, by name
	run     map[string]bool           // the use cases that are run, by name
	every   int                       // after how many steps the case goes on in a new run; 0: never

	gate sync.RWMutex // held by each activity while it works
	left bool         // the case is over: whatever would begin now does nothing

	mu       sync.Mutex
	used     map[*answer]int
	answered map[*person]int
	given    map[string]bool   // by the id of the task
	asked    []activities.Task // opened in this moment
	sent     map[string]bool   // keys of writes that were carried out
	cases    map[string]*played
	opened   map[string]bool // the cases that were run, by id
	effects  []effect
	ran      []effect
	tasks    []activities.Task
	reminded map[string]int // by the id of the task
	took     []taken
	ways     map[way]int              // how often each way was taken
	steps    map[spot]*usecases.Step  // that were come to
	fresh    int                      // how many of them the present run of the case was the first to come to
	seats    map[spot]map[string]bool // who has decided, where several do
	due      []*appointment
	failures []Failure
	calls    []called // of a recording
	ranCalls []called
}

// played is a case: that of the test, or one that its steps run.
type played struct {
	plan   *usecases.Plan
	parent string // the case that runs it; "": nobody
	step   string // the path of the step that runs it
}

// spot is a place where cases come to: a step with the positions of the loops around it.
type spot struct{ caseID, path string }

func spotOf(at activities.Place) spot { return spot{at.Case, at.Path} }

// effect is a write that happened, or something that was run.
type effect struct {
	operation string // system.operation, or the name of what was run
	at        spot
	input     rules.Value
}

// taken is a step that was done.
type taken struct {
	at   spot
	step *usecases.Step
}

// appointment is something that is to happen at a time of the case, in whichever of its runs.
type appointment struct {
	at   time.Time
	do   func()
	done bool
}

func newWorld(t *Test, id string) *world {
	w := &world{
		test: t, id: id, plans: map[string]*usecases.Plan{}, used: map[*answer]int{}, answered: map[*person]int{}, given: map[string]bool{}, sent: map[string]bool{},
		cases: map[string]*played{id: {plan: t.Plan}}, opened: map[string]bool{}, reminded: map[string]int{}, ways: map[way]int{}, steps: map[spot]*usecases.Step{}, seats: map[spot]map[string]bool{},
	}
	w.reach = &activities.Reach{Systems: map[string]*activities.System{}}
	plans := t.plans()
	w.foreign, w.run = ranBy(plans)
	for _, plan := range plans {
		w.plans[plan.UseCase] = plan
		w.serve(plan)
	}
	return w
}

// serve plays the systems of a use case.
func (w *world) serve(plan *usecases.Plan) {
	for name, contract := range plan.Systems {
		serves := map[string]activities.Service{}
		for short, operation := range contract.Operations {
			serves[short] = activities.Service{Local: true}
			if operation.Effect == contracts.Write {
				serves[short] = activities.Service{Local: true, Safety: contracts.IdempotencyKey}
			}
		}
		w.reach.Systems[name] = &activities.System{Name: name, Contract: contract.Name, Drivers: []activities.Driver{
			{Name: "test:" + name, Serves: serves, Executor: system{world: w, name: name, contract: contract}},
		}}
	}
}

func (w *world) fail(f Failure) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.failures = append(w.failures, f)
}

// later has something happen after a time of the case.
func (w *world) later(after time.Duration, do func()) {
	one := &appointment{at: w.now().Add(after), do: do}
	w.due = append(w.due, one)
	w.arrange(one)
}

// arrange tells the present run of the case of an appointment.
func (w *world) arrange(one *appointment) {
	w.env.RegisterDelayedCallback(func() {
		if !one.done {
			one.done = true
			one.do()
		}
	}, max(0, one.at.Sub(w.env.Now())))
}

// Plan is the interpreter's view of bundles.
func (w *world) Plan(hash string) (*usecases.Plan, bool) {
	plan := w.plans[hash]
	return plan, plan != nil
}

// Input is the activities' view of use cases.
func (w *world) Input(_ context.Context, hash string) (*rules.Type, error) {
	if plan := w.plans[hash]; plan != nil {
		return plan.Input, nil
	}
	return nil, fmt.Errorf("casetest: there is no use case %q", hash)
}

// Routes is the interpreter's view of reach: every system is there.
func (w *world) Routes(system, operation string) []activities.Route {
	return w.reach.Routes(system, operation)
}

// Contract is the activities' view of bundles.
func (w *world) Contract(hash, system string) (*contracts.Contract, error) {
	if plan := w.plans[hash]; plan != nil && plan.Systems[system] != nil {
		return plan.Systems[system], nil
	}
	return nil, fmt.Errorf("casetest: the use case %s calls no system %q", hash, system)
}

// Took notes the way of the case.
func (w *world) Took(at activities.Place, step *usecases.Step, name string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.over() {
		return
	}
	here := spotOf(at)
	w.ways[way{step, name}]++
	if w.steps[here] == nil {
		w.steps[here] = step
		if w.fresh++; w.every > 0 && at.Case == w.id && w.fresh >= w.every {
			w.env.SetContinueAsNewSuggested(true)
		}
	}
	if name != workflows.WayTaken {
		return
	}
	if n := len(w.took); n > 0 && w.took[n-1].at == here {
		return // the same step, tried again
	}
	w.took = append(w.took, taken{at: here, step: step})
}

// way is one that a step takes. Steps belong to one use case.
type way struct {
	step *usecases.Step
	name string
}

// name is a place as tests and reports name it.
func (w *world) name(at spot) string {
	if of := w.cases[at.caseID]; of != nil {
		return w.test.nameOf(of.plan, at.path)
	}
	return at.path
}

// system is a system of the test.
type system struct {
	world    *world
	name     string
	contract *contracts.Contract
}

// Execute answers a call as the test says. A call that it says nothing about fails the test.
func (s system) Execute(ctx context.Context, call adapters.Call) (activities.Result, error) {
	w := s.world
	operation := s.operation(call.Operation)
	name := s.name + "." + operation.Short
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
		w.happened(effect{operation: name, at: placeOf(ctx), input: call.Input}, call.Key)
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
	a, problem := w.answer(w.test.answers[name], placeOf(ctx), name, input)
	if problem != nil && w.ahead != nil {
		return w.ahead.reply(ctx, name, operation, input)
	}
	if w.ahead != nil {
		w.ahead.note(ctx, name, operation, input, "the answers")
	}
	if problem != nil {
		problem.Hint = cmp.Or(problem.Hint, fmt.Sprintf("write it under systems:, as in %s: {gives: …}", name))
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

func (s system) operation(name string) *contracts.Operation {
	for _, operation := range s.contract.Operations {
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

// answer finds the first answer of a list that fits what is asked, at a place of the case, and is not used up.
func (w *world) answer(list []*answer, at spot, name string, input rules.Value) (*answer, *Failure) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, a := range list {
		if a.times > 0 && w.used[a] >= a.times || a.step != nil && a.step != w.steps[at] || !a.fits(input) {
			continue
		}
		w.used[a]++
		return a, nil
	}
	lacks := "and the test has no answer for it"
	if w.ahead != nil {
		lacks = "which a dry run does not do"
	}
	f := Failure{File: w.test.File, Line: w.test.Line, Column: 1, Message: fmt.Sprintf("%s was called with %s, %s", name, shown(input), lacks)}
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
	if !w.sent[key] && !w.over() {
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
	switch options.Name {
	case activities.NameOpenTask:
		function = r.world.openTask
	case activities.NameOpenCase:
		function = r.world.openCase
	case activities.NameRemind:
		function = r.world.remind
	}
	r.TestWorkflowEnvironment.RegisterActivityWithOptions(r.world.guarded(function), options)
}

// RegisterDynamicActivity registers the calls. Who plays a system also sees which step calls it.
func (r registry) RegisterDynamicActivity(_ any, options activity.DynamicRegisterOptions) {
	r.TestWorkflowEnvironment.RegisterDynamicActivity(func(ctx context.Context, args converter.EncodedValues) (any, error) {
		if !r.world.enter() {
			return nil, errLeft
		}
		defer r.world.gate.RUnlock()
		if name := activity.GetInfo(ctx).ActivityType.Name; r.world.foreign[name] {
			return r.world.somebodyElse(name, args, func(time.Duration) error { return nil })
		}
		var in activities.CallInput
		if err := args.Get(&in); err != nil {
			return activities.CallOutput{}, err
		}
		return r.world.acts.Call(context.WithValue(ctx, placeKey{}, in.Place), args)
	}, options)
}

// placeKey is under which a context holds the place of a call.
type placeKey struct{}

func placeOf(ctx context.Context) spot {
	place, _ := ctx.Value(placeKey{}).(activities.Place)
	return spotOf(place)
}
