package adapters

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"runtime"
	"slices"
	"strings"
	"sync/atomic"

	"github.com/emersion/go-imap/v2"
	"github.com/emersion/go-imap/v2/imapclient"
	_ "github.com/emersion/go-message/charset" // the library's way to decode anything but UTF-8
	"github.com/emersion/go-message/mail"

	"crosswalk/contracts"
	"crosswalk/rules"
)

// maxMail is how much of one mail is fetched.
const maxMail = 1 << 20

// maxCalls is how many calls deep the library may be when it reads. It follows brackets within brackets by calling itself
// and knows no end of that but the process's own, which no one could recover from.
const maxCalls = 500

// boundedConn reads no more than a number of bytes, nor for a reader that is too deep in what it reads: what a server sends
// is not ours to trust.
type boundedConn struct {
	net.Conn
	left atomic.Int64 // the library reads in a goroutine of its own
}

func bounded(conn net.Conn, left int64) *boundedConn {
	b := &boundedConn{Conn: conn}
	b.left.Store(left)
	return b
}

// Read fails once the bound is reached.
func (b *boundedConn) Read(into []byte) (int, error) {
	if runtime.Callers(maxCalls, make([]uintptr, 1)) > 0 {
		b.left.Store(0)
	}
	left := b.left.Load()
	if left <= 0 {
		return 0, errTooLarge
	}
	n, err := b.Conn.Read(into[:min(int64(len(into)), left)])
	b.left.Add(-int64(n))
	return n, err
}

// visit opens a mailbox and does what the request says; again, if an earlier try may have done some of it.
func (a mailAccount) visit(ctx context.Context, op *Operation, r *mailRequest, mailbox string, with rules.Value, l *letter, again bool) (rules.Value, error) {
	conn, config, err := a.dial(ctx, "imap")
	if err != nil {
		return rules.Value{}, err
	}
	_, decoded := op.Bounds()
	bounded := bounded(conn, decoded)
	stop := context.AfterFunc(ctx, func() { _ = conn.Close() })
	defer stop()
	options := &imapclient.Options{TLSConfig: config}
	var client *imapclient.Client
	if a.mode() == mailStartTLS {
		if client, err = imapclient.NewStartTLS(bounded, options); err != nil {
			if refusal := (*imap.Error)(nil); errors.As(err, &refusal) {
				err = errInTheClear
			}
			return rules.Value{}, errors.Join(err, conn.Close())
		}
	} else {
		client = imapclient.New(bounded, options)
	}
	defer client.Close()
	if err := client.Login(a.settings.Get("user").Text(), a.password).Wait(); err != nil {
		return rules.Value{}, imapFailure(err, contracts.Auth, "the server does not accept the user or the password", false)
	}
	answer, err := a.inside(client, r, mailbox, with, l, again)
	if bounded.left.Load() <= 0 {
		err = errTooLarge
	}
	if err == nil {
		_ = client.Logout().Wait() // what was asked for is done
	}
	return answer, err
}

func (a mailAccount) inside(client *imapclient.Client, r *mailRequest, mailbox string, with rules.Value, l *letter, again bool) (rules.Value, error) {
	if r.kind == "append" {
		command := client.Append(mailbox, int64(len(l.text)), nil)
		_, err := command.Write(l.text)
		err = errors.Join(err, command.Close())
		if _, failed := command.Wait(); failed != nil || err != nil {
			return rules.Value{}, imapFailure(errors.Join(failed, err), contracts.NotFound, "the mail cannot be put into the mailbox "+mailbox, true)
		}
		return rules.Record(map[string]rules.Value{"message_id": rules.Text(l.id)}), nil
	}
	if _, err := client.Select(mailbox, &imap.SelectOptions{ReadOnly: r.kind == "search"}).Wait(); err != nil {
		// Not that nothing was found: a look-up that could not look proves nothing.
		return rules.Value{}, imapFailure(err, contracts.Drift, "the mailbox "+mailbox+" cannot be opened", false)
	}
	if r.kind == "search" {
		return r.search(client, with)
	}
	uid, err := uidOf(with.Get("uid"))
	if err != nil {
		return rules.Value{}, &mailFailure{contracts.Validation, err.Error(), false}
	}
	found, err := client.UIDSearch(&imap.SearchCriteria{UID: []imap.UIDSet{imap.UIDSetNum(uid)}}, nil).Wait()
	if err != nil {
		return rules.Value{}, err
	}
	if len(found.AllUIDs()) == 0 {
		return rules.Value{}, &mailFailure{contracts.NotFound, "there is no such mail", false}
	}
	if r.kind == "move" {
		if err := move(client, mailbox, uid, with.Get("to").String(), again); err != nil {
			return rules.Value{}, err
		}
		return rules.Record(map[string]rules.Value{"uid": rules.Number(rules.Int(int64(uid)))}), nil
	}
	for _, change := range []struct {
		op    imap.StoreFlagsOp
		names []string
	}{{imap.StoreFlagsAdd, r.add}, {imap.StoreFlagsDel, r.remove}} {
		if len(change.names) == 0 {
			continue
		}
		if err := client.Store(imap.UIDSetNum(uid), &imap.StoreFlags{Op: change.op, Silent: true, Flags: flagsOf(change.names)}, nil).Close(); err != nil {
			return rules.Value{}, imapFailure(err, contracts.Validation, "the server does not take these flags", true)
		}
	}
	return rules.Record(map[string]rules.Value{"uid": rules.Number(rules.Int(int64(uid)))}), nil
}

