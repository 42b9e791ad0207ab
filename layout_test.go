package crosswalk_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// rooms is the plan of the house: each folder of Go code, and which of the others it may use. An arrow
// that is missing here keeps two packages apart on purpose; read docs/architecture.md before adding one.
var rooms = map[string][]string{
	"source":     {},
	"rules":      {"source"},
	"store":      {},
	"telemetry":  {},
	"freeport":   {},
	"engine":     {"freeport"},
	"sandbox":    {"freeport"},
	"contracts":  {"rules", "source"},
	"adapters":   {"contracts", "rules", "source"},
	"robots":     {"contracts", "rules", "source"},
	"usecases":   {"contracts", "rules", "source"},
	"workspace":  {"contracts", "adapters", "robots", "usecases", "rules", "store", "source"},
	"activities": {"contracts", "adapters", "robots", "rules", "store", "telemetry"},
	"workflows":  {"contracts", "usecases", "rules", "activities"},
	"intake":     {"workspace", "adapters", "usecases", "rules", "store", "workflows", "telemetry"},
	"desk":       {"workspace", "contracts", "usecases", "rules", "source", "intake", "store", "workflows", "telemetry"},
	"casetest":   {"source", "rules", "store", "contracts", "adapters", "usecases", "activities", "workflows"},
	"worker":     {"source", "rules", "store", "contracts", "adapters", "robots", "usecases", "workspace", "activities", "workflows", "intake", "telemetry"},
	"cmd":        {everything},
	"examples":   {},
	"bench":      {everything},
	"e2e":        {everything},
}

const everything = "*"

// restricted says who may import the parts of Temporal. Whoever is not named for a path may not import
// anything below it; the longest path that fits an import decides.
var restricted = map[string]struct {
	rooms   []string
	instead string
}{
	"go.temporal.io":                {[]string{"workflows", "activities", "worker", "casetest", "intake", "desk", "engine", "cmd", "bench", "e2e", "examples"}, "leaves are plain Go; return a contracts.Error and let activities translate it"},
	"go.temporal.io/server":         {[]string{"engine"}, "with an existing Temporal cluster nothing of the server may be needed; ask engine for an address"},
	"go.temporal.io/sdk/workflow":   {[]string{"workflows", "worker", "casetest", "bench", "examples"}, "workflow code lives in workflows, where it is checked for determinism; registration in worker"},
	"go.temporal.io/sdk/activity":   {[]string{"activities", "worker", "casetest", "bench", "examples"}, "activity code lives in activities"},
	"github.com/temporalio":         {[]string{"engine"}, "the Temporal UI is part of the engine"},
	"github.com/expr-lang/expr":     {[]string{"rules"}, "use rules.Compile: it alone applies the profile of the language and its limits"},
	"github.com/go-rod/rod":         {[]string{"robots", "desk", "e2e", "bench"}, "browsers are the business of robots"},
	"github.com/cockroachdb/apd/v3": {[]string{"rules"}, "use rules.Num"},
	"github.com/xuri/excelize/v2":   {[]string{"rules", "e2e"}, "only tests make workbooks with it; rules/spreadsheet reads and writes them"},
}

// forbidden are names that say nothing about what is inside.
var forbidden = []string{"pkg", "internal", "common", "util", "utils", "helpers", "types", "models", "misc", "shared", "interfaces"}

type goPackage struct {
	ImportPath, Name, Dir                       string
	GoFiles, Imports, TestImports, XTestImports []string
}

func packages(t *testing.T) []goPackage {
	t.Helper()
	list := exec.CommandContext(t.Context(), "go", "list", "-json=ImportPath,Name,Dir,GoFiles,Imports,TestImports,XTestImports", "./...")
	list.Stderr = os.Stderr
	output, err := list.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, list.Start())
	var all []goPackage
	for decoder := json.NewDecoder(output); ; {
		var p goPackage
		if err := decoder.Decode(&p); errors.Is(err, io.EOF) {
			break
		} else {
			require.NoError(t, err)
		}
		if len(p.GoFiles) > 0 {
			all = append(all, p)
		}
	}
	require.NoError(t, list.Wait())
	require.NotEmpty(t, all)
	return all
}

// TestImports holds the arrows of the house.
func TestImports(t *testing.T) {
	t.Parallel()
	for _, p := range packages(t) {
		room, ok := ours(p.ImportPath)
		require.True(t, ok, p.ImportPath)
		for _, part := range strings.Split(p.ImportPath, "/") {
			if slices.Contains(forbidden, part) {
				t.Errorf("%s: a folder named %q says nothing; name it after what it holds, or move its content to where it is used", p.ImportPath, part)
			}
		}
		allowed, known := rooms[room]
		if !known {
			t.Errorf("%s: a new top-level folder of Go code; put it into one of the rooms, or add it to `rooms` in layout_test.go and to docs/architecture.md with what it may import", p.ImportPath)
			continue
		}
		for _, imported := range p.Imports {
			other, isOurs := ours(imported)
			switch {
			case isOurs && other != room && !slices.Contains(allowed, other) && !slices.Contains(allowed, everything):
				t.Errorf("%s imports %s; %s may use %s. Move the code to where the arrow points, or let the caller pass plain data", p.ImportPath, imported, room, listed(allowed))
			case !isOurs:
				checkRestricted(t, p.ImportPath, room, imported)
			}
		}
		for _, imported := range slices.Concat(p.TestImports, p.XTestImports) {
			if strings.HasPrefix(imported, "go.temporal.io/server") && room != "engine" {
				t.Errorf("%s imports %s in a test; start an engine instead", p.ImportPath, imported)
			}
		}
	}
}

