package engine_test

import (
	"context"
	"database/sql"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/temporal"

	"crosswalk/e2e/postgres"
	"crosswalk/engine"
)

func TestStateInPostgres(t *testing.T) {
	t.Parallel()
	server, err := postgres.Start(t.Context())
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, server.Stop()) })
	dsn, err := server.Create(t.Context(), "engine")
	require.NoError(t, err)
	stage := temporal.NewSearchAttributeKeyKeyword("CrosswalkStage")
	options := engine.Options{Database: dsn, NoUI: true, SearchAttributes: map[string]enumspb.IndexedValueType{stage.GetName(): enumspb.INDEXED_VALUE_TYPE_KEYWORD}}
	first, err := engine.Start(t.Context(), options)
	require.NoError(t, err)
	_, err = engine.Start(t.Context(), options)
	require.ErrorContains(t, err, "another engine works on it")

	c := dial(t, first)
	w := work(t, c)
	_, err = c.ExecuteWorkflow(t.Context(), client.StartWorkflowOptions{ID: "waits", TaskQueue: queue, TypedSearchAttributes: temporal.NewSearchAttributes(stage.ValueSet("asked"))}, "ask")
	require.NoError(t, err)
	_, err = c.QueryWorkflow(t.Context(), "waits", "", client.QueryTypeStackTrace)
	require.NoError(t, err, "an answer means that it waits for its signal")
	require.Eventually(t, func() bool {
		found, err := c.ListWorkflow(t.Context(), &workflowservice.ListWorkflowExecutionsRequest{Query: "CrosswalkStage = 'asked'"})
		return err == nil && len(found.Executions) == 1
	}, time.Minute, 50*time.Millisecond, "it is found by its search attribute")
	w.Stop()
	require.NoError(t, first.Stop(context.Background()))

	second := start(t, options)
	c = dial(t, second)
	defer work(t, c).Stop()
	require.NoError(t, c.SignalWorkflow(t.Context(), "waits", "", "answer", "forty-two"))
	var text string
	require.NoError(t, c.GetWorkflow(t.Context(), "waits", "").Get(t.Context(), &text))
	require.Equal(t, "forty-two", text, "the waiting one goes on")

	db, err := sql.Open("pgx", dsn)
	require.NoError(t, err)
	defer db.Close()
	_, err = db.ExecContext(t.Context(), "UPDATE temporal.schema_version SET curr_version = '99.0'")
	require.NoError(t, err)
	require.NoError(t, second.Stop(context.Background()))
	_, err = engine.Start(t.Context(), options)
	require.ErrorContains(t, err, "use the newer program")
}

func TestAnAddressThatIsNoneDoesNotShowItsPassword(t *testing.T) {
	t.Parallel()
	_, err := engine.Start(t.Context(), engine.Options{Database: "postgres://me:hunter2@host:port/x"})
	require.Error(t, err)
	require.NotContains(t, err.Error(), "hunter2")
}
