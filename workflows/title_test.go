package workflows_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"crosswalk/store"
)

// A case that never waits says nothing of itself before its end; its title is there all the same.
func TestTitleOfACaseThatNeverWaits(t *testing.T) {
	h := newHarnessOf(t, bundleOf(`
usecase: test
title: 'Is ${input.serial} overdue?'
input: {serial: {type: string, required: true}}
steps:
  - {id: found, set: {value: '${input.serial}'}}
  - {end: {outcome: planned}}
`), nil)
	h.run(`{"serial": "SN-0004"}`)
	found, err := h.store.Case(t.Context(), caseID)
	require.NoError(t, err)
	require.Equal(t, "Is SN-0004 overdue?", found.Title)
	cases, err := h.store.Cases(t.Context(), store.CaseFilter{Text: "sn-0004"})
	require.NoError(t, err)
	require.Len(t, cases, 1, "it is found by the words of its title")
}
