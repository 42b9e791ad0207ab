package store

import (
	"context"
	"time"
)

// WaitingCount is how many open cases wait for one kind of thing; the kind is "" for those that wait for nothing.
type WaitingCount struct {
	Kind string
	Open int
}

func (w *WaitingCount) fields() []any { return []any{&w.Kind, &w.Open} }

// QueueAge is how many open tasks a queue has, and since when the oldest.
type QueueAge struct {
	Queue  string
	Open   int
	Oldest time.Time
}

func (q *QueueAge) fields() []any { return []any{&q.Queue, &q.Open, stamp{&q.Oldest}} }

// Figures counts what is open, for those who watch over it all.
func (s *Store) Figures(ctx context.Context) ([]WaitingCount, []QueueAge, error) {
	cases, err := many[WaitingCount](ctx, s.read(), "SELECT waiting_kind, COUNT(*) FROM cases WHERE ended_at = 0 GROUP BY waiting_kind")
	if err != nil {
		return nil, nil, wrap("figures", err)
	}
	tasks, err := many[QueueAge](ctx, s.read(), "SELECT queue, COUNT(*), MIN(created_at) FROM tasks WHERE state IN (?, ?) GROUP BY queue", TaskOpen, TaskClaimed)
	return cases, tasks, wrap("figures", err)
}
