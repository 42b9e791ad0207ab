package robots

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"crosswalk/contracts"
	"crosswalk/rules"
	"crosswalk/source"
)

// compiler turns the steps of a file into what runs. Its environment grows with every name that is read.
type compiler struct {
	system      *System
	operation   *contracts.Operation
	env         *rules.Environment
	secretScope *rules.Type // what secret holds, in the places where secrets may be used
	login       bool
	finder      bool           // run: find is possible here
	named       bool           // the alternatives that are compiled have one that is named as a person or the application does
	assigned    []string       // names read so far in the innermost block
	places      map[string]int // the column of the first step at each file:line
}

// options of all expressions in robot files: the profile, and what only texts from screens need.
var options = rules.Options{Functions: []rules.Function{{
	Name: "digits", Params: []*rules.Type{rules.TypeOf(rules.KindText)}, Result: rules.TypeOf(rules.KindText),
	Call: func(arguments []rules.Value) (rules.Value, error) {
		return rules.Text(notDigit.ReplaceAllString(arguments[0].Text(), "")), nil
	},
}, {
	Name: "totp", Params: []*rules.Type{rules.TypeOf(rules.KindText)}, Result: rules.TypeOf(rules.KindText),
	Call: func(arguments []rules.Value) (rules.Value, error) {
		code, err := totp(arguments[0].Text(), time.Now())
		return rules.Text(code), err
	},
}}}

var notDigit = regexp.MustCompile(`[^0-9]+`)

// step is one thing that a robot does. Exactly one of the kinds is set.
type step struct {
	kind   string
	place  string // file:line, and of a further step that begins on the same line :column
	when   *rules.Expression
	seen   *target
	target *target
	within time.Duration

	url        words      // goto
	fill       *words     // fill, select
	secret     bool       // the value holds a secret
	becomesAny bool       // fill, check, uncheck: the page may make something else of it
	key        string     // fill, key
	cells      []cellRead // read
	table      *tableStep
	list       *rules.Template // each
	name       string          // each: of the item; table: of the rows
	into       string          // each
	do         []step
	names      []string          // each, open: what the block reads
	assert     *rules.Expression // assert
	class      contracts.Class   // assert, fail
	message    words
	optional   bool
	further    *furtherStep // upload, download, until
	ask        *askStep
}

// cellRead is one value to read and where.
type cellRead struct {
	cell   cell
	target *target
}

var stepKinds = []string{"goto", "click", "fill", "select", "key", "table", "expect", "each", "read", "do", "assert", "fail", "run",
	"dblclick", "check", "uncheck", "upload", "download", "until", "ask"}

var laterSteps = []string{"skip_to"}

func (c *compiler) steps(n *source.Node) []step {
	var steps []step
	items := n.List()
	if n.Kind() == source.List && len(items) == 0 {
		n.Errorf("add a step, or leave the list out", "there is no step here")
	}
	for _, item := range items {
		steps = append(steps, c.step(item))
	}
	return steps
}

func (c *compiler) step(n *source.Node) step {
	s := step{place: c.place(n)}
	for _, kind := range slices.Concat(stepKinds, laterSteps) {
		if n.Get(kind).Exists() {
			if s.kind != "" {
				n.Errorf("make two steps of it", "%s and %s are two steps", s.kind, kind)
			}
			s.kind = kind
		}
	}
	fields := n.Fields(stepShape)
	if s.kind == "" && n.Kind() == source.Map {
		if len(fields) > 0 || len(n.Keys()) == 0 {
			n.Errorf("the steps are "+strings.Join(stepKinds, ", "), "this step does nothing")
		}
		return s
	}
	before := c.env
	if when := fields["when"]; when.Exists() {
		s.when = rules.CompileNode(when, c.env, rules.TypeOf(rules.KindBool), options)
		if s.when != nil {
			c.env = c.env.Narrow(s.when)
		}
	}
	s.seen, s.within = c.compileTarget(fields["seen"]), c.within(fields["within"])
	if s.kind != "assert" {
		fields["class"].Errorf("leave it out; fail: names its class itself", "class belongs to assert")
	}
	if s.kind != "assert" && s.kind != "fail" {
		fields["message"].Errorf("leave it out", "message belongs to assert and fail")
	}
	c.kind(&s, n.Get(s.kind), fields)
	if fields["when"].Exists() || s.seen != nil {
		c.env = c.maybe(before, c.env)
	}
	return s
}

// place names a step by where it begins.
func (c *compiler) place(n *source.Node) string {
	line, column := n.Position()
	place := fmt.Sprintf("%s:%d", n.File(), line)
	if c.places == nil {
		c.places = map[string]int{}
	}
	first, taken := c.places[place]
	if taken && first != column {
		return fmt.Sprintf("%s:%d", place, column)
	}
	c.places[place] = column
	return place
}

