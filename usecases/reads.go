package usecases

import (
	"slices"
	"strings"

	"crosswalk/contracts"
)

// calledStep is a call whose answer has a name.
type calledStep struct {
	call *Call
	name *variable
}

// useWhole marks a variable of which all is used: it is the result of more than itself.
func (v *variable) useWhole() {
	v.use()
	v.whole = true
	for _, part := range v.of {
		part.useWhole()
	}
}

// readOf tells each call which places of its answer are read anywhere in the use case. What shows the facts of the case
// shows what is there, and needs nothing.
func (c *checker) readOf() {
	for _, called := range c.called {
		if called.name.whole || slices.Contains(c.reads, called.name.name) {
			continue
		}
		reads := []string{}
		for _, read := range c.reads {
			rest, ok := strings.CutPrefix(read, called.name.name)
			if !ok || rest[0] != '.' && rest[0] != '[' {
				continue
			}
			reads = append(reads, strings.TrimPrefix(rest, "."))
		}
		operation := called.call.Operation
		if operation.Effect == contracts.Write { // by its id the ledger and whoever repeats it know what was made
			reads = append(reads, "id")
		}
		if operation.Redo != nil {
			for _, mapping := range operation.Redo.With {
				reads = append(reads, mapping.Field)
			}
		}
		slices.Sort(reads)
		called.call.Reads = slices.Compact(reads)
	}
}
