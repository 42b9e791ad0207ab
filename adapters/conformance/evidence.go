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

// documentedForm is a page, and behind it the day on which somebody read it or the version that the vendor gives it. A page
// alone says where it is described, and no more.
var documentedForm = regexp.MustCompile(`^(https://[^\s,]+|docs/[a-z/-]+\.md)(?:, ([0-9]{4}-[0-9]{2}-[0-9]{2}|version [A-Za-z0-9._-]+))?$`)

// Evidence says what the test rests on: recorded and the day; or documented and the vendor's page, with the day on which it was
// read or its version if the file says one; or nothing.
func (t Test) Evidence() (kind, page, on string) {
	if t.Recorded != "" {
		return Recorded, "", t.Recorded
	}
	if found := documentedForm.FindStringSubmatch(t.Source); found != nil {
		return Documented, found[1], found[2]
	}
	return "", "", ""
}

// sourceOf reads where the vendor says something, and when that was read or in which version.
func sourceOf(node *source.Node) string {
	if !node.Exists() {
		return ""
	}
	text := strings.TrimSpace(node.Text())
	found := documentedForm.FindStringSubmatch(text)
	if found == nil {
		node.Errorf("write it as 'https://developers.deskly.example/tasks', with ', 2026-11-22' behind it if somebody read it on that day, or ', version 2026-04' if the vendor numbers it",
			"%q is not a page, with or without the day on which it was read or its version", text)
	} else if found[2] != "" && !strings.HasPrefix(found[2], "version ") {
		if _, err := time.Parse(time.DateOnly, found[2]); err != nil {
			node.Errorf("", "%q is not a day", found[2])
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
	switch {
	case on == "":
		return text
	case strings.HasPrefix(on, "version "):
		return text + " in " + on
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
