package source

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"gopkg.in/yaml.v3"
)

// MaxBytes is the largest file that Parse reads; MaxDepth the deepest nesting. Both only exist to
// refuse hostile files, and no honest one comes near them.
const (
	MaxBytes = 1 << 20
	MaxDepth = 60

	maxUnknown = 100 // unknown fields of one mapping that are reported
)

// Document is one parsed YAML file and the problems found in it so far.
type Document struct {
	File     string
	Root     *Node
	problems Problems
}

// Parse reads one YAML document. Aliases, anchors, merge keys and custom tags are refused: they hide
// from the reader what a file says. A file that cannot be parsed has a nil Root and one problem.
func Parse(file string, text []byte) *Document {
	doc := &Document{File: file}
	if len(text) > MaxBytes {
		doc.problems = append(doc.problems, Problem{File: file, Severity: SeverityError,
			Message: fmt.Sprintf("the file has %d bytes", len(text)), Hint: fmt.Sprintf("at most %d are read", MaxBytes)})
		return doc
	}
	decoder := yaml.NewDecoder(bytes.NewReader(text))
	var root yaml.Node
	if err := decoder.Decode(&root); err != nil {
		if errors.Is(err, io.EOF) {
			doc.problems = append(doc.problems, Problem{File: file, Line: 1, Column: 1, Severity: SeverityError, Message: "the file is empty"})
			return doc
		}
		doc.problems = append(doc.problems, syntaxProblem(file, err))
		return doc
	}
	var second yaml.Node
	if err := decoder.Decode(&second); err == nil {
		doc.problems = append(doc.problems, Problem{File: file, Line: second.Line, Column: 1, Severity: SeverityError,
			Message: "a second YAML document begins here", Hint: "keep one document in a file"})
	} else if !errors.Is(err, io.EOF) {
		doc.problems = append(doc.problems, syntaxProblem(file, err))
	}
	doc.Root = &Node{doc: doc, yaml: root.Content[0]}
	doc.Root.verify(0)
	if doc.problems.Err() != nil {
		doc.Root = nil
	}
	return doc
}

var yamlLine = regexp.MustCompile(`line (\d+): `)

func syntaxProblem(file string, err error) Problem {
	message := strings.TrimPrefix(err.Error(), "yaml: ")
	line := 1
	if m := yamlLine.FindStringSubmatch(message); m != nil {
		line, _ = strconv.Atoi(m[1])
		message = strings.Replace(message, m[0], "", 1)
	}
	hint := "check the indentation and the quotes around values that hold : # { or ["
	if strings.Contains(message, "cannot start any token") {
		hint = "indent with spaces, never with tabs, and put a value that begins with @ ` or % in quotes"
	}
	return Problem{File: file, Line: line, Column: 1, Severity: SeverityError, Message: "not valid YAML: " + message, Hint: hint}
}

// Problems returns what was found so far, by position.
func (d *Document) Problems() Problems { return slices.Compact(d.problems.Sorted()) }

// Add puts a problem that somebody else found on the document's list.
func (d *Document) Add(problems ...Problem) { d.problems = append(d.problems, problems...) }

// Kind is the shape of a node.
type Kind int

const (
	// Absent is the kind of a nil node: the key is not there.
	Absent Kind = iota
	// Null is an explicit null or an empty value.
	Null
	// Scalar is a text, number, boolean or date.
	Scalar
	// List is a sequence.
	List
	// Map is a mapping.
	Map
)

// String names the kind as a person would.
func (k Kind) String() string {
	return [...]string{"nothing", "an empty value", "a single value", "a list", "a mapping"}[k]
}

// Node is one place in a document. All methods accept a nil node, which stands for a key that is not there.
type Node struct {
	doc  *Document
	yaml *yaml.Node
	path string
	key  *yaml.Node // the key under which this node stands, if any
}

// Kind returns the shape of the node.
func (n *Node) Kind() Kind {
	switch {
	case n == nil:
		return Absent
	case n.yaml.Kind == yaml.MappingNode:
		return Map
	case n.yaml.Kind == yaml.SequenceNode:
		return List
	case n.yaml.Tag == "!!null":
		return Null
	default:
		return Scalar
	}
}

