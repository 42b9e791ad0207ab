package workflows_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/temporal"

	"crosswalk/activities"
	"crosswalk/adapters"
	"crosswalk/contracts"
	"crosswalk/rules"
	"crosswalk/store"
)

const makesTicket = `
input: {}
steps:
  - {id: ticket, call: support.create_task, with: {queue: q, title: Title, text: Text, reference: '${case.reference}'}}
  - {end: {result: {number: '${ticket.number}'}}}
`

func TestSystemThatIsDownIsWaitedFor(t *testing.T) {
	down := fails(contracts.Unavailable)
	h := newHarness(t, makesTicket, map[string]play{"support.create_task": then(down, down, down, down, gives(ticket))})
	require.JSONEq(t, `{"number": "77"}`, plain(t, h.run(`{}`).Result))
	calls := h.callsOf("support.create_task")
	require.Len(t, calls, 5)
	for _, call := range calls {
		require.Equal(t, calls[0].Key, call.Key)
	}
	require.True(t, calls[0].FirstSent.IsZero())
	require.False(t, calls[1].FirstSent.IsZero(), "the second attempt must know that the first may have been carried out")
}

func TestNothingSentIsFirstSentAgain(t *testing.T) {
	refused := func(call adapters.Call) (rules.Value, error) {
		return rules.Value{}, &contracts.Error{Class: contracts.Unavailable, NothingSent: true}
	}
	h := newHarness(t, makesTicket, map[string]play{"support.create_task": then(refused, refused, gives(ticket))})
	h.run(`{}`)
	for _, call := range h.callsOf("support.create_task") {
		require.True(t, call.FirstSent.IsZero())
	}
}

func TestFallThrough(t *testing.T) {
	tests := []struct {
		name    string
		useCase string
		failure *contracts.Error
		second  bool
		nextOn  string
	}{
		{"a read goes to the next driver", `
input: {}
steps:
  - {id: customer, call: crm.find_customer, with: {email: x}}
  - {end: {result: {name: '${customer.name}'}}}
`, &contracts.Error{Class: contracts.Unavailable}, true, ""},
		{"a write that may have been sent does not", makesTicket, &contracts.Error{Class: contracts.Unavailable}, false, ""},
		{"a write of which nothing was sent does", makesTicket, &contracts.Error{Class: contracts.Unavailable, NothingSent: true}, true, ""},
		{"one that is not let in does if the driver says so", makesTicket, &contracts.Error{Class: contracts.Auth, NothingSent: true}, true, "auth"},
		{"one that must wait too", makesTicket, &contracts.Error{Class: contracts.RateLimited, NothingSent: true, RetryAfter: time.Hour}, true, "drift rate_limited"},
		{"but not one that may have been sent", makesTicket, &contracts.Error{Class: contracts.RateLimited}, false, "rate_limited"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			first := func(adapters.Call) (rules.Value, error) { return rules.Value{}, test.failure }
			h := newHarness(t, test.useCase, map[string]play{
				"crm.find_customer":   then(first, gives(jane)),
				"support.create_task": then(first, gives(ticket)),
			})
			for _, system := range h.reach.Systems {
				system.Drivers[0].NextOn = test.nextOn
				spare := system.Drivers[0]
				spare.Name = "adapter:spare"
				system.Drivers = append(system.Drivers, spare)
			}
			h.run(`{}`)
			steps, err := h.store.Steps(t.Context(), caseID)
			require.NoError(t, err)
			require.Equal(t, test.second, steps[0].Driver == "adapter:spare")
		})
	}
}

func TestPersonAsDriver(t *testing.T) {
	h := newHarness(t, `
input: {}
steps:
  - id: shipment
    call: fulfilment.get_shipment
    with: {order_number: '1042'}
    on_error:
      not_found: [{id: none, set: {order_number: '1042', parcels: []}}]
  - {end: {result: {order: '${shipment.order_number}', parcels: '${len(shipment.parcels)}'}}}
`, nil)
	h.reach.Systems["fulfilment"].Drivers = []activities.Driver{{Name: "person:shipping", Person: "shipping"}}
	h.person(time.Hour, "answer", `{"act": "fail", "class": "not_found"}`)
	require.JSONEq(t, `{"order": "1042", "parcels": 0}`, plain(t, h.run(`{}`).Result))
	require.Equal(t, "shipping", h.tasks()[0].Queue)
}

