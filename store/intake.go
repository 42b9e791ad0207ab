package store

import (
	"context"
	"encoding/json"
	"errors"
	"time"
)

// EntryState is what has become of an entry.
type EntryState string

// The states of an entry. Stored is acknowledged but not yet handed to the workflow: the sweeper's work.
const (
	EntryStored  EntryState = "stored"
	EntryStarted EntryState = "started"
	EntryJoined  EntryState = "joined"
	EntryIgnored EntryState = "ignored"
	EntryFailed  EntryState = "failed"
)

// The kinds of entries that the store itself gives; a caller may give others (edit, delete, …).
const (
	KindNew    = "new"
	KindJoined = "joined"
)

// Entry is one message that came in, as it was stored before it was acknowledged.
type Entry struct {
	ID            string          `json:"id"`
	Source        string          `json:"source"`     // the intake's name in crosswalk.yaml
	Channel       string          `json:"channel"`    // email, web, phone, social, …
	DedupeKey     string          `json:"dedupe_key"` // a hash, made by the caller
	Kind          string          `json:"kind"`
	State         EntryState      `json:"state"`
	Reason        string          `json:"reason,omitempty"` // why it was ignored or failed
	UseCase       string          `json:"use_case"`
	CaseID        string          `json:"case_id,omitempty"`
	CaseReference string          `json:"case_reference,omitempty"`
	Language      string          `json:"language,omitempty"`
	Parsed        json.RawMessage `json:"parsed,omitempty"` // input of the use case, or the message that joins
	ThreadKeys    []string        `json:"thread_keys,omitempty"`
	ContactKeys   []string        `json:"contact_keys,omitempty"`
	ReceivedAt    time.Time       `json:"received_at"`
	StoredAt      time.Time       `json:"stored_at"`
	TypedBy       string          `json:"typed_by,omitempty"` // the user who wrote it down; "" if it came from outside
	Trace         string          `json:"-"`                  // that it came in, as W3C traceparent; "" if there was none
	Attachments   []Attachment    `json:"attachments,omitempty"`
}

const entryColumns = `id, source, channel, dedupe_key, kind, state, reason, use_case, case_id, case_reference, language,
	parsed, thread_keys, contact_keys, received_at, stored_at, typed_by, trace`

func (e *Entry) fields() []any {
	return []any{&e.ID, &e.Source, &e.Channel, &e.DedupeKey, &e.Kind, &e.State, &e.Reason, &e.UseCase, &e.CaseID,
		&e.CaseReference, &e.Language, document{&e.Parsed}, words{&e.ThreadKeys}, words{&e.ContactKeys},
		stamp{&e.ReceivedAt}, stamp{&e.StoredAt}, &e.TypedBy, &e.Trace}
}

// Attachment is a file of an entry; its bytes are a blob of the case.
type Attachment struct {
	Name      string `json:"name"`
	MediaType string `json:"media_type"`
	Size      int64  `json:"size"`
	BlobID    string `json:"blob_id"`
	Body      []byte `json:"-"` // only on the way in
}

func (a *Attachment) fields() []any { return []any{&a.Name, &a.MediaType, &a.Size, &a.BlobID} }

// Incoming is an entry on its way in.
type Incoming struct {
	Entry // ID, State, CaseID, CaseReference and StoredAt are given by the store; attachments bring their Body

	Raw []byte // the original message, byte for byte

	// Title is the case's title until the case gives itself another.
	Title string

	// Join chooses the open case that the entry joins, or "" for a new one. It runs inside the transaction and
	// must not do I/O. Without it JoinByThread is used.
	Join func(open []Candidate) (caseID string)

	// OnlyJoin makes no case: an entry that joins none (the edit or removal of an unknown post) is ignored.
	OnlyJoin bool

	// Ignore stores the entry but does nothing with it, for this reason (an automatic reply, …). It is kept with
	// the case that it would have joined.
	Ignore string

	// Reply is queued in the same transaction if the entry begins a case; nil for none.
	Reply *Reply
}

// Stored is what became of an Incoming.
type Stored struct {
	Entry     Entry
	Duplicate bool // it had come before: Entry is the first one
	Joined    bool // it belongs to a case that was open already
}

