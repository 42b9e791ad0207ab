package intake

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"mime"
	"net"
	"net/mail"
	"strings"
	"sync"
	"testing"
	"testing/iotest"
	"time"

	"github.com/emersion/go-message"
	"github.com/emersion/go-smtp"
	"github.com/stretchr/testify/require"

	"crosswalk/store"
	"crosswalk/workspace"
)

// acknowledgement reads the mail of ours that a case has queued; nil if it has none.
func (s *scene) acknowledgement(t testing.TB, caseID string) *message.Entity {
	t.Helper()
	mails, err := s.Store.Mails(t.Context(), caseID)
	require.NoError(t, err)
	require.LessOrEqual(t, len(mails), 1)
	if len(mails) == 0 {
		return nil
	}
	entity, err := message.Read(bytes.NewReader(mails[0].Raw))
	require.NoError(t, err)
	return entity
}

func TestAcknowledgement(t *testing.T) {
	t.Parallel()
	cases := []struct{ language, text, words string }{
		{"en", "The kettle that I bought from you is broken, what will you do?", "Your reference is"},
		{"de", "Der Wasserkocher, den ich bei Ihnen gekauft habe, ist kaputt.", "Ihr Zeichen ist"},
		{"fr", "La bouilloire que je vous ai achetée est cassée.", "Votre référence est"},
		{"es", "El hervidor que les compré no funciona y quiero una solución.", "Su referencia es"},
		{"nl", "De waterkoker die ik bij u heb gekocht is kapot.", "Uw kenmerk is"},
	}
	for _, c := range cases {
		t.Run(c.language, func(t *testing.T) {
			t.Parallel()
			s := newScene(t)
			receipt := s.takeMail(t, "ann@example.org", "From: ann@example.org", "Message-ID: <one@example.org>", "Subject: =?utf-8?Q?R=C3=A9f?=", "Content-Type: text/plain; charset=utf-8", "", c.text)
			entry, err := s.Store.Entry(t.Context(), receipt.EntryID)
			require.NoError(t, err)
			require.Equal(t, c.language, entry.Language)
			mail := s.acknowledgement(t, receipt.CaseID)
			require.NotNil(t, mail)
			body, err := io.ReadAll(mail.Body)
			require.NoError(t, err)
			require.Contains(t, string(body), c.words+" "+receipt.Reference)
			require.Contains(t, string(body), "Nordwind")
			require.NotContains(t, string(body), c.text, "nothing of the sender's goes out again")
			subject, err := mail.Header.Text("Subject")
			require.NoError(t, err)
			require.Contains(t, subject, receipt.Reference)
			for header, want := range map[string]string{"To": "<ann@example.org>", "In-Reply-To": "<one@example.org>", "References": "<one@example.org>",
				"Auto-Submitted": "auto-replied", "X-Auto-Response-Suppress": "All", "Message-Id": "<" + receipt.EntryID + "@crosswalk.invalid>"} {
				require.Equal(t, want, mail.Header.Get(header), header)
			}
		})
	}
}

func TestNobodyIsAcknowledgedWhoMustNotBe(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	silent := s.takeMail(t, "ann@example.org", "From: ann@example.org", "X-Auto-Response-Suppress: All", "", "The kettle is broken.")
	require.Equal(t, Started, silent.Outcome, "a wish for silence is not a machine")
	require.Nil(t, s.acknowledgement(t, silent.CaseID))
	require.Nil(t, s.acknowledgement(t, s.take(t, "calls", Message{Channel: "phone", ID: "1", From: Sender{Email: "bob@example.org"}, Text: "broken"}).CaseID), "the source says nothing of it")
	require.Nil(t, s.acknowledgement(t, s.take(t, "contact", Message{Channel: "web", From: Sender{Phone: "030 1234567"}, Text: "broken"}).CaseID), "no address")
	joined := s.takeMail(t, "bob@example.org", "From: bob@example.org", "Message-ID: <b1@x>", "", "The toaster is broken.")
	require.NotNil(t, s.acknowledgement(t, joined.CaseID))
	require.Equal(t, joined.CaseID, s.takeMail(t, "bob@example.org", "From: bob@example.org", "In-Reply-To: <b1@x>", "", "Hello?").CaseID)
	require.NotNil(t, s.acknowledgement(t, joined.CaseID), "still the one")
}

