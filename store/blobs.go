package store

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"strconv"
	"time"
)

// Blob is a file of one case: an attachment, a screenshot, a large value.
type Blob struct {
	ID        string // SHA-256 of the bytes, in hex
	CaseID    string
	MediaType string
	Body      []byte
}

func (b *Blob) fields() []any { return []any{&b.ID, &b.CaseID, &b.MediaType, &b.Body} }

// PutBlob stores bytes under their hash. They belong to one case: the same bytes of two cases are stored twice, so
// that a case can be erased without asking who else has them.
func (s *Store) PutBlob(ctx context.Context, caseID, mediaType string, body []byte) (id string, err error) {
	err = s.write(ctx, "put blob", func(tx session) error {
		id, err = s.putBlob(ctx, tx, caseID, mediaType, body)
		return err
	})
	return id, err
}

// PutBlobUntil stores bytes as PutBlob does, to be kept until an instant at most. Of several instants the latest counts, and
// bytes that are stored without one, before or after, stay with their case: it may be the very file of a customer.
func (s *Store) PutBlobUntil(ctx context.Context, caseID, mediaType string, body []byte, until time.Time) (id string, err error) {
	err = s.write(ctx, "put blob", func(tx session) error {
		id, err = s.insertBlob(ctx, tx, caseID, mediaType, body, until,
			"keep_until = excluded.keep_until WHERE blobs.keep_until > 0 AND blobs.keep_until < excluded.keep_until")
		return err
	})
	return id, err
}

// keptAtOnce is how many files DropKept deletes in one transaction.
const keptAtOnce = 200

// DropKept deletes some files whose time is over, and says how many; 0: none is left. A file that a message of the case has
// brought stays.
func (s *Store) DropKept(ctx context.Context, now time.Time) (dropped int64, err error) {
	err = s.write(ctx, "drop files", func(tx session) error {
		dropped, err = tx.exec(ctx, `DELETE FROM blobs WHERE (case_id, id) IN (SELECT b.case_id, b.id FROM blobs b WHERE b.keep_until > 0 AND b.keep_until < ? AND NOT EXISTS (
			SELECT 1 FROM attachments a JOIN entries e ON e.id = a.entry_id WHERE e.case_id = b.case_id AND a.blob_id = b.id) LIMIT `+strconv.Itoa(keptAtOnce)+")", now)
		return err
	})
	return dropped, err
}

// Blob finds a blob of a case.
func (s *Store) Blob(ctx context.Context, caseID, id string) (Blob, error) {
	found, err := one[Blob](ctx, s.read(), "SELECT id, case_id, media_type, body FROM blobs WHERE case_id = ? AND id = ?", caseID, id)
	return found, wrap("blob "+id, err)
}

// payloadType marks what Temporal's payloads hold, among the files of a case.
const payloadType = "application/x-temporal-payload"

// PutPayload stores a payload that is too large for Temporal. It is a file of its case like others, until DropPayloads.
func (s *Store) PutPayload(ctx context.Context, caseID string, body []byte) (string, error) {
	return s.PutBlob(ctx, caseID, payloadType, body)
}

// sweptCases is how many cases DropPayloads frees in one transaction.
const sweptCases = 100

// oldPayloads are cases that ended before an instant and still have payloads. The type stands in it as it does in the index
// of payloads, by which they are found.
const oldPayloads = `SELECT DISTINCT b.case_id FROM blobs b WHERE b.media_type = '` + payloadType + `' AND
	EXISTS (SELECT 1 FROM cases c WHERE c.id = b.case_id AND c.ended_at > 0 AND c.ended_at < ?)`

// DropPayloads deletes the payloads of some cases that ended before an instant: nothing asks for them once Temporal has
// dropped the history. It returns how many there were; 0: none is left.
func (s *Store) DropPayloads(ctx context.Context, endedBefore time.Time) (dropped int64, err error) {
	found, err := many[textRow](ctx, s.read(), oldPayloads+" ORDER BY b.case_id LIMIT "+strconv.Itoa(sweptCases), endedBefore)
	if err != nil || len(found) == 0 {
		return 0, wrap("drop payloads", err)
	}
	err = s.write(ctx, "drop payloads", func(tx session) error {
		set, ids := in(texts(found))
		dropped, err = tx.exec(ctx, "DELETE FROM blobs WHERE media_type = '"+payloadType+"' AND case_id IN "+set, ids...)
		return err
	})
	return dropped, err
}

type blobType struct{ id, mediaType string }

func (b *blobType) fields() []any { return []any{&b.id, &b.mediaType} }

// BlobTypes tells of what type each file of a case is, by its id.
func (s *Store) BlobTypes(ctx context.Context, caseID string) (map[string]string, error) {
	found, err := many[blobType](ctx, s.read(), "SELECT id, media_type FROM blobs WHERE case_id = ?", caseID)
	types := make(map[string]string, len(found))
	for _, blob := range found {
		types[blob.id] = blob.mediaType
	}
	return types, wrap("files of "+caseID, err)
}

func (s *Store) putBlob(ctx context.Context, tx session, caseID, mediaType string, body []byte) (string, error) {
	return s.insertBlob(ctx, tx, caseID, mediaType, body, time.Time{}, "keep_until = 0 WHERE blobs.keep_until > 0")
}

// insertBlob stores bytes; if they are there already, it does what is to become of how long they are kept.
func (s *Store) insertBlob(ctx context.Context, tx session, caseID, mediaType string, body []byte, until time.Time, known string) (string, error) {
	sum := sha256.Sum256(body)
	id := hex.EncodeToString(sum[:])
	_, err := tx.insert(ctx, "blobs", "case_id, id, media_type, size, body, stored_at, keep_until",
		[]any{caseID, id, mediaType, len(body), body, s.now(), until}, "ON CONFLICT (case_id, id) DO UPDATE SET "+known)
	return id, err
}
