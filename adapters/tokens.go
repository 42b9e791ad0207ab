package adapters

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"sync"
	"time"

	"crosswalk/contracts"
	"crosswalk/rules"
)

// tokens is the grant of one connection: had, kept, renewed by one process at a time.
type tokens struct {
	oauth      *oauth
	grants     Grants
	system     string
	connection string
	settings   rules.Value
	vars       map[string]rules.Value // with the secrets
	token      *url.URL
	page       *url.URL // where a person logs in
	about      *url.URL // that says where requests go
	client     *http.Client
	from       string // the origin that gives tokens
	base       string // and the one of the connection's own address
	ownFrom    string // both as the adapter's file has them
	ownBase    string
	learned    func(Grant)     // a grant is in use from now on
	hide       func(...string) // what must not show up in errors

	renewing chan struct{} // one renewal at a time in this process
	closed   chan struct{} // from then on nobody waits for the renewals of others
	closing  sync.Once
	mu       sync.Mutex
	current  KeptGrant
	early    time.Time // until then a renewal that is only early is not tried again
	unkept   *Grant    // renewed, and not kept yet: the store could not be reached
}

// The times of a renewal.
const (
	renewTime  = 20 * time.Second       // of one request for a token
	renewPause = 100 * time.Millisecond // between two looks at whether another process has renewed it
	keepTries  = 5
	keepTime   = 3 * time.Second // of one try to keep it
	wholeTime  = 2 * renewTime   // of all of it
	// closeTime is how long whoever closes the connection waits, at most, for a renewal and for what came to be kept.
	closeTime = wholeTime + keepTries*(keepTime+keepTries*renewPause)
)

