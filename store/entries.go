package store

import (
	"context"
	"time"
)

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

// WaitingMessages lists, by their ids, messages that have joined a case which was not told of them yet, oldest first.
func (s *Store) WaitingMessages(ctx context.Context, caseID string, limit int) ([]string, error) {
	found, err := many[textRow](ctx, s.read(), "SELECT id FROM entries WHERE case_id = ? AND kind <> ? AND state = ? ORDER BY stored_at, id"+page(limit, 0),
		caseID, KindNew, EntryStored)
	return texts(found), wrap("messages of "+caseID, err)
}

// MarkJoined records that the case of entries has been told of them.
func (s *Store) MarkJoined(ctx context.Context, entryIDs ...string) error {
	if len(entryIDs) == 0 {
		return nil
	}
	return s.write(ctx, "joined entries", func(tx session) error {
		set, ids := in(entryIDs)
		_, err := tx.exec(ctx, "UPDATE entries SET state = ?, reason = '' WHERE state <> ? AND id IN "+set, append([]any{EntryJoined, EntryIgnored}, ids...)...)
		return err
	})
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
	found, err := many[Entry](ctx, s.read(), "SELECT "+entryColumns+" FROM entries WHERE case_id = ? ORDER BY received_at, stored_at, id", caseID)
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

// NextMessages marks messages of a case as done by its read of that number, and lists those that are not done, the
// oldest first, without their attachments. What a later read has marked counts as not done: the case has lost what it
// did since, and does it again.
func (s *Store) NextMessages(ctx context.Context, caseID string, read int, done []string, limit int) ([]Entry, error) {
	if len(done) > 0 {
		err := s.write(ctx, "messages of "+caseID, func(tx session) error {
			set, ids := in(done)
			_, err := tx.exec(ctx, "UPDATE entries SET done_by_read = ? WHERE id IN "+set, append([]any{read}, ids...)...)
			return err
		})
		if err != nil {
			return nil, err
		}
	}
	found, err := many[Entry](ctx, s.read(), "SELECT "+entryColumns+` FROM entries WHERE case_id = ? AND kind <> ? AND state <> ?
		AND (done_by_read = 0 OR done_by_read > ?) ORDER BY received_at, stored_at, id`+page(limit, 0), caseID, KindNew, EntryIgnored, read)
	return found, wrap("messages of "+caseID, err)
}

func attachments(ctx context.Context, q session, entryID string) ([]Attachment, error) {
	return many[Attachment](ctx, q, "SELECT name, media_type, size, blob_id FROM attachments WHERE entry_id = ? ORDER BY ordinal", entryID)
}
