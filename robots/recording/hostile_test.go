package recording

import (
	"fmt"
	"path"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"crosswalk/source"
)

// hostile are recordings that are clumsy or mean harm, by what an import says of them; empty: it is taken over without a word.
func hostile() map[string]string {
	chrome := func(steps string) string {
		return `{"title": "t", "steps": [{"type": "navigate", "url": "http://erp.example/"}, ` + steps + `]}`
	}
	side := func(commands string) string {
		return `{"name": "p", "url": "http://erp.example", "tests": [{"name": "t", "commands": [{"command": "open", "target": "/"}, ` + commands + `]}]}`
	}
	found := map[string]string{
		"null": "neither steps", "[]": "a.json:1:2: this is not a recording", "7": "a.json:1:2", `"x"`: "a.json:1:", "{": "a.json:1:2", "\x00": "a.json:1:2: this is not a recording", "\xff\xfe{\x00": "not UTF-8",
		`{"steps": null}`: "nothing that a robot could do", `{"steps": {}}`: "steps must not be object", `{"tests": {}}`: "tests", `{"tests": [7]}`: "a.json:1:", `{"commands": []}`: "neither steps",
		strings.Repeat("[", 20000): "this is not a recording", `{"steps": ` + strings.Repeat(`[`, 20000): "this is not a recording",
		`{"steps": [` + strings.Repeat(`{"type":"close"},`, mostSteps) + `{"type":"close"}]}`: "2001 steps", strings.Repeat(" ", largestFile+1): "more than 8 MiB",
		"\ufeff" + chrome(`{"type": "click", "selectors": [["#a"]]}`): "", strings.ReplaceAll(chrome(`{"type": "click", "selectors": [["#b"]]}`), ", ", ",\r\n"): "",
		`{"title": "../../etc/passwd", "steps": [{"type": "navigate", "url": "http://erp.example/"}]}`: "", `{"title": "` + `\u0000\u202e\n` + `", "steps": [{"type": "navigate", "url": "http://erp.example/"}]}`: "",
		`{"title": "` + strings.Repeat("ab ", 5000) + `", "steps": [{"type": "navigate", "url": "http://erp.example/"}]}`: "",
		`{"steps": [{"type": "navigate", "url": "javascript:alert(1)"}]}`:                                                 "http and https addresses only", `{"steps": [{"type": "navigate", "url": "http://[::1"}]}`: "step 1",
		`{"tests": [{"name": "a", "commands": [{"command": "open", "target": "http://erp.example/"}]}, {"name": "b\u0000"}]}`: "1 more test(s), which are not read: b; name one with --test",
	}
	for steps, want := range map[string]string{
		`7`: "step 2 cannot be read: it must be an object, and is of the kind number", `null`: "step 2 (no type) is not taken over", `{}`: "step 2 (no type)", `{"type": 7}`: "step 2 cannot be read: type must be a text", `{"type": "fly\u0000away"}`: "step 2 (fly away)",
		`{"type": "change", "selectors": [["#a"]], "value": 4711}`: "step 2 cannot be read: value must be a text, and is of the kind number", `{"type": "change", "selectors": "x"}`: "selectors must be a list", `{"type": "click", "frame": [1.5], "selectors": [["#a"]]}`: "frame must be",
		`{"type": "click"}`: "names no element", `{"type": "click", "selectors": [[]]}`: "names no element", `{"type": "click", "selectors": [[""]]}`: "names no element", `{"type": "click", "selectors": [7, null, {}]}`: "names no element", `{"type": "click", "selectors": [["aria/"], ["text/"], ["xpath/"], ["pierce/"]]}`: "names no element",
		`{"type": "click", "selectors": [["#host", "#inner"]]}`: "shadow root", `{"type": "click", "selectors": [["#host >>> #inner"]]}`: "names no element", `{"type": "click", "selectors": [["pierce/#a"], ["text/Go"], ["aria/Go[role=\"button\"]"]]}`: "",
		`{"type": "click", "button": "secondary", "selectors": [["#a"]]}`: "first button of the mouse", `{"type": "doubleClick", "selectors": [["#a"]]}`: "", `{"type": "waitForExpression", "expression": "alert('canary-Secret')"}`: "run no scripts", `{"type": "customStep", "name": "x", "parameters": {"p": "canary-Secret"}}`: "extension of the Recorder",
		`{"type": "emulateNetworkConditions", "download": 1}`: "use the network as it is", `{"type": "waitForElement", "selectors": [["#a"]], "count": 0}`: "until something is seen",
		`{"type": "keyDown", "key": "c"}, {"type": "keyUp", "key": "c"}, {"type": "keyDown", "key": "S"}, {"type": "click", "selectors": [["#a"]]}`: "step 2 (keyDown) is not taken over: a text was typed",
		`{"type": "keyDown", "key": "c"}, {"type": "keyUp", "key": "c"}, {"type": "change", "selectors": [["#a"]], "value": "canary-Secret"}`:       "", `{"type": "keyDown", "key": "Shift"}, {"type": "click", "selectors": [["#a"]]}`: "",
		`{"type": "change", "selectors": [["aria/Password"]], "value": "canary-Secret"}`: "", `{"type": "change", "selectors": [["#${secret.x}"]], "value": "canary-Secret"}`: "names no element", `{"type": "click", "target": "http://other.example/?t=canary-Secret", "selectors": [["#a"]]}`: "",
		`{"type": "click", "frame": [-1, 99999999], "selectors": [["#a"]]}`: "", `{"type": "click", "selectors": [["` + strings.Repeat("div > ", 3000) + `a"]]}`: "", `{"type": "click", "selectors": [["text/a: b # c\n- d"]]}`: "",
	} {
		found[chrome(steps)] = want
	}
	for commands, want := range map[string]string{
		`7`: "a.json:1:", `{"command": 7}`: "must not be number", `{"command": "click", "target": ""}`: "names no element", `{"command": "click", "target": "id="}`: "names no element", `{"command": "click", "target": "identifier=x"}`: "names no element", `{"command": "click", "target": "css=a >>> b"}`: "names no element",
		`{"command": "executeScript", "target": "return 'canary-Secret'"}`: "step 2 (executeScript) is not taken over: robots run no scripts", `{"command": "runScript", "target": "x"}`: "run no scripts", `{"command": "if", "target": "true"}, {"command": "else"}, {"command": "end"}`: "step 3 (else)", `{"command": "forEach", "target": "x"}`: "each:",
		`{"command": "run", "target": "other"}`: "another test", `{"command": "assertAlert", "target": "x"}`: "dialogs:", `{"command": "assertTitle", "target": "x"}`: "expect", `{"command": "fly"}`: "no such step", `{"command": "selectFrame", "target": "css=iframe"}`: "named by css", `{"command": "select", "target": "id=a", "value": "index=1"}`: "record it by its label",
		`{"command": "selectFrame", "target": "index=0"}, {"command": "click", "target": "id=a"}`: "", `{"command": "selectFrame", "target": "relative=parent"}, {"command": "click", "target": "id=a"}`: "", `{"command": "storeValue", "target": "id=a", "value": "true"}`: "", `{"command": "type", "target": "name=password", "value": "canary-Secret"}`: "",
		`{"command": "store", "target": "canary-Secret", "value": "s"}, {"command": "type", "target": "name=a", "value": "${s}"}`: "", `{"command": "store", "target": "x", "value": "__proto__"}, {"command": "click", "target": "${__proto__}"}`: "names no element", `{"command": "click", "target": "//a[", "targets": [[], ["id=b"]]}`: "",
	} {
		found[side(commands)] = want
	}
	return found
}

