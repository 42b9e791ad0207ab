package intake

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/mail"
	"path/filepath"
	"regexp"
	"strings"
	"time"

	"github.com/emersion/go-message"
	_ "github.com/emersion/go-message/charset" // the library's way to decode anything but UTF-8
)

// Bounds of a mail's structure. A mail beyond them is refused, not half read.
const (
	maxMailParts = 200
	maxMailDepth = 20
)

// ErrMalformed is the reason for which a message is refused for good.
var ErrMalformed = errors.New("the message cannot be read")

// ParseMail reads a mail as RFC 5322 and RFC 2045 describe it. The envelope comes from SMTP: from is "" for a null
// sender. Text is the plain part, else what the HTML part says; a part of neither kind is an attachment.
func ParseMail(raw []byte, envelopeFrom, envelopeTo string, received time.Time) (Message, error) {
	entity, err := message.ReadWithOptions(bytes.NewReader(raw), &message.ReadOptions{MaxHeaderBytes: 256 << 10})
	if err != nil && !message.IsUnknownCharset(err) && !message.IsUnknownEncoding(err) {
		return Message{}, fmt.Errorf("%w: %s", ErrMalformed, err)
	}
	m := Message{Channel: "email", ReceivedAt: received, To: NormaliseEmail(envelopeTo), Raw: raw}
	m.ID = firstID(entity.Header.Get("Message-Id"))
	m.ThreadIDs = messageIDs(entity.Header.Get("In-Reply-To") + " " + entity.Header.Get("References"))
	m.Subject = cleanLine(headerText(entity.Header, "Subject"))
	m.From = sender(headerText(entity.Header, "Reply-To"), headerText(entity.Header, "From"), envelopeFrom)
	m.Automatic = automatic(entity.Header, envelopeFrom, m.From.Email)
	m.Silent = entity.Header.Has("X-Auto-Response-Suppress") // that alone does not make it a machine's
	body := mailBody{}
	if err := body.read(entity, 0); err != nil {
		return Message{}, err
	}
	m.Attachments = body.files()
	m.Text = cleanText(body.text())
	unwrapForwarded(&m)
	if len(m.ThreadIDs) > 0 {
		m.Text = withoutQuote(m.Text)
	}
	if m.Text == "" {
		m.Text = m.Subject
	}
	return m, nil
}

func headerText(header message.Header, key string) string {
	text, err := header.Text(key)
	if err != nil {
		return header.Get(key)
	}
	return text
}

// sender takes the address that answers go to, with the name that belongs to the author.
func sender(replyTo, from, envelope string) Sender {
	for _, value := range []string{replyTo, from} {
		if address, err := mail.ParseAddress(value); err == nil {
			name := address.Name
			if author, err := mail.ParseAddress(from); err == nil && author.Name != "" {
				name = author.Name
			}
			return Sender{Email: NormaliseEmail(address.Address), Name: cleanLine(name)}
		}
	}
	if angle := angleAddress.FindStringSubmatch(from); angle != nil {
		return Sender{Email: NormaliseEmail(angle[1]), Name: cleanLine(strings.Trim(from[:strings.Index(from, "<")], `" `))}
	}
	return Sender{Email: NormaliseEmail(envelope)}
}

// angleAddress finds the address in what is no proper header, such as a name with a comma and without quotes.
var angleAddress = regexp.MustCompile(`<([^<>@\s]+@[^<>@\s]+)>`)

