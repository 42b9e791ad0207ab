package workflows

import (
	"fmt"
	"slices"
	"strings"

	"go.temporal.io/sdk/workflow"

	"crosswalk/activities"
	"crosswalk/rules"
	"crosswalk/usecases"
)

// listenRepairs puts up the handler of what operators do about the case beside answering its tasks.
func (r *run) listenRepairs(ctx workflow.Context) error {
	return workflow.SetUpdateHandlerWithOptions(ctx, UpdateRepair, r.repairAsked, workflow.UpdateHandlerOptions{
		UnfinishedPolicy: workflow.HandlerUnfinishedPolicyWarnAndAbandon,
		Description:      "what an operator wants done about this case is in the store",
	})
}

// operated is what became of an operator's wish.
type operated struct {
	problem     string
	step, task  string
	was, became rules.Value
}

// repairAsked is the Update handler: it reads the wish from the store, takes it or says why not, and writes that down.
func (r *run) repairAsked(ctx workflow.Context, in Repair) (Repaired, error) {
	if err := workflow.Await(ctx, func() bool { return r.top != nil }); err != nil {
		return Repaired{}, err
	}
	var wish activities.ReadRepairOutput
	if err := r.store(ctx, activities.NameReadRepair, activities.ReadRepairInput{Case: r.id, Repair: in.ID}, &wish); err != nil {
		return Repaired{}, err
	}
	// What is written down as done may have been done by a workflow task that was lost with its process: then the case, as its
	// history tells it, knows nothing of it.
	if !wish.Open && (!wish.Again || slices.Contains(r.state.Repairs, in.ID)) {
		return Repaired{Problem: wish.Problem}, nil
	}
	done, err := r.operate(ctx, wish)
	if err != nil {
		return Repaired{}, err
	}
	r.remember(in.ID)
	settle := activities.SettleRepairInput{Repair: in.ID, Problem: done.problem, Step: done.step, Was: done.was, Became: done.became}
	return Repaired{Problem: done.problem, Task: done.task}, r.store(ctx, activities.NameSettleRepair, settle, nil)
}

// rememberedRepairs is how many repairs a case remembers to have taken: those that may be told once more.
const rememberedRepairs = 50

func (r *run) remember(repair string) {
	r.state.Repairs = append(r.state.Repairs, repair)
	if surplus := len(r.state.Repairs) - rememberedRepairs; surplus > 0 {
		r.state.Repairs = slices.Delete(r.state.Repairs, 0, surplus)
	}
}

// operate does what is wished. What is done again begins at the top level, when everybody has unwound.
func (r *run) operate(ctx workflow.Context, wish activities.ReadRepairOutput) (operated, error) {
	if r.undoing && wish.Act == activities.ActPark {
		return r.park(ctx, wish.Step)
	}
	problem := r.leaving()
	if wish.Ended {
		problem = hasEnded
	}
	if problem != "" {
		return operated{problem: problem}, nil
	}
	switch wish.Act {
	case activities.ActPark:
		return r.park(ctx, wish.Step)
	case activities.ActRedo:
		return r.redoFrom(ctx, wish), nil
	case activities.ActMove:
		return r.move(ctx, wish), nil
	}
	return operated{problem: fmt.Sprintf("this version of the program does not know the act %q", wish.Act)}, nil
}

const hasEnded = "the case has ended"

// leaving says why nothing of a case can be done again now, whatever it is.
func (r *run) leaving() string {
	switch {
	case r.undoing:
		return "what the case did is being undone; its tasks say what a person must decide"
	case r.mail.closed:
		return hasEnded
	case r.interrupt != nil:
		return "the case is just turning round; look at it again"
	}
	return ""
}

// wouldRefuse answers the query: by what also refuses the wish itself.
func (r *run) wouldRefuse(wish Wish) (WouldRefuse, error) {
	if r.top == nil {
		return WouldRefuse{Problem: "the case has not begun yet"}, nil
	}
	top := min(r.state.Position, len(r.plan.Steps)-1)
	said := WouldRefuse{At: r.plan.Steps[top].Path, Problem: r.leaving()}
	again := redo{top: top}
	switch {
	case said.Problem != "":
	case wish.Step != "" && wish.Move:
		again.top, said.Problem = r.reachedStep(wish.Step)
	case wish.Step != "":
		again, _, said.Problem = r.whence(wish.Step)
	}
	if said.Problem == "" {
		said.Problem = r.unsettled(wish.Unsettled, again.top)
	}
	return said, nil
}

