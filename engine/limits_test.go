package engine

import (
	"testing"

	"github.com/stretchr/testify/require"
	"go.temporal.io/server/common/dynamicconfig"
	"go.temporal.io/server/common/log"
)

// The limits that cases are made for. If a later server has others, docs/architecture.md and the interpreter's policy
// must be looked at again.
func TestLimits(t *testing.T) {
	t.Parallel()
	limits := dynamicconfig.NewCollection(dynamicSettings(Options{}), log.NewNoopLogger())
	require.Equal(t, 51_200, dynamicconfig.HistoryCountLimitError.Get(limits)("any"))
	require.Equal(t, 10_240, dynamicconfig.HistoryCountLimitWarn.Get(limits)("any"))
	require.Equal(t, 4_096, dynamicconfig.HistoryCountSuggestContinueAsNew.Get(limits)("any"))
	require.Equal(t, 50<<20, dynamicconfig.HistorySizeLimitError.Get(limits)("any"))
	require.Equal(t, 4<<20, dynamicconfig.HistorySizeSuggestContinueAsNew.Get(limits)("any"))
	require.Equal(t, 2<<20, dynamicconfig.BlobSizeLimitError.Get(limits)("any"))
	require.Equal(t, 4<<20, dynamicconfig.TransactionSizeLimit.Get(limits)())
	require.Equal(t, 10_000, dynamicconfig.MaximumSignalsPerExecution.Get(limits)("any"))
	require.Equal(t, 2_000, dynamicconfig.WorkflowExecutionMaxTotalUpdates.Get(limits)("any"))
	require.Equal(t, 2_000, dynamicconfig.NumPendingChildExecutionsLimitError.Get(limits)("any"))

	tests := dynamicconfig.NewCollection(dynamicSettings(Options{ContinueAfter: 60}), log.NewNoopLogger())
	require.Equal(t, 60, dynamicconfig.HistoryCountSuggestContinueAsNew.Get(tests)("any"))
}