// automatic says why a mail was written by a machine. Such mail never starts a case and is never answered: that is
// how mail loops begin (RFC 3834).
func automatic(header message.Header, envelopeFrom, from string) string {
	if value := strings.ToLower(strings.TrimSpace(header.Get("Auto-Submitted"))); value != "" && value != "no" {
		return "Auto-Submitted: " + cleanLine(value)
	}
	switch value := strings.ToLower(strings.TrimSpace(header.Get("Precedence"))); value {
	case "bulk", "junk", "list", "auto_reply":
		return "Precedence: " + value
	}
	for _, key := range []string{"X-Autoreply", "X-Autorespond", "List-Id", "List-Unsubscribe", loopHeader} {
		if header.Has(key) {
			return key
		}
	}
	if mediaType, _, _ := header.ContentType(); mediaType == "multipart/report" {
		return "a delivery report"
	}
	if strings.TrimSpace(envelopeFrom) == "" {
		return "a null sender"
	}
	mailbox, _, _ := strings.Cut(from, "@")
	switch mailbox {
	case "mailer-daemon", "postmaster", "no-reply", "noreply", "donotreply", "do-not-reply":
		return "sent by " + mailbox
	}
	return ""
}

// loopHeader marks our own mails.
const loopHeader = "X-Crosswalk-Case"

var messageID = regexp.MustCompile(`<[^<>\s]{3,400}>`)

func messageIDs(header string) []string {
	found := messageID.FindAllString(header, 100)
	for i := range found {
		found[i] = strings.Trim(found[i], "<>")
	}
	return found
}

func firstID(header string) string {
	if ids := messageIDs(header); len(ids) > 0 {
		return ids[0]
	}
	return cleanLine(strings.Trim(header, "<> "))
}

// mailBody collects the readable text and the files of a mail.
type mailBody struct {
	plain, html strings.Builder
	attachments []Attachment
	more        int // files beyond those that are kept
	parts       int
}

// files are those that are kept, and a word about the others: whoever reads the message knows that there was more.
func (b *mailBody) files() []Attachment {
	if b.more == 0 {
		return b.attachments
	}
	return append(b.attachments, Attachment{Name: fmt.Sprintf("%d more (too many files, not kept)", b.more), MediaType: "text/plain"})
}

func (b *mailBody) text() string {
	if plain := strings.TrimSpace(b.plain.String()); plain != "" {
		return plain
	}
	return htmlText(b.html.String())
}

func (b *mailBody) read(entity *message.Entity, depth int) error {
	if b.parts++; b.parts > maxMailParts || depth > maxMailDepth {
		return fmt.Errorf("%w: it has more than %d parts or is nested deeper than %d", ErrMalformed, maxMailParts, maxMailDepth)
	}
	if multipart := entity.MultipartReader(); multipart != nil {
		for {
			part, err := multipart.NextPart()
			if errors.Is(err, io.EOF) {
				return nil
			}
			if err != nil && !message.IsUnknownCharset(err) && !message.IsUnknownEncoding(err) {
				return nil // a truncated mail: keep what was readable
			}
			if err := b.read(part, depth+1); err != nil {
				return err
			}
		}
	}
	return b.leaf(entity, depth)
}

func (b *mailBody) leaf(entity *message.Entity, depth int) error {
	mediaType, parameters, _ := entity.Header.ContentType()
	disposition, dispositionParameters, _ := entity.Header.ContentDisposition()
	content, err := io.ReadAll(io.LimitReader(entity.Body, MaxAttachmentBytes+1))
	if err != nil && len(content) == 0 {
		return nil
	}
	name := dispositionParameters["filename"]
	if name == "" {
		name = parameters["name"]
	}
	isFile := disposition == "attachment" || name != ""
	switch {
	case mediaType == "message/rfc822" && !isFile:
		inner, err := message.Read(bytes.NewReader(content))
		if err != nil {
			return nil
		}
		fmt.Fprintf(&b.plain, "\n---------- Forwarded message ---------\nFrom: %s\nSubject: %s\n\n", headerText(inner.Header, "From"), headerText(inner.Header, "Subject"))
		return b.read(inner, depth+1)
	case mediaType == "text/plain" && !isFile:
		b.plain.Write(content)
		b.plain.WriteByte('\n')
	case mediaType == "text/html" && !isFile:
		b.html.Write(content)
	case mediaType == "text/calendar", strings.HasPrefix(mediaType, "multipart/"), mediaType == "message/delivery-status":
	case len(content) > MaxAttachmentBytes:
		b.attachments = append(b.attachments, Attachment{Name: fileName(name, mediaType) + " (too large, not kept)", MediaType: "text/plain"})
	case len(b.attachments) < MaxAttachments:
		b.attachments = append(b.attachments, Attachment{Name: fileName(name, mediaType), MediaType: mediaType, Bytes: content})
	default:
		b.more++
	}
	return nil
}

