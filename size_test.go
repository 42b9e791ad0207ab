package crosswalk_test

import (
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestFilesAreSmall: a program or a recording that slips into a commit stays in everybody's clone for ever.
func TestFilesAreSmall(t *testing.T) {
	const most = 1 << 20
	list, err := exec.Command("git", "ls-files", "-z").Output()
	require.NoError(t, err)
	for name := range strings.SplitSeq(strings.TrimRight(string(list), "\x00"), "\x00") {
		info, err := os.Lstat(name)
		if os.IsNotExist(err) {
			continue // removed, and not committed yet
		}
		require.NoError(t, err)
		if info.Size() > most {
			t.Errorf("%s has %d bytes, over the %d that a file of the repository may have; take it out of the commit and name it in .gitignore", name, info.Size(), most)
		}
	}
}
