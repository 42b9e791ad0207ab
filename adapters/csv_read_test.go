package adapters

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"crosswalk/rules"
)

// TestRowsAreBounded: a quote that nobody closes does not gather the file in memory, and a long file of short rows is read.
func TestRowsAreBounded(t *testing.T) {
	t.Parallel()
	rows := 0
	count := func(rules.Value) error { rows++; return nil }
	err := plainTable.read(strings.NewReader("name\n\""+strings.Repeat("x", maxRow+1)), count)
	require.ErrorIs(t, err, errTooLarge)
	require.Zero(t, rows)
	const some = 300
	long := "name\n" + strings.Repeat(strings.Repeat("x", maxRow/100)+"\n", some)
	require.NoError(t, plainTable.read(strings.NewReader(long), count))
	require.Equal(t, some, rows)
}
