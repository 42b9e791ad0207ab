package activities_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"crosswalk/activities"
	"crosswalk/store"
)

// TestEvidenceWithATimeTakesNoFileOfACustomerAlong holds that a robot which keeps what it downloads for an hour leaves alone
// what is in the case for another reason, be it the very same file.
func TestEvidenceWithATimeTakesNoFileOfACustomerAlong(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	ctx := t.Context()
	attached, err := b.store.PutBlob(ctx, caseID, "application/pdf", []byte("the invoice"))
	require.NoError(t, err)
	b.play = gives(jane)
	b.evidence = []activities.Evidence{
		{MediaType: "application/pdf", Body: []byte("the invoice"), Keep: time.Hour},
		{MediaType: "image/jpeg", Body: []byte("a picture"), Keep: time.Hour},
	}
	out, failure := b.ordinary(b.input("customer", "crm", "find_customer", `{"email": "x"}`))
	require.Nil(t, failure)
	require.Len(t, out.Evidence, 2)
	require.Equal(t, attached, out.Evidence[0])
	dropped, err := b.store.DropKept(ctx, time.Now().Add(2*time.Hour))
	require.NoError(t, err)
	require.EqualValues(t, 1, dropped)
	_, err = b.store.Blob(ctx, caseID, attached)
	require.NoError(t, err)
	_, err = b.store.Blob(ctx, caseID, out.Evidence[1])
	require.ErrorIs(t, err, store.ErrNotFound)
}
