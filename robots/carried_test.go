package robots

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
)

const (
	carriedForm = `<form method="post" action="/orders"><label>Name <input name="name"></label><label>Quantity <input name="quantity" value="1"></label><label for="state">State</label> <select id="state" name="state"><option value="o">open</option><option value="d">done</option></select><label><input type="checkbox" name="express" value="x"> Express</label><input type="submit" value="Save"></form>`
	fillCarried = "  - fill: {into: {label: Name}, value: Müller}\n  - select: {into: {label: State}, value: done}\n  - check: {label: Express}\n  - fill: {into: {label: Quantity}, value: '3'}\n"
	seeAnew     = "  - expect: {text: Anew}\n"
	sentCarried = "express=x&name=M%C3%BCller&quantity=3&state=d"
)

// filledOnce is a page with a script that runs once its form is filled in, some time later; the page after it says so.
func filledOnce(form, then string) string {
	return form + `<script>const f = document.forms[0]; if (sessionStorage.anew) { document.body.insertAdjacentHTML('beforeend', '<p>Anew</p>') } else {
		const wait = setInterval(() => { if (f.elements.name.value !== 'Müller' || f.elements.quantity.value !== '3') return; clearInterval(wait); setTimeout(() => { sessionStorage.anew = 'x'; ` + then + ` }, 300) }, 20) }</script>`
}

const reload = "location.reload()"

// values is a form as it is when the server, or the page, has kept what was put in.
func keptValues(form string) string {
	return strings.NewReplacer(`name="name"`, `name="name" value="Müller"`, `value="1"`, `value="3"`, `value="d"`, `value="d" selected`, `value="x"`, `value="x" checked`).Replace(form)
}

const carriedFrame = `<iframe name="inner" src="/orders/step1" width="600"></iframe>`