func TestNobodyIsFlooded(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	mails := func() (n int) {
		for _, c := range must(s.Store.Cases(t.Context(), store.CaseFilter{})) {
			n += len(must(s.Store.Mails(t.Context(), c.ID)))
		}
		return n
	}
	var wait sync.WaitGroup
	for n := range 40 { // in the name of somebody who never wrote to us
		wait.Go(func() {
			s.takeMail(t, "victim@example.org", "From: victim@example.org", "", fmt.Sprintf("order %d is broken", 10000+n))
		})
	}
	wait.Wait()
	require.Len(t, must(s.Store.Cases(t.Context(), store.CaseFilter{})), 40)
	require.Equal(t, mailsPerHour, mails())
	s.takeMail(t, "other@example.org", "From: other@example.org", "", "order 20001 is broken")
	require.Equal(t, mailsPerHour+1, mails())
}

func must[T any](value T, err error) T {
	if err != nil {
		panic(err)
	}
	return value
}

func TestOwnWordsCannotBreakOut(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	body := `{"text":"The kettle is broken","topic":"x\r\nBcc: all@example.org\r\n\r\n<b>","from":{"email":"ann@example.org","name":"Ann\r\nBcc: all@example.org"}}`
	receipt := s.send(t, "POST", "/hooks/shop", standard(secretNew, "m", s.tell(), body), body)
	mail := s.acknowledgement(t, receipt.CaseID)
	require.NotNil(t, mail)
	require.False(t, mail.Header.Has("Bcc"))
	subject, err := mail.Header.Text("Subject")
	require.NoError(t, err)
	require.Equal(t, "Noted: "+receipt.Reference+" x Bcc: all@example.org <b>", subject)
	for n, email := range []string{"ann@example.org\r\nBcc: all@example.org", "a,b@example.org", "ann", "ann@", "@example.org", "<ann@example.org>", "ann@exa mple.org", "ann@example.org,bob@example.org"} {
		hostile := fmt.Sprintf(`{"text":"The toaster %d","from":{"email":%q}}`, n, email)
		receipt := s.send(t, "POST", "/hooks/shop", standard(secretNew, fmt.Sprint("h", n), s.tell(), hostile), hostile)
		require.Equal(t, Started, receipt.Outcome)
		require.Nil(t, s.acknowledgement(t, receipt.CaseID), email)
	}
}

func TestAddresses(t *testing.T) {
	t.Parallel()
	for _, good := range []string{"a@b.example", "ann.lee+shop@exämple.org", "o'brien@example.org", "a@localhost"} {
		require.True(t, emailAddress.MatchString(good), good)
	}
	for _, bad := range []string{"", "a", "a@", "@b", "a b@c", "a@b c", "a@b,c@d", `"a"@b`, "a@b\r\nX: y", "a\x00@b", "a@b\u202Ec", "a@[127.0.0.1]", "a@b@c", strings.Repeat("a", 65) + "@b"} {
		require.False(t, emailAddress.MatchString(bad), bad)
	}
}

// inbox is a mail server that takes what is sent out.
type inbox struct {
	mutex sync.Mutex
	mails []string
	from  []string
	fail  int
}

type inboxSession struct {
	inbox *inbox
	from  string
}

func (s *inboxSession) Reset()        {}
func (s *inboxSession) Logout() error { return nil }
func (s *inboxSession) Mail(from string, _ *smtp.MailOptions) error {
	s.from = from
	return nil
}
func (s *inboxSession) Rcpt(string, *smtp.RcptOptions) error { return nil }
func (s *inboxSession) Data(r io.Reader) error {
	raw, err := io.ReadAll(r)
	s.inbox.mutex.Lock()
	defer s.inbox.mutex.Unlock()
	if s.inbox.fail > 0 {
		s.inbox.fail--
		return &smtp.SMTPError{Code: 451, Message: "not now"}
	}
	s.inbox.mails, s.inbox.from = append(s.inbox.mails, string(raw)), append(s.inbox.from, s.from)
	return err
}

func serveInbox(t testing.TB, box *inbox) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	server := smtp.NewServer(smtp.BackendFunc(func(*smtp.Conn) (smtp.Session, error) { return &inboxSession{inbox: box}, nil }))
	go func() { _ = server.Serve(listener) }()
	t.Cleanup(func() { _ = server.Close() })
	return listener.Addr().String()
}

