package workflows_test

import (
	"context"
	"fmt"
	"log/slog"
	"maps"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/history/v1"
	"go.temporal.io/sdk/client"

	"crosswalk/contracts"
	"crosswalk/engine"
	"crosswalk/store"
	"crosswalk/usecases"
	"crosswalk/worker"
	"crosswalk/workflows"
)

// early is the number of events at which the engine of a scenario suggests a new run.
const early = 60

// talks lets messages join the case while it waits, so that its history grows.
const talks = `
joined:
  - {id: looked_up, call: orders.get_order, with: {number: '${message.text}'}, on_error: {not_found: []}}
`

const accepts = `{"outcome": "accepted"}`

// insideLines has the customer of one line looked for anew.
var insideLines = store.Repair{Act: store.ActRedo, Step: "lines[1].found", Body: body(`{"with": {"email": "john@example.com"}}`)}

// sizeScenarios are cases that go on in new runs, wherever they rest, and cases whose loops run in windows. Each run and
// each window is a history of its own.
func sizeScenarios() []scenario {
	approved := `{"approved": true}`
	plays := func(more map[string]play) map[string]play {
		all := map[string]play{"orders.get_order": fails(contracts.NotFound), "crm.find_customer": gives(jane), "support.create_task": gives(ticket), "support.update_task": gives(ticket)}
		maps.Copy(all, more)
		return all
	}
	list := func(count int) string {
		var numbers []string
		for n := range count {
			numbers = append(numbers, fmt.Sprint(n))
		}
		return "${[" + strings.Join(numbers, ", ") + "]}"
	}
	return []scenario{
		{name: "continued-ask", continueAfter: early, messages: 60, plays: plays(nil), answers: []string{approved}, useCase: `
input: {}
steps:
  - {id: customer, call: crm.find_customer, with: {email: x}}
  - {id: seen, ask: {queue: q, what: approve, within: 30 days, show: {Name: '${customer.name}'}}}
  - {end: {outcome: '${seen.approved ? "approved" : "rejected"}'}}
` + talks},
		{name: "undo-continues", continueAfter: early, plays: plays(map[string]play{"support.update_task": atSecond()}), answers: []string{`{"approved": false}`}, useCase: strings.Replace(undoesMuch, "'${input.numbers}'", "'"+list(30)+"'", 1), input: `{"numbers": []}`},
		{name: "redo-in-doubt", plays: map[string]play{"crm.find_customer": byEmail, "support.create_task": fails(contracts.OutcomeUnknown)}, useCase: corrected, input: `{"email": "jane@example.com"}`, answers: []string{
			`{"act": "redo", "step": "customer", "with": {"email": "john@example.com"}}`, `{"act": "done", "value": ` + ticket + `}`, `{"outcome": "accepted"}`}},
		{name: "redo-inside", plays: plays(map[string]play{"crm.find_customer": byEmail}), useCase: checkedLines, wishes: []store.Repair{insideLines},
			answers: []string{approved, approved, approved, accepts, accepts, accepts}},
		{name: "continued-redo-inside", continueAfter: early, messages: 60, plays: plays(map[string]play{"crm.find_customer": byEmail}), useCase: checkedLines + talks,
			wishes: []store.Repair{insideLines}, answers: []string{approved, approved, approved, accepts, accepts, accepts}},
		{name: "redo-inside-stands-in", plays: plays(nil), useCase: strings.NewReplacer("30 minutes", "10ms", "{id: l, ask", "{id: pause, wait: {for: 2s}}, {id: l, ask").Replace(standsIn),
			wishes: []store.Repair{{Act: store.ActRedo, Step: "both.left.value", Body: body(`{"value": "X"}`)}}, answers: []string{`{"value": {"amount": 5}}`, accepts}},
		{name: "continued-stands-in", continueAfter: early, messages: 60, plays: plays(nil), useCase: strings.Replace(standsIn, "30 minutes", "10ms", 1) + talks,
			answers: []string{accepts, `{"value": {"amount": 5}}`}},
		{name: "redo-inside-in-order", answers: []string{accepts}, useCase: `
input: {}
steps:
  - id: lines
    each:
      in: '${["a", "b"]}'
      as: line
      in_order: true
      steps:
        - {id: made, set: {value: '${line}'}}
        - {id: pause, wait: {for: 3s}}
        - {id: checked, when: line == "b", ask: {queue: q, what: complete, outcomes: [accepted]}}
        - {id: kept, set: {value: '${made}'}}
  - {end: {result: {lines: '${lines}'}}}
`, wishes: []store.Repair{{Act: store.ActRedo, Step: "lines[0].made", Body: body(`{"value": "X"}`)}, {Act: store.ActRedo, Step: "lines[1].made", Body: body(`{"value": "Y"}`)}}},
		{name: "continued-panel", continueAfter: early, messages: 60, plays: plays(nil), answers: []string{approved, approved}, useCase: `
input: {}
steps:
  - {id: seen, ask: {what: approve, approvers: {role: lead, count: 2}, within: 10 business days, calendar: office, remind: [5 business days]}}
  - {end: {outcome: '${seen.approved ? "approved" : "rejected"}'}}
` + talks},
		{name: "continued-wait", continueAfter: early, messages: 60, plays: plays(nil), useCase: `
input: {}
steps:
  - {id: pause, wait: {for: 10s}}
  - {id: customer, call: crm.find_customer, with: {email: x}}
  - {end: {outcome: '${customer.name}'}}
` + talks},
		{name: "continued-event", continueAfter: early, messages: 60, plays: plays(nil), event: "paid", payload: `{"amount": 5}`, useCase: `
input: {}
events: {paid: {amount: {type: number, required: true}}}
steps:
  - {id: payment, wait: {event: paid, key: x, within: 2 business days, calendar: office}}
  - {end: {result: {amount: '${payment?.amount}'}}}
` + talks},
		{name: "continued-between-steps", continueAfter: early, plays: plays(nil), useCase: `
input: {}
steps:
  - id: told
    each:
      in: '` + list(30) + `'
      as: n
      in_order: true
      steps:
        - {id: ticket, call: support.create_task, with: {queue: q, title: T, text: '${readable(n)}', reference: R}}
        - {id: pause, wait: {for: 10ms}}
        - {id: kept, set: {value: '${ticket.number}'}}
  - {end: {outcome: '${len(told)} ${len(case.facts)}'}}
`},
		{name: "continued-inside", continueAfter: early, messages: 60, answers: []string{approved, `{"act": "answer", "value": {"id": "9", "name": "Typed"}}`, approved},
			plays: plays(map[string]play{"invoicing.find_customer": fails(contracts.Validation)}), useCase: `
input: {}
steps:
  - id: both
    together:
      branches:
        people:
          - id: seen
            each: {in: '${[1, 2]}', as: n, steps: [{id: found, call: crm.find_customer, with: {email: '${readable(n)}'}}, {id: asked, ask: {queue: q, what: approve}}]}
        account:
          - {id: customer, call: invoicing.find_customer, with: {emails: [x]}}
  - {end: {outcome: done}}
` + talks},
		{name: "continued-undo", continueAfter: early, messages: 60, cancel: true, undo: true, plays: plays(nil), useCase: `
input: {}
steps:
  - id: ticket
    call: support.create_task
    with: {queue: q, title: T, text: T, reference: R}
    undo: [{call: support.update_task, with: {task: '${ticket}', text: void}}]
  - {id: seen, ask: {queue: q, what: approve}}
` + talks},
		{name: "windows", plays: plays(nil), useCase: `
input: {}
steps:
  - id: names
    each:
      in: '` + list(120) + `'
      as: n
      steps:
        - {id: found, call: crm.find_customer, with: {email: '${readable(n)}'}}
        - {id: ticket, call: support.create_task, with: {queue: q, title: '${found.name}', text: T, reference: R}, undo: [{call: support.update_task, with: {task: '${ticket}', text: void}}]}
  - {end: {outcome: '${len(names)} ${len(case.facts)}'}}
`},
		{name: "windows-in-order", plays: plays(nil), useCase: `
input: {}
steps:
  - {id: names, each: {in: '` + list(110) + `', as: n, in_order: true, steps: [{id: one, set: {value: '${n + 1}'}}]}}
  - {end: {outcome: '${readable(sum(names))}'}}
`},
		{name: "windows-ask", plays: plays(nil), answers: []string{approved, approved}, useCase: `
input: {}
steps:
  - id: names
    each:
      in: '` + list(60) + `'
      as: n
      steps:
        - {when: n == 3 or n == 57, id: seen, ask: {queue: q, what: approve}}
        - {id: pause, wait: {for: 10ms}}
        - {id: one, set: {value: '${n}'}}
  - {end: {outcome: '${readable(sum(names))}'}}
`},
		{name: "windows-continued", continueAfter: early, plays: plays(nil), useCase: `
input: {}
steps:
  - id: names
    each:
      in: '` + list(60) + `'
      as: n
      in_order: true
      steps:
        - {id: ticket, call: support.create_task, with: {queue: q, title: T, text: T, reference: R}}
        - {when: n % 6 == 0, id: pause, wait: {for: 5ms}}
        - {id: done, set: {value: '${n}'}}
  - {end: {outcome: '${readable(len(names))}'}}
`},
		{name: "windows-end", plays: plays(nil), answers: []string{`{"approved": false}`}, useCase: `
input: {}
steps:
  - id: seen
    each:
      in: '` + list(60) + `'
      as: n
      steps:
        - {when: n == 55, id: asked, ask: {queue: q, what: approve}}
        - {when: 'n == 55 and not (asked?.approved ?? true)', end: {outcome: refused}}
        - {id: hour, wait: {for: 1 hour}}
`},
		{name: "windows-run", runs: refund, plays: plays(nil), answers: []string{approved, approved}, useCase: `
input: {}
steps:
  - id: refunds
    each:
      in: '` + list(52) + `'
      as: n
      steps:
        - {when: n == 0 or n == 51, id: refund, run: refund, with: {name: Jane}}
        - {id: paid, set: {value: '${refund?.outcome}'}}
  - {end: {outcome: '${join(refunds, ",")}'}}
`},
	}
}

