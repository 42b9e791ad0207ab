package recording

import (
	"encoding/json"
	"maps"
	"net/url"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"crosswalk/contracts"
	"crosswalk/robots"
	"crosswalk/source"
)

const canary = "canary-Secret+7/ü"

func readTest(t testing.TB, name string) *Recording {
	t.Helper()
	text, err := os.ReadFile("testdata/" + name)
	require.NoError(t, err)
	r, err := Read(name, text, "")
	require.NoError(t, err)
	return r
}

// checked compiles what a plan writes, as a workspace would.
func checked(t testing.TB, p *Plan) source.Problems {
	t.Helper()
	var system *robots.System
	var all source.Problems
	known := contracts.Catalog()
	files := p.Files()
	for _, name := range slices.Sorted(maps.Keys(files)) {
		switch {
		case strings.HasPrefix(name, "contracts/"):
			contract, problems := contracts.Parse(name, files[name])
			all = append(all, problems...)
			require.NotNil(t, contract, "%s\n%s", problems, files[name])
			known[contract.Name] = contract
		case strings.HasSuffix(name, ".system.yaml"):
			var problems source.Problems
			system, problems = robots.ParseSystem(name, files[name])
			all = append(all, problems...)
		}
	}
	name := "robots/" + p.Name + ".yaml"
	robot, problems := robots.Parse(name, files[name])
	all = append(all, problems...)
	if all.Err() != nil {
		return all
	}
	contract, short, _ := strings.Cut(robot.Operation, ".")
	_, problems = robots.Compile(robot, system, known[contract].Operation(short))
	return append(all, problems...)
}

func TestChromeRecording(t *testing.T) {
	t.Parallel()
	r := readTest(t, "search.json")
	require.Equal(t, []string{
		"step 14 (waitForExpression) is not taken over: robots run no scripts of the recording: write an expect step for what is seen then",
		"step 16 (acme.beep) is not taken over: it belongs to an extension of the Recorder",
	}, each(r.Unsupported, Unsupported.String))
	p, err := NewPlan(r, Options{})
	require.NoError(t, err)
	require.Equal(t, []string{"user", "password"}, each(p.Secrets, func(i Input) string { return i.Name }))
	require.Equal(t, []string{"customer_no"}, each(p.Inputs, func(i Input) string { return i.Name }))
	require.NoError(t, checked(t, p).Err())
	robot, system := string(p.Files()["robots/erp-list-orders.yaml"]), string(p.Files()["robots/erp.system.yaml"])
	require.Contains(t, robot, `- fill: {into: {frame: '[1]', any: [{label: Customer no.}, {field: custno}]}, value: '${input.customer_no}', key: Enter}`)
	require.Contains(t, robot, `- expect: {frame: '[1]', text: 'Orders of ${input.customer_no}'}`)
	require.Contains(t, robot, `# not taken over: step 14 (waitForExpression)`)
	require.Contains(t, system, `- fill: {into: {any: [{label: User}, {css: '#user'}]}, value: '${secret.user}'}`)
	require.Contains(t, system, `- click: {any: [{button: Sign in}, {css: 'body > form > button:nth-of-type(1)'}]}`, "every alternative is kept, in the order of its worth")
}

// TestWhatWasClicked is how Chrome names what was clicked, in its own words, and what is made of it.
func TestWhatWasClicked(t *testing.T) {
	t.Parallel()
	for selectors, want := range map[string]Target{
		`["aria/Anmelden"], ["tr:nth-of-type(3) input"], ["xpath///html/body/form/table/tbody/tr[3]/td[2]/input"], ["text/Anmelden"]`: {Kind: "button", Text: "Anmelden"},
		`["aria/Suchen[role=\"button\"]"], ["form > input"], ["text/Suchen"]`:                                                         {Kind: "button", Text: "Suchen"},
		`["aria/Weiter"], ["a:nth-of-type(2)"], ["text/Weiter"]`:                                                                      {Kind: "link", Text: "Weiter"},
		`["aria/Nachname"], ["td input"]`:                                                                                             {Kind: "label", Text: "Nachname"},
	} {
		var raw []json.RawMessage
		require.NoError(t, json.Unmarshal([]byte("["+selectors+"]"), &raw))
		targets, _ := chromeTargets(raw, "")
		require.Equal(t, want, targets[0], selectors)
	}
}

