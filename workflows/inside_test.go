package workflows_test

import (
	"encoding/json"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"crosswalk/contracts"
	"crosswalk/store"
)

// answered answers the open task at a place after a while.
func (h *harness) answersAt(after time.Duration, place, answer string) {
	h.env.RegisterDelayedCallback(func() {
		task := h.taskAt(place)
		answered, err := h.store.Answer(h.t.Context(), task.ID, task.Version, store.Actor{User: "ann", All: true}, "done", json.RawMessage(answer))
		require.NoError(h.t, err)
		h.deliver(answered)
	}, after)
}

// taskAt is the open task at a place.
func (h *harness) taskAt(place string) store.Task {
	tasks := slices.DeleteFunc(h.tasks(), func(t store.Task) bool { return t.StepPath != place || t.Closed() })
	require.Len(h.t, tasks, 1, "%s: %+v", place, h.tasks())
	return tasks[0]
}

// openAt lists the places of the open tasks.
func (h *harness) openAt() []string {
	var places []string
	for _, task := range h.tasks() {
		if !task.Closed() {
			places = append(places, task.StepPath)
		}
	}
	slices.Sort(places)
	return places
}

const checkedLines = `
input: {}
steps:
  - id: lines
    each:
      in: '${["a", "b", "c"]}'
      as: line
      steps:
        - {id: found, call: crm.find_customer, with: {email: '${line}@example.com'}}
        - {id: seen, ask: {queue: q, what: approve}}
        - {id: made, call: support.create_task, with: {queue: q, title: '${line}', text: '${found.name}', reference: '${case.reference}'}}
        - {id: checked, ask: {queue: q, what: complete, outcomes: [accepted, refused]}}
        - {id: kept, set: {value: '${made.number + " " + checked.outcome}'}}
  - {end: {result: {lines: '${lines}'}}}
`

// A step of one item is done again: what came before it in the item, and all that the others did, is not; nobody is asked
// again who has answered, and whose task is open keeps it.
func TestRedoInsideOfAnItem(t *testing.T) {
	h := newHarness(t, checkedLines, map[string]play{"crm.find_customer": byEmail, "support.create_task": gives(ticket), "support.update_task": gives(ticket)})
	for i, place := range []string{"lines[0].seen", "lines[1].seen", "lines[2].seen"} {
		h.answersAt(time.Duration(i+1)*time.Minute, place, `{"approved": true}`)
	}
	h.answersAt(10*time.Minute, "lines[2].checked", `{"outcome": "refused"}`)
	var kept store.Task
	var withdrawn string
	h.env.RegisterDelayedCallback(func() {
		require.Equal(t, []string{"lines[0].checked", "lines[1].checked"}, h.openAt())
		kept, withdrawn = h.taskAt("lines[0].checked"), h.taskAt("lines[1].checked").ID
	}, 50*time.Minute)
	h.operator(time.Hour, store.Repair{Act: store.ActRedo, Step: "lines[1].made", Body: body(`{"with": {"queue": "q", "title": "corrected", "text": "T", "reference": "CW-TEST"}}`)}, h.takes)
	h.env.RegisterDelayedCallback(func() {
		require.Equal(t, []string{"lines[0].checked", "lines[1].checked"}, h.openAt())
		require.Equal(t, kept, h.taskAt("lines[0].checked"))
		require.NotEqual(t, withdrawn, h.taskAt("lines[1].checked").ID)
	}, 2*time.Hour)
	h.answersAt(3*time.Hour, "lines[1].checked", `{"outcome": "accepted"}`)
	h.answersAt(4*time.Hour, "lines[0].checked", `{"outcome": "accepted"}`)
	require.JSONEq(t, `{"lines": ["77 accepted", "77 accepted", "77 refused"]}`, plain(t, h.run(`{}`).Result))
	require.Len(t, h.callsOf("crm.find_customer"), 3)
	require.Len(t, h.callsOf("support.create_task"), 3)
	updates := h.callsOf("support.update_task")
	require.Len(t, updates, 1)
	require.Equal(t, "corrected", updates[0].Input.Get("title").Text())
	require.Len(t, h.tasks(), 7) // three approvals, three checks, and the check that was withdrawn
	steps, err := h.store.Steps(t.Context(), caseID)
	require.NoError(t, err)
	seen := slices.DeleteFunc(steps, func(s store.StepResult) bool { return s.Path != "lines[0].seen" })
	require.Len(t, seen, 1)
}

