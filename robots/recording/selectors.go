package recording

import (
	"encoding/json"
	"regexp"
	"slices"
	"strings"
)

// chromeTargets turns the selectors of a step into targets. Shadow says that some were left out because they
// reach into a shadow root. Hint is what kind of element it is, if that is known.
func chromeTargets(selectors []json.RawMessage, hint string) (targets []Target, shadow bool) {
	var all [][]string
	for _, raw := range selectors {
		var one string
		var parts []string
		switch {
		case json.Unmarshal(raw, &one) == nil:
			all = append(all, []string{one})
		case json.Unmarshal(raw, &parts) == nil && len(parts) > 0:
			all = append(all, parts)
		}
	}
	clicked := hint == ""
	for _, parts := range all { // what kind of element it is shows in the other selectors
		hint = either(hint, elementKind(parts[len(parts)-1]))
	}
	if clicked && hint == "label" && slices.ContainsFunc(all, func(parts []string) bool { return strings.HasPrefix(parts[len(parts)-1], "text/") }) &&
		slices.ContainsFunc(all, func(parts []string) bool { return inputAtEnd.MatchString(parts[len(parts)-1]) }) {
		hint = "button" // of all inputs, only those of buttons have a text
	}
	for _, parts := range all {
		last := parts[len(parts)-1]
		if text, named := strings.CutPrefix(last, "aria/"); named && clicked && hint == "label" && !ariaRole.MatchString(text) { // a box, or a button: what is not there has no voice
			targets = append(targets, ariaTarget(text, "button")...)
		}
		if len(parts) > 1 && !strings.HasPrefix(last, "aria/") && !strings.HasPrefix(last, "text/") {
			shadow = true
			continue
		}
		targets = append(targets, chromeTarget(last, hint)...)
	}
	return byWorth(targets), shadow
}

