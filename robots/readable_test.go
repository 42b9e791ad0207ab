package robots

import (
	"errors"
	"testing"

	"github.com/stretchr/testify/require"

	"crosswalk/contracts"
)

const renamedPage = `<!doctype html><table>
<tr><td>Kunde</td><td>Ada Brown</td></tr>
<tr><td>Versendet am</td><td>05.03.2026</td></tr>
<tr><td>Gewicht:</td><td>2,5</td></tr>
</table><p>Lieferung am: 07.03.2026</p><table><tr><td>Tag</td><td>06.03.2026</td></tr><tr><td>Tag</td><td>07.03.2026</td></tr></table>`

// TestALabelThatIsReadCanBeChosen holds that labels are offered where one that is read has another name, that the choice is for
// this place alone, and that it becomes a change of the file that can be checked.
func TestALabelThatIsReadCanBeChosen(t *testing.T) {
	t.Parallel()
	p := servePages(t)
	p.page("/shipment", renamedPage)
	tests := map[string]struct{ read, edited, output string }{
		"one":          {"  - read: {from: {label: Versandt am}, as: sent, type: date}\n  - read: {from: {label: Kunde}, as: who}\n", "- read: {from: {label: Versendet am}, as: sent, type: date}", "{sent: '${sent}', who: '${who}'}"},
		"among others": {"  - read: {labels: {Kunde: who, Versandt am: {as: sent, type: date}}}\n", "- read: {labels: {Kunde: who, Versendet am: {as: sent, type: date}}}", "{sent: '${sent}', who: '${who}'}"},
		"over lines":   {"  - read:\n      labels:\n        'Versandt am': {as: sent, type: date}\n        Kunde: who\n", "\n        Versendet am: {as: sent, type: date}\n        Kunde: who\n", "{sent: '${sent}', who: '${who}'}"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			program := compileTest(t, hastyReads, "\n  - goto: /shipment\n"+test.read, test.output)
			runner, kept := NewRunner(pool, nil), newMemory()
			runner.Remember(kept)
			call := Call{Base: p.URL}
			_, err := runner.Run(t.Context(), program, call)
			var asked *contracts.Error
			require.True(t, errors.As(err, &asked), "%v", err)
			require.Equal(t, contracts.Drift, asked.Class)
			require.Equal(t, `label "Versandt am"`, asked.Ask.Get("expected").Text())
			var says []string
			for _, candidate := range asked.Ask.Get("candidates").Items() {
				says = append(says, candidate.Get("says").Text())
			}
			require.Equal(t, []string{"Versendet am", "Lieferung am"}, says, "dates beside one label, the likeliest first")

			call.Help = Help{Step: asked.Ask.Get("step").Text(), Hash: asked.Ask.Get("hash").Text(), Target: asked.Ask.Get("candidates").Items()[0].Get("target").Text()}
			result, err := runner.Run(t.Context(), program, call)
			require.NoError(t, err)
			require.JSONEq(t, `{"sent": "2026-03-05", "who": "Ada Brown"}`, string(result.Output.Get("any").Plain()))
			require.Len(t, kept.changes, 1)
			change := kept.changes[0]
			require.Equal(t, `{"label":"Versendet am"}`, change.Becomes)
			require.NotContains(t, change.Page, "2026")
			require.NotContains(t, change.Page, "Ada")

			edited, err := program.Edit(change)
			require.NoError(t, err)
			require.Contains(t, string(edited), test.edited)
			robot, problems := Parse("test.yaml", edited)
			require.NoError(t, problems.Err())
			after, problems := Compile(robot, program.System, program.Operation)
			require.NoError(t, problems.Err())
			checked := runner.Check(t.Context(), program, after, change, []string{change.Page, `<table><tr><td>Versandt am</td><td>…</td></tr><tr><td>Versendet am</td><td>…</td></tr></table>`})
			require.Empty(t, checked.Unknown)
			require.Equal(t, 1, checked.Fits, checked.String())
			require.True(t, checked.Contradicts(), "it meant another place on a page of the past")

			call.Help.Hash = "of another file"
			_, err = runner.Run(t.Context(), program, call)
			require.Equal(t, contracts.Drift, contracts.ClassOf(err))
		})
	}
}

const hastyReads = `
system: test
base: http://test.example
browser: {numbers: '1.234,56', dates: dd.MM.yyyy}
limits: {step: 5s, run: 90s, per_credential: 10}
`

// TestNothingIsOfferedForTwins holds that a label which is there twice is no reason to read another one.
func TestNothingIsOfferedForTwins(t *testing.T) {
	t.Parallel()
	p := servePages(t)
	p.page("/shipment", renamedPage)
	_, err := NewRunner(pool, nil).Run(t.Context(), compileTest(t, hastyReads, "\n  - goto: /shipment\n  - read: {from: {label: Tag}, as: sent, type: date}\n", "{}"), Call{Base: p.URL})
	var asked *contracts.Error
	require.True(t, errors.As(err, &asked), "%v", err)
	require.Equal(t, contracts.Drift, asked.Class)
	require.Zero(t, asked.Ask.Get("candidates").Len())
}

// TestCandidatesAreFoundOnALongPage holds that a page of many names is not looked through for each of them.
func TestCandidatesAreFoundOnALongPage(t *testing.T) {
	t.Parallel()
	p := servePages(t)
	p.page("/long", `<table><tr><td>Versendet am</td><td>05.03.2026</td></tr></table><table id="long"></table><script>
		document.querySelector('#long').innerHTML = Array.from({length: 10000}, (_, i) => '<tr><td>Posten ' + i + '</td><td>x</td></tr>').join('')</script>`)
	_, err := NewRunner(pool, nil).Run(t.Context(), compileTest(t, hastyReads, "\n  - goto: /long\n  - read: {from: {label: Versandt am}, as: sent, type: date}\n", "{}"), Call{Base: p.URL})
	var asked *contracts.Error
	require.True(t, errors.As(err, &asked), "%v", err)
	require.Equal(t, 1, asked.Ask.Get("candidates").Len(), "%v", err)
}
