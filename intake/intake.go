package intake

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"time"

	"crosswalk/rules"
	"crosswalk/store"
	"crosswalk/workspace"
)

// ErrEnded says that a case is over, so that a message which was to join it needs a case of its own.
var ErrEnded = errors.New("the case has ended")

// Cases is how intake reaches running cases. Each call may be repeated.
type Cases interface {
	// StartCase starts the case of an entry; a case that runs already is no error.
	StartCase(ctx context.Context, entry store.Entry) error
	// Nudge tells a case that there are messages for it; ErrEnded if it is over.
	Nudge(ctx context.Context, caseID string) error
	// Deliver tells a case of an answer that is in the store.
	Deliver(ctx context.Context, task store.Task) error
}

// Options are what intake needs.
type Options struct {
	Store *store.Store
	// Sources gives the intake of the workspace in force.
	Sources func() []*workspace.Source
	// Languages are those that the company's people speak; a message in another counts as the first.
	Languages func() []string
	Company   func() string
	Cases     Cases
	Log       *slog.Logger
}

// Intake takes messages in. It is safe for concurrent use.
type Intake struct {
	Options
	handover chan string // ids of entries that were stored just now
	wait     sync.WaitGroup
}

// The pace of what goes on in the background.
const (
	handoverWorkers = 8
	sweepEvery      = 5 * time.Second
	sweepAfter      = 3 * time.Second // an entry younger than this is being handed over
	handoverTimeout = 20 * time.Second
)

// New makes an intake; Run hands over what it stores.
func New(options Options) *Intake {
	return &Intake{Options: options, handover: make(chan string, 1024)}
}

// Source finds a source of the workspace in force.
func (i *Intake) Source(kind workspace.SourceKind, path string) *workspace.Source {
	for _, s := range i.Sources() {
		if s.Kind == kind && (path == "" || s.Path == path) {
			return s
		}
	}
	return nil
}

// Take stores a message of a source and says what became of it. When it returns without an error, the message is on
// disk and may be acknowledged to its sender.
func (i *Intake) Take(ctx context.Context, s *workspace.Source, m Message) (Receipt, error) {
	if s.Completes != nil {
		return i.complete(ctx, s, m)
	}
	scope := map[string]rules.Value{string(s.Kind): messageValue(m)}
	input, err := s.With.Eval(scope)
	if err != nil {
		return Receipt{}, fmt.Errorf("%w: the source %s cannot use it: %s", ErrMalformed, s.Name, err)
	}
	parsed, err := json.Marshal(input)
	if err != nil {
		return Receipt{}, fmt.Errorf("intake: %s: %w", s.Name, err)
	}
	key := m.DedupeKey()
	if s.Dedupe != nil {
		own, err := s.Dedupe.Eval(scope)
		if err == nil && own.Text() != "" {
			key = digest("own", own.Text())
		}
	}
	languages := i.Languages()
	fallback := "en"
	if len(languages) > 0 {
		fallback = languages[0]
	}
	incoming := store.Incoming{
		Entry: store.Entry{Source: s.Name, Channel: m.Channel, DedupeKey: key, UseCase: s.Starts, Language: Language(m.Text, languages, fallback),
			Parsed: parsed, ThreadKeys: threadKeys(m), ContactKeys: m.ContactKeys(), ReceivedAt: m.ReceivedAt, Kind: kindOf(m)},
		Raw: m.Raw, Title: titleOf(m), Ignore: m.Automatic, OnlyJoin: m.Change != Added,
		Join: joiner{source: s, message: m}.choose,
	}
	for _, file := range m.Attachments {
		incoming.Attachments = append(incoming.Attachments, store.Attachment{Name: file.Name, MediaType: file.MediaType, Body: file.Bytes})
	}
	stored, err := i.Store.StoreEntry(ctx, incoming)
	if err != nil {
		return Receipt{}, fmt.Errorf("intake: %s: %w", s.Name, err)
	}
	return i.after(ctx, s, m, scope, stored)
}

// after queues the acknowledgement and the handover of an entry that is stored.
func (i *Intake) after(ctx context.Context, s *workspace.Source, m Message, scope map[string]rules.Value, stored store.Stored) (Receipt, error) {
	receipt := Receipt{EntryID: stored.Entry.ID, CaseID: stored.Entry.CaseID, Reference: stored.Entry.CaseReference, Outcome: "started"}
	switch {
	case stored.Entry.State == store.EntryIgnored:
		receipt.Outcome, receipt.Reason = "ignored", stored.Entry.Reason
	case stored.Duplicate:
		receipt.Outcome = "duplicate"
	case stored.Joined:
		receipt.Outcome = "joined"
	}
	i.Log.Info("intake.acked", "source", s.Name, "entry", receipt.EntryID, "case", receipt.CaseID, "outcome", receipt.Outcome)
	if receipt.Outcome == "started" {
		if err := i.acknowledge(ctx, s, m, scope, stored.Entry); err != nil {
			i.Log.Warn("intake.acknowledgement.not_queued", "entry", receipt.EntryID, "error", err)
		}
	}
	if receipt.Outcome == "started" || receipt.Outcome == "joined" {
		select {
		case i.handover <- receipt.EntryID:
		default: // many at once: the sweeper takes it
		}
	}
	return receipt, nil
}

