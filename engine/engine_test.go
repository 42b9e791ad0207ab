package engine_test

import (
	"bufio"
	"context"
	"database/sql"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"

	"crosswalk/engine"
)

const queue = "test"

// child makes the test program run an engine on the directory that it names, until it is killed.
const child = "CROSSWALK_TEST_ENGINE"

func TestMain(m *testing.M) {
	slog.SetDefault(slog.New(slog.DiscardHandler))
	if directory := os.Getenv(child); directory != "" {
		e, err := engine.Start(context.Background(), engine.Options{Directory: directory})
		if err != nil {
			fmt.Println(err)
			os.Exit(1)
		}
		fmt.Println(e.FrontendAddress())
		select {}
	}
	os.Exit(m.Run())
}

func start(t *testing.T, options engine.Options) *engine.Engine {
	t.Helper()
	e, err := engine.Start(t.Context(), options)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, e.Stop(context.Background())) })
	return e
}

func dial(t *testing.T, e *engine.Engine) client.Client {
	t.Helper()
	c, err := client.Dial(client.Options{HostPort: e.FrontendAddress(), Namespace: engine.DefaultNamespace, Logger: slog.New(slog.DiscardHandler)})
	require.NoError(t, err)
	t.Cleanup(c.Close)
	return c
}

// work runs a worker for two workflows: one that ends at once and one that waits for a signal.
func work(t *testing.T, c client.Client) worker.Worker {
	t.Helper()
	w := worker.New(c, queue, worker.Options{})
	w.RegisterWorkflowWithOptions(func(ctx workflow.Context, name string) (string, error) {
		return "hello " + name, nil
	}, workflow.RegisterOptions{Name: "greet"})
	w.RegisterWorkflowWithOptions(func(ctx workflow.Context) (answer string, err error) {
		workflow.GetSignalChannel(ctx, "answer").Receive(ctx, &answer)
		return answer, nil
	}, workflow.RegisterOptions{Name: "ask"})
	require.NoError(t, w.Start())
	return w
}

func TestStateOutlivesARestart(t *testing.T) {
	t.Parallel()
	options := engine.Options{Directory: filepath.Join(t.TempDir(), "data with space?")}
	began := time.Now()
	first, err := engine.Start(t.Context(), options)
	require.NoError(t, err)
	t.Logf("first start took %s", time.Since(began))

	c := dial(t, first)
	w := work(t, c)
	run, err := c.ExecuteWorkflow(t.Context(), client.StartWorkflowOptions{ID: "one", TaskQueue: queue}, "greet", "world")
	require.NoError(t, err)
	var text string
	require.NoError(t, run.Get(t.Context(), &text))
	require.Equal(t, "hello world", text)
	_, err = c.ExecuteWorkflow(t.Context(), client.StartWorkflowOptions{ID: "two", TaskQueue: queue}, "ask")
	require.NoError(t, err)
	_, err = c.QueryWorkflow(t.Context(), "two", "", client.QueryTypeStackTrace)
	require.NoError(t, err, "an answer means that it waits for its signal")
	w.Stop()
	began = time.Now()
	require.NoError(t, first.Stop(t.Context()))
	t.Logf("stop took %s", time.Since(began))

	began = time.Now()
	second := start(t, options)
	t.Logf("second start took %s", time.Since(began))
	require.Equal(t, first.FrontendAddress(), second.FrontendAddress(), "ports are kept")
	require.Equal(t, first.UIAddress(), second.UIAddress(), "ports are kept")
	c = dial(t, second)
	defer work(t, c).Stop()
	require.NoError(t, c.GetWorkflow(t.Context(), "one", "").Get(t.Context(), &text))
	require.Equal(t, "hello world", text, "the finished one is still there")
	require.NoError(t, c.SignalWorkflow(t.Context(), "two", "", "answer", "forty-two"))
	require.NoError(t, c.GetWorkflow(t.Context(), "two", "").Get(t.Context(), &text))
	require.Equal(t, "forty-two", text, "the waiting one goes on")
}

