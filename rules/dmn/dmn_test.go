package dmn

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"crosswalk/rules"
)

func read(t *testing.T, name string) []*rules.TableSource {
	t.Helper()
	content, err := os.ReadFile("testdata/" + name)
	require.NoError(t, err)
	sources, problems := Read(name, content)
	require.NoError(t, problems.Err())
	return sources
}

// decide asks the last of the decisions.
func decide(t *testing.T, sources []*rules.TableSource, facts string) string {
	t.Helper()
	last := sources[len(sources)-1]
	table, problems := rules.CompileTable(last)
	require.NoError(t, problems.Err(), string(last.YAML()))
	v, err := rules.FromJSON([]byte(facts))
	require.NoError(t, err)
	made, err := table.Decide(v)
	if err != nil {
		return err.Error()
	}
	return made.Outputs.String()
}

func TestDish(t *testing.T) {
	t.Parallel()
	sources := read(t, "dish.dmn")
	require.Len(t, sources, 1)
	for facts, want := range map[string]string{
		`{"season": "Winter", "guestCount": 8}`: `{"desiredDish":"Roastbeef"}`,
		`{"season": "Winter", "guestCount": 9}`: `{"desiredDish":"Stew"}`,
		`{"season": "Spring", "guestCount": 5}`: `{"desiredDish":"Steak"}`,
		`{"season": "Summer", "guestCount": 5}`: `{"desiredDish":"Hey, why not learn something new?"}`,
	} {
		require.Equal(t, want, decide(t, sources, facts), facts)
	}
	require.Contains(t, decide(t, sources, `{"season": "Fall", "guestCount": 9}`), "no row matches")
	table, _ := rules.CompileTable(sources[0])
	require.Equal(t, []string{"DecisionRule_1", "DecisionRule_2", "DecisionRule_3", "DecisionRule_4"}, table.Rows())
	require.Equal(t, "Save money", table.Source().Rows.Rows[0].Cells[4].Text)
	again, problems := rules.ParseTable("dish.yaml", sources[0].YAML(), nil)
	require.NoError(t, problems.Err(), string(sources[0].YAML()))
	require.Equal(t, table.Written(), again.Written())
}

// TestLoan is a chain: an expression, a table that is called with parameters, a sum, a priority.
func TestLoan(t *testing.T) {
	t.Parallel()
	sources := read(t, "loan.dmn")
	var names []string
	for _, s := range sources {
		table, problems := rules.CompileTable(s)
		require.NoError(t, problems.Err(), string(s.YAML()))
		names = append(names, table.Name)
	}
	require.Equal(t, []string{"points", "category-table", "routing", "loan-origination"}, names)
	ask := func(age, income, amount int, status, more string) string {
		return decide(t, sources, fmt.Sprintf(`{"Applicant_data": {"Age": %d, "Monthly_Income": %d, "Monthly_Expenses": 1000, "Status": "%s"%s}, "Amount": %d}`, age, income, status, more, amount))
	}
	require.Equal(t, `{"Routing":"accept"}`, ask(40, 4000, 60_000, "EMPLOYED", ""))
	require.Equal(t, `{"Routing":"decline"}`, ask(40, 1900, 60_000, "EMPLOYED", ""), "not affordable")
	require.Equal(t, `{"Routing":"refer"}`, ask(40, 400_000, 600_000, "EMPLOYED", ""), "large")
	require.Equal(t, `{"Routing":"refer"}`, ask(40, 4000, 60_000, "UNEMPLOYED", ""), "40 points are a high risk")
	require.Equal(t, `{"Routing":"decline"}`, ask(20, 4000, 60_000, "UNEMPLOYED", `, "Score": 299`), "0 points")
	require.Equal(t, `{"Routing":"refer"}`, ask(20, 4000, 60_000, "UNEMPLOYED", `, "Score": 300`), "0 points are a high risk too")
	require.Contains(t, decide(t, sources, `{"Amount": 1}`), "Applicant_data: is missing")
	routing, _ := rules.CompileTable(sources[2])
	require.Equal(t, []string{"R-aaaaaaaa", "R-bbbbbbbb", "R-cccccccc", "R-dddddddd", "R-eeeeeeee"}, routing.Rows())
	row := sources[2].Rows.Rows[0].Cells
	require.Equal(t, []string{"too risky", "policy 7"}, []string{row[5].Text, row[6].Text})

	// As files, the tables decide the same.
	files := map[string]string{}
	for i, s := range sources {
		files[names[i]+".yaml"] = string(s.YAML())
	}
	again, problems := rules.ParseTable("loan-origination.yaml", []byte(files["loan-origination.yaml"]), func(name string) ([]byte, error) {
		if text, there := files[name]; there {
			return []byte(text), nil
		}
		return nil, os.ErrNotExist
	})
	require.NoError(t, problems.Err(), files["loan-origination.yaml"])
	require.Len(t, again.Tables(), 3)
}

