package recording

import (
	"fmt"
	"regexp"
	"strings"
)

type sideCommand struct {
	Command string     `json:"command"`
	Target  string     `json:"target"`
	Targets [][]string `json:"targets"`
	Value   string     `json:"value"`
}

type sideReader struct {
	*Recording
	base      string
	frame     string
	window    string
	variables map[string]string
}

// readSide reads a project of Selenium IDE.
func readSide(file string, text []byte, test string) (*Recording, error) {
	var project struct {
		Name  string `json:"name"`
		URL   string `json:"url"`
		Tests []struct {
			Name     string        `json:"name"`
			Commands []sideCommand `json:"commands"`
		} `json:"tests"`
	}
	if err := decode(file, text, &project); err != nil {
		return nil, err
	}
	if test == "" && len(project.Tests) > 0 {
		test = project.Tests[0].Name
	}
	var names []string
	for at, one := range project.Tests {
		names = append(names, one.Name)
		if one.Name != test {
			continue
		}
		if len(one.Commands) > mostSteps {
			return nil, fmt.Errorf("%s: the test has %d steps, and a robot at most %d", file, len(one.Commands), mostSteps)
		}
		s := &sideReader{Recording: &Recording{Title: either(one.Name, project.Name)}, base: project.URL, variables: map[string]string{}}
		for i, command := range one.Commands {
			s.command(i+1, command)
		}
		for j, other := range project.Tests {
			if j != at {
				s.Others = append(s.Others, oneLine(other.Name))
			}
		}
		return s.Recording, nil
	}
	if len(names) == 0 {
		return nil, fmt.Errorf("%s: the project has no tests", file)
	}
	return nil, fmt.Errorf("%s: the project has no test %q; it has %s", file, test, strings.Join(names, ", "))
}

var (
	sideVariable = regexp.MustCompile(`\$\{([A-Za-z_][A-Za-z0-9_]*)\}`)
	sideKey      = regexp.MustCompile(`^\$\{KEY_([A-Z0-9_]+)\}$`)
)

// filled puts what earlier steps have stored into a text.
func (s *sideReader) filled(text string) string {
	return sideVariable.ReplaceAllStringFunc(text, func(found string) string {
		if value, known := s.variables[found[2:len(found)-1]]; known {
			return value
		}
		return found
	})
}

func (s *sideReader) command(number int, c sideCommand) {
	a := Action{Step: number, Frame: s.frame, Window: s.window}
	name := c.Command
	if strings.HasPrefix(name, "//") || name == "" {
		return // commented out
	}
	value := s.filled(c.Value)
	a.Targets = s.targets(c)
	switch name {
	case "open":
		a.Kind, a.URL = "goto", resolve(s.base, s.filled(c.Target))
		s.frame = ""
		a.Frame = ""
	case "click", "clickAt":
		a.Kind = "click"
	case "doubleClick", "doubleClickAt":
		a.Kind = "dblclick"
	case "type", "sendKeys":
		if m := sideKey.FindStringSubmatch(c.Value); m != nil {
			a.Kind, a.Key = "keyDown", sideKeyName(m[1])
			break
		}
		text, key := value, ""
		for _, known := range []string{"ENTER", "TAB", "RETURN"} {
			if strings.HasSuffix(c.Value, "${KEY_"+known+"}") {
				text, key = strings.TrimSuffix(value, "${KEY_"+known+"}"), sideKeyName(known)
			}
		}
		a.Kind, a.Value, a.Secret = "fill", text, secretField(a.Targets)
		if key != "" && s.need(number, c, a) {
			s.Actions = append(s.Actions, a)
			a = Action{Step: number, Kind: "keyDown", Key: key, Frame: a.Frame, Window: a.Window, Targets: a.Targets}
		}
	case "select", "addSelection":
		how, option, named := strings.Cut(value, "=")
		switch {
		case !named:
			a.Value = value
		case how == "label" || how == "value":
			a.Value = option
		default:
			s.refuse(number, name, "the option is named by its "+oneLine(how)+": record it by its label")
			return
		}
		a.Kind, a.Value = "select", strings.TrimPrefix(a.Value, "exact:")
	case "check", "uncheck":
		a.Kind = name
	case "selectFrame":
		s.selectFrame(number, c)
		return
	case "selectWindow":
		s.selectWindow(c)
		return
	case "assertElementPresent", "verifyElementPresent", "waitForElementPresent", "waitForElementVisible":
		a.Kind = "expect"
	case "assertText", "verifyText", "waitForText":
		if text := oneLine(value); text != "" && !strings.Contains(text, "${") {
			a.Targets = byWorth(append(a.Targets, Target{Kind: "text", Text: text}))
		}
		a.Kind = "expect"
	case "store":
		s.variables[c.Value] = s.filled(c.Target)
		return
	case "storeText", "storeValue":
		a.Kind, a.Value = "read", c.Value
	case "setWindowSize", "mouseOver", "mouseOut", "mouseDown", "mouseUp", "mouseDownAt", "mouseUpAt", "mouseMoveAt", "echo", "close", "setSpeed", "pause":
		s.Noise++
		return
	default:
		s.refuse(number, name, sideWhy(name))
		return
	}
	if a.Kind == "goto" || s.need(number, c, a) {
		s.Actions = append(s.Actions, a)
	}
}

