package desk

import (
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"crosswalk/store"
)

func TestAnswers(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("x", maxBody)
	cases := []struct {
		name, who, task string
		form            []string
		status          int
		says            string // what the page says, or the answer as JSON
		outcome         string
	}{
		{"solved", agent, "t-complete", []string{"outcome", "accepted"}, 303, `{"outcome":"accepted"}`, "accepted"},
		{"solved with a note", agent, "t-complete", []string{"outcome", "changed", "note", "refund instead"}, 303, `{"note":"refund instead","outcome":"changed"}`, "changed"},
		{"changed without saying why", agent, "t-complete", []string{"outcome", "changed"}, 422, "what you changed and why", ""},
		{"an outcome that is not offered", agent, "t-complete", []string{"outcome", "burned"}, 422, "Choose how it ended", ""},
		{"no outcome", agent, "t-complete", nil, 422, "Choose how it ended", ""},
		{"approved", approver, "t-approve", []string{"decision", "approve"}, 303, `{"approved":true}`, "approved"},
		{"rejected", approver, "t-approve", []string{"decision", "reject", "reason", "too dear"}, 303, `{"approved":false,"reason":"too dear"}`, "rejected"},
		{"rejected without a reason", approver, "t-approve", []string{"decision", "reject"}, 422, "Say why you reject it", ""},
		{"neither", approver, "t-approve", []string{"decision", "perhaps"}, 422, "Approve or reject", ""},
		{"one's own request", agent, "t-approve", []string{"decision", "approve"}, 403, "not for you", ""},
		{"chosen", agent, "t-choose", []string{"choice", "1"}, 303, `{"index":1}`, "chosen"},
		{"none chosen", agent, "t-choose", nil, 422, "Choose one of the candidates", ""},
		{"beyond the last", agent, "t-choose", []string{"choice", "2"}, 422, "Choose one of the candidates", ""},
		{"before the first", agent, "t-choose", []string{"choice", "-1"}, 422, "Choose one of the candidates", ""},
		{"a form", agent, "t-answer", []string{"field.status", "delivered", "field.delivered_on", "2026-03-09", "field.weight", "12,5", "field.signed", "true", "field.scanned_at", "2026-03-09T10:00", "field.parcels", `[{"n":1}]`}, 303,
			`{"value":{"status":"delivered","delivered_on":"2026-03-09","weight":12.5,"signed":true,"scanned_at":"2026-03-09T10:00:00Z","parcels":[{"n":1}]}}`, "answered"},
		{"a form with nothing in it", agent, "t-answer", nil, 422, "Status is missing", ""},
		{"a form with wrong things in it", agent, "t-answer", []string{"field.status", "burned", "field.weight", "heavy", "field.parcels", "{"}, 422, "Status must be one of pending, delivered, lost; Weight must be a number, as in 12.50; Parcels must be JSON", ""},
		{"the operation ends otherwise", agent, "t-answer", []string{"act", "fail", "class", "not_found", "reason", "no such order"}, 303, `{"act":"fail","class":"not_found","reason":"no such order"}`, "not_found"},
		{"it cannot end like this", agent, "t-answer", []string{"act", "fail", "class", "internal"}, 422, "Say what came out", ""},
		{"try again", agent, "t-repair", []string{"act", "retry"}, 303, `{"act":"retry"}`, "retry"},
		{"go on without", agent, "t-repair", []string{"act", "skip", "reason", "never mind"}, 303, `{"act":"skip","reason":"never mind"}`, "skip"},
		{"cancel the case", agent, "t-repair", []string{"act", "cancel"}, 303, `{"act":"cancel"}`, "cancel"},
		{"by hand", agent, "t-repair", []string{"act", "answer", "field.status", "lost"}, 303, `{"act":"answer","value":{"status":"lost"}}`, "answer"},
		{"by hand with nothing", agent, "t-repair", []string{"act", "answer"}, 422, "Status is missing", ""},
		{"nothing", agent, "t-repair", nil, 422, "Choose what is to be done", ""},
		{"an act that is not offered", agent, "t-repair", []string{"act", "done", "field.status", "lost"}, 422, "Choose what is to be done", ""},
		{"it was done", agent, "t-confirm", []string{"act", "done", "field.number", "4711"}, 303, `{"act":"done","value":{"number":"4711"}}`, "done"},
		{"it was not done", agent, "t-confirm", []string{"act", "not_done"}, 303, `{"act":"not_done"}`, "not_done"},
		{"another customer", agent, "t-complete", []string{"act", "redo", "step", "customer", "field.email", "anne@example.org", "reason", "her sister"}, 303, `{"act":"redo","step":"customer","reason":"her sister","with":{"email":"anne@example.org"}}`, "corrected"},
		{"another invoice", agent, "t-repair", []string{"act", "redo", "step", "purchase", "choice", "1"}, 303, `{"act":"redo","step":"purchase","index":1}`, "corrected"},
		{"another invoice that is none", agent, "t-complete", []string{"act", "redo", "step", "purchase", "choice", "7"}, 422, "Choose one of the candidates", ""},
		{"a step that cannot be corrected", agent, "t-complete", []string{"act", "redo", "step", "invoices"}, 422, "cannot be corrected here", ""},
		{"somebody of another queue", outsider, "t-choose", []string{"choice", "1"}, 403, "not for you", ""},
		{"a lead", boss, "t-choose", []string{"choice", "0"}, 303, `{"index":0}`, "chosen"},
		{"too much", agent, "t-complete", []string{"outcome", "accepted", "note", long}, 413, "too much", ""},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s := newScene(t, "").seed()
			status, body := s.as(c.who).post("/tasks/"+c.task+"/answer", append([]string{"version", "1"}, c.form...)...)
			require.Equal(t, c.status, status, body)
			task, err := s.Store.Task(t.Context(), c.task)
			require.NoError(t, err)
			if c.status != http.StatusSeeOther {
				require.Contains(t, body, c.says)
				require.Equal(t, store.TaskOpen, task.State)
				require.Empty(t, s.cases.delivered)
				return
			}
			require.Equal(t, store.TaskAnswered, task.State)
			require.Equal(t, c.outcome, task.Outcome)
			require.Equal(t, c.who, task.AnsweredBy)
			require.JSONEq(t, c.says, string(plainJSON(task.Answer)))
			require.Len(t, s.cases.delivered, 1)
			acts, err := s.Store.AuditEntries(t.Context(), store.AuditFilter{CaseID: s.caseID})
			require.NoError(t, err)
			require.Equal(t, "task.answer", acts[0].What)
			require.Equal(t, c.who, acts[0].Who)
			require.NotContains(t, string(acts[0].Detail), "refund", "the audit holds no text of a person")
			page, shown := s.as(boss).get("/tasks/" + c.task)
			require.Equal(t, 200, page)
			require.NotContains(t, shown, `action="/tasks/`+c.task+`/answer"`)
		})
	}
}