const allTypes = `<inputData id="n" name="n"><variable name="n" typeRef="number"/></inputData><inputData id="s" name="s"><variable name="s" typeRef="string"/></inputData>` +
	`<inputData id="f" name="f"><variable name="f" typeRef="boolean"/></inputData><inputData id="d" name="d"><variable name="d" typeRef="date"/></inputData><inputData id="u" name="long duration"><variable name="long duration" typeRef="days and time duration"/></inputData>` +
	`<inputData id="l" name="l"><variable name="l" typeRef="tNames"/></inputData><inputData id="m" name="my other"><variable name="my other" typeRef="number"/></inputData>`

// model is a model of one table with one input and one output.
func wrap(namespace, policy, input, output, rules string) string {
	var needs strings.Builder
	for _, id := range []string{"n", "s", "f", "d", "u", "l", "m"} {
		fmt.Fprintf(&needs, `<informationRequirement><requiredInput href="#%s"/></informationRequirement>`, id)
	}
	return `<definitions xmlns="` + namespace + `" name="Tried"><itemDefinition name="tNames" isCollection="true"><typeRef>string</typeRef></itemDefinition>` + allTypes + `<decision id="x" name="The decision">` + needs.String() + `<decisionTable ` + policy + `>` + input + output + rules + `</decisionTable></decision></definitions>`
}

func rule(in, out string) string {
	escape := strings.NewReplacer("&", "&amp;", "<", "&lt;")
	return `<rule><inputEntry><text>` + escape.Replace(in) + `</text></inputEntry><outputEntry><text>` + escape.Replace(out) + `</text></outputEntry></rule>`
}

const newest = "https://www.omg.org/spec/DMN/20230324/MODEL/"

const someFacts = `{"n": %s, "s": %s, "f": true, "d": "2026-03-01", "long_duration": "36 hours", "l": ["a", "b"], "my_other": 10}`

