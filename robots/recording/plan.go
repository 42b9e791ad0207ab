package recording

import (
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"crosswalk/contracts"
)

// Question is a decision that a person takes; Guess is the answer that is taken if nobody is asked.
type Question struct {
	Text    string
	Answers []string
	Guess   int
}

// Options say what a robot is made for.
type Options struct {
	Name      string               // of the robot; empty: made of the title
	System    string               // of the application; empty: made of the host
	Operation *contracts.Operation // nil: an operation of its own is made
	Extends   bool                 // there is a file of the application already: it stays as it is
	Formats   Formats              // of that file
	// LoginPath is where the log-in of that file begins, and LoginFields are the ways in which it names the fields there, as label "Name".
	LoginPath   string
	LoginFields [][]string
	// Ask asks a person; nil takes the guesses.
	Ask func(Question) (int, error)
	// Seen is what a look at the pages has shown; nil without one.
	Seen *Seen
}

// Plan is a recording with every decision taken, ready to be written.
type Plan struct {
	Name, Title, System, Base string
	Operation                 *contracts.Operation
	OperationName             string // orders.get_order
	Writes                    bool
	Hosts                     []string // beside that of Base
	Login, Steps              []Action
	Commit                    *Action
	After                     []Action // what was recorded after the commit
	Inputs                    []Input
	Secrets                   []Input
	Searches                  []Search
	Extends                   bool
	Guesses                   []string
	Warnings                  []string
	Noise                     int
	Unsupported               []Unsupported
	seen                      *Seen
	recorded                  []string // everything that was typed
	formats                   Formats
	dates                     string // the pattern of the days that were found, for the system file
}

// Input is a name for what was typed in some steps.
type Input struct {
	Name  string
	Label string
	Type  string // date or money, by how it looks
	Steps []int
	value string
}

// NewPlan decides what the parts of a recording become, asking where it cannot know.
func NewPlan(r *Recording, o Options) (*Plan, error) {
	p := &Plan{Title: r.Title, Operation: o.Operation, Extends: o.Extends, Noise: r.Noise, Unsupported: r.Unsupported, seen: o.Seen}
	if len(r.Others) > 0 {
		p.Warnings = append(p.Warnings, fmt.Sprintf("the file holds %d more test(s), which are not read: %s; name one with --test", len(r.Others), strings.Join(r.Others[:min(len(r.Others), 10)], ", ")))
	}
	actions := slices.Clone(r.Actions)
	if err := p.address(actions, o); err != nil {
		return nil, err
	}
	if p.Name = o.Name; p.Name == "" {
		p.Name = either(kebab(r.Title), "recorded")
		if !strings.HasPrefix(p.Name, p.System) {
			p.Name = p.System + "-" + p.Name
		}
		p.guess("the robot is called %s, after the title of the recording: --name gives another name", p.Name)
	}
	p.Name = p.notSystem(p.Name)
	for i := range actions {
		actions[i].Secret = actions[i].Secret || o.Seen.password(actions[i].Step)
		o.Seen.named(&actions[i])
	}
	p.knownLogin(actions, o)
	p.login(actions)
	if err := p.commit(o); err != nil {
		return nil, err
	}
	p.contract(o)
	p.inputs()
	p.types(o)
	for _, a := range actions {
		if a.Kind == "fill" && a.Value != "" {
			p.recorded = append(p.recorded, a.Value)
		}
	}
	p.literals()
	return p, nil
}

func (p *Plan) guess(format string, args ...any) {
	p.Guesses = append(p.Guesses, fmt.Sprintf(format, args...))
}

// ask takes a person's answer, or the guess and notes it.
func (p *Plan) ask(o Options, q Question, note string) (int, error) {
	if o.Ask == nil {
		p.guess("%s", note)
		return q.Guess, nil
	}
	return o.Ask(q)
}

// address finds the application: the host of the first page.
func (p *Plan) address(actions []Action, o Options) error {
	for _, a := range actions {
		if a.Kind != "goto" {
			continue
		}
		u, err := url.Parse(a.URL)
		if err != nil || u.Scheme != "http" && u.Scheme != "https" || !hostForm.MatchString(u.Host) {
			return fmt.Errorf("step %d opens %s: robots open http and https addresses only", a.Step, strconv.Quote(oneLine(withoutQuery(a.URL))))
		}
		base := u.Scheme + "://" + u.Host
		switch {
		case p.Base == "":
			p.Base = base
		case base != p.Base && !slices.Contains(p.Hosts, u.Host):
			p.Hosts = append(p.Hosts, u.Host)
			p.guess("step %d opens another host, %s: it stands in allow: of the system file", a.Step, u.Host)
		}
	}
	if p.Base == "" {
		return fmt.Errorf("the recording opens no page: record from the address of the application on")
	}
	if p.System = o.System; p.System == "" {
		u, _ := url.Parse(p.Base) // it was read above
		host := u.Hostname()
		name, _, _ := strings.Cut(strings.TrimPrefix(host, "www."), ".")
		if p.System = kebab(name); p.System == "" || !unicode.IsLetter(rune(p.System[0])) || host == "localhost" {
			p.System = "application"
		}
		p.guess("the application is called %s, after its host: --system gives another name", p.System)
	}
	return nil
}

