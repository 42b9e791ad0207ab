package e2e

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"crosswalk/sandbox"
)

// solving are the comments of a ticket by which we solved it.
func (c *company) solving(ticket string) []string {
	c.t.Helper()
	var found []string
	for _, comment := range c.comments(ticket) {
		if strings.HasPrefix(comment.Body, "Solved:") {
			found = append(found, comment.Body)
		}
	}
	return found
}

// TestCompletedInTheDesk: the ticket is solved once, also if the answer of the support system is lost or the program
// dies over it.
func TestCompletedInTheDesk(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 1)
	complaints := w.complaints(sandbox.EndReplace)
	var ids []string
	for i, fault := range []sandbox.Fault{
		{},
		{Kind: sandbox.FaultAnswerLost, Operation: updatesTicket, Times: 1},
		{Kind: sandbox.FaultHook, On: "after", Operation: updatesTicket, Times: 1},
	} {
		id := w.run(plain(complaints[i]))
		ids = append(ids, id)
		d, open := w.awaitTask(id, "complete")
		require.NotEqual(t, "solved", w.ticketStatus(d.ticket()))
		if fault.Kind == sandbox.FaultHook {
			fault.PID = w.up.pid()
		}
		if fault.Kind != "" {
			w.fault("support", fault)
		}
		accepted := map[string]any{"outcome": "accepted", "answer": map[string]any{"outcome": "accepted", "note": "on its way"}}
		err := w.ask(http.MethodPost, "/api/tasks/"+open.ID+"/answer", accepted, nil)
		if fault.Kind == sandbox.FaultHook { // whoever answered may hear of it or not
			w.awaitDeath()
			w.begin()
		} else {
			require.NoError(t, err)
		}
		d = w.await(id, "has ended", caseDetail.ended)
		require.Equal(t, "accepted", d.Case.Outcome)
		require.Equal(t, "solved", w.ticketStatus(d.ticket()))
		require.Equal(t, []string{"Solved: accepted on its way"}, w.solving(d.ticket()))
		require.Error(t, w.ask(http.MethodPost, "/api/tasks/"+open.ID+"/answer", accepted, nil), "a task was answered twice")
	}
	w.oneTicketEach(ids)
}

func TestSolvedInTheSupportSystem(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 1)
	id := w.run(plain(w.complaints(sandbox.EndReplace)[0]))
	d, open := w.awaitTask(id, "complete")
	w.order(http.MethodPost, "/support/tickets/"+d.ticket()+"/solve", map[string]string{"comment": "Sent a new one."}, nil)
	d = w.await(id, "has ended", caseDetail.ended)
	i := slices.IndexFunc(d.Tasks, func(t task) bool { return t.ID == open.ID })
	require.Equal(t, "answered", d.Tasks[i].State)
	require.NotEmpty(t, d.Tasks[i].AnsweredBy)
	require.Empty(t, w.solving(d.ticket()), "the ticket was solved a second time")
	require.Equal(t, "solved", w.ticketStatus(d.ticket()))
	w.oneTicketEach([]string{id})
}

func TestRejectedApproval(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 1)
	complaints := w.complaints(sandbox.EndApproval)
	own := w.run(plain(complaints[0]))
	_, open := w.awaitTask(own, "approve")
	err := w.ask(http.MethodPost, "/api/tasks/"+open.ID+"/answer", map[string]any{"outcome": "approved", "answer": map[string]any{"approved": true}}, nil)
	require.ErrorContains(t, err, "403", "who started the case approved it himself")

	rejected, err := w.form(plain(complaints[1]))
	require.NoError(t, err)
	_, open = w.awaitTask(rejected, "approve")
	w.answer(open, "rejected", map[string]any{"approved": false, "reason": "ask for a photo first"})
	d, open := w.awaitTask(rejected, "complete")
	require.Contains(t, open.Payload.Show["Approval"], "rejected")
	require.Contains(t, open.Payload.Show["Approval"], "ask for a photo first")
	w.answer(open, "changed", map[string]any{"outcome": "changed", "note": "photo asked for"})
	d = w.await(rejected, "has ended", caseDetail.ended)
	require.Equal(t, "changed", d.Case.Outcome)
	require.Contains(t, string(d.Case.Result), `"approved":false`)

	approved, err := w.form(plain(complaints[2]))
	require.NoError(t, err)
	_, open = w.awaitTask(approved, "approve")
	w.answer(open, "approved", map[string]any{"approved": true})
	_, open = w.awaitTask(approved, "complete")
	require.Contains(t, open.Payload.Show["Approval"], "approved")
	w.oneTicketEach([]string{own, rejected, approved})
}

// TestCorrected: the customer wrote from somebody else's address, and then it turns out that he means another purchase.
// The steps from there are done again; the ticket is updated and there is no second one.
func TestCorrected(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 1)
	complaints := w.complaints(sandbox.EndReplace)
	m := plain(complaints[0])
	right := m.From
	m.From = complaints[1].From
	id := w.run(m)
	d := w.await(id, "waits for a person", caseDetail.stands)
	require.Equal(t, complaints[1].From.Email, d.result("customer")["email"])
	open := d.Tasks[slices.IndexFunc(d.Tasks, func(t task) bool { return t.State == "open" })]
	w.answer(open, "redo", map[string]any{"act": "redo", "step": "customer", "with": map[string]any{"email": right.Email}, "reason": "his wife's address"})
	d, open = w.awaitTask(id, "complete")
	require.Equal(t, m.Truth.ContactID, d.result("customer")["id"])
	require.Equal(t, "replace", d.decided(resolutionIs, "resolution"))
	before := w.proposals(d.ticket())
	require.Len(t, w.counters().Tickets, 1)

	// Another line of his.
	i := slices.IndexFunc(open.Payload.Correct, func(c struct {
		Step       string
		Candidates []map[string]any
	}) bool {
		return c.Step == "purchase"
	})
	candidates := open.Payload.Correct[i].Candidates
	other := slices.IndexFunc(candidates, func(c map[string]any) bool { return c["order_number"] != d.result("purchase")["order_number"] })
	require.GreaterOrEqual(t, other, 0, "he has bought nothing else")
	w.answer(open, "redo", map[string]any{"act": "redo", "step": "purchase", "index": other, "reason": "he means the other one"})
	d = w.await(id, "has been done again", func(d caseDetail) bool {
		_, again := d.open("complete")
		_, approve := d.open("approve")
		return d.result("purchase")["id"] == candidates[other]["id"] && (again || approve)
	})
	after := w.proposals(d.ticket())
	require.Len(t, after, len(before)+1)
	last := after[len(after)-1]
	require.Contains(t, last, candidates[other]["order_number"])
	require.True(t, strings.HasPrefix(last, "Proposal: "+d.decided(resolutionIs, "resolution")+":"), last)
	counters := w.counters()
	require.Equal(t, 1, counters.Total)
	require.Len(t, counters.Executed, 1)
}