// TestWhatAPageLoses holds that what was put into a page that is loaded anew by itself, or taken away, is not taken for sent,
// and that pages which lead on rightly are booked. No effect here declares its form.
func TestWhatAPageLoses(t *testing.T) {
	t.Parallel()
	runs := make(chan struct{}, 3)
	inFrame := strings.NewReplacer("{label: Name}", "{label: Name, frame: inner}", "{label: State}", "{label: State, frame: inner}", "{label: Express}", "{label: Express, frame: inner}", "{label: Quantity}", "{label: Quantity, frame: inner}").Replace
	updated := strings.Replace(strings.Replace(carriedForm, `action="/orders"`, `action="/orders/step2"`, 1), "Save", "Update", 1)
	atSubmit := func(does string) string {
		return `<script>document.forms[0].addEventListener('submit', () => { const f = document.forms[0]; ` + does + ` })</script>`
	}
	restore := `<script>if (sessionStorage.anew) { const e = document.forms[0].elements; e.name.value = 'Müller'; e.quantity.value = 3; e.state.value = 'd'; e.express.checked = true }</script>`
	for name, c := range map[string]struct {
		page, step1, step2, step4 string // /orders/new, and what comes after it
		fill, commit              string
		sent, says                string
	}{
		"it is loaded anew":                 {page: filledOnce(carriedForm, reload), fill: fillCarried + seeAnew, says: "not what was put in"},
		"it refreshes itself":               {page: filledOnce(carriedForm, `document.head.insertAdjacentHTML('beforeend', '<meta http-equiv=refresh content=0>')`), fill: fillCarried + seeAnew, says: "not what was put in"},
		"it goes to itself":                 {page: filledOnce(carriedForm, `location = '/orders/new?again=1'`), fill: fillCarried + seeAnew, says: "not what was put in"},
		"it goes elsewhere by itself":       {page: filledOnce(carriedForm, `location = '/orders/step2'`), step2: `<p>Anew</p><form method="post" action="/orders"><input type="submit" value="Save"></form>`, fill: fillCarried + seeAnew, says: "loaded anew or taken away"},
		"it is loaded anew after a click":   {page: filledOnce(carriedForm, reload) + `<button onclick="1">Sum</button>`, fill: fillCarried + "  - click: {button: Sum}\n" + seeAnew, says: "not what was put in"},
		"a frame is loaded anew":            {page: carriedFrame, step1: filledOnce(carriedForm, reload), fill: inFrame(fillCarried) + "  - expect: {text: Anew, frame: inner}\n", commit: "click: {button: Save, frame: inner}", says: "not what was put in"},
		"a frame takes another one's place": {page: carriedFrame, step1: filledOnce(carriedForm, `const d = frameElement.ownerDocument; d.querySelector('iframe').outerHTML = '<iframe name=inner src=/orders/step1 width=600></iframe>'`), fill: inFrame(fillCarried) + "  - expect: {text: Anew, frame: inner}\n", commit: "click: {button: Save, frame: inner}", says: "not what was put in"},
		"a frame is taken away":             {page: carriedFrame + `<form method="post" action="/orders"><input type="submit" value="Save"></form>`, step1: filledOnce(carriedForm, `const d = frameElement.ownerDocument; d.body.append('Anew'); frameElement.remove()`), fill: inFrame(fillCarried) + seeAnew, says: "loaded anew or taken away"},
		"the rest is put in anew":           {page: filledOnce(carriedForm, reload), fill: fillCarried + seeAnew + "  - fill: {into: {label: Quantity}, value: '3'}\n", says: "not what was put in"},
		"only a tick is lost":               {page: filledOnce(carriedForm, reload) + strings.Replace(restore, "e.express.checked = true", "", 1), fill: fillCarried + seeAnew, says: "is not as it was ticked"},
		"only a choice is lost":             {page: filledOnce(carriedForm, reload) + strings.Replace(restore, "e.state.value = 'd'", "", 1), fill: fillCarried + seeAnew, says: `holds "open"`},
		"a choice loads the page anew": {page: `<script>if (sessionStorage.anew) document.write('<p>Anew</p>')</script>` + strings.Replace(carriedForm, `<select`, `<select onchange="sessionStorage.anew = 'x'; location = '/orders/new?kind=' + this.value"`, 1),
			fill: "  - fill: {into: {label: Name}, value: Müller}\n  - select: {into: {label: State}, value: done}\n" + seeAnew, says: "not what was put in"},

		"a click posts another form": {page: carriedForm + `<form method="post" action="/orders/back"><input type="submit" value="Sum"></form>`, fill: fillCarried + "  - click: {button: Sum}\n", says: "not what was put in"},

		"a line is posted and the same page comes back":        {page: strings.NewReplacer(`action="/orders"`, `action="/orders/back"`, `value="Save"`, `value="Add"`).Replace(carriedForm) + `<form method="post" action="/orders"><input type="submit" value="Save"></form>`, fill: fillCarried + "  - click: {button: Add}\n", sent: "/orders "},
		"it is loaded anew and keeps it":                       {page: filledOnce(carriedForm, reload) + restore, fill: fillCarried + seeAnew, sent: sentCarried},
		"it is loaded anew, and all is put in again":           {page: filledOnce(carriedForm, reload), fill: fillCarried + seeAnew + fillCarried, sent: sentCarried},
		"what is lost may be lost":                             {page: filledOnce(`<form method="post" action="/orders"><label>Name <input name="name"></label><label>Quantity <input name="quantity"></label><input type="submit" value="Save"></form>`, reload), fill: "  - fill: {into: {label: Name}, value: Müller, becomes: any}\n  - fill: {into: {label: Quantity}, value: '3', becomes: any}\n" + seeAnew, sent: "name=&quantity="},
		"the next page hands it on":                            {page: filledOnce(carriedForm, `location = '/orders/step2'`), step2: `<p>Anew</p><form method="post" action="/orders"><input type="hidden" name="name" value="Müller"><input type="hidden" name="quantity" value="3"><input type="hidden" name="state" value="d"><input type="hidden" name="express" value="x"><input type="submit" value="Save"></form>`, fill: fillCarried + seeAnew, sent: sentCarried},
		"the next page hands another one on":                   {page: filledOnce(carriedForm, `location = '/orders/step2'`), step2: `<p>Anew</p><form method="post" action="/orders"><input type="hidden" name="name" value="Müller"><input type="hidden" name="quantity" value="30"><input type="hidden" name="state" value="d"><input type="hidden" name="express" value="x"><input type="submit" value="Save"></form>`, fill: fillCarried + seeAnew, says: `holds "30"`},
		"the form is posted to the next page":                  {page: strings.Replace(strings.Replace(carriedForm, `action="/orders"`, `action="/orders/step2"`, 1), "Save", "Next", 1), step2: `<p>Anew</p><form method="post" action="/orders"><label>Note <input name="note"></label><input type="submit" value="Save"></form>`, fill: fillCarried + "  - click: {button: Next}\n  - fill: {into: {label: Note}, value: soon}\n", sent: "note=soon"},
		"a script leads on to the next page":                   {page: carriedForm + `<button onclick="setTimeout(() => { location = '/orders/step2' }, 300)">Next</button>`, step2: `<p>Anew</p><form method="post" action="/orders"><label>Note <input name="note"></label><input type="submit" value="Save"></form>`, fill: fillCarried + "  - click: {button: Next}\n" + seeAnew + "  - fill: {into: {label: Note}, value: soon}\n", sent: "note=soon"},
		"a page posts back and keeps it":                       {page: updated, step2: keptValues(carriedForm), fill: fillCarried + "  - click: {button: Update}\n", sent: sentCarried},
		"a page posts back and alters a field as it is sent":   {page: updated, step2: keptValues(carriedForm) + atSubmit("f.name.value = 'Maier'"), fill: fillCarried + "  - click: {button: Update}\n", says: "the request of the commit was stopped: its field"},
		"a page posts back and alters a choice as it is sent":  {page: updated, step2: keptValues(carriedForm) + atSubmit("f.state.value = 'o'"), fill: fillCarried + "  - click: {button: Update}\n", says: "the request of the commit was stopped: its field"},
		"a page posts back and alters a tick as it is sent":    {page: updated, step2: keptValues(carriedForm) + atSubmit("f.express.checked = false"), fill: fillCarried + "  - click: {button: Update}\n", says: "the request of the commit was stopped: its field"},
		"a page posts back twice and alters a field then":      {page: updated, step2: strings.Replace(keptValues(carriedForm), `<input type="submit" value="Save">`, `<input type="submit" formaction="/orders/step4" value="More">`, 1), step4: keptValues(carriedForm) + atSubmit("f.name.value = 'Maier'"), fill: fillCarried + "  - click: {button: Update}\n  - click: {button: More}\n", says: "the request of the commit was stopped: its field"},
		"a page posts back and alters a field some time later": {page: updated, step2: keptValues(carriedForm) + `<script>setTimeout(() => { document.forms[0].name.value = 'Maier'; document.body.append('Anew') }, 300)</script>`, fill: fillCarried + "  - click: {button: Update}\n" + seeAnew, says: "not what was put in"},
		"a page posts back and alters a field as it comes":     {page: updated, step2: keptValues(carriedForm) + `<script>document.forms[0].name.value = 'Maier'</script>`, fill: fillCarried + "  - click: {button: Update}\n", says: "not what was put in"},
		"a page alters a field as it posts back":               {page: updated + atSubmit("f.name.value = 'Maier'"), step2: strings.Replace(keptValues(carriedForm), "Müller", "Maier", 1), fill: fillCarried + "  - click: {button: Update}\n", says: `has sent "Maier"`},
		"a page alters a choice as it posts back":              {page: updated + atSubmit("f.state.value = 'o'"), step2: strings.Replace(keptValues(carriedForm), `value="d" selected`, `value="d"`, 1), fill: fillCarried + "  - click: {button: Update}\n", says: `has sent "o"`},
		"what a page altered may be put in again":              {page: updated + atSubmit("f.name.value = 'Maier'"), step2: strings.Replace(keptValues(carriedForm), "Müller", "Maier", 1), fill: fillCarried + "  - click: {button: Update}\n  - fill: {into: {label: Name}, value: Müller}\n", sent: sentCarried},
		"the next number comes back":                           {page: updated, step2: strings.Replace(keptValues(carriedForm), `value="3"`, `value="4"`, 1), fill: fillCarried + "  - click: {button: Update}\n", sent: "quantity=4"},
		"the next page hands it on and alters it":              {page: strings.Replace(updated, "Update", "Next", 1), step2: `<form method="post" action="/orders"><input type="hidden" name="name" value="Müller"><label>Note <input name="note"></label><input type="submit" value="Save"></form>` + atSubmit("f.name.value = 'Maier'"), fill: fillCarried + "  - click: {button: Next}\n  - fill: {into: {label: Note}, value: soon}\n", says: "the request of the commit was stopped: its field"},
		"the next page hands it on to be sent":                 {page: strings.Replace(updated, "Update", "Next", 1), step2: `<form method="post" action="/orders"><input type="hidden" name="name" value="Müller"><label>Note <input name="note"></label><input type="submit" value="Save"></form>`, fill: fillCarried + "  - click: {button: Next}\n  - fill: {into: {label: Note}, value: soon}\n", sent: "name=M%C3%BCller&note=soon"},
		"a page posts back with a further line":                {page: updated, step2: strings.NewReplacer(`value="3"`, `value="1"`, `value="d" selected`, `value="d"`).Replace(keptValues(carriedForm)), fill: fillCarried + "  - click: {button: Update}\n  - fill: {into: {label: Quantity}, value: '7'}\n", sent: "express=x&name=M%C3%BCller&quantity=7&state=o"},
		"a line is posted and the form is empty again":         {page: strings.Replace(strings.Replace(carriedForm, `action="/orders"`, `action="/orders/step2"`, 1), "Save", "Add", 1), step2: carriedForm, fill: fillCarried + "  - click: {button: Add}\n", sent: "name=&quantity=1&state=o"},
		"a line is fetched and the page is loaded anew":        {page: `<script>if (sessionStorage.anew) document.write('<p>Anew</p>')</script>` + carriedForm + `<button onclick="sessionStorage.anew = 'x'; fetch('/orders/step2', {method: 'POST', body: new URLSearchParams(new FormData(document.forms[0]))}).then(() => location.reload())">Add</button>`, fill: fillCarried + "  - click: {button: Add}\n" + seeAnew, sent: "name=&quantity=1&state=o"},
		"a choice sends the form at once":                      {page: strings.NewReplacer("post", "get", `"/orders"`, `"/orders/step2"`, "<select", `<select onchange="this.form.submit()"`).Replace(carriedForm), step2: strings.Replace(carriedForm, `name="name"`, `name="name" value="Müller"`, 1) + `<p>Anew</p>`, fill: "  - fill: {into: {label: Name}, value: Müller}\n  - select: {into: {label: State}, value: done}\n" + seeAnew, sent: "name=M%C3%BCller&quantity=1"},
		"a choice sends the form some time after":              {page: strings.NewReplacer("post", "get", `"/orders"`, `"/orders/step2"`, "<select", `<select onchange="setTimeout(() => this.form.submit(), 300)"`).Replace(carriedForm), step2: `<form method="post" action="/orders"><input type="submit" value="Save"></form><p>Anew</p>`, fill: "  - fill: {into: {label: Name}, value: Müller}\n  - select: {into: {label: State}, value: done}\n" + seeAnew, sent: "/orders "},
		"a choice leads on":                                    {page: strings.Replace(carriedForm, "<select", `<select onchange="location = '/orders/step2'"`, 1), step2: `<form method="post" action="/orders"><label>Note <input name="note"></label><input type="submit" value="Save"></form>`, fill: "  - select: {into: {label: State}, value: done}\n  - fill: {into: {label: Note}, value: soon}\n", sent: "note=soon"},
		"typing leads on":                                      {page: strings.Replace(carriedForm, `name="name"`, `name="name" oninput="if (this.value === 'Müller') location = '/orders/step2'"`, 1), step2: `<form method="post" action="/orders"><label>Note <input name="note"></label><input type="submit" value="Save"></form>`, fill: "  - fill: {into: {label: Name}, value: Müller}\n  - fill: {into: {label: Note}, value: soon}\n", sent: "note=soon"},
		"a tick leads on":                                      {page: strings.Replace(carriedForm, `name="express"`, `name="express" onchange="location = '/orders/step2'"`, 1), step2: `<form method="post" action="/orders"><label>Note <input name="note"></label><input type="submit" value="Save"></form>`, fill: "  - check: {label: Express}\n  - fill: {into: {label: Note}, value: soon}\n", sent: "note=soon"},
		"another frame redraws":                                {page: carriedForm + `<iframe name="inner" src="/orders/step1"></iframe><script>document.forms[0].onchange = () => { document.querySelector('iframe').src = '/orders/step1?' + Date.now() }</script>`, step1: "<p>Total: 7</p>", fill: fillCarried, sent: sentCarried},
		"a menu leads another frame on": {page: `<iframe name="menu" src="/orders/step1"></iframe><iframe name="main" src="/orders/step2" width="600"></iframe>`, step1: `<a href="/orders/step3" target="main">Details</a>`, step2: carriedForm,
			fill: strings.ReplaceAll(strings.ReplaceAll(fillCarried, "}, value", ", frame: main}, value"), "{label: Express}", "{label: Express, frame: main}") + "  - click: {link: Details, frame: menu}\n", commit: "click: {button: Save, frame: main}", sent: "note="},
		"a window closes itself when something is chosen": {page: carriedForm + `<button onclick="window.open('/orders/step1', 'pick')">Pick</button>`, step1: `<label for="kind">Kind</label> <select id="kind" onchange="opener.document.forms[0].elements.name.value = this.value; window.close()"><option>-</option><option>Müller</option></select>`,
			fill: "  - click: {button: Pick}\n  - select: {into: {label: Kind, window: pick}, value: Müller}\n", sent: "name=M%C3%BCller"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			runs <- struct{}{}
			defer func() { <-runs }()
			var mutex sync.Mutex
			var sent []string
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				_ = r.ParseForm()
				page := map[string]string{"/orders/new": c.page, "/orders/step1": c.step1, "/orders/step2": c.step2, "/orders/step4": c.step4, "/orders": "<p>Order saved</p>",
					"/orders/step3": `<form method="post" action="/orders" target="_top"><label>Note <input name="note"></label><input type="submit" value="Save"></form>`}[r.URL.Path]
				if r.URL.Path == "/orders/back" {
					http.Redirect(w, r, "/orders/new", http.StatusSeeOther)
					return
				}
				if r.URL.Path == "/orders" {
					mutex.Lock()
					sent = append(sent, r.URL.RequestURI()+" "+r.PostForm.Encode())
					mutex.Unlock()
				}
				w.Header().Set("Content-Type", "text/html; charset=utf-8")
				_, _ = fmt.Fprintf(w, "<html><body>%s</body></html>", page)
			}))
			t.Cleanup(func() { server.CloseClientConnections(); server.Close() })
			robot := strings.Replace(fmt.Sprintf(honestRobot, c.fill, "POST"), "click: {button: Save}", either(c.commit, "click: {button: Save}"), 1)
			_, err := NewRunner(pool, nil).Run(t.Context(), compileOrder(t, strings.Replace(orderSystem, "step: 15s, run: 60s", "step: 8s, run: 1m", 1)+"reads_by_post: ['*/orders/step*', '*/orders/back']\n", robot), orderCallAt(server.URL, "k1", nil))
			mutex.Lock()
			defer mutex.Unlock()
			if c.says != "" {
				require.ErrorContains(t, err, c.says)
				require.Empty(t, sent)
				return
			}
			require.NoError(t, err)
			require.Len(t, sent, 1)
			require.Contains(t, sent[0], c.sent)
		})
	}
}