func TestRedoInsideOfOthers(t *testing.T) {
	approve, accept := `{"approved": true}`, `{"outcome": "accepted"}`
	tests := []struct {
		name, steps string
		before      []string // the places of the approvals that are given before
		redo        store.Repair
		open        []string // the places of the open tasks after it
		after       map[string]string
		result      string
		reads       int
	}{
		{
			name: "a branch", redo: store.Repair{Act: store.ActRedo, Step: "both.left.customer", Body: body(`{"with": {"email": "john@example.com"}}`)},
			steps: `
  - id: both
    together:
      branches:
        left: [{id: first, ask: {queue: q, what: approve}}, {id: customer, call: crm.find_customer, with: {email: jane@example.com}}, {id: l, ask: {queue: q, what: complete, outcomes: [accepted]}}, {id: name, set: {value: '${customer.name}'}}]
        right: [{id: other, call: crm.find_customer, with: {email: jane@example.com}}, {id: r, ask: {queue: q, what: complete, outcomes: [accepted]}}, {id: rest, set: {value: '${other.name}'}}]
  - {end: {result: {both: '${both}'}}}
`,
			before: []string{"both.left.first"}, open: []string{"both.left.l", "both.right.r"}, after: map[string]string{"both.left.l": accept, "both.right.r": accept},
			result: `{"both": {"left": "John Doe", "right": "Jane Doe"}}`, reads: 3,
		},
		{
			name: "a choice, and the other way is taken", redo: store.Repair{Act: store.ActRedo, Step: "way[0].kind", Body: body(`{"value": "other"}`)},
			steps: `
  - id: way
    choose:
      - when: 'true'
        steps:
          - {id: customer, call: crm.find_customer, with: {email: jane@example.com}}
          - {id: kind, set: {value: '${text(customer.name)}'}}
          - id: then
            choose:
              - {when: 'kind == "Jane Doe"', steps: [{id: g, ask: {queue: q, what: complete, outcomes: [accepted]}}]}
              - {otherwise: [{id: o, ask: {queue: q, what: complete, outcomes: [accepted]}}]}
  - {end: {result: {kind: '${kind}', by: '${o?.by ?? missing}'}}}
`,
			open: []string{"way[0].then[1].o"}, after: map[string]string{"way[0].then[1].o": accept}, result: `{"kind": "other", "by": "ann"}`, reads: 1,
		},
		{
			name: "a loop in a loop, and what follows it", redo: store.Repair{Act: store.ActRedo, Step: "outer[1].inner[0].value", Body: body(`{"value": "X"}`)},
			steps: `
  - id: outer
    each:
      in: '${["a", "b"]}'
      as: o
      steps:
        - {id: inner, each: {in: '${["1", "2"]}', as: i, steps: [{id: seen, ask: {queue: q, what: approve}}, {id: value, set: {value: '${text(o + i)}'}}]}}
        - {id: last, ask: {queue: q, what: complete, outcomes: [accepted]}}
        - {id: kept, set: {value: '${join(inner, "")}'}}
  - {end: {result: {outer: '${outer}'}}}
`,
			before: []string{"outer[0].inner[0].seen", "outer[1].inner[0].seen", "outer[1].inner[1].seen"},
			open:   []string{"outer[0].inner[1].seen", "outer[1].last"},
			after:  map[string]string{"outer[0].inner[1].seen": approve, "outer[1].last": accept, "outer[0].last": accept}, result: `{"outer": ["a1a2", "Xb2"]}`,
		},
		{
			name: "waits and a panel beside it go on", redo: store.Repair{Act: store.ActRedo, Step: "both.left.value", Body: body(`{"value": "X"}`)},
			steps: `
  - id: both
    together:
      branches:
        left: [{id: value, set: {value: '${text("a")}'}}, {id: l, ask: {queue: q, what: complete, outcomes: [accepted]}}, {id: name, set: {value: '${value}'}}]
        time: [{id: pause, wait: {for: 6 hours}}]
        panel: [{id: p, ask: {what: approve, approvers: {all: [one, two]}}}, {id: yes, set: {value: '${p.approved}'}}]
  - {end: {result: {left: '${both.left}', at: '${both.time < case.started_at + duration("7h")}', panel: '${both.panel}'}}}
`,
			open: []string{"both.left.l", "both.panel.p", "both.panel.p"}, after: map[string]string{"both.left.l": accept}, result: `{"left": "X", "at": true, "panel": true}`,
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			h := newHarness(t, "input: {}\nsteps:"+test.steps, map[string]play{"crm.find_customer": byEmail})
			for i, place := range test.before {
				h.answersAt(time.Duration(i+1)*time.Minute, place, approve)
			}
			var before []store.Task
			h.env.RegisterDelayedCallback(func() { before = h.tasks() }, 50*time.Minute)
			h.operator(time.Hour, test.redo, h.takes)
			h.env.RegisterDelayedCallback(func() {
				require.Equal(t, test.open, h.openAt())
				for _, task := range before { // those that others have are the same
					now, err := h.store.Task(t.Context(), task.ID)
					require.NoError(t, err)
					require.True(t, now.State == task.State && now.Version == task.Version || now.State == store.TaskSuperseded, "%+v", now)
				}
			}, 2*time.Hour)
			later := 3 * time.Hour
			for _, place := range []string{"outer[0].inner[1].seen", "outer[1].last", "outer[0].last", "both.left.l", "both.right.r", "way[0].then[1].o"} {
				if answer, ok := test.after[place]; ok {
					h.answersAt(later, place, answer)
					later += time.Minute
				}
			}
			if slices.Contains(test.open, "both.panel.p") {
				for i, role := range []string{"one", "two"} {
					h.env.RegisterDelayedCallback(func() {
						for _, task := range h.tasks() {
							if task.Role == role {
								answered, err := h.store.Answer(t.Context(), task.ID, task.Version, store.Actor{User: role, All: true}, "done", json.RawMessage(approve))
								require.NoError(t, err)
								h.deliver(answered)
							}
						}
					}, later+time.Duration(i)*time.Minute)
				}
			}
			require.JSONEq(t, test.result, plain(t, h.run(`{}`).Result))
			require.Len(t, h.callsOf("crm.find_customer"), test.reads)
		})
	}
}