// TestAServerThatHangsUpHasTheMail: one that closes the line in place of saying goodbye is not sent it again.
func TestAServerThatHangsUpHasTheMail(t *testing.T) {
	t.Parallel()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { _ = listener.Close() })
	go func() {
		line, err := listener.Accept()
		if err != nil {
			return
		}
		defer line.Close()
		_, _ = io.WriteString(line, "220 here\r\n")
		letter := false
		for heard := bufio.NewScanner(line); heard.Scan() && heard.Text() != "QUIT"; {
			switch {
			case heard.Text() == "DATA":
				letter = true
				_, _ = io.WriteString(line, "354 go on\r\n")
			case heard.Text() == ".":
				letter = false
				_, _ = io.WriteString(line, "250 taken\r\n")
			case !letter:
				_, _ = io.WriteString(line, "250 well\r\n")
			}
		}
	}()
	require.NoError(t, send(&workspace.Mail{Server: listener.Addr().String(), TLS: "none"}, store.Mail{Recipient: "ann@example.org", Raw: []byte("\r\nhello\r\n")}))
}

func TestSendingRepeatsWhatTheServerRefused(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	box := &inbox{fail: 1}
	settings := &workspace.Mail{Server: serveInbox(t, box), From: mail.Address{Name: "Nordwind Hilfe ä", Address: "help@nordwind.example"}, TLS: "none"}
	s.takeMail(t, "ann@example.org", "From: ann@example.org", "Message-ID: <one@example.org>", "", "The kettle is broken.")
	require.NoError(t, s.sendDue(t.Context(), settings))
	require.Empty(t, box.mails)
	require.NoError(t, s.sendDue(t.Context(), settings))
	require.Empty(t, box.mails, "not at once")
	s.later(time.Minute)
	for range 3 {
		require.NoError(t, s.sendDue(t.Context(), settings))
	}
	require.Len(t, box.mails, 1)
	require.Equal(t, []string{""}, box.from, "no machine can answer")
	sent, err := mail.ReadMessage(strings.NewReader(box.mails[0]))
	require.NoError(t, err)
	from, err := (&mail.AddressParser{WordDecoder: &mime.WordDecoder{}}).Parse(sent.Header.Get("From"))
	require.NoError(t, err)
	require.Equal(t, &settings.From, from)
	// What comes back to our own listener is recognised, whatever it says.
	m, err := ParseMail([]byte(box.mails[0]), "help@nordwind.example", "help@nordwind.example", s.tell())
	require.NoError(t, err)
	require.NotEmpty(t, m.Automatic)
}

// listen starts the mail server of a scene.
func (s *scene) listen(t testing.TB) string {
	t.Helper()
	server, err := ListenMail("127.0.0.1:0", func(ctx context.Context, m Message) (Receipt, error) {
		m.ReceivedAt = s.tell()
		return s.Take(ctx, s.source(t, "mails"), m)
	}, slog.New(slog.NewTextHandler(io.Discard, nil)))
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, server.Stop(context.Background())) })
	return server.Address()
}

// deliver sends a mail as another mail server would, and gives its answer.
func deliver(t testing.TB, address, from string, raw io.Reader) (string, error) {
	t.Helper()
	client, err := smtp.Dial(address)
	require.NoError(t, err)
	defer func() { _ = client.Close() }()
	require.NoError(t, client.Mail(from, nil))
	require.NoError(t, client.Rcpt("help@nordwind.example", nil))
	data, err := client.Data()
	require.NoError(t, err)
	if _, err := io.Copy(data, raw); err != nil {
		return "", err
	}
	answer, err := data.CloseWithResponse()
	if err != nil {
		return "", err
	}
	return answer.StatusText, nil
}

