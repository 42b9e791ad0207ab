package robots

import (
	"context"
	"errors"
	"fmt"
	"time"

	"crosswalk/contracts"
	"crosswalk/rules"
	"crosswalk/source"
)

// Journal is where the intent of a write is kept, outside of this process.
type Journal interface {
	// Sending is called right before the one request of a commit is let through. It makes durable that the request may
	// have left; an error keeps the request back.
	Sending(ctx context.Context) error
}

// write is what a robot that changes something has beside its steps.
type write struct {
	already *rules.Expression // find shows that it is there
	prepare []step
	act     []step // one step: what sends it
	effect  effect
	done    *target
	within  time.Duration
	read    []step
	verify  []step
	tries   int           // of find, after a doubt
	over    time.Duration // from the first to the last of them
	place   string
}

// compileWrite reads prepare, commit and verify. Names that only some ways lead past may be missing afterwards.
func (c *compiler) compileWrite(p *Program, root *source.Node, fields map[string]*source.Node) {
	node := root.Required("commit", "say which one step sends it: "+p.Operation.Name+" writes")
	for _, name := range []string{"already", "settle"} {
		if fields[name].Exists() && !fields["find"].Exists() {
			fields[name].Errorf("add find: with the steps that look for it", "%s needs find", name)
		}
	}
	if fields["find"].Exists() && !fields["already"].Exists() {
		fields["find"].Errorf("add for example already: len(found) == 1", "after a doubt, nothing says by what find shows that it was done: already is missing")
	}
	w := &write{tries: 3, over: 30 * time.Second}
	p.write = w
	if already := fields["already"]; already.Exists() {
		w.already = rules.CompileNode(already, c.env, rules.TypeOf(rules.KindBool), options)
		says(already, w.already)
	}
	if settle := fields["settle"].Fields(settleShape); settle != nil {
		if settle["tries"].Exists() {
			w.tries = bounded(settle["tries"], 1, 20)
		}
		if settle["over"].Exists() {
			if w.over = settle["over"].Duration(); w.over > maxSettle {
				settle["over"].Errorf("write at most 2m", "one attempt looks for at most %s; the next one goes on", rules.Duration(maxSettle))
			}
		}
	}
	before := c.env
	w.prepare = c.steps(fields["prepare"])
	if node.Exists() {
		c.compileCommit(w, node)
	}
	if w.already != nil {
		c.env = c.maybe(before, c.env)
	}
	c.finder = len(p.find) > 0
	w.verify = c.steps(fields["verify"])
	c.finder = false
}

// maxSettle bounds how long one attempt looks for what became of a request; the next attempt goes on.
const maxSettle = 2 * time.Minute

func (c *compiler) compileCommit(w *write, n *source.Node) {
	fields := n.Fields(commitShape)
	w.place = c.place(n)
	act := step{place: w.place}
	for _, kind := range commitKinds {
		if fields[kind].Exists() {
			if act.kind != "" {
				fields[kind].Errorf("make the first of them a step of prepare", "%s and %s are two steps, and a commit is one", act.kind, kind)
			}
			act.kind = kind
		}
	}
	if act.kind == "" {
		n.Errorf("add for example click: {button: Save}", "the commit does nothing")
		return
	}
	c.kind(&act, fields[act.kind], fields)
	w.act, w.within = []step{act}, c.within(fields["within"])
	w.effect = c.effect(n.Required("effect", "declare the request that it sends, as in {method: POST, url: '*/save', times: 1}; every other is stopped"))
	c.apart(w.effect, n.Get("effect"))
	w.done = c.telling(n.Required("done", "say what the page shows when it was accepted"))
	if read := fields["read"]; read.Exists() {
		one := step{kind: "read", place: w.place}
		c.compileRead(&one, read)
		w.read = []step{one}
	}
}

// Safety says how the robot's write is made safe; it is empty for a read.
func (p *Program) Safety() contracts.Safety {
	switch {
	case p.write == nil:
		return ""
	case len(p.find) > 0:
		return contracts.Lookup
	}
	return contracts.AtMostOnce
}

// errDoubt says that the request of the commit may have left, and that its outcome is not known.
type errDoubt struct{ cause error }

