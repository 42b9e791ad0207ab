package robots

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/text/encoding/charmap"
)

const honestRobot = `
robot: order
operation: shop.order
system: test
prepare:
  - goto: /orders/new
%s
commit:
  click: {button: Save}
  effect: {method: %s, url: '*/orders', times: 1}
  done: {text: '/^Order saved/'}
output: {number: '1'}
`

const (
	honestForm  = `<form method="post" action="/orders"><label>Name <input name="name"></label><label>Quantity <input name="quantity" value="1"></label><label>Price <input name="price"></label><input type="submit" value="Save"></form>`
	fillHonest  = "  - fill: {into: {label: Name}, value: Müller}\n  - fill: {into: {label: Quantity}, value: '3'}\n"
	itemForm    = `<form method="post" action="/orders"><label>Item <input name="item" %s></label><input type="submit" value="Save"></form>`
	itemPut     = "  - fill: {into: {label: Item}, value: '%s'}\n"
	boxForm     = `<form method="post" action="/orders"><label>Name <input name="name"></label><label><input type="checkbox" name="express" value="x"> Express</label><label><input type="checkbox" name="gift"> Gift</label><label><input type="radio" name="way" value="sea" checked> Sea</label><label><input type="radio" name="way" value="air"> Air</label><input type="submit" value="Save"></form>`
	tickBoxes   = "  - fill: {into: {label: Name}, value: Ada}\n  - check: {label: Express}\n  - uncheck: {label: Gift}\n  - check: {label: Air}\n"
	tickAny     = "  - fill: {into: {label: Name}, value: Ada}\n  - check: {into: {label: Express}, becomes: any}\n  - uncheck: {label: Gift}\n  - check: {into: {label: Air}, becomes: any}\n"
	wordForCode = `onblur="document.getElementsByName('id')[0].value = this.value; this.value = 'Meier GmbH'"`
)

