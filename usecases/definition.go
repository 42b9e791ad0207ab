// Package usecases reads the files in which business analysts describe a use case, checks them against
// the contracts of the systems and the rule tables that they use, and turns them into plans that the
// interpreter runs.
//
// It is pure: it reads no file and calls nobody. docs/usecases.md is the reference of the format.
package usecases

import (
	"path"
	"regexp"
	"slices"
	"strings"

	"crosswalk/source"
)

// Definition is a use case file as far as it can be understood without its surroundings: what it is
// called and what it needs.
type Definition struct {
	Name    string
	Title   string
	File    string
	Text    []byte
	Systems []string    // the systems that it calls, sorted
	Calls   []Reference // every call, in the order of the file
	Tables  []string    // the rule tables that it decides with, sorted
	Runs    []Reference // every use case that it runs, in the order of the file; only Operation is set: its name
}

// Reference is one call in a file, or a use case that is run.
type Reference struct {
	System, Operation string
	File              string
	Line, Column      int
}

var (
	useCaseName = regexp.MustCompile(`^[a-z][a-z0-9]*(-[a-z0-9]+)*$`)
	stepName    = regexp.MustCompile(`^[a-z][a-z0-9_]{0,39}$`)
)

// Parse reads a use case file. The problems are those of its name and of YAML itself; Check finds the
// others. The definition is nil if the file cannot be read or has no usable name.
func Parse(file string, text []byte) (*Definition, source.Problems) {
	doc := source.Parse(file, text)
	d := &Definition{File: file, Text: slices.Clone(text)}
	if doc.Root == nil {
		return nil, doc.Problems()
	}
	d.Name = parseName(doc.Root)
	if doc.Problems().Err() != nil || d.Name == "" {
		return nil, doc.Problems()
	}
	if title, _ := doc.Root.Get("title").Literal(); title != "" {
		d.Title = constantTitle(title, d.Name)
	} else {
		d.Title = d.Name
	}
	d.collect(doc.Root.Get("steps"))
	d.collect(doc.Root.Get("joined"))
	slices.Sort(d.Systems)
	slices.Sort(d.Tables)
	d.Systems, d.Tables = slices.Compact(d.Systems), slices.Compact(d.Tables)
	return d, doc.Problems()
}

func parseName(root *source.Node) string {
	if root.Kind() != source.Map {
		root.Errorf("begin with usecase: and its name", "a use case is a mapping, found %s", root.Kind())
		return ""
	}
	node := root.Required("usecase", "give the use case a name, as in usecase: customer-complaint")
	name := node.Text()
	if !node.Exists() {
		return ""
	}
	if !useCaseName.MatchString(name) || len(name) > 60 {
		node.Errorf("use small letters, digits and single hyphens, beginning with a letter, at most 60", "%q is not a name for a use case", name)
		return ""
	}
	if base := strings.TrimSuffix(strings.TrimSuffix(path.Base(root.File()), ".yaml"), ".yml"); base != name {
		node.Errorf("name the file "+name+".yaml", "the file is called %s, the use case %s", path.Base(root.File()), name)
	}
	return name
}

// constantTitle is a title without its expressions, for lists in which no case stands behind it.
func constantTitle(title, fallback string) string {
	if i := strings.Index(title, "${"); i >= 0 {
		title = strings.TrimRight(title[:i], " :,-–(#")
	}
	if strings.TrimSpace(title) == "" {
		return fallback
	}
	return strings.TrimSpace(title)
}

// collect walks the steps wherever they may stand. It is lenient: Check complains.
func (d *Definition) collect(steps *source.Node) {
	if steps.Kind() != source.List {
		return
	}
	for _, step := range steps.List() {
		if call, _ := step.Get("call").Literal(); call != "" {
			d.call(step.Get("call"), call)
		}
		if table, _ := step.Get("decide").Literal(); table != "" {
			d.Tables = append(d.Tables, table)
		}
		if name, _ := step.Get("run").Literal(); name != "" {
			line, column := step.Get("run").Position()
			d.Runs = append(d.Runs, Reference{Operation: name, File: d.File, Line: line, Column: column})
		}
		for _, list := range nested(step) {
			d.collect(list.steps)
		}
	}
}

func (d *Definition) call(node *source.Node, text string) {
	system, operation, ok := strings.Cut(text, ".")
	if !ok {
		return
	}
	line, column := node.Position()
	d.Systems = append(d.Systems, system)
	d.Calls = append(d.Calls, Reference{System: system, Operation: operation, File: d.File, Line: line, Column: column})
}

func sortedKeys[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for key := range m {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	return keys
}
