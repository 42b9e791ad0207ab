package worker

import (
	"context"
	"regexp"
	"time"

	"crosswalk/store"
)

// unfit counts a place of an operation's answer that does not look as declared, whether or not a case needed it. Nothing of
// what came is kept. Counts are written down once in sampleEvery.
func (d *drift) unfit(system, driver, operation, place, why string) {
	if d == nil || d.store == nil {
		return
	}
	what := store.FieldRetyped
	if why == "is missing" {
		what = store.FieldMissing
	}
	place = itemNumber.ReplaceAllString(place, "[]")
	key := system + " " + driver + " " + operation + " " + place + " " + what
	count := d.countUnfit(key)
	if count == 0 {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), storePatience)
	defer cancel()
	found := store.AnswerField{System: system, Driver: driver, Operation: operation, Field: declared + place, What: what, Feeds: lastName(place), Counted: count}
	if err := d.store.AddAnswerFields(ctx, []store.AnswerField{found}); err != nil {
		d.log.Warn("drift.not_stored", "system", system, "operation", operation, "error", err)
		d.mu.Lock()
		d.unfits[key].waiting += count // for the next time
		d.mu.Unlock()
	}
}

// countUnfit counts one more, and returns how many are to be written down now; 0: none yet.
func (d *drift) countUnfit(key string) int64 {
	d.mu.Lock()
	defer d.mu.Unlock()
	counted, now := d.unfits[key], d.now()
	if counted == nil {
		counted = &unfitCount{}
		d.unfits[key] = counted
	}
	counted.waiting++
	if now.Sub(counted.written) < sampleEvery {
		return 0
	}
	waiting := counted.waiting
	*counted = unfitCount{written: now}
	return waiting
}

// declared begins the names of fields that the contract declares; others are the system's own.
const declared = "output."

var itemNumber = regexp.MustCompile(`\[[0-9]+\]`)

// unfitCount is how often something was found since it was last written down.
type unfitCount struct {
	waiting int64
	written time.Time
}
