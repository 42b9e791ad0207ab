package workflows_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"crosswalk/adapters"
	"crosswalk/contracts"
	"crosswalk/rules"
	"crosswalk/store"
	"crosswalk/usecases"
	"crosswalk/workflows"
)

// operator has something done about the case after a while, as the desk does: the store knows it before the case is told.
// Reply is what the case says.
func (h *harness) operator(after time.Duration, wish store.Repair, reply func(workflows.Repaired)) {
	h.env.RegisterDelayedCallback(func() {
		wish.CaseID, wish.Who = h.id, "op"
		asked, err := h.store.AskRepair(h.t.Context(), wish)
		require.NoError(h.t, err)
		h.env.UpdateWorkflow(workflows.UpdateRepair, asked.ID, &replied{h: h, do: reply}, workflows.Repair{ID: asked.ID})
	}, after)
}

type replied struct {
	h  *harness
	do func(workflows.Repaired)
}

func (r *replied) Accept()          {}
func (r *replied) Reject(err error) { require.NoError(r.h.t, err) }
func (r *replied) Complete(reply any, err error) {
	require.NoError(r.h.t, err)
	said, ok := reply.(workflows.Repaired)
	require.True(r.h.t, ok, "%T", reply)
	r.do(said)
}

// takes wants a wish to be taken, refuses wants it to be refused with words.
func (h *harness) takes(reply workflows.Repaired) { require.Empty(h.t, reply.Problem) }

func (h *harness) refuses(words string) func(workflows.Repaired) {
	return func(reply workflows.Repaired) { require.Contains(h.t, reply.Problem, words) }
}

// answers gives the answer of a person as soon as the case says by which task.
func (h *harness) answers(answer string) func(workflows.Repaired) {
	return func(reply workflows.Repaired) {
		require.Empty(h.t, reply.Problem)
		task, err := h.store.Task(h.t.Context(), reply.Task)
		require.NoError(h.t, err)
		answered, err := h.store.Answer(h.t.Context(), task.ID, task.Version, store.Actor{User: "op", All: true}, "done", json.RawMessage(answer))
		require.NoError(h.t, err)
		h.env.RegisterDelayedCallback(func() { h.deliver(answered) }, time.Second)
	}
}

func body(text string) json.RawMessage {
	value, err := rules.FromJSON([]byte(text))
	if err != nil {
		panic(err)
	}
	raw, err := json.Marshal(value)
	if err != nil {
		panic(err)
	}
	return raw
}

const parkedTwice = `
input: {email: {type: string, required: true}}
steps:
  - {id: customer, call: crm.find_customer, with: {email: '${input.email}'}}
  - {id: level, set: {value: '${text(customer.tier ?? "standard")}'}}
  - {id: ticket, call: support.create_task, with: {queue: q, title: '${customer.name}', text: '${level}', reference: '${case.reference}'}}
  - {id: solve, ask: {queue: q, what: complete, outcomes: [accepted]}}
  - {end: {outcome: '${solve.outcome}', result: {name: '${customer.name}', level: '${level}', ticket: '${ticket.number}'}}}
`

