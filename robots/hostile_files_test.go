package robots

import (
	"flag"
	"fmt"
	"net/http"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"crosswalk/contracts"
	"crosswalk/rules"
	"crosswalk/source"
)

var update = flag.Bool("update", false, "write what came out into the files of testdata")

const soundRobot = `robot: r
operation: shop.order
system: test
find:
  - table: {from: {}, columns: {Order: number, Reference: reference}, where: {reference: '${key}'}, as: found, expect: 0..1}
already: len(found) == 1
commit: {click: {button: Save}, effect: {method: POST, url: /orders, times: 1}, done: {text: Saved}}
output: {number: '${found[0]?.number ?? "?"}'}
`

const soundReader = "robot: r\noperation: shop.look\nsystem: test\nfind:\n  - goto: /x\noutput: {any: {}}\n"

// hostileFile is one of testdata/hostile.txt.
type hostileFile struct{ kind, name, text string }

func hostileFiles(t testing.TB) (all []hostileFile) {
	t.Helper()
	text, err := os.ReadFile("testdata/hostile.txt")
	require.NoError(t, err)
	sound := map[string]string{"system": orderSystem, "robot": soundRobot, "reader": soundReader}
	for _, part := range strings.Split(string(text), "\n== ")[1:] {
		head, body, _ := strings.Cut(part, "\n")
		kind, name, _ := strings.Cut(head, ": ")
		if blocks, is := sound[kind]; is {
			body = withBlocks(blocks, body)
		}
		all = append(all, hostileFile{kind, name, body})
	}
	return all
}

// withBlocks puts blocks of a file in the place of those of the same key in a sound one.
func withBlocks(sound, blocks string) string {
	cut := func(text string) (keys []string, all map[string]string) {
		all = map[string]string{}
		for _, line := range strings.SplitAfter(text, "\n") {
			if strings.TrimSpace(line) == "" {
				continue
			}
			if key, _, is := strings.Cut(line, ":"); is && !strings.ContainsAny(line[:1], " #-\t") {
				keys = append(keys, key)
			}
			if len(keys) > 0 {
				all[keys[len(keys)-1]] += line
			}
		}
		return keys, all
	}
	keys, was := cut(sound)
	others, is := cut(blocks)
	var made strings.Builder
	for _, key := range keys {
		if _, replaced := is[key]; !replaced {
			made.WriteString(was[key])
		}
	}
	for _, key := range others {
		made.WriteString(is[key])
	}
	return made.String()
}

// judged are all problems of a hostile file.
func (h hostileFile) judged(t testing.TB) source.Problems {
	t.Helper()
	if h.kind == "system" || h.kind == "wholesys" {
		_, problems := ParseSystem("test.system.yaml", []byte(h.text))
		return problems
	}
	return judgedRobot(t, h.text, h.kind == "robot")
}

func judgedRobot(t testing.TB, text string, writes bool) source.Problems {
	t.Helper()
	system, problems := ParseSystem("test.system.yaml", []byte(orderSystem+"session: {secrets: [user], alive: {link: Exit}, login: [{fill: {into: {label: User}, value: '${secret.user}'}}]}\n"))
	require.NoError(t, problems.Err())
	robot, problems := Parse("r.yaml", []byte(text))
	if problems.Err() != nil {
		return problems
	}
	operation := lookOperation(t)
	if writes {
		contract, problems := contracts.Parse("shop.yaml", []byte(orderContract))
		require.NoError(t, problems.Err())
		operation = contract.Operation("order")
	}
	_, problems = Compile(robot, system, operation)
	return problems
}

