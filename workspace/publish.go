package workspace

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"crosswalk/source"
	"crosswalk/store"
)

// ErrInvalid says that a workspace has errors, so that nothing was published.
var ErrInvalid = errors.New("workspace: it has errors")

// Published says what a publication changed.
type Published struct {
	Version int64             // grows with every change
	Changed []string          // use cases that have another bundle now, sorted
	Removed []string          // use cases that are out of force now, sorted
	Hashes  map[string]string // the bundle in force of every use case
	Reach   string            // the hash of the reach in force
}

// Proposal is a workspace that was compared with what is in force. It can be published as long as that stays in force.
type Proposal struct {
	Workspace *Workspace
	Version   int64 // in force when it was compared; 0: nothing was
	Restores  int64 // the version that it puts in force again; 0 if it brings something new
	Changes   []Change
	Open      []OpenCases
	Folder    string // where it comes from, as PublishFrom takes it; "" if that is not to be remembered
}

// OpenCases are the open cases of a use case that changes or goes, without those that have the bundle that comes. They
// keep the one that they have.
type OpenCases struct {
	UseCase string `json:"use_case"`
	Open    int    `json:"open"`
	Waiting int    `json:"waiting"` // of those, for a person, a system or a time
}

// Propose compares a workspace with what is in force. A workspace with errors cannot be proposed.
func (w *Workspace) Propose(ctx context.Context, s *store.Store) (Proposal, error) {
	if w.Reach == nil || len(w.errors) > 0 {
		return Proposal{}, fmt.Errorf("%w:\n%w", ErrInvalid, w.errors)
	}
	version, err := s.Version(ctx)
	if err != nil {
		return Proposal{}, fmt.Errorf("workspace: %w", err)
	}
	p := Proposal{Workspace: w, Version: version}
	before, err := StateAt(ctx, s, version)
	if err != nil {
		return p, err
	}
	after := w.State()
	p.Changes = Changes(before, after)
	for _, name := range sortedKeys(before.Bundles) {
		if now, stays := after.Bundles[name]; stays && now.Hash() == before.Bundles[name].Hash() {
			continue
		}
		touched, comes := OpenCases{UseCase: name}, ""
		if now, stays := after.Bundles[name]; stays {
			comes = now.Hash() // a case that was moved, or began before an undo, may have it already
		}
		if touched.Open, err = s.CountCases(ctx, store.CaseFilter{UseCases: []string{name}, NotBundle: comes, Open: true}); err != nil {
			return p, fmt.Errorf("workspace: %w", err)
		}
		if touched.Waiting, err = s.CountCases(ctx, store.CaseFilter{UseCases: []string{name}, NotBundle: comes, Open: true, Waiting: true}); err != nil {
			return p, fmt.Errorf("workspace: %w", err)
		}
		if touched.Open > 0 {
			p.Open = append(p.Open, touched)
		}
	}
	return p, nil
}

// Publish puts what was proposed in force, unless something else has come into force since (store.ErrSuperseded).
func (p Proposal) Publish(ctx context.Context, s *store.Store, by, note string) (Published, error) {
	return p.Workspace.publish(ctx, s, store.Publication{Who: by, Note: note, Checked: true, After: p.Version, Restores: p.Restores, Folder: p.Folder})
}

// Publish stores the bundles and the reach, and puts all of them in force together, whatever is in force at the
// moment. A workspace with errors changes nothing. Use cases that are in force but not in the workspace any more are
// taken out of force; their open cases go on.
func (w *Workspace) Publish(ctx context.Context, s *store.Store, by, note string) (Published, error) {
	for {
		version, err := s.Version(ctx)
		if err != nil {
			return Published{}, fmt.Errorf("workspace: publishing: %w", err)
		}
		published, err := w.publish(ctx, s, store.Publication{Who: by, Note: note, Checked: true, After: version})
		if !errors.Is(err, store.ErrSuperseded) {
			return published, err
		}
	}
}

