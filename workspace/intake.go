package workspace

import (
	"cmp"
	"net"
	"regexp"
	"slices"
	"strings"
	"time"

	"crosswalk/adapters"
	"crosswalk/contracts"
	"crosswalk/rules"
	"crosswalk/source"
	"crosswalk/usecases"
)

// SourceKind is a way in which messages come in.
type SourceKind string

// The kinds of sources.
const (
	FromMail    SourceKind = "mail"    // an SMTP listener
	FromForm    SourceKind = "form"    // a page for customers
	FromNote    SourceKind = "note"    // what an agent writes down on the phone
	FromSocial  SourceKind = "social"  // a social network's webhook
	FromWebhook SourceKind = "webhook" // another program
)

// Source is one entry under intake: where messages come from and what each of them does. Exactly one of
// Starts, Event and Completes is set.
type Source struct {
	Name   string
	Kind   SourceKind
	Title  string
	Listen string // mail: host:port
	Path   string // form, social, webhook: the last part of the address; the name if none is given
	Verify Verify // social, webhook
	// PerMinute limits how many messages one sender may send; 0: the default of the kind.
	PerMinute int

	Starts string          // the use case that a message starts
	Event  string          // the event that a message is
	Key    *rules.Template // a text: the key of the event
	With   *rules.Template // the use case's input, or what the event tells, over Scope
	Input  *rules.Type     // what the use case or the event takes; With fits it, but for what only the values show
	Dedupe *rules.Template // a text: messages with the same one are the same; nil: by the sender's own id, else by content
	Joins  Joins

	Completes *Completes

	// Acknowledge is the mail that the sender gets; nil: none. Automatic mail is never answered.
	Acknowledge *Acknowledge

	node *source.Node
}

// Joins says when a message belongs to a case that is open already, instead of starting one.
type Joins struct {
	Thread  bool          // it answers a message of the case
	Contact bool          // it comes from somebody who wrote in the case
	Within  time.Duration // after the last message of the case; 0: as long as the case is open
}

// Verify says how a request proves who sent it.
type Verify struct {
	Scheme  string // standard-webhooks, x, token, none, or the name of an adapter
	Secrets []Reference
	Address string            // as the sender knows it, for schemes that sign it: https://host; "": the host that was asked
	Webhook *adapters.Webhook // how it is verified; nil for none

	node *source.Node
}

// The ways in which a request proves who sent it.
const (
	VerifyStandard = "standard-webhooks"
	VerifyX        = "x"     // with the challenge of X's Account Activity API
	VerifyToken    = "token" // unsigned: the address ends with a secret
	VerifyNone     = "none"  // declared insecure
)

// Completes says that a message reports a task solved in the support system.
type Completes struct {
	System  string            // of the contract support
	When    *rules.Expression // nil: every message does
	Task    *rules.Template   // a text: the id of the support system's task
	Outcome *rules.Template   // a text; if it is none of the task's outcomes, the first of them
	By      *rules.Template   // a text: who did it; may be missing
}

// Acknowledge is a mail to the sender. Nil texts are the product's own, in the language of the message.
type Acknowledge struct{ Subject, Text *rules.Template }

// Scope is what the expressions of a source see: the message, under the name of the source's kind.
func (s *Source) Scope() *rules.Type {
	return rules.RecordType(rules.Field{Name: string(s.Kind), Type: MessageType(s.Kind), Required: true})
}

