package e2e

import (
	"bufio"
	"encoding/json"
	"math/rand/v2"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"crosswalk/e2e/postgres"
	"crosswalk/sandbox"
)

// cluster is what runs in production: a PostgreSQL, a Temporal on it, workers, an intake and a desk, each a process of
// its own. Its world is reached through desk and intake.
type cluster struct {
	*world
	database, temporal string
	engine             *process
	intake, desk       *process
	environment        []string // of every role, beside what it needs
	arguments          []string
}

const clusterToken = "token-of-the-cluster"

// newTemporal starts a PostgreSQL and a Temporal on it, and returns the Temporal's address and the database of a store.
func newTemporal(t *testing.T) (temporal, database string, engine *process) {
	t.Helper()
	server, err := postgres.Start(t.Context())
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, server.Stop()) })
	histories, err := server.Create(t.Context(), "temporal")
	require.NoError(t, err)
	database, err = server.Create(t.Context(), "crosswalk")
	require.NoError(t, err)
	engine = start(t, `"ready":true`, "engine", "--database", histories, "--listen", freeAddress(t), "--ui", freeAddress(t), "--operator", "127.0.0.1:0", "--json")
	engine.awaitReady(t)
	var where struct{ Temporal string }
	engine.told(t, &where)
	return where.Temporal, database, engine
}

// newCluster starts all but the workers.
func newCluster(t *testing.T, seed uint64) *cluster {
	t.Helper()
	c := &cluster{}
	c.start(t, seed)
	return c
}

func (c *cluster) start(t *testing.T, seed uint64) {
	t.Helper()
	c.world = &world{t: t, dir: filepath.Join(t.TempDir(), "demo"), listen: freeAddress(t), token: clusterToken}
	c.temporal, c.database, c.engine = newTemporal(t)
	incoming := freeAddress(t)
	c.company = startCompany(t, c.dir, incoming, seed)
	said, code := c.crosswalk("publish", c.dir, "--database", c.database)
	require.Zero(t, code, said)
	c.intake = c.role(binary, "intake", "--listen", incoming)
	c.desk = c.role(binary, "desk", "--listen", c.listen)
	c.intake.awaitReady(t)
	c.desk.awaitReady(t)
	var where struct{ Mail []string }
	c.intake.told(t, &where)
	require.NotEmpty(t, where.Mail)
	c.mail = where.Mail[0]
}

// role starts a process.
func (c *cluster) role(program, name string, args ...string) *process {
	c.t.Helper()
	environment := append([]string{"CROSSWALK_DATABASE=" + c.database, "CROSSWALK_TOKEN=" + clusterToken}, c.environment...)
	arguments := append([]string{name, "--dir", c.dir, "--temporal", c.temporal, "--operator", "127.0.0.1:0", "--json"}, c.arguments...)
	return startAs(c.t, program, environment, `"ready":true`, append(arguments, args...)...)
}

// told reads the line with which a process said that it is ready.
func (p *process) told(t *testing.T, into any) {
	t.Helper()
	for lines := bufio.NewScanner(strings.NewReader(p.said())); lines.Scan(); {
		if strings.Contains(lines.Text(), `"ready":true`) {
			require.NoError(t, json.Unmarshal(lines.Bytes(), into))
			return
		}
	}
	t.Fatalf("it did not say that it is ready:\n%s", p.said())
}

// operator asks a process's operator's address.
func (p *process) operator(t *testing.T, path string) (int, string) {
	t.Helper()
	var where struct{ Operator string }
	p.told(t, &where)
	answer, err := web.Get("http://" + where.Operator + path)
	require.NoError(t, err)
	defer answer.Body.Close()
	var body strings.Builder
	_, err = bufio.NewReader(answer.Body).WriteTo(&body)
	require.NoError(t, err)
	return answer.StatusCode, body.String()
}

// needsNobody demands that no case asks a person to repair or confirm something.
func (w *world) needsNobody(ids []string) {
	w.t.Helper()
	for _, id := range ids {
		d, err := w.look(id)
		require.NoError(w.t, err)
		for _, kind := range []string{"repair", "confirm"} {
			_, asked := d.open(kind)
			require.False(w.t, asked, "a person has to help: %s", d.said())
		}
	}
}

