package worker_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"crosswalk/store"
	"crosswalk/worker"
)

const twoTasks = `
usecase: assign
title: Two tasks
input: {text: {type: string, required: true}}
steps:
  - {id: first, ask: {queue: front-desk, what: complete, outcomes: [solved]}}
  - {id: word, set: {value: '${input.text}'}}
  - {id: second, ask: {queue: front-desk, what: complete, outcomes: [solved]}}
  - {end: {result: {word: '${word}'}}}
`

// TestTwoOperatorsAtOnce has two people do something about one case at the same moment, each pair of acts several times:
// whoever came first, the case comes to its end, each wish is done or refused with a reason, and what is told of the case is
// what was done.
func TestTwoOperatorsAtOnce(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.write("usecases/assign.yaml", twoTasks)
	h.publish()
	h.work()
	corrected := json.RawMessage(`{"value": "corrected"}`)
	acts := []store.Repair{{Act: store.ActRedo, Step: "first"}, {Act: store.ActRedo, Step: "word", Body: corrected}, {Act: store.ActRedo, Step: "second"}, {Act: store.ActCancel, Body: json.RawMessage(`{"undo": false}`)},
		{Act: store.ActAnswer}}
	slots := make(chan struct{}, 8)
	for a := range acts {
		for b := a; b < len(acts); b++ {
			for round := range 3 {
				t.Run(fmt.Sprintf("%s %s and %s %s, %d", acts[a].Act, acts[a].Step, acts[b].Act, acts[b].Step, round), func(t *testing.T) {
					t.Parallel()
					slots <- struct{}{}
					defer func() { <-slots }()
					mine := *h
					mine.t = t
					mine.atOnce(t, acts[a], acts[b])
				})
			}
		}
	}
}

// tooLate says that somebody else has answered, or ended, what was to be answered.
func tooLate(err error) bool {
	for _, said := range []error{store.ErrAnswered, store.ErrTaskClosed, store.ErrStaleVersion, store.ErrCaseEnded, worker.ErrEnded} {
		if errors.Is(err, said) {
			return true
		}
	}
	return false
}

func (h *house) atOnce(t *testing.T, acts ...store.Repair) {
	made := h.begin("assign", `{"text": "as told"}`)
	h.solves(made.ID, "first", "solved")
	task := h.open(made.ID, "second")
	asked, problems := make([]store.Repair, len(acts)), make([]error, len(acts))
	var group sync.WaitGroup
	start := make(chan struct{})
	for i, act := range acts {
		act.CaseID, act.Who = made.ID, fmt.Sprint("operator-", i)
		group.Go(func() {
			<-start
			if act.Act == store.ActAnswer {
				var done store.Task
				done, problems[i] = h.store.Answer(t.Context(), task.ID, task.Version, store.Actor{User: act.Who, All: true}, "done", json.RawMessage(`{"outcome": "solved"}`))
				if problems[i] == nil {
					problems[i] = h.worker.Cases().Deliver(t.Context(), done)
				}
				return
			}
			if asked[i], problems[i] = h.store.AskRepair(t.Context(), act); problems[i] == nil {
				_, problems[i] = h.worker.Cases().Repair(t.Context(), asked[i])
			}
		})
	}
	close(start)
	group.Wait()
	var said []string
	for i := range acts {
		if err := problems[i]; err != nil && !tooLate(err) {
			said = append(said, fmt.Sprintf("%s: %v", acts[i].Act, err))
		}
	}
	require.Empty(t, said)
	require.Eventually(t, func() bool { // whatever is asked again is answered
		open, err := h.store.Tasks(t.Context(), store.TaskFilter{CaseID: made.ID, Open: true})
		require.NoError(t, err)
		for _, one := range open {
			done, err := h.store.Answer(t.Context(), one.ID, one.Version, store.Actor{User: "ada@example.com", All: true}, "done", json.RawMessage(`{"outcome": "solved"}`))
			if err == nil {
				err = h.worker.Cases().Deliver(t.Context(), done)
			}
			if err != nil {
				require.True(t, tooLate(err), err)
			}
		}
		of := h.stored(made.ID)
		return of.Ended()
	}, time.Minute, 20*time.Millisecond)

	redone, cancelled, tooLateToCancel, correction, anew := 0, false, false, false, false
	for _, one := range asked {
		if one.ID == "" {
			continue
		}
		found, err := h.store.Repair(t.Context(), one.ID)
		require.NoError(t, err)
		require.NotEqual(t, store.RepairAsked, found.State, found.Act)
		require.Equal(t, found.State == store.RepairRefused, found.Problem != "", found.Problem)
		switch {
		case found.State != store.RepairDone:
			tooLateToCancel = tooLateToCancel || found.Act == store.ActCancel
		case found.Act == store.ActCancel:
			cancelled = true
		default:
			redone++
			correction, anew = correction || found.Step == "word", anew || found.Step == "first"
		}
	}
	ended := h.stored(made.ID)
	events, err := h.store.Timeline(t.Context(), made.ID)
	require.NoError(t, err)
	told := 0
	for _, event := range events {
		if event.Kind == "redo" {
			told++
		}
	}
	require.Equal(t, redone, told, "%+v", events)
	require.Equal(t, cancelled, ended.State == store.CaseCancelled, ended.State)
	if cancelled || tooLateToCancel { // in the latter case Temporal may call cancelled what the store has as done
		return
	}
	want := []string{"as told"}
	switch {
	case correction && anew: // what was corrected is worked out anew behind a step that is done again, if that came later
		want = append(want, "corrected")
	case correction:
		want = []string{"corrected"}
	}
	require.Contains(t, want, h.result(made).Result.Get("word").Text())
}
