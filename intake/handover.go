package intake

import (
	"context"
	"errors"
	"time"

	"crosswalk/store"
)

// Run hands stored entries over to their cases, repeats what failed or what a crash left, and sends queued mail, until
// the context is done.
func (i *Intake) Run(ctx context.Context) {
	for range handoverWorkers {
		i.wait.Go(func() { i.handOverQueued(ctx) })
	}
	i.wait.Go(func() { i.sweep(ctx) })
	i.wait.Wait()
}

func (i *Intake) handOverQueued(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case id := <-i.handover:
			entry, err := i.Store.Entry(ctx, id)
			if err == nil {
				err = i.handOver(ctx, entry)
			}
			if err != nil && ctx.Err() == nil {
				i.Log.Warn("intake.handover.repeated_later", "entry", id, "error", err)
			}
		}
	}
}

// sweep drives what is not marked: the answer to every crash between two stores that share no transaction.
func (i *Intake) sweep(ctx context.Context) {
	tick := time.NewTicker(sweepEvery)
	defer tick.Stop()
	for {
		if err := i.sweepOnce(ctx, time.Now().Add(-sweepAfter)); err != nil && ctx.Err() == nil {
			i.Log.Warn("intake.sweep.failed", "error", err)
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

func (i *Intake) sweepOnce(ctx context.Context, before time.Time) error {
	entries, err := i.Store.PendingEntries(ctx, before, 200)
	if err != nil {
		return err
	}
	var errs []error
	for _, entry := range entries {
		errs = append(errs, i.handOver(ctx, entry))
	}
	tasks, err := i.Store.UndeliveredAnswers(ctx, before, 200)
	errs = append(errs, err)
	for _, task := range tasks {
		if err := i.Cases.Deliver(ctx, task); errors.Is(err, ErrEnded) {
			errs = append(errs, i.Store.MarkDelivered(ctx, task.ID)) // nobody is left to tell
		} else {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}

// handOver starts the case of an entry, or tells the case that it joined. It may run twice for one entry.
func (i *Intake) handOver(ctx context.Context, entry store.Entry) error {
	ctx, cancel := context.WithTimeout(ctx, handoverTimeout)
	defer cancel()
	if entry.State != store.EntryStored {
		return nil
	}
	if entry.Kind != store.KindNew {
		err := i.Cases.Nudge(ctx, entry.CaseID)
		if err == nil {
			return i.Store.MarkJoined(ctx, entry.ID)
		}
		if !errors.Is(err, ErrEnded) {
			return err
		}
		if entry.Kind == string(Deleted) {
			return i.Store.MarkJoined(ctx, entry.ID) // nothing is left to be done about a post that is gone
		}
		if entry, err = i.Store.SplitEntry(ctx, entry.ID); err != nil {
			return err
		}
	}
	if err := i.Cases.StartCase(ctx, entry); err != nil {
		return err
	}
	return i.Store.MarkStarted(ctx, entry.ID)
}
