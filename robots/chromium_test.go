package robots

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// A browser that crashes may leave renderers, which hold the pipe that its last words come by.
func TestBrowserEndsWithItsChildren(t *testing.T) {
	t.Parallel()
	p, err := start("testdata/crashing-browser.sh", true)
	require.NoError(t, err)
	select {
	case <-p.ended:
	case <-time.After(time.Minute):
		p.kill()
		require.Fail(t, "the browser counts as running while a child of it does")
	}
	require.Equal(t, "crashed", p.stderr.String())
	require.NoDirExists(t, p.profile)
}
