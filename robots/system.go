package robots

import (
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/text/language"

	"crosswalk/contracts"
	"crosswalk/rules"
	"crosswalk/source"
)

// System is the facts of one web application that all its robots share, from a *.system.yaml file.
type System struct {
	Name    string
	Title   string
	Base    string   // the address that paths are relative to
	Allow   []string // hosts beside that of Base; crosswalk.yaml may narrow them
	Secrets []string // the names of the secrets that the login needs
	Kind    Kind
	File    string
	Text    []byte

	searches      []requestRule
	getWrite      bool
	readsByGet    []requestRule
	width, height int
	locale        string
	timezone      string
	formats       formats
	stepTime      time.Duration
	runTime       time.Duration
	sessions      int // per credential
	perMinute     int // runs that may begin; 0 is any number
	stopAfter     int // failures in a row; 0 is never
	hours         *hours
	hoursText     string
	session       *session
	errors        []errorRule
	dialogs       dialogRules
	signs         []sign
	secrets       *rules.Type
	places        map[string]int // where steps begin, for compilers
}

// Searches are the addresses that may be posted to because they only search, whatever is sent there.
func (s *System) Searches() (addresses []string) {
	for _, rule := range s.searches {
		if len(rule.form) == 0 {
			addresses = append(addresses, rule.url)
		}
	}
	return addresses
}

// Formats are how the application writes numbers, as a sample, and days, as layouts.
func (s *System) Formats() (numbers string, dates []string) {
	return s.formats.sample(), s.formats.dates
}

// LoginForm is where the log-in begins, and the ways in which the fields of its page are named, as label "Name".
func (s *System) LoginForm() (path string, fields [][]string) {
	if s.session == nil {
		return "", nil
	}
	for _, step := range s.session.login {
		if step.kind == "goto" && path == "" {
			path = step.url.constant
		}
	}
	for _, field := range s.session.fields {
		names := []string{field.shown}
		for _, one := range field.any {
			names = append(names, one.shown)
		}
		fields = append(fields, names)
	}
	return path, fields
}

// ReadsByPost says whether the file declares that something which is posted to an address only searches.
func (s *System) ReadsByPost(address string) bool {
	return slices.ContainsFunc(s.searches, func(rule requestRule) bool { return rule.url == address })
}

// session says how the application is logged in to and how one sees that.
type session struct {
	start       string
	alive, lost *target
	form        *target   // the first field of the login
	fields      []*target // those that are filled in on its page
	maxAge      time.Duration
	login       []step
}

// errorRule recognises a page on which the application itself says what is wrong.
type errorRule struct {
	seen       *target
	when       *rules.Expression
	dialog     *regexp.Regexp
	class      contracts.Class
	message    string
	read       *target
	retryAfter time.Duration
}

type dialogRules struct {
	byDefault       string // fail, accept, dismiss
	accept, dismiss []*regexp.Regexp
}

// ParseSystem reads a system file and returns all its problems.
func ParseSystem(file string, text []byte) (*System, source.Problems) {
	doc := source.Parse(file, text)
	s := &System{File: file, Text: text, places: map[string]int{}}
	fields := doc.Root.Fields(systemShape)
	s.Name, s.Title = checkedName(doc.Root.Required("system", "name the system")), fields["title"].Text()
	s.Base = parseBase(doc.Root.Required("base", "give the address of the application; crosswalk.yaml may override it"))
	s.Allow, s.searches = fields["allow"].Texts(), parseRequestRules(fields["reads_by_post"], "POST")
	for _, n := range oneOrMore(fields["allow"]) {
		checkHost(n)
	}
	s.getWrite, s.readsByGet = fields["get_may_write"].Bool(), parseRequestRules(fields["reads_by_get"], "")
	if len(s.readsByGet) > 0 && !s.getWrite {
		fields["reads_by_get"].Errorf("add get_may_write: true, or leave it out", "every GET passes as it is")
	}
	s.browser(fields["browser"])
	s.limits(fields["limits"])
	s.parseSession(fields["session"])
	s.parseSigns(fields["interrupts"], fields["human"])
	c := &compiler{system: s, env: rules.NewEnvironment(nil), secretScope: s.secrets, places: s.places}
	for _, n := range fields["errors"].List() {
		s.errors = append(s.errors, c.errorRule(n))
	}
	s.parseDialogs(fields["dialogs"])
	return s, doc.Problems()
}

