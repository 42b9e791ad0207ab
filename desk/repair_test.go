package desk

import (
	"context"
	"encoding/json"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"crosswalk/store"
	"crosswalk/workspace"
)

// Hostile and mistaken wishes are refused by the name of the field, before anything is done.
func TestWishesAreChecked(t *testing.T) {
	t.Parallel()
	s := newScene(t, "").seed()
	tests := []struct {
		act, body, words string
		status           int
	}{
		{"dance", `{}`, "A case can be repaired by retry, answer, skip, redo, cancel, move", 404},
		{"skip", `{}`, "reason: say why", 422},
		{"skip", `{"reason": "x", "stap": "y"}`, `unknown field \"stap\"`, 422},
		{"skip", `{"reason": 7}`, "reason", 422},
		{"skip", `{"reason": "` + strings.Repeat("x", 501) + `"}`, "reason: at most 500 characters", 422},
		{"skip", `{"reason": "a\u0000b"}`, "reason: one line of text", 422},
		{"skip", `{"reason": "x", "step": "a' OR 1=1 --"}`, "step: the path of a step", 422},
		{"skip", `{"reason": "x", "step": "` + strings.Repeat("x", 201) + `"}`, "step: the path of a step", 422},
		{"answer", `{"reason": "x"}`, "value: say what the step gives", 422},
		{"answer", `{"reason": "x", "value": {"a": 1, "a": 2}}`, "value", 422},
		{"retry", `{"value": 1}`, "value: belongs to answer and redo", 422},
		{"redo", `{"reason": "x"}`, "step: say from which step on", 422},
		{"redo", `{"reason": "x", "step": "a", "with": [1]}`, "with: belongs to redo, and is an object", 422},
		{"redo", `{"reason": "x", "step": "a", "with": {"a": 1}, "value": 1}`, "with, value: give another input or another result", 422},
		{"retry", `{"dry_run": true}`, "dry_run: belongs to cancel, redo and move", 422},
		{"cancel", `{"reason": "x", "step": "a"}`, "step: a case is cancelled as a whole", 422},
	}
	for _, test := range tests {
		status, body := s.program("POST", "/api/cases/"+s.caseID+"/repair/"+test.act, test.body)
		require.Equal(t, test.status, status, test.body)
		require.Contains(t, body, test.words, test.body)
	}
	repairs, err := s.Store.Repairs(t.Context(), s.caseID)
	require.NoError(t, err)
	require.Empty(t, repairs)
}

// program speaks to the JSON interface as the command line does.
func (s *scene) program(method, path, body string) (int, string) {
	s.t.Helper()
	b := s.as("")
	b.header.Set("Authorization", "Bearer token-of-the-program")
	return said(s.t, b.do(method, path, body))
}

