package source

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"

	"gopkg.in/yaml.v3"
)

// Literal returns the scalar as it stands in the file, without quotes, and whether it was quoted or a block.
func (n *Node) Literal() (text string, quoted bool) {
	if n.Kind() != Scalar {
		return "", false
	}
	return n.yaml.Value, n.yaml.Style&(yaml.SingleQuotedStyle|yaml.DoubleQuotedStyle|yaml.LiteralStyle|yaml.FoldedStyle) != 0
}

// Tag returns the YAML tag of a scalar: !!str !!int !!float !!bool !!null !!timestamp.
func (n *Node) Tag() string {
	if n == nil {
		return ""
	}
	return n.yaml.Tag
}

// Text returns a scalar as text, whatever its YAML type, so that `version: 1.10` stays 1.10.
// Anything but a scalar is reported; an absent node is "".
func (n *Node) Text() string {
	switch n.Kind() {
	case Absent:
		return ""
	case Scalar:
		return n.yaml.Value
	default:
		n.Errorf("", "expected a text, found %s", n.Kind())
		return ""
	}
}

// Texts returns a list of texts; a single text counts as a list of one.
func (n *Node) Texts() []string {
	if n.Kind() == Scalar {
		return []string{n.Text()}
	}
	var texts []string
	for _, item := range n.List() {
		texts = append(texts, item.Text())
	}
	return texts
}

// Bool returns a boolean. YAML 1.1's yes, no, on and off are texts here, and so are reported.
func (n *Node) Bool() bool {
	switch {
	case n.Kind() == Absent:
		return false
	case n.Kind() == Scalar && n.yaml.Tag == "!!bool":
		return n.yaml.Value == "true" || n.yaml.Value == "True" || n.yaml.Value == "TRUE"
	default:
		n.Errorf("write true or false", "expected true or false, found %s", n.describe())
		return false
	}
}

// Int returns a whole number.
func (n *Node) Int() int {
	if n.Kind() == Absent {
		return 0
	}
	i, err := strconv.Atoi(n.Text())
	if err != nil {
		n.Errorf("", "expected a whole number, found %s", n.describe())
	}
	return i
}

var durationUnits = regexp.MustCompile(`^(\d+)\s*(ms|s|m|h|d|w|milliseconds?|seconds?|minutes?|hours?|days?|weeks?)$`)

// ParseDuration reads durations as people write them: 30s, 2h, 3d, "10 minutes", "2 days".
func ParseDuration(text string) (time.Duration, error) {
	m := durationUnits.FindStringSubmatch(strings.TrimSpace(text))
	if m == nil {
		return 0, fmt.Errorf("%q is not a duration", text)
	}
	count, err := strconv.ParseInt(m[1], 10, 32)
	if err != nil {
		return 0, fmt.Errorf("%q is too long", text)
	}
	unit := map[byte]time.Duration{'s': time.Second, 'm': time.Minute, 'h': time.Hour, 'd': 24 * time.Hour, 'w': 7 * 24 * time.Hour}[m[2][0]]
	if m[2] == "ms" || strings.HasPrefix(m[2], "milli") {
		unit = time.Millisecond
	}
	return time.Duration(count) * unit, nil
}

// Duration returns a duration such as 30s, 2h or "3 days".
func (n *Node) Duration() time.Duration {
	if n.Kind() == Absent {
		return 0
	}
	d, err := ParseDuration(n.Text())
	if err != nil {
		n.Errorf("write for example 30s, 10 minutes, 2h or 3 days", "%s", err)
	}
	return d
}

// OneOf returns a text that must be one of the given ones.
func (n *Node) OneOf(values ...string) string {
	if n.Kind() == Absent {
		return ""
	}
	text := n.Text()
	for _, value := range values {
		if text == value {
			return text
		}
	}
	n.Errorf(DidYouMean(text, values), "%q is not one of the values possible here", text)
	return ""
}

// Required returns the child under a key and reports its absence at the mapping.
func (n *Node) Required(key, hint string) *Node {
	child := n.Get(key)
	if child == nil && n.Kind() == Map {
		n.Errorf(hint, "the field %q is missing", key)
	}
	return child
}

// Leaves returns every single value at or below the node by its place below it, as in .with.email or [2]; a list of
// single values, and anything empty, counts as one value. Nodes for which skip says so are left out with all that is
// below them; nil: none are.
func (n *Node) Leaves(skip func(*Node) bool) map[string]string {
	found := map[string]string{}
	n.leaves("", skip, found)
	return found
}

func (n *Node) leaves(place string, skip func(*Node) bool, found map[string]string) {
	if n == nil || skip != nil && skip(n) {
		return
	}
	switch n.Kind() {
	case Map:
		for _, key := range n.Keys() {
			n.Get(key).leaves(place+"."+key, skip, found)
		}
		if len(n.Keys()) == 0 {
			found[place] = "{}"
		}
	case List:
		if texts, ok := n.singles(); ok {
			found[place] = "[" + strings.Join(texts, ", ") + "]"
			return
		}
		for i, item := range n.List() {
			item.leaves(fmt.Sprintf("%s[%d]", place, i), skip, found)
		}
	default:
		found[place] = n.yaml.Value
	}
}

// singles are the items of a list, if all of them are single values.
func (n *Node) singles() ([]string, bool) {
	var texts []string
	for _, item := range n.yaml.Content {
		if item.Kind != yaml.ScalarNode {
			return nil, false
		}
		texts = append(texts, item.Value)
	}
	return texts, true
}

func (n *Node) describe() string {
	if n.Kind() == Scalar {
		return strconv.Quote(n.yaml.Value)
	}
	return n.Kind().String()
}
