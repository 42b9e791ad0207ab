package store

import (
	"fmt"
	"io/fs"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// came stores a message that begins a case, with a file.
func came(t *testing.T, s *Store, key string) Entry {
	t.Helper()
	stored, err := s.StoreEntry(t.Context(), Incoming{Entry: Entry{Source: "mails", Channel: "email", DedupeKey: key, UseCase: "complaint", Parsed: []byte(`{"text":"It leaks."}`),
		ContactKeys: []string{"email:ann@example.org"}, ThreadKeys: []string{"<" + key + "@example.org>"},
		Attachments: []Attachment{{Name: "leak.png", MediaType: "image/png", Body: []byte("picture " + key)}}}, Raw: []byte("Subject: It leaks"),
		Join: func([]Candidate) string { return "" }, Reply: &Reply{Recipient: "ann@example.org", Purpose: "acknowledge", PerHour: 10, Write: func(Entry) ([]byte, []string) { return []byte("thanks"), nil }}})
	require.NoError(t, err)
	require.False(t, stored.Duplicate)
	require.NoError(t, s.MarkStarted(t.Context(), stored.Entry.ID))
	return stored.Entry
}

// worked records of a case what a case records.
func worked(t *testing.T, s *Store, caseID string, at time.Time) {
	t.Helper()
	require.NoError(t, s.WriteRecord(t.Context(), Record{CaseID: caseID,
		Steps:     []StepResult{{Path: "customer", Generation: 1, Kind: "call", Result: []byte(`{"name":"Ann"}`), StartedAt: at, FinishedAt: at}},
		Decisions: []Decision{{Path: "warranty", Generation: 1, Table: "warranty", Row: "1", At: at, Facts: []byte(`{}`), Outputs: []byte(`{}`)}},
		Events:    []Event{{Key: "x", Kind: "started", Text: "x", At: at}}}))
	_, _, err := s.BeginEffect(t.Context(), Effect{Key: "effect of " + caseID, CaseID: caseID, StepPath: "ticket", System: "support", Operation: "support.create_task", Driver: "adapter:zendesk", Safety: "idempotency_key", RequestHash: "h"}, nil)
	require.NoError(t, err)
	task := open(t, s, Task{ID: "task of " + caseID, CaseID: caseID, Kind: TaskComplete, Queue: "complaints"})
	_, err = s.AddNote(t.Context(), task.ID, "ann", "call back")
	require.NoError(t, err)
	require.NoError(t, s.ProposeRobotChange(t.Context(), RobotChange{RobotVersion: RobotVersion{Robot: "orders"}, Kind: "page", Place: caseID, Words: "the heading is Ann", Page: "<h1>Ann</h1>", CaseID: caseID}))
	_, err = s.PutLink(t.Context(), Link{Left: Ref{System: "crm", Kind: "customer", ID: caseID}, Right: Ref{System: "invoicing", Kind: "customer", ID: "9"}, CaseID: caseID})
	require.NoError(t, err)
}

func closed(t *testing.T, s *Store, caseID string, at time.Time) {
	t.Helper()
	require.NoError(t, s.write(t.Context(), "end", func(tx session) error {
		_, err := tx.exec(t.Context(), "UPDATE cases SET state = ?, ended_at = ? WHERE id = ?", CaseDone, at, caseID)
		return err
	}))
}

func TestWhatIsOldGoes(t *testing.T) {
	t.Parallel()
	s, clock := testStore(t)
	ctx, begun := t.Context(), clock.Now()
	old, late, still := came(t, s, "old"), came(t, s, "late"), came(t, s, "still")
	for _, one := range []Entry{old, late, still} {
		worked(t, s, one.CaseID, begun)
	}
	parent, err := s.CreateCase(ctx, NewCase{UseCase: "complaint"})
	require.NoError(t, err)
	child, err := s.CreateCase(ctx, NewCase{UseCase: "complaint", Parent: parent.ID, ParentStep: "run"})
	require.NoError(t, err)
	ignored, err := s.StoreEntry(ctx, Incoming{Entry: Entry{Source: "mails", Channel: "email", DedupeKey: "ignored", UseCase: "complaint", Parsed: []byte(`{"text":"away"}`)}, Raw: []byte("away"), Ignore: "automatic"})
	require.NoError(t, err)
	day := 24 * time.Hour
	closed(t, s, old.CaseID, begun.Add(day))
	closed(t, s, child.ID, begun.Add(day))
	closed(t, s, late.CaseID, begun.Add(10*day))
	clock.Advance(20 * day)

	// Messages go with the age that they have, but not before their cases have ended.
	n, err := s.DropMessages(ctx, begun.Add(-time.Hour))
	require.NoError(t, err)
	require.Zero(t, n)
	n, err = s.DropMessages(ctx, begun.Add(5*day))
	require.NoError(t, err)
	require.EqualValues(t, 3, n, "those of both cases that have ended, and the one that was ignored")
	n, err = s.DropMessages(ctx, begun.Add(5*day))
	require.NoError(t, err)
	require.Zero(t, n, "once")
	for _, id := range []string{old.ID, late.ID, ignored.Entry.ID} {
		found, err := s.Entry(ctx, id)
		require.NoError(t, err)
		require.Empty(t, found.Parsed)
		require.Empty(t, found.ContactKeys)
		require.Empty(t, found.Attachments)
		_, err = s.EntryRaw(ctx, id)
		require.ErrorIs(t, err, ErrNotFound)
	}
	kept, err := s.Entry(ctx, still.ID)
	require.NoError(t, err)
	require.JSONEq(t, `{"text":"It leaks."}`, string(kept.Parsed))
	require.Len(t, kept.Attachments, 1)
	_, err = s.Blob(ctx, still.CaseID, kept.Attachments[0].BlobID)
	require.NoError(t, err)
	_, err = s.Blob(ctx, old.CaseID, old.Attachments[0].BlobID)
	require.ErrorIs(t, err, ErrNotFound)
	again, err := s.StoreEntry(ctx, Incoming{Entry: Entry{Source: "mails", DedupeKey: "old", UseCase: "complaint"}})
	require.NoError(t, err)
	require.True(t, again.Duplicate, "what came is known when it comes again")

	// Cases go with all that is known of them.
	n, err = s.DropCases(ctx, begun.Add(5*day))
	require.NoError(t, err)
	require.EqualValues(t, 1, n, "one is open, one ended later, and one is part of another that is open")
	for _, table := range append([]string{"links", "contact_keys", "thread_keys", "robot_changes"}, recorded...) {
		for _, one := range []struct {
			caseID string
			want   bool
		}{{old.CaseID, false}, {late.CaseID, true}, {still.CaseID, true}} {
			var count int64
			require.NoError(t, s.read().scalar(ctx, "SELECT COUNT(*) FROM "+table+" WHERE case_id = ?", []any{one.caseID}, &count))
			if !one.want {
				require.Zero(t, count, table)
			} else if table != "read_results" && table != "reminders" && table != "event_deliveries" && table != "event_waits" && table != "repairs" && (table != "blobs" || one.caseID == still.CaseID) {
				require.NotZero(t, count, table)
			}
		}
	}
	_, err = s.Case(ctx, old.CaseID)
	require.ErrorIs(t, err, ErrNotFound)
	changes, err := s.RobotChanges(ctx, true)
	require.NoError(t, err)
	require.Len(t, changes, 3)
	for _, change := range changes {
		require.Equal(t, change.Place == old.CaseID, change.Words+change.Page == "", "a proposal stays, without what it showed")
	}
	links, err := s.Links(ctx, LinkFilter{System: "crm", ID: old.CaseID})
	require.NoError(t, err)
	require.Len(t, links, 1, "a link is of the systems, not of the case")
	again, err = s.StoreEntry(ctx, Incoming{Entry: Entry{Source: "mails", DedupeKey: "old", UseCase: "complaint"}})
	require.NoError(t, err)
	require.True(t, again.Duplicate)

	closed(t, s, parent.ID, begun.Add(2*day))
	n, err = s.DropCases(ctx, begun.Add(5*day))
	require.NoError(t, err)
	require.EqualValues(t, 2, n, "both together")
}

func TestManyOldCasesGo(t *testing.T) {
	t.Parallel()
	s, clock := testStore(t)
	for range droppedAtOnce + 3 {
		made, err := s.CreateCase(t.Context(), NewCase{UseCase: "complaint"})
		require.NoError(t, err)
		closed(t, s, made.ID, clock.Now())
	}
	open, err := s.CreateCase(t.Context(), NewCase{UseCase: "complaint"})
	require.NoError(t, err)
	for _, want := range []int64{droppedAtOnce, 3, 0} {
		n, err := s.DropCases(t.Context(), clock.Now())
		require.NoError(t, err)
		require.EqualValues(t, want, n, "so many at once, then others may write")
		_, _, err = s.BeginEffect(t.Context(), Effect{Key: fmt.Sprint("effect ", want), CaseID: open.ID, StepPath: "ticket", System: "support", Operation: "support.create_task", Driver: "adapter:zendesk", Safety: "idempotency_key", RequestHash: "h"}, nil)
		require.NoError(t, err)
	}
}

// TestFilesThatOthersHoldStay: the same bytes in another case, in a later message of the case, or as what a step keeps.
func TestFilesThatOthersHoldStay(t *testing.T) {
	t.Parallel()
	s, clock := testStore(t)
	ctx, begun := t.Context(), clock.Now()
	message := func(key, thread string, files ...string) Entry {
		in := Incoming{Entry: Entry{Source: "mails", Channel: "email", DedupeKey: key, UseCase: "complaint", Parsed: []byte(`{}`), ReceivedAt: clock.Now(), ThreadKeys: []string{thread}}, Raw: []byte(key)}
		for _, body := range files {
			in.Entry.Attachments = append(in.Entry.Attachments, Attachment{Name: "file", MediaType: "image/png", Body: []byte(body)})
		}
		stored, err := s.StoreEntry(ctx, in)
		require.NoError(t, err)
		require.NoError(t, s.MarkStarted(ctx, stored.Entry.ID))
		return stored.Entry
	}
	first, other := message("first", "one", "a", "b", "c"), message("other", "two", "b")
	kept, err := s.PutBlob(ctx, other.CaseID, "image/png", []byte("a"))
	require.NoError(t, err)
	clock.Advance(24 * time.Hour)
	require.Equal(t, first.CaseID, message("later", "one", "a").CaseID)
	closed(t, s, first.CaseID, clock.Now())
	closed(t, s, other.CaseID, clock.Now())
	n, err := s.DropMessages(ctx, begun.Add(time.Hour))
	require.NoError(t, err)
	require.EqualValues(t, 2, n)
	left, err := s.BlobTypes(ctx, first.CaseID)
	require.NoError(t, err)
	require.Len(t, left, 1, "the one of the later message")
	left, err = s.BlobTypes(ctx, other.CaseID)
	require.NoError(t, err)
	require.Equal(t, map[string]string{kept: "image/png"}, left)
}

type planned struct {
	id, parent, unused int64
	detail             string
}

func (p *planned) fields() []any { return []any{&p.id, &p.parent, &p.unused, &p.detail} }

// TestWhatIsOldIsFoundByIndexes: looking for it must not cost more with all that is kept.
func TestWhatIsOldIsFoundByIndexes(t *testing.T) {
	t.Parallel()
	s, clock := testStore(t)
	if s.postgres { // which reads small tables whole, whatever indexes there are
		return
	}
	now := clock.Now()
	for query, args := range map[string][]any{
		oldCases + " ORDER BY c.ended_at LIMIT 50":      {now, now},
		oldEntries + " ORDER BY e.received_at LIMIT 50": {now},
		oldPayloads + " ORDER BY b.case_id LIMIT 100":   {now},
		"DELETE FROM task_notes WHERE case_id IN (?)":   {"x"},
		"DELETE FROM reminders WHERE case_id IN (?)":    {"x"},
	} {
		steps, err := many[planned](t.Context(), s.read(), "EXPLAIN QUERY PLAN "+query, args...)
		require.NoError(t, err)
		for _, step := range steps {
			require.True(t, !strings.HasPrefix(step.detail, "SCAN ") || strings.Contains(step.detail, "blobs_of_payloads"), "%s: %s", query, step.detail)
		}
	}
}

// TestAllThatIsKnownOfACaseGoes: a new table that names cases must be dropped with them, or stand here with the others
// that are not.
func TestAllThatIsKnownOfACaseGoes(t *testing.T) {
	t.Parallel()
	stays := []string{"entries", "links", "audit", "contact_keys", "thread_keys", // emptied, unlinked, without customers, and by cascade
		"robot_changes"} // emptied: what is proposed about a robot outlives the case
	files, err := fs.Glob(migrations, "migrations/*.sql")
	require.NoError(t, err)
	require.NotEmpty(t, files)
	for _, file := range files {
		text, err := fs.ReadFile(migrations, file)
		require.NoError(t, err)
		for _, table := range regexp.MustCompile(`(?s)CREATE TABLE (\w+) \((.*?)\n\);`).FindAllStringSubmatch(string(text), -1) {
			if !regexp.MustCompile(`(?m)^\s*case_id\s`).MatchString(table[2]) {
				continue
			}
			require.True(t, slices.Contains(recorded, table[1]) || slices.Contains(stays, table[1]), "%s: %s names cases: add it to recorded in retention.go, or to stays here with the reason", file, table[1])
		}
	}
}