func TestEveryActOnACase(t *testing.T) {
	t.Parallel()
	s := newScene(t, "").seed()
	s.cases.preview = Preview{Step: "customer", Steps: []string{"customer", "solve"}, Bundle: "b2",
		Writes: []Rewrite{{Step: "ticket", Operation: "support.create_task", State: "confirmed", Then: "is left alone if the same is asked for, and else changed by support.update_task"}}}
	do := func(act, body string) repaired {
		t.Helper()
		status, text := s.program("POST", "/api/cases/"+s.caseID+"/repair/"+act, body)
		require.Equal(t, http.StatusOK, status, text)
		var out struct{ Repair repaired }
		require.NoError(t, json.Unmarshal([]byte(text), &out))
		return out.Repair
	}
	redo := do("redo", `{"step": "customer", "reason": "wrong Ann", "with": {"email": "lee@work.example"}}`)
	require.False(t, redo.Done, "what it means is said first")
	require.Equal(t, "support.create_task", redo.Writes[0].Operation)
	require.Empty(t, s.cases.repaired)
	require.True(t, do("redo", `{"step": "customer", "reason": "wrong Ann", "with": {"email": "lee@work.example"}, "yes": true}`).Done)
	require.Equal(t, store.ActRedo, s.cases.repaired[0].Act)
	require.Contains(t, string(s.cases.repaired[0].Body), "lee@work.example")
	require.True(t, do("move", `{"reason": "mended", "yes": true}`).Done)
	require.Equal(t, "b2", s.cases.repaired[1].Bundle)

	require.Contains(t, do("retry", `{"step": "customer"}`).Message, "crm.find_customer")
	require.Equal(t, []string{s.caseID + " crm.find_customer"}, s.cases.tried)
	require.Contains(t, do("answer", `{"reason": "looked it up", "step": "shipment", "value": {"status": "lost"}}`).Message, "the step shipment has the result")
	task, err := s.Store.Task(t.Context(), "t-repair")
	require.NoError(t, err)
	require.Equal(t, store.TaskAnswered, task.State)
	require.Equal(t, "operator", task.AnsweredBy)

	// Nothing is parked at the customer: the waiting for the system is ended first.
	s.cases.problem = "the step has just been answered"
	status, text := s.program("POST", "/api/cases/"+s.caseID+"/repair/skip", `{"reason": "x", "step": "customer"}`)
	require.Equal(t, http.StatusConflict, status)
	require.Contains(t, text, "The step has just been answered.")
	require.Equal(t, store.ActPark, s.cases.repaired[2].Act)
	s.cases.undo = []Undo{{Case: "CW-1", Step: "ticket", Label: "Support ticket", Doubt: true}}
	would := do("cancel", `{"dry_run": true, "undo": true}`)
	require.Equal(t, s.cases.undo, would.Undo)
	require.False(t, would.Done)
	require.Contains(t, do("cancel", `{"dry_run": true}`).Message, "would stay as it is")
	_, asked := s.as(boss).post("/cases/"+s.caseID+"/repair/cancel", "reason", "a test", "undo", "yes")
	for _, part := range []string{"Cancel it?", "Support ticket", "at ticket of CW-1", "nobody knows yet whether it was done", "Yes, cancel it"} {
		require.Contains(t, asked, part)
	}
	require.Empty(t, s.cases.cancelled)
	require.Contains(t, do("cancel", `{"reason": "a test"}`).Message, "stays as it is")
	require.Equal(t, []string{s.caseID}, s.cases.cancelled)
	require.False(t, s.cases.undone)
	require.Contains(t, do("cancel", `{"reason": "after all", "undo": true}`).Message, "cancelled before, by operator")

	repairs, err := s.Store.Repairs(t.Context(), s.caseID)
	require.NoError(t, err)
	var acts []string
	for _, one := range repairs {
		require.Equal(t, "operator", one.Who)
		acts = append(acts, one.Act+" "+string(one.State))
	}
	require.Equal(t, []string{"redo asked", "move asked", "retry done", "answer done", "park asked", "cancel done", "cancel done"}, acts)
	audited, err := s.Store.AuditEntries(t.Context(), store.AuditFilter{CaseID: s.caseID})
	require.NoError(t, err)
	require.GreaterOrEqual(t, len(audited), len(acts))
	status, page := s.as(boss).get("/cases/" + s.caseID)
	require.Equal(t, http.StatusOK, status)
	for _, words := range []string{"wrong Ann", "Go on without a step", "What people did about it", "crm.find_customer", "try 3", "Cancelled: a test"} {
		require.Contains(t, page, words)
	}

	_, page = s.as(agent).get("/cases/" + s.caseID)
	require.NotContains(t, page, "Try now", "an agent may not")

	require.NoError(t, s.Store.EndCase(t.Context(), s.caseID, store.End{State: store.CaseDone}))
	status, text = s.program("POST", "/api/cases/"+s.caseID+"/repair/retry", `{}`)
	require.Equal(t, http.StatusConflict, status)
	require.Contains(t, text, "ended already")
}

// Who may do what is said by the file of roles; without it leads may do what operators may, but for redo and move.
func TestWhoMayRepair(t *testing.T) {
	t.Parallel()
	s := newScene(t, "").seed()
	try := func(who, act string) int {
		status, _ := s.as(who).post("/cases/"+s.caseID+"/repair/"+act, "reason", "x", "step", "nowhere")
		return status
	}
	require.Equal(t, http.StatusForbidden, try(agent, "retry"))
	require.Equal(t, http.StatusConflict, try(boss, "retry"), "allowed, and nothing there waits")
	require.Equal(t, http.StatusForbidden, try(boss, "move"))
	s.mutex.Lock()
	people := *s.people
	people.Repair = map[string][]string{"retry": {"agent"}, "move": {"support-lead"}}
	s.people = &people
	s.mutex.Unlock()
	require.Equal(t, http.StatusConflict, try(agent, "retry"))
	require.Equal(t, http.StatusForbidden, try(agent, "skip"))
	require.Equal(t, http.StatusForbidden, try(boss, "retry"))
	require.Equal(t, http.StatusOK, try(boss, "move"), "what it means is shown")
	require.Contains(t, workspace.RepairActs, "move")
}