// TestHostileFiles holds that a broken or malicious file is told what is wrong with it, where, and what to do, and that the few
// that are not are known to be safe when they run.
func TestHostileFiles(t *testing.T) {
	t.Parallel()
	var all strings.Builder
	for _, file := range hostileFiles(t) {
		problems := file.judged(t)
		all.WriteString("== " + file.kind + ": " + file.name + "\n")
		require.Equal(t, strings.Contains(file.name, "(safe: "), len(problems) == 0, "%s: %v", file.name, problems)
		for _, problem := range problems {
			require.Positive(t, problem.Line, file.name)
			require.Positive(t, problem.Column, file.name)
			all.WriteString(problem.Error() + "\n")
		}
	}
	const golden = "testdata/hostile.golden"
	if *update {
		require.NoError(t, os.WriteFile(golden, []byte(all.String()), 0o644))
	}
	want, err := os.ReadFile(golden)
	require.NoError(t, err)
	require.Equal(t, string(want), all.String())
}

// FuzzRobotFile holds that any file is judged, and that each problem has its place.
func FuzzRobotFile(f *testing.F) {
	for _, file := range hostileFiles(f) {
		if !strings.HasSuffix(file.kind, "sys") && file.kind != "system" {
			f.Add(file.text, file.kind == "robot")
		}
	}
	f.Add(orderRobot, true)
	f.Fuzz(func(t *testing.T, text string, writes bool) { requirePlaces(t, judgedRobot(t, text, writes)) })
}

// FuzzSystemFile is the same for the files of applications.
func FuzzSystemFile(f *testing.F) {
	for _, file := range hostileFiles(f) {
		if strings.HasSuffix(file.kind, "sys") || file.kind == "system" {
			f.Add(file.text)
		}
	}
	f.Add(bookingSystem)
	f.Fuzz(func(t *testing.T, text string) {
		_, problems := ParseSystem("test.system.yaml", []byte(text))
		requirePlaces(t, problems)
	})
}

func requirePlaces(t *testing.T, problems source.Problems) {
	t.Helper()
	for _, problem := range problems {
		if problem.Line < 1 || problem.Column < 1 || problem.Message == "" {
			t.Fatalf("%+v", problem)
		}
	}
}

// TestWhatOnlyABrowserFindsWrong holds that what the check of a file cannot judge ends the run soon, with its place and a reason.
func TestWhatOnlyABrowserFindsWrong(t *testing.T) {
	t.Parallel()
	p := servePages(t)
	p.mux.HandleFunc("GET /long", func(w http.ResponseWriter, _ *http.Request) {
		_, _ = fmt.Fprintf(w, "<body><p>%s!</p><button>One</button><button>Two</button><a href='/long'>Next</a></body>", strings.Repeat("a", 60))
	})
	for step, says := range map[string]string{
		"{click: {css: 'a:nosuch'}}":              "'a:nosuch' is not a valid selector",
		"{click: {xpath: 'count(//a)'}}":          "not a node set",
		"{click: {css: '${input.number}['}}":      "is not a valid selector",
		"{click: {css: '*'}}":                     "not unique",
		"{click: {button: //}}":                   "not found",
		"{expect: {text: '/a\\-b/u'}}":            "Invalid regular expression",
		"{expect: {text: '/^(a|a)*b$/'}}":         "did not answer within",
		"{goto: '${input.number}'}":               "must not be opened",
		"{click: {link: A, frame: '[0]/[x]/..'}}": "frame",
		"{click: {link: A, frame: '*'}}":          "no single frame",
		"{until: {seen: {text: Never}, do: [{until: {seen: {text: Nor}, do: [{goto: /long}], max: 1000}}], max: 1000}}": "did not finish within",
		"{table: {from: {}, columns: {A: a}, pages: {next: {link: Next}, max: 1000}, as: rows}}":                        "headings",
	} {
		t.Run(step, func(t *testing.T) {
			t.Parallel()
			program := compileTest(t, strings.Replace(plainSystem, "step: 6s, run: 90s", "step: 2s, run: 10s", 1), "\n  - goto: /long\n  - "+step+"\n", "{}")
			_, err := NewRunner(pool, nil).Run(t.Context(), program, Call{Base: p.URL, Input: rules.Record(map[string]rules.Value{"number": rules.Text("javascript:alert(1)")})})
			require.ErrorContains(t, err, says)
			require.ErrorContains(t, err, "test.yaml:", "with its place")
			require.NotEqual(t, contracts.OutcomeUnknown, contracts.ClassOf(err))
		})
	}
}
