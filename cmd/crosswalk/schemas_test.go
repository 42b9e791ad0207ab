package main

import (
	"bytes"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/stretchr/testify/require"
	"gopkg.in/yaml.v3"

	"crosswalk/adapters"
	"crosswalk/adapters/conformance"
	"crosswalk/casetest"
	"crosswalk/contracts"
	"crosswalk/robots"
	"crosswalk/rules"
	"crosswalk/source"
	"crosswalk/usecases"
	"crosswalk/workspace"
)

// schemaSet is the compiled schemas of all kinds of files.
type schemaSet struct {
	compiler *jsonschema.Compiler
	texts    map[string]any
	compiled map[string]*jsonschema.Schema
}

func compiledSchemas(t *testing.T) *schemaSet {
	t.Helper()
	s := &schemaSet{compiler: jsonschema.NewCompiler(), texts: map[string]any{}, compiled: map[string]*jsonschema.Schema{}}
	for _, f := range formats() {
		text, err := f.Schema()
		require.NoError(t, err)
		document, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
		require.NoError(t, err)
		s.texts[f.Name] = document
		require.NoError(t, s.compiler.AddResource(f.SchemaFile(), document))
		s.compiled[f.Name], err = s.compiler.Compile(f.SchemaFile())
		require.NoError(t, err, f.Name)
	}
	return s
}

// refuses is what the schema of the kind says against a text; nil: nothing.
func (s *schemaSet) refuses(t *testing.T, kind string, text []byte) error {
	t.Helper()
	plain, err := source.JSON(text)
	require.NoError(t, err)
	document, err := jsonschema.UnmarshalJSON(bytes.NewReader(plain))
	require.NoError(t, err)
	return s.compiled[kind].Validate(document)
}

// shippedFiles are all files that are shipped, by the path that each has in a workspace.
func shippedFiles(t *testing.T) map[string][]byte {
	t.Helper()
	found := map[string][]byte{}
	collect := func(folder string, tree fs.FS) {
		require.NoError(t, fs.WalkDir(tree, ".", func(name string, entry fs.DirEntry, err error) error {
			require.NoError(t, err)
			if entry.IsDir() || path.Ext(name) != ".yaml" {
				return nil
			}
			found[path.Join(folder, name)], err = fs.ReadFile(tree, name)
			return err
		}))
	}
	collect("usecases", usecases.Catalog())
	collect("rules", rules.Catalog())
	collect("robots", robots.Files())
	for name, adapter := range adapters.Catalog() {
		found["adapters/"+name+".yaml"] = adapter.Text
		_, text, err := adapters.CatalogTests(name)
		require.NoError(t, err)
		found["adapters/"+name+".tests.yaml"] = text
	}
	for name, contract := range contracts.Catalog() {
		found["contracts/"+name+".yaml"] = contract.Text
	}
	made := filepath.Join(t.TempDir(), "made")
	_, err := workspace.Init(made)
	require.NoError(t, err)
	collect("init:", os.DirFS(made))
	for _, name := range []string{"crosswalk.yaml", "roles.yaml"} {
		found["demo:/"+name], err = demoFile(name, sampleAddresses())
		require.NoError(t, err)
	}
	return found
}

// inWorkspace is the path of a shipped file in its workspace.
func inWorkspace(name string) string {
	return strings.TrimPrefix(strings.TrimPrefix(name, "init:/"), "demo:/")
}

// unshipped are kinds of files of which the catalogue has none: the documentation shows them.
var unshipped = map[string]bool{"rule-chain": true, "rule-versions": true}

func TestShippedFilesFitTheirSchemas(t *testing.T) {
	t.Parallel()
	all, seen := compiledSchemas(t), map[string]bool{}
	for name, text := range shippedFiles(t) {
		kind := formatOf(inWorkspace(name))
		require.NotEmpty(t, kind, name)
		seen[kind] = true
		require.NoError(t, all.refuses(t, kind, text), name)
	}
	for _, f := range formats() {
		if unshipped[f.Name] {
			continue
		}
		require.True(t, seen[f.Name], "nothing that is shipped is a %s", f.Name)
	}
}

