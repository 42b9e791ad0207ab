package robots

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"crosswalk/contracts"
	"crosswalk/rules"
)

// lookFor is a call with an input of its own.
func lookFor(base, number string) Call {
	return Call{Base: base, Input: rules.Record(map[string]rules.Value{"number": rules.Text(number)})}
}

// TestPlacesAreApart holds that what a robot does at different elements is remembered apart, however the file is written: the
// same pages never are as if they had changed.
func TestPlacesAreApart(t *testing.T) {
	t.Parallel()
	p := servePages(t)
	p.mux.HandleFunc("GET /form", func(w http.ResponseWriter, r *http.Request) {
		notice := ""
		if r.URL.Query().Has("notice") {
			notice = `<div id="notice" style="position:fixed;z-index:9;inset:0;background:#fff"><button onclick="this.parentNode.remove()">OK</button></div>
				<div id="cookies" style="position:fixed;z-index:5;inset:0;background:#fff"><label><input type="checkbox" onclick="this.closest('div').remove()"> None</label></div>`
		}
		_, _ = fmt.Fprint(w, `<body><h1>Search</h1><form action="/form"><label>Name <input name="n"></label><label><input type="checkbox" name="all"> All</label><button>Go</button></form>`, notice)
	})
	p.mux.HandleFunc("GET /list", func(w http.ResponseWriter, r *http.Request) {
		further := `<a href="/list?page=2">further</a>`
		if r.URL.Query().Has("page") {
			further = ""
		}
		page := r.URL.Query().Get("page")
		_, _ = fmt.Fprintf(w, `<body><table><tr><th>No.</th><th>City</th></tr><tr><td><a href="/one?from=%s">A%s1</a></td><td>Kiel</td></tr><tr><td><a href="/one?from=%s">A%s2</a></td><td>Bonn</td></tr></table>%s`, page, page, page, page, further)
	})
	p.mux.HandleFunc("GET /one", func(w http.ResponseWriter, r *http.Request) {
		back := "/list"
		if page := r.URL.Query().Get("from"); page != "" {
			back += "?page=" + page
		}
		_, _ = fmt.Fprintf(w, `<body><label for=s>State</label> <output id=s>open</output> <a href="%s">overview</a>`, back)
	})
	const interrupts = "interrupts: [{seen: {css: '#notice'}, do: [{click: {button: OK}}]}, {seen: {css: '#cookies'}, do: [{check: {label: None}}]}]\n"
	for what, steps := range map[string]string{
		"two steps on one line": "  [{goto: /form}, {fill: {into: {label: Name}, value: ada}}, {check: {label: All}}, {click: {button: Go}}]\n",
		"the links of a table": "  - goto: /list\n  - table: {from: {}, columns: {No.: number, City: city}, pages: {next: {link: further}, max: 3}, expect: 4, as: rows,\n" +
			"      open: {column: No., back: {link: overview}, do: [{read: {from: {css: output}, as: state}}]}}\n",
		"a step after an interrupt": "  - goto: /form?notice=1\n  - fill: {into: {label: Name}, value: ada}\n  - click: {button: Go}\n",
	} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			program, m := compileTest(t, plainSystem+interrupts, steps, "{}"), newMemory()
			runner := NewRunner(pool, nil)
			runner.Remember(m)
			for _, number := range []string{"one", "two", "three"} {
				result, err := runner.Run(t.Context(), program, lookFor(p.URL, number))
				require.NoError(t, err)
				require.Empty(t, result.Warnings, number)
			}
			require.Empty(t, m.changes)
			require.GreaterOrEqual(t, len(m.prints), 2)
		})
	}
}

