package adapters

import (
	"net"
	"net/netip"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestAHostIsJudgedWhereItIsDialled: whatever a name stands for, also one that is the connection's own, nothing that is not
// public is connected to.
func TestAHostIsJudgedWhereItIsDialled(t *testing.T) {
	t.Parallel()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { _ = listener.Close() })
	_, port, err := net.SplitHostPort(listener.Addr().String())
	require.NoError(t, err)
	for _, host := range []string{"127.0.0.1", "localhost", "LOCALHOST", "localhost.", "127.1", "2130706433", "0x7f000001", "0177.0.0.1", "0.0.0.0", "::1", "::", "::ffff:127.0.0.1", "::ffff:7f00:1",
		"::127.0.0.1", "64:ff9b::127.0.0.1", "fe80::1%lo", "169.254.169.254"} {
		address := net.JoinHostPort(host, port)
		guard := &egress{hosts: []string{strings.ToLower(address)}}
		conn, err := guard.dial(t.Context(), "tcp", address)
		require.Error(t, err, address)
		require.Nil(t, conn, address)
		if _, plain := netip.ParseAddr(host); plain == nil {
			require.ErrorIs(t, err, errEgress, address)
		}
		_, err = (&egress{allow: []string{address}}).dial(t.Context(), "tcp", address)
		require.ErrorIs(t, err, errEgress, "what may be private is not yet one of ours: %s", address)
	}
	conn, err := (&egress{hosts: []string{listener.Addr().String()}, allow: []string{listener.Addr().String()}}).dial(t.Context(), "tcp", listener.Addr().String())
	require.NoError(t, err)
	require.NoError(t, conn.Close())
}
