package robots

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
)

const (
	fileForm  = `<form method="post" action="/orders" enctype="multipart/form-data"><label>Name <input name="name"></label><label>List <input type="file" name="list"></label><input type="submit" value="Save"></form>`
	fillFile  = "  - fill: {into: {label: Name}, value: Ada}\n  - upload: {into: {label: List}, name: list.csv, text: \"Nr;4711\"}\n"
	fileSent  = "list=list.csv:Nr;4711"
	uploadAny = "  - upload: {into: {label: List}, name: list.csv, text: \"Nr;4711\", becomes: any}\n"
)

// chosenOnce runs a script once the file is chosen, some time later; the page after it says so.
func chosenOnce(form, then string) string {
	return form + `<script>const f = document.forms[0]; if (sessionStorage.anew) { document.body.insertAdjacentHTML('beforeend', '<p>Anew</p>') } else {
		const wait = setInterval(() => { if (!f.elements.list.files.length) return; clearInterval(wait); setTimeout(() => { sessionStorage.anew = 'x'; ` + then + ` }, 300) }, 20) }</script>`
}

// staged hands the file on as soon as it is chosen, and then does something else.
func staged(send, then string) string {
	return strings.Replace(fileForm, "</form>", `<input type="hidden" name="token"></form>`, 1) + `<script>const f = document.forms[0]; if (sessionStorage.anew) document.body.insertAdjacentHTML('beforeend', '<p>Anew</p>' + sessionStorage.anew); f.elements.list.onchange = async () => {
		const file = f.elements.list.files[0]; ` + send + `; f.elements.token.value = 't-7'; sessionStorage.anew = '-'; ` + then + `; document.body.insertAdjacentHTML('beforeend', '<p>Anew</p>') }</script>`
}

const (
	asForm   = `const data = new FormData(); data.append('part', file); await fetch('/orders/stage', {method: 'POST', body: data})`
	asBytes  = `await fetch('/orders/stage', {method: 'POST', body: file})`
	asBase64 = `const url = await new Promise((done) => { const r = new FileReader(); r.onload = () => done(r.result); r.readAsDataURL(file) }); await fetch('/orders/stage', {method: 'POST', headers: {'Content-Type': 'application/json'}, body: JSON.stringify({name: file.name, data: url.split(',')[1]})})`
	emptied  = `f.elements.list.value = ''`
)