var hostForm = regexp.MustCompile(`^(?:[\pL\pN._-]+|\[[0-9A-Fa-f:.]+\])(?::[0-9]+)?$`)

func (p *Plan) notSystem(name string) string {
	if name == p.System {
		return name + "-robot"
	}
	return name
}

// knownLogin marks what was typed first of all, on the page where the log-in begins, into the very fields that the file of the
// application logs in by: who is logged in already does not see them, and so no look tells what they are.
func (p *Plan) knownLogin(actions []Action, o Options) {
	var typed []*Action
	for i := range actions {
		a := &actions[i]
		switch {
		case len(typed) == len(o.LoginFields):
		case a.Kind == "goto" && p.path(withoutQuery(a.URL)) == withoutQuery(o.LoginPath):
		case a.Kind == "fill" && slices.ContainsFunc(a.Targets, func(t Target) bool {
			return slices.Contains(o.LoginFields[len(typed)], t.Kind+" "+strconv.Quote(t.Text))
		}):
			typed = append(typed, a)
		case a.Kind != "click" || a.Arrives: // a field is clicked before it is typed into
			return
		}
	}
	if len(typed) < len(o.LoginFields) {
		return
	}
	for _, a := range typed {
		a.Secret = true
	}
}

// login takes the steps up to the sending of the last password for the login of all robots.
func (p *Plan) login(actions []Action) {
	end := 0
	for i, a := range actions {
		if a.Kind == "fill" && a.Secret {
			for end = i + 1; end < len(actions) && a.Key == ""; end++ {
				if k := actions[end].Kind; k == "click" || k == "key" {
					end++
					break
				}
			}
		}
	}
	p.Login, p.Steps = actions[:end], actions[end:]
	for i := range p.Login {
		if p.Login[i].Kind == "fill" {
			p.Login[i].Secret = true // who logs in is as little in the file as with what
		}
	}
	if end > 0 {
		p.guess("steps %d to %d are the login, kept in the system file for all its robots", p.Login[0].Step, p.Login[end-1].Step)
	}
}

var (
	commitWords = regexp.MustCompile(`(?i)\b(save|submit|create|add|book|post|send|order|pay|delete|remove|update|confirm|approve|cancel|release|finish|sign|speichern|buchen|anlegen|absenden|senden|bestell(?:en|e|t)|bestätig(?:en|e|t)|stornier\w*|abschicken|abschließen|löschen|erfassen|freigeben|übernehmen|ändern|enregistrer|valider|envoyer|créer|guardar|enviar|crear|confirmar|salva|invia|opslaan)\b`)
	searchWords = regexp.MustCompile(`(?i)\b(such\w*|search|find|filter|show|anzeig\w*|list\w*|query|go|look\s?up|cherch\w*|recherch\w*|busca\w*|cerca|zoek\w*|next|weiter|continue|update list)\b`)
)

// sends are the steps that may send a form.
func (p *Plan) sends() []int {
	var at []int
	for i, a := range p.Steps {
		if a.Kind == "click" || a.Kind == "dblclick" || a.Key == "Enter" {
			at = append(at, i)
		}
	}
	return at
}

