package workflows

import (
	"slices"

	"go.temporal.io/sdk/workflow"
)

// listenSignals takes the signals of a case as they come. One coroutine hears all of them: the SDK runs each that there
// is, even one that only waits, several times for every answer that the case gets.
func (r *run) listenSignals(ctx workflow.Context) {
	always, stop := workflow.NewDisconnectedContext(ctx)
	defer stop()
	var all []workflow.ReceiveChannel
	for _, name := range []string{SignalNudge, SignalResting, SignalCancel} {
		all = append(all, workflow.GetSignalChannel(ctx, name))
	}
	come := func() bool {
		return slices.ContainsFunc(all, func(signals workflow.ReceiveChannel) bool { return signals.Len() > 0 })
	}
	for workflow.Await(always, come) == nil {
		r.drain(ctx)
	}
}

// drain takes the signals that have come: those that are left in a run are lost.
func (r *run) drain(ctx workflow.Context) {
	for nudges := workflow.GetSignalChannel(ctx, SignalNudge); nudges.ReceiveAsync(nil); {
		r.nudge()
	}
	var window string // in which everything waits
	for resting := workflow.GetSignalChannel(ctx, SignalResting); resting.ReceiveAsync(&window); {
		r.resting[window] = true
	}
	var in Cancel
	for cancels := workflow.GetSignalChannel(ctx, SignalCancel); cancels.ReceiveAsync(&in); {
		r.cancel(in)
	}
}
