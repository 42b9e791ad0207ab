package intake

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"sync/atomic"
	"time"

	"github.com/emersion/go-smtp"
	"golang.org/x/net/netutil"
)

// Accept stores a message durably and says what became of it. It is the only way into the product.
type Accept func(ctx context.Context, m Message) (Receipt, error)

// MailServer listens for mail. A mail is acknowledged with 250 only when Accept has stored it.
type MailServer struct {
	server   *smtp.Server
	listener net.Listener
}

// maxMailConnections bounds the memory that mails need while they come in.
const maxMailConnections = 64

const (
	mailSilence = time.Minute      // nothing has come for so long: the sender is gone
	mailWhole   = 30 * time.Minute // one mail, however steadily it trickles in
)

// ListenMail starts a mail server on the address (host:port; port 0 for any).
func ListenMail(address string, accept Accept, log *slog.Logger) (*MailServer, error) {
	listener, err := net.Listen("tcp", address)
	if err != nil {
		return nil, fmt.Errorf("intake: listen for mail on %s: %w", address, err)
	}
	server := smtp.NewServer(smtp.BackendFunc(func(c *smtp.Conn) (smtp.Session, error) {
		return &mailSession{accept: accept, log: log, sender: c.Conn().(*mailConn)}, nil
	}))
	server.Domain = "crosswalk"
	server.MaxMessageBytes = MaxMessageBytes
	server.MaxRecipients = 20
	server.MaxLineLength = 8000 // four times what is allowed: some senders do not fold
	server.ReadTimeout = mailSilence
	server.WriteTimeout = time.Minute
	server.ErrorLog = smtpLog{log}
	m := &MailServer{server: server, listener: listener}
	go func() {
		if err := server.Serve(mailListener{netutil.LimitListener(listener, maxMailConnections)}); err != nil && !errors.Is(err, smtp.ErrServerClosed) && !errors.Is(err, net.ErrClosed) {
			log.Error("intake.mail.stopped", "error", err)
		}
	}()
	return m, nil
}

// Address is where the server listens.
func (m *MailServer) Address() string { return m.listener.Addr().String() }

// Stop lets mails that are being received end, until the context is done.
func (m *MailServer) Stop(ctx context.Context) error { return m.server.Shutdown(ctx) }

type mailSession struct {
	accept   Accept
	log      *slog.Logger
	sender   *mailConn
	from, to string
}

// Reset forgets the mail that was begun, or has been read to its end.
func (s *mailSession) Reset() {
	s.from, s.to = "", ""
	s.sender.whole.Store(nil)
}

// Logout ends the session.
func (s *mailSession) Logout() error { return nil }

// Mail notes the envelope sender.
func (s *mailSession) Mail(from string, _ *smtp.MailOptions) error {
	s.from = from
	return nil
}

// Rcpt notes the first recipient; which mailbox it was does not change what is done with the mail.
func (s *mailSession) Rcpt(to string, _ *smtp.RcptOptions) error {
	if s.to == "" {
		s.to = to
	}
	return nil
}

// Data stores the mail and answers with the reference of its case.
func (s *mailSession) Data(r io.Reader) error {
	whole := time.Now().Add(mailWhole)
	s.sender.whole.Store(&whole)
	raw, err := io.ReadAll(r)
	if err != nil {
		return err // the library reads to the end what is too large, so that the answer is heard
	}
	m, err := ParseMail(raw, s.from, s.to, time.Now().UTC())
	if err != nil {
		return &smtp.SMTPError{Code: 554, EnhancedCode: smtp.EnhancedCode{5, 6, 0}, Message: cleanLine(err.Error())}
	}
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	receipt, err := s.accept(ctx, m)
	if errors.Is(err, ErrMalformed) {
		return &smtp.SMTPError{Code: 554, EnhancedCode: smtp.EnhancedCode{5, 6, 0}, Message: cleanLine(err.Error())}
	}
	if err != nil {
		s.log.Error("intake.mail.not_stored", "error", err)
		return &smtp.SMTPError{Code: 451, EnhancedCode: smtp.EnhancedCode{4, 3, 0}, Message: "the mail could not be stored, please send it again"}
	}
	answer := "stored"
	if receipt.Reference != "" {
		answer = fmt.Sprintf("stored, reference %s (%s)", receipt.Reference, receipt.Outcome)
	}
	return &smtp.SMTPError{Code: 250, EnhancedCode: smtp.EnhancedCode{2, 0, 0}, Message: answer}
}

// mailListener gives connections that know when a mail comes in.
type mailListener struct{ net.Listener }

// Accept waits for the next sender.
func (l mailListener) Accept() (net.Conn, error) {
	conn, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return &mailConn{Conn: conn}, nil
}

// mailConn takes a mail in for as long as it keeps coming, also the rest of one that is too large: the library gives it the
// time of one command, in which no large mail comes over a slow line.
type mailConn struct {
	net.Conn
	whole atomic.Pointer[time.Time] // until when the mail may come in; nil: none is coming in
}

// Read reads some of it; the silence begins anew each time.
func (c *mailConn) Read(p []byte) (int, error) {
	if whole := c.whole.Load(); whole != nil {
		until := time.Now().Add(mailSilence)
		if until.After(*whole) {
			until = *whole
		}
		if err := c.SetReadDeadline(until); err != nil {
			return 0, err
		}
	}
	return c.Conn.Read(p)
}

type smtpLog struct{ log *slog.Logger }

// Printf passes what the library has to say on.
func (l smtpLog) Printf(format string, v ...any) {
	l.log.Debug("intake.mail.protocol", "message", fmt.Sprintf(format, v...))
}

// Println passes what the library has to say on.
func (l smtpLog) Println(v ...any) { l.log.Debug("intake.mail.protocol", "message", fmt.Sprint(v...)) }
