package worker

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/workflowservice/v1"

	"crosswalk/store"
	"crosswalk/workflows"
)

const (
	// settled is how old a case must be before its absence in Temporal means anything.
	settled = time.Minute
	// lookEvery is how often Temporal is asked which cases it ended by force.
	lookEvery = 15 * time.Second
	// lookBack is how far such a question reaches back: what Temporal lists is a little behind what it knows.
	lookBack = 5 * time.Minute
	// lookAtAllEvery is how often every open case is compared, one after the other.
	lookAtAllEvery = time.Hour
	// lookPause keeps a comparison of very many cases from taking the engine for itself.
	lookPause = 5 * time.Millisecond
)

// reconcile closes, until the context is done, the cases that have ended in Temporal without having been able to say
// so: terminated by hand, deleted, or in a store that was restored from an older copy. It begins with all open cases.
func (w *Worker) reconcile(ctx context.Context) {
	tick := time.NewTicker(cmp.Or(w.config.Look, lookEvery))
	defer tick.Stop()
	var compared time.Time
	for {
		var err error
		if now := time.Now(); now.Sub(compared) >= lookAtAllEvery {
			if _, err = w.cases.CloseEnded(ctx, now.Add(-settled)); err == nil {
				compared = now
			}
		} else {
			_, err = w.cases.closeForced(ctx, now.Add(-lookBack))
		}
		err = errors.Join(err, w.cases.RepeatRepairs(ctx, time.Now().Add(-2*repairPatience)))
		if err != nil && ctx.Err() == nil {
			w.log.Warn("cases.not_compared", "error", err)
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// CloseEnded compares every open case that was stored before an instant with Temporal, and closes those that do not
// run there any more. It says how many it closed.
func (c *Cases) CloseEnded(ctx context.Context, before time.Time) (closed int, err error) {
	const page = 200
	after := ""
	for {
		open, err := c.store.Cases(ctx, store.CaseFilter{Open: true, Until: before, After: after, ByID: true, Limit: page})
		if err != nil {
			return closed, fmt.Errorf("worker: %w", err)
		}
		for _, one := range open {
			ended, err := c.closeEnded(ctx, one)
			if err != nil {
				return closed, err
			}
			if ended {
				closed++
			}
			after = one.ID
			if err := pause(ctx, lookPause); err != nil {
				return closed, err
			}
		}
		if len(open) < page {
			return closed, nil
		}
	}
}

func pause(ctx context.Context, long time.Duration) error {
	timer := time.NewTimer(long)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}

// closeForced asks Temporal which cases it ended by force since an instant, and closes those that are open here.
func (c *Cases) closeForced(ctx context.Context, since time.Time) (closed int, err error) {
	query := fmt.Sprintf(`ExecutionStatus IN ("Terminated", "TimedOut", "Failed") AND CloseTime >= "%s"`, since.UTC().Format(time.RFC3339))
	var token []byte
	for {
		found, err := c.client.ListWorkflow(ctx, &workflowservice.ListWorkflowExecutionsRequest{Query: query, PageSize: 200, NextPageToken: token})
		if err != nil {
			return closed, fmt.Errorf("worker: what Temporal ended by force: %w", err)
		}
		for _, execution := range found.Executions {
			one, err := c.store.Case(ctx, execution.Execution.GetWorkflowId())
			if errors.Is(err, store.ErrNotFound) || err == nil && one.Ended() {
				continue
			}
			if err != nil {
				return closed, fmt.Errorf("worker: %w", err)
			}
			ended, err := c.closeEnded(ctx, one)
			if err != nil {
				return closed, err
			}
			if ended {
				closed++
			}
		}
		if token = found.NextPageToken; len(token) == 0 {
			return closed, nil
		}
	}
}

// closeEnded closes a case that is open here if Temporal says that it does not run. What a case that was done had come
// to is taken from Temporal; of one that was ended by force nobody knows more than that.
func (c *Cases) closeEnded(ctx context.Context, of store.Case) (bool, error) {
	found, err := c.client.DescribeWorkflowExecution(ctx, of.ID, "")
	if isNotFound(err) {
		return c.closeLost(ctx, of)
	}
	if err != nil {
		return false, fmt.Errorf("worker: case %s: %w", of.ID, err)
	}
	info := found.WorkflowExecutionInfo
	end := store.End{State: store.CaseTerminated, Outcome: string(store.CaseTerminated), At: info.GetCloseTime().AsTime()}
	text := "Ended by hand in Temporal; what it waited for is withdrawn"
	switch info.Status {
	case enumspb.WORKFLOW_EXECUTION_STATUS_RUNNING, enumspb.WORKFLOW_EXECUTION_STATUS_PAUSED, enumspb.WORKFLOW_EXECUTION_STATUS_CONTINUED_AS_NEW:
		return false, nil
	case enumspb.WORKFLOW_EXECUTION_STATUS_COMPLETED:
		var outcome workflows.Outcome
		if err := c.client.GetWorkflow(ctx, of.ID, "").Get(ctx, &outcome); err != nil {
			return false, fmt.Errorf("worker: the result of %s: %w", of.ID, err)
		}
		end.State, end.Outcome, text = store.CaseDone, outcome.Outcome, "Done in Temporal, which this store did not know"
		if end.Result, err = json.Marshal(outcome.Result); err != nil {
			return false, err
		}
	case enumspb.WORKFLOW_EXECUTION_STATUS_CANCELED:
		end.State, end.Outcome, text = store.CaseCancelled, string(store.CaseCancelled), "Cancelled in Temporal, which this store did not know"
	case enumspb.WORKFLOW_EXECUTION_STATUS_FAILED:
		end.State, end.Outcome, text = store.CaseFailed, string(store.CaseFailed), "Failed in Temporal; what it waited for is withdrawn"
	case enumspb.WORKFLOW_EXECUTION_STATUS_TIMED_OUT:
		text = "Its time was over in Temporal; what it waited for is withdrawn"
	}
	return true, c.close(ctx, of, end, text)
}

// closeOrphan closes a case that another one was to run, and that was stored and never begun: nobody else would begin it.
func (c *Cases) closeOrphan(ctx context.Context, of store.Case) (bool, error) {
	parent, err := c.store.Case(ctx, of.Parent)
	if err != nil {
		return false, fmt.Errorf("worker: the case that runs %s: %w", of.ID, err)
	}
	if !parent.Ended() {
		return false, nil
	}
	end := store.End{State: store.CaseTerminated, Outcome: string(store.CaseTerminated), At: time.Now()}
	return true, c.close(ctx, of, end, "The case that was to run it has ended before it began")
}

// closeLost closes a case that Temporal does not know, if it ever ran: one that was only stored is still to be started.
func (c *Cases) closeLost(ctx context.Context, of store.Case) (bool, error) {
	ran := of.Stage != ""
	if !ran && of.Parent != "" {
		return c.closeOrphan(ctx, of)
	}
	if !ran {
		entries, err := c.store.Messages(ctx, of.ID)
		if err != nil {
			return false, fmt.Errorf("worker: %w", err)
		}
		for _, entry := range entries {
			ran = ran || entry.Kind == store.KindNew && entry.State == store.EntryStarted
		}
	}
	if !ran {
		return false, nil
	}
	end := store.End{State: store.CaseTerminated, Outcome: string(store.CaseTerminated), At: time.Now()}
	return true, c.close(ctx, of, end, "Temporal does not know this case any more: it was deleted there, or restored from an older copy")
}

func (c *Cases) close(ctx context.Context, of store.Case, end store.End, text string) error {
	err := c.store.WriteRecord(ctx, store.Record{CaseID: of.ID, End: &end,
		Events: []store.Event{{Key: "closed", Kind: "closed", Text: text, At: end.At}}})
	if err != nil && !errors.Is(err, store.ErrCaseEnded) {
		return fmt.Errorf("worker: %w", err)
	}
	run, err := c.store.Cases(ctx, store.CaseFilter{Parent: of.ID, Open: true})
	if err != nil {
		return fmt.Errorf("worker: the cases that %s runs: %w", of.ID, err)
	}
	for _, one := range run {
		if _, err := c.closeEnded(ctx, one); err != nil {
			return err
		}
	}
	return nil
}