// Exists says whether the node is there (an explicit null counts as there).
func (n *Node) Exists() bool { return n != nil }

// File is the name of the file that the node stands in.
func (n *Node) File() string {
	if n == nil {
		return ""
	}
	return n.doc.File
}

// Path is the node's place in the document, as in steps[2].with.email.
func (n *Node) Path() string {
	if n == nil {
		return ""
	}
	return n.path
}

// Position returns the 1-based line and column of the node's value.
func (n *Node) Position() (line, column int) {
	if n == nil {
		return 0, 0
	}
	return n.yaml.Line, n.yaml.Column
}

// PositionAt returns the 1-based line and column of a character of a scalar's text, given by its offset in runes.
func (n *Node) PositionAt(offset int) (line, column int) {
	if n == nil {
		return 0, 0
	}
	line, column = n.offset(offset)
	if offset == 0 && n.yaml.Kind == yaml.ScalarNode && n.yaml.Style&(yaml.SingleQuotedStyle|yaml.DoubleQuotedStyle) != 0 {
		column++
	}
	return line, column
}

// Comments are the lines of the comment above the node and of the one behind it, each with its #.
func (n *Node) Comments() []string {
	if n == nil {
		return nil
	}
	var lines []string
	for _, y := range []*yaml.Node{n.yaml, n.first()} {
		for _, text := range []string{y.HeadComment, y.LineComment} {
			if text != "" {
				lines = append(lines, strings.Split(text, "\n")...)
			}
		}
	}
	return lines
}

// first is the node that the comment of a mapping in a list hangs on: its first key.
func (n *Node) first() *yaml.Node {
	if n.yaml.Kind == yaml.MappingNode && len(n.yaml.Content) > 0 {
		return n.yaml.Content[0]
	}
	return &yaml.Node{}
}

// Errorf reports an error at the node. The hint says what to do and may be empty.
func (n *Node) Errorf(hint, format string, args ...any) {
	n.report(SeverityError, 0, hint, fmt.Sprintf(format, args...))
}

// Warnf reports a warning at the node.
func (n *Node) Warnf(hint, format string, args ...any) {
	n.report(SeverityWarning, 0, hint, fmt.Sprintf(format, args...))
}

// ErrorAt reports an error at a rune offset within the node's scalar text, for expressions and cells.
func (n *Node) ErrorAt(offset int, hint, format string, args ...any) {
	n.report(SeverityError, offset, hint, fmt.Sprintf(format, args...))
}

// WarnAt reports a warning at a rune offset within the node's scalar text.
func (n *Node) WarnAt(offset int, hint, format string, args ...any) {
	n.report(SeverityWarning, offset, hint, fmt.Sprintf(format, args...))
}

func (n *Node) report(severity Severity, offset int, hint, message string) {
	if n == nil {
		return
	}
	line, column := n.offset(offset)
	n.doc.Add(Problem{File: n.doc.File, Line: line, Column: column, Path: n.path, Severity: severity, Message: message, Hint: hint})
}

// offset translates a rune offset in the scalar's value to a place in the file. Quoted one-line scalars
// begin one column later; block scalars begin on the next line, indented.
func (n *Node) offset(offset int) (line, column int) {
	line, column = n.yaml.Line, n.yaml.Column
	if n.yaml.Kind != yaml.ScalarNode || offset == 0 && n.yaml.Style&(yaml.LiteralStyle|yaml.FoldedStyle) == 0 {
		return line, column
	}
	switch {
	case n.yaml.Style&(yaml.LiteralStyle|yaml.FoldedStyle) != 0:
		before := string([]rune(n.yaml.Value)[:min(offset, len([]rune(n.yaml.Value)))])
		last := strings.LastIndex(before, "\n")
		indent := 3
		if n.key != nil {
			indent = n.key.Column + 2
		}
		return line + 1 + strings.Count(before, "\n"), indent + len([]rune(before[last+1:]))
	case n.yaml.Style&(yaml.SingleQuotedStyle|yaml.DoubleQuotedStyle) != 0:
		return line, column + 1 + offset
	default:
		return line, column + offset
	}
}

