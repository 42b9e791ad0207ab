package worker

import (
	"context"
	"fmt"
	"log/slog"
	"maps"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"

	"crosswalk/activities"
	"crosswalk/robots"
	"crosswalk/rules"
	"crosswalk/store"
	"crosswalk/telemetry"
	"crosswalk/workflows"
	"crosswalk/workspace"
)

// Config says what a worker works with.
type Config struct {
	Store *store.Store
	// Client is a connection to Temporal made by Dial; nil: one is made by Temporal and closed by Stop.
	Client   client.Client
	Temporal Dialing
	// Namespace is that of Client; empty: the one that Temporal says. How long payloads are kept is what it says.
	Namespace string
	// Base is the folder of the workspace, for secrets that lie in files.
	Base string
	// Data is the data directory if the store is there: the key that log-ins are encrypted with lies there too, unless the
	// environment has one.
	Data string
	// DeskURL is where people work; the live details of a case link to it.
	DeskURL string
	// Robots says how browsers are run. No browser is started before the first robot runs.
	Robots robots.PoolOptions
	// NoRobots leaves the robots to other workers.
	NoRobots bool
	// Register adds workflows and activities of the embedder's own to those that the main queue serves.
	Register func(worker.Registry)
	// Poll is how often the store is asked whether something was published; 0: twice a second.
	Poll time.Duration
	// Look is how often Temporal is asked which cases it ended by force; 0: every 15 seconds.
	Look   time.Duration
	Logger *slog.Logger
	// Telemetry counts what cases do; nil: nothing is counted.
	Telemetry *telemetry.Telemetry
}

// deadlock is how long workflow code may compute before it is taken for stuck: longer than the SDK's second, because a
// machine that does much else may not let a short computation end in that time.
const deadlock = 5 * time.Second

// stopPatience is how long running activities may take to end when the worker stops.
const stopPatience = 25 * time.Second

// Worker runs cases and carries out operations.
type Worker struct {
	config  Config
	cases   *Cases
	bundles *bundles
	client  client.Client
	own     bool // the client is ours to close
	log     *slog.Logger
	reach   *reach
	pool    *robots.Pool
	workers []worker.Worker
	refresh sync.Mutex
	version int64
	timers  atomic.Pointer[[]*workspace.Timer]
	synced  int64 // the version whose schedules Temporal has
	stop    context.CancelFunc
	// background is what goes on beside the tasks.
	background sync.WaitGroup
}

// Start loads what is in force and begins to work. It returns when the worker takes tasks.
func Start(ctx context.Context, config Config) (*Worker, error) {
	w := &Worker{config: config, client: config.Client, log: loggerOr(config.Logger)}
	if w.client == nil {
		var err error
		if w.client, err = Dial(ctx, config.Temporal); err != nil {
			return nil, err
		}
		w.own = true
	}
	w.cases = NewCases(w.client, config.Store, w.log).WithTelemetry(config.Telemetry)
	w.bundles = w.cases.bundles
	w.openReach()
	if err := w.start(ctx); err != nil {
		w.release()
		return nil, err
	}
	background, cancel := context.WithCancel(context.Background())
	w.stop = cancel
	w.background.Go(func() { w.follow(background) })
	w.background.Go(func() { w.reconcile(background) })
	w.background.Go(func() { w.sweep(background) })
	return w, nil
}

// Cases is the door to the cases that this worker runs.
func (w *Worker) Cases() *Cases { return w.cases }

func (w *Worker) openReach() {
	var runner *robots.Runner
	if !w.config.NoRobots {
		w.pool = robots.NewPool(w.config.Robots)
		runner = sharingRunner(w.pool, w.config.Store, w.config.Data)
		runner.Remember(newRobotMemory(w.config.Store))
	}
	w.reach = newReach(NewShared(w.config.Store), runner, w.config.Store.Load, w.log)
	w.reach.help = w.config.Store.Tasks
	w.reach.drift = newDrift(w.config.Store, w.log)
	w.reach.grants = NewGrants(w.config.Store, w.config.Data)
}

func (w *Worker) start(ctx context.Context) error {
	if err := w.Refresh(ctx); err != nil {
		return err
	}
	if err := w.loadOpenCases(ctx); err != nil {
		return err
	}
	acts := &activities.Activities{Store: w.config.Store, Reach: w.reach.now, Contracts: w.bundles, UseCases: w.bundles, Log: w.log, Telemetry: w.config.Telemetry}
	interpreter := &workflows.Interpreter{Plans: w.bundles, Routes: w.reach, Calendars: w.reach, DeskURL: w.config.DeskURL}
	main := worker.New(w.client, workflows.QueueMain, worker.Options{
		DisablePayloadErrorLimit:    true, // see externalStorage
		DisableRegistrationAliasing: true, WorkerStopTimeout: stopPatience, WorkflowPanicPolicy: worker.BlockWorkflow,
		DeadlockDetectionTimeout: deadlock,
	})
	main.RegisterDynamicWorkflow(interpreter.Run, workflow.DynamicRegisterOptions{})
	acts.Register(main)
	main.RegisterWorkflowWithOptions(workflows.Timer, workflow.RegisterOptions{Name: workflows.WorkflowSchedule})
	main.RegisterWorkflowWithOptions(workflows.Timer, workflow.RegisterOptions{Name: workflows.WorkflowPoller})
	main.RegisterWorkflowWithOptions(workflows.Canary, workflow.RegisterOptions{Name: workflows.WorkflowCanary})
	runner := &timerRunner{store: w.config.Store, cases: w.cases, acts: acts, find: w.timer, keep: w.reach.keepEvents}
	main.RegisterActivityWithOptions(runner.Run, activity.RegisterOptions{Name: workflows.ActivityTimer})
	if w.config.Register != nil {
		w.config.Register(main)
	}
	w.workers = append(w.workers, main)
	if w.pool != nil {
		runs := w.config.Robots.Runs
		if runs <= 0 {
			runs = runtime.GOMAXPROCS(0)
		}
		robotWorker := worker.New(w.client, workflows.QueueRobots, worker.Options{
			DisablePayloadErrorLimit:    true,
			DisableRegistrationAliasing: true, WorkerStopTimeout: stopPatience,
			DisableWorkflowWorker: true, MaxConcurrentActivityExecutionSize: runs,
		})
		acts.RegisterCalls(robotWorker)
		canaries := &canaryRunner{store: w.config.Store, reach: w.reach, find: w.timer, log: w.log}
		robotWorker.RegisterActivityWithOptions(canaries.Run, activity.RegisterOptions{Name: workflows.ActivityCanary})
		w.workers = append(w.workers, robotWorker)
	}
	for i, one := range w.workers {
		if err := one.Start(); err != nil {
			w.workers = w.workers[:i]
			return fmt.Errorf("worker: %w", err)
		}
	}
	return nil
}

