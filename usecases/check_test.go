package usecases

import (
	"os"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"
	"github.com/stretchr/testify/require"

	"crosswalk/contracts"
	"crosswalk/rules"
	"crosswalk/source"
)

// testEnvironment has a system per contract of the catalogue and two tables.
func testEnvironment() Environment {
	text, truth, number := rules.TypeOf(rules.KindText), rules.TypeOf(rules.KindBool), rules.TypeOf(rules.KindNumber)
	return Environment{Systems: contracts.Catalog(), Queues: []string{"q", "complaints", "support"}, UseCases: map[string]*Signature{
		"broken-one":  nil,
		"order-check": {Input: rules.RecordType(rules.Field{Name: "number", Type: text, Required: true}), Result: rules.RecordType(rules.Field{Name: "ok", Type: truth, Required: true})},
	}, Roles: []string{"lead", "support-lead", "head-of-support"}, Calendars: []string{"depot", "office"}, Tables: map[string]*rules.Table{
		"warranty": {
			Name:    "warranty",
			Facts:   rules.RecordType(rules.Field{Name: "category", Type: text, Required: true}, rules.Field{Name: "months", Type: number}),
			Outputs: rules.RecordType(rules.Field{Name: "covered", Type: truth, Required: true}, rules.Field{Name: "reason", Type: text}),
		},
		"broken": nil,
	}}
}

// TestProblems runs every file of testdata/problems.txtar through the checker. A file NAME.yaml is followed
// by NAME.want with every line that is expected. UPDATE=1 writes what came instead.
func TestProblems(t *testing.T) {
	t.Parallel()
	const golden = "testdata/problems.txtar"
	archive, err := txtar.ParseFile(golden)
	require.NoError(t, err)
	env, files := testEnvironment(), 0
	for i := 0; i+1 < len(archive.Files); i += 2 {
		input, want := archive.Files[i], &archive.Files[i+1]
		require.Equal(t, strings.TrimSuffix(input.Name, ".yaml")+".want", want.Name)
		plan, problems := Check(input.Name, input.Data, env)
		require.Equal(t, problems.Err() == nil && !strings.HasPrefix(input.Name, "broken-"), plan != nil, input.Name)
		if os.Getenv("UPDATE") != "" {
			want.Data = []byte(problems.Error() + "\n")
			continue
		}
		require.Equal(t, string(want.Data), problems.Error()+"\n", input.Name)
		files++
	}
	if os.Getenv("UPDATE") != "" {
		require.NoError(t, os.WriteFile(golden, txtar.Format(archive), 0o600))
		return
	}
	require.GreaterOrEqual(t, files, 40)
}

// FuzzCheck makes sure that no file, however broken, brings the checker down.
func FuzzCheck(f *testing.F) {
	archive, err := txtar.ParseFile("testdata/problems.txtar")
	require.NoError(f, err)
	for i := 0; i < len(archive.Files); i += 2 {
		f.Add(archive.Files[i].Data)
	}
	env := testEnvironment()
	f.Fuzz(func(t *testing.T, text []byte) {
		plan, problems := Check("fuzz.yaml", text, env)
		require.False(t, problems.Err() != nil && plan != nil)
		_, _ = Parse("fuzz.yaml", text)
	})
}

// hasProblem says whether a message holds the text.
func hasProblem(problems source.Problems, text string) bool {
	for _, problem := range problems {
		if strings.Contains(problem.Message, text) {
			return true
		}
	}
	return false
}
