package main

import (
	"context"
	"fmt"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// TestMain is the fulfilment service's process too, which the bench starts as the program itself.
func TestMain(m *testing.M) {
	if len(os.Args) == 3 && os.Args[1] == "fulfilment" {
		fmt.Fprintln(os.Stderr, serveFulfilment(os.Args[2]))
		os.Exit(1)
	}
	os.Exit(m.Run())
}

// TestPlansComeToTheSame runs each variant that is measured, so that none of them breaks unseen.
func TestPlansComeToTheSame(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithTimeout(t.Context(), 15*time.Minute)
	defer cancel()
	b, err := open(ctx, t.TempDir())
	defer b.close()
	require.NoError(t, err)
	for _, v := range variants {
		_, _, err := b.batch(ctx, v, 3, 3)
		require.NoError(t, err, v.name)
		require.Positive(t, b.histories[v.name].events, v.name)
	}
	require.Empty(t, b.mismatches)
	require.Len(t, b.results, 3, "each complaint came to something in every variant that makes tickets")
}
