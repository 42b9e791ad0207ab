package robots

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"maps"

	"github.com/go-rod/rod/lib/proto"

	"crosswalk/contracts"
	"crosswalk/rules"
)

// credential names the account at the application without telling its secrets.
func (u *run) credential() string {
	sum := sha256.New()
	for _, name := range u.system.Secrets {
		_, _ = fmt.Fprintf(sum, "%s=%q\n", name, u.call.Secrets[name].Reveal())
	}
	return u.system.Name + " " + u.base.String() + " " + hex.EncodeToString(sum.Sum(nil))[:16]
}

// ensureSession brings the tab to a page on which we are logged in.
func (u *run) ensureSession(ctx context.Context) error {
	session := u.system.session
	if session == nil {
		return nil
	}
	if state, ok := u.runner.sessions.get(ctx, u.credential(), session.maxAge); ok {
		alive, err := u.resume(ctx, state)
		if err != nil || alive {
			return err
		}
		u.runner.sessions.forget(ctx, u.credential())
	}
	known := mergedStorage(u.kept, u.storage(ctx))
	u.login, u.kept = true, nil
	if err := u.leavePages(ctx); err != nil {
		u.login = false
		return err
	}
	if err := u.forgetStorage(ctx, known); err != nil {
		u.login = false
		return err
	}
	u.tab.options.fence.duringLogin(true)
	defer func() {
		u.login = false
		u.tab.options.fence.duringLogin(false)
	}()
	if err := (proto.StorageClearCookies{BrowserContextID: u.tab.context}).Call(u.tab.on(ctx, u.tab.root)); err != nil {
		return err
	}
	u.variables = map[string]rules.Value{}
	if err := u.steps(ctx, session.login); err != nil {
		return err
	}
	err := u.timed(ctx, "login", u.system.File, u.system.stepTime, func(ctx context.Context) (string, error) {
		return "", u.accepted(ctx)
	})
	if err == nil {
		u.keep(ctx, true)
		u.runner.noteRefused(ctx, u, false)
	}
	return err
}

// accepted waits for what only somebody who is logged in sees. A form that is still there in the very document in which it
// was filled in says nothing yet: a script may be asking the application.
func (u *run) accepted(ctx context.Context) error {
	session := u.system.session
	place, err := u.which(ctx, session.alive, session.form)
	if err != nil || place == 0 {
		return err
	}
	if maps.Equal(u.typedIn, u.tab.documents()) {
		if _, err := u.which(ctx, session.alive); err == nil || contracts.ClassOf(err) != contracts.Drift {
			return err
		}
	}
	return contracts.NewError(contracts.Auth, "", "the application did not accept the login")
}

// leavePages closes everything that is open: while the login runs, pages may post, and these were not made for that.
func (u *run) leavePages(ctx context.Context) error {
	if !u.tab.opened() {
		return nil
	}
	ctx, cancel := context.WithTimeoutCause(ctx, u.system.stepTime, errStepTime)
	defer cancel()
	return u.tab.leavePages(ctx)
}

// resume opens the start page with the cookies and the storage of an earlier run and sees whether they still count.
func (u *run) resume(ctx context.Context, state loginState) (alive bool, err error) {
	session := u.system.session
	if err := (proto.StorageSetCookies{Cookies: state.cookies, BrowserContextID: u.tab.context}).Call(u.tab.on(ctx, u.tab.root)); err != nil {
		return false, err
	}
	u.kept = state.storage
	if err := u.restore(ctx, state.storage); err != nil {
		if ctx.Err() != nil || u.tab.ctx.Err() != nil {
			return false, err
		}
		u.journal.note("what the application had kept in the browser could not be put back, and the robot logs in anew: " + err.Error())
		return false, nil
	}
	u.login = true // until we know, a lost session is no error
	defer func() { u.login = false }()
	// Opening it is a step of its own: what a person puts out of the way on it must not be undone by opening it again.
	err = u.timed(ctx, "start", u.system.File, u.system.stepTime, func(ctx context.Context) (string, error) {
		return "", u.openPath(ctx, nil, session.start)
	})
	if err != nil {
		return false, err
	}
	err = u.timed(ctx, "session", u.system.File, u.system.stepTime, func(ctx context.Context) (string, error) {
		place, err := u.which(ctx, session.alive, session.form, session.lost)
		alive = place == 0
		return "", err
	})
	return alive, err
}

// which waits for the first of some targets, watching for errors of the application meanwhile.
func (u *run) which(ctx context.Context, targets ...*target) (int, error) {
	specs := make([]*spec, len(targets))
	for i, target := range targets {
		var err error
		if specs[i], err = target.spec(u.variables); err != nil {
			return -1, err
		}
	}
	return u.tab.until(ctx, specs...)
}

func (u *run) keepSession(ctx context.Context) {
	if u.system.session != nil {
		u.keep(ctx, false)
	}
}

// keep stores the cookies and the storage of the open pages as they are now. Failing to is no error: the next run logs in.
func (u *run) keep(ctx context.Context, fresh bool) {
	cookies, err := proto.StorageGetCookies{BrowserContextID: u.tab.context}.Call(u.tab.on(ctx, u.tab.root))
	if err != nil {
		return
	}
	now := u.storage(ctx)
	if !fresh {
		now = ofLogin(u.kept, now)
	}
	u.kept = mergedStorage(u.kept, now)
	state := loginState{cookies: proto.CookiesToParams(cookies.Cookies), storage: u.kept}
	if err := u.runner.sessions.put(ctx, u.credential(), state, fresh); err != nil {
		u.journal.note("the login is kept in this process only: " + err.Error())
	}
}
