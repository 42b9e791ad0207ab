package intake

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func mailOf(lines ...string) []byte { return []byte(strings.Join(lines, "\r\n")) }

func TestParseMail(t *testing.T) {
	t.Parallel()
	cases := []struct {
		name     string
		raw      []byte
		envelope string
		want     func(t *testing.T, m Message)
	}{
		{name: "plain", envelope: "ann@example.org", raw: mailOf("From: Ann Lee <Ann@Example.org>", "To: help@shop.example", "Subject: Broken", "Message-ID: <a1@example.org>", "", "It broke."),
			want: func(t *testing.T, m Message) {
				require.Equal(t, Sender{Email: "ann@example.org", Name: "Ann Lee"}, m.From)
				require.Equal(t, "It broke.", m.Text)
				require.Equal(t, "a1@example.org", m.ID)
				require.Empty(t, m.Automatic)
			}},
		{name: "quoted-printable in Latin-1 with an encoded name", envelope: "j@example.org", raw: mailOf("From: =?iso-8859-1?Q?J=FCrgen_M=FCller?= <j@example.org>", "Subject: =?utf-8?B?S2FmZmVlbWFzY2hpbmUgZGVmZWt0?=", "MIME-Version: 1.0", "Content-Type: text/plain; charset=iso-8859-1", "Content-Transfer-Encoding: quoted-printable", "", "Die Maschine l=E4uft nicht, sie ist =", "undicht."),
			want: func(t *testing.T, m Message) {
				require.Equal(t, "Jürgen Müller", m.From.Name)
				require.Equal(t, "Kaffeemaschine defekt", m.Subject)
				require.Equal(t, "Die Maschine läuft nicht, sie ist undicht.", m.Text)
			}},
		{name: "HTML only", envelope: "x@example.org", raw: mailOf("From: x@example.org", "Content-Type: text/html; charset=utf-8", "", "<html><head><title>no</title><style>p{}</style></head><body><p>Hello&nbsp;there,</p><p>the <b>Aurora&nbsp;2</b> leaks.<script>alert(1)</script></p></body></html>"),
			want: func(t *testing.T, m Message) { require.Equal(t, "Hello there,\n\nthe Aurora 2 leaks.", m.Text) }},
		{name: "alternative with a photo", envelope: "x@example.org", raw: mailOf("From: x@example.org", "MIME-Version: 1.0", `Content-Type: multipart/mixed; boundary="o"`, "", "--o", `Content-Type: multipart/alternative; boundary="i"`, "", "--i", "Content-Type: text/plain", "", "plain words", "--i", "Content-Type: text/html", "", "<p>html words</p>", "--i--", "--o", `Content-Type: image/png; name="../../etc/photo.png"`, "Content-Transfer-Encoding: base64", `Content-Disposition: attachment; filename="../../etc/photo.png"`, "", "iVBORw0KGgo=", "--o--"),
			want: func(t *testing.T, m Message) {
				require.Equal(t, "plain words", m.Text)
				require.Len(t, m.Attachments, 1)
				require.Equal(t, "photo.png", m.Attachments[0].Name)
				require.Equal(t, []byte("\x89PNG\r\n\x1a\n"), m.Attachments[0].Bytes)
			}},
		{name: "an answer in a thread", envelope: "x@example.org", raw: mailOf("From: x@example.org", "Message-Id: <b@x>", "In-Reply-To: <a@x>", "References: <0@x> <a@x>", "", "and another thing"),
			want: func(t *testing.T, m Message) { require.Equal(t, []string{"a@x", "0@x", "a@x"}, m.ThreadIDs) }},
		{name: "out of office", envelope: "x@example.org", raw: mailOf("From: x@example.org", "Auto-Submitted: auto-replied", "", "I am away"),
			want: func(t *testing.T, m Message) { require.Equal(t, "Auto-Submitted: auto-replied", m.Automatic) }},
		{name: "bounce", envelope: "", raw: mailOf("From: MAILER-DAEMON@example.org", `Content-Type: multipart/report; boundary="r"`, "", "--r", "", "undeliverable", "--r--"),
			want: func(t *testing.T, m Message) { require.NotEmpty(t, m.Automatic) }},
		{name: "our own mail coming back", envelope: "x@example.org", raw: mailOf("From: x@example.org", "X-Crosswalk-Case: 1", "", "ack"),
			want: func(t *testing.T, m Message) { require.Equal(t, "X-Crosswalk-Case", m.Automatic) }},
		{name: "forwarded by a colleague", envelope: "sales@shop.example", raw: mailOf("From: Sales <sales@shop.example>", "Subject: Fwd: broken", "", "please handle", "", "---------- Forwarded message ---------", "From: Ann Lee <ann@example.org>", "Date: Mon, 1 Jun 2026", "Subject: broken", "To: sales@shop.example", "", "My kettle is broken."),
			want: func(t *testing.T, m Message) {
				require.Equal(t, Sender{Email: "ann@example.org", Name: "Ann Lee"}, m.From)
				require.Equal(t, "My kettle is broken.", m.Text)
			}},
		{name: "a customer who forwards our confirmation stays the sender", envelope: "ann@example.org", raw: mailOf("From: Ann Lee <ann@example.org>", "", "this one broke", "", "---------- Forwarded message ---------", "From: Shop <orders@shop.example>", "", "Your order 10427"),
			want: func(t *testing.T, m Message) {
				require.Equal(t, "ann@example.org", m.From.Email)
				require.Contains(t, m.Text, "10427")
			}},
		{name: "direction override and controls are taken out", envelope: "x@example.org", raw: mailOf("From: x@example.org", "", "a\u202Egpj.exe\x07b"),
			want: func(t *testing.T, m Message) { require.Equal(t, "agpj.exeb", m.Text) }},
		{name: "no body", envelope: "x@example.org", raw: mailOf("From: x@example.org", "Subject: only a subject", "", ""),
			want: func(t *testing.T, m Message) { require.Equal(t, "only a subject", m.Text) }},
		{name: "German, quoted-printable, several lines", envelope: "j@example.org", raw: mailOf("From: j@example.org", "Content-Type: text/plain; charset=utf-8", "Content-Transfer-Encoding: quoted-printable", "", "Der Wasserkocher l=C3=A4uft aus. Ich habe ihn am 3. M=C3=A4rz be=", "kommen."),
			want: func(t *testing.T, m Message) {
				require.Equal(t, "Der Wasserkocher läuft aus. Ich habe ihn am 3. März bekommen.", m.Text)
			}},
		{name: "French, base64 in Windows-1252", envelope: "j@example.org", raw: mailOf("From: j@example.org", "Content-Type: text/plain; charset=windows-1252", "Content-Transfer-Encoding: base64", "", "TGEgYm91aWxsb2lyZSBlc3QgY2Fzc+llLCA0MCCALg=="),
			want: func(t *testing.T, m Message) { require.Equal(t, "La bouilloire est cassée, 40 €.", m.Text) }},
		{name: "Spanish, HTML with entities and a table", envelope: "j@example.org", raw: mailOf("From: j@example.org", "Content-Type: text/html; charset=utf-8", "", "<table><tr><td>Art&iacute;culo</td><td>Aurora</td></tr><tr><td>Pedido</td><td>10427</td></tr></table><p>No&nbsp;funciona&hellip;<br>¡Gracias!</p>"),
			want: func(t *testing.T, m Message) {
				require.Equal(t, "Artículo Aurora\n\nPedido 10427\n\nNo funciona…\n¡Gracias!", m.Text)
			}},
		{name: "Dutch, an answer below which the quote is cut", envelope: "j@example.org", raw: mailOf("From: j@example.org", "In-Reply-To: <a@x>", "", "Hij is nog steeds kapot.", "", "Op ma 1 juni 2026 om 10:00 schreef Nordwind <help@nordwind.example>:", "> Uw kenmerk is CW-AAAAAAAA", "> Nordwind"),
			want: func(t *testing.T, m Message) { require.Equal(t, "Hij is nog steeds kapot.", m.Text) }},
		{name: "an answer in between the lines of the quote", envelope: "j@example.org", raw: mailOf("From: j@example.org", "In-Reply-To: <a@x>", "", "> Which kettle?", "The Aurora.", "> Which order?", "10427."),
			want: func(t *testing.T, m Message) { require.Equal(t, "The Aurora.\n10427.", m.Text) }},
		{name: "an answer that is nothing but a quote keeps it", envelope: "j@example.org", raw: mailOf("From: j@example.org", "In-Reply-To: <a@x>", "", "> Which kettle?"),
			want: func(t *testing.T, m Message) { require.Equal(t, "> Which kettle?", m.Text) }},
		{name: "an unknown charset is read as far as it goes", envelope: "j@example.org", raw: mailOf("From: j@example.org", "Content-Type: text/plain; charset=x-klingon", "", "nuqneH \xff\xfe kettle"),
			want: func(t *testing.T, m Message) { require.Contains(t, m.Text, "kettle") }},
		{name: "a subject that is no UTF-8", envelope: "j@example.org", raw: mailOf("From: j@example.org", "Subject: \xff\xfebroken", "", "x"),
			want: func(t *testing.T, m Message) { require.Contains(t, m.Subject, "broken") }},
		{name: "the answer goes to Reply-To, the name is the author's", envelope: "form@shop.example", raw: mailOf("From: Ann Lee <noreply@shop.example>", "Reply-To: ann@example.org", "", "broken"),
			want: func(t *testing.T, m Message) {
				require.Equal(t, Sender{Email: "ann@example.org", Name: "Ann Lee"}, m.From)
				require.Empty(t, m.Automatic)
			}},
		{name: "a name with a comma and without quotes", envelope: "ann@example.org", raw: mailOf("From: Lee, Ann <ann@example.org>", "", "broken"),
			want: func(t *testing.T, m Message) { require.Equal(t, "ann@example.org", m.From.Email) }},
		{name: "a name that breaks the line", envelope: "ann@example.org", raw: mailOf("From: =?utf-8?Q?Ann=0D=0ABcc:_all=40example.org?= <ann@example.org>", "", "broken"),
			want: func(t *testing.T, m Message) { require.Equal(t, "Ann Bcc: all@example.org", m.From.Name) }},
		{name: "a mail as the attachment of a mail", envelope: "sales@shop.example", raw: mailOf("From: sales@shop.example", "Content-Type: multipart/mixed; boundary=b", "", "--b", "Content-Type: text/plain", "", "see below", "--b", "Content-Type: message/rfc822", "", "From: Ann Lee <ann@example.org>", "Subject: broken", "", "My kettle is broken.", "--b--"),
			want: func(t *testing.T, m Message) {
				require.Equal(t, "ann@example.org", m.From.Email)
				require.Equal(t, "My kettle is broken.", m.Text)
			}},
		{name: "forwarded in German", envelope: "sales@shop.example", raw: mailOf("From: sales@shop.example", "", "-------- Weitergeleitete Nachricht --------", "Betreff: kaputt", "Datum: Mon, 1 Jun 2026", "Von: Ann Lee <ann@example.org>", "An: sales@shop.example", "", "Der Kocher ist kaputt."),
			want: func(t *testing.T, m Message) {
				require.Equal(t, "ann@example.org", m.From.Email)
				require.Equal(t, "Der Kocher ist kaputt.", m.Text)
			}},
		{name: "file names of all kinds", envelope: "x@example.org", raw: mailOf("From: x@example.org", "Content-Type: multipart/mixed; boundary=b", "",
			"--b", "Content-Type: text/plain", "", "three files",
			"--b", "Content-Type: application/pdf", "Content-Disposition: attachment; filename*=utf-8''Rechnung%20%E2%80%AEfdp.exe", "", "1",
			"--b", "Content-Type: application/pdf", "Content-Disposition: attachment; filename=\"=?utf-8?Q?Rechnung_M=C3=A4rz.pdf?=\"", "", "2",
			"--b", "Content-Type: image/png", "Content-Disposition: attachment", "", "3",
			"--b", "Content-Type: text/html; name=\"..\\..\\evil.html\"", "Content-Disposition: inline; filename=\"..\\..\\evil.html\"", "", "<script>", "--b--"),
			want: func(t *testing.T, m Message) {
				var names []string
				for _, file := range m.Attachments {
					names = append(names, file.Name)
				}
				require.Equal(t, []string{"Rechnung fdp.exe", "Rechnung März.pdf", "attachment.png", "evil.html"}, names)
				require.Equal(t, "three files", m.Text)
			}},
		{name: "twenty-five files: the first twenty are kept, and it is said that there were more", envelope: "x@example.org", raw: mailOf("From: x@example.org", "Content-Type: multipart/mixed; boundary=b", "", strings.Repeat("--b\r\nContent-Type: image/png; name=a.png\r\n\r\nx\r\n", 25)+"--b--"),
			want: func(t *testing.T, m Message) {
				require.Len(t, m.Attachments, MaxAttachments+1)
				require.Equal(t, "5 more (too many files, not kept)", m.Attachments[MaxAttachments].Name)
			}},
		{name: "a truncated mail keeps what came", envelope: "x@example.org", raw: mailOf("From: x@example.org", "Content-Type: multipart/mixed; boundary=b", "", "--b", "Content-Type: text/plain", "", "the kettle is bro"),
			want: func(t *testing.T, m Message) { require.Equal(t, "the kettle is bro", m.Text) }},
		{name: "a very long text is cut", envelope: "x@example.org", raw: mailOf("From: x@example.org", "", strings.Repeat("words ", 100_000)),
			want: func(t *testing.T, m Message) {
				require.LessOrEqual(t, len([]rune(m.Text)), MaxTextRunes+10)
			}},
		{name: "a delivery report", envelope: "", raw: mailOf("From: x@example.org", `Content-Type: multipart/report; report-type=delivery-status; boundary="r"`, "", "--r", "", "failed", "--r", "Content-Type: message/delivery-status", "", "Action: failed", "--r--"),
			want: func(t *testing.T, m Message) { require.Equal(t, "a delivery report", m.Automatic) }},
		{name: "a newsletter", envelope: "news@example.org", raw: mailOf("From: news@example.org", "List-Unsubscribe: <https://example.org>", "", "buy"),
			want: func(t *testing.T, m Message) { require.Equal(t, "List-Unsubscribe", m.Automatic) }},
		{name: "written by a person, although marked so", envelope: "x@example.org", raw: mailOf("From: x@example.org", "Auto-Submitted: no", "", "broken"),
			want: func(t *testing.T, m Message) { require.Empty(t, m.Automatic) }},
		{name: "nobody to answer", envelope: "no-reply@example.org", raw: mailOf("From: no-reply@example.org", "", "your invoice"),
			want: func(t *testing.T, m Message) { require.Equal(t, "sent by no-reply", m.Automatic) }},
		{name: "no headers that help", envelope: "env@example.org", raw: mailOf("Subject: hi", "", "words"),
			want: func(t *testing.T, m Message) { require.Equal(t, "env@example.org", m.From.Email) }},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			m, err := ParseMail(c.raw, c.envelope, "help@shop.example", time.Date(2026, 6, 1, 0, 0, 0, 0, time.UTC))
			require.NoError(t, err)
			c.want(t, m)
		})
	}
}