// move moves a mail of the mailbox that is open. The library's own way without MOVE deletes what it could not copy, and
// without UIDPLUS all mails of the mailbox that anybody has marked.
func move(client *imapclient.Client, from string, uid imap.UID, to string, again bool) error {
	mail, missing := imap.UIDSetNum(uid), "there is no mailbox "+to
	switch caps := client.Caps(); {
	case caps.Has(imap.CapMove):
		if _, err := client.Move(mail, to).Wait(); err != nil {
			return imapFailure(err, contracts.NotFound, missing, true)
		}
		return nil
	case !caps.Has(imap.CapUIDPlus):
		return &mailFailure{contracts.Internal, "the server can neither MOVE nor UIDPLUS: a mail cannot be moved there without risk to others", false}
	}
	copied := false
	if again {
		var err error
		if copied, err = isCopied(client, from, uid, to); err != nil {
			return imapFailure(err, contracts.Unavailable, "it cannot be seen whether the mail was copied to "+to+" before", true)
		}
	}
	if !copied {
		if _, err := client.Copy(mail, to).Wait(); err != nil {
			return imapFailure(err, contracts.NotFound, missing, true)
		}
	}
	err := client.Store(mail, &imap.StoreFlags{Op: imap.StoreFlagsAdd, Silent: true, Flags: []imap.Flag{imap.FlagDeleted}}, nil).Close()
	if err == nil {
		err = client.UIDExpunge(mail).Close()
	}
	if err != nil {
		return &mailFailure{contracts.Unavailable, "the mail was copied to " + to + " and could not be taken away here: " + explain(err), true}
	}
	return nil
}

// isCopied tells whether a mail lies in another mailbox as a copy leaves it there: with the same Message-ID, size and day
// and time of arrival (RFC 9051, 6.4.7). The mailbox that was open is open again afterwards.
func isCopied(client *imapclient.Client, from string, uid imap.UID, to string) (bool, error) {
	what := &imap.FetchOptions{Envelope: true, InternalDate: true, RFC822Size: true, UID: true}
	originals, err := client.Fetch(imap.UIDSetNum(uid), what).Collect()
	if err != nil || len(originals) != 1 || originals[0].Envelope == nil || originals[0].Envelope.MessageID == "" {
		return false, err
	}
	original := originals[0]
	here, err := client.Select(from, nil).Wait() // again, for what tells mailboxes apart
	if err != nil {
		return false, err
	}
	there, err := client.Select(to, &imap.SelectOptions{ReadOnly: true}).Wait()
	if refusal := (*imap.Error)(nil); errors.As(err, &refusal) {
		_, err = client.Select(from, nil).Wait() // to copy into what is not there says so
		return false, err
	}
	if err != nil {
		return false, err
	}
	found, err := client.UIDSearch(&imap.SearchCriteria{Header: []imap.SearchCriteriaHeaderField{{Key: "Message-ID", Value: original.Envelope.MessageID}}}, nil).Wait()
	if err != nil {
		return false, err
	}
	copied := false
	if uids := found.AllUIDs(); len(uids) > 0 {
		mails, err := client.Fetch(imap.UIDSetNum(uids...), what).Collect()
		if err != nil {
			return false, err
		}
		copied = slices.ContainsFunc(mails, func(m *imapclient.FetchMessageBuffer) bool {
			itself := m.UID == uid && there.UIDValidity == here.UIDValidity // one mailbox of two names
			return !itself && m.Envelope != nil && m.Envelope.MessageID == original.Envelope.MessageID && m.RFC822Size == original.RFC822Size && m.InternalDate.Equal(original.InternalDate)
		})
	}
	_, err = client.Select(from, nil).Wait()
	return copied, err
}

