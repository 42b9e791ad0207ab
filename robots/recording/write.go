package recording

import (
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Files are the texts of a plan, by their path in a workspace.
func (p *Plan) Files() map[string][]byte {
	files := map[string][]byte{"robots/" + p.Name + ".yaml": []byte(p.robot(&writer{plan: p, lines: map[int]int{}}))}
	if !p.Extends {
		files["robots/"+p.System+".system.yaml"] = []byte(p.system(&writer{plan: p, lines: map[int]int{}}))
	}
	if p.Operation == nil {
		contract, _, _ := strings.Cut(p.OperationName, ".")
		files["contracts/"+contract+".yaml"] = []byte(p.contractFile(contract))
	}
	return files
}

// Driver is the line of crosswalk.yaml that puts the robot to use, with the secrets of a system file that is there already.
func (p *Plan) Driver(known []string) string {
	contract, _, _ := strings.Cut(p.OperationName, ".")
	names := slices.Clone(known)
	for _, secret := range p.Secrets {
		if !slices.Contains(names, secret.Name) {
			names = append(names, secret.Name)
		}
	}
	var secrets []string
	for _, name := range names {
		secrets = append(secrets, fmt.Sprintf("%s: 'env:%s_%s'", name, strings.ToUpper(snake(p.System)), strings.ToUpper(name)))
	}
	driver := "robot: " + p.System
	if u, err := url.Parse(p.Base); err == nil {
		driver += ", base_url: " + quote(u.String())
	}
	if len(secrets) > 0 {
		driver += ", secrets: {" + strings.Join(secrets, ", ") + "}"
	}
	return fmt.Sprintf("%s: {contract: %s, drivers: [{%s}]}", p.System, contract, driver)
}

type writer struct {
	strings.Builder
	plan  *Plan
	lines map[int]int // the line of each step of the recording
}

// StepAt is the number in the recording of the step that stands at a line of the robot or of the system file.
func (p *Plan) StepAt(system bool, line int) int {
	w := &writer{plan: p, lines: map[int]int{}}
	if system {
		p.system(w)
	} else {
		p.robot(w)
	}
	return w.lines[line]
}

func (w *writer) line(format string, args ...any) { fmt.Fprintf(&w.Builder, format+"\n", args...) }

func (w *writer) comment(indent, text string) {
	w.line("%s# %s", indent, strings.NewReplacer(openMark, "${", closeMark, "}").Replace(oneLine(text)))
}

func (p *Plan) robot(w *writer) string {
	w.comment("", "Recorded in a browser and imported. The places are named in several ways, which vote: those that find something")
	w.comment("", "must all find the same element.")
	for _, guess := range p.Guesses {
		w.comment("", "guess: "+guess)
	}
	w.line("robot: %s", quote(p.Name))
	w.line("title: %s", quote(p.Title))
	w.line("operation: %s", p.OperationName)
	w.line("system: %s", quote(p.System))
	switch {
	case p.Writes:
		w.line("prepare:")
		w.steps("  ", p.Steps, true)
		w.commit()
	default:
		w.line("find:")
		w.steps("  ", p.Steps, true)
		w.tables("  ")
	}
	w.output()
	return w.String()
}

func (p *Plan) system(w *writer) string {
	w.comment("", "The facts of one application that all its robots share. Written by an import: look through it once.")
	w.line("system: %s", quote(p.System))
	w.line("base: %s", quote(p.Base))
	if len(p.Hosts) > 0 {
		w.line("allow: [%s]", strings.Join(each(p.Hosts, quote), ", "))
	}
	if len(p.Searches) > 0 {
		w.comment("", "guess: these addresses are posted to and only search")
		w.line("reads_by_post: [%s]", strings.Join(each(p.Searches, p.SearchText), ", "))
	}
	w.formats()
	if len(p.Login) == 0 {
		return w.String()
	}
	w.line("session:")
	w.line("  secrets: [%s]", strings.Join(each(p.Secrets, func(i Input) string { return i.Name }), ", "))
	alive, note := p.alive()
	if note != "" {
		w.comment("  ", note)
	}
	if start := p.start(); start != "" {
		w.line("  start: %s", quote(start))
	}
	w.line("  alive: %s", alive)
	w.line("  login:")
	w.steps("    ", p.Login, false)
	return w.String()
}

// formats is how the application writes numbers and days.
func (w *writer) formats() {
	var known []string
	if numbers := w.plan.formats.Numbers; numbers != "" {
		known = append(known, "numbers: "+quote(numbers))
	}
	if w.plan.dates != "" {
		known = append(known, "dates: "+w.plan.dates)
	}
	if len(known) == 0 {
		w.comment("", "browser: {locale: de-DE, numbers: '1.234,56', dates: dd.MM.yyyy}   # how the application writes numbers and dates")
		return
	}
	w.comment("", "guess: this is how the application writes numbers and dates")
	w.line("browser: {%s}", strings.Join(known, ", "))
}

// alive is what only somebody who is logged in sees: the way out, or else the first thing used after the login.
func (p *Plan) alive() (target, note string) {
	if p.seen != nil && p.seen.Logout != nil {
		return place([]Target{*p.seen.Logout}, p.seen.LogoutFrame, ""), ""
	}
	for _, a := range append(slices.Clone(p.Steps), p.After...) {
		if len(a.Targets) > 0 {
			return place(a.Targets[:1], p.seen.frame(a), ""), "guess: this is seen only after the login; the link by which one logs out is better"
		}
	}
	if p.Commit != nil && len(p.Commit.Targets) > 0 {
		return place(p.Commit.Targets[:1], p.seen.frame(*p.Commit), ""), "guess: this is seen only after the login; the link by which one logs out is better"
	}
	return "{link: '/log ?out|sign ?out|abmelden/i'}", "guess: a link by which one logs out is seen after the login"
}

func (w *writer) steps(indent string, actions []Action, first bool) {
	wrote := false
	if start := w.plan.start(); first && start != "" && (len(actions) == 0 || actions[0].Kind != "goto") {
		w.line("%s- goto: %s", indent, quote(start))
		wrote = true
	}
	for _, a := range actions {
		wrote = w.step(indent, a) || wrote
	}
	if !wrote {
		w.line("%s- goto: /", indent)
	}
}

// start is the page on which the work began after the login, so that a kept login begins there too; empty if that is not
// known.
func (p *Plan) start() string {
	at := ""
	for _, a := range p.Login {
		if a.Arrives && a.ArrivesAt != "" {
			at = withoutQuery(a.ArrivesAt) // what stands behind it is often the session
		}
	}
	if at == "" {
		return ""
	}
	return p.path(at)
}

// path is an address within the application, without anything that was typed.
func (p *Plan) path(address string) string {
	u, err := url.Parse(address)
	if err != nil || address == "" {
		return "/"
	}
	query := u.Query()
	changed := false
	for name, values := range query {
		for _, value := range values {
			if value != "" && slices.Contains(p.recorded, value) || secretWords.MatchString(name) {
				query.Del(name)
				changed = true
			}
		}
	}
	path := either(u.EscapedPath(), "/")
	for _, value := range p.recorded {
		if len(value) >= 3 && strings.Contains(u.Path, value) {
			path, changed = "/", true
			query = nil
		}
	}
	if changed {
		u.RawQuery = query.Encode()
	}
	if u.RawQuery != "" {
		path += "?" + u.RawQuery
	}
	path = strings.ReplaceAll(path, "${", "$${")
	if base := u.Scheme + "://" + u.Host; u.Host != "" && base != p.Base {
		return base + path
	}
	return path
}

func (w *writer) step(indent string, a Action) bool {
	if a.Kind == "" {
		w.comment(indent, "not taken over: "+a.unsupportedNote)
		return false
	}
	for _, warning := range a.Warnings {
		w.comment(indent, fmt.Sprintf("step %d: %s", a.Step, warning))
	}
	voices, left := w.plan.seen.Voices(a)
	for _, t := range left {
		w.comment(indent, fmt.Sprintf("step %d: left out, as it fitted nothing or several elements: %s", a.Step, t.flow()))
	}
	frame := w.plan.seen.frame(a)
	if frame == "[0]" || strings.Contains(frame, "[") {
		w.comment(indent, fmt.Sprintf("step %d: the frame is named by its position only, as the recording does; better by its name", a.Step))
	}
	at := place(voices, frame, a.Window)
	seen := w.plan.seen.step(a.Step)
	w.lines[strings.Count(w.String(), "\n")+1] = a.Step
	switch kind := a.Kind; kind {
	case "goto":
		w.line("%s- goto: %s", indent, quote(w.plan.path(a.URL)))
	case "click", "dblclick":
		if kind == "click" && seen.Type == "checkbox" {
			kind = "check"
		}
		w.line("%s- %s: %s", indent, kind, at)
	case "check", "uncheck", "expect":
		w.line("%s- %s: %s", indent, kind, at)
	case "read":
		w.line("%s- read: {from: %s, as: %s}", indent, at, either(snake(a.Value), "value"))
	case "key":
		if len(voices) > 0 {
			w.line("%s- key: {press: %s, on: %s}", indent, a.Key, at)
		} else {
			w.line("%s- key: %s", indent, a.Key)
		}
	case "fill", "select":
		w.fill(indent, a, at, seen)
	}
	return true
}

func (w *writer) fill(indent string, a Action, at string, seen StepSeen) {
	kind, value := a.Kind, quote(strings.ReplaceAll(a.Value, "${", "$${"))
	if kind == "fill" {
		list, scope := w.plan.Inputs, "input"
		if a.Secret {
			list, scope = w.plan.Secrets, "secret"
		}
		value = "'${" + scope + "." + inputOf(list, a.Step) + "}'"
		if seen.Type == "select" {
			kind = "select"
		}
	}
	key := ""
	if a.Key != "" {
		key = ", key: " + a.Key
	}
	w.line("%s- %s: {into: %s, value: %s%s}", indent, kind, at, value, key)
}

func (w *writer) commit() {
	p, a := w.plan, *w.plan.Commit
	voices, _ := p.seen.Voices(a)
	at := place(voices, p.seen.frame(a), a.Window)
	w.line("commit:")
	w.lines[strings.Count(w.String(), "\n")+1] = a.Step
	switch {
	case (a.Kind == "key" || a.Key != "") && len(voices) == 0:
		w.line("  key: %s", either(a.Key, "Enter"))
	case a.Kind == "key" || a.Key != "":
		w.line("  key: {press: %s, on: %s}", either(a.Key, "Enter"), at)
	default:
		w.line("  click: %s", at)
	}
	to, sure := p.sentTo(a)
	switch {
	case to != "" && !sure:
		w.comment("  ", "guess: this is where the form goes in which something was typed last; name the address to which this step sends")
	case to == "":
		if to = p.pageOfCommit(); to != "" && !p.searches(to) {
			w.comment("  ", "guess: the form goes to the address of its own page; name the one to which this step sends")
			break
		}
		w.comment("  ", "the recording does not tell which request this sends, and it is stopped until its address stands here")
		to = "/name-the-address"
	}
	w.line("  effect: {method: POST, url: %s%s}", quote(to), p.effectForm(to))
	done, note := p.done()
	if note != "" {
		w.comment("  ", note)
	}
	w.line("  done: %s", done)
}

// sentTo is the address of the commit's form, or of the one that was filled in before it on the same page, as the commit itself
// is not carried out by a look. It is not sure if something was clicked in between.
func (p *Plan) sentTo(a Action) (to string, sure bool) {
	if to = p.seen.step(a.Step).FormPost; to != "" {
		return to, true
	}
	sure = true
	for i := len(p.Steps) - 1; i >= 0 && !p.Steps[i].Arrives; i-- {
		before := p.Steps[i]
		sure = sure && before.Kind != "click" && before.Kind != "dblclick" && before.Key != "Enter"
		if before.Frame != a.Frame || before.Window != a.Window {
			continue
		}
		if to = p.seen.step(before.Step).FormPost; to != "" && !p.searches(to) {
			return to, sure
		}
	}
	return "", false
}

// searches says whether all that is posted to an address only searches.
func (p *Plan) searches(address string) bool {
	return slices.Contains(p.Searches, Search{Address: address})
}

// SearchText is a form that only searches as a system file declares it: where the commit sends to the same address, without what
// the commit's own button adds.
func (p *Plan) SearchText(s Search) string {
	fields := []string{}
	if s.Field != "" {
		fields = append(fields, quote(s.Field)+": "+quote(s.Value))
	}
	if commit := p.commitSends(); commit.Field != "" && commit.Field != s.Field && p.seen.step(p.Commit.Step).FormPost == s.Address {
		fields = append(fields, quote(commit.Field)+": []")
	}
	if len(fields) == 0 {
		return quote(s.Address)
	}
	return "{url: " + quote(s.Address) + ", form: {" + strings.Join(fields, ", ") + "}}"
}

// commitSends is what the commit adds to its form.
func (p *Plan) commitSends() Sends {
	if p.Commit == nil {
		return Sends{}
	}
	return p.seen.step(p.Commit.Step).Sends
}

// effectForm tells the commit apart from searches that are sent to the same address.
func (p *Plan) effectForm(to string) string {
	own, fields := p.commitSends(), []string{}
	for _, s := range p.Searches {
		without := quote(s.Field) + ": []"
		if s.Field == "__EVENTTARGET" {
			without = quote(s.Field) + ": ''" // pages of WebForms always send it
		}
		switch {
		case s.Address != to:
		case own.Field != "":
			fields = []string{quote(own.Field) + ": " + quote(own.Value)}
		case s.Field != "" && !slices.Contains(fields, without):
			fields = append(fields, without)
		}
	}
	if len(fields) == 0 {
		return ""
	}
	return ", form: {" + strings.Join(fields, ", ") + "}"
}

// pageOfCommit is the path of the page on which the commit stands; empty if that is not known.
func (p *Plan) pageOfCommit() string {
	at := p.start()
	for _, a := range p.Steps {
		switch {
		case a.Window != "" || a.Frame != "":
		case a.Arrives:
			at = p.path(a.ArrivesAt)
		case a.Kind == "goto":
			at = p.path(a.URL)
		}
	}
	if at = withoutQuery(at); p.Commit.Window != "" || p.Commit.Frame != "" || at == "/" || strings.Contains(at, "$") {
		return ""
	}
	return at
}

// done is what was seen after the commit.
func (p *Plan) done() (target, note string) {
	for _, a := range p.After {
		if len(a.Targets) > 0 {
			voices, _ := p.seen.Voices(a)
			return place(voices, p.seen.frame(a), a.Window), fmt.Sprintf("guess: this was used or seen next (step %d); name what the page shows when it was accepted", a.Step)
		}
	}
	return "{text: /saved|done|success|created|booked|cancel+ed|thank|gespeichert|gebucht|angelegt|storniert|erfolgreich|danke/i}", "guess: the recording ends with the commit; name what the page shows when it was accepted"
}

func each[T any](list []T, text func(T) string) []string {
	texts := make([]string, len(list))
	for i, one := range list {
		texts[i] = text(one)
	}
	return texts
}

// place is a target in flow style: the only alternative, or all of them.
func place(targets []Target, frame, window string) string {
	var parts []string
	if window != "" {
		parts = append(parts, "window: "+quote(window))
	}
	if frame != "" {
		parts = append(parts, "frame: "+quote(frame))
	}
	switch {
	case len(targets) == 1:
		parts = append(parts, targets[0].fields())
	case len(targets) > 1:
		parts = append(parts, "any: ["+strings.Join(each(targets, Target.flow), ", ")+"]")
	}
	return "{" + strings.Join(parts, ", ") + "}"
}

func (t Target) flow() string { return "{" + t.fields() + "}" }

var looksLikePattern = regexp.MustCompile(`^/(.+)/([imsu]*)$`)

func (t Target) fields() string {
	switch t.Kind {
	case "role":
		return "role: " + quote(t.Text) + ", name: " + quote(matching(t.Name, false))
	case "css", "xpath":
		return t.Kind + ": " + quote(t.Text)
	}
	return t.Kind + ": " + quote(matching(t.Text, t.Pattern))
}

// matching writes a text so that it means itself: not an expression, and not a pattern.
func matching(text string, pattern bool) string {
	marked := strings.ContainsAny(text, openMark+closeMark)
	if pattern || looksLikePattern.MatchString(text) && !marked {
		if !pattern {
			text = "^" + regexp.QuoteMeta(text) + "$"
		}
		return "/" + strings.NewReplacer("${", "[$][{]", `\$\{`, `\$[{]`).Replace(text) + "/"
	}
	text = strings.ReplaceAll(text, "${", "$${")
	return strings.NewReplacer(openMark, "${", closeMark, "}").Replace(text)
}

var plainScalar = regexp.MustCompile(`^[A-Za-z/ÄÖÜäöü][A-Za-z0-9 _./ÄÖÜäöüß-]*$`)

// quote writes a text as a scalar of YAML, in flow style too.
func quote(text string) string {
	switch strings.ToLower(text) {
	case "", "true", "false", "null", "yes", "no", "on", "off", "y", "n", "nan":
		return "'" + text + "'"
	}
	if plainScalar.MatchString(text) && !strings.HasSuffix(text, " ") && !strings.Contains(text, "  ") {
		return text
	}
	if strings.ContainsFunc(text, func(r rune) bool { return !unicode.IsGraphic(r) || r == utf8.RuneError }) {
		return strconv.QuoteToASCII(text) // its escapes are those of YAML too
	}
	return "'" + strings.ReplaceAll(text, "'", "''") + "'"
}

// column is the name that a heading gets.
func (p *Plan) column(heading string, taken []string) string {
	name := either(snake(heading), "column")
	for _, field := range p.rowFields() {
		if snake(field.Name) == name || field.Type != nil && snake(field.Type.Title) == name {
			name = field.Name
		}
	}
	unique := name
	for n := 2; slices.Contains(taken, unique); n++ {
		unique = fmt.Sprintf("%s%d", name, n)
	}
	return unique
}

func (p *Plan) hasTable() bool { return !p.Writes && p.seen != nil && len(p.seen.Tables) > 0 }

// reads are the names that the recording itself reads (store of Selenium), or those of the values on its last page.
func (p *Plan) reads() (names []string) {
	for _, a := range p.Steps {
		if name := either(snake(a.Value), "value"); a.Kind == "read" && !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	for _, label := range p.labels() {
		names = append(names, p.column(label.Text, names))
	}
	return names
}

// labels are those of the last page, of a recording that reads nothing and ends without a list.
func (p *Plan) labels() []Label {
	if p.Writes || p.seen == nil || p.hasTable() || slices.ContainsFunc(p.Steps, func(a Action) bool { return a.Kind == "read" }) {
		return nil
	}
	return p.valuesShown()
}

// valuesShown are the labels of the last page beside which values stand.
func (p *Plan) valuesShown() []Label {
	return slices.DeleteFunc(slices.Clone(p.seen.Labels), func(label Label) bool { // what was typed is no name
		return slices.ContainsFunc(p.recorded, func(typed string) bool { return strings.Contains(label.Text, typed) })
	})
}

func escapeQuery(text string) string { return url.QueryEscape(text) }
func escapePath(text string) string  { return url.PathEscape(text) }
