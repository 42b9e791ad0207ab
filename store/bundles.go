package store

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"time"
)

// Kinds of definitions.
const (
	KindBundle = "bundle" // the meaning of a use case; its name is the use case
	KindReach  = "reach"  // adapters, robots and crosswalk.yaml; there is one, its name is ""
)

// ErrInUse says that something can not be deleted because it is needed.
var ErrInUse = errors.New("in use")

// Definition is an immutable text under its content hash.
type Definition struct {
	Hash     string
	Kind     string
	Name     string
	Body     []byte
	StoredAt time.Time
}

func (d *Definition) fields() []any {
	return []any{&d.Hash, &d.Kind, &d.Name, &d.Body, stamp{&d.StoredAt}}
}

// Published says what came into force when, and who did it. An empty Hash takes the name out of force.
type Published struct {
	Version int64     `json:"version"`
	Kind    string    `json:"kind"`
	Name    string    `json:"name"`
	Hash    string    `json:"hash"`
	Who     string    `json:"who"`
	Note    string    `json:"note,omitempty"`
	At      time.Time `json:"at"`
}

const publishedColumns = "version, kind, name, hash, who, note, at"

func (p *Published) fields() []any {
	return []any{&p.Version, &p.Kind, &p.Name, &p.Hash, &p.Who, &p.Note, stamp{&p.At}}
}

// Publication is a set of definitions that come into force together.
type Publication struct {
	Bundles map[string]string // use case → hash; "" takes it out of force
	Reach   string            // hash; "" leaves what is in force
	Who     string
	Note    string
}

// PutBundle stores a bundle under its hash. The same twice is once; other bytes under a stored hash are an error.
func (s *Store) PutBundle(ctx context.Context, hash, useCase string, body []byte) error {
	return s.putDefinition(ctx, Definition{Hash: hash, Kind: KindBundle, Name: useCase, Body: body})
}

// Bundle finds a bundle by its hash.
func (s *Store) Bundle(ctx context.Context, hash string) (Definition, error) {
	return s.definition(ctx, KindBundle, hash)
}

// PutReach stores the definitions of reach under their hash.
func (s *Store) PutReach(ctx context.Context, hash string, body []byte) error {
	return s.putDefinition(ctx, Definition{Hash: hash, Kind: KindReach, Body: body})
}

// ReachByHash finds definitions of reach by their hash.
func (s *Store) ReachByHash(ctx context.Context, hash string) (Definition, error) {
	return s.definition(ctx, KindReach, hash)
}

// Reach finds the definitions of reach that are in force; ErrNotFound before the first publication.
func (s *Store) Reach(ctx context.Context) (Definition, error) {
	hash, err := inForce(ctx, s.read(), KindReach, "")
	if err != nil {
		return Definition{}, wrap("reach", err)
	}
	return s.definition(ctx, KindReach, hash)
}

// Publish puts definitions in force, all at one version. What is in force already is not published again: if
// nothing changes, the version stays. To undo is to publish the earlier hash.
func (s *Store) Publish(ctx context.Context, publication Publication) (version int64, err error) {
	err = s.write(ctx, "publish", func(tx session) error {
		if version, err = currentVersion(ctx, tx); err != nil {
			return err
		}
		changed, err := s.changedBy(ctx, tx, publication)
		if err != nil || len(changed) == 0 {
			return err
		}
		version++
		for _, p := range changed {
			p.Version = version
			if _, err := tx.insert(ctx, "publications", publishedColumns, p.fields(), ""); err != nil {
				return err
			}
		}
		return nil
	})
	return version, err
}

// PutInForce publishes one bundle.
func (s *Store) PutInForce(ctx context.Context, useCase, hash, who, note string) (version int64, err error) {
	return s.Publish(ctx, Publication{Bundles: map[string]string{useCase: hash}, Who: who, Note: note})
}

// Version grows with each publication. It is cheap: workers and desks poll it.
func (s *Store) Version(ctx context.Context) (int64, error) {
	version, err := currentVersion(ctx, s.read())
	return version, wrap("version", err)
}

const newest = `FROM publications p WHERE p.version = (SELECT MAX(n.version) FROM publications n WHERE n.kind = p.kind AND n.name = p.name)`

// InForce tells what is in force: the bundle of every use case.
func (s *Store) InForce(ctx context.Context) ([]Published, error) {
	found, err := many[Published](ctx, s.read(), "SELECT "+publishedColumns+" "+newest+" AND p.kind = ? AND p.hash <> '' ORDER BY p.name", KindBundle)
	return found, wrap("in force", err)
}

// InForceOf is the hash of the bundle of one use case in force; ErrNotFound if there is none.
func (s *Store) InForceOf(ctx context.Context, useCase string) (string, error) {
	hash, err := inForce(ctx, s.read(), KindBundle, useCase)
	if err == nil && hash == "" {
		err = ErrNotFound
	}
	return hash, wrap("in force of "+useCase, err)
}