func TestParseMailRefusesHostileStructure(t *testing.T) {
	t.Parallel()
	var nested strings.Builder
	nested.WriteString("From: x@example.org\r\n")
	for level := range 100 {
		fmt.Fprintf(&nested, "Content-Type: multipart/mixed; boundary=b%d\r\n\r\n--b%d\r\n", level, level)
	}
	_, err := ParseMail([]byte(nested.String()), "x@example.org", "", time.Time{})
	require.ErrorIs(t, err, ErrMalformed)

	var many strings.Builder
	many.WriteString("From: x@example.org\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n")
	for range 1000 {
		many.WriteString("--b\r\nContent-Type: text/plain\r\n\r\nx\r\n")
	}
	_, err = ParseMail([]byte(many.String()+"--b--"), "x@example.org", "", time.Time{})
	require.ErrorIs(t, err, ErrMalformed)
}

func FuzzParseMail(f *testing.F) {
	f.Add([]byte("From: a@b.example\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\nx\r\n--b--"))
	f.Add([]byte("Subject: =?utf-8?Q?=?=\r\n\r\n<p>"))
	f.Fuzz(func(t *testing.T, raw []byte) {
		m, err := ParseMail(raw, "a@b.example", "c@d.example", time.Time{})
		if err == nil {
			require.LessOrEqual(t, len([]rune(m.Text)), MaxTextRunes+5)
			require.NotContains(t, m.From.Name, "\n")
		}
	})
}
