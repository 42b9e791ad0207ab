package e2e

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// TestEveryEnd sends complaints of every kind over every channel, in five languages, to companies of two seeds. What
// each must come to is the truth of the company's generator, which knows nothing of the rules.
func TestEveryEnd(t *testing.T) {
	t.Parallel()
	for _, seed := range []int{2, 42} {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			p := start(t, "reached their expected end", "demo", "--once", "--complaints", "64", "--seed", fmt.Sprint(seed),
				"--dir", filepath.Join(t.TempDir(), "demo"), "--ports", "0", "--listen", "127.0.0.1:0")
			<-p.ended
			for line := range strings.Lines(p.said()) {
				if strings.Contains(line, "NOT AS EXPECTED") {
					t.Error(strings.TrimSpace(line))
				}
			}
			require.Zero(t, p.cmd.ProcessState.ExitCode(), "some did not reach it")
			require.Contains(t, p.said(), "\n64 of 64 reached their expected end")
		})
	}
}

// TestDemoOnce is what `make demo ONCE=1` does once it has compiled.
func TestDemoOnce(t *testing.T) {
	t.Parallel()
	p := start(t, "reached their expected end", "demo", "--once", "--dir", filepath.Join(t.TempDir(), "demo"), "--ports", "0", "--listen", "127.0.0.1:0")
	<-p.ended
	require.Zero(t, p.cmd.ProcessState.ExitCode())
	require.Contains(t, p.said(), "\n10 of 10 reached their expected end")
	used := p.cmd.ProcessState.UserTime() + p.cmd.ProcessState.SystemTime()
	require.Less(t, used, 90*time.Second, "what it makes the machine do, which is the same however busy that is with others")
}
