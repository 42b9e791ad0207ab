package casetest_test

import (
	"fmt"
	"io/fs"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"crosswalk/casetest"
	"crosswalk/usecases"
)

// A customer may write as much as the intake takes, in any script: the language's limits must not park the complaint.
func TestComplaintsOfAnyLengthHaveAnEnd(t *testing.T) {
	t.Parallel()
	file, err := fs.ReadFile(usecases.Catalog(), "customer-complaint.tests.yaml")
	require.NoError(t, err)
	head, _, _ := strings.Cut(string(file), "\ntests:")
	cut := func(text string) string { return string([]rune(text)[:20_000]) }
	short := "My Kettle Aria leaks, it is broken. "
	var names strings.Builder
	for i := range 5_000 {
		fmt.Fprintf(&names, "word-%d ", i*7919)
	}
	var tests strings.Builder
	for name, text := range map[string]string{"prose": strings.Repeat("I was glad about it every day. ", 700), "four bytes": strings.Repeat("🙂", 20_000),
		"three bytes": strings.Repeat("壊れた ", 5_000), "different words": names.String()} {
		fmt.Fprintf(&tests, "  - {name: %s, input: {product: null, text: '%s'}, expect: {outcome: accepted, decisions: {finding: {gives: {choice: take}}}}}\n", name, cut(short+text))
	}
	report := runText(t, casetest.Subject{Plan: complaint(t)}, head+"\ntests:\n"+tests.String())
	require.Zero(t, report.Failed(), failures(report))
}
