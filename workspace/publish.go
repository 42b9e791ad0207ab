package workspace

import (
	"context"
	"errors"
	"fmt"

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

// Publish stores the bundles and the reach, and puts all of them in force together. A workspace with
// errors changes nothing. Use cases that are in force but not in the workspace any more are taken out of
// force; their open cases go on.
func (w *Workspace) Publish(ctx context.Context, s *store.Store, by, note string) (Published, error) {
	if w.Reach == nil || len(w.errors) > 0 {
		return Published{}, fmt.Errorf("%w:\n%w", ErrInvalid, w.errors)
	}
	before, err := s.InForce(ctx)
	if err != nil {
		return Published{}, fmt.Errorf("workspace: publishing: %w", err)
	}
	result := Published{Hashes: map[string]string{}, Reach: w.Reach.Hash()}
	was := map[string]string{}
	next := store.Publication{Bundles: map[string]string{}, Reach: result.Reach, Who: by, Note: note}
	for _, published := range before {
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
