package robots

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"crosswalk/contracts"
	"crosswalk/rules"
	"crosswalk/source"
)

// Help is what a person gave a run that could not go on.
type Help struct {
	Code   string // of an ask step: the one-time code, or whatever was asked for
	Step   string // the place of the step for which a candidate was chosen
	Hash   string // of the program at that time: a robot that was changed since is not helped by it
	Target string // the candidate, as the question offered it
}

// askStep asks a person for something that only a person has.
type askStep struct {
	what, title string
	within      time.Duration
}

var askShape = source.Record(
	source.Field{Name: "what", Is: source.Choice("code", "login", "captcha"), Required: true, About: "What a person must do: give a one-time code, or look after a login or a captcha.", Example: "code"},
	source.Field{Name: "title", Is: source.Text(), About: "What is asked, in a person's words.", Default: "by what", Example: "The code from the text message"},
	source.Field{Name: "as", Is: source.Matching("name", nameForm.String()), Required: true, About: "The name under which the robot knows what was given.", Example: "code"},
	source.Field{Name: "within", Is: source.Span(), About: "How long the page is kept open for the answer, at most 1h; then the robot begins anew.", Default: "15m", Example: "30m"},
)

const (
	keptOpen    = 15 * time.Minute
	longestOpen = time.Hour
)

func (c *compiler) compileAsk(s *step, n *source.Node) {
	fields := n.Fields(askShape)
	s.ask = &askStep{what: n.Required("what", "say what a person must give").OneOf("code", "login", "captcha"), title: fields["title"].Text(), within: keptOpen}
	if within := fields["within"]; within.Exists() {
		if s.ask.within = span(within); s.ask.within > longestOpen {
			within.Errorf("write at most 1h", "a page is not kept open for %s", textOf(within))
		}
	}
	s.name = checkName(n.Required("as", "say under which name the robot knows it"))
	c.assign(n, s.name, rules.TypeOf(rules.KindText))
}

// asks says whether steps ask a person.
func asks(steps []step) bool {
	for i := range steps {
		s := &steps[i]
		if s.ask != nil || asks(s.do) || s.table != nil && s.table.open != nil && asks(s.table.open.do) {
			return true
		}
	}
	return false
}

func (p *Program) asks() bool {
	login := p.System.session != nil && asks(p.System.session.login)
	return login || p.System.asksByItself() || asks(p.find) || p.write != nil && (asks(p.write.prepare) || asks(p.write.verify))
}

// askPerson hands over to a person and goes on with what the person gives. The page stays open meanwhile, so that the
// code belongs to it.
func (u *run) askPerson(ctx context.Context, s *step) error {
	began := time.Now()
	question := &contracts.Error{Class: contracts.Auth, Message: fmt.Sprintf("%s: a person is needed: %s", s.place, either(s.ask.title, s.ask.what)),
		Ask: rules.Record(map[string]rules.Value{"kind": rules.Text(s.ask.what), "title": rules.Text(either(s.ask.title, s.ask.what)), "step": rules.Text(s.place)})}
	if u.desk == nil {
		u.journal.step("ask", s.place, "", began, question)
		return question
	}
	if shot := u.shot(ctx); shot != nil {
		u.journal.add(Evidence{Name: "asked.jpg", MediaType: "image/jpeg", Bytes: shot})
	}
	help, err := u.desk.ask(ctx, u, question, s.ask.within)
	u.journal.step("ask", s.place, "", began, err)
	if err == nil {
		u.variables[s.name] = rules.Text(help.Code)
		u.marked = append(u.marked, help.Code)
	}
	return err
}

// parked is a run that waits, with its page open, for what a person gives.
type parked struct {
	hash    string
	asked   chan asked
	help    chan Help
	done    chan outcome
	cancel  context.CancelCauseFunc
	beat    atomic.Pointer[func(string)]
	journal atomic.Pointer[Journal]
}

type asked struct {
	err      error
	sent     bool // the request of the commit may have left by then
	evidence []Evidence
	within   time.Duration
}

type outcome struct {
	result Result
	err    error
}

// parking holds the runs that wait for people, by the turn of their calls.
type parking struct {
	mutex sync.Mutex
	runs  map[string]*parked
}

// mostParked bounds how many pages are kept open for people.
const mostParked = 8

var errGivenUp = contracts.NewError(contracts.Unavailable, "", "nobody answered in time, and the page was closed")

