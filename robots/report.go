package robots

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"html"
	"html/template"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"crosswalk/contracts"
	"crosswalk/rules"
)

// requestRecord is a request of a page, without query and body, which may hold personal data.
type requestRecord struct {
	At      int64  `json:"at_ms"`
	Method  string `json:"method"`
	Address string `json:"address"`
	Kind    string `json:"kind,omitempty"`
	Stopped string `json:"stopped,omitempty"`
}

// mostRequests bounds what is kept of a page that never becomes quiet.
const mostRequests = 500

// request notes a request that came to the fence.
func (j *journal) request(method, address, kind, stopped string) {
	if j == nil {
		return
	}
	j.mutex.Lock()
	defer j.mutex.Unlock()
	if len(j.requests) < mostRequests {
		j.requests = append(j.requests, requestRecord{At: time.Since(j.began).Milliseconds(), Method: method, Address: withoutQuery(address), Kind: kind, Stopped: stopped})
	}
}

// reportData is what a report shows.
type reportData struct {
	Robot, System, Operation, Hash, Browser string
	Began                                   time.Time
	Took                                    int64
	Class, Message                          string
	Steps                                   []stepRecord
	Notes, Blocked                          []string
	Lost                                    []Lost
	Requests                                []requestRecord
	Pages                                   []Structure
	Pictures                                []reportPicture
}

// reportPicture is a picture of a report, at whose mark it is put when the texts around it hide what must not be seen: the
// letters by which its bytes are written are no text.
type reportPicture struct {
	Name, Mark string
}

// report is one page that needs nothing else: no script, no other file, no network.
var reportPage = template.Must(template.New("report").Parse(`<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{{.Robot}}: {{if .Class}}{{.Class}}{{else}}done{{end}}</title>
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; img-src data:; style-src 'unsafe-inline'">
<style>body{font:15px/1.4 system-ui,sans-serif;margin:2em auto;max-width:70em;padding:0 1em;color:#222}table{border-collapse:collapse;width:100%}td,th{border-bottom:1px solid #ddd;padding:.2em .5em;text-align:left;vertical-align:top}
th{background:#f4f4f4}img{max-width:100%;border:1px solid #ccc}.bad{color:#a00}h2{margin-top:1.6em}code{font-size:90%}</style></head><body>
<h1>{{.Robot}}</h1><p>{{.Operation}} in {{.System}}, {{.Began.Format "2006-01-02 15:04:05 UTC"}}, {{.Took}} ms.
{{if .Class}}<b class="bad">Ended as {{.Class}}.</b> {{.Message}}{{else}}<b>Done.</b>{{end}}</p>
<p><small>Files <code>{{.Hash}}</code>, {{.Browser}}</small></p>
<h2>Steps</h2><table><tr><th>At (ms)</th><th>Took</th><th>Step</th><th>Place in the file</th><th>Element</th><th></th></tr>
{{range .Steps}}<tr{{if .Failed}} class="bad"{{end}}><td>{{.At}}</td><td>{{.Took}}</td><td>{{.Step}}</td><td>{{.Place}}</td><td>{{.Element}}</td><td>{{.Failed}}</td></tr>{{end}}</table>
{{if .Notes}}<h2>Notes</h2><ul>{{range .Notes}}<li>{{.}}</li>{{end}}</ul>{{end}}
{{if .Lost}}<h2>Alternatives that found nothing</h2><ul>{{range .Lost}}<li>{{.Lost}} of {{.Target}}</li>{{end}}</ul>{{end}}
{{range .Pictures}}<h2>{{.Name}}</h2><img alt="{{.Name}}" src="{{.Mark}}">{{end}}
<h2>What the page is made of</h2>{{range .Pages}}<h3>{{if .Frame}}Frame {{.Frame}}: {{end}}{{.Path}} {{.Title}}</h3>
{{if .Headings}}<p>Headings: {{range $i, $h := .Headings}}{{if $i}} · {{end}}{{$h}}{{end}}</p>{{end}}
{{range .Forms}}<p>Form {{.Method}} {{.Action}}: {{range $i, $f := .Fields}}{{if $i}} · {{end}}{{$f.Name}} ({{$f.Type}}{{if $f.Label}}, {{$f.Label}}{{end}}){{end}}; buttons {{range $i, $b := .Buttons}}{{if $i}} · {{end}}{{$b}}{{end}}</p>{{end}}
{{range .Tables}}<p>Table: {{range $i, $h := .Headings}}{{if $i}} · {{end}}{{$h}}{{end}}</p>{{end}}
{{if .Links}}<p>Links: {{range $i, $l := .Links}}{{if $i}} · {{end}}{{$l}}{{end}}</p>{{end}}{{end}}
<h2>Requests</h2><table><tr><th>At (ms)</th><th>Request</th><th>Kind</th><th></th></tr>
{{range .Requests}}<tr{{if .Stopped}} class="bad"{{end}}><td>{{.At}}</td><td>{{.Method}} {{.Address}}</td><td>{{.Kind}}</td><td>{{if .Stopped}}stopped: {{.Stopped}}{{end}}</td></tr>{{end}}</table>
</body></html>
`))

