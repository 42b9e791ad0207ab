package store

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"time"
)

// AuditEntry is one act that must be answerable for. Detail holds no customer text: the audit is never erased.
type AuditEntry struct {
	Seq      int64           `json:"seq"`
	At       time.Time       `json:"at"`
	Who      string          `json:"who"`
	What     string          `json:"what"`
	CaseID   string          `json:"case_id,omitempty"`
	Detail   json.RawMessage `json:"detail,omitempty"`
	PrevHash string          `json:"prev_hash"`
	Hash     string          `json:"hash"`
}

const auditColumns = "seq, at, who, what, case_id, detail, prev_hash, hash"

// auditHead is where the end of the chain is noted, so that rows missing at the end are noticed too.
const auditHead = "audit.head"

func (a *AuditEntry) fields() []any {
	return []any{&a.Seq, stamp{&a.At}, &a.Who, &a.What, &a.CaseID, document{&a.Detail}, &a.PrevHash, &a.Hash}
}

// digest covers every field with its length, so that no two different rows read the same.
func (a *AuditEntry) digest() string {
	h := sha256.New()
	for _, part := range []string{strconv.FormatInt(a.Seq, 10), strconv.FormatInt(micros(a.At), 10), a.Who, a.What, a.CaseID, string(a.Detail), a.PrevHash} {
		_, _ = fmt.Fprintf(h, "%d:%s", len(part), part)
	}
	return hex.EncodeToString(h.Sum(nil))
}

// Audit appends an act. Seq, hashes and, if it is zero, At are given by the store.
func (s *Store) Audit(ctx context.Context, entry AuditEntry) (AuditEntry, error) {
	var appended AuditEntry
	err := s.write(ctx, "audit", func(tx session) error {
		var err error
		appended, err = s.appendAudit(ctx, tx, entry)
		return err
	})
	return appended, err
}

func (s *Store) appendAudit(ctx context.Context, tx session, entry AuditEntry) (AuditEntry, error) {
	last, err := one[AuditEntry](ctx, tx, "SELECT "+auditColumns+" FROM audit ORDER BY seq DESC LIMIT 1")
	if err != nil && !errors.Is(err, ErrNotFound) {
		return AuditEntry{}, err
	}
	if entry.At.IsZero() {
		entry.At = s.now()
	}
	entry.At = entry.At.UTC().Truncate(time.Microsecond)
	entry.Seq, entry.PrevHash = last.Seq+1, last.Hash
	entry.Hash = entry.digest()
	if _, err := tx.insert(ctx, "audit", auditColumns, entry.fields(), ""); err != nil {
		return AuditEntry{}, err
	}
	return entry, setMeta(ctx, tx, auditHead, entry.Hash)
}

// AuditFilter chooses acts; the zero value chooses all.
type AuditFilter struct {
	CaseID string
	Who    string
	What   []string // one of these acts
	Among  int      // looks at no more than so many of the latest acts; 0: at all
	Limit  int
	Offset int
}

// AuditEntries lists acts, newest first.
func (s *Store) AuditEntries(ctx context.Context, filter AuditFilter) ([]AuditEntry, error) {
	var c conditions
	if filter.CaseID != "" {
		c.add("case_id = ?", filter.CaseID)
	}
	if filter.Who != "" {
		c.add("who = ?", filter.Who)
	}
	if len(filter.What) > 0 {
		list, args := in(filter.What)
		c.add("what IN "+list, args...)
	}
	if filter.Among > 0 {
		c.add("seq > (SELECT MAX(seq) FROM audit) - ?", filter.Among)
	}
	found, err := many[AuditEntry](ctx, s.read(), "SELECT "+auditColumns+" FROM audit"+c.where()+" ORDER BY seq DESC"+page(filter.Limit, filter.Offset), c.args...)
	return found, wrap("audit", err)
}

// ErrAuditBroken says that the audit was changed by something else than the store.
var ErrAuditBroken = errors.New("the audit's chain is broken")

// VerifyAudit walks the whole chain and returns how many acts it holds; ErrAuditBroken names the first that was
// changed, removed or moved.
func (s *Store) VerifyAudit(ctx context.Context) (int64, error) {
	const batch = 500
	var prev AuditEntry
	for {
		next, err := many[AuditEntry](ctx, s.read(), "SELECT "+auditColumns+" FROM audit WHERE seq > ? ORDER BY seq"+page(batch, 0), prev.Seq)
		if err != nil {
			return prev.Seq, wrap("verify audit", err)
		}
		for _, entry := range next {
			if entry.Seq != prev.Seq+1 || entry.PrevHash != prev.Hash || entry.Hash != entry.digest() {
				return prev.Seq, fmt.Errorf("store: %w: at number %d", ErrAuditBroken, prev.Seq+1)
			}
			prev = entry
		}
		if len(next) < batch {
			break
		}
	}
	return prev.Seq, s.verifyHead(ctx, prev)
}

// verifyHead compares the end of the chain with the note of it. More may have been appended since the walk.
func (s *Store) verifyHead(ctx context.Context, last AuditEntry) error {
	head, err := s.Meta(ctx, auditHead)
	if errors.Is(err, ErrNotFound) && last.Seq == 0 {
		return nil
	}
	if err != nil {
		return err
	}
	var seq int64
	err = s.read().scalar(ctx, "SELECT seq FROM audit WHERE hash = ? AND seq >= ?", []any{head, last.Seq}, &seq)
	if errors.Is(err, ErrNotFound) {
		return fmt.Errorf("store: %w: acts after number %d are missing", ErrAuditBroken, last.Seq)
	}
	return wrap("verify audit", err)
}
