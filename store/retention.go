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

// DropCases deletes all that is known of some cases that ended before an instant, the oldest, and returns how many there
// were; 0: none is left. Links stay, as the systems' own records do, and the audit, which holds nothing of customers. Of a
// message stays only by what it is recognised when it comes again.
func (s *Store) DropCases(ctx context.Context, endedBefore time.Time) (dropped int64, err error) {
	return s.dropSome(ctx, "drop cases", oldCases, "c.id", "c.ended_at", []any{endedBefore, endedBefore}, func(tx session, set string, ids []any) error {
		if err := emptyEntries(ctx, tx, "case_id IN "+set, ids); err != nil {
			return err
		}
		for _, table := range recorded {
			if _, err := tx.exec(ctx, "DELETE FROM "+table+" WHERE case_id IN "+set, ids...); err != nil {
				return err
			}
		}
		// What is proposed about a robot outlives the case on which it was found, without what it showed.
		if _, err := tx.exec(ctx, "UPDATE robot_changes SET case_id = '', page = '', words = '' WHERE case_id IN "+set, ids...); err != nil {
			return err
		}
		if _, err := tx.exec(ctx, "UPDATE links SET case_id = '' WHERE case_id IN "+set, ids...); err != nil {
			return err
		}
		_, err := tx.exec(ctx, "DELETE FROM cases WHERE id IN "+set, ids...)
		return err
	})
}

// oldEntries are messages that came before an instant, whose case has ended or which have none, and which were not emptied.
const oldEntries = `SELECT e.id FROM entries e WHERE e.emptied = 0 AND e.received_at < ? AND e.state <> '` + string(EntryStored) + `'
	AND NOT EXISTS (SELECT 1 FROM cases c WHERE c.id = e.case_id AND c.ended_at = 0)`

// DropMessages deletes what some messages say that came before an instant, with their files, once their cases have ended:
// the oldest. It returns how many there were; 0: none is left. By what a message is recognised when it comes again stays.
func (s *Store) DropMessages(ctx context.Context, receivedBefore time.Time) (dropped int64, err error) {
	return s.dropSome(ctx, "drop messages", oldEntries, "e.id", "e.received_at", []any{receivedBefore}, func(tx session, set string, ids []any) error {
		return emptyEntries(ctx, tx, "id IN "+set, ids)
	})
}

// dropSome drops the first of what a query finds. It looks for them outside of the transaction, which all writes wait for,
// and there only at those that it found.
func (s *Store) dropSome(ctx context.Context, what, query, id, order string, args []any, drop func(tx session, set string, ids []any) error) (dropped int64, err error) {
	found, err := many[textRow](ctx, s.read(), query+" ORDER BY "+order+" LIMIT "+strconv.Itoa(droppedAtOnce), args...)
	if err != nil || len(found) == 0 {
		return 0, wrap(what, err)
	}
	err = s.write(ctx, what, func(tx session) error {
		set, ids := in(texts(found))
		still, err := many[textRow](ctx, tx, query+" AND "+id+" IN "+set, slices.Concat(args, ids)...)
		if dropped = int64(len(still)); err != nil || dropped == 0 {
			return err
		}
		set, ids = in(texts(still))
		return drop(tx, set, ids)
	})
	return dropped, err
}

// emptyEntries deletes what is in messages. Their rows stay, so that one that comes again begins nothing.
func emptyEntries(ctx context.Context, tx session, which string, args []any) error {
	entries := "(SELECT id FROM entries WHERE " + which + ")"
	const ofBlob = "SELECT 1 FROM attachments a JOIN entries e ON e.id = a.entry_id WHERE e.case_id = blobs.case_id AND a.blob_id = blobs.id AND e.id "
	// Only files of these messages' cases are looked at. Another message of the case may hold the same file.
	_, err := tx.exec(ctx, "DELETE FROM blobs WHERE case_id IN (SELECT case_id FROM entries WHERE "+which+") AND id IN (SELECT blob_id FROM attachments WHERE entry_id IN "+entries+
		") AND EXISTS ("+ofBlob+"IN "+entries+") AND NOT EXISTS ("+ofBlob+"NOT IN "+entries+")", slices.Concat(args, args, args, args)...)
	for _, statement := range []string{
		"DELETE FROM attachments WHERE entry_id IN " + entries,
		"DELETE FROM entry_raw WHERE entry_id IN " + entries,
		"UPDATE entries SET emptied = 1, parsed = '', thread_keys = '', contact_keys = '' WHERE " + which,
	} {
		if err == nil {
			_, err = tx.exec(ctx, statement, args...)
		}
	}
	return err
}