func TestTheInterfaceJudgesAsThePagesDo(t *testing.T) {
	t.Parallel()
	s := newScene(t, "").seed()
	b := s.as(boss)
	for task, refused := range map[string][]string{
		"t-complete": {`{"answer":{"outcome":"burned"}}`, `{"answer":{}}`, `{"answer":[]}`, `{}`, `{"answer":{"act":"redo","step":"none"}}`},
		"t-approve":  {`{"answer":{"approved":"yes"}}`, `{"answer":{"approved":false}}`},
		"t-choose":   {`{"answer":{"index":2}}`, `{"answer":{"index":"1"}}`, `{"answer":{"index":0.5}}`},
		"t-answer":   {`{"answer":{}}`, `{"answer":{"act":"fail","class":"other"}}`},
		"t-repair":   {`{"answer":{"act":"explode"}}`, `{"answer":{}}`},
		"t-confirm":  {`{"answer":{"act":"retry"}}`},
	} {
		for _, body := range append(refused, `{"answer":`, `{"unknown":1}`) {
			status, said := said(t, b.do("POST", "/api/tasks/"+task+"/answer", body))
			require.Equal(t, 422, status, task+body)
			require.Contains(t, said, `"error"`)
		}
	}
	status, body := said(t, b.do("POST", "/api/tasks/t-complete/answer", `{"outcome":"accepted","answer":{"note":"by program"}}`))
	require.Equal(t, 200, status, body)
	require.Contains(t, body, `"outcome":"accepted"`)
	status, body = said(t, b.do("POST", "/api/tasks/t-complete/answer", `{"outcome":"accepted","answer":{}}`))
	require.Equal(t, 409, status)
	require.Contains(t, body, "was answered by "+boss)
	for path, want := range map[string]string{"/api/tasks?limit=2": `"t-approve"`, "/api/tasks/t-repair": `"acts":["retry"`, "/api/cases?limit=1": `"customer-complaint"`, "/api/cases/" + s.caseID: `"tier":"gold"`, "/api/links": `"cus_9"`, "/api/systems": `"fulfilment"`} {
		status, body := b.get(path)
		require.Equal(t, 200, status, path)
		require.Contains(t, body, want, path)
	}
	status, body = said(t, b.do("POST", "/api/run/complaint", `{}`))
	require.Equal(t, 202, status, body)
}

