package worker

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/temporal"

	"crosswalk/rules"
	"crosswalk/store"
	"crosswalk/telemetry"
	"crosswalk/workflows"
)

// ErrEnded says that the case has ended, so that it can neither be told nor asked anything.
var ErrEnded = errors.New("the case has ended")

// ErrInput says that an entry's content does not fit the use case that it was to start. Trying again changes nothing.
var ErrInput = errors.New("the input does not fit the use case")

// Cases starts cases, tells them what happened, and looks at them. Every method may be repeated.
type Cases struct {
	client  client.Client
	store   *store.Store
	bundles *bundles
	log     *slog.Logger
	told    *telemetry.Telemetry
}

// NewCases makes the door to cases for a process that runs none itself. The client stays the caller's.
func NewCases(c client.Client, s *store.Store, log *slog.Logger) *Cases {
	return &Cases{client: c, store: s, bundles: newBundles(s, loggerOr(log)), log: loggerOr(log)}
}

// WithTelemetry counts the cases that are started.
func (c *Cases) WithTelemetry(t *telemetry.Telemetry) *Cases {
	c.told = t
	return c
}

// StartCase starts the case of a stored entry, with the bundle in force if it has none yet. A case that runs or has
// run is not started again.
func (c *Cases) StartCase(ctx context.Context, entry store.Entry) error {
	found, err := c.store.Case(ctx, entry.CaseID)
	if err != nil {
		return fmt.Errorf("worker: %w", err)
	}
	var input rules.Value
	if err := json.Unmarshal(entry.Parsed, &input); err != nil {
		return c.unusable(ctx, entry, err)
	}
	meta := workflows.CaseMeta{Channel: entry.Channel, EntryID: entry.ID, Language: entry.Language, StartedBy: entry.TypedBy}
	err = c.Start(ctx, found, input, meta)
	if errors.Is(err, ErrInput) {
		return c.unusable(ctx, entry, err)
	}
	if err != nil {
		return err
	}
	if err := c.store.MarkStarted(ctx, entry.ID); err != nil {
		return fmt.Errorf("worker: %w", err)
	}
	return nil
}

func (c *Cases) unusable(ctx context.Context, entry store.Entry, cause error) error {
	return errors.Join(fmt.Errorf("worker: entry %s: %w: %w", entry.ID, ErrInput, cause), c.store.MarkFailed(ctx, entry.ID, cause.Error()))
}

// Start starts a stored case with an input. What it lacks is taken from the store: bundle, reference, language, title.
func (c *Cases) Start(ctx context.Context, of store.Case, input rules.Value, meta workflows.CaseMeta) error {
	of, err := c.pinned(ctx, of)
	if err != nil {
		return err
	}
	plan, err := c.bundles.load(ctx, of.BundleHash)
	if err != nil {
		return err
	}
	decoded, err := plan.Input.Decode(input)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrInput, err)
	}
	meta.Reference = of.Reference
	if meta.Language == "" {
		meta.Language = of.Language
	}
	_, err = c.client.ExecuteWorkflow(ctx, client.StartWorkflowOptions{
		ID:                       of.ID,
		TaskQueue:                workflows.QueueMain,
		WorkflowIDReusePolicy:    enumspb.WORKFLOW_ID_REUSE_POLICY_REJECT_DUPLICATE,
		WorkflowIDConflictPolicy: enumspb.WORKFLOW_ID_CONFLICT_POLICY_USE_EXISTING,
		TypedSearchAttributes:    temporal.NewSearchAttributes(temporal.NewSearchAttributeKeyKeyword(workflows.AttributeUseCase).ValueSet(of.UseCase)),
		StaticSummary:            plan.Title + " " + of.Reference,
	}, of.UseCase, workflows.StartInput{BundleHash: of.BundleHash, Input: decoded, Case: meta})
	var already *serviceerror.WorkflowExecutionAlreadyStarted
	if err != nil && !errors.As(err, &already) {
		return fmt.Errorf("worker: start %s: %w", of.ID, err)
	}
	if err == nil {
		c.told.CaseStarted(of.UseCase)
		c.log.Info("case.started", "case", of.ID, "use_case", of.UseCase, "bundle", of.BundleHash)
	}
	return nil
}

// pinned gives a case that was stored before its use case was in force the bundle of now.
func (c *Cases) pinned(ctx context.Context, of store.Case) (store.Case, error) {
	if of.BundleHash != "" {
		return of, nil
	}
	hash, err := c.store.InForceOf(ctx, of.UseCase)
	if err != nil {
		return of, fmt.Errorf("worker: use case %s: %w", of.UseCase, err)
	}
	if of, err = c.store.SetBundle(ctx, of.ID, hash); err != nil {
		return of, fmt.Errorf("worker: %w", err)
	}
	return of, nil
}

// Nudge tells a case that a message has joined it.
func (c *Cases) Nudge(ctx context.Context, caseID string) error {
	return c.tell(ctx, caseID, func() error { return c.client.SignalWorkflow(ctx, caseID, "", workflows.SignalNudge, nil) })
}

