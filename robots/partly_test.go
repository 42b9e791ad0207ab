package robots

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"crosswalk/contracts"
)

// TestAListThatIsInThePageInPartIsNotTakenForWhole holds that a list which a script fills in while one scrolls is never read as
// if its first rows were all, and that what only looks a little like one is read.
func TestAListThatIsInThePageInPartIsNotTakenForWhole(t *testing.T) {
	t.Parallel()
	var rows, many strings.Builder
	for i := range 20 {
		fmt.Fprintf(&rows, "<tr style='height:30px'><td>%d</td></tr>", i+1)
	}
	for i := range 5100 {
		fmt.Fprintf(&many, "<tr><td>%d</td></tr>", i+1)
	}
	list := func(attributes, body, more string) string {
		return "<table " + attributes + "><thead><tr><th>Beleg</th></tr></thead><tbody " + body + ">" + rows.String() + more + "</tbody></table>"
	}
	const read = "columns: {Beleg: number}, as: rows}\n"
	const paged = "columns: {Beleg: number}, pages: {next: {link: Weiter}}, as: rows}\n"
	p := servePages(t)
	for i, c := range []struct{ page, step, says string }{
		{list("aria-rowcount=1001", "", ""), read, "21 of 1001 rows"},
		{"<div role=grid aria-rowcount=1001>" + list("", "", "") + "</div>", read, "21 of 1001 rows"},
		{list("aria-rowcount=-1", "", ""), read, "rows that are not in the page"},
		{list("", "", "<tr style='height:29000px'><td></td></tr>"), read, "rows that are not in the page"},
		{list("", "style='display:block;height:600px;overflow:auto'", "<tr style='height:29000px'><td></td></tr>"), paged, "rows that are not in the page"},
		{list("", "style='display:block;height:30000px'", ""), read, "rows that are not in the page"},
		{"<table><tr><th>Beleg</th></tr>" + many.String() + "</table>", read, "more than 5000 rows"},
		{list("aria-rowcount=21", "", ""), read, ""},
		{list("aria-rowcount=20", "", ""), read, ""},
		{list("aria-rowcount=1001", "", ""), paged, ""},
		{list("", "", "<tr style='height:60px'><td></td></tr><tr hidden style='height:9000px'><td></td></tr>"), read, ""},
		{list("style='height:3000px'", "", ""), read, ""},
		{list("style='border-spacing:0 12px'", "", "<tr><td><img alt='' height=2000></td></tr>"), read, ""},
	} {
		t.Run(fmt.Sprint(i), func(t *testing.T) {
			t.Parallel()
			path := fmt.Sprintf("/partly-%d", i)
			p.page(path, "<!doctype html>"+c.page)
			program := compileTest(t, hastyReads, "\n  - goto: "+path+"\n  - table: {from: {}, "+c.step, "{rows: '${rows}'}")
			_, err := NewRunner(pool, nil).Run(t.Context(), program, Call{Base: p.URL})
			if c.says == "" {
				require.NoError(t, err)
				return
			}
			require.Equal(t, contracts.Drift, contracts.ClassOf(err), "%v", err)
			require.ErrorContains(t, err, c.says)
		})
	}
}
