package e2e

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"crosswalk/sandbox"
)

// The requests that change something in the support system.
const (
	createsTicket = "POST /api/v2/tickets"
	updatesTicket = "PUT /api/v2/tickets"
)

// oneTicketEach is what must hold whatever has happened: the company has exactly one ticket for each case, each was
// made once, carries one proposal, and says what the case says.
func (w *world) oneTicketEach(ids []string) {
	w.t.Helper()
	counters := w.counters()
	require.Len(w.t, counters.Tickets, len(ids), "tickets by external id: %v", counters.Tickets)
	require.Equal(w.t, len(ids), counters.Total, "tickets: %v", counters.Tickets)
	for key, times := range counters.Executed {
		require.Equal(w.t, 1, times, "a ticket was made %d times for the key %s", times, key)
	}
	of := map[string]string{}
	for _, id := range ids {
		d, err := w.look(id)
		require.NoError(w.t, err)
		ticket := d.ticket()
		require.NotEmpty(w.t, ticket, "no ticket: %s", d.said())
		require.Empty(w.t, of[ticket], "two cases have ticket %s", ticket)
		of[ticket] = id
		w.agrees(d)
	}
}

// agrees compares what a case says with what its ticket says.
func (w *world) agrees(d caseDetail) {
	w.t.Helper()
	if d.Case.Outcome == "not_a_complaint" {
		return
	}
	proposals := w.proposals(d.ticket())
	if want := d.decided("complaint-resolution", "resolution"); want != "" {
		require.Len(w.t, proposals, 1, "proposals on the ticket of %s", d.said())
		require.True(w.t, strings.HasPrefix(proposals[0], "Proposal: "+want+":"), "%s proposes %s, its ticket says %q", d.Case.Reference, want, proposals[0][:60])
		return
	}
	require.Empty(w.t, proposals, "%s has decided nothing", d.said())
}

// awaitDeath waits until a hook has killed the program.
func (w *world) awaitDeath() {
	w.t.Helper()
	w.up.awaitEnd(w.t)
	require.Equal(w.t, -1, w.up.cmd.ProcessState.ExitCode(), "it was not killed:\n%s", tail(w.up.said(), 2000))
}

func TestKilledAroundEachWrite(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 1)
	complaints := w.complaints(sandbox.EndReplace)
	var ids []string
	for i, point := range []struct{ on, operation string }{
		{"before", createsTicket}, {"after", createsTicket}, {"answered", createsTicket},
		{"before", updatesTicket}, {"after", updatesTicket}, {"answered", updatesTicket},
	} {
		w.fault("support", sandbox.Fault{Kind: sandbox.FaultHook, On: point.on, Operation: point.operation, PID: w.up.pid(), Times: 1})
		id := w.run(plain(complaints[i]))
		w.awaitDeath()
		w.begin()
		d, _ := w.awaitTask(id, "complete")
		require.Equal(t, "replace", d.decided("complaint-resolution", "resolution"), "%s %s", point.on, point.operation)
		ids = append(ids, id)
		w.oneTicketEach(ids)
	}
}

// TestExecutedAfterTheRestart: a request gets no answer and is carried out seconds later, when the program has died,
// come back and sent its own again.
func TestExecutedAfterTheRestart(t *testing.T) {
	t.Parallel()
	for request, operation := range map[string]string{createsTicket + ".json": createsTicket, updatesTicket + "/{}": updatesTicket} {
		t.Run(operation, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, 1)
			complaints := w.complaints(sandbox.EndReplace)
			var ids []string
			for i, late := range []time.Duration{40 * time.Second, 5 * time.Minute} { // Temporal notices after ten that the worker is gone
				w.fault("support", sandbox.Fault{Kind: sandbox.FaultExecutedLate, Operation: operation, For: late, Times: 1})
				asked := func() int { return w.counters().Requests["support"][request] }
				before, since := asked(), time.Now()
				ids = append(ids, w.run(plain(complaints[i])))
				until(t, operation+" is asked for", func() (bool, string) { return asked() > before, "" })
				heard := time.Now()
				w.up.kill()
				w.begin()
				w.awaitTask(ids[i], "complete")
				inTime := time.Since(since) < late // else this machine was too slow, and the late request may have come first
				for time.Since(heard) < late+time.Second {
					pause()
				}
				w.oneTicketEach(ids)
				if inTime {
					return
				}
			}
			t.Error("this machine is too slow for the test: the late request may have come first")
		})
	}
}

