package e2e

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"
	"github.com/stretchr/testify/require"
)

const ledgerTimes = `
intake:
  payments:
    webhook: {verify: {scheme: standard-webhooks, secret: 'env:CROSSWALK_E2E_HOOK'}}
    event: paid
    key: '${webhook.fields.order}'
    with: {amount: '${webhook.fields.amount}'}
    dedupe: '${webhook.fields.payment}'
schedules:
  tick:
    every: 2 seconds
    calendar: always
    starts: slow-tick
    with: {at: '${schedule.at}'}
pollers:
  news:
    every: 1 second
    call: ledger.list_news
    with: {after: '${cursor}'}
    items: '${result.rows}'
    id: '${item.id}'
    cursor: '${item.id}'
    each: {starts: news, with: {id: '${item.id}', text: '${item.text}'}}
`

var timeUseCases = map[string]string{
	"minute": `title: A minute of work
input: {}
steps:
  - {id: over, wait: {for: 1 business minute, calendar: always}}
  - {end: {outcome: over}}
`,
	"payment": `title: A payment
input: {order: {type: string, required: true}}
events: {paid: {amount: {type: number, required: true}}}
steps:
  - {id: payment, wait: {event: paid, key: '${input.order}', within: 2 business days, calendar: always}}
  - {end: {outcome: '${payment == missing ? "late" : "paid"}', result: {amount: '${payment?.amount}'}}}
`,
	"unpaid": `title: No payment
input: {order: {type: string, required: true}}
events: {paid: {amount: {type: number, required: true}}}
steps:
  - {id: payment, wait: {event: paid, key: '${input.order}', within: 1s}}
  - {end: {outcome: '${payment == missing ? "late" : "paid"}'}}
`,
	"panel": `title: A panel
input: {}
steps:
  - {id: asked, ask: {what: approve, approvers: {role: boss, count: 2}}}
  - {end: {outcome: '${asked.approved ? "approved" : "rejected"}', result: {by: '${map(asked.votes, .by)}'}}}
`,
	"escalating": `title: Nobody comes
input: {}
steps:
  - {id: asked, ask: {what: approve, role: boss, remind: 1s, within: 2s, on_timeout: {role: ceo}}}
  - {end: {outcome: '${asked.approved ? "approved" : "rejected"}', result: {by: '${asked.by}'}}}
`,
	"for-cem": `title: For Cem
input: {}
steps:
  - {id: asked, ask: {what: complete, who: cem@x.example, outcomes: [done]}}
  - {end: {outcome: '${asked.outcome}', result: {by: '${asked.by}'}}}
`,
	"undone": `title: Booked and taken back
input: {}
steps:
  - id: first
    call: ledger.book
    with: {what: first}
    undo: [{call: ledger.book, with: {what: no first}}]
  - id: second
    call: ledger.book
    with: {what: second}
    undo: [{call: ledger.book, with: {what: no second}}]
  - {id: asked, ask: {queue: desk, what: approve}}
`,
	"slow-tick": `title: A tick
input: {at: {type: date-time, required: true}}
steps:
  - {id: row, call: ledger.book, with: {what: 'tick ${text(input.at)}'}}
`,
	"news": `title: News
input: {id: {type: string, required: true}, text: {type: string, required: true}}
steps:
  - {id: row, call: ledger.book, with: {what: 'news ${input.id}'}}
`,
}

// hook sends a signed webhook, as another program does, and returns the status of the answer.
func (w *world) hook(path, id, secret string, fields map[string]any) int {
	w.t.Helper()
	body, err := json.Marshal(fields)
	require.NoError(w.t, err)
	signer, err := standardwebhooks.NewWebhook(secret)
	require.NoError(w.t, err)
	now := time.Now()
	signature, err := signer.Sign(id, now, body)
	require.NoError(w.t, err)
	r, err := http.NewRequest(http.MethodPost, "http://"+w.listen+path, strings.NewReader(string(body)))
	require.NoError(w.t, err)
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set(standardwebhooks.HeaderWebhookID, id)
	r.Header.Set(standardwebhooks.HeaderWebhookTimestamp, jsonInt(now.Unix()))
	r.Header.Set(standardwebhooks.HeaderWebhookSignature, signature)
	answer, err := web.Do(r)
	require.NoError(w.t, err)
	answer.Body.Close()
	return answer.StatusCode
}

