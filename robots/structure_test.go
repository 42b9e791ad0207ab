package robots

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// TestAFrameIsNamedAsItIsNow holds that a frame that was found before its first document came is called by the name
// that came with the document, and by its place only if it has none.
func TestAFrameIsNamedAsItIsNow(t *testing.T) {
	t.Parallel()
	page := &tab{top: "page", frames: map[string]*frame{
		"page": {id: "page", born: 1},
		"a":    {id: "a", parent: "page", born: 2},
		"b":    {id: "b", parent: "page", born: 3},
	}}
	early := *page.frames["a"]
	require.Equal(t, "[0]", page.nameOf(early))
	page.frames["a"].name = "menu"
	require.Equal(t, "menu", page.nameOf(early))
	require.Equal(t, "[1]", page.nameOf(*page.frames["b"]))
	gone := *page.frames["a"]
	delete(page.frames, "a")
	require.Equal(t, "menu", page.nameOf(gone), "one that is gone is called by its last name")
}