func TestKilledEngineComesBack(t *testing.T) {
	t.Parallel()
	directory := t.TempDir()
	process := exec.CommandContext(t.Context(), os.Args[0])
	process.Env = append(os.Environ(), child+"="+directory)
	output, err := process.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, process.Start())
	address, err := bufio.NewReader(output).ReadString('\n')
	require.NoError(t, err)
	c, err := client.Dial(client.Options{HostPort: strings.TrimSpace(address), Namespace: engine.DefaultNamespace, Logger: slog.New(slog.DiscardHandler)})
	require.NoError(t, err, address)
	defer c.Close()
	_, err = engine.Start(t.Context(), engine.Options{Directory: directory})
	require.ErrorContains(t, err, fmt.Sprintf("in use by process %d", process.Process.Pid))
	for n := range 20 {
		_, err = c.ExecuteWorkflow(t.Context(), client.StartWorkflowOptions{ID: fmt.Sprint("case-", n), TaskQueue: queue}, "ask")
		require.NoError(t, err)
	}
	require.NoError(t, process.Process.Kill())
	require.Error(t, process.Wait())

	e := start(t, engine.Options{Directory: directory})
	require.Equal(t, strings.TrimSpace(address), e.FrontendAddress())
	c = dial(t, e)
	defer work(t, c).Stop()
	for n := range 20 {
		id := fmt.Sprint("case-", n)
		require.NoError(t, c.SignalWorkflow(t.Context(), id, "", "answer", "yes"))
		require.NoError(t, c.GetWorkflow(t.Context(), id, "").Get(t.Context(), nil))
	}
}

func TestCommitsAreDurable(t *testing.T) {
	t.Parallel()
	directory := t.TempDir()
	start(t, engine.Options{Directory: directory, NoUI: true})
	for _, name := range []string{"temporal", "visibility"} {
		db, err := sql.Open("sqlite", "file:"+filepath.Join(directory, name+".db"))
		require.NoError(t, err)
		var answer, mode string
		// What the server's own connection answered, and what the file says to anybody.
		require.NoError(t, db.QueryRow("SELECT curr_version FROM schema_version WHERE db_name = 'pragmas'").Scan(&answer))
		require.Equal(t, "wal 2", answer)
		require.NoError(t, db.QueryRow("PRAGMA journal_mode").Scan(&mode))
		require.Equal(t, "wal", mode)
		require.NoError(t, db.Close())
		info, err := os.Stat(filepath.Join(directory, name+".db"))
		require.NoError(t, err)
		require.Equal(t, os.FileMode(0o600), info.Mode().Perm(), "histories hold what customers wrote")
	}
}

// A server runs on when nobody refers to its Engine any more, and so must the lock of its directory.
func TestLockOutlivesGarbageCollection(t *testing.T) {
	t.Parallel()
	directory := t.TempDir()
	_, err := engine.Hold(directory)
	require.NoError(t, err)
	for range 3 {
		runtime.GC()
	}
	_, err = engine.Hold(directory)
	require.ErrorContains(t, err, "in use")
}

func TestSecondInstanceIsRefused(t *testing.T) {
	t.Parallel()
	directory := t.TempDir()
	start(t, engine.Options{Directory: directory, NoUI: true})
	_, err := engine.Start(t.Context(), engine.Options{Directory: directory})
	require.ErrorContains(t, err, fmt.Sprintf("%s is in use by process %d", directory, os.Getpid()))
}

func TestTakenAddressIsRefused(t *testing.T) {
	t.Parallel()
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer taken.Close()
	_, err = engine.Start(t.Context(), engine.Options{FrontendAddress: taken.Addr().String()})
	require.ErrorContains(t, err, "address of the Temporal server")
	_, err = engine.Start(t.Context(), engine.Options{UIAddress: taken.Addr().String()})
	require.ErrorContains(t, err, "address of the Temporal UI")
	_, err = engine.Start(t.Context(), engine.Options{UIAddress: ":8080"})
	require.ErrorContains(t, err, "names no host")
}

