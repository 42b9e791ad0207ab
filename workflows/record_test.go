package workflows_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/interceptor"
	sdk "go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"

	"crosswalk/activities"
	"crosswalk/adapters"
	"crosswalk/contracts"
	"crosswalk/rules"
	"crosswalk/store"
	"crosswalk/usecases"
	"crosswalk/worker"
	"crosswalk/workflows"
)

// recordVariable switches the recorder on. It writes histories of the interpreter as it is now, under the version it
// has now: run it from the commit that is released, never from a branch that changes what it records, or the replay
// compares new code with new code.
const recordVariable = "CROSSWALK_RECORD_HISTORIES"

// recordedAs begins the names of what is recorded now: with the version of the interpreter, see version.go.
const recordedAs = "v4"

// scenario is a case to record.
type scenario struct {
	name    string
	useCase string // empty: the shipped complaint
	input   string
	plays   map[string]play
	persons bool   // people serve every system
	cancel  bool   // by Temporal's own means, at the first task
	undo    bool   // by a message instead, with undo; answers come after it
	runs    string // the use case refund, if it runs that
	// answers are given to the tasks in the order in which they are opened; join lets a message join before the
	// first.
	answers []string
	join    bool
	// wishes are done by an operator when the case waits first, before the answers; mended is the use case that a move
	// leads to.
	wishes []store.Repair
	mended string
	short  bool // it may end before all answers are asked for
	// event is told with the key x when the case waits for one.
	event, payload string
	// continueAfter is the number of events at which the engine suggests a new run, 0 for its own; messages join while
	// the case waits first.
	continueAfter, messages int
}