func (w *Workspace) publish(ctx context.Context, s *store.Store, next store.Publication) (Published, error) {
	if w.Reach == nil || len(w.errors) > 0 {
		return Published{}, fmt.Errorf("%w:\n%w", ErrInvalid, w.errors)
	}
	before, err := s.InForceAt(ctx, next.After)
	if err != nil {
		return Published{}, fmt.Errorf("workspace: publishing: %w", err)
	}
	result := Published{Hashes: map[string]string{}, Reach: w.Reach.Hash()}
	was := map[string]string{}
	next.Bundles, next.Reach = map[string]string{}, result.Reach
	for _, published := range before {
		if published.Kind != store.KindBundle {
			continue
		}
		was[published.Name] = published.Hash
		if w.UseCase(published.Name) == nil {
			next.Bundles[published.Name] = ""
			result.Removed = append(result.Removed, published.Name)
		}
	}
	for _, useCase := range w.UseCases {
		if err := s.PutBundle(ctx, useCase.Hash, useCase.Name, useCase.Bundle.Canonical()); err != nil {
			return Published{}, fmt.Errorf("workspace: publishing %s: %w", useCase.Name, err)
		}
		next.Bundles[useCase.Name], result.Hashes[useCase.Name] = useCase.Hash, useCase.Hash
		if was[useCase.Name] != useCase.Hash {
			result.Changed = append(result.Changed, useCase.Name)
		}
	}
	if err := s.PutReach(ctx, result.Reach, w.Body()); err != nil {
		return Published{}, fmt.Errorf("workspace: publishing: %w", err)
	}
	result.Version, err = s.Publish(ctx, next)
	if err != nil {
		return Published{}, fmt.Errorf("workspace: publishing: %w", err)
	}
	return result, nil
}

// ProposeVersion proposes to put an earlier version in force again. It is checked like any other: what it needs must
// still be there.
func ProposeVersion(ctx context.Context, s *store.Store, version int64, base string) (Proposal, source.Problems, error) {
	release, err := s.Release(ctx, version)
	if err != nil {
		return Proposal{}, nil, fmt.Errorf("workspace: %w", err)
	}
	state, err := StateAt(ctx, s, version)
	if err != nil {
		return Proposal{}, nil, err
	}
	p, problems, err := proposeState(ctx, s, state, base)
	p.Restores = original(release)
	return p, problems, err
}

// original is the version that first brought what a release put in force.
func original(release store.Release) int64 {
	if release.Restores > 0 {
		return release.Restores
	}
	return release.Version
}

// ErrNothingBefore says that there is nothing to go back to.
var ErrNothingBefore = errors.New("there is no earlier version")

// ProposeUndo proposes what was in force before that which is in force now came. Doing it twice goes back twice.
func ProposeUndo(ctx context.Context, s *store.Store, base string) (Proposal, source.Problems, error) {
	version, err := s.Version(ctx)
	if err != nil {
		return Proposal{}, nil, fmt.Errorf("workspace: %w", err)
	}
	if version == 0 {
		return Proposal{}, nil, ErrNothingBefore
	}
	release, err := s.Release(ctx, version)
	if err != nil {
		return Proposal{}, nil, fmt.Errorf("workspace: %w", err)
	}
	before := original(release) - 1
	if before == 0 {
		return Proposal{}, nil, ErrNothingBefore
	}
	return ProposeVersion(ctx, s, before, base)
}

// ProposeBundle proposes to put one stored bundle in force for its use case, beside everything else that is in force.
func ProposeBundle(ctx context.Context, s *store.Store, hash, base string) (Proposal, source.Problems, error) {
	version, err := s.Version(ctx)
	if err != nil {
		return Proposal{}, nil, fmt.Errorf("workspace: %w", err)
	}
	state, err := StateAt(ctx, s, version)
	if err != nil {
		return Proposal{}, nil, err
	}
	stored, err := s.Bundle(ctx, hash)
	if err != nil {
		return Proposal{}, nil, fmt.Errorf("workspace: %w", err)
	}
	state.Bundles = maps.Clone(state.Bundles)
	if state.Bundles[stored.Name], err = bundleOf(ctx, s, hash); err != nil {
		return Proposal{}, nil, fmt.Errorf("workspace: %w", err)
	}
	return proposeState(ctx, s, state, base)
}

func proposeState(ctx context.Context, s *store.Store, state State, base string) (Proposal, source.Problems, error) {
	w, problems := state.Workspace(base)
	if problems.Err() != nil {
		return Proposal{Workspace: w}, problems, nil
	}
	p, err := w.Propose(ctx, s)
	return p, problems, err
}

// Undone says whether a workspace holds exactly what was taken back last, so that putting it in force by itself would
// take the undo back.
func (w *Workspace) Undone(ctx context.Context, s *store.Store) (bool, error) {
	version, err := s.Version(ctx)
	if err != nil || version < 2 {
		return false, err
	}
	release, err := s.Release(ctx, version)
	if err != nil || release.Restores == 0 {
		return false, err
	}
	taken, err := s.InForceAt(ctx, version-1)
	if err != nil {
		return false, err
	}
	mine := []string{store.KindReach + w.Reach.Hash()}
	for _, useCase := range w.UseCases {
		mine = append(mine, store.KindBundle+useCase.Hash)
	}
	theirs := make([]string, 0, len(taken))
	for _, one := range taken {
		theirs = append(theirs, one.Kind+one.Hash)
	}
	slices.Sort(mine)
	slices.Sort(theirs)
	return slices.Equal(mine, theirs), nil
}
