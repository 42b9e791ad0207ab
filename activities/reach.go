package activities

import (
	"context"
	"fmt"
	"time"

	"crosswalk/adapters"
	"crosswalk/contracts"
	"crosswalk/rules"
)

// Reach is how every system is reached: what crosswalk.yaml, adapters and robots say at one moment. It is immutable;
// what is in force is replaced as a whole.
type Reach struct{ Systems map[string]*System }

// System is one system of the workspace.
type System struct {
	Name     string
	Contract string // the name of its contract
	Off      bool   // nothing is called; cases wait
	Drivers  []Driver
}

// Driver is one way to reach a system: an adapter with its connection, a robot, or people.
type Driver struct {
	Name     string // adapter:hubspot, robot:acme-portal, person:shipping
	Off      bool
	NextOn   string             // errors after which the next driver is tried, beside unavailable
	Person   string             // the queue of the people; empty if it is a program
	Serves   map[string]Service // by short name; nil for people: they serve everything
	Executor Executor
}

// Service says how a driver carries out one operation.
type Service struct {
	Hash      string           // of what carries it out
	Safety    contracts.Safety // of a write
	Local     bool             // quick enough to be tried inside a workflow task
	TaskQueue string           // empty: that of the workflow
	// Announces says that the executor calls Sending right before a write leaves: until then nothing was sent.
	Announces bool
}

// Executor carries out operations. Errors are *contracts.Error.
type Executor interface {
	Execute(ctx context.Context, call adapters.Call) (Result, error)
}

// Result is what an executor brought back.
type Result struct {
	Value    rules.Value
	Evidence []Evidence
}

// Evidence shows how a result was had.
type Evidence struct {
	MediaType string
	Body      []byte
	Keep      time.Duration // at most; 0: as long as its case
}

// Routes returns the ways to the operation that are on, the preferred first. There is always one: a route without a
// driver says why nothing serves the operation.
func (r *Reach) Routes(system, operation string) []Route {
	none := Route{System: system, Operation: operation}
	s := r.Systems[system]
	if s == nil {
		none.Reason = fmt.Sprintf("the workspace has no system %q", system)
		return []Route{none}
	}
	if s.Off {
		none.Reason = system + " is switched off"
		return []Route{none}
	}
	var routes []Route
	for i := range s.Drivers {
		if d := &s.Drivers[i]; d.serves(operation) {
			service := d.Serves[operation]
			routes = append(routes, Route{System: system, Operation: operation, Driver: d.Name, DriverHash: service.Hash, Person: d.Person,
				Safety: service.Safety, Local: service.Local, TaskQueue: service.TaskQueue, NextOn: d.NextOn})
		}
	}
	if len(routes) == 0 {
		none.Reason = fmt.Sprintf("no driver of %s that is on serves %s", system, operation)
		return []Route{none}
	}
	return routes
}

func (d *Driver) serves(operation string) bool {
	if d.Off {
		return false
	}
	_, ok := d.Serves[operation]
	return ok || d.Person != ""
}

// driver finds the driver of a route.
func (r *Reach) driver(system, name string) *Driver {
	if s := r.Systems[system]; s != nil && !s.Off {
		for i := range s.Drivers {
			if s.Drivers[i].Name == name && !s.Drivers[i].Off {
				return &s.Drivers[i]
			}
		}
	}
	return nil
}

// Adapter makes the connection of an adapter an executor.
type Adapter struct{ *adapters.Connection }

// Execute carries out an operation.
func (a Adapter) Execute(ctx context.Context, call adapters.Call) (Result, error) {
	value, err := a.Call(ctx, call)
	return Result{Value: value}, err
}