// TestAChoiceIsForOneStep holds that what a person chose helps the step that was asked about, and no other on its line.
func TestAChoiceIsForOneStep(t *testing.T) {
	t.Parallel()
	program := compileTest(t, plainSystem, "  [{click: {button: A}}, {click: {button: B}}]\n", "{}")
	u := &run{program: program, call: Call{Help: Help{Step: program.find[1].place, Hash: program.Hash, Target: `{"button":"C"}`}}}
	for i, want := range []string{"A", "C"} {
		s := &program.find[i]
		at, err := s.target.spec(nil)
		require.NoError(t, err)
		require.Equal(t, want, u.chosen(s, at).Text.Exact)
	}
}

// TestWhatIsDataIsNoChange holds what is learned of a place, and when it is sure enough to stop a write.
func TestWhatIsDataIsNoChange(t *testing.T) {
	t.Parallel()
	form := func(action, headings, required string) Print {
		return Print{Tag: "input", Type: "submit", Method: "POST", Action: action, Headings: strings.Fields(headings), Required: strings.Fields(required)}
	}
	type seen struct {
		input string // empty: a canary
		print Print
	}
	for what, test := range map[string]struct {
		before []seen
		now    Print
		grave  string
	}{
		"one run says nothing":        {[]seen{{"a", form("/save", "Order Ann", "")}}, form("/send", "Order Bob", "vat"), ""},
		"nor does the same again":     {[]seen{{"a", form("/save", "Order Ann", "")}, {"a", form("/save", "Order Ann", "")}}, form("/save", "Order Bob", ""), ""},
		"nor do canaries":             {[]seen{{"", form("/save", "Order Ann", "")}, {"", form("/save", "Order Ann", "")}, {"a", form("/save", "Order Ann", "")}}, form("/save", "Order Bob", ""), ""},
		"what recurs is no data":      {[]seen{{"a", form("/save", "Order Ann", "")}, {"b", form("/save", "Order Bob", "")}}, form("/save", "Delete Cleo", ""), `the heading "Order" is missing`},
		"but what varies is":          {[]seen{{"a", form("/save", "Order Ann", "")}, {"b", form("/save", "Order Bob", "")}}, form("/save", "Order Cleo", ""), ""},
		"another address":             {[]seen{{"a", form("/save", "", "")}, {"b", form("/save", "", "")}}, form("/delete", "", ""), `the address of its form is "/delete" instead of "/save"`},
		"a part of it that varies":    {[]seen{{"a", form("/of/blue-sofa/save", "", "")}, {"b", form("/of/red-chair/save", "", "")}}, form("/of/lamp/save", "", ""), ""},
		"beside one that does not":    {[]seen{{"a", form("/of/blue-sofa/save", "", "")}, {"b", form("/of/red-chair/save", "", "")}}, form("/of/lamp/delete", "", ""), `"/of/lamp/delete" instead of "/of/*/save"`},
		"a further field":             {[]seen{{"a", form("/s", "", "name")}, {"b", form("/s", "", "name")}}, form("/s", "", "name vat"), `the field "vat" must be filled in now`},
		"a field that was there once": {[]seen{{"a", form("/s", "", "name vat")}, {"b", form("/s", "", "name")}, {"c", form("/s", "", "name")}}, form("/s", "", "name vat"), ""},
		"another method":              {[]seen{{"a", form("/s", "", "")}}, Print{Tag: "input", Type: "submit", Method: "GET", Action: "/s"}, "the method of its form"},
	} {
		var known Print
		for _, one := range test.before {
			known = known.learned(one.print, one.input, one.input, time.Time{})
			if !known.Sure {
				text, err := json.Marshal(known)
				require.NoError(t, err)
				require.NotContains(t, string(text), "Ann", "%s: it may be a person", what)
			}
		}
		grave, _ := known.against(test.now, "z")
		if test.grave == "" {
			require.Empty(t, grave, what)
			continue
		}
		require.Contains(t, strings.Join(grave, "; "), test.grave, what)
	}
}

