package activities

import (
	"fmt"
	"reflect"
	"time"

	"crosswalk/contracts"
	"crosswalk/rules"
)

// Place is one step of one case. It names effects, stored reads and tasks, and never depends on the run or the attempt.
type Place struct {
	Case string `json:"case"`
	// Path is the step's place in the use case with the positions of loops, as each_line[3].check.
	Path string `json:"path"`
	// Generation counts how often the step was redone, from 1.
	Generation int `json:"generation"`
}

// turn names the place among all places of all cases.
func (p Place) turn() string { return fmt.Sprintf("%s %s %d", p.Case, p.Path, p.Generation) }

// CallInput is one call of an operation.
type CallInput struct {
	Place
	Bundle string      `json:"bundle"` // the pinned bundle, for the contract
	Route  Route       `json:"route"`
	Short  string      `json:"short"` // the operation, if it is another one of the system than the route's
	Input  rules.Value `json:"input"`
	// Reads are the places of the answer that the use case reads; nil: all of it. What does not look as declared elsewhere is
	// left out and stops nobody.
	Reads []string `json:"reads,omitzero"`
}

// Operation is the short name of the operation.
func (c CallInput) Operation() string {
	if c.Short != "" {
		return c.Short
	}
	return c.Route.Operation
}

// HasValues makes CallInput an encoded argument, see Get.
func (c CallInput) HasValues() bool { return true }

// Get hands the input over as it is. The SDK passes a local activity its arguments undecoded, and a dynamic activity
// takes exactly one argument of this kind: so the same function serves local and ordinary calls.
func (c CallInput) Get(into ...any) error {
	if len(into) != 1 {
		return fmt.Errorf("activities: a call has one argument, not %d", len(into))
	}
	target, ok := into[0].(*CallInput)
	if !ok {
		return fmt.Errorf("activities: a call cannot be read as %s", reflect.TypeOf(into[0]))
	}
	*target = c
	return nil
}

// CallOutput is the answer of an operation, decoded by the pinned contract's type.
type CallOutput struct {
	Value rules.Value `json:"value"`
	At    time.Time   `json:"at"` // when the system answered
	// Evidence are ids of blobs of the case that show how the answer was had, such as a robot's picture.
	Evidence []string `json:"evidence,omitempty"`
}

// Failure is what is known of a failed call or step. It travels in the details of Temporal's errors, whose messages
// hold only class and operation.
type Failure struct {
	Class      contracts.Class `json:"class"`
	Message    string          `json:"message,omitempty"`
	Status     int             `json:"status,omitempty"`
	Candidates rules.Value     `json:"candidates"`
	// RetryAfter is the wait that the system asked for.
	RetryAfter time.Duration `json:"retryAfter,omitempty"`
	// NothingSent says that no request left, so that the next driver may be tried even for a write.
	NothingSent bool `json:"nothingSent,omitempty"`
	// Paused says that an operator holds the system back.
	Paused bool `json:"paused,omitempty"`
	// Slow says that the attempt ended because its own time was over, which says nothing about the system.
	Slow bool `json:"slow,omitempty"`
	// Rerouted says that the route is out of date: ask for a new one.
	Rerouted bool `json:"rerouted,omitempty"`
	// Unlinked is the record whose counterpart was looked for, if the failure is that several fit: who chooses among
	// the candidates says with that which is the same thing.
	Unlinked *Unlinked `json:"unlinked,omitempty"`
	Evidence []string  `json:"evidence,omitempty"`
	At       time.Time `json:"at,omitzero"`
	// Ask is what a person could give so that it goes on, as a robot says it.
	Ask *rules.Value `json:"ask,omitempty"`
}

// Unlinked is a record without a link to a system that was asked for its counterpart.
type Unlinked struct {
	System string `json:"system"`
	Kind   string `json:"kind"` // of both records
	ID     string `json:"id"`
	To     string `json:"to"`        // the system that was asked
	Find   string `json:"operation"` // by which operation
}

// The kinds of tasks beside those that use cases ask for.
const (
	KindAnswer  = "answer"
	KindRepair  = "repair"
	KindConfirm = "confirm"
)

// What a person may do about a case, beside answering what was asked.
const (
	ActRetry   = "retry"
	ActAnswer  = "answer"
	ActSkip    = "skip"
	ActCancel  = "cancel"
	ActDone    = "done"
	ActNotDone = "not_done"
	ActVoid    = "void"
	ActFail    = "fail"
	ActRedo    = "redo"
	ActPark    = "park" // by an operator: see store.Repair
	ActMove    = "move"
)