// imapFailure is what a server refuses; anything else is a lost connection, after which a change may have been made.
func imapFailure(err error, class contracts.Class, message string, changes bool) error {
	var refusal *imap.Error
	if errors.As(err, &refusal) {
		switch refusal.Code {
		case imap.ResponseCodeUnavailable, imap.ResponseCodeInUse, imap.ResponseCodeLimit, imap.ResponseCodeServerBug:
			class, message = contracts.Unavailable, "the server cannot do it now"
		}
		return &mailFailure{class, fmt.Sprintf("%s (%s)", message, refusal.Text), false}
	}
	return &mailFailure{contracts.Unavailable, explain(err), changes}
}

func uidOf(value rules.Value) (imap.UID, error) {
	number := value.Num()
	if value.Kind() == rules.KindText {
		var err error
		if number, err = rules.ParseNum(value.Text()); err != nil {
			return 0, fmt.Errorf("%q is not a uid", value.Text())
		}
	}
	uid, ok := number.Int64()
	if !ok || uid < 1 || uid > 1<<32-1 {
		return 0, fmt.Errorf("%s is not a uid", value)
	}
	return imap.UID(uid), nil
}

var systemFlags = map[string]imap.Flag{"seen": imap.FlagSeen, "answered": imap.FlagAnswered, "flagged": imap.FlagFlagged, "deleted": imap.FlagDeleted, "draft": imap.FlagDraft}

func flagsOf(names []string) []imap.Flag {
	var flags []imap.Flag
	for _, name := range names {
		flag, known := systemFlags[strings.ToLower(name)]
		if !known {
			flag = imap.Flag(name)
		}
		flags = append(flags, flag)
	}
	return flags
}

// search finds the newest mails that fit, the newest first.
func (r *mailRequest) search(client *imapclient.Client, with rules.Value) (rules.Value, error) {
	if id := with.Get("message_id"); id.Kind() == rules.KindText && strings.Trim(id.Text(), "<> ") == "" {
		return rules.Record(map[string]rules.Value{"items": rules.List(), "found": rules.Number(rules.Int(0))}), nil // no mail is without, and not all are meant
	}
	found, err := client.UIDSearch(criteria(with), nil).Wait()
	if err != nil {
		return rules.Value{}, imapFailure(err, contracts.Validation, "the server cannot search for this", false)
	}
	uids := found.AllUIDs()
	slices.Sort(uids)
	if len(uids) > r.limit {
		uids = uids[len(uids)-r.limit:]
	}
	items := []rules.Value{}
	if len(uids) > 0 {
		options := &imap.FetchOptions{Envelope: true, Flags: true, InternalDate: true, RFC822Size: true, UID: true}
		whole := &imap.FetchItemBodySection{Peek: true, Partial: &imap.SectionPartial{Size: maxMail}}
		if r.content {
			options.BodySection = []*imap.FetchItemBodySection{whole}
		}
		command := client.Fetch(imap.UIDSetNum(uids...), options)
		for message := command.Next(); message != nil; message = command.Next() {
			mail, err := collect(message)
			if err != nil { // the command is left as it is: to close it would be to read on
				return rules.Value{}, imapFailure(err, contracts.Unavailable, "the server does not give the mails", false)
			}
			items = append(items, mailItem(mail, r.content))
		}
		if err := command.Close(); err != nil {
			return rules.Value{}, imapFailure(err, contracts.Unavailable, "the server does not give the mails", false)
		}
	}
	slices.SortFunc(items, func(a, b rules.Value) int { return b.Get("uid").Num().Cmp(a.Get("uid").Num()) })
	return rules.Record(map[string]rules.Value{"items": rules.List(items...), "found": rules.Number(rules.Int(int64(len(found.AllUIDs()))))}), nil
}

