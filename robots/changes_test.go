package robots

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"crosswalk/source"
)

// TestChangesOfFiles holds that a change alters its target and nothing else, however the file is written.
func TestChangesOfFiles(t *testing.T) {
	t.Parallel()
	chosen := Change{Kind: ChangeTarget, Becomes: `{"button": "Save: now"}`}
	lost := Change{Kind: ChangeAlternative, Becomes: `{"index": 1}`}
	becomes := func(kind, words, becomes string) Change { return Change{Kind: kind, Words: words, Becomes: becomes} }
	at := func(c Change, words, place string) Change {
		c.Words, c.Place = words, "elsewhere/test.yaml"+place
		return c
	}
	const refused = "change the file by hand"
	for _, test := range []struct {
		change            Change
		find, want, error string
	}{
		{change: at(chosen, `link "Sa}ve" in frame "main"`, ":5"), find: "  - click: {frame: main, link: 'Sa}ve', in: {css: a}} # why\n", want: "  - click: {frame: main, button: 'Save: now'} # why\n"},
		{change: at(chosen, `label "Name" in frame "main"`, ":5"), find: "  - fill:\n      into:\n        label: Name\n        frame: main\n      value: x\n", want: "  - fill:\n      into:\n        {frame: main, button: 'Save: now'}\n      value: x\n"},
		{change: at(chosen, `button "Save"`, ":5"), find: "  - click:\n      button: Save\n  - expect: {text: Saved}\n", want: "  - click:\n      {button: 'Save: now'}\n  - expect: {text: Saved}\n"},
		{change: at(lost, `css "b"`, ":5"), find: "  - click: {any: [{link: A}, {css: 'b'}, {field: c}]}\n", want: "  - click: {any: [{link: A}, {field: c}]}\n"},
		{change: at(lost, `css "b"`, ":5"), find: "  - click: {frame: x, any: [{link: \"A,\\tB\"}, {css: 'b'}]}\n", want: "  - click: {frame: x, link: \"A,\\tB\"}\n"},
		{change: at(chosen, `link "B"`, ":5:22"), find: "  - do: [{click: {link: A}}, {click: {link: B}}, {click: {link: B}}]\n", error: refused},
		{change: at(chosen, "", ":5"), find: "  - click: {link: A}\n", want: "  - click: {button: 'Save: now'}\n"},
		{change: at(lost, `link "B"`, ":5 next"), find: "  - table: {from: {in: {css: a}}, columns: {A: a}, pages: {next: {any: [{link: A}, {link: B}]}}, as: t}\n", want: "  - table: {from: {in: {css: a}}, columns: {A: a}, pages: {next: {link: A}}, as: t}\n"},
		{change: at(chosen, `link "A"`, ":5"), find: "  - goto: /\n", error: refused},
		{change: at(chosen, `link "A"`, ":5"), find: "  - click: {link: B}\n", error: refused},
		{change: at(chosen, `link "A"`, ""), find: "  - click: {link: A}\n", error: refused},
		{change: at(lost, `link "A"`, ":5"), find: "  - click: {link: A}\n", error: refused},
		{change: at(becomes(ChangeTarget, "", `{"link": "${secret.password}"}`), `link "A"`, ":5"), find: "  - click: {link: A}\n", error: "which would be an expression"},
		{change: at(becomes(ChangeTarget, "", `{"link": "/.*/"}`), `link "A"`, ":5"), find: "  - click: {link: A}\n", error: "which would be a regular expression"},
		{change: at(becomes(ChangeTarget, "", `{"link": "a\u202eb"}`), `link "A"`, ":5"), find: "  - click: {link: A}\n", error: "characters that are not seen"},
		{change: at(becomes(ChangeTarget, "", `{"link": "a\u001b[2Jb"}`), `link "A"`, ":5"), find: "  - click: {link: A}\n", error: "characters that are not seen"},
		{change: at(becomes(ChangeTarget, "", `{"link": ""}`), `link "A"`, ":5"), find: "  - click: {link: A}\n", error: "holds nothing"},
		{change: at(becomes(ChangeTarget, "", `{"in": "x"}`), `link "A"`, ":5"), find: "  - click: {link: A}\n", error: "no kind of target"},
		{change: at(becomes(ChangeAlternative, "", `{"index": 0, "with": {"link": "${input.number}"}}`), `link "A"`, ":5"), find: "  - click: {any: [{link: A}, {css: b}]}\n", error: "which would be an expression"},
		{change: at(becomes(ChangeTarget, "", `{"xpath": "//h2"}`), `link "A"`, ":5"), find: "  - click: {link: A}\n", want: "  - click: {xpath: '//h2'}\n"},
	} {
		program := compileTest(t, plainSystem, test.find, "{}")
		edited, err := program.Edit(test.change)
		if test.error != "" {
			require.ErrorContains(t, err, test.error, test.find)
			continue
		}
		require.NoError(t, err, test.find)
		require.Equal(t, strings.Replace(string(program.Robot.Text), test.find, test.want, 1), string(edited))
	}
}