// TestAWorkerThatIsKilledAgainAndAgain: Temporal and store on a PostgreSQL, two workers on one queue; one is killed
// wherever it happens to be, while customers write. Each complaint comes to its end, with one ticket.
func TestAWorkerThatIsKilledAgainAndAgain(t *testing.T) {
	t.Parallel()
	const kills, seed = 12, 20261122
	c := newCluster(t, 3)
	steady := c.role(binary, "worker")
	doomed := c.role(binary, "worker")
	steady.awaitReady(t)
	r := rand.New(rand.NewPCG(seed, seed))
	var complaints []sandbox.Complaint
	c.order(http.MethodGet, "/world/complaints?n=100&seed=9", nil, &complaints)
	complaints = slices.DeleteFunc(complaints, func(m sandbox.Complaint) bool { return m.From.Email == "" })
	var sent []string
	for range kills {
		doomed.awaitReady(t)
		moment := time.Now().Add(time.Duration(r.IntN(2500)) * time.Millisecond)
		for time.Now().Before(moment) || len(sent) == 0 {
			if m := complaints[0]; r.IntN(8) == 0 && len(sent) < 30 {
				require.NoError(t, c.send(plainIfKnown(m), newID()))
				sent, complaints = append(sent, m.From.Email), complaints[1:]
			}
			pause()
		}
		doomed.kill()
		doomed = c.role(binary, "worker")
	}
	doomed.awaitReady(t)
	for _, email := range sent {
		c.onlyCase(email)
	}
	all := c.allCases()
	require.Len(t, all, len(sent))
	for _, id := range all {
		c.await(id, "goes on by itself", caseDetail.stands)
	}
	c.oneTicketEach(all)
	c.needsNobody(all)
	for _, id := range all {
		if _, asked := mustLook(c.world, id).open("complete"); asked {
			c.finish(id)
		}
	}
	for _, p := range []*process{steady, doomed, c.engine} {
		require.Zero(t, p.terminate(t), p.said())
	}
	t.Logf("%d kills, %d cases", kills, len(all))
}

func mustLook(w *world, id string) caseDetail {
	w.t.Helper()
	d, err := w.look(id)
	require.NoError(w.t, err)
	return d
}

// TestReleasesSideBySide replaces a worker by one of another release while cases are open, with both on the queue for
// a while and a new version of the use case published meanwhile, and goes back again. CROSSWALK_PREVIOUS names the
// program of an earlier release; without it the earlier one is this code too, under another version.
func TestReleasesSideBySide(t *testing.T) {
	t.Parallel()
	previous := os.Getenv("CROSSWALK_PREVIOUS")
	if previous == "" {
		previous = binary
	}
	next := filepath.Join(t.TempDir(), "crosswalk-next")
	build := exec.Command("go", "build", "-ldflags", "-X main.version=9.9.9", "-o", next, "crosswalk/cmd/crosswalk")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	output, err := build.CombinedOutput()
	require.NoError(t, err, string(output))
	version, err := exec.Command(next, "--version").Output()
	require.NoError(t, err)
	require.Contains(t, string(version), "9.9.9")

	c := newCluster(t, 1)
	complaints := c.complaints(sandbox.EndReplace)
	before := c.role(previous, "worker")
	before.awaitReady(t)
	first := c.run(plain(complaints[0]))
	c.awaitTask(first, "complete")
	after := c.role(next, "worker")
	after.awaitReady(t)
	ids := []string{first}
	for _, m := range complaints[1:4] {
		ids = append(ids, c.run(plain(m)))
	}
	usecase := filepath.Join(c.dir, "usecases", "customer-complaint.yaml")
	text, err := os.ReadFile(usecase)
	require.NoError(t, err)
	changed := strings.Replace(string(text), "title: Channel", "title: Way", 1)
	require.NotEqual(t, string(text), changed)
	require.NoError(t, os.WriteFile(usecase, []byte(changed), 0o600))
	said, code := c.crosswalk("publish", c.dir, "--database", c.database)
	require.Zero(t, code, said)
	require.Contains(t, said, "customer-complaint")
	ids = append(ids, c.run(plain(complaints[4])))
	for _, id := range ids {
		c.awaitTask(id, "complete")
	}
	require.Zero(t, before.terminate(t), before.said())
	c.finish(ids[0])
	c.finish(ids[4])
	back := c.role(previous, "worker")
	back.awaitReady(t)
	for _, id := range ids[1:3] {
		c.finish(id) // by either
	}
	if previous == binary { // else its interpreter may be older, and leave cases of the newer one alone
		require.Zero(t, after.terminate(t), after.said())
	}
	c.finish(ids[3])
	c.oneTicketEach(ids)
}

// finish answers the task of a case and waits for its end.
func (w *world) finish(id string) {
	w.t.Helper()
	_, task := w.awaitTask(id, "complete")
	outcome := task.Payload.Outcomes[0]
	w.answer(task, outcome, map[string]any{"outcome": outcome})
	w.await(id, "has ended", caseDetail.ended)
}

// TestUpOnASeparateTemporal: `up` without an engine of its own.
func TestUpOnASeparateTemporal(t *testing.T) {
	t.Parallel()
	temporal, database, _ := newTemporal(t)
	w := &world{t: t, dir: filepath.Join(t.TempDir(), "demo"), listen: freeAddress(t)}
	w.company = startCompany(t, w.dir, w.listen, 1)
	w.up = start(t, `"ready":true`, "up", "--dir", w.dir, "--listen", w.listen, "--temporal", temporal, "--namespace", "elsewhere", "--database", database, "--json")
	w.up.awaitReady(t)
	w.connect()
	id := w.run(plain(w.complaints(sandbox.EndReplace)[0]))
	w.finish(id)
	w.oneTicketEach([]string{id})
	require.NoDirExists(t, filepath.Join(w.dir, ".crosswalk", "temporal"), "nothing of an engine of its own")
	require.NoFileExists(t, filepath.Join(w.dir, ".crosswalk", "crosswalk.db"), "nothing of a store of its own")
	require.Zero(t, w.up.terminate(t), w.up.said())
}
