package conformance

import (
	"bytes"
	"crypto/subtle"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/mail"
	"net/url"
	"slices"
	"strings"
	"sync"

	"github.com/emersion/go-imap/v2"
	"github.com/emersion/go-imap/v2/imapserver"
	"github.com/emersion/go-imap/v2/imapserver/imapmemserver"
	"github.com/emersion/go-sasl"
	"github.com/emersion/go-smtp"
)

// post is a post office in memory: what is handed to it by SMTP lies in the INBOX, which IMAP shows.
type post struct {
	out, in  net.Listener
	smtp     *smtp.Server
	imap     *imapserver.Server
	user     *imapmemserver.User
	password string
	refuses  bool
	mu       sync.Mutex
	sent     []sentMail
}

type sentMail struct {
	from string
	to   []string
	text []byte
}

// mailboxes are those that every post office here has.
var mailboxes = []string{"INBOX", "Sent", "Done"}

func openPost(exchanges []Exchange, password string, how manner) (server, error) {
	p := &post{user: imapmemserver.NewUser("clerk", password), password: password, refuses: how.refuses}
	err := p.fill(exchanges, how)
	if err != nil {
		return nil, err
	}
	if p.out, err = listening(how); err != nil {
		return nil, err
	}
	if p.in, err = listening(how); err != nil {
		return nil, errors.Join(err, p.out.Close())
	}
	p.smtp = smtp.NewServer(smtp.BackendFunc(func(*smtp.Conn) (smtp.Session, error) { return &clerk{post: p}, nil }))
	p.smtp.Domain, p.smtp.AllowInsecureAuth, p.smtp.ErrorLog = "mail.acme.example", true, log.New(io.Discard, "", 0)
	p.imap = imapserver.New(&imapserver.Options{Caps: imap.CapSet{imap.CapIMAP4rev1: {}, imap.CapMove: {}}, InsecureAuth: true, Logger: log.New(io.Discard, "", 0),
		NewSession: func(*imapserver.Conn) (imapserver.Session, *imapserver.GreetingData, error) {
			return &visitor{imapmemserver.NewUserSession(p.user), p}, nil, nil
		}})
	go func() { _ = p.smtp.Serve(p.out) }()
	go func() { _ = p.imap.Serve(p.in) }()
	return p, nil
}

func (p *post) fill(exchanges []Exchange, how manner) error {
	known := slices.Clone(mailboxes)
	for _, name := range known {
		if err := p.user.Create(name, nil); err != nil {
			return err
		}
	}
	for _, x := range exchanges {
		if x.Expect.Mailbox == "" || how.empty {
			continue
		}
		if !slices.Contains(known, x.Expect.Mailbox) {
			if err := p.user.Create(x.Expect.Mailbox, nil); err != nil {
				return err
			}
			known = append(known, x.Expect.Mailbox)
		}
		if x.Expect.Holds == "" {
			if err := p.put(x.Expect.Mailbox, []byte(strings.ReplaceAll(x.Reply.Text, "\n", "\r\n"))); err != nil {
				return err
			}
		}
	}
	return nil
}

func (p *post) put(mailbox string, text []byte) error {
	_, err := p.user.Append(mailbox, letterOf{bytes.NewReader(text)}, &imap.AppendOptions{})
	return err
}

// letterOf is a mail whose length is known.
type letterOf struct{ *bytes.Reader }

// Size is its length.
func (l letterOf) Size() int64 { return int64(l.Len()) }

// visitor is somebody who reads.
type visitor struct {
	*imapmemserver.UserSession
	post *post
}

// Login lets in who knows the password.
func (v *visitor) Login(_, password string) error {
	if v.post.refuses || subtle.ConstantTimeCompare([]byte(password), []byte(v.post.password)) != 1 {
		return &imap.Error{Type: imap.StatusResponseTypeNo, Code: imap.ResponseCodeAuthenticationFailed, Text: "refused"}
	}
	return v.UserSession.Login("clerk", v.post.password)
}

// clerk is somebody who sends.
type clerk struct {
	post *post
	in   bool
	mail sentMail
}

// AuthMechanisms are how he says who he is.
func (*clerk) AuthMechanisms() []string { return []string{sasl.Plain} }

// Auth lets in who knows the password.
func (c *clerk) Auth(string) (sasl.Server, error) {
	return sasl.NewPlainServer(func(_, _, password string) error {
		if c.post.refuses || subtle.ConstantTimeCompare([]byte(password), []byte(c.post.password)) != 1 {
			return smtp.ErrAuthFailed
		}
		c.in = true
		return nil
	}), nil
}

