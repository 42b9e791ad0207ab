package robots

import (
	"context"
	"errors"
	"net/url"
	"slices"
	"time"

	"crosswalk/rules"
)

// LookedAt is what one look at the pages of a robot has shown.
type LookedAt struct {
	// Steps by file:line of the robot or system file.
	Steps map[string]StepLook
	// Start are the frames of the first page after the login.
	Start []Structure
	// Pages are the frames of the page at which the look ended.
	Pages []Structure
	Posts []LookedPost // what the steps posted, and the fence has stopped
	Err   error        // why it ended early
}

// LookedPost is a form that was not sent.
type LookedPost struct {
	Address string
	Form    url.Values
}

// StepLook is what the target of a step means on its page.
type StepLook struct {
	Frame  string // the name of its frame
	Voices []Voice
}

type lookAround struct{ steps map[string]StepLook }

// Look does the steps of a robot up to its commit, once, and says what its targets mean and what the last page holds.
// The fence is never armed. It is how a recording is completed by what its pages show.
func (r *Runner) Look(ctx context.Context, program *Program, call Call) LookedAt {
	seen := &lookAround{steps: map[string]StepLook{}}
	found := LookedAt{Steps: seen.steps}
	u := &run{runner: r, program: program, system: program.System, call: call, journal: newJournal(), around: seen, variables: map[string]rules.Value{}}
	defer u.clear()
	if found.Err = u.prepare(); found.Err != nil {
		return found
	}
	defer u.beat()()
	lease, err := r.leases.Acquire(ctx, u.credential(), u.system.sessions)
	if err != nil {
		found.Err = u.classify(ctx, err)
		return found
	}
	defer lease.Release()
	browser, giveBack, err := r.pool.Acquire(ctx)
	if err != nil {
		found.Err = err
		return found
	}
	defer giveBack()
	ctx, cancel := context.WithTimeout(ctx, u.system.runTime)
	defer cancel()
	tab, err := browser.openTab(ctx, tabOptions{
		width: u.system.width, height: u.system.height, locale: u.system.locale, timezone: u.system.timezone,
		fence: u.newFence(), dialog: u.onDialog, journal: u.journal,
	})
	if err != nil {
		found.Err = err
		return found
	}
	defer tab.close()
	u.tab, ctx = tab, tab.ctx
	if found.Err = u.ensureSession(ctx); found.Err == nil {
		found.Start = tab.structure(ctx, false)
		u.variables = map[string]rules.Value{"input": call.Input}
		steps := program.find
		if program.write != nil {
			steps = slices.Concat(steps, program.write.prepare)
		}
		if found.Err = u.steps(ctx, steps); found.Err == nil && program.write != nil {
			seen.before(ctx, u, &program.write.act[0]) // it is looked at, and not done
		}
	}
	if errors.Is(found.Err, errStopped) {
		found.Err = nil
	}
	if found.Err != nil {
		found.Err = u.named(u.veiled(u.classify(ctx, found.Err)))
	}
	lookCtx, done := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer done()
	found.Pages = tab.structure(lookCtx, true)
	tab.options.fence.mutex.Lock()
	defer tab.options.fence.mutex.Unlock()
	for _, r := range tab.options.fence.posts {
		found.Posts = append(found.Posts, LookedPost{r.address, r.form})
	}
	return found
}

// before asks what the alternatives of a step mean, as soon as one of them means something.
func (l *lookAround) before(ctx context.Context, u *run, s *step) {
	if s.target == nil || s.target.kind == "" {
		return
	}
	want := map[string]string{"click": "click", "dblclick": "click", "fill": "fill", "select": "select", "check": "tick", "uncheck": "tick"}[s.kind]
	at, err := s.target.spec(u.variables)
	if err != nil {
		return
	}
	ctx, cancel := context.WithTimeoutCause(ctx, u.system.stepTime, errStepTime)
	defer cancel()
	for {
		frame, voices, err := u.tab.voices(ctx, at, either(want, "see"))
		seen := false
		for _, voice := range voices {
			seen = seen || voice.Count > 0
		}
		if err == nil && seen {
			l.steps[s.place] = StepLook{Frame: frame, Voices: voices}
			if s.kind == "fill" && slices.ContainsFunc(voices, func(voice Voice) bool { return voice.Type == "select" }) {
				s.kind = "select" // recorders say of both that something was changed; this program is for one look only
			}
			return
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(pollEvery):
		}
	}
}

// Rehearse is Run with the fence never armed: it is for somebody who tries a robot.
func (r *Runner) Rehearse(ctx context.Context, program *Program, call Call) (Result, error) {
	call.Rehearsal = true
	return r.Run(ctx, program, call)
}
