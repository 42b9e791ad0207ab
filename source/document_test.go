package source

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestParseRefuses(t *testing.T) {
	t.Parallel()
	cases := map[string]struct{ text, want string }{
		"empty":        {"", "f.yaml:1:1: error: the file is empty"},
		"syntax":       {"a: [1\n", "f.yaml:1:1: error: not valid YAML: did not find expected ',' or ']' (check the indentation and the quotes around values that hold : # { or [)"},
		"tab":          {"a:\n\tb: 1\n", "f.yaml:2:1: error: not valid YAML: found character that cannot start any token (indent with spaces, never with tabs, and put a value that begins with @ ` or % in quotes)"},
		"two of a key": {"a: 1\nb: 2\na: 3\n", `f.yaml:3:1: error: the key "a" is there twice, first on line 1 (remove one of them)`},
		"alias":        {"a: &x 1\nb: *x\n", "f.yaml:1:4: error: anchors and aliases are not supported (write the value out)\nf.yaml:2:4: error: anchors and aliases are not supported (write the value out)"},
		"tag":          {"a: !!binary aGk=\n", "f.yaml:1:4: error: YAML tags such as !!binary are not supported (remove the tag)"},
		"two files":    {"a: 1\n---\nb: 2\n", "f.yaml:2:1: error: a second YAML document begins here (keep one document in a file)"},
		"odd key":      {"? [a]\n: 1\n", "f.yaml:1:3: error: a key must be a plain name"},
		"too large":    {strings.Repeat("#", MaxBytes+1), "f.yaml: error: the file has 1048577 bytes (at most 1048576 are read)"},
		"too deep":     {strings.Repeat("- ", MaxDepth+2) + "x", "f.yaml:1:123: error: nested deeper than 60 levels"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			doc := Parse("f.yaml", []byte(c.text))
			require.Nil(t, doc.Root)
			require.Equal(t, c.want, doc.Problems().Error())
			require.Error(t, doc.Problems().Err())
		})
	}
}

func TestNodeReportsEverythingAtOnce(t *testing.T) {
	t.Parallel()
	doc := Parse("f.yaml", []byte("name: 'x'\ncuont: many\non: yes\nlist: {}\nwait: soon\nkind: glod\ntext:\n  - a\n"))
	fields := doc.Root.Map("name", "count", "on", "list", "wait", "kind", "text", "missing")
	fields["on"].Bool()
	fields["list"].List()
	fields["wait"].Duration()
	fields["kind"].OneOf("gold", "silver")
	fields["text"].Text()
	doc.Root.Required("missing", "say what is missing")
	fields["name"].Warnf("", "a name is not needed")
	require.Equal(t, strings.Join([]string{
		`f.yaml:1:1: error: the field "missing" is missing (say what is missing)`,
		`f.yaml:1:7: warning: a name is not needed`,
		`f.yaml:2:1: error: unknown field "cuont" (did you mean "count"?)`,
		`f.yaml:3:5: error: expected true or false, found "yes" (write true or false)`,
		`f.yaml:4:7: error: expected a list, found a mapping`,
		`f.yaml:5:7: error: "soon" is not a duration (write for example 30s, 10 minutes, 2h or 3 days)`,
		`f.yaml:6:7: error: "glod" is not one of the values possible here (did you mean "gold"?)`,
		`f.yaml:8:3: error: expected a text, found a list`,
	}, "\n"), doc.Problems().Error())
	require.Len(t, doc.Problems().Errors(), 7)
}

func TestPositionsWithinScalars(t *testing.T) {
	t.Parallel()
	doc := Parse("f.yaml", []byte("plain: a + b\nquoted: 'a + b'\nblock: |\n  first\n  second line\n"))
	for key, want := range map[string]string{"plain": "f.yaml:1:10", "quoted": "f.yaml:2:12", "block": "f.yaml:4:5"} {
		offset := 2
		if key == "plain" {
			offset = 2
		}
		doc.Root.Get(key).ErrorAt(offset, "", "here: %s", key)
		found := false
		for _, problem := range doc.Problems() {
			found = found || strings.HasPrefix(problem.Error(), want+":") && strings.HasSuffix(problem.Message, key)
		}
		require.True(t, found, "%s: %s", want, doc.Problems())
	}
	doc.Root.Get("block").ErrorAt(len("first\nsec"), "", "in the second line")
	require.Contains(t, doc.Problems().Error(), "f.yaml:5:6: error: in the second line")
}

func TestNilNodesAreAbsent(t *testing.T) {
	t.Parallel()
	var n *Node
	require.Equal(t, Absent, n.Kind())
	require.Empty(t, n.Text())
	require.False(t, n.Bool())
	require.Zero(t, n.Int())
	require.Empty(t, n.List())
	require.Empty(t, n.Map("a"))
	require.Nil(t, n.Get("a").Get("b"))
	n.Errorf("", "nothing to report on")
}

func TestParseDuration(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]time.Duration{"250ms": 250 * time.Millisecond, "30s": 30 * time.Second, "10 minutes": 10 * time.Minute, "2h": 2 * time.Hour, "3 days": 72 * time.Hour, "1 week": 168 * time.Hour} {
		got, err := ParseDuration(text)
		require.NoError(t, err, text)
		require.Equal(t, want, got, text)
	}
	for _, text := range []string{"", "soon", "1.5h", "-1s", "2 business days", "99999999999s"} {
		_, err := ParseDuration(text)
		require.Error(t, err, text)
	}
}

func TestNearest(t *testing.T) {
	t.Parallel()
	known := []string{"customer", "invoice", "order"}
	for name, want := range map[string]string{"custmer": "customer", "invocie": "invoice", "Order": "order", "zzz": "", "warehouse": ""} {
		require.Equal(t, want, Nearest(name, known), name)
	}
	require.Equal(t, "known: customer, invoice, order", DidYouMean("zzzzzz", known))
	require.Empty(t, DidYouMean("x", nil))
}

func FuzzParse(f *testing.F) {
	for _, seed := range []string{"a: 1", "- [x, {y: z}]", "a: |\n  b\n c", "? a\n: b", "\xff", "a: &b *b", "a: {b: {c: [1, 2"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		doc := Parse("f.yaml", []byte(text))
		if (doc.Root == nil) != (doc.Problems().Err() != nil) {
			t.Fatalf("root %v, problems %v", doc.Root, doc.Problems())
		}
		walk(doc.Root)
	})
}

func walk(n *Node) {
	for _, key := range n.Keys() {
		walk(n.Get(key))
	}
	if n.Kind() == List {
		for _, item := range n.List() {
			walk(item)
		}
	}
	n.ErrorAt(3, "", "x")
}
