package intake

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"maps"
	"mime"
	"mime/quotedprintable"
	"net"
	"net/mail"
	"strings"
	"time"

	"github.com/emersion/go-sasl"
	"github.com/emersion/go-smtp"

	"crosswalk/rules"
	"crosswalk/store"
	"crosswalk/workspace"
)

// Bounds of outgoing mail: nobody is flooded in our name, whoever they claim to be.
const (
	mailsPerHour = 3
	mailTimeout  = 30 * time.Second
	mailAttempts = 10
)

// wording is the product's own acknowledgement. It repeats nothing that the sender wrote.
type wording struct{ subject, text string }

var wordings = map[string]wording{
	"en": {"We have received your message (%s)", "Hello,\n\nthank you for your message. We are looking into it. Your reference is %s; an answer to this mail reaches the same colleague.\n\n%s\n"},
	"de": {"Wir haben Ihre Nachricht erhalten (%s)", "Guten Tag,\n\nvielen Dank für Ihre Nachricht. Wir kümmern uns darum. Ihr Zeichen ist %s; eine Antwort auf diese Mail erreicht denselben Kollegen.\n\n%s\n"},
	"fr": {"Nous avons reçu votre message (%s)", "Bonjour,\n\nmerci de votre message. Nous nous en occupons. Votre référence est %s ; une réponse à ce courriel parvient au même collègue.\n\n%s\n"},
	"es": {"Hemos recibido su mensaje (%s)", "Hola:\n\ngracias por su mensaje. Nos ocupamos de ello. Su referencia es %s; si responde a este correo, llegará al mismo compañero.\n\n%s\n"},
	"it": {"Abbiamo ricevuto il Suo messaggio (%s)", "Buongiorno,\n\ngrazie del Suo messaggio. Ce ne occupiamo. Il Suo riferimento è %s; una risposta a questa mail arriva allo stesso collega.\n\n%s\n"},
	"nl": {"Wij hebben uw bericht ontvangen (%s)", "Goedendag,\n\ndank u voor uw bericht. We gaan ermee aan de slag. Uw kenmerk is %s; een antwoord op deze mail bereikt dezelfde collega.\n\n%s\n"},
}

// reply is the one mail that tells a sender the reference of the case; nil for whoever must not get one.
func (i *Intake) reply(s *workspace.Source, m Message, scope map[string]rules.Value) *store.Reply {
	if s.Acknowledge == nil || m.Automatic != "" || m.Silent || !emailAddress.MatchString(m.From.Email) {
		return nil
	}
	answers := ""
	if m.Channel == "email" {
		answers = m.ID
	}
	return &store.Reply{Recipient: m.From.Email, Purpose: "acknowledgement", PerHour: mailsPerHour, Write: func(entry store.Entry) ([]byte, []string) {
		subject, text := i.words(s, scope, entry)
		id := entry.ID + "@crosswalk.invalid"
		mail := outgoing{to: m.From.Email, subject: subject, text: text, id: id, answers: answers, caseID: entry.CaseID}
		return mail.bytes(i.now()), []string{"email:" + id}
	}}
}

// words are the texts of the workspace, else the product's own in the sender's language.
func (i *Intake) words(s *workspace.Source, scope map[string]rules.Value, entry store.Entry) (subject, text string) {
	w, ok := wordings[entry.Language]
	if !ok {
		w = wordings["en"]
	}
	subject, text = fmt.Sprintf(w.subject, entry.CaseReference), fmt.Sprintf(w.text, entry.CaseReference, i.Company())
	scope = maps.Clone(scope)
	scope["case"] = rules.Record(map[string]rules.Value{"reference": rules.Text(entry.CaseReference), "language": rules.Text(entry.Language)})
	if own := said(s.Acknowledge.Subject, scope); own != "" {
		subject = own
	}
	if own := s.Acknowledge.Text; own != nil {
		if v, err := own.Eval(scope); err == nil && v.Text() != "" {
			text = cleanText(v.Text())
		}
	}
	return subject, text
}

