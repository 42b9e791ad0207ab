package store

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// TestFilesAreKeptForTheirTime holds that a file with a time of its own goes when it is over, and that no other does: the same
// bytes may be there for another reason.
func TestFilesAreKeptForTheirTime(t *testing.T) {
	t.Parallel()
	s, clock := testStore(t)
	ctx, begun := t.Context(), clock.Now()
	const always = time.Duration(0)
	for name, test := range map[string]struct {
		kept  []time.Duration // how long they are to be kept that store it, in turn
		stays bool            // two hours later
	}{
		"for an hour":                     {[]time.Duration{time.Hour}, false},
		"with the case":                   {[]time.Duration{always}, true},
		"shorter, longer":                 {[]time.Duration{time.Hour, 3 * time.Hour}, true},
		"longer, shorter":                 {[]time.Duration{3 * time.Hour, time.Hour}, true},
		"with the case, then for an hour": {[]time.Duration{always, time.Hour}, true},
		"for an hour, then with the case": {[]time.Duration{time.Hour, always, time.Hour}, true},
	} {
		var id string
		var err error
		for _, keep := range test.kept {
			if keep == always {
				id, err = s.PutBlob(ctx, "case "+name, "text/html", []byte(name))
			} else {
				id, err = s.PutBlobUntil(ctx, "case "+name, "text/html", []byte(name), begun.Add(keep))
			}
			require.NoError(t, err)
		}
		_, err = s.DropKept(ctx, begun.Add(2*time.Hour))
		require.NoError(t, err)
		_, err = s.Blob(ctx, "case "+name, id)
		if test.stays {
			require.NoError(t, err, name)
		} else {
			require.ErrorIs(t, err, ErrNotFound, name)
		}
	}
}

// TestFilesOfCustomersStay holds that evidence with a time never takes the file of a customer with it.
func TestFilesOfCustomersStay(t *testing.T) {
	t.Parallel()
	s, clock := testStore(t)
	ctx, begun := t.Context(), clock.Now()
	entry := came(t, s, "ann")
	file := entry.Attachments[0]
	for _, caseID := range []string{entry.CaseID, "another case"} {
		id, err := s.PutBlobUntil(ctx, caseID, "image/png", []byte("picture ann"), begun.Add(time.Hour))
		require.NoError(t, err)
		require.Equal(t, file.BlobID, id, "it is the very file")
	}
	require.NoError(t, s.write(ctx, "as releases before this one left it", func(tx session) error {
		_, err := tx.exec(ctx, "UPDATE blobs SET keep_until = ? WHERE case_id = ?", begun.Add(time.Minute), entry.CaseID)
		return err
	}))
	dropped, err := s.DropKept(ctx, begun.Add(2*time.Hour))
	require.NoError(t, err)
	require.EqualValues(t, 1, dropped, "that of the other case")
	kept, err := s.Blob(ctx, entry.CaseID, file.BlobID)
	require.NoError(t, err)
	require.Equal(t, "picture ann", string(kept.Body))
}
