package store

import (
	"context"
	"errors"
	"time"
)

// RobotApplication is what all processes know of an application that robots work in.
type RobotApplication struct {
	Name         string
	NextAt       time.Time // when the next run would begin if they came evenly
	Failures     int       // in a row
	StoppedUntil time.Time // nothing is tried before
}

func (a *RobotApplication) fields() []any {
	return []any{&a.Name, stamp{&a.NextAt}, &a.Failures, stamp{&a.StoppedUntil}}
}

// ChangeRobotApplication reads what is known of an application, changes it and stores it, alone among all processes.
// The function may be called again.
func (s *Store) ChangeRobotApplication(ctx context.Context, name string, change func(*RobotApplication)) error {
	return s.write(ctx, "robots' application "+name, func(tx session) error {
		known, err := one[RobotApplication](ctx, tx, "SELECT name, next_at, failures, stopped_until FROM robot_applications WHERE name = ?", name)
		if err != nil && !errors.Is(err, ErrNotFound) {
			return err
		}
		known.Name = name
		change(&known)
		_, err = tx.insert(ctx, "robot_applications", "name, next_at, failures, stopped_until", known.fields(), `ON CONFLICT (name) DO UPDATE SET
			next_at = excluded.next_at, failures = excluded.failures, stopped_until = excluded.stopped_until`)
		return err
	})
}