func TestFourEyes(t *testing.T) {
	t.Parallel()
	s := newScene(t, "").seed()
	s.mutex.Lock()
	s.people.Users[0].Roles = []string{"agent", "approver", "support-lead"} // has every right but this one
	s.mutex.Unlock()
	b := s.as(agent)
	_, page := b.get("/tasks/t-approve")
	require.Contains(t, page, "somebody else must decide it")
	require.NotContains(t, page, `name="decision"`)
	for _, path := range []string{"/tasks/t-approve/answer", "/tasks/t-approve/claim"} {
		status, body := b.post(path, "version", "1", "decision", "approve")
		require.Equal(t, 403, status)
		require.Contains(t, body, "You asked for this or shaped it yourself")
	}
	status, body := said(t, b.do("POST", "/api/tasks/t-approve/answer", `{"answer":{"approved":true}}`))
	require.Equal(t, 403, status, body)
}

func TestWhoeverSawAnotherVersionMustLookAgain(t *testing.T) {
	t.Parallel()
	s := newScene(t, "").seed()
	task := s.tasks[store.TaskApprove]
	task.Payload = wire(t, rec("show", rec("Value", "900 EUR instead of 90")))
	_, err := s.Store.OpenTask(t.Context(), task)
	require.NoError(t, err)
	status, body := s.as(approver).post("/tasks/t-approve/answer", "version", "1", "decision", "approve")
	require.Equal(t, 409, status)
	require.Contains(t, body, "has changed since you looked at it")
	status, _ = s.as(approver).post("/tasks/t-approve/answer", "version", "2", "decision", "approve")
	require.Equal(t, 303, status)
}

func TestOneOfManyAnswers(t *testing.T) {
	t.Parallel()
	s := newScene(t, "").seed()
	people := []string{agent, boss}
	browsers := []*browser{s.as(agent), s.as(boss)}
	var wait sync.WaitGroup
	statuses := make([]int, 30)
	for n := range statuses {
		wait.Go(func() {
			statuses[n], _ = browsers[n%len(people)].post("/tasks/t-choose/answer", "version", "1", "choice", fmt.Sprint(n%2))
		})
	}
	wait.Wait()
	won := 0
	for _, status := range statuses {
		if status == 303 {
			won++
		} else {
			require.Equal(t, 409, status)
		}
	}
	require.Equal(t, 1, won)
	require.Len(t, s.cases.delivered, 1)
}

func TestAnAnswerIsSafeWhenTheCaseCannotBeTold(t *testing.T) {
	t.Parallel()
	s := newScene(t, "").seed()
	s.cases.fail = fmt.Errorf("the engine is away")
	status, _ := s.as(agent).post("/tasks/t-choose/answer", "version", "1", "choice", "0")
	require.Equal(t, 303, status)
	left, err := s.Store.UndeliveredAnswers(t.Context(), s.now(), 10)
	require.NoError(t, err)
	require.Len(t, left, 1)
}