func TestMailServer(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	address := s.listen(t)
	send := func(from string, lines ...string) (string, error) {
		return deliver(t, address, from, bytes.NewReader(mailOf(lines...)))
	}
	said, err := send("ann@example.org", "From: Ann <ann@example.org>", "Message-ID: <one@example.org>", "", "The kettle is broken.")
	require.NoError(t, err)
	require.Regexp(t, `^2\.0\.0 stored, reference CW-[0-9A-Z]{8} \(started\)$`, said)
	again, err := send("ann@example.org", "From: Ann <ann@example.org>", "Message-ID: <one@example.org>", "", "The kettle is broken.")
	require.NoError(t, err)
	require.Equal(t, strings.Replace(said, "started", "duplicate", 1), again)
	bounce, err := send("", "From: mailer-daemon@example.org", "", "could not deliver")
	require.NoError(t, err, "a bounce is taken, or it would be bounced again")
	require.Equal(t, "2.0.0 stored", bounce)
	_, err = send("ann@example.org", "From: ann@example.org", "Content-Type: multipart/mixed; boundary=b", "", strings.Repeat("--b\r\n\r\nx\r\n", 1000)+"--b--")
	require.ErrorContains(t, err, "it has more than 200 parts")
	require.ErrorContains(t, err, "554")
	_, err = deliver(t, address, "ann@example.org", io.MultiReader(strings.NewReader("From: ann@example.org\r\n\r\n"), &endless{line: strings.Repeat("x", 998) + "\r\n", left: 27 << 20}))
	require.ErrorContains(t, err, "552")
	require.Len(t, must(s.Store.Cases(t.Context(), store.CaseFilter{})), 1)
}

// slowSender gives what it has line by line, and notes until when it may take.
type slowSender struct {
	net.Conn
	text  io.Reader
	given []time.Time
}

func (s *slowSender) Read(p []byte) (int, error) { return s.text.Read(p[:min(len(p), 1024)]) }

func (s *slowSender) SetReadDeadline(until time.Time) error {
	s.given = append(s.given, until)
	return nil
}

func TestALargeMailMayTakeItsTime(t *testing.T) {
	t.Parallel()
	text := strings.Repeat("a line of text\r\n", 1<<12)
	sender, began := &slowSender{text: strings.NewReader(text)}, time.Now()
	conn := &mailConn{Conn: sender}
	_, err := conn.Read(make([]byte, 0))
	require.NoError(t, err)
	require.Empty(t, sender.given, "no mail is coming in: the time is that of a command")
	whole := began.Add(mailWhole)
	conn.whole.Store(&whole)
	read, err := io.ReadAll(conn)
	require.NoError(t, err)
	require.Equal(t, text, string(read))
	require.GreaterOrEqual(t, len(sender.given), 64, "the silence begins anew with each piece")
	require.False(t, sender.given[0].Before(began.Add(mailSilence)))
	require.False(t, sender.given[len(sender.given)-1].Before(sender.given[0]))

	sender.given = nil
	conn.whole.Store(&began)
	_, err = conn.Read(make([]byte, 10))
	require.ErrorIs(t, err, io.EOF)
	require.Equal(t, []time.Time{began}, sender.given, "a mail that only trickles in ends some time")
}

// What is too large is read to its end under the same silence: a sender that falls silent in it does not keep its connection.
func TestTheRestOfAMailThatIsTooLargeIsAwaitedNoLonger(t *testing.T) {
	t.Parallel()
	conn := &mailConn{Conn: &slowSender{}}
	session := &mailSession{sender: conn}
	before := time.Now()
	require.ErrorIs(t, session.Data(iotest.ErrReader(smtp.ErrDataTooLarge)), smtp.ErrDataTooLarge)
	sender := conn.Conn.(*slowSender)
	sender.text = strings.NewReader("more")
	_, err := conn.Read(make([]byte, 10))
	require.NoError(t, err)
	require.Len(t, sender.given, 1)
	require.WithinRange(t, sender.given[0], before.Add(mailSilence), time.Now().Add(mailSilence))
	session.Reset()
	require.Nil(t, conn.whole.Load())
}

func TestMailServerAsksToTryAgainWhenNothingCanBeStored(t *testing.T) {
	t.Parallel()
	server, err := ListenMail("127.0.0.1:0", func(context.Context, Message) (Receipt, error) { return Receipt{}, io.ErrUnexpectedEOF }, slog.New(slog.NewTextHandler(io.Discard, nil)))
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, server.Stop(context.Background())) })
	_, err = deliver(t, server.Address(), "a@b.example", strings.NewReader("From: a@b.example\r\n\r\nx"))
	require.ErrorContains(t, err, "451")
}

// endless is a text of some length.
type endless struct {
	line string
	left int
}

func (e *endless) Read(p []byte) (int, error) {
	if e.left <= 0 {
		return 0, io.EOF
	}
	n := 0
	for n < len(p) && e.left > 0 {
		c := copy(p[n:], e.line)
		if c < len(e.line) && n > 0 {
			break // whole lines only, as long as they fit
		}
		n += c
		e.left -= c
	}
	return n, nil
}
