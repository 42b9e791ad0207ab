package store

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"
)

// TaskKind is what a task asks of a person.
type TaskKind string

// The kinds of tasks.
const (
	TaskComplete TaskKind = "complete"
	TaskApprove  TaskKind = "approve"
	TaskChoose   TaskKind = "choose"
	TaskAnswer   TaskKind = "answer"
	TaskRepair   TaskKind = "repair"
	TaskConfirm  TaskKind = "confirm"
)

// TaskState is where a task stands.
type TaskState string

// The states of a task. The last three end it.
const (
	TaskOpen       TaskState = "open"
	TaskClaimed    TaskState = "claimed"
	TaskAnswered   TaskState = "answered"
	TaskSuperseded TaskState = "superseded"
	TaskCancelled  TaskState = "cancelled"
)

// External is where the same task is found in another system.
type External struct {
	System string `json:"system,omitempty"`
	ID     string `json:"id,omitempty"`
	URL    string `json:"url,omitempty"`
}

// Task is work for a person. Version grows with every change that a person must have seen before answering.
type Task struct {
	ID         string          `json:"id"`
	CaseID     string          `json:"case_id"`
	StepPath   string          `json:"step_path"`
	Generation int             `json:"generation"`
	Version    int             `json:"version"`
	Kind       TaskKind        `json:"kind"`
	Queue      string          `json:"queue,omitempty"`
	Role       string          `json:"role,omitempty"`
	Title      string          `json:"title"`
	Language   string          `json:"language,omitempty"`
	Assignee   string          `json:"assignee,omitempty"` // proposed by the rules; others of the queue may still take it
	ClaimedBy  string          `json:"claimed_by,omitempty"`
	CreatedAt  time.Time       `json:"created_at"`
	DueAt      time.Time       `json:"due_at,omitzero"`
	State      TaskState       `json:"state"`
	Payload    json.RawMessage `json:"payload,omitempty"`
	External   External        `json:"external,omitzero"`
	Requester  string          `json:"requester,omitempty"` // started the case, and may not approve
	Answer     json.RawMessage `json:"answer,omitempty"`
	AnsweredBy string          `json:"answered_by,omitempty"`
	AnsweredAt time.Time       `json:"answered_at,omitzero"`
	Outcome    string          `json:"outcome,omitempty"`
	Delivered  bool            `json:"delivered"`
	Workflow   string          `json:"-"` // that waits for the answer; empty: that of the case

	search string
}

const taskColumns = `id, case_id, step_path, generation, version, kind, queue, role, title, language, assignee, claimed_by,
	created_at, due_at, state, payload, external_system, external_id, external_url, requester, answer, answered_by,
	answered_at, outcome, delivered, workflow, search`

func (t *Task) fields() []any {
	return []any{&t.ID, &t.CaseID, &t.StepPath, &t.Generation, &t.Version, &t.Kind, &t.Queue, &t.Role, &t.Title, &t.Language,
		&t.Assignee, &t.ClaimedBy, stamp{&t.CreatedAt}, stamp{&t.DueAt}, &t.State, document{&t.Payload}, &t.External.System,
		&t.External.ID, &t.External.URL, &t.Requester, document{&t.Answer}, &t.AnsweredBy, stamp{&t.AnsweredAt}, &t.Outcome,
		&t.Delivered, &t.Workflow, &t.search}
}

// Closed tells whether nobody can answer the task any more.
func (t *Task) Closed() bool { return t.State != TaskOpen && t.State != TaskClaimed }

// words is what the task itself is found by, beside what its case is found by.
func (t *Task) words() string { return fold(t.Title, t.External.ID) }

// same tells whether a person who saw one need not look again at the other.
func (t *Task) same(other *Task) bool {
	return t.Title == other.Title && t.Queue == other.Queue && t.Role == other.Role && t.Assignee == other.Assignee &&
		t.DueAt.Equal(other.DueAt) && t.Requester == other.Requester && bytes.Equal(t.Payload, other.Payload)
}

// OpenTask stores a task under the id that the caller derives from case and step. The same id again is the same task:
// while it is open its content is refreshed, with a new version if it differs; afterwards it is returned as it
// ended. Claims and the place in other systems stay.
func (s *Store) OpenTask(ctx context.Context, task Task) (Task, error) {
	var opened Task
	err := s.write(ctx, "open task "+task.ID, func(tx session) error {
		existing, err := taskByID(ctx, tx, task.ID)
		switch {
		case errors.Is(err, ErrNotFound):
			opened, err = s.insertTask(ctx, tx, task)
		case err == nil && !existing.Closed():
			opened, err = refreshTask(ctx, tx, existing, task)
		default:
			opened = existing
		}
		return err
	})
	return opened, err
}

func (s *Store) insertTask(ctx context.Context, tx session, task Task) (Task, error) {
	task.Version, task.State, task.ClaimedBy = 1, TaskOpen, ""
	task.Answer, task.AnsweredBy, task.AnsweredAt, task.Outcome, task.Delivered = nil, "", time.Time{}, "", false
	if task.CreatedAt.IsZero() {
		task.CreatedAt = s.now()
	}
	task.CreatedAt, task.DueAt = task.CreatedAt.UTC().Truncate(time.Microsecond), task.DueAt.UTC().Truncate(time.Microsecond)
	task.search = task.words()
	_, err := tx.insert(ctx, "tasks", taskColumns, task.fields(), "")
	return task, err
}

