package sandbox

import "time"

// NewWorld generates the world of a seed, with dates counted from the day of base.
func NewWorld(seed uint64, base time.Time) *World {
	w := &World{Seed: seed, Today: time.Date(base.Year(), base.Month(), base.Day(), 0, 0, 0, 0, time.UTC)}
	w.reindex()
	return w
}
