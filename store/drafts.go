package store

import (
	"context"
	"time"
)

// DraftFile is one file of a draft: a change of a workspace that somebody works on and that is not in force.
type DraftFile struct {
	Draft     string    `json:"draft"`
	Path      string    `json:"path"` // in the workspace, with slashes
	Body      []byte    `json:"-"`
	Base      []byte    `json:"-"`       // what the file held when the draft began with it; empty for a new file
	Present   bool      `json:"present"` // false: the draft deletes the file
	Who       string    `json:"who"`
	ChangedAt time.Time `json:"changed_at"`
}

const draftColumns = "draft, path, body, base, present, who, changed_at"

func (f *DraftFile) fields() []any {
	return []any{&f.Draft, &f.Path, &f.Body, &f.Base, &f.Present, &f.Who, stamp{&f.ChangedAt}}
}

// PutDraftFile stores a file of a draft. The base of a file that is there already stays: it says what the draft began
// with.
func (s *Store) PutDraftFile(ctx context.Context, file DraftFile) error {
	file.ChangedAt = s.now()
	return s.write(ctx, "draft "+file.Draft, func(tx session) error {
		_, err := tx.insert(ctx, "drafts", draftColumns, file.fields(), `ON CONFLICT (draft, path) DO UPDATE SET
			body = excluded.body, present = excluded.present, who = excluded.who, changed_at = excluded.changed_at`)
		return err
	})
}

// Drafts lists the files of all drafts, by draft and path, without their bodies.
func (s *Store) Drafts(ctx context.Context) ([]DraftFile, error) {
	found, err := many[DraftFile](ctx, s.read(), "SELECT draft, path, '', '', present, who, changed_at FROM drafts ORDER BY draft, path")
	return found, wrap("drafts", err)
}

// Draft lists the files of one draft; ErrNotFound if there is no such draft.
func (s *Store) Draft(ctx context.Context, draft string) ([]DraftFile, error) {
	found, err := many[DraftFile](ctx, s.read(), "SELECT "+draftColumns+" FROM drafts WHERE draft = ? ORDER BY path", draft)
	if err == nil && len(found) == 0 {
		err = ErrNotFound
	}
	return found, wrap("draft "+draft, err)
}

// DiscardDraft forgets a draft, or with a path one file of it; ErrNotFound if there is no such thing.
func (s *Store) DiscardDraft(ctx context.Context, draft, path string) error {
	return s.write(ctx, "discard draft "+draft, func(tx session) error {
		query, args := "DELETE FROM drafts WHERE draft = ?", []any{draft}
		if path != "" {
			query, args = query+" AND path = ?", append(args, path)
		}
		n, err := tx.exec(ctx, query, args...)
		if err == nil && n == 0 {
			return ErrNotFound
		}
		return err
	})
}
