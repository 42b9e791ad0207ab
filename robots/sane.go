package robots

import (
	"math"
	"net/netip"
	"net/url"
	"path"
	"regexp"
	"regexp/syntax"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"

	"golang.org/x/net/idna"

	"crosswalk/rules"
	"crosswalk/source"
)

// What a file says that can be read, and that no robot could work with or should.

var (
	fileName   = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]*$`)
	secretName = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)
	hostForm   = regexp.MustCompile(`^[A-Za-z0-9_](?:[A-Za-z0-9._-]*[A-Za-z0-9_])?$`)
)

const (
	longestRun   = 24 * time.Hour
	mostPagesOf  = 1000
	mostDownload = 100_000_000
)

// checkedName is the name of a robot or of a system, by which files and schedules are called.
func checkedName(n *source.Node) string {
	name := n.Text()
	if n.Exists() && n.Kind() == source.Scalar && !fileName.MatchString(name) {
		n.Errorf("use letters, digits, - and _, as in acme-erp", "%q is not a name", name)
	}
	return name
}

// bounded is a whole number that must lie between two others.
func bounded(n *source.Node, least, most int) int {
	number := n.Int()
	if _, err := strconv.Atoi(textOf(n)); err == nil && (number < least || number > most) {
		n.Errorf("write a number from "+strconv.Itoa(least)+" to "+strconv.Itoa(most), "%d is too %s", number, map[bool]string{true: "small", false: "large"}[number < least])
	}
	return number
}

// span is a time that must not be nothing.
func span(n *source.Node) time.Duration {
	d := n.Duration()
	if text, _ := n.Literal(); n.Exists() && d == 0 && strings.Trim(text, "0 abcdefghijklmnopqrstuvwxyz") == "" && strings.HasPrefix(text, "0") {
		n.Errorf("write for example 30s, or leave it out", "%q is no time at all", text)
	}
	return d
}

func textOf(n *source.Node) string {
	text, _ := n.Literal()
	return text
}

// checkHostName reports what is wrong with a host without its port.
func checkHostName(n *source.Node, host string) {
	if _, err := netip.ParseAddr(strings.Trim(host, "[]")); err == nil {
		return
	}
	if strings.ContainsFunc(host, func(r rune) bool { return r > unicode.MaxASCII }) {
		if ascii, err := idna.Lookup.ToASCII(host); err == nil {
			n.Errorf("write "+ascii, "browsers know the host %q by another name", host)
			return
		}
	}
	if !hostForm.MatchString(host) || strings.Contains(host, "..") {
		n.Errorf("write one host by its exact name, as in images.example or images.example:8443", "%q is not a host", host)
	}
}

func checkPort(n *source.Node, port string) {
	if number, err := strconv.Atoi(port); err != nil || number < 1 || number > math.MaxUint16 {
		n.Errorf("ports are numbers from 1 to 65535", "%q is not a port", port)
	}
}

// checkHost reports an entry of allow that can be no host or host:port.
func checkHost(n *source.Node) {
	text := n.Text()
	host, port := text, ""
	if at := strings.LastIndex(text, ":"); at >= 0 && (strings.HasPrefix(text, "[") && strings.HasSuffix(text[:at], "]") || !strings.HasPrefix(text, "[") && strings.Count(text, ":") == 1) {
		host, port = text[:at], text[at+1:]
		if !strings.Contains(port, "/") {
			checkPort(n, port)
		} else {
			host = text
		}
	}
	if n.Kind() == source.Scalar {
		checkHostName(n, host)
	}
}

// parseBase reads the address of the application.
func parseBase(n *source.Node) string {
	text := n.Text()
	u, err := url.Parse(text)
	switch {
	case !n.Exists() || n.Kind() != source.Scalar:
	case err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "":
		n.Errorf("write for example https://erp.example", "%q is not the address of a web application", text)
	case u.User != nil:
		n.Errorf("leave it out of the address; what a log-in needs is given as secrets", "the address holds the name of an account")
	case u.RawQuery != "" || u.ForceQuery || u.Fragment != "":
		n.Errorf("leave out what begins with ? or #", "%q has more than a host and a path, and paths are put behind it", text)
	case u.Path != "" && path.Clean(u.Path) != strings.TrimSuffix(u.Path, "/") && u.Path != "/":
		n.Errorf("write the path as it is in the end", "the path of %q does not stand still", text)
	default:
		checkHostName(n, u.Hostname())
		if u.Port() != "" {
			checkPort(n, u.Port())
		}
	}
	return strings.TrimSuffix(text, "/")
}

// checkOpened reports an address that a robot could never open.
func (c *compiler) checkOpened(n *source.Node, w words) {
	address := w.constant
	if !n.Exists() || n.Kind() != source.Scalar {
		return
	}
	const hint = "write a path such as /search, or an http address"
	fixed, _, _ := strings.Cut(address, "${")
	switch {
	case w.template != nil && (fixed == "" || strings.HasPrefix(fixed, "/") || strings.HasPrefix("https://", fixed) || strings.HasPrefix("http://", fixed)):
		return
	case !strings.HasPrefix(address, "/") && !strings.HasPrefix(address, "http://") && !strings.HasPrefix(address, "https://"):
		n.Errorf(hint, "%q cannot be opened", address)
		return
	case strings.HasPrefix(address, "/") || w.template != nil && !strings.ContainsAny(strings.SplitN(fixed, "://", 2)[1], "/?#"):
		return
	}
	u, err := url.Parse(strings.SplitN(address, "${", 2)[0])
	switch {
	case err != nil || u.Hostname() == "":
		n.Errorf(hint, "%q cannot be opened", address)
	case u.User != nil:
		n.Errorf("leave it out of the address; what a log-in needs is given as secrets", "the address holds the name of an account")
	case !c.system.reaches(u):
		n.Warnf("write a path, or add the host to allow in the system file", "the fence lets no robot of this system go to %s", hostPort(u))
	}
}

// reaches says whether the system file itself allows a host.
func (s *System) reaches(u *url.URL) bool {
	f := newFence(nil)
	if base, err := url.Parse(s.Base); err == nil {
		f.allow(hostPort(base), false)
	}
	for _, host := range s.Allow {
		f.allow(host, false)
	}
	return f.allows(hostPort(u))
}

// checkPattern reports a pattern that can fit no address, or fits all of them although nothing else tells them apart.
func checkPattern(n *source.Node, alone bool) {
	text := textOf(n)
	switch {
	case n.Kind() != source.Scalar:
	case strings.Trim(text, "*/") == "" && strings.Contains(text, "*") && alone:
		n.Errorf("write for example '*/orders/save'", "%q stands for every request of the page", text)
	case strings.Contains(text, "${"):
		n.Errorf("write * in its place", "an address that is compared holds no expressions")
	case !strings.HasPrefix(text, "/") && !strings.HasPrefix(text, "*") && !strings.HasPrefix(text, "http://") && !strings.HasPrefix(text, "https://"):
		n.Errorf("write a path such as /orders, or begin with * or https://", "no address is %q", text)
	}
}

// reservedNames are those that robots know by themselves.
var reservedNames = []string{"input", "secret", "key"}

// browserOnly finds what the patterns of Go have and those of browsers read in another way, and says what.
func browserOnly(pattern, flags string) string {
	for i := 0; i < len(pattern); i++ {
		rest := pattern[i:]
		switch {
		case strings.HasPrefix(rest, "(?P<"):
			return "(?P<…>"
		case strings.HasPrefix(rest, "[[:"):
			return "[[:…:]]"
		case inlineFlags.MatchString(rest):
			return inlineFlags.FindString(rest)
		case rest[0] != '\\' || len(rest) == 1:
		case strings.ContainsRune("AzQEaC", rune(rest[1])) || strings.HasPrefix(rest[1:], "x{"):
			return rest[:2]
		case rest[1] == 'p' || rest[1] == 'P':
			if !strings.Contains(flags, "u") || !generalCategory.MatchString(rest) {
				return rest[:2] + " (but as in /\\p{L}/u)"
			}
			i++
		default:
			i++
		}
	}
	return ""
}

var (
	inlineFlags     = regexp.MustCompile(`^\(\?[imsU]*(?:-[imsU]+)?[:)]`)
	generalCategory = regexp.MustCompile(`^\\[pP]\{[A-Z][a-z]?\}`)
	otherFlags      = regexp.MustCompile(`^/.+/[dgimsuvy]*[dgvy][dgimsuvy]*$`)
)

// mayNotEnd says whether a browser may look for a pattern for ever: something without a bound is repeated without a bound.
func mayNotEnd(pattern string) bool {
	parsed, err := syntax.Parse(pattern, syntax.Perl)
	if err != nil {
		return false
	}
	unbounded := func(r *syntax.Regexp) bool {
		return r.Op == syntax.OpStar || r.Op == syntax.OpPlus || r.Op == syntax.OpRepeat && r.Max < 0
	}
	var all func(r *syntax.Regexp) bool // it is nothing but such repetitions
	all = func(r *syntax.Regexp) bool {
		switch {
		case unbounded(r):
			return true
		case r.Op == syntax.OpCapture || r.Op == syntax.OpConcat:
			return !slices.ContainsFunc(r.Sub, func(sub *syntax.Regexp) bool { return !all(sub) })
		case r.Op == syntax.OpAlternate:
			return slices.ContainsFunc(r.Sub, all)
		}
		return false
	}
	var within func(r *syntax.Regexp) bool
	within = func(r *syntax.Regexp) bool {
		return unbounded(r) && r.Sub[0].Op != syntax.OpEmptyMatch && all(r.Sub[0]) || slices.ContainsFunc(r.Sub, within)
	}
	return within(parsed)
}

// checkSelector reports a selector that cannot be read: what stands open, and what ends or begins where it must go on.
func checkSelector(n *source.Node, kind string, w words) {
	text := strings.TrimSpace(w.constant)
	if w.template != nil || n.Kind() != source.Scalar || text == "" {
		return
	}
	wrong := ""
	var open []rune
	closes := map[rune]rune{')': '(', ']': '['}
	quote, escaped := rune(0), false
	for _, r := range text {
		switch {
		case escaped:
			escaped = false
		case r == '\\' && kind == "css":
			escaped = true
		case quote != 0:
			if r == quote {
				quote = 0
			}
		case r == '"' || r == '\'':
			quote = r
		case r == '(' || r == '[':
			open = append(open, r)
		case r == ')' || r == ']':
			if len(open) == 0 || open[len(open)-1] != closes[r] {
				wrong = "a " + string(r) + " closes nothing"
			} else {
				open = open[:len(open)-1]
			}
		}
	}
	last := text[len(text)-1:]
	switch {
	case wrong != "":
	case quote != 0:
		wrong = "a quote is not closed"
	case len(open) > 0:
		wrong = "a " + string(open[len(open)-1]) + " is not closed"
	case kind == "css" && !escaped && strings.Contains(">+~,", last), kind == "xpath" && (last == "/" && text != "/" || last == "@"):
		wrong = "it ends where it must go on"
	case kind == "css" && strings.Contains(">+~,", text[:1]):
		wrong = "it begins with " + text[:1]
	}
	if wrong != "" {
		n.Errorf("", "%q is no %s selector: %s", text, map[string]string{"css": "CSS", "xpath": "XPath"}[kind], wrong)
	}
}

var wholePage = regexp.MustCompile(`^(?:\*|html|body|:root|html body|html > body|//\*|/\*|//body|/html|/html/body|//html|\.)$`)

// fitsAll says whether a target is on every page.
func (t *target) fitsAll() bool {
	switch {
	case t == nil:
		return false
	case t.kind == "css" || t.kind == "xpath":
		return wholePage.MatchString(strings.TrimSpace(t.text.constant))
	case t.regex != "":
		compiled, err := regexp.Compile(t.regex)
		return err == nil && compiled.MatchString("") && compiled.MatchString("\x00 q7")
	}
	return slices.ContainsFunc(t.any, (*target).fitsAll)
}

// telling compiles a target that tells one page from others.
func (c *compiler) telling(n *source.Node) *target {
	t := c.compileTarget(n)
	if t.fitsAll() {
		n.Errorf("name what only that page shows", "%s is on every page", t.say())
	}
	return t
}

// says reports a condition that is the same each time.
func says(n *source.Node, condition *rules.Expression) {
	if condition != nil && len(condition.Reads()) == 0 {
		n.Errorf("compare what find has read, as in len(found) == 1", "this is the same whatever find has read")
	}
}