// report writes the report of a run.
func (j *journal) report(p *Program, browser string, err error) (Evidence, error) {
	data := reportData{Robot: p.Robot.Name, System: p.System.Name, Operation: p.Operation.Name, Hash: p.Hash, Browser: browser,
		Began: j.began.UTC(), Took: time.Since(j.began).Milliseconds(), Steps: j.steps, Notes: j.notes, Blocked: j.blocked, Lost: j.lost, Requests: j.requests, Pages: j.pages}
	if err != nil {
		data.Class, data.Message = string(contracts.ClassOf(err)), err.Error()
	}
	for i, picture := range pictures(j.files) {
		data.Pictures = append(data.Pictures, reportPicture{Name: strings.TrimSuffix(picture.Name, ".jpg"), Mark: "#" + strconv.Itoa(i)})
	}
	var page bytes.Buffer
	if err := reportPage.Execute(&page, data); err != nil {
		return Evidence{}, err
	}
	return Evidence{Name: ReportName, MediaType: "text/html; charset=utf-8", Bytes: page.Bytes()}, nil
}

// ReportName is the name of the evidence that shows a run whole: one page that needs nothing else.
const ReportName = "report.html"

// pictures are those that the run has taken itself.
func pictures(files []Evidence) (found []Evidence) {
	for _, file := range files {
		if strings.HasPrefix(file.MediaType, "image/") && !strings.HasPrefix(file.Name, "download ") {
			found = append(found, file)
		}
	}
	return found
}

// evidence is what the run has to show, with what must not be seen hidden.
func (u *run) evidence(browser string, err error) []Evidence {
	all := u.journal.evidence(u.program, browser, err)
	taken := pictures(all)
	scrub(all, u.unseen())
	for i, one := range all {
		if one.Name != ReportName {
			continue
		}
		var page bytes.Buffer
		rest := one.Bytes
		for at, picture := range taken {
			before, after, _ := bytes.Cut(rest, []byte(`src="#`+strconv.Itoa(at)+`"`))
			page.Write(before)
			page.WriteString(`src="data:` + picture.MediaType + ";base64," + base64.StdEncoding.EncodeToString(picture.Bytes) + `"`)
			rest = after
		}
		page.Write(rest)
		all[i].Bytes = page.Bytes()
	}
	return all
}

// shortestSecret is the length from which a secret is looked for in texts: shorter ones are in every text.
const shortestSecret = 4

// written is how a text may stand in another one: as it is and as addresses, HTML, JSON and base64 write it.
func written(secret string) (forms []string) {
	quoted, _ := json.Marshal(secret) // a text
	query, ascii := url.QueryEscape(secret), strings.Trim(strconv.QuoteToASCII(secret), `"`)
	spaced := strings.ReplaceAll(query, "+", "%20") // as scripts write it
	forms = []string{secret, query, url.PathEscape(secret), spaced, url.QueryEscape(spaced), html.EscapeString(secret), template.HTMLEscapeString(secret),
		strings.Trim(string(quoted), `"`), strings.Trim(strconv.QuoteToGraphic(secret), `"`), ascii, strings.ReplaceAll(ascii, "/", `\/`)}
	for _, form := range forms[1:5] {
		forms = append(forms, percents.ReplaceAllStringFunc(form, strings.ToLower))
	}
	forms = append(forms, base64Forms(secret)...)
	slices.Sort(forms)
	return slices.DeleteFunc(slices.Compact(forms), func(form string) bool { return len(form) < shortestSecret })
}

