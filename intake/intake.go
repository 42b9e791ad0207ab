package intake

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"regexp"
	"strings"
	"sync"
	"time"

	"crosswalk/rules"
	"crosswalk/store"
	"crosswalk/telemetry"
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
	// Deliver tells a case of an answer that is in the store, and waits for a case that is not ready.
	Deliver(ctx context.Context, task store.Task) error
	// Redeliver is Deliver of many that does not wait for cases that are not ready: they are told again later. How long it
	// takes does not depend on how many there are that nobody takes.
	Redeliver(ctx context.Context, tasks []store.Task) error
	// TellEvents tells cases of events that they wait for and that were stored since an instant: those of one name
	// and key, or all if the name is "".
	TellEvents(ctx context.Context, name, key string, since time.Time) error
}

// Options are what intake needs.
type Options struct {
	Store *store.Store
	// Sources gives the intake of the workspace in force.
	Sources func() []*workspace.Source
	// Languages are those that the company's people speak; a message in another counts as the first.
	Languages func() []string
	Company   func() string
	// People gives who works here, for reminders by mail; nil: nobody is reminded.
	People func() *workspace.People
	// DeskURL is where people work, without a slash at the end.
	DeskURL func() string
	// KeepEvents is how long events are kept for cases that do not wait for them yet; nil: the default.
	KeepEvents func() time.Duration
	Cases      Cases
	Log        *slog.Logger
	// Telemetry counts what comes in; nil: nothing is counted.
	Telemetry *telemetry.Telemetry
}

// Intake takes messages in. It is safe for concurrent use.
type Intake struct {
	Options
	handover chan string // entries that were stored just now
	happened chan store.Occurrence
	swept    time.Time // events before it were told of, or are nobody's; used by the sweeper alone
	nudges   nudges
	wait     sync.WaitGroup
	name     string // among the processes that share a store
	now      func() time.Time
}

// New makes an intake; Run hands over what it stores.
func New(options Options) *Intake {
	return &Intake{Options: options, handover: make(chan string, 1024), happened: make(chan store.Occurrence, 1024), name: rand.Text(), now: time.Now}
}

// Source finds a source of the workspace in force; any of the kind if path is empty.
func (i *Intake) Source(kind workspace.SourceKind, path string) *workspace.Source {
	for _, s := range i.Sources() {
		if s.Kind == kind && (path == "" || s.Path == path) {
			return s
		}
	}
	return nil
}

// Take stores a message of a source and says what became of it. When it returns without an error, the message is on
// disk and may be acknowledged to its sender. A message that can never be used is ErrMalformed.
func (i *Intake) Take(ctx context.Context, s *workspace.Source, m Message) (Receipt, error) {
	if s.Completes != nil {
		return i.complete(ctx, s, m)
	}
	ctx, span := i.Telemetry.Tracer().Start(ctx, "intake "+s.Name)
	defer span.End()
	if s.Event != "" {
		return i.event(ctx, s, m)
	}
	incoming, err := i.incoming(s, m)
	if err != nil {
		return Receipt{}, err
	}
	incoming.Trace = traceOf(ctx)
	kept, err := i.Store.StoreEntry(ctx, incoming)
	if err != nil {
		return Receipt{}, fmt.Errorf("intake: %s: %w", s.Name, err)
	}
	receipt := receiptOf(kept)
	i.Telemetry.Entry(s.Name, string(receipt.Outcome))
	i.Log.Info("intake.acked", "source", s.Name, "entry", receipt.EntryID, "case", receipt.CaseID, "outcome", receipt.Outcome)
	if receipt.Outcome == Started || receipt.Outcome == Joined {
		select {
		case i.handover <- receipt.EntryID:
		default: // many at once: the sweeper takes it
		}
	}
	return receipt, nil
}

func receiptOf(stored store.Stored) Receipt {
	receipt := Receipt{EntryID: stored.Entry.ID, CaseID: stored.Entry.CaseID, Reference: stored.Entry.CaseReference, Outcome: Started}
	switch {
	case stored.Entry.State == store.EntryIgnored:
		receipt.Outcome, receipt.Reason = Ignored, stored.Entry.Reason
	case stored.Duplicate:
		receipt.Outcome = Duplicate
	case stored.Joined:
		receipt.Outcome = Joined
	}
	return receipt
}

// incoming is the message as the store takes it.
func (i *Intake) incoming(s *workspace.Source, m Message) (store.Incoming, error) {
	scope := map[string]rules.Value{string(s.Kind): messageValue(m)}
	incoming := store.Incoming{
		Entry: store.Entry{Source: s.Name, Channel: m.Channel, DedupeKey: dedupeKey(s, m, scope), UseCase: s.Starts, Language: i.language(m),
			ThreadKeys: threadKeys(m), ContactKeys: m.ContactKeys(), ReceivedAt: m.ReceivedAt, Kind: kindOf(m), TypedBy: m.TypedBy},
		Raw: m.Raw, Title: titleOf(m), Ignore: m.Automatic, OnlyJoin: m.Change == Deleted, Join: joiner{source: s, message: m}.choose,
	}
	if m.Automatic != "" {
		return incoming, nil // the raw message is all that anybody may ever want of it
	}
	input, err := inputOf(s, m, scope)
	if err != nil {
		return incoming, fmt.Errorf("%w: the source %s cannot use it: %s", ErrMalformed, s.Name, err)
	}
	if incoming.Parsed, err = json.Marshal(input); err != nil {
		return incoming, fmt.Errorf("intake: %s: %w", s.Name, err)
	}
	for _, file := range m.Attachments {
		incoming.Attachments = append(incoming.Attachments, store.Attachment{Name: file.Name, MediaType: file.MediaType, Body: file.Bytes})
	}
	incoming.Reply = i.reply(s, m, scope)
	return incoming, nil
}

// inputOf is the input of the use case, checked by its type now: what is acknowledged must be fit to start.
func inputOf(s *workspace.Source, m Message, scope map[string]rules.Value) (rules.Value, error) {
	if m.Change == Deleted { // it starts nothing, and hardly anything is known of it
		return rules.Record(map[string]rules.Value{"text": rules.Text(m.Text)}), nil
	}
	input, err := s.With.Eval(scope)
	if err != nil || s.Input == nil {
		return input, err
	}
	return s.Input.Decode(input)
}

func dedupeKey(s *workspace.Source, m Message, scope map[string]rules.Value) string {
	if s.Dedupe != nil {
		if own, err := s.Dedupe.Eval(scope); err == nil && own.Text() != "" {
			return digest("own", own.Text(), string(m.Change))
		}
	}
	return m.DedupeKey()
}

func (i *Intake) language(m Message) string {
	languages := i.Languages()
	fallback := "en"
	if len(languages) > 0 {
		fallback = languages[0]
	}
	return Language(m.Subject+"\n"+m.Text, languages, fallback)
}

// references are what we call a case towards customers, wherever in a message they repeat it.
var references = regexp.MustCompile(`CW-[0-9A-HJKMNP-TV-Z]{8}`)

// threadKeys say which conversation a message belongs to: what it answers, itself, and the references that it names.
func threadKeys(m Message) []string {
	keys := make([]string, 0, len(m.ThreadIDs)+1)
	for _, id := range m.ThreadIDs {
		keys = append(keys, m.Channel+":"+id)
	}
	if m.ID != "" {
		keys = append(keys, m.Channel+":"+m.ID)
	}
	for _, reference := range references.FindAllString(strings.ToUpper(m.Subject+" "+m.Text), 5) {
		keys = append(keys, store.ReferenceKey(reference))
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
