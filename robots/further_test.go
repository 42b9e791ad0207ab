package robots

import (
	"encoding/json"
	"testing"

	"github.com/go-rod/rod/lib/proto"
	"github.com/stretchr/testify/require"
)

// TestListsOfOnePage holds that what a page has beside a list is not taken for the way to its further pages, and that such a
// way is seen under other names than the robot knows.
func TestListsOfOnePage(t *testing.T) {
	t.Parallel()
	const list = `<table><tr><th>Nr</th><th>City</th></tr><tr><td>1</td><td>Bonn</td></tr></table>`
	p := servePages(t)
	ctx, tb := openPage(t, p, "empty.html")
	_, err := tb.read(ctx, exact("text", "leer")) // it has been loaded then
	require.NoError(t, err)
	calendar := `<table><tr><th>Mo</th><th>Di</th></tr><tr><td><a href="?d=1">1</a></td><td><a href="?d=2">2</a></td></tr></table>`
	days := `<a href="#" class="active">1</a>`
	for _, day := range []string{"2", "3", "4", "5", "6", "7", "8", "9", "10", "11", "12", "13", "14", "15", "16", "17", "18", "19", "20", "21", "22", "23", "24", "25", "26", "27", "28", "29", "30"} {
		days += ` <a href="?d=` + day + `">` + day + `</a>`
	}
	for name, c := range map[string]struct{ page, more string }{
		"nothing":                        {list, ""},
		"a calendar in a table":          {calendar + `<a href="?month=12">»</a>` + list, ""},
		"a calendar below":               {list + `<div><a href="?month=10">«</a> November 2026 <a href="?month=12">»</a></div>` + calendar, ""},
		"a calendar of links":            {list + "<div>" + days + "</div>", ""},
		"a nav":                          {`<nav><a href="/home">Home</a> <a href="/more">More</a> <a href="/next">Next</a></nav><div>` + list + "</div>", ""},
		"more below":                     {list + `<a href="/about">More</a> <a href="/mehr">Mehr</a>`, ""},
		"a wizard's button":              {`<form method="post">` + list + `<input type="submit" value="Weiter"> <button>Next</button></form>`, ""},
		"a wizard's link":                {list + `<p>Schritt 1 von 4 <a href="/step/2">Weiter</a></p>`, ""},
		"a crumb":                        {`<p><a href="/">Home</a> <a href="/orders">»</a> Orders</p>` + list, ""},
		"a row's own link":               {`<table><tr><th>Nr</th><th>City</th></tr><tr><td>1</td><td><a href="?page=2">»</a></td></tr></table>`, ""},
		"words beside the arrow":         {list + `<a href="?page=help">All about orders »</a>`, ""},
		"disabled, as Bootstrap does":    {list + `<nav><ul><li class="page-item active"><a href="#">1</a></li><li class="page-item disabled"><a href="?page=2">»</a></li></ul></nav>`, ""},
		"disabled, as DataTables does":   {list + `<div>Showing 1 to 1 of 1 entries</div><div><a class="paginate_button current" href="#">1</a><a class="paginate_button next disabled" href="?page=2">Next</a></div>`, ""},
		"disabled by ARIA":               {list + `<p aria-disabled="true"><a href="?page=2">Next</a></p>`, ""},
		"the only page":                  {list + `<p>Page 1 of 1 <a href="javascript:next()">Next</a></p>`, ""},
		"all rows":                       {list + `<p>1 - 12 of 12 <a href="javascript:next()">›</a></p>`, ""},
		"a day":                          {list + `<p><a href="?d=0">‹</a> 1/11/2026 <a href="?d=2">›</a></p>`, ""},
		"the list of another table":      {list + `<table><tr><th>A</th></tr><tr><td>x</td></tr><tr><td>y</td></tr></table><a href="?page=2">Next</a>`, ""},
		"another word":                   {list + `<a href="?page=2">Next</a>`, "Next"},
		"another word in a nav":          {list + `<nav><a href="?page=2" rel="next">Older</a></nav>`, "Older"},
		"a nav of pages":                 {list + `<nav><ul><li class="active"><a href="?page=1">1</a></li><li><a href="?page=2">2</a></li></ul></nav>`, `"2"`},
		"a table of pages":               {`<table><tr><td>` + list + `</td></tr><tr><td><table><tr><td><b>1</b></td><td><a href="javascript:go(2)">2</a></td></tr></table></td></tr></table>`, `"2"`},
		"numbers in a line":              {list + `Page: 1 | <a href="/orders;2">2</a> | <a href="/orders;3">3</a>`, `"2"`},
		"a page of several":              {list + `<p>Page 1 of 3 <button type="button">›</button></p>`, "›"},
		"some of the rows":               {list + `<p>1 - 20 von 57</p><p><a href="?start=20">»</a></p>`, "»"},
		"in the foot of the table":       {`<table><thead><tr><th>Nr</th><th>City</th></tr></thead><tbody><tr><td>1</td><td>Bonn</td></tr></tbody><tfoot><tr><td colspan="2"><a href="?page=2">weiter</a></td></tr></tfoot></table>`, "weiter"},
		"an address that says it":        {list + `<a href="/orders/page/2">»</a>`, "»"},
		"said to be the next":            {list + `<p><a href="/o2" rel="next">Next orders</a></p>`, "Next orders"},
		"a list in a layout with a menu": {`<table><tr><td><table><tr><td><a href="/a">Next</a></td></tr><tr><td><a href="/b">Stock</a></td></tr><tr><td>c</td></tr></table></td><td>` + list + `<a href="?page=2">Next page</a></td></tr></table>`, "Next page"},
	} {
		var answer struct{ Status, Element string }
		body, err := json.Marshal(c.page)
		require.NoError(t, err)
		_, err = proto.RuntimeEvaluate{Expression: "document.body.innerHTML = " + string(body)}.Call(tb.on(ctx, tb.page))
		require.NoError(t, err)
		_, err = tb.askOnce(ctx, "further", "", map[string]any{"headers": []string{"Nr", "City"}}, &answer)
		require.NoError(t, err, name)
		require.Equal(t, "found", answer.Status, name)
		if c.more == "" {
			require.Empty(t, answer.Element, name)
		} else {
			require.Contains(t, answer.Element, c.more, name)
		}
	}
}