// complete answers the desk's task that mirrors a ticket which was solved in the support system.
func (i *Intake) complete(ctx context.Context, s *workspace.Source, m Message) (Receipt, error) {
	scope := map[string]rules.Value{string(s.Kind): messageValue(m)}
	ignored := func(reason string) (Receipt, error) { return Receipt{Outcome: "ignored", Reason: reason}, nil }
	if s.Completes.When != nil {
		is, err := s.Completes.When.Eval(scope)
		if err != nil || !is.Bool() {
			return ignored("it reports nothing that is waited for")
		}
	}
	ticket, err := s.Completes.Task.Eval(scope)
	if err != nil || ticket.Text() == "" {
		return Receipt{}, fmt.Errorf("%w: it names no ticket", ErrMalformed)
	}
	task, err := i.Store.TaskByExternal(ctx, s.Completes.System, ticket.Text())
	if errors.Is(err, store.ErrNotFound) {
		return ignored("no task belongs to the ticket")
	}
	if err != nil {
		return Receipt{}, fmt.Errorf("intake: %s: %w", s.Name, err)
	}
	receipt := Receipt{CaseID: task.CaseID, Outcome: "completed"}
	if task.Closed() {
		receipt.Outcome = "duplicate"
		return receipt, nil
	}
	outcome := "solved_in_system"
	if s.Completes.Outcome != nil {
		if said, err := s.Completes.Outcome.Eval(scope); err == nil && said.Text() != "" {
			outcome = said.Text()
		}
	}
	by := "system:" + s.Completes.System
	if s.Completes.By != nil {
		if who, err := s.Completes.By.Eval(scope); err == nil && who.Text() != "" {
			by = who.Text()
		}
	}
	answer, err := json.Marshal(rules.Record(map[string]rules.Value{"outcome": rules.Text(outcome), "in_system": rules.Bool(true)}))
	if err != nil {
		return Receipt{}, err
	}
	answered, err := i.Store.Answer(ctx, task.ID, task.Version, store.Actor{User: by, All: true}, outcome, answer)
	if err != nil {
		var refused *store.TaskError
		if errors.As(err, &refused) && errors.Is(err, store.ErrAnswered) {
			receipt.Outcome = "duplicate"
			return receipt, nil
		}
		return Receipt{}, fmt.Errorf("intake: %s: %w", s.Name, err)
	}
	if err := i.Cases.Deliver(ctx, answered); err != nil {
		i.Log.Warn("intake.answer.not_delivered", "task", answered.ID, "error", err)
	}
	return receipt, nil
}

func threadKeys(m Message) []string {
	keys := make([]string, 0, len(m.ThreadIDs)+1)
	for _, id := range m.ThreadIDs {
		keys = append(keys, m.Channel+":"+id)
	}
	if m.ID != "" {
		keys = append(keys, m.Channel+":"+m.ID)
	}
	for _, reference := range references.FindAllString(strings.ToUpper(m.Subject+" "+m.Text), 5) {
		keys = append(keys, "reference:"+reference)
	}
	return keys
}

func kindOf(m Message) string {
	if m.Change != Added {
		return string(m.Change)
	}
	return store.KindNew
}

func titleOf(m Message) string {
	title := m.Subject
	if title == "" {
		title = m.Text
	}
	if runes := []rune(cleanLine(title)); len(runes) > 80 {
		return string(runes[:80]) + "…"
	}
	return cleanLine(title)
}

// messageValue is the message as the expressions of a source see it, see workspace.MessageType.
func messageValue(m Message) rules.Value {
	from := map[string]rules.Value{}
	put(from, "email", m.From.Email)
	put(from, "phone", m.From.Phone)
	put(from, "handle", m.From.Handle)
	put(from, "name", m.From.Name)
	threads := make([]rules.Value, len(m.ThreadIDs))
	for i, id := range m.ThreadIDs {
		threads[i] = rules.Text(id)
	}
	fields := map[string]rules.Value{"from": rules.Record(from), "text": rules.Text(m.Text), "thread": rules.List(threads...),
		"received_at": rules.Instant(m.ReceivedAt), "fields": m.Fields}
	put(fields, "channel", m.Channel)
	put(fields, "id", m.ID)
	put(fields, "to", m.To)
	put(fields, "subject", m.Subject)
	put(fields, "product", m.Product)
	put(fields, "automatic", m.Automatic)
	put(fields, "change", string(m.Change))
	if m.Channel == "email" {
		put(fields, "message_id", m.ID)
	}
	if m.Fields.IsMissing() {
		fields["fields"] = rules.Record(nil)
	}
	return rules.Record(fields)
}

func put(fields map[string]rules.Value, name, text string) {
	if text != "" {
		fields[name] = rules.Text(text)
	}
}
