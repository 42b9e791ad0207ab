package main

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"

	"crosswalk/desk"
	"crosswalk/intake"
	"crosswalk/rules"
	"crosswalk/store"
	"crosswalk/workspace"
)

// note takes in a phone note through the workspace's note source.
func (s *system) note(ctx context.Context, m intake.Message) (intake.Receipt, error) {
	source := s.intake.Source(workspace.FromNote, "")
	if source == nil {
		return intake.Receipt{}, errors.New("crosswalk.yaml has no source with note:")
	}
	return s.intake.Take(ctx, source, m)
}

// startByHand starts a case with an input that somebody gave. It goes through the intake's store, so that a crash
// between storing and starting loses nothing.
func (s *system) startByHand(ctx context.Context, useCase string, input []byte, who string) (store.Case, error) {
	kind := s.definitions.Input(useCase)
	if kind == nil {
		return store.Case{}, fmt.Errorf("no use case %q is in force", useCase)
	}
	v, err := rules.FromJSON(input)
	if err != nil {
		return store.Case{}, fmt.Errorf("the input is not JSON: %w", err)
	}
	if v, err = kind.Decode(v); err != nil {
		return store.Case{}, fmt.Errorf("the input does not fit the use case %s: %w", useCase, err)
	}
	parsed, err := v.MarshalJSON()
	if err != nil {
		return store.Case{}, err
	}
	stored, err := s.store.StoreEntry(ctx, store.Incoming{
		Entry: store.Entry{Source: "command", Channel: "command", TypedBy: who, DedupeKey: rand.Text(), UseCase: useCase, Parsed: parsed,
			Language: intake.Language(v.Get("text").Text(), s.definitions.Languages(), "en")},
		Raw: input, Join: func([]store.Candidate) string { return "" },
	})
	if err != nil {
		return store.Case{}, err
	}
	if err := s.store.AddEvent(ctx, store.Event{CaseID: stored.Entry.CaseID, Key: "started-by", Kind: "started", Text: "Started by hand", Who: who}); err != nil {
		return store.Case{}, err
	}
	if err := s.cases.StartCase(ctx, stored.Entry); err != nil {
		return store.Case{}, err
	}
	return s.store.Case(ctx, stored.Entry.CaseID)
}

// eventByHand takes in an event that somebody typed. The same id twice is one event.
func (s *system) eventByHand(ctx context.Context, sent desk.SentEvent, who string) (intake.Receipt, error) {
	payload := s.definitions.Event(sent.Name)
	if payload == nil {
		return intake.Receipt{}, fmt.Errorf("no use case in force waits for an event %q", sent.Name)
	}
	value, err := rules.FromJSON(sent.Data)
	if err != nil {
		return intake.Receipt{}, fmt.Errorf("the data is not JSON: %w", err)
	}
	if value, err = payload.Decode(value); err != nil {
		return intake.Receipt{}, fmt.Errorf("the data does not fit the event %s: %w", sent.Name, err)
	}
	return s.intake.Happened(ctx, store.Occurrence{Name: sent.Name, Key: sent.Key, Source: "command", DedupeKey: cmp.Or(sent.ID, rand.Text()), SentBy: who}, value)
}
