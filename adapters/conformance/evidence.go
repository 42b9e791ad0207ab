package conformance

import (
	"regexp"
	"strings"
	"time"

	"crosswalk/source"
)

// What a test rests on: a running system that answered so, or the vendor's page.
const (
	Recorded   = "recorded"
	Documented = "documented"
)

// notCompared stands behind a page that says where something is described, of which nobody has seen that it says the same.
const notCompared = "not compared"

// documentedForm is a page, and behind it the version that the vendor gives it, and the day on which somebody read it or that
// nobody did. A page alone says where it is described, and no more.
var documentedForm = regexp.MustCompile(`^(https://[^\s,]+|docs/[a-z/-]+\.md)(?:, (version [A-Za-z0-9._-]+))?(?:, ([0-9]{4}-[0-9]{2}-[0-9]{2}|` + notCompared + `))?$`)

// Evidence says what the test rests on: recorded and the day; or documented and the vendor's page, with its version and the day
// on which it was read if the file says them; or nothing.
func (t Test) Evidence() (kind, page, on string) {
	if t.Recorded != "" {
		return Recorded, "", t.Recorded
	}
	if page, on := documented(t.Source); page != "" {
		return Documented, page, on
	}
	return "", "", ""
}

// Evidence is the vendor's page, with its version and the day on which it was read if the file says them.
func (d Delivery) Evidence() (page, on string) { return documented(d.Source) }

func documented(source string) (page, on string) {
	found := documentedForm.FindStringSubmatch(source)
	if found == nil {
		return "", ""
	}
	return found[1], strings.TrimPrefix(strings.TrimPrefix(source, found[1]), ", ")
}

// sourceOf reads where the vendor says something, and when that was read or in which version.
func sourceOf(node *source.Node) string {
	if !node.Exists() {
		return ""
	}
	text := strings.TrimSpace(node.Text())
	found := documentedForm.FindStringSubmatch(text)
	if found == nil {
		node.Errorf("write it as 'https://developers.deskly.example/tasks', behind it ', version 2026-04' if the vendor numbers it, and ', 2026-11-22' if somebody read it on that day or ', not compared' if nobody did",
			"%q is not a page, with or without its version and the day on which it was read", text)
	} else if found[3] != "" && found[3] != notCompared {
		if _, err := time.Parse(time.DateOnly, found[3]); err != nil {
			node.Errorf("", "%q is not a day", found[3])
		}
	}
	return text
}

// cited is how a page of the documentation names what an example rests on.
func cited(page, on string) string {
	text := "documented"
	if strings.HasPrefix(page, "https://") {
		text = "[documented](" + page + ")"
	}
	if version, rest, _ := strings.Cut(on, ", "); strings.HasPrefix(version, "version ") {
		text, on = text+" in "+version, rest
	}
	switch on {
	case "":
		return text
	case notCompared:
		return text + ", not compared"
	}
	return text + ", read " + on
}

// day reads the day on which a running system answered.
func day(node *source.Node) string {
	if !node.Exists() {
		return ""
	}
	if _, err := time.Parse(time.DateOnly, node.Text()); err != nil {
		node.Errorf("write it as 2026-11-22", "%q is not a day", node.Text())
	}
	return node.Text()
}