// commit asks which step changes something in the application.
func (p *Plan) commit(o Options) error {
	if o.Operation != nil && o.Operation.Effect == contracts.Read {
		return nil
	}
	at := p.sends()
	guess := -1
	for n, i := range at {
		if a := &p.Steps[i]; commitWords.MatchString(a.says()) && !searchWords.MatchString(a.reads()) {
			guess = n
		}
	}
	if guess >= 0 { // what leads to a form says what the form does: the form is what is filled in and sent afterwards
		guess = p.sender(at, guess)
	}
	if guess < 0 && o.Operation != nil && len(at) > 0 {
		guess = len(at) - 1
	}
	q := Question{Text: "Which step changes something in the application? It is done once only, and never again by itself."}
	for _, i := range at {
		q.Answers = append(q.Answers, fmt.Sprintf("step %d: %s", p.Steps[i].Step, p.Steps[i].describe()))
	}
	if o.Operation == nil {
		q.Answers = append(q.Answers, "none: it only reads")
		if guess < 0 {
			guess = len(at)
		}
	}
	if len(at) == 0 && o.Operation != nil {
		return fmt.Errorf("%s changes something, and the recording clicks nowhere after the login", o.Operation.Name)
	}
	q.Guess = guess
	note := "no step changes anything: the robot only reads"
	if guess < len(at) {
		note = fmt.Sprintf("the step that changes something is step %d", p.Steps[at[guess]].Step) // its name may hold what was typed
	}
	chosen, err := p.ask(o, q, note)
	if err != nil {
		return err
	}
	if chosen < 0 || chosen >= len(at) {
		return nil
	}
	i := at[chosen]
	commit := p.Steps[i]
	p.Commit, p.Writes = &commit, true
	p.Steps, p.After = p.Steps[:i:i], p.Steps[i+1:]
	if commit.Kind == "fill" { // what is typed stays a preparation, and only the key commits
		typed := commit
		typed.Key, typed.Arrives = "", false
		p.Steps = append(p.Steps, typed)
		p.Commit.Kind = "key"
	}
	return nil
}

// sender is which of the sends commits what the one that was guessed speaks of: the last that follows something filled in, up
// to the one after which a page came. What is done on that page is another matter, such as looking at the result.
func (p *Plan) sender(at []int, guess int) int {
	filled := func(from, to int) bool {
		return slices.ContainsFunc(p.Steps[from:to], func(a Action) bool { return a.Kind == "fill" || a.Kind == "select" || a.Kind == "check" })
	}
	page := at[guess] // where its page begins
	for page > 0 && !p.Steps[page-1].Arrives {
		page--
	}
	if p.Steps[at[guess]].Arrives && filled(page, at[guess]+1) {
		return guess
	}
	from := at[guess]
	for n := guess + 1; n < len(at); n++ {
		if !filled(from, at[n]+1) || searchWords.MatchString(p.Steps[at[n]].reads()) {
			continue
		}
		if guess, from = n, at[n]+1; p.Steps[at[n]].Arrives {
			break
		}
	}
	return guess
}

// contract names the operation, and makes one if there is none.
func (p *Plan) contract(o Options) {
	if o.Operation != nil {
		p.OperationName = o.Operation.Name
		return
	}
	contract, short := strings.ReplaceAll(p.System, "-", "_"), snake(strings.TrimPrefix(p.Name, p.System+"-"))
	if p.OperationName = short; short == "" {
		p.OperationName = "look"
	}
	if len(p.OperationName) > 39 {
		p.OperationName = strings.TrimRight(p.OperationName[:39], "_")
	}
	p.OperationName = contract + "." + p.OperationName
	p.guess("the operation is %s, in a contract of its own: --operation names one that there is", p.OperationName)
}

// inputs names what was typed.
func (p *Plan) inputs() {
	for i := range p.Login {
		if a := &p.Login[i]; a.Kind == "fill" {
			p.name(&p.Secrets, a, p.secretName(a))
		}
	}
	for _, list := range [][]Action{p.Steps, p.After} {
		for i := range list {
			a := &list[i]
			switch {
			case a.Kind != "fill":
			case a.Secret:
				p.name(&p.Secrets, a, either(snake(a.label()), "secret"))
			default:
				p.name(&p.Inputs, a, p.inputName(a))
			}
		}
	}
}

func (p *Plan) secretName(a *Action) string {
	if secretField(a.Targets) || p.seen.password(a.Step) {
		return "password"
	}
	if !slices.ContainsFunc(p.Secrets, func(i Input) bool { return i.Name == "user" }) {
		return "user"
	}
	return either(snake(a.label()), "secret")
}

// inputName finds the field of the operation that is meant, or makes a name of the label.
func (p *Plan) inputName(a *Action) string {
	name := either(snake(a.label()), "value")
	if p.Operation == nil || p.Operation.Input == nil {
		return name
	}
	var free []string
	for _, field := range p.Operation.Input.Fields {
		if snake(field.Name) == name || field.Type != nil && snake(field.Type.Title) == name {
			return field.Name
		}
		if !slices.ContainsFunc(p.Inputs, func(i Input) bool { return i.Name == field.Name }) {
			free = append(free, field.Name)
		}
	}
	for _, field := range free {
		if strings.Contains(field, name) || strings.Contains(name, field) {
			return field
		}
	}
	if len(free) == 1 {
		p.guess("what is typed in step %d is the operation's input %s", a.Step, free[0])
		return free[0]
	}
	return name
}

