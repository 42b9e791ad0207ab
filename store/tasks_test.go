package store

import (
	"encoding/json"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

var (
	ann  = Actor{User: "ann", Queues: []string{"support"}}
	bo   = Actor{User: "bo", Queues: []string{"support"}}
	carl = Actor{User: "carl", Queues: []string{"sales"}, Roles: []string{"approver"}}
	lead = Actor{User: "lead", All: true}
)

func work(id string) Task {
	return Task{ID: id, CaseID: "c1", StepPath: "solve", Kind: TaskComplete, Queue: "support", Title: "Broken lamp", Language: "de",
		Payload: json.RawMessage(`{"value":10}`)}
}

func approval(id string) Task {
	task := work(id)
	task.Kind, task.Queue, task.Role, task.Requester = TaskApprove, "", "approver", "ann"
	return task
}

func open(t *testing.T, s *Store, task Task) Task {
	t.Helper()
	opened, err := s.OpenTask(t.Context(), task)
	require.NoError(t, err)
	return opened
}

func TestOpenTaskTwiceIsOneTask(t *testing.T) {
	t.Parallel()
	s, c := testStore(t)
	ctx := t.Context()
	first := open(t, s, work("t1"))
	require.Equal(t, 1, first.Version)
	require.Equal(t, TaskOpen, first.State)
	require.Equal(t, first, open(t, s, work("t1")))
	claimed, err := s.ClaimTask(ctx, "t1", 1, ann)
	require.NoError(t, err)
	require.NoError(t, s.SetTaskExternal(ctx, "t1", External{System: "support", ID: "4711", URL: "https://example.com/4711"}))

	changed := work("t1")
	changed.Payload, changed.DueAt = json.RawMessage(`{"value":900}`), c.Now().Add(time.Hour)
	refreshed := open(t, s, changed)
	require.Equal(t, claimed.Version+1, refreshed.Version)
	require.Equal(t, "ann", refreshed.ClaimedBy)
	require.Equal(t, "4711", refreshed.External.ID)
	stored, err := s.TaskByExternal(ctx, "support", "4711")
	require.NoError(t, err)
	require.Equal(t, refreshed, stored)

	_, err = s.Answer(ctx, "t1", refreshed.Version, ann, "accepted", nil)
	require.NoError(t, err)
	require.Equal(t, TaskAnswered, open(t, s, work("t1")).State) // too late
	_, err = s.Task(ctx, "t2")
	require.ErrorIs(t, err, ErrNotFound)
	require.ErrorIs(t, s.SetTaskExternal(ctx, "t2", External{}), ErrNotFound)
}

func TestWhoMayAct(t *testing.T) {
	t.Parallel()
	assigned, inRole, free := work("t"), approval("t"), work("t")
	assigned.Assignee = "dora"
	inRole.Assignee = "dora"
	free.Queue = ""
	for name, test := range map[string]struct {
		task Task
		who  Actor
		may  bool
	}{
		"member of the queue":         {work("t"), ann, true},
		"of another queue":            {work("t"), carl, false},
		"lead":                        {work("t"), lead, true},
		"assignee":                    {assigned, Actor{User: "dora"}, true},
		"others, though assigned":     {assigned, ann, true},
		"has the role":                {inRole, carl, true},
		"has not the role":            {inRole, ann, false},
		"assignee without the role":   {inRole, Actor{User: "dora"}, false},
		"a task of nobody particular": {free, carl, true},
	} {
		require.Equal(t, test.may, test.who.May(&test.task), name)
	}
}

func TestActsThatAreRefused(t *testing.T) {
	t.Parallel()
	claim := func(s *Store, version int, who Actor) error {
		_, err := s.ClaimTask(t.Context(), "t1", version, who)
		return err
	}
	answer := func(s *Store, version int, who Actor) error {
		_, err := s.Answer(t.Context(), "t1", version, who, "accepted", json.RawMessage(`{}`))
		return err
	}
	release := func(s *Store, version int, who Actor) error {
		_, err := s.ReleaseTask(t.Context(), "t1", version, who)
		return err
	}
	reassign := func(s *Store, version int, who Actor) error {
		_, err := s.ReassignTask(t.Context(), "t1", version, who, "bo", "")
		return err
	}
	cancel := func(s *Store, _ int, _ Actor) error { return s.CloseTask(t.Context(), "t1", TaskCancelled) }
	type act struct {
		do      func(*Store, int, Actor) error
		version int
		who     Actor
		want    error
	}
	for name, test := range map[string]struct {
		task Task
		acts []act
	}{
		"claim, answer":               {work("t1"), []act{{claim, 1, ann, nil}, {claim, 1, ann, nil}, {answer, 2, ann, nil}, {answer, 2, ann, ErrAnswered}}},
		"stale":                       {work("t1"), []act{{claim, 2, ann, ErrStaleVersion}, {answer, 0, ann, ErrStaleVersion}, {reassign, 7, ann, ErrStaleVersion}}},
		"claimed by another":          {work("t1"), []act{{claim, 1, ann, nil}, {claim, 2, bo, ErrClaimed}, {answer, 2, bo, ErrClaimed}, {release, 2, bo, ErrClaimed}}},
		"a lead takes over":           {work("t1"), []act{{claim, 1, ann, nil}, {answer, 2, lead, nil}, {claim, 2, ann, ErrAnswered}}},
		"released":                    {work("t1"), []act{{release, 1, ann, nil}, {claim, 1, ann, nil}, {release, 1, ann, ErrStaleVersion}, {release, 2, ann, nil}, {claim, 3, bo, nil}}},
		"reassigned":                  {work("t1"), []act{{claim, 1, ann, nil}, {reassign, 2, bo, nil}, {claim, 3, bo, nil}}},
		"wrong queue":                 {work("t1"), []act{{claim, 1, carl, ErrNotAllowed}, {answer, 1, carl, ErrNotAllowed}}},
		"nobody":                      {work("t1"), []act{{claim, 1, Actor{All: true}, ErrNotAllowed}}},
		"four eyes":                   {approval("t1"), []act{{answer, 1, Actor{User: "ann", Roles: []string{"approver"}}, ErrFourEyes}, {claim, 1, Actor{User: "ann", All: true}, ErrFourEyes}, {answer, 1, Actor{User: "ann", All: true}, ErrFourEyes}, {answer, 1, carl, nil}}},
		"no role":                     {approval("t1"), []act{{answer, 1, bo, ErrNotAllowed}}},
		"cancelled":                   {work("t1"), []act{{cancel, 0, ann, nil}, {claim, 2, ann, ErrTaskClosed}, {answer, 2, ann, ErrTaskClosed}}},
		"an answer is not cancelled":  {work("t1"), []act{{answer, 1, ann, nil}, {cancel, 0, ann, nil}, {answer, 1, bo, ErrAnswered}}},
		"no rights learn no answerer": {work("t1"), []act{{answer, 1, ann, nil}, {answer, 1, carl, ErrNotAllowed}}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, _ := testStore(t)
			open(t, s, test.task)
			for i, a := range test.acts {
				require.ErrorIs(t, a.do(s, a.version, a.who), a.want, "act %d", i)
			}
		})
	}
	s, _ := testStore(t)
	require.ErrorIs(t, claim(s, 1, ann), ErrNotFound)
	require.Error(t, s.CloseTask(t.Context(), "t1", TaskAnswered))
}