// whole says that each run of the case, and each execution that it starts, is a recording of its own.
func (s scenario) whole() bool {
	return s.continueAfter > 0 || strings.HasPrefix(s.name, "windows")
}

// engineOf starts the engine that a scenario needs.
func engineOf(t *testing.T, continueAfter int) client.Client {
	t.Helper()
	quiet := slog.New(slog.DiscardHandler)
	started, err := engine.Start(t.Context(), engine.Options{NoUI: true, SearchAttributes: worker.SearchAttributes(), ContinueAfter: continueAfter, Logger: quiet})
	require.NoError(t, err)
	t.Cleanup(func() { _ = started.Stop(context.Background()) })
	c, err := worker.Dial(t.Context(), worker.Dialing{Address: started.FrontendAddress(), Logger: quiet})
	require.NoError(t, err)
	t.Cleanup(c.Close)
	return c
}

// talk lets the messages of a scenario join, each with a nudge, when the case waits first.
func (p player) talk(messages int) {
	p.await(func() bool {
		found, err := p.h.store.Case(p.t.Context(), p.id)
		require.NoError(p.t, err)
		return found.WaitingKind != ""
	})
	for i := range messages {
		p.h.join(fmt.Sprintf("message %d", i))
		require.NoError(p.t, p.client.SignalWorkflow(p.t.Context(), p.id, "", workflows.SignalNudge, nil))
	}
	p.await(func() bool { return len(p.h.callsOf("orders.get_order")) == messages })
}