// TestTheSameInputIsComparedWithItself holds that a robot which is always given the same, or that only its canary runs, notices
// a changed page too, and takes nothing for a change that differs from day to day or with the input.
func TestTheSameInputIsComparedWithItself(t *testing.T) {
	t.Parallel()
	form := func(action, headings, required string) Print {
		return Print{Tag: "input", Type: "submit", Method: "POST", Action: action, Headings: strings.Fields(headings), Required: strings.Fields(required)}
	}
	day := time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)
	for what, test := range map[string]struct {
		input string // empty: a canary
		days  []string
		hours int
		now   Print
		asked string
		grave string
	}{
		"a heading that was always there":       {"a", []string{"Order Ann", "Order Ann"}, 24, form("/save", "Ann", "name"), "a", "a heading is missing"},
		"of a canary too":                       {"", []string{"Order Ann", "Order Ann"}, 24, form("/save", "Ann", "name"), "a", "a heading is missing"},
		"another address":                       {"a", []string{"Order", "Order"}, 24, form("/send", "Order", "name"), "a", `the address of its form is "/send"`},
		"a further field":                       {"a", []string{"Order", "Order"}, 24, form("/save", "Order", "name vat"), "a", `the field "vat" must be filled in now`},
		"what is as it was":                     {"a", []string{"Order Ann", "Order Ann"}, 24, form("/save", "Order Ann", "name"), "a", ""},
		"what differs from day to day":          {"a", []string{"Order Monday", "Order Tuesday"}, 24, form("/save", "Order Wednesday", "name"), "a", ""},
		"two runs of one day say nothing":       {"a", []string{"Order Monday", "Order Monday"}, 1, form("/save", "Order Tuesday", "name"), "a", ""},
		"another input is another matter":       {"a", []string{"Order Ann", "Order Ann"}, 24, form("/of/bob/save", "Order Bob", "name"), "b", ""},
		"three of them were there, one is gone": {"a", []string{"Order Ann Kiel", "Order Ann Kiel", "Order Ann Kiel"}, 12, form("/save", "Order Ann", "name"), "a", "a heading is missing"},
	} {
		var known Print
		for i, headings := range test.days {
			known = known.learned(form("/save", headings, "name"), test.input, "a", day.Add(time.Duration(i*test.hours)*time.Hour))
			text, err := json.Marshal(known)
			require.NoError(t, err)
			require.NotContains(t, string(text), "Ann", "%s: it may be a person", what)
		}
		grave, _ := known.against(test.now, test.asked)
		if test.grave == "" {
			require.Empty(t, grave, what)
			continue
		}
		require.Contains(t, strings.Join(grave, "; "), test.grave, what)
	}
	known := Print{}.learned(form("/save", "Order Ann", ""), "a", "a", day).learned(form("/save", "Order Bob", ""), "b", "b", day)
	require.True(t, known.Sure)
	require.Empty(t, known.Same, "what is known for all inputs needs no more")
}