func TestOneAnswerWins(t *testing.T) {
	t.Parallel()
	s, _ := testStore(t)
	open(t, s, work("t1"))
	var won atomic.Int64
	var winner atomic.Value
	losers := make([]error, 50)
	parallel(len(losers), func(i int) {
		who := Actor{User: fmt.Sprint("agent", i), Queues: []string{"support"}}
		answered, err := s.Answer(t.Context(), "t1", 1, who, "accepted", json.RawMessage(fmt.Sprint(i)))
		if err == nil {
			won.Add(1)
			winner.Store(answered.AnsweredBy)
		}
		losers[i] = err
	})
	require.Equal(t, int64(1), won.Load())
	stored, err := s.Task(t.Context(), "t1")
	require.NoError(t, err)
	require.Equal(t, winner.Load(), stored.AnsweredBy)
	for _, err := range losers {
		if err == nil {
			continue
		}
		var refused *TaskError
		require.ErrorAs(t, err, &refused)
		require.ErrorIs(t, err, ErrAnswered)
		require.Equal(t, stored, refused.Task)
		require.ErrorContains(t, err, stored.AnsweredBy)
	}
}

func TestOneClaimWins(t *testing.T) {
	t.Parallel()
	s, _ := testStore(t)
	open(t, s, work("t1"))
	var won atomic.Int64
	parallel(20, func(i int) {
		if _, err := s.ClaimTask(t.Context(), "t1", 1, Actor{User: fmt.Sprint(i), Queues: []string{"support"}}); err == nil {
			won.Add(1)
		}
	})
	require.Equal(t, int64(1), won.Load())
}

