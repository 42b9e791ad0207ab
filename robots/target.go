package robots

import (
	"regexp"
	"slices"
	"strings"

	"crosswalk/rules"
	"crosswalk/source"
)

// target is a place on a page as a robot file names it, with expressions still in its texts.
type target struct {
	kind   string
	text   words
	regex  string
	flags  string
	role   string
	row    []targetKey
	column words
	any    []*target
	in     *target
	near   *target
	has    *target
	frame  string
	shown  string
	node   *source.Node // where it stands in the file; nil: a file does not name it by itself
	key    *source.Node // of a label that stands in the file as the key of what is read
}

type targetKey struct {
	header string
	text   words
}

// words is a text that may hold ${…}.
type words struct {
	constant string
	template *rules.Template
}

func (w words) eval(variables map[string]rules.Value) (string, error) {
	value, err := w.value(variables)
	return value.String(), err
}

// value is what the words come to: a number or a day where they are nothing but one.
func (w words) value(variables map[string]rules.Value) (rules.Value, error) {
	if w.template == nil {
		return rules.Text(w.constant), nil
	}
	return w.template.Eval(variables)
}

// kinds of targets that are one word and a text.
var kinds = []string{"label", "field", "button", "link", "text", "option", "role", "css", "xpath"}

var (
	regexForm   = regexp.MustCompile(`^/(.+)/([imsu]*)$`)
	generatedID = regexp.MustCompile(`#[A-Za-z_-]*\d{3,}|:nth-(child|of-type)|ctl\d\d`)
	byPosition  = regexp.MustCompile(`\[\d+\]|position\(\)|last\(\)`)
)

// compileTarget reads a target. The kinds exclude each other; frame, in, near and has may stand beside any.
func (c *compiler) compileTarget(n *source.Node) *target {
	if !n.Exists() {
		return nil
	}
	fields := n.Fields(targetShape)
	t := &target{node: n, frame: within(fields["window"].Text(), fields["frame"].Text()), in: c.compileTarget(fields["in"]), near: c.compileTarget(fields["near"]), has: c.compileTarget(fields["has"])}
	for name, inner := range map[string]*target{"in": t.in, "near": t.near, "has": t.has} {
		if inner != nil && inner.frame != "" {
			fields[name].Errorf("write frame beside "+name, "it is looked for in the frame of what is around it")
		}
	}
	var named []string
	for _, kind := range append([]string{"any", "row"}, kinds...) {
		if fields[kind].Exists() {
			named = append(named, kind)
		}
	}
	switch {
	case len(named) == 0 && n.Kind() == source.Map:
		n.Errorf("name it by label, field, button, link, text, role, row and column, css or xpath", "this does not say what to look for")
		return t
	case len(named) > 1:
		n.Errorf("use any: [{…}, {…}] for alternatives", "%s and %s exclude each other", named[0], named[1])
		return t
	case len(named) == 0:
		return t
	}
	t.kind = named[0]
	c.compileKind(t, fields)
	t.shown = t.say()
	return t
}

func (c *compiler) compileKind(t *target, fields map[string]*source.Node) {
	switch t.kind {
	case "any":
		if alternatives := fields["any"]; alternatives.Kind() == source.List && len(alternatives.List()) == 0 {
			alternatives.Errorf("write for example [{label: Nr.}, {field: order_no}]", "there is no alternative here")
		}
		before := c.named
		c.named = slices.ContainsFunc(fields["any"].List(), func(n *source.Node) bool {
			return slices.ContainsFunc(n.Keys(), func(key string) bool { return slices.Contains(kinds, key) && key != "css" && key != "xpath" })
		})
		defer func() { c.named = before }()
		for _, alternative := range fields["any"].List() {
			inner := c.compileTarget(alternative)
			if inner.frame != "" {
				alternative.Errorf("write frame beside any", "alternatives are looked for in one frame")
			}
			t.any = append(t.any, inner)
		}
	case "row":
		t.kind = "cell"
		if fields["row"].Map(); fields["row"].Kind() == source.Map && len(fields["row"].Keys()) == 0 {
			fields["row"].Errorf("write for example {Pos: '2'}", "this does not say which row it is")
		}
		for _, header := range fields["row"].Keys() {
			t.row = append(t.row, targetKey{header: header, text: c.words(fields["row"].Get(header))})
		}
		if !fields["column"].Exists() {
			fields["row"].Errorf("add column: with the heading of the cell", "row and column belong together")
		}
		t.column = c.words(fields["column"])
		notEmpty(fields["column"], t.column)
	case "role":
		t.role = fields["role"].Text()
		notEmpty(fields["role"], words{constant: t.role})
		if fields["name"].Exists() {
			c.matcher(t, fields["name"])
		}
	case "css", "xpath":
		t.text = c.words(fields[t.kind])
		notEmpty(fields[t.kind], t.text)
		checkSelector(fields[t.kind], t.kind, t.text)
		if !c.named && (generatedID.MatchString(t.text.constant) || t.kind == "xpath" && byPosition.MatchString(t.text.constant)) {
			fields[t.kind].Warnf("name it by what a person sees: label, button, link, text", "a position or a generated name breaks with the next release of the application")
		}
	default:
		c.matcher(t, fields[t.kind])
	}
}