func jsonInt(n int64) string {
	raw, _ := json.Marshal(n)
	return string(raw)
}

// open are the open tasks of a case.
func (d caseDetail) openTasks() []task {
	var open []task
	for _, one := range d.Tasks {
		if one.State == "open" || one.State == "claimed" {
			open = append(open, one)
		}
	}
	return open
}

// TestTimeAndPeople: the built program waits for working time and for events, asks several people, reminds, escalates,
// knows deputies, undoes what it did, and does by the clock what is to be done, over a restart too.
func TestTimeAndPeople(t *testing.T) {
	t.Parallel()
	w, l := newLedgerWorld(t, ledgerTimes, timeUseCases)
	begun := time.Now()
	minute := w.begun("minute", map[string]any{})
	escalating := w.begun("escalating", map[string]any{})
	unpaid := w.begun("unpaid", map[string]any{"order": "none"})

	t.Run("events", func(t *testing.T) {
		waiting := w.begun("payment", map[string]any{"order": "1042"})
		w.await(waiting, "waits for the event", func(d caseDetail) bool { return d.Case.WaitingKind == "event" })
		payment := map[string]any{"order": "1042", "amount": 12.5, "payment": "p1"}
		require.Equal(t, http.StatusUnauthorized, w.hook("/hooks/payments", "m0", "whsec_b3RoZXItb3RoZXItb3RoZXItb3RoZXItb3RoZXItMTI=", payment))
		require.Less(t, w.hook("/hooks/payments", "m1", hookSecret, payment), 300)
		require.Less(t, w.hook("/hooks/payments", "m2", hookSecret, payment), 300, "the same payment again")
		d := w.await(waiting, "has ended", caseDetail.ended)
		require.Equal(t, "paid", d.Case.Outcome)
		require.JSONEq(t, `{"amount": 12.5}`, string(d.Case.Result))
		early := map[string]any{"order": "1043", "amount": 7, "payment": "p2"}
		require.Less(t, w.hook("/hooks/payments", "m3", hookSecret, early), 300)
		require.Equal(t, "paid", w.await(w.begun("payment", map[string]any{"order": "1043"}), "has ended", caseDetail.ended).Case.Outcome, "it came before the case waited")
		said, code := w.crosswalk("events", "list", "--data", w.dir+"/.crosswalk", "--json")
		require.Zero(t, code, said)
		require.Equal(t, 2, strings.Count(said, `"name": "paid"`), said)
		require.Equal(t, "late", w.await(unpaid, "has ended", caseDetail.ended).Case.Outcome)
	})

	t.Run("several approvers and four eyes", func(t *testing.T) {
		ann, ben := w.login("ann@x.example"), w.login("ben@x.example")
		id := w.begun("panel", map[string]any{})
		d := w.await(id, "asks two people", func(d caseDetail) bool { return len(d.openTasks()) == 2 })
		tasks := d.openTasks()
		require.NotEqual(t, http.StatusOK, w.login("eva@x.example").answers(tasks[0].ID, `{"approved": true}`), "she has another role")
		require.Equal(t, http.StatusOK, ann.answers(tasks[0].ID, `{"approved": true}`))
		require.Equal(t, http.StatusForbidden, ann.answers(tasks[1].ID, `{"approved": true}`), "nobody decides twice")
		require.Equal(t, http.StatusOK, ben.answers(tasks[1].ID, `{"approved": true}`))
		var result struct{ By []string }
		require.NoError(t, json.Unmarshal(w.await(id, "has ended", caseDetail.ended).Case.Result, &result))
		require.ElementsMatch(t, []string{"ann@x.example", "ben@x.example"}, result.By)
	})

	t.Run("reminder and escalation", func(t *testing.T) {
		d := w.await(escalating, "has gone to somebody else", func(d caseDetail) bool { return len(d.openTasks()) == 1 && d.openTasks()[0].Role == "ceo" })
		require.NotEqual(t, http.StatusOK, w.login("ann@x.example").answers(d.openTasks()[0].ID, `{"approved": true}`))
		require.Equal(t, http.StatusOK, w.login("eva@x.example").answers(d.openTasks()[0].ID, `{"approved": true}`))
		d = w.await(escalating, "has ended", caseDetail.ended)
		require.JSONEq(t, `{"by": "eva@x.example"}`, string(d.Case.Result))
		kinds := map[string]bool{}
		for _, event := range d.Timeline {
			kinds[event.Kind] = true
		}
		require.True(t, kinds["reminded"] && kinds["overdue"], "%v", d.Timeline)
	})

	t.Run("deputy", func(t *testing.T) {
		id := w.begun("for-cem", map[string]any{})
		_, open := w.awaitTask(id, "complete")
		require.Equal(t, http.StatusOK, w.login("dee@x.example").posts("/api/tasks/"+open.ID+"/answer", `{"outcome": "done", "answer": {"outcome": "done"}}`))
		require.JSONEq(t, `{"by": "dee@x.example"}`, string(w.await(id, "has ended", caseDetail.ended).Case.Result))
	})

	t.Run("undo on cancel", func(t *testing.T) {
		id := w.begun("undone", map[string]any{})
		w.awaitTask(id, "approve")
		said, code := w.crosswalk("cases", "cancel", id, "--data", w.dir+"/.crosswalk", "--reason", "a test")
		require.Zero(t, code, said)
		require.Equal(t, "cancelled", w.await(id, "has ended", caseDetail.ended).Case.State)
		booked := []string{}
		for _, what := range l.bookings() {
			if strings.HasSuffix(what, "first") || strings.HasSuffix(what, "second") {
				booked = append(booked, what)
			}
		}
		require.Equal(t, []string{"first", "second", "no second", "no first"}, booked)
	})

	t.Run("schedules and pollers", func(t *testing.T) {
		l.tells("a", "b")
		until(t, "both news came", func() (bool, string) { return l.has("news 1") && l.has("news 2"), strings.Join(l.bookings(), ", ") })
		until(t, "the clock ticks", func() (bool, string) { return l.count("tick ") >= 2, strings.Join(l.bookings(), ", ") })
		said, code := w.crosswalk("schedules", "list", "--data", w.dir+"/.crosswalk")
		require.Zero(t, code, said)
		require.Contains(t, said, "tick")
		require.Contains(t, said, "news")
		said, code = w.crosswalk("schedules", "pause", "tick", "--data", w.dir+"/.crosswalk", "--reason", "for a test")
		require.Zero(t, code, said)
		w.up.kill()
		w.beginLedger()
		ticks := l.count("tick ")
		l.tells("c")
		until(t, "the poller goes on where it was", func() (bool, string) { return l.has("news 3"), strings.Join(l.bookings(), ", ") })
		said, code = w.crosswalk("schedules", "list", "--data", w.dir+"/.crosswalk", "--json")
		require.Zero(t, code, said)
		require.Contains(t, said, `"paused": true`)
		require.LessOrEqual(t, l.count("tick "), ticks+1, "paused over the restart; one may have been under way")
		said, code = w.crosswalk("schedules", "trigger", "tick", "--data", w.dir+"/.crosswalk")
		require.Zero(t, code, said)
		until(t, "it runs once", func() (bool, string) { return l.count("tick ") > ticks, strings.Join(l.bookings(), ", ") })
	})

	d := w.await(minute, "has ended", caseDetail.ended)
	require.Equal(t, "over", d.Case.Outcome)
	require.GreaterOrEqual(t, d.Case.EndedAt.Sub(begun), 59*time.Second)
	l.mutex.Lock()
	defer l.mutex.Unlock()
	for what, keys := range l.booked {
		require.Len(t, keys, 1, "%s was booked several times", what)
	}
}

// tells puts news into the ledger.
func (l *ledger) tells(news ...string) {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	l.news = append(l.news, news...)
}

func (l *ledger) has(what string) bool { return l.count(what) > 0 }

func (l *ledger) count(beginning string) int {
	n := 0
	for _, what := range l.bookings() {
		if strings.HasPrefix(what, beginning) {
			n++
		}
	}
	return n
}
