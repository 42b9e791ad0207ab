package sandbox

import (
	"bytes"
	"net/mail"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestLettersAreMails(t *testing.T) {
	t.Parallel()
	ids := map[string]bool{}
	for i, c := range NewWorld(1, testDay).Complaints(64, 1) {
		if c.Channel != "email" {
			continue
		}
		for form := range LetterForms {
			raw, err := c.Letter("service@nordwind-home.example", form+i*LetterForms)
			require.NoError(t, err)
			m, err := mail.ReadMessage(bytes.NewReader(raw))
			require.NoError(t, err)
			from, err := m.Header.AddressList("From")
			require.NoError(t, err)
			require.Equal(t, c.From.Email, from[0].Address)
			require.Equal(t, c.From.Name, from[0].Name)
			require.Equal(t, c.MessageID(), m.Header.Get("Message-ID"))
			for line := range strings.SplitSeq(string(raw), "\r\n") {
				require.Less(t, len(line), 998)
			}
			require.Equal(t, form == 2 || form == 4, strings.HasPrefix(m.Header.Get("Content-Type"), "multipart/"))
		}
		require.False(t, ids[c.MessageID()])
		ids[c.MessageID()] = true
	}
	require.GreaterOrEqual(t, len(ids), 8)
}
