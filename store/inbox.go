package store

import (
	"context"
	"time"
)

// TaskFilter chooses tasks; the zero value chooses all.
type TaskFilter struct {
	Visible   *Actor // only what this actor may act on
	Open      bool   // not closed
	States    []TaskState
	Kinds     []TaskKind
	Queues    []string
	Person    string // claimed by, or assigned to and claimed by nobody else
	Unclaimed bool
	CaseID    string
	Language  string
	DueBefore time.Time
	Text      string // words of the title, the case's reference and contacts, the ticket's id
	Limit     int
	Offset    int
}

func (f TaskFilter) conditions() conditions {
	var c conditions
	if f.Visible != nil {
		c.visible(*f.Visible)
	}
	if f.Open {
		c.add("state IN (?, ?)", TaskOpen, TaskClaimed)
	}
	if len(f.States) > 0 {
		set, args := in(f.States)
		c.add("state IN "+set, args...)
	}
	if len(f.Kinds) > 0 {
		set, args := in(f.Kinds)
		c.add("kind IN "+set, args...)
	}
	if len(f.Queues) > 0 {
		set, args := in(f.Queues)
		c.add("queue IN "+set, args...)
	}
	if f.Person != "" {
		c.add("(claimed_by = ? OR (claimed_by = '' AND assignee = ?))", f.Person, f.Person)
	}
	if f.Unclaimed {
		c.add("claimed_by = ''")
	}
	if f.CaseID != "" {
		c.add("case_id = ?", f.CaseID)
	}
	if f.Language != "" {
		c.add("language = ?", f.Language)
	}
	if !f.DueBefore.IsZero() {
		c.add("due_at > 0 AND due_at < ?", f.DueBefore)
	}
	// Each word may be one of the task or one of its case.
	for word := range searchWords(f.Text) {
		c.add("(search LIKE ? ESCAPE '\\' OR case_id IN (SELECT id FROM cases WHERE search LIKE ? ESCAPE '\\'))", word, word)
	}
	return c
}

// visible is Actor.May in SQL.
func (c *conditions) visible(who Actor) {
	if who.All {
		return
	}
	roles, roleArgs := in(append([]string{""}, who.Roles...))
	queues, queueArgs := in(append([]string{""}, who.Queues...))
	people, peopleArgs := in(append([]string{who.User}, who.For...))
	args := append(roleArgs, peopleArgs...)
	c.add("role IN "+roles+" AND (role <> '' OR (assignee <> '' AND assignee IN "+people+") OR queue IN "+queues+")", append(args, queueArgs...)...)
}

// Tasks lists tasks: what is due first, then what has no due time, each by age.
func (s *Store) Tasks(ctx context.Context, filter TaskFilter) ([]Task, error) {
	c := filter.conditions()
	found, err := many[Task](ctx, s.read(), "SELECT "+taskColumns+" FROM tasks"+c.where()+
		" ORDER BY CASE WHEN due_at = 0 THEN 1 ELSE 0 END, due_at, created_at, id"+page(filter.Limit, filter.Offset), c.args...)
	return found, wrap("tasks", err)
}

// QueueCount is how much work a queue holds.
type QueueCount struct {
	Queue     string `json:"queue"`
	Open      int    `json:"open"`
	Unclaimed int    `json:"unclaimed"`
	Overdue   int    `json:"overdue"`
}

func (q *QueueCount) fields() []any { return []any{&q.Queue, &q.Open, &q.Unclaimed, &q.Overdue} }

// CountTasks counts, by queue, what Tasks would list without its limit.
func (s *Store) CountTasks(ctx context.Context, filter TaskFilter) ([]QueueCount, error) {
	c := filter.conditions()
	found, err := many[QueueCount](ctx, s.read(), `SELECT queue, COUNT(*), SUM(CASE WHEN claimed_by = '' THEN 1 ELSE 0 END),
		SUM(CASE WHEN due_at > 0 AND due_at < ? THEN 1 ELSE 0 END) FROM tasks`+c.where()+" GROUP BY queue ORDER BY queue",
		append([]any{s.now()}, c.args...)...)
	return found, wrap("count tasks", err)
}

type personLoad struct {
	person string
	open   int
}

func (p *personLoad) fields() []any { return []any{&p.person, &p.open} }

// Load counts the open tasks of each person: claimed, or assigned and claimed by nobody.
func (s *Store) Load(ctx context.Context) (map[string]int, error) {
	found, err := many[personLoad](ctx, s.read(), `SELECT CASE WHEN claimed_by = '' THEN assignee ELSE claimed_by END AS person, COUNT(*)
		FROM tasks WHERE state IN (?, ?) AND (claimed_by <> '' OR assignee <> '') GROUP BY person`, TaskOpen, TaskClaimed)
	load := make(map[string]int, len(found))
	for _, p := range found {
		load[p.person] = p.open
	}
	return load, wrap("load", err)
}
