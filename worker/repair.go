package worker

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"go.temporal.io/api/common/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"

	"crosswalk/activities"
	"crosswalk/store"
	"crosswalk/usecases"
	"crosswalk/workflows"
)

// repairPatience is how long one attempt to tell a case of a repair may take: a write that is under way is waited for.
const repairPatience = 40 * time.Second

// Wait is one thing that a case waits for, as its workflow and Temporal see it together.
type Wait struct {
	Kind      string // person, repair, system, time, event
	For       string // queue or role; the system's name
	Step      string // the path of the step
	Label     string
	System    string
	Operation string // crm.find_customer
	Class     string // of the error that made it wait
	Task      string // by which a person ends it
	Since     time.Time
	Until     time.Time // when it ends by itself, or is late; of a call when it is given up and a person is asked
	Attempt   int       // of the call that is tried again and again
	Trying    bool      // an attempt is under way
	NextTry   time.Time
}

// Waits lists what a case waits for, the oldest first, and after that what the items of its long loops wait for. Without
// a worker that could say it, only what Temporal knows.
func (c *Cases) Waits(ctx context.Context, caseID string) ([]Wait, error) {
	parts, err := c.parts(ctx, caseID)
	if err != nil {
		return nil, err
	}
	asking, cancel := context.WithTimeout(ctx, 3*time.Second)
	defer cancel()
	var waits []Wait
	for _, one := range parts {
		found, err := c.waitsOf(asking, one)
		if err != nil {
			return nil, err
		}
		waits = append(waits, found...)
	}
	return waits, nil
}

func (c *Cases) waitsOf(ctx context.Context, one part) ([]Wait, error) {
	var state workflows.State
	if said, err := c.client.QueryWorkflow(ctx, one.id, "", workflows.QueryState); err == nil {
		if err := said.Get(&state); err != nil {
			return nil, fmt.Errorf("worker: what %s waits for: %w", one.id, err)
		}
	}
	pending := one.Pending
	var waits []Wait
	for _, one := range state.Waiting {
		wait := Wait{Kind: one.Kind, For: one.For, Step: one.Path, Label: one.Label, System: one.System, Operation: one.Operation,
			Class: string(one.Class), Task: one.Task, Since: one.Since, Until: one.Until}
		if i := slices.IndexFunc(pending, func(o Operation) bool { return one.Task == "" && o.Name == one.Operation }); i >= 0 {
			wait.tried(pending[i])
			pending = slices.Delete(slices.Clone(pending), i, i+1)
		}
		waits = append(waits, wait)
	}
	for _, operation := range pending { // at work, or nobody could say more
		system, _, _ := strings.Cut(operation.Name, ".")
		wait := Wait{Kind: "system", For: system, System: system, Operation: operation.Name, Class: operation.Class}
		wait.tried(operation)
		waits = append(waits, wait)
	}
	return waits, nil
}

func (w *Wait) tried(o Operation) {
	w.Attempt, w.Trying, w.NextTry = o.Attempt, o.Running, o.NextTry
	if !o.Deadline.IsZero() {
		w.Until = o.Deadline
	}
	if o.Class != "" {
		w.Class = o.Class
	}
}

// TryNow has the calls of a case that wait for their next attempt tried at once: those of one operation, or all. It says
// how many there were.
func (c *Cases) TryNow(ctx context.Context, caseID, operation string) (int, error) {
	parts, err := c.parts(ctx, caseID)
	if err != nil {
		return 0, err
	}
	tried := 0
	for _, one := range parts {
		for _, pending := range one.Pending {
			if pending.Running || operation != "" && pending.Name != operation {
				continue
			}
			if err := c.tryNow(ctx, one, pending); err != nil {
				return tried, err
			}
			tried++
		}
	}
	return tried, nil
}

