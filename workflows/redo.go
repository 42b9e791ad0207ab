package workflows

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"go.temporal.io/sdk/workflow"

	"crosswalk/activities"
	"crosswalk/rules"
	"crosswalk/usecases"
)

// redo is a person's wish to have a step and everything after it done again.
type redo struct {
	top   int // position of the step
	given given
	// plan and bundle are another version of the use case to go on with; nil: the same.
	plan   *usecases.Plan
	bundle string
	// inside is the step inside of the top-level one that is done again; nil: all of it.
	inside *usecases.Inside
}

// stays says whether what waits at a place when its coroutine unwinds is come to again as it was: in the next run of the
// case, or when another step inside of the same top-level step is done again.
func (r *run) stays(why error, place string) bool {
	return errors.Is(why, errContinue) || errors.Is(why, errRedo) && r.redo.inside != nil && !r.redo.inside.Redoes(place)
}

// askRedo takes the wish if the use case allows it, and makes everybody unwind. Otherwise it says why not.
func (r *run) askRedo(ctx workflow.Context, answer activities.Answer) (problem string, err error) {
	switch {
	case r.undoing:
		return "what the case did is being undone: nothing of it can be done again", nil
	case r.in.Window != nil:
		return "this is one of the items of a long list, which is worked through by a workflow of its own: crosswalk cases redo, or the case's page, does the whole list again, or a step before it", nil
	}
	step := answer.Value.Get("step").Text()
	top := slices.IndexFunc(r.plan.Steps, func(s *usecases.Step) bool { return s.ID != "" && s.ID == step })
	if top < 0 || top >= r.state.Position && r.state.Position < len(r.plan.Steps) {
		return fmt.Sprintf("%q is not a step that this case has done", step), nil
	}
	s := r.plan.Steps[top]
	if doubt := r.unsettled(answer.Unsettled, top); doubt != "" && r.version >= versionUndo {
		return doubt, nil
	}
	wish := redo{top: top, given: given{By: answer.By}}
	switch {
	case s.Correct == nil:
		return fmt.Sprintf("the result of %s cannot be changed", s.Label()), nil
	case s.Correct.From != nil:
		from, err := r.template(s.Correct.From, r.top)
		if err != nil {
			return "what it may be replaced by cannot be found out: " + text(err), nil
		}
		if wish.given.Value, problem = chosen(answer, from); problem != "" {
			return problem, nil
		}
	default:
		if wish.given.With, problem = correctedInput(s, answer.Value.Get("with")); problem != "" {
			return problem, nil
		}
	}
	if r.interrupt == nil {
		r.redo = wish
		r.recorder.event(fmt.Sprintf("redo/%s/%d", s.ID, r.state.Generations[top]+1), "redo", s.Label(), answer.By, workflow.Now(ctx))
	}
	return "", r.stop(errRedo)
}

// correctedInput checks the input that a person gave for a call in place of the use case's own, each field by its type.
func correctedInput(s *usecases.Step, with rules.Value) (rules.Value, string) {
	if s.Call == nil || with.Len() == 0 {
		return rules.Value{}, "say by which values it is to be done again"
	}
	input := s.Call.Operation.Input
	fields := map[string]rules.Value{}
	for _, key := range with.Keys() {
		i := slices.IndexFunc(input.Fields, func(f rules.Field) bool { return f.Name == key })
		if i < 0 {
			return rules.Value{}, fmt.Sprintf("%s takes no %q", s.Label(), key)
		}
		value, err := with.Get(key), error(nil)
		if value.Kind() != rules.KindRecord || input.Fields[i].Type.Ref == "" { // a whole record may stand for its id
			value, err = input.Fields[i].Type.Decode(value)
		}
		if err != nil {
			return rules.Value{}, key + ": " + err.Error()
		}
		fields[key] = value
	}
	for _, field := range input.Fields {
		if field.Required && fields[field.Name].IsMissing() {
			return rules.Value{}, field.Name + " is missing"
		}
	}
	return rules.Record(fields), ""
}