// Publications lists what was put in force under a kind and name, newest first.
func (s *Store) Publications(ctx context.Context, kind, name string, limit int) ([]Published, error) {
	found, err := many[Published](ctx, s.read(), "SELECT "+publishedColumns+" FROM publications WHERE kind = ? AND name = ? ORDER BY version DESC"+page(limit, 0), kind, name)
	return found, wrap("publications", err)
}

// DeleteBundle deletes a bundle that is neither in force nor used by an open case (ErrInUse).
func (s *Store) DeleteBundle(ctx context.Context, hash string) error {
	return s.write(ctx, "delete bundle "+hash, func(tx session) error {
		var open, current int
		if err := tx.scalar(ctx, "SELECT COUNT(*) FROM cases WHERE bundle_hash = ? AND ended_at = 0", []any{hash}, &open); err != nil {
			return err
		}
		if err := tx.scalar(ctx, "SELECT COUNT(*) "+newest+" AND p.hash = ?", []any{hash}, &current); err != nil {
			return err
		}
		// A case that was moved to another version is replayed from its beginning with the one it began with.
		var moved int
		if err := tx.scalar(ctx, "SELECT COUNT(*) FROM repairs r, cases c WHERE r.bundle_before = ? AND r.case_id = c.id AND c.ended_at = 0", []any{hash}, &moved); err != nil {
			return err
		}
		if open += moved; open > 0 || current > 0 {
			return fmt.Errorf("%w: %d open cases, in force %d times", ErrInUse, open, current)
		}
		n, err := tx.exec(ctx, "DELETE FROM definitions WHERE hash = ? AND kind = ?", hash, KindBundle)
		if err == nil && n == 0 {
			return ErrNotFound
		}
		return err
	})
}

func (s *Store) changedBy(ctx context.Context, tx session, publication Publication) ([]Published, error) {
	wanted := make([]Published, 0, len(publication.Bundles)+1)
	for name, hash := range publication.Bundles {
		wanted = append(wanted, Published{Kind: KindBundle, Name: name, Hash: hash})
	}
	if publication.Reach != "" {
		wanted = append(wanted, Published{Kind: KindReach, Hash: publication.Reach})
	}
	var changed []Published
	for _, p := range wanted {
		current, err := inForce(ctx, tx, p.Kind, p.Name)
		if err != nil {
			return nil, err
		}
		if current == p.Hash {
			continue
		}
		if err := mustExist(ctx, tx, p); err != nil {
			return nil, err
		}
		p.Who, p.Note, p.At = publication.Who, publication.Note, s.now()
		changed = append(changed, p)
	}
	return changed, nil
}

func mustExist(ctx context.Context, tx session, p Published) error {
	if p.Hash == "" {
		return nil
	}
	var name string
	err := tx.scalar(ctx, "SELECT name FROM definitions WHERE hash = ? AND kind = ?", []any{p.Hash, p.Kind}, &name)
	if err != nil {
		return fmt.Errorf("%s %s: %w", p.Kind, p.Hash, err)
	}
	if name != p.Name {
		return fmt.Errorf("%s %s is of %q, not of %q", p.Kind, p.Hash, name, p.Name)
	}
	return nil
}

func (s *Store) putDefinition(ctx context.Context, d Definition) error {
	d.StoredAt = s.now()
	if d.Hash == "" {
		return errors.New("store: a definition needs its hash")
	}
	return s.write(ctx, "put "+d.Kind, func(tx session) error {
		inserted, err := tx.insert(ctx, "definitions", "hash, kind, name, body, stored_at", d.fields(), "ON CONFLICT (hash) DO NOTHING")
		if err != nil || inserted {
			return err
		}
		stored, err := definition(ctx, tx, d.Kind, d.Hash)
		if err != nil {
			return err
		}
		if stored.Name != d.Name || !bytes.Equal(stored.Body, d.Body) {
			return fmt.Errorf("%s: other content is stored under this hash", d.Hash)
		}
		return nil
	})
}

func (s *Store) definition(ctx context.Context, kind, hash string) (Definition, error) {
	found, err := definition(ctx, s.read(), kind, hash)
	return found, wrap(kind+" "+hash, err)
}

func definition(ctx context.Context, q session, kind, hash string) (Definition, error) {
	return one[Definition](ctx, q, "SELECT hash, kind, name, body, stored_at FROM definitions WHERE hash = ? AND kind = ?", hash, kind)
}

// inForce is the hash in force, or "".
func inForce(ctx context.Context, q session, kind, name string) (string, error) {
	var hash string
	err := q.scalar(ctx, "SELECT hash FROM publications WHERE kind = ? AND name = ? ORDER BY version DESC LIMIT 1", []any{kind, name}, &hash)
	if errors.Is(err, ErrNotFound) {
		return "", nil
	}
	return hash, err
}

func currentVersion(ctx context.Context, q session) (int64, error) {
	var version int64
	err := q.scalar(ctx, "SELECT COALESCE(MAX(version), 0) FROM publications", nil, &version)
	return version, err
}
