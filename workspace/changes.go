package workspace

import (
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"

	"crosswalk/contracts"
	"crosswalk/source"
	"crosswalk/usecases"
)

// Change is one difference between two states, in words.
type Change struct {
	Subject string `json:"subject"`         // use case customer-complaint, table warranty, system crm, source calls, people, …
	Kind    string `json:"kind"`            // use_case step effect input setting row column contract system driver source people file
	Place   string `json:"place,omitempty"` // the path of a step, the id of a row, a field
	Change  string `json:"change"`          // added removed changed moved
	Text    string `json:"text"`
}

// What can have become of a thing.
const (
	added   = "added"
	removed = "removed"
	changed = "changed"
	moved   = "moved"
)

// Changes says in words what differs between two states: use cases with their steps, effects and input first, then
// their tables and contracts, then systems, intake, people and the files of adapters and robots.
func Changes(before, after State) []Change {
	c := &comparison{before: before, after: after, seen: map[string]bool{}}
	for _, name := range union(before.Bundles, after.Bundles) {
		c.useCase(name)
	}
	for _, name := range union(before.Bundles, after.Bundles) {
		c.tables(name)
		c.contracts(name)
	}
	c.config()
	c.people()
	c.files()
	return c.changes
}

type comparison struct {
	before, after State
	subject       string
	seen          map[string]bool // tables and contracts that were compared already
	changes       []Change
}

func (c *comparison) add(kind, place, change, format string, args ...any) {
	c.changes = append(c.changes, Change{Subject: c.subject, Kind: kind, Place: place, Change: change, Text: fmt.Sprintf(format, args...)})
}

func (c *comparison) useCase(name string) {
	c.subject = "use case " + name
	before, was := c.before.Bundles[name]
	after, is := c.after.Bundles[name]
	switch {
	case !was:
		c.add("use_case", "", added, "new, with %s", contents(after))
	case !is:
		c.add("use_case", "", removed, "taken out of force; no new case of it starts")
	case before.Hash() != after.Hash():
		count := len(c.changes)
		c.head(before.UseCase, after.UseCase)
		c.steps(before.Outline(), after.Outline())
		if before.Language != after.Language {
			c.add("setting", "language", changed, "written in language %d, it was %d", after.Language, before.Language)
		}
		if before.UseCase.Name != after.UseCase.Name {
			c.add("setting", "file", changed, "read from %s, it was %s", after.UseCase.Name, before.UseCase.Name)
		}
		if len(c.changes) == count && before.UseCase.Text != after.UseCase.Text {
			c.add("setting", "file", changed, "only comments or spaces changed")
		}
	}
}

// contents is what a new use case does, in a few words.
func contents(b usecases.Bundle) string {
	steps := b.Outline()
	text := fmt.Sprintf("%d steps", len(steps))
	if len(steps) == 1 {
		text = "1 step"
	}
	if writes := sortedKeys(writesOf(steps)); len(writes) > 0 {
		return text + ", writes " + strings.Join(writes, ", ")
	}
	return text + ", writes nothing"
}

// writesOf counts the steps that carry out each write.
func writesOf(steps []usecases.OutlineStep) map[string]int {
	writes := map[string]int{}
	for _, step := range steps {
		if step.Effect == contracts.Write {
			writes[step.Operation]++
		}
	}
	return writes
}

// head compares what a use case says beside its steps.
func (c *comparison) head(before, after usecases.File) {
	leaves := func(f usecases.File) map[string]string {
		root := source.Parse(f.Name, []byte(f.Text)).Root
		return root.Leaves(func(n *source.Node) bool { return n.Path() == "steps" || n.Path() == "joined" })
	}
	count := len(c.changes)
	c.fields(labelled{kind: "setting"}, leaves(before), leaves(after))
	for i := range c.changes[count:] {
		if one := &c.changes[count+i]; strings.HasPrefix(one.Place, "input") {
			one.Kind = "input"
		}
	}
}

// labelled says what the values that are compared belong to. Without a place, each value is a place of its own.
type labelled struct{ kind, place, label string }

// fields compares single values by their places.
func (c *comparison) fields(of labelled, before, after map[string]string) {
	for _, key := range union(before, after) {
		is, there := after[key]
		was, wasThere := before[key]
		name := strings.TrimPrefix(key, ".")
		place, came, went := name, added, removed
		if of.place != "" { // the thing itself is there, before and after
			place, came, went = of.place, changed, changed
		}
		if of.label != "" {
			name = of.label + ": " + name
		}
		switch {
		case !wasThere:
			c.add(of.kind, place, came, "%s is new: %s", name, quote(is))
		case !there:
			c.add(of.kind, place, went, "%s is gone, it was %s", name, quote(was))
		case is != was:
			is, was = apart(is, was)
			c.add(of.kind, place, changed, "%s is %s, it was %s", name, is, was)
		}
	}
}

// effects compares how often each write stands in the use case.
func (c *comparison) effects(before, after []usecases.OutlineStep) {
	was, is := writesOf(before), writesOf(after)
	for _, operation := range union(was, is) {
		switch {
		case was[operation] == 0:
			c.add("effect", operation, added, "writes %s, which it did not", operation)
		case is[operation] == 0:
			c.add("effect", operation, removed, "writes %s no more", operation)
		case was[operation] != is[operation]:
			c.add("effect", operation, changed, "writes %s in %d steps, it did in %d", operation, is[operation], was[operation])
		}
	}
}