// TestHostileRecordings holds that whatever is imported is taken over or named, by its step or position, that what is written is
// well-formed and lies in its folders, and that nothing that was typed is told.
func TestHostileRecordings(t *testing.T) {
	t.Parallel()
	for text, want := range hostile() {
		t.Run("", func(t *testing.T) {
			name := fmt.Sprintf("%.200s", text)
			said := ""
			r, err := Read("a.json", []byte(text), "")
			var p *Plan
			if err == nil {
				p, err = NewPlan(r, Options{})
			}
			if err != nil {
				said = err.Error()
			} else {
				for _, one := range r.Unsupported {
					said += one.String() + "\n"
				}
				said += strings.Join(p.Warnings, "\n")
				for file, written := range p.Files() {
					require.Equal(t, path.Clean(file), file, name)
					require.False(t, strings.HasPrefix(file, "/") || strings.HasPrefix(file, ".."), name)
					require.NoError(t, source.Parse(file, written).Problems().Err(), "%s", written)
					require.NotContains(t, string(written), "canary-Secret", name)
					require.Less(t, len(path.Base(file)), 200, name)
				}
			}
			require.NotContains(t, said, "canary-Secret", name)
			require.NotContains(t, said, "4711", name)
			if want == "" {
				require.NoError(t, err, name)
				require.Empty(t, r.Unsupported, name)
				return
			}
			require.Contains(t, said, want, name)
		})
	}
}