func TestWorkingOnATask(t *testing.T) {
	t.Parallel()
	s := newScene(t, "").seed()
	ada, lead := s.as(agent), s.as(boss)
	do := func(b *browser, act, version string, more ...string) int {
		t.Helper()
		status, _ := b.post("/tasks/t-complete/"+act, append([]string{"version", version}, more...)...)
		return status
	}
	require.Equal(t, 303, do(ada, "claim", "1"))
	_, page := ada.get("/tasks/t-complete")
	require.Contains(t, page, "taken by you")
	require.Contains(t, page, "Give it back")
	require.Equal(t, 409, do(lead, "claim", "2"), "taken")
	require.Equal(t, 303, do(ada, "release", "2"))
	require.Equal(t, 409, do(ada, "claim", "1"), "seen long ago")
	require.Equal(t, 422, do(ada, "note", "3", "text", "  "))
	require.Equal(t, 303, do(ada, "note", "3", "text", "called, no answer"))
	_, page = ada.get("/tasks/t-complete")
	require.Contains(t, page, "called, no answer")
	require.Equal(t, 422, do(ada, "reassign", "3", "assignee", "nobody@nordwind.example"))
	require.Equal(t, 422, do(ada, "reassign", "3", "queue", "nowhere"))
	require.Equal(t, 303, do(ada, "reassign", "3", "queue", "shipping"))
	require.Equal(t, 403, do(ada, "claim", "4"), "it belongs to others now")
	require.Equal(t, 303, do(s.as(outsider), "claim", "4"))
	status, body := lead.post("/tasks/t-approve/reassign", "version", "1", "assignee", agent)
	require.Equal(t, 422, status)
	require.Contains(t, body, "does not have the role approver")
	require.Equal(t, 422, do(lead, "claim", "x"))
}

func TestInboxFindsAndFilters(t *testing.T) {
	t.Parallel()
	s := newScene(t, "").seed()
	found := func(who, query string) (ids []string) {
		_, page := s.as(who).get("/?" + query)
		for _, id := range []string{"t-answer", "t-approve", "t-choose", "t-complete", "t-confirm", "t-repair"} {
			if strings.Contains(page, `href="/tasks/`+id+`"`) {
				ids = append(ids, id)
			}
		}
		return ids
	}
	all := []string{"t-answer", "t-approve", "t-choose", "t-complete", "t-confirm", "t-repair"}
	require.Equal(t, all, found(boss, ""))
	require.Equal(t, []string{"t-answer", "t-choose", "t-complete", "t-confirm", "t-repair"}, found(agent, ""))
	require.Equal(t, []string{"t-approve"}, found(approver, ""))
	require.Empty(t, found(outsider, ""))
	require.Equal(t, []string{"t-complete"}, found(agent, "mine=yes"))
	require.Equal(t, []string{"t-complete"}, found(agent, "q=4711"))
	require.Equal(t, []string{"t-repair"}, found(agent, "kind=repair"))
	require.Equal(t, []string{"t-approve"}, found(boss, "due=late"))
	require.Empty(t, found(agent, "state=closed"))
	require.Equal(t, []string{"t-answer", "t-choose", "t-complete", "t-confirm", "t-repair"}, found(agent, "q=ann%40example.org"))
	_, page := s.as(agent).get("/?q=nothing")
	require.Contains(t, page, "No task fits")
	_, page = s.as(outsider).get("/")
	require.Contains(t, page, "Nothing to do")
}

func TestEmptyPagesSayWhatWillBeThere(t *testing.T) {
	t.Parallel()
	s := newScene(t, "")
	for path, words := range map[string]string{"/": "Nothing to do", "/cases": "No case yet", "/links": "No links yet", "/cases?q=x": "No case fits", "/links?id=1": "No link fits"} {
		_, page := s.as(boss).get(path)
		require.Contains(t, page, words, path)
	}
}

