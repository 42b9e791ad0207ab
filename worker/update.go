package worker

import (
	"context"
	"errors"
	"time"

	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/client"
)

// notReadyPause is how long a case is left alone that could not be asked yet.
const notReadyPause = 250 * time.Millisecond

// asking is how a case is asked that may not be ready: whenReady where somebody waits for the answer, once by a sweeper,
// which asks many in turn and comes again anyway.
type asking func(ctx context.Context, ask func() error) error

// update asks a case by an Update and reads the reply, for as long as the context lasts.
func (c *Cases) update(ctx context.Context, how asking, options client.UpdateWorkflowOptions, reply any) error {
	options.WaitForStage = client.WorkflowUpdateStageCompleted
	return how(ctx, func() error {
		handle, err := c.client.UpdateWorkflow(ctx, options)
		if err != nil {
			return err
		}
		return handle.Get(ctx, reply)
	})
}

// once asks a case without waiting until it is ready: one that never is must not keep a sweeper from the others.
func once(_ context.Context, ask func() error) error { return ask() }

// whenReady asks again for as long as Temporal says that the case cannot be asked yet: its last workflow task failed
// (the worker did not have the bundle in memory, it was killed, it is a release that does not know what comes), and the
// next one will be tried by itself. Whoever asks twice is answered once, by the id of what is asked.
func whenReady(ctx context.Context, ask func() error) error {
	for {
		err := ask()
		var notReady *serviceerror.WorkflowNotReady
		if !errors.As(err, &notReady) {
			return err
		}
		if pause(ctx, notReadyPause) != nil {
			return err // why it could not be asked says more than that the time is over
		}
	}
}