func scenarios() []scenario {
	down := fails(contracts.Unavailable)
	return append(slices.Concat(complaints(), kindScenarios(), sizeScenarios()), []scenario{
		{name: "call", useCase: makesTicket, plays: map[string]play{"support.create_task": gives(ticket)}},
		{name: "call-link", plays: map[string]play{
			"crm.find_customer": gives(jane), "invoicing.find_customer": gives(`{"id": "cus_9"}`), "invoicing.list_invoices": gives(`{"invoices": [], "lines": []}`),
		}, useCase: `
input: {}
steps:
  - {id: customer, call: crm.find_customer, with: {email: x}}
  - {id: invoices, call: invoicing.list_invoices, with: {customer: '${customer}'}}
  - {end: {result: {lines: '${len(invoices.lines)}'}}}
`},
		{name: "call-waits", useCase: makesTicket, plays: map[string]play{"support.create_task": then(down, down, gives(ticket))}},
		{name: "call-person", persons: true, useCase: makesTicket, answers: []string{`{"value": {"id": "7", "number": "77", "status": "new"}}`}},
		{name: "call-unknown-done", useCase: makesTicket, plays: map[string]play{"support.create_task": fails(contracts.OutcomeUnknown)},
			answers: []string{`{"act": "done", "value": {"id": "7", "number": "77", "status": "new"}}`}},
		{name: "call-unknown-not-done", useCase: makesTicket, plays: map[string]play{"support.create_task": then(fails(contracts.OutcomeUnknown), gives(ticket))},
			answers: []string{`{"act": "not_done"}`}},
		{name: "on-error", plays: map[string]play{"crm.find_customer": fails(contracts.NotFound)}, useCase: `
input: {}
steps:
  - id: customer
    call: crm.find_customer
    with: {email: x}
    on_error: {not_found: [{id: nobody, set: {value: '${missing}'}}]}
  - {end: {outcome: '${customer == missing ? "nobody" : "somebody"}'}}
`},
		{name: "repair", useCase: makesTicket, plays: map[string]play{"support.create_task": then(fails(contracts.Validation), gives(ticket))}, answers: []string{`{"act": "retry"}`}},
		{name: "decide", useCase: decides, input: `{"pieces": 12}`},
		{name: "decide-error", useCase: decides, input: `{"pieces": 1000}`, answers: []string{`{"act": "answer", "value": {"size": "large"}}`}},
		{name: "set-choose-end", useCase: `
input: {}
steps:
  - {id: n, set: {value: '${1 + 1}'}}
  - {id: word, choose: [{when: n == 2, steps: [{id: two, set: {value: two}}]}, {otherwise: [{id: many, set: {value: many}}]}]}
  - {end: {outcome: '${word}'}}
`},
		{name: "each", answers: []string{`{"approved": true}`, `{"approved": false}`}, useCase: `
input: {}
steps:
  - id: checked
    each: {in: '${["a", "b"]}', as: item, steps: [{id: seen, ask: {queue: q, what: approve, show: {Item: '${item}'}}}, {id: kept, set: {value: '${seen.approved ? item : missing}'}}]}
  - {end: {result: {checked: '${checked}'}}}
`},
		{name: "ask-choose", answers: []string{`{"index": 9}`, `{"index": 1}`}, useCase: `
input: {}
steps:
  - {id: picked, ask: {queue: q, what: choose, from: '${["a", "b"]}'}}
  - {end: {outcome: '${picked}'}}
`},
		{name: "ask-escalates", answers: []string{"", `{"approved": true}`}, useCase: `
input: {}
steps:
  - {id: asked, ask: {queue: q, what: approve, within: 1s, on_timeout: {role: boss}}}
`},
		{name: "wait-time", useCase: `
input: {}
steps:
  - {id: pause, wait: {for: 1s}}
  - {id: past, wait: {until: 2020-01-01, calendar: office}}
  - {end: {outcome: '${pause > past ? "waited" : "never"}'}}
`},
		{name: "wait-event", event: "paid", payload: `{"amount": 5}`, useCase: `
input: {}
events: {paid: {amount: {type: number, required: true}}}
steps:
  - {id: payment, wait: {event: paid, key: x, within: 2 business days, calendar: office}}
  - {end: {result: {amount: '${payment?.amount}'}}}
`},
		{name: "wait-event-late", useCase: `
input: {}
events: {paid: {amount: {type: number, required: true}}}
steps:
  - {id: payment, wait: {event: paid, key: x, within: 1s, on_timeout: [{set: {amount: 0}}]}}
  - {end: {result: {amount: '${payment.amount}'}}}
`},
		{name: "ask-panel", answers: []string{`{"approved": true}`, `{"approved": true}`}, useCase: `
input: {}
steps:
  - {id: asked, ask: {what: approve, approvers: {role: lead, count: 2}, within: 1 business day, calendar: office}}
  - {end: {outcome: '${asked.approved ? "approved" : "rejected"}'}}
`},
		{name: "ask-panel-rejects", answers: []string{`{"approved": false}`}, useCase: `
input: {}
steps:
  - {id: asked, ask: {what: approve, approvers: {all: [finance, legal]}}}
  - {end: {outcome: '${asked.approved ? "approved" : "rejected"}'}}
`},
		{name: "ask-reminds-escalates", answers: []string{"", "", `{"approved": true}`}, useCase: `
input: {}
steps:
  - {id: asked, ask: {queue: q, what: approve, remind: [1s], within: 2s, on_timeout: [{role: boss, within: 2s}, {role: ceo}]}}
`},
		{name: "redo", useCase: corrected, input: `{"email": "jane@example.com"}`,
			plays:   map[string]play{"crm.find_customer": byEmail, "support.create_task": gives(ticket), "support.update_task": gives(ticket)},
			answers: []string{`{"act": "redo", "step": "customer", "with": {"email": "john@example.com"}}`, `{"outcome": "accepted"}`}},
		{name: "joined", useCase: joins, join: true, answers: []string{`{"outcome": "accepted"}`},
			plays: map[string]play{"support.create_task": gives(ticket), "support.update_task": gives(ticket)}},
		{name: "repair-redo", useCase: parkedTwice, input: `{"email": "jane@example.com"}`, answers: []string{`{"outcome": "accepted"}`},
			plays:  map[string]play{"crm.find_customer": byEmail, "support.create_task": gives(ticket), "support.update_task": gives(ticket)},
			wishes: []store.Repair{{Act: store.ActRedo, Step: "nothing"}, {Act: store.ActRedo, Step: "customer", Body: body(`{"with": {"email": "john@example.com"}}`)}}},
		{name: "repair-park", useCase: makesTicket, answers: []string{`{"act": "answer", "value": {"id": "7", "number": "77", "status": "new"}}`},
			plays: map[string]play{"support.create_task": down}, wishes: []store.Repair{{Act: store.ActPark}}},
		{name: "repair-move", useCase: parkedTwice, mended: moved, input: `{"email": "jane@example.com"}`, answers: []string{`{"outcome": "mended"}`},
			plays:  map[string]play{"crm.find_customer": byEmail, "support.create_task": gives(ticket), "support.update_task": gives(ticket)},
			wishes: []store.Repair{{Act: store.ActMove, Bundle: "mended"}, {Act: store.ActMove, Bundle: "mended", Step: "ticket"}}},
		{name: "cancel", cancel: true, useCase: joins, plays: map[string]play{"support.create_task": gives(ticket)}},
	}...)
}

