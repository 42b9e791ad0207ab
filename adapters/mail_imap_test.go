package adapters_test

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"maps"
	"net"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/emersion/go-imap/v2"
	"github.com/emersion/go-imap/v2/imapserver"
	"github.com/emersion/go-imap/v2/imapserver/imapmemserver"
	"github.com/stretchr/testify/require"

	"crosswalk/adapters"
	"crosswalk/contracts"
	"crosswalk/rules"
)

// imapOffice is a mail server in memory: what it can do, and what it refuses, is the test's.
type imapOffice struct {
	caps   imap.CapSet
	login  *imap.Error
	choose *imap.Error // of a SELECT
	tls    *tls.Config // nil: nothing is encrypted
	mode   string      // how we ask for that
	with   adapters.TLS
	cut    string      // when the line breaks: "before COPY", "after COPY"
	broken atomic.Bool // it breaks once
	dead   atomic.Bool // since it broke, nobody is let in
}

type imapVisit struct {
	*imapmemserver.UserSession
	office *imapOffice
	user   *imapmemserver.User
	line   net.Conn
}

// breaking carries out a command on a line that may break before it or after it.
func (v *imapVisit) breaking(command string, do func() error) error {
	hangUp := func() error {
		v.office.dead.Store(true)
		_ = v.line.Close()
		return errors.New("the line is broken")
	}
	if v.office.cut == "before "+command && v.office.broken.CompareAndSwap(false, true) {
		return hangUp()
	}
	err := do()
	if v.office.cut == "after "+command && v.office.broken.CompareAndSwap(false, true) {
		return hangUp()
	}
	return err
}

func (v *imapVisit) Copy(mails imap.NumSet, to string) (data *imap.CopyData, err error) {
	err = v.breaking("COPY", func() error {
		data, err = v.UserSession.Copy(mails, to)
		return err
	})
	return data, err
}

func (v *imapVisit) Store(w *imapserver.FetchWriter, mails imap.NumSet, flags *imap.StoreFlags, options *imap.StoreOptions) error {
	return v.breaking("STORE", func() error { return v.UserSession.Store(w, mails, flags, options) })
}

func (v *imapVisit) Expunge(w *imapserver.ExpungeWriter, uids *imap.UIDSet) error {
	return v.breaking("EXPUNGE", func() error { return v.UserSession.Expunge(w, uids) })
}

func (v *imapVisit) Login(name, password string) error {
	if v.office.dead.Load() {
		_ = v.line.Close()
		return errors.New("the line is broken")
	}
	if v.office.login != nil {
		return v.office.login
	}
	return v.user.Login(name, password)
}

func (v *imapVisit) Select(mailbox string, options *imap.SelectOptions) (*imap.SelectData, error) {
	if v.office.choose != nil {
		return nil, v.office.choose
	}
	return v.UserSession.Select(mailbox, options)
}

// open starts the server with three mails, the second of which somebody has marked as deleted.
func (o *imapOffice) open(t *testing.T) *adapters.Connection {
	t.Helper()
	connection, _ := o.openAs(t, parsed(t, postOffice), fields{})
	return connection
}

// openAs starts the server and connects an adapter with it.
func (o *imapOffice) openAs(t *testing.T, adapter *adapters.Adapter, settings fields) (*adapters.Connection, *imapmemserver.User) {
	t.Helper()
	user := imapmemserver.NewUser("clerk", "pw-of-the-clerk")
	require.NoError(t, user.Create("INBOX", nil))
	require.NoError(t, user.Create("Done", nil))
	for _, subject := range []string{"one", "two", "three"} {
		options := &imap.AppendOptions{}
		if subject == "two" {
			options.Flags = []imap.Flag{imap.FlagDeleted}
		}
		text := "Message-ID: <" + subject + "@acme.example>\r\nSubject: " + subject + "\r\n\r\nx\r\n"
		_, err := user.Append("INBOX", literal{strings.NewReader(text)}, options)
		require.NoError(t, err)
	}
	server := imapserver.New(&imapserver.Options{Caps: o.caps, InsecureAuth: o.tls == nil, TLSConfig: o.tls, NewSession: func(conn *imapserver.Conn) (imapserver.Session, *imapserver.GreetingData, error) {
		return &imapVisit{imapmemserver.NewUserSession(user), o, user, conn.NetConn()}, nil, nil
	}})
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	mode := "off"
	served := listener
	if o.tls != nil {
		mode = o.mode
	}
	if mode == "tls" {
		served = tls.NewListener(listener, o.tls)
	}
	go func() { _ = server.Serve(served) }()
	t.Cleanup(func() { _ = server.Close() })
	host, port, err := net.SplitHostPort(listener.Addr().String())
	require.NoError(t, err)
	number, err := rules.ParseNum(port)
	require.NoError(t, err)
	maps.Copy(settings, fields{"smtp_host": rules.Text(host), "smtp_port": rules.Number(rules.Int(1)), "imap_host": rules.Text(host), "imap_port": rules.Number(number), "user": rules.Text("clerk"), "tls": rules.Text(mode)})
	connection, err := adapter.Connect(adapters.Config{System: "post", Shared: boundless{}, Secrets: secrets(map[string]string{"password": "pw-of-the-clerk"}), AllowHosts: []string{listener.Addr().String(), "127.0.0.1:1"},
		Settings: rules.Record(settings), TLS: o.with})
	require.NoError(t, err)
	t.Cleanup(connection.Close)
	return connection, user
}

type literal struct{ *strings.Reader }

func capabilities(more ...imap.Cap) imap.CapSet {
	set := imap.CapSet{imap.CapIMAP4rev1: {}}
	for _, one := range more {
		set[one] = struct{}{}
	}
	return set
}

