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

// CallInput is one call of an operation.
type CallInput struct {
	Place
	Bundle string      `json:"bundle"` // the pinned bundle, for the contract
	Route  Route       `json:"route"`
	Input  rules.Value `json:"input"`
}

// HasValues makes CallInput an encoded argument, see Get.
func (c CallInput) HasValues() bool { return true }

// Get hands the input over as it is. The SDK passes a local activity its arguments undecoded, and a dynamic activity
// takes exactly one argument of this kind: so the same function serves local and ordinary calls.
func (c CallInput) Get(into ...any) error {
	if len(into) == 1 {
		if target, ok := into[0].(*CallInput); ok {
			*target = c
			return nil
		}
		return fmt.Errorf("activities: a call cannot be read as %s", reflect.TypeOf(into[0]))
	}
	return fmt.Errorf("activities: a call has one argument, not %d", len(into))
}

// CallOutput is the answer of an operation, decoded by the pinned contract's type.
type CallOutput struct {
	Value rules.Value `json:"value"`
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
	// NothingSent says that no request left, so that the next driver may be tried even for a write.
	NothingSent bool `json:"nothingSent,omitempty"`
	// Paused says that an operator holds the system back.
	Paused bool `json:"paused,omitempty"`
	// Rerouted says that the route is out of date: ask for a new one.
	Rerouted bool     `json:"rerouted,omitempty"`
	Evidence []string `json:"evidence,omitempty"`
}

// Task is a piece of work for a person, as the case asks for it.
type Task struct {
	Place
	ID         string          `json:"id"`
	Version    int             `json:"version"`
	Kind       string          `json:"kind"`
	Title      string          `json:"title"`
	Language   string          `json:"language,omitempty"`
	Queue      string          `json:"queue,omitempty"`
	Role       string          `json:"role,omitempty"`
	Assignee   string          `json:"assignee,omitempty"`
	Due        time.Time       `json:"due,omitzero"`
	Payload    rules.Value     `json:"payload"`
	Form       *rules.Type     `json:"-"`
	Mirror     rules.Value     `json:"mirror"`
	Requesters []string        `json:"requesters,omitempty"`
}