// park ends the waiting for a system, so that a person decides about the step.
func (r *run) park(ctx workflow.Context, step string) (operated, error) {
	var waits []*Waiting
	for _, one := range r.waiting.list {
		if one.Kind == waitSystem && !one.parked && (step == "" || one.Path == step) && (one.Operation != "" || r.version < versionInside) {
			waits = append(waits, one)
		}
	}
	switch len(waits) {
	case 0:
		return operated{problem: "the case does not wait for a system there"}, nil
	case 1:
	default:
		return operated{problem: "the case waits for systems at several steps: name one"}, nil
	}
	one := waits[0]
	one.parked = true
	err := workflow.Await(ctx, func() bool { return r.mail.closed && !r.undoing || one.answered || r.asks.opened(one) != "" })
	if err != nil {
		return operated{}, err
	}
	done := operated{step: one.Path, task: r.asks.opened(one)}
	if done.task == "" {
		done.problem = "the step has just been answered"
	}
	return done, nil
}

// redoFrom has a step and all that follows done again, with what a person gave.
func (r *run) redoFrom(ctx workflow.Context, wish activities.ReadRepairOutput) operated {
	done := operated{step: wish.Step}
	again, s, problem := r.whence(wish.Step)
	if problem == "" {
		problem = r.unsettled(wish.Unsettled, again.top)
	}
	if done.problem = problem; problem != "" {
		return done
	}
	again.given.By = wish.By
	switch {
	case !wish.With.IsMissing() && !wish.Value.IsMissing():
		done.problem = "give either another input (with) or another result (value)"
	case !wish.With.IsMissing():
		done.was = r.givenBefore(again, s).With
		again.given.With, done.problem = correctedInput(s, wish.With)
		done.became = again.given.With
	case !wish.Value.IsMissing():
		value, err := r.typed(s, wish.Value)
		again.given.Value, done.problem = value, text(err)
		done.was, done.became = r.resultBefore(again, s), value
	}
	if done.problem == "" {
		done.problem = r.turn(ctx, again, s.Label(), wish.By)
	}
	return done
}

// whence is the step that is to be done again: one of the top level, or one inside of the one that the case is at.
func (r *run) whence(step string) (again redo, s *usecases.Step, problem string) {
	if inside, ok := r.plan.Inside(step); ok && r.version >= versionInside {
		return redo{top: inside.Top, inside: inside}, inside.Step, r.reachedInside(inside)
	}
	top, problem := r.reachedStep(step)
	if problem != "" {
		return redo{}, nil, problem
	}
	return redo{top: top}, r.plan.Steps[top], ""
}

// reachedInside says why a step inside of a top-level one cannot be done again by itself; "" if it can.
func (r *run) reachedInside(inside *usecases.Inside) string {
	around := r.plan.Steps[inside.Top].Path
	switch {
	case inside.Top > r.state.Position:
		return fmt.Sprintf("the case has not come to the step %s yet", inside.Place)
	case inside.Top < r.state.Position:
		return allDone(around)
	}
	reached := false
	for _, one := range r.waiting.list {
		switch {
		case inside.Redoes(one.Path):
			reached = true
		case one.Kind == waitItems && usecases.Within(inside.Place, one.Path):
			return fmt.Sprintf("%s is one of the items of a long list, which are worked through by workflows of their own: name the step %s", inside.Place, around)
		case usecases.Within(one.Path, around) && (one.Kind == waitItems || one.Kind == waitCase || one.Kind == waitSystem && one.Operation == ""):
			return fmt.Sprintf("what runs at %s would have to be broken off, and is not to be done again: wait for its end", one.Path)
		}
	}
	forgotten := "" // the list that it is an item of, if that was worked through by others
	for _, key := range sorted(r.state.Done) {
		place := key[:strings.LastIndexByte(key, '~')]
		if reached = reached || inside.Redoes(place); place != inside.Place && usecases.Within(inside.Place, place) {
			forgotten = place
		}
	}
	switch {
	case !reached && forgotten != "":
		return allDone(forgotten)
	case !reached:
		return fmt.Sprintf("the case has not come to the step %s yet", inside.Place)
	}
	return ""
}

func allDone(path string) string {
	return fmt.Sprintf("the case has done all of %s: what is inside of it is done again together with it, so name the step %s", path, path)
}

