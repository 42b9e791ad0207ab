package store

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Errors of acting on a task. Each is wrapped in a *TaskError, which holds the task as it is now.
var (
	ErrNotAllowed   = errors.New("not allowed")
	ErrFourEyes     = errors.New("who asked for it or shaped it may not decide it")
	ErrSeatTaken    = errors.New("who has decided one part of it may not decide another")
	ErrStaleVersion = errors.New("the task has changed since it was looked at")
	ErrClaimed      = errors.New("somebody else has claimed the task")
	ErrAnswered     = errors.New("the task has been answered")
	ErrTaskClosed   = errors.New("the task is closed")
)

// TaskError says why an act on a task was refused, and how the task stands: who has it or answered it, and when.
type TaskError struct {
	Task Task
	Err  error
}

func (e *TaskError) Error() string {
	switch {
	case errors.Is(e.Err, ErrAnswered):
		return fmt.Sprintf("task %s: %s by %s at %s", e.Task.ID, e.Err, e.Task.AnsweredBy, e.Task.AnsweredAt.Format(time.RFC3339))
	case errors.Is(e.Err, ErrClaimed):
		return fmt.Sprintf("task %s: %s: %s", e.Task.ID, e.Err, e.Task.ClaimedBy)
	}
	return fmt.Sprintf("task %s: %s", e.Task.ID, e.Err)
}

func (e *TaskError) Unwrap() error { return e.Err }

// Actor is who acts, with the rights that the caller has established.
type Actor struct {
	User   string
	Roles  []string
	Queues []string
	For    []string // absent people whose deputy the actor is: what is assigned to them may be done
	All    bool     // a lead or a trusted system: every queue and role, but never one's own request
}

// May tells whether the actor may see and act on the task, apart from four eyes: it needs the task's role, if it has
// one, and otherwise membership of its queue; a task with neither is open to everyone. Its assignee always may,
// unless it demands a role.
func (a Actor) May(task *Task) bool {
	switch {
	case a.All:
		return true
	case task.Role != "":
		return slices.Contains(a.Roles, task.Role)
	case task.Assignee != "" && (task.Assignee == a.User || slices.Contains(a.For, task.Assignee)), task.Queue == "":
		return true
	}
	return slices.Contains(a.Queues, task.Queue)
}

// ClaimTask takes the task, seen at the given version, for the actor. Claiming one's own again changes nothing.
func (s *Store) ClaimTask(ctx context.Context, id string, version int, who Actor) (Task, error) {
	return s.actOn(ctx, "claim", id, who, func(tx session, task *Task) error {
		switch {
		case task.ClaimedBy == who.User:
			return nil
		case task.ClaimedBy != "":
			return ErrClaimed
		case task.Version != version:
			return ErrStaleVersion
		}
		if err := otherEyes(ctx, tx, task, who.User); err != nil {
			return err
		}
		return setClaim(ctx, tx, task, who.User, task.Assignee)
	})
}

// ReleaseTask gives a claimed task back to its queue.
func (s *Store) ReleaseTask(ctx context.Context, id string, version int, who Actor) (Task, error) {
	return s.actOn(ctx, "release", id, who, func(tx session, task *Task) error {
		switch {
		case task.ClaimedBy == "":
			return nil
		case task.ClaimedBy != who.User && !who.All:
			return ErrClaimed
		case task.Version != version:
			return ErrStaleVersion
		}
		return setClaim(ctx, tx, task, "", task.Assignee)
	})
}

// ReassignTask gives the task to somebody else, also to another queue if queue is not empty. The rights of the new
// person are for the caller to check.
func (s *Store) ReassignTask(ctx context.Context, id string, version int, who Actor, assignee, queue string) (Task, error) {
	return s.actOn(ctx, "reassign", id, who, func(tx session, task *Task) error {
		if task.Version != version {
			return ErrStaleVersion
		}
		if queue != "" {
			task.Queue = queue
		}
		return setClaim(ctx, tx, task, "", assignee)
	})
}

// Answer stores a person's answer to a task that was looked at in the given version. Of all who answer, exactly one
// wins; the others get a *TaskError with ErrAnswered that names the winner. Nobody answers what another has claimed,
// or what he asked for himself. The case is told afterwards: see UndeliveredAnswers.
func (s *Store) Answer(ctx context.Context, id string, version int, who Actor, outcome string, answer json.RawMessage) (Task, error) {
	return s.actOn(ctx, "answer", id, who, func(tx session, task *Task) error {
		switch {
		case task.ClaimedBy != "" && task.ClaimedBy != who.User && !who.All:
			return ErrClaimed
		case task.Version != version:
			return ErrStaleVersion
		}
		if err := otherEyes(ctx, tx, task, who.User); err != nil {
			return err
		}
		task.State, task.Answer, task.Outcome, task.AnsweredBy = TaskAnswered, answer, outcome, who.User
		task.AnsweredAt = s.now().UTC().Truncate(time.Microsecond)
		_, err := tx.exec(ctx, "UPDATE tasks SET state = ?, answer = ?, outcome = ?, answered_by = ?, answered_at = ?, delivered = ? WHERE id = ?",
			task.State, task.Answer, task.Outcome, task.AnsweredBy, task.AnsweredAt, false, task.ID)
		return err
	})
}

