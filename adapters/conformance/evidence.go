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

var documentedForm = regexp.MustCompile(`^(https://[^\s,]+|docs/[a-z/-]+\.md), ([0-9]{4}-[0-9]{2}-[0-9]{2})$`)

// Evidence says what the test rests on: recorded and the day, documented and the vendor's page with the day on which it was
// read, or nothing.
func (t Test) Evidence() (kind, page, on string) {
	if t.Recorded != "" {
		return Recorded, "", t.Recorded
	}
	if found := documentedForm.FindStringSubmatch(t.Source); found != nil {
		return Documented, found[1], found[2]
	}
	return "", "", ""
}

// sourceOf reads where the vendor says something, and when that was read.
func sourceOf(node *source.Node) string {
	if !node.Exists() {
		return ""
	}
	text := strings.TrimSpace(node.Text())
	found := documentedForm.FindStringSubmatch(text)
	if found == nil {
		node.Errorf("write it as 'https://developers.deskly.example/tasks, 2026-11-22'", "%q is not a page and the day on which it was read", text)
	} else if _, err := time.Parse(time.DateOnly, found[2]); err != nil {
		node.Errorf("", "%q is not a day", found[2])
	}
	return text
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
