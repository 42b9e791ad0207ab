package robots

import (
	"errors"
	"testing"

	"github.com/stretchr/testify/require"

	"crosswalk/contracts"
)

const renamedTable = `<!doctype html><table>
<tr><th>Beleg</th><th>Kunde</th><th>Summe</th><th>Rabatt</th><th>Notiz</th></tr>
<tr><td><a href="/beleg">4711</a></td><td>Ada Brown</td><td>1.204,50</td><td>3,00</td><td>eilig</td></tr>
<tr><td><a href="/beleg">4712</a></td><td>Bob Gray</td><td>20,00</td><td>0,00</td><td></td></tr>
</table>`

// TestAHeadingThatIsRenamedCanBeChosen holds that headings are offered where one of a table has another name, that the choice is
// for this step alone, and that it becomes a change of the file that can be checked.
func TestAHeadingThatIsRenamedCanBeChosen(t *testing.T) {
	t.Parallel()
	p := servePages(t)
	p.page("/list", renamedTable)
	p.page("/beleg", `<!doctype html><p>Ort: Ulm</p>`)
	tests := map[string]struct {
		step, expected, edited, output string
		says                           []string
	}{
		"a column": {"  - table: {from: {}, columns: {Beleg: number, Betrag: {as: total, type: money}}, as: rows}\n", `heading "Betrag"`, "columns: {Beleg: number, Summe: {as: total, type: money}}",
			`[{"number": "4711", "total": 1204.5}, {"number": "4712", "total": 20}]`, []string{"Summe", "Rabatt"}},
		"over lines": {"  - table:\n      from: {}\n      columns:\n        Beleg: number\n        'Betrag':\n          as: total\n          type: money\n      as: rows\n", `heading "Betrag"`, "\n        Summe:\n          as: total\n",
			`[{"number": "4711", "total": 1204.5}, {"number": "4712", "total": 20}]`, []string{"Summe", "Rabatt"}},
		"with the link": {"  - table: {from: {headers: [Nummer, Kunde], wrapped: Nummer}, columns: {Nummer: number}, as: rows, open: {column: Nummer, do: [{read: {from: {label: Ort}, as: town}}]}}\n", `heading "Nummer"`,
			"{from: {headers: [Beleg, Kunde], wrapped: Beleg}, columns: {Beleg: number}, as: rows, open: {column: Beleg, do:", `[{"number": "4711", "town": "Ulm"}, {"number": "4712", "town": "Ulm"}]`, []string{"Beleg", "Summe", "Rabatt", "Notiz"}},
		"two at once": {"  - table: {from: {}, columns: {Beleg: number, Betrag: {as: total, type: money}, Nachlass: {as: off, type: money}}, as: rows}\n", `headings "Betrag" and "Nachlass"`, "columns: {Beleg: number, Summe: {as: total, type: money}, Rabatt: {as: off, type: money}}",
			`[{"number": "4711", "total": 1204.5, "off": 3}, {"number": "4712", "total": 20, "off": 0}]`, []string{"Summe for Betrag, Rabatt for Nachlass", "Rabatt for Betrag, Summe for Nachlass"}},
		"two at once, one with the link": {"  - table: {from: {headers: [Nummer, Kunde], wrapped: Nummer}, columns: {Nummer: number, Nachlass: {as: off, type: money}, Summe: {as: total, type: money}}, as: rows, open: {column: Nummer, do: [{read: {from: {label: Ort}, as: town}}]}}\n", `headings "Nummer" and "Nachlass"`,
			"{from: {headers: [Beleg, Kunde], wrapped: Beleg}, columns: {Beleg: number, Rabatt: {as: off, type: money}, Summe: {as: total, type: money}}, as: rows, open: {column: Beleg, do:", `[{"number": "4711", "off": 3, "total": 1204.5, "town": "Ulm"}, {"number": "4712", "off": 0, "total": 20, "town": "Ulm"}]`, []string{"Beleg for Nummer, Rabatt for Nachlass", "Rabatt for Nummer, Beleg for Nachlass", "Notiz for Nummer, Beleg for Nachlass", "Notiz for Nummer, Rabatt for Nachlass"}},
		"three at once": {"  - table: {from: {}, columns: {Beleg: number, Kunde: name, Betrag: {as: total, type: money}, Nachlass: {as: off, type: money}, Vermerk: {as: note, optional: true}}, as: rows}\n", `headings "Betrag", "Nachlass" and "Vermerk"`,
			"columns: {Beleg: number, Kunde: name, Summe: {as: total, type: money}, Rabatt: {as: off, type: money}, Notiz: {as: note, optional: true}}", `[{"number": "4711", "name": "Ada Brown", "total": 1204.5, "off": 3, "note": "eilig"}, {"number": "4712", "name": "Bob Gray", "total": 20, "off": 0}]`,
			[]string{"Summe for Betrag, Rabatt for Nachlass, Notiz for Vermerk", "Rabatt for Betrag, Summe for Nachlass, Notiz for Vermerk"}},
		"one that is only looked for": {"  - table: {from: {headers: Name}, columns: {Beleg: number}, as: rows}\n", `heading "Name"`, "{from: {headers: Kunde}, columns: {Beleg: number}",
			`[{"number": "4711"}, {"number": "4712"}]`, []string{"Kunde", "Summe", "Rabatt", "Notiz"}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			program := compileTest(t, hastyReads, "\n  - goto: /list\n"+test.step, "{rows: '${rows}'}")
			runner, kept := NewRunner(pool, nil), newMemory()
			runner.Remember(kept)
			call := Call{Base: p.URL}
			_, err := runner.Run(t.Context(), program, call)
			var asked *contracts.Error
			require.True(t, errors.As(err, &asked), "%v", err)
			require.Equal(t, contracts.Drift, asked.Class)
			require.Equal(t, test.expected, asked.Ask.Get("expected").Text())
			var says []string
			for _, candidate := range asked.Ask.Get("candidates").Items() {
				says = append(says, candidate.Get("says").Text())
			}
			require.Equal(t, test.says, says)

			call.Help = Help{Step: asked.Ask.Get("step").Text(), Hash: asked.Ask.Get("hash").Text(), Target: asked.Ask.Get("candidates").Items()[0].Get("target").Text()}
			result, err := runner.Run(t.Context(), program, call)
			require.NoError(t, err)
			require.JSONEq(t, test.output, string(result.Output.Get("any").Get("rows").Plain()))
			require.Len(t, kept.changes, 1)
			change := kept.changes[0]
			require.Equal(t, ChangeHeading, change.Kind)
			require.NotContains(t, change.Page, "Brown")

			edited, err := program.Edit(change)
			require.NoError(t, err)
			require.Contains(t, string(edited), test.edited)
			robot, problems := Parse("test.yaml", edited)
			require.NoError(t, problems.Err())
			after, problems := Compile(robot, program.System, program.Operation)
			require.NoError(t, problems.Err())
			both := `<table><tr><th>Beleg</th><th>Nummer</th><th>Kunde</th><th>Name</th><th>Betrag</th><th>Summe</th><th>Nachlass</th><th>Rabatt</th><th>Vermerk</th><th>Notiz</th></tr><tr><td>1</td></tr></table>`
			checked := runner.Check(t.Context(), program, after, change, []string{change.Page, both})
			require.Empty(t, checked.Unknown)
			require.Equal(t, 1, checked.Fits, checked.String())
			require.True(t, checked.Contradicts(), "a page of the past had both columns")

			call.Help.Hash = "of another file"
			_, err = runner.Run(t.Context(), program, call)
			require.Equal(t, contracts.Drift, contracts.ClassOf(err))
		})
	}
}

