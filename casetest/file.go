package casetest

import (
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

// Extension is how the name of a file of tests ends: callback.tests.yaml, or callback.late.tests.yaml, beside
// callback.yaml.
const Extension = ".tests.yaml"

// UseCase is the name of the use case that a file of tests is about, by the file's name.
func UseCase(file string) string {
	name, _, _ := strings.Cut(path.Base(file), ".")
	return name
}

// File is a file of tests that was read and checked.
type File struct {
	Name string
	Subject
	Tests []*Test

	dir string // the workspace, as it is seen from where the command runs
}

// Test is one case to be run, and what must come of it.
type Test struct {
	Name string
	File string
	Line int

	at       time.Time
	meta     workflows.CaseMeta
	input    rules.Value
	answers  map[string][]*answer // by system.operation
	runs     map[string][]*answer // by the name of what is run: a use case, or a workflow or activity of another worker
	cancel   *cancelling          // nil: nobody cancels the case
	people   []*person
	messages []*message
	events   []*event
	expect   expectations
	Subject
}

// Subject is what tests are about.
type Subject struct {
	Plan      *usecases.Plan
	Runs      map[string]*usecases.Plan // by name: other use cases, for the steps that run them
	Calendars workflows.Calendars       // nil: there are none
}

// plans are the use cases of which a case of the test may run steps: its own first, then those that it runs, by name.
func (s Subject) plans() []*usecases.Plan {
	list := []*usecases.Plan{s.Plan}
	for i := 0; i < len(list); i++ {
		list[i].Walk(func(step *usecases.Step) {
			if step.Run == nil || step.Run.UseCase == "" {
				return
			}
			if plan := s.Runs[step.Run.UseCase]; plan != nil && !slices.Contains(list, plan) {
				list = append(list, plan)
			}
		})
	}
	slices.SortFunc(list[1:], func(a, b *usecases.Plan) int { return strings.Compare(a.UseCase, b.UseCase) })
	return list
}

// nameOf is a step as tests name it: one of another use case with that one's name before it.
func (s Subject) nameOf(plan *usecases.Plan, step string) string {
	if plan == s.Plan {
		return step
	}
	return plan.UseCase + "/" + step
}

// answer is what a system answers, or what somebody else's worker or another use case gives.
type answer struct {
	at         *source.Node
	step       *usecases.Step    // nil: of any step
	with       *expected         // what the call's input must be; nil: anything
	when       *rules.Expression // a condition on the call's input
	times      int               // how often; 0: for ever
	gives      *rules.Template   // over the call's input
	fails      contracts.Class
	message    string
	candidates *rules.Template
	after      time.Duration // how long it takes: of what is run
}

// person is somebody who answers a task.
type person struct {
	at    *source.Node
	step  *usecases.Step // nil: of any step
	path  string         // of the step, with the positions of loops, in a case that is played again
	task  string         // kind; "": any
	queue string
	role  string
	after time.Duration
	by    string
	times int
	gives rules.Value
	// choose picks the candidate by what it holds; nil: the answer says all.
	choose *expected
}

// cancelling is somebody who cancels the case.
type cancelling struct {
	after time.Duration
	undo  bool
	by    string
}

// message is a message that joins the case.
type message struct {
	after   time.Duration
	channel string
	parsed  rules.Value
}

// event is something that happens outside while the case runs.
type event struct {
	after   time.Duration
	name    string
	key     string
	payload rules.Value
}

// expectations is what must come of a case. What is nil is not looked at.
type expectations struct {
	at        *source.Node
	outcome   *expected
	result    *expected
	title     *expected
	path      *stepList
	skips     []stepPlace
	results   []stepResult
	decisions []decisionResult
	effects   *effectList
	runs      *effectList // what was run, with its input
	tasks     *taskList
	waits     *waiting
}

type stepPlace struct {
	at   *source.Node
	step *usecases.Step
	name string // as tests name it
}

type stepList struct {
	exactly bool
	steps   []stepPlace
}

type stepResult struct {
	stepPlace
	value *expected
}

type decisionResult struct {
	stepPlace
	row   *expected
	gives *expected
}

type effectList struct {
	at       *source.Node
	anyOrder bool
	list     []effectResult
}

type effectResult struct {
	at        *source.Node
	operation string // system.operation, or the name of what is run
	input     *expected
}

type taskList struct {
	exactly bool
	at      *source.Node
	list    []taskResult
}

type taskResult struct {
	at     *source.Node
	step   *usecases.Step
	fields []taskField
}

type taskField struct {
	name  string
	value *expected
}

type waiting struct {
	at *source.Node
	stepPlace
	on   *expected // queue, role or system
	kind *expected // person, repair, system, …
}