func (c *Cases) tryNow(ctx context.Context, one part, pending Operation) error {
	_, err := c.client.WorkflowService().ResetActivity(ctx, &workflowservice.ResetActivityRequest{
		Execution: &common.WorkflowExecution{WorkflowId: one.id, RunId: one.RunID},
		Identity:  "crosswalk", Activity: &workflowservice.ResetActivityRequest_Id{Id: pending.ID},
	})
	var unknown *serviceerror.Unimplemented
	switch {
	case errors.As(err, &unknown):
		return fmt.Errorf("worker: this Temporal is too old to be asked for an attempt at once: %w", err)
	case err != nil && !isNotFound(err): // not found: it has just been answered
		return fmt.Errorf("worker: %s of %s: %w", pending.Name, one.id, err)
	}
	return nil
}

// Repair tells a case of a repair that is in the store. Sent twice, it is handled once. The reply says why the case did
// not take it, or by which task a person goes on. A case that is not ready is waited for.
func (c *Cases) Repair(ctx context.Context, repair store.Repair) (workflows.Repaired, error) {
	return c.repair(ctx, whenReady, repair)
}

func (c *Cases) repair(ctx context.Context, how asking, repair store.Repair) (workflows.Repaired, error) {
	limited, cancel := context.WithTimeout(ctx, repairPatience)
	defer cancel()
	if repair.Bundle != "" { // so that the first workflow task finds it in memory, if this process works on cases
		if _, err := c.bundles.load(limited, repair.Bundle); err != nil {
			return workflows.Repaired{}, err
		}
	}
	var reply workflows.Repaired
	var err error
	if repair.Act == store.ActCancel {
		err = c.cancel(limited, repair)
	} else {
		err = c.update(limited, how, client.UpdateWorkflowOptions{
			UpdateID: repair.ID, WorkflowID: repair.CaseID, UpdateName: workflows.UpdateRepair, Args: []any{workflows.Repair{ID: repair.ID}},
		}, &reply)
	}
	if err = c.ended(ctx, repair.CaseID, err); errors.Is(err, ErrEnded) {
		reply, err = c.settleEnded(ctx, repair)
	}
	if err == nil {
		err = c.store.RepairTold(ctx, repair.ID)
	}
	return reply, err
}

// settleEnded settles a repair of a case that has ended. What the case is known to have done before it ended stays done, and
// a case that was cancelled did what a cancellation asked for, whoever did not come to write it down.
func (c *Cases) settleEnded(ctx context.Context, repair store.Repair) (workflows.Repaired, error) {
	noted, err := c.store.Repair(ctx, repair.ID)
	if err != nil || noted.State != store.RepairAsked {
		return workflows.Repaired{Problem: noted.Problem}, err
	}
	of, err := c.store.Case(ctx, repair.CaseID)
	if err != nil {
		return workflows.Repaired{}, err
	}
	var reply workflows.Repaired
	if repair.Act != store.ActCancel || of.State != store.CaseCancelled {
		reply.Problem = "the case has ended"
	}
	return reply, c.store.SettleRepair(ctx, repair.ID, store.Settlement{Problem: reply.Problem})
}

// cancel tells a case that somebody wants it to end. It is told when Temporal has taken the word.
func (c *Cases) cancel(ctx context.Context, repair store.Repair) error {
	var how struct {
		Undo bool `json:"undo"`
	}
	if err := json.Unmarshal(repair.Body, &how); err != nil {
		return fmt.Errorf("worker: repair %s: %w", repair.ID, err)
	}
	if err := c.CancelCase(ctx, repair.CaseID, repair.Who, how.Undo); err != nil {
		return err
	}
	return c.store.SettleRepair(ctx, repair.ID, store.Settlement{})
}

// RepeatRepairs tells cases of repairs that were asked before an instant, and that a crash, or an engine that could not
// be reached, kept from them, or of which the workflow task was lost. A case that is not ready is left to the next time.
func (c *Cases) RepeatRepairs(ctx context.Context, before time.Time) error {
	asked, err := c.store.UntoldRepairs(ctx, before, 50)
	if err != nil {
		return fmt.Errorf("worker: %w", err)
	}
	return askAll(ctx, asked, func(one store.Repair) string { return one.CaseID }, func(one store.Repair) error {
		_, err := c.repair(ctx, once, one)
		return err
	})
}

