package usecases

import (
	"strconv"
	"strings"
	"time"

	"crosswalk/contracts"
	"crosswalk/rules"
)

// Plan is a use case that was checked and is ready to run: everything that the interpreter needs, with
// expressions, templates and tables compiled. It is immutable and safe for concurrent use.
type Plan struct {
	UseCase     string          // customer-complaint
	File        string          // as problems name it
	Hash        string          // content hash of the bundle; empty if checked outside of one
	Title       string          // the use case's title without expressions, for lists
	CaseTitle   *rules.Template // over input alone; gives case.title
	Description string
	Input       *rules.Type
	Result      *rules.Type // of every end and of the last step together
	Steps       []*Step
	Joined      *Joined                        // nil if the use case does nothing with further messages
	Events      map[string]*rules.Type         // those that it declares: what each tells
	Systems     map[string]*contracts.Contract // the systems that it calls
	Tables      map[string]*rules.Table        // the tables that it decides with
	Operations  []string                       // every operation that it may call, as crm.find_customer, sorted
}

// Joined is what happens with each further message that joins an open case.
type Joined struct {
	Steps []*Step
	// After names the top-level steps whose results the steps read: a message waits until each of them is
	// done or was skipped. Its scope holds their results, input, case and message.
	After []string
}

// Step is one step, with exactly one of its kinds set.
type Step struct {
	ID string // the name under which later steps read its result; may be empty for an inner step or an end
	// Path is the step's place, unique in the use case and never changed by a run; a loop's item is left
	// open as [], see At.
	Path  string
	Title *rules.Template // nil: use Label
	Name  string          // the title without expressions, or ""; no data of a case is in it
	When  *rules.Expression
	Type  *rules.Type // of the result, joined with that of every stand-in; optional if it may be missing
	// Personal says that the result may hold personal data.
	Personal bool
	Line     int // in the use case's file
	// Meaning is the same for two versions of a top-level step that do the same; empty for the steps inside of others.
	Meaning string

	Call     *Call
	Decide   *Decide
	Set      *Set
	Choose   *Choose
	Each     *Each
	Together *Together
	Ask      *Ask
	Wait     *Wait
	Run      *Run
	End      *End

	OnError []Handler // in the order of the error classes
	Undo    *Undo     // nil: nothing undoes the step
	Retry   Retry
	Timeout time.Duration // of one attempt of a call; 0: the default
	Correct *Correct      // nil: a person cannot change the result afterwards
}

// Kind names the kind that is set, as it is written in the file.
func (s *Step) Kind() string {
	switch {
	case s.Call != nil:
		return "call"
	case s.Decide != nil:
		return "decide"
	case s.Set != nil:
		return "set"
	case s.Choose != nil:
		return "choose"
	case s.Each != nil:
		return "each"
	case s.Together != nil:
		return "together"
	case s.Ask != nil:
		return "ask"
	case s.Wait != nil:
		return "wait"
	case s.Run != nil:
		return "run"
	case s.End != nil:
		return "end"
	}
	return ""
}

// Label is a constant name for the step, for lists and summaries: no data of the case is in it.
func (s *Step) Label() string {
	switch {
	case s.Call != nil:
		return s.Call.Operation.Title
	case s.Decide != nil:
		return s.Decide.Table
	case s.Run != nil && s.ID == "":
		return s.Run.Name()
	case s.ID != "":
		return strings.ReplaceAll(s.ID, "_", " ")
	}
	return s.Path
}

// At returns the path with the positions of the running loops filled in, the outermost first:
// each_line[].check at 3 is each_line[3].check.
func (s *Step) At(items ...int) string {
	path := s.Path
	for _, item := range items {
		path = strings.Replace(path, "[]", "["+strconv.Itoa(item)+"]", 1)
	}
	return path
}

// On returns the steps that stand in for the step when it failed with the class.
func (s *Step) On(class contracts.Class) (Handler, bool) {
	for _, handler := range s.OnError {
		if handler.Class == class {
			return handler, true
		}
	}
	return Handler{}, false
}

// Handler holds the steps that stand in for a failed one. `error` is in their scope; the last value is the
// result; no steps at all give a missing result.
type Handler struct {
	Class contracts.Class
	Steps []*Step
	Line  int // in the use case's file
}

// Call is an operation of a system.
type Call struct {
	System    string // the name in crosswalk.yaml
	Operation *contracts.Operation
	With      *rules.Template // a record of the operation's input type
	// Reads are the places of the answer that the use case reads, sorted; nil: all of it.
	Reads []string
}

// Decide is a decision of a rule table.
type Decide struct {
	Table string
	Rules *rules.Table
	With  *rules.Template // a record of the table's facts
}