// An error that a person is asked about in another branch stays his.
func TestRedoInsideLeavesTheTroubleOfOthers(t *testing.T) {
	h := newHarness(t, `
input: {}
steps:
  - id: both
    together:
      branches:
        left: [{id: value, set: {value: '${text("a")}'}}, {id: l, ask: {queue: q, what: complete, outcomes: [accepted]}}, {id: name, set: {value: '${value}'}}]
        right: [{id: ticket, call: support.create_task, with: {queue: q, title: T, text: T, reference: T}}]
  - {end: {result: {left: '${both.left}', right: '${both.right.number}'}}}
`, map[string]play{"support.create_task": then(fails(contracts.Validation), gives(ticket))})
	var trouble store.Task
	h.env.RegisterDelayedCallback(func() { trouble = h.task("repair") }, 50*time.Minute)
	h.operator(time.Hour, store.Repair{Act: store.ActRedo, Step: "both.left.value", Body: body(`{"value": "X"}`)}, h.takes)
	h.env.RegisterDelayedCallback(func() {
		require.Equal(t, trouble, h.task("repair"))
		require.Len(t, h.callsOf("support.create_task"), 1)
	}, 2*time.Hour)
	h.person(3*time.Hour, "repair", `{"act": "retry"}`)
	h.person(4*time.Hour, "complete", `{"outcome": "accepted"}`)
	require.JSONEq(t, `{"left": "X", "right": "77"}`, plain(t, h.run(`{}`).Result))
	require.Len(t, h.callsOf("support.create_task"), 2)
}