// honest are pages that keep and send what was put in, each in its way, and some beside them that do not.
var honest = map[string]struct {
	page, fill string
	commit     string // the step that sends it, if it is not a click on Save
	latin      bool   // it is written in ISO-8859-1
	method     string // of the form, POST if empty
	sent       string // some of what has to be sent; empty: it has to be refused
	says       string // the error of a refusal
}{
	"a page in ISO-8859-1":        {page: honestForm, fill: fillHonest, latin: true, sent: "name=M%FCller&price=&quantity=3"},
	"a page in UTF-8":             {page: honestForm, fill: fillHonest, sent: "name=M%C3%BCller&price=&quantity=3"},
	"a form that asks for Latin":  {page: strings.Replace(honestForm, "<form", `<form accept-charset="windows-1252"`, 1), fill: fillHonest, sent: "name=M%FCller&price=&quantity=3"},
	"a page in ISO-8859-1, wrong": {page: strings.Replace(honestForm, "<form", `<form onsubmit="this.elements.name.value = 'Möller'"`, 1), fill: fillHonest, latin: true, says: `its field "name" holds`},
	"a form by GET":               {page: strings.Replace(honestForm, "post", "get", 1), fill: fillHonest, method: "GET", sent: "name=M%C3%BCller&quantity=3"},
	"a form by GET, wrong":        {page: strings.Replace(strings.Replace(honestForm, "post", "get", 1), "<form", `<form onsubmit="this.elements.quantity.value = 30"`, 1), fill: fillHonest, method: "GET", says: `its field "quantity" holds`},
	"a script sends another quantity": {page: honestForm + `<script>const f = document.forms[0]; f.onsubmit = () => { fetch('/orders', {method: 'POST', body: new URLSearchParams({quantity: '30'})}).catch(() => {}); return false }</script>`, fill: fillHonest,
		says: `its field "quantity" holds ["30"] and not "3"`},
	"Enter adds a line and empties the fields": {fill: "  - fill: {into: {label: Name}, value: Müller}\n  - fill: {into: {label: Quantity}, value: '3', key: Enter}\n", sent: "line=3&name=&price=&quantity=1",
		page: honestForm + `<script>const f = document.forms[0]; f.elements.quantity.onkeydown = (e) => { if (e.key !== 'Enter') return; e.preventDefault(); const line = document.createElement('input'); line.name = 'line'; line.type = 'hidden'; line.value = f.elements.quantity.value; f.prepend(line); f.elements.name.value = ''; f.elements.quantity.value = '1' }</script>`},
	"a button of another frame takes the line": {page: honestForm + `<iframe name="tools" srcdoc="<button onclick=&quot;const f = parent.document.forms[0]; f.action = '/orders?line=' + f.elements.quantity.value; f.reset()&quot;>Add</button>"></iframe>`,
		fill: fillHonest + "  - click: {button: Add, frame: tools}\n", sent: "/orders?line=3 name=&price=&quantity=1"},
	"a script sends some of it, and as machines do": {fill: fillHonest + "  - fill: {into: {label: Price}, value: '1234.5'}\n", sent: "price=1234.50&rest=x",
		page: honestForm + `<script>const f = document.forms[0]; f.elements.price.onblur = () => { f.elements.price.value = '1,234.50' }; f.onsubmit = () => { fetch('/orders', {method: 'POST', body: new URLSearchParams({price: '1234.50', rest: 'x'})}).then(r => r.text()).then(t => { document.body.innerHTML = t }); return false }</script>`},
	"a number is written with two decimals":         {page: fmt.Sprintf(itemForm, `type="number" step="any" onblur="this.value = '12.50'"`), fill: fmt.Sprintf(itemPut, "12.5"), sent: "item=12.50"},
	"a code becomes its name":                       {page: strings.Replace(fmt.Sprintf(itemForm, wordForCode), "<label", `<input type="hidden" name="id"><label`, 1), fill: fmt.Sprintf(itemPut, "4711"), sent: "id=4711&item=Meier+GmbH"},
	"a value becomes another text":                  {page: fmt.Sprintf(itemForm, `onblur="this.value = 'MEI-1'"`), fill: "  - fill: {into: {label: Item}, value: Meier, becomes: any}\n", sent: "item=MEI-1"},
	"a value becomes another text, undeclared":      {page: fmt.Sprintf(itemForm, `onblur="this.value = 'MEI-1'"`), fill: fmt.Sprintf(itemPut, "Meier"), says: "add becomes: any to the fill"},
	"a row is kept for further lines":               {page: strings.Replace(fmt.Sprintf(itemForm, ""), "<label", `<div class="row template" style="display:none"><input name="item" value="1"></div><label`, 1), fill: fmt.Sprintf(itemPut, "7"), sent: "item=1&item=7"},
	"a box of the same name is not ticked":          {page: strings.Replace(fmt.Sprintf(itemForm, ""), "<label", `<input type="checkbox" name="item" value="on" style="display:none"><label`, 1), fill: fmt.Sprintf(itemPut, "7"), sent: "item=7"},
	"the field is drawn anew":                       {page: fmt.Sprintf(itemForm, `onchange="this.outerHTML = this.outerHTML.replace('>', ' value=' + this.value + '>')"`), fill: fmt.Sprintf(itemPut, "7"), sent: "item=7"},
	"the field is drawn anew, wrong":                {page: fmt.Sprintf(itemForm, `onchange="this.outerHTML = '<input name=item value=70>'"`), fill: fmt.Sprintf(itemPut, "7"), says: `holds "70" and not what was put in, "7"`},
	"a later click draws the field anew":            {page: fmt.Sprintf(itemForm, "") + redraws("value=' + e.value + '"), fill: fmt.Sprintf(itemPut, "7") + "  - click: {button: Sum}\n", sent: "item=7"},
	"a later click draws the field anew, wrong":     {page: fmt.Sprintf(itemForm, "") + redraws("value=70"), fill: fmt.Sprintf(itemPut, "7") + "  - click: {button: Sum}\n", says: `holds "70" and not what was put in, "7"`},
	"a later click draws the field anew, and empty": {page: fmt.Sprintf(itemForm, "") + redraws(""), fill: fmt.Sprintf(itemPut, "Bolt") + "  - click: {button: Sum}\n", says: `holds "" and not what was put in, "Bolt"`},
	"a line is taken, and the field drawn anew":     {page: fmt.Sprintf(itemForm, "") + redraws("") + `<button onclick="document.body.insertAdjacentHTML('beforeend', '<p>1 Bolt</p>')">Note</button>`, fill: fmt.Sprintf(itemPut, "Bolt") + "  - click: {button: Sum}\n  - click: {button: Note}\n", sent: "item="},
	"a box among several is drawn anew":             {page: rowsOfBoxes + `<button onclick="const t = document.querySelector('tbody'); t.innerHTML = t.innerHTML">Sum</button>`, fill: tickSecond, says: "is not as it was ticked any more"},
	"a box among several is drawn anew, and kept":   {page: rowsOfBoxes + `<button onclick="const t = document.querySelector('tbody'); t.querySelectorAll('input').forEach(i => i.toggleAttribute('checked', i.checked)); t.innerHTML = t.innerHTML">Sum</button>`, fill: tickSecond, sent: "keep=1&name="},
	"the field becomes a list":                      {page: fmt.Sprintf(itemForm, `onchange="this.outerHTML = '<select name=item><option>9</option></select>'"`), fill: fmt.Sprintf(itemPut, "7"), says: `holds "9" and not what was put in, "7"`},
	"the field becomes a hidden one":                {page: fmt.Sprintf(itemForm, `onchange="this.outerHTML = '<input type=hidden name=item value=9>'"`), fill: fmt.Sprintf(itemPut, "7"), says: `holds "9" and not what was put in, "7"`},
	"the field becomes another one":                 {page: fmt.Sprintf(itemForm, `onchange="this.outerHTML = '<input type=hidden name=item_id value=9>Nut'"`), fill: fmt.Sprintf(itemPut, "Bolt"), says: "cannot be compared"},
	"the field becomes its text":                    {page: fmt.Sprintf(itemForm, `onchange="this.outerHTML = '<input type=hidden name=item_id value=9>Bolt M4'"`), fill: fmt.Sprintf(itemPut, "Bolt"), sent: "item_id=9"},
	"a menu of things to do": {page: fmt.Sprintf(itemForm, "") + `<select id="do" onchange="setTimeout(() => { this.selectedIndex = 0 }, 0)"><option>choose</option><option>copy</option></select>`,
		fill: fmt.Sprintf(itemPut, "7") + "  - select: {into: {css: '#do'}, value: copy}\n", sent: "item=7"},
	"boxes and choices":                        {page: boxForm, fill: tickBoxes, sent: "express=x&name=Ada&way=air"},
	"a choice is changed again":                {page: boxForm, fill: tickBoxes + "  - check: {label: Sea}\n", sent: "express=x&name=Ada&way=sea"},
	"one box takes another one's tick":         {page: boxForm + `<script>const f = document.forms[0].elements; f.gift.onchange = () => { f.express.checked = false }</script>`, fill: tickBoxes + "  - check: {label: Gift}\n", says: "is not as it was ticked any more"},
	"a box is ticked when it is sent":          {page: strings.Replace(boxForm, "<form", `<form onsubmit="this.elements.gift.checked = true"`, 1), fill: tickBoxes, says: `its field "gift" holds`},
	"a box is unticked when it is sent":        {page: strings.Replace(boxForm, "<form", `<form onsubmit="this.elements.express.checked = false"`, 1), fill: tickBoxes, says: `its field "express" holds`},
	"another choice when it is sent":           {page: strings.Replace(boxForm, "<form", `<form onsubmit="this.elements.way.value = 'sea'"`, 1), fill: tickBoxes, says: `its field "way" holds`},
	"a box that has the other's value as well": {page: strings.Replace(boxForm, "<label><input", `<input type="hidden" name="express" value="0"><label><input`, 1), fill: tickBoxes, sent: "express=0&express=x&name=Ada&way=air"},
	"a script sends in its words what is ticked": {fill: tickBoxes, sent: "express=true&gift=false&name=Ada&way=air",
		page: boxForm + `<script>const f = document.forms[0]; f.onsubmit = () => { const e = f.elements; fetch('/orders', {method: 'POST', body: new URLSearchParams({name: e.name.value, express: e.express.checked, gift: e.gift.checked, way: e.way.value})}).then(r => r.text()).then(t => { document.body.innerHTML = t }); return false }</script>`},
	"a script sends yes for the choice that was not made":  {page: boxForm + sendsByScript("way: 'yes'"), fill: tickBoxes, says: `its field "way" holds`},
	"a script sends that what is not ticked is":            {page: boxForm + sendsByScript("gift: true"), fill: tickBoxes, says: `its field "gift" holds`},
	"a choice has another one beside it that nobody sees":  {page: strings.Replace(boxForm, `<input type="submit"`, `<input type="hidden" name="way" value="sea"><input type="submit"`, 1), fill: tickBoxes, says: "in a field that nobody sees"},
	"a choice has an empty one before it":                  {page: strings.Replace(boxForm, "<label><input", `<input type="hidden" name="way" value=""><label><input`, 1), fill: tickBoxes, sent: "express=x&name=Ada&way=&way=air"},
	"another box of the name is ticked, and its word is 1": {page: strings.Replace(boxForm, `<input type="submit"`, `<label><input type="checkbox" name="gift" value="1" checked> Card</label><input type="submit"`, 1), fill: tickBoxes, sent: "express=x&gift=1&name=Ada&way=air"},
	"a later click takes a tick back":                      {page: boxForm + `<button onclick="document.forms[0].elements.express.checked = false">Sum</button>`, fill: tickBoxes + "  - click: {button: Sum}\n", says: "is not as it was ticked any more"},
	"a later click makes another choice":                   {page: boxForm + `<button onclick="document.forms[0].elements.way.value = 'sea'">Sum</button>`, fill: tickBoxes + "  - click: {button: Sum}\n", says: "is not as it was ticked any more"},
	"a later click draws the box anew":                     {page: boxForm + `<button onclick="const e = document.forms[0].elements.express; e.outerHTML = e.outerHTML">Sum</button>`, fill: tickBoxes + "  - click: {button: Sum}\n", says: "is not as it was ticked any more"},
	"a later click takes a tick back, as is declared":      {page: boxForm + `<button onclick="document.forms[0].elements.express.checked = false">Sum</button>`, fill: tickAny + "  - click: {button: Sum}\n", sent: " name=Ada&way=air"},
	"declared, and then ticked when it is sent":            {page: strings.Replace(boxForm, "<form", `<form onsubmit="this.elements.gift.checked = true"`, 1), fill: tickAny, says: `its field "gift" holds`},
	"the commit selects and sends":                         {page: stateForm("this.form.submit()"), commit: "select: {into: {label: State}, value: done}", sent: "state=d"},
	"the commit selects, and another is sent":              {page: stateForm("this.selectedIndex = 2; this.form.submit()"), commit: "select: {into: {label: State}, value: done}", says: `its field "state" holds`},
	"the commit types, and it is sent at once":             {page: fmt.Sprintf(itemForm, `oninput="this.form.submit()"`), commit: "fill: {into: {label: Item}, value: '7'}", sent: "item=7"},
	"the commit types, and it is sent a moment later":      {page: fmt.Sprintf(itemForm, `oninput="setTimeout(() => this.form.submit(), 0)"`), commit: "fill: {into: {label: Item}, value: '7', key: Enter}", sent: "item=7"},
	"the commit types, and another is sent at once":        {page: fmt.Sprintf(itemForm, `oninput="this.value = '70'; this.form.submit()"`), commit: "fill: {into: {label: Item}, value: '7'}", says: " holds"}, // seen at the field or at the fence, whichever is first
	"the commit types, and the page exchanges another field": {page: strings.Replace(fmt.Sprintf(itemForm, `oninput="this.form.elements.name.outerHTML = '<input type=hidden name=name value=Ben>'"`), "<label>", `<label>Name <input name="name"></label><label>`, 1),
		fill: "  - fill: {into: {label: Name}, value: Ada}\n", commit: "fill: {into: {label: Item}, value: '7', key: Enter}", says: " holds"},
	"the commit types, and a frame is gone": {page: fmt.Sprintf(itemForm, `oninput="document.querySelector('iframe').remove()"`) + `<iframe name="side" srcdoc="<form><label>Note <input name=note></label></form>"></iframe>`,
		fill: "  - fill: {into: {label: Note, frame: side}, value: soon}\n", commit: "fill: {into: {label: Item}, value: '7', key: Enter}", says: "is not there any more; nothing was sent"},
	"a line with a box is taken over": {fill: tickAny + "  - click: {button: Add}\n  - fill: {into: {label: Name}, value: Ben}\n", sent: "line=Adaxair&name=Ben&way=sea",
		page: boxForm + `<button onclick="const f = document.forms[0], e = f.elements, line = document.createElement('input'); line.name = 'line'; line.type = 'hidden'; line.value = e.name.value + e.express.value + e.way.value; f.reset(); f.prepend(line)">Add</button>`},
	"the commit types and sends":        {page: fmt.Sprintf(itemForm, ""), commit: "fill: {into: {label: Item}, value: '7', key: Enter}", sent: "item=7"},
	"the commit types and sends, wrong": {page: fmt.Sprintf(itemForm, `onkeydown="if (event.key === 'Enter') this.value = '70'"`), commit: "fill: {into: {label: Item}, value: '7', key: Enter}", says: `its field "item" holds`},
	"another form has a field of the name": {page: fmt.Sprintf(itemForm, "") + `<form><label>Look <input name="item"></label></form>`,
		fill: "  - fill: {into: {label: Look}, value: '9'}\n" + fmt.Sprintf(itemPut, "7"), sent: "item=7"},
}