// writeRuns writes every run of a case, and of everything that it has started, as a file of its own.
func writeRuns(t *testing.T, c client.Client, name, id string, bundle usecases.Bundle, others map[string]usecases.Bundle) {
	t.Helper()
	runs := chainOf(t, c, id)
	children := 0
	for i, events := range runs {
		as := name
		if len(runs) > 1 {
			as = fmt.Sprintf("%s-run%d", name, i+1)
		}
		writeRecording(t, as, bundle, events, others)
		for _, event := range events {
			if begun := event.GetChildWorkflowExecutionStartedEventAttributes(); begun != nil {
				children++
				kind := "window"
				if begun.WorkflowType.GetName() == "refund" {
					kind = "case"
				}
				writeRuns(t, c, fmt.Sprintf("%s-%s%d", as, kind, children), begun.WorkflowExecution.GetWorkflowId(), bundle, others)
			}
		}
	}
}

// chainOf lists the histories of all runs of an execution, the first one first.
func chainOf(t *testing.T, c client.Client, id string) [][]*history.HistoryEvent {
	t.Helper()
	var list [][]*history.HistoryEvent
	described, err := c.DescribeWorkflowExecution(t.Context(), id, "")
	require.NoError(t, err)
	for run := described.WorkflowExecutionInfo.FirstRunId; run != ""; {
		var events []*history.HistoryEvent
		found := c.GetWorkflowHistory(t.Context(), id, run, false, enumspb.HISTORY_EVENT_FILTER_TYPE_ALL_EVENT)
		for found.HasNext() {
			event, err := found.Next()
			require.NoError(t, err)
			events = append(events, event)
		}
		list = append(list, events)
		run = events[len(events)-1].GetWorkflowExecutionContinuedAsNewEventAttributes().GetNewExecutionRunId()
	}
	return list
}

// TestRecordedSizes shows that the recorded histories are of what their names say: runs that end by going on, and windows.
func TestRecordedSizes(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]enumspb.EventType{
		"v1-continued-ask-run1": enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_CONTINUED_AS_NEW, "v1-continued-panel-run1": enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_CONTINUED_AS_NEW,
		"v1-continued-wait-run1": enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_CONTINUED_AS_NEW, "v1-continued-event-run1": enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_CONTINUED_AS_NEW,
		"v1-continued-between-steps-run1": enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_CONTINUED_AS_NEW, "v1-continued-inside-run1": enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_CONTINUED_AS_NEW,
		"v1-continued-undo-run1": enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_CONTINUED_AS_NEW,
		"v2-undo-continues-run1": enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_CONTINUED_AS_NEW, "v2-undo-continues-run7": enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_COMPLETED,
		"v1-windows-continued-window1-run1": enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_CONTINUED_AS_NEW,
		"v1-windows-window3":                enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_COMPLETED, "v1-windows-run-window1-case1": enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_COMPLETED,
	} {
		found, err := client.HistoryFromJSON(strings.NewReader(string(readRecording(t, fmt.Sprintf("%s/%s.json.gz", histories, name)).History)), client.HistoryJSONOptions{})
		require.NoError(t, err)
		require.Equal(t, want, found.Events[len(found.Events)-1].EventType, name)
	}
}
