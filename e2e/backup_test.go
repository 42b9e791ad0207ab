package e2e

import (
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"crosswalk/sandbox"
)

// TestBackupUnderLoad copies the data directory while cases run, kills the program and restores: each case goes on to its
// end, and nothing that was done is done twice. What is done in other systems after a backup no backup can know, so that
// the support system is cut off a moment before; the cases go on reading and waiting meanwhile.
func TestBackupUnderLoad(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 3)
	var complaints []sandbox.Complaint
	w.order(http.MethodGet, "/world/complaints?n=60&seed=9", nil, &complaints)
	complaints = slices.DeleteFunc(complaints, func(m sandbox.Complaint) bool { return m.From.Email == "" })
	const before = 12
	for _, m := range complaints[:before] {
		require.NoError(t, w.send(plainIfKnown(m), newID()))
	}
	until(t, "some tickets are made", func() (bool, string) { return w.counters().Total >= 3, "" })
	w.order(http.MethodPost, "/support/stop", nil, nil)
	data := filepath.Join(w.dir, ".crosswalk")
	file := filepath.Join(t.TempDir(), "backup.tar.gz")
	said, code := w.crosswalk("backup", file, "--data", data)
	require.Zero(t, code, said)
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
	all := w.allCases()
	require.Len(t, all, before)
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
	require.Zero(t, w.up.terminate(t), w.up.said())

	raw, err := os.ReadFile(file)
	require.NoError(t, err)
	raw[len(raw)/2] ^= 0xff
	require.NoError(t, os.WriteFile(file, raw, 0o600))
	said, code = w.crosswalk("restore", file, "--data", data, "--discard-newer")
	require.Equal(t, 1, code, said)
	require.Contains(t, said, "nothing was restored")
}