// MessageType is the type of mail, form, note, social and webhook in the expressions of sources. fields is
// what a webhook or form sent beside the rest, of unknown shape.
func MessageType(kind SourceKind) *rules.Type {
	text := rules.TypeOf(rules.KindText)
	own := &rules.Type{Kind: rules.KindText, Personal: true}
	from := rules.RecordType(rules.Field{Name: "email", Type: own}, rules.Field{Name: "phone", Type: own},
		rules.Field{Name: "handle", Type: own}, rules.Field{Name: "name", Type: own})
	from.Personal = true
	t := rules.RecordType(
		rules.Field{Name: "channel", Type: rules.EnumOf("email", "web", "phone", "social", "webhook"), Required: true},
		rules.Field{Name: "id", Type: text},
		rules.Field{Name: "from", Type: from, Required: true},
		rules.Field{Name: "to", Type: text},
		rules.Field{Name: "subject", Type: own},
		rules.Field{Name: "text", Type: own, Required: true},
		rules.Field{Name: "product", Type: text},
		rules.Field{Name: "thread", Type: rules.ListOf(text), Required: true},
		rules.Field{Name: "received_at", Type: rules.TypeOf(rules.KindInstant), Required: true},
		rules.Field{Name: "automatic", Type: text},
		rules.Field{Name: "change", Type: rules.EnumOf("edited", "deleted")},
		rules.Field{Name: "fields", Type: rules.TypeOf(rules.KindRecord), Required: true},
	)
	if kind == FromMail {
		t = t.With(rules.Field{Name: "message_id", Type: text})
	}
	return t
}

// source reads one entry under intake. What needs the use cases is checked later by checkSource.
func (c *Config) source(all *source.Node, name string) *Source {
	node := all.Get(name)
	checkPlain(all.KeyNode(name), "source")
	s := &Source{Name: name, Path: name, node: node}
	fields := node.Fields(sourceShape)
	s.Title = cmp.Or(fields["title"].Text(), name)
	for _, kind := range []SourceKind{FromMail, FromForm, FromNote, FromSocial, FromWebhook} {
		if !fields[string(kind)].Exists() {
			continue
		}
		if s.Kind != "" {
			node.KeyNode(string(kind)).Errorf("make two sources of it", "a source is one of mail, form, note, social and webhook")
			continue
		}
		s.Kind = kind
		c.channel(s, fields[string(kind)])
	}
	if s.Kind == "" && node.Kind() == source.Map && len(fields) == len(node.Keys()) {
		node.Errorf("add mail:, form:, note:, social: or webhook:", "the source does not say where messages come from")
	}
	s.joins(fields["joins"])
	s.does(fields)
	return s
}

// does reads what a message of the source does.
func (s *Source) does(fields map[string]*source.Node) {
	node, does := s.node, ""
	for _, key := range []string{"starts", "event", "completes"} {
		if !fields[key].Exists() {
			continue
		}
		if does != "" {
			node.KeyNode(key).Errorf("make two sources of it", "a source either starts a use case, is an event or completes tasks")
			continue
		}
		does = key
	}
	var foreign []string
	switch does {
	case "starts":
		s.Starts, foreign = fields["starts"].Text(), []string{"key"}
	case "event":
		s.Event, foreign = fields["event"].Text(), []string{"joins", "acknowledge"}
	case "completes":
		foreign = []string{"with", "key", "joins", "acknowledge"}
	default:
		if node.Kind() == source.Map {
			node.Errorf("add starts: with the name of a use case, or event: with that of an event", "the source does not say what a message does")
		}
	}
	for _, key := range foreign {
		hint := "is for sources that start a use case"
		if key == "key" {
			hint = "is for sources of events"
		}
		node.KeyNode(key).Errorf("remove it", "%q %s", key, hint)
	}
}

// channel reads what is particular to the kind.
func (c *Config) channel(s *Source, node *source.Node) {
	if node.Kind() == source.Null {
		node = nil // mail: with nothing behind it, all defaults
	}
	switch s.Kind {
	case FromMail:
		fields := node.Fields(mailSourceShape)
		s.Listen = cmp.Or(setting(fields["listen"]), "127.0.0.1:2525")
		if _, _, err := net.SplitHostPort(s.Listen); err != nil {
			fields["listen"].Errorf("write for example 127.0.0.1:2525", "%q is not an address to listen on", s.Listen)
		}
	case FromForm:
		fields := node.Fields(formShape)
		s.path(fields["path"])
		s.PerMinute = fields["per_minute"].Int()
	case FromNote:
		node.Fields(noteShape)
	case FromSocial, FromWebhook:
		fields := node.Fields(hookShape)
		s.path(fields["path"])
		s.PerMinute = fields["per_minute"].Int()
		if !fields["verify"].Exists() {
			s.node.Get(string(s.Kind)).Errorf("add verify: {scheme: "+VerifyStandard+", secret: 'env:NAME'}", "nothing proves who sends these messages")
			return
		}
		s.Verify = c.verify(fields["verify"])
	}
}