func checkRestricted(t *testing.T, importer, room, imported string) {
	t.Helper()
	longest := ""
	for path := range restricted {
		if (imported == path || strings.HasPrefix(imported, path+"/")) && len(path) > len(longest) {
			longest = path
		}
	}
	if rule := restricted[longest]; longest != "" && !slices.Contains(rule.rooms, room) {
		t.Errorf("%s imports %s, which only %s may: %s", importer, imported, listed(rule.rooms), rule.instead)
	}
}

func ours(path string) (room string, ok bool) {
	rest, ok := strings.CutPrefix(path, "crosswalk/")
	room, _, _ = strings.Cut(rest, "/")
	return room, ok
}

func listed(names []string) string {
	if len(names) == 0 {
		return "nothing of ours"
	}
	return strings.Join(names, ", ")
}

// TestSource holds what every file keeps to: exported names have a comment, nothing happens behind the
// reader's back when a package is imported, and workflow code is not excused from its check.
func TestSource(t *testing.T) {
	t.Parallel()
	for _, p := range packages(t) {
		documented := false
		for _, name := range p.GoFiles {
			path := filepath.Join(p.Dir, name)
			files := token.NewFileSet()
			file, err := parser.ParseFile(files, path, nil, parser.ParseComments)
			require.NoError(t, err)
			documented = documented || file.Doc != nil
			relative, _ := strings.CutPrefix(p.ImportPath+"/"+name, "crosswalk/")
			for _, problem := range append(undocumented(file), surprises(file)...) {
				t.Errorf("%s:%d: %s", relative, files.Position(problem.at).Line, problem.text)
			}
		}
		if !documented {
			t.Errorf("%s: no file begins with a comment that says what the package is", p.ImportPath)
		}
	}
}

type finding struct {
	at   token.Pos
	text string
}

func undocumented(file *ast.File) (found []finding) {
	missing := func(name *ast.Ident, docs ...*ast.CommentGroup) {
		if name.IsExported() && !slices.ContainsFunc(docs, func(g *ast.CommentGroup) bool { return g != nil }) {
			found = append(found, finding{name.Pos(), name.Name + " is exported and has no comment; say what it is for, or make it unexported"})
		}
	}
	for _, declaration := range file.Decls {
		switch d := declaration.(type) {
		case *ast.FuncDecl:
			if d.Recv == nil || exportedReceiver(d.Recv.List[0].Type) && !wellKnown(d.Name.Name) {
				missing(d.Name, d.Doc)
			}
		case *ast.GenDecl:
			for _, spec := range d.Specs {
				switch s := spec.(type) {
				case *ast.TypeSpec:
					missing(s.Name, s.Doc, s.Comment, d.Doc)
				case *ast.ValueSpec:
					for _, name := range s.Names {
						missing(name, s.Doc, s.Comment, d.Doc)
					}
				}
			}
		}
	}
	return found
}

// wellKnown are methods whose meaning the language or its library has fixed.
func wellKnown(method string) bool {
	return slices.Contains([]string{"Error", "Unwrap", "Is", "As", "String", "GoString", "Format", "LogValue", "Len", "Less", "Swap", "Close", "Read", "Write", "ServeHTTP",
		"MarshalJSON", "UnmarshalJSON", "MarshalText", "UnmarshalText", "MarshalYAML", "UnmarshalYAML", "Value", "Scan"}, method)
}

func exportedReceiver(receiver ast.Expr) bool {
	switch r := receiver.(type) {
	case *ast.StarExpr:
		return exportedReceiver(r.X)
	case *ast.IndexExpr:
		return exportedReceiver(r.X)
	case *ast.Ident:
		return r.IsExported()
	}
	return false
}

func surprises(file *ast.File) (found []finding) {
	for _, declaration := range file.Decls {
		if f, ok := declaration.(*ast.FuncDecl); ok && f.Recv == nil && f.Name.Name == "init" {
			found = append(found, finding{f.Pos(), "init() runs behind the reader's back; call a function from where it is needed"})
		}
	}
	for _, i := range file.Imports {
		path, _ := strconv.Unquote(i.Path.Value)
		if _, isOurs := ours(path); isOurs && i.Name != nil && i.Name.Name == "_" {
			found = append(found, finding{i.Pos(), fmt.Sprintf("import of %s for its side effects; ours have none", path)})
		}
	}
	for _, group := range file.Comments {
		for _, comment := range group.List {
			if strings.HasPrefix(comment.Text, "//workflowcheck:ignore") {
				found = append(found, finding{comment.Pos(), "exceptions from workflowcheck stand in workflowcheck.config.yaml, each with its reason"})
			}
		}
	}
	return found
}