// fileName keeps the last element of whatever path a sender put into a file name.
func fileName(name, mediaType string) string {
	decoder := mime.WordDecoder{}
	if decoded, err := decoder.DecodeHeader(name); err == nil {
		name = decoded
	}
	name = cleanLine(filepath.Base(strings.ReplaceAll(name, `\`, "/")))
	if name == "" || name == "." || name == "/" || name == ".." {
		extension := ".bin"
		if known, _ := mime.ExtensionsByType(mediaType); len(known) > 0 {
			extension = known[0]
		}
		name = "attachment" + extension
	}
	return name
}

var (
	forwardMark = regexp.MustCompile(`(?m)^\s*(?:-{2,}\s*)?(?:Forwarded message|Original Message|Begin forwarded message|Weitergeleitete Nachricht|Ursprüngliche Nachricht|Message transféré|Message d'origine|Mensaje reenviado|Mensaje original|Messaggio inoltrato|Messaggio originale|Doorgestuurd bericht|Oorspronkelijk bericht)\s*:?\s*(?:-{2,})?\s*$`)
	forwardFrom = regexp.MustCompile(`(?m)^\s*(?:From|Von|De|Da|Van)\s*:\s*(.+)$`)
	headerLine  = regexp.MustCompile(`^\s*[\p{L}-]{2,20}\s*:\s*\S`)
)

// unwrapForwarded gives a complaint that a colleague passed on to its author. Only mail from the domain it was sent to
// is unwrapped: a customer who forwards our own order confirmation stays the sender.
func unwrapForwarded(m *Message) {
	mark := forwardMark.FindStringIndex(m.Text)
	if mark == nil || domain(m.From.Email) == "" || domain(m.From.Email) != domain(m.To) {
		return
	}
	inner := m.Text[mark[1]:]
	from := forwardFrom.FindStringSubmatch(inner)
	if from == nil {
		return
	}
	author := sender("", strings.TrimSpace(from[1]), "")
	if author.Email == "" || domain(author.Email) == domain(m.To) {
		return
	}
	m.From = author
	lines := strings.Split(inner, "\n")
	for len(lines) > 0 && (strings.TrimSpace(lines[0]) == "" || headerLine.MatchString(lines[0])) {
		lines = lines[1:]
	}
	m.Text = strings.TrimSpace(strings.Join(lines, "\n"))
}

// quoteBegins is the line above what a mail program repeats of the message that is answered.
var quoteBegins = regexp.MustCompile(`(?m)^(?:(?:On|Am|Le|El|Il|Op) [^\n]{6,200}(?:\n[^\n]{0,100})?(?:wrote|schrieb|écrit|escribió|scritto|schreef)[^\n]{0,80}:|_{10,}|-{2,} ?(?:Original Message|Ursprüngliche Nachricht|Message d'origine|Mensaje original|Messaggio originale|Oorspronkelijk bericht) ?-{2,})[ \t]*$`)

// withoutQuote is an answer without what it answers, which the case has already. If nothing else was written, the
// quote is the message.
func withoutQuote(text string) string {
	own := text
	if begin := quoteBegins.FindStringIndex(text); begin != nil {
		own = text[:begin[0]]
	}
	var lines []string
	for line := range strings.SplitSeq(own, "\n") {
		if !strings.HasPrefix(strings.TrimSpace(line), ">") {
			lines = append(lines, line)
		}
	}
	if own = strings.TrimSpace(strings.Join(lines, "\n")); own == "" {
		return text
	}
	return own
}

func domain(email string) string {
	_, domain, _ := strings.Cut(email, "@")
	return domain
}