// goBack undoes what the case remembers of the steps from the corrected one on, and not what was done in other
// systems: writes that happened are corrected there when their steps come again.
func (r *run) goBack(ctx workflow.Context) {
	if r.redo.inside != nil {
		r.goBackInside(r.redo.inside)
		return
	}
	last := min(r.state.Position, len(r.plan.Steps)-1)
	for i := r.redo.top; i < len(r.plan.Steps); i++ {
		s := r.plan.Steps[i]
		if i <= last && r.redo.plan == nil {
			r.state.Generations[i]++
		}
		for _, name := range namesOf(s) {
			delete(r.state.Results, name)
		}
		delete(r.state.Given, s.ID)
		maps.DeleteFunc(r.state.Given, func(at string, _ given) bool { return usecases.Within(at, s.Path) })
	}
	if r.redo.plan != nil {
		r.change(r.redo.plan, r.redo.bundle, r.redo.top)
		if r.version >= versionInside {
			r.startPump(ctx) // the version before may have taken no messages
		}
	}
	r.state.Given[r.plan.Steps[r.redo.top].ID] = r.redo.given
	r.state.Position = r.redo.top
	r.top.facts.from(r.redo.top)
	clear(r.state.Done)
	r.ended, r.state.UndoAtEnd = false, false
	r.interrupt, r.redo, r.end = nil, redo{}, Outcome{}
}

// goBackInside does the same for a step inside of the top-level one: what else is done in there stays known, and what
// waits there goes on waiting. What is done again has keys that it never had, as with another generation.
func (r *run) goBackInside(inside *usecases.Inside) {
	for _, place := range inside.Again {
		r.state.Again[place]++
	}
	forget := func(key string) bool {
		place := key[:strings.LastIndexByte(key, '~')] // see doneKey
		return inside.Redoes(place) || slices.Contains(inside.Around, place)
	}
	maps.DeleteFunc(r.state.Done, func(key string, _ done) bool { return forget(key) })
	maps.DeleteFunc(r.state.Waits, func(key string, _ waited) bool { return forget(key) })
	maps.DeleteFunc(r.state.Troubles, func(key string, _ trouble) bool { return forget(key) })
	maps.DeleteFunc(r.state.Given, func(at string, _ given) bool { return inside.Redoes(at) })
	r.state.Given[inside.Place] = r.redo.given
	for _, name := range namesOf(r.plan.Steps[inside.Top]) {
		delete(r.state.Results, name)
	}
	r.top.facts.from(inside.Top)
	r.interrupt, r.redo = nil, redo{}
}

// closeRedone takes the tasks back which the case has not come to again since it went back before, and which are asked anew.
func (r *run) closeRedone(ctx workflow.Context, inside *usecases.Inside) error {
	for _, id := range sorted(r.state.Open) {
		left := r.state.Open[id]
		if r.version < versionLate || left.Beside || left.Path == "" || inside != nil && !inside.Redoes(left.Path) {
			continue
		}
		if err := r.store(ctx, activities.NameCloseTask, activities.CloseTaskInput{Task: id}, nil); err != nil {
			return err
		}
		delete(r.state.Open, id)
	}
	return nil
}

// givenFor returns what a person gave for a step that is being redone.
func (r *run) givenFor(s *usecases.Step, sc *scope) (given, bool) {
	if r.isTop(s, sc) {
		found, ok := r.state.Given[s.ID]
		return found, ok
	}
	if len(r.state.Again) == 0 || sc.undoing != nil {
		return given{}, false
	}
	found, ok := r.state.Given[r.place(s, sc).Path]
	return found, ok
}

// namesOf lists the names that a step may have set in its scope: its own and those of its branches.
func namesOf(s *usecases.Step) []string {
	names := []string{s.ID}
	if s.Choose != nil {
		for _, branch := range s.Choose.Branches {
			for _, inner := range branch.Steps {
				names = append(names, namesOf(inner)...)
			}
		}
	}
	return names
}

// corrections tells the people who get a task what they may correct, and by what.
func (r *run) corrections() rules.Value {
	if r.undoing || r.in.Window != nil { // see askRedo
		return rules.Value{}
	}
	var list []rules.Value
	for i, s := range r.plan.Steps {
		if i >= r.state.Position || s.Correct == nil {
			continue
		}
		one := map[string]rules.Value{"step": rules.Text(s.ID), "title": rules.Text(r.stepTitle(s, r.top))}
		if s.Correct.From != nil {
			from, err := r.template(s.Correct.From, r.top)
			if err != nil || from.Len() == 0 {
				continue
			}
			one["candidates"] = from
		} else if s.Call != nil {
			with, err := r.template(s.Call.With, r.top)
			if err != nil {
				continue
			}
			if given := r.state.Given[s.ID].With; !given.IsMissing() {
				with = given
			}
			one["fields"] = formFields(s.Call.Operation.Input, with)
		}
		list = append(list, rules.Record(one))
	}
	if len(list) == 0 {
		return rules.Value{}
	}
	return rules.List(list...)
}
