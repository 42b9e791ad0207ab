package robots

import (
	"cmp"
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"crosswalk/contracts"
	"crosswalk/rules"
)

// The warehouse is an old application that books what its form sends, whatever the page looks like.
const (
	bookingContract = `
contract: shop
operations:
  order:
    effect: write
    input: {customer: {type: string, required: true}, article: {type: string, required: true}, quantity: {type: number, required: true}, price: {type: number, required: true}, note: string}
    output: {number: string}
`
	bookingSystem = `
system: test
base: http://test.example
browser: {numbers: '1.234,56', dates: dd.MM.yyyy}
limits: {step: 30s, run: 3m, per_credential: 20}
errors: [{seen: {text: /Sitzung abgelaufen/}, class: auth}]
`
	bookingRobot = `
robot: order
operation: shop.order
system: test
prepare:
  - goto: '/book?customer=${input.customer}'
  - expect: {text: 'Kunde ${input.customer}'}
  - fill: {into: {label: Referenz}, value: '${key}'}
  - fill: {into: {label: Artikel}, value: '${input.article}'}
  - fill: {into: {label: Menge}, value: '${input.quantity}'}
  - fill: {into: {field: preis}, value: '${input.price}'}
  - select: {into: {label: Lager}, value: Nord}
commit:
  click: {any: [{button: Buchen}, {css: '#book'}]}
  effect: {method: POST, url: /book, form: {ref: '${key}', customer: '${input.customer}'}, times: 1}
  done: {text: '/^Buchung [0-9]+ gespeichert/'}
  read: {from: {text: '/^Buchung [0-9]+ gespeichert/'}, as: saved, match: '^Buchung ([0-9]+)'}
output: {number: '${saved}'}
`
	bookingPage = `<html><body><h1>Buchung</h1><p>Kunde C-1</p>
<form name="book" method="post" action="/book"><input type="hidden" name="customer" value="C-1"><input type="hidden" name="op" value="book">
<table><tr><td>Referenz</td><td><input name="ref"></td></tr>
<tr><td>Artikel</td><td><input name="artikel"></td></tr>
<tr><td>Menge</td><td><input name="menge"></td></tr>
<tr><td>Preis</td><td><input name="preis"></td></tr>
<tr><td>Rabatt</td><td><input name="rabatt"></td></tr>
<tr><td>Lager</td><td><select name="lager"><option value="s">Süd</option><option value="n">Nord</option></select></td></tr></table>
<input id="book" type="submit" name="do" value="Buchen"> <input type="submit" name="do" value="Stornieren"></form></body></html>`
	booked = "C-1|key|A-7|3|12,5||n|Buchen|book" // what the form sends for the one right booking
)

// warehouse answers /book, and keeps every request that books something.
type warehouse struct {
	*httptest.Server
	mutex sync.Mutex
	page  string
	saved []string
}

func serveWarehouse(t *testing.T) *warehouse {
	t.Helper()
	w := &warehouse{page: bookingPage}
	w.Server = httptest.NewServer(http.HandlerFunc(func(out http.ResponseWriter, r *http.Request) {
		w.mutex.Lock()
		defer w.mutex.Unlock()
		out.Header().Set("Content-Type", "text/html; charset=utf-8")
		_ = r.ParseForm()
		switch {
		case r.Form.Has("do") || r.Method != http.MethodGet: // it writes by GET too, if a form is sent so
			first := make([]string, 0, 9)
			for _, name := range []string{"customer", "ref", "artikel", "menge", "preis", "rabatt", "lager", "do", "op"} {
				first = append(first, r.Form.Get(name))
			}
			w.saved = append(w.saved, strings.Join(first, "|"))
			_, _ = fmt.Fprintf(out, "<p>Buchung %d gespeichert</p>", len(w.saved))
		case r.URL.Path == "/book" || r.URL.Path == "/training":
			if target, found := strings.CutPrefix(w.page, "redirect "); found && r.URL.Path == "/book" {
				http.Redirect(out, r, target, http.StatusFound)
				return
			}
			page := w.page
			if strings.HasPrefix(page, "redirect ") {
				page = strings.Replace(bookingPage, `action="/book"`, `action="/training"`, 1)
			}
			_, _ = fmt.Fprint(out, page)
		case r.URL.Path == "/frame":
			_, _ = fmt.Fprint(out, bookingPage)
		}
	}))
	t.Cleanup(w.Close)
	return w
}