// TestWhatIsSentIsTheCommit: the link that opens a form says as much of what it does as the form's own button.
func TestWhatIsSentIsTheCommit(t *testing.T) {
	t.Parallel()
	r, err := Read("pay.side", []byte(`{"id": "1", "version": "2.0", "name": "club", "url": "http://club.example", "tests": [{"id": "a", "name": "Zahlung erfassen", "commands": [
		{"command": "open", "target": "/", "value": ""},
		{"command": "click", "target": "linkText=Zahlung erfassen", "value": ""},
		{"command": "type", "target": "name=betrag", "value": "45,00"},
		{"command": "click", "target": "name=los", "value": ""}]}]}`), "")
	require.NoError(t, err)
	p, err := NewPlan(r, Options{})
	require.NoError(t, err)
	require.Equal(t, 4, p.Commit.Step)
	require.Len(t, p.Steps, 3)
}

func TestSideRecording(t *testing.T) {
	t.Parallel()
	r := readTest(t, "invoice.side")
	require.Equal(t, []string{
		"step 9 (executeScript) is not taken over: robots run no scripts of the recording: write steps for what it does",
		"step 10 (if) is not taken over: write when:, seen:, each: or until: at the step",
		"step 11 (end) is not taken over: write when:, seen:, each: or until: at the step",
	}, each(r.Unsupported, Unsupported.String))
	var asked Question
	p, err := NewPlan(r, Options{Ask: func(q Question) (int, error) { asked = q; return q.Guess, nil }})
	require.NoError(t, err)
	require.Equal(t, Question{Text: asked.Text, Answers: []string{`step 12: click button "Post"`, "none: it only reads"}, Guess: 0}, asked)
	require.True(t, p.Writes)
	robot := string(p.Files()["robots/erp-post-an-invoice.yaml"])
	require.Contains(t, robot, "commit:\n  click: {frame: '[1]', any: [{button: Post}, {css: 'input[value=''Post'']'}, {xpath: '//input[@value=''Post'']'}]}\n")
	require.Contains(t, robot, "done: {frame: '[1]', any: [{text: Invoice posted}, {css: '.notice'}]}")
	require.Contains(t, robot, "select: {into: {frame: '[1]', field: terms}, value: '30 days'}")
}

// TestNothingTypedIsWritten looks for a password and for what was typed in everything that an import writes and says.
func TestNothingTypedIsWritten(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"search.json", "invoice.side"} {
		p, err := NewPlan(readTest(t, name), Options{})
		require.NoError(t, err)
		all := p.Driver(nil) + strings.Join(p.Guesses, "\n") + strings.Join(p.Warnings, "\n")
		for _, text := range p.Files() {
			all += string(text)
		}
		for _, typed := range []string{canary, url.QueryEscape(canary), url.PathEscape(canary), "Y2FuYXJ5LVNlY3Jld", "'4711'", "Müller", ": ada"} {
			require.NotContains(t, all, typed, name)
		}
	}
}

func TestRecordingsThatAreNone(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		``:                                    `a.json:1:1: this is not a recording: unexpected end of JSON input: export it as JSON (Chrome DevTools Recorder) or save it as .side (Selenium IDE)`,
		"{\n \"steps\": [1,\n}":               `a.json:3:2: this is not a recording: invalid character '}' looking for beginning of value: export it as JSON (Chrome DevTools Recorder) or save it as .side (Selenium IDE)`,
		`{"x": 1}`:                            `a.json: it has neither steps (Chrome DevTools Recorder, exported as JSON) nor tests (Selenium IDE, .side)`,
		`{"steps": []}`:                       `a.json: the recording holds nothing that a robot could do`,
		`{"steps": [7]}`:                      `a.json: step 1 cannot be read: it must be an object, and is of the kind number: export the recording again`,
		`{"tests": []}`:                       `a.json: the project has no tests`,
		`{"steps": "x"}`:                      `a.json:1:14: this is not a recording: steps must not be string`,
		"{\"steps\": [\"\xff\"]}":             `a.json: the file is not UTF-8 text: export the recording as JSON`,
		`{"tests": [{"name": "a"}], "url":1}`: `a.json:1:35: this is not a recording: url must not be number`,
	} {
		_, err := Read("a.json", []byte(text), "")
		require.EqualError(t, err, want, text)
	}
	_, err := Read("a.side", []byte(`{"tests": [{"name": "a"}, {"name": "b"}]}`), "c")
	require.EqualError(t, err, `a.side: the project has no test "c"; it has a, b`)
	r, err := Read("a.json", []byte(`{"title": "t", "steps": [{"type": "navigate", "url": "file:///etc/passwd"}]}`), "")
	require.NoError(t, err)
	_, err = NewPlan(r, Options{})
	require.EqualError(t, err, `step 1 opens "file:///etc/passwd": robots open http and https addresses only`)
}