// TestUnaryTests is how FEEL's tests are said by cells, and what they match.
func TestUnaryTests(t *testing.T) {
	t.Parallel()
	tests := []struct {
		input, test, cell string
		n, s              string
		want              bool
	}{
		{"n", `5`, `5`, "5", `"x"`, true},
		{"n", `-5, 6`, `-5, 6`, "-5", `"x"`, true},
		{"n", `< 5, > 10`, `< 5, > 10`, "11", `"x"`, true},
		{"n", `[5..10)`, `[5..10)`, "10", `"x"`, false},
		{"n", `]5..10]`, `(5..10]`, "5", `"x"`, false},
		{"n", `[5..10[`, `[5..10)`, "5", `"x"`, true},
		{"n", `not(5, 6)`, `not(5, 6)`, "7", `"x"`, true},
		{"n", `not(> 6)`, `not(> 6)`, "7", `"x"`, false},
		{"n", `null`, `missing`, "null", `"x"`, true},
		{"n", `!= null`, `not(missing)`, "7", `"x"`, true},
		{"n", `my other`, `${my_other}`, "10", `"x"`, true},
		{"n", `> my other * 2 + 1`, `> ${(my_other * 2) + 1}`, "21", `"x"`, false},
		{"n", `[my other..20]`, `[${my_other}..20]`, "10", `"x"`, true},
		{"n", `? > 5 and ? < my other`, `(? > 5) and (? < my_other)`, "7", `"x"`, true},
		{"n", `modulo(?, 2) = 0`, `(? % 2) == 0`, "8", `"x"`, true},
		{"n", `if ? > 5 then true else false`, `((? > 5) and true) or (not (? > 5) and false)`, "8", `"x"`, true},
		{"n", `? between 1 and 3`, `? >= 1 and ? <= 3`, "2", `"x"`, true},
		{"n", `? in [1..3)`, `? >= 1 and ? < 3`, "3", `"x"`, false},
		{"n", `1e3`, `1e3`, "1000", `"x"`, true},
		{"s", `"x", "y"`, `x, y`, "1", `"y"`, true},
		{"s", `"a, b"`, `"a, b"`, "1", `"a, b"`, true},
		{"s", `"missing"`, `"missing"`, "1", `"missing"`, true},
		{"s", `"say \"hi\""`, `"say ""hi"""`, "1", `"say \"hi\""`, true},
		{"s", `not("x")`, `not(x)`, "1", `"y"`, true},
		{"s", `not("x"), null`, `not(x), missing`, "1", `null`, true},
		{"s", `starts with(?, "ab")`, `? startsWith "ab"`, "1", `"abc"`, true},
		{"s", `string length(?) > 3`, `? == ? and (len(?) > 3)`, "1", `"abcd"`, true},
		{"s", `contains(?, "b") or ? = "z"`, `? == ? and ((? contains "b") or (? == "z"))`, "1", `"z"`, true},
		{"s", `? in ("a", "b")`, `? in ["a", "b"]`, "1", `"b"`, true},
		{"s", `"it's"`, `"it's"`, "1", `"it's"`, true},
		{"f", `true`, `true`, "1", `"x"`, true},
		{"d", `< date("2026-03-02")`, `< 2026-03-02`, "1", `"x"`, true},
		{"d", `[@"2026-01-01"..@"2026-02-28"]`, `[2026-01-01..2026-02-28]`, "1", `"x"`, false},
		{"long duration", `> duration("P1D")`, `> P1D`, "1", `"x"`, true},
		{"l", `"a"`, `a`, "1", `"x"`, true},
		{"n + my other", `> 15`, `> 15`, "6", `"x"`, true},
		{"count(l)", `2`, `2`, "6", `"x"`, true},
		{"upper case(s)", `"X"`, `X`, "6", `"x"`, true},
	}
	for _, test := range tests {
		t.Run(test.input+" "+test.test, func(t *testing.T) {
			t.Parallel()
			typeRef := map[string]string{"s": "string", "f": "boolean", "d": "date", "long duration": "days and time duration", "l": "tNames", "upper case(s)": "string"}[test.input]
			if typeRef == "" {
				typeRef = "number"
			}
			text := wrap(newest, `hitPolicy="FIRST"`, `<input><inputExpression typeRef="`+typeRef+`"><text>`+test.input+`</text></inputExpression></input>`, `<output typeRef="string"/>`, rule(test.test, `"yes"`)+rule("-", `"no"`))
			sources, problems := Read("m.dmn", []byte(text))
			require.NoError(t, problems.Err())
			require.Equal(t, test.cell, sources[0].Rows.Rows[0].Cells[1].Text)
			want := `{"The_decision":"no"}`
			if test.want {
				want = `{"The_decision":"yes"}`
			}
			facts := fmt.Sprintf(someFacts, test.n, test.s)
			facts = strings.NewReplacer(`"n": null, `, "", `"s": null, `, "").Replace(facts)
			require.Equal(t, want, decide(t, sources, facts))
		})
	}
}

// TestPolicies is every hit policy and aggregation, in every version of DMN.
func TestPolicies(t *testing.T) {
	t.Parallel()
	text := func(out string) string { return `<output typeRef="string">` + out + `</output>` }
	letters := rule("> 1", `"b"`) + rule("> 2", `"a"`) + rule("> 9", `"b"`)
	numbers := rule("> 1", "100") + rule("> 2", "250.5") + rule("> 9", "-5")
	values := `<outputValues><text>"a", "b"</text></outputValues>`
	for _, test := range []struct{ policy, output, rules, n, want string }{
		{`hitPolicy="UNIQUE"`, text(""), letters, "2", `{"The_decision":"b"}`},
		{``, text(""), letters, "3", `rows R1 and R2 both match`},
		{`hitPolicy="ANY"`, text(""), rule("> 1", `"b"`) + rule("> 2", `"b"`), "3", `{"The_decision":"b"}`},
		{`hitPolicy="ANY"`, text(""), letters, "3", `R2`},
		{`hitPolicy="FIRST"`, text(""), letters, "3", `{"The_decision":"b"}`},
		{`hitPolicy="FIRST"`, text(`<defaultOutputEntry><text>"z"</text></defaultOutputEntry>`), letters, "1", `{"The_decision":"z"}`},
		{`hitPolicy="PRIORITY"`, text(values), letters, "3", `{"The_decision":"a"}`},
		{`hitPolicy="RULE ORDER"`, text(""), letters, "10", `["b","a","b"]`},
		{`hitPolicy="OUTPUT ORDER"`, text(values), letters, "10", `["a","b","b"]`},
		{`hitPolicy="COLLECT"`, text(""), letters, "3", `["b","a"]`},
		{`hitPolicy="COLLECT"`, text(""), letters, "1", `[]`},
		{`hitPolicy="COLLECT" aggregation="SUM"`, `<output typeRef="number"/>`, numbers, "10", `345.5`},
		{`hitPolicy="COLLECT" aggregation="MIN"`, `<output/>`, numbers, "10", `-5`},
		{`hitPolicy="COLLECT" aggregation="MAX"`, `<output typeRef="number"/>`, numbers, "10", `250.5`},
		{`hitPolicy="COLLECT" aggregation="COUNT"`, `<output typeRef="number"/>`, numbers, "3", `2`},
	} {
		for _, namespace := range namespaces {
			sources, problems := Read("m.dmn", []byte(wrap(namespace, test.policy, `<input><inputExpression typeRef="number"><text>n</text></inputExpression></input>`, test.output, test.rules)))
			require.NoError(t, problems.Err(), test.policy)
			require.Contains(t, decide(t, sources, fmt.Sprintf(someFacts, test.n, `"x"`)), test.want, test.policy+string(sources[0].YAML()))
		}
	}
}

