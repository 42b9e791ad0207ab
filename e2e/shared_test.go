package e2e

import (
	"net/http"
	"os"
	"os/exec"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"crosswalk/sandbox"
)

// commanded runs a command against the desk of the cluster, as somebody on another machine does.
func (c *cluster) commanded(args ...string) string {
	c.t.Helper()
	cmd := exec.Command(binary, args...)
	cmd.Env = append(os.Environ(), "CROSSWALK_URL=http://"+c.listen, "CROSSWALK_TOKEN="+clusterToken)
	output, err := cmd.CombinedOutput()
	require.NoError(c.t, err, string(output))
	return string(output)
}

// TestAPauseIsSharedByProcesses: a system asks one worker for quiet. That worker is stopped; another one, which was never
// told, keeps quiet too, with all its cases in sight, and calls other systems meanwhile. Then two workers let through what
// has waited.
func TestAPauseIsSharedByProcesses(t *testing.T) {
	t.Parallel()
	const quiet = 30 * time.Second
	c := newCluster(t, 4)
	var complaints []sandbox.Complaint
	for _, one := range c.complaints(sandbox.EndReplace) {
		complaints = append(complaints, plain(one))
	}
	require.GreaterOrEqual(t, len(complaints), 4)
	complaints = complaints[:min(len(complaints), 8)]
	asked := func() int { return c.counters().Requests["crm"]["POST /crm/v3/objects/contacts/search"] }
	c.fault("crm", sandbox.Fault{Kind: sandbox.FaultRateLimited, For: quiet, Times: 1})
	first := c.role(binary, "worker")
	first.awaitReady(t)
	since := time.Now() // before it asked for quiet
	ids := []string{c.run(complaints[0])}
	until(t, "the CRM is asked", func() (bool, string) { return asked() > 0, "" })
	waits := func(d caseDetail) bool { return d.Case.WaitingFor == "crm" || time.Since(since) > quiet } // else this machine is too slow to see it
	c.await(ids[0], "waits for the CRM", waits)
	first.kill()

	other := c.role(binary, "worker")
	other.awaitReady(t)
	for _, m := range complaints[1:] {
		ids = append(ids, c.run(m))
	}
	for _, id := range ids {
		c.await(id, "waits for the CRM", waits)
	}
	shown, systems := c.commanded("cases", "show", ids[1]), c.commanded("systems", "list")
	if time.Since(since) < quiet {
		require.Contains(t, shown, "crm is paused by the system until ")
		require.Regexp(t, `(?m)^crm +paused by the system until .* \(hubspot\) +\d+$`, systems)
		require.Contains(t, systems, "waiting for crm, the longest first:")
		require.Contains(t, systems, mustLook(c.world, ids[1]).Case.Reference)
	}
	keepsQuiet(t, asked, since, quiet)
	third := c.role(binary, "worker")
	third.awaitReady(t)
	for _, id := range ids {
		c.awaitTask(id, "complete")
	}
	c.oneTicketEach(ids)
	c.needsNobody(ids)
	require.NotContains(t, c.commanded("systems", "list"), "paused")
	c.order(http.MethodDelete, "/crm/faults", nil, nil)
}
