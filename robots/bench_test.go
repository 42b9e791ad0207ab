package robots

import (
	"testing"

	"github.com/stretchr/testify/require"

	"crosswalk/sandbox"
)

// BenchmarkShipment is one warm run of the catalogue's robot: kept login, search, list, one detail page.
func BenchmarkShipment(b *testing.B) {
	d := newDesk(b, sandbox.PortalOptions{})
	order := d.orders()["delivered"]
	_, err := d.get(order)
	require.NoError(b, err)
	for b.Loop() {
		_, err := d.get(order)
		require.NoError(b, err)
	}
}
