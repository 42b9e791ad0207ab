package adapters

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/textproto"
	"slices"
	"strings"
	"time"

	"github.com/emersion/go-message/mail"
	"github.com/emersion/go-sasl"
	"github.com/emersion/go-smtp"

	"crosswalk/contracts"
	"crosswalk/rules"
)

// letter is a mail as it goes out.
type letter struct {
	id   string
	from string
	to   []string
	text []byte
}

// compose writes a mail. Its Message-ID is made of the key.
func compose(with rules.Value, key string) (*letter, error) {
	var header mail.Header
	l := &letter{}
	from, err := addresses(with.Get("from"))
	if err != nil || len(from) != 1 {
		return nil, errors.Join(fmt.Errorf("from: one address is needed"), err)
	}
	header.SetAddressList("From", from)
	l.from = from[0].Address
	l.id = messageID(key, l.from)
	for _, field := range []struct{ name, header string }{{"to", "To"}, {"cc", "Cc"}, {"bcc", ""}, {"reply_to", "Reply-To"}} {
		found, err := addresses(with.Get(field.name))
		if err != nil {
			return nil, fmt.Errorf("%s: %w", field.name, err)
		}
		if field.name != "reply_to" {
			for _, address := range found {
				if !slices.Contains(l.to, address.Address) {
					l.to = append(l.to, address.Address)
				}
			}
		}
		if field.header != "" && len(found) > 0 {
			header.SetAddressList(field.header, found)
		}
	}
	if len(l.to) == 0 {
		return nil, fmt.Errorf("to: no address is given")
	}
	header.SetSubject(strings.Join(strings.Fields(with.Get("subject").String()), " "))
	header.SetDate(time.Now())
	header.SetMessageID(l.id)
	if err := conversation(&header, with); err != nil {
		return nil, err
	}
	for i, name := range with.Get("headers").Keys() {
		value := with.Get("headers").Items()[i].String()
		if strings.ContainsFunc(value, func(r rune) bool { return r < 0x20 || r == 0x7f }) {
			return nil, fmt.Errorf("the header %s would hold control characters", name)
		}
		header.SetText(name, value)
	}
	var text bytes.Buffer
	if err := writeMail(&text, header, with); err != nil {
		return nil, err
	}
	l.text = text.Bytes()
	return l, nil
}

// conversation says which mail is answered.
func conversation(header *mail.Header, with rules.Value) error {
	answered := plainIDs(with.Get("in_reply_to"))
	references := plainIDs(with.Get("references"))
	if len(references) == 0 {
		references = answered
	}
	for _, id := range slices.Concat(answered, references) {
		if strings.ContainsAny(id, " <>\r\n\t") || len(id) > 500 {
			return fmt.Errorf("%q is not a Message-ID", id)
		}
	}
	if len(answered) > 0 {
		header.SetMsgIDList("In-Reply-To", answered)
	}
	if len(references) > 0 {
		header.SetMsgIDList("References", references)
	}
	return nil
}

// plainIDs are Message-IDs without their brackets.
func plainIDs(value rules.Value) []string {
	var ids []string
	for _, text := range textsOf(value) {
		for _, id := range strings.Fields(text) {
			ids = append(ids, strings.Trim(id, "<>"))
		}
	}
	return ids
}

func textsOf(value rules.Value) []string {
	switch value.Kind() {
	case rules.KindMissing:
		return nil
	case rules.KindList:
		var found []string
		for _, item := range value.Items() {
			found = append(found, textsOf(item)...)
		}
		return found
	default:
		return []string{value.String()}
	}
}

func addresses(value rules.Value) ([]*mail.Address, error) {
	var found []*mail.Address
	for _, text := range textsOf(value) {
		if strings.TrimSpace(text) == "" {
			continue
		}
		one, err := mail.ParseAddress(text) // a comma in somebody's text adds no recipient
		if err != nil || strings.ContainsFunc(one.Address, func(r rune) bool { return r <= ' ' || r == 0x7f || strings.ContainsRune(`<>"`, r) }) {
			return nil, fmt.Errorf("%q is not one address", text)
		}
		found = append(found, one)
	}
	return found, nil
}

