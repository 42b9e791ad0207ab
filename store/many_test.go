package store

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// What people and programs look at is found while ten thousand cases are open, each with a task; the log says how fast.
// The bench holds it to a second.
func TestTenThousandOpenCases(t *testing.T) {
	t.Parallel()
	const count = 10_000
	s, err := openTest(t)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.Close()) })
	ctx := t.Context()
	const batch = 1000
	for from := 0; from < count; from += batch {
		require.NoError(t, s.write(ctx, "many cases", func(tx session) error {
			for i := from; i < from+batch; i++ {
				made, err := s.createCase(ctx, tx, NewCase{UseCase: "complaint", BundleHash: "b", Title: fmt.Sprintf("Kettle %d of Jane", i), ContactKeys: []string{fmt.Sprintf("email:%d@example.com", i)}})
				if err == nil {
					_, err = tx.exec(ctx, "UPDATE cases SET state = ?, waiting_for = ?, waiting_since = ? WHERE id = ?", CaseWaiting, "complaints", s.now(), made.ID)
				}
				if err == nil {
					_, err = s.insertTask(ctx, tx, Task{ID: made.ID + "-task", CaseID: made.ID, StepPath: "solve", Kind: TaskComplete, Queue: "complaints", Title: made.Title, Payload: []byte(`{}`), DueAt: s.now().Add(time.Duration(i) * time.Minute)})
				}
				if err != nil {
					return err
				}
			}
			return nil
		}))
	}
	someone := Actor{User: "ann@example.com", Queues: []string{"complaints"}, Roles: []string{"agent"}}
	for what, look := range map[string]func() (int, error){
		"the first page of cases": func() (int, error) { found, err := s.Cases(ctx, CaseFilter{Limit: 51}); return len(found), err },
		"a late page of cases": func() (int, error) {
			found, err := s.Cases(ctx, CaseFilter{Limit: 51, Offset: 9000})
			return len(found), err
		},
		"all that wait for long": func() (int, error) {
			found, err := s.Cases(ctx, CaseFilter{Waiting: true, WaitsSince: s.now(), Limit: 51})
			return len(found), err
		},
		"how many wait": func() (int, error) { return s.CountCases(ctx, CaseFilter{Waiting: true}) },
		"a search for words": func() (int, error) {
			found, err := s.Cases(ctx, CaseFilter{Text: "kettle 4711", Limit: 51})
			return len(found), err
		},
		"the cases of a contact": func() (int, error) {
			found, err := s.Cases(ctx, CaseFilter{Contact: "email:77@example.com"})
			return len(found), err
		},
		"somebody's tasks": func() (int, error) {
			found, err := s.Tasks(ctx, TaskFilter{Visible: &someone, Open: true, Limit: 51})
			return len(found), err
		},
		"a search among tasks": func() (int, error) {
			found, err := s.Tasks(ctx, TaskFilter{Visible: &someone, Open: true, Text: "kettle 4711", Limit: 51})
			return len(found), err
		},
		"the queues": func() (int, error) {
			found, err := s.CountTasks(ctx, TaskFilter{Visible: &someone, Open: true})
			return len(found), err
		},
		"a thousand cases": func() (int, error) { found, err := s.Cases(ctx, CaseFilter{Limit: 1000}); return len(found), err },
	} {
		begun := time.Now()
		found, err := look()
		require.NoError(t, err, what)
		require.NotZero(t, found, what)
		t.Logf("%-26s %s", what, time.Since(begun).Round(100*time.Microsecond))
	}
}
