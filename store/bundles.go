package store

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"time"
)

// Kinds of definitions.
const (
	KindBundle = "bundle" // the meaning of a use case; its name is the use case
	KindReach  = "reach"  // adapters, robots and crosswalk.yaml; there is one, its name is ""
)

// ErrInUse says that something can not be deleted because it is needed.
var ErrInUse = errors.New("in use")

// ErrSuperseded says that something else came into force since a publication was checked, so that it was not made.
var ErrSuperseded = errors.New("something else has come into force meanwhile")

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
	// Checked says that After is the version against which the publication was checked: if another one is in force
	// by now, nothing is published and the error is ErrSuperseded.
	Checked bool
	After   int64
	// Restores is the version whose state this puts in force again; 0 if it brings something new.
	Restores int64
	// Folder is where it comes from, as FolderVersion takes it; "" if that is not to be remembered.
	Folder string
}

// Release is one version: when it came into force, and who did it.
type Release struct {
	Version  int64     `json:"version"`
	Who      string    `json:"who"`
	Note     string    `json:"message,omitempty"`
	At       time.Time `json:"at"`
	Restores int64     `json:"restores,omitempty"`
}

// All rows of one version were written together and say the same of it.
const releases = "SELECT version, MAX(who), MAX(note), MAX(at), MAX(restores) FROM publications"

func (r *Release) fields() []any {
	return []any{&r.Version, &r.Who, &r.Note, stamp{&r.At}, &r.Restores}
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
		if publication.Checked && publication.After != version {
			return fmt.Errorf("%w: version %d, and it was checked against %d", ErrSuperseded, version, publication.After)
		}
		changed, err := s.changedBy(ctx, tx, publication)
		if err != nil {
			return err
		}
		if len(changed) > 0 {
			version++
		}
		if publication.Folder != "" {
			if _, err := tx.insert(ctx, "folders", "folder, version", []any{publication.Folder, version}, "ON CONFLICT (folder) DO UPDATE SET version = excluded.version"); err != nil {
				return err
			}
		}
		at := s.now()
		for _, p := range changed {
			p.Version, p.At = version, at
			if _, err := tx.insert(ctx, "publications", publishedColumns+", restores", append(p.fields(), publication.Restores), ""); err != nil {
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

// FolderVersion is the version that was last published from a folder, or found to be the same as what it holds; 0 if
// nothing is known of the folder.
func (s *Store) FolderVersion(ctx context.Context, folder string) (int64, error) {
	var version int64
	err := s.read().scalar(ctx, "SELECT COALESCE(MAX(version), 0) FROM folders WHERE folder = ?", []any{folder}, &version)
	return version, wrap("folder", err)
}

// KnowsFolders says whether anything was published from a folder that is remembered: of what was published before folders
// were, nothing is known.
func (s *Store) KnowsFolders(ctx context.Context) (bool, error) {
	var known int64
	err := s.read().scalar(ctx, "SELECT COUNT(*) FROM folders", nil, &known)
	return known > 0, wrap("folders", err)
}

// InForceAt lists everything that was in force at a version, bundles and reach, by kind and name. What it answers for a
// version never changes, so that everybody who works with a version works with the same.
func (s *Store) InForceAt(ctx context.Context, version int64) ([]Published, error) {
	found, err := many[Published](ctx, s.read(), "SELECT "+publishedColumns+` FROM publications p
		WHERE p.version = (SELECT MAX(n.version) FROM publications n WHERE n.kind = p.kind AND n.name = p.name AND n.version <= ?)
		AND p.hash <> '' ORDER BY p.kind, p.name`, version)
	return found, wrap(fmt.Sprintf("in force at %d", version), err)
}

// Release tells of one version; ErrNotFound if there was none.
func (s *Store) Release(ctx context.Context, version int64) (Release, error) {
	found, err := one[Release](ctx, s.read(), releases+" WHERE version = ? GROUP BY version", version)
	return found, wrap(fmt.Sprintf("version %d", version), err)
}

// Releases lists the versions, newest first.
func (s *Store) Releases(ctx context.Context, limit int) ([]Release, error) {
	found, err := many[Release](ctx, s.read(), releases+" GROUP BY version ORDER BY version DESC"+page(limit, 0))
	return found, wrap("releases", err)
}

// PublishedBy lists what a version changed, by kind and name.
func (s *Store) PublishedBy(ctx context.Context, version int64) ([]Published, error) {
	found, err := many[Published](ctx, s.read(), "SELECT "+publishedColumns+" FROM publications WHERE version = ? ORDER BY kind, name", version)
	return found, wrap(fmt.Sprintf("published by %d", version), err)
}

// FindDefinitions lists the definitions whose hash begins so, without their bodies. At most two are looked for: more
// than one is as good as many.
func (s *Store) FindDefinitions(ctx context.Context, prefix string) ([]Definition, error) {
	like := strings.NewReplacer(`\`, `\\`, "%", `\%`, "_", `\_`).Replace(prefix) + "%"
	found, err := many[Definition](ctx, s.read(), `SELECT hash, kind, name, '', stored_at FROM definitions WHERE hash LIKE ? ESCAPE '\' ORDER BY hash LIMIT 2`, like)
	return found, wrap("definitions "+prefix, err)
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

// DeleteBundle deletes a bundle that nothing refers to: no case, ended or not, and no version that was ever in force.
// Any other stays (ErrInUse): a case keeps its bundle for life, its record is explained by it, and an undo needs it.
func (s *Store) DeleteBundle(ctx context.Context, hash string) error {
	return s.write(ctx, "delete bundle "+hash, func(tx session) error {
		var used, published int
		if err := tx.scalar(ctx, "SELECT COUNT(*) FROM cases WHERE bundle_hash = ?", []any{hash}, &used); err != nil {
			return err
		}
		if err := tx.scalar(ctx, "SELECT COUNT(*) FROM publications WHERE hash = ?", []any{hash}, &published); err != nil {
			return err
		}
		// A case that was moved to another version is replayed from its beginning with the one it began with.
		var moved int
		if err := tx.scalar(ctx, "SELECT COUNT(*) FROM repairs WHERE bundle_before = ?", []any{hash}, &moved); err != nil {
			return err
		}
		if used += moved; used > 0 || published > 0 {
			return fmt.Errorf("%w: by %d cases, published %d times", ErrInUse, used, published)
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
		p.Who, p.Note = publication.Who, publication.Note
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