// complaints are the ends of the shipped use case.
func complaints() []scenario {
	accepted := `{"outcome": "accepted"}`
	candidates := func(call adapters.Call) (rules.Value, error) {
		list, err := rules.FromJSON([]byte("[" + jane + "," + john + "]"))
		return rules.Value{}, errors.Join(err, &contracts.Error{Class: contracts.NotUnique, Candidates: list})
	}
	replaced := func(operation string, changes ...string) map[string]play {
		text := map[string]string{"invoicing.list_invoices": kettleInvoices, "orders.get_order": kettleOrder, "fulfilment.get_shipment": kettleShipment, "warehouse.check_stock": kettleStock}[operation]
		changed := strings.NewReplacer(changes...).Replace(text)
		if changed == text {
			panic("nothing of " + operation + " was changed")
		}
		return map[string]play{operation: gives(changed)}
	}
	both := func(a, b map[string]play) map[string]play {
		maps.Copy(a, b)
		return a
	}
	dear := func() map[string]play {
		return with(both(replaced("invoicing.list_invoices", `"amount": 89`, `"amount": 4900`, `"total": 89`, `"total": 4900`),
			replaced("orders.get_order", `"amount": 89`, `"amount": 4900`, `"total": 89`, `"total": 4900`)))
	}
	of := func(category string) map[string]play {
		return with(replaced("orders.get_order", `"category": "kitchen"`, `"category": "`+category+`"`))
	}
	parcel := func(status string) map[string]play {
		return with(replaced("fulfilment.get_shipment", `"status": "delivered"`, `"status": "`+status+`"`, `, "delivered_on": "2026-01-08"`, ""))
	}
	bought := func(lines ...string) map[string]play {
		return with(map[string]play{"invoicing.list_invoices": gives(`{"invoices": [], "lines": [` + strings.Join(lines, ", ") + `]}`)})
	}
	line := func(id, order, article string) string {
		return fmt.Sprintf(`{"id": %q, "invoice_number": "R-%s", "invoice_status": "paid", "issued_on": "2026-01-05", "order_number": %q,
			"article": %q, "quantity": 1, "amount": 89, "currency": "EUR", "refunded": false}`, id, order, order, article)
	}
	saying := func(product, text string) string {
		return strings.NewReplacer("My kettle leaks. It is broken and I want a new one.", text, `"product": "Kettle Aria"`, `"product": "`+product+`"`).Replace(complaint)
	}
	late := strings.Replace(complaint, "2026-03-01", "2029-03-01", 1)
	out := func(changes ...string) map[string]play {
		return with(replaced("warehouse.check_stock", append([]string{`"available": 5`, `"available": 0`}, changes...)...))
	}
	once := []string{accepted}
	first := []string{`{"index": 0}`, accepted}
	kettle, toaster := "Kettle Aria 1.7 l", "Toaster Solis 2"
	return []scenario{
		{name: "complaint-replace", input: complaint, plays: company(), answers: once},
		{name: "complaint-repair", input: complaint, plays: of("furniture"), answers: once},
		{name: "complaint-not-replaceable", input: complaint, plays: of("bespoke"), answers: once},
		{name: "complaint-gift", input: complaint, plays: with(replaced("orders.get_order", `"status": "completed"`, `"status": "completed", "gift": true`)), answers: once},
		{name: "complaint-other-message", input: saying("", "What are your opening hours?"), plays: company(), answers: once, short: true},
		{name: "complaint-customer-chosen", input: complaint, plays: with(map[string]play{"crm.find_customer": candidates}), answers: first},
		{name: "complaint-customer-unknown", input: complaint, answers: once,
			plays: with(map[string]play{"crm.find_customer": fails(contracts.NotFound), "support.find_customer": fails(contracts.NotFound)})},
		{name: "complaint-account-chosen", input: complaint, answers: first, plays: with(map[string]play{"invoicing.list_invoices": then(candidates, gives(kettleInvoices))})},
		{name: "complaint-no-purchase", input: complaint, plays: bought(), answers: once},
		{name: "complaint-no-product", input: saying("", "It is broken."), plays: bought(line("il_1", "1042", kettle), line("il_2", "1043", toaster)), answers: first},
		{name: "complaint-on-no-invoice", input: saying("Lamp Orion", "The lamp is broken."), plays: bought(line("il_1", "1042", kettle), line("il_2", "1043", toaster)), answers: first},
		{name: "complaint-on-several", input: complaint, plays: bought(line("il_1", "1042", kettle), line("il_2", "1043", kettle)), answers: first},
		{name: "complaint-two-products", input: saying("", "The "+kettle+" and the "+toaster+" are broken."),
			plays: bought(line("il_1", "1042", kettle), line("il_2", "1043", toaster)), answers: first},
		{name: "complaint-no-order", input: complaint, plays: with(map[string]play{"orders.get_order": fails(contracts.NotFound)}), answers: once},
		{name: "complaint-order-contradicts", input: complaint, plays: with(replaced("orders.get_order", kettle, toaster, "KE-17", "TO-20")), answers: once},
		{name: "complaint-order-cancelled", input: complaint, plays: with(replaced("orders.get_order", "completed", "cancelled")), answers: once},
		{name: "complaint-order-refunded", input: complaint, plays: with(replaced("orders.get_order", "completed", "refunded")), answers: once},
		{name: "complaint-invoice-cancelled", input: complaint, plays: with(replaced("invoicing.list_invoices", `"paid"`, `"void"`)), answers: once},
		{name: "complaint-refunded", input: complaint, plays: with(replaced("invoicing.list_invoices", `"refunded": false`, `"refunded": true`)), answers: once},
		{name: "complaint-not-shipped", input: complaint, plays: with(map[string]play{"fulfilment.get_shipment": fails(contracts.NotFound)}), answers: once},
		{name: "complaint-in-transit", input: complaint, plays: parcel("in_transit"), answers: once},
		{name: "complaint-lost", input: complaint, plays: parcel("lost"), answers: once},
		{name: "complaint-returned", input: complaint, plays: parcel("returned"), answers: once},
		{name: "complaint-no-delivery-date", input: complaint, plays: parcel("delivered"), answers: once},
		{name: "complaint-partly-shipped", input: complaint, plays: with(replaced("orders.get_order", `"quantity": 1,`, `"quantity": 3,`)), answers: once},
		{name: "complaint-out-of-warranty", input: late, plays: company(), answers: once},
		{name: "complaint-not-shippable", input: complaint, plays: with(replaced("warehouse.check_stock", `"ships_to": true`, `"ships_to": false`)), answers: once},
		{name: "complaint-out-of-stock", input: complaint, plays: out(`"elsewhere": 0`, `"elsewhere": 3, "restock_on": "2026-03-20"`), answers: once},
		{name: "complaint-refund", input: complaint, plays: out(), answers: once},
		{name: "complaint-approved", input: complaint, answers: []string{`{"approved": true}`, accepted}, plays: dear()},
		{name: "complaint-approval-rejected", input: complaint, answers: []string{`{"approved": false, "reason": "repair it"}`, accepted}, plays: dear()},
		{name: "complaint-redo", input: complaint, plays: with(map[string]play{"crm.find_customer": byEmail}),
			answers: []string{`{"act": "redo", "step": "customer", "with": {"email": "john@example.com"}}`, accepted}},
	}
}

