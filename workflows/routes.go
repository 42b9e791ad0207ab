package workflows

import (
	"fmt"
	"slices"
	"strings"

	"go.temporal.io/sdk/workflow"

	"crosswalk/activities"
)

// reached is how the systems of the use case were reached when the case last looked. It looks once in a workflow task
// and records what it saw: a replay takes the same ways, whatever the workspace says by then. Looking once for all
// operations makes one event where a look before each call would make as many as there are calls.
type reached struct {
	routes Routes
	ways   map[string][]activities.Route // by the operation's name
	length int                           // of the history in events, when it looked
	more   []string                      // operations beside those of the plan: of what is undone
	stale  bool                          // something may have changed: a wait is over, or a call was sent back
}

// seen is what a look found, as it is recorded.
type seen struct {
	Engine int                           `json:"engine"`
	Ways   map[string][]activities.Route `json:"ways,omitempty"` // nil: the same as at the look before
}

// look records how the operations of the plan are reached right now, and returns the version of the interpreter.
func (r *run) look(ctx workflow.Context) int {
	var found seen
	if err := workflow.SideEffect(ctx, looking{routes: r.reached.routes, operations: append(slices.Clone(r.reached.more), r.plan.Operations...), last: r.reached.ways}.look).Get(&found); err != nil {
		panic(err) // what was recorded cannot be read: this worker is older than the one that recorded it
	}
	if found.Engine > engineVersion {
		// Failing the workflow task, and not the case, leaves it to a worker that is up to date.
		panic(fmt.Sprintf("the case was worked on by version %d of the interpreter; this worker knows versions up to %d", found.Engine, engineVersion))
	}
	if found.Ways != nil {
		r.reached.ways = found.Ways
	}
	r.reached.length, r.reached.stale = workflow.GetInfo(ctx).GetCurrentHistoryLength(), false
	return found.Engine
}

// route picks the first way to the operation that was not tried yet.
func (r *run) route(ctx workflow.Context, system, operation string, tried []string) activities.Route {
	if r.reached.stale || r.reached.length != workflow.GetInfo(ctx).GetCurrentHistoryLength() {
		r.look(ctx)
	}
	left := slices.DeleteFunc(slices.Clone(r.reached.ways[system+"."+operation]), func(route activities.Route) bool {
		return slices.Contains(tried, route.Driver)
	})
	if len(left) == 0 {
		return activities.Route{System: system, Operation: operation, Last: true, Reason: fmt.Sprintf("no other driver of %s serves %s", system, operation)}
	}
	route := left[0]
	route.System, route.Operation, route.Last = system, operation, len(left) == 1
	return route
}

type looking struct {
	routes     Routes
	operations []string
	last       map[string][]activities.Route // what the look before found
}

func (l looking) look(workflow.Context) any {
	found, changed := seen{Engine: engineVersion, Ways: make(map[string][]activities.Route, len(l.operations))}, false
	for _, name := range l.operations {
		system, operation, _ := strings.Cut(name, ".")
		ways := slices.Clone(l.routes.Routes(system, operation))
		for i := range ways {
			ways[i].System, ways[i].Operation = "", "" // the key says it
		}
		found.Ways[name] = ways
		changed = changed || !slices.Equal(ways, l.last[name])
	}
	if !changed {
		found.Ways = nil
	}
	return found
}