func (s *sideReader) need(number int, c sideCommand, a Action) bool {
	if len(a.Targets) == 0 {
		s.refuse(number, c.Command, "it names no element that a robot can find: "+oneLine(c.Target))
		return false
	}
	return true
}

// sideWhy says why a command is not taken over.
func sideWhy(command string) string {
	lower := strings.ToLower(command)
	switch {
	case strings.Contains(lower, "script") || command == "waitForCondition":
		return "robots run no scripts of the recording: write steps for what it does"
	case strings.Contains("if elseIf else end while times do repeatIf forEach", command):
		return "write when:, seen:, each: or until: at the step"
	case strings.Contains(lower, "confirmation") || strings.Contains(lower, "alert") || strings.Contains(lower, "prompt"):
		return "boxes are answered by dialogs: of the system file"
	case strings.HasPrefix(command, "assert") || strings.HasPrefix(command, "verify") || strings.HasPrefix(command, "waitFor"):
		return "write an expect or an assert step for what must hold"
	case command == "run":
		return "it runs another test: import that one too"
	default:
		return "robots have no such step"
	}
}

// selectFrame follows the recording into a frame and out of it.
func (s *sideReader) selectFrame(number int, c sideCommand) {
	how, what, _ := strings.Cut(c.Target, "=")
	switch {
	case c.Target == "relative=top":
		s.frame = ""
	case c.Target == "relative=parent":
		at := strings.LastIndexByte(s.frame, '/')
		s.frame = s.frame[:max(at, 0)]
	case how == "index":
		s.frame = strings.TrimPrefix(s.frame+"/["+oneLine(what)+"]", "/")
	case how == "name" || how == "id":
		s.frame = strings.TrimPrefix(s.frame+"/"+oneLine(what), "/")
	default:
		s.refuse(number, c.Command, "the frame is named by "+oneLine(how)+": name it with frame: in the steps that follow")
	}
}

func (s *sideReader) selectWindow(c sideCommand) {
	how, what, _ := strings.Cut(c.Target, "=")
	s.frame = ""
	switch {
	case how == "name":
		s.window = oneLine(what)
	case strings.Contains(c.Target, "root") || c.Target == "win_ser_local" || c.Target == "":
		s.window = ""
	default:
		s.window = "popup"
	}
}

func sideKeyName(name string) string {
	switch name {
	case "ENTER", "RETURN":
		return "Enter"
	case "ESC":
		return "Escape"
	case "UP", "DOWN", "LEFT", "RIGHT":
		return "Arrow" + name[:1] + strings.ToLower(name[1:])
	case "PAGE_UP":
		return "PageUp"
	case "PAGE_DOWN":
		return "PageDown"
	}
	if len(name) > 1 && name[0] == 'F' && name[1] >= '0' && name[1] <= '9' {
		return name
	}
	return name[:1] + strings.ToLower(name[1:])
}

// targets are all the ways in which a command names its element.
func (s *sideReader) targets(c sideCommand) []Target {
	locators := []string{c.Target}
	for _, one := range c.Targets {
		if len(one) > 0 {
			locators = append(locators, one[0])
		}
	}
	var targets []Target
	for _, locator := range locators {
		targets = append(targets, sideTarget(s.filled(locator))...)
	}
	return byWorth(targets)
}

func sideTarget(locator string) []Target {
	how, what, named := strings.Cut(locator, "=")
	what = oneLine(what)
	switch {
	case strings.HasPrefix(locator, "//"):
		return xpathTarget(locator)
	case !named || what == "" || strings.Contains(what, "${"):
		return nil
	}
	switch how {
	case "id":
		if plainID.MatchString(what) {
			return []Target{{Kind: "css", Text: "#" + what}}
		}
		return []Target{{Kind: "css", Text: `[id="` + strings.ReplaceAll(what, `"`, `\"`) + `"]`}}
	case "name":
		return []Target{{Kind: "field", Text: what}}
	case "css":
		return cssTarget(what)
	case "xpath":
		return xpathTarget(what)
	case "linkText", "link":
		return []Target{{Kind: "link", Text: strings.TrimPrefix(what, "exact:")}}
	case "partialLinkText":
		return []Target{{Kind: "link", Text: regexp.QuoteMeta(what), Pattern: true}}
	case "label":
		return []Target{{Kind: "label", Text: what}}
	}
	return nil
}
