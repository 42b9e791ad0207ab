package store

import (
	"context"
	"errors"
	"fmt"
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

// ErrElses says that a file of a draft is what somebody else has written.
var ErrElses = errors.New("somebody else has written this file of the draft")

// PutDraftFile stores a file of a draft. The base of a file that is there already stays: it says what the draft began
// with. What somebody else has written into the draft is not overwritten (ErrElses) unless over is set.
func (s *Store) PutDraftFile(ctx context.Context, file DraftFile, over bool) error {
	file.ChangedAt = s.now()
	return s.write(ctx, "draft "+file.Draft, func(tx session) error {
		var who string
		err := tx.scalar(ctx, "SELECT who FROM drafts WHERE draft = ? AND path = ?", []any{file.Draft, file.Path}, &who)
		if err == nil && who != file.Who && !over {
			return fmt.Errorf("%s, in %s: %w", who, file.Path, ErrElses)
		}
		if err != nil && !errors.Is(err, ErrNotFound) {
			return err
		}
		_, err = tx.insert(ctx, "drafts", draftColumns, file.fields(), `ON CONFLICT (draft, path) DO UPDATE SET
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

// EndDraft forgets the files of a draft that were saved, as they were then: what has been written into it since stays. It
// says whether anything did.
func (s *Store) EndDraft(ctx context.Context, saved []DraftFile) (more bool, err error) {
	err = s.write(ctx, "end a draft", func(tx session) error {
		var left int
		for _, file := range saved {
			if _, err := tx.exec(ctx, "DELETE FROM drafts WHERE draft = ? AND path = ? AND body = ? AND present = ?", file.Draft, file.Path, file.Body, file.Present); err != nil {
				return err
			}
			// What is left of the file was written on top of what is in the workspace now.
			if _, err := tx.exec(ctx, "UPDATE drafts SET base = ? WHERE draft = ? AND path = ?", file.Body, file.Draft, file.Path); err != nil {
				return err
			}
			if err := tx.scalar(ctx, "SELECT COUNT(*) FROM drafts WHERE draft = ?", []any{file.Draft}, &left); err != nil {
				return err
			}
		}
		more = left > 0
		return nil
	})
	return more, err
}