// TestAMoveDestroysNoMail: only the mail that is moved leaves the mailbox, and only once it is in the other.
func TestAMoveDestroysNoMail(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		caps  imap.CapSet
		moves bool
	}{"MOVE": {capabilities(imap.CapMove), true}, "UIDPLUS": {capabilities(imap.CapUIDPlus), true}, "neither": {capabilities(), false}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			connection := (&imapOffice{caps: c.caps}).open(t)
			_, err := connection.Call(context.Background(), adapters.Call{Operation: "support.file_away", Key: "K-1", Input: rules.Record(fields{"uid": rules.Number(rules.Int(1))})})
			left, moved := "2", 1
			if !c.moves {
				require.ErrorContains(t, err, "can neither MOVE nor UIDPLUS")
				require.True(t, failureOf(t, err).NothingSent)
				left, moved = "3", 0
			} else {
				require.NoError(t, err)
			}
			found, err := ask(t, connection, "support.find", nil)
			require.NoError(t, err)
			require.Equal(t, left, found.Get("found").String())
			found, err = ask(t, connection, "support.find_done", nil)
			require.NoError(t, err)
			require.Equal(t, moved, found.Get("items").Len())
		})
	}
}

// TestAMoveThatBreaksOffIsFinished: wherever the line broke in an earlier try, the mail lies in the other mailbox once and here
// no more. Another mail that is there under the same Message-ID is no reason to think so.
func TestAMoveThatBreaksOffIsFinished(t *testing.T) {
	t.Parallel()
	for server, one := range map[string]imap.Cap{"MOVE": imap.CapMove, "UIDPLUS": imap.CapUIDPlus} {
		for _, cut := range []string{"", "before COPY", "after COPY", "before STORE", "after STORE", "before EXPUNGE", "after EXPUNGE"} {
			for _, double := range []bool{false, true} {
				t.Run(fmt.Sprintf("%s cut %q double %t", server, cut, double), func(t *testing.T) {
					t.Parallel()
					office := &imapOffice{caps: capabilities(one), cut: cut}
					connection, user := office.openAs(t, adapters.Catalog()["generic-mail"], fields{"sender": rules.Text("clerk@acme.example"), "copies": rules.Text("INBOX")})
					want := uint32(1)
					if double {
						_, err := user.Append("Done", literal{strings.NewReader("Message-ID: <one@acme.example>\r\nSubject: one\r\n\r\nsent twice\r\n")}, &imap.AppendOptions{})
						require.NoError(t, err)
						want++
					}
					call := adapters.Call{Operation: "mail.move_message", Key: "K-1", Input: rules.Record(fields{"message": rules.Text("one@acme.example"), "to": rules.Text("Done")})}
					_, err := connection.Call(t.Context(), call)
					if broken := cut != "" && one == imap.CapUIDPlus; broken {
						require.Error(t, err)
						require.False(t, failureOf(t, err).NothingSent, err)
						office.dead.Store(false)
					} else {
						require.NoError(t, err)
					}
					call.FirstSent = time.Now()
					_, err = connection.Call(t.Context(), call)
					require.NoError(t, err)
					for mailbox, mails := range map[string]uint32{"INBOX": 2, "Done": want} {
						status, err := user.Status(mailbox, &imap.StatusOptions{NumMessages: true})
						require.NoError(t, err)
						require.Equal(t, mails, *status.NumMessages, mailbox)
					}
				})
			}
		}
	}
}

// TestAMailboxThatCannotBeOpenedProvesNothing: a mail that was perhaps sent is not sent again because nobody could look.
func TestAMailboxThatCannotBeOpenedProvesNothing(t *testing.T) {
	t.Parallel()
	refusal := func(code imap.ResponseCode) *imap.Error {
		return &imap.Error{Type: imap.StatusResponseTypeNo, Code: code, Text: "no"}
	}
	for name, c := range map[string]struct {
		office *imapOffice
		class  contracts.Class
	}{
		"no such mailbox":     {&imapOffice{choose: refusal(imap.ResponseCodeNonExistent)}, contracts.Drift},
		"a busy mailbox":      {&imapOffice{choose: refusal(imap.ResponseCodeInUse)}, contracts.Unavailable},
		"a server that fails": {&imapOffice{login: refusal(imap.ResponseCodeUnavailable)}, contracts.Unavailable},
		"a wrong password":    {&imapOffice{login: refusal(imap.ResponseCodeAuthenticationFailed)}, contracts.Auth},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			connection := c.office.open(t)
			letter := rules.Record(fields{"to": rules.List(rules.Text("jane@acme.example")), "subject": rules.Text("x")})
			_, err := connection.Call(context.Background(), adapters.Call{Operation: "support.send", Key: "K-1", Input: letter, FirstSent: time.Now().Add(-time.Hour)})
			require.Equal(t, c.class, failureOf(t, err).Class, err)
		})
	}
}

// TestATextIsOneRecipient: what a customer wrote as an address brings nobody else in.
func TestATextIsOneRecipient(t *testing.T) {
	t.Parallel()
	connection := (&imapOffice{}).open(t)
	for _, to := range []string{"jane@acme.example, eve@evil.example", `"a b"@acme.example`, `"a>"@acme.example`, "Team: a@acme.example, b@acme.example;"} {
		_, err := connection.Call(context.Background(), adapters.Call{Operation: "support.send", Key: "K-1", Input: rules.Record(fields{"to": rules.List(rules.Text(to)), "subject": rules.Text("x")})})
		require.Equal(t, contracts.Validation, failureOf(t, err).Class, to)
		require.True(t, failureOf(t, err).NothingSent, to)
	}
}
