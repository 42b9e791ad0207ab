package workflows

import (
	"errors"
	"slices"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"crosswalk/activities"
	"crosswalk/rules"
)

// mailbox is what the case knows of messages that join it. They lie in the store; a nudge says only that some are new.
type mailbox struct {
	pumped bool // somebody looks after them
	nudged bool
	busy   bool // messages are being worked through
	ending bool // the use case is done: what is still there is taken before the case ends
	closed bool
}

// handled is what became of the messages, by the ids of their entries.
type handled struct {
	Done  []string // their steps have run, and the store does not know it yet
	Again []string // their steps were broken off by a redo, once for each time
	Reads int      // how often the store was asked for messages
}

// nudge turns any number of nudges into one.
func (r *run) nudge() {
	r.mail.nudged = true
	for _, one := range r.listening {
		one.nudged = true
	}
}

// startPump begins to work messages through, once, if the use case takes any.
func (r *run) startPump(ctx workflow.Context) {
	if r.plan.Joined != nil && !r.mail.pumped {
		r.mail.pumped = true
		workflow.Go(ctx, r.pump)
	}
}

// pump runs the steps of joined messages whenever the case waits and some have come. It works beside the use case,
// so that a question about a message does not hold up the case, nor the other way round.
func (r *run) pump(ctx workflow.Context) {
	for !r.mail.closed {
		if workflow.Await(ctx, r.hasMail) != nil || r.mail.closed {
			return
		}
		r.mail.nudged, r.mail.busy = false, true
		r.moving++
		err := r.messages(ctx)
		r.moving--
		r.mail.busy = false
		if err != nil && !steers(err) {
			r.log.Error("joined messages were not worked through", "class", string(classOf(err)))
		}
		if temporal.IsCanceledError(err) {
			return
		}
		// A redo that was asked for in a message broke it off: it is taken again when the case has gone back.
		r.mail.nudged = r.mail.nudged || errors.Is(err, errRedo) || errors.Is(err, errContinue)
	}
}

// hasMail says whether the pump has something to do. A message waits until the steps that its own steps read are done.
func (r *run) hasMail() bool {
	if r.mail.closed {
		return true
	}
	if !r.mail.nudged || r.interrupt != nil || r.plan.Joined == nil {
		return false
	}
	return r.mail.ending || len(r.waiting.list) > 0 && r.ready(r.plan.Joined.After)
}

func (r *run) ready(after []string) bool {
	for i, s := range r.plan.Steps {
		if i >= r.state.Position && slices.Contains(after, s.ID) {
			return false
		}
	}
	return true
}

// messages reads what has joined, some at a time, and runs the joined steps for each, the oldest first.
func (r *run) messages(ctx workflow.Context) error {
	for more := true; more; {
		r.state.Messages.Reads++
		in := activities.ReadMessagesInput{Case: r.id, Done: r.state.Messages.Done, Read: r.state.Messages.Reads}
		var out activities.ReadMessagesOutput
		if err := r.store(ctx, activities.NameReadMessages, in, &out); err != nil {
			return err
		}
		r.state.Messages.Done = nil
		for _, message := range out.Messages {
			if err := r.joined(ctx, message); err != nil {
				return err
			}
		}
		more = out.More
	}
	return nil
}

// joined runs the steps of one message and remembers what became of it.
func (r *run) joined(ctx workflow.Context, message activities.Message) error {
	err := r.message(ctx, message)
	switch {
	case errors.Is(err, errContinue):
		return err // the next run comes to it again
	case errors.Is(err, errRedo):
		r.state.Messages.Again = append(r.state.Messages.Again, message.Entry)
		clear(r.state.Beside)
		return err
	}
	clear(r.state.Beside)
	r.state.Messages.Done = append(r.state.Messages.Done, message.Entry)
	r.state.Messages.Again = slices.DeleteFunc(r.state.Messages.Again, func(entry string) bool { return entry == message.Entry })
	if errors.Is(err, errEnd) {
		return r.stop(errEnd)
	}
	return err
}

func (r *run) message(ctx workflow.Context, message activities.Message) error {
	r.recorder.event("message/"+message.Entry, "message", message.Channel, "", workflow.Now(ctx))
	sc := r.top.inner()
	sc.beside, sc.facts = true, &facts{outer: r.top.facts}
	sc.entry = message.Entry
	sc.generation = 1
	for _, entry := range r.state.Messages.Again {
		if entry == message.Entry {
			sc.generation++
		}
	}
	sc.set("message", rules.Record(map[string]rules.Value{
		"entry": rules.Text(message.Entry), "channel": optional(message.Channel), "from": message.From,
		"text": message.Text, "received_at": rules.Instant(message.ReceivedAt),
	}))
	_, err := r.sequence(ctx, r.plan.Joined.Steps, sc)
	return err
}

// settleMessages lets the case end only when no message is left: a last look into the store, and the pump is idle.
func (r *run) settleMessages(ctx workflow.Context) error {
	if r.plan.Joined == nil {
		return nil
	}
	r.mail.ending = true
	err := r.rest(ctx, r.top, func() bool { return !r.mail.busy && !r.mail.nudged })
	r.mail.ending = false
	return err
}
