package worker

import (
	"context"
	"fmt"
	"log/slog"
	"sync"

	"crosswalk/contracts"
	"crosswalk/rules"
	"crosswalk/store"
	"crosswalk/usecases"
)

// bundles holds the plans of cases in memory. A plan is never changed and never thrown away while the process lives:
// there are few, and a case may need its own for years.
type bundles struct {
	store *store.Store
	log   *slog.Logger

	mu      sync.Mutex
	plans   map[string]*usecases.Plan
	loading map[string]bool
}

func newBundles(s *store.Store, log *slog.Logger) *bundles {
	return &bundles{store: s, log: log, plans: map[string]*usecases.Plan{}, loading: map[string]bool{}}
}

// Plan returns a plan from memory at once. One that is not there is loaded in the background.
func (b *bundles) Plan(hash string) (*usecases.Plan, bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	plan, ok := b.plans[hash]
	if !ok && !b.loading[hash] {
		b.loading[hash] = true
		go b.loadLater(hash)
	}
	return plan, ok
}

func (b *bundles) loadLater(hash string) {
	if _, err := b.load(context.Background(), hash); err != nil {
		b.log.Error("bundle.not_loaded", "bundle", hash, "error", err)
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	delete(b.loading, hash)
}

// load returns a plan and waits for it.
func (b *bundles) load(ctx context.Context, hash string) (*usecases.Plan, error) {
	b.mu.Lock()
	plan, ok := b.plans[hash]
	b.mu.Unlock()
	if ok {
		return plan, nil
	}
	definition, err := b.store.Bundle(ctx, hash)
	if err != nil {
		return nil, fmt.Errorf("worker: bundle %.12s: %w", hash, err)
	}
	bundle, err := usecases.ParseBundle(definition.Body)
	if err != nil {
		return nil, fmt.Errorf("worker: bundle %.12s: %w", hash, err)
	}
	plan, problems := usecases.Compile(bundle)
	if err := problems.Err(); err != nil {
		return nil, fmt.Errorf("worker: bundle %.12s: %w", hash, err)
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.plans[hash] = plan
	return plan, nil
}

// Input is what the use case of a bundle takes.
func (b *bundles) Input(ctx context.Context, bundle string) (*rules.Type, error) {
	plan, err := b.load(ctx, bundle)
	if err != nil {
		return nil, err
	}
	return plan.Input, nil
}

// Contract finds a contract as the case of a bundle knows it.
func (b *bundles) Contract(bundle, system string) (*contracts.Contract, error) {
	plan, err := b.load(context.Background(), bundle)
	if err != nil {
		return nil, err
	}
	if contract := plan.Systems[system]; contract != nil {
		return contract, nil
	}
	return nil, fmt.Errorf("worker: bundle %.12s knows no system %q", bundle, system)
}