// newTokens prepares to get tokens; nothing is asked for yet.
func newTokens(o *oauth, config Config, connection string, settings rules.Value, vars map[string]rules.Value, allow []string, trust *tls.Config) (*tokens, error) {
	t := &tokens{oauth: o, grants: config.Grants, system: config.System, connection: connection, settings: settings, vars: vars, renewing: make(chan struct{}, 1), closed: make(chan struct{})}
	if t.grants == nil {
		t.grants = NewMemoryGrants()
	}
	t.ownFrom, t.ownBase = originOf(o.tokenURL, settings), originOf(o.baseURL, settings)
	if t.base = t.ownBase; config.BaseURL != "" {
		t.base = originOf(config.BaseURL, settings)
	}
	guard := &egress{allow: allow}
	about := ""
	if o.base != nil {
		about = o.base.get
	}
	for address, into := range map[string]**url.URL{o.tokenURL: &t.token, about: &t.about} {
		if address == "" {
			continue
		}
		address = o.moved(address, config.BaseURL, settings)
		if config.TokenURL != "" {
			address = config.TokenURL
		}
		u, err := resolve(address, settings, allow)
		if err != nil {
			return nil, err
		}
		*into = u
		guard.hosts = append(guard.hosts, hostPort(u))
	}
	t.from = originOf(t.token.String(), settings)
	if o.authorizeURL != "" {
		var err error
		if t.page, err = resolve(o.moved(o.authorizeURL, config.BaseURL, settings), settings, allow); err != nil {
			return nil, err
		}
	}
	transport := newTransport(guard, trust)
	t.client = &http.Client{Transport: transport, Timeout: renewTime, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	return t, nil
}

// get returns a grant that will do for a request now.
func (t *tokens) get(ctx context.Context) (Grant, error) {
	t.mu.Lock()
	grant, now, early := t.current.Grant, time.Now(), t.early
	t.mu.Unlock()
	if grant.fresh(now) || now.Before(early) && grant.valid(now) {
		return grant, nil
	}
	kept, err := t.whole(ctx, func(g KeptGrant) bool { return g.fresh(time.Now()) })
	if err != nil && kept.valid(time.Now()) && kept.Problem == "" && contracts.ClassOf(err).Temporary() {
		t.mu.Lock()
		defer t.mu.Unlock()
		t.current, t.early = kept, time.Now().Add(youngest) // the old one still holds
		return kept.Grant, nil
	}
	return kept.Grant, err
}

// refused is told of a token that the system does not take, and says whether there is another one now.
func (t *tokens) refused(ctx context.Context, token string) bool {
	if t.now().AccessToken == token && time.Since(t.now().Obtained) < youngest {
		return false
	}
	kept, err := t.whole(ctx, func(g KeptGrant) bool { return g.AccessToken != token && g.valid(time.Now()) })
	return err == nil && kept.AccessToken != token
}

// whole renews the grant to the end, also if the caller does not wait for it: what the system answers must be kept, or
// the grant is lost.
func (t *tokens) whole(ctx context.Context, good func(KeptGrant) bool) (KeptGrant, error) {
	type outcome struct {
		kept KeptGrant
		err  error
	}
	select {
	case t.renewing <- struct{}{}:
	case <-ctx.Done():
		return KeptGrant{}, errors.Join(errNotSent, ctx.Err())
	}
	done := make(chan outcome, 1)
	go func() {
		defer func() { <-t.renewing }()
		limited, cancel := context.WithTimeout(context.WithoutCancel(ctx), wholeTime)
		defer cancel()
		kept, err := t.renewed(limited, good)
		done <- outcome{kept, err}
	}()
	select {
	case o := <-done:
		return o.kept, o.err
	case <-ctx.Done():
		failure := contracts.NewError(contracts.Unavailable, "", "the log-in to %s is being renewed", t.system)
		failure.RetryAfter, failure.NothingSent = time.Second, true
		return KeptGrant{}, failure
	}
}

// close waits until a renewal that is under way has been kept: whoever closes the connection closes the store next.
func (t *tokens) close() {
	t.closing.Do(func() { close(t.closed) })
	limited, cancel := context.WithTimeout(context.Background(), closeTime)
	defer cancel()
	select {
	case t.renewing <- struct{}{}:
		<-t.renewing
	case <-limited.Done():
	}
}

// others waits before it is looked again whether another process has renewed the grant.
func (t *tokens) others(ctx context.Context) bool {
	select {
	case <-t.closed:
		return false
	default:
		return pause(ctx, renewPause) == nil
	}
}

func (t *tokens) now() Grant {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.current.Grant
}

// use makes a grant the one that requests carry.
func (t *tokens) use(kept KeptGrant) {
	t.mu.Lock()
	changed := t.current.AccessToken != kept.AccessToken
	t.current = kept
	t.mu.Unlock()
	if changed && t.learned != nil {
		t.learned(kept.Grant)
	}
}

// renewed returns a grant that is good, renewing it if neither this process nor another one has done so.
func (t *tokens) renewed(ctx context.Context, good func(KeptGrant) bool) (KeptGrant, error) {
	t.mu.Lock()
	if current := t.current; good(current) {
		t.mu.Unlock()
		return current, nil
	}
	t.mu.Unlock()
	var last KeptGrant
	for {
		kept, err := t.kept(ctx)
		if err != nil {
			return last, err
		}
		if last = kept; good(kept) {
			t.use(kept)
			return kept, nil
		}
		lock, err := t.grants.Lock(ctx, t.connection)
		if err != nil {
			return kept, t.unreachable(err)
		}
		if lock != nil {
			defer lock.Release()
			return t.renew(ctx, lock, good)
		}
		if !t.others(ctx) {
			failure := contracts.NewError(contracts.Unavailable, "", "another process is renewing the log-in to %s", t.system)
			failure.RetryAfter, failure.NothingSent = time.Second, true
			return kept, failure
		}
	}
}

// kept reads the grant that is kept. One that nobody has given is nothing, unless a person has to.
func (t *tokens) kept(ctx context.Context) (KeptGrant, error) {
	kept, err := t.grants.Grant(ctx, t.connection)
	switch {
	case errors.Is(err, ErrNoGrant) && t.oauth.grant == grantCode:
		return kept, t.unauthorised("nobody has logged in to %s yet", t.system)
	case errors.Is(err, ErrNoGrant):
		return kept, nil
	case err != nil:
		return kept, t.unreachable(err)
	case !t.fits(kept.Grant) && t.oauth.grant == grantCode:
		return KeptGrant{}, t.elsewhere(kept.Grant)
	case !t.fits(kept.Grant):
		return KeptGrant{Version: kept.Version}, nil // what we have is enough for another one
	case kept.Problem != "" && t.oauth.grant == grantCode:
		return kept, t.unauthorised("the log-in to %s is of no use any more: %s", t.system, kept.Problem)
	}
	return kept, nil
}

// fits says whether a grant is one of the places that the connection speaks to: a test account neither sees the log-in of
// the real system nor ends it.
func (t *tokens) fits(g Grant) bool {
	if g.anywhere || g.AccessToken == "" && g.RefreshToken == "" {
		return true
	}
	from, base := t.placesOf(g)
	return from == t.from && base == t.base
}

// placesOf are the origins that a grant belongs to.
func (t *tokens) placesOf(g Grant) (from, base string) {
	if g.From == "" {
		return t.ownFrom, t.ownBase
	}
	return g.From, g.For
}

// elsewhere says that a person has logged in, but not where the connection speaks to.
func (t *tokens) elsewhere(g Grant) *contracts.Error {
	from, base := t.placesOf(g)
	place, here := "at "+from, t.from
	if from == t.from {
		place, here = "for "+base, t.base
	}
	failure := t.unauthorised("the log-in to %s that is kept here is one %s, and %s gets nothing of it", t.system, place, here)
	failure.Message += " (that replaces it; --data DIR keeps the new one apart)"
	return failure
}

// renew renews the grant. The caller has the lock, so that nobody else does.
func (t *tokens) renew(ctx context.Context, lock GrantLock, good func(KeptGrant) bool) (KeptGrant, error) {
	kept, err := t.kept(ctx)
	if err != nil || good(kept) {
		t.use(kept)
		return kept, err
	}
	if t.unkept != nil && !kept.Obtained.Before(t.unkept.Obtained) {
		t.unkept = nil // a person has logged in meanwhile, or another process has renewed it
	}
	grant := t.unkept
	if grant == nil {
		begun := kept.Begun
		if err := t.grants.Begin(ctx, t.connection, kept.Version); err != nil {
			return kept, t.unreachable(err)
		}
		kept.Version++
		if err := lock.Held(ctx); err != nil { // a refresh token that is shown by two ends everything
			return kept, t.unreachable(err)
		}
		fresh, err := t.ask(ctx, kept.Grant)
		if err != nil && fresh.RefreshToken != "" {
			fresh.Expires = fresh.Obtained // it is renewed at the next call, which asks again where requests go
			return kept, errors.Join(t.failure(err), t.keep(ctx, kept, fresh))
		}
		if err != nil {
			return t.lost(ctx, kept, begun, err)
		}
		grant = &fresh
	}
	if err := t.keep(ctx, kept, *grant); err != nil {
		return kept, err
	}
	kept = KeptGrant{Grant: *grant, Version: kept.Version + 1}
	t.use(kept)
	return kept, nil
}

// keep keeps a grant that came: the old token may be worth nothing from now on, whatever becomes of the caller.
func (t *tokens) keep(ctx context.Context, old KeptGrant, grant Grant) error {
	whole := context.WithoutCancel(ctx)
	for try := 1; ; try++ {
		limited, cancel := context.WithTimeout(whole, keepTime)
		err := t.grants.Keep(limited, t.connection, old.Version, grant)
		cancel()
		if err == nil {
			t.unkept = nil
			return nil
		}
		if errors.Is(err, ErrGrantChanged) || try == keepTries {
			t.unkept = &grant
			return t.unreachable(err)
		}
		_ = pause(whole, time.Duration(try)*renewPause)
	}
}

// lost decides what a renewal that failed means for the grant.
func (t *tokens) lost(ctx context.Context, kept KeptGrant, begun time.Time, err error) (KeptGrant, error) {
	var refusal *tokenError
	if !errors.As(err, &refusal) || refusal.Code != "invalid_grant" || t.oauth.grant != grantCode {
		return kept, t.failure(err)
	}
	// Another one may have renewed it although we have the lock: a person who logs in does not ask for that.
	now, again := t.grants.Grant(ctx, t.connection)
	if again == nil && !t.fits(now.Grant) {
		return KeptGrant{}, t.elsewhere(now.Grant)
	}
	if again == nil && now.Version != kept.Version {
		t.use(now)
		return now, nil
	}
	problem := "the system does not take it any more"
	if !begun.IsZero() {
		problem = fmt.Sprintf("the answer was lost when a new one was asked for at %s, because the connection broke or the process was stopped, and the system takes the old one no more", begun.UTC().Format(time.RFC3339))
	}
	if err := t.grants.Spoil(ctx, t.connection, kept.Version, problem); err != nil {
		return kept, t.unreachable(err)
	}
	kept.Problem = problem
	return kept, t.unauthorised("the log-in to %s is of no use any more: %s", t.system, problem)
}

// failure turns a request for a token that failed into an error of the call.
func (t *tokens) failure(err error) *contracts.Error {
	var refusal *tokenError
	class, wait := contracts.Unavailable, time.Duration(0)
	if errors.As(err, &refusal) {
		wait = refusal.wait
		if refusal.settled {
			class = contracts.Auth
		}
	} else {
		err = errors.New(explain(err))
	}
	failure := contracts.NewError(class, "", "%s gives no token: %s", t.system, err)
	failure.RetryAfter, failure.NothingSent = wait, true
	return failure
}

func (t *tokens) unauthorised(format string, args ...any) *contracts.Error {
	failure := contracts.NewError(contracts.Auth, "", format, args...)
	failure.Message += "; log in with: crosswalk systems login " + t.system
	failure.NothingSent = true
	return failure
}

// unreachable is a failure of our own store: the call is tried again.
func (t *tokens) unreachable(err error) *contracts.Error {
	failure := contracts.NewError(contracts.Unavailable, "", "the log-in to %s cannot be read or kept: %s", t.system, err)
	failure.NothingSent = true
	return failure
}