func criteria(with rules.Value) *imap.SearchCriteria {
	c := &imap.SearchCriteria{Since: with.Get("since").Time(), Before: with.Get("before").Time()}
	for name, header := range map[string]string{"from": "From", "to": "To", "subject": "Subject", "message_id": "Message-ID"} {
		if value := with.Get(name); value.Kind() == rules.KindText && value.Text() != "" {
			c.Header = append(c.Header, imap.SearchCriteriaHeaderField{Key: header, Value: strings.Trim(value.Text(), "<>")})
		}
	}
	slices.SortFunc(c.Header, func(a, b imap.SearchCriteriaHeaderField) int { return strings.Compare(a.Key, b.Key) })
	if text := with.Get("text").Text(); text != "" {
		c.Text = []string{text}
	}
	for name, flag := range map[string]imap.Flag{"unseen": imap.FlagSeen, "unanswered": imap.FlagAnswered} {
		if truth(with.Get(name)) {
			c.NotFlag = append(c.NotFlag, flag)
		}
	}
	if truth(with.Get("flagged")) {
		c.Flag = append(c.Flag, imap.FlagFlagged)
	}
	return c
}

// truth reads a yes as a file or an expression gives it.
func truth(value rules.Value) bool { return value.Bool() || value.Text() == "true" }

// mailItem is a mail as expressions see it.
func mailItem(m fetchedMail, content bool) rules.Value {
	fields := map[string]rules.Value{"uid": rules.Number(rules.Int(int64(m.uid))), "size": rules.Number(rules.Int(m.size)), "received_at": rules.Instant(m.received)}
	var flags []rules.Value
	for _, flag := range m.flags {
		flags = append(flags, rules.Text(strings.ToLower(strings.TrimPrefix(string(flag), `\`))))
	}
	fields["flags"] = rules.List(flags...)
	if e := m.envelope; e != nil {
		fields["message_id"], fields["subject"] = rules.Text(e.MessageID), rules.Text(strings.ToValidUTF8(e.Subject, "\uFFFD"))
		fields["in_reply_to"] = rules.Text(strings.Join(e.InReplyTo, " "))
		fields["from"], fields["to"], fields["cc"], fields["reply_to"] = people(e.From).At(0), people(e.To), people(e.Cc), people(e.ReplyTo)
		if !e.Date.IsZero() {
			fields["sent_at"] = rules.Instant(e.Date)
		}
	}
	if content && m.content != nil {
		addContent(fields, m.content)
	}
	return rules.Record(fields)
}

func people(addresses []imap.Address) rules.Value {
	var list []rules.Value
	for _, a := range addresses {
		person := map[string]rules.Value{"email": rules.Text(strings.ToValidUTF8(a.Addr(), "\uFFFD"))}
		if a.Name != "" {
			person["name"] = rules.Text(strings.ToValidUTF8(a.Name, "\uFFFD"))
		}
		list = append(list, rules.Record(person))
	}
	return rules.List(list...)
}

// addContent reads a mail's texts and the names of its files. What cannot be read any further is left out.
func addContent(fields map[string]rules.Value, raw []byte) {
	reader, err := mail.CreateReader(bytes.NewReader(raw))
	if reader == nil || err != nil && len(raw) == 0 {
		return
	}
	var files []rules.Value
	for range 100 {
		part, err := reader.NextPart()
		if err != nil || part == nil {
			break
		}
		switch header := part.Header.(type) {
		case *mail.InlineHeader:
			kind, _, _ := header.ContentType()
			name := map[string]string{"text/plain": "text", "text/html": "html", "": "text"}[kind]
			if text, err := io.ReadAll(io.LimitReader(part.Body, maxMail)); name != "" && fields[name].IsMissing() && (err == nil || len(text) > 0) {
				fields[name] = rules.Text(strings.ToValidUTF8(string(text), "\uFFFD"))
			}
		case *mail.AttachmentHeader:
			name, _ := header.Filename()
			kind, _, _ := header.ContentType()
			files = append(files, rules.Record(map[string]rules.Value{"name": rules.Text(strings.ToValidUTF8(name, "\uFFFD")), "type": rules.Text(kind)}))
		}
	}
	fields["files"] = rules.List(files...)
}