var fencedYAML = regexp.MustCompile("(?s)```yaml[^\n]*\n(.*?)```")

// TestExamplesOfTheDocumentationFitTheirSchemas takes every example that is a whole file: one that begins with the field
// that no other kind of file has.
func TestExamplesOfTheDocumentationFitTheirSchemas(t *testing.T) {
	t.Parallel()
	all := compiledSchemas(t)
	pages, err := filepath.Glob("../../docs/*.md")
	require.NoError(t, err)
	checked := map[string]int{}
	for _, page := range pages {
		text, err := os.ReadFile(page)
		require.NoError(t, err)
		for i, block := range fencedYAML.FindAllSubmatch(text, -1) {
			kind := kindOfExample(block[1])
			if kind == "" || bytes.Contains(block[1], []byte("…")) && !bytes.Contains(block[1], []byte("…'")) {
				continue
			}
			checked[kind]++
			require.NoError(t, all.refuses(t, kind, block[1]), "%s, example %d:\n%s", page, i+1, block[1])
		}
	}
	for _, kind := range []string{"crosswalk", "usecase", "usecase-tests", "rule-table", "rule-chain", "rule-versions", "roles", "adapter", "robot-system", "contract"} {
		require.NotZero(t, checked[kind], kind)
	}
}

func kindOfExample(text []byte) string {
	var root yaml.Node
	if err := yaml.Unmarshal(text, &root); err != nil || len(root.Content) == 0 || root.Content[0].Kind != yaml.MappingNode {
		return ""
	}
	has := map[string]bool{}
	for i := 0; i < len(root.Content[0].Content); i += 2 {
		has[root.Content[0].Content[i].Value] = true
	}
	switch {
	case has["usecase"] && has["tests"]:
		return "usecase-tests"
	case has["usecase"] && has["steps"]:
		return "usecase"
	case has["rules"] && has["decision"]:
		return "rule-chain"
	case has["rules"] && has["versions"]:
		return "rule-versions"
	case has["rules"] && has["table"]:
		return "rule-table"
	case has["adapter"]:
		return "adapter"
	case has["contract"] && has["operations"]:
		return "contract"
	case has["robot"] && has["find"]:
		return "robot"
	case has["system"] && has["base"]:
		return "robot-system"
	case has["users"]:
		return "roles"
	case has["company"], has["intake"], bytes.Contains(text, []byte("drivers:")):
		return "crosswalk"
	}
	return ""
}

// TestEveryFieldIsExplained looks at what editors and readers are told: a sentence, and an example that fits.
func TestEveryFieldIsExplained(t *testing.T) {
	t.Parallel()
	all := compiledSchemas(t)
	for _, f := range formats() {
		fields := 0
		var schema func(where string, value any, field bool)
		schema = func(where string, value any, field bool) {
			of, isSchema := value.(map[string]any)
			if !isSchema {
				return
			}
			if field {
				fields++
				about, _ := of["description"].(string)
				require.True(t, strings.HasSuffix(about, "."), "%s %s: %q is no sentence", f.Name, where, about)
				examples, _ := of["examples"].([]any)
				require.NotEmpty(t, examples, "%s %s has no example", f.Name, where)
				compiled, err := all.compiler.Compile(f.SchemaFile() + "#" + where)
				require.NoError(t, err)
				require.NoError(t, compiled.Validate(examples[0]), "%s %s", f.Name, where)
			}
			for _, key := range []string{"properties", "definitions"} {
				inner, _ := of[key].(map[string]any)
				for name, one := range inner {
					schema(where+"/"+key+"/"+name, one, key == "properties")
				}
			}
			for _, key := range []string{"items", "additionalProperties"} {
				schema(where+"/"+key, of[key], false)
			}
			for _, key := range []string{"anyOf", "allOf"} {
				list, _ := of[key].([]any)
				for i, one := range list {
					schema(fmt.Sprintf("%s/%s/%d", where, key, i), one, false)
				}
			}
		}
		schema("", all.texts[f.Name], false)
		require.NotZero(t, fields, f.Name)
	}
}

