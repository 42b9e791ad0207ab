package workflows

import (
	"slices"
	"time"

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
	for round := 1; ; round++ {
		q.task.ID = activities.TaskID(q.task.Place, q.task.Kind, round)
		given, err := r.await(ctx, q)
		if err != nil {
			return made{}, err
		}
		value, problem, err := r.take(ctx, s, sc, given, from)
		if err != nil || problem == "" {
			return made{value: value, by: given.By}, err
		}
		q.task.Payload = merge(q.task.Payload, record(map[string]rules.Value{"problem": rules.Text(problem)}))
	}
}

// question makes the task of an ask step.
func (r *run) question(ctx workflow.Context, s *usecases.Step, sc *scope) (question, rules.Value, error) {
	a := s.Ask
	q := question{scope: sc, task: r.task(r.place(s, sc), string(a.What), 1), within: a.Within}
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
	q.task.Form = form(a.Form)
	if a.What == usecases.Approve {
		q.task.Requester = r.requester()
	}
	q.waiting.For = addressee(q.task)
	q.task.Payload = record(map[string]rules.Value{
		"show": show, "from": from, "outcomes": texts(a.Outcomes), "corrections": r.corrections(),
	})
	if a.OnTimeout != nil {
		q.escalate = escalation{run: r, to: *a.OnTimeout, scope: sc}.apply
	}
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

// escalation is who gets a task that was not done in time.
type escalation struct {
	run   *run
	to    usecases.Assignee
	scope *scope
}

func (e escalation) apply(task *activities.Task) bool {
	before := *task
	if err := e.run.assign(task, e.to, e.scope); err != nil || addressee(*task) == "anybody" && task.Assignee == "" {
		*task = before
		return false
	}
	return true
}

// take turns an answer into the step's result, or says what is wrong with it.
func (r *run) take(ctx workflow.Context, s *usecases.Step, sc *scope, given activities.Answer, from rules.Value) (value rules.Value, problem string, err error) {
	if given.Action == activities.ActionRedo {
		problem, err = r.askRedo(ctx, given)
		return rules.Value{}, problem, err
	}
	by := map[string]rules.Value{"by": rules.Text(given.By), "at": rules.Instant(given.At)}
	switch s.Ask.What {
	case usecases.Complete:
		return r.completed(s, given, by)
	case usecases.Approve:
		if given.By != "" && given.By == r.in.Case.StartedBy {
			return rules.Value{}, "who started the case may not approve it", nil
		}
		by["approved"], by["reason"] = rules.Bool(given.Action == activities.ActionApprove), optional(given.Note)
		return record(by), "", nil
	case usecases.ChooseOne:
		return chosen(given, from)
	case usecases.Answer:
		value, err := s.Ask.Form.Decode(given.Value)
		return value, text(err), nil
	}
	return rules.Value{}, "", failed(contracts.Internal, "an ask of a kind that this version does not know")
}

// completed is the answer to a task that was to be done.
func (r *run) completed(s *usecases.Step, given activities.Answer, by map[string]rules.Value) (rules.Value, string, error) {
	if len(s.Ask.Outcomes) > 0 && !slices.Contains(s.Ask.Outcomes, given.Outcome) {
		return rules.Value{}, "the outcome is none of those that the use case knows", nil
	}
	by["outcome"], by["note"], by["in_system"] = rules.Text(given.Outcome), optional(given.Note), rules.Bool(given.InSystem)
	return record(by), "", nil
}

// chosen finds the item that was chosen among those that were offered, by its position or by its content.
func chosen(given activities.Answer, from rules.Value) (rules.Value, string, error) {
	if i, ok := given.Value.Num().Int64(); ok && given.Value.Kind() == rules.KindNumber {
		if i >= 0 && i < int64(from.Len()) {
			return from.At(int(i)), "", nil
		}
		return rules.Value{}, "there is no such item", nil
	}
	if i := slices.IndexFunc(from.Items(), given.Value.Equal); i >= 0 {
		return from.At(i), "", nil
	}
	return rules.Value{}, "what was chosen is not among the items", nil
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