// Undo is a step of a case, or of one that it runs, that would be undone if the case were cancelled.
type Undo struct {
	Case  string // its reference
	Step  string // its path
	Label string
	Doubt bool // nobody knows yet whether it has an effect: that is found out first
}

// WouldUndo lists what would be undone if a case were cancelled now, the first to be undone first, and then the same of
// the cases that it runs.
func (c *Cases) WouldUndo(ctx context.Context, of store.Case) ([]Undo, error) {
	asking, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	var state workflows.State
	err := whenReady(asking, func() error {
		said, err := c.client.QueryWorkflow(asking, of.ID, "", workflows.QueryState)
		if err != nil {
			return err
		}
		return said.Get(&state)
	})
	if isNotFound(err) {
		return nil, nil // it was not begun
	}
	if err != nil {
		return nil, fmt.Errorf("worker: what %s would undo: %w", of.Reference, err)
	}
	var list []Undo
	for _, one := range state.Undo {
		list = append(list, Undo{Case: of.Reference, Step: one.Step, Label: one.Label, Doubt: one.Doubt})
	}
	run, err := c.store.Cases(ctx, store.CaseFilter{Parent: of.ID, Open: true})
	if err != nil {
		return nil, fmt.Errorf("worker: the cases that %s runs: %w", of.Reference, err)
	}
	for _, one := range run {
		more, err := c.WouldUndo(ctx, one)
		if err != nil {
			return nil, err
		}
		list = append(list, more...)
	}
	return list, nil
}

// Preview says what a redo or a move would do: nothing has been done yet.
type Preview struct {
	Problem string    // why it cannot be done; the case itself has the last word
	Step    string    // from which step on
	Steps   []string  // the steps that are done again, as far as the case has come
	Writes  []Rewrite // what these have written
	Bundle  string    // of a move: the version to go on with
}

// Rewrite is a write that happened, or may have, and what becomes of it when its step is done again.
type Rewrite struct {
	Step      string
	Operation string
	State     string
	At        time.Time
	Then      string
}

// Preview says what it would mean to have a case do its steps again from one on, with the version in force if move says so.
func (c *Cases) Preview(ctx context.Context, of store.Case, step string, move bool) (Preview, error) {
	plan, err := c.bundles.load(ctx, of.BundleHash)
	if err != nil {
		return Preview{}, err
	}
	effects, err := c.store.Effects(ctx, of.ID)
	if err != nil {
		return Preview{}, fmt.Errorf("worker: %w", err)
	}
	said, err := c.wouldRefuse(ctx, of, plan, workflows.Wish{Step: step, Move: move, Unsettled: activities.Unsettled(effects)})
	if err != nil {
		return Preview{}, err
	}
	preview := Preview{Step: step, Bundle: of.BundleHash, Problem: said.Problem}
	position := func(path string) int {
		return slices.IndexFunc(plan.Steps, func(s *usecases.Step) bool { return s.Path == path })
	}
	at := position(said.At)
	within := func(top int) func(path string) bool {
		return func(path string) bool {
			return slices.ContainsFunc(plan.Steps[top:], func(s *usecases.Step) bool { return usecases.Within(path, s.Path) })
		}
	}
	if inside, ok := plan.Inside(step); ok && !move {
		preview.Steps = inside.Again
		preview.writes(effects, plan, inside.Redoes, within(inside.Top))
		return preview, nil
	}
	top := at
	if step != "" {
		if top = position(step); top < 0 {
			preview.Problem = fmt.Sprintf("the use case has no step %q at its top; it has %s", step, strings.Join(paths(plan.Steps), ", "))
		}
	}
	if top < 0 || top > at {
		return preview, nil
	}
	preview.Step, preview.Steps = plan.Steps[top].Path, paths(plan.Steps[top:at+1])
	if move {
		bundle, problem, err := c.movable(ctx, of, plan, top)
		if err != nil {
			return preview, err
		}
		preview.Bundle = bundle
		if preview.Problem == "" {
			preview.Problem = problem
		}
	}
	preview.writes(effects, plan, within(top), within(top))
	return preview, nil
}

