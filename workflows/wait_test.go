package workflows_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"crosswalk/rules"
	"crosswalk/store"
	"crosswalk/workflows"
)

// monday is a Monday morning before work in Berlin, in a week without a change of clocks.
var monday = time.Date(2026, 3, 2, 6, 0, 0, 0, time.UTC)

func TestWaitForTime(t *testing.T) {
	for _, test := range []struct{ name, wait, want string }{
		{"plain time", `{for: 3 days}`, "2026-03-05T06:00:00Z"},
		{"an expression", `{for: '${duration("90 minutes")}'}`, "2026-03-02T07:30:00Z"},
		{"business days", `{for: 2 business days, calendar: office}`, "2026-03-04T08:00:00Z"},
		{"business hours of the only calendar", `{for: 12 business hours}`, "2026-03-03T12:00:00Z"},
		{"an instant", `{until: '2026-03-02T12:00:00+01:00'}`, "2026-03-02T11:00:00Z"},
		{"a date", `{until: '${add_days(date("2026-03-02"), 1)}'}`, "2026-03-03T00:00:00Z"},
		{"a date somewhere", `{until: 2026-03-03, calendar: office}`, "2026-03-02T23:00:00Z"},
	} {
		t.Run(test.name, func(t *testing.T) {
			h := newHarness(t, "input: {}\nsteps:\n  - {id: pause, wait: "+test.wait+"}\n  - {end: {result: {at: '${pause}'}}}\n", nil)
			h.env.SetStartTime(monday)
			h.env.RegisterDelayedCallback(func() {
				waiting := h.state().Waiting
				require.Len(t, waiting, 1)
				require.Equal(t, "time", waiting[0].Kind)
				require.Equal(t, "pause", waiting[0].For)
				require.Equal(t, test.want, waiting[0].Until.Format(time.RFC3339))
				stored, err := h.store.Case(t.Context(), caseID)
				require.NoError(t, err)
				require.Equal(t, store.CaseWaiting, stored.State)
				require.Equal(t, waiting[0].Until, stored.WaitingUntil)
			}, time.Minute)
			require.JSONEq(t, `{"at": "`+test.want+`"}`, plain(t, h.run(`{}`).Result))
			require.Equal(t, test.want, h.env.Now().UTC().Format(time.RFC3339))
		})
	}
}

func TestWaitForWhatIsPastGoesOnAtOnce(t *testing.T) {
	h := newHarness(t, "input: {}\nsteps:\n  - {id: pause, wait: {until: 2020-01-01}}\n  - {end: {outcome: waited}}\n", nil)
	h.env.SetStartTime(monday)
	require.Equal(t, "waited", h.run(`{}`).Outcome)
	require.Equal(t, monday, h.env.Now().UTC())
}

func TestWaitWithoutItsCalendarIsRepaired(t *testing.T) {
	h := newHarness(t, "input: {}\nsteps:\n  - {id: pause, wait: {for: 1 business day, calendar: gone}}\n  - {end: {outcome: waited}}\n", nil)
	h.env.SetStartTime(monday)
	h.env.RegisterDelayedCallback(func() {
		require.Contains(t, string(h.task("repair").Payload), `there is no calendar \"gone\" in crosswalk.yaml any more`)
	}, time.Minute)
	h.person(time.Hour, "repair", `{"act": "answer", "value": "2026-03-03T08:00:00Z"}`)
	require.Equal(t, "waited", h.run(`{}`).Outcome)
}

func TestWaitIsCancelled(t *testing.T) {
	h := newHarness(t, waitsForGoods, nil)
	h.env.RegisterDelayedCallback(h.env.CancelWorkflow, time.Hour)
	h.start(`{"number": "1042"}`)
	require.ErrorContains(t, h.env.GetWorkflowError(), "canceled")
	require.Equal(t, 0, h.waits("goods-returned", "1042"))
}

const waitsForGoods = `
input: {number: {type: string, required: true}}
events: {goods-returned: {condition: {type: string, enum: [good, damaged], required: true}}}
steps:
  - {id: back, wait: {event: goods-returned, key: '${input.number}', within: 2 business days, calendar: office}}
  - {end: {result: {condition: '${back == missing ? "none came" : text(back.condition)}'}}}
`