func TestPhoneNote(t *testing.T) {
	t.Parallel()
	s := newScene(t, "")
	b := s.as(agent)
	status, page := b.post("/phone", "text", "", "name", "Ann")
	require.Equal(t, 422, status)
	require.Contains(t, page, `value="Ann"`)
	status, _ = b.post("/phone", "text", "it leaks")
	require.Equal(t, 422, status)
	form := "text=it+leaks&name=Ann&note=once"
	response := b.do("POST", "/phone", form)
	require.Equal(t, 303, response.StatusCode)
	where := response.Header.Get("Location")
	require.Equal(t, where, b.do("POST", "/phone", form).Header.Get("Location"), "sent twice is one case")
	_, page = b.get(where)
	require.Contains(t, page, "written down by Ada Agent")
	require.Contains(t, page, "fills in by itself")
}

func TestLinksAreCorrected(t *testing.T) {
	t.Parallel()
	s := newScene(t, "").seed()
	b := s.as(agent)
	path := "/links/" + s.link.ID
	back := "/cases/" + s.caseID
	status, _ := b.post(path+"/correct", "id", "")
	require.Equal(t, 422, status)
	status, _ = b.post(path+"/correct", "id", "cus_9")
	require.Equal(t, 422, status)
	response := b.do("POST", path+"/correct", "id=cus_10&note=her+sister&back="+back)
	require.Equal(t, 303, response.StatusCode)
	require.Equal(t, back, response.Header.Get("Location"))
	links, err := s.Store.LinksOf(t.Context(), s.link.Left, "")
	require.NoError(t, err)
	require.Len(t, links, 1)
	require.Equal(t, "cus_10", links[0].Right.ID)
	status, _ = b.post(path+"/remove", "note", "again")
	require.Equal(t, 409, status, "it does not hold any more")
	status, _ = b.post("/links/"+links[0].ID+"/remove", "note", "not the same")
	require.Equal(t, 303, status)
	_, page := b.get(back)
	require.Contains(t, page, "corrected")
}

func TestSystemsArePaused(t *testing.T) {
	t.Parallel()
	s := newScene(t, "").seed()
	b := s.as(boss)
	status, _ := b.post("/systems/crm/pause", "reason", "maintenance until noon")
	require.Equal(t, 303, status)
	_, page := b.get("/systems")
	require.Contains(t, page, "paused by Dan Lead")
	require.Contains(t, page, "maintenance until noon")
	state, err := s.Store.SystemState(t.Context(), "crm")
	require.NoError(t, err)
	require.True(t, state.Paused)
	status, _ = b.post("/systems/crm/resume")
	require.Equal(t, 303, status)
	_, page = s.as(agent).get("/systems")
	require.NotContains(t, page, "<button>Pause")
}

func TestCasePageShowsAll(t *testing.T) {
	t.Parallel()
	s := newScene(t, "").seed()
	found, err := s.Store.Case(t.Context(), s.caseID)
	require.NoError(t, err)
	for _, address := range []string{"/cases/" + s.caseID, "/cases/" + strings.ToLower(found.Reference)} {
		status, page := s.as(agent).get(address)
		require.Equal(t, 200, status)
		text := textOf(t, page)
		for _, words := range []string{found.Reference, "the kettle from order WC-10427 leaks", "Ann Lee", "invoice.pdf", "gold", "replaced", "adapter:hubspot", "INV-2026-00427", "robot:versanddesk", "Unavailable", "complaint-resolution, row 12",
			"covered, replaceable and in stock", "kettles have 24 months", "same email, name", "support.create_task", "Done again from here: Customer", "Overdue: Approve: replace", "crm.find_customer at the step customer", "To solve: replace"} {
			require.Contains(t, text, words)
		}
		require.Contains(t, page, `src="/cases/`+s.caseID+`/files/`+s.picture+`"`)
		require.Contains(t, page, "http://127.0.0.1:8233/namespaces/crosswalk/workflows/"+s.caseID)
	}
	_, page := s.as(agent).get("/tasks/t-complete")
	require.Contains(t, page, `href="https://support.example/tickets/4711"`)
}
