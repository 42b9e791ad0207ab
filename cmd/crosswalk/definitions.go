package main

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"

	"crosswalk/rules"
	"crosswalk/store"
	"crosswalk/usecases"
	"crosswalk/workspace"
)

// definitions is what is in force, as the store has it: what desk and intake work with. It looks for a new version
// every second, which is one small read.
type definitions struct {
	store *store.Store
	base  string // folder of the workspace, for secrets in files
	log   *slog.Logger

	mu      sync.RWMutex
	version int64
	reach   *workspace.Reach
	sources []*workspace.Source
	inputs  map[string]*rules.Type
	events  map[string]*rules.Type
	changed func()
}

func newDefinitions(s *store.Store, base string, log *slog.Logger) *definitions {
	return &definitions{store: s, base: base, log: log, inputs: map[string]*rules.Type{}}
}

// refresh reads what is in force if it is not what is known.
func (d *definitions) refresh(ctx context.Context) error {
	version, err := d.store.Version(ctx)
	if err != nil {
		return err
	}
	d.mu.RLock()
	same := version == d.version
	d.mu.RUnlock()
	if same {
		return nil
	}
	// All of it is read at one version: a use case, its tables and the sources that start it switch together.
	all, err := d.store.InForceAt(ctx, version)
	if err != nil {
		return err
	}
	reach, err := d.reachOf(ctx, all)
	if err != nil || reach == nil {
		return err
	}
	inputs, events, err := d.takenBy(ctx, all)
	if err != nil {
		return err
	}
	sources, err := reach.Sources(workspace.Known{Input: func(useCase string) *rules.Type { return inputs[useCase] }, Event: func(name string) *rules.Type { return events[name] }})
	if err != nil {
		return err
	}
	d.mu.Lock()
	d.version, d.reach, d.sources, d.inputs, d.events = version, reach, sources, inputs, events
	changed := d.changed
	d.mu.Unlock()
	if changed != nil {
		changed()
	}
	return nil
}

// reachOf is how systems are reached; nil if nothing says so yet.
func (d *definitions) reachOf(ctx context.Context, all []store.Published) (*workspace.Reach, error) {
	for _, p := range all {
		if p.Kind == store.KindReach {
			stored, err := d.store.ReachByHash(ctx, p.Hash)
			if err != nil {
				return nil, err
			}
			return workspace.ParseReach(stored.Body, d.base)
		}
	}
	return nil, nil
}

// takenBy is what use cases take, and what the events that they declare tell.
func (d *definitions) takenBy(ctx context.Context, all []store.Published) (inputs, events map[string]*rules.Type, err error) {
	inputs, events = map[string]*rules.Type{}, map[string]*rules.Type{}
	for _, p := range all {
		if p.Kind != store.KindBundle {
			continue
		}
		definition, err := d.store.Bundle(ctx, p.Hash)
		if err != nil {
			return nil, nil, err
		}
		bundle, err := usecases.ParseBundle(definition.Body)
		if err != nil {
			return nil, nil, err
		}
		plan, problems := usecases.Compile(bundle)
		if err := problems.Err(); err != nil {
			return nil, nil, fmt.Errorf("use case %s: %w", p.Name, err)
		}
		inputs[p.Name] = plan.Input
		for name, payload := range plan.Events {
			events[name] = payload
		}
	}
	return inputs, events, nil
}

// watch keeps looking until the context is done.
func (d *definitions) watch(ctx context.Context) {
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			if err := d.refresh(ctx); err != nil && ctx.Err() == nil {
				d.log.Error("definitions.not_read", "error", err)
			}
		}
	}
}

func (d *definitions) current() *workspace.Reach {
	d.mu.RLock()
	defer d.mu.RUnlock()
	return d.reach
}

// Sources is the intake in force.
func (d *definitions) Sources() []*workspace.Source {
	d.mu.RLock()
	defer d.mu.RUnlock()
	return d.sources
}

// Input is the input of a use case in force, or nil.
func (d *definitions) Input(useCase string) *rules.Type {
	d.mu.RLock()
	defer d.mu.RUnlock()
	return d.inputs[useCase]
}

// Event is what an event tells that a use case in force waits for, or nil.
func (d *definitions) Event(name string) *rules.Type {
	d.mu.RLock()
	defer d.mu.RUnlock()
	return d.events[name]
}

// KeepEvents is how long events are kept for cases that do not wait for them yet.
func (d *definitions) KeepEvents() time.Duration {
	if r := d.current(); r != nil && r.Config.Retention.Events > 0 {
		return r.Config.Retention.Events
	}
	return store.DefaultKeep
}

// People is who works here.
func (d *definitions) People() *workspace.People {
	if r := d.current(); r != nil {
		return r.People
	}
	return &workspace.People{}
}

// Systems are the names of the systems.
func (d *definitions) Systems() []string {
	var names []string
	if r := d.current(); r != nil {
		for _, system := range r.Config.Systems {
			names = append(names, system.Name)
		}
	}
	return names
}

// Mail says how mail leaves the house; nil if it does not.
func (d *definitions) Mail() *workspace.Mail {
	if r := d.current(); r != nil {
		return r.Config.Mail
	}
	return nil
}

// Company is the name under which mail is written.
func (d *definitions) Company() string {
	if r := d.current(); r != nil {
		return r.Config.Company
	}
	return ""
}

// Languages are those that somebody here speaks, English first if anybody does.
func (d *definitions) Languages() []string {
	var spoken []string
	for _, user := range d.People().Users {
		spoken = append(spoken, user.Languages...)
	}
	slices.Sort(spoken)
	spoken = slices.Compact(spoken)
	if i := slices.Index(spoken, "en"); i > 0 {
		spoken = append([]string{"en"}, slices.Delete(spoken, i, i+1)...)
	}
	return spoken
}