func TestEvents(t *testing.T) {
	good, damaged := `{"condition": "good"}`, `{"condition": "damaged"}`
	t.Run("comes while it is waited for", func(t *testing.T) {
		h := newHarness(t, waitsForGoods, nil)
		h.env.RegisterDelayedCallback(func() {
			waiting := h.state().Waiting
			require.Equal(t, "event", waiting[0].Kind)
			require.Equal(t, "goods-returned", waiting[0].For)
			require.False(t, waiting[0].Until.IsZero())
			h.happens("goods-returned", "another", "a", damaged)
			require.Empty(t, h.nudges())
			h.happens("goods-returned", "1042", "b", good)
			h.happens("goods-returned", "1042", "b", good)
			require.Equal(t, []string{caseID}, h.nudges())
		}, time.Hour)
		require.JSONEq(t, `{"condition": "good"}`, plain(t, h.run(`{"number": "1042"}`).Result))
		require.Equal(t, 0, h.waits("goods-returned", "1042"))
	})
	t.Run("came before", func(t *testing.T) {
		h := newHarness(t, waitsForGoods, nil)
		h.happens("goods-returned", "1042", "a", good)
		require.JSONEq(t, `{"condition": "good"}`, plain(t, h.run(`{"number": "1042"}`).Result))
		timeline, err := h.store.Timeline(t.Context(), caseID)
		require.NoError(t, err)
		require.Equal(t, "event", timeline[0].Kind)
	})
	t.Run("does not come in time", func(t *testing.T) {
		h := newHarness(t, waitsForGoods, nil)
		h.env.SetStartTime(monday)
		require.JSONEq(t, `{"condition": "none came"}`, plain(t, h.run(`{"number": "1042"}`).Result))
		require.Equal(t, "2026-03-04T08:00:00Z", h.env.Now().UTC().Format(time.RFC3339))
		require.Equal(t, 0, h.waits("goods-returned", "1042"))
	})
	t.Run("came in time and nobody could be told", func(t *testing.T) {
		h := newHarness(t, waitsForGoods, nil)
		h.env.RegisterDelayedCallback(func() { h.happens("goods-returned", "1042", "a", good) }, time.Hour)
		require.JSONEq(t, `{"condition": "good"}`, plain(t, h.run(`{"number": "1042"}`).Result))
	})
	t.Run("something stands in", func(t *testing.T) {
		h := newHarness(t, `
input: {}
events: {paid: {amount: {type: number, required: true}}}
steps:
  - id: payment
    wait: {event: paid, key: x, within: 3 days, on_timeout: [{id: call, ask: {queue: q, what: answer, form: {amount: {type: number, required: true}}}}]}
  - {end: {result: {amount: '${payment.amount}'}}}
`, nil)
		h.person(4*24*time.Hour, "answer", `{"value": {"amount": 5}}`)
		require.JSONEq(t, `{"amount": 5}`, plain(t, h.run(`{}`).Result))
	})
	t.Run("each step has another", func(t *testing.T) {
		h := newHarness(t, `
input: {}
events: {paid: {amount: {type: number, required: true}}}
steps:
  - id: rates
    each: {in: '${["a", "b", "c"]}', as: rate, steps: [{id: payment, wait: {event: paid, key: x}}, {id: amount, set: {value: '${payment.amount}'}}]}
  - {id: last, wait: {event: paid, key: x}}
  - {end: {result: {rates: '${rates}', last: '${last.amount}'}}}
`, nil)
		h.happens("paid", "x", "1", `{"amount": 1}`)
		for i, amount := range []string{"2", "3", "4"} {
			h.env.RegisterDelayedCallback(func() {
				h.happens("paid", "x", amount, `{"amount": `+amount+`}`)
				h.nudges()
			}, time.Duration(i+1)*time.Hour)
		}
		var result struct {
			Rates []int
			Last  int
		}
		require.NoError(t, json.Unmarshal([]byte(plain(t, h.run(`{}`).Result)), &result))
		require.ElementsMatch(t, []int{1, 2, 3}, result.Rates)
		require.Equal(t, 4, result.Last)
	})
	t.Run("tells something else than the case knows", func(t *testing.T) {
		h := newHarness(t, waitsForGoods, nil)
		h.happens("goods-returned", "1042", "a", `{"condition": "eaten"}`)
		h.person(time.Hour, "repair", `{"act": "answer", "value": {"condition": "damaged"}}`)
		require.JSONEq(t, `{"condition": "damaged"}`, plain(t, h.run(`{"number": "1042"}`).Result))
	})
}

// happens stores an event as the intake does.
func (h *harness) happens(name, key, dedupe, payload string) {
	h.t.Helper()
	value, err := rules.FromJSON([]byte(payload))
	require.NoError(h.t, err)
	wire, err := json.Marshal(value)
	require.NoError(h.t, err)
	_, _, err = h.store.PutEvent(h.t.Context(), store.Occurrence{Name: name, Key: key, Source: "test", DedupeKey: dedupe, Payload: wire})
	require.NoError(h.t, err)
}

// nudges tells whoever waits for an event that has come, as the intake does, and says who that was.
func (h *harness) nudges() []string {
	h.t.Helper()
	due, err := h.store.DueNudges(h.t.Context(), "", "", time.Time{}, 100)
	require.NoError(h.t, err)
	var told []string
	for _, wait := range due {
		h.env.SignalWorkflow(workflows.SignalNudge, nil)
		require.NoError(h.t, h.store.MarkNudged(h.t.Context(), wait))
		told = append(told, wait.Execution)
	}
	return told
}

// waits counts the steps that wait for an event.
func (h *harness) waits(name, key string) int {
	h.t.Helper()
	h.happens(name, key, "count", `{}`)
	events, err := h.store.Events(h.t.Context(), store.EventFilter{Name: name, Key: key, Limit: 1})
	require.NoError(h.t, err)
	return events[0].Waiting
}

func (h *harness) state() workflows.State {
	h.t.Helper()
	value, err := h.env.QueryWorkflow(workflows.QueryState)
	require.NoError(h.t, err)
	var state workflows.State
	require.NoError(h.t, value.Get(&state))
	return state
}
