package workflows

import (
	"go.temporal.io/sdk/workflow"
)

// listenCancel puts up the two ways to cancel a case by a message of ours.
func (r *run) listenCancel(ctx workflow.Context) error {
	options := workflow.UpdateHandlerOptions{
		UnfinishedPolicy: workflow.HandlerUnfinishedPolicyWarnAndAbandon,
		Description:      "end this case without finishing it, and undo what it did or leave that as it is",
	}
	workflow.Go(ctx, r.listenCancelSignal)
	return workflow.SetUpdateHandlerWithOptions(ctx, UpdateCancel, r.cancelAsked, options)
}

func (r *run) listenCancelSignal(ctx workflow.Context) {
	signals := workflow.GetSignalChannel(ctx, SignalCancel)
	for {
		var in Cancel
		if !signals.Receive(ctx, &in) {
			return
		}
		r.cancel(in)
	}
}

// cancelAsked is the Update handler. The reply comes at once: undoing may take long and wait for people.
func (r *run) cancelAsked(_ workflow.Context, in Cancel) (Cancelling, error) {
	r.cancel(in)
	undo := r.undoing || r.cancelled != nil && r.cancelled.Undo
	if !undo || r.plan == nil {
		return Cancelling{Undo: undo}, nil
	}
	return Cancelling{Undo: true, Steps: r.undoable()}, nil
}

// cancel makes the case unwind, whatever it does or waits for. The first to cancel decides whether it is undone, and
// nobody stops that any more: people decide about each undo that fails.
func (r *run) cancel(in Cancel) {
	if r.cancelled != nil || r.undoing {
		return
	}
	r.cancelled = &in
	_ = r.stop(errCancel) // whoever unwinds learns it from the interrupt
	r.halt()
}
