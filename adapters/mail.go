package adapters

import (
	"context"
	"crypto/sha256"
	"crypto/tls"
	"encoding/hex"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"

	"crosswalk/contracts"
	"crosswalk/rules"
	"crosswalk/source"
)

// protocolMail is SMTP and IMAP: what one sends and the other holds.
const protocolMail = "mail"

// How the servers of mail are spoken to.
const (
	mailTLS      = "tls"
	mailStartTLS = "starttls"
	mailOff      = "off"
)

var mailShape = source.Record(
	source.Field{Name: "name", Is: source.Text(), About: "Under requests: the name of the result.", Default: "answer", Example: "found"},
	source.Field{Name: "when", Is: source.Condition(), About: "It is made only if this holds.", Default: "it is made", Example: "input.name != missing"},
	source.Field{Name: "send", Is: messageShape, About: "Sends a mail.", Example: "{from: '${conn.sender}', to: '${input.to}', subject: '${input.subject}', text: '${input.text}'}"},
	source.Field{Name: "append", Is: messageShape, About: "Puts a mail into the mailbox without sending it, such as a draft.", Example: "{from: '${conn.sender}', to: '${input.to}', subject: '${input.subject}', text: '${input.text}'}"},
	source.Field{Name: "search", Is: searchShape, About: "Finds mails in the mailbox; an empty mapping finds all.", Example: "{message_id: '${input.id}'}"},
	source.Field{Name: "flag", Is: flagShape, About: "Sets and takes away flags of a mail.", Example: "{uid: '${input.uid}', add: [seen]}"},
	source.Field{Name: "move", Is: moveShape, About: "Moves a mail to another mailbox.", Example: "{uid: '${input.uid}', to: Done}"},
	source.Field{Name: "mailbox", Is: source.Template(), About: "The mailbox.", Default: "INBOX", Example: "Sent"},
	source.Field{Name: "limit", Is: source.Whole(), About: "Of search: how many of the newest, at most 500.", Default: "50", Example: "200"},
	source.Field{Name: "content", Is: source.YesNo(), About: "Of search: the texts too, of each the first MB.", Default: "false", Example: "true"},
)

var messageShape = source.Record(
	source.Field{Name: "from", Is: source.Template(), Required: true, About: "The sender: an address, or Name <address>.", Example: "'${conn.sender}'"},
	source.Field{Name: "to", Is: treeShape, Required: true, About: "One address or several.", Example: "'${input.to}'"},
	source.Field{Name: "cc", Is: treeShape, About: "Who gets a copy.", Example: "'${input.cc}'"},
	source.Field{Name: "bcc", Is: treeShape, About: "Who gets a copy that nobody sees.", Example: "'${conn.archive}'"},
	source.Field{Name: "reply_to", Is: treeShape, About: "Where answers go.", Default: "the sender", Example: "'${conn.support}'"},
	source.Field{Name: "subject", Is: source.Template(), Required: true, About: "The subject.", Example: "'${input.subject}'"},
	source.Field{Name: "text", Is: source.Template(), About: "The text.", Example: "'${input.text}'"},
	source.Field{Name: "html", Is: source.Template(), About: "The text as a page; beside text readers have the choice.", Example: "'${input.html}'"},
	source.Field{Name: "in_reply_to", Is: source.Template(), About: "The Message-ID of the mail that is answered.", Example: "'${input.answers}'"},
	source.Field{Name: "references", Is: treeShape, About: "The Message-IDs of the conversation.", Default: "that of in_reply_to", Example: "'${input.references}'"},
	source.Field{Name: "headers", Is: source.Named(source.Template()), About: "Further headers; their names begin with X- or Auto-.", Default: "none", Example: "{Auto-Submitted: auto-generated}"},
	source.Field{Name: "attachments", Is: treeShape, About: "Files: {name, type, content} or {name, type, base64}.", Default: "none", Example: "[{name: invoice.pdf, type: application/pdf, base64: '${input.pdf}'}]"},
)

var searchShape = source.Record(
	source.Field{Name: "message_id", Is: source.Template(), About: "The Message-ID.", Example: "'${input.id}'"},
	source.Field{Name: "from", Is: source.Template(), About: "A part of the sender.", Example: "'${input.email}'"},
	source.Field{Name: "to", Is: source.Template(), About: "A part of the recipients.", Example: "'${input.email}'"},
	source.Field{Name: "subject", Is: source.Template(), About: "A part of the subject.", Example: "'${input.reference}'"},
	source.Field{Name: "text", Is: source.Template(), About: "A part of the mail.", Example: "'${input.words}'"},
	source.Field{Name: "since", Is: source.Template(), About: "The first day on which it came.", Example: "'${input.from}'"},
	source.Field{Name: "before", Is: source.Template(), About: "The day before which it came.", Example: "'${input.until}'"},
	source.Field{Name: "unseen", Is: source.YesNo(), About: "Only what nobody has seen.", Default: "false", Example: "true"},
	source.Field{Name: "unanswered", Is: source.YesNo(), About: "Only what nobody has answered.", Default: "false", Example: "true"},
	source.Field{Name: "flagged", Is: source.YesNo(), About: "Only what is flagged.", Default: "false", Example: "true"},
)

