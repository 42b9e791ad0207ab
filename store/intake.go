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
	Attachments   []Attachment    `json:"attachments,omitempty"`
}

const entryColumns = `id, source, channel, dedupe_key, kind, state, reason, use_case, case_id, case_reference, language,
	parsed, thread_keys, contact_keys, received_at, stored_at`

func (e *Entry) fields() []any {
	return []any{&e.ID, &e.Source, &e.Channel, &e.DedupeKey, &e.Kind, &e.State, &e.Reason, &e.UseCase, &e.CaseID,
		&e.CaseReference, &e.Language, document{&e.Parsed}, words{&e.ThreadKeys}, words{&e.ContactKeys},
		stamp{&e.ReceivedAt}, stamp{&e.StoredAt}}
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

// Candidate is an open case that an entry may join.
type Candidate struct {
	Case   Case
	Thread bool            // found by a thread key, not only by a contact key
	Parsed json.RawMessage // of the entry that began the case; nil if none did

}

// Incoming is an entry on its way in.
type Incoming struct {
	Entry // ID, State, CaseID, CaseReference and StoredAt are given by the store

	Raw         []byte // the original message, byte for byte
	Attachments []Attachment

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
}

// Stored is what became of an Incoming.
type Stored struct {
	Entry     Entry
	Duplicate bool // it had come before: Entry is the first one
	Joined    bool // it belongs to a case that was open already
}

// JoinByThread joins the newest case of the thread, or the only open case of the contact.
func JoinByThread(open []Candidate) string {
	for _, candidate := range open {
		if candidate.Thread {
			return candidate.Case.ID
		}
	}
	if len(open) == 1 {
		return open[0].Case.ID
	}
	return ""
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
	if entry, err = s.insertEntry(ctx, tx, entry, incoming); err != nil {
		return Stored{}, err
	}
	return Stored{Entry: entry, Joined: found}, nil
}

func (s *Store) insertEntry(ctx context.Context, tx session, entry Entry, incoming Incoming) (Entry, error) {
	if entry.Kind == "" {
		entry.Kind = KindNew
	}
	if _, err := tx.insert(ctx, "entries", entryColumns, entry.fields(), ""); err != nil {
		return Entry{}, err
	}
	if _, err := tx.insert(ctx, "entry_raw", "entry_id, raw", []any{entry.ID, incoming.Raw}, ""); err != nil {
		return Entry{}, err
	}
	entry.Attachments = nil
	for i, file := range incoming.Attachments {
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

func chooseCase(ctx context.Context, tx session, incoming Incoming) (Case, error) {
	open, err := candidates(ctx, tx, incoming.Entry)
	if err != nil || len(open) == 0 {
		return Case{}, err
	}
	choose := incoming.Join
	if choose == nil {
		choose = JoinByThread
	}
	chosen := choose(open)
	for _, candidate := range open {
		if candidate.Case.ID == chosen {
			return candidate.Case, nil
		}
	}
	if chosen != "" {
		return Case{}, errors.New("the chosen case " + chosen + " is not among the open ones")
	}
	return Case{}, nil
}

// candidates are the open cases of the entry's use case that share a key with it: those of the thread first.
func candidates(ctx context.Context, tx session, entry Entry) ([]Candidate, error) {
	threads, err := openCasesBy(ctx, tx, "thread", entry.ThreadKeys)
	if err != nil {
		return nil, err
	}
	contacts, err := openCasesBy(ctx, tx, "contact", entry.ContactKeys)
	if err != nil {
		return nil, err
	}
	var open []Candidate
	seen := map[string]bool{}
	for i, found := range append(threads, contacts...) {
		if seen[found.ID] || entry.UseCase != "" && found.UseCase != entry.UseCase {
			continue
		}
		seen[found.ID] = true
		parsed, err := firstParsed(ctx, tx, found.ID)
		if err != nil {
			return nil, err
		}
		open = append(open, Candidate{Case: found, Thread: i < len(threads), Parsed: parsed})
	}
	return open, nil
}

func firstParsed(ctx context.Context, tx session, caseID string) (json.RawMessage, error) {
	var parsed json.RawMessage
	err := tx.scalar(ctx, "SELECT parsed FROM entries WHERE case_id = ? AND kind = ? ORDER BY received_at, id LIMIT 1",
		[]any{caseID, KindNew}, document{&parsed})
	if errors.Is(err, ErrNotFound) {
		return nil, nil
	}
	return parsed, err
}

// PendingEntries lists entries that were stored before the given instant and not yet handed over, oldest first.
func (s *Store) PendingEntries(ctx context.Context, before time.Time, limit int) ([]Entry, error) {
	found, err := many[Entry](ctx, s.read(), "SELECT "+entryColumns+" FROM entries WHERE state = ? AND stored_at <= ? ORDER BY stored_at, id"+
		page(limit, 0), EntryStored, before)
	return found, wrap("pending entries", err)
}

// MarkStarted records that the entry's case runs.
func (s *Store) MarkStarted(ctx context.Context, entryID string) error {
	return s.markEntry(ctx, entryID, EntryStarted, "")
}

// MarkJoined records that the entry's case has been told of it.
func (s *Store) MarkJoined(ctx context.Context, entryID string) error {
	return s.markEntry(ctx, entryID, EntryJoined, "")
}

// MarkFailed records that the entry can not be handed over, for a reason that trying again does not change.
func (s *Store) MarkFailed(ctx context.Context, entryID, reason string) error {
	return s.markEntry(ctx, entryID, EntryFailed, reason)
}

func (s *Store) markEntry(ctx context.Context, id string, state EntryState, reason string) error {
	return s.write(ctx, "entry "+id, func(tx session) error {
		n, err := tx.exec(ctx, "UPDATE entries SET state = ?, reason = ? WHERE id = ? AND state <> ?", state, reason, id, EntryIgnored)
		if err == nil && n == 0 {
			return ErrNotFound
		}
		return err
	})
}

// SplitEntry gives an entry that had joined a case, but not reached it before it ended, a new case of its own. An
// entry that has been handed over keeps its case.
func (s *Store) SplitEntry(ctx context.Context, entryID string) (Entry, error) {
	var entry Entry
	err := s.write(ctx, "split entry "+entryID, func(tx session) error {
		var err error
		if entry, err = entryByID(ctx, tx, entryID); err != nil {
			return err
		}
		if entry.State != EntryStored || entry.Kind == KindNew {
			return nil
		}
		entry, err = s.split(ctx, tx, entry)
		return err
	})
	return entry, err
}

func (s *Store) split(ctx context.Context, tx session, entry Entry) (Entry, error) {
	made, err := s.createCase(ctx, tx, NewCase{UseCase: entry.UseCase, Language: entry.Language,
		ContactKeys: entry.ContactKeys, ThreadKeys: entry.ThreadKeys})
	if err != nil {
		return Entry{}, err
	}
	// Copied, not moved: another entry of the old case may hold the same file.
	_, err = tx.exec(ctx, `INSERT INTO blobs (case_id, id, media_type, size, body, stored_at)
		SELECT ?, id, media_type, size, body, stored_at FROM blobs
		WHERE case_id = ? AND id IN (SELECT blob_id FROM attachments WHERE entry_id = ?)`, made.ID, entry.CaseID, entry.ID)
	if err != nil {
		return Entry{}, err
	}
	_, err = tx.exec(ctx, "UPDATE entries SET case_id = ?, case_reference = ?, kind = ? WHERE id = ?", made.ID, made.Reference, KindNew, entry.ID)
	entry.CaseID, entry.CaseReference, entry.Kind = made.ID, made.Reference, KindNew
	return entry, err
}

// Entry finds an entry by its id, with its attachments.
func (s *Store) Entry(ctx context.Context, id string) (Entry, error) {
	entry, err := entryByID(ctx, s.read(), id)
	return entry, wrap("entry "+id, err)
}

func entryByID(ctx context.Context, q session, id string) (Entry, error) {
	entry, err := one[Entry](ctx, q, "SELECT "+entryColumns+" FROM entries WHERE id = ?", id)
	if err != nil {
		return Entry{}, err
	}
	entry.Attachments, err = attachments(ctx, q, id)
	return entry, err
}

// EntryRaw is the original message, byte for byte.
func (s *Store) EntryRaw(ctx context.Context, id string) ([]byte, error) {
	var raw []byte
	err := s.read().scalar(ctx, "SELECT raw FROM entry_raw WHERE entry_id = ?", []any{id}, &raw)
	return raw, wrap("entry "+id, err)
}

// Messages lists all entries of a case in the order received: the one that began it, and what joined.
func (s *Store) Messages(ctx context.Context, caseID string) ([]Entry, error) {
	found, err := many[Entry](ctx, s.read(), "SELECT "+entryColumns+" FROM entries WHERE case_id = ? ORDER BY received_at, id", caseID)
	if err != nil {
		return nil, wrap("messages of "+caseID, err)
	}
	for i := range found {
		if found[i].Attachments, err = attachments(ctx, s.read(), found[i].ID); err != nil {
			return nil, wrap("messages of "+caseID, err)
		}
	}
	return found, nil
}

func attachments(ctx context.Context, q session, entryID string) ([]Attachment, error) {
	return many[Attachment](ctx, q, "SELECT name, media_type, size, blob_id FROM attachments WHERE entry_id = ? ORDER BY ordinal", entryID)
}
