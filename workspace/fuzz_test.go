package workspace

import (
	"testing"

	"github.com/rogpeppe/go-internal/txtar"
	"github.com/stretchr/testify/require"

	"crosswalk/contracts"
	"crosswalk/rules"
)

// FuzzConfig makes sure that no crosswalk.yaml and no roles file, however broken, brings the loader down.
func FuzzConfig(f *testing.F) {
	for _, name := range []string{"testdata/base.txtar", "testdata/problems.txtar"} {
		archive, err := txtar.ParseFile(name)
		require.NoError(f, err)
		for _, file := range archive.Files {
			f.Add(file.Data)
		}
	}
	known := contracts.Catalog()
	f.Fuzz(func(_ *testing.T, text []byte) {
		c := parseConfig(text, ".", known)
		anything := func(string) *rules.Type { return rules.TypeOf(rules.KindAny) }
		c.checkIntake(Known{Input: anything, Event: anything})
		l := &loader{files: files{root: texts{configFile: string(text)}}}
		_ = l.reach()
		_, _ = parsePeople("roles.yaml", text, ".")
	})
}
