package rules

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestTypesComeBackAsTheyWereStored(t *testing.T) {
	t.Parallel()
	for _, text := range []string{
		`string`, `integer`, `date-time`, `any`, `duration`, `[{ref: crm.customer}]`, `{enum: [a, b]}`, `{enum: [1, 2.50]}`, `{type: [string, 'null']}`,
		`{type: string, title: T, description: D, minLength: 2, maxLength: 9, format: email, personal: true}`, `{type: number, minimum: 0.10, maximum: 12345678901234567890.5}`,
		`{type: object, properties: {b: {type: string, required: true}, a: {type: list, items: {type: integer}, maxItems: 3}}}`, `{type: object, additionalProperties: {type: number}}`,
		`{record: order, title: Order, properties: {id: {ref: orders.order}}}`,
	} {
		want, problems := parseType(t, text)
		require.NoError(t, problems.Err(), text)
		stored, err := json.Marshal(want)
		require.NoError(t, err)
		var got *Type
		require.NoError(t, json.Unmarshal(stored, &got), text)
		require.Equal(t, want, got, text)
		again, err := json.Marshal(got)
		require.NoError(t, err)
		require.Equal(t, string(stored), string(again), text)
	}
	require.ErrorContains(t, json.Unmarshal([]byte(`{"kind": "colour"}`), new(Type)), `unknown kind "colour"`)
}