func (s *Source) path(node *source.Node) {
	if !node.Exists() {
		return
	}
	s.Path = node.Text()
	if !plainName.MatchString(s.Path) {
		node.Errorf("use small letters, digits, - and _", "%q is not the last part of an address", s.Path)
	}
}

var originForm = regexp.MustCompile(`^https?://[A-Za-z0-9.-]+(:[0-9]+)?$`)

func (c *Config) verify(node *source.Node) Verify {
	fields := node.Fields(verifyShape)
	v := Verify{Scheme: node.Required("scheme", "the name of an adapter, or one of "+strings.Join([]string{VerifyStandard, VerifyX, VerifyToken, VerifyNone}, ", ")).Text(), node: node}
	if address := fields["address"]; address.Exists() {
		if v.Address = setting(address); !originForm.MatchString(v.Address) {
			address.Errorf("write for example https://hooks.acme.example", "%q is not the beginning of an address", v.Address)
		}
	}
	for _, secret := range append(listOf(fields["secret"]), listOf(fields["secrets"])...) {
		v.Secrets = append(v.Secrets, parseReference(secret, c.base))
	}
	switch {
	case v.Scheme == VerifyNone && len(v.Secrets) > 0:
		fields["scheme"].Errorf("name the scheme, or remove the secret", "with the scheme none the secret is never used")
	case v.Scheme == VerifyNone:
		fields["scheme"].Warnf("anybody who knows the address can start cases; scheme: token lets the address end with a secret", "messages of this source are not verified")
	case v.Scheme != "" && len(v.Secrets) == 0:
		node.Errorf("add secret: 'env:NAME'", "the scheme %s needs a secret", v.Scheme)
	}
	return v
}

func (s *Source) joins(node *source.Node) {
	s.Joins = Joins{Thread: true, Contact: true}
	if !node.Exists() {
		return
	}
	fields := node.Fields(joinsShape)
	if fields["thread"].Exists() {
		s.Joins.Thread = fields["thread"].Bool()
	}
	if fields["contact"].Exists() {
		s.Joins.Contact = fields["contact"].Bool()
	}
	s.Joins.Within = fields["within"].Duration()
}

// Known is what the use cases take that sources, schedules and pollers start or tell.
type Known struct {
	UseCases []string // for hints
	Events   []string
	Input    func(useCase string) *rules.Type // nil if there is no such use case
	Event    func(name string) *rules.Type    // nil if no use case waits for such an event
}

// checkIntake compiles the templates of all sources.
func (c *Config) checkIntake(known Known) {
	for _, s := range c.Intake {
		c.checkSource(s, known)
	}
}

func (c *Config) checkSource(s *Source, known Known) {
	if s.Kind == "" {
		return
	}
	env := rules.NewEnvironment(s.Scope())
	options := rules.Options{Lenient: true} // fields have no known shape; the use case's input is the door
	if dedupe := s.node.Get("dedupe"); dedupe.Exists() {
		s.Dedupe = rules.CompileTemplate(dedupe, env, rules.TypeOf(rules.KindText).AsOptional(), options)
	}
	if completes := s.node.Get("completes"); completes.Exists() {
		c.checkCompletes(s, completes, env, options)
	}
	s.acknowledge(env, options)
	switch {
	case s.Event != "":
		s.With, s.Input, s.Key = checkEvent(s.node, "message", env, options, known)
	case s.Starts != "":
		s.With, s.Input = checkStart(s.node, env, options, known)
	}
}

// checkStart compiles the input of the use case that a source, schedule or poller starts.
func checkStart(node *source.Node, env *rules.Environment, options rules.Options, known Known) (with *rules.Template, input *rules.Type) {
	starts, given := node.Get("starts"), node.Get("with")
	input = known.Input(starts.Text())
	switch {
	case input == nil:
		starts.Errorf(source.DidYouMean(starts.Text(), known.UseCases), "there is no use case %q", starts.Text())
	case given.Exists():
		with = rules.CompileTemplate(given, env, input, options)
	case anyRequired(input):
		node.Errorf("add with: {text: '${…}', …}", "the use case %s is started without any input", starts.Text())
	default:
		with = rules.CompileTemplate(source.Parse(node.File(), []byte("{}")).Root, env, input, options)
	}
	return with, input
}