var percents = regexp.MustCompile(`%[0-9A-F]{2}`)

// hider takes secrets, and what the robot file marks, out of texts, however they are written there. It is nil if there is
// nothing to hide.
func hider(hidden []string) *strings.Replacer {
	var pairs []string
	for _, secret := range hidden {
		if len(secret) < shortestSecret {
			continue
		}
		for _, form := range append([]string{secret}, written(secret)...) {
			pairs = append(pairs, form, "***", template.HTMLEscapeString(form), "***")
		}
	}
	if len(pairs) == 0 {
		return nil
	}
	return strings.NewReplacer(pairs...)
}

// scrub hides what must not be seen in all evidence that is text.
func scrub(evidence []Evidence, hidden []string) {
	hide := hider(hidden)
	if hide == nil {
		return
	}
	for i, one := range evidence {
		kind, _, _ := strings.Cut(one.MediaType, ";")
		if (kind == "text/html" || kind == "application/json") && !strings.HasPrefix(one.Name, "download ") {
			evidence[i].Bytes = []byte(hide.Replace(string(one.Bytes)))
		}
		evidence[i].Name = hide.Replace(one.Name)
	}
}

// veiled hides it in the message of an error.
func (u *run) veiled(err error) error {
	var known *contracts.Error
	hide := hider(u.unseen())
	if hide == nil || !errors.As(err, &known) {
		return err
	}
	veiled := *known
	veiled.Message, veiled.Ask = hide.Replace(known.Message), veiledValue(known.Ask, hide)
	return &veiled
}

// veiledValue hides it in all texts of a value but targets, which must stay what they are and never hold it.
func veiledValue(v rules.Value, hide *strings.Replacer) rules.Value {
	switch v.Kind() {
	case rules.KindText:
		return rules.Text(hide.Replace(v.Text()))
	case rules.KindList:
		var items []rules.Value
		for _, item := range v.Items() {
			items = append(items, veiledValue(item, hide))
		}
		return rules.List(items...)
	case rules.KindRecord:
		fields := map[string]rules.Value{}
		for _, key := range v.Keys() {
			if fields[key] = v.Get(key); key != "target" && key != "hash" {
				fields[key] = veiledValue(fields[key], hide)
			}
		}
		return rules.Record(fields)
	}
	return v
}

// base64Forms are how a text looks within base64, wherever it begins there.
func base64Forms(secret string) (forms []string) {
	for shift := range 3 {
		coded := base64.StdEncoding.EncodeToString([]byte(strings.Repeat("\x00", shift) + secret))
		from := (shift*8 + 5) / 6
		to := (shift + len(secret)) * 8 / 6 // what follows is mixed with other bits
		if to-from >= 6 {
			form := coded[from:to]
			forms = append(forms, form, strings.NewReplacer("+", "-", "/", "_").Replace(form))
		}
	}
	return forms
}

// hidden are the texts that no evidence may show.
func (u *run) hidden() []string {
	var texts []string
	for _, name := range u.system.Secrets {
		texts = append(texts, u.call.Secrets[name].Reveal())
	}
	return append(texts, u.marked...)
}

// unseen are those, and what the application keeps in the browser to be known again by. What a place is like is remembered
// without the latter, which are others each time.
func (u *run) unseen() []string { return append(u.hidden(), u.tokens...) }

// shot photographs the page as it is now, with everything hidden that must not be seen, and shows it again. Without
// the hiding there is no picture.
func (u *run) shot(ctx context.Context) []byte {
	if u.tab == nil || u.tab.ctx.Err() != nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), pictureTime)
	defer cancel()
	defer context.AfterFunc(u.tab.ctx, cancel)() // a run that is cancelled ends at once
	defer func() {
		// Also if the time for the picture is over: the page is worked on.
		ctx, cancel := context.WithTimeout(u.tab.ctx, pictureTime)
		defer cancel()
		for _, f := range u.tab.allFrames() {
			_ = u.tab.call(ctx, f, "unmask", nil, nil)
		}
	}()
	u.noteTokens(ctx)
	shot, err := u.maskedShot(ctx)
	if err != nil {
		return nil
	}
	return shot
}