// outgoing is a mail of ours. From is added by the one who sends it.
type outgoing struct{ to, subject, text, id, answers, caseID string }

func (o outgoing) bytes(now time.Time) []byte {
	var b bytes.Buffer
	header := func(name, value string) { fmt.Fprintf(&b, "%s: %s\r\n", name, value) }
	header("To", (&mail.Address{Address: o.to}).String())
	header("Subject", mime.QEncoding.Encode("utf-8", o.subject))
	header("Date", now.UTC().Format(time.RFC1123Z))
	header("Message-ID", "<"+o.id+">")
	if o.answers != "" && !strings.ContainsAny(o.answers, "<> \r\n") {
		header("In-Reply-To", "<"+o.answers+">")
		header("References", "<"+o.answers+">")
	}
	header("Auto-Submitted", "auto-replied")
	header("X-Auto-Response-Suppress", "All")
	header(loopHeader, o.caseID)
	header("MIME-Version", "1.0")
	header("Content-Type", "text/plain; charset=utf-8")
	header("Content-Transfer-Encoding", "quoted-printable")
	b.WriteString("\r\n")
	w := quotedprintable.NewWriter(&b)
	_, _ = w.Write([]byte(strings.ReplaceAll(o.text, "\n", "\r\n")))
	_ = w.Close()
	return b.Bytes()
}

// SendMails sends what is queued through the workspace's mail server, until the context is done.
func (i *Intake) SendMails(ctx context.Context, server func() *workspace.Mail) {
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for {
		if settings := server(); settings != nil {
			if err := errors.Join(i.remind(ctx), i.sendDue(ctx, settings)); err != nil && ctx.Err() == nil {
				i.Log.Warn("intake.mail.not_sent", "error", err)
			}
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

func (i *Intake) sendDue(ctx context.Context, settings *workspace.Mail) error {
	due, err := i.Store.ClaimMails(ctx, 20, 2*mailTimeout)
	if err != nil {
		return err
	}
	for _, m := range due {
		if err := send(settings, m); err != nil {
			next := i.now().Add(time.Duration(m.Attempts*m.Attempts) * 10 * time.Second)
			if m.Attempts >= mailAttempts {
				next = time.Time{}
			}
			if err := i.Store.MarkMailFailed(ctx, m.ID, err.Error(), next); err != nil {
				return err
			}
			continue
		}
		if err := i.Store.MarkMailSent(ctx, m.ID); err != nil {
			return err
		}
	}
	return nil
}

func send(settings *workspace.Mail, m store.Mail) error {
	client, err := dialMail(settings)
	if err != nil {
		return err
	}
	defer client.Close()
	client.CommandTimeout, client.SubmissionTimeout = mailTimeout, mailTimeout
	if settings.Username != "" {
		password, err := settings.Password.Resolve()
		if err != nil {
			return err
		}
		if err := client.Auth(sasl.NewPlainClient("", settings.Username, password.Reveal())); err != nil {
			return err
		}
	}
	raw := append([]byte("From: "+settings.From.String()+"\r\n"), m.Raw...)
	// A null return path, so that no machine answers our answer (RFC 3834, section 3.3).
	if err := client.SendMail("", []string{m.Recipient}, bytes.NewReader(raw)); err != nil {
		return err
	}
	_ = client.Quit() // the server has the mail, however it says goodbye
	return nil
}

func dialMail(settings *workspace.Mail) (*smtp.Client, error) {
	host, _, err := net.SplitHostPort(settings.Server)
	if err != nil {
		return nil, err
	}
	switch settings.TLS {
	case "none":
		return smtp.Dial(settings.Server)
	case "tls":
		return smtp.DialTLS(settings.Server, &tls.Config{ServerName: host, MinVersion: tls.VersionTLS12})
	default:
		return smtp.DialStartTLS(settings.Server, &tls.Config{ServerName: host, MinVersion: tls.VersionTLS12})
	}
}