func TestUndeliveredAnswers(t *testing.T) {
	t.Parallel()
	s, c := testStore(t)
	ctx := t.Context()
	for _, id := range []string{"t1", "t2", "t3"} {
		open(t, s, work(id))
	}
	for _, id := range []string{"t1", "t2"} {
		_, err := s.Answer(ctx, id, 1, ann, "accepted", nil)
		require.NoError(t, err)
	}
	require.NoError(t, s.MarkDelivered(ctx, "t1"))
	require.ErrorIs(t, s.MarkDelivered(ctx, "t3"), ErrNotFound)
	waiting, err := s.UndeliveredAnswers(ctx, c.Now(), 10)
	require.NoError(t, err)
	require.Len(t, waiting, 1)
	require.Equal(t, "t2", waiting[0].ID)
	waiting, err = s.UndeliveredAnswers(ctx, c.Now().Add(-time.Hour), 10)
	require.NoError(t, err)
	require.Empty(t, waiting)
}

func TestARedoSupersedesAndAnEndCancels(t *testing.T) {
	t.Parallel()
	s, _ := testStore(t)
	ctx := t.Context()
	_, err := s.CreateCase(ctx, NewCase{ID: "c1", UseCase: "complaint"})
	require.NoError(t, err)
	first, answered, again := work("first"), work("answered"), work("again")
	again.Generation = 2
	for _, task := range []Task{first, answered, again} {
		open(t, s, task)
	}
	_, err = s.Answer(ctx, "answered", 1, ann, "", nil)
	require.NoError(t, err)
	require.NoError(t, s.SupersedeTasks(ctx, "c1", "solve", 2))
	require.NoError(t, s.EndCase(ctx, "c1", End{State: CaseDone}))
	for id, want := range map[string]TaskState{"first": TaskSuperseded, "answered": TaskAnswered, "again": TaskCancelled} {
		task, err := s.Task(ctx, id)
		require.NoError(t, err)
		require.Equal(t, want, task.State, id)
		require.True(t, task.Closed())
	}
}

func TestNotes(t *testing.T) {
	t.Parallel()
	s, _ := testStore(t)
	ctx := t.Context()
	open(t, s, work("t1"))
	for _, text := range []string{"called, nobody there", "<b>called again</b>"} {
		note, err := s.AddNote(ctx, "t1", "ann", text)
		require.NoError(t, err)
		require.Equal(t, "c1", note.CaseID)
	}
	notes, err := s.Notes(ctx, "t1")
	require.NoError(t, err)
	require.Len(t, notes, 2)
	require.Equal(t, "called, nobody there", notes[0].Text)
	task, err := s.Task(ctx, "t1")
	require.NoError(t, err)
	require.Equal(t, 1, task.Version)
	_, err = s.AddNote(ctx, "none", "ann", "x")
	require.ErrorIs(t, err, ErrNotFound)
}

