package workflows

import (
	"slices"
	"strings"

	"go.temporal.io/sdk/workflow"

	"crosswalk/activities"
	"crosswalk/contracts"
	"crosswalk/rules"
	"crosswalk/usecases"
)

// ask gives a person a task and waits for the answer. An answer that does not fit is asked for again, with what is
// wrong with it.
func (r *run) ask(ctx workflow.Context, s *usecases.Step, sc *scope) (made, error) {
	q, from, err := r.question(ctx, s, sc)
	if err != nil {
		return made{}, err
	}
	if len(s.Ask.Approvers) > 0 {
		return r.panel(ctx, s, q)
	}
	for round := 1; ; round++ {
		q.task.ID = activities.TaskID(q.task.Place, q.task.Kind, round)
		given, err := r.await(ctx, q)
		if err != nil {
			return made{}, err
		}
		value, problem, err := r.take(ctx, s, q.task, given, from)
		if err == nil && problem == "" && s.Ask.What == usecases.ChooseOne {
			err = r.link(ctx, sc, q.task, given, value)
		}
		if err != nil || problem == "" {
			return made{value: value, by: given.By, at: given.At}, err
		}
		q.refused(problem)
	}
}

// question makes the task of an ask step.
func (r *run) question(ctx workflow.Context, s *usecases.Step, sc *scope) (question, rules.Value, error) {
	a := s.Ask
	q := question{scope: sc, task: r.task(r.place(s, sc), string(a.What)), within: a.Within, calendar: a.Calendar}
	q.waiting = Waiting{Kind: waitPerson, Step: s.ID, Label: s.Label()}
	from, err := r.template(a.From, sc)
	if err != nil {
		return q, from, err
	}
	if a.What == usecases.ChooseOne && from.Len() == 0 {
		return q, from, failed(contracts.NotFound, "there is nothing to choose from")
	}
	show, err := r.template(a.Show, sc)
	if err != nil {
		return q, from, err
	}
	if q.task.Mirror, err = r.template(a.Task, sc); err != nil {
		return q, from, err
	}
	if err := r.assign(&q.task, a.Assignee, sc); err != nil {
		return q, from, err
	}
	q.task.Title = r.stepTitle(s, sc)
	if a.What == usecases.Approve {
		q.task.Requester = r.in.Case.StartedBy // who shaped the case is for the store to know
	}
	q.waiting.For = addressee(q.task)
	q.task.MirrorSystem = r.mirrorSystem()
	q.task.Payload = rules.Record(map[string]rules.Value{
		"show": show, "candidates": from, "outcomes": texts(a.Outcomes), "form": form(a.Form), "correct": r.corrections(),
	})
	q.remind, q.escalations = a.Remind, a.OnTimeout
	return q, from, nil
}

// assign says whose task it is. Names that are missing at run time count as not given.
func (r *run) assign(task *activities.Task, to usecases.Assignee, sc *scope) error {
	var err error
	if task.Queue, err = r.text(to.Queue, sc); err != nil {
		return err
	}
	if task.Role, err = r.text(to.Role, sc); err != nil {
		return err
	}
	task.Assignee, err = r.text(to.Who, sc)
	return err
}

// escalate gives the task to whom the use case names; false if that is nobody.
func (r *run) escalate(task *activities.Task, to usecases.Assignee, sc *scope) bool {
	before := *task
	if err := r.assign(task, to, sc); err != nil || addressee(*task) == "anybody" && task.Assignee == "" {
		*task = before
		return false
	}
	if task.Queue == "" {
		task.Queue = before.Queue // where the work belongs has not changed, only who is to do it
	}
	return true
}

// take turns an answer into the step's result, or says what is wrong with it.
func (r *run) take(ctx workflow.Context, s *usecases.Step, task activities.Task, given activities.Answer, from rules.Value) (value rules.Value, problem string, err error) {
	if given.Act() == activities.ActRedo {
		problem, err = r.askRedo(ctx, given)
		return rules.Value{}, problem, err
	}
	by := map[string]rules.Value{"by": rules.Text(given.By), "at": rules.Instant(given.At)}
	switch s.Ask.What {
	case usecases.Complete:
		return completed(s, given, by)
	case usecases.Approve:
		if given.By == task.Requester {
			return rules.Value{}, "nobody decides what he asked for himself", nil
		}
		by["approved"], by["reason"] = rules.Bool(given.Value.Get("approved").Bool()), given.Value.Get("reason")
		return rules.Record(by), "", nil
	case usecases.ChooseOne:
		value, problem := chosen(given, from)
		return value, problem, nil
	case usecases.Answer:
		value, err := unform(s.Ask.Form, given.Value.Get("value"))
		return value, text(err), nil
	}
	return rules.Value{}, "", failed(contracts.Internal, "an ask of a kind that this version does not know")
}

// completed is the answer to a task that was to be done.
func completed(s *usecases.Step, given activities.Answer, by map[string]rules.Value) (rules.Value, string, error) {
	outcome := given.Value.Get("outcome").Text()
	if !slices.Contains(s.Ask.Outcomes, outcome) {
		return rules.Value{}, "the outcome is none of those that the use case knows", nil
	}
	by["outcome"], by["note"], by["in_system"] = rules.Text(outcome), given.Value.Get("note"), rules.Bool(given.Value.Get("in_system").Bool())
	return rules.Record(by), "", nil
}

// chosen finds the item whose position was given.
func chosen(given activities.Answer, from rules.Value) (value rules.Value, problem string) {
	index := given.Value.Get("index")
	if i, ok := index.Num().Int64(); ok && index.Kind() == rules.KindNumber && i >= 0 && i < int64(from.Len()) {
		return from.At(int(i)), ""
	}
	return rules.Value{}, "what was chosen is not among the items"
}

// link keeps what a person chose among the candidates of a link: that record is the same thing as the one whose
// counterpart was looked for, and no later case needs to ask.
func (r *run) link(ctx workflow.Context, sc *scope, task activities.Task, given activities.Answer, value rules.Value) error {
	isChosen := func(one rules.Value) bool {
		return one.Get("id").Text() == value.Get("id").Text() && one.Get("system").Text() == value.Get("system").Text()
	}
	if sc.unlinked == nil || value.Kind() != rules.KindRecord || value.Get("id").Text() == "" || !slices.ContainsFunc(sc.candidates.Items(), isChosen) {
		return nil // another question of the same stand-in
	}
	return r.store(ctx, activities.NameLink, activities.LinkInput{
		Case: r.id, Task: task.ID, Of: *sc.unlinked, ID: value.Get("id").Text(), By: given.By, At: given.At,
	}, nil)
}

// mirrorSystem is the system whose tasks mirror ours: the one with the contract that such tasks belong to.
func (r *run) mirrorSystem() string {
	contract, _, _ := strings.Cut(usecases.TaskRef, ".")
	for _, name := range workflow.DeterministicKeys(r.plan.Systems) {
		if r.plan.Systems[name].Name == contract {
			return name
		}
	}
	return ""
}

func texts(list []string) rules.Value {
	if len(list) == 0 {
		return rules.Value{}
	}
	values := make([]rules.Value, len(list))
	for i, one := range list {
		values[i] = rules.Text(one)
	}
	return rules.List(values...)
}

func text(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}