// wouldRefuse asks the case itself.
func (c *Cases) wouldRefuse(ctx context.Context, of store.Case, plan *usecases.Plan, wish workflows.Wish) (workflows.WouldRefuse, error) {
	asking, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	var said workflows.WouldRefuse
	err := whenReady(asking, func() error {
		answer, err := c.client.QueryWorkflow(asking, of.ID, "", workflows.QueryRedo, wish)
		if err != nil {
			return err
		}
		return answer.Get(&said)
	})
	var unknown *serviceerror.QueryFailed
	switch {
	case isNotFound(err):
		return workflows.WouldRefuse{Problem: "the case has not begun yet"}, nil
	case errors.As(err, &unknown): // its worker is of a release that knows no such question; the case itself has the last word
		return workflows.WouldRefuse{At: stagePath(plan, of.Stage)}, nil
	case err != nil:
		return said, fmt.Errorf("worker: what %s would do again: %w", of.Reference, err)
	}
	return said, nil
}

func paths(steps []*usecases.Step) []string {
	list := make([]string, len(steps))
	for i, s := range steps {
		list[i] = s.Path
	}
	return list
}

// movable finds the version that a case would go on with, and says why it cannot.
func (c *Cases) movable(ctx context.Context, of store.Case, plan *usecases.Plan, top int) (bundle, problem string, err error) {
	bundle, err = c.store.InForceOf(ctx, of.UseCase)
	switch {
	case errors.Is(err, store.ErrNotFound) || err == nil && bundle == "":
		return of.BundleHash, "the use case " + of.UseCase + " is not in force any more", nil
	case err != nil:
		return "", "", fmt.Errorf("worker: %w", err)
	case bundle == of.BundleHash:
		return bundle, "the case has the version in force already", nil
	}
	to, err := c.bundles.load(ctx, bundle)
	if err != nil {
		return "", "", err
	}
	return bundle, plan.Movable(to, top, nil), nil
}

// stagePath is the path of the top-level step at which the store has a case.
func stagePath(plan *usecases.Plan, stage string) string {
	for _, s := range plan.Steps {
		if s.ID != "" && s.ID == stage || s.Path == stage {
			return s.Path
		}
	}
	return ""
}

// writes says what becomes of the writes at the places that are done again: of the newest at each, and of each that may have been
// carried out, which is settled first wherever it lies from the top-level step on.
func (p *Preview) writes(effects []store.Effect, plan *usecases.Plan, again, settled func(path string) bool) {
	for i, effect := range effects {
		doubt := effect.State != store.EffectConfirmed
		later := slices.ContainsFunc(effects[i+1:], func(e store.Effect) bool { return e.StepPath == effect.StepPath })
		if later && !doubt || !again(effect.StepPath) && !(doubt && settled(effect.StepPath)) || effect.State == store.EffectVoid || effect.State == store.EffectIntent {
			continue
		}
		rewrite := Rewrite{Step: effect.StepPath, Operation: effect.Operation, State: string(effect.State), At: effect.SettledAt, Then: "is left alone if the same is asked for, and else carried out once more"}
		system, short, _ := strings.Cut(effect.Operation, ".")
		if contract := plan.Systems[system]; contract != nil && contract.Operation(short) != nil && contract.Operation(short).Redo != nil {
			rewrite.Then = "is left alone if the same is asked for, and else changed by " + contract.Operation(short).Redo.Operation.Name
		}
		if doubt {
			rewrite.At, rewrite.Then = effect.FirstSentAt, "may have been carried out: that must be settled first"
		}
		p.Writes = append(p.Writes, rewrite)
	}
}