// Set makes a value.
type Set struct{ Value *rules.Template }

// Choose runs the first branch whose condition holds. Its result is that of the branch's last step, or
// missing if no branch was taken. The names set inside the branch stay visible.
type Choose struct{ Branches []Branch }

// Branch is one way of a choose; a nil When is `otherwise`.
type Branch struct {
	When  *rules.Expression
	Steps []*Step
	Line  int // in the use case's file
}

// WindowItems is the longest list that an each runs over inside one execution; a longer one is cut into windows of so
// many items, each an execution of its own.
const WindowItems = 50

// Each runs steps for every item of a list. Its result is the list of what the last step gave, in order,
// without the items for which that is missing. Names set inside are gone after each item.
type Each struct {
	In    *rules.Template // a list; missing counts as empty
	As    string
	Steps []*Step
	// InOrder says that an item is begun when the one before it is done; otherwise they are worked through side by side.
	InOrder bool
	// Reads are the paths that the steps read, of names inside and outside of the loop, sorted: a window gets no more.
	Reads []string
	// Rests says that the steps wait, for people, times or events.
	Rests bool
}

// Together runs branches side by side. Its result is a record of the branches' results, by their names. Names that a
// branch sets are not visible outside of it.
type Together struct {
	Branches []NamedBranch // in the order of the file
	// All says that every branch goes to its end even if one has failed; otherwise the others unwind.
	All bool
}

// NamedBranch is one branch of a together.
type NamedBranch struct {
	Name  string
	Steps []*Step
	Line  int // in the use case's file
}

// Undo is what takes the effect of a step back. It sees what the step saw, and the step's own result.
type Undo struct {
	Steps []*Step
	// Reads are the names around the steps that they read, without input and case, which are always there: what the
	// case keeps when the step is done.
	Reads []string
	Line  int // in the use case's file
}

// Run is another use case, which becomes a case of its own, or a workflow or an activity of somebody else's worker.
type Run struct {
	UseCase   string
	Workflow  string
	Activity  string
	TaskQueue string          // of the workflow or activity
	With      *rules.Template // nil: it takes nothing
	// Result is the type of what the use case, workflow or activity itself gives back; nil: nothing.
	Result    *rules.Type
	Heartbeat time.Duration // of an activity; 0: none is expected
	// Errors are the classes of the errors of a workflow or activity, by their type names.
	Errors map[string]contracts.Class
}

// Name is what is run.
func (r *Run) Name() string { return r.UseCase + r.Workflow + r.Activity }

// AskKind is what a person is asked to do.
type AskKind string

// What a person can be asked to do, and what comes back.
const (
	// Complete gives {outcome, note?, by, at, in_system}.
	Complete AskKind = "complete"
	// Approve gives {approved, reason?, by, at}.
	Approve AskKind = "approve"
	// ChooseOne gives the item chosen.
	ChooseOne AskKind = "choose"
	// Answer gives the record of the form.
	Answer AskKind = "answer"
)

// Ask is a task for a person. The case waits for the answer.
type Ask struct {
	What     AskKind
	Assignee Assignee
	From     *rules.Template // choose: the list; nil otherwise
	Task     *rules.Template // a record or id of the contract support that mirrors this task; nil if none
	Show     *rules.Template // what the person sees; nil if nothing beside the case
	Outcomes []string        // complete: the ways to finish
	Form     *rules.Type     // answer: a record
	Within   rules.Period    // zero: no due date
	Calendar string          // of working time; "" for the only one that there is
	// Approvers are the seats of an approval that needs several: each is taken by another person, and every one must
	// approve. Empty: one person decides.
	Approvers []Assignee
	Remind    []rules.Period // when whoever has the task is reminded, counted from its beginning
	OnTimeout []Escalation   // who gets it when it was not done in time, one after the other; empty: it is only overdue
}

// Escalation is who gets a task that was not done in time, and how long he has then.
type Escalation struct {
	To     Assignee
	Within rules.Period // zero: for as long as it takes
}

// Assignee says whose task it is: a queue, a role, a person (by e-mail), or a queue together with a
// person. Each gives a text or is nil; a text that is missing at run time counts as not given.
type Assignee struct{ Queue, Role, Who *rules.Template }

// End ends the case at once.
type End struct {
	Result  *rules.Template // nil: no result
	Outcome *rules.Template // a text; nil: "done"
	Undo    bool            // what the case did is undone first
}

// Retry says for how long a call is tried again. Zero values: the default of the error's class.
type Retry struct {
	Attempts int
	Within   time.Duration
}

// Correct says how a person may change the result of a step afterwards; every step after it is redone.
type Correct struct {
	From *rules.Template // a list of what the result may be replaced by; nil: the call is redone with other values of With
}
