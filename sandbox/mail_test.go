package sandbox

import (
	"net/smtp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestMailsAreKept(t *testing.T) {
	t.Parallel()
	c := start(t)
	address := strings.TrimPrefix(c.Addresses()[SystemMail].URL, "smtp://")
	send := func(to string) error {
		return smtp.SendMail(address, nil, "service@nordwind-home.example", []string{to}, []byte("Subject: We are on it\r\n\r\nYour reference is CW-1\r\n"))
	}
	require.NoError(t, send("anna@mailbox.example"))
	require.NoError(t, send("ben@mailbox.example"))
	mails, err := c.Mails(t.Context(), "ANNA@mailbox.example")
	require.NoError(t, err)
	require.Len(t, mails, 1)
	require.Equal(t, "We are on it", mails[0].Subject)
	require.Contains(t, mails[0].Raw, "CW-1")
	require.Len(t, c.call(t, "control", "GET", "/control/mails", "").list, 2)

	c.order(t, SystemMail, `{"fault":"rate-limited","times":1}`)
	require.ErrorContains(t, send("carl@mailbox.example"), "451")
	c.order(t, SystemMail, `{"fault":"answer-lost","times":1}`)
	require.Error(t, send("carl@mailbox.example"))
	mails, err = c.Mails(t.Context(), "carl@mailbox.example")
	require.NoError(t, err)
	require.Len(t, mails, 1)
}
