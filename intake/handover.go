package intake

import (
	"context"
	"errors"
	"strings"
	"time"

	"crosswalk/rules"
	"crosswalk/store"
)

// The pace of what goes on in the background.
const (
	handoverWorkers = 8
	sweepEvery      = 5 * time.Second
	sweepAfter      = 3 * time.Second // an entry younger than this is being handed over
	handoverTimeout = 20 * time.Second
	tidyEvery       = time.Hour
	sweepLease      = 2 * sweepEvery // what one process leaves, another sweeps after this
	sweepPage       = 200            // entries that the sweeper takes at once
)

// Run hands stored entries over to their cases, repeats what failed or what a crash left, and sends queued mail, until
// the context is done.
func (i *Intake) Run(ctx context.Context) {
	for range handoverWorkers {
		i.wait.Go(func() { i.handOverQueued(ctx) })
	}
	i.wait.Go(func() { i.tellEvents(ctx) })
	i.wait.Go(func() { i.sweep(ctx) })
	i.wait.Go(func() { i.tidy(ctx) })
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
		if err := i.sweepAlone(ctx); err != nil && ctx.Err() == nil {
			i.Log.Warn("intake.sweep.failed", "error", err)
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// sweepAlone sweeps if no other process does. Two at once would do no harm, only work twice: each step may be repeated.
func (i *Intake) sweepAlone(ctx context.Context) error {
	lease, err := i.Store.AcquireLease(ctx, "intake.sweep", i.name, sweepLease)
	if errors.Is(err, store.ErrLeaseHeld) {
		return nil
	}
	if err != nil {
		return err
	}
	err = i.sweepOnce(ctx, i.now().Add(-sweepAfter))
	if ctx.Err() != nil {
		return errors.Join(err, i.Store.ReleaseLease(context.WithoutCancel(ctx), lease))
	}
	return err
}

func (i *Intake) sweepOnce(ctx context.Context, before time.Time) error {
	errs := []error{i.sweepEntries(ctx, before)}
	errs = append(errs, i.sweepEvents(ctx))
	tasks, err := i.Store.UndeliveredAnswers(ctx, before, 200)
	errs = append(errs, err)
	if len(tasks) > 0 {
		errs = append(errs, i.Cases.Redeliver(ctx, tasks))
	}
	return errors.Join(errs...)
}

// sweepEntries hands over what is left, page by page as long as all of a page could be.
func (i *Intake) sweepEntries(ctx context.Context, before time.Time) error {
	for first := ""; ; {
		entries, err := i.Store.PendingEntries(ctx, before, sweepPage)
		if err != nil || len(entries) == 0 || entries[0].ID == first {
			return err
		}
		first = entries[0].ID
		var errs []error
		told := map[string]bool{}
		for _, entry := range entries {
			if entry.Kind != store.KindNew && told[entry.CaseID] {
				continue // with an earlier one of the page, or in the next round
			}
			err := i.handOver(ctx, entry)
			told[entry.CaseID] = told[entry.CaseID] || err == nil && entry.Kind != store.KindNew
			errs = append(errs, err)
		}
		if err := errors.Join(errs...); err != nil || len(entries) < sweepPage {
			return err
		}
	}
}

// tidy drops what nobody asks for any more.
func (i *Intake) tidy(ctx context.Context) {
	tick := time.NewTicker(tidyEvery)
	defer tick.Stop()
	for {
		_, err := i.Store.ForgetWebhooks(ctx)
		if err = errors.Join(err, i.Store.PruneAttempts(ctx, tidyEvery), i.Store.PruneLogins(ctx), i.Store.PruneEvents(ctx)); err != nil && ctx.Err() == nil {
			i.Log.Warn("intake.tidy.failed", "error", err)
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// handOver starts the case of an entry, or tells the case that it joined. It may run twice for one entry.
func (i *Intake) handOver(ctx context.Context, entry store.Entry) error {
	ctx, cancel := context.WithTimeout(inTrace(ctx, entry.Trace), handoverTimeout)
	defer cancel()
	if entry.State != store.EntryStored {
		return nil
	}
	if entry.Kind != store.KindNew {
		err := i.nudge(ctx, entry.CaseID)
		if errors.Is(err, ErrEnded) && entry.Kind == string(Deleted) { // nothing is left to be done about a post that is gone
			return i.Store.MarkJoined(ctx, entry.ID)
		}
		if err == nil {
			return nil
		}
		if !errors.Is(err, ErrEnded) {
			return err
		}
		if entry, err = i.split(ctx, entry); err != nil {
			return err
		}
	}
	if err := i.Cases.StartCase(ctx, entry); err != nil {
		return err
	}
	return i.Store.MarkStarted(ctx, entry.ID)
}

// split gives a message that came too late for its case one of its own, and tells the sender the new reference.
func (i *Intake) split(ctx context.Context, entry store.Entry) (store.Entry, error) {
	entry, err := i.Store.SplitEntry(ctx, entry.ID)
	if err != nil {
		return entry, err
	}
	for _, s := range i.Sources() {
		if s.Name != entry.Source || s.Acknowledge == nil {
			continue
		}
		m, err := i.reread(ctx, entry)
		if err != nil {
			return entry, err
		}
		if reply := i.reply(s, m, map[string]rules.Value{string(s.Kind): messageValue(m)}); reply != nil {
			return entry, i.Store.QueueReply(ctx, entry, reply)
		}
	}
	return entry, nil
}

// reread is what a reply needs to know of a stored message.
func (i *Intake) reread(ctx context.Context, entry store.Entry) (Message, error) {
	if entry.Channel == "email" {
		raw, err := i.Store.EntryRaw(ctx, entry.ID)
		if err != nil {
			return Message{}, err
		}
		if m, err := ParseMail(raw, "unknown", "", entry.ReceivedAt); err == nil {
			return m, nil
		}
	}
	m := Message{Channel: entry.Channel, ReceivedAt: entry.ReceivedAt}
	for _, key := range entry.ContactKeys {
		if email, ok := strings.CutPrefix(key, "email:"); ok {
			m.From.Email = email
		}
	}
	return m, nil
}
