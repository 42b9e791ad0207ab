package store

import (
	"context"
	"slices"
	"strconv"
	"time"
)

// droppedAtOnce is how many cases, or messages, are dropped in one transaction: others wait for it.
const droppedAtOnce = 50

// recorded are the tables that hold what is known of a case, beside the case itself and the messages that came in. What
// refers to them goes with them.
var recorded = []string{"blobs", "step_results", "decisions", "timeline", "effects", "read_results", "task_notes", "reminders", "tasks", "outbox",
	"event_deliveries", "event_waits", "repairs"}

// oldCases are cases that ended before an instant and that no case still needs which ended later, or is open.
const oldCases = `SELECT c.id FROM cases c WHERE c.ended_at > 0 AND c.ended_at < ? AND
	NOT EXISTS (SELECT 1 FROM cases p WHERE p.id = c.parent AND (p.ended_at = 0 OR p.ended_at >= ?))`

// DropCases deletes all that is known of cases that ended before an instant, and returns how many there were. Links
// stay, as the systems' own records do, and the audit, which holds nothing of customers. Of a message stays only by what
// it is recognised when it comes again.
func (s *Store) DropCases(ctx context.Context, endedBefore time.Time) (dropped int64, err error) {
	for more := true; more && err == nil; {
		var n int64
		err = s.write(ctx, "drop cases", func(tx session) error {
			found, err := many[textRow](ctx, tx, oldCases+" ORDER BY c.ended_at LIMIT "+strconv.Itoa(droppedAtOnce), endedBefore, endedBefore)
			if n = int64(len(found)); err != nil || n == 0 {
				return err
			}
			set, ids := in(texts(found))
			if err := emptyEntries(ctx, tx, "case_id IN "+set, ids); err != nil {
				return err
			}
			for _, table := range recorded {
				if _, err := tx.exec(ctx, "DELETE FROM "+table+" WHERE case_id IN "+set, ids...); err != nil {
					return err
				}
			}
			if _, err := tx.exec(ctx, "UPDATE links SET case_id = '' WHERE case_id IN "+set, ids...); err != nil {
				return err
			}
			_, err = tx.exec(ctx, "DELETE FROM cases WHERE id IN "+set, ids...)
			return err
		})
		dropped, more = dropped+n, n == droppedAtOnce
	}
	return dropped, err
}

// oldEntries are messages that came before an instant, whose case has ended or which have none, and of which there is
// something left.
const oldEntries = `SELECT e.id FROM entries e WHERE e.received_at < ? AND e.state <> '` + string(EntryStored) + `'
	AND NOT EXISTS (SELECT 1 FROM cases c WHERE c.id = e.case_id AND c.ended_at = 0)
	AND (e.parsed <> '' OR EXISTS (SELECT 1 FROM entry_raw r WHERE r.entry_id = e.id) OR EXISTS (SELECT 1 FROM attachments a WHERE a.entry_id = e.id))`

// DropMessages deletes what messages say that came before an instant, with their files, once their cases have ended,
// and returns how many there were. By what a message is recognised when it comes again stays.
func (s *Store) DropMessages(ctx context.Context, receivedBefore time.Time) (dropped int64, err error) {
	for more := true; more && err == nil; {
		var n int64
		err = s.write(ctx, "drop messages", func(tx session) error {
			found, err := many[textRow](ctx, tx, oldEntries+" ORDER BY e.received_at LIMIT "+strconv.Itoa(droppedAtOnce), receivedBefore)
			if n = int64(len(found)); err != nil || n == 0 {
				return err
			}
			set, ids := in(texts(found))
			return emptyEntries(ctx, tx, "id IN "+set, ids)
		})
		dropped, more = dropped+n, n == droppedAtOnce
	}
	return dropped, err
}

// emptyEntries deletes what is in messages. Their rows stay, so that one that comes again begins nothing.
func emptyEntries(ctx context.Context, tx session, which string, args []any) error {
	entries := "(SELECT id FROM entries WHERE " + which + ")"
	const ofBlob = "SELECT 1 FROM attachments a JOIN entries e ON e.id = a.entry_id WHERE e.case_id = blobs.case_id AND a.blob_id = blobs.id AND e.id "
	// Another message of the case may hold the same file.
	_, err := tx.exec(ctx, "DELETE FROM blobs WHERE EXISTS ("+ofBlob+"IN "+entries+") AND NOT EXISTS ("+ofBlob+"NOT IN "+entries+")", slices.Concat(args, args)...)
	for _, statement := range []string{
		"DELETE FROM attachments WHERE entry_id IN " + entries,
		"DELETE FROM entry_raw WHERE entry_id IN " + entries,
		"UPDATE entries SET parsed = '', thread_keys = '', contact_keys = '' WHERE " + which,
	} {
		if err == nil {
			_, err = tx.exec(ctx, statement, args...)
		}
	}
	return err
}