func TestUnknownOutcomeIsAPersonsTask(t *testing.T) {
	tests := []struct {
		name, answer string
		sent         int
		state        store.EffectState
	}{
		{"it was done", `{"act": "done", "value": {"id": "t7", "number": "77", "status": "new"}}`, 1, store.EffectConfirmed},
		{"it was not done", `{"act": "not_done"}`, 2, store.EffectConfirmed},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			h := newHarness(t, makesTicket, map[string]play{"support.create_task": then(fails(contracts.OutcomeUnknown), gives(ticket))})
			h.person(time.Hour, "confirm", test.answer)
			require.JSONEq(t, `{"number": "77"}`, plain(t, h.run(`{}`).Result))
			require.Len(t, h.callsOf("support.create_task"), test.sent)
			effects, err := h.store.Effects(t.Context(), caseID)
			require.NoError(t, err)
			require.Len(t, effects, 1)
			require.Equal(t, test.state, effects[0].State)
		})
	}
}

func TestWriteThatAPersonGivesUp(t *testing.T) {
	h := newHarness(t, `
input: {}
steps:
  - id: ticket
    call: support.create_task
    with: {queue: q, title: Title, text: Text, reference: '${case.reference}'}
    on_error:
      outcome_unknown: [{id: none, set: {value: '${missing}'}}]
  - {end: {outcome: '${ticket == missing ? "without" : "with"}'}}
`, map[string]play{"support.create_task": fails(contracts.OutcomeUnknown)})
	h.person(time.Hour, "confirm", `{"act": "void"}`)
	require.Equal(t, "without", h.run(`{}`).Outcome)
	effects, err := h.store.Effects(t.Context(), caseID)
	require.NoError(t, err)
	require.Equal(t, store.EffectVoid, effects[0].State)
}

func TestPausedSystemIsWaitedFor(t *testing.T) {
	h := newHarness(t, makesTicket, map[string]play{"support.create_task": gives(ticket)})
	require.NoError(t, h.store.PauseSystem(t.Context(), "support", "ann", "maintenance"))
	h.env.RegisterDelayedCallback(func() {
		stored, err := h.store.Case(t.Context(), caseID)
		require.NoError(t, err)
		require.Equal(t, store.CaseWaiting, stored.State)
		require.Equal(t, "support", stored.WaitingFor)
		require.NoError(t, h.store.ResumeSystem(t.Context(), "support", "ann"))
	}, time.Minute)
	h.run(`{}`)
	require.Len(t, h.callsOf("support.create_task"), 1)
}

func TestChangedDriverServesAWaitingCase(t *testing.T) {
	h := newHarness(t, makesTicket, map[string]play{"support.create_task": then(fails(contracts.Unavailable), fails(contracts.Unavailable), gives(ticket))})
	h.env.RegisterDelayedCallback(func() {
		changed := h.reached()
		for short, service := range changed.Systems["support"].Drivers[0].Serves {
			service.Hash = "2"
			changed.Systems["support"].Drivers[0].Serves[short] = service
		}
		h.mu.Lock()
		h.reach = changed
		h.mu.Unlock()
	}, 100*time.Millisecond)
	h.run(`{}`)
	steps, err := h.store.Steps(t.Context(), caseID)
	require.NoError(t, err)
	require.Equal(t, "2", steps[0].DriverHash)
}

func TestRecordOfAnotherSystemIsLinked(t *testing.T) {
	h := newHarness(t, `
input: {}
steps:
  - {id: customer, call: crm.find_customer, with: {email: x}}
  - {id: invoices, call: invoicing.list_invoices, with: {customer: '${customer}'}}
  - {id: again, call: invoicing.list_invoices, with: {customer: '${customer}'}}
  - {end: {result: {invoices: '${len(invoices.invoices) + len(again.invoices)}'}}}
`, map[string]play{
		"crm.find_customer":       gives(jane),
		"invoicing.find_customer": gives(`{"id": "cus_9", "name": "J. Doe", "email": "JANE@example.com"}`),
		"invoicing.list_invoices": gives(`{"invoices": [], "lines": []}`),
	})
	h.run(`{}`)
	require.Equal(t, []string{"crm.find_customer", "invoicing.find_customer", "invoicing.list_invoices", "invoicing.list_invoices"}, h.called())
	require.Equal(t, "cus_9", h.callsOf("invoicing.list_invoices")[0].Input.Get("customer").Text())
	links, err := h.store.Links(t.Context(), store.LinkFilter{CaseID: caseID})
	require.NoError(t, err)
	require.Len(t, links, 1)
	require.InDelta(t, 0.95, links[0].Confidence, 0.001)
}

func TestBundleThatIsNotInMemoryOnlyFailsTheTask(t *testing.T) {
	h := newHarness(t, "input: {}\nsteps:\n  - {id: a, set: {value: 'x'}}\n", nil)
	h.missing = 1
	h.start(`{}`)
	var panicked *temporal.PanicError
	require.ErrorAs(t, h.env.GetWorkflowError(), &panicked, "on a worker, a panic fails the workflow task and not the case")
}
