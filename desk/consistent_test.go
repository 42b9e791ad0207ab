package desk

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"crosswalk/store"
)

// TestTaskNeverStandsWithoutItsDecisions reads cases while they come to wait for a person. What a case has found out
// is stored before its task: whoever sees the task sees that too.
func TestTaskNeverStandsWithoutItsDecisions(t *testing.T) {
	t.Parallel()
	s, ctx := newScene(t, ""), t.Context()
	seen := 0
	for i := range 60 {
		created, err := s.Store.CreateCase(ctx, store.NewCase{UseCase: "complaint"})
		require.NoError(t, err)
		written := make(chan error, 1)
		go func() {
			err := s.Store.WriteRecord(ctx, store.Record{CaseID: created.ID, Decisions: []store.Decision{{Path: "resolution", Generation: 1, Table: "resolution", Row: "1", Facts: []byte(`{}`), Outputs: []byte(`{}`)}}})
			if err == nil {
				_, err = s.Store.OpenTask(ctx, store.Task{ID: fmt.Sprint("t", i), CaseID: created.ID, StepPath: "solve", Generation: 1, Kind: store.TaskComplete, Queue: "complaints", Title: "Solve", Payload: []byte(`{}`)})
			}
			written <- err
		}()
		for read := false; !read; {
			data, err := s.caseData(ctx, created.ID)
			require.NoError(t, err)
			if read = len(data.Tasks) > 0; read {
				seen++
				require.Len(t, data.Decisions, 1)
			}
		}
		require.NoError(t, <-written)
	}
	require.Equal(t, 60, seen)
}
