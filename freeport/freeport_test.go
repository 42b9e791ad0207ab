package freeport_test

import (
	"net"
	"testing"

	"github.com/stretchr/testify/require"

	"crosswalk/freeport"
)

func TestAPortLasts(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for range 20 {
		address, err := freeport.Address("127.0.0.1")
		require.NoError(t, err)
		at, err := net.ResolveTCPAddr("tcp", address)
		require.NoError(t, err)
		require.True(t, freeport.Lasting(at.Port), address)
		seen[address] = true
	}
	require.Greater(t, len(seen), 1, "always the same port")
	require.False(t, freeport.Lasting(32768))
}

func TestListen(t *testing.T) {
	t.Parallel()
	listener, err := freeport.Listen("127.0.0.1")
	require.NoError(t, err)
	address := listener.Addr().String()
	_, err = net.Listen("tcp", address)
	require.Error(t, err, "it does not listen")
	require.NoError(t, listener.Close())
	again, err := net.Listen("tcp", address)
	require.NoError(t, err)
	require.NoError(t, again.Close())
}

func TestNoSuchHost(t *testing.T) {
	t.Parallel()
	_, err := freeport.Address("192.0.2.1")
	require.ErrorContains(t, err, "no free port of 192.0.2.1")
}