// maybe is the environment after a step that may not have run: what it read may be missing.
func (c *compiler) maybe(before, after *rules.Environment) *rules.Environment {
	env := before
	for _, name := range after.Names() {
		if before.Lookup(name) == nil {
			env = env.With(name, after.Lookup(name).AsOptional())
		}
	}
	return env
}

// within is the time of a step of its own.
func (c *compiler) within(n *source.Node) time.Duration {
	d := span(n)
	if run := c.system.runTime; d > run && run > 0 {
		n.Warnf("give limits.run of the system file more time, or the step less", "the whole run may take %s", rules.Duration(run))
	}
	return d
}

func (c *compiler) kind(s *step, n *source.Node, fields map[string]*source.Node) {
	switch s.kind {
	case "goto":
		c.compileGoto(s, n)
	case "click", "expect", "dblclick":
		s.target = c.compileTarget(n)
	case "check", "uncheck":
		c.compileTick(s, n)
	case "fill", "select":
		c.compileFill(s, n)
	case "key":
		c.compileKey(s, n)
	case "read":
		c.compileRead(s, n)
	case "table":
		c.compileTable(s, n)
	case "each":
		c.compileEach(s, n)
	case "do":
		s.do = c.steps(n)
	case "upload":
		c.compileUpload(s, n)
	case "download":
		c.compileDownload(s, n)
	case "until":
		c.compileUntil(s, n)
	case "ask":
		c.compileAsk(s, n)
	case "assert":
		s.assert = rules.CompileNode(n, c.env, rules.TypeOf(rules.KindBool), options)
		s.class, s.message = contracts.Drift, c.words(fields["message"])
		if fields["class"].Exists() {
			s.class = c.class(fields["class"])
		}
	case "fail":
		s.class, s.message = c.class(n), c.words(fields["message"])
		if c.operation != nil && s.class == contracts.NotFound && !c.operation.MayFail(s.class) {
			contract, _, _ := strings.Cut(c.operation.Name, ".")
			n.Errorf("add errors: ["+string(s.class)+"] to the operation, in the contract "+contract, "%s does not list %s among its errors", c.operation.Name, s.class)
		}
	case "run":
		if n.OneOf("find"); !c.finder {
			n.Errorf("use it in verify of a robot that has find", "find cannot be run here")
		}
	case "skip_to":
		n.Errorf("use already: with the condition under which find shows that it was done; prepare and commit are then left out", "there are no jumps")
	default:
		n.Errorf("", "the step %s is not available yet", s.kind)
	}
}

func (c *compiler) compileGoto(s *step, n *source.Node) {
	if n.Kind() == source.Map {
		fields := n.Fields(gotoShape)
		s.target = &target{frame: fields["frame"].Text()}
		n = n.Required("url", "give the address or path to open")
	}
	s.url = c.words(n)
	c.checkOpened(n, s.url)
}

func (c *compiler) compileFill(s *step, n *source.Node) {
	fields := n.Fields(fillShape)
	s.target = c.compileTarget(n.Required("into", "name the field"))
	value := n.Required("value", "say what to put in")
	inner := *c
	if s.kind == "fill" && c.secretScope != nil {
		inner.env = c.env.With("secret", c.secretScope)
	}
	w := inner.words(value)
	s.fill = &w
	if w.template != nil {
		for _, read := range w.template.Reads() {
			s.secret = s.secret || read == "secret" || strings.HasPrefix(read, "secret.")
		}
	}
	if c.login && !s.secret && w.template == nil && s.kind == "fill" {
		value.Warnf("use ${secret.…}", "the login fills in a text that stands in this file")
	}
	c.checkKey(s, fields["key"])
	if becomes := fields["becomes"]; becomes.Exists() {
		s.becomesAny = becomes.OneOf("any") == "any"
		if s.kind == "select" {
			becomes.Errorf("leave it out", "a list holds the option that was chosen")
		}
	}
}

func (c *compiler) compileTick(s *step, n *source.Node) {
	if !n.Get("into").Exists() {
		s.target = c.compileTarget(n)
		return
	}
	fields := n.Fields(tickRecord)
	s.target = c.compileTarget(fields["into"])
	s.becomesAny = fields["becomes"].Exists() && fields["becomes"].OneOf("any") == "any"
}

func (c *compiler) compileKey(s *step, n *source.Node) {
	if n.Kind() == source.Map {
		fields := n.Fields(keyShape)
		s.target = c.compileTarget(fields["on"])
		n = n.Required("press", "name the key")
	}
	c.checkKey(s, n)
}

func (c *compiler) checkKey(s *step, n *source.Node) {
	s.key = n.OneOf(sortedKeys(keys)...)
}