func TestInbox(t *testing.T) {
	t.Parallel()
	s, c := testStore(t)
	ctx := t.Context()
	_, err := s.CreateCase(ctx, NewCase{ID: "c1", UseCase: "complaint", ContactKeys: []string{"anna@example.com"}})
	require.NoError(t, err)
	now := c.Now()
	mine, late, soon, sale, approve, done := work("mine"), work("late"), work("soon"), work("sale"), approval("approve"), work("done")
	mine.Assignee = "ann"
	late.DueAt, soon.DueAt = now.Add(-time.Hour), now.Add(time.Hour)
	late.CaseID, sale.CaseID, late.Title = "c2", "c2", "Lost parcel"
	sale.Queue, sale.Language = "sales", "fr"
	soon.External.ID = "4711"
	for _, task := range []Task{mine, soon, late, sale, approve, done} {
		open(t, s, task)
	}
	_, err = s.ClaimTask(ctx, "soon", 1, bo)
	require.NoError(t, err)
	_, err = s.Answer(ctx, "done", 1, ann, "", nil)
	require.NoError(t, err)

	for name, test := range map[string]struct {
		filter TaskFilter
		want   []string
	}{
		"due first, then by age": {TaskFilter{Open: true}, []string{"late", "soon", "mine", "sale", "approve"}},
		"of an agent's queues":   {TaskFilter{Open: true, Visible: &ann}, []string{"late", "soon", "mine"}},
		"of an approver":         {TaskFilter{Open: true, Visible: &carl}, []string{"sale", "approve"}},
		"of a lead":              {TaskFilter{Open: true, Visible: &lead, Limit: 2, Offset: 3}, []string{"sale", "approve"}},
		"of somebody new":        {TaskFilter{Visible: &Actor{User: "x"}}, nil},
		"mine":                   {TaskFilter{Open: true, Person: "ann"}, []string{"mine"}},
		"claimed is mine":        {TaskFilter{Open: true, Person: "bo"}, []string{"soon"}},
		"unclaimed":              {TaskFilter{Open: true, Unclaimed: true, Queues: []string{"support"}}, []string{"late", "mine"}},
		"closed":                 {TaskFilter{States: []TaskState{TaskAnswered}}, []string{"done"}},
		"kind":                   {TaskFilter{Kinds: []TaskKind{TaskApprove, TaskRepair}}, []string{"approve"}},
		"case":                   {TaskFilter{CaseID: "c2"}, []string{"late", "sale"}},
		"language":               {TaskFilter{Language: "fr"}, []string{"sale"}},
		"overdue":                {TaskFilter{DueBefore: now}, []string{"late"}},
		"word of the title":      {TaskFilter{Text: "PARCEL lost"}, []string{"late"}},
		"word of the case":       {TaskFilter{Text: "anna@ lamp", Open: true}, []string{"soon", "mine", "approve"}},
		"id of the ticket":       {TaskFilter{Text: "4711"}, []string{"soon"}},
	} {
		t.Run(name, func(t *testing.T) {
			tasks, err := s.Tasks(ctx, test.filter)
			require.NoError(t, err)
			var ids []string
			for _, task := range tasks {
				ids = append(ids, task.ID)
			}
			require.Equal(t, test.want, ids)
			if test.filter.Visible != nil {
				for i := range tasks {
					require.True(t, test.filter.Visible.May(&tasks[i]))
				}
			}
		})
	}
	counts, err := s.CountTasks(ctx, TaskFilter{Open: true})
	require.NoError(t, err)
	require.Equal(t, []QueueCount{{"", 1, 1, 0}, {"sales", 1, 1, 0}, {"support", 3, 2, 1}}, counts)
	load, err := s.Load(ctx)
	require.NoError(t, err)
	require.Equal(t, map[string]int{"ann": 1, "bo": 1}, load)
}