// TestTextsOfRecordingsMeanThemselves holds that a page cannot smuggle expressions, patterns or YAML into a robot.
func TestTextsOfRecordingsMeanThemselves(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"${secret.password}": `{text: '$${secret.password}'}`, "/.*/": `{text: '/^/\.\*/$/'}`, "a: b # c": `{text: 'a: b # c'}`, "yes": `{text: 'yes'}`, "it's": `{text: 'it''s'}`, "{x}": `{text: '{x}'}`,
	} {
		require.Equal(t, want, Target{Kind: "text", Text: text}.flow())
	}
}

func FuzzRead(f *testing.F) {
	for _, name := range []string{"search.json", "invoice.side"} {
		text, err := os.ReadFile("testdata/" + name)
		require.NoError(f, err)
		f.Add(text)
	}
	for text := range hostile() {
		if len(text) < 5000 {
			f.Add([]byte(text))
		}
	}
	f.Add([]byte(`{"title":"${x}\n","steps":[{"type":"navigate","url":"http://a/?q=1"},{"type":"click","selectors":[["aria/\u0000${input.x}"],"#a'b"]}]}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		r, err := Read("fuzz.json", text, "")
		if err != nil {
			require.NotEmpty(t, err.Error())
			return
		}
		p, err := NewPlan(r, Options{})
		if err != nil {
			return
		}
		for name, written := range p.Files() { // whatever was recorded, what is written is well-formed
			doc := source.Parse(name, written)
			require.NoError(t, doc.Problems().Err(), "%s", written)
		}
	})
}

// TestWhatSearches holds that only words that a person reads make a search of a step, and that none speaks of a change.
func TestWhatSearches(t *testing.T) {
	t.Parallel()
	button := func(text string) Target { return Target{Kind: "button", Text: text} }
	for _, test := range []struct {
		targets  []Target
		searches bool
	}{
		{[]Target{button("Suchen"), {Kind: "css", Text: "input[type='submit']"}}, true},
		{[]Target{{Kind: "css", Text: "div.list > button"}}, false},
		{[]Target{button("Speichern"), {Kind: "css", Text: "div.search button"}}, false},
		{[]Target{button("Show and save")}, false},
		{[]Target{button("Find"), {Kind: "css", Text: "#save"}}, false},
	} {
		require.Equal(t, test.searches, (&Action{Targets: test.targets}).Searches(), "%v", test.targets)
	}
}

func TestAKeyWithoutAnElementIsACommit(t *testing.T) {
	t.Parallel()
	w := &writer{plan: &Plan{Commit: &Action{Kind: "key", Key: "Enter"}}, lines: map[int]int{}}
	w.commit()
	require.Contains(t, w.String(), "  key: Enter\n")
}

// TestWhatIsDoneAfterTheCommit holds that a page which came after what was filled in and sent ends the search for the commit.
func TestWhatIsDoneAfterTheCommit(t *testing.T) {
	t.Parallel()
	button := func(step int, text string, arrives bool) Action {
		return Action{Step: step, Kind: "click", Targets: []Target{{Kind: "button", Text: text}}, Arrives: arrives}
	}
	fill := func(step int) Action {
		return Action{Step: step, Kind: "fill", Value: "x", Targets: []Target{{Kind: "field", Text: "field"}}}
	}
	for what, c := range map[string]struct {
		steps  []Action
		commit int
	}{
		"a list is filtered afterwards":        {[]Action{fill(1), button(2, "Speichern", true), fill(3), button(4, "Öffnen", true)}, 2},
		"the form is behind the word":          {[]Action{button(1, "Zahlung erfassen", true), fill(2), button(3, "Los", true)}, 3},
		"and a list is filtered after that":    {[]Action{button(1, "Zahlung erfassen", true), fill(2), button(3, "Los", true), fill(4), button(5, "Öffnen", true)}, 3},
		"a line is added before":               {[]Action{button(1, "Create order", true), fill(2), button(3, "Line", false), fill(4), button(5, "OK", true)}, 5},
		"a customer is looked up before":       {[]Action{button(1, "Create order", true), fill(2), button(3, "Find", true), fill(4), button(5, "OK", true)}, 5},
		"a search comes before on its page":    {[]Action{fill(1), button(2, "Find", true), button(3, "Bestellen", true), fill(4), button(5, "OK", true)}, 5},
		"nothing tells whether a page arrived": {[]Action{button(1, "Create order", false), fill(2), button(3, "OK", false)}, 3},
	} {
		p := &Plan{Steps: c.steps}
		require.NoError(t, p.commit(Options{}), what)
		require.NotNil(t, p.Commit, what)
		require.Equal(t, c.commit, p.Commit.Step, what)
	}
}

// TestWhereACommitIsSent holds that the address of a search is not taken for that of the commit, and that a guess is called one.
func TestWhereACommitIsSent(t *testing.T) {
	t.Parallel()
	seen := &Seen{Steps: map[int]StepSeen{1: {FormPost: "/search"}, 3: {FormPost: "/save"}}}
	fill := func(step int) Action { return Action{Step: step, Kind: "fill"} }
	click := func(step int, arrives bool) Action { return Action{Step: step, Kind: "click", Arrives: arrives} }
	for what, c := range map[string]struct {
		plan Plan
		to   string
		sure bool
	}{
		"the form before it":          {Plan{Steps: []Action{fill(1), click(2, true), fill(3)}}, "/save", true},
		"a search on an earlier page": {Plan{Steps: []Action{fill(1), click(2, true)}}, "", false},
		"a search on this page":       {Plan{Steps: []Action{fill(1), click(2, false)}, Searches: []Search{{Address: "/search"}}}, "", false},
		"a click in between":          {Plan{Steps: []Action{fill(3), click(4, false)}}, "/save", false},
	} {
		c.plan.seen = seen
		to, sure := c.plan.sentTo(Action{Step: 9, Kind: "click"})
		require.Equal(t, c.to, to, what)
		require.Equal(t, c.sure, sure, what)
	}
}

// TestANounIsNoCommit holds that a link to a list is not taken for what its word would do as a verb, and that the verb is.
func TestANounIsNoCommit(t *testing.T) {
	t.Parallel()
	click := func(step int, kind, text string) Action {
		return Action{Step: step, Kind: "click", Targets: []Target{{Kind: kind, Text: text}}, Arrives: true}
	}
	for text, commits := range map[string]bool{"Bestellungen": false, "Bestätigungen": false, "Bestellen": true, "Endgültig stornieren": true} {
		p := &Plan{Steps: []Action{click(1, "link", text), {Step: 2, Kind: "fill"}, click(3, "field", "j_idt7:j_idt12")}}
		require.NoError(t, p.commit(Options{}), text)
		require.Equal(t, commits, p.Commit != nil, text)
	}
}

// TestWhatAPageShowsBesideItsTable holds that a page with a table and with values beside labels is read by its table, and that the file
// says how the values are read, and how a page is known that says there is nothing.
func TestWhatAPageShowsBesideItsTable(t *testing.T) {
	t.Parallel()
	p := &Plan{recorded: []string{"A-20417"}, seen: &Seen{Tables: []Table{{Frame: "main", Headings: []string{"Article", "Price"}}},
		Labels: []Label{{Frame: "main", Text: "Ordered on"}, {Frame: "menu", Text: "User"}, {Frame: "main", Text: "Order A-20417"}, {Frame: "main", Text: "State"}}}}
	w := &writer{plan: p, lines: map[int]int{}}
	w.tables("  ")
	require.Equal(t, `  # what the page says where there is nothing, with errors: [not_found] in the contract: - {seen: {text: Nothing found}, fail: not_found}
  - table:
      from: {frame: main}
      columns:
        Article: {as: article, optional: true}
        Price: {as: price, optional: true}
      as: rows
  # the page shows values beside labels too, which are read so: - read: {frame: main, labels: {Ordered on: {as: ordered_on}, State: {as: state}}}
`, w.String())
}

// TestDaysAndAmountsAreNoTexts holds that what looks like a day or an amount wherever it was typed or seen is one for the contract, the
// robot and the application, and that nothing is guessed where it could be read in two ways, or is a number by chance.
func TestDaysAndAmountsAreNoTexts(t *testing.T) {
	t.Parallel()
	for what, c := range map[string]struct {
		typed, cells []string
		date         string // of the field that is typed into
		browser      string
		types        []string // of what was typed, and of the column
	}{
		"as in Germany":            {[]string{"20.11.2026", "1.089,90", "50667"}, []string{"35,00", "12.345,60 EUR", ""}, "", "browser: {numbers: '1.234,56', dates: dd.MM.yyyy}", []string{"date", "number", "string", "number"}},
		"as in France":             {[]string{"28/11/2026"}, []string{"01/02/2026", "03/02/2026"}, "", "browser: {dates: dd/MM/yyyy}", []string{"date", "date"}},
		"day or month":             {[]string{"05/11/2026"}, []string{"01/02/2026"}, "", "# browser: {locale", []string{"string", "string"}},
		"two ways of numbers":      {[]string{"12.50"}, []string{"12,50"}, "", "# browser: {locale", []string{"string", "string"}},
		"one cell is another":      {[]string{"A-1"}, []string{"35,00", "on request"}, "", "browser: {numbers: '1.234,56'}", []string{"string", "string"}},
		"a unit is typed":          {[]string{"35,00 EUR"}, []string{"K-1"}, "", "browser: {numbers: '1.234,56'}", []string{"string", "string"}},
		"a field of the browser's": {[]string{"2026-11-20"}, []string{"20.11.2026"}, "date", "browser: {dates: dd.MM.yyyy}", []string{"date", "date"}},
		"numbers and codes":        {[]string{"4711"}, []string{"86150", "89073"}, "", "# browser: {locale", []string{"string", "string"}},
	} {
		seen := &Seen{Steps: map[int]StepSeen{0: {Type: c.date}}, Tables: []Table{{Headings: []string{"Column"}}}}
		for _, cell := range c.cells {
			seen.Tables[0].Rows = append(seen.Tables[0].Rows, []string{cell})
		}
		p := &Plan{Name: "erp-look", Base: "http://erp", System: "erp", OperationName: "erp.look", seen: seen}
		for i, text := range c.typed {
			p.Inputs = append(p.Inputs, Input{Name: "typed" + strconv.Itoa(i), Steps: []int{i}, value: text})
		}
		p.types(Options{})
		var types []string
		for _, input := range p.Inputs {
			types = append(types, contractType(input.Type))
		}
		require.Equal(t, c.types, append(types, contractType(p.columnType(0))), what)
		require.Contains(t, string(p.Files()["robots/erp.system.yaml"]), c.browser, what)

		p = &Plan{Extends: true, Inputs: p.Inputs, seen: seen}
		p.types(Options{Extends: true, Formats: Formats{Numbers: "1'234.56", Dates: []string{"2.1.06"}}})
		require.Empty(t, p.columnType(0), "%s: the file of the application counts", what)
	}
}

// TestTheLoginOfAFileIsKnownAgain holds that what was typed on the page of the login, into its fields, is the login again, and that what
// only stands in the same place of another page is none.
func TestTheLoginOfAFileIsKnownAgain(t *testing.T) {
	t.Parallel()
	open := func(path string) Action { return Action{Kind: "goto", URL: "http://erp" + path} }
	fill := func(place string) Action {
		return Action{Kind: "fill", Value: "x", Targets: []Target{{Kind: "css", Text: place}}}
	}
	click := func(arrives bool) Action {
		return Action{Kind: "click", Arrives: arrives, Targets: []Target{{Kind: "button", Text: "Go"}}}
	}
	options := Options{Extends: true, System: "erp", LoginPath: "/", LoginFields: [][]string{{`label "User"`, `css "tr:nth-of-type(1) input"`}, {`css "tr:nth-of-type(2) input"`}}}
	for what, c := range map[string]struct {
		actions []Action
		login   int
	}{
		"the login":            {[]Action{open("/"), fill("tr:nth-of-type(1) input"), fill("tr:nth-of-type(2) input"), click(true), click(true)}, 4},
		"another page":         {[]Action{open("/search"), fill("tr:nth-of-type(1) input"), fill("tr:nth-of-type(2) input"), click(true), click(true)}, 0},
		"a page after it":      {[]Action{open("/"), click(true), fill("tr:nth-of-type(1) input"), fill("tr:nth-of-type(2) input"), click(true)}, 0},
		"a field of its place": {[]Action{open("/"), fill("tr:nth-of-type(1) input"), click(true), click(true)}, 0},
		"other fields":         {[]Action{open("/"), fill("td input"), fill("tr:nth-of-type(2) input"), click(true), click(true)}, 0},
	} {
		p, err := NewPlan(&Recording{Title: "Look", Actions: c.actions}, options)
		require.NoError(t, err, what)
		require.Len(t, p.Login, c.login, what)
	}
}
