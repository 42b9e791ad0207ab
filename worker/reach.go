package worker

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"go.temporal.io/sdk/activity"

	"crosswalk/activities"
	"crosswalk/adapters"
	"crosswalk/contracts"
	"crosswalk/robots"
	"crosswalk/rules"
	"crosswalk/store"
	"crosswalk/workflows"
	"crosswalk/workspace"
)

// reach holds how systems are reached at the moment, with their connections. It is replaced as a whole.
type reach struct {
	current atomic.Pointer[activities.Reach]
	people  atomic.Pointer[workspace.People]
	config  atomic.Pointer[workspace.Config]

	shared adapters.Shared
	drift  *drift          // nil: answers are not compared
	grants adapters.Grants // nil: they are gone with the process
	runner *robots.Runner
	help   askedTasks                                    // what people gave robots that could not go on; may be nil
	load   func(context.Context) (map[string]int, error) // open tasks by person
	log    *slog.Logger
	open   map[string]*adapters.Connection // by fingerprint of adapter and settings; used by one goroutine
	closes sync.WaitGroup                  // of connections, which may wait until a token that comes is kept
}

func newReach(shared adapters.Shared, runner *robots.Runner, load func(context.Context) (map[string]int, error), log *slog.Logger) *reach {
	r := &reach{shared: shared, runner: runner, load: load, log: log, open: map[string]*adapters.Connection{}}
	r.current.Store(&activities.Reach{})
	r.people.Store(&workspace.People{})
	r.config.Store(&workspace.Config{})
	return r
}

// now is the activities' view.
func (r *reach) now() *activities.Reach { return r.current.Load() }

// Routes is the interpreter's view.
func (r *reach) Routes(system, operation string) []activities.Route {
	return r.now().Routes(system, operation)
}

// Calendar is the interpreter's view of calendars.
func (r *reach) Calendar(name string) *rules.Calendar { return r.config.Load().Calendar(name) }

// keepEvents is how long events are kept for cases that do not wait for them yet.
func (r *reach) keepEvents() time.Duration {
	if keep := r.config.Load().Retention.Events; keep > 0 {
		return keep
	}
	return store.DefaultKeep
}

// use puts what a workspace says in force. Connections whose adapter and settings are the same stay as they are, with
// what they know of limits and failures; those that are not needed any more are closed.
func (r *reach) use(defined *workspace.Reach) {
	next := &activities.Reach{Systems: map[string]*activities.System{}}
	used := map[string]bool{}
	for _, s := range defined.Config.Systems {
		if s.Contract != nil {
			next.Systems[s.Name] = r.system(defined, s, used)
		}
	}
	if defined.People != nil {
		r.people.Store(defined.People)
	}
	r.config.Store(defined.Config)
	r.current.Store(next)
	for key, connection := range r.open {
		if !used[key] {
			r.closes.Go(connection.Close)
			delete(r.open, key)
		}
	}
}

func (r *reach) system(defined *workspace.Reach, s *workspace.System, used map[string]bool) *activities.System {
	system := &activities.System{Name: s.Name, Contract: s.Contract.Name, Off: s.Off}
	for _, d := range s.Drivers {
		driver := activities.Driver{Name: d.ID(), Off: d.Off, NextOn: strings.Join(d.NextOn, " "), Serves: map[string]activities.Service{}}
		programs := robot{drift: r.drift, system: s.Name, runner: r.runner, programs: map[string]*robots.Program{}, driver: d, allow: defined.Config.AllowHosts, help: r.help}
		for _, short := range s.Contract.OperationNames() {
			for _, route := range defined.Routes(s.Name, short) {
				if route.Driver == d {
					driver.Serves[short] = service(s.Contract.Operations[short], route)
					r.execute(&driver, defined, route, &programs, used)
				}
			}
		}
		if d.Kind == workspace.ByPerson {
			driver.Person = d.Name
		}
		system.Drivers = append(system.Drivers, driver)
	}
	return system
}

// service says how a route carries out an operation. An API call is quick and so tried inside the workflow task; a
// write that must never be sent twice is not, because such an attempt leaves no trace in the history.
func service(operation *contracts.Operation, route workspace.Route) activities.Service {
	s := activities.Service{Hash: route.Hash, Safety: route.Safety}
	switch route.Driver.Kind {
	case workspace.ByRobot:
		s.TaskQueue, s.Announces = workflows.QueueRobots, true
	case workspace.ByAdapter:
		s.Local = operation.Effect == contracts.Read || route.Safety != contracts.AtMostOnce
	case workspace.ByDesk:
		s.Local = true
	}
	return s
}