// Task is a piece of work for a person, as the case asks for it.
type Task struct {
	Place
	ID       string      `json:"id"`
	Kind     string      `json:"kind"`
	Title    string      `json:"title"`
	Language string      `json:"language,omitempty"`
	Queue    string      `json:"queue,omitempty"`
	Role     string      `json:"role,omitempty"`
	Assignee string      `json:"assignee,omitempty"`
	Due      time.Time   `json:"due,omitzero"`
	Payload  rules.Value `json:"payload"`
	// Mirror is the record of the support system that shows the same task.
	Mirror rules.Value `json:"mirror"`
	// MirrorSystem is the name of that system, for a mirror that is only an id.
	MirrorSystem string `json:"mirrorSystem,omitempty"`
	Requester    string `json:"requester,omitempty"` // may not answer
	// Workflow waits for the answer, if it is not that of the case itself.
	Workflow string `json:"workflow,omitempty"`
}

// Answer is what a person answered: a record whose fields depend on the task's kind, and who and when.
type Answer struct {
	Value rules.Value `json:"value"`
	By    string      `json:"by"`
	At    time.Time   `json:"at"`
	// Unsettled are, where something is to be done again, the places of writes that may have been carried out.
	Unsettled []string `json:"unsettled,omitempty"`
}

// Act is what the person wants done, if that is not simply the answer.
func (a Answer) Act() string { return a.Value.Get("act").Text() }

// Record is what a case writes down about itself, in one go.
type Record struct {
	Case      string           `json:"case"`
	Steps     []StepRecord     `json:"steps,omitempty"`
	Decisions []DecisionRecord `json:"decisions,omitempty"`
	Events    []Event          `json:"events,omitempty"`
	Progress  *Progress        `json:"progress,omitempty"`
	End       *End             `json:"end,omitempty"`
}

// StepRecord is what a step came to.
type StepRecord struct {
	Place
	Seq        int             `json:"seq"`
	Kind       string          `json:"kind"`
	Title      string          `json:"title"`
	System     string          `json:"system,omitempty"`
	Operation  string          `json:"operation,omitempty"`
	Driver     string          `json:"driver,omitempty"`
	DriverHash string          `json:"driverHash,omitempty"`
	Begun      time.Time       `json:"begun"`
	Done       time.Time       `json:"done"`
	Value      rules.Value     `json:"value"`
	Class      contracts.Class `json:"class,omitempty"`
	Message    string          `json:"message,omitempty"`
	Evidence   []string        `json:"evidence,omitempty"`
}

// DecisionRecord is what a table decided, on which facts.
type DecisionRecord struct {
	Place
	At        time.Time   `json:"at"`
	Table     string      `json:"table"`
	Hash      string      `json:"hash"`
	Row       string      `json:"row"`
	Why       string      `json:"why,omitempty"`
	Facts     rules.Value `json:"facts"`
	FactsHash string      `json:"factsHash"`
	Outputs   rules.Value `json:"outputs"`
	Error     string      `json:"error,omitempty"`
	// Details are those of decisions of which one row of one table is not all there is to say.
	Details *rules.DecisionDetails `json:"details,omitempty"`
}

// Event is a line of the timeline. It holds no words of a customer.
type Event struct {
	Key  string    `json:"key"`
	Kind string    `json:"kind"`
	Text string    `json:"text"`
	Who  string    `json:"who,omitempty"`
	At   time.Time `json:"at"`
}

// CaseState is where a case stands.
type CaseState string

// The states that a case reports.
const (
	CaseOpen      CaseState = "open"
	CaseWaiting   CaseState = "waiting"
	CaseParked    CaseState = "parked"
	CaseDone      CaseState = "done"
	CaseCancelled CaseState = "cancelled"
)

// Progress is where a case stands and what it waits for.
type Progress struct {
	Seq          int       `json:"seq"`
	State        CaseState `json:"state"`
	Stage        string    `json:"stage"`
	Title        string    `json:"title"`
	WaitingFor   string    `json:"waitingFor,omitempty"`
	WaitingKind  string    `json:"waitingKind,omitempty"`
	WaitingSince time.Time `json:"waitingSince,omitzero"`
	WaitingUntil time.Time `json:"waitingUntil,omitzero"`
	// The path of the step, the system that it is about, and the class of the error, if one is the reason.
	WaitingStep   string          `json:"waitingStep,omitempty"`
	WaitingSystem string          `json:"waitingSystem,omitempty"`
	WaitingClass  contracts.Class `json:"waitingClass,omitempty"`
}

// End is how a case ended.
type End struct {
	State   CaseState   `json:"state"`
	Outcome string      `json:"outcome"`
	Stage   string      `json:"stage"`
	Title   string      `json:"title,omitempty"` // a case that never waited has not said it before
	Result  rules.Value `json:"result"`
	At      time.Time   `json:"at"`
}

// Message is a message that joined a case.
type Message struct {
	Entry      string      `json:"entry"`
	Channel    string      `json:"channel"`
	From       rules.Value `json:"from"`
	Text       rules.Value `json:"text"`
	ReceivedAt time.Time   `json:"receivedAt"`
}
