package e2e

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// example is a block of commands, and what they must print: each line is a pattern, found in this order.
type example struct {
	line     int
	commands string
	expected []string
}

// examples are the blocks of a section of the README.
func examples(t *testing.T, text, heading string) []example {
	t.Helper()
	_, section, found := strings.Cut(text, "\n## "+heading+"\n")
	require.True(t, found, "README.md has no section %q", heading)
	line := 1 + strings.Count(text[:len(text)-len(section)], "\n")
	if i := strings.Index(section, "\n## "); i >= 0 {
		section = section[:i]
	}
	var list []example
	for _, block := range regexp.MustCompile("(?ms)^```(\\w*)\n(.*?)^```$").FindAllStringSubmatchIndex(section, -1) {
		kind, content := section[block[2]:block[3]], section[block[4]:block[5]]
		switch {
		case kind == "sh":
			list = append(list, example{line: line + strings.Count(section[:block[0]], "\n"), commands: content})
		case kind == "text" && len(list) > 0 && list[len(list)-1].expected == nil:
			list[len(list)-1].expected = strings.Split(strings.TrimSpace(content), "\n")
		default:
			t.Fatalf("a block %q that is neither commands nor what they print:\n%s", kind, content)
		}
	}
	return list
}

// elsewhere moves the README's addresses to ports that are free here, so that a demo that somebody runs beside the
// tests does not matter.
func elsewhere(t *testing.T) func(string) string {
	t.Helper()
	base := freeRange(t, 10)
	listen := freeAddress(t)
	_, port, err := net.SplitHostPort(listen)
	require.NoError(t, err)
	at, up := fmt.Sprintf(" --ports %d", base), " --listen "+listen
	return strings.NewReplacer(
		"crosswalk demo ", "crosswalk demo"+at+up+" ", "crosswalk up ", "crosswalk up"+up+" ", "crosswalk sandbox --data", "crosswalk sandbox"+at+" --data",
		":7700", ":"+port, ":780", fmt.Sprintf(":%d", base/10), ":2525", fmt.Sprintf(":%d", base+8),
	).Replace
}

// freeRange is the first of n ports, a round number, that nobody listens on.
func freeRange(t *testing.T, n int) int {
	t.Helper()
next:
	for base := 63000 + os.Getpid()%50*20; base < 65400; base += 20 {
		for port := base; port < base+n; port++ {
			l, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", port))
			if err != nil {
				continue next
			}
			_ = l.Close()
		}
		return base
	}
	t.Fatal("no free ports")
	return 0
}

// TestReadme runs every command of "Check it yourself", one block after the other, as a reader does.
func TestReadme(t *testing.T) {
	t.Parallel()
	root, err := filepath.Abs("..")
	require.NoError(t, err)
	readme, err := os.ReadFile(filepath.Join(root, "README.md"))
	require.NoError(t, err)
	dir := t.TempDir()
	require.NoError(t, os.Mkdir(filepath.Join(dir, "bin"), 0o700))
	require.NoError(t, os.Symlink(binary, filepath.Join(dir, "bin", "crosswalk")))
	require.NoError(t, os.Symlink(filepath.Join(root, "scripts"), filepath.Join(dir, "scripts")))
	move := elsewhere(t)
	list := examples(t, string(readme), "Check it yourself")
	require.GreaterOrEqual(t, len(list), 6)
	for _, e := range list {
		require.NotEmpty(t, e.expected, "README.md:%d: nothing says what these commands print", e.line)
		output := shell(t, dir, move(e.commands))
		rest := strings.Split(output, "\n")
		for _, pattern := range e.expected {
			fits, err := regexp.Compile(pattern)
			require.NoError(t, err, "README.md:%d", e.line)
			found := false
			for len(rest) > 0 && !found {
				found, rest = fits.MatchString(rest[0]), rest[1:]
			}
			if !found {
				for _, log := range []string{"demo.log", "up.log", "sandbox.log"} {
					raw, _ := os.ReadFile(filepath.Join(dir, log)) // not all exist yet
					t.Logf("%s:\n%s", log, tail(string(raw), 3000))
				}
			}
			require.True(t, found, "README.md:%d: no %q in what came out:\n%s\nof\n%s", e.line, pattern, output, e.commands)
		}
	}
}

// shell runs commands; what they leave in the background ends with the test.
func shell(t *testing.T, dir, commands string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 3*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, "bash", "-c", commands)
	cmd.Dir, cmd.SysProcAttr = dir, &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	out, err := os.CreateTemp(dir, "output")
	require.NoError(t, err)
	defer out.Close()
	cmd.Stdout, cmd.Stderr = out, out // a file: what runs on in the background keeps no pipe open
	_ = cmd.Run()                     // what came out tells
	group := cmd.Process.Pid
	t.Cleanup(func() { _ = syscall.Kill(-group, syscall.SIGKILL) })
	raw, err := os.ReadFile(out.Name())
	require.NoError(t, err)
	return string(raw)
}