func (w *warehouse) show(page string) {
	w.mutex.Lock()
	defer w.mutex.Unlock()
	w.page, w.saved = page, nil
}

func (w *warehouse) books() []string {
	w.mutex.Lock()
	defer w.mutex.Unlock()
	return w.saved
}

func bookingCall(w *warehouse, quantity int64) Call {
	return Call{Base: w.URL, Key: "key", Journal: &ledger{}, Input: rules.Record(map[string]rules.Value{"customer": rules.Text("C-1"), "article": rules.Text("A-7"),
		"quantity": rules.Number(rules.Int(quantity)), "price": rules.Text("12,5"), "note": rules.Text("")})}
}

// script is the booking page with a script at its end.
func script(text string) func(string) string {
	return func(page string) string {
		return strings.Replace(page, "</body>", "<script>const form = document.forms.book, put = (name, value) => { form.elements[name].value = value }; "+text+"</script></body>", 1)
	}
}

func swapped(one, other string) func(string) string {
	return strings.NewReplacer(one, other, other, one).Replace
}

func replaced(old, new string) func(string) string {
	return func(page string) string { return strings.ReplaceAll(page, old, new) }
}

// hostile are pages that are not as the robot's author saw them. Either what is booked is right, or nothing is.
var hostile = map[string]struct {
	change func(string) string
	right  bool   // it can be told what is meant, and is booked
	books  string // so, if not as ever
	known  bool   // only who knows what the page was like can tell
}{
	"as it was": {change: func(page string) string { return page }, right: true},
	"the button stands above the form's fields": {right: true, change: func(page string) string {
		button := `<input id="book" type="submit" name="do" value="Buchen">`
		return strings.Replace(strings.Replace(page, button, "", 1), "<table>", button+"<table>", 1)
	}},
	"a second button of the same name":      {change: replaced(`value="Stornieren"`, `value="Buchen"`)},
	"the two buttons have changed names":    {change: swapped(`value="Buchen"`, `value="Stornieren"`)},
	"the button is written in capitals":     {right: true, known: false, change: replaced(`value="Stornieren"`, `value="STORNIEREN"`)},
	"the commit's button is in English":     {known: true, change: replaced(`value="Buchen"`, `value="Delete all"`)},
	"a field is labelled in English":        {change: replaced("<td>Menge</td>", "<td>Quantity</td>")},
	"two labels are exchanged":              {known: true, change: swapped("<td>Menge</td>", "<td>Rabatt</td>")},
	"numbered fields have moved":            {known: true, change: swapped(`name="preis"`, `name="rabatt"`)},
	"a label stands at two fields":          {change: replaced("<td>Rabatt</td>", "<td>Menge</td>")},
	"another form has the same field":       {change: replaced("<form name=", `<form action="/search">Menge <input name="menge"></form><form name=`)},
	"a hidden field of the same name first": {change: replaced("<table>", `<input type="hidden" name="menge" value="100"><table>`)},
	"an unseen field of the same name":      {change: replaced("<table>", `<input style="display:none" name="menge" value="100"><table>`)},
	"something lies over the button":        {change: replaced("</body>", `<div style="position:fixed;inset:0" onclick="document.forms.book.submit()"></div></body>`)},
	"the form leads elsewhere":              {change: replaced(`action="/book"`, `action="/delete"`)},
	"the form leads to another machine":     {change: replaced(`action="/book"`, `action="http://198.51.100.7/book"`)},
	"the button leads elsewhere":            {change: replaced(`id="book"`, `id="book" formaction="/delete"`)},
	"the form is sent by GET":               {change: replaced(`method="post"`, `method="get"`)},
	"the button sends by GET":               {change: replaced(`id="book"`, `id="book" formmethod="get"`)},
	"another customer stands in the form":   {change: replaced(`value="C-1"`, `value="C-2"`)},
	"another customer is shown":             {change: replaced("Kunde C-1", "Kunde C-12")},
	"a redirect to the training system":     {change: func(string) string { return "redirect /training" }},
	"the session has ended":                 {change: func(string) string { return "<p>Sitzung abgelaufen</p>" }},
	"an error with status 200":              {change: func(string) string { return "<h1>Fehler</h1><p>Datenbank nicht erreichbar</p>" }},
	"the form is in a frame, twice": {change: func(string) string {
		return `<p>Kunde C-1</p><iframe src="/frame"></iframe><iframe src="/frame"></iframe>`
	}},
	"the form is there twice":                 {change: func(page string) string { return page + page }},
	"a field takes less than was typed":       {change: replaced(`name="artikel"`, `name="artikel" maxlength="2"`)},
	"a field is locked":                       {change: replaced(`name="menge"`, `name="menge" readonly value="100"`)},
	"an option's text is another's":           {change: replaced(">Süd<", ">Nord<")},
	"the option is gone":                      {change: replaced(">Nord<", ">Nordost<")},
	"a value is changed when it is left":      {change: script(`form.elements.preis.onblur = () => put('preis', '125,00')`)},
	"a value is only written otherwise":       {right: true, change: script(`form.elements.artikel.onblur = () => put('artikel', 'A-7')`)},
	"a field is filled in from elsewhere":     {change: script(`form.elements.preis.onblur = () => put('menge', '1')`)},
	"a field is emptied by another":           {change: script(`form.elements.lager.onchange = () => put('menge', '')`)},
	"a list is put back":                      {change: script(`form.elements.lager.onchange = () => setTimeout(() => { form.elements.lager.selectedIndex = 0 }, 0)`)},
	"a value is changed when it is sent":      {change: script(`form.onsubmit = () => put('menge', '300')`)},
	"a value is changed under the mouse":      {change: script(`document.getElementById('book').onmousedown = () => put('menge', '300')`)},
	"a field leaves the form when it is sent": {change: script(`form.onsubmit = () => form.elements.menge.removeAttribute('name')`)},
	"another button comes under the mouse":    {change: script(`const b = document.getElementById('book'); b.onmouseover = () => { b.style.display = 'none' }; b.parentNode.style.width = '300px'; document.querySelector('[value=Stornieren]').style.cssText = 'position:absolute;left:' + b.offsetLeft + 'px;top:' + b.offsetTop + 'px;z-index:-1'`)},
	"it asks once more":                       {change: script(`form.onsubmit = () => confirm('Wirklich?')`)},
	"the page sends it by a script":           {right: true, change: script(`form.onsubmit = () => { fetch('/book', {method: 'POST', body: new URLSearchParams(new FormData(form, document.getElementById('book')))}).then(r => r.text()).then(t => { document.body.innerHTML = t }); return false }`)},
	"a field of the same label in front":      {change: replaced("<tr><td>Menge</td>", `<tr><td>Menge</td><td><input name="menge2"></td></tr><tr><td>Menge</td>`)},
	"all labels have moved down": {known: true, change: func(page string) string {
		return strings.NewReplacer("<td>Artikel</td>", "<td>Referenz</td>", "<td>Menge</td>", "<td>Artikel</td>", "<td>Preis</td>", "<td>Menge</td>", "<td>Referenz</td>", "<td>Kopf</td>").Replace(page)
	}},
	"labels of two texts are exchanged": {known: true, change: swapped("<td>Artikel</td>", "<td>Referenz</td>")},
	"names of two texts are exchanged":  {known: true, change: swapped(`name="artikel"`, `name="rabatt"`)},
	"a label names another field by for": {change: func(page string) string {
		return strings.NewReplacer("<td>Menge</td>", `<td><label for="r">Menge</label></td>`, `name="rabatt"`, `id="r" name="rabatt"`).Replace(page)
	}},
	"another field is said to be it": {change: replaced(`name="rabatt"`, `name="rabatt" aria-label="Menge"`)},
	"a trap has its label": {known: true, change: func(page string) string {
		return strings.NewReplacer("<td>Menge</td>", "<td>Anzahl</td>", "</table>", `<tr><td>Menge</td><td><input name="website"></td></tr></table>`).Replace(page)
	}},
	"a hidden form of the same kind first": {right: true, change: func(page string) string {
		return strings.Replace(page, "<form name=", `<div style="display:none">`+strings.Replace(page[strings.Index(page, "<form"):strings.Index(page, "</form>")], `name="book"`, "", 1)+`</form></div><form name=`, 1)
	}},
	"a form of another customer beside it": {change: func(page string) string { return page + strings.ReplaceAll(page, "C-1", "C-2") }},
	"a field is enabled later": {right: true, change: func(page string) string {
		return script(`form.elements.menge.disabled = true; setTimeout(() => { form.elements.menge.disabled = false }, 300)`)(page)
	}},
	"a field is writable later, and kept":     {right: true, change: script(`form.elements.menge.readOnly = true; form.elements.menge.value = '100'; setTimeout(() => { form.elements.menge.readOnly = false }, 300)`)},
	"a field is disabled when it is sent":     {change: script(`form.onsubmit = () => { form.elements.menge.disabled = true }`)},
	"a price is in another currency":          {known: true, change: replaced("<td>Preis</td>", "<td>Preis (USD)</td>")},
	"a price is for a hundred":                {known: true, change: replaced("<td>Preis</td>", "<td>Preis je 100</td>")},
	"a price is for a dozen":                  {known: true, change: replaced("<td>Preis</td>", "<td>Preis je Dutzend</td>")},
	"a price is in per cent":                  {known: true, change: replaced("<td>Preis</td>", "<td>Preis in %</td>")},
	"another option is the default":           {right: true, change: replaced(`value="s"`, `value="s" selected`)},
	"two options have the same text":          {change: replaced("</select>", `<option value="n2">Nord</option></select>`)},
	"an option's value is another's text":     {change: replaced(`value="s">`, `value="Nord">`)},
	"a list takes something else":             {change: script(`form.elements.lager.oninput = () => { form.elements.lager.selectedIndex = 0 }`)},
	"a mask cuts the decimals":                {change: script(`form.elements.preis.oninput = (e) => { e.target.value = e.target.value.split(',')[0] }`)},
	"a mask moves the decimals":               {change: script(`form.elements.preis.onchange = (e) => put('preis', '1,25')`)},
	"an autocompletion takes another article": {change: script(`form.elements.artikel.onblur = () => put('artikel', 'A-70 Schraube')`)},
	"an autocompletion takes a longer one":    {change: script(`form.elements.artikel.onchange = () => put('artikel', 'BA-7')`)},
	"an autocompletion puts another list in":  {change: script(`form.elements.artikel.onchange = (e) => { e.target.outerHTML = '<select name="artikel"><option>B-9</option></select>' }`)},
	"an autocompletion hides another article": {change: script(`form.elements.artikel.onchange = (e) => { e.target.outerHTML = '<input type="hidden" name="artikel" value="B-9">B-9' }`)},
	"the form is built anew when it is sent":  {change: script(`form.onsubmit = () => { form.elements.menge.outerHTML = '<input name="menge" value="300">' }`)},
	"a box asks something else":               {change: script(`form.onsubmit = () => confirm('Alle löschen?')`)},
	"the button sends a draft":                {known: true, change: replaced(`value="Buchen"`, `value="Entwurf"`)},
	"the button is one without its name":      {change: script(`const b = document.getElementById('book'); b.replaceWith(b.cloneNode())`), right: true},
	"the page is loaded anew before it":       {change: script(`if (!sessionStorage.x) { form.elements.lager.onchange = () => { sessionStorage.x = 1; location.reload() } }`)},
	"the date field is one of dates":          {known: true, change: replaced(`name="preis"`, `type="date" name="preis"`)},
	"a script sends the other button":         {change: script(`form.onsubmit = () => { const d = new URLSearchParams(new FormData(form)); d.set('do', 'Stornieren'); fetch('/book', {method: 'POST', body: d}); return false }`)},
	"the button becomes the other one":        {change: script(`document.getElementById('book').onclick = (e) => { e.target.value = 'Stornieren' }`)},
	"the button says that it works":           {right: true, books: strings.Replace(booked, "Buchen", "Bitte warten", 1), change: script(`document.getElementById('book').onclick = (e) => { e.target.value = 'Bitte warten' }`)},
	"a script sends another quantity":         {change: script(`form.onsubmit = () => { const d = new URLSearchParams(new FormData(form)); d.set('menge', '30'); fetch('/book', {method: 'POST', body: d}); return false }`)},
}

