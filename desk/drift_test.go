package desk

import (
	"testing"

	"github.com/stretchr/testify/require"

	"crosswalk/store"
)

func TestReadersOfAChangedField(t *testing.T) {
	t.Parallel()
	texts := map[string]string{
		"reads":     `steps:\n  - id: customer\n    call: crm.find_customer\n  - set: {to: '${customer.mail}'}`,
		"calls":     `steps:\n  - id: customer\n    call: crm.find_customer\n  - set: {to: '${customer.name}'}`,
		"otherwise": `steps:\n  - call: support.find_customer\n  - set: {to: '${x.mail}'}`,
	}
	field := store.AnswerField{System: "crm", Operation: "crm.find_customer", Field: "results[].email", What: store.FieldMissing, Feeds: "mail"}
	view := readersOf(field, texts)
	require.Equal(t, []string{"reads"}, view.Readers)
	require.Equal(t, []string{"calls"}, view.Callers)
	field.Feeds, field.Field = "", "results[].name"
	require.Equal(t, []string{"calls"}, readersOf(field, texts).Readers)
}
