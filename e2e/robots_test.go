package e2e

import (
	"encoding/json"
	"fmt"
	"html"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
)

// oldShop is a web application whose page changes when it is told to.
type oldShop struct {
	server *httptest.Server
	mutex  sync.Mutex
	label  string // before the field; empty: there is no field
	code   bool   // letters must be typed first
}

func newOldShop(t *testing.T) *oldShop {
	t.Helper()
	s := &oldShop{label: "Customer"}
	s.server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.mutex.Lock()
		defer s.mutex.Unlock()
		query := r.URL.Query()
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		switch {
		case r.URL.Path == "/found":
			fmt.Fprintf(w, "<body><h1>Customer file</h1><table><tr><td>Name:</td><td>Customer of %s</td></tr></table>", html.EscapeString(query.Get("custno")))
		case r.URL.Path != "/":
			http.NotFound(w, r)
		case s.code && query.Get("letters") != "xkcd42":
			fmt.Fprint(w, `<body><h1>Are you a person?</h1><p class="captcha">x k c d 4 2</p><form action="/"><label>Letters <input name="letters"></label><input type="submit" value="Go on"></form>`)
		case s.label == "":
			fmt.Fprint(w, `<body><h1>Search</h1><p>Closed for rebuilding</p>`)
		default:
			fmt.Fprintf(w, `<body><h1>Search</h1><form action="/found"><label>%s <input name="custno"></label> <label>Note <input name="note"></label><input type="submit" value="Search"></form>`, s.label)
		}
	}))
	t.Cleanup(func() { s.server.CloseClientConnections(); s.server.Close() })
	return s
}

func (s *oldShop) change(label string, code bool) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	s.label, s.code = label, code
}

var oldShopFiles = map[string]string{
	"crosswalk.yaml": `
company: Test
people: {roles: roles.yaml}
systems:
  shop: {contract: shop, drivers: [{robot: old-shop, base_url: 'SHOP'}]}
`,
	"roles.yaml": `
queues: {repair: {title: Repair, roles: [agent]}}
users: [{name: Ann, email: ann@x.example, password: 'env:CROSSWALK_E2E_PASSWORD', roles: [agent], languages: [en]}]
`,
	"contracts/shop.yaml": `
contract: shop
operations:
  find_customer:
    effect: read
    input: {number: {type: string, required: true}}
    output: {name: {type: string, required: true}}
    errors: [not_found]
`,
	"robots/old-shop.system.yaml": `
system: old-shop
base: http://shop.example
limits: {step: 8s, run: 2m}
human:
  - {seen: {css: p.captcha}, ask: {what: captcha, title: The letters on the page, as: letters}, do: [{fill: {into: {label: Letters}, value: '${letters}'}}, {click: {button: Go on}}]}
`,
	"robots/old-shop-find-customer.yaml": `
robot: old-shop-find-customer
operation: shop.find_customer
system: old-shop
find:
  - goto: /
  - fill: {into: {label: Customer}, value: '${input.number}'} # its number
  - click: {button: Search}
  - read: {from: {label: Name}, as: name}
output: {name: '${name}'}
evidence: {keep: 30d}
canary: {every: 720h, input: {number: '1001'}}
`,
	"usecases/lookup.yaml": `
usecase: lookup
title: 'Who is ${input.number}?'
input: {number: {type: string, required: true}}
steps:
  - {id: who, call: shop.find_customer, with: {number: '${input.number}'}}
  - {end: {outcome: found, result: {name: '${who.name}'}}}
`,
}

func newShopWorld(t *testing.T) (*world, *oldShop) {
	t.Helper()
	s := newOldShop(t)
	w := &world{t: t, dir: filepath.Join(t.TempDir(), "shop"), listen: freeAddress(t)}
	for name, text := range oldShopFiles {
		path := filepath.Join(w.dir, name)
		require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o700))
		require.NoError(t, os.WriteFile(path, []byte(strings.ReplaceAll(text, "SHOP", s.server.URL)), 0o600))
	}
	w.beginLedger()
	return w, s
}

// command runs a command on the running program in its workspace, and returns what it prints.
func (w *world) command(code int, args ...string) string {
	w.t.Helper()
	output, said, got := w.runs(args...)
	require.Equal(w.t, code, got, "%v\n%s\n%s", args, output, said)
	return output
}

// runs is command for any exit code.
func (w *world) runs(args ...string) (output, said string, code int) {
	w.t.Helper()
	cmd := exec.Command(binary, append(args, "--data", w.data())...)
	cmd.Dir = w.dir
	var problem strings.Builder
	cmd.Stderr = &problem
	printed, err := cmd.Output()
	if cmd.ProcessState == nil {
		require.NoError(w.t, err)
	}
	return string(printed), problem.String(), cmd.ProcessState.ExitCode()
}

// page reads a page of the desk.
func (u *user) page(path string) string {
	u.w.t.Helper()
	answer, err := u.client.Get("http://" + u.w.listen + path)
	require.NoError(u.w.t, err)
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	require.NoError(u.w.t, err)
	require.Equal(u.w.t, http.StatusOK, answer.StatusCode, path)
	return string(body)
}

var versionField = regexp.MustCompile(`name="version" value="(\d+)"`)