func (p *parking) take(turn, hash string) *parked {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	run := p.runs[turn]
	delete(p.runs, turn)
	if run != nil && run.hash != hash {
		run.cancel(errGivenUp)
		return nil
	}
	return run
}

// remove forgets a run that has ended.
func (p *parking) remove(turn string, run *parked) {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	if p.runs[turn] == run {
		delete(p.runs, turn)
	}
}

func (p *parking) put(turn string, run *parked, within time.Duration) bool {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	old := p.runs[turn]
	if old == nil && len(p.runs) >= mostParked {
		return false
	}
	if old != nil && old != run {
		old.cancel(errGivenUp)
	}
	p.runs[turn] = run
	time.AfterFunc(within, func() {
		p.mutex.Lock()
		waits := p.runs[turn] == run
		if waits {
			delete(p.runs, turn)
		}
		p.mutex.Unlock()
		if waits {
			run.cancel(errGivenUp)
		}
	})
	return true
}

// ask is called by the run: it tells the call that waits, and waits itself for the next one.
func (p *parked) ask(ctx context.Context, u *run, question error, within time.Duration) (Help, error) {
	question = u.veiled(question)
	evidence := u.evidence("", question)
	select {
	case p.asked <- asked{err: question, sent: u.sent, evidence: evidence, within: within}:
	case <-ctx.Done():
		return Help{}, context.Cause(ctx)
	}
	u.runner.pool.yield() // others work meanwhile
	account := u.login    // a code that is on its way belongs to this login: another one would make it worthless
	if !account {
		u.lease.Release()
		u.lease = givenBack{}
	}
	help, err := p.answered(ctx, u.call.Over)
	if err != nil {
		_ = u.runner.pool.resume(context.WithoutCancel(ctx))
		return Help{}, err
	}
	if !account { // before the place among the browsers: who has the account needs one to give it back
		lease, err := u.runner.leases.Acquire(ctx, u.credential(), u.system.sessions)
		if err != nil {
			_ = u.runner.pool.resume(context.WithoutCancel(ctx))
			return Help{}, err
		}
		u.lease = lease
	}
	return help, u.runner.pool.resume(ctx)
}

// lookIfOver is the pause between two looks whether anybody will come back.
const lookIfOver = 5 * time.Second

// answered waits for what a person gives, until it is sure that nobody will.
func (p *parked) answered(ctx context.Context, over func(context.Context) bool) (Help, error) {
	ticker := time.NewTicker(lookIfOver)
	defer ticker.Stop()
	for {
		select {
		case help := <-p.help:
			return help, nil
		case <-ctx.Done():
			return Help{}, context.Cause(ctx)
		case <-ticker.C:
			if over != nil && over(ctx) {
				return Help{}, errGivenUp
			}
		}
	}
}

// givenBack is the right to an account while a run waits for a person: somebody else may have it.
type givenBack struct{}

// Check says that it is not ours.
func (givenBack) Check(context.Context) error {
	return errors.New("the right to the account was given back")
}

// Release has nothing to give back.
func (givenBack) Release() {}

// Sending and Heartbeat go to the call that waits now, not to the one that began the run.
func (p *parked) Sending(ctx context.Context) error { return (*p.journal.Load()).Sending(ctx) }

// runAsking is Run for programs that may ask a person in the middle.
func (r *Runner) runAsking(ctx context.Context, program *Program, call Call) (Result, error) {
	is := parkedAs(program, call)
	run := r.parking.take(call.Turn, is)
	if run != nil && call.Help.Code == "" {
		run.cancel(errGivenUp)
		run = nil
	}
	fresh := run == nil
	if fresh {
		run = &parked{hash: is, asked: make(chan asked), help: make(chan Help), done: make(chan outcome, 1)}
	}
	beat, journal := call.Heartbeat, call.Journal
	if beat == nil {
		beat = func(string) {}
	}
	run.beat.Store(&beat)
	run.journal.Store(&journal)
	if fresh {
		whole, cancel := context.WithCancelCause(context.WithoutCancel(ctx))
		run.cancel = cancel
		call.Heartbeat = func(step string) { (*run.beat.Load())(step) }
		if journal != nil {
			call.Journal = run
		}
		go func() {
			defer cancel(nil)
			result, err := r.execute(whole, program, call, run)
			r.parking.remove(call.Turn, run)
			run.done <- outcome{result, err}
		}()
	} else {
		select {
		case run.help <- call.Help:
		case end := <-run.done:
			return end.result, end.err
		}
	}
	select {
	case end := <-run.done:
		return end.result, end.err
	case question := <-run.asked:
		if !r.parking.put(call.Turn, run, question.within) {
			run.cancel(errGivenUp)
		}
		return Result{Evidence: question.evidence}, named(question.err, program, question.sent)
	case <-ctx.Done():
		run.cancel(context.Cause(ctx))
		end := <-run.done
		return end.result, end.err
	}
}