// TestMisspeltFieldsAreRefused misspells one key after the other in everything that is shipped. Where the schema refuses
// that, the loader does; and where the loader calls it an unknown field, the schema refuses it: an editor underlines
// what the check will complain of, and nothing else.
func TestMisspeltFieldsAreRefused(t *testing.T) {
	t.Parallel()
	all, loaders := compiledSchemas(t), newLoaders(t)
	bySchema, tried := map[string]int{}, map[string]map[string]bool{}
	for name, text := range shippedFiles(t) {
		kind := formatOf(inWorkspace(name))
		before := map[string]bool{}
		for _, problem := range loaders.load(t, kind, name, text) {
			before[problem.Message] = true
		}
		if tried[kind] == nil {
			tried[kind] = map[string]bool{}
		}
		for _, wrong := range misspelt(t, text, tried[kind]) {
			problems := loaders.load(t, kind, name, wrong.text)
			unknown := strings.Contains(problems.Error(), fmt.Sprintf("unknown field %q", wrong.key))
			refused := all.refuses(t, kind, wrong.text)
			if refused != nil {
				bySchema[kind]++
				require.True(t, slices.ContainsFunc(problems.Errors(), func(p source.Problem) bool { return !before[p.Message] }), "%s: the schema refuses %q at %s and the loader does not: %s", name, wrong.key, wrong.at, refused)
			}
			if unknown {
				require.Error(t, refused, "%s: the loader refuses %q at %s and the schema does not", name, wrong.key, wrong.at)
			}
		}
	}
	for _, f := range formats() {
		require.True(t, unshipped[f.Name] || bySchema[f.Name] >= 2, f.Name)
	}
}

type misspelling struct {
	key, at string
	text    []byte
}

// freeFields are fields under which values stand, whose fields other files declare: the schema leaves them to the checker.
var freeFields = map[string]bool{"with": true, "set": true, "show": true, "input": true, "gives": true, "default": true, "output": true, "json": true,
	"query": true, "result": true, "results": true, "effects": true, "give": true, "settings": true, "candidates": true, "payload": true, "given": true, "value": true, "choose": true}

var inList = regexp.MustCompile(`\[\d+\]`)

// named are names that the file gives, whose fields are the same.
var named = regexp.MustCompile(`\.(operations|shapes|steps)\.[^.\[]+`)

// misspelt are copies of a text in each of which one key has a letter more. What was tried in another file of the kind is
// not tried again.
func misspelt(t *testing.T, text []byte, tried map[string]bool) []misspelling {
	t.Helper()
	var root yaml.Node
	require.NoError(t, yaml.Unmarshal(text, &root))
	var found []misspelling
	var walk func(n *yaml.Node, at string)
	walk = func(n *yaml.Node, at string) {
		for i, inner := range n.Content {
			if n.Kind != yaml.MappingNode {
				walk(inner, fmt.Sprintf("%s[%d]", at, i))
				continue
			}
			if i%2 == 1 {
				continue
			}
			pattern := named.ReplaceAllString(inList.ReplaceAllString(at, "[]"), ".$1.*") + "." + inner.Value
			if right := inner.Value; !tried[pattern] { // else it is the same field of another item
				tried[pattern] = true
				inner.Value = right + "x"
				wrong, err := yaml.Marshal(&root)
				require.NoError(t, err)
				inner.Value = right
				found = append(found, misspelling{key: right + "x", at: at + "." + right, text: wrong})
			}
			if !freeFields[inner.Value] {
				walk(n.Content[i+1], at+"."+inner.Value)
			}
		}
	}
	walk(&root, "")
	return found
}

// loaders are the strict loaders of all kinds of files, with the shipped workspaces around what they read.
type loaders struct {
	init  string // a small workspace
	plans map[string]casetest.Subject
}

