package sandbox

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/mail"
	"strings"
	"time"

	"github.com/emersion/go-smtp"
)

// Mail is a mail that the company has sent to a customer.
type Mail struct {
	ID         int64     `json:"id"`
	From       string    `json:"from"`
	To         []string  `json:"to"`
	Subject    string    `json:"subject"`
	ReceivedAt time.Time `json:"received_at"`
	Raw        string    `json:"raw"`
}

// newMail makes the customers' mailboxes: an SMTP server that takes everything and keeps it.
func (c *Company) newMail(address string) *server {
	return &server{name: SystemMail, address: address, open: func() (func(net.Listener) error, func()) {
		s := smtp.NewServer(smtp.BackendFunc(func(conn *smtp.Conn) (smtp.Session, error) {
			return &mailSession{company: c, conn: conn}, nil
		}))
		s.Domain, s.MaxMessageBytes, s.MaxRecipients, s.EnableSMTPUTF8 = "mailbox.example", 10<<20, 50, true
		s.ReadTimeout, s.WriteTimeout = time.Minute, time.Minute
		s.ErrorLog = quiet{}
		return s.Serve, func() { _ = s.Close() }
	}}
}

// quiet drops what the library says of connections that break, which tests make them do.
type quiet struct{}

func (quiet) Printf(string, ...any) {}
func (quiet) Println(...any)        {}

type mailSession struct {
	company *Company
	conn    *smtp.Conn
	from    string
	to      []string
}

func (s *mailSession) Reset()        { s.from, s.to = "", nil }
func (s *mailSession) Logout() error { return nil }

func (s *mailSession) Mail(from string, _ *smtp.MailOptions) error {
	s.from = from
	return nil
}

func (s *mailSession) Rcpt(to string, _ *smtp.RcptOptions) error {
	s.to = append(s.to, to)
	return nil
}

func (s *mailSession) Data(r io.Reader) error {
	raw, err := io.ReadAll(r)
	if err != nil {
		return err
	}
	f, operation := s.company.faults, "DATA "+strings.Join(s.to, ",")
	f.requests.add(SystemMail, "DATA /")
	fault, ok := f.take(context.Background(), SystemMail, operation)
	if !ok {
		return s.keep(raw)
	}
	f.hook(fault, "before", SystemMail, operation)
	switch fault.Kind {
	case FaultRateLimited, FaultWrongContent:
		return &smtp.SMTPError{Code: 451, EnhancedCode: smtp.EnhancedCode{4, 7, 1}, Message: "Try again later"}
	case FaultSlow:
		time.Sleep(fault.For)
	case FaultExecutedLate:
		f.late.Go(func() {
			time.Sleep(fault.For)
			if err := s.keep(raw); err != nil {
				s.company.log.Error("a late mail was lost", "error", err)
			}
		})
		return s.conn.Conn().Close()
	}
	if err := s.keep(raw); err != nil {
		return err
	}
	f.hook(fault, "after", SystemMail, operation)
	if fault.Kind == FaultAnswerLost {
		return s.conn.Conn().Close()
	}
	return nil
}

func (s *mailSession) keep(raw []byte) error {
	to, err := json.Marshal(s.to)
	if err != nil {
		return err
	}
	_, err = s.company.state.write.write(context.Background(), `INSERT INTO mails (sender, recipients, received, raw) VALUES (?, ?, ?, ?)`,
		s.from, string(to), time.Now().UnixMilli(), raw)
	return err
}

// Mails returns what was sent to an address, oldest first; "" stands for all.
func (c *Company) Mails(ctx context.Context, to string) ([]Mail, error) {
	rows, err := c.state.read.query(ctx, `SELECT id, sender, recipients, received, raw FROM mails ORDER BY id`)
	if err != nil {
		return nil, fmt.Errorf("sandbox: mails: %w", err)
	}
	defer rows.Close()
	list := []Mail{}
	for rows.Next() {
		var m Mail
		var recipients string
		var received int64
		if err := rows.Scan(&m.ID, &m.From, &recipients, &received, &m.Raw); err != nil {
			return nil, fmt.Errorf("sandbox: mails: %w", err)
		}
		if err := json.Unmarshal([]byte(recipients), &m.To); err != nil {
			return nil, fmt.Errorf("sandbox: mails: %w", err)
		}
		m.ReceivedAt = time.UnixMilli(received).UTC()
		if parsed, err := mail.ReadMessage(strings.NewReader(m.Raw)); err == nil {
			m.Subject = parsed.Header.Get("Subject")
		}
		if to == "" || containsFold(m.To, to) {
			list = append(list, m)
		}
	}
	return list, rows.Err()
}

func containsFold(list []string, s string) bool {
	for _, have := range list {
		if strings.EqualFold(have, s) {
			return true
		}
	}
	return false
}