// TestNoHeadingIsOffered holds that nothing is offered where it cannot be told which table is meant, or nothing fits.
func TestNoHeadingIsOffered(t *testing.T) {
	t.Parallel()
	p := servePages(t)
	p.page("/list", renamedTable)
	p.page("/two", renamedTable+renamedTable)
	for name, steps := range map[string]string{
		"two of many are missing":   "  - goto: /list\n  - table: {from: {}, columns: {Beleg: number, Betrag: {as: total, optional: true}, Datum: {as: date, optional: true}}, as: rows}\n",
		"the only one is missing":   "  - goto: /list\n  - table: {from: {}, columns: {Betrag: total}, as: rows}\n",
		"three of four are missing": "  - goto: /list\n  - table: {from: {}, columns: {Beleg: number, Betrag: total, Nachlass: off, Vermerk: note}, as: rows}\n",
		"two may be in two tables":  "  - goto: /two\n  - table: {from: {}, columns: {Beleg: number, Betrag: {as: total, type: money}, Nachlass: {as: off, type: money}}, as: rows}\n",
		"two tables would fit":      "  - goto: /two\n  - table: {from: {}, columns: {Beleg: number, Betrag: total}, as: rows}\n",
		"no column has such values": "  - goto: /list\n  - table: {from: {}, columns: {Beleg: number, Datum: {as: day, type: date}}, as: rows}\n",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := NewRunner(pool, nil).Run(t.Context(), compileTest(t, hastyReads, "\n"+steps, "{}"), Call{Base: p.URL})
			var asked *contracts.Error
			require.True(t, errors.As(err, &asked), "%v", err)
			require.Equal(t, contracts.Drift, asked.Class)
			require.Zero(t, asked.Ask.Get("candidates").Len())
		})
	}
}
