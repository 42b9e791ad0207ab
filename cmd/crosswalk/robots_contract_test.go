package main

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"crosswalk/contracts"
)

// TestOperationsOfSeveralRecordings holds that a further recording of an application adds its operation to the contract, however
// that is indented, and that --force takes over what a recording that was made again needs.
func TestOperationsOfSeveralRecordings(t *testing.T) {
	t.Parallel()
	operation := func(name, input string) string {
		return "  " + name + ":\n    effect: read\n    input:\n      " + input + ": {type: string, required: true}\n    output: {any: {type: object, additionalProperties: true}}\n"
	}
	head := "contract: erp\noperations:\n"
	one, other, again := head+operation("find", "number"), head+operation("list", "customer"), head+operation("find", "year")
	read := func(text []byte) *contracts.Contract {
		contract, problems := contracts.Parse("contracts/erp.yaml", text)
		require.NoError(t, problems.Err(), "%s", text)
		return contract
	}
	wide := strings.ReplaceAll(one, "  ", "    ")
	for what, contract := range map[string]string{"two spaces": one, "four spaces": wide, "blank lines behind": one + "\n\n"} {
		both := withOperations("contracts/erp.yaml", []byte(contract), []byte(other), false)
		require.True(t, strings.HasPrefix(string(both), contract), "%s: it only adds:\n%s", what, both)
		require.Equal(t, []string{"find", "list"}, read(both).OperationNames(), what)
		require.Equal(t, both, withOperations("contracts/erp.yaml", both, []byte(again), false), what)
		forced := read(withOperations("contracts/erp.yaml", both, []byte(again), true))
		require.ElementsMatch(t, []string{"find", "list"}, forced.OperationNames(), what)
		require.Equal(t, "year", forced.Operation("find").Input.Fields[0].Name, what)
		require.Equal(t, "customer", forced.Operation("list").Input.Fields[0].Name, what)
	}
}
