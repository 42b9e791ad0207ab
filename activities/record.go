package activities

import (
	"context"
	"encoding/json"
	"errors"
	"strings"

	"crosswalk/rules"
	"crosswalk/store"
)

// Record writes down what a case has come to. Written twice, it is there once. If the case has ended before, as only a
// workflow task knows that was lost, it returns that end.
func (a *Activities) Record(ctx context.Context, in Record) (*End, error) {
	err := a.writeRecord(ctx, in)
	if errors.Is(err, store.ErrCaseEnded) {
		return a.endOf(ctx, in.Case)
	}
	if err == nil && in.End != nil {
		a.reads.forget(in.Case)
		a.Telemetry.CaseEnded(useCaseOf(in.Case), string(in.End.State))
		if a.Log != nil {
			a.Log.Info("case.ended", "case", in.Case, "state", in.End.State, "outcome", in.End.Outcome)
		}
	}
	return nil, storeError(NameRecord, err)
}

// endOf is how the store says that a case has ended.
func (a *Activities) endOf(ctx context.Context, caseID string) (*End, error) {
	of, err := a.Store.Case(ctx, caseID)
	end := &End{State: CaseState(of.State), Outcome: of.Outcome, Stage: of.Stage, At: of.EndedAt}
	if err == nil && len(of.Result) > 0 {
		err = json.Unmarshal(of.Result, &end.Result)
	}
	if err != nil {
		return nil, storeError(NameRecord, err)
	}
	return end, nil
}

// useCaseOf is the first part of a case's id: the second is a ULID.
func useCaseOf(caseID string) string {
	const ulid = 26
	if len(caseID) <= ulid {
		return caseID
	}
	return strings.TrimSuffix(caseID[:len(caseID)-ulid], "-")
}

func (a *Activities) writeRecord(ctx context.Context, in Record) error {
	record := store.Record{CaseID: in.Case}
	for _, step := range in.Steps {
		row, err := stepRow(step)
		if err != nil {
			return err
		}
		record.Steps = append(record.Steps, row)
		record.Contacts = append(record.Contacts, contactKeys(step)...)
	}
	for _, decision := range in.Decisions {
		row, err := decisionRow(decision)
		if err != nil {
			return err
		}
		record.Decisions = append(record.Decisions, row)
	}
	for _, event := range in.Events {
		record.Events = append(record.Events, store.Event{Key: event.Key, At: event.At, Kind: event.Kind, Text: event.Text, Who: event.Who})
	}
	if p := in.Progress; p != nil {
		record.Progress = &store.Progress{Seq: int64(p.Seq), State: store.CaseState(p.State), Stage: p.Stage, Title: p.Title,
			WaitingFor: p.WaitingFor, WaitingKind: p.WaitingKind, WaitingSince: p.WaitingSince, WaitingUntil: p.WaitingUntil,
			WaitingStep: p.WaitingStep, WaitingSystem: p.WaitingSystem, WaitingClass: string(p.WaitingClass)}
	}
	if e := in.End; e != nil {
		result, err := wire(e.Result)
		if err != nil {
			return err
		}
		record.End = &store.End{State: store.CaseState(e.State), Outcome: e.Outcome, Stage: e.Stage, Title: e.Title, Result: result, At: e.At}
	}
	return a.Store.WriteRecord(ctx, record)
}

func stepRow(step StepRecord) (store.StepResult, error) {
	result, err := wire(step.Value)
	row := store.StepResult{
		Path: step.Path, Generation: step.Generation, Ordinal: step.Seq, Kind: step.Kind, Title: step.Title,
		System: step.System, Operation: step.Operation, Driver: step.Driver, DriverHash: step.DriverHash,
		StartedAt: step.Begun, FinishedAt: step.Done, Result: result, ErrorClass: string(step.Class), ErrorMessage: step.Message,
		Evidence: strings.Join(step.Evidence, " "),
	}
	return row, err
}

func decisionRow(d DecisionRecord) (store.Decision, error) {
	facts, err := wire(d.Facts)
	if err != nil {
		return store.Decision{}, err
	}
	outputs, err := wire(d.Outputs)
	if err != nil {
		return store.Decision{}, err
	}
	var details json.RawMessage
	if d.Details != nil {
		details, err = json.Marshal(d.Details)
	}
	return store.Decision{
		Path: d.Path, Generation: d.Generation, At: d.At, Table: d.Table, TableHash: d.Hash, Row: d.Row, Why: d.Why,
		Facts: facts, FactsHash: d.FactsHash, Outputs: outputs, Error: d.Error, Details: details,
	}, err
}

func wire(v rules.Value) (json.RawMessage, error) {
	if v.IsMissing() {
		return nil, nil
	}
	return json.Marshal(v)
}

// contactKeys are the addresses under which a customer that a step found may write again: a message from one of them
// joins the case. The forms are those of the intake.
func contactKeys(step StepRecord) []string {
	if step.Value.Get("system").IsMissing() || step.Value.Get("name").IsMissing() {
		return nil
	}
	var keys []string
	for _, field := range []string{"email", "emails"} {
		for _, one := range listed(step.Value.Get(field)) {
			keys = append(keys, key("email:", strings.ToLower(strings.TrimSpace(one.Text()))))
		}
	}
	for _, field := range []string{"phone", "phones"} {
		for _, one := range listed(step.Value.Get(field)) {
			keys = append(keys, key("phone:", lastDigits(one.Text(), 9)))
		}
	}
	return append(keys, key("handle:", strings.ToLower(strings.TrimPrefix(strings.TrimSpace(step.Value.Get("handle").Text()), "@"))))
}

func key(kind, value string) string {
	if value == "" {
		return ""
	}
	return kind + value
}

func lastDigits(text string, n int) string {
	digits := strings.Map(func(r rune) rune {
		if r < '0' || r > '9' {
			return -1
		}
		return r
	}, text)
	if len(digits) < 6 {
		return "" // no telephone number
	}
	return digits[max(0, len(digits)-n):]
}