func (e errDoubt) Error() string { return "the request has left, and then: " + e.cause.Error() }
func (e errDoubt) Unwrap() error { return e.cause }

// onceWriting looks whether it is there already, and does it if not.
func (u *run) onceWriting(ctx context.Context) (rules.Value, error) {
	w := u.program.write
	there, err := u.find(ctx)
	if err != nil {
		return rules.Value{}, err
	}
	if u.call.canary && !u.program.canary.Prepare {
		return rules.Value{}, errStopped
	}
	if there && !u.call.canary {
		u.journal.note("it was there already, and is not done again")
		return u.verified(ctx)
	}
	if err := u.forgetFilled(ctx); err != nil {
		return rules.Value{}, err
	}
	u.setOut()
	if err := u.steps(ctx, w.prepare); err != nil {
		return rules.Value{}, err
	}
	filled, _, err := u.filled(ctx)
	if err != nil {
		return rules.Value{}, err
	}
	if err := u.asEver(); err != nil {
		return rules.Value{}, err
	}
	if err := u.tellsApart(ctx); err != nil {
		return rules.Value{}, err
	}
	if u.call.Rehearsal {
		u.journal.note("this is a rehearsal: the commit is not sent")
		return rules.Value{}, errStopped
	}
	if err := u.commit(ctx, filled); err != nil {
		return rules.Value{}, err
	}
	output, err := u.verified(ctx)
	if err != nil {
		return rules.Value{}, errDoubt{err}
	}
	return output, nil
}

// tellsApart says that what shows that it was accepted is on the page before anything is sent, where nothing else would prove it.
func (u *run) tellsApart(ctx context.Context) error {
	w := u.program.write
	if len(w.verify)+len(w.read) > 0 {
		return nil
	}
	done, err := w.done.spec(u.variables)
	if err != nil {
		return contracts.NewError(contracts.Internal, "", "%s: %s", w.place, err)
	}
	there, err := u.seesNow(ctx, done)
	if err != nil || !there {
		return err
	}
	return contracts.NewError(contracts.Drift, "", "%s: %s, which is to show that it was accepted, is on the page before it is sent, and nothing was sent: give done: something that comes only then, or add verify: or commit.read:", w.place, done.words)
}

// find looks for what is to be done.
func (u *run) find(ctx context.Context) (there bool, err error) {
	if err := u.steps(ctx, u.program.find); err != nil || u.program.write.already == nil {
		return false, err
	}
	holds, err := u.program.write.already.Eval(u.variables)
	if err != nil {
		return false, contracts.NewError(contracts.Drift, "", "%s: already: %s", u.program.Robot.File, err)
	}
	return holds.Bool(), nil
}

func (u *run) verified(ctx context.Context) (rules.Value, error) {
	if err := u.steps(ctx, u.program.write.verify); err != nil {
		return rules.Value{}, err
	}
	u.keepSession(ctx)
	return u.answer()
}

// commit arms the fence for the one request, does the one step and waits for what shows that it was accepted. An
// errDoubt says that the request may have left and that nobody knows what came of it.
func (u *run) commit(ctx context.Context, filled []filledField) error {
	w, fence := u.program.write, u.tab.options.fence
	rule, err := w.effect.rule(u.variables)
	if err != nil {
		return contracts.NewError(contracts.Internal, "", "%s: effect: %s", w.place, err)
	}
	u.committing = true
	defer func() { u.committing = false }()
	u.armed = true // until what has left is known
	sending := u.sends(rule)
	armed := fence.arm(rule, filled, u.system.formats, sending, u.store)
	err = u.steps(ctx, w.act)
	if err == nil {
		limit := max(w.within, u.system.stepTime)
		err = u.timed(ctx, "done", w.place, limit, func(ctx context.Context) (string, error) {
			_, err := u.which(ctx, w.done)
			return "", err
		})
	}
	left, again, refused := fence.disarm(ctx, armed)
	other, unlike := armed.heldOther(fence), u.sentSo(sending)
	u.sent, u.armed = u.sent || left, false
	if again > 0 {
		u.journal.note(fmt.Sprintf("the page sent the request of the commit %d times more; they were stopped", again))
	}
	switch {
	case refused != nil:
		return &contracts.Error{Class: contracts.Unavailable, Message: w.place + ": the request was kept back, because its intent could not be stored", Err: refused}
	case !left && other != "" && (err == nil || ctx.Err() == nil):
		return errChanged{contracts.NewError(contracts.Drift, "", "%s: the request of the commit was stopped: %s", w.place, other)}
	case !left && unlike != "" && (err == nil || ctx.Err() == nil):
		return errChanged{contracts.NewError(contracts.Drift, "", "%s: the request of the commit was stopped, and nothing was sent: %s. If that is right, accept it with crosswalk robots changes", w.place, unlike)}
	case !left && err == nil:
		return contracts.NewError(contracts.Drift, "", "%s: the page shows what it shows when it is done, but the declared request was never sent", w.place)
	case !left:
		return err
	case err == nil:
		u.journal.note("the request of the commit has left, and the page shows that it was accepted")
		if err = u.steps(ctx, w.read); err == nil {
			return nil
		}
	case refusal(err):
		u.refused = true
		return err
	}
	return errDoubt{err}
}

