package worker

import (
	"errors"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/temporal"
)

func TestFailuresSayNothingOfCustomers(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name string
		err  error
		want string
	}{
		{"ours", temporal.NewApplicationError("crm.find_customer: not_found", "not_found"), "crm.find_customer: not_found"},
		{"anything else", errors.New("no customer jane@example.com"), "internal"},
		{"wrapped", fmt.Errorf("for Jane: %w", errors.New("no customer jane@example.com")), "internal: wrapError"},
		{"determinism", errors.New("[TMPRL1100] nondeterministic workflow"), "[TMPRL1100] nondeterministic workflow"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			failure := failureConverter().ErrorToFailure(test.err)
			require.Equal(t, test.want, failure.Message)
			for cause := failure.Cause; cause != nil; cause = cause.Cause {
				require.NotContains(t, cause.Message, "jane")
			}
		})
	}
	require.Nil(t, failureConverter().ErrorToFailure(nil))
}
