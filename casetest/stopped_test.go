package casetest_test

import (
	"context"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"crosswalk/casetest"
)

const manyLookedUp = `usecase: many-looked-up
input: {emails: {type: array, items: {type: string}, required: true}}
steps:
  - id: all
    each: {in: '${input.emails}', as: email, steps: [{id: customer, call: crm.find_customer, with: {email: '${email}'}}]}
  - {end: {outcome: found}}
`

// interrupted is told to stop when the first test is about to begin.
type interrupted struct {
	context.Context
	interrupt context.CancelFunc
}

func (i interrupted) Err() error {
	defer i.interrupt()
	return i.Context.Err()
}

// Who interrupts the tests does not wait for the case that is about to be played.
func TestTestsAreInterrupted(t *testing.T) {
	t.Parallel()
	file, problems := casetest.Parse("", "many-looked-up.tests.yaml", []byte("usecase: many-looked-up\ninput: {emails: ["+strings.Repeat("a@example.com, ", 1000)+"b@example.com]}\n"+
		"systems: {crm.find_customer: {fails: not_found}}\ntests: [{name: one, expect: {outcome: found}}]\n"), casetest.Subject{Plan: bundleOf(t, "many-looked-up.yaml", manyLookedUp)})
	require.Empty(t, problems)
	inner, interrupt := context.WithCancel(t.Context())
	_, err := casetest.Run(interrupted{inner, interrupt}, []*casetest.File{file}, casetest.Options{Parallel: 1})
	require.ErrorIs(t, err, context.Canceled)
	require.ErrorContains(t, err, "stopped after 0 of 1 tests")
}
