package usecases

import (
	"io/fs"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"crosswalk/contracts"
	"crosswalk/rules"
)

// TestCatalog checks every use case that is shipped against the contracts and tables that are shipped, with
// systems named like their contracts.
func TestCatalog(t *testing.T) {
	t.Parallel()
	env := Environment{Systems: contracts.Catalog(), Tables: map[string]*rules.Table{}}
	for _, name := range names(t, rules.Catalog()) {
		text, err := fs.ReadFile(rules.Catalog(), name)
		require.NoError(t, err)
		table, problems := rules.ParseTable("rules/catalog/"+name, text, nil)
		require.Empty(t, problems.Error())
		env.Tables[table.Name] = table
	}
	for _, name := range names(t, Catalog()) {
		text, err := fs.ReadFile(Catalog(), name)
		require.NoError(t, err)
		plan, problems := Check("usecases/catalog/"+name, text, env)
		require.Empty(t, problems.Error())
		require.NotNil(t, plan)
	}
}

func names(t *testing.T, catalog fs.FS) []string {
	t.Helper()
	entries, err := fs.ReadDir(catalog, ".")
	require.NoError(t, err)
	require.NotEmpty(t, entries)
	var list []string
	for _, entry := range entries {
		if !strings.HasSuffix(entry.Name(), ".tests.yaml") { // casetest runs those
			list = append(list, entry.Name())
		}
	}
	return list
}