// TellEvents nudges who waits for events that were stored since an instant: those of one name and key, or all if the
// name is "". Each is nudged once for what has come by then; it reads the store.
func (c *Cases) TellEvents(ctx context.Context, name, key string, since time.Time) error {
	const batch = 200
	for {
		due, err := c.store.DueNudges(ctx, name, key, since, batch)
		if err != nil {
			return fmt.Errorf("worker: %w", err)
		}
		var errs []error
		for _, wait := range due {
			errs = append(errs, c.tellEvent(ctx, wait))
		}
		if err := errors.Join(errs...); err != nil || len(due) < batch {
			return err
		}
	}
}

func (c *Cases) tellEvent(ctx context.Context, wait store.EventWait) error {
	err := c.Nudge(ctx, wait.Execution)
	if errors.Is(err, ErrEnded) {
		return c.store.DropEventWaits(ctx, wait.Execution)
	}
	if err != nil {
		return err
	}
	return c.store.MarkNudged(ctx, wait)
}

// deliverPatience is how long one attempt to tell an answer may take. A sweeper repeats it.
const deliverPatience = 10 * time.Second

// Deliver tells the case of a task that the task is answered, and waits for a case that is not ready. Sent twice, it is
// handled once.
func (c *Cases) Deliver(ctx context.Context, task store.Task) error {
	return c.deliver(ctx, whenReady, task)
}

// Redeliver is Deliver for a sweeper: cases that are not ready are left to the next sweep.
func (c *Cases) Redeliver(ctx context.Context, tasks []store.Task) error {
	return askAll(ctx, tasks, func(task store.Task) string { return task.CaseID }, func(task store.Task) error {
		err := c.deliver(ctx, once, task)
		if errors.Is(err, ErrEnded) {
			return nil // nobody is left to tell, and the task says so
		}
		return err
	})
}

func (c *Cases) deliver(ctx context.Context, how asking, task store.Task) error {
	limited, cancel := context.WithTimeout(ctx, deliverPatience)
	defer cancel()
	message := workflows.Answered{Task: task.ID, Version: task.Version}
	waits := cmp.Or(task.Workflow, task.CaseID)
	told := 0
	err := c.tell(limited, waits, func() error {
		told++
		return c.update(limited, how, client.UpdateWorkflowOptions{
			UpdateID: message.ID(), WorkflowID: waits, UpdateName: workflows.UpdateAnswered, Args: []any{message},
		}, nil)
	})
	if told > 1 && errors.Is(err, ErrEnded) {
		err = nil // it ran when it was told first, and has read the answer since
	}
	if err == nil || errors.Is(err, ErrEnded) {
		err = errors.Join(err, c.store.MarkDelivered(ctx, task.ID))
	}
	return err
}

// CancelCase asks a case to end without having finished, and to undo what it did if undo says so. The wish lies with the
// engine until the case has it: no worker need be there.
func (c *Cases) CancelCase(ctx context.Context, caseID, who string, undo bool) error {
	return c.tell(ctx, caseID, func() error {
		return c.client.SignalWorkflow(ctx, caseID, "", workflows.SignalCancel, workflows.Cancel{Undo: undo, By: who})
	})
}

// tellTries is how often a case is told something that goes on in a new run at every try.
const tellTries = 3

// tell sends something to a case. The run that it reached may just have ended because the case goes on in a new one:
// then it is told there.
func (c *Cases) tell(ctx context.Context, caseID string, send func() error) error {
	err := send()
	for tries := 1; tries < tellTries && isNotFound(err) && !c.hasEnded(ctx, caseID); tries++ {
		err = send()
	}
	return c.ended(ctx, caseID, err)
}

// ended turns "there is no such running workflow" into ErrEnded, if that is what it means: a case that is stored but
// was not started yet is not running either.
func (c *Cases) ended(ctx context.Context, caseID string, err error) error {
	if err == nil {
		return nil
	}
	if isNotFound(err) && c.hasEnded(ctx, caseID) {
		err = ErrEnded
	}
	return fmt.Errorf("worker: case %s: %w", caseID, err)
}

// hasEnded says that Temporal knows the case, which does not run, or that Temporal has forgotten it and the store knows
// its end.
func (c *Cases) hasEnded(ctx context.Context, caseID string) bool {
	found, err := c.client.DescribeWorkflowExecution(ctx, caseID, "")
	if err == nil || !isNotFound(err) {
		return err == nil && found.WorkflowExecutionInfo.GetStatus() != enumspb.WORKFLOW_EXECUTION_STATUS_RUNNING
	}
	stored, err := c.store.Case(ctx, caseID)
	if errors.Is(err, store.ErrNotFound) {
		stored, err = c.store.Case(ctx, caseOf(caseID)) // it was a part of that case
	}
	return err == nil && stored.Ended()
}

func isNotFound(err error) bool {
	var notFound *serviceerror.NotFound
	return errors.As(err, &notFound)
}
