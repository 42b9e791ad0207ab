package usecases

import (
	"io/fs"
	"testing"

	"github.com/stretchr/testify/require"

	"crosswalk/contracts"
	"crosswalk/rules"
)

// catalogEnvironment has a system for each contract of the catalogue, named like it, and every table.
func catalogEnvironment(t *testing.T) Environment {
	t.Helper()
	env := Environment{Systems: contracts.Catalog(), Tables: map[string]*rules.Table{}}
	entries, err := fs.ReadDir(rules.Catalog(), ".")
	require.NoError(t, err)
	for _, entry := range entries {
		text, err := fs.ReadFile(rules.Catalog(), entry.Name())
		require.NoError(t, err)
		table := stubTable("rules/catalog/"+entry.Name(), text)
		env.Tables[table.Name] = table
	}
	return env
}

func TestCatalog(t *testing.T) {
	t.Parallel()
	env := catalogEnvironment(t)
	entries, err := fs.ReadDir(Catalog(), ".")
	require.NoError(t, err)
	require.NotEmpty(t, entries)
	for _, entry := range entries {
		text, err := fs.ReadFile(Catalog(), entry.Name())
		require.NoError(t, err)
		plan, problems := Check("usecases/catalog/"+entry.Name(), text, env)
		require.Empty(t, problems.Error())
		require.NotNil(t, plan)
	}
}