// TestAllowedValues are kept at the facts, also where the model says them at the input of a table only.
func TestAllowedValues(t *testing.T) {
	t.Parallel()
	input := `<input><inputExpression typeRef="string"><text>s</text></inputExpression><inputValues><text>"x", "y"</text></inputValues></input>`
	text := wrap(newest, "", input, `<output typeRef="string"/>`, rule(`"x"`, `"a"`)+rule(`"y"`, `"b"`))
	sources, problems := Read("m.dmn", []byte(text))
	require.NoError(t, problems.Err())
	table, problems := rules.CompileTable(sources[0])
	require.NoError(t, problems.Err())
	field, _ := table.Facts.Field("s")
	require.Equal(t, "one of x, y", field.Type.String())

	second := strings.Replace(text, `</definitions>`, `<decision id="z" name="Shout"><variable typeRef="string"/><informationRequirement><requiredDecision href="#x"/></informationRequirement><literalExpression><text>upper case(The decision)</text></literalExpression></decision></definitions>`, 1)
	sources, problems = Read("m.dmn", []byte(second))
	require.NoError(t, problems.Err())
	require.Equal(t, `B`, decide(t, sources, fmt.Sprintf(someFacts, "1", `"y"`)))
	require.Contains(t, decide(t, sources, fmt.Sprintf(someFacts, "1", `"z"`)), `s: "z" is not one of x, y`)
}

