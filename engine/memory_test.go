package engine

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestMemoryIsKnown(t *testing.T) {
	t.Parallel()
	total := memory()
	require.Greater(t, total, int64(64<<20), "a machine that runs this test has more")
	require.Less(t, total, int64(1<<50))
}
