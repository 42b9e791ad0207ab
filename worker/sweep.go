package worker

import (
	"cmp"
	"context"
	"time"
)

const (
	// DefaultRetention is how long the engine inside keeps the history of an ended case, unless it is told otherwise.
	DefaultRetention = 30 * 24 * time.Hour
	// sweepEvery is the pause between two looks for what has been kept long enough.
	sweepEvery = time.Hour
	// sweepMargin is how long payloads stay beyond the history that they belong to.
	sweepMargin = 24 * time.Hour
	// forgetRobots is how long it is kept what pages of robots were like that nothing runs any more.
	forgetRobots = 180 * 24 * time.Hour
)

// sweep drops what has been kept long enough, again and again. The first time, and after the retention was shortened, that
// may take hours, so that nothing else may depend on it.
func (w *Worker) sweep(ctx context.Context) {
	for ctx.Err() == nil {
		w.sweepOnce(ctx, time.Now())
		rest(ctx, sweepEvery)
	}
}

// sweepOnce drops the payloads of cases whose history Temporal has dropped, and what the workspace wants to be kept no
// longer. Several workers may do so at once.
func (w *Worker) sweepOnce(ctx context.Context, now time.Time) {
	// The namespace is asked each time: others may change it while this worker runs.
	namespace := cmp.Or(w.config.Namespace, namespaceOf(w.config.Temporal))
	if histories, err := HistoriesKept(ctx, w.client.WorkflowService(), namespace); err == nil {
		w.drop(ctx, "payloads", now.Add(-histories-sweepMargin), w.config.Store.DropPayloads)
	} else if ctx.Err() == nil {
		w.log.Error("payloads.not_dropped", "error", err)
	}
	w.drop(ctx, "reads", now.Add(-sweepMargin), w.config.Store.DropReads)
	w.drop(ctx, "evidence", now, w.config.Store.DropKept)
	if err := w.config.Store.ForgetRobots(ctx, now.Add(-forgetRobots)); err != nil && ctx.Err() == nil {
		w.log.Error("robots.not_forgotten", "error", err)
	}
	keep := w.reach.config.Load().Retention
	if keep.Intake > 0 {
		w.drop(ctx, "messages", now.Add(-keep.Intake), w.config.Store.DropMessages)
	}
	if keep.Record > 0 {
		w.drop(ctx, "cases", now.Add(-keep.Record), w.config.Store.DropCases)
	}
}

// drop drops what is older than an instant, batch by batch, until nothing is left. After each it gives way for as long as
// the batch took, so that cases have at least half of the store.
func (w *Worker) drop(ctx context.Context, what string, before time.Time, batch func(context.Context, time.Time) (int64, error)) {
	var dropped int64
	for ctx.Err() == nil {
		begun := time.Now()
		n, err := batch(ctx, before)
		if dropped += n; err != nil && ctx.Err() == nil {
			w.log.Error(what+".not_dropped", "error", err)
		}
		if err != nil || n == 0 {
			break
		}
		rest(ctx, time.Since(begun))
	}
	if dropped > 0 {
		w.log.Info(what+".dropped", "count", dropped, "older_than", before)
	}
}

// rest waits, or until the worker ends.
func rest(ctx context.Context, pause time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(pause):
	}
}
