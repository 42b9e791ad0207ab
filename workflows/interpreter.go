package workflows

import (
	"errors"
	"fmt"

	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/workflow"

	"crosswalk/activities"
	"crosswalk/usecases"
)

// Interpreter runs every use case. It is registered as the dynamic workflow, so that Temporal lists each case under
// the name of its use case. What it holds is shared by all cases and safe for concurrent use.
type Interpreter struct {
	Plans     Plans
	Routes    Routes
	Calendars Calendars // nil: there are none
	// DeskURL is where people work, without a slash at the end; live details of a case link to it.
	DeskURL string
	// Watcher is told which ways the cases take; nil if nobody looks.
	Watcher Watcher
}

// Watcher looks at cases while they run, for tests of use cases. What it does changes nothing in a case.
type Watcher interface {
	// Took says that a step took a way: WayTaken if its condition held, WaySkipped if not, and then the ways
	// inside of it by their names.
	Took(at activities.Place, step *usecases.Step, way string)
}

// The ways of a step itself. Those inside of it are named by usecases.Step.Ways.
const (
	WayTaken   = "taken"
	WaySkipped = "skipped"
)

// Plans holds what was published, in memory.
type Plans interface {
	// Plan returns the plan of a bundle. If it is not in memory, Plan starts to load it, returns false at once, and
	// the workflow task is tried again.
	Plan(hash string) (*usecases.Plan, bool)
}

// Routes knows how systems are reached at the moment.
type Routes interface {
	// Routes returns the ways to the operation that are on, the preferred first; at least one, which says in its
	// Reason why there is no driver.
	Routes(system, operation string) []activities.Route
}

// Run is the workflow.
func (i *Interpreter) Run(ctx workflow.Context, args converter.EncodedValues) (Outcome, error) {
	var in StartInput
	if err := args.Get(&in); err != nil {
		return Outcome{}, fmt.Errorf("workflows: the start input cannot be read: %w", err)
	}
	r := newRun(ctx, i, in)
	work, halt := workflow.WithCancel(ctx)
	r.halt = halt
	if err := r.listen(ctx); err != nil {
		return Outcome{}, err
	}
	plan, ok := i.Plans.Plan(in.BundleHash)
	if !ok {
		// The bundle is being loaded. A panic fails this workflow task and not the case: Temporal gives the
		// task again, and nothing that was decided is lost.
		panic(bundleMissing(in.BundleHash))
	}
	r.begin(work, plan)
	if in.Window != nil {
		return r.runWindow(work)
	}
	err := r.steps(work)
	if errors.Is(err, errContinue) {
		return Outcome{}, r.continueAsNew(ctx)
	}
	return r.finish(ctx, err)
}

type bundleMissing string

func (b bundleMissing) Error() string {
	return fmt.Sprintf("bundle %.12s is not in memory yet; it is being loaded and this workflow task is tried again", string(b))
}
