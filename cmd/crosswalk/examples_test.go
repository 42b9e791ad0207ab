package main

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// TestExamples runs the tests of the workspaces among the examples.
func TestExamples(t *testing.T) {
	t.Parallel()
	require.Zero(t, run([]string{"test", "../../examples/credit-check/workspace"}))
}
