package robots

import (
	"context"
	"errors"
	"log/slog"
	"net/url"
	"os"
	"runtime/debug"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"crosswalk/contracts"
	"crosswalk/rules"
)

// Call is one use of a robot.
type Call struct {
	Input   rules.Value
	Secrets map[string]contracts.Secret
	// Base overrides the address of the system file.
	Base string
	// AllowHosts are the host:port that may be addresses of this machine or a private network. Base may
	// always be one.
	AllowHosts []string
	// Key names a write for ever: the same for all its attempts. Expressions see it as key.
	Key string
	// FirstSent is when the request of this write may have left before; zero: certainly never. Such a call only looks.
	FirstSent time.Time
	// Journal is told before the request of a write leaves; it may be nil for reads.
	Journal Journal
	// Heartbeat is called every two seconds, also while the run waits for its turn, with the place of the
	// step under way; it may be nil.
	Heartbeat func(step string)
	// Watch is called after each outermost step, with a masked picture if Pictures; it may be nil.
	Watch    func(Watched)
	Pictures bool
	// Until ends the run after the step of this number; 0 is none.
	Until int
	// Turn names the call whenever it is tried again; with it, a run may wait for a person with its page open.
	Turn string
	// Help is what a person gave since the last attempt.
	Help Help
	// Over says that nobody will come back to a run that waits for a person; it may be nil.
	Over func(context.Context) bool
	// Case is the one that the call belongs to; it may be empty.
	Case string
	// Rehearsal ends a write before its commit: the fence is never armed.
	Rehearsal bool
	canary    bool
	// ByHand says that somebody asks for this try of a canary: it is made although its login was refused before.
	ByHand bool
}

// Result is what a run found and what it has to show for it. A failed run has evidence too.
type Result struct {
	Output rules.Value
	// Stopped says that the run ended at the step that Until names, or before the commit that it only rehearsed.
	Stopped bool
	// Warnings say what of the pages is not as it was.
	Warnings []string
	Evidence []Evidence
}

// Runner runs robots. It keeps the login of each credential, so that only the first run logs in.
type Runner struct {
	pool     *Pool
	leases   Leases
	limits   Limits
	sessions sessions
	parking  parking
	memory   Memory // nil: pages are not compared
	now      func() time.Time
}

// NewRunner makes a runner on a pool. Without leases that all processes share, they hold within this one.
func NewRunner(pool *Pool, leases Leases) *Runner {
	if leases == nil {
		leases = NewLeases()
	}
	return &Runner{pool: pool, leases: leases, limits: NewLimits(), sessions: sessions{kept: map[string]loginState{}}, parking: parking{runs: map[string]*parked{}}, now: time.Now}
}

// Share makes the limits of applications those that all processes know of. It is called before the first run.
func (r *Runner) Share(limits Limits) { r.limits = limits }

// run is one execution of a program.
type run struct {
	runner     *Runner
	program    *Program
	system     *System
	call       Call
	base       *url.URL
	tab        *tab
	journal    *journal
	variables  map[string]rules.Value
	login      bool
	missed     *cellRead      // the place that a step could not read
	typedIn    map[string]int // the documents when the login last filled something in
	relogins   int
	lease      Lease
	sent       bool                   // the request of the commit may have left, now or in an earlier attempt
	refused    bool                   // it has, and the application said no
	settling   bool                   // nothing is sent any more
	place      atomic.Pointer[string] // of the step under way
	acting     string                 // place and part of the step under way, for what is remembered
	dir        string                 // for files on their way; removed with the run
	kept       []originStorage        // what the application keeps in the browser, as far as it was seen
	tokens     []string               // by which the application has known the browser in this run
	noted      map[string]int         // the documents when it was looked for them after a step
	marked     []string               // texts that the robot file marks as not to be shown
	depth      int                    // how deep the step under way lies in blocks
	number     int                    // of the outermost step under way
	desk       *parked                // who asks a person for it; nil: nobody
	around     *lookAround            // of a look at the pages
	known      map[string]Print       // what the robot's places were like; nil: nothing is compared
	seen       map[string]*Seen       // what they are like in this run
	pages      int                    // kept in this run
	changes    []Change
	warnings   []string
	shown      bool            // a page that has just come shows a sign
	passing    bool            // the steps of a sign are under way
	committing bool            // the commit is under way
	armed      bool            // the request of the commit may be leaving
	filledIn   []put           // in prepare
	names      map[string]bool // of the fields that prepare has put something into
}

// errSessionLost says that the application has forgotten our login in the middle of the work.
var errSessionLost = errors.New("the application has ended the session")

