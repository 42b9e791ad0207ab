package intake

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"crosswalk/store"
	"crosswalk/workspace"
)

func TestRemindersGoToThoseWhomTheTaskIsFor(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	away := []workspace.Absence{{From: time.Date(2026, 5, 30, 0, 0, 0, 0, time.UTC), To: time.Date(2026, 6, 1, 0, 0, 0, 0, time.UTC), Deputy: "dep@nordwind.example"}}
	s.People = func() *workspace.People {
		return &workspace.People{Queues: []workspace.Queue{{Name: "support", Roles: []string{"agent"}}}, Users: []workspace.User{
			{Email: "asked@nordwind.example", Roles: []string{"lead"}}, {Email: "lead@nordwind.example", Roles: []string{"lead"}},
			{Email: "away@nordwind.example", Roles: []string{"lead"}, Absent: away}, {Email: "dep@nordwind.example"}, {Email: "agent@nordwind.example", Roles: []string{"agent"}},
		}}
	}
	s.DeskURL = func() string { return "https://desk.example" }
	receipt := s.take(t, "calls", Message{Channel: "phone", Text: "secret words", ReceivedAt: s.tell()})
	for _, task := range []store.Task{
		{ID: "by-role", CaseID: receipt.CaseID, Kind: store.TaskApprove, Role: "lead", Requester: "asked@nordwind.example", DueAt: s.tell().Add(time.Hour)},
		{ID: "by-queue", CaseID: receipt.CaseID, Kind: store.TaskComplete, Queue: "support"},
		{ID: "by-person", CaseID: receipt.CaseID, Kind: store.TaskComplete, Queue: "support", Assignee: "lead@nordwind.example"},
		{ID: "done", CaseID: receipt.CaseID, Kind: store.TaskComplete, Queue: "support"},
	} {
		_, err := s.Store.OpenTask(t.Context(), task)
		require.NoError(t, err)
		require.NoError(t, s.Store.Remind(t.Context(), task.ID, 1))
		require.NoError(t, s.Store.Remind(t.Context(), task.ID, 1))
	}
	require.NoError(t, s.Store.CloseTask(t.Context(), "done", store.TaskCancelled))
	require.NoError(t, s.remind(t.Context()))
	require.NoError(t, s.remind(t.Context()))
	mails, err := s.Store.Mails(t.Context(), receipt.CaseID)
	require.NoError(t, err)
	var to []string
	for _, mail := range mails {
		to = append(to, mail.Recipient)
		require.Contains(t, string(mail.Raw), "https://desk.example/tasks/by-")
		require.NotContains(t, string(mail.Raw), "secret words")
	}
	require.ElementsMatch(t, []string{"lead@nordwind.example", "dep@nordwind.example", "agent@nordwind.example", "lead@nordwind.example"}, to)
}
