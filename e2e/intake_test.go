package e2e

import (
	"fmt"
	"net/http"
	"net/url"
	"testing"

	"github.com/stretchr/testify/require"

	"crosswalk/sandbox"
)

// mailed are complaints that somebody may send by mail, by different customers.
func (w *world) mailed(n int) []sandbox.Complaint {
	w.t.Helper()
	list := w.complaints(sandbox.EndReplace)
	require.GreaterOrEqual(w.t, len(list), n)
	for i := range list {
		list[i] = plain(list[i])
		list[i].Channel = "email"
	}
	return list[:n]
}

// onlyCase waits until the mail of this customer has become a case, and there is one.
func (w *world) onlyCase(email string) string {
	w.t.Helper()
	var ids []string
	until(w.t, "the mail of "+email+" is a case", func() (bool, string) {
		ids = w.casesFrom(email)
		return len(ids) > 0, ""
	})
	require.Len(w.t, ids, 1)
	return ids[0]
}

func TestSentTwice(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 1)
	m := w.mailed(3)
	message := newID()
	require.NoError(t, w.send(m[0], message))
	require.NoError(t, w.send(m[0], message), "a mail that is known is taken again: the sender repeats what he got no answer to")
	byMail := w.onlyCase(m[0].From.Email)

	first, err := w.social(m[1], "1001", "")
	require.NoError(t, err)
	again, err := w.social(m[1], "1001", "")
	require.NoError(t, err)
	require.Equal(t, first, again)
	_, err = w.social(m[1], "1002", "sha256=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=")
	require.ErrorContains(t, err, "401")

	// The same complaint by another channel while the case is open joins it.
	d, _ := w.awaitTask(byMail, "complete")
	joined, err := w.form(m[0])
	require.NoError(t, err)
	require.Equal(t, byMail, joined)
	until(t, "the second message is on the ticket", func() (bool, string) {
		comments := w.comments(d.ticket())
		return len(comments) == 3, fmt.Sprint(len(comments))
	})
	w.awaitTask(first, "complete")
	w.oneTicketEach([]string{byMail, first})

	// One acknowledgement for the one mail.
	var mails []map[string]any
	until(t, "the acknowledgement has come", func() (bool, string) {
		w.order(http.MethodGet, "/mails?to="+url.QueryEscape(m[0].From.Email), nil, &mails)
		return len(mails) > 0, ""
	})
	require.Len(t, mails, 1)
}

// TestKilledAfterTheAcknowledgement: what was acknowledged becomes a case, whatever happens next.
func TestKilledAfterTheAcknowledgement(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 1)
	mails := w.mailed(3)
	for _, m := range mails {
		require.NoError(t, w.send(m, newID()))
		w.up.kill()
		w.begin()
	}
	var ids []string
	for _, m := range mails {
		ids = append(ids, w.onlyCase(m.From.Email))
		w.awaitTask(ids[len(ids)-1], "complete")
	}
	w.oneTicketEach(ids)
}