func (s *System) browser(n *source.Node) {
	fields := n.Fields(browserShape)
	s.Kind = Kind(fields["kind"].OneOf(string(Shell), string(Full)))
	if s.Kind == "" {
		s.Kind = Shell
	}
	s.width, s.height = 1280, 900
	if viewport := fields["viewport"]; viewport.Exists() {
		width, height, _ := strings.Cut(viewport.Text(), "x")
		w, errWidth := strconv.Atoi(width)
		h, errHeight := strconv.Atoi(height)
		if errWidth != nil || errHeight != nil || w < 100 || h < 100 || w > 4000 || h > 4000 {
			viewport.Errorf("write for example 1280x900", "%q is not a size", viewport.Text())
		} else {
			s.width, s.height = w, h
		}
	}
	s.locale, s.timezone = fields["locale"].Text(), fields["timezone"].Text()
	if s.locale != "" {
		if _, err := language.Parse(s.locale); err != nil {
			fields["locale"].Errorf("write for example de-DE", "%q is not a language", s.locale)
		}
	}
	if s.timezone != "" {
		if _, err := time.LoadLocation(s.timezone); err != nil || s.timezone == "Local" {
			fields["timezone"].Errorf("write for example Europe/Berlin", "%q is not a time zone", s.timezone)
		}
	}
	s.formats.parseNumbers(fields["numbers"])
	s.formats.parseDates(fields["dates"])
}

func (s *System) limits(n *source.Node) {
	fields := n.Fields(limitsShape)
	fields["sessions"].Errorf("per_credential bounds the sessions of an account", "sessions is not available yet")
	s.perMinute, s.stopAfter = atLeastOne(fields["per_minute"]), atLeastOne(fields["stop_after_failures"])
	if open := fields["hours"]; open.Exists() {
		var err error
		if s.hours, err = parseHours(open.Text()); err != nil {
			open.Errorf("write for example Mon-Fri 06:00-20:00 Europe/Berlin", "%s", err)
		}
		s.hoursText = open.Text()
	}
	s.stepTime, s.runTime, s.sessions = 10*time.Second, 2*time.Minute, 1
	if run := fields["run"]; run.Exists() {
		if s.runTime = span(run); s.runTime > longestRun {
			run.Errorf("write at most 24h", "a run of %s holds a browser and the account all the time", textOf(run))
		}
	}
	if step := fields["step"]; step.Exists() {
		if s.stepTime = span(step); s.stepTime > s.runTime && s.runTime > 0 {
			step.Warnf("give run more time, or the step less", "a step of %s does not end within a run of %s", rules.Duration(s.stepTime), rules.Duration(s.runTime))
		}
	}
	if sessions := fields["per_credential"]; sessions.Exists() {
		s.sessions = bounded(sessions, 1, 1000)
	}
}

// oneOrMore are the items of a list, or the one value in its place.
func oneOrMore(n *source.Node) []*source.Node {
	if n.Kind() == source.Scalar {
		return []*source.Node{n}
	}
	if n.Kind() != source.List {
		return nil
	}
	return n.List()
}

func atLeastOne(n *source.Node) int {
	if !n.Exists() {
		return 0
	}
	number := n.Int()
	if _, err := strconv.Atoi(textOf(n)); err == nil && number < 1 {
		n.Errorf("leave it out if there is no limit", "at least 1 is needed")
	}
	return number
}

