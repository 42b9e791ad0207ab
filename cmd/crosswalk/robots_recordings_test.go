package main

import (
	"fmt"
	"html"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
)

// toolStore is an old application whose fields have no labels but the text beside them, and whose links stand in tables.
func toolStore(t *testing.T, saved *int) string {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		show := func(head, body string) {
			fmt.Fprintf(w, `<title>ToolStore</title><table><tr><td>ToolStore</td><td>%s</td></tr></table><h2>x</h2>%s`, head, body)
		}
		out := `<a href="/logout">Log off</a> | <a href="/search">Find a tool</a>`
		session, _ := r.Cookie("TSID")
		no := html.EscapeString(r.FormValue("no"))
		switch {
		case r.URL.Path == "/login" && r.PostFormValue("usr") == "ruth" && r.PostFormValue("pwd") == "geheim-77":
			http.SetCookie(w, &http.Cookie{Name: "TSID", Value: "4711", Path: "/"})
			http.Redirect(w, r, "/search", http.StatusSeeOther)
		case session == nil || session.Value != "4711":
			show("", `<form action="/login" method="post"><table><tr><td>User:</td><td><input name="usr"></td></tr><tr><td>Password:</td><td><input type="password" name="pwd"></td></tr></table><input type="submit" value="Log in"></form>`)
		case r.URL.Path == "/result":
			show(out, `<table border="1"><tr><th>No.</th><th>Tool</th></tr><tr><td><a href="/tool?no=W-1003">W-1003</a></td><td>Saw</td></tr><tr><td><a href="/tool?no=W-1004">W-1004</a></td><td>Level</td></tr></table>`)
		case r.URL.Path == "/tool":
			show(out, `<table><tr><td>No.:</td><td>`+no+`</td></tr><tr><td>Place:</td><td>Depot North</td></tr><tr><td>State:</td><td>free</td></tr></table><p><a href="/repair?no=`+no+`">Order a repair</a></p>`)
		case r.URL.Path == "/repair" && r.Method == http.MethodPost:
			*saved++
			show(out, `<p>The order was saved.</p>`)
		case r.URL.Path == "/repair":
			show(out, `<form action="/repair" method="post"><input type="hidden" name="tool_no" value="`+no+`"><table><tr><td>What is broken:</td><td><textarea name="what"></textarea></td></tr><tr><td>Cost centre:</td><td><select name="cost_centre"><option>-</option><option>Workshop</option></select></td></tr></table><input type="submit" value="Save"></form>`)
		default:
			show(out, `<form action="/result" method="post"><table><tr><td>Tool or word:</td><td><input name="q"></td><td><input type="submit" value="Search"></td></tr></table></form>`)
		}
	}))
	t.Cleanup(s.Close)
	return s.URL
}