// givenBefore is what a person gave when the step was done again before.
func (r *run) givenBefore(again redo, s *usecases.Step) given {
	if again.inside != nil {
		return r.state.Given[again.inside.Place]
	}
	return r.state.Given[s.ID]
}

// resultBefore is what the step came to.
func (r *run) resultBefore(again redo, s *usecases.Step) rules.Value {
	if again.inside != nil {
		place := activities.Place{Path: again.inside.Place, Generation: r.state.Generations[again.top] + r.again(again.inside.Place, r.top)}
		return r.state.Done[doneKey(place)].Value
	}
	return r.state.Results[s.ID]
}

// turn makes everybody unwind to do again what is wished.
func (r *run) turn(ctx workflow.Context, again redo, label, by string) string {
	r.redo = again
	key := fmt.Sprintf("redo/%d/%d", again.top, r.state.Generations[again.top]+1)
	if again.inside != nil {
		key = fmt.Sprintf("redo/%s/%d", again.inside.Place, r.state.Again[again.inside.Place]+1)
	}
	r.recorder.event(key, "redo", label, by, workflow.Now(ctx))
	_ = r.stop(errRedo) // nothing else had stopped the case: see operate
	return ""
}

// reachedStep finds a top-level step that the case has done or is at.
func (r *run) reachedStep(step string) (top int, problem string) {
	top = slices.IndexFunc(r.plan.Steps, func(s *usecases.Step) bool { return s.Path == step })
	switch {
	case top < 0 && r.version < versionInside:
		return 0, fmt.Sprintf("%q is not a step at the top of the use case: steps inside of others are done again with the one around them", step)
	case top < 0:
		return 0, fmt.Sprintf("%q is not a step of the use case that can be done again by itself", step)
	case top > r.state.Position:
		return 0, fmt.Sprintf("the case has not come to the step %s yet", step)
	}
	return top, ""
}

// unsettled says which write keeps a step from being done again: one that may have been carried out without anybody
// knowing, as doing it again could do it twice.
func (r *run) unsettled(paths []string, top int) string {
	for _, s := range r.plan.Steps[top:] {
		for _, path := range paths {
			if usecases.Within(path, s.Path) {
				return fmt.Sprintf("the write at %s may have been carried out: let it be tried again, or say by its task what became of it", path)
			}
		}
	}
	return ""
}

// move has the case go on with another version of its use case: from the step that it is at, or from an earlier one.
func (r *run) move(ctx workflow.Context, wish activities.ReadRepairOutput) operated {
	top := min(r.state.Position, len(r.plan.Steps)-1)
	done := operated{was: rules.Text(r.in.BundleHash), became: rules.Text(wish.Bundle)}
	if wish.Step != "" {
		if top, done.problem = r.reachedStep(wish.Step); done.problem != "" {
			return done
		}
	}
	done.step = r.plan.Steps[top].Path
	if wish.Bundle == r.in.BundleHash {
		done.problem = "the case has this version already"
		return done
	}
	plan, ok := r.plans.Plan(wish.Bundle)
	if !ok {
		panic(bundleMissing(wish.Bundle)) // see Run
	}
	// Recorded, so that a later release that compares otherwise does not change what happened.
	question := moving{from: r.plan, to: plan, top: top, results: r.state.Results}
	if err := workflow.SideEffect(ctx, question.answer).Get(&done.problem); err != nil {
		panic(err) // see look
	}
	if done.problem == "" {
		done.problem = r.unsettled(wish.Unsettled, top)
	}
	if done.problem == "" {
		done.problem = r.turn(ctx, redo{top: top, plan: plan, bundle: wish.Bundle, given: given{By: wish.By}}, "another version of the use case", wish.By)
	}
	return done
}

type moving struct {
	from, to *usecases.Plan
	top      int
	results  map[string]rules.Value
}

func (m moving) answer(workflow.Context) any { return m.from.Movable(m.to, m.top, m.results) }

// change takes another plan into use, at the top level and with nobody at work. Every step from the given one on gets a
// generation that none of them had, so that no key of an effect and no task of the old plan is met again.
func (r *run) change(to *usecases.Plan, bundle string, top int) {
	generation := 1
	for _, used := range r.state.Generations[top:] {
		generation = max(generation, used+1)
	}
	kept := slices.Clone(r.state.Generations[:top])
	for range to.Steps[top:] {
		kept = append(kept, generation)
	}
	r.state.Generations, r.plan, r.in.BundleHash = kept, to, bundle
	r.reached.stale = true
}