// TestWhatBecomesOfAFile holds that a file which the robot has chosen, and which the page has lost since, or does not send, is not
// taken for sent, and that pages which hand it on in their way are booked.
func TestWhatBecomesOfAFile(t *testing.T) {
	t.Parallel()
	runs := make(chan struct{}, 3)
	framed := strings.NewReplacer("{label: Name}", "{label: Name, frame: inner}", "{label: List}", "{label: List, frame: inner}").Replace
	for name, c := range map[string]struct {
		page, step1  string // /orders/new, and what comes after it or stands in its frame
		fill, commit string
		sent, says   string
	}{
		"it is sent":                                 {page: fileForm, sent: fileSent},
		"the field is hidden behind a label":         {page: strings.NewReplacer(`<label>List <input type="file" name="list"></label>`, `<label for="f">List</label><input type="file" name="list" id="f" style="display: none">`).Replace(fileForm), sent: fileSent},
		"a hidden one beside the one that is seen":   {page: strings.NewReplacer(`<input type="submit"`, `<label style="display: none">List <input type="file" name="pattern"></label><input type="submit"`).Replace(fileForm), sent: fileSent},
		"two that are hidden":                        {page: strings.Replace(fileForm, `<label>List <input type="file" name="list"></label>`, `<label style="display: none">List <input type="file" name="list"></label><label style="display: none">List <input type="file" name="other"></label>`, 1), says: "not unique"},
		"it is chosen behind a button":               {page: strings.Replace(fileForm, `type="file"`, `type="file" style="opacity: 0; width: 1px"`, 1), fill: strings.Replace(fillFile, "{label: List}", "{field: list}", 1), sent: fileSent},
		"the page is loaded anew":                    {page: chosenOnce(fileForm, reload), fill: fillFile + seeAnew, says: "not what was put in"},
		"the page is loaded anew and keeps the rest": {page: chosenOnce(fileForm, `sessionStorage.name = f.elements.name.value; `+reload) + `<script>f.elements.name.value = sessionStorage.name || ''</script>`, fill: fillFile + seeAnew, says: `does not hold the file "list.csv" any more`},
		"a script takes it away":                     {page: chosenOnce(fileForm, emptied+`; document.body.insertAdjacentHTML('beforeend', '<p>Anew</p>')`), fill: fillFile + seeAnew, says: `does not hold the file "list.csv" any more`},
		"a script takes it away after a click":       {page: chosenOnce(fileForm, emptied+`; document.body.insertAdjacentHTML('beforeend', '<p>Anew</p>')`) + `<button onclick="1">Sum</button>`, fill: fillFile + "  - click: {button: Sum}\n" + seeAnew, says: `does not hold the file "list.csv" any more`},
		"a script puts another one there":            {page: chosenOnce(fileForm, `const d = new DataTransfer(); d.items.add(new File(['x'], 'other.csv')); f.elements.list.files = d.files; document.body.insertAdjacentHTML('beforeend', '<p>Anew</p>')`), fill: fillFile + seeAnew, says: `does not hold the file "list.csv" any more`},
		"a script draws the field anew":              {page: chosenOnce(fileForm, `const l = f.elements.list; l.outerHTML = l.outerHTML; document.body.insertAdjacentHTML('beforeend', '<p>Anew</p>')`), fill: fillFile + seeAnew, says: `does not hold the file "list.csv" any more`},
		"a script takes the field away":              {page: chosenOnce(fileForm, `f.elements.list.remove(); document.body.insertAdjacentHTML('beforeend', '<p>Anew</p>')`), fill: fillFile + seeAnew, says: `does not hold the file "list.csv" any more`},
		"the field is disabled":                      {page: chosenOnce(fileForm, `f.elements.list.disabled = true; document.body.insertAdjacentHTML('beforeend', '<p>Anew</p>')`), fill: fillFile + seeAnew, says: `the file "list.csv" is not in it`},
		"the page shows its name and holds nothing":  {page: chosenOnce(fileForm, emptied+`; document.body.append('list.csv ');document.body.insertAdjacentHTML('beforeend', '<p>Anew</p>')`), fill: fillFile + seeAnew, says: `the file "list.csv" is not in it`},
		"it is emptied as the form is sent":          {page: strings.Replace(fileForm, "<form", `<form onsubmit="this.elements.list.value = ''"`, 1), says: `the file "list.csv" is not in it`},
		"it is moved out as the form is sent":        {page: strings.Replace(fileForm, "<form", `<form onsubmit="document.body.append(this.elements.list)"`, 1), says: `the file "list.csv" is not in it`},
		"another one is sent":                        {page: strings.Replace(fileForm, "<form", `<form onsubmit="const d = new DataTransfer(); d.items.add(new File(['x'], 'other.csv')); this.elements.list.files = d.files"`, 1), says: `the file "list.csv" is not in it`},
		"the form sends its name only":               {page: strings.Replace(fileForm, ` enctype="multipart/form-data"`, "", 1), says: `the file "list.csv" is not in it`},
		"another form is sent":                       {page: strings.Replace(fileForm, "Save", "Other", 1) + `<form method="post" action="/orders"><input type="submit" value="Save"></form>`, says: `the file "list.csv" is not in it`},
		"a click leads on without it":                {page: strings.Replace(fileForm, "Save", "Next", 1) + `<a href="/orders/step1">Further</a>`, step1: `<form method="post" action="/orders"><input type="submit" value="Save"></form>`, fill: fillFile + "  - click: {link: Further}\n", says: `"list.csv" was not sent with it`},
		"a frame is loaded anew":                     {page: carriedFrame, step1: chosenOnce(fileForm, reload), fill: framed(fillFile) + "  - expect: {text: Anew, frame: inner}\n", commit: "click: {button: Save, frame: inner}", says: "not what was put in"},
		"it is handed on, and the page loses it":     {page: staged(asForm, reload+`; await new Promise(() => {})`), fill: uploadsOnly(fillFile) + seeAnew, says: `does not hold the file "list.csv" any more`},
		"of two files one is lost":                   {page: chosenOnce(strings.Replace(fileForm, "<input type=\"submit\"", `<label>Plan <input type="file" name="plan"></label><input type="submit"`, 1), `f.elements.plan.value = ''; document.body.insertAdjacentHTML('beforeend', '<p>Anew</p>')`), fill: "  - upload: {into: {label: Plan}, name: plan.pdf, text: x}\n" + fillFile + seeAnew, says: `does not hold the file "plan.pdf" any more`},
		"of two files in one field one is lost":      {page: chosenOnce(strings.Replace(fileForm, `type="file"`, `type="file" multiple`, 1), `const d = new DataTransfer(); d.items.add(f.elements.list.files[0]); f.elements.list.files = d.files; document.body.insertAdjacentHTML('beforeend', '<p>Anew</p>')`), fill: fillFile + secondFile + seeAnew, says: `does not hold the file`},

		"a frame sends it":                        {page: carriedFrame, step1: fileForm, fill: framed(fillFile), commit: "click: {button: Save, frame: inner}", sent: fileSent},
		"two fields":                              {page: strings.Replace(fileForm, "<input type=\"submit\"", `<label>Plan <input type="file" name="plan"></label><input type="submit"`, 1), fill: "  - upload: {into: {label: Plan}, name: plan.pdf, text: x}\n" + fillFile, sent: "list=list.csv:Nr;4711 name=Ada plan=plan.pdf:x"},
		"two files in one field":                  {page: strings.Replace(fileForm, `type="file"`, `type="file" multiple`, 1), fill: fillFile + secondFile, sent: "list=list.csv:Nr;4711 list=second.csv:2"},
		"a second one in the place of the first":  {page: fileForm, fill: fillFile + secondFile, sent: "list=second.csv:2"},
		"it is loaded anew, and it is put again":  {page: chosenOnce(fileForm, reload), fill: fillFile + seeAnew + fillFile, sent: fileSent},
		"a script sends the form":                 {page: fileForm + `<script>document.forms[0].onsubmit = (e) => { e.preventDefault(); fetch('/orders', {method: 'POST', body: new FormData(e.target)}).then(() => document.body.innerHTML = '<p>Order saved</p>') }</script>`, sent: fileSent},
		"it is handed on as a form, and emptied":  {page: staged(asForm, emptied), fill: fillFile + seeAnew, sent: "list= name=Ada token=t-7"},
		"it is handed on as bytes, and emptied":   {page: staged(asBytes, emptied), fill: fillFile + seeAnew, sent: "list= name=Ada token=t-7"},
		"it is handed on as base64, and emptied":  {page: staged(asBase64, emptied), fill: fillFile + seeAnew, sent: "list= name=Ada token=t-7"},
		"a large one is sent":                     {page: fileForm, fill: strings.Replace(fillFile, "Nr;4711", large, 1), sent: "list=list.csv:0123"},
		"a large one is handed on as a form":      {page: staged(asForm, emptied), fill: strings.Replace(fillFile, "Nr;4711", large, 1) + seeAnew, sent: "list= name=Ada token=t-7"},
		"a large one is handed on as bytes":       {page: staged(asBytes, emptied), fill: strings.Replace(fillFile, "Nr;4711", large, 1) + seeAnew, sent: "list= name=Ada token=t-7"},
		"a large one is lost":                     {page: chosenOnce(fileForm, emptied+`; document.body.insertAdjacentHTML('beforeend', '<p>Anew</p>')`), fill: strings.Replace(fillFile, "Nr;4711", large, 1) + seeAnew, says: `does not hold the file "list.csv" any more`},
		"it is handed on, and the field goes":     {page: staged(asForm, `f.elements.list.remove()`), fill: fillFile + seeAnew, sent: "name=Ada token=t-7"},
		"it is handed on, and the page shows it":  {page: staged(asForm, `sessionStorage.anew = 'list.csv'; location.reload(); await new Promise(() => {})`), fill: uploadsOnly(fillFile) + seeAnew, sent: "list="},
		"it is handed on at the click on Save":    {page: fileForm + `<script>document.forms[0].onsubmit = (e) => { e.preventDefault(); const file = e.target.elements.list.files[0]; (async () => { ` + asForm + `; await fetch('/orders', {method: 'POST', body: new URLSearchParams({name: e.target.elements.name.value, token: 't-7'})}); document.body.innerHTML = '<p>Order saved</p>' })() }</script>`, sent: "name=Ada token=t-7"},
		"choosing it sends a form of its own":     {page: `<form method="post" action="/orders/step1" enctype="multipart/form-data"><label>List <input type="file" name="list" onchange="this.form.submit()"></label></form>`, step1: `<form method="post" action="/orders"><label>Name <input name="name"></label><input type="submit" value="Save"></form>`, fill: uploadsOnly(fillFile) + "  - fill: {into: {label: Name}, value: Ada}\n", sent: "name=Ada"},
		"a button sends a form of its own":        {page: `<form method="post" action="/orders/step1" enctype="multipart/form-data"><label>List <input type="file" name="list"></label><button>Upload</button></form>`, step1: `<form method="post" action="/orders"><label>Name <input name="name"></label><input type="submit" value="Save"></form>`, fill: uploadsOnly(fillFile) + "  - click: {button: Upload}\n  - fill: {into: {label: Name}, value: Ada}\n", sent: "name=Ada"},
		"a script keeps it and sends it later":    {page: fileForm + `<script>let kept; const f = document.forms[0]; f.elements.list.onchange = () => { kept = f.elements.list.files[0]; f.elements.list.value = ''; document.body.insertAdjacentHTML('beforeend', '<p>list.csv</p>') }; f.onsubmit = (e) => { e.preventDefault(); const d = new FormData(f); d.delete('list'); d.append('files[]', kept); fetch('/orders', {method: 'POST', body: d}).then(() => document.body.innerHTML = '<p>Order saved</p>') }</script>`, sent: "files[]=list.csv:Nr;4711 name=Ada"},
		"a hidden field holds it as base64":       {page: strings.Replace(fileForm, "</form>", `<input type="hidden" name="data"></form>`, 1) + `<script>const f = document.forms[0]; f.elements.list.onchange = () => { const r = new FileReader(); r.onload = () => { f.elements.data.value = r.result; f.elements.list.value = ''; document.body.insertAdjacentHTML('beforeend', '<p>list.csv</p><p>Anew</p>') }; r.readAsDataURL(f.elements.list.files[0]) }</script>`, fill: fillFile + seeAnew, sent: "base64,TnI7NDcxMQ== list= name=Ada"},
		"a field that no form sends is only read": {page: `<label>List <input type="file" onchange="this.files[0].text().then((text) => { document.forms[0].elements.rows.value = text; document.body.append('Anew') })"></label><form method="post" action="/orders"><input type="hidden" name="rows"><input type="submit" value="Save"></form>`, fill: uploadsOnly(fillFile) + seeAnew, sent: "rows=Nr;4711"},
		"what is lost may be lost":                {page: chosenOnce(fileForm, emptied+`; document.body.insertAdjacentHTML('beforeend', '<p>Anew</p>')`), fill: uploadAny + seeAnew, sent: "list= name="},
		"what is not sent may stay":               {page: strings.Replace(fileForm, ` enctype="multipart/form-data"`, "", 1), fill: uploadAny, sent: "list=list.csv name="},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			runs <- struct{}{}
			defer func() { <-runs }()
			var mutex sync.Mutex
			var sent []string
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				switch {
				case r.URL.Path == "/orders":
					mutex.Lock()
					sent = append(sent, bodyOf(t, r))
					mutex.Unlock()
				case r.URL.Path == "/orders/stage":
					_, _ = io.Copy(io.Discard, r.Body)
				}
				page := map[string]string{"/orders/new": c.page, "/orders/step1": c.step1, "/orders": "<p>Order saved</p>"}[r.URL.Path]
				w.Header().Set("Content-Type", "text/html; charset=utf-8")
				_, _ = fmt.Fprintf(w, "<html><body>%s</body></html>", page)
			}))
			t.Cleanup(func() { server.CloseClientConnections(); server.Close() })
			robot := strings.Replace(fmt.Sprintf(honestRobot, either(c.fill, fillFile), "POST"), "click: {button: Save}", either(c.commit, "click: {button: Save}"), 1)
			_, err := NewRunner(pool, nil).Run(t.Context(), compileOrder(t, strings.Replace(orderSystem, "step: 15s, run: 60s", "step: 8s, run: 1m", 1)+"reads_by_post: ['*/orders/step1', '*/orders/stage']\n", robot), orderCallAt(server.URL, "k1", nil))
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

// large is more than a browser holds in the memory of one message.
var large = strings.Repeat("0123456789", 60_000)

const secondFile = "  - upload: {into: {label: List}, name: second.csv, text: \"2\"}\n"

// uploadsOnly are the steps that hand a file over.
func uploadsOnly(steps string) string { return steps[strings.Index(steps, "  - upload"):] }

// bodyOf is what a form was sent with, in the order of its names: values, and files with what they hold.
func bodyOf(t *testing.T, r *http.Request) string {
	t.Helper()
	var parts []string
	if strings.HasPrefix(r.Header.Get("Content-Type"), "multipart/") {
		require.NoError(t, r.ParseMultipartForm(1<<20))
		for name, files := range r.MultipartForm.File {
			for _, file := range files {
				body, err := file.Open()
				require.NoError(t, err)
				text, err := io.ReadAll(body)
				require.NoError(t, err)
				parts = append(parts, strings.TrimSuffix(fmt.Sprintf("%s=%s:%s", name, file.Filename, text), ":"))
			}
		}
	}
	require.NoError(t, r.ParseForm())
	for name, values := range r.PostForm {
		for _, value := range values {
			parts = append(parts, name+"="+value)
		}
	}
	slices.Sort(parts)
	return strings.Join(parts, " ")
}