// TestRefused is what cannot be translated, with its place.
func TestRefused(t *testing.T) {
	t.Parallel()
	number := `<input label="Number"><inputExpression typeRef="number"><text>n</text></inputExpression></input>`
	for _, test := range []struct{ name, text, want string }{
		{"function in a cell", wrap(newest, "", number, `<output/>`, "\n"+rule(`> sqrt(2)`, "1")), `m.dmn:2:`},
		{"function", wrap(newest, "", number, `<output/>`, rule(`> sqrt(2)`, "1")), `decision "The decision", rule 1, column "Number": "> sqrt(2)" is not translated: the function sqrt is not translated`},
		{"filter", wrap(newest, "", number, `<output/>`, rule(`1`, `l[item = "a"]`)), `rule 1, output "The_decision": "l[item = \"a\"]" is not translated: filters and positions in lists`},
		{"for", wrap(newest, "", number, `<output/>`, rule(`1`, `for x in l return x`)), `for is not translated`},
		{"some", wrap(newest, "", number, `<output/>`, rule(`some x in l satisfies x = "a"`, `1`)), `some is not translated`},
		{"context", wrap(newest, "", number, `<output/>`, rule(`1`, `{a: 1}`)), `contexts in braces are not translated`},
		{"instance of", wrap(newest, "", number, `<output/>`, rule(`? instance of number`, `1`)), `instance of is not translated`},
		{"time", wrap(newest, "", number, `<output/>`, rule(`1`, `@"12:00:00"`)), `is no date, no point in time with a zone`},
		{"months", wrap(newest, "", number, `<output/>`, rule(`1`, `duration("P1M")`)), `no duration in days and hours`},
		{"unknown name", wrap(newest, "", number, `<output/>`, rule(`> other`, `1`)), `nothing is called "other"`},
		{"no column", wrap(newest, "", number, `<output/>`, rule(`my other > 5`, `1`)), `does not speak of the column's value`},
		{"comment", wrap(newest, "", number, `<output/>`, rule(`1 // one`, `1`)), `a comment in an expression would be lost`},
		{"rubbish", wrap(newest, "", number, `<output/>`, rule(`1 §`, `1`)), `the character '§' is not expected here`},
		{"open text", wrap(newest, "", number, `<output/>`, rule(`"a`, `1`)), `a text is not closed`},
		{"wrong type", wrap(newest, "", number, `<output typeRef="string"/>`, rule(`1`, `5 + 1`)), `m.dmn:1:`},
		{"policy", wrap(newest, `hitPolicy="LAST"`, number, `<output/>`, rule(`1`, `1`)), `the hit policy "LAST" is not known`},
		{"aggregation", wrap(newest, `hitPolicy="COLLECT" aggregation="AVG"`, number, `<output/>`, rule(`1`, `1`)), `the aggregation "AVG" is not known`},
		{"language", wrap(newest, "", `<input><inputExpression expressionLanguage="juel"><text>n</text></inputExpression></input>`, `<output/>`, rule(`1`, `1`)), `is written in "juel"; only FEEL is translated`},
		{"type", wrap(newest, "", `<input><inputExpression typeRef="time"><text>n</text></inputExpression></input>`, `<output/>`, rule(`1`, `1`)), `the type "time" is not translated`},
		{"other entries", wrap(newest, "", number, `<output/>`, `<rule><outputEntry><text>1</text></outputEntry></rule>`), `rule 1 has 0 inputs and 1 outputs, and the table has 1 and 1`},
		{"import", `<definitions xmlns="` + newest + `"><import namespace="http://example.org"/></definitions>`, `the model imports "http://example.org"`},
		{"boxed context", `<definitions xmlns="` + newest + `"><decision name="D"><context/></decision></definitions>`, `the decision "D" is a context, which is not translated`},
		{"no logic", `<definitions xmlns="` + newest + `"><decision name="D"/></definitions>`, `the decision "D" says nothing of how it is made`},
		{"cycle", `<definitions xmlns="` + newest + `"><decision id="d" name="D"><informationRequirement><requiredDecision href="#d"/></informationRequirement><literalExpression><text>1</text></literalExpression></decision></definitions>`, `the decision "D" needs its own result`},
		{"dangling", `<definitions xmlns="` + newest + `"><decision id="d" name="D"><informationRequirement><requiredInput href="#e"/></informationRequirement><literalExpression><text>1</text></literalExpression></decision></definitions>`, `the decision "D" needs "#e", which is not in the model`},
		{"no table", `<definitions xmlns="` + newest + `"><decision id="d" name="D"><variable typeRef="number"/><literalExpression><text>1</text></literalExpression></decision></definitions>`, `the model has no decision table`},
		{"no decision", `<definitions xmlns="` + newest + `"/>`, `the model has no decision`},
		{"type of itself", `<definitions xmlns="` + newest + `"><itemDefinition name="t"><typeRef>t</typeRef></itemDefinition><inputData id="i" name="i"><variable typeRef="t"/></inputData><decision id="d" name="D"><informationRequirement><requiredInput href="#i"/></informationRequirement><decisionTable><output/></decisionTable></decision></definitions>`, `the type "t" is made of itself`},
		{"no model", `<html/>`, `m.dmn:1:1: error: this is no DMN model of version 1.2 to 1.5: its first element is "html"`},
		{"no XML", `id,n`, `this is no DMN model`},
		{"entities", `<!DOCTYPE a [<!ENTITY b "bb"><!ENTITY c "&b;&b;">]><definitions xmlns="` + newest + `">&c;</definitions>`, `the model has a document type`},
		{"entity", `<definitions xmlns="` + newest + `">&c;</definitions>`, `this is not valid XML`},
		{"deep", `<definitions xmlns="` + newest + `">` + strings.Repeat("<decision>", 100_000), `nested deeper than 64 levels`},
		{"wide", `<definitions xmlns="` + newest + `">` + strings.Repeat("<decision/>", maxElements), `more than 200000 elements`},
		{"large", strings.Repeat(" ", MaxBytes+1), `at most 4194304 are read`},
		{"deep expression", wrap(newest, "", number, `<output/>`, rule(`1`, strings.Repeat("(", 900)+"1"+strings.Repeat(")", 900))), `nested too deeply`},
		{"long expression", wrap(newest, "", number, `<output/>`, rule(`1`, strings.Repeat("1+", 2000)+"1")), `more than 2000 characters`},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			sources, problems := Read("m.dmn", []byte(test.text))
			for _, s := range sources {
				_, found := rules.CompileTable(s)
				problems = append(problems, found...)
			}
			require.ErrorContains(t, problems.Err(), test.want)
		})
	}
}