// TestChangesOfOneLine holds that of several steps that begin on one line, the one is changed that the change is about.
func TestChangesOfOneLine(t *testing.T) {
	t.Parallel()
	const line = "  - do: [{click: {any: [{link: A}, {css: a}]}}, {click: {any: [{link: A}, {css: a}]}}, {fill: {into: {any: [{link: A}, {css: a}]}, value: x}}]\n"
	program := compileTest(t, plainSystem, line, "{}")
	places := map[string]bool{}
	for i, inner := range program.find[0].do {
		require.False(t, places[inner.place], "%s is the place of one step", inner.place)
		places[inner.place] = true
		edited, err := program.Edit(Change{Kind: ChangeAlternative, Place: inner.place, Words: `link "A"`, Becomes: `{"index": 0}`})
		require.NoError(t, err)
		parts := strings.SplitAfterN(line, "any: [{link: A}, {css: a}]", 4)
		parts[i] = strings.Replace(parts[i], "any: [{link: A}, {css: a}]", "css: a", 1)
		require.Equal(t, strings.Replace(string(program.Robot.Text), line, strings.Join(parts, ""), 1), string(edited))
	}
}

// TestChangesOfACommit holds that what a commit clicks is never taken for what it reads, and the other way around.
func TestChangesOfACommit(t *testing.T) {
	t.Parallel()
	const found, clicks = `{text: '/^Order [0-9]+ saved/'}, as`, "click: {button: Save}"
	program := compileOrder(t, orderSystem, orderRobot)
	place := program.write.place
	for range 20 { // no order of a map decides it
		edited, err := program.Edit(Change{Kind: ChangeTarget, Place: place, Words: `button "Save"`, Becomes: `{"button": "Post"}`})
		require.NoError(t, err)
		require.Equal(t, strings.Replace(orderRobot, clicks, "click: {button: Post}", 1), string(edited))
		edited, err = program.Edit(Change{Kind: ChangeTarget, Place: place, Words: `text /^Order [0-9]+ saved/`, Becomes: `{"label": "Number"}`})
		require.NoError(t, err)
		require.Equal(t, strings.Replace(orderRobot, found, "{label: Number}, as", 1), string(edited))
	}
}

// TestOnlyTheTargetDiffers holds that an edit which changes anything else is noticed.
func TestOnlyTheTargetDiffers(t *testing.T) {
	t.Parallel()
	program := compileTest(t, plainSystem, "  - click: {link: A}\n  - click: {link: B}\n", "{}")
	node := program.find[0].target.node
	text := string(program.Robot.Text)
	for after, want := range map[string]bool{
		strings.Replace(text, "{link: A}", "{link: C}", 1):                                                    true,
		strings.Replace(text, "{link: A}", "{link: D}", 1):                                                    false,
		strings.Replace(text, "{link: B}", "{link: C}", 1):                                                    false,
		strings.NewReplacer("{link: A}", "{link: C}", "{link: B}", "{link: 'B '}").Replace(text):              false,
		strings.NewReplacer("{link: A}", "{link: C}", "output: {any: {}}", "output: {any: ''}").Replace(text): false,
		strings.Replace(text, "{link: A}", "{link: C}}", 1):                                                   false,
		text: false,
	} {
		require.Equal(t, want, onlyDiffers(rootOf(text), rootOf(after), node.Path(), rootOf("{link: C}")), after)
	}
}

func rootOf(text string) *source.Node { return source.Parse("a.yaml", []byte(text)).Root }
