package workflows

import (
	"errors"
	"fmt"

	"go.temporal.io/sdk/workflow"

	"crosswalk/activities"
	"crosswalk/rules"
	"crosswalk/usecases"
)

// panel asks several people for their approval at the same time. All must give it; the first who does not decides, and
// the others are not asked any more. That nobody takes two seats is the store's business, which knows who answers.
func (r *run) panel(ctx workflow.Context, s *usecases.Step, q question) (made, error) {
	seats, works := make([]*seat, len(s.Ask.Approvers)), make([]func(workflow.Context), len(s.Ask.Approvers))
	rejected := false
	q.settled = func() bool { return rejected }
	for i, to := range s.Ask.Approvers {
		seats[i] = &seat{run: r, step: s, question: q, number: i, rejected: &rejected}
		works[i] = seats[i].ask
		task := &seats[i].question.task
		if err := r.assign(task, to, q.scope); err != nil {
			return made{}, err
		}
		task.Title = fmt.Sprintf("%s (%d/%d)", task.Title, i+1, len(seats))
		seats[i].question.waiting.For = addressee(*task)
	}
	if err := r.beside(ctx, works); err != nil {
		return made{}, err
	}
	return verdict(seats)
}

// seat is one of several approvals, waited for in a coroutine of its own.
type seat struct {
	run      *run
	step     *usecases.Step
	question question
	number   int
	rejected *bool
	vote     rules.Value
	given    activities.Answer
	err      error
}

func (s *seat) ask(ctx workflow.Context) {
	r, q := s.run, s.question
	for round := 1; ; round++ {
		q.task.ID = activities.TaskID(q.task.Place, fmt.Sprintf("%s/%d", q.task.Kind, s.number), round)
		if s.given, s.err = r.await(ctx, q); s.err != nil {
			return
		}
		var problem string
		if s.vote, problem, s.err = r.take(ctx, s.step, q.task, s.given, rules.Value{}); s.err != nil {
			return
		}
		if problem == "" {
			break
		}
		q.refused(problem)
	}
	s.vote = s.vote.With("role", rules.Text(addressee(q.task)))
	if !s.vote.Get("approved").Bool() {
		*s.rejected = true
	}
}

// verdict is what the votes come to: that of who rejected it first, or of the last who approved.
func verdict(seats []*seat) (made, error) {
	var votes []rules.Value
	var decides *seat
	for _, one := range seats {
		if errors.Is(one.err, errSettled) {
			continue
		}
		if one.err != nil {
			return made{}, one.err
		}
		votes = append(votes, one.vote)
		if decides == nil || one.outweighs(decides) {
			decides = one
		}
	}
	value := rules.Record(map[string]rules.Value{
		"approved": decides.vote.Get("approved"), "reason": decides.vote.Get("reason"), "by": rules.Text(decides.given.By),
		"at": rules.Instant(decides.given.At), "votes": rules.List(votes...),
	})
	return made{value: value, by: decides.given.By, at: decides.given.At}, nil
}

func (s *seat) outweighs(other *seat) bool {
	approved, others := s.vote.Get("approved").Bool(), other.vote.Get("approved").Bool()
	if approved != others {
		return others
	}
	return s.given.At.After(other.given.At) == approved
}