// Run carries out the program's operation. The error is a *contracts.Error, but for an ended context.
func (r *Runner) Run(ctx context.Context, program *Program, call Call) (Result, error) {
	if call.Turn != "" && program.asks() {
		return r.runAsking(ctx, program, call)
	}
	return r.execute(ctx, program, call, nil)
}

func (r *Runner) execute(ctx context.Context, program *Program, call Call, desk *parked) (result Result, err error) {
	u := &run{runner: r, program: program, system: program.System, call: call, journal: newJournal(), sent: !call.FirstSent.IsZero(), desk: desk, variables: map[string]rules.Value{}}
	defer func() { // a run that waits for a person has no caller who would: a mistake of ours must not end the others
		if panicked := recover(); panicked != nil {
			u.sent = u.sent || u.armed
			slog.Error("robot.panicked", "robot", program.Robot.Name, "stack", string(debug.Stack()))
			result, err = Result{}, u.named(u.veiled(contracts.NewError(contracts.Internal, "", "%s: the robot failed: %v", *u.place.Load(), panicked)))
		}
	}()
	defer u.clear()
	u.place.Store(&program.Robot.File)
	if err := u.prepare(); err != nil {
		return Result{}, u.named(err)
	}
	if err := r.mayTry(ctx, u); err != nil {
		return Result{}, u.named(err)
	}
	defer u.beat()()
	if err := r.gate(ctx, u); err != nil {
		return Result{}, u.named(u.classify(ctx, err))
	}
	lease, err := r.leases.Acquire(ctx, u.credential(), u.system.sessions)
	if err != nil {
		return Result{}, u.named(u.classify(ctx, err))
	}
	u.lease = lease
	defer func() { u.lease.Release() }()
	u.recall(ctx)
	output, version, err := u.work(ctx)
	stopped := errors.Is(err, errStopped)
	if stopped {
		err = nil
	}
	err = u.veiled(err)
	u.remember(ctx, err)
	result = Result{Output: output, Stopped: stopped, Warnings: u.veiledWarnings(), Evidence: u.evidence(version, err)}
	if err != nil {
		err = u.named(err)
	}
	if call.canary {
		r.noteCanary(ctx, u, err)
	} else {
		r.count(ctx, u, err)
	}
	return result, err
}

// work does what is asked for, and settles the doubt that it may have left.
func (u *run) work(ctx context.Context) (output rules.Value, version string, err error) {
	limit := u.runTime()
	if u.program.write != nil {
		limit += maxSettle
	}
	late := contracts.NewError(contracts.Unavailable, "", "the robot did not finish within %s", limit)
	whole, cancel := context.WithTimeoutCause(ctx, limit, late)
	defer cancel()
	if u.sent {
		output, err = u.settle(whole, nil)
		return output, "", err
	}
	browser, giveBack, err := u.runner.pool.Acquire(whole)
	if err != nil {
		return rules.Value{}, "", u.placed(u.classify(whole, err), late)
	}
	giveBack = sync.OnceFunc(giveBack)
	defer giveBack()
	deadline := contracts.NewError(contracts.Unavailable, "", "the robot did not finish within %s", u.system.runTime)
	first, cancelFirst := context.WithTimeoutCause(whole, u.runTime(), deadline)
	output, err = u.inBrowser(first, browser)
	if err != nil && !errors.As(err, &errDoubt{}) && !errors.Is(err, errStopped) {
		err = u.placed(u.placed(u.classify(first, err), deadline), late)
	}
	cancelFirst()
	giveBack()
	if doubt := (errDoubt{}); errors.As(err, &doubt) {
		output, err = u.doubt(whole, u.classify(first, doubt.cause))
	}
	return output, browser.Version(), err
}

// placed says of a time that is over where the robot was.
func (u *run) placed(err error, over *contracts.Error) error {
	if errors.Is(err, over) {
		return contracts.NewError(over.Class, "", "%s: %s", *u.place.Load(), over.Message)
	}
	return err
}

// runTime is how long a run may take; what waits for people may wait longer.
func (u *run) runTime() time.Duration {
	if u.desk != nil {
		return u.system.runTime + longestOpen
	}
	return u.system.runTime
}

// doubt looks after a request that may have left. What the robot itself found to be wrong after it was accepted is
// for a person.
func (u *run) doubt(ctx context.Context, cause error) (rules.Value, error) {
	if ctx.Err() != nil {
		return rules.Value{}, u.classify(ctx, context.Cause(ctx))
	}
	return u.settle(ctx, cause)
}

// clear removes what the run had on its way.
func (u *run) clear() {
	if u.dir != "" {
		_ = os.RemoveAll(u.dir)
	}
}

const beatEvery = 2 * time.Second