// TestHostilePagesBookNothingWrong holds that no change of a page makes a robot book anything but what was asked for.
func TestHostilePagesBookNothingWrong(t *testing.T) {
	t.Parallel()
	contract, problems := contracts.Parse("shop.yaml", []byte(strings.Replace(bookingContract, "price: {type: number", "price: {type: string", 1)))
	require.NoError(t, problems.Err())
	compiled := func(text string) *Program {
		system, problems := ParseSystem("test.system.yaml", []byte(text))
		require.NoError(t, problems.Err())
		robot, problems := Parse("order.yaml", []byte(bookingRobot))
		require.NoError(t, problems.Err())
		program, problems := Compile(robot, system, contract.Operation("order"))
		require.NoError(t, problems.Err())
		return program
	}
	program, brief := compiled(bookingSystem), compiled(strings.Replace(bookingSystem, "step: 30s", "step: 3s", 1)) // brief looks for what is not there for some seconds only
	m := newMemory()
	runs := make(chan struct{}, 3)
	learn := serveWarehouse(t)
	knowing := NewRunner(pool, nil)
	knowing.Remember(m)
	for _, quantity := range []int64{3, 4} {
		_, err := knowing.Run(t.Context(), program, bookingCall(learn, quantity))
		require.NoError(t, err)
	}
	for name, c := range hostile {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			runs <- struct{}{}
			defer func() { <-runs }()
			w := serveWarehouse(t)
			page := c.change(bookingPage)
			require.True(t, name == "as it was" || page != bookingPage, "the page has not changed")
			w.show(page)
			runner, used := NewRunner(pool, nil), brief
			if c.known || c.right {
				used = program
			}
			if c.known {
				runner.Remember(settled{m})
			}
			_, err := runner.Run(t.Context(), used, bookingCall(w, 3))
			t.Logf("%v", err)
			if c.right {
				require.NoError(t, err)
				require.Equal(t, []string{cmp.Or(c.books, booked)}, w.books())
				return
			}
			require.Error(t, err)
			require.Empty(t, w.books())
		})
	}
}

