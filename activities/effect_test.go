package activities

import (
	"testing"

	"github.com/stretchr/testify/require"

	"crosswalk/contracts"
	"crosswalk/rules"
)

func TestWhatProvesThatNothingWasDone(t *testing.T) {
	t.Parallel()
	ask := rules.Text("?")
	for _, test := range []struct {
		failure Failure
		certain bool
	}{
		{Failure{Class: contracts.Auth}, true},
		{Failure{Class: contracts.Auth, Ask: &ask}, false},
		{Failure{Class: contracts.Auth, Ask: &ask, NothingSent: true}, true},
		{Failure{Class: contracts.Drift}, false},
		{Failure{Class: contracts.Drift, NothingSent: true}, true},
	} {
		require.Equal(t, test.certain, certain(&test.failure), "%+v", test.failure)
	}
}