func refreshTask(ctx context.Context, tx session, existing, fresh Task) (Task, error) {
	fresh.DueAt = fresh.DueAt.UTC().Truncate(time.Microsecond)
	if existing.same(&fresh) {
		return existing, nil
	}
	existing.Title, existing.Queue, existing.Role, existing.Assignee = fresh.Title, fresh.Queue, fresh.Role, fresh.Assignee
	existing.DueAt, existing.Requester, existing.Payload = fresh.DueAt, fresh.Requester, fresh.Payload
	existing.Version++
	existing.search = existing.words()
	_, err := tx.exec(ctx, `UPDATE tasks SET title = ?, queue = ?, role = ?, assignee = ?, due_at = ?, requester = ?, payload = ?,
		version = ?, search = ? WHERE id = ?`, existing.Title, existing.Queue, existing.Role, existing.Assignee, existing.DueAt,
		existing.Requester, existing.Payload, existing.Version, existing.search, existing.ID)
	return existing, err
}

// Task finds a task by its id.
func (s *Store) Task(ctx context.Context, id string) (Task, error) {
	found, err := taskByID(ctx, s.read(), id)
	return found, wrap("task "+id, err)
}

// TaskByExternal finds the newest task that is known under an id in another system.
func (s *Store) TaskByExternal(ctx context.Context, system, id string) (Task, error) {
	found, err := one[Task](ctx, s.read(), "SELECT "+taskColumns+" FROM tasks WHERE external_system = ? AND external_id = ? ORDER BY created_at DESC, id DESC LIMIT 1", system, id)
	return found, wrap("task "+system+" "+id, err)
}

// SetTaskExternal notes where the task is found in another system. That is no new version.
func (s *Store) SetTaskExternal(ctx context.Context, id string, external External) error {
	return s.write(ctx, "task "+id, func(tx session) error {
		task, err := taskByID(ctx, tx, id)
		if err != nil {
			return err
		}
		task.External = external
		_, err = tx.exec(ctx, "UPDATE tasks SET external_system = ?, external_id = ?, external_url = ?, search = ? WHERE id = ?",
			external.System, external.ID, external.URL, task.words(), id)
		return err
	})
}

// SupersedeTasks closes the open tasks of a step whose generation is older: the step is done again.
func (s *Store) SupersedeTasks(ctx context.Context, caseID, stepPath string, generation int) error {
	return s.write(ctx, "supersede tasks of "+caseID, func(tx session) error {
		_, err := tx.exec(ctx, "UPDATE tasks SET state = ?, version = version + 1 WHERE case_id = ? AND step_path = ? AND generation < ? AND state IN (?, ?)",
			TaskSuperseded, caseID, stepPath, generation, TaskOpen, TaskClaimed)
		return err
	})
}

// CloseTask ends an open task without an answer, as superseded or cancelled. A closed one stays as it is.
func (s *Store) CloseTask(ctx context.Context, id string, state TaskState) error {
	if state != TaskSuperseded && state != TaskCancelled {
		return fmt.Errorf("store: a task can not be closed as %q", state)
	}
	return s.write(ctx, "close task "+id, func(tx session) error {
		_, err := tx.exec(ctx, "UPDATE tasks SET state = ?, version = version + 1 WHERE id = ? AND state IN (?, ?)", state, id, TaskOpen, TaskClaimed)
		return err
	})
}

func cancelTasks(ctx context.Context, tx session, caseID string) error {
	_, err := tx.exec(ctx, "UPDATE tasks SET state = ?, version = version + 1 WHERE case_id = ? AND state IN (?, ?)", TaskCancelled, caseID, TaskOpen, TaskClaimed)
	return err
}

func taskByID(ctx context.Context, q session, id string) (Task, error) {
	return one[Task](ctx, q, "SELECT "+taskColumns+" FROM tasks WHERE id = ?", id)
}

// Reminder is a task whose people are to be reminded of it.
type Reminder struct {
	TaskID     string
	Number     int
	CaseID     string
	RemindedAt time.Time
}

func (r *Reminder) fields() []any {
	return []any{&r.TaskID, &r.Number, &r.CaseID, stamp{&r.RemindedAt}}
}

// Remind has the people of an open task reminded, once for each number.
func (s *Store) Remind(ctx context.Context, taskID string, number int) error {
	return s.write(ctx, "remind of "+taskID, func(tx session) error {
		task, err := taskByID(ctx, tx, taskID)
		if err != nil || task.Closed() {
			return err
		}
		_, err = tx.insert(ctx, "reminders", "task_id, number, case_id, reminded_at, sent", []any{taskID, number, task.CaseID, s.now(), false}, "ON CONFLICT DO NOTHING")
		return err
	})
}

// Reminders lists reminders that no mail was written for, of tasks that are still open, the oldest first.
func (s *Store) Reminders(ctx context.Context, since time.Time, limit int) ([]Reminder, error) {
	found, err := many[Reminder](ctx, s.read(), `SELECT task_id, number, case_id, reminded_at FROM reminders WHERE sent = ? AND reminded_at >= ?
		AND task_id IN (SELECT id FROM tasks WHERE state IN (?, ?)) ORDER BY reminded_at, task_id, number`+page(limit, 0), false, since, TaskOpen, TaskClaimed)
	return found, wrap("reminders", err)
}

// MarkReminded records that the mails of a reminder are queued.
func (s *Store) MarkReminded(ctx context.Context, reminder Reminder) error {
	return s.write(ctx, "reminded of "+reminder.TaskID, func(tx session) error {
		_, err := tx.exec(ctx, "UPDATE reminders SET sent = ? WHERE task_id = ? AND number = ?", true, reminder.TaskID, reminder.Number)
		return err
	})
}
