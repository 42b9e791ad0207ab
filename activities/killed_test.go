package activities_test

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/testsuite"

	"crosswalk/activities"
	"crosswalk/adapters"
	"crosswalk/adapters/conformance"
	"crosswalk/contracts"
	"crosswalk/store"
)

// killedWrite is a write of an adapter in a case, carried out under the ledger.
type killedWrite struct {
	adapter *adapters.Adapter
	tests   *conformance.Tests
	test    conformance.Test
	base    string
}

func (w killedWrite) system() string { return w.adapter.Name + "/" + w.test.Operation }

// killedWorker is the worker's side: the activities with the ledger, and connections to the systems.
type killedWorker struct {
	writes map[string]killedWrite // by system
}

func (k killedWorker) Contract(_, system string) (*contracts.Contract, error) {
	of, _, _ := strings.Cut(k.writes[system].test.Operation, ".")
	return contracts.Catalog()[of], nil
}

// underKey calls with the key that the system of the test knows, and after a look-up would have to wait for a late
// request.
type underKey struct {
	connection *adapters.Connection
	key        string
	late       time.Duration
}

func (u underKey) Execute(ctx context.Context, call adapters.Call) (activities.Result, error) {
	call.Key = u.key
	if !call.FirstSent.IsZero() && u.late > 0 {
		away := u.late + time.Hour // and the time that the request itself may take
		call.FirstSent, call.LastSent = call.FirstSent.Add(-away), call.LastSent.Add(-away)
	}
	value, err := u.connection.Call(ctx, call)
	return activities.Result{Value: value}, err
}

func (k killedWorker) activities(opened *store.Store) (*activities.Activities, error) {
	reach := &activities.Reach{Systems: map[string]*activities.System{}}
	for name, w := range k.writes {
		connection, err := conformance.Connect(w.adapter, w.tests, w.base)
		if err != nil {
			return nil, err
		}
		of, short, _ := strings.Cut(w.test.Operation, ".")
		safety := w.adapter.Operation(w.test.Operation).Safety
		serves := map[string]activities.Service{short: {Hash: "1", Safety: safety.Kind}}
		reach.Systems[name] = &activities.System{Name: name, Contract: of, Drivers: []activities.Driver{
			{Name: "adapter:" + w.adapter.Name, Serves: serves, Executor: underKey{connection, w.test.Key, safety.Late}}}}
	}
	return &activities.Activities{Store: opened, Reach: func() *activities.Reach { return reach }, Contracts: k}, nil
}

func (k killedWorker) call(acts *activities.Activities, system string) error {
	w := k.writes[system]
	_, short, _ := strings.Cut(w.test.Operation, ".")
	in := activities.CallInput{Place: activities.Place{Case: "case-1", Path: system, Generation: 1}, Bundle: "b", Input: w.test.Input,
		Route: activities.Route{System: system, Operation: short, Driver: "adapter:" + w.adapter.Name, DriverHash: "1", Safety: w.adapter.Operation(w.test.Operation).Safety.Kind}}
	suite := testsuite.WorkflowTestSuite{}
	env := suite.NewTestActivityEnvironment()
	acts.RegisterCalls(env)
	_, err := env.ExecuteActivity(in.Route.Name(), in)
	return err
}

// everyWrite are the writes of all adapters that a contract knows, each against a system of its own.
func everyWrite(t *testing.T) (killedWorker, map[string]*conformance.Write) {
	t.Helper()
	worker, systems := killedWorker{map[string]killedWrite{}}, map[string]*conformance.Write{}
	declared, killed := map[contracts.Safety]bool{}, map[contracts.Safety]bool{}
	for name, adapter := range adapters.Catalog() {
		for _, operation := range adapter.Operations() {
			if op := adapter.Operation(operation); op.Effect == contracts.Write && !adapter.OffHTTP() {
				declared[op.Safety.Kind] = true
			}
		}
		file, text, err := adapters.CatalogTests(name)
		require.NoError(t, err)
		tests, problems := conformance.Parse(file, text, adapter)
		require.NoError(t, problems.Err())
		for _, write := range conformance.Writes(t.Context(), adapter, tests) {
			t.Cleanup(write.Close)
			of, short, _ := strings.Cut(write.Operation, ".")
			if contracts.Catalog()[of].Operation(short) == nil {
				continue // no use case can call it
			}
			w := killedWrite{adapter, tests, write.Test, write.Base}
			worker.writes[w.system()], systems[w.system()] = w, write
			killed[adapter.Operation(write.Operation).Safety.Kind] = true
		}
	}
	require.Equal(t, declared, killed, "a kind of safety that the catalogue declares is not tried")
	return worker, systems
}

const killedEnv = "CROSSWALK_KILLED_WORKER"