// verify refuses what would make a file say something else than it shows.
func (n *Node) verify(depth int) {
	if depth > MaxDepth {
		n.Errorf("", "nested deeper than %d levels", MaxDepth)
		return
	}
	y := n.yaml
	if y.Kind == yaml.AliasNode || y.Anchor != "" {
		n.Errorf("write the value out", "anchors and aliases are not supported")
		return
	}
	if y.Style&yaml.TaggedStyle != 0 {
		n.Errorf("remove the tag", "YAML tags such as %s are not supported", y.Tag)
	}
	switch y.Kind {
	case yaml.SequenceNode:
		for _, item := range n.List() {
			item.verify(depth + 1)
		}
	case yaml.MappingNode:
		seen := map[string]int{}
		for i := 0; i+1 < len(y.Content); i += 2 {
			key := y.Content[i]
			keyNode := &Node{doc: n.doc, yaml: key, path: n.path}
			if key.Kind != yaml.ScalarNode || key.Tag == "!!merge" {
				keyNode.Errorf("", "a key must be a plain name")
				continue
			}
			if line, twice := seen[key.Value]; twice {
				keyNode.Errorf("remove one of them", "the key %q is there twice, first on line %d", key.Value, line)
			}
			seen[key.Value] = key.Line
			n.child(i).verify(depth + 1)
		}
	}
}

func (n *Node) child(i int) *Node {
	key, value := n.yaml.Content[i], n.yaml.Content[i+1]
	return &Node{doc: n.doc, yaml: value, path: join(n.path, key.Value), key: key}
}

func join(path, key string) string {
	if path == "" {
		return key
	}
	return path + "." + key
}

// Keys returns the keys of a mapping in the order of the file.
func (n *Node) Keys() []string {
	if n.Kind() != Map {
		return nil
	}
	keys := make([]string, 0, len(n.yaml.Content)/2)
	for i := 0; i+1 < len(n.yaml.Content); i += 2 {
		keys = append(keys, n.yaml.Content[i].Value)
	}
	return keys
}

// Get returns the value under a key of a mapping, or nil.
func (n *Node) Get(key string) *Node {
	if n.Kind() != Map {
		return nil
	}
	for i := 0; i+1 < len(n.yaml.Content); i += 2 {
		if n.yaml.Content[i].Value == key {
			return n.child(i)
		}
	}
	return nil
}

// KeyNode returns the node of the key itself, to report a problem with the name rather than the value.
func (n *Node) KeyNode(key string) *Node {
	if n.Kind() != Map {
		return nil
	}
	for i := 0; i+1 < len(n.yaml.Content); i += 2 {
		if n.yaml.Content[i].Value == key {
			return &Node{doc: n.doc, yaml: n.yaml.Content[i], path: join(n.path, key)}
		}
	}
	return nil
}

// Map returns the values of a mapping by key. With names given, every other key is reported with the
// nearest known name. Anything but a mapping is reported; an absent node is an empty mapping.
func (n *Node) Map(known ...string) map[string]*Node {
	if n.Kind() == Absent {
		return nil
	}
	if n.Kind() != Map {
		n.Errorf("", "expected a mapping, found %s", n.Kind())
		return nil
	}
	children := make(map[string]*Node, len(n.yaml.Content)/2)
	unknown := 0
	allowed := make(map[string]bool, len(known))
	for _, name := range known {
		allowed[name] = true
	}
	for i := 0; i+1 < len(n.yaml.Content); i += 2 {
		key := n.yaml.Content[i].Value
		if len(known) > 0 && !allowed[key] {
			if unknown++; unknown <= maxUnknown {
				at := &Node{doc: n.doc, yaml: n.yaml.Content[i], path: join(n.path, key)}
				at.Errorf(DidYouMean(key, known), "unknown field %q", key)
			}
			continue
		}
		children[key] = n.child(i)
	}
	return children
}

// List returns the items of a list. Anything else is reported; an absent node is an empty list.
func (n *Node) List() []*Node {
	if n.Kind() == Absent {
		return nil
	}
	if n.Kind() != List {
		n.Errorf("", "expected a list, found %s", n.Kind())
		return nil
	}
	items := make([]*Node, len(n.yaml.Content))
	for i, item := range n.yaml.Content {
		items[i] = &Node{doc: n.doc, yaml: item, path: fmt.Sprintf("%s[%d]", n.path, i)}
	}
	return items
}
