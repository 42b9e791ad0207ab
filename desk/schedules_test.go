package desk

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"github.com/go-rod/rod"
	"github.com/go-rod/rod/lib/input"
	"github.com/stretchr/testify/require"

	"crosswalk/store"
)

// fakeSchedules stands in for the engine's schedules: it knows one, which is called weekly.
type fakeSchedules struct {
	mutex sync.Mutex
	note  string // why it is paused
	runs  int
	fail  error
}

func (f *fakeSchedules) Schedules(context.Context) ([]Schedule, error) {
	f.mutex.Lock()
	defer f.mutex.Unlock()
	day := time.Date(2026, 3, 2, 7, 0, 0, 0, time.UTC)
	one := Schedule{Name: "weekly", Kind: "schedule", Title: "Weekly report", When: "0 7 * * Mon Europe/Berlin", Does: "starts report", Paused: f.note != "", Note: f.note,
		Runs: f.runs, Skipped: 2, Next: time.Now().Add(3 * time.Hour), Recent: []ScheduleRun{}}
	for i := range min(f.runs, 5) {
		one.Recent = append(one.Recent, ScheduleRun{At: day.AddDate(0, 0, -7*i), Outcome: []string{"failed", "completed"}[min(i, 1)]})
	}
	if f.runs > 0 {
		one.Last, one.Outcome = one.Recent[0].At, one.Recent[0].Outcome
	}
	if one.Paused {
		one.Next = time.Time{}
	}
	return []Schedule{one}, f.fail
}

func (f *fakeSchedules) ActOnSchedule(_ context.Context, name, act, who, reason string) error {
	f.mutex.Lock()
	defer f.mutex.Unlock()
	if name != "weekly" {
		return ErrNoSchedule
	}
	switch act {
	case "pause":
		f.note = who + ": " + reason
	case "resume":
		f.note = ""
	case "trigger":
		f.runs++
	}
	return f.fail
}

func schedulesByHand(t *testing.T, b *rod.Browser) {
	s := newScene(t, "")
	s.Schedules.(*fakeSchedules).runs = 7
	server := httptest.NewServer(s.handler())
	t.Cleanup(server.Close)

	dan := open(t, b, server.URL, 1280)
	dan.logIn(boss)
	dan.press(input.KeyG)
	dan.sees("Weekly report", "starts report", "0 7 * * Mon Europe/Berlin", "in 2 hours", "failed", "of 7, 2 left out")
	dan.fill(`input[aria-label="Why weekly is paused"]`, "holidays")
	dan.click("button", "Pause")
	dan.sees("paused by dan@nordwind.example: holidays", "Who did what", "Dan Lead", "weekly paused", "holidays")
	dan.click("button", "Run now")
	dan.sees("of 8", "weekly run by hand")
	dan.click("button", "Resume")
	dan.sees("in 2 hours", "weekly resumed")

	ada := open(t, b, server.URL, 390)
	ada.logIn(agent)
	ada.goTo("/schedules")
	ada.sees("Weekly report", "A lead can pause, resume and run them.", "Who did what")
	require.Equal(t, "0", ada.eval(`() => String(document.querySelectorAll("main form").length)`))
}

func TestSchedules(t *testing.T) {
	t.Parallel()
	s := newScene(t, "")
	acts := func(filter store.AuditFilter) []store.AuditEntry {
		found, err := s.Store.AuditEntries(t.Context(), filter)
		require.NoError(t, err)
		return found
	}
	act := func(who, path string, want int, fields ...string) {
		t.Helper()
		status, text := s.as(who).post("/schedules/"+path, fields...)
		require.Equal(t, want, status, text)
	}
	act(boss, "nothing/pause", http.StatusNotFound)
	act(boss, "weekly/remove", http.StatusNotFound)
	act(agent, "weekly/pause", http.StatusForbidden)
	require.Empty(t, acts(store.AuditFilter{What: scheduleActs}), "nothing was done")

	act(boss, "weekly/pause", http.StatusSeeOther, "reason", "<b>too many</b>")
	act(boss, "weekly/trigger", http.StatusSeeOther)
	done := acts(store.AuditFilter{What: scheduleActs})
	require.Len(t, done, 2)
	require.Equal(t, boss, done[1].Who)
	require.Equal(t, "schedule.pause", done[1].What)
	require.JSONEq(t, `{"schedule": "weekly", "reason": "<b>too many</b>"}`, string(done[1].Detail))
	status, text := s.as(agent).get("/schedules")
	require.Equal(t, http.StatusOK, status)
	require.Contains(t, text, "weekly run by hand")
	require.NotContains(t, text, "<b>")

	s.Schedules.(*fakeSchedules).fail = errors.New("the engine does not answer")
	act(boss, "weekly/resume", http.StatusInternalServerError)
	done = acts(store.AuditFilter{What: scheduleActs, Among: 1})
	require.Len(t, done, 1, "one of the latest act alone")
	require.Equal(t, "schedule.trigger", done[0].What, "what failed is not said to be done")
}
