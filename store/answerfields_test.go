package store

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestAnswerFieldsAreCounted(t *testing.T) {
	t.Parallel()
	s, _ := testStore(t)
	ctx := t.Context()
	of := AnswerField{System: "crm", Driver: "adapter:hubspot", Operation: "find_customer", Field: "results[].email", What: FieldMissing, Kinds: "text", Feeds: "email", Counted: 2}
	require.NoError(t, s.AddAnswerFields(ctx, nil))
	require.NoError(t, s.AddAnswerFields(ctx, []AnswerField{of}))
	require.NoError(t, s.AddAnswerFields(ctx, []AnswerField{of, {System: "crm", Driver: of.Driver, Operation: of.Operation, What: FieldKnown, Counted: 10, Always: true}}))
	changed, err := s.ChangedFields(ctx, "crm")
	require.NoError(t, err)
	require.Len(t, changed, 1)
	require.EqualValues(t, 4, changed[0].Counted)
	all, err := s.AnswerFields(ctx, "crm", of.Driver, of.Operation)
	require.NoError(t, err)
	require.Len(t, all, 2)
	require.NoError(t, s.LearnAnew(ctx, "crm"))
	changed, err = s.ChangedFields(ctx, "")
	require.NoError(t, err)
	require.Empty(t, changed)
}