// StoreEntry stores an entry with everything that belongs to it in one transaction. What came before (same source
// and dedupe key) is found again with its case; otherwise the entry joins an open case or makes a new one, whose id
// and reference it gets. When StoreEntry returns, the entry may be acknowledged.
func (s *Store) StoreEntry(ctx context.Context, incoming Incoming) (Stored, error) {
	var stored Stored
	err := s.write(ctx, "store entry", func(tx session) error {
		entry, err := one[Entry](ctx, tx, "SELECT "+entryColumns+" FROM entries WHERE source = ? AND dedupe_key = ?", incoming.Source, incoming.DedupeKey)
		if err == nil {
			stored = Stored{Entry: entry, Duplicate: true, Joined: entry.Kind != KindNew}
			stored.Entry.Attachments, err = attachments(ctx, tx, entry.ID)
			return err
		}
		if !errors.Is(err, ErrNotFound) {
			return err
		}
		stored, err = s.storeNew(ctx, tx, incoming)
		return err
	})
	return stored, err
}

func (s *Store) storeNew(ctx context.Context, tx session, incoming Incoming) (Stored, error) {
	entry := incoming.Entry
	entry.ID, entry.State, entry.StoredAt = s.NewID(), EntryStored, s.now().UTC().Truncate(time.Microsecond)
	if entry.ReceivedAt.IsZero() {
		entry.ReceivedAt = entry.StoredAt
	}
	entry.ReceivedAt = entry.ReceivedAt.UTC().Truncate(time.Microsecond)
	joined, err := chooseCase(ctx, tx, incoming)
	if err != nil {
		return Stored{}, err
	}
	belongs, found := joined, joined.ID != ""
	switch {
	case incoming.Ignore != "":
		entry.State, entry.Reason = EntryIgnored, incoming.Ignore
	case found:
		if entry.Kind == "" || entry.Kind == KindNew {
			entry.Kind = KindJoined
		}
		err = addKeys(ctx, tx, joined.ID, entry.ContactKeys, entry.ThreadKeys)
	case incoming.OnlyJoin:
		entry.State, entry.Reason = EntryIgnored, "it belongs to no open case"
	default:
		entry.Kind = KindNew
		belongs, err = s.createCase(ctx, tx, NewCase{UseCase: entry.UseCase, Title: incoming.Title, Language: entry.Language,
			ContactKeys: entry.ContactKeys, ThreadKeys: entry.ThreadKeys})
	}
	if err != nil {
		return Stored{}, err
	}
	entry.CaseID, entry.CaseReference = belongs.ID, belongs.Reference
	if entry, err = s.insertEntry(ctx, tx, entry, incoming.Raw); err != nil {
		return Stored{}, err
	}
	if entry.State == EntryStored && entry.Kind == KindNew && incoming.Reply != nil {
		err = s.reply(ctx, tx, entry, incoming.Reply)
	}
	return Stored{Entry: entry, Joined: found}, err
}

func (s *Store) insertEntry(ctx context.Context, tx session, entry Entry, raw []byte) (Entry, error) {
	if entry.Kind == "" {
		entry.Kind = KindNew
	}
	if _, err := tx.insert(ctx, "entries", entryColumns, entry.fields(), ""); err != nil {
		return Entry{}, err
	}
	if _, err := tx.insert(ctx, "entry_raw", "entry_id, raw", []any{entry.ID, raw}, ""); err != nil {
		return Entry{}, err
	}
	files := entry.Attachments
	entry.Attachments = nil
	for i, file := range files {
		id, err := s.putBlob(ctx, tx, entry.CaseID, file.MediaType, file.Body)
		if err != nil {
			return Entry{}, err
		}
		file.BlobID, file.Size, file.Body = id, int64(len(file.Body)), nil
		_, err = tx.insert(ctx, "attachments", "name, media_type, size, blob_id, entry_id, ordinal", append(file.fields(), entry.ID, i), "")
		if err != nil {
			return Entry{}, err
		}
		entry.Attachments = append(entry.Attachments, file)
	}
	return entry, nil
}
