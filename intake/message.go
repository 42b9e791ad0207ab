// Package intake takes in what customers and other programs send: mails, web forms, phone notes, social posts and
// signed webhooks. Each is verified, bounded, stored durably and deduplicated before it is acknowledged; the stored
// entry, with its case id, starts the case, and a sweeper starts what a crash left behind.
package intake

import (
	"crypto/sha256"
	"encoding/hex"
	"regexp"
	"strings"
	"time"
	"unicode"

	"golang.org/x/text/unicode/norm"

	"crosswalk/rules"
)

// Limits of one message, whatever the channel. They are far above honest messages and far below what would hurt.
const (
	MaxMessageBytes    = 26 << 20 // the raw message
	MaxTextRunes       = 20_000   // the text that a case works with
	MaxAttachments     = 20
	MaxAttachmentBytes = 10 << 20
)

// Sender is who wrote, as far as the channel tells. None of it is proven.
type Sender struct {
	Email, Phone, Handle, Name string
}

// Attachment is a file that came with a message.
type Attachment struct {
	Name      string
	MediaType string
	Bytes     []byte
}

// Message is one thing that somebody sent, in the same shape for every channel.
type Message struct {
	Channel     string // email, web, phone, social, or webhook for other programs
	ID          string // the sender's own id for it: Message-ID, post id, webhook-id; "" if there is none
	From        Sender
	To          string
	Subject     string
	Text        string
	Product     string
	ThreadIDs   []string // ids of earlier messages that this one answers
	ReceivedAt  time.Time
	Attachments []Attachment
	Automatic   string // why it was recognised as written by a machine; "" for a person's message
	Silent      bool   // the sender asks for no automatic answer
	TypedBy     string // the user who wrote it down; "" if it came from outside
	Change      Change
	Raw         []byte
	Fields      rules.Value // what a program sent beside the rest: a record
}

// Change says whether a message is new or alters one that came before.
type Change string

// The changes that social networks report.
const (
	Added   Change = ""
	Edited  Change = "edited"
	Deleted Change = "deleted"
)

// DedupeKey identifies the message: by the sender's id where there is one, else by what it says.
// It is a hash, so that it may outlive the message.
func (m Message) DedupeKey() string {
	if m.ID != "" {
		return digest("id", m.Channel, m.ID, string(m.Change))
	}
	fields := ""
	if !m.Fields.IsMissing() {
		fields = m.Fields.Hash()
	}
	return digest("content", m.Channel, m.From.Email, m.From.Phone, m.From.Handle, m.From.Name, m.Subject, m.Product, m.Text, fields)
}

// ContactKeys are the normalised addresses of the sender, by which two messages of one person are recognised.
func (m Message) ContactKeys() []string {
	var keys []string
	if m.From.Email != "" {
		keys = append(keys, "email:"+NormaliseEmail(m.From.Email))
	}
	if phone := NormalisePhone(m.From.Phone); phone != "" {
		keys = append(keys, "phone:"+phone)
	}
	if m.From.Handle != "" {
		keys = append(keys, "handle:"+strings.ToLower(strings.TrimPrefix(m.From.Handle, "@")))
	}
	return keys
}

// Outcome is what became of a message.
type Outcome string

// The outcomes of a message.
const (
	Started   Outcome = "started"   // it has a case of its own
	Joined    Outcome = "joined"    // it belongs to a case that is open
	Duplicate Outcome = "duplicate" // it had come before
	Ignored   Outcome = "ignored"   // it is kept, and nothing is done with it
	Completed Outcome = "completed" // it answered a task
	Noted     Outcome = "event"     // it is an event, which is kept for the cases that wait for it
)

// Receipt says what became of a message that was taken in.
type Receipt struct {
	EntryID   string  `json:"entry,omitempty"`
	CaseID    string  `json:"case,omitempty"`      // "" if the message starts no case
	Reference string  `json:"reference,omitempty"` // what the customer is told
	Outcome   Outcome `json:"outcome"`
	Reason    string  `json:"reason,omitempty"` // why it was ignored
}

// NormaliseEmail folds what does not tell two mailboxes apart in practice: case and surrounding space.
func NormaliseEmail(email string) string { return strings.ToLower(strings.TrimSpace(email)) }

// emailAddress is an address that a mail can be sent to. Its parts stand in commands and headers of mails of ours, so
// nothing gets in that would need quoting there.
var emailAddress = regexp.MustCompile(`^[^\s\pC"(),:;<>@\[\]\\]{1,64}@[\pL\pN](?:[\pL\pN.-]{0,250}[\pL\pN])?$`)

// NormalisePhone keeps the digits that tell two numbers apart in any notation: the last nine.
func NormalisePhone(phone string) string {
	digits := strings.Map(func(r rune) rune {
		if r >= '0' && r <= '9' {
			return r
		}
		return -1
	}, phone)
	if len(digits) < 6 {
		return ""
	}
	return digits[max(0, len(digits)-9):]
}

func digest(parts ...string) string {
	h := sha256.New()
	for _, part := range parts {
		h.Write([]byte(part))
		h.Write([]byte{0})
	}
	return hex.EncodeToString(h.Sum(nil))
}

// cleanText makes a text safe to store, show and send on: valid UTF-8 in composed form, without control and
// direction-changing characters, with plain line ends, and bounded.
func cleanText(text string) string {
	text = strings.ToValidUTF8(text, "\uFFFD")
	text = norm.NFC.String(text)
	text = strings.ReplaceAll(text, "\r\n", "\n")
	text = strings.Map(func(r rune) rune {
		switch {
		case r == '\n' || r == '\t':
			return r
		case r == '\r':
			return '\n'
		case unicode.IsControl(r), r >= 0x202A && r <= 0x202E, r >= 0x2066 && r <= 0x2069, r == 0xFEFF:
			return -1
		case r == 0xA0:
			return ' '
		default:
			return r
		}
	}, text)
	runes := []rune(text)
	if len(runes) > MaxTextRunes {
		text = string(runes[:MaxTextRunes]) + " […]"
	}
	return strings.TrimSpace(text)
}

// cleanLine is cleanText for what must stay on one line: names, subjects, file names.
func cleanLine(text string) string {
	line := strings.Join(strings.Fields(cleanText(text)), " ")
	if runes := []rune(line); len(runes) > 300 {
		line = string(runes[:300])
	}
	return line
}
