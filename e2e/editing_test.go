package e2e

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"crosswalk/sandbox"
)

// edit replaces a text in a file of the workspace, as an editor saves it.
func (w *world) edit(name, old, new string) {
	w.t.Helper()
	path := filepath.Join(w.dir, name)
	raw, err := os.ReadFile(path)
	require.NoError(w.t, err)
	require.Contains(w.t, string(raw), old)
	require.NoError(w.t, os.WriteFile(path, []byte(strings.Replace(string(raw), old, new, 1)), 0o600))
}

// awaitSaid waits until the program prints a line that fits.
func (w *world) awaitSaid(pattern string) string {
	w.t.Helper()
	fits := regexp.MustCompile(pattern)
	until(w.t, "it prints "+pattern, func() (bool, string) { return fits.MatchString(w.up.said()), tail(w.up.said(), 1000) })
	return fits.FindString(w.up.said())
}

const (
	resolutions  = "rules/complaint-resolution.yaml"
	inStock      = "under warranty, and a replacement is in stock"
	resolutionIs = "complaint-resolution"
)

func TestEditsWhileItRuns(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 1)
	complaints := w.complaints(sandbox.EndReplace)

	// A case that waits before it decides.
	w.sandboxSays("stop", "warehouse")
	waiting := w.run(plain(complaints[0]))
	w.await(waiting, "waits for the warehouse", func(d caseDetail) bool { return d.Case.WaitingFor == "warehouse" })

	// A save with an error changes nothing and says where the error is.
	good, err := os.ReadFile(filepath.Join(w.dir, resolutions))
	require.NoError(t, err)
	row := regexp.MustCompile(`(?m)^.*` + regexp.QuoteMeta(inStock) + `.*$`).FindString(string(good))
	require.Contains(t, row, "| replace ")
	wrong, changed := lastReplaced(row, "| replaec "), lastReplaced(row, "| refund  ")
	w.edit(resolutions, row, wrong)
	said := w.awaitSaid(`(?m)^.*complaint-resolution\.yaml:\d+:\d+: .*replaec.*$`)
	line := 1 + strings.Count(string(good)[:strings.Index(string(good), row)], "\n")
	require.Regexp(t, `complaint-resolution\.yaml:`+strconv.Itoa(line)+`:\d+: `, said)
	w.awaitSaid(`what was in force stays`)

	// A save that passes is in force for new cases, and only for them.
	require.NoError(t, os.WriteFile(filepath.Join(w.dir, resolutions), []byte(strings.Replace(string(good), row, changed, 1)), 0o600))
	w.awaitSaid(`(?m)^.*in force: version \d+, changed.*$`)
	w.sandboxSays("start", "warehouse")
	next := w.run(plain(complaints[1]))
	d, _ := w.awaitTask(next, "complete")
	require.Equal(t, "refund", d.decided(resolutionIs, "resolution"))
	d, _ = w.awaitTask(waiting, "complete")
	require.Equal(t, "replace", d.decided(resolutionIs, "resolution"), "a case that was under way got another meaning")

	// The same holds over a restart with an invalid file: what was in force stays in force.
	w.edit(resolutions, changed, wrong)
	require.Zero(t, w.up.terminate(t))
	w.begin()
	third := w.run(plain(complaints[2]))
	d, _ = w.awaitTask(third, "complete")
	require.Equal(t, "refund", d.decided(resolutionIs, "resolution"))

	output, code := w.crosswalk("check", w.dir)
	require.Equal(t, 1, code, output)
	require.Regexp(t, `complaint-resolution\.yaml:`+strconv.Itoa(line)+`:\d+: .*replaec`, output)
}

// lastReplaced changes the proposal of a row, which is the last of its columns that says "replace".
func lastReplaced(row, by string) string {
	i := strings.LastIndex(row, "| replace ")
	return row[:i] + by + row[i+len(by):]
}

func TestSecondInstanceIsRefused(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 1)
	second := exec.Command(binary, "up", "--dir", w.dir, "--listen", freeAddress(t))
	output, err := second.CombinedOutput()
	require.Error(t, err)
	require.Equal(t, 3, second.ProcessState.ExitCode(), string(output))
	require.Contains(t, string(output), "in use by process "+strconv.Itoa(w.up.pid()))
	w.awaitTask(w.run(plain(w.complaints(sandbox.EndReplace)[0])), "complete") // the first is none the worse for it
}

// TestStopsInOrder: what is under way ends, nothing new is taken, and what waits goes on later.
func TestStopsInOrder(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 1)
	complaints := w.complaints(sandbox.EndReplace)
	w.fault("support", sandbox.Fault{Kind: sandbox.FaultSlow, Operation: createsTicket, For: time.Second, Times: 4})
	var ids []string
	for _, m := range complaints[:4] {
		ids = append(ids, w.run(plain(m)))
	}
	require.NoError(t, w.up.cmd.Process.Signal(syscall.SIGTERM))
	w.up.awaitEnd(t)
	require.Zero(t, w.up.cmd.ProcessState.ExitCode(), tail(w.up.said(), 3000))
	require.NoFileExists(t, filepath.Join(w.data(), "up.json"))
	w.begin()
	for _, id := range ids {
		w.awaitTask(id, "complete")
	}
	w.oneTicketEach(ids)
}