// TestRecordHistories writes testdata/histories. It does nothing unless it is asked to.
func TestRecordHistories(t *testing.T) {
	if os.Getenv(recordVariable) == "" {
		t.Logf("%s is not set: nothing is recorded", recordVariable)
		return
	}
	own := engineOf(t, 0)
	for _, s := range scenarios() {
		t.Run(s.name, func(t *testing.T) {
			c := own
			if s.continueAfter > 0 {
				c = engineOf(t, s.continueAfter)
			}
			record(t, c, s)
		})
	}
}

// record runs one case on a real engine and writes its history.
func record(t *testing.T, c client.Client, s scenario) {
	opened, err := store.Open(t.Context(), t.TempDir())
	require.NoError(t, err)
	defer opened.Close()
	bundle := complaintBundle(t)
	if s.useCase != "" {
		bundle = bundleOf("usecase: test\ntitle: Test\n" + s.useCase)
	}
	h := &harness{t: t, store: opened, plays: s.plays, id: "test-" + s.name}
	if s.runs != "" {
		h.runs(s.runs, &bundle)
	}
	plan, problems := usecases.Compile(bundle)
	require.NoError(t, problems.Err(), "%s", problems.Error())
	h.plan, h.reach = plan, h.reached()
	if s.persons {
		for _, system := range h.reach.Systems {
			system.Drivers = []activities.Driver{{Name: "person:q", Person: "q"}}
		}
	}
	acts := &activities.Activities{Store: opened, Reach: func() *activities.Reach { return h.reach }, Contracts: h, UseCases: h}
	running := work(t, c, workflows.Interpreter{Plans: h, Routes: h, Calendars: h}, acts)
	foreign(running)
	defer running.Stop()
	others := map[string]usecases.Bundle{}
	if s.mended != "" {
		others["mended"] = bundleOf("usecase: test\ntitle: Test\n" + s.mended)
		h.knows("mended", s.mended)
	}

	made, err := opened.CreateCase(t.Context(), store.NewCase{ID: "test-" + s.name, UseCase: plan.UseCase, BundleHash: plan.Hash, ContactKeys: []string{"email:jane@example.com"}})
	require.NoError(t, err)
	if s.input == "" {
		s.input = `{}`
	}
	input, err := rules.Decode(plan.Input, []byte(s.input))
	require.NoError(t, err)
	run, err := c.ExecuteWorkflow(t.Context(), client.StartWorkflowOptions{ID: made.ID, TaskQueue: workflows.QueueMain}, plan.UseCase,
		workflows.StartInput{BundleHash: plan.Hash, Input: input, Case: workflows.CaseMeta{Reference: made.Reference, Language: "en", Channel: "email"}})
	require.NoError(t, err)
	play := player{t: t, h: h, client: c, id: made.ID}
	if s.messages > 0 {
		play.talk(s.messages)
	}
	play.people(s)
	err = run.Get(t.Context(), nil)
	require.Equal(t, s.cancel, err != nil, "%v", err)
	if !s.whole() {
		writeRecording(t, fmt.Sprintf("%s-%s", recordedAs, s.name), bundle, historyOf(t, c, made.ID), others)
		return
	}
	for hash := range h.others {
		_, _, others[hash] = refundOf(t, s.runs)
	}
	writeRuns(t, c, fmt.Sprintf("%s-%s", recordedAs, s.name), made.ID, bundle, others)
}