var (
	ariaRole   = regexp.MustCompile(`^(.*?)\s*\[role="([a-z]+)"\]$`)
	ariaEscape = regexp.MustCompile(`\\(.)`)
	idXPath    = regexp.MustCompile(`^//\*\[@id=(?:"([^"]+)"|'([^']+)')\]$`)
	textXPath  = regexp.MustCompile(`^//(a|button)\[(?:contains\((?:text\(\)|\.),\s*|text\(\)=|\.=)(?:"([^"]*)"|'([^']*)')\)?\]$`)
	valueXPath = regexp.MustCompile(`^//(?:input|button)\[@value='([^']*\pL[^']*)'\]$`)
	inputAtEnd = regexp.MustCompile(`(?i)(?:^|[ >/])input(?:[\[.#:][^ >/]*)?$`)
	nameCSS    = regexp.MustCompile(`^[a-zA-Z]*\[name=(?:"([^"]+)"|'([^']+)'|([A-Za-z0-9_.-]+))\]$`)
	plainID    = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_-]*$`)
	positional = regexp.MustCompile(`:nth-|\[\d+\]|:first-|:last-`)
)

func chromeTarget(selector, hint string) []Target {
	kind, rest, prefixed := strings.Cut(selector, "/")
	if !prefixed {
		return cssTarget(selector)
	}
	switch kind {
	case "aria":
		return ariaTarget(rest, hint)
	case "text":
		if text := oneLine(rest); text != "" {
			return []Target{{Kind: textKind(hint), Text: text}}
		}
		return nil
	case "xpath":
		return xpathTarget(rest)
	case "pierce", "css":
		return cssTarget(rest)
	}
	return cssTarget(selector)
}

// ariaTarget takes an accessible name, with or without a role.
func ariaTarget(text, hint string) []Target {
	role := ""
	if m := ariaRole.FindStringSubmatch(text); m != nil {
		text, role = m[1], m[2]
	}
	text = oneLine(ariaEscape.ReplaceAllString(text, "$1"))
	switch {
	case text == "":
		return nil
	case role == "button" || role == "link":
		return []Target{{Kind: role, Text: text}}
	case role == "textbox" || role == "combobox" || role == "checkbox" || role == "radio" || role == "searchbox" || role == "spinbutton":
		return []Target{{Kind: "label", Text: text}}
	case role != "":
		return []Target{{Kind: "role", Text: role, Name: text}}
	}
	return []Target{{Kind: either(hint, "text"), Text: text}}
}

// textKind is how an element with a text is named if one knows what it is.
func textKind(hint string) string {
	if hint == "button" || hint == "link" {
		return hint
	}
	return "text"
}

// elementKind guesses from a selector what kind of element is meant: button, link, label for a field, or "".
func elementKind(selector string) string {
	selector = strings.TrimPrefix(strings.TrimPrefix(strings.TrimPrefix(selector, "css/"), "pierce/"), "xpath/")
	if m := ariaRole.FindStringSubmatch(selector); m != nil {
		switch m[2] {
		case "button", "link":
			return m[2]
		}
		return ""
	}
	last := selector
	if at := strings.LastIndexAny(last, "> /"); at >= 0 {
		last = last[at+1:]
	}
	last = strings.ToLower(last)
	tag := last
	if at := strings.IndexAny(tag, "[.#:"); at >= 0 {
		tag = tag[:at]
	}
	switch {
	case tag == "button", tag == "input" && (strings.Contains(last, "submit") || strings.Contains(last, "type=button") || strings.Contains(last, `type="button"`)):
		return "button"
	case tag == "a":
		return "link"
	case tag == "input", tag == "select", tag == "textarea":
		return "label"
	}
	return ""
}

func cssTarget(selector string) []Target {
	selector = oneLine(selector)
	if selector == "" || strings.Contains(selector, "${") || strings.Contains(selector, ">>>") {
		return nil
	}
	if m := nameCSS.FindStringSubmatch(selector); m != nil {
		return []Target{{Kind: "field", Text: m[1] + m[2] + m[3]}}
	}
	return []Target{{Kind: "css", Text: selector}}
}

func xpathTarget(path string) []Target {
	path = oneLine(path)
	if path == "" || strings.Contains(path, "${") {
		return nil
	}
	if m := idXPath.FindStringSubmatch(path); m != nil && plainID.MatchString(m[1]+m[2]) {
		return []Target{{Kind: "css", Text: "#" + m[1] + m[2]}}
	}
	if m := textXPath.FindStringSubmatch(path); m != nil {
		kind := map[string]string{"a": "link", "button": "button"}[m[1]]
		if strings.Contains(path, "contains(") {
			return []Target{{Kind: kind, Text: regexp.QuoteMeta(m[2] + m[3]), Pattern: true}}
		}
		return []Target{{Kind: kind, Text: m[2] + m[3]}}
	}
	if m := valueXPath.FindStringSubmatch(path); m != nil { // it stands on a button; a box or a choice has it unseen
		return []Target{{Kind: "button", Text: m[1]}, {Kind: "xpath", Text: path}}
	}
	return []Target{{Kind: "xpath", Text: path}}
}

// worth orders the ways to name an element: first as a person sees it, last by its position in the page.
func (t Target) worth() int {
	order := slices.Index([]string{"label", "button", "link", "role", "field", "text", "css", "xpath"}, t.Kind) * 2
	switch {
	case (t.Kind == "css" || t.Kind == "xpath") && positional.MatchString(t.Text):
		return order + 40
	case t.Kind == "css" && !strings.HasPrefix(t.Text, "#"):
		return order + 1
	case t.Pattern:
		return order + 7
	}
	return order
}

func byWorth(targets []Target) []Target {
	var kept []Target
	for _, t := range targets {
		if !slices.Contains(kept, t) {
			kept = append(kept, t)
		}
	}
	slices.SortStableFunc(kept, func(a, b Target) int { return a.worth() - b.worth() })
	return kept
}

var secretWords = regexp.MustCompile(`(?i)pass(?:wor[dt]|phrase|code|wd)?\b|passw|pwd|kennwort|geheim|contrase|mot de passe|senha|wachtwoord|\bpin\b|secret|type=.?password|token|one.?time|totp|\botp\b|\bmfa\b|einmalcode`)

// secretField says whether the names of a field tell of a password.
func secretField(targets []Target) bool {
	return slices.ContainsFunc(targets, func(t Target) bool { return secretWords.MatchString(t.Text) || secretWords.MatchString(t.Name) })
}