// TestPeopleAreNotRemembered holds that neither sessions, nor secrets, nor people come into what is kept of pages, and that
// addresses that differ each time do not stop a write.
func TestPeopleAreNotRemembered(t *testing.T) {
	t.Parallel()
	p, m := servePages(t), newMemory()
	customers := []string{"Gerlinde Hopfgarten", "Ottokar Zwingli", "Friedhelm Quast"}
	called := "0f8fad5b-d9cb-469f-a165-70867728950e"
	turn := 0
	p.mux.HandleFunc("GET /who", func(w http.ResponseWriter, _ *http.Request) {
		customer, session := customers[turn], fmt.Sprintf("8A1B2C3D4E5F60718293A4B5C6D7E8%02d", turn)
		_, _ = fmt.Fprintf(w, `<body><h1>Orders</h1><h2>%[1]s</h2><form method="post" action="/customers/%[3]s/save;jsessionid=%[2]s">
			<label for="c">Contact</label><select id="c" name="contact" title="%[1]s"><option>%[1]s</option><option>Nobody</option></select><label>Note <input name="note" placeholder="hunter22"></label>
			<button>Save</button></form><a class="who" href="/of/%[3]s;jsessionid=%[2]s" title="%[1]s">%[1]s</a><img alt="%[1]s" src="x"><a href="/out;jsessionid=%[2]s">Log out</a>`, customer, session, called)
	})
	system := plainSystem + "session: {secrets: [password], start: /in, alive: {text: In}, login: [{goto: /in}, {fill: {into: {label: Password}, value: '${secret.password}'}}]}\n"
	p.mux.HandleFunc("GET /in", func(w http.ResponseWriter, _ *http.Request) {
		_, _ = fmt.Fprint(w, "<p>In</p><label>Password <input type=password></label>")
	})
	program := compileTest(t, system, "  - goto: /who\n  - fill: {into: {label: Note}, value: x}\n  - select: {into: {label: Contact}, value: Nobody}\n  - expect: {link: Log out}\n  - click: {css: a.who}\n", "{}")
	runner := NewRunner(pool, nil)
	runner.Remember(m)
	for i := range customers {
		turn = i
		call := lookFor(p.URL, fmt.Sprint("n", i))
		call.Secrets = map[string]contracts.Secret{"password": contracts.NewSecret("hunter22")}
		p.mux.HandleFunc(fmt.Sprintf("GET /of/%s;jsessionid=8A1B2C3D4E5F60718293A4B5C6D7E8%02d", called, i), func(w http.ResponseWriter, _ *http.Request) { _, _ = fmt.Fprint(w, "<p>there</p>") })
		result, err := runner.Run(t.Context(), program, call)
		require.NoError(t, err)
		require.Empty(t, result.Warnings)
	}
	kept, err := json.Marshal(map[string]any{"prints": m.prints, "pages": m.pages, "changes": m.changes})
	require.NoError(t, err)
	for _, never := range []string{"Hopfgarten", "Zwingli", "Quast", "jsessionid", "8A1B2C", called, "hunter22"} {
		require.NotContains(t, string(kept), never)
	}
	require.Contains(t, string(kept), "Log out", "what the robot names is kept")
	require.Contains(t, string(kept), "/customers/*/save")
	sure := m.prints[program.Hash+" "+program.find[1].place]
	require.Equal(t, []string{"Orders"}, sure.Headings, "what recurs with other inputs is kept")
	require.Equal(t, "/customers/*/save", sure.Action)
}

// TestWhatVariesIsNoDrift holds that a page on which something is another each time, month or row is as it was: nothing is
// warned of, and nothing is proposed.
func TestWhatVariesIsNoDrift(t *testing.T) {
	t.Parallel()
	p := servePages(t)
	visit := 0
	months, names := []string{"October", "November", "December", "January"}, []string{"Ada", "Ben", "Cem", "Dan"}
	p.mux.HandleFunc("GET /orders", func(w http.ResponseWriter, _ *http.Request) {
		_, _ = fmt.Fprintf(w, `<body><h1>Orders of %s</h1><h2>Open (%d)</h2><h3>Basics</h3><form action="/orders"><table><tr><th>Article</th><th>Amount</th></tr><tr><td>Screw %c</td><td><input name="amount_1"></td></tr><tr><td>Nut</td><td><input name="amount_2"></td></tr></table>
			<p>%s <input name="remark"></p></form>`, months[visit], visit, 'a'+rune(visit), names[visit])
	})
	program, m := compileTest(t, plainSystem, "  - goto: /orders\n  - fill: {into: {field: amount_1}, value: '1'}\n  - fill: {into: {field: remark}, value: x}\n", "{}"), newMemory()
	runner := NewRunner(pool, nil)
	runner.Remember(m)
	for visit = range months {
		result, err := runner.Run(t.Context(), program, lookFor(p.URL, names[visit]))
		require.NoError(t, err)
		require.Empty(t, result.Warnings, "visit %d", visit)
	}
	require.Empty(t, m.changes)
}