// redraws has a button draw the field for the item anew, with further attributes.
func redraws(attributes string) string {
	return `<button onclick="const e = document.getElementsByName('item')[0]; e.outerHTML = '<input name=item ` + attributes + `>'">Sum</button>`
}

const (
	rowsOfBoxes = `<form method="post" action="/orders"><input type="hidden" name="name" value=""><table><thead><tr><th>Pos</th><th>Keep</th></tr></thead><tbody><tr><td>1</td><td><input type="checkbox" name="keep" value="1"></td></tr><tr><td>2</td><td><input type="checkbox" name="keep" value="1"></td></tr></tbody></table><input type="submit" value="Save"></form>`
	tickSecond  = "  - check: {row: {Pos: '2'}, column: Keep}\n  - click: {button: Sum}\n"
)

// stateForm is a form with a list whose change does something.
func stateForm(change string) string {
	return `<form method="post" action="/orders"><label for="state">State</label> <select id="state" name="state" onchange="` + change + `"><option value="o">open</option><option value="d">done</option><option value="x">deleted</option></select></form>`
}

// sendsByScript has the form sent by a script, with fields of its own.
func sendsByScript(fields string) string {
	return `<script>document.forms[0].onsubmit = () => { fetch('/orders', {method: 'POST', body: new URLSearchParams({name: 'Ada', ` + fields + `})}).catch(() => {}); return false }</script>`
}

