package casetest_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"crosswalk/casetest"
)

const lookedUp = `usecase: looked-up
input: {email: {type: string, required: true}}
steps:
  - {id: customer, call: crm.find_customer, with: {email: '${input.email}'}}
  - {end: {outcome: found}}
`

// A file of tests can neither run for ever nor pass without having run.
func TestWhatATestMayNotAsk(t *testing.T) {
	t.Parallel()
	of := casetest.Subject{Plan: bundleOf(t, "looked-up.yaml", lookedUp)}
	for text, want := range map[string]string{
		"at: 0001-01-01T00:00:00Z": "in the years 1970 to 9000",
		"at: 9999-12-31T23:59:59Z": "in the years 1970 to 9000",
		"people: [{step: customer, times: 1000000, answer: {act: retry}}]": "at most 1000 tasks are answered so",
	} {
		_, problems := casetest.Parse("", "looked-up.tests.yaml", []byte("usecase: looked-up\ninput: {email: a@example.com}\nsystems: {crm.find_customer: {fails: internal}}\n"+
			text+"\ntests: [{name: one, expect: {outcome: found}}]\n"), of)
		require.Contains(t, problems.Error(), want)
	}
}