// notEmpty reports a text that nothing on a page is called by.
func notEmpty(n *source.Node, w words) {
	if n.Kind() == source.Scalar && w.template == nil && strings.TrimSpace(w.constant) == "" {
		n.Errorf("write what stands on the page", "this text is empty")
	}
}

// matcher reads an exact text, or /a regular expression/i.
func (c *compiler) matcher(t *target, n *source.Node) {
	m := regexForm.FindStringSubmatch(n.Text())
	if m == nil {
		t.text = c.words(n)
		notEmpty(n, t.text)
		if otherFlags.MatchString(n.Text()) {
			n.Errorf("use i, m, s and u", "the letters behind this pattern mean nothing here")
		}
		return
	}
	if strings.Contains(m[1], "${") {
		n.Errorf("use an exact text, or read more and filter it", "an expression cannot stand within a regular expression")
	}
	if _, err := regexp.Compile(m[1]); err != nil {
		n.Errorf("put \\ before signs that stand for themselves, or write the text without the slashes", "not a regular expression: %s", err)
	} else if only := browserOnly(m[1], m[2]); only != "" {
		n.Errorf("write it without", "browsers, which look for this pattern, do not know %s", only)
	} else if mayNotEnd(m[1]) {
		n.Warnf("repeat only one of them", "a repetition within a repetition may take a browser for ever")
	}
	t.regex, t.flags = m[1], m[2]
}

func (t *target) say() string {
	what := t.kind
	switch {
	case t.kind == "any":
		var all []string
		for _, alternative := range t.any {
			all = append(all, alternative.say())
		}
		what = strings.Join(all, " or ")
	case t.kind == "cell":
		what = "cell"
	case t.role != "":
		what = t.role
	}
	switch {
	case t.regex != "":
		what += " /" + t.regex + "/"
	case t.text.template == nil && t.text.constant != "":
		what += ` "` + t.text.constant + `"`
	case t.kind == "cell":
		what += ` of column "` + t.column.constant + `"`
	}
	if t.frame != "" {
		what += " in " + sayFrame(t.frame)
	}
	return what
}

// spec fills in the expressions, for the library in the page.
func (t *target) spec(variables map[string]rules.Value) (*spec, error) {
	if t == nil {
		return nil, nil
	}
	s := &spec{Kind: t.kind, Role: t.role, frame: t.frame, words: t.shown}
	text, err := t.text.eval(variables)
	if err != nil {
		return nil, err
	}
	switch {
	case t.kind == "css" || t.kind == "xpath":
		s.Value = text
	case t.regex != "":
		s.Text = &matcher{Regex: t.regex, Flags: t.flags}
	case t.kind != "role" || text != "":
		s.Text = &matcher{Exact: text}
	}
	if s.Column, err = t.column.eval(variables); err != nil {
		return nil, err
	}
	for _, key := range t.row {
		text, err := key.text.eval(variables)
		if err != nil {
			return nil, err
		}
		s.Row = append(s.Row, rowKey{Header: key.header, Text: matcher{Exact: text}})
	}
	for _, alternative := range t.any {
		inner, err := alternative.spec(variables)
		if err != nil {
			return nil, err
		}
		s.Any = append(s.Any, inner)
	}
	for to, from := range map[**spec]*target{&s.In: t.in, &s.Near: t.near, &s.Has: t.has} {
		if *to, err = from.spec(variables); err != nil {
			return nil, err
		}
	}
	return s, nil
}