// refusal says that the page itself tells, by a rule of the system file, that the application did not do it.
func refusal(err error) bool {
	if errors.Is(err, errSessionLost) || !errors.As(err, &byRule{}) {
		return false
	}
	switch contracts.ClassOf(err) {
	case contracts.Validation, contracts.Conflict, contracts.Declined, contracts.NotFound, contracts.NotUnique:
		return true
	}
	return false
}

// store is asked by the fence, while the request is held.
func (u *run) store(ctx context.Context) error {
	if err := u.lease.Check(ctx); err != nil {
		return err
	}
	if u.call.Journal == nil {
		return nil
	}
	return u.call.Journal.Sending(ctx)
}

// settle finds out what became of a request that may have left: it looks, some times over some time, each time in a
// new page. It never sends anything.
func (u *run) settle(ctx context.Context, cause error) (rules.Value, error) {
	w := u.program.write
	if w.already == nil {
		return rules.Value{}, contracts.NewError(contracts.OutcomeUnknown, "", "it may have been done, and this robot has no find to look: %s", message(cause))
	}
	u.settling = true
	for try := 1; ; try++ {
		output, found, err := u.look(ctx)
		switch {
		case err != nil && ctx.Err() != nil:
			return rules.Value{}, u.classify(ctx, err)
		case err != nil && !contracts.ClassOf(u.classify(ctx, err)).Temporary():
			return rules.Value{}, contracts.NewError(contracts.OutcomeUnknown, "", "it may have been done, and looking for it failed: %s", message(err))
		case found:
			u.journal.note(fmt.Sprintf("find has settled it at try %d: it was done", try))
			return output, nil
		case try >= w.tries && err != nil:
			return rules.Value{}, u.classify(ctx, err) // the application is down: it is looked for later
		case try >= w.tries:
			return rules.Value{}, contracts.NewError(contracts.OutcomeUnknown, "", "it may have been done, and was not found in %d tries over %s: %s", w.tries, w.over, message(cause))
		}
		select {
		case <-time.After(w.over / time.Duration(max(w.tries-1, 1))):
		case <-ctx.Done():
			return rules.Value{}, u.classify(ctx, context.Cause(ctx))
		}
	}
}

func message(err error) string {
	var known *contracts.Error
	switch {
	case err == nil:
		return "an earlier attempt ended without a word"
	case errors.As(err, &known):
		return known.Message
	}
	return err.Error()
}

// look is one try of find in a page of its own.
func (u *run) look(ctx context.Context) (output rules.Value, found bool, err error) {
	browser, giveBack, err := u.runner.pool.Acquire(ctx)
	if err != nil {
		return rules.Value{}, false, err
	}
	defer giveBack()
	output, err = u.inBrowser(ctx, browser)
	if errors.Is(err, errNotThere) {
		return output, false, nil
	}
	return output, err == nil, err
}

// errNotThere says that find did not show it.
var errNotThere = errors.New("find does not show it")

// onceLooking is what an attempt does that only has to settle a doubt.
func (u *run) onceLooking(ctx context.Context) (rules.Value, error) {
	there, err := u.find(ctx)
	if err != nil {
		return rules.Value{}, err
	}
	if !there {
		return rules.Value{}, errNotThere
	}
	return u.verified(ctx)
}
