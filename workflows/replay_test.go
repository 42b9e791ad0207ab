package workflows_test

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/history/v1"
	"go.temporal.io/api/temporalproto"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/log"
	sdk "go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"

	"crosswalk/activities"
	"crosswalk/store"
	"crosswalk/usecases"
	"crosswalk/worker"
	"crosswalk/workflows"
)

// recording is a file of testdata/histories: what a released interpreter did, and the bundle that it ran. Releases add
// files; none is ever changed.
type recording struct {
	Bundle  usecases.Bundle `json:"bundle"`
	History json.RawMessage `json:"history"`
	// Others are the versions that the case was moved to, by the names that it was told.
	Others map[string]usecases.Bundle `json:"others,omitempty"`
}

const histories = "testdata/histories"

// TestReplay runs every recorded history through the interpreter as it is now. It fails when what a case did before
// would not be done again: then the change needs a new version in version.go.
func TestReplay(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob(filepath.Join(histories, "v*.json.gz"))
	require.NoError(t, err)
	require.NotEmpty(t, files, "no history to replay: record some, see record_test.go")
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			t.Parallel()
			recorded := readRecording(t, file)
			plan, problems := usecases.Compile(recorded.Bundle)
			require.NoError(t, problems.Err())
			require.NoError(t, replay(t, recorded, plan))
		})
	}
}

// TestReplayNotices shows that TestReplay would notice: another use case does not fit a recorded history.
func TestReplayNotices(t *testing.T) {
	t.Parallel()
	recorded := readRecording(t, filepath.Join(histories, "v1-call.json.gz"))
	recorded.Bundle.UseCase.Text = "usecase: test\ntitle: T\ninput: {}\nsteps:\n  - {id: a, ask: {queue: q, what: approve}}\n"
	plan, problems := usecases.Compile(recorded.Bundle)
	require.NoError(t, problems.Err())
	require.ErrorContains(t, replay(t, recorded, plan), "TMPRL1100")
}

// TestReplayLeavesNewerCasesAlone: a worker that finds a case on which a newer one has worked fails the workflow task and
// never the case, so that Temporal gives it to a worker that is up to date.
func TestReplayLeavesNewerCasesAlone(t *testing.T) {
	t.Parallel()
	recorded := readRecording(t, filepath.Join(histories, "v1-call.json.gz"))
	found, err := client.HistoryFromJSON(bytes.NewReader(recorded.History), client.HistoryJSONOptions{})
	require.NoError(t, err)
	changed := false
	for _, event := range found.Events {
		for _, of := range event.GetMarkerRecordedEventAttributes().GetDetails() {
			for _, payload := range of.Payloads {
				if newer := bytes.Replace(payload.Data, []byte(`"engine":1`), []byte(`"engine":99`), 1); !bytes.Equal(newer, payload.Data) {
					payload.Data, changed = newer, true
				}
			}
		}
	}
	require.True(t, changed)
	recorded.History, err = temporalproto.CustomJSONMarshalOptions{}.Marshal(found)
	require.NoError(t, err)
	plan, problems := usecases.Compile(recorded.Bundle)
	require.NoError(t, problems.Err())
	require.ErrorContains(t, replay(t, recorded, plan), "the case was worked on by version 99 of the interpreter; this worker knows versions up to")
}

// replay runs a history again. The case id is part of what it ran with: the ids of tasks derive from it.
func replay(t *testing.T, recorded recording, plan *usecases.Plan) error {
	t.Helper()
	return replayWith(t, nil, recorded, plan)
}

// replayWith replays a history whose large payloads lie in a store.
func replayWith(t *testing.T, payloads *store.Store, recorded recording, plan *usecases.Plan) error {
	t.Helper()
	replayer, err := worker.NewReplayer(&workflows.Interpreter{Plans: recordedPlans(t, recorded, plan), Routes: noRoutes{}}, payloads)
	require.NoError(t, err)
	found, err := client.HistoryFromJSON(bytes.NewReader(recorded.History), client.HistoryJSONOptions{})
	require.NoError(t, err)
	id := found.Events[0].GetWorkflowExecutionStartedEventAttributes().GetWorkflowId()
	require.NotEmpty(t, id)
	return replayer.ReplayWorkflowHistoryWithOptions(log.NewStructuredLogger(slog.New(slog.DiscardHandler)), found,
		sdk.ReplayWorkflowHistoryOptions{OriginalExecution: workflow.Execution{ID: id}})
}

// recordedPlans knows the bundle that the case began with and those that it was moved to.
func recordedPlans(t *testing.T, recorded recording, plan *usecases.Plan) onePlan {
	t.Helper()
	plans := onePlan{plan: plan, others: map[string]*usecases.Plan{}}
	for name, bundle := range recorded.Others {
		other, problems := usecases.Compile(bundle)
		require.NoError(t, problems.Err())
		plans.others[name] = other
	}
	return plans
}

type onePlan struct {
	plan   *usecases.Plan
	others map[string]*usecases.Plan
}

func (p onePlan) Plan(hash string) (*usecases.Plan, bool) {
	if other, ok := p.others[hash]; ok {
		return other, true
	}
	return p.plan, true
}

// noRoutes must not be asked: routes are in the history.
type noRoutes struct{}

func (noRoutes) Routes(system, operation string) []activities.Route {
	panic(fmt.Sprintf("a replay asked for a route to %s.%s", system, operation))
}

func readRecording(t *testing.T, file string) recording {
	t.Helper()
	packed, err := os.Open(file)
	require.NoError(t, err)
	defer packed.Close()
	unpacked, err := gzip.NewReader(packed)
	require.NoError(t, err)
	text, err := io.ReadAll(unpacked)
	require.NoError(t, err)
	var recorded recording
	require.NoError(t, json.Unmarshal(text, &recorded))
	return recorded
}

func writeRecording(t *testing.T, name string, bundle usecases.Bundle, events []*history.HistoryEvent, others map[string]usecases.Bundle) {
	t.Helper()
	text, err := temporalproto.CustomJSONMarshalOptions{}.Marshal(&history.History{Events: events})
	require.NoError(t, err)
	whole, err := json.Marshal(recording{Bundle: bundle, History: text, Others: others})
	require.NoError(t, err)
	var packed bytes.Buffer
	pack := gzip.NewWriter(&packed)
	_, err = pack.Write(whole)
	require.NoError(t, err)
	require.NoError(t, pack.Close())
	require.NoError(t, os.MkdirAll(histories, 0o755))
	require.NoError(t, os.WriteFile(filepath.Join(histories, name+".json.gz"), packed.Bytes(), 0o644))
}

func historyOf(t *testing.T, c client.Client, id string) []*history.HistoryEvent {
	t.Helper()
	var events []*history.HistoryEvent
	found := c.GetWorkflowHistory(t.Context(), id, "", false, enumspb.HISTORY_EVENT_FILTER_TYPE_ALL_EVENT)
	for found.HasNext() {
		event, err := found.Next()
		require.NoError(t, err)
		events = append(events, event)
	}
	return events
}