var flagShape = source.Record(
	source.Field{Name: "uid", Is: source.Template(), Required: true, About: "The mail's uid, as search gives it.", Example: "'${input.uid}'"},
	source.Field{Name: "add", Is: source.OneOrMore(source.Text()), About: "Flags to set: seen, answered, flagged, deleted, draft, or words of one's own.", Example: "[seen]"},
	source.Field{Name: "remove", Is: source.OneOrMore(source.Text()), About: "Flags to take away.", Example: "[flagged]"},
)

var moveShape = source.Record(
	source.Field{Name: "uid", Is: source.Template(), Required: true, About: "The mail's uid, as search gives it.", Example: "'${input.uid}'"},
	source.Field{Name: "to", Is: source.Template(), Required: true, About: "The other mailbox.", Example: "Done"},
)

var mailKinds = []string{"send", "append", "search", "flag", "move"}

// mailRequest is one thing that is done with mail.
type mailRequest struct {
	kind        string
	with        *tree
	mailbox     *rules.Template
	limit       int
	content     bool
	add, remove []string
}

func (p *parser) mailRequest(op *Operation, node *source.Node, in scope) *request {
	fields := node.Fields(mailShape)
	r := &request{when: in.condition(fields["when"])}
	in = in.given(r.when)
	m := &mailRequest{mailbox: in.template(fields["mailbox"]), limit: 50, content: fields["content"].Bool()}
	r.mail = m
	shapes := map[string]*source.Shape{"send": messageShape, "append": messageShape, "search": searchShape, "flag": flagShape, "move": moveShape}
	for _, kind := range mailKinds {
		if !fields[kind].Exists() {
			continue
		}
		if m.kind != "" {
			fields[kind].Errorf("keep one", "a request does one thing")
		}
		m.kind = kind
		inner := fields[kind].Fields(shapes[kind])
		for _, field := range shapes[kind].Members() {
			if field.Required {
				fields[kind].Required(field.Name, field.About)
			}
		}
		m.add, m.remove = inner["add"].Texts(), inner["remove"].Texts()
		m.with = parseTree(fields[kind], in)
		for _, name := range inner["headers"].Keys() {
			if lower := strings.ToLower(name); !headerShape.MatchString(name) || !strings.HasPrefix(lower, "x-") && !strings.HasPrefix(lower, "auto-") && !strings.HasPrefix(lower, "list-") {
				inner["headers"].KeyNode(name).Errorf("use a name that begins with X-, Auto- or List-", "%q is not a header that an adapter may set", name)
			}
		}
	}
	if m.kind == "" {
		node.Errorf("write "+strings.Join(mailKinds, ", "), "the request does nothing")
	}
	if fields["limit"].Exists() {
		if m.limit = fields["limit"].Int(); m.limit < 1 || m.limit > 500 {
			fields["limit"].Errorf("", "between 1 and 500 mails can be read at once")
		}
	}
	p.mailServer(node, m.kind)
	if r.writes = m.kind != "search"; r.writes && op.Effect == contracts.Read {
		node.Errorf("", "%s changes something, and %s only reads", m.kind, op.Name)
	}
	return r
}

// mailServer makes sure that the settings lead to the server that a request needs.
func (p *parser) mailServer(node *source.Node, kind string) {
	prefix := "imap"
	if kind == "send" {
		prefix = "smtp"
	}
	for _, name := range []string{prefix + "_host", prefix + "_port"} {
		if !slices.Contains(fieldNames(p.adapter.Settings), name) {
			node.Errorf("add it under connection, settings", "%s needs the setting %q", kind, name)
		}
	}
}

// messageID is the Message-ID of what is sent for a key: the same for each attempt, so that servers which know a repeat
// by it keep one mail, and a search finds it.
func messageID(key, address string) string {
	domain := address
	if _, after, ok := strings.Cut(address, "@"); ok {
		domain = after
	}
	domain = strings.Trim(strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '.' || r == '-' {
			return r
		}
		return -1
	}, domain), ".-")
	if domain == "" {
		domain = "crosswalk.invalid"
	}
	sum := sha256.Sum256([]byte(key))
	return hex.EncodeToString(sum[:16]) + "@" + domain
}

