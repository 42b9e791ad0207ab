package e2e

import (
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"crosswalk/sandbox"
)

// TestBackupUnderLoad copies the data directory while cases run, kills the program and restores: each case goes on to its
// end, and nothing that was done is done twice. What is done in other systems after a backup no backup can know, so that
// the support system is cut off a moment before; the cases go on reading and waiting meanwhile. Fifty cases are of all kinds:
// they read, are in the middle of a write, wait for a person, for a time that is over when they are restored, and for a
// system that is paused.
func TestBackupUnderLoad(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 3)
	var complaints []sandbox.Complaint
	w.order(http.MethodGet, "/world/complaints?n=60&seed=9", nil, &complaints)
	complaints = slices.DeleteFunc(complaints, func(m sandbox.Complaint) bool { return m.From.Email == "" })
	held := w.holdCases(38)
	const before = 12
	for _, m := range complaints[:before] {
		require.NoError(t, w.send(plainIfKnown(m), newID()))
	}
	until(t, "some tickets are made", func() (bool, string) { return w.counters().Total >= len(held)+3, "" })
	w.order(http.MethodPost, "/support/stop", nil, nil)
	data := filepath.Join(w.dir, ".crosswalk")
	file := filepath.Join(t.TempDir(), "backup.tar.gz")
	said, code := w.crosswalk("backup", file, "--data", data)
	require.Zero(t, code, said)
	elsewhere := filepath.Join(t.TempDir(), "elsewhere")
	said, code = w.crosswalk("restore", file, "--data", elsewhere)
	require.Zero(t, code, "into a new directory, while the one that was copied is used: %s", said)
	require.FileExists(t, filepath.Join(elsewhere, "crosswalk.db"))
	said, code = w.crosswalk("restore", file, "--data", data)
	require.Equal(t, 1, code)
	require.Contains(t, said, "nothing was restored: process")
	w.up.kill()

	said, code = w.crosswalk("restore", file, "--data", data)
	if code != 0 { // something happened between the backup and the end
		require.Contains(t, said, "--discard-newer")
		said, code = w.crosswalk("restore", file, "--data", data, "--discard-newer")
	}
	require.Zero(t, code, said)
	kept, err := filepath.Glob(filepath.Join(data, "before-restore-*", "crosswalk.db"))
	require.NoError(t, err)
	require.Len(t, kept, 1, "what was there is kept")
	w.order(http.MethodPost, "/support/start", nil, nil)
	w.begin()
	for _, m := range complaints[:before] {
		w.onlyCase(m.From.Email)
	}
	w.must(http.MethodPost, "/api/systems/crm/resume", nil, nil)
	all := w.allCases()
	require.Len(t, all, before+len(held))
	for _, id := range all {
		w.await(id, "goes on by itself", caseDetail.stands)
	}
	w.oneTicketEach(all)
	w.needsNobody(all)
	for _, id := range all {
		if _, asked := mustLook(w, id).open("complete"); asked {
			w.finish(id)
		}
	}
	for i, id := range held {
		d := w.await(id, "has ended", caseDetail.ended)
		require.Equal(t, "held", d.Case.Outcome, d.said())
		if i > 2 {
			continue // one of each kind: the company takes only so many requests in a minute
		}
		require.Len(t, slices.DeleteFunc(w.comments(d.ticket()), func(c comment) bool { return c.Body != "It goes on." }), 1, "comments on the ticket of %s", d.said())
	}
	require.Zero(t, w.up.terminate(t), w.up.said())

	raw, err := os.ReadFile(file)
	require.NoError(t, err)
	raw[len(raw)/2] ^= 0xff
	require.NoError(t, os.WriteFile(file, raw, 0o600))
	said, code = w.crosswalk("restore", file, "--data", data, "--discard-newer")
	require.Equal(t, 1, code, said)
	require.Contains(t, said, "nothing was restored")
}

const holds = `usecase: held
input: {way: {type: string, required: true}}
steps:
  - id: ticket
    call: support.create_task
    with: {queue: complaints, title: 'Held ${case.reference}', text: '${input.way}', reference: '${case.reference}'}
  - id: pause
    when: input.way == "time"
    wait: {for: 3 seconds}
  - id: customer
    when: input.way == "system"
    call: crm.find_customer
    with: {email: nobody@customers.example}
    on_error: {not_found: []}
  - id: solved
    when: input.way == "person"
    ask: {queue: complaints, what: complete, show: {Known: '${customer?.name ?? "nobody"}'}}
  - id: told
    call: support.update_task
    with: {task: '${ticket}', text: It goes on.}
  - end: {outcome: held}
`

// holdCases starts cases that have written something and wait: for a person, for a time or for the CRM, which is paused. Those of
// the last kind are as many as the others.
func (w *world) holdCases(n int) []string {
	w.t.Helper()
	w.put("usecases/held.yaml", holds)
	until(w.t, "the use case is in force", func() (bool, string) {
		return strings.Contains(w.up.said(), "changed [held]"), tail(w.up.said(), 400)
	})
	w.must(http.MethodPost, "/api/systems/crm/pause", map[string]any{"reason": "maintenance"}, nil)
	var ids []string
	for i := range n {
		ids = append(ids, w.begun("held", map[string]any{"way": []string{"person", "time", "system"}[i%3]}))
	}
	return ids
}
