package store

import (
	"context"
	"encoding/json"
	"errors"
	"time"
)

// LinkState is whether a link holds.
type LinkState string

// The states of a link. Only active ones are followed; the others are its history, and keep it from being found again.
const (
	LinkActive    LinkState = "active"
	LinkCorrected LinkState = "corrected" // a person said that it is another record
	LinkRemoved   LinkState = "removed"   // a person said that it is none
)

// Ref is a record of a system.
type Ref struct {
	System string `json:"system"`
	Kind   string `json:"kind"`
	ID     string `json:"id"`
}

func (r Ref) less(other Ref) bool {
	if r.System != other.System {
		return r.System < other.System
	}
	if r.Kind != other.Kind {
		return r.Kind < other.Kind
	}
	return r.ID < other.ID
}

// Link says that two records of different systems are the same thing. It has no direction: the store keeps the side
// that sorts first on the left.
type Link struct {
	ID          string          `json:"id"`
	Left        Ref             `json:"left"`
	Right       Ref             `json:"right"`
	Evidence    json.RawMessage `json:"evidence,omitempty"` // by which keys it was found
	Confidence  float64         `json:"confidence"`
	FoundAt     time.Time       `json:"found_at"`
	CaseID      string          `json:"case_id,omitempty"`
	State       LinkState       `json:"state"`
	CorrectedBy string          `json:"corrected_by,omitempty"`
	CorrectedAt time.Time       `json:"corrected_at,omitzero"`
	ReplacedBy  string          `json:"replaced_by,omitempty"` // id of the link that took its place
	Note        string          `json:"note,omitempty"`
}

const linkColumns = `id, left_system, left_kind, left_id, right_system, right_kind, right_id, evidence, confidence, found_at,
	case_id, state, corrected_by, corrected_at, replaced_by, note`

func (l *Link) fields() []any {
	return []any{&l.ID, &l.Left.System, &l.Left.Kind, &l.Left.ID, &l.Right.System, &l.Right.Kind, &l.Right.ID, document{&l.Evidence},
		&l.Confidence, stamp{&l.FoundAt}, &l.CaseID, &l.State, &l.CorrectedBy, stamp{&l.CorrectedAt}, &l.ReplacedBy, &l.Note}
}

// Other is the side of the link that is not the given record.
func (l *Link) Other(than Ref) Ref {
	if l.Left == than {
		return l.Right
	}
	return l.Left
}

// PutLink stores a link that was found, and returns the one that is stored now. A pair that a person has corrected
// or removed stays so: the caller must look at State. One that is active takes the newer evidence.
func (s *Store) PutLink(ctx context.Context, link Link) (Link, error) {
	var stored Link
	err := s.write(ctx, "put link", func(tx session) error {
		var err error
		stored, err = s.putLink(ctx, tx, link)
		return err
	})
	return stored, err
}

func (s *Store) putLink(ctx context.Context, tx session, link Link) (Link, error) {
	link = sorted(link)
	existing, err := linkByPair(ctx, tx, link.Left, link.Right)
	if err == nil && existing.State == LinkActive && existing.CorrectedBy == "" {
		existing.Evidence, existing.Confidence = link.Evidence, link.Confidence
		_, err = tx.exec(ctx, "UPDATE links SET evidence = ?, confidence = ? WHERE id = ?", link.Evidence, link.Confidence, existing.ID)
		return existing, err
	}
	if err == nil || !errors.Is(err, ErrNotFound) {
		return existing, err
	}
	link.ID, link.State = s.NewID(), LinkActive
	if link.FoundAt.IsZero() {
		link.FoundAt = s.now()
	}
	link.FoundAt = link.FoundAt.UTC().Truncate(time.Microsecond)
	_, err = tx.insert(ctx, "links", linkColumns, link.fields(), "")
	return link, err
}

// LinksOf lists the active links of a record, to one system if system is not empty, the surest first. A link that a
// person set comes before all that were found.
func (s *Store) LinksOf(ctx context.Context, of Ref, system string) ([]Link, error) {
	query := "SELECT " + linkColumns + ` FROM links WHERE state = ? AND (
		(left_system = ? AND left_kind = ? AND left_id = ? AND (? = '' OR right_system = ?)) OR
		(right_system = ? AND right_kind = ? AND right_id = ? AND (? = '' OR left_system = ?)))
		ORDER BY CASE WHEN corrected_by = '' THEN 1 ELSE 0 END, confidence DESC, found_at, id`
	found, err := many[Link](ctx, s.read(), query, LinkActive, of.System, of.Kind, of.ID, system, system, of.System, of.Kind, of.ID, system, system)
	return found, wrap("links", err)
}

// LinkFilter chooses links; the zero value chooses all.
type LinkFilter struct {
	System string // on either side
	Kind   string // on either side
	ID     string // on either side
	CaseID string // that found it
	State  LinkState
	Limit  int
	Offset int
}

