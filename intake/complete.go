package intake

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"crosswalk/rules"
	"crosswalk/store"
	"crosswalk/workspace"
)

// complete answers the desk's task that mirrors a ticket which was solved in the support system.
func (i *Intake) complete(ctx context.Context, s *workspace.Source, m Message) (Receipt, error) {
	if m.ID != "" {
		if seen, err := i.Store.WebhookSeen(ctx, s.Name, m.ID); err != nil || seen {
			return Receipt{Outcome: Duplicate}, err
		}
	}
	receipt, err := i.completeTask(ctx, s, map[string]rules.Value{string(s.Kind): messageValue(m)})
	if err != nil || m.ID == "" {
		return receipt, err
	}
	_, err = i.Store.RememberWebhook(ctx, s.Name, m.ID)
	return receipt, err
}

func (i *Intake) completeTask(ctx context.Context, s *workspace.Source, scope map[string]rules.Value) (Receipt, error) {
	if s.Completes.When != nil {
		if is, err := s.Completes.When.Eval(scope); err != nil || !is.Bool() {
			return Receipt{Outcome: Ignored, Reason: "it reports nothing that is waited for"}, nil
		}
	}
	ticket, err := s.Completes.Task.Eval(scope)
	if err != nil || ticket.Text() == "" {
		return Receipt{}, fmt.Errorf("%w: it names no ticket", ErrMalformed)
	}
	for {
		task, err := i.Store.TaskByExternal(ctx, s.Completes.System, ticket.Text())
		switch {
		case errors.Is(err, store.ErrNotFound):
			return Receipt{Outcome: Ignored, Reason: "no task belongs to the ticket"}, nil
		case err != nil:
			return Receipt{}, fmt.Errorf("intake: %s: %w", s.Name, err)
		case task.Closed():
			return Receipt{CaseID: task.CaseID, Outcome: Duplicate}, nil
		}
		receipt, err := i.answer(ctx, s, scope, task)
		if !errors.Is(err, store.ErrStaleVersion) && !errors.Is(err, store.ErrAnswered) {
			return receipt, err
		}
	}
}

// answer stores what the support system's agent said, as the answer of the task, and tells the case.
func (i *Intake) answer(ctx context.Context, s *workspace.Source, scope map[string]rules.Value, task store.Task) (Receipt, error) {
	outcome := outcomeOf(task, said(s.Completes.Outcome, scope))
	by := "system:" + s.Completes.System
	if who := said(s.Completes.By, scope); who != "" {
		by = who
	}
	answer, err := json.Marshal(rules.Record(map[string]rules.Value{"outcome": rules.Text(outcome), "in_system": rules.Bool(true)}))
	if err != nil {
		return Receipt{}, err
	}
	answered, err := i.Store.Answer(ctx, task.ID, task.Version, store.Actor{User: by, All: true}, outcome, answer)
	if err != nil {
		return Receipt{}, fmt.Errorf("intake: %s: %w", s.Name, err)
	}
	i.Log.Info("intake.task.completed", "source", s.Name, "task", answered.ID, "case", answered.CaseID)
	if err := i.Cases.Deliver(ctx, answered); err != nil { // the sweeper repeats it
		i.Log.Warn("intake.answer.not_delivered", "task", answered.ID, "error", err)
	}
	return Receipt{CaseID: answered.CaseID, Outcome: Completed}, nil
}

// outcomeOf is an outcome that the task knows: the support system has words of its own.
func outcomeOf(task store.Task, said string) string {
	var payload rules.Value
	_ = json.Unmarshal(task.Payload, &payload) // a payload that cannot be read offers nothing
	var known []string
	for _, item := range payload.Get("outcomes").Items() {
		known = append(known, item.Text())
	}
	switch {
	case slices.Contains(known, said), len(known) == 0 && said != "":
		return said
	case len(known) > 0:
		return known[0]
	}
	return "done"
}

// said is a text that a source takes from a message, "" if there is none.
func said(template *rules.Template, scope map[string]rules.Value) string {
	if template == nil {
		return ""
	}
	v, err := template.Eval(scope)
	if err != nil {
		return ""
	}
	return cleanLine(v.Text())
}