func FuzzRead(f *testing.F) {
	for _, name := range []string{"dish.dmn", "loan.dmn"} {
		content, err := os.ReadFile("testdata/" + name)
		require.NoError(f, err)
		f.Add(content)
	}
	f.Fuzz(func(t *testing.T, content []byte) {
		sources, problems := Read("m.dmn", content)
		if len(sources) == 0 && problems.Err() == nil {
			t.Fatal("neither a table nor a problem")
		}
	})
}

func FuzzCell(f *testing.F) {
	for _, text := range []string{`not("a", "b")`, `[1..5), > 3`, `? > 5 and contains(?, "x")`, `if a then b else c`, `date("2026-01-01")`} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		_, _ = cellText(text, scope{names: map[string]string{"a b": "a_b"}}, true, true)
		_, _ = outputText(text, scope{})
	})
}

const nullField = `<definitions xmlns="https://www.omg.org/spec/DMN/20191111/MODEL/" id="d" name="d" namespace="x">
<itemDefinition name="tPeriod">
 <itemComponent name="start"><typeRef>string</typeRef><allowedValues><text>"a {", "b"</text></allowedValues></itemComponent>
 <itemComponent name="end"><typeRef>date</typeRef></itemComponent>
</itemDefinition>
<itemDefinition name="tA">
 <itemComponent name="inner"><typeRef>tPeriod</typeRef></itemComponent>
 <itemComponent name="start"><typeRef>string</typeRef></itemComponent>
 <itemComponent name="end"><typeRef>date</typeRef></itemComponent>
</itemDefinition>
<inputData id="i" name="A"><variable name="A" typeRef="tA"/></inputData>
<decision id="x" name="x"><variable name="x" typeRef="number"/><informationRequirement><requiredInput href="#i"/></informationRequirement>
<decisionTable hitPolicy="FIRST"><input><inputExpression typeRef="date"><text>A.inner.end</text></inputExpression></input>
<input><inputExpression typeRef="string"><text>A.start</text></inputExpression></input><output typeRef="number"/>
<rule><inputEntry><text>null</text></inputEntry><inputEntry><text>-</text></inputEntry><outputEntry><text>1</text></outputEntry></rule>
<rule><inputEntry><text>-</text></inputEntry><inputEntry><text>null</text></inputEntry><outputEntry><text>2</text></outputEntry></rule>
<rule><inputEntry><text>-</text></inputEntry><inputEntry><text>-</text></inputEntry><outputEntry><text>3</text></outputEntry></rule>
</decisionTable></decision></definitions>`

// TestAFieldMayBeNull: what a cell compares with null may be missing, and nothing else of the record.
func TestAFieldMayBeNull(t *testing.T) {
	t.Parallel()
	for version, namespace := range map[string]string{"1.2": "http://www.omg.org/spec/DMN/20180521/MODEL/", "1.3": "https://www.omg.org/spec/DMN/20191111/MODEL/", "1.5": "https://www.omg.org/spec/DMN/20230324/MODEL/"} {
		sources, problems := Read("null.dmn", []byte(strings.Replace(nullField, "https://www.omg.org/spec/DMN/20191111/MODEL/", namespace, 1)))
		require.NoError(t, problems.Err(), version)
		require.Contains(t, string(sources[0].YAML()), `A: {type: record, properties: {inner: {type: record, properties: {start: {type: string, enum: ["a {", "b"], required: true}, end: {type: date}}, required: true}, start: {type: string}, end: {type: date, required: true}}, required: true}`)
		require.Equal(t, `{"x":1}`, decide(t, sources, `{"A": {"inner": {"start": "b"}, "start": "s", "end": "2026-01-01"}}`))
		require.Equal(t, `{"x":2}`, decide(t, sources, `{"A": {"inner": {"start": "b", "end": "2026-01-01"}, "end": "2026-01-01"}}`))
		require.Equal(t, `{"x":3}`, decide(t, sources, `{"A": {"inner": {"start": "b", "end": "2026-01-01"}, "start": "s", "end": "2026-01-01"}}`))
	}
}
