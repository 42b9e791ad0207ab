package casetest

import (
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"crosswalk/usecases"
)

var compiled sync.Map // of func() (*usecases.Plan, error), by the hash of the bundle

// Compiled is the plan of a bundle. Compiling one with all that the catalogue has costs more than the cases of most tests.
func Compiled(t testing.TB, bundle usecases.Bundle) *usecases.Plan {
	t.Helper()
	compile, _ := compiled.LoadOrStore(bundle.Hash(), sync.OnceValues(func() (*usecases.Plan, error) {
		plan, problems := usecases.Compile(bundle)
		return plan, problems.Err()
	}))
	plan, err := compile.(func() (*usecases.Plan, error))()
	require.NoError(t, err)
	return plan
}