// TestNumberedFieldsKeepTheirLabels holds that fields called f1 to f5 beside their labels are told apart by these: a list has
// its headings, and a form of labels has none.
func TestNumberedFieldsKeepTheirLabels(t *testing.T) {
	t.Parallel()
	contract, problems := contracts.Parse("shop.yaml", []byte(strings.Replace(bookingContract, "price: {type: number", "price: {type: string", 1)))
	require.NoError(t, problems.Err())
	system, problems := ParseSystem("test.system.yaml", []byte(bookingSystem))
	require.NoError(t, problems.Err())
	robot, problems := Parse("order.yaml", []byte(strings.Replace(bookingRobot, "{field: preis}", "{field: f4}", 1)))
	require.NoError(t, problems.Err())
	program, problems := Compile(robot, system, contract.Operation("order"))
	require.NoError(t, problems.Err())
	for name, first := range map[string]string{"labels only": "", "values that look like headings": "<tr><td>Kunde</td><td>Meier</td></tr>"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			page := strings.NewReplacer(`name="preis"`, `name="f4"`, `name="rabatt"`, `name="f5"`, "<table>", "<table>"+first).Replace(bookingPage)
			w := serveWarehouse(t)
			w.show(page)
			runner := NewRunner(pool, nil)
			runner.Remember(newMemory())
			for _, quantity := range []int64{3, 4} {
				_, err := runner.Run(t.Context(), program, bookingCall(w, quantity))
				require.NoError(t, err)
			}
			w.show(swapped(`name="f4"`, `name="f5"`)(page))
			_, err := runner.Run(t.Context(), program, bookingCall(w, 3))
			require.ErrorContains(t, err, "Rabatt")
			require.Empty(t, w.books())
		})
	}
}

