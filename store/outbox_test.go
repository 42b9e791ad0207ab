package store

import (
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestACaseSendsOneMailForEachPurpose(t *testing.T) {
	t.Parallel()
	s, _ := testStore(t)
	var queued atomic.Int64
	parallel(20, func(int) {
		if _, first, err := s.QueueMail(t.Context(), Mail{CaseID: "c1", Purpose: "acknowledge", Recipient: "anna@example.com", Raw: []byte("x")}); err == nil && first {
			queued.Add(1)
		}
	})
	require.Equal(t, int64(1), queued.Load())
	_, first, err := s.QueueMail(t.Context(), Mail{CaseID: "c1", Purpose: "outcome", Recipient: "anna@example.com", Raw: []byte("y")})
	require.NoError(t, err)
	require.True(t, first)
	mails, err := s.Mails(t.Context(), "c1")
	require.NoError(t, err)
	require.Len(t, mails, 2)
}

func TestMailsAreSent(t *testing.T) {
	t.Parallel()
	s, c := testStore(t)
	ctx := t.Context()
	const to = "anna@example.com"
	queued, _, err := s.QueueMail(ctx, Mail{CaseID: "c1", Purpose: "acknowledge", Recipient: to, Raw: []byte("raw")})
	require.NoError(t, err)
	claim := func(want int) []Mail {
		due, err := s.ClaimMails(ctx, 10, time.Minute)
		require.NoError(t, err)
		require.Len(t, due, want)
		return due
	}
	due := claim(1)
	require.Equal(t, []byte("raw"), due[0].Raw)
	require.Equal(t, MailSending, due[0].State)
	claim(0) // somebody is at it
	c.Advance(2 * time.Minute)
	require.Equal(t, 2, claim(1)[0].Attempts) // and has died

	require.NoError(t, s.MarkMailFailed(ctx, queued.ID, "421 later", c.Now().Add(time.Hour)))
	claim(0)
	n, err := s.MailsTo(ctx, to, c.Now().Add(-time.Hour))
	require.NoError(t, err)
	require.Equal(t, 1, n)
	c.Advance(time.Hour + time.Minute)
	claim(1)
	require.NoError(t, s.MarkMailSent(ctx, queued.ID))
	require.ErrorIs(t, s.MarkMailFailed(ctx, queued.ID, "late", time.Time{}), ErrNotFound)
	c.Advance(2 * time.Hour)
	claim(0)
	n, err = s.MailsTo(ctx, to, c.Now().Add(-time.Hour))
	require.NoError(t, err)
	require.Zero(t, n)

	dead, _, err := s.QueueMail(ctx, Mail{CaseID: "c2", Purpose: "acknowledge", Recipient: to})
	require.NoError(t, err)
	require.NoError(t, s.MarkMailFailed(ctx, dead.ID, "550 unknown", time.Time{}))
	claim(0)
	mails, err := s.Mails(ctx, "c2")
	require.NoError(t, err)
	require.Equal(t, MailFailed, mails[0].State)
	require.ErrorIs(t, s.MarkMailSent(ctx, "none"), ErrNotFound)
}

func TestBlobsBelongToACase(t *testing.T) {
	t.Parallel()
	s, _ := testStore(t)
	ctx := t.Context()
	id, err := s.PutBlob(ctx, "c1", "image/png", []byte("png"))
	require.NoError(t, err)
	again, err := s.PutBlob(ctx, "c1", "image/png", []byte("png"))
	require.NoError(t, err)
	require.Equal(t, id, again)
	found, err := s.Blob(ctx, "c1", id)
	require.NoError(t, err)
	require.Equal(t, Blob{ID: id, CaseID: "c1", MediaType: "image/png", Body: []byte("png")}, found)
	_, err = s.Blob(ctx, "c2", id)
	require.ErrorIs(t, err, ErrNotFound)
}