func TestHonestPagesAreBooked(t *testing.T) {
	t.Parallel()
	runs := make(chan struct{}, 3)
	for name, c := range honest {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			runs <- struct{}{}
			defer func() { <-runs }()
			var mutex sync.Mutex
			var sent []string
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				page, charset := "<p>Order saved</p>", "utf-8"
				if r.URL.Path == "/orders/new" {
					page = "<html><body>" + c.page + "</body></html>"
					if c.latin {
						charset = "iso-8859-1"
						page, _ = charmap.ISO8859_1.NewEncoder().String(page)
					}
				} else if r.URL.Path == "/orders" {
					body := new(strings.Builder)
					_ = r.ParseForm()
					if r.Method == http.MethodPost {
						body.WriteString(r.PostForm.Encode())
					}
					mutex.Lock()
					sent = append(sent, r.URL.RequestURI()+" "+body.String())
					mutex.Unlock()
				}
				w.Header().Set("Content-Type", "text/html; charset="+charset)
				_, _ = fmt.Fprint(w, page)
			}))
			t.Cleanup(func() { server.CloseClientConnections(); server.Close() })
			method, system := "POST", strings.Replace(orderSystem, "step: 15s, run: 60s", "step: 30s, run: 3m", 1)
			if c.method == "GET" {
				method, system = "GET", system+"get_may_write: true\nreads_by_get: ['*/orders/new']\n"
			}
			run := func(system string) error {
				_, err := NewRunner(pool, nil).Run(t.Context(), compileOrder(t, system, strings.Replace(fmt.Sprintf(honestRobot, c.fill, method), "click: {button: Save}", either(c.commit, "click: {button: Save}"), 1)), orderCallAt(server.URL, "k1", nil))
				return err
			}
			if c.says != "" {
				err := run(strings.Replace(system, "step: 30s", "step: 3s", 1)) // what shows that it was done never comes
				if err == nil || !strings.Contains(err.Error(), c.says) {
					err = run(system) // another step took so long
				}
				mutex.Lock()
				defer mutex.Unlock()
				require.ErrorContains(t, err, c.says)
				require.Empty(t, sent)
				return
			}
			require.NoError(t, run(system))
			mutex.Lock()
			defer mutex.Unlock()
			require.Len(t, sent, 1)
			require.Contains(t, sent[0], c.sent)
		})
	}
}