func TestOperatorHasAStepDoneAgain(t *testing.T) {
	tests := []struct {
		name   string
		wish   store.Repair
		called []string
		result string
	}{
		{"with another input", store.Repair{Act: store.ActRedo, Step: "customer", Body: body(`{"with": {"email": "john@example.com"}}`)},
			[]string{"crm.find_customer", "support.update_task"}, `{"name": "John Doe", "level": "standard", "ticket": "77"}`},
		{"with another result, which is no call", store.Repair{Act: store.ActRedo, Step: "level", Body: body(`{"value": "gold, by word of mouth"}`)},
			[]string{"support.update_task"}, `{"name": "Jane Doe", "level": "gold, by word of mouth", "ticket": "77"}`},
		{"as it was: what is there already is not written again", store.Repair{Act: store.ActRedo, Step: "customer"},
			[]string{"crm.find_customer"}, `{"name": "Jane Doe", "level": "gold", "ticket": "77"}`},
		{"the step that it is at", store.Repair{Act: store.ActRedo, Step: "solve"}, nil, `{"name": "Jane Doe", "level": "gold", "ticket": "77"}`},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			h := newHarness(t, parkedTwice, map[string]play{"crm.find_customer": byEmail, "support.create_task": gives(ticket), "support.update_task": gives(ticket)})
			h.operator(time.Hour, test.wish, h.takes)
			h.env.RegisterDelayedCallback(func() { // nobody knows that it was told, and tells it again
				repairs, err := h.store.Repairs(t.Context(), caseID)
				require.NoError(t, err)
				require.False(t, repairs[0].Told)
				h.env.UpdateWorkflow(workflows.UpdateRepair, "again", &replied{h: h, do: h.takes}, workflows.Repair{ID: repairs[0].ID})
			}, 90*time.Minute)
			h.person(2*time.Hour, "complete", `{"outcome": "accepted"}`)
			require.JSONEq(t, test.result, plain(t, h.run(`{"email": "jane@example.com"}`).Result))
			require.Equal(t, append([]string{"crm.find_customer", "support.create_task"}, test.called...), h.called())
			repairs, err := h.store.Repairs(t.Context(), caseID)
			require.NoError(t, err)
			require.Equal(t, store.RepairDone, repairs[0].State)
			require.Equal(t, test.wish.Step, repairs[0].Step)
		})
	}
}

func TestOperatorIsToldWhyNot(t *testing.T) {
	tests := []struct {
		name, words string
		wish        store.Repair
	}{
		{"no such step", `"nothing" is not a step of the use case`, store.Repair{Act: store.ActRedo, Step: "nothing"}},
		{"not there yet", "has not come to the step end[4] yet", store.Repair{Act: store.ActRedo, Step: "end[4]"}},
		{"an input that the operation does not take", `takes no "nickname"`, store.Repair{Act: store.ActRedo, Step: "customer", Body: body(`{"with": {"nickname": "J"}}`)}},
		{"an input for what is no call", "say by which values", store.Repair{Act: store.ActRedo, Step: "level", Body: body(`{"with": {"a": 1}}`)}},
		{"a result of another type", "name", store.Repair{Act: store.ActRedo, Step: "customer", Body: body(`{"value": {"id": "1"}}`)}},
		{"both", "give either", store.Repair{Act: store.ActRedo, Step: "customer", Body: body(`{"value": {"id": "1"}, "with": {"email": "x"}}`)}},
		{"nothing is waited for", "does not wait for a system", store.Repair{Act: store.ActPark}},
		{"the same version", "this version already", store.Repair{Act: store.ActMove, Bundle: bundle}},
		{"an act of a later version", "does not know the act", store.Repair{Act: "dance"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			h := newHarness(t, parkedTwice, map[string]play{"crm.find_customer": byEmail, "support.create_task": gives(ticket)})
			h.operator(time.Hour, test.wish, h.refuses(test.words))
			h.person(2*time.Hour, "complete", `{"outcome": "accepted"}`)
			h.run(`{"email": "jane@example.com"}`)
			repairs, err := h.store.Repairs(t.Context(), caseID)
			require.NoError(t, err)
			require.Equal(t, store.RepairRefused, repairs[0].State)
			require.Contains(t, repairs[0].Problem, test.words)
			require.Len(t, h.called(), 2)
		})
	}
}