// work runs a worker.
func work(t *testing.T, c client.Client, interpreter workflows.Interpreter, acts *activities.Activities, interceptors ...interceptor.WorkerInterceptor) sdk.Worker {
	t.Helper()
	running := sdk.New(c, workflows.QueueMain, sdk.Options{DisableRegistrationAliasing: true, DisablePayloadErrorLimit: true, DeadlockDetectionTimeout: time.Minute, Interceptors: interceptors})
	running.RegisterDynamicWorkflow(interpreter.Run, workflow.DynamicRegisterOptions{})
	acts.Register(running)
	require.NoError(t, running.Start())
	return running
}

// player plays the people around a case that is recorded.
type player struct {
	t      *testing.T
	h      *harness
	client client.Client
	id     string
}

// operator has something done about the case when it waits; what it does not take yet is asked again.
func (p player) operator(wish store.Repair) {
	wish.CaseID, wish.Who = p.id, "op"
	if wish.Act != store.ActPark {
		p.next()
	}
	require.Eventually(p.t, func() bool {
		asked, err := p.h.store.AskRepair(p.t.Context(), wish)
		require.NoError(p.t, err)
		handle, err := p.client.UpdateWorkflow(p.t.Context(), client.UpdateWorkflowOptions{UpdateID: asked.ID, WorkflowID: p.id, UpdateName: workflows.UpdateRepair,
			Args: []any{workflows.Repair{ID: asked.ID}}, WaitForStage: client.WorkflowUpdateStageCompleted})
		require.NoError(p.t, err)
		var reply workflows.Repaired
		require.NoError(p.t, handle.Get(p.t.Context(), &reply))
		return reply.Problem == "" || wish.Act != store.ActPark
	}, time.Minute, 50*time.Millisecond)
}

