package spreadsheet

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"crosswalk/rules"
	"crosswalk/source"
)

// field is a field of the head as a row of a sheet has it: a name, a value, a comment behind it; or a comment alone.
type field struct{ key, value, comment string }

var keyLine = regexp.MustCompile(`^([A-Za-z_][A-Za-z0-9_]*):(?: +(.*))?$`)

// fields cuts the head of a table into its fields. A value of one line is written as what it says, without quotes;
// one of several lines stays the YAML that it is.
func fields(head []rules.SourceLine) ([]field, error) {
	var found []field
	var pending []string // comments and empty lines, which belong to the next field unless this one goes on
	for i, line := range head {
		switch content := strings.TrimRight(line.Text, " \t"); {
		case content == "" || content[0] == '#':
			pending = append(pending, content)
		case keyLine.MatchString(content):
			found, pending = comments(found, pending), nil
			m := keyLine.FindStringSubmatch(content)
			found = append(found, field{key: m[1], value: m[2]})
		case len(found) > 0 && found[len(found)-1].key != "" && (content[0] == ' ' || content[0] == '\t' || content[0] == '-' || content[0] == '}' || content[0] == ']'):
			last := &found[len(found)-1]
			for _, inner := range append(pending, content) {
				last.value += "\n" + inner
			}
			pending = nil
		default:
			return nil, fmt.Errorf("line %d of the table's head cannot be taken apart: %q; write each field on a line of its own, as in hit: unique", i+1, content)
		}
	}
	found = comments(found, pending)
	for i := range found {
		found[i].simplify()
	}
	return found, nil
}

func comments(found []field, lines []string) []field {
	for _, line := range lines {
		if line != "" {
			found = append(found, field{comment: line})
		}
	}
	return found
}

// simplify takes the comment off the value, and the quotes, if fieldLines gives the same meaning back.
func (f *field) simplify() {
	if f.key == "" {
		return
	}
	if strings.HasPrefix(f.value, "\n") {
		f.value = f.value[1:]
		return
	}
	if strings.Contains(f.value, "\n") {
		return
	}
	node := source.Parse("", []byte(f.key+": "+f.value+"\n")).Root.Get(f.key)
	if node == nil {
		return
	}
	if comments := node.Comments(); len(comments) > 0 {
		last := comments[len(comments)-1]
		if rest, ok := strings.CutSuffix(f.value, last); ok {
			f.value, f.comment = strings.TrimRight(rest, " \t"), last
		}
	}
	if node.Kind() != source.Scalar {
		return
	}
	for _, simple := range []string{node.Text(), quote(node.Text())} {
		lines := fieldLines(f.key, simple)
		if back := source.Parse("", []byte(strings.Join(lines, "\n")+"\n")).Root.Get(f.key); len(lines) == 1 && back.Kind() == source.Scalar && back.Text() == node.Text() {
			f.value = simple
			return
		}
	}
}

func quote(text string) string { return strconv.Quote(text) }

// fieldLines makes YAML of a field: what is YAML already stays so, and every other text is put in quotes.
func fieldLines(key, value string) []string {
	value = strings.TrimRight(value, " \t\n")
	if strings.Contains(value, "\n") {
		lines := strings.Split(value, "\n")
		if first := lines[0]; first == "" || strings.ContainsAny(first[:1], " \t-#") {
			lines = append([]string{key + ":"}, lines...)
		} else {
			lines[0] = key + ": " + first
		}
		for _, line := range lines[1:] {
			if line != "" && !strings.ContainsAny(line[:1], " \t-#}]") { // it was no YAML, but a text of several lines
				return []string{key + ": " + quote(value)}
			}
		}
		return lines
	}
	if value == "" {
		return []string{key + ":"}
	}
	if strings.ContainsAny(value[:1], " \t-") && value != "-" { // a list or mapping of one line
		if node := source.Parse("", []byte(key+":\n"+value+"\n")).Root.Get(key); node.Kind() == source.List || node.Kind() == source.Map {
			return []string{key + ":", value}
		}
	}
	node := source.Parse("", []byte(key+": "+value+"\n")).Root.Get(key)
	asIs := false
	switch node.Kind() {
	case source.Scalar:
		asIs = node.Text() == value || len(value) > 1 && value[0] == '"' && value[len(value)-1] == '"'
	case source.Map, source.List:
		asIs = strings.ContainsAny(value[:1], "{[")
	}
	if asIs && len(node.Comments()) == 0 {
		return []string{key + ": " + value}
	}
	return []string{key + ": " + quote(value)}
}