func (s *System) parseSession(n *source.Node) {
	if !n.Exists() {
		return
	}
	fields := n.Fields(sessionShape)
	s.Secrets = fields["secrets"].Texts()
	secrets := make([]rules.Field, 0, len(s.Secrets))
	for i, n := range oneOrMore(fields["secrets"]) {
		switch name := n.Text(); {
		case n.Kind() == source.Scalar && !secretName.MatchString(name):
			n.Errorf("use letters, digits and _", "%q is not a name that ${secret.…} can read", name)
		case slices.Contains(s.Secrets[:i], name):
			n.Errorf("remove one of them", "%q is there twice", name)
		}
	}
	for _, name := range s.Secrets {
		secrets = append(secrets, rules.Field{Name: name, Type: rules.TypeOf(rules.KindText), Required: true})
	}
	s.secrets = rules.RecordType(secrets...)
	c := &compiler{system: s, env: rules.NewEnvironment(nil), secretScope: s.secrets, login: true, places: s.places}
	s.session = &session{
		start: "/", maxAge: 30 * time.Minute, lost: c.telling(fields["lost"]),
		alive: c.telling(n.Required("alive", "name something that only somebody who is logged in sees")),
		login: c.steps(n.Required("login", "give the steps that log in")),
	}
	if start := fields["start"]; start.Exists() {
		s.session.start = start.Text()
		c.checkOpened(start, words{constant: s.session.start})
	}
	if age := fields["max_age"]; age.Exists() {
		s.session.maxAge = age.Duration()
	}
	for _, step := range s.session.login {
		if step.fill != nil {
			s.session.fields = append(s.session.fields, step.target)
		} else if len(s.session.fields) > 0 {
			break
		}
	}
	if len(s.session.fields) > 0 {
		s.session.form = s.session.fields[0]
	}
	if s.session.form == nil {
		n.Get("login").Errorf("fill in the user and the password", "the login fills in nothing")
	}
}

func (c *compiler) errorRule(n *source.Node) errorRule {
	fields := n.Fields(errorShape)
	rule := errorRule{seen: c.telling(fields["seen"]), read: c.compileTarget(fields["read"]), message: fields["message"].Text(),
		retryAfter: fields["retry_after"].Duration(), class: c.class(n.Required("class", "say what kind of error this is"))}
	fields["code"].Errorf("", "code is not available yet")
	if when := fields["when"]; when.Exists() {
		response := rules.RecordType(rules.Field{Name: "status", Type: rules.TypeOf(rules.KindNumber), Required: true},
			rules.Field{Name: "url", Type: rules.TypeOf(rules.KindText), Required: true})
		rule.when = rules.CompileNode(when, rules.NewEnvironment(nil).With("response", response), rules.TypeOf(rules.KindBool), rules.Options{})
	}
	if dialog := fields["dialog"]; dialog.Exists() {
		rule.dialog = pattern(dialog)
	}
	if rule.seen == nil && rule.when == nil && rule.dialog == nil {
		n.Errorf("add seen: with a target, when: with a condition on response.status, or dialog: with a pattern", "this does not say how the error is recognised")
	}
	return rule
}

func (c *compiler) class(n *source.Node) contracts.Class {
	class := contracts.Class(n.OneOf(contracts.ClassNames()...))
	if class == contracts.OutcomeUnknown || class == contracts.Internal {
		n.Errorf("choose what the case is to make of it, as unavailable or validation", "a page cannot say %s", class)
	}
	return class
}

func (s *System) parseDialogs(n *source.Node) {
	fields := n.Fields(dialogsShape)
	s.dialogs.byDefault = "fail"
	if def := fields["default"]; def.Exists() {
		s.dialogs.byDefault = def.OneOf("fail", "accept", "dismiss")
	}
	for _, item := range fields["accept"].List() {
		s.dialogs.accept = append(s.dialogs.accept, pattern(item))
	}
	for _, item := range fields["dismiss"].List() {
		s.dialogs.dismiss = append(s.dialogs.dismiss, pattern(item))
	}
}

// pattern reads an exact text or /a regular expression/i for texts that Go compares.
func pattern(n *source.Node) *regexp.Regexp {
	text := "^" + regexp.QuoteMeta(n.Text()) + "$"
	if m := regexForm.FindStringSubmatch(n.Text()); m != nil {
		text = m[1]
		if m[2] != "" {
			text = "(?" + strings.ReplaceAll(m[2], "u", "") + ")" + text
		}
	}
	compiled, err := regexp.Compile(text)
	if err != nil {
		n.Errorf("put \\ before signs that stand for themselves, or write the text without the slashes", "not a regular expression: %s", err)
		return regexp.MustCompile(`$.^`)
	}
	return compiled
}

func (d dialogRules) decide(text string) (accept, fail bool) {
	matches := func(r *regexp.Regexp) bool { return r.MatchString(text) }
	switch {
	case slices.ContainsFunc(d.accept, matches):
		return true, false
	case slices.ContainsFunc(d.dismiss, matches):
		return false, false
	}
	return d.byDefault == "accept", d.byDefault == "fail"
}