// execute gives the driver what carries out its operations.
func (r *reach) execute(driver *activities.Driver, defined *workspace.Reach, route workspace.Route, programs *robot, used map[string]bool) {
	switch route.Driver.Kind {
	case workspace.ByAdapter:
		key := route.System.Name + " " + route.Hash
		used[key] = true
		if driver.Executor == nil {
			driver.Executor = r.connect(key, defined, route)
		}
	case workspace.ByRobot:
		programs.programs[route.Operation] = route.Program
		driver.Executor = *programs
	case workspace.ByDesk:
		driver.Executor = people{list: r.people.Load, load: r.load}
	}
}

// connect joins an adapter with its system. What keeps that from being possible is an error of each call, so that the
// rest of the workspace works and the case says what is missing.
func (r *reach) connect(key string, defined *workspace.Reach, route workspace.Route) activities.Executor {
	if connection := r.open[key]; connection != nil {
		return activities.Adapter{Connection: connection}
	}
	config, err := defined.AdapterConfig(route, r.shared)
	config.Grants = r.grants
	if adapter := route.Adapter; r.drift != nil {
		config.Answers = func(operation string, body rules.Value) {
			r.drift.see(route.System.Name, route.Driver.ID(), operation, body, adapter.Feeds)
		}
		config.Unfit = func(operation, place, why string) {
			r.drift.unfit(route.System.Name, route.Driver.ID(), operation, place, why)
		}
	}
	if err == nil {
		var connection *adapters.Connection
		if connection, err = route.Adapter.Connect(config); err == nil {
			r.open[key] = connection
			return activities.Adapter{Connection: connection}
		}
	}
	r.log.Error("system.not_reachable", "system", route.System.Name, "driver", route.Driver.ID(), "error", err)
	return broken{reason: fmt.Sprintf("%s of %s cannot be used: %s", route.Driver.ID(), route.System.Name, err)}
}

// close ends all connections. After it nobody needs the store for them.
func (r *reach) close() {
	for _, connection := range r.open {
		r.closes.Go(connection.Close)
	}
	r.closes.Wait()
}

// broken is a driver that lacks something, such as a secret.
type broken struct{ reason string }

// Execute says what is missing.
func (b broken) Execute(_ context.Context, call adapters.Call) (activities.Result, error) {
	return activities.Result{}, &contracts.Error{Class: contracts.Auth, Operation: call.Operation, Message: b.reason, NothingSent: true}
}

// robot carries out operations in a browser.
type robot struct {
	drift    *drift
	system   string
	runner   *robots.Runner
	programs map[string]*robots.Program // by operation
	driver   *workspace.Driver
	allow    []string   // hosts that may be private addresses
	help     askedTasks // what people gave; may be nil
}

// Execute runs the robot of an operation.
func (r robot) Execute(ctx context.Context, call adapters.Call) (activities.Result, error) {
	program := r.programs[call.Operation]
	if program == nil || r.runner == nil {
		return activities.Result{}, &contracts.Error{Class: contracts.Internal, Operation: call.Operation, Message: "this worker runs no robots", NothingSent: true}
	}
	secrets, err := r.driver.ResolveSecrets()
	if err != nil {
		return activities.Result{}, err
	}
	beat := func(step string) {
		if activity.IsActivity(ctx) { // a comparison of drivers, or a dry run, is none
			activity.RecordHeartbeat(ctx, step)
		}
	}
	found, err := r.runner.Run(ctx, program, robots.Call{
		Input: call.Input, Secrets: secrets, Base: r.driver.BaseURL, AllowHosts: r.allow, Heartbeat: beat,
		Case: call.Case, Key: call.Key, FirstSent: call.FirstSent, Journal: announcement(call.Sending), Turn: call.Turn, Help: r.helped(ctx, call),
		Over: func(ctx context.Context) bool { return r.over(ctx, call) },
	})
	if err == nil {
		r.drift.see(r.system, r.driver.ID(), call.Operation, found.Output, nil)
	}
	result := activities.Result{Value: found.Output}
	for _, one := range found.Evidence {
		result.Evidence = append(result.Evidence, activities.Evidence{MediaType: one.MediaType, Body: one.Bytes, Keep: program.Keep()})
	}
	return result, err
}