// name gives what was typed a name; the same text under the same label is the same input, but in another row of a list.
func (p *Plan) name(list *[]Input, a *Action, name string) {
	for i, known := range *list {
		if known.value == a.Value && known.Label == a.label() && a.column == "" {
			(*list)[i].Steps = append(known.Steps, a.Step)
			return
		}
	}
	unique := name
	for n := 2; slices.ContainsFunc(*list, func(i Input) bool { return i.Name == unique }); n++ {
		unique = name + strconv.Itoa(n)
	}
	*list = append(*list, Input{Name: unique, Label: a.label(), Steps: []int{a.Step}, value: a.Value})
}

// inputOf is the name of what a step types.
func inputOf(list []Input, step int) string {
	for _, input := range list {
		if slices.Contains(input.Steps, step) {
			return input.Name
		}
	}
	return ""
}

// Values are what was typed in the recording, by the names of inputs and secrets, for one look at the pages.
func (p *Plan) Values() (inputs, secrets map[string]string) {
	inputs, secrets = map[string]string{}, map[string]string{}
	for _, input := range p.Inputs {
		inputs[input.Name] = input.value
	}
	for _, secret := range p.Secrets {
		secrets[secret.Name] = secret.value
	}
	return inputs, secrets
}

func withoutQuery(address string) string {
	address, _, _ = strings.Cut(address, "?")
	return address
}

var notWord = regexp.MustCompile(`[^a-z0-9]+`)

var plainLetters = strings.NewReplacer("ä", "ae", "ö", "oe", "ü", "ue", "ß", "ss", "é", "e", "è", "e", "ê", "e", "á", "a", "à", "a", "â", "a",
	"ç", "c", "í", "i", "î", "i", "ñ", "n", "ó", "o", "ô", "o", "ú", "u", "û", "u", "å", "a", "ø", "o", "æ", "ae")

func words(text, between string) string {
	text = notWord.ReplaceAllString(plainLetters.Replace(strings.ToLower(text)), between)
	text = strings.Trim(text, between)
	if len(text) > 40 {
		text = strings.Trim(text[:40], between)
	}
	return text
}

func kebab(text string) string { return words(text, "-") }

// snake makes a name for expressions, which begins with a letter.
func snake(text string) string {
	text = words(text, "_")
	if text != "" && (text[0] < 'a' || text[0] > 'z') {
		text = "n_" + text
	}
	return text
}

// label is the best name that a person would know the element by.
func (a *Action) label() string {
	if a.column != "" {
		return a.column
	}
	for _, t := range a.Targets {
		switch t.Kind {
		case "field":
			return t.Text[strings.LastIndexAny(t.Text, builtNames)+1:]
		case "label", "button", "link", "text":
			return t.Text
		case "role":
			return either(t.Name, t.Text)
		}
	}
	for _, t := range a.Targets {
		if id, found := strings.CutPrefix(t.Text, "#"); found && t.Kind == "css" && plainID.MatchString(id) {
			return id
		}
	}
	return ""
}

func (a *Action) says() string {
	var all []string
	for _, t := range a.Targets {
		all = append(all, t.Text, t.Name)
	}
	return notLetter.ReplaceAllString(strings.Join(all, " "), " ")
}

// reads is what a person reads on the element; the rest, such as a path in the page, says nothing about what it does.
func (a *Action) reads() string {
	seen := Action{Targets: slices.DeleteFunc(slices.Clone(a.Targets), func(t Target) bool {
		return !slices.Contains([]string{"button", "link", "label", "text", "role"}, t.Kind)
	})}
	return seen.says()
}

// searches are forms that only look for something, by the words on what sends them.
var searches = regexp.MustCompile(`(?i)\b(such\w*|search|find|filter|show|anzeig\w*|list\w*|query|look\s?up|cherch\w*|recherch\w*|busca\w*|cerca|zoek\w*)\b`)

// Searches says that what a person reads on the element speaks of a search, and nothing of a change.
func (a *Action) Searches() bool {
	says := strings.ReplaceAll(a.says(), "type submit", "") // so is every button of a form
	return searches.MatchString(a.reads()) && !commitWords.MatchString(says)
}

var notLetter = regexp.MustCompile(`[^\p{L}]+`)

func (a *Action) describe() string {
	what := a.Kind
	if a.Key != "" {
		what = "press " + a.Key
	}
	if len(a.Targets) == 0 {
		return what
	}
	t := a.Targets[0]
	return fmt.Sprintf("%s %s %q", what, t.Kind, either(t.Name, t.Text))
}