// TestRecordingsOfOneApplication imports three recordings of one application: with its login, without it, and one of Selenium IDE that changes
// something. Each is right as it was imported: it names fields as a person does, and reads what the last page shows.
func TestRecordingsOfOneApplication(t *testing.T) {
	saved := 0
	address, dir := toolStore(t, &saved), t.TempDir()
	acme := filepath.Join(dir, "acme")
	brought := func(name string, flags ...string) string {
		text, err := os.ReadFile(filepath.Join("testdata", "recordings", name))
		require.NoError(t, err)
		file := filepath.Join(dir, name)
		require.NoError(t, os.WriteFile(file, []byte(strings.ReplaceAll(string(text), "TOOLSTORE", address)), 0o600))
		out, err := commandLine(t, append([]string{"robots", "import", file, "--out", acme, "--system", "toolstore", "--yes"}, flags...)...)
		require.NoError(t, err, out)
		require.NotContains(t, out, "ended early")
		require.NotContains(t, out, "were not looked at")
		return out
	}
	written := func(name string) string {
		text, err := os.ReadFile(filepath.Join(acme, filepath.FromSlash(name)))
		require.NoError(t, err)
		return string(text)
	}
	brought("find.json")
	require.Contains(t, written("robots/toolstore.system.yaml"), "any: [{label: User}, {field: usr}, ")
	require.Contains(t, written("robots/toolstore-find-a-tool.yaml"), "any: [{label: Tool or word}, {field: q}, ")
	require.Contains(t, written("robots/toolstore-find-a-tool.yaml"), "Tool: {as: tool, optional: true}")

	// Recorded anew for the application that is there now, the login is what its own file does, and no search to be allowed. Without
	// the secrets it cannot be done, and the person who imports is the one to say so to.
	looked := "# Somebody has looked through it.\n# Lines are where they are.\n" + written("robots/toolstore.system.yaml")
	require.NoError(t, os.WriteFile(filepath.Join(acme, "robots", "toolstore.system.yaml"), []byte(looked), 0o600))
	again := []string{"robots", "import", filepath.Join(dir, "find.json"), "--out", acme, "--system", "toolstore", "--yes", "--dry-run", "--name", "again"}
	out, err := commandLine(t, again...)
	require.ErrorContains(t, err, "nothing was written: set it and import again, or import with --offline", out)
	t.Setenv("TOOLSTORE_USER", "ruth")
	t.Setenv("TOOLSTORE_PASSWORD", "geheim-77")
	out, err = commandLine(t, again...)
	require.NoError(t, err, out)
	require.NotContains(t, out, "is stopped")
	require.NotContains(t, out, "ended early")
	require.Contains(t, out, "Tool: {as: tool, optional: true}", "the login is not that of the lines which an import would have written: user and password were exchanged")

	// The second has no login: the one of the workspace is used. It ends at a page of values, and finds a search that nobody knew yet.
	system := filepath.Join(acme, "robots", "toolstore.system.yaml")
	require.NoError(t, os.WriteFile(system, []byte(strings.Replace(written("robots/toolstore.system.yaml"), "reads_by_post: [/result]", "reads_by_post: [/other]", 1)), 0o600))
	before := written("robots/toolstore.system.yaml")
	text, err := os.ReadFile(filepath.Join("testdata", "recordings", "look.json"))
	require.NoError(t, err)
	file := filepath.Join(dir, "look.json")
	require.NoError(t, os.WriteFile(file, []byte(strings.ReplaceAll(string(text), "TOOLSTORE", address)), 0o600))
	out, err = commandLine(t, "robots", "import", file, "--out", acme, "--system", "toolstore", "--yes", "--name", "unasked")
	require.NoError(t, err, out)
	require.Contains(t, out, "what is sent to /result is stopped: robots/toolstore.system.yaml does not say that it only searches")
	require.Equal(t, before, written("robots/toolstore.system.yaml"), "a file for all robots is not widened unasked")
	require.NoError(t, os.Remove(filepath.Join(acme, "robots", "unasked.yaml")))
	out = brought("look.json", "--widen")
	require.Contains(t, written("robots/toolstore.system.yaml"), "reads_by_post: [/other, /result]")
	require.Contains(t, written("robots/toolstore-look-at-a-tool.yaml"), "labels:\n        No.: {as: no, optional: true}\n        Place: {as: place, optional: true}", "%s\n%s", out, written("robots/toolstore-look-at-a-tool.yaml"))
	require.Contains(t, written("robots/toolstore-look-at-a-tool.yaml"), "click: {link: '${input.tool_or_word}'}\n", "its place in the list is that of another tool another time")

	// The third commits: its form is found although a link in the recording fits several.
	brought("repair.side")
	require.Contains(t, written("robots/toolstore-order-a-repair.yaml"), "click: {any: [{button: Save}, ")
	require.Contains(t, written("robots/toolstore-order-a-repair.yaml"), "effect: {method: POST, url: /repair}")

	out, err = commandLine(t, "check", acme)
	require.NoError(t, err, out)
	out, err = commandLine(t, "robots", "try", "toolstore", "look_at_a_tool", "--dir", acme, "--input", `{"tool_or_word": "W-1004"}`)
	require.NoError(t, err, out)
	require.Contains(t, out, `"place":"Depot North"`)
	out, err = commandLine(t, "robots", "try", "toolstore", "order_a_repair", "--dir", acme, "--input", `{"q": "W-1004", "what": "It smells"}`)
	require.NoError(t, err, out)
	require.Contains(t, out, "stopped before the commit: trying changes nothing")
	require.Zero(t, saved, "nothing is changed by importing and trying")
}