// parkedAs tells apart what a run was begun for: the robot, what it was given, where, and the key of its write.
func parkedAs(program *Program, call Call) string {
	input, _ := json.Marshal(call.Input) // a value
	return fmt.Sprintf("%s %x %q %q", program.Hash, sha256.Sum256(input), call.Base, call.Key)
}

func named(err error, program *Program, sent bool) error {
	var known *contracts.Error
	if !errors.As(err, &known) {
		return err
	}
	copied := *known
	copied.Operation, copied.NothingSent = program.Operation.Name, !sent
	return &copied
}

// offer adds to an error what a person could choose: the elements of the page that may be meant. That the page around the
// element has changed is nothing to choose from.
func (u *run) offer(ctx context.Context, s *step, err error) error {
	if s.kind == "read" {
		return u.offerLabels(ctx, s, err)
	}
	var known *contracts.Error
	want := map[string]string{"click": "click", "dblclick": "click", "fill": "fill", "select": "select", "check": "tick", "uncheck": "tick"}[s.kind]
	if want == "" || s.target == nil || !errors.As(err, &known) || known.Class != contracts.Drift || u.tab.ctx.Err() != nil || !known.Ask.IsMissing() || errors.As(err, &errChanged{}) {
		return err
	}
	at, failed := s.target.spec(u.variables)
	if failed != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), offerTime)
	defer cancel()
	var answer struct {
		Status     string
		Candidates []struct{ Kind, Text, Around, Says string }
	}
	if _, failed := u.tab.askOnce(ctx, "candidates", at.frame, map[string]any{"target": at, "want": want}, &answer); failed != nil {
		return err
	}
	var candidates []rules.Value
	once := false
	hide := hider(u.unseen())
	for _, c := range answer.Candidates {
		if hide != nil {
			if hide.Replace(c.Text) != c.Text {
				continue // it could not be named without what must not be seen
			}
			c.Says = hide.Replace(c.Says)
		}
		named := map[string]string{c.Kind: c.Text}
		if c.Around != "" {
			named[choiceAround], once = c.Around, true
		}
		target, _ := json.Marshal(named) // texts only
		candidates = append(candidates, rules.Record(map[string]rules.Value{"says": rules.Text(c.Says), "target": rules.Text(string(target))}))
	}
	title := "Which of these is meant by " + s.target.shown + "?"
	if once {
		title += " A choice among twins holds for this run, while the page around it stays as it is: for every run, the robot's file must tell them apart with in, near, or row and column."
	}
	offered := *known
	offered.Ask = rules.Record(map[string]rules.Value{
		"kind": rules.Text("choose"), "title": rules.Text(title), "step": rules.Text(s.place), "hash": rules.Text(u.program.Hash),
		"expected": rules.Text(s.target.shown), "candidates": rules.List(candidates...),
	})
	return &offered
}

// chosen is the target that a person chose for a step, if one did.
func (u *run) chosen(s *step, at *spec) *spec {
	help := u.call.Help
	if at == nil || help.Target == "" || help.Step != s.place || help.Hash != u.program.Hash {
		return at
	}
	named, around := help.choice()
	for kind, text := range named {
		chosen := &spec{Kind: kind, frame: at.frame, words: at.words}
		if around != "" {
			chosen.Around, chosen.Meant = around, at
		}
		if kind == "css" {
			chosen.Value = text
		} else {
			chosen.Text = &matcher{Exact: text}
		}
		return chosen
	}
	return at
}

// choiceAround is the field of a choice with what was around the element, as a digest: it is meant only there.
const choiceAround = "around"

// choice is the one target that a person chose, and what must be around it; empty: it is alone by its name.
func (h Help) choice() (named map[string]string, around string) {
	if json.Unmarshal([]byte(h.Target), &named) != nil {
		return nil, ""
	}
	around = named[choiceAround]
	delete(named, choiceAround)
	if len(named) != 1 {
		return nil, ""
	}
	return named, around
}