// compileRead reads one value, or several labels of one place: {frame: main, labels: {Versandt am: shipped_on}}.
func (c *compiler) compileRead(s *step, n *source.Node) {
	if labels := n.Get("labels"); labels.Exists() {
		fields := n.Fields(readLabelsShape)
		place := &target{frame: fields["frame"].Text(), in: c.compileTarget(fields["in"]), near: c.compileTarget(fields["near"])}
		if labels.Map(); labels.Kind() == source.Map && len(labels.Keys()) == 0 {
			labels.Errorf("write for example {Versandt am: shipped_on}", "there is no label here")
		}
		var names []string
		for _, label := range labels.Keys() {
			t := *place
			t.kind, t.text = "label", words{constant: label}
			t.shown, t.key = t.say(), labels.KeyNode(label)
			read := cellRead{cell: parseCell(labels.Get(label), c.system.formats), target: &t}
			s.cells = append(s.cells, read)
			if label == "" {
				labels.KeyNode(label).Errorf("write it as it stands on the page", "the label is empty")
			}
			if slices.Contains(names, read.cell.name) && read.cell.name != "" {
				labels.Get(label).Errorf("choose another name", "two values are called %q", read.cell.name)
			}
			names = append(names, read.cell.name)
			c.assign(labels.Get(label), read.cell.name, read.cell.typ())
		}
		return
	}
	fields := n.Fields(readOneShape)
	read := cellRead{target: c.compileTarget(n.Required("from", "name the place to read")), cell: cell{kind: "text"}.parse(fields, c.system.formats)}
	if as := n.Required("as", "say under which name the robot knows the value"); as != nil {
		read.cell.name = checkName(as)
	}
	s.cells = []cellRead{read}
	c.assign(n, read.cell.name, read.cell.typ())
}

// assign makes a name known. Reading a name twice is only possible with the same type.
func (c *compiler) assign(n *source.Node, name string, t *rules.Type) {
	if name == "" || slices.Contains(reservedNames, name) {
		return
	}
	if known := c.env.Lookup(name); known != nil && known.String() != t.String() {
		n.Errorf("choose another name", "%q is already there and holds %s", name, known)
	}
	c.env = c.env.With(name, t)
	if !slices.Contains(c.assigned, name) {
		c.assigned = append(c.assigned, name)
	}
}

// block compiles steps whose names become the fields of a record.
func (c *compiler) block(n *source.Node) (steps []step, names []string, fields []rules.Field) {
	outer, env := c.assigned, c.env
	c.assigned = nil
	steps = c.steps(n)
	for _, name := range c.assigned {
		t := c.env.Lookup(name)
		fields = append(fields, rules.Field{Name: name, Type: t, Required: !t.Optional})
	}
	names, c.assigned, c.env = c.assigned, outer, env
	return steps, names, fields
}

func (c *compiler) compileEach(s *step, n *source.Node) {
	fields := n.Fields(eachShape)
	item := rules.TypeOf(rules.KindAny)
	if of := n.Required("of", "give the list, as in ${rows}"); of != nil {
		s.list = rules.CompileTemplate(of, c.env, nil, options)
		switch {
		case s.list.Type() == nil:
		case s.list.Type().Kind != rules.KindList:
			of.Errorf("", "this is %s and not a list", s.list.Type())
		case s.list.Type().Items != nil:
			item = s.list.Type().Items
		}
	}
	s.name = checkName(n.Required("as", "name the item"))
	env := c.env
	c.env = env.With(s.name, item)
	var read []rules.Field
	s.do, s.names, read = c.block(n.Required("do", "give the steps for each item"))
	c.env = env
	if into := fields["into"]; into.Exists() {
		s.into = checkName(into)
		c.assign(into, s.into, rules.ListOf(rules.RecordType(read...)))
	}
}

// words compiles a text with ${…}; a plain one stays as it is.
func (c *compiler) words(n *source.Node) words {
	if !n.Exists() {
		return words{}
	}
	text := n.Text()
	if !strings.Contains(text, "${") {
		return words{constant: text}
	}
	// Numbers and dates are written as they print, so the type is not narrowed to text.
	return words{constant: text, template: rules.CompileTemplate(n, c.env, nil, options)}
}

var nameForm = regexp.MustCompile(`^[a-z][a-z0-9_]*$`)

func checkName(n *source.Node) string {
	name := n.Text()
	if n.Exists() && !nameForm.MatchString(name) {
		n.Errorf("use lower case letters, digits and _", "%q is not a name", name)
	}
	if slices.Contains(reservedNames, name) {
		n.Errorf("choose another name", "robots know something else by the name %q", name)
	}
	return name
}
