package workflows

import (
	"fmt"

	"crosswalk/rules"
)

// The names by which others talk to a case. Released names are never changed, only added to.
const (
	// UpdateAnswered tells a case that a person's answer is in the store; its argument is Answered and its
	// Update id is Answered.ID().
	UpdateAnswered = "answered"
	// UpdateCancel asks a case to end without having finished; its argument is Cancel and its reply Cancelling. A
	// cancellation by Temporal's own means (its UI, its command line) counts as one with Undo.
	UpdateCancel = "cancel"
	// SignalCancel asks the same; its argument is Cancel too. It is for who cannot wait for a reply, such as a case
	// whose step runs another one.
	SignalCancel = "cancel"
	// UpdateRepair tells a case that something is to be done about it that an operator has stored; its argument is
	// Repair, its reply Repaired, and its Update id is that of the repair.
	UpdateRepair = "repair"
	// SignalResting tells a case that everything waits in a window of one of its loops; its argument is the window's
	// workflow id.
	SignalResting = "resting"
	// SignalNudge tells a case that further messages or events for it are in the store. It carries nothing, and many
	// nudges count as one.
	SignalNudge = "nudge"
	// QueryState gives the State of a case from the memory of its workflow.
	QueryState = "state"
	// QueryRedo asks what a case would answer to a wish to have steps done again or to go on with another version; its
	// argument is Wish, its reply WouldRefuse. Nothing is done.
	QueryRedo = "redo"
)

// Wish is what an operator thinks of having done again.
type Wish struct {
	Step string `json:"step,omitempty"` // from which one on; empty: from the one that the case is at
	Move bool   `json:"move,omitempty"` // with another version of the use case
	// Unsettled are the places of the writes that may have been carried out; see activities.Unsettled.
	Unsettled []string `json:"unsettled,omitempty"`
}

// WouldRefuse is what a case says of it.
type WouldRefuse struct {
	At      string `json:"at"`      // the path of the top-level step that the case is at
	Problem string `json:"problem"` // why it would refuse; empty: it would do it, if what is given with it fits
}

// The task queues. Workflows and most operations run on the first, robots on the second.
const (
	QueueMain   = "main"
	QueueRobots = "robots"
)

// The search attributes of a case. Their values are names of ours, never data of a customer.
const (
	AttributeUseCase    = "CrosswalkUseCase"
	AttributeStage      = "CrosswalkStage"
	AttributeWaitingFor = "CrosswalkWaitingFor"
)

// StartInput starts a case. The workflow type is the use case's name, the workflow id is the case id.
type StartInput struct {
	// BundleHash names the bundle that gives the case its meaning for life.
	BundleHash string `json:"bundle"`
	// Input is the use case's input, decoded by its type before the case is started.
	Input rules.Value `json:"input"`
	// Case is what is known of the case itself.
	Case CaseMeta `json:"case"`
	// Continued is what the case knows when it goes on in a new run. Who starts a case leaves it out.
	Continued *continued `json:"continued,omitempty"`
	// Window is the part of a case's loop that this execution works through; nil: it is a case.
	Window *window `json:"window,omitempty"`
}

// CaseMeta is what a case knows of itself from its first moment.
type CaseMeta struct {
	Reference string `json:"reference"`           // what the customer is told, as CW-7K2M9QXR
	Title     string `json:"title,omitempty"`     // in place of the use case's own title template
	Language  string `json:"language,omitempty"`  // ISO 639-1
	Channel   string `json:"channel,omitempty"`   // email, web, phone, social, …
	EntryID   string `json:"entry,omitempty"`     // the intake entry that started it
	StartedBy string `json:"startedBy,omitempty"` // the user who typed it in, if one did
	Parent    string `json:"parent,omitempty"`    // the case that runs it, if one does
}

// Answered says which answer is in the store. It holds nothing of the answer itself.
type Answered struct {
	Task    string `json:"task"`
	Version int    `json:"version"`
}

// Received is the reply to Answered.
type Received struct {
	// Waiting says whether the case was waiting for exactly this answer. If not, it had it already, has
	// dropped the task, or is not there yet; in the last case it reads the answer when it gets there.
	Waiting bool `json:"waiting"`
}

// Repair says which act of an operator is in the store. It holds nothing of what the operator gave.
type Repair struct {
	ID string `json:"id"`
}

// Repaired is the reply to Repair.
type Repaired struct {
	Problem string `json:"problem,omitempty"` // why it was not done; empty if it was
	Task    string `json:"task,omitempty"`    // of a park: the task by which a person decides
}

// Cancel asks a case to end. It holds no reason: words of people are kept in the store.
type Cancel struct {
	// Undo says that what the case did is to be undone, as its steps say under undo.
	Undo bool   `json:"undo"`
	By   string `json:"by,omitempty"` // the user who asked
}

// Cancelling is the reply to Cancel. The case has not ended yet.
type Cancelling struct {
	// Undo says whether the case undoes what it did. The first to cancel decides.
	Undo bool `json:"undo"`
	// Steps are what is undone, as far as it is known already, the first to be undone first.
	Steps []Undoable `json:"steps,omitempty"`
}

// Undoable is a step whose effect is undone when the case is cancelled with undo.
type Undoable struct {
	Step  string `json:"step"`  // its path
	Label string `json:"label"` // its constant name
	// Doubt says that nobody knows yet whether the step has an effect: that is found out first.
	Doubt bool `json:"doubt,omitempty"`
}

// Outcome is the result of the workflow.
type Outcome struct {
	Outcome string      `json:"outcome"` // done, or what an end says
	Result  rules.Value `json:"result"`
	// Window is what a window of a loop came to.
	Window *windowResult `json:"window,omitempty"`
}

// State is what a case does at the moment.
type State struct {
	Stage   string    `json:"stage"` // id of the top-level step
	Waiting []Waiting `json:"waiting,omitempty"`
	// Undo is what would be undone if the case were cancelled now, the first to be undone first.
	Undo []Undoable `json:"undo,omitempty"`
}

// ID is the Update id of the message: sent twice, it is handled once.
func (a Answered) ID() string { return fmt.Sprintf("%s/%d", a.Task, a.Version) }