// TestNobodyApprovesWhatHeShaped: whoever brought something into the case does not approve it, also if others did after him.
func TestNobodyApprovesWhatHeShaped(t *testing.T) {
	t.Parallel()
	answered := func(path, who string, kind TaskKind, answer string) func(*testing.T, *Store) {
		return func(t *testing.T, s *Store) {
			task := open(t, s, Task{ID: s.NewID(), CaseID: "c1", StepPath: path, Generation: 1, Kind: kind, Title: "before"})
			_, err := s.Answer(t.Context(), task.ID, 1, Actor{User: who, All: true}, "done", json.RawMessage(answer))
			require.NoError(t, err)
		}
	}
	repaired := func(act, step string) func(*testing.T, *Store) {
		return func(t *testing.T, s *Store) {
			_, err := s.AskRepair(t.Context(), Repair{ID: s.NewID(), CaseID: "c1", Act: act, Step: step, Who: "bo", AskedAt: time.Now()})
			require.NoError(t, err)
		}
	}
	for name, test := range map[string]struct {
		before []func(*testing.T, *Store)
		want   error
	}{
		"nothing":                        {nil, nil},
		"a form":                         {[]func(*testing.T, *Store){answered("form", "bo", TaskAnswer, `{"value": {}}`)}, ErrFourEyes},
		"a form, and others after":       {[]func(*testing.T, *Store){answered("form", "bo", TaskAnswer, `{"value": {}}`), answered("more", "cy", TaskComplete, `{}`)}, ErrFourEyes},
		"in other letters":               {[]func(*testing.T, *Store){answered("form", "BO", TaskAnswer, `{"value": {}}`)}, ErrFourEyes},
		"a value by hand":                {[]func(*testing.T, *Store){answered("call", "bo", TaskRepair, `{"act": "answer", "value": 1}`)}, ErrFourEyes},
		"tried again":                    {[]func(*testing.T, *Store){answered("call", "bo", TaskRepair, `{"act": "retry"}`)}, nil},
		"another approval":               {[]func(*testing.T, *Store){answered("first", "bo", TaskApprove, `{"approved": true}`)}, nil},
		"a redo instead of an approval":  {[]func(*testing.T, *Store){answered("first", "bo", TaskApprove, `{"act": "redo", "step": "form"}`)}, ErrFourEyes},
		"another item":                   {[]func(*testing.T, *Store){answered("lines[0].form", "bo", TaskAnswer, `{"value": {}}`)}, nil},
		"the same item":                  {[]func(*testing.T, *Store){answered("lines[1].form", "bo", TaskAnswer, `{"value": {}}`)}, ErrFourEyes},
		"an act of repair":               {[]func(*testing.T, *Store){repaired(ActRedo, "form")}, ErrFourEyes},
		"an act of repair without value": {[]func(*testing.T, *Store){repaired(ActRetry, "form")}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, _ := testStore(t)
			_, err := s.CreateCase(t.Context(), NewCase{ID: "c1", UseCase: "test"})
			require.NoError(t, err)
			for _, before := range test.before {
				before(t, s)
			}
			task := open(t, s, Task{ID: "approval", CaseID: "c1", StepPath: "lines[1].approval", Generation: 1, Kind: TaskApprove, Title: "it", Requester: "ann"})
			own, err := s.IsOwn(t.Context(), task, "bo")
			require.NoError(t, err)
			require.Equal(t, test.want != nil, own)
			_, err = s.Answer(t.Context(), "approval", 1, Actor{User: "Ann", All: true}, "approved", json.RawMessage(`{}`))
			require.ErrorIs(t, err, ErrFourEyes, "who asked for it")
			_, err = s.Answer(t.Context(), "approval", 1, Actor{User: "bo", All: true}, "approved", json.RawMessage(`{}`))
			require.ErrorIs(t, err, test.want)
		})
	}
}
