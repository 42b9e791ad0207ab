package worker

import (
	"context"
	"log/slog"

	"crosswalk/activities"
	"crosswalk/adapters"
	"crosswalk/contracts"
	"crosswalk/robots"
	"crosswalk/rules"
	"crosswalk/store"
	"crosswalk/workspace"
)

// Reads carries out what only reads, in the systems of a workspace, beside every case: for looking ahead. It has no way
// to a write.
type Reads struct {
	reach *reach
	pool  *robots.Pool
}

// NewReads connects the systems of a workspace. kept is the store of its workers, and data its folder: what systems gave them
// is used, and robots take turns with theirs at accounts. nil: there are no workers.
func NewReads(of *workspace.Reach, kept *store.Store, data string, log *slog.Logger) *Reads {
	r := &Reads{pool: robots.NewPool(robots.PoolOptions{})}
	nobody := func(context.Context) (map[string]int, error) { return map[string]int{}, nil }
	if kept == nil {
		r.reach = newReach(adapters.NewMemory(), robots.NewRunner(r.pool, nil), nobody, log)
	} else {
		r.reach = newReach(adapters.NewMemory(), sharingRunner(r.pool, kept, data), nobody, log)
		r.reach.grants = NewGrants(kept, data)
	}
	r.reach.use(of)
	return r
}

// Close ends the connections, and browsers that were started.
func (r *Reads) Close() {
	r.reach.close()
	r.pool.Close()
}

// Route is how the operation would be carried out now: by the first driver that is on and serves it.
func (r *Reads) Route(system, operation string) activities.Route {
	return r.reach.Routes(system, operation)[0]
}

// Read carries out a reading operation, by the first driver that can be reached. One that writes is refused before any
// driver is looked for.
func (r *Reads) Read(ctx context.Context, system string, operation *contracts.Operation, input rules.Value) (rules.Value, string, error) {
	if operation.Effect != contracts.Read {
		return rules.Value{}, "", contracts.NewError(contracts.Internal, operation.Name, "%s writes, and here nothing is written", operation.Name)
	}
	var failed error
	for _, route := range r.reach.Routes(system, operation.Short) {
		executor := r.executor(route)
		switch {
		case route.Driver == "":
			return rules.Value{}, "", contracts.NewError(contracts.Unavailable, operation.Name, "%s", route.Reason)
		case executor == nil:
			failed = contracts.NewError(contracts.Unavailable, operation.Name, "%s would be asked, and nobody is asked here", route.Driver)
			continue
		}
		result, err := executor.Execute(ctx, adapters.Call{Operation: operation.Name, Input: input})
		if !contracts.ClassOf(err).Temporary() {
			return result.Value, route.Driver, err
		}
		failed = err
	}
	return rules.Value{}, "", failed
}

func (r *Reads) executor(route activities.Route) activities.Executor {
	for _, driver := range r.reach.now().Systems[route.System].Drivers {
		if driver.Name == route.Driver && route.Person == "" {
			return driver.Executor
		}
	}
	return nil
}