// loadOpenCases has the bundles of all open cases in memory before the first workflow task comes.
func (w *Worker) loadOpenCases(ctx context.Context) error {
	const page = 500
	for offset := 0; ; offset += page {
		open, err := w.config.Store.Cases(ctx, store.CaseFilter{Open: true, Oldest: true, Limit: page, Offset: offset})
		if err != nil {
			return fmt.Errorf("worker: %w", err)
		}
		for _, one := range open {
			if one.BundleHash == "" {
				continue
			}
			if _, err := w.bundles.load(ctx, one.BundleHash); err != nil {
				w.log.Error("bundle.not_loaded", "case", one.ID, "error", err)
			}
		}
		if len(open) < page {
			return nil
		}
	}
}

// Refresh loads what was published since the last time. It happens by itself twice a second; who has just published
// may call it to be sure.
func (w *Worker) Refresh(ctx context.Context) error {
	w.refresh.Lock()
	defer w.refresh.Unlock()
	version, err := w.config.Store.Version(ctx)
	if err != nil || version == w.version {
		return err
	}
	// All of it is read at one version, so that what belongs together switches together.
	all, err := w.config.Store.InForceAt(ctx, version)
	if err != nil {
		return fmt.Errorf("worker: %w", err)
	}
	inputs, events, reach := map[string]*rules.Type{}, map[string]*rules.Type{}, ""
	for _, one := range all {
		if one.Kind == store.KindReach {
			reach = one.Hash
			continue
		}
		// A bundle that cannot be read stops its own cases, not the others'.
		plan, err := w.bundles.load(ctx, one.Hash)
		if err != nil {
			w.log.Error("publication.not_loaded", "use_case", one.Name, "error", err)
			continue
		}
		inputs[one.Name] = plan.Input
		maps.Copy(events, plan.Events)
	}
	if reach != "" {
		err := w.useReach(ctx, reach, workspace.Known{
			Input: func(useCase string) *rules.Type { return inputs[useCase] }, Event: func(name string) *rules.Type { return events[name] },
		})
		if err != nil {
			return err
		}
	}
	w.version = version
	return nil
}

func (w *Worker) useReach(ctx context.Context, hash string, known workspace.Known) error {
	definition, err := w.config.Store.ReachByHash(ctx, hash)
	if err != nil {
		return fmt.Errorf("worker: %w", err)
	}
	defined, err := workspace.ParseReach(definition.Body, w.config.Base)
	if err != nil {
		return err
	}
	timers, err := defined.CompileTimers(known)
	if err != nil { // those that were in force stay
		w.log.Error("schedules.not_loaded", "error", err)
	} else {
		timers = append(timers, defined.Canaries()...)
		w.timers.Store(&timers)
	}
	w.reach.use(defined)
	return nil
}

// follow asks the store whether something was published. What cannot be loaded leaves in force what was.
func (w *Worker) follow(ctx context.Context) {
	every := w.config.Poll
	if every <= 0 {
		every = 500 * time.Millisecond
	}
	ticker := time.NewTicker(every)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
			if err := w.Refresh(ctx); err != nil && ctx.Err() == nil {
				w.log.Error("publication.not_loaded", "error", err)
			}
			if err := w.syncTimers(ctx); err != nil && ctx.Err() == nil {
				w.log.Error("schedules.not_synced", "error", err)
			}
		}
	}
}

// syncTimers gives Temporal the schedules of what was published last.
func (w *Worker) syncTimers(ctx context.Context) error {
	w.refresh.Lock()
	version, timers := w.version, w.timers.Load()
	w.refresh.Unlock()
	if version == w.synced || timers == nil {
		return nil
	}
	if err := NewTimers(w.client, w.config.Store).Sync(ctx, *timers); err != nil {
		return err
	}
	w.synced = version
	return nil
}

// timer finds a schedule or poller in force, or nil.
func (w *Worker) timer(name string) *workspace.Timer {
	if timers := w.timers.Load(); timers != nil {
		for _, timer := range *timers {
			if timer.Name == name {
				return timer
			}
		}
	}
	return nil
}

// Stop takes no more tasks, lets running ones end, and gives back what the worker holds.
func (w *Worker) Stop() {
	w.stop()
	w.background.Wait()
	w.release()
}

func (w *Worker) release() {
	for _, one := range w.workers {
		one.Stop()
	}
	w.reach.close()
	if w.pool != nil {
		w.pool.Close()
	}
	if w.own {
		w.client.Close()
	}
}