// What cannot be done exactly is not done, and it is said why.
func TestRedoInsideIsRefused(t *testing.T) {
	const later = `
  - {id: solve, ask: {queue: q, what: complete, outcomes: [accepted]}}
`
	tests := []struct{ name, steps, step, words string }{
		{"the whole is done", "\n  - {id: lines, each: {in: '${[1, 2]}', as: n, steps: [{id: one, set: {value: '${n}'}}]}}" + later, "lines[0].one", "the case has done all of lines"},
		{"it has not come there", "\n  - {id: way, choose: [{when: 'true', steps: [{id: a, ask: {queue: q, what: complete, outcomes: [accepted]}}, {id: b, set: {value: 1}}]}]}", "way[0].b", "has not come to the step way[0].b yet"},
		{"no such item", "\n  - {id: lines, each: {in: '${[1, 2]}', as: n, steps: [{id: a, ask: {queue: q, what: complete, outcomes: [accepted]}}]}}", "lines[7].a", "has not come to the step lines[7].a yet"},
		{"no such step", "\n  - {id: lines, each: {in: '${[1, 2]}', as: n, steps: [{id: a, ask: {queue: q, what: complete, outcomes: [accepted]}}]}}", "lines[0].z", `"lines[0].z" is not a step`},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			h := newHarness(t, "input: {}\nsteps:"+test.steps, nil)
			h.operator(time.Hour, store.Repair{Act: store.ActRedo, Step: test.step}, h.refuses(test.words))
			h.env.RegisterDelayedCallback(func() {
				for range h.openAt() {
					task := h.task("complete")
					answered, err := h.store.Answer(t.Context(), task.ID, task.Version, store.Actor{User: "ann", All: true}, "done", json.RawMessage(`{"outcome": "accepted"}`))
					require.NoError(t, err)
					h.deliver(answered)
				}
			}, 2*time.Hour)
			h.run(`{}`)
		})
	}
}

// The same step again and again, in a loop that keeps the order, and then the whole loop: no key is met twice.
func TestRedoInsideAgainAndAgain(t *testing.T) {
	h := newHarness(t, replaced(replaced(checkedLines, "as: line\n", "as: line\n      in_order: true\n"), "what: approve", "what: complete, outcomes: [accepted]"), map[string]play{"crm.find_customer": byEmail, "support.create_task": gives(ticket), "support.update_task": gives(ticket)})
	accept := `{"outcome": "accepted"}`
	h.answersAt(time.Minute, "lines[0].seen", accept)
	h.answersAt(2*time.Minute, "lines[0].checked", accept)
	h.answersAt(3*time.Minute, "lines[1].seen", accept)
	h.operator(time.Hour, store.Repair{Act: store.ActRedo, Step: "lines[0].made", Body: body(`{"with": {"queue": "q", "title": "one", "text": "T", "reference": "CW-TEST"}}`)}, h.takes)
	h.env.RegisterDelayedCallback(func() { require.Contains(t, h.openAt(), "lines[0].checked") }, 61*time.Minute)
	h.operator(2*time.Hour, store.Repair{Act: store.ActRedo, Step: "lines[0].made", Body: body(`{"with": {"queue": "q", "title": "two", "text": "T", "reference": "CW-TEST"}}`)}, h.takes)
	h.answersAt(3*time.Hour, "lines[0].checked", accept)
	h.env.RegisterDelayedCallback(func() { require.Equal(t, []string{"lines[1].checked"}, h.openAt()) }, 181*time.Minute)
	h.operator(4*time.Hour, store.Repair{Act: store.ActRedo, Step: "lines"}, h.takes)
	h.env.RegisterDelayedCallback(func() { require.Equal(t, []string{"lines[0].seen"}, h.openAt()) }, 241*time.Minute)
	for i, place := range []string{"lines[0].seen", "lines[0].checked", "lines[1].seen", "lines[1].checked", "lines[2].seen", "lines[2].checked"} {
		h.answersAt(5*time.Hour+time.Duration(i)*time.Minute, place, accept)
	}
	require.JSONEq(t, `{"lines": ["77 accepted", "77 accepted", "77 accepted"]}`, plain(t, h.run(`{}`).Result))
	require.Len(t, h.callsOf("support.create_task"), 3)
	var titles []string
	for _, call := range h.callsOf("support.update_task") {
		titles = append(titles, call.Input.Get("title").Text())
	}
	require.Equal(t, []string{"one", "two", "a"}, titles)
	require.Empty(t, h.openAt())
}