// TestPlacesToDoAgain holds that the form offers what the case has come to at its top, and of what lies inside only that of the step
// that it is at.
func TestPlacesToDoAgain(t *testing.T) {
	t.Parallel()
	step := func(path string) stepView { return stepView{Step: store.StepResult{Path: path}} }
	top, inside := places(record{
		Found:     []stepView{step("customer"), step("checks.stock"), step("each_line[0].price"), step("each_line[1].price"), step("each_line[0].price")},
		Working:   []stepView{step("each_line[1].sum"), step("each_lines[0].sum"), step("end[1]"), step("each_line[0].price.on_error.unavailable[0]"), step("each_line[0].book.undo[0]")},
		Decisions: []decisionView{{Decision: store.Decision{Path: "urgency"}}, {Decision: store.Decision{Path: "each_line[0].discount"}}},
	}, "each_line")
	require.Equal(t, []string{"customer", "urgency"}, top)
	require.Equal(t, []string{"each_line[0].price", "each_line[1].price", "each_line[1].sum", "each_line[0].discount"}, inside)

	s := newScene(t, "").seed()
	s.mutex.Lock()
	people := *s.people
	people.Repair = map[string][]string{"redo": {"support-lead"}}
	s.people = &people
	s.mutex.Unlock()
	_, page := s.as(boss).get("/cases/" + s.caseID)
	require.Contains(t, page, `name="step" list="redo-steps"`)
	require.Contains(t, page, `<option>customer</option>`)
}

func TestManyCasesAtOnce(t *testing.T) {
	t.Parallel()
	s := newScene(t, "").seed()
	for _, title := range []string{"one", "two"} {
		made, err := s.Store.CreateCase(t.Context(), store.NewCase{UseCase: "claim", BundleHash: "h", Title: title})
		require.NoError(t, err)
		require.NoError(t, s.Store.SetProgress(t.Context(), made.ID, store.Progress{Seq: 1, State: store.CaseParked, WaitingFor: "repair", WaitingKind: "repair",
			WaitingSince: time.Now().Add(-3 * time.Hour), WaitingStep: "customer", WaitingSystem: "crm", WaitingClass: "auth"}))
	}
	b := s.as(boss)
	status, page := b.get("/repair?system=crm&class=auth&since=2h")
	require.Equal(t, http.StatusOK, status)
	require.Contains(t, page, "2 cases")
	require.NotContains(t, page, "Aurora kettle")
	status, page = b.get("/repair?since=tomorrow")
	require.Equal(t, http.StatusUnprocessableEntity, status)
	require.Contains(t, page, "since: write for how long")
	status, page = b.get("/repair?since=4h&class=auth")
	require.Equal(t, http.StatusOK, status)
	require.Contains(t, page, "No open case fits")

	shown := regexp.MustCompile(`name="case" value="([^"]+)"`).FindAllStringSubmatch(page, -1)
	require.Empty(t, shown)
	_, page = b.get("/repair?system=crm&class=auth")
	shown = regexp.MustCompile(`name="case" value="([^"]+)"`).FindAllStringSubmatch(page, -1)
	require.Len(t, shown, 2)
	one, two := shown[0][1], shown[1][1]
	status, _ = b.post("/repair?system=crm&class=auth", "act", "retry")
	require.Equal(t, http.StatusUnprocessableEntity, status, "nothing is done that nobody has seen")
	status, page = b.post("/repair?system=crm&class=auth", "act", "retry", "case", one, "case", two)
	require.Equal(t, http.StatusOK, status)
	require.Equal(t, 2, strings.Count(page, "tried now: crm.find_customer"))
	require.Len(t, s.cases.tried, 2)

	// One goes on between the look and the deed, and another one comes: neither is touched.
	require.NoError(t, s.Store.SetProgress(t.Context(), two, store.Progress{Seq: 2, State: store.CaseParked, WaitingFor: "repair", WaitingKind: "repair",
		WaitingSince: time.Now(), WaitingStep: "customer", WaitingSystem: "crm", WaitingClass: "drift"}))
	_, page = b.post("/repair?system=crm&class=auth", "act", "cancel", "reason", "hopeless", "case", one, "case", two)
	require.Contains(t, page, "has gone on since it was chosen")
	require.Equal(t, []string{one}, s.cases.cancelled)
	// What is left out is what stood there.
	_, page = b.post("/repair?system=crm", "act", "skip", "reason", "x", "case", two, "at."+two, "stock")
	require.Contains(t, page, "has gone on since it was chosen")
	// Nor is another step left out than the one at which the case was found: it waits at A for an approval, say, and at B for a repair.
	atA := store.Progress{Seq: 9, State: store.CaseWaiting, WaitingKind: "person", WaitingFor: "complaints", WaitingSince: time.Now(), WaitingStep: "approval", WaitingSystem: "crm"}
	require.NoError(t, s.Store.SetProgress(t.Context(), s.caseID, atA))
	before, err := s.Store.Task(t.Context(), "t-repair")
	require.NoError(t, err)
	require.Equal(t, "shipment", before.StepPath)
	_, page = b.post("/repair?system=crm", "act", "skip", "reason", "x", "case", s.caseID, "at."+s.caseID, "approval")
	require.NotContains(t, page, "goes on without a result of shipment")
	after, err := s.Store.Task(t.Context(), "t-repair")
	require.NoError(t, err)
	require.Equal(t, before.State, after.State)
	status, _ = b.post("/repair?system=crm", "act", "redo", "reason", "x")
	require.Equal(t, http.StatusUnprocessableEntity, status)
	status, body := s.program("GET", "/api/cases?state=parked&class=auth", "")
	require.Equal(t, http.StatusOK, status)
	require.Equal(t, 1, strings.Count(body, `"waiting_system":"crm"`))
}