// writeMail writes the parts: one text, a choice of text and page, files.
func writeMail(out *bytes.Buffer, header mail.Header, with rules.Value) error {
	w, err := mail.CreateWriter(out, header)
	if err != nil {
		return err
	}
	inline, err := w.CreateInline()
	if err != nil {
		return err
	}
	for _, kind := range []struct{ name, mediaType string }{{"text", "text/plain"}, {"html", "text/html"}} {
		value := with.Get(kind.name)
		if value.IsMissing() && (kind.name == "html" || !with.Get("html").IsMissing()) {
			continue
		}
		var part mail.InlineHeader
		part.SetContentType(kind.mediaType, map[string]string{"charset": "utf-8"})
		body, err := inline.CreatePart(part)
		if err == nil {
			_, err = body.Write([]byte(value.String()))
		}
		if err == nil {
			err = body.Close()
		}
		if err != nil {
			return err
		}
	}
	if err := inline.Close(); err != nil {
		return err
	}
	for i, file := range with.Get("attachments").Items() {
		content, contentType, err := fileContent(file)
		if err != nil {
			return fmt.Errorf("attachments[%d]: %w", i, err)
		}
		var part mail.AttachmentHeader
		part.Set("Content-Type", contentType)
		part.SetFilename(strings.Map(func(r rune) rune {
			if r < 0x20 || r == 0x7f {
				return '_'
			}
			return r
		}, file.Get("name").String()))
		body, err := w.CreateAttachment(part)
		if err == nil {
			_, err = body.Write(content)
		}
		if err == nil {
			err = body.Close()
		}
		if err != nil {
			return err
		}
	}
	return w.Close()
}

// maxReplies is how much a server may say while a mail is handed to it.
const maxReplies = 1 << 20

// errInTheClear is about a server that is not, or does not seem to be, able to encrypt: somebody between us may have taken the
// offer out.
var errInTheClear = &mailFailure{contracts.Auth, "the server offers no STARTTLS, and nothing is said to it in the clear", false}

// send hands a mail to the server. Until the last dot nothing is sent, and what the server then refuses is not sent
// either; only an answer that is lost after it leaves a doubt.
func (a mailAccount) send(ctx context.Context, l *letter) (rules.Value, error) {
	conn, config, err := a.dial(ctx, "smtp")
	if err != nil {
		return rules.Value{}, err
	}
	stop := context.AfterFunc(ctx, func() { _ = conn.Close() })
	defer stop()
	replies := bounded(conn, maxReplies)
	var client *smtp.Client
	if a.mode() == mailStartTLS {
		if client, err = smtp.NewClientStartTLS(replies, config); err != nil {
			if strings.HasSuffix(err.Error(), "support STARTTLS") {
				err = errInTheClear
			}
			return rules.Value{}, errors.Join(refusedBy(err), conn.Close())
		}
	} else {
		client = smtp.NewClient(replies)
	}
	defer client.Close()
	if err := a.introduce(client); err != nil {
		return rules.Value{}, refusedBy(err)
	}
	if err := client.Mail(l.from, nil); err != nil {
		return rules.Value{}, refusedBy(err)
	}
	for _, to := range l.to { // to all of them or to none
		if err := client.Rcpt(to, nil); err != nil {
			return rules.Value{}, refusedBy(err)
		}
	}
	data, err := client.Data()
	if err != nil {
		return rules.Value{}, refusedBy(err)
	}
	if _, err := data.Write(l.text); err != nil {
		return rules.Value{}, err
	}
	if err := data.Close(); err != nil {
		if refused := refusedBy(err); refused != err {
			return rules.Value{}, refused
		}
		return rules.Value{}, &mailFailure{contracts.Unavailable, explain(err) + " after the mail was handed over", true}
	}
	_ = client.Quit() // the mail is the server's
	return rules.Record(map[string]rules.Value{"message_id": rules.Text(l.id)}), nil
}

// introduce says who we are.
func (a mailAccount) introduce(client *smtp.Client) error {
	if err := client.Hello("crosswalk"); err != nil {
		return err
	}
	user := a.settings.Get("user").Text()
	switch {
	case user == "":
		return nil
	case client.SupportsAuth(sasl.Plain):
		return client.Auth(sasl.NewPlainClient("", user, a.password))
	case client.SupportsAuth(sasl.Login):
		return client.Auth(sasl.NewLoginClient(user, a.password))
	}
	return &mailFailure{contracts.Auth, "the server offers no way to log in that is known here (PLAIN, LOGIN)", false}
}

// refusedBy turns a refusal into a failure; any other error is returned as it is.
func refusedBy(err error) error {
	var refusal *smtp.SMTPError
	var protocol *textproto.Error
	code, said := 0, ""
	switch {
	case errors.As(err, &refusal):
		code, said = refusal.Code, refusal.Message
	case errors.As(err, &protocol):
		code, said = protocol.Code, protocol.Msg
	default:
		return err
	}
	failure := &mailFailure{class: contracts.Validation, message: fmt.Sprintf("the server refuses (%d: %s)", code, said)}
	switch {
	case code == 421 || code >= 400 && code < 500:
		failure.class = contracts.Unavailable
	case code == 530 || code == 534 || code == 535 || code == 538:
		failure.class = contracts.Auth
	case code == 554:
		failure.class = contracts.Declined
	}
	return failure
}
