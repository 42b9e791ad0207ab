package workflows

import (
	"go.temporal.io/sdk/workflow"
)

// listenCancel puts up the way to cancel a case that has a reply; the other is a signal.
func (r *run) listenCancel(ctx workflow.Context) error {
	options := workflow.UpdateHandlerOptions{
		UnfinishedPolicy: workflow.HandlerUnfinishedPolicyWarnAndAbandon,
		Description:      "end this case without finishing it, and undo what it did or leave that as it is",
	}
	return workflow.SetUpdateHandlerWithOptions(ctx, UpdateCancel, r.cancelAsked, options)
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