// A write that may have been carried out is never done again blindly, nor is anything before it.
func TestNothingBeforeADoubtfulWriteIsDoneAgain(t *testing.T) {
	h := newHarness(t, parkedTwice, map[string]play{"crm.find_customer": byEmail, "support.create_task": then(fails(contracts.OutcomeUnknown), gives(ticket))})
	h.operator(time.Hour, store.Repair{Act: store.ActRedo, Step: "customer"}, h.refuses("the write at ticket may have been carried out"))
	h.person(2*time.Hour, "confirm", `{"act": "done", "value": `+ticket+`}`)
	h.operator(3*time.Hour, store.Repair{Act: store.ActRedo, Step: "customer"}, h.takes)
	h.person(4*time.Hour, "complete", `{"outcome": "accepted"}`)
	h.run(`{"email": "jane@example.com"}`)
	require.Len(t, h.callsOf("support.create_task"), 1)
}

// What waits for a system can be given to a person at once, and not after the day that it is waited for.
func TestOperatorEndsTheWaitingForASystem(t *testing.T) {
	tests := []struct {
		name, down, step, answer, result string
	}{
		{"a read answered by hand", "crm.find_customer", "customer", `{"act": "answer", "value": ` + john + `}`, `{"name": "John Doe", "level": "standard", "ticket": "77"}`},
		{"a write done by hand", "support.create_task", "", `{"act": "answer", "value": {"id": "t8", "number": "78", "status": "new"}}`, `{"name": "Jane Doe", "level": "gold", "ticket": "78"}`},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			plays := map[string]play{"crm.find_customer": byEmail, "support.create_task": gives(ticket)}
			plays[test.down] = fails(contracts.Unavailable)
			h := newHarness(t, parkedTwice, plays)
			h.operator(20*time.Second, store.Repair{Act: store.ActPark, Step: test.step}, h.answers(test.answer))
			h.person(3*time.Hour, "complete", `{"outcome": "accepted"}`)
			require.JSONEq(t, test.result, plain(t, h.run(`{"email": "jane@example.com"}`).Result))
			found, err := h.store.Effects(t.Context(), caseID)
			require.NoError(t, err)
			require.Equal(t, store.EffectConfirmed, found[0].State)
		})
	}
}

func TestWhatIsWaitedForIsSaidInDetail(t *testing.T) {
	h := newHarness(t, parkedTwice, map[string]play{"crm.find_customer": byEmail, "support.create_task": then(fails(contracts.Unavailable), fails(contracts.Unavailable), fails(contracts.Auth), gives(ticket))})
	h.env.RegisterDelayedCallback(func() {
		found, err := h.store.Case(t.Context(), caseID)
		require.NoError(t, err)
		require.Equal(t, store.CaseParked, found.State)
		require.Equal(t, "ticket", found.WaitingStep)
		require.Equal(t, "support", found.WaitingSystem)
		require.Equal(t, "auth", found.WaitingClass)
		state, err := h.env.QueryWorkflow(workflows.QueryState)
		require.NoError(t, err)
		var said workflows.State
		require.NoError(t, state.Get(&said))
		require.Equal(t, "support.create_task", said.Waiting[0].Operation)
		require.Equal(t, h.task("repair").ID, said.Waiting[0].Task)
	}, time.Hour)
	h.person(2*time.Hour, "repair", `{"act": "retry"}`)
	h.person(3*time.Hour, "complete", `{"outcome": "accepted"}`)
	h.run(`{"email": "jane@example.com"}`)
}

// moved is the use case after somebody has mended it.
const moved = `
input: {email: {type: string, required: true}, note: string}
steps:
  - {id: customer, title: 'Who is it?', call: crm.find_customer, with: {email: '${input.email}'}}
  - {id: level, set: {value: '${text(customer.tier ?? "standard")}'}}
  - {id: ticket, call: support.create_task, with: {queue: q, title: 'For ${customer.name}', text: '${level}', reference: '${case.reference}'}}
  - {id: more, call: crm.find_customer, with: {email: 'john@example.com'}}
  - {id: solve, ask: {queue: q, what: complete, outcomes: [mended]}}
  - {end: {outcome: '${solve.outcome}', result: {name: '${customer.name}', other: '${more.name}'}}}
`