// Links lists links, the newest first, also those that no longer hold.
func (s *Store) Links(ctx context.Context, filter LinkFilter) ([]Link, error) {
	var c conditions
	for column, value := range map[string]string{"system": filter.System, "kind": filter.Kind, "id": filter.ID} {
		if value != "" {
			c.add("(left_"+column+" = ? OR right_"+column+" = ?)", value, value)
		}
	}
	if filter.CaseID != "" {
		c.add("case_id = ?", filter.CaseID)
	}
	if filter.State != "" {
		c.add("state = ?", filter.State)
	}
	found, err := many[Link](ctx, s.read(), "SELECT "+linkColumns+" FROM links"+c.where()+" ORDER BY found_at DESC, id DESC"+page(filter.Limit, filter.Offset), c.args...)
	return found, wrap("links", err)
}

// Link finds a link by its id.
func (s *Store) Link(ctx context.Context, id string) (Link, error) {
	found, err := linkByID(ctx, s.read(), id)
	return found, wrap("link "+id, err)
}

// CorrectLink is a person's word that a record (keep, one side of the link) is the same as right and not as the
// link says. The old link stays as history; the new one, also if it had been removed before, is active.
func (s *Store) CorrectLink(ctx context.Context, id, who, note string, keep, right Ref) (Link, error) {
	var active Link
	err := s.write(ctx, "correct link "+id, func(tx session) error {
		old, err := linkByID(ctx, tx, id)
		if err != nil {
			return err
		}
		if keep != old.Left && keep != old.Right {
			return errors.New("the record to keep is not a side of the link")
		}
		if old.Other(keep) == right {
			return errors.New("the link says so already")
		}
		active, err = s.linkByHand(ctx, tx, Link{Left: keep, Right: right, CaseID: old.CaseID, CorrectedBy: who, Note: note})
		if err != nil {
			return err
		}
		return s.closeLink(ctx, tx, id, LinkCorrected, who, note, active.ID)
	})
	return active, err
}

// LinkByHand is a person's word that two records are the same.
func (s *Store) LinkByHand(ctx context.Context, link Link, who string) (Link, error) {
	link.CorrectedBy = who
	var active Link
	err := s.write(ctx, "link by hand", func(tx session) error {
		var err error
		active, err = s.linkByHand(ctx, tx, link)
		return err
	})
	return active, err
}

// RemoveLink is a person's word that two records are not the same.
func (s *Store) RemoveLink(ctx context.Context, id, who, note string) error {
	return s.write(ctx, "remove link "+id, func(tx session) error {
		return s.closeLink(ctx, tx, id, LinkRemoved, who, note, "")
	})
}

func (s *Store) linkByHand(ctx context.Context, tx session, link Link) (Link, error) {
	stored, err := s.putLink(ctx, tx, Link{Left: link.Left, Right: link.Right, CaseID: link.CaseID, Evidence: link.Evidence})
	if err != nil {
		return Link{}, err
	}
	stored.State, stored.Confidence, stored.CorrectedBy, stored.Note, stored.ReplacedBy = LinkActive, 1, link.CorrectedBy, link.Note, ""
	stored.CorrectedAt = s.now().UTC().Truncate(time.Microsecond)
	if len(link.Evidence) > 0 {
		stored.Evidence = link.Evidence
	}
	_, err = tx.exec(ctx, "UPDATE links SET state = ?, confidence = 1, corrected_by = ?, note = ?, corrected_at = ?, replaced_by = '', evidence = ? WHERE id = ?",
		stored.State, stored.CorrectedBy, stored.Note, stored.CorrectedAt, stored.Evidence, stored.ID)
	return stored, err
}

func (s *Store) closeLink(ctx context.Context, tx session, id string, state LinkState, who, note, replacedBy string) error {
	n, err := tx.exec(ctx, "UPDATE links SET state = ?, corrected_by = ?, corrected_at = ?, note = ?, replaced_by = ? WHERE id = ?",
		state, who, s.now(), note, replacedBy, id)
	if err == nil && n == 0 {
		return ErrNotFound
	}
	return err
}

func linkByID(ctx context.Context, q session, id string) (Link, error) {
	return one[Link](ctx, q, "SELECT "+linkColumns+" FROM links WHERE id = ?", id)
}

func linkByPair(ctx context.Context, q session, left, right Ref) (Link, error) {
	return one[Link](ctx, q, "SELECT "+linkColumns+` FROM links WHERE left_system = ? AND left_kind = ? AND left_id = ?
		AND right_system = ? AND right_kind = ? AND right_id = ?`, left.System, left.Kind, left.ID, right.System, right.Kind, right.ID)
}

func sorted(link Link) Link {
	if link.Right.less(link.Left) {
		link.Left, link.Right = link.Right, link.Left
	}
	return link
}