// beat tells that the run is alive until the function that it returns is called.
func (u *run) beat() (stop func()) {
	waiting := "waiting for a browser"
	u.place.Store(&waiting)
	if u.call.Heartbeat == nil {
		return func() {}
	}
	u.call.Heartbeat(waiting)
	var ended sync.WaitGroup
	stopped := make(chan struct{})
	ended.Go(func() {
		ticker := time.NewTicker(beatEvery)
		defer ticker.Stop()
		for {
			select {
			case <-stopped:
				return
			case <-ticker.C:
				u.call.Heartbeat(*u.place.Load())
			}
		}
	})
	return func() { close(stopped); ended.Wait() }
}

// prepare checks what the workspace gave before anything is started.
func (u *run) prepare() error {
	base := u.system.Base
	if u.call.Base != "" {
		base = strings.TrimSuffix(u.call.Base, "/")
	}
	parsed, err := url.Parse(base)
	if err != nil || parsed.Scheme != "http" && parsed.Scheme != "https" || parsed.Host == "" {
		return contracts.NewError(contracts.Internal, "", "%q is not the address of a web application", base)
	}
	u.base = parsed
	for _, name := range u.system.Secrets {
		if u.call.Secrets[name].IsZero() {
			return contracts.NewError(contracts.Auth, "", "the secret %q of system %s is not given", name, u.system.Name)
		}
	}
	return nil
}

func (u *run) inBrowser(ctx context.Context, browser *Browser) (rules.Value, error) {
	tab, err := browser.openTab(ctx, tabOptions{
		width: u.system.width, height: u.system.height, locale: u.system.locale, timezone: u.system.timezone,
		fence: u.newFence(), dialog: u.onDialog, journal: u.journal, leads: u.leads, resolved: u.watcher(), writes: u.program.write != nil,
	})
	if err != nil {
		u.runner.pool.suspectOn(err, browser)
		return rules.Value{}, err
	}
	defer tab.close()
	u.tab, ctx = tab, tab.ctx
	output, err := u.attempts(ctx)
	if err == nil || errors.Is(err, errStopped) {
		u.picture(ctx, "end")
		return output, err
	}
	if !errors.Is(err, errNotThere) {
		if doubt := (errDoubt{}); !errors.As(err, &doubt) && !u.refused {
			err = u.explain(ctx, err)
		}
		u.picture(ctx, "failure")
	}
	u.runner.pool.suspectOn(err, browser)
	return rules.Value{}, err
}

// attempts runs the steps; if the application forgot the login on the way, it logs in again once and
// starts over, which is safe as long as nothing was sent.
func (u *run) attempts(ctx context.Context) (rules.Value, error) {
	for {
		output, err := u.once(ctx)
		if !errors.Is(err, errSessionLost) || errors.As(err, &errDoubt{}) {
			return output, err
		}
		u.runner.sessions.forget(ctx, u.credential())
		if u.relogins++; u.relogins > 1 {
			return output, contracts.NewError(contracts.Unavailable, "", "the application ended the session twice")
		}
	}
}

func (u *run) once(ctx context.Context) (rules.Value, error) {
	if err := u.ensureSession(ctx); err != nil {
		return rules.Value{}, err
	}
	u.variables = map[string]rules.Value{"input": u.call.Input}
	if u.program.write != nil {
		u.variables["key"] = rules.Text(u.call.Key)
	}
	switch {
	case u.settling:
		return u.onceLooking(ctx)
	case u.program.write != nil:
		return u.onceWriting(ctx)
	}
	if err := u.steps(ctx, u.program.find); err != nil {
		return rules.Value{}, err
	}
	u.keepSession(ctx)
	return u.answer()
}

// answer makes the output and checks it by the contract.
func (u *run) answer() (rules.Value, error) {
	output, err := u.program.output.Eval(u.variables)
	if err != nil {
		return rules.Value{}, contracts.NewError(contracts.Drift, "", "the output cannot be made of what was read: %s", err)
	}
	checked, err := u.program.Operation.Output.Decode(output)
	if err != nil {
		return rules.Value{}, contracts.NewError(contracts.Drift, "", "what was read does not fit the contract: %s", err)
	}
	return checked, nil
}

// newFence allows the host of the base address and those of the system file. Only what the workspace itself
// says may lead into a private network: its base address and its list of such hosts.
func (u *run) newFence() *fence {
	f := newFence(u.system.searches)
	f.getWrite, f.byGet = u.system.getWrite, u.system.readsByGet
	for _, host := range u.system.Allow {
		f.allow(host, slices.Contains(u.call.AllowHosts, host))
	}
	base := hostPort(u.base)
	f.allow(base, u.call.Base != "" || slices.Contains(u.call.AllowHosts, base))
	return f
}