func (h *harness) knows(hash, useCase string) {
	plan, problems := usecases.Compile(bundleOf("usecase: test\ntitle: Test\n" + useCase))
	require.NoError(h.t, problems.Err(), "%s", problems.Error())
	h.others = map[string]*usecases.Plan{hash: plan}
	require.NoError(h.t, h.store.PutBundle(h.t.Context(), hash, "test", []byte(hash)))
}

func TestOperatorMovesACaseToAnotherVersion(t *testing.T) {
	refused := func(adapters.Call) (rules.Value, error) {
		return rules.Value{}, contracts.NewError(contracts.Validation, "support.create_task", "the title must begin with For")
	}
	h := newHarness(t, parkedTwice, map[string]play{"crm.find_customer": byEmail, "support.create_task": then(refused, gives(ticket)), "support.update_task": gives(ticket)})
	h.knows("mended", moved)
	h.operator(time.Hour, store.Repair{Act: store.ActMove, Bundle: "mended"}, h.takes)
	h.person(2*time.Hour, "complete", `{"outcome": "mended"}`)
	outcome := h.run(`{"email": "jane@example.com"}`)
	require.Equal(t, "mended", outcome.Outcome)
	require.JSONEq(t, `{"name": "Jane Doe", "other": "John Doe"}`, plain(t, outcome.Result))
	require.Equal(t, []string{"crm.find_customer", "support.create_task", "support.create_task", "crm.find_customer"}, h.called(), "what was done is not done again")
	require.Equal(t, "For Jane Doe", h.callsOf("support.create_task")[1].Input.Get("title").Text())
	found, err := h.store.Case(t.Context(), caseID)
	require.NoError(t, err)
	require.Equal(t, "mended", found.BundleHash)
}

// From an earlier step on, a case can also be moved when it has done what is another now: writes that happened are
// corrected and not repeated.
func TestOperatorMovesACaseFromAnEarlierStep(t *testing.T) {
	h := newHarness(t, parkedTwice, map[string]play{"crm.find_customer": byEmail, "support.create_task": gives(ticket), "support.update_task": gives(ticket)})
	h.knows("mended", moved)
	h.operator(time.Hour, store.Repair{Act: store.ActMove, Bundle: "mended"}, h.refuses("the step ticket, which the case has done, means something else"))
	h.operator(2*time.Hour, store.Repair{Act: store.ActMove, Bundle: "mended", Step: "ticket"}, h.takes)
	h.person(3*time.Hour, "complete", `{"outcome": "mended"}`)
	require.JSONEq(t, `{"name": "Jane Doe", "other": "John Doe"}`, plain(t, h.run(`{"email": "jane@example.com"}`).Result))
	require.Equal(t, []string{"crm.find_customer", "support.create_task", "support.update_task", "crm.find_customer"}, h.called())
}

// At a place where another version does something else, the old write is no answer.
func TestMovedStepThatDoesSomethingElse(t *testing.T) {
	h := newHarness(t, parkedTwice, map[string]play{"crm.find_customer": byEmail, "support.create_task": gives(ticket), "support.find_customer": gives(`{"id": "u1", "name": "Jane"}`)})
	h.knows("mended", `
input: {email: {type: string, required: true}}
steps:
  - {id: customer, call: crm.find_customer, with: {email: '${input.email}'}}
  - {id: level, set: {value: '${text(customer.tier ?? "standard")}'}}
  - {id: ticket, call: support.find_customer, with: {email: '${input.email}'}}
  - {id: solve, ask: {queue: q, what: complete, outcomes: [mended]}}
  - {end: {outcome: '${solve.outcome}', result: {user: '${ticket.name}'}}}
`)
	h.operator(time.Hour, store.Repair{Act: store.ActMove, Bundle: "mended", Step: "ticket"}, h.takes)
	h.person(2*time.Hour, "complete", `{"outcome": "mended"}`)
	require.JSONEq(t, `{"user": "Jane"}`, plain(t, h.run(`{"email": "jane@example.com"}`).Result))
}
