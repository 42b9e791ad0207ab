package store

import (
	"context"
	"time"
)

// MailState is how far a mail of ours has come.
type MailState string

// The states of a mail.
const (
	MailQueued  MailState = "queued"
	MailSending MailState = "sending"
	MailSent    MailState = "sent"
	MailFailed  MailState = "failed"
)

// Mail is a message that is to be sent. A case sends one for each purpose.
type Mail struct {
	ID        string    `json:"id"`
	CaseID    string    `json:"case_id"`
	Purpose   string    `json:"purpose"`
	Recipient string    `json:"-"`
	Raw       []byte    `json:"-"`
	State     MailState `json:"state"`
	Attempts  int       `json:"attempts"`
	NextTry   time.Time `json:"next_try,omitzero"`
	CreatedAt time.Time `json:"created_at"`
	SentAt    time.Time `json:"sent_at,omitzero"`
	Error     string    `json:"error,omitempty"`
}

const mailColumns = "id, case_id, purpose, recipient, raw, state, attempts, next_try, created_at, sent_at, error"

func (m *Mail) fields() []any {
	return []any{&m.ID, &m.CaseID, &m.Purpose, &m.Recipient, &m.Raw, &m.State, &m.Attempts, stamp{&m.NextTry}, stamp{&m.CreatedAt},
		stamp{&m.SentAt}, &m.Error}
}

// QueueMail stores a mail to send. If the case has one for that purpose already, that one is returned and queued is
// false.
func (s *Store) QueueMail(ctx context.Context, mail Mail) (stored Mail, queued bool, err error) {
	err = s.write(ctx, "queue mail", func(tx session) error {
		if queued, err = s.queueMail(ctx, tx, mail); err != nil {
			return err
		}
		stored, err = one[Mail](ctx, tx, "SELECT "+mailColumns+" FROM outbox WHERE case_id = ? AND purpose = ?", mail.CaseID, mail.Purpose)
		return err
	})
	return stored, queued, err
}

func (s *Store) queueMail(ctx context.Context, tx session, mail Mail) (queued bool, err error) {
	mail.ID, mail.State, mail.Attempts = s.NewID(), MailQueued, 0
	mail.CreatedAt = s.now().UTC().Truncate(time.Microsecond)
	return tx.insert(ctx, "outbox", mailColumns, mail.fields(), "ON CONFLICT (case_id, purpose) DO NOTHING")
}

// Reply is the mail that tells whoever began a case that the message has come.
type Reply struct {
	Recipient string
	Purpose   string
	PerHour   int // no more than so many mails to this recipient: an address can be forged
	// Write makes the mail of the case's first entry, and the thread keys by which an answer to it is recognised.
	// It runs inside the transaction and must not do I/O.
	Write func(entry Entry) (raw []byte, threadKeys []string)
}

// QueueReply queues the reply to an entry that has begun a case after it was stored: one that was split off.
func (s *Store) QueueReply(ctx context.Context, entry Entry, reply *Reply) error {
	return s.write(ctx, "queue reply", func(tx session) error { return s.reply(ctx, tx, entry, reply) })
}

// reply is queued with what it answers, so that no crash can lose it or send it twice.
func (s *Store) reply(ctx context.Context, tx session, entry Entry, reply *Reply) error {
	recent, err := mailsTo(ctx, tx, reply.Recipient, s.now().Add(-time.Hour))
	if err != nil || recent >= reply.PerHour {
		return err
	}
	raw, threads := reply.Write(entry)
	if err := addKeys(ctx, tx, entry.CaseID, nil, threads); err != nil {
		return err
	}
	_, err = s.queueMail(ctx, tx, Mail{CaseID: entry.CaseID, Purpose: reply.Purpose, Recipient: reply.Recipient, Raw: raw})
	return err
}

// ClaimMails takes mails that are due, for as long as within. What is neither sent nor failed by then is due again:
// its sender has died, and a mail that may have gone out twice is better than one that never did.
func (s *Store) ClaimMails(ctx context.Context, limit int, within time.Duration) ([]Mail, error) {
	var due []Mail
	now := s.now()
	err := s.write(ctx, "claim mails", func(tx session) error {
		var err error
		due, err = many[Mail](ctx, tx, "SELECT "+mailColumns+" FROM outbox WHERE state IN (?, ?) AND next_try <= ? ORDER BY next_try, id"+
			page(limit, 0), MailQueued, MailSending, now)
		for i := range due {
			due[i].State, due[i].NextTry = MailSending, now.Add(within).UTC().Truncate(time.Microsecond)
			due[i].Attempts++
			if _, err := tx.exec(ctx, "UPDATE outbox SET state = ?, next_try = ?, attempts = ? WHERE id = ?",
				due[i].State, due[i].NextTry, due[i].Attempts, due[i].ID); err != nil {
				return err
			}
		}
		return err
	})
	return due, err
}

// MarkMailSent records that a mail has been taken by the next server.
func (s *Store) MarkMailSent(ctx context.Context, id string) error {
	return s.setMail(ctx, id, "state = ?, sent_at = ?, error = ''", MailSent, s.now())
}

// MarkMailFailed records a failed try of a mail that is not sent. With a next try the mail is queued again, without one it has failed for good.
func (s *Store) MarkMailFailed(ctx context.Context, id, reason string, nextTry time.Time) error {
	state := MailQueued
	if nextTry.IsZero() {
		state = MailFailed
	}
	return s.setMail(ctx, id, "state = ?, next_try = ?, error = ?", state, nextTry, reason)
}

// MailsTo counts the mails sent to a recipient since an instant, or on their way, to send no flood to anyone.
func (s *Store) MailsTo(ctx context.Context, recipient string, since time.Time) (int, error) {
	n, err := mailsTo(ctx, s.read(), recipient, since)
	return n, wrap("mails", err)
}

func mailsTo(ctx context.Context, q session, recipient string, since time.Time) (n int, err error) {
	err = q.scalar(ctx, "SELECT COUNT(*) FROM outbox WHERE recipient = ? AND ((state = ? AND sent_at >= ?) OR state IN (?, ?))",
		[]any{recipient, MailSent, since, MailQueued, MailSending}, &n)
	return n, err
}

// Mails lists the mails of a case.
func (s *Store) Mails(ctx context.Context, caseID string) ([]Mail, error) {
	found, err := many[Mail](ctx, s.read(), "SELECT "+mailColumns+" FROM outbox WHERE case_id = ? ORDER BY created_at, id", caseID)
	return found, wrap("mails of "+caseID, err)
}

func (s *Store) setMail(ctx context.Context, id, set string, args ...any) error {
	return s.write(ctx, "mail "+id, func(tx session) error {
		n, err := tx.exec(ctx, "UPDATE outbox SET "+set+" WHERE id = ? AND state <> ?", append(args, id, MailSent)...)
		if err == nil && n == 0 {
			return ErrNotFound
		}
		return err
	})
}