const standsIn = `
input: {}
events: {paid: {amount: {type: number, required: true}}}
steps:
  - id: both
    together:
      branches:
        left: [{id: value, set: {value: '${text("a")}'}}, {id: l, ask: {queue: q, what: complete, outcomes: [accepted]}}, {id: name, set: {value: '${value}'}}]
        right:
          - id: paid
            wait:
              event: paid
              key: x
              within: 30 minutes
              on_timeout:
                - {id: told, call: support.create_task, with: {queue: q, title: T, text: T, reference: T}}
                - {id: call, ask: {queue: q, what: answer, form: {amount: {type: number, required: true}}}}
          - {id: amount, set: {value: '${paid.amount}'}}
  - {end: {result: {left: '${both.left}', right: '${both.right}'}}}
`

// What stands in for an event goes on when a step in another branch is done again: the case does not begin to wait anew for
// what it has done without.
func TestRedoInsideLeavesWhatStandsIn(t *testing.T) {
	h := newHarness(t, standsIn, map[string]play{"support.create_task": gives(ticket)})
	var asked store.Task
	h.env.RegisterDelayedCallback(func() { asked = h.task("answer") }, 50*time.Minute)
	redo := store.Repair{Act: store.ActRedo, Step: "both.left.value", Body: body(`{"value": "X"}`)}
	h.operator(time.Hour, redo, h.takes)
	h.env.RegisterDelayedCallback(func() {
		h.happens("paid", "x", "1", `{"amount": 7}`)
		require.Empty(t, h.nudges(), "nobody waits for it")
		require.Equal(t, asked, h.task("answer"))
		require.Len(t, h.state().Waiting, 2)
	}, 2*time.Hour)
	h.operator(3*time.Hour, redo, h.takes)
	h.person(4*time.Hour, "answer", `{"value": {"amount": 5}}`)
	h.person(5*time.Hour, "complete", `{"outcome": "accepted"}`)
	require.JSONEq(t, `{"left": "X", "right": 5}`, plain(t, h.run(`{}`).Result))
	require.Len(t, h.callsOf("support.create_task"), 1)
}

// In a loop that keeps the order, a task of a later item that nobody has come to again is taken back as soon as its step is to be
// done again.
func TestRedoInsideTakesBackWhatNobodyHasComeTo(t *testing.T) {
	h := newHarness(t, `
input: {}
steps:
  - id: lines
    each:
      in: '${["a", "b", "c"]}'
      as: line
      in_order: true
      steps:
        - {id: made, set: {value: '${line}'}}
        - {id: checked, ask: {queue: q, what: complete, outcomes: [accepted]}}
        - {id: kept, set: {value: '${made}'}}
  - {end: {result: {lines: '${lines}'}}}
`, nil)
	accept := `{"outcome": "accepted"}`
	h.answersAt(time.Minute, "lines[0].checked", accept)
	h.operator(time.Hour, store.Repair{Act: store.ActRedo, Step: "lines[0].made", Body: body(`{"value": "X"}`)}, h.takes)
	h.env.RegisterDelayedCallback(func() { require.Equal(t, []string{"lines[0].checked", "lines[1].checked"}, h.openAt()) }, 61*time.Minute)
	h.operator(2*time.Hour, store.Repair{Act: store.ActRedo, Step: "lines[1].made", Body: body(`{"value": "Y"}`)}, h.takes)
	h.env.RegisterDelayedCallback(func() { require.Equal(t, []string{"lines[0].checked"}, h.openAt()) }, 121*time.Minute)
	h.answersAt(3*time.Hour, "lines[0].checked", accept)
	h.answersAt(4*time.Hour, "lines[1].checked", accept)
	h.answersAt(5*time.Hour, "lines[2].checked", accept)
	require.JSONEq(t, `{"lines": ["X", "Y", "c"]}`, plain(t, h.run(`{}`).Result))
}