func (p player) people(s scenario) {
	if s.event != "" {
		p.await(func() bool {
			found, err := p.h.store.Case(p.t.Context(), p.id)
			require.NoError(p.t, err)
			return found.WaitingKind == "event"
		})
		p.h.happens(s.event, "x", "1", s.payload)
		require.NoError(p.t, worker.NewCases(p.client, p.h.store, nil).TellEvents(p.t.Context(), "", "", time.Time{}))
	}
	if s.cancel {
		p.next()
		p.cancel(s.undo)
	}
	for _, wish := range s.wishes {
		p.operator(wish)
	}
	for i, answer := range s.answers {
		task, open := p.next()
		if !open {
			require.True(p.t, s.short, "the case ended before %s was asked for", answer)
			return
		}
		if i == 0 && s.join {
			p.h.join("further words")
			require.NoError(p.t, p.client.SignalWorkflow(p.t.Context(), p.id, "", workflows.SignalNudge, nil))
			p.await(func() bool { return len(p.h.callsOf("support.update_task")) > 0 })
		}
		if answer == "" { // nobody comes: the task goes to somebody else
			p.await(func() bool {
				now, _ := p.next()
				return now.Version > task.Version
			})
			continue
		}
		answered, err := p.h.store.Answer(p.t.Context(), task.ID, task.Version, store.Actor{User: fmt.Sprintf("person-%d", i), All: true}, "done", json.RawMessage(answer))
		require.NoError(p.t, err)
		require.NoError(p.t, worker.NewCases(p.client, p.h.store, nil).Deliver(p.t.Context(), answered))
	}
}

func (p player) cancel(undo bool) {
	if !undo {
		require.NoError(p.t, p.client.CancelWorkflow(p.t.Context(), p.id, ""))
		return
	}
	handle, err := p.client.UpdateWorkflow(p.t.Context(), client.UpdateWorkflowOptions{WorkflowID: p.id, UpdateName: workflows.UpdateCancel,
		Args: []any{workflows.Cancel{Undo: true, By: "ann"}}, WaitForStage: client.WorkflowUpdateStageCompleted})
	require.NoError(p.t, err)
	require.NoError(p.t, handle.Get(p.t.Context(), nil))
}

// next waits for an open task, or for the end of the case.
func (p player) next() (task store.Task, ok bool) {
	p.await(func() bool {
		open := slices.DeleteFunc(p.h.tasks(), func(task store.Task) bool { return task.Closed() })
		found, err := p.h.store.Case(p.t.Context(), p.id)
		require.NoError(p.t, err)
		if ok = len(open) > 0; ok {
			task = open[0]
		}
		return ok || found.Ended()
	})
	return task, ok
}

func (p player) await(condition func() bool) {
	p.t.Helper()
	require.Eventually(p.t, condition, time.Minute, 20*time.Millisecond)
}