// Mail begins a mail.
func (c *clerk) Mail(from string, _ *smtp.MailOptions) error {
	if !c.in {
		return smtp.ErrAuthRequired
	}
	c.mail = sentMail{from: from}
	return nil
}

// Rcpt names one who gets it.
func (c *clerk) Rcpt(to string, _ *smtp.RcptOptions) error {
	c.mail.to = append(c.mail.to, to)
	return nil
}

// Data takes it.
func (c *clerk) Data(r io.Reader) error {
	text, err := io.ReadAll(io.LimitReader(r, 1<<20))
	if err != nil {
		return err
	}
	c.mail.text = text
	c.post.mu.Lock()
	defer c.post.mu.Unlock()
	c.post.sent = append(c.post.sent, c.mail)
	return c.post.put("INBOX", text)
}

// Reset forgets a mail that was begun.
func (c *clerk) Reset() { c.mail = sentMail{} }

// Logout ends the visit.
func (*clerk) Logout() error { return nil }

func (p *post) address() string {
	return "mail://" + p.out.Addr().String() + "?" + url.Values{"imap": {p.in.Addr().String()}}.Encode()
}

func (p *post) close() {
	_ = p.smtp.Close()
	_ = p.imap.Close()
}

func (p *post) outcome(exchanges []Exchange) (problems []string) {
	p.mu.Lock()
	sent := slices.Clone(p.sent)
	p.mu.Unlock()
	for _, x := range exchanges {
		switch {
		case len(x.Expect.Mail) > 0:
			i := slices.IndexFunc(sent, func(m sentMail) bool { return m.differs(x.Expect.Mail) == "" })
			if i < 0 {
				found := "none was sent"
				if len(sent) > 0 {
					found = sent[0].differs(x.Expect.Mail)
				}
				problems = append(problems, "a mail that the test expects: "+found)
				continue
			}
			sent = slices.Delete(sent, i, i+1)
		case x.Expect.Holds != "" && !p.holds(x.Expect.Mailbox, x.Expect.Holds):
			problems = append(problems, fmt.Sprintf("the mailbox %s does not hold %s", x.Expect.Mailbox, x.Expect.Holds))
		}
	}
	if len(sent) > 0 {
		problems = append(problems, "a mail that the test does not expect, to "+strings.Join(sent[0].to, ", "))
	}
	return problems
}

// differs says in what a mail is another one than expected.
func (m sentMail) differs(want map[string]string) string {
	read, err := mail.ReadMessage(bytes.NewReader(m.text))
	if err != nil {
		return "it cannot be read: " + err.Error()
	}
	body, _ := io.ReadAll(read.Body)
	have := map[string]string{"from": m.from, "to": strings.Join(m.to, ", "), "text": string(body)}
	for name, text := range want {
		got, known := have[name]
		if !known {
			got = read.Header.Get(name)
		}
		if name == "text" && strings.Contains(got, strings.TrimSpace(text)) {
			continue
		}
		if got != text {
			return fmt.Sprintf("its %s is %q, not %q", name, short(got), text)
		}
	}
	return ""
}

// things are the mails of all mailboxes, numbered.
func (p *post) things() map[string]string {
	all := map[string]string{}
	for _, name := range mailboxes {
		status, err := p.user.Status(name, &imap.StatusOptions{NumMessages: true, NumUnseen: true, UIDNext: true, Size: true})
		if err != nil || status.NumMessages == nil {
			continue
		}
		for number := range *status.NumMessages { // the mails themselves are not to be had: what is known of all of them stands for each
			all[fmt.Sprintf("%s/%d", name, number+1)] = fmt.Sprintf("one of %d bytes, %d unseen, the next is %d", *status.Size, *status.NumUnseen, status.UIDNext)
		}
	}
	return all
}

// holds says whether a mail lies in a mailbox.
func (p *post) holds(mailbox, id string) bool {
	session := imapmemserver.NewUserSession(p.user)
	if err := session.Login("clerk", p.password); err != nil {
		return false
	}
	if _, err := session.Select(mailbox, &imap.SelectOptions{ReadOnly: true}); err != nil {
		return false
	}
	defer session.Close()
	found, err := session.Search(imapserver.NumKindUID, &imap.SearchCriteria{Header: []imap.SearchCriteriaHeaderField{{Key: "Message-ID", Value: id}}}, &imap.SearchOptions{})
	return err == nil && len(found.AllUIDs()) > 0
}
