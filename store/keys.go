package store

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"strings"
)

// maxIndexed is how many bytes of what strangers send stand in an index as they are: PostgreSQL's take 2,704.
const maxIndexed = 1000

// indexed is a key that strangers send as it stands in an index: of a longer one, its beginning and its hash.
func indexed(key string) string {
	if len(key) <= maxIndexed {
		return key
	}
	sum := sha256.Sum256([]byte(key))
	return strings.ToValidUTF8(key[:200], "") + "…" + hex.EncodeToString(sum[:])
}

// OpenCasesByContact lists the open cases that have one of the contact keys, newest first.
func (s *Store) OpenCasesByContact(ctx context.Context, keys []string) ([]Case, error) {
	found, err := openCasesBy(ctx, s.read(), "contact", keys)
	return found, wrap("open cases", err)
}

// AddContactKeys names further addresses and handles under which the case's customer is known; a message from one
// of them can then join the case.
func (s *Store) AddContactKeys(ctx context.Context, caseID string, keys []string) error {
	return s.write(ctx, "contact keys of "+caseID, func(tx session) error {
		return addKeys(ctx, tx, caseID, keys, nil)
	})
}

// AddThreadKeys names messages of ours (their Message-ID) so that a reply to them joins the case.
func (s *Store) AddThreadKeys(ctx context.Context, caseID string, keys []string) error {
	return s.write(ctx, "thread keys of "+caseID, func(tx session) error {
		return addKeys(ctx, tx, caseID, nil, keys)
	})
}

// ContactKeys lists the contact keys of a case.
func (s *Store) ContactKeys(ctx context.Context, caseID string) ([]string, error) {
	found, err := many[textRow](ctx, s.read(), "SELECT contact_key FROM contact_keys WHERE case_id = ? ORDER BY contact_key", caseID)
	return texts(found), wrap("contact keys", err)
}

// openCasesBy finds open cases by "contact" or "thread" keys, newest first.
func openCasesBy(ctx context.Context, q session, kind string, keys []string) ([]Case, error) {
	if len(keys) == 0 {
		return nil, nil
	}
	stored := make([]string, len(keys))
	for i, key := range keys {
		stored[i] = indexed(key)
	}
	set, args := in(stored)
	return many[Case](ctx, q, selectCases+" WHERE ended_at = 0 AND id IN (SELECT case_id FROM "+kind+
		"_keys WHERE "+kind+"_key IN "+set+") ORDER BY started_at DESC, id DESC", args...)
}

func addKeys(ctx context.Context, tx session, caseID string, contacts, threads []string) error {
	for kind, keys := range map[string][]string{"contact": contacts, "thread": threads} {
		for _, key := range keys {
			if key == "" {
				continue
			}
			if _, err := tx.insert(ctx, kind+"_keys", kind+"_key, case_id", []any{indexed(key), caseID}, "ON CONFLICT DO NOTHING"); err != nil {
				return err
			}
		}
	}
	return addSearch(ctx, tx, caseID, strings.Join(contacts, " "))
}

// addSearch adds words by which the case is found, each once.
func addSearch(ctx context.Context, tx session, caseID, more string) error {
	if more = fold(more); more == "" {
		return nil
	}
	var have string
	if err := tx.scalar(ctx, "SELECT search FROM cases WHERE id = ?", []any{caseID}, &have); err != nil {
		return err
	}
	merged := mergeWords(have, more)
	if merged == have {
		return nil
	}
	_, err := tx.exec(ctx, "UPDATE cases SET search = ? WHERE id = ?", merged, caseID)
	return err
}

func mergeWords(have, more string) string {
	seen := map[string]bool{}
	all := strings.Fields(have)
	for _, word := range all {
		seen[word] = true
	}
	for word := range strings.FieldsSeq(more) {
		if !seen[word] {
			seen[word] = true
			all = append(all, word)
		}
	}
	return strings.Join(all, " ")
}

// textRow is a row of one text.
type textRow string

func (t *textRow) fields() []any { return []any{(*string)(t)} }

func texts(rows []textRow) []string {
	list := make([]string, len(rows))
	for i, row := range rows {
		list[i] = string(row)
	}
	return list
}
