package main

import (
	"context"

	"crosswalk/desk"
	"crosswalk/store"
	"crosswalk/worker"
)

// toldCases speaks of a case that has ended in the words of the intake.
type toldCases struct{ *worker.Cases }

// Nudge tells a case that there are messages for it.
func (t toldCases) Nudge(ctx context.Context, caseID string) error {
	return ended(t.Cases.Nudge(ctx, caseID))
}

// Deliver tells a case of an answer.
func (t toldCases) Deliver(ctx context.Context, task store.Task) error {
	return ended(t.Cases.Deliver(ctx, task))
}

// deskCases adds what the desk shows of a running case.
type deskCases struct {
	toldCases
	cases *worker.Cases
}

// Waits lists what a case waits for.
func (d deskCases) Waits(ctx context.Context, caseID string) ([]desk.Wait, error) {
	found, err := d.cases.Waits(ctx, caseID)
	waits := make([]desk.Wait, len(found))
	for i, one := range found {
		waits[i] = desk.Wait{Kind: one.Kind, For: one.For, Step: one.Step, Label: one.Label, System: one.System, Operation: one.Operation, Class: one.Class,
			Task: one.Task, Since: one.Since, Until: one.Until, Attempt: one.Attempt, Trying: one.Trying, NextTry: one.NextTry}
		if one.Kind == "system" && one.System == "" { // somebody else's worker, by its queue
			if heard, err := d.cases.Heard(ctx, one.For); err == nil && !heard {
				waits[i].Held = append(waits[i].Held, "no worker listens on the task queue "+one.For)
			}
			if why, err := d.cases.Stuck(ctx, caseID, one.Step); err == nil && why != "" {
				waits[i].Held = append(waits[i].Held, why)
			}
		}
	}
	return waits, err
}

// WouldUndo lists what would be undone if a case were cancelled.
func (d deskCases) WouldUndo(ctx context.Context, of store.Case) ([]desk.Undo, error) {
	found, err := d.cases.WouldUndo(ctx, of)
	var list []desk.Undo
	for _, one := range found {
		list = append(list, desk.Undo(one))
	}
	return list, err
}

// Preview says what it would mean to have a case do its steps again.
func (d deskCases) Preview(ctx context.Context, of store.Case, step string, move bool) (desk.Preview, error) {
	found, err := d.cases.Preview(ctx, of, step, move)
	preview := desk.Preview{Problem: found.Problem, Step: found.Step, Steps: found.Steps, Bundle: found.Bundle}
	for _, one := range found.Writes {
		preview.Writes = append(preview.Writes, desk.Rewrite(one))
	}
	return preview, err
}

// Repair tells a case of what an operator wants.
func (d deskCases) Repair(ctx context.Context, repair store.Repair) (problem, task string, err error) {
	reply, err := d.cases.Repair(ctx, repair)
	return reply.Problem, reply.Task, err
}
