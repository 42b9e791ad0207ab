package e2e

import (
	"fmt"
	"net/http"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"crosswalk/sandbox"
)

func (w *world) sandboxSays(args ...string) {
	w.t.Helper()
	output, code := w.crosswalk(append(append([]string{"sandbox"}, args...), "--data", w.dir)...)
	require.Zero(w.t, code, output)
}

func (w *world) data() string { return filepath.Join(w.dir, ".crosswalk") }

func TestSystemThatIsDown(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 1)
	w.sandboxSays("stop", "crm")
	id := w.run(plain(w.complaints(sandbox.EndReplace)[0]))
	waiting := w.await(id, "says that it waits for the CRM", func(d caseDetail) bool { return d.Case.WaitingFor == "crm" })
	require.Equal(t, "system", waiting.Case.WaitingKind)
	require.NotEmpty(t, waiting.ticket(), "the ticket does not wait for the CRM")
	list, code := w.crosswalk("cases", "list", "--waiting", "--data", w.data())
	require.Zero(t, code, list)
	require.Regexp(t, waiting.Case.Reference+` +waiting +crm `, list)
	systems, code := w.crosswalk("systems", "list", "--data", w.data())
	require.Zero(t, code, systems)
	require.Regexp(t, `(?m)^crm .* 1$`, systems)
	until(t, "it tells what it tries", func() (bool, string) {
		d, err := w.look(id)
		return err == nil && len(d.Pending) == 1 && d.Pending[0].Operation == "crm.find_customer", fmt.Sprint(d.Pending, err)
	})
	w.sandboxSays("start", "crm")
	d, _ := w.awaitTask(id, "complete")
	require.Equal(t, "replace", d.decided("complaint-resolution", "resolution"))
	w.oneTicketEach([]string{id})
}

// TestPaused: an operator keeps all cases from a system, and lets them go on.
func TestPaused(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 1)
	output, code := w.crosswalk("systems", "pause", "invoicing", "--reason", "migration", "--data", w.data())
	require.Zero(t, code, output)
	id := w.run(plain(w.complaints(sandbox.EndReplace)[0]))
	w.await(id, "waits for invoicing", func(d caseDetail) bool { return d.Case.WaitingFor == "invoicing" })
	require.Empty(t, w.counters().Requests["invoicing"], "a paused system was called")
	output, code = w.crosswalk("systems", "resume", "invoicing", "--data", w.data())
	require.Zero(t, code, output)
	w.awaitTask(id, "complete")
}

// keepsQuiet looks until the quiet that a system has asked for, at some moment after since, may be over, that it has
// been asked once. What was counted later says nothing: this machine may be slow.
func keepsQuiet(t *testing.T, asked func() int, since time.Time, quiet time.Duration) {
	t.Helper()
	for n := asked(); time.Since(since) < quiet; n = asked() {
		require.LessOrEqual(t, n, 1, "it was called again %s after it could have asked for quiet", time.Since(since))
		pause()
	}
}

// TestTooManyRequests: a system that asks for six seconds of quiet gets them, from all cases.
func TestTooManyRequests(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 1)
	complaints := w.complaints(sandbox.EndReplace)
	const quiet = 6 * time.Second
	asked := func() int { return w.counters().Requests["crm"]["POST /crm/v3/objects/contacts/search"] }
	w.fault("crm", sandbox.Fault{Kind: sandbox.FaultRateLimited, For: quiet, Times: 1})
	since := time.Now() // before it asked for quiet
	first := w.run(plain(complaints[0]))
	until(t, "the CRM is asked", func() (bool, string) { return asked() > 0, "" })
	second := w.run(plain(complaints[1]))
	keepsQuiet(t, asked, since, quiet)
	w.awaitTask(first, "complete")
	w.awaitTask(second, "complete")
	w.oneTicketEach([]string{first, second})
}

// TestPageThatTheRobotDoesNotKnow: the portal looks different one day. A person answers one case by hand; another goes on by itself
// once the portal is as before and somebody lets it try again.
func TestPageThatTheRobotDoesNotKnow(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 1)
	complaints := w.complaints(sandbox.EndReplace)
	w.fault("fulfilment", sandbox.Fault{Kind: sandbox.FaultLayoutChanged})
	ids := []string{w.run(plain(complaints[0])), w.run(plain(complaints[1]))}
	byHand, t1 := w.awaitTask(ids[0], "repair")
	_, t2 := w.awaitTask(ids[1], "repair")
	require.Equal(t, "shipment", byHand.Case.Stage)
	require.Equal(t, "drift", t1.Payload.Problem["class"], t1.Payload.Problem)
	require.Equal(t, "fulfilment.get_shipment", t1.Payload.Problem["operation"])
	require.NotEmpty(t, t1.Payload.Problem["evidence"], "there is no picture of the page")
	require.Subset(t, t1.Payload.Acts, []string{"retry", "answer"})

	truth, line := complaints[0].Truth, byHand.result("order_line")
	w.answer(t1, "answer", map[string]any{"act": "answer", "value": map[string]any{
		"order_number": truth.Order,
		"parcels": []any{map[string]any{"number": "P1", "status": "delivered", "delivered_on": truth.Delivered,
			"articles": []any{map[string]any{"article": line["article"], "quantity": line["quantity"]}}}},
	}})
	done, _ := w.awaitTask(ids[0], "complete")
	require.Equal(t, "replace", done.decided("complaint-resolution", "resolution"), done.said())

	w.order(http.MethodDelete, "/fulfilment/faults", nil, nil)
	output, code := w.crosswalk("tasks", "retry", t2.ID, "--data", w.data())
	require.Zero(t, code, output)
	done, _ = w.awaitTask(ids[1], "complete")
	require.Equal(t, "replace", done.decided("complaint-resolution", "resolution"), done.said())
	require.Contains(t, fmt.Sprint(done.result("shipment")), complaints[1].Truth.Delivered)
	w.oneTicketEach(ids)
}