// Programs say with a filter what a case must still be like when its turn comes.
func TestActsOnCasesThatWereChosen(t *testing.T) {
	t.Parallel()
	s := newScene(t, "").seed()
	made, err := s.Store.CreateCase(t.Context(), store.NewCase{UseCase: "claim", BundleHash: "h", Title: "one"})
	require.NoError(t, err)
	waits := store.Progress{Seq: 1, State: store.CaseParked, WaitingKind: "repair", WaitingSince: time.Now().Add(-3 * time.Hour), WaitingStep: "customer", WaitingSystem: "crm", WaitingClass: "auth"}
	require.NoError(t, s.Store.SetProgress(t.Context(), made.ID, waits))
	retry := func(filter string) (int, string) {
		return s.program("POST", "/api/cases/"+made.Reference+"/repair/retry?"+filter, `{}`)
	}
	for _, filter := range []string{"state=parked", "state=open&class=auth", "state=parked&system=crm&step=customer&since=2h&usecase=claim"} {
		status, body := retry(filter)
		require.Equal(t, http.StatusOK, status, body)
	}
	tried := len(s.cases.tried)
	for _, filter := range []string{"state=waiting", "state=parked&class=drift", "state=parked&step=other", "state=parked&since=4h", "state=parked&usecase=other"} {
		status, body := retry(filter)
		require.Equal(t, http.StatusConflict, status, body)
		require.Contains(t, body, "nothing was done")
	}
	require.Len(t, s.cases.tried, tried)
	status, body := s.program("POST", "/api/cases/"+made.ID+"/repair/redo?state=parked", `{"step": "customer", "dry_run": true, "yes": true}`)
	require.Equal(t, http.StatusOK, status, body)
	require.Contains(t, body, "nothing was done yet")
}

// Whoever asked may go away in the middle: what was begun is done, and it is noted who did it and why.
func TestActIsNotedWhenWhoAskedHasGone(t *testing.T) {
	t.Parallel()
	s := newScene(t, "").seed()
	asked, goAway := context.WithCancel(t.Context())
	s.cases.during = goAway
	done, err := s.Desk.repair(asked, person{login: "operator", program: true}, s.caseID, wish{Act: store.ActRetry, Step: "customer", Reason: "it is back"})
	require.NoError(t, err)
	require.True(t, done.Done)
	require.Error(t, asked.Err())
	repairs, err := s.Store.Repairs(t.Context(), s.caseID)
	require.NoError(t, err)
	require.Len(t, repairs, 1)
	require.Equal(t, "it is back", repairs[0].Reason)
}