func newLoaders(t *testing.T) *loaders {
	t.Helper()
	l := &loaders{init: filepath.Join(t.TempDir(), "made"), plans: map[string]casetest.Subject{}}
	_, err := workspace.Init(l.init)
	require.NoError(t, err)
	demo := filepath.Join(t.TempDir(), "demo")
	require.NoError(t, writeDemo(demo, sampleAddresses(), false))
	for _, dir := range []string{l.init, demo} {
		w, problems := workspace.Load(dir)
		require.NoError(t, problems.Err())
		for _, useCase := range w.UseCases {
			l.plans[useCase.Name] = casetest.Subject{Plan: useCase.Plan, Calendars: w.Config}
		}
	}
	return l
}

// load is what the loader of the kind says about a text.
func (l *loaders) load(t *testing.T, kind, name string, text []byte) source.Problems {
	t.Helper()
	base := path.Base(name)
	switch kind {
	case "usecase":
		_, first := usecases.Parse(base, text)
		_, problems := usecases.Check(base, text, usecases.Environment{})
		return append(first, problems...)
	case "usecase-tests":
		_, problems := casetest.Parse("", base, text, l.plans[casetest.UseCase(base)])
		return problems
	case "rule-tests":
		name := strings.TrimSuffix(base, ".tests.yaml")
		head, err := fs.ReadFile(rules.Catalog(), name+".yaml")
		if err != nil {
			head, err = os.ReadFile(filepath.Join(l.init, "rules", name+".yaml"))
		}
		require.NoError(t, err)
		table, problems := rules.ParseTable(name+".yaml", head, nil)
		require.NoError(t, problems.Err())
		_, problems = rules.ReadTests(base, text, table)
		return problems
	case "rule-table":
		_, problems := rules.ParseTable(base, text, nil)
		return problems
	case "adapter":
		_, problems := adapters.Parse(base, text, contracts.Catalog())
		return problems
	case "adapter-tests":
		_, problems := conformance.Parse(base, text, adapters.Catalog()[strings.TrimSuffix(base, ".tests.yaml")])
		return problems
	case "contract":
		_, problems := contracts.Parse(base, text)
		return problems
	case "robot-system":
		_, problems := robots.ParseSystem(base, text)
		return problems
	case "robot":
		robot, problems := robots.Parse(base, text)
		shipped, system := robots.CatalogRobot(strings.TrimSuffix(base, ".yaml"))
		require.NotNil(t, shipped, base)
		of, operation, _ := strings.Cut(shipped.Operation, ".")
		_, more := robots.Compile(robot, system, contracts.Catalog()[of].Operation(operation))
		return append(problems, more...)
	}
	_, problems := workspace.LoadDraft(l.init, workspace.Draft{base: text})
	return problems
}

// TestGeneratedFilesNameTheirSchemas: the first line of every file that the program writes for people leads to a schema
// that lies there, and the loaders read it as the comment that it is.
func TestGeneratedFilesNameTheirSchemas(t *testing.T) {
	t.Parallel()
	made, demo := filepath.Join(t.TempDir(), "made"), filepath.Join(t.TempDir(), "demo")
	require.Zero(t, run([]string{"init", made, "--json"}))
	require.NoError(t, writeDemo(demo, sampleAddresses(), true))
	for _, dir := range []string{made, demo} {
		named := 0
		require.NoError(t, filepath.WalkDir(dir, func(name string, entry fs.DirEntry, err error) error {
			if err != nil || entry.IsDir() || filepath.Ext(name) != ".yaml" {
				return err
			}
			text, err := os.ReadFile(name)
			require.NoError(t, err)
			first, _, _ := strings.Cut(string(text), "\n")
			schema, names := strings.CutPrefix(first, "# yaml-language-server: $schema=")
			require.True(t, names, "%s begins with %q", name, first)
			relative, err := filepath.Rel(dir, name)
			require.NoError(t, err)
			require.Equal(t, formatOf(relative)+".schema.json", path.Base(schema), name)
			require.FileExists(t, filepath.Join(filepath.Dir(name), schema))
			named++
			return nil
		}))
		require.GreaterOrEqual(t, named, 5)
		_, problems := workspace.Load(dir)
		require.NoError(t, problems.Err())
	}
}