// TestKilledWorkerProcess is the process that is killed: it begins all writes that its parent tells it of, and waits.
func TestKilledWorkerProcess(t *testing.T) {
	dir := os.Getenv(killedEnv)
	if dir == "" {
		return // it is somebody's child, or nothing
	}
	worker := killedWorker{map[string]killedWrite{}}
	lines := bufio.NewScanner(os.Stdin)
	for lines.Scan() && lines.Text() != "" {
		parts := strings.SplitN(lines.Text(), " ", 4) // adapter, operation, name of the test, address
		adapter := adapters.Catalog()[parts[0]]
		file, text, err := adapters.CatalogTests(parts[0])
		require.NoError(t, err)
		tests, problems := conformance.Parse(file, text, adapter)
		require.NoError(t, problems.Err())
		for _, test := range tests.Tests {
			if test.Operation == parts[1] && fmt.Sprint(test.Line) == parts[2] {
				w := killedWrite{adapter, tests, test, parts[3]}
				worker.writes[w.system()] = w
			}
		}
	}
	opened, err := store.Open(t.Context(), dir)
	require.NoError(t, err)
	acts, err := worker.activities(opened)
	require.NoError(t, err)
	var running sync.WaitGroup
	for system := range worker.writes {
		running.Go(func() { _ = worker.call(acts, system) })
	}
	running.Wait() // the parent kills us before
}

// TestAWorkerIsKilledDuringEveryWrite kills a process in which every write of every adapter is under way, and goes on with
// each from the ledger as the next worker does: there is one effect of each, or its outcome is unknown, which a person is asked.
func TestAWorkerIsKilledDuringEveryWrite(t *testing.T) {
	t.Parallel()
	for name, moment := range map[string]struct{ before, after bool }{
		"before it was done": {}, "after it was done": {before: true}, "and it is done afterwards": {after: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			worker, systems := everyWrite(t)
			dir := t.TempDir()
			prepare(t, dir)
			var mu sync.Mutex
			came := map[string]bool{}
			var orders strings.Builder
			for system, write := range systems {
				write.Hold(moment.before, moment.after, func() {
					mu.Lock()
					defer mu.Unlock()
					came[system] = true
				})
				fmt.Fprintf(&orders, "%s %s %d %s\n", worker.writes[system].adapter.Name, write.Operation, write.Test.Line, write.Base)
			}
			child := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestKilledWorkerProcess$", "-test.timeout=5m")
			child.Env = append(os.Environ(), killedEnv+"="+dir)
			child.Stdin = strings.NewReader(orders.String() + "\n")
			require.NoError(t, child.Start())
			require.Eventually(t, func() bool {
				mu.Lock()
				defer mu.Unlock()
				return len(came) == len(systems)
			}, 2*time.Minute, 20*time.Millisecond, "every write is under way")
			require.NoError(t, child.Process.Kill())
			_ = child.Wait()
			if moment.after {
				for system, write := range systems {
					require.Eventually(t, func() bool { return write.Effects() == 1 }, time.Minute, 5*time.Millisecond, system)
				}
			}
			goOn(t, dir, worker, systems)
		})
	}
}

func prepare(t *testing.T, dir string) {
	t.Helper()
	opened, err := store.Open(t.Context(), dir)
	require.NoError(t, err)
	_, err = opened.CreateCase(t.Context(), store.NewCase{ID: "case-1", UseCase: "test", BundleHash: "b"})
	require.NoError(t, err)
	require.NoError(t, opened.Close())
}

// goOn is the next worker.
func goOn(t *testing.T, dir string, worker killedWorker, systems map[string]*conformance.Write) {
	t.Helper()
	opened, err := store.Open(t.Context(), dir)
	require.NoError(t, err)
	defer opened.Close()
	acts, err := worker.activities(opened)
	require.NoError(t, err)
	for system, write := range systems {
		write.Heal()
		in := activities.Place{Case: "case-1", Path: system, Generation: 1}
		var state store.EffectState
		for range 3 {
			_ = worker.call(acts, system)
			effect, err := opened.Effect(t.Context(), activities.EffectKey(in))
			require.NoError(t, err, system)
			if state = effect.State; state == store.EffectConfirmed || state == store.EffectUnknown {
				break
			}
		}
		switch state {
		case store.EffectConfirmed:
			require.Equal(t, 1, write.Effects(), "%s happened exactly once", system)
		case store.EffectUnknown:
			require.LessOrEqual(t, write.Effects(), 1, system)
			require.Equal(t, contracts.AtMostOnce, worker.writes[system].adapter.Operation(write.Operation).Safety.Kind, "%s could have been settled", system)
		default:
			t.Errorf("%s is %s, with %d effects", system, state, write.Effects())
		}
	}
}