// TestAPageThatPostsItselfIsImported holds that the look at the pages goes on behind a list whose choice posts the page to itself, as
// WebForms do it, that this is told apart from the commit at the same address, and that fields are named as a person sees them.
func TestAPageThatPostsItselfIsImported(t *testing.T) {
	var mutex sync.Mutex
	booked, came := 0, 0
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mutex.Lock()
		defer mutex.Unlock()
		chosen := ""
		if r.Method == http.MethodPost {
			if chosen = " selected"; r.PostFormValue("ctl00$Main$btnSave") != "" {
				booked++
			} else {
				came++
			}
		}
		fmt.Fprintf(w, `<title>Goods</title><h2>Goods receipt</h2><form method="post" id="f"><input type="hidden" name="__EVENTTARGET" value=""><table><tr><td>Depot</td><td><select name="ctl00$Main$ddlDepot" onchange="back('ctl00$Main$ddlDepot')"><option value="1">Hamburg<option value="2"%s>Berlin</select></td></tr>
			<tr><td>Delivery note</td><td><input name="ctl00$Main$txtNote"></td></tr><tr><td>Pallets</td><td><input name="pallets"></td></tr></table><input type="submit" name="ctl00$Main$btnSave" value="Book receipt"></form>
			<script>function back(from) { const f = document.getElementById('f'); f.elements.__EVENTTARGET.value = from; f.submit() }</script>`, chosen)
	}))
	t.Cleanup(s.Close)
	dir := t.TempDir()
	file, acme := filepath.Join(dir, "receive.json"), filepath.Join(dir, "acme")
	change := func(name, value string) string {
		return fmt.Sprintf(`{"type": "change", "value": %q, "target": "main", "selectors": [["[name='%s']"]]}, `, value, name)
	}
	require.NoError(t, os.WriteFile(file, []byte(`{"title": "Receive", "steps": [{"type": "navigate", "url": "`+s.URL+`/goods"}, `+change("ctl00$Main$ddlDepot", "2")+change("ctl00$Main$txtNote", "DN-778")+change("pallets", "12")+
		`{"type": "click", "target": "main", "selectors": [["aria/Book receipt"], ["[name='ctl00$Main$btnSave']"]], "offsetX": 1, "offsetY": 1}]}`), 0o600))
	out, err := commandLine(t, "robots", "import", file, "--out", acme, "--system", "goods", "--yes")
	require.NoError(t, err, out)
	require.NotContains(t, out, "ended early")
	written := func(name string) string {
		text, err := os.ReadFile(filepath.Join(acme, "robots", name))
		require.NoError(t, err)
		return string(text)
	}
	for _, line := range []string{
		"select: {into: {any: [{label: Depot}, {field: 'ctl00$Main$ddlDepot'}]}, value: '${input.depot}'}", "fill: {into: {any: [{label: Delivery note}, {field: 'ctl00$Main$txtNote'}]}, value: '${input.delivery_note}'}",
		"fill: {into: {field: pallets}, value: '${input.pallets}'}", "click: {any: [{field: 'ctl00$Main$btnSave'}, {button: Book receipt}]}", "effect: {method: POST, url: /goods, form: {'ctl00$Main$btnSave': Book receipt}}",
	} {
		require.Contains(t, written("goods-receive.yaml"), line)
	}
	require.Contains(t, written("goods.system.yaml"), "reads_by_post: [{url: /goods, form: {'__EVENTTARGET': 'ctl00$Main$ddlDepot', 'ctl00$Main$btnSave': []}}]")
	mutex.Lock()
	require.Zero(t, booked)
	require.NotZero(t, came)
	mutex.Unlock()
	out, err = commandLine(t, "check", acme)
	require.NoError(t, err, out)

	out, err = commandLine(t, "robots", "import", file, "--out", filepath.Join(dir, "offline"), "--system", "goods", "--yes", "--offline")
	require.NoError(t, err, out)
	require.Contains(t, out, `"ddldepot"`, "the place is no part of the name")
}

// TestFieldsOfAFormAreNamedAsAPersonDoes holds that a field in a row of a list is called as its column, and not as what happens to stand
// beside it, that equal numbers in two rows are two inputs, and that a box to tick is named as other fields are.
func TestFieldsOfAFormAreNamedAsAPersonDoes(t *testing.T) {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprint(w, `<title>Returns</title><form method="post" action="/return"><table><tr><td>Unopened</td><td><input type="checkbox" name="ovp" value="1"></td></tr></table>
			<table><tr><th>Article</th><th>Sends back</th></tr><tr><td>Keyboard</td><td><input name="m0" value="0"></td></tr><tr><td>Mouse</td><td><input name="m1" value="0"></td></tr></table>
			<input type="submit" value="Save return"></form>`)
	}))
	t.Cleanup(s.Close)
	dir := t.TempDir()
	file, acme := filepath.Join(dir, "return.json"), filepath.Join(dir, "acme")
	require.NoError(t, os.WriteFile(file, []byte(`{"title": "Return", "steps": [{"type": "navigate", "url": "`+s.URL+`/return"},
		{"type": "click", "target": "main", "selectors": [["tr:nth-of-type(1) input"], ["xpath//html/body/form/table[1]/tbody/tr[1]/td[2]/input"]], "offsetX": 1, "offsetY": 1},
		{"type": "change", "value": "2", "target": "main", "selectors": [["table:nth-of-type(2) tr:nth-of-type(2) input"]]},
		{"type": "change", "value": "2", "target": "main", "selectors": [["table:nth-of-type(2) tr:nth-of-type(3) input"]]},
		{"type": "click", "target": "main", "selectors": [["aria/Save return"]], "offsetX": 1, "offsetY": 1}]}`), 0o600))
	out, err := commandLine(t, "robots", "import", file, "--out", acme, "--system", "returns", "--yes")
	require.NoError(t, err, out)
	text, err := os.ReadFile(filepath.Join(acme, "robots", "returns-return.yaml"))
	require.NoError(t, err)
	for _, line := range []string{
		"check: {any: [{label: Unopened}, {field: ovp}, ", "{into: {any: [{field: m0}, {css: 'table:nth-of-type(2) tr:nth-of-type(2) input'}]}, value: '${input.sends_back}'}",
		"value: '${input.sends_back2}'}", `this field is one of a list, under "Sends back"`,
	} {
		require.Contains(t, string(text), line)
	}
	require.NotContains(t, string(text), "Keyboard")
}