// settled is a memory to which nothing is added.
type settled struct{ *memory }

func (settled) Learn(context.Context, Version, []Seen) error { return nil }
func (settled) Propose(context.Context, Change) error        { return nil }

// parcels is a list as its robot's author saw it: two pages, typed columns, a detail behind each row.
const parcelList = `<html><body><h1>Liste</h1><table id="list"><tr><th>Nr</th><th>Betrag</th><th>Rabatt</th><th>Datum</th></tr>
<tr><td><a href="/parcel?1">P-1</a></td><td>1.250,00 EUR</td><td>5,00 EUR</td><td>13.02.2026</td></tr>
<tr><td><a href="/parcel?2">P-2</a></td><td>7,50 EUR</td><td>1,00 EUR</td><td>03.04.2026</td></tr></table>
<a href="/list?page=2">weiter »</a></body></html>`

const readList = `
  - goto: /list
  - table:
      from: {}
      columns: {Nr: number, Betrag: {as: total, type: money}, Rabatt: {as: discount, type: money}, Datum: {as: day, type: date}}
      pages: {next: {link: weiter »}, max: 5}
      open: {column: Nr, do: [{read: {from: {label: Empfänger}, as: to}}]}
      as: rows`

// TestHostilePagesAreNeverReadWrongly holds that what is read of a changed page is right, or that it is drift.
func TestHostilePagesAreNeverReadWrongly(t *testing.T) {
	t.Parallel()
	const answer = `[{"number":"P-1","total":1250,"discount":5,"day":"2026-02-13","to":"Ada"},{"number":"P-2","total":7.5,"discount":1,"day":"2026-04-03","to":"Ben"},{"number":"P-3","total":2,"discount":0,"day":"2026-05-01","to":"Cem"}]`
	rows := func(change func(cells []string) []string) func(string) string {
		return func(page string) string {
			lines := strings.Split(page, "\n")
			for i, line := range lines {
				for _, tag := range []string{"th", "td"} {
					parts := strings.Split(line, "<"+tag+">")
					if len(parts) == 5 {
						tail := ""
						for j := range parts {
							parts[j], _, _ = strings.Cut(parts[j], "</"+tag+">")
						}
						if strings.Contains(line, "</table>") {
							tail = "</table>"
						}
						lines[i] = parts[0] + "<" + tag + ">" + strings.Join(change(parts[1:]), "</"+tag+"><"+tag+">") + "</" + tag + "></tr>" + tail
					}
				}
			}
			return strings.Join(lines, "\n")
		}
	}
	for name, c := range map[string]struct {
		change func(string) string
		right  bool
	}{
		"as it was":                             {right: true, change: func(page string) string { return page }},
		"two columns of one type are exchanged": {right: true, change: rows(func(c []string) []string { return []string{c[0], c[2], c[1], c[3]} })},
		"a further column in the middle":        {right: true, change: rows(func(c []string) []string { return []string{c[0], "Neu", c[1], c[2], c[3]} })},
		"a further row of headings":             {right: true, change: replaced(`<table id="list">`, `<table id="list"><tr><th></th><th colspan="2">Werte</th><th></th></tr>`)},
		"a further row of headings below":       {right: true, change: replaced("</th></tr>", `</th></tr><tr><th>Nr</th><th>Betrag</th><th>Rabatt</th><th>Datum</th></tr>`)},
		"a table around it": {right: true, change: func(page string) string {
			return strings.NewReplacer(`<table id="list">`, `<table><tr><td>Nr</td><td><table id="list">`, "</table>", "</table></td></tr></table>").Replace(page)
		}},
		"the currency stands before":          {right: true, change: func(page string) string { return regexp.MustCompile(`([0-9.,]+) EUR`).ReplaceAllString(page, "EUR $1") }},
		"the same table twice":                {change: func(page string) string { return page + page }},
		"a heading twice":                     {change: replaced("<th>Rabatt</th>", "<th>Betrag</th>")},
		"a heading in English":                {change: replaced("<th>Rabatt</th>", "<th>Discount</th>")},
		"a heading of two columns":            {change: replaced("<th>Betrag</th><th>Rabatt</th>", `<th colspan="2">Betrag</th>`)},
		"points for commas":                   {change: strings.NewReplacer("1.250,00", "1,250.00", "7,50", "7.50", "5,00", "5.00", "1,00", "1.00", "2,00", "2.00", "0,00", "0.00").Replace},
		"thousands with a comma, no cents":    {change: strings.NewReplacer("1.250,00", "1,250", "7,50", "8", "5,00", "5", "1,00", "1", "2,00", "2", "0,00", "0").Replace},
		"months before days":                  {change: strings.NewReplacer("13.02.2026", "02/13/2026", "03.04.2026", "04/03/2026", "01.05.2026", "05/01/2026").Replace},
		"months before days, with points":     {change: strings.NewReplacer("13.02.2026", "02.13.2026", "03.04.2026", "04.03.2026", "01.05.2026", "05.01.2026").Replace},
		"years of two digits":                 {change: replaced(".2026", ".26")},
		"the way to the next page in English": {change: replaced("weiter »", "Next")},
		"the way to the next page is numbers": {change: replaced(">weiter »<", ">2<")},
		"the next page is this one":           {change: replaced("/list?page=2", "/list")},
		"another list behind the next page":   {change: replaced("/list?page=2", "/other")},
		"rows that change places":             {change: replaced("</body>", `<script>if (!location.search) { const t = document.querySelector('#list tbody'); addEventListener('mousemove', () => t.append(t.rows[1]), true) }</script></body>`)},
		"the details are elsewhere":           {change: replaced("/parcel", "/other")},
		"a login page with status 200": {change: func(string) string {
			return `<form method="post">Name <input name="n"> Kennwort <input type="password" name="p"><input type="submit" value="Anmelden"></form>`
		}},
		"a value is empty":      {change: replaced("7,50 EUR", "")},
		"a link in two of them": {change: replaced("P-1</a>", `P-1</a> <a href="/parcel?2">(alt)</a>`)},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := servePages(t)
			p.mux.HandleFunc("GET /list", func(w http.ResponseWriter, r *http.Request) {
				page := parcelList
				if r.URL.Query().Has("page") {
					page = strings.NewReplacer("P-1", "P-3", "?1", "?3", "1.250,00", "2,00", "5,00", "0,00", "13.02.2026", "01.05.2026", `<a href="/list?page=2">weiter »</a>`, "").Replace(page)
					lines := strings.Split(page, "\n")
					page = strings.Join([]string{lines[0], lines[1] + "</table>", lines[3]}, "\n")
				}
				w.Header().Set("Content-Type", "text/html; charset=utf-8")
				_, _ = fmt.Fprint(w, c.change(page))
			})
			p.mux.HandleFunc("GET /parcel", func(w http.ResponseWriter, r *http.Request) {
				w.Header().Set("Content-Type", "text/html; charset=utf-8")
				_, _ = fmt.Fprintf(w, "<p>Empfänger: %s</p>", map[string]string{"1": "Ada", "2": "Ben", "3": "Cem"}[r.URL.RawQuery])
			})
			p.mux.HandleFunc("GET /other", func(w http.ResponseWriter, _ *http.Request) { _, _ = fmt.Fprint(w, "<h1>Other</h1>") })
			require.True(t, name == "as it was" || c.change(parcelList) != parcelList, "the page has not changed")
			system := strings.Replace(plainSystem, "step: 6s", "step: 3s", 1)
			if c.right {
				system = strings.Replace(plainSystem, "step: 6s, run: 90s", "step: 30s, run: 3m", 1)
			}
			result, err := NewRunner(pool, nil).Run(t.Context(), compileTest(t, system, readList, "'${{rows: rows}}'"), Call{Base: p.URL, Input: rules.Record(map[string]rules.Value{"number": rules.Text("A-2")})})
			t.Logf("%v", err)
			if !c.right {
				require.Error(t, err, "%s", result.Output.Plain())
				return
			}
			require.NoError(t, err)
			require.JSONEq(t, `{"any":{"rows":`+answer+`}}`, string(result.Output.Plain()))
		})
	}
}