var mailFunctions = []rules.Function{
	{Name: "message_id", Params: types(rules.TypeOf(rules.KindText), rules.TypeOf(rules.KindText)), Result: rules.TypeOf(rules.KindText), Call: func(arguments []rules.Value) (rules.Value, error) {
		return rules.Text(messageID(arguments[0].Text(), arguments[1].Text())), nil
	}},
}

// mailbox is where a connection's mail is.
type mailAccount struct {
	settings rules.Value
	password string
	guard    *egress
	trust    *tls.Config
}

func (a mailAccount) address(prefix string) string {
	return net.JoinHostPort(strings.ToLower(a.settings.Get(prefix+"_host").Text()), a.settings.Get(prefix+"_port").String())
}

func (a mailAccount) mode() string {
	if mode := a.settings.Get("tls").Text(); mode != "" {
		return mode
	}
	return mailTLS
}

// dial connects to a server, with TLS from the first byte if it is to be so.
func (a mailAccount) dial(ctx context.Context, prefix string) (net.Conn, *tls.Config, error) {
	conn, err := a.guard.dial(ctx, "tcp", a.address(prefix))
	if err != nil {
		return nil, nil, err
	}
	config := a.trust.Clone()
	config.ServerName = a.settings.Get(prefix + "_host").Text()
	if a.mode() != mailTLS {
		return conn, config, nil
	}
	secure := tls.Client(conn, config)
	if err := secure.HandshakeContext(ctx); err != nil {
		return nil, nil, errors.Join(err, conn.Close())
	}
	return secure, config, nil
}

// mailHosts are the servers of an account, and a refusal to speak to one in the clear that nobody allowed.
func mailHosts(settings rules.Value, allow []string) ([]string, *FieldError) {
	account := mailAccount{settings: settings}
	var hosts []string
	for _, prefix := range []string{"smtp", "imap"} {
		if settings.Get(prefix+"_host").Text() == "" {
			continue
		}
		host := account.address(prefix)
		if hosts = append(hosts, host); account.mode() == mailOff && !slices.Contains(allow, host) {
			return nil, &FieldError{"settings.tls", "the connection to " + host + " would not be encrypted", "use tls: tls or starttls, or allow the host and port in the workspace"}
		}
	}
	if !slices.Contains([]string{mailTLS, mailStartTLS, mailOff}, account.mode()) {
		return nil, &FieldError{"settings.tls", "it must be tls, starttls or off", ""}
	}
	if len(hosts) == 0 {
		return nil, &FieldError{"settings", "smtp_host or imap_host is missing", ""}
	}
	return hosts, nil
}

// post does what a request says.
func (c *Connection) post(ctx context.Context, e *exchange, op *Operation, r *request, vars map[string]rules.Value) (rules.Value, error) {
	with, err := r.mail.with.eval(vars)
	if err != nil {
		return rules.Value{}, unexpected(op, r, err)
	}
	mailbox := "INBOX"
	if r.mail.mailbox != nil {
		value, err := r.mail.mailbox.Eval(vars)
		if err != nil {
			return rules.Value{}, unexpected(op, r, err)
		}
		mailbox = value.String()
	}
	var letter *letter
	if r.mail.kind == "send" || r.mail.kind == "append" {
		if letter, err = compose(with, vars["key"].Text()); err != nil {
			return rules.Value{}, unexpected(op, r, err)
		}
	}
	var answer rules.Value
	around := callOf(ctx)
	again := around != nil && around.repeated
	err = c.attempt(ctx, e, op, func(ctx context.Context) *contracts.Error {
		var err error
		if r.mail.kind == "send" {
			answer, err = c.account.send(ctx, letter)
		} else {
			answer, err = c.account.visit(ctx, op, r.mail, mailbox, with, letter, again)
		}
		again = true
		return c.mailError(err, e)
	})
	return answer, err
}

// mailFailure is an error of a server of mail in our words.
type mailFailure struct {
	class   contracts.Class
	message string
	doubt   bool // it may have been done
}

// Error is the message.
func (f *mailFailure) Error() string { return f.message }

func (c *Connection) mailError(err error, e *exchange) *contracts.Error {
	if err == nil {
		return nil
	}
	failure := &contracts.Error{Class: contracts.Unavailable, Message: explain(err), NothingSent: e.writes}
	var known *mailFailure
	switch {
	case errors.As(err, &known):
		failure.Class, failure.Message, failure.NothingSent = known.class, known.message, e.writes && !known.doubt
		if known.doubt && !e.knowable {
			failure.Class = contracts.OutcomeUnknown
		}
	case errors.Is(err, errEgress):
		failure.Class, failure.NothingSent = contracts.Internal, true
	case errors.Is(err, errTooLarge):
		failure.Class, failure.Message = contracts.Drift, fmt.Sprintf("%s; limit: or content: fetch less", errTooLarge)
	}
	failure.Message = c.system + ": " + failure.Message
	return failure
}