// tables compares the tables of a use case, each once.
func (c *comparison) tables(useCase string) {
	before, after := c.before.Bundles[useCase], c.after.Bundles[useCase]
	for _, name := range union(before.Tables, after.Tables) {
		was, is := before.Tables[name], after.Tables[name]
		key := fingerprint("table", name, was.Text, is.Text, fmt.Sprint(was.Parts, is.Parts))
		if c.seen[key] || was.Name == is.Name && was.Text == is.Text && maps.Equal(was.Parts, is.Parts) {
			continue
		}
		c.seen[key], c.subject = true, "table "+name
		switch {
		case was.Name == "":
			c.add("setting", "", added, "decides in %s now", useCase)
		case is.Name == "":
			c.add("setting", "", removed, "decides in %s no more", useCase)
		default:
			c.table(tableOf(before, name), tableOf(after, name), was, is)
		}
	}
}

// contracts compares the contracts that the use case is pinned to, each once.
func (c *comparison) contracts(useCase string) {
	before, after := c.before.Bundles[useCase], c.after.Bundles[useCase]
	for _, name := range union(before.Contracts, after.Contracts) {
		was, is := before.Contracts[name], after.Contracts[name]
		key := fingerprint("contract", name, was.Text, is.Text)
		if c.seen[key] || was.Text == is.Text || was.Text == "" || is.Text == "" { // one that came or went is told by the steps that call it
			continue
		}
		c.seen[key], c.subject = true, "contract "+name
		c.sections("contract", was.Name, was.Text, is.Text)
	}
}

// sections compares two texts by their top-level keys, and one level deeper where both have mappings. It is for files
// whose every value would say too much.
func (c *comparison) sections(kind, file, before, after string) {
	was, is := source.Parse(file, []byte(before)).Root, source.Parse(file, []byte(after)).Root
	count := len(c.changes)
	for _, key := range unionOf(was.Keys(), is.Keys()) {
		a, b := was.Get(key), is.Get(key)
		if a.Kind() != source.Map || b.Kind() != source.Map {
			c.section(kind, key, a, b)
			continue
		}
		for _, inner := range unionOf(a.Keys(), b.Keys()) {
			c.section(kind, key+" "+inner, a.Get(inner), b.Get(inner))
		}
	}
	if len(c.changes) == count {
		c.add(kind, "", changed, "only comments or spaces changed")
	}
}

func (c *comparison) section(kind, name string, before, after *source.Node) {
	switch {
	case !before.Exists():
		c.add(kind, name, added, "%s is new", name)
	case !after.Exists():
		c.add(kind, name, removed, "%s is gone", name)
	default:
		was, is := before.Leaves(nil), after.Leaves(nil)
		if maps.Equal(was, is) {
			return
		}
		if a, b := was[""], is[""]; len(was) == 1 && len(is) == 1 && a != b {
			c.fields(labelled{kind: kind}, map[string]string{name: a}, map[string]string{name: b})
			return
		}
		c.add(kind, name, changed, "%s changed", name)
	}
}

// files compares the files of adapters, robots and the workspace's own contracts.
func (c *comparison) files() {
	people, _ := c.after.peopleOf()
	was, _ := c.before.peopleOf()
	for _, name := range union(c.before.Files, c.after.Files) {
		before, there := c.before.Files[name]
		after, is := c.after.Files[name]
		if name == configFile || name == people || name == was || before == after && there == is {
			continue
		}
		c.subject = fileSubject(name)
		switch {
		case !there:
			c.add("file", name, added, "%s is used now", name)
		case !is:
			c.add("file", name, removed, "%s is not used any more", name)
		default:
			c.sections("file", name, before, after)
		}
	}
}

func fileSubject(name string) string {
	kind := map[string]string{"adapters": "adapter", "robots": "robot", "contracts": "contract"}[path.Dir(name)]
	if kind == "" {
		return "file " + name
	}
	return kind + " " + stem(name)
}

// union is the keys of both, sorted.
func union[A, B any](a map[string]A, b map[string]B) []string {
	return unionOf(slices.Collect(maps.Keys(a)), slices.Collect(maps.Keys(b)))
}

func unionOf(a, b []string) []string {
	all := slices.Concat(a, b)
	slices.Sort(all)
	return slices.Compact(all)
}

// quoted is how much of a text is shown.
const quoted = 100

func quote(text string) string {
	text = strings.Join(strings.Fields(text), " ")
	if runes := []rune(text); len(runes) > quoted {
		text = string(runes[:quoted]) + "…"
	}
	return `"` + text + `"`
}

// apart quotes two texts that differ so that the difference is among what is shown.
func apart(is, was string) (string, string) {
	a, b := []rune(strings.Join(strings.Fields(is), " ")), []rune(strings.Join(strings.Fields(was), " "))
	same := 0
	for same < len(a) && same < len(b) && a[same] == b[same] {
		same++
	}
	if same > quoted/2 && (len(a) > quoted || len(b) > quoted) {
		from := same - 20
		return quote("…" + string(a[from:])), quote("…" + string(b[from:]))
	}
	return quote(is), quote(was)
}