// checkEvent compiles what an event tells, and its key.
func checkEvent(node *source.Node, what string, env *rules.Environment, options rules.Options, known Known) (with *rules.Template, payload *rules.Type, key *rules.Template) {
	event, given := node.Get("event"), node.Get("with")
	payload = known.Event(event.Text())
	switch {
	case payload == nil:
		event.Errorf(source.DidYouMean(event.Text(), known.Events), "no use case declares the event %q", event.Text())
	case given.Exists():
		with = rules.CompileTemplate(given, env, payload, options)
	case anyRequired(payload):
		node.Errorf("add with: and the fields of the event", "the event %s must tell %s", event.Text(), strings.Join(payload.FieldNames(), ", "))
	default:
		with = rules.CompileTemplate(source.Parse(node.File(), []byte("{}")).Root, env, payload, options)
	}
	if k := node.Required("key", "say which case is meant, as in key: '${…}' with an order number of the "+what); k.Exists() {
		key = rules.CompileTemplate(k, env, rules.TypeOf(rules.KindText), options)
	}
	return with, payload, key
}

func anyRequired(t *rules.Type) bool {
	return slices.ContainsFunc(t.Fields, func(f rules.Field) bool { return f.Required })
}

func (c *Config) checkCompletes(s *Source, node *source.Node, env *rules.Environment, options rules.Options) {
	fields := node.Fields(completesShape)
	s.Completes = &Completes{System: node.Required("system", "name the system that the tasks are in").Text()}
	system := c.System(s.Completes.System)
	switch {
	case s.Completes.System == "":
	case system == nil:
		fields["system"].Errorf(source.DidYouMean(s.Completes.System, c.systemNames()), "there is no system %q", s.Completes.System)
	case system.Contract != nil && !hasTasks(system.Contract):
		fields["system"].Errorf("", "the contract %s of the system %q has no tasks", system.Contract.Name, system.Name)
	}
	text := rules.TypeOf(rules.KindText)
	if when := fields["when"]; when.Exists() {
		s.Completes.When = rules.CompileNode(when, env, rules.TypeOf(rules.KindBool), options)
	}
	if task := node.Required("task", "say where the id of the task is, as in task: '${text(webhook.fields.detail.id)}'"); task.Exists() {
		s.Completes.Task = rules.CompileTemplate(task, env, text, options)
	}
	if fields["outcome"].Exists() {
		s.Completes.Outcome = rules.CompileTemplate(fields["outcome"], env, text, options)
	}
	if fields["by"].Exists() {
		s.Completes.By = rules.CompileTemplate(fields["by"], env, text.AsOptional(), options)
	}
}

func (c *Config) systemNames() []string {
	names := make([]string, len(c.Systems))
	for i, system := range c.Systems {
		names[i] = system.Name
	}
	return names
}

func hasTasks(contract *contracts.Contract) bool {
	return contract.Name+".task" == usecases.TaskRef && contract.Records["task"] != nil
}

// acknowledge reads acknowledge: true, or the texts. They see the message and the case that it started.
func (s *Source) acknowledge(env *rules.Environment, options rules.Options) {
	node := s.node.Get("acknowledge")
	switch {
	case !node.Exists():
		return
	case node.Kind() == source.Scalar:
		if node.Bool() {
			s.Acknowledge = &Acknowledge{}
		}
		return
	}
	text := rules.TypeOf(rules.KindText)
	env = env.With("case", rules.RecordType(rules.Field{Name: "reference", Type: text, Required: true}, rules.Field{Name: "language", Type: text}))
	fields := node.Fields(acknowledgeShape)
	s.Acknowledge = &Acknowledge{}
	if fields["subject"].Exists() {
		s.Acknowledge.Subject = rules.CompileTemplate(fields["subject"], env, text, options)
	}
	if fields["text"].Exists() {
		s.Acknowledge.Text = rules.CompileTemplate(fields["text"], env, text, options)
	}
}