// TestARenamedLabelIsNoticedAtOnce holds that a label that was renamed after the very first run is warned of, each time until
// somebody accepts it, and that one that is another each time is data after all.
func TestARenamedLabelIsNoticedAtOnce(t *testing.T) {
	t.Parallel()
	p := servePages(t)
	label := ""
	p.mux.HandleFunc("GET /note", func(w http.ResponseWriter, _ *http.Request) {
		_, _ = fmt.Fprintf(w, `<body><form action="/note"><label>%s <input name="note"></label></form>`, label)
	})
	program, m := compileTest(t, plainSystem, "  - goto: /note\n  - fill: {into: {field: note}, value: x}\n", "{}"), newMemory()
	runner := NewRunner(pool, nil)
	runner.Remember(m)
	for i, visit := range []struct {
		label, input string
		warned       bool
	}{{"Note", "a", false}, {"Refund", "b", true}, {"Refund", "a", true}, {"Note", "b", false}, {"Refund", "c", true}} {
		label = visit.label
		result, err := runner.Run(t.Context(), program, lookFor(p.URL, visit.input))
		require.NoError(t, err)
		require.Equal(t, visit.warned, len(result.Warnings) > 0, "visit %d: %v", i, result.Warnings)
	}
	require.NotEmpty(t, m.changes)
	require.Contains(t, m.changes[0].Words, `its label is "Refund" instead of "Note"`)

	m = newMemory()
	runner.Remember(m)
	for i, name := range []string{"Ada", "Ben", "Cem", "Dan"} {
		label = name
		result, err := runner.Run(t.Context(), program, lookFor(p.URL, "z"))
		require.NoError(t, err)
		require.Equal(t, i == 1, len(result.Warnings) > 0, "%s: %v", name, result.Warnings)
	}
}

// TestNamesOfMonthsAreOrdinaryWordsToo holds that what differs in the name of a month or a day is no change, and that everything
// else around it is one; and that what earlier releases have kept is still known.
func TestNamesOfMonthsAreOrdinaryWordsToo(t *testing.T) {
	t.Parallel()
	page := func(label, heading string) Print {
		return Print{Tag: "input", Type: "text", Name: "n", Label: label, Headings: []string{heading}}
	}
	for _, test := range []struct {
		before, now Print
		grave       bool
		light       string
	}{
		{page("Name", "Orders of May"), page("Name", "Orders of June"), false, ""},
		{page("Name", "Commandes du lundi, mars"), page("Name", "Commandes du mardi, mai"), false, ""},
		{page("Name", "Orders of May"), page("Name", "Delete all of May"), true, ""},
		{page("Name", "March data"), page("Name", "Delete data"), true, ""},
		{page("May we call you?", "Orders"), page("You may not call", "Orders"), false, "its label"},
		{page("Monday", "Orders"), page("Friday", "Orders"), false, "its label"},
		{page("…", "Orders"), page("May we call you?", "Orders"), false, ""},
		{page("…", "Orders"), page("Call me", "Orders"), false, "its label"},
	} {
		sure := Print{}.learned(test.before, "a", "a", time.Time{}).learned(test.before, "b", "b", time.Time{})
		require.True(t, sure.Sure)
		earlier := test.before // as it was kept before headings were kept without their dates
		earlier.Sure = true
		for _, known := range []Print{sure, earlier} {
			grave, light := known.against(test.now, "c")
			require.Equal(t, test.grave, len(grave) > 0, "%v and %v: %v", test.before, test.now, grave)
			require.Equal(t, test.light != "", len(light) > 0, "%v and %v: %v", test.before, test.now, light)
		}
	}
	earlier := Print{Tag: "input", Type: "text", Name: "n", Label: "Name", Same: map[string]Same{"a": {Headings: digests([]string{"Orders of May"}), First: time.Unix(0, 0), Last: time.Unix(0, 0).Add(sameAfter)}}}
	require.Empty(t, earlier.againstSame(page("Name", "Orders of May"), "a"))
}