// fills fills in the form of a task, as a browser does.
func (u *user) fills(id string, fields url.Values) {
	u.w.t.Helper()
	shown := versionField.FindStringSubmatch(u.page("/tasks/" + id))
	require.NotNil(u.w.t, shown, "the task can be answered")
	fields.Set("version", shown[1])
	r, err := http.NewRequest(http.MethodPost, "http://"+u.w.listen+"/tasks/"+id+"/answer", strings.NewReader(fields.Encode()))
	require.NoError(u.w.t, err)
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Sec-Fetch-Site", "same-origin")
	answer, err := u.client.Do(r)
	require.NoError(u.w.t, err)
	answer.Body.Close()
	require.Equal(u.w.t, http.StatusSeeOther, answer.StatusCode)
}

func (w *world) found(id string) string {
	w.t.Helper()
	d := w.await(id, "ends", func(d caseDetail) bool { return d.ended() })
	require.Equal(w.t, "found", d.Case.Outcome)
	return fmt.Sprint(d.result("who")["name"])
}

// TestRobotsAndPeople hands a robot over to a person in each way, and has what the person knows become part of the robot.
func TestRobotsAndPeople(t *testing.T) {
	t.Parallel()
	w, shop := newShopWorld(t)
	ann := w.login("ann@x.example")
	lookup := func(number string) string { return w.begun("lookup", map[string]any{"number": number}) }

	require.Equal(t, "Customer of 1", w.found(lookup("1")))
	require.Contains(t, w.command(0, "robots", "canary", "shop", "find_customer"), "old-shop-find-customer went well")
	require.Contains(t, w.command(0, "schedules", "list"), "canary-shop-find_customer")

	// A captcha: the person gives the letters, and the robot goes on at that step.
	shop.change("Customer", true)
	id := lookup("2")
	_, asked := w.awaitTask(id, "repair")
	shown := ann.page("/tasks/" + asked.ID)
	require.Contains(t, shown, "The letters on the page")
	require.Regexp(t, `<img [^>]*src="/cases/`+id+`/files/`, shown)
	ann.fills(asked.ID, url.Values{"act": {"retry"}, "code": {"xkcd42"}})
	require.Equal(t, "Customer of 2", w.found(id))

	// A changed page: the person chooses what is meant, and the choice is proposed.
	shop.change("Client", false)
	id = lookup("3")
	_, asked = w.awaitTask(id, "repair")
	shown = ann.page("/tasks/" + asked.ID)
	require.Contains(t, shown, "Which of these is meant by label &#34;Customer&#34;?")
	choice := regexp.MustCompile(`for="k(\d+)">[^<]*Client`).FindStringSubmatch(shown)
	require.NotNil(t, choice, "%s", shown)
	ann.fills(asked.ID, url.Values{"act": {"retry"}, "choice": {choice[1]}})
	require.Equal(t, "Customer of 3", w.found(id))

	// The page is gone: the person gives the result, and the case goes on with it.
	shop.change("", false)
	id = lookup("4")
	_, asked = w.awaitTask(id, "repair")
	ann.fills(asked.ID, url.Values{"act": {"answer"}, "field.name": {"Jane Roe"}})
	require.Equal(t, "Jane Roe", w.found(id))
	saved := filepath.Join(t.TempDir(), "report.html")
	require.Contains(t, w.command(3, "robots", "canary", "shop", "find_customer", "--json", "--report", saved), `"class": "drift"`)
	report, err := os.ReadFile(saved)
	require.NoError(t, err)
	require.Contains(t, string(report), "data:image/jpeg;base64,")
	link := regexp.MustCompile(`href="(/api/robots/canaries/shop/[^"]+)">Report<`).FindStringSubmatch(ann.page("/robots"))
	require.NotNil(t, link)
	require.Equal(t, string(report), ann.page(link[1]))
	require.Regexp(t, `old-shop-find-customer .* drift `, w.command(0, "robots", "list"))

	// What was chosen becomes part of the robot when somebody accepts it.
	shop.change("Client", false)
	var proposed struct {
		Changes []struct{ ID, Kind, Becomes, Case string }
	}
	require.NoError(t, json.Unmarshal([]byte(w.command(0, "robots", "changes", "list", "--json")), &proposed))
	change := ""
	for _, one := range proposed.Changes {
		if one.Kind == "target" {
			change = one.ID
			require.JSONEq(t, `{"label": "Client"}`, one.Becomes)
		}
	}
	require.NotEmpty(t, change, "%v", proposed)
	require.Contains(t, ann.page("/robots"), change)
	file := filepath.Join(w.dir, "robots", "old-shop-find-customer.yaml")
	before, err := os.ReadFile(file)
	require.NoError(t, err)
	dry := w.command(0, "robots", "changes", "accept", change, "--dry-run")
	require.Contains(t, dry, "+   - fill: {into: {label: Client}, value: '${input.number}'} # its number")
	require.Contains(t, dry, "page(s) of past runs")
	same, err := os.ReadFile(file)
	require.NoError(t, err)
	require.Equal(t, string(before), string(same))
	w.command(0, "robots", "changes", "accept", change)
	after, err := os.ReadFile(file)
	require.NoError(t, err)
	require.Equal(t, strings.Replace(string(before), "{label: Customer}", "{label: Client}", 1), string(after))
	w.command(0, "publish", w.dir)
	until(t, "the worker has what was published", func() (bool, string) {
		output, said, code := w.runs("robots", "canary", "shop", "find_customer")
		return code == 0, output + said
	})
	require.Equal(t, "Customer of 5", w.found(lookup("5")), "nobody is asked again")
	require.NotContains(t, w.command(0, "robots", "changes", "list"), change)
}