func TestSearchAttributesAndRetention(t *testing.T) {
	t.Parallel()
	options := engine.Options{Directory: t.TempDir(), NoUI: true, SearchAttributes: map[string]enumspb.IndexedValueType{
		"CrosswalkUseCase": enumspb.INDEXED_VALUE_TYPE_KEYWORD,
		"CrosswalkStage":   enumspb.INDEXED_VALUE_TYPE_KEYWORD,
	}}
	first, err := engine.Start(t.Context(), options)
	require.NoError(t, err)
	require.Equal(t, engine.DefaultRetention, retention(t, dial(t, first)))
	require.NoError(t, first.Stop(t.Context()))

	// A newer version wants one more and keeps closed workflows longer.
	options.SearchAttributes["CrosswalkWaitingFor"] = enumspb.INDEXED_VALUE_TYPE_KEYWORD
	options.Retention = 60 * 24 * time.Hour
	second, err := engine.Start(t.Context(), options)
	require.NoError(t, err)
	c := dial(t, second)
	require.Equal(t, options.Retention, retention(t, c))
	waiting := temporal.NewSearchAttributeKeyKeyword("CrosswalkWaitingFor")
	stage := temporal.NewSearchAttributeKeyKeyword("CrosswalkStage")
	_, err = c.ExecuteWorkflow(t.Context(), client.StartWorkflowOptions{ID: "case", TaskQueue: queue,
		TypedSearchAttributes: temporal.NewSearchAttributes(stage.ValueSet("warranty"), waiting.ValueSet("system crm"))}, "ask")
	require.NoError(t, err)
	require.Eventually(t, func() bool {
		found, err := c.ListWorkflow(t.Context(), &workflowservice.ListWorkflowExecutionsRequest{
			Query: "CrosswalkWaitingFor = 'system crm' AND CrosswalkStage = 'warranty' AND ExecutionStatus = 'Running'"})
		return err == nil && len(found.GetExecutions()) == 1
	}, time.Minute, 20*time.Millisecond)

	require.NoError(t, second.Stop(t.Context()))

	// Whoever does not say how long leaves it as it is.
	wanted := options.Retention
	options.Retention = 0
	third, err := engine.Start(t.Context(), options)
	require.NoError(t, err)
	require.Equal(t, wanted, retention(t, dial(t, third)))
	require.NoError(t, third.Stop(t.Context()))

	options.SearchAttributes["CrosswalkStage"] = enumspb.INDEXED_VALUE_TYPE_INT
	_, err = engine.Start(t.Context(), options)
	require.ErrorContains(t, err, "CrosswalkStage is registered as Keyword, wanted is Int")
}

func retention(t *testing.T, c client.Client) time.Duration {
	t.Helper()
	namespace, err := c.WorkflowService().DescribeNamespace(t.Context(), &workflowservice.DescribeNamespaceRequest{Namespace: engine.DefaultNamespace})
	require.NoError(t, err)
	return namespace.GetConfig().GetWorkflowExecutionRetentionTtl().AsDuration()
}

func TestUI(t *testing.T) {
	t.Parallel()
	e := start(t, engine.Options{})
	for path, wanted := range map[string]string{
		"/":                                      "<html",
		"/healthz":                               "OK",
		"/api/v1/settings":                       `"DefaultNamespace":"crosswalk"`,
		"/api/v1/namespaces/crosswalk/workflows": "{",
	} {
		status, body := get(t, e.UIAddress(), path, e.UIAddress())
		require.Equal(t, http.StatusOK, status, path)
		require.Contains(t, body, wanted, path)
	}
	status, _ := get(t, e.UIAddress(), "/", "evil.example")
	require.Equal(t, http.StatusMisdirectedRequest, status, "a foreign name that points at this machine")
}

func get(t *testing.T, address, path, host string) (int, string) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+address+path, nil)
	require.NoError(t, err)
	request.Host = host
	response, err := http.DefaultClient.Do(request)
	require.NoError(t, err)
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	require.NoError(t, err)
	return response.StatusCode, string(body)
}

func TestSchemaVersions(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct{ change, wanted string }{
		"older is migrated": {"DROP TABLE current_chasm_executions; UPDATE schema_version SET curr_version = '0.10' WHERE db_name = 'temporal'", ""},
		"newer is refused":  {"UPDATE schema_version SET curr_version = '99.0' WHERE db_name = 'temporal'", "newer version of Temporal"},
		"unknown":           {"UPDATE schema_version SET curr_version = 'x' WHERE db_name = 'temporal'", `unknown schema version "x"`},
		"foreign":           {"DROP TABLE schema_version", "tables of unknown origin"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			options := engine.Options{Directory: t.TempDir(), NoUI: true}
			first, err := engine.Start(t.Context(), options)
			require.NoError(t, err)
			require.NoError(t, first.Stop(t.Context()))
			db, err := sql.Open("sqlite", "file:"+filepath.Join(options.Directory, "temporal.db"))
			require.NoError(t, err)
			defer db.Close()
			_, err = db.Exec(test.change)
			require.NoError(t, err)

			second, err := engine.Start(t.Context(), options)
			if test.wanted != "" {
				require.ErrorContains(t, err, test.wanted)
				return
			}
			require.NoError(t, err)
			require.NoError(t, second.Stop(t.Context()))
			var version string
			require.NoError(t, db.QueryRow("SELECT curr_version FROM schema_version WHERE db_name = 'temporal' AND EXISTS (SELECT 1 FROM sqlite_master WHERE name = 'current_chasm_executions')").Scan(&version))
			require.NotEqual(t, "0.10", version)
			copies, err := filepath.Glob(filepath.Join(options.Directory, "temporal.db.before-*"))
			require.NoError(t, err)
			require.Len(t, copies, 1, strings.Join(copies, " "))
		})
	}
}