// otherEyes makes sure that nobody approves what he asked for or shaped himself, and that each part of an approval that needs
// several people is decided by another one.
func otherEyes(ctx context.Context, tx session, task *Task, user string) error {
	if task.Kind != TaskApprove {
		return nil
	}
	own, err := isOwn(ctx, tx, task, user)
	if err != nil {
		return err
	}
	if own {
		return ErrFourEyes
	}
	var n int
	err = tx.scalar(ctx, "SELECT COUNT(*) FROM tasks WHERE case_id = ? AND step_path = ? AND generation = ? AND kind = ? AND id <> ? AND state = ? AND answered_by = ?",
		[]any{task.CaseID, task.StepPath, task.Generation, TaskApprove, task.ID, TaskAnswered, user}, &n)
	if err == nil && n > 0 {
		return ErrSeatTaken
	}
	return err
}

// IsOwn tells whether a user asked for what the task approves, or shaped it: by an answer to another task of the case, or
// by an act of repair that gave a value.
func (s *Store) IsOwn(ctx context.Context, task Task, user string) (bool, error) {
	if task.Kind != TaskApprove {
		return false, nil
	}
	own, err := isOwn(ctx, s.read(), &task, user)
	return own, wrap("whose task "+task.ID+" is", err)
}

func isOwn(ctx context.Context, tx session, task *Task, user string) (bool, error) {
	if task.Requester != "" && strings.EqualFold(task.Requester, user) {
		return true, nil
	}
	answered, err := many[Task](ctx, tx, "SELECT "+taskColumns+" FROM tasks WHERE case_id = ? AND state = ? AND LOWER(answered_by) = LOWER(?)", task.CaseID, TaskAnswered, user)
	if err != nil {
		return false, err
	}
	for _, one := range answered {
		if one.shapes() && !ofAnotherItem(one.StepPath, task.StepPath) {
			return true, nil
		}
	}
	repairs, err := many[Repair](ctx, tx, "SELECT "+repairColumns+" FROM repairs WHERE case_id = ? AND state <> ? AND LOWER(who) = LOWER(?)", task.CaseID, RepairRefused, user)
	return slices.ContainsFunc(repairs, func(one Repair) bool {
		return (one.Act == ActAnswer || one.Act == ActSkip || one.Act == ActRedo) && !ofAnotherItem(one.Step, task.StepPath)
	}), err
}

// shapes tells whether the answer brought something into the case. An approval does not, unless it had a step done again,
// and neither does who only had a system asked once more.
func (t *Task) shapes() bool {
	var given struct{ Act string }
	_ = json.Unmarshal(t.Answer, &given) // an answer that is no record has no act
	return t.Kind != TaskApprove && given.Act != ActRetry || given.Act == ActRedo
}

// ofAnotherItem tells whether two steps are of two items of one loop: what somebody did about the one is nothing to the other.
func ofAnotherItem(path, other string) bool {
	for {
		here, rest, more := strings.Cut(path, ".")
		there, others, moreThere := strings.Cut(other, ".")
		if here != there {
			return more && moreThere && unnumbered(here) == unnumbered(there)
		}
		if path, other = rest, others; path == "" || other == "" {
			return false
		}
	}
}

// unnumbered is a part of a path without the position of an item.
func unnumbered(part string) string {
	name, _, _ := strings.Cut(part, "[")
	return name
}

// UndeliveredAnswers lists answered tasks whose case has not been told, oldest answer first: all of as many cases as the limit says.
// Where there are more, others are chosen each time, so that cases that cannot be told do not keep the rest from it.
func (s *Store) UndeliveredAnswers(ctx context.Context, before time.Time, cases int) ([]Task, error) {
	const undelivered = "state = ? AND delivered = ? AND answered_at <= ?"
	found, err := many[Task](ctx, s.read(), "SELECT "+taskColumns+" FROM tasks WHERE "+undelivered+
		" AND case_id IN (SELECT case_id FROM tasks WHERE "+undelivered+" GROUP BY case_id ORDER BY RANDOM()"+page(cases, 0)+") ORDER BY answered_at, id",
		TaskAnswered, false, before, TaskAnswered, false, before)
	return found, wrap("undelivered answers", err)
}

// MarkDelivered records that the case has been told of the answer.
func (s *Store) MarkDelivered(ctx context.Context, id string) error {
	return s.write(ctx, "delivered "+id, func(tx session) error {
		n, err := tx.exec(ctx, "UPDATE tasks SET delivered = ? WHERE id = ? AND state = ?", true, id, TaskAnswered)
		if err == nil && n == 0 {
			return ErrNotFound
		}
		return err
	})
}

// actOn runs an act on an open task that the actor has the right to, in one transaction.
func (s *Store) actOn(ctx context.Context, what, id string, who Actor, act func(tx session, task *Task) error) (Task, error) {
	var task Task
	err := s.write(ctx, what+" task "+id, func(tx session) error {
		var err error
		if task, err = taskByID(ctx, tx, id); err != nil {
			return err
		}
		refused := mayAct(&task, who)
		if refused == nil {
			current := task
			if refused = act(tx, &task); refused == nil {
				return nil
			}
			task = current
		}
		return &TaskError{Task: task, Err: refused}
	})
	return task, err
}

func mayAct(task *Task, who Actor) error {
	switch {
	case who.User == "" || !who.May(task):
		return ErrNotAllowed
	case task.State == TaskAnswered:
		return ErrAnswered
	case task.Closed():
		return ErrTaskClosed
	}
	return nil
}

func setClaim(ctx context.Context, tx session, task *Task, claimedBy, assignee string) error {
	task.ClaimedBy, task.Assignee, task.State = claimedBy, assignee, TaskOpen
	if claimedBy != "" {
		task.State = TaskClaimed
	}
	task.Version++
	_, err := tx.exec(ctx, "UPDATE tasks SET state = ?, claimed_by = ?, assignee = ?, queue = ?, version = ? WHERE id = ?",
		task.State, task.ClaimedBy, task.Assignee, task.Queue, task.Version, task.ID)
	return err
}