func TestAnswerLost(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 1)
	complaints := w.complaints(sandbox.EndReplace)
	var ids []string
	for i, operation := range []string{createsTicket, updatesTicket} {
		w.fault("support", sandbox.Fault{Kind: sandbox.FaultAnswerLost, Operation: operation, Times: 1})
		id := w.run(plain(complaints[i]))
		w.awaitTask(id, "complete")
		ids = append(ids, id)
		w.oneTicketEach(ids)
	}
}

// TestWhatTheTicketSaysStays: the ticket says that a replacement is in stock; then the program dies before it knows
// that it wrote so, and the stock is gone when it comes back. The case must say what its ticket says.
func TestWhatTheTicketSaysStays(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 1)
	complaints := w.complaints(sandbox.EndReplace)
	var ids []string
	for i, on := range []string{"after", "answered"} {
		complaint := complaints[i]
		w.fault("support", sandbox.Fault{Kind: sandbox.FaultHook, On: on, Operation: updatesTicket, PID: w.up.pid(), Times: 1})
		id := w.run(plain(complaint))
		w.awaitDeath()
		none := 0
		w.order(http.MethodPost, "/stock", sandbox.StockChange{SKU: complaint.Truth.SKU, OnHand: &none}, nil)
		w.begin()
		d, _ := w.awaitTask(id, "complete")
		require.Equal(t, "replace", d.decided("complaint-resolution", "resolution"))
		stock := d.result("stock")
		require.Contains(t, w.proposals(d.ticket())[0], fmt.Sprintf("ships there: %v\n", stock["available"]), "the ticket names another stock than the case: %v", stock)
		require.NotZero(t, stock["available"])
		ids = append(ids, id)
		w.oneTicketEach(ids)
	}
}

// TestKilledAtRandomMoments kills the program fifty times, wherever it happens to be: while it starts and recovers from
// the kill before, and while customers write and cases run.
func TestKilledAtRandomMoments(t *testing.T) {
	t.Parallel()
	const kills, seed = 50, 20261122
	w := newWorld(t, 3)
	r := rand.New(rand.NewPCG(seed, seed))
	var complaints []sandbox.Complaint
	w.order(http.MethodGet, "/world/complaints?n=100&seed=9", nil, &complaints)
	complaints = slices.DeleteFunc(complaints, func(m sandbox.Complaint) bool { return m.From.Email == "" })
	var acknowledged []string // addresses whose mail was taken
	for range kills {
		if r.IntN(2) == 0 {
			time.Sleep(time.Duration(r.IntN(2500)) * time.Millisecond)
		} else {
			w.up.awaitReady(t)
			w.connect()
			moment := time.Now().Add(time.Duration(r.IntN(1600)) * time.Millisecond)
			for time.Now().Before(moment) {
				if m := complaints[0]; r.IntN(5) == 0 && len(acknowledged) < 40 {
					require.NoError(t, w.send(plainIfKnown(m), newID()))
					acknowledged, complaints = append(acknowledged, m.From.Email), complaints[1:]
				}
				pause()
			}
		}
		select {
		case <-w.up.ended:
			t.Fatalf("it ended by itself: %v\n%s", w.up.err, tail(w.up.said(), 4000))
		default:
			w.up.kill()
		}
		w.launch()
	}
	w.up.awaitReady(t)
	w.connect()
	require.Greater(t, len(acknowledged), 10, "too few complaints came through to say anything")
	for _, email := range acknowledged {
		w.onlyCase(email)
	}
	all := w.allCases()
	require.Len(t, all, len(acknowledged))
	for _, id := range all {
		w.await(id, "goes on by itself", caseDetail.stands)
	}
	w.oneTicketEach(all)
	for _, id := range all {
		d, err := w.look(id)
		require.NoError(t, err)
		for _, kind := range []string{"repair", "confirm"} {
			_, asked := d.open(kind)
			require.False(t, asked, "a person has to help: %s", d.said())
		}
	}
	t.Logf("%d kills, %d cases", kills, len(all))
}

// plainIfKnown leaves a complaint as it is if there is nothing that it could be plain about.
func plainIfKnown(m sandbox.Complaint) sandbox.Complaint {
	if m.Truth.SKU == "" || m.Truth.Order == "" {
		return m
	}
	return plain(m)
}
