package adapters

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"sync"
	"time"

	"crosswalk/contracts"
	"crosswalk/rules"
	"crosswalk/source"
)

// sessionAuth is a log-in whose answer holds what later requests are signed with.
type sessionAuth struct {
	login   *Operation        // the request that logs in, as an operation that nobody can name
	token   *rules.Template   // over the answer of the log-in
	apply   auth              // how a request carries the token
	expired *rules.Expression // which answers say that the token is no longer accepted
	life    time.Duration     // how long a token is used; 0: until it is refused
}

// loginName is how errors and traces name the log-in.
const loginName = "log_in"

// parseSession reads auth: {session: …}. The log-in is a request as an operation makes it, and may read secrets.
func (p *parser) parseSession(node *source.Node, secret scope) *sessionAuth {
	fields := node.Fields(sessionShape)
	op := &Operation{Name: loginName, Title: "Log in", Effect: contracts.Write, Safety: Safety{Kind: contracts.NaturalKey}, Input: rules.RecordType(), Output: anything, timeout: defaultTime}
	s := &sessionAuth{login: op, life: fields["life"].Duration()}
	if login := node.Required("login", "the request that logs in, as in login: {post: /login, json: {user: '${conn.user}', password: '${secret.password}'}}"); login.Exists() {
		r := p.request(op, login, secret)
		r.name = "answer"
		if r.each != nil || r.firstOf != nil || r.paging != nil {
			login.Errorf("", "the request that logs in is made once, and has no each, first_of and paging")
		}
		r.writes = false // logging in again changes nothing that anybody would miss
		op.requests = []*request{r}
	}
	s.token = answerScope(p.base).template(node.Required("token", "where the answer holds the token, as in '${body.token}'"))
	how := node.Required("apply", "how requests carry it, as in apply: {bearer: '${token}'}")
	if how.Get("session").Exists() {
		how.Get("session").Errorf("use bearer, basic or header", "a session cannot carry another one")
	} else if how.Exists() {
		s.apply = parseAuth(how, p.base.with("token", rules.TypeOf(rules.KindText)))
	}
	s.expired = answerScope(p.base).condition(fields["on"])
	return s
}

var sessionShape = source.Part("session", "A request that logs in, whose answer signs the others.",
	source.Field{Name: "login", Is: requestShape, Required: true, About: "The request that logs in; it may read secrets, also in its body.", Example: "{post: /login, json: {user: '${conn.user}', password: '${secret.password}'}}"},
	source.Field{Name: "token", Is: source.Template(), Required: true, About: "What the answer gives: it sees status, headers and body.", Example: "'${body.token}'"},
	source.Field{Name: "apply", Is: source.Ref("auth"), Required: true, About: "How requests carry it: bearer, basic or header, with token.", Example: "{bearer: '${token}'}"},
	source.Field{Name: "on", Is: source.Condition(), About: "Which answers say that the session has ended; then it logs in once more and the request is made again.", Default: "status == 401", Example: "status == 401 or body.error.code == 100"},
	source.Field{Name: "life", Is: source.Span(), About: "How long a session is used before it logs in anew.", Default: "until it is refused", Example: "25m"},
)

// session is the connection's open log-in. One goroutine logs in, the others wait for it.
type session struct {
	of   *sessionAuth
	turn chan struct{} // held while the login is looked at or renewed

	current *login

	door     sync.Mutex // of what follows: nobody waits for a log-in to say that one was good
	refusals int        // log-ins in a row that were of no use
	closed   time.Time  // until then nothing is tried
	why      *contracts.Error
}

// login is one log-in: what its requests carry.
type login struct {
	header   http.Header
	at       time.Time
	mu       sync.Mutex
	accepted bool // a request was answered under it
}

func newSession(of *sessionAuth) *session {
	if of == nil {
		return nil
	}
	return &session{of: of, turn: make(chan struct{}, 1)}
}

// The time that nothing is tried after a log-in that was refused: some systems lock an account, or slow down
// everybody's log-in, when somebody goes on trying.
const (
	shortestRefusal = 30 * time.Second
	longestRefusal  = 15 * time.Minute
)

// errSessionEnded is what an exchange answers when the session is no longer accepted.
var errSessionEnded = errors.New("the session has ended")

// signed makes a request within the session: it logs in if there is no session, and once more if it has ended. The
// refusal of an ended session proves that the request was not carried out, so that a write may be repeated too.
func (c *Connection) signed(ctx context.Context, op *Operation, r *request, vars map[string]rules.Value, at *page) (rules.Value, error) {
	in, err := c.session.open(ctx, c, nil)
	if err != nil {
		return rules.Value{}, err
	}
	answer, err := c.exchangeAs(ctx, in, op, r, vars, at)
	if errors.Is(err, errSessionEnded) {
		if in, err = c.session.open(ctx, c, in); err != nil {
			return rules.Value{}, err
		}
		if answer, err = c.exchangeAs(ctx, in, op, r, vars, at); errors.Is(err, errSessionEnded) {
			return rules.Value{}, c.session.useless(ctx, in, c.system)
		}
	}
	return answer, err
}

// open is the session's log-in; a new one if there is none, or if it is the one that has ended.
func (s *session) open(ctx context.Context, c *Connection, ended *login) (*login, error) {
	if err := s.enter(ctx); err != nil {
		return nil, err
	}
	defer s.leave()
	if s.current != nil && s.current == ended {
		s.current = nil
	}
	if s.current != nil && (s.of.life == 0 || time.Since(s.current.at) < s.of.life) {
		return s.current, nil
	}
	if refused := s.shut(); refused != nil {
		return nil, refused
	}
	fresh, err := c.logIn(ctx)
	if err != nil {
		return nil, s.refuse(err)
	}
	s.current = fresh
	return fresh, nil
}

// shut is why nothing is tried now; nil: it is.
func (s *session) shut() *contracts.Error {
	s.door.Lock()
	defer s.door.Unlock()
	left := time.Until(s.closed)
	if left <= 0 {
		return nil
	}
	refused := *s.why
	refused.RetryAfter = left
	return &refused
}

func (s *session) enter(ctx context.Context) error {
	select {
	case s.turn <- struct{}{}:
		return nil
	case <-ctx.Done():
		return &contracts.Error{Class: contracts.Unavailable, Message: "the call was cancelled while another one was logging in", NothingSent: true}
	}
}

func (s *session) leave() { <-s.turn }

// refuse takes in a log-in that failed: nothing of the call itself was sent. A refusal closes the door for a while, a
// system that could not be reached does not.
func (s *session) refuse(err error) error {
	var failure *contracts.Error
	if !errors.As(err, &failure) {
		failure = &contracts.Error{Class: contracts.Internal, Message: err.Error()}
	}
	failure.Message, failure.NothingSent = "logging in: "+failure.Message, true
	if failure.Class == contracts.Unavailable || failure.Status == 0 {
		return failure
	}
	if failure.Class == contracts.Validation || failure.Class == contracts.NotFound || failure.Class == contracts.Declined {
		failure.Class = contracts.Auth
	}
	s.close(failure)
	return failure
}

// close lets nothing be tried until the system asked for, or a time that doubles with each refusal is over.
func (s *session) close(failure *contracts.Error) {
	s.door.Lock()
	defer s.door.Unlock()
	wait := min(shortestRefusal<<min(s.refusals, 10), longestRefusal)
	s.refusals++
	if failure.RetryAfter > wait {
		wait = failure.RetryAfter
	}
	failure.RetryAfter = wait
	kept := *failure // the caller's is changed on its way out
	s.closed, s.why = time.Now().Add(wait), &kept
}

// useless takes in that a log-in that was just made is not accepted.
func (s *session) useless(ctx context.Context, in *login, system string) error {
	failure := contracts.NewError(contracts.Auth, "", "%s does not accept the session that it gave when logging in", system)
	if s.enter(ctx) != nil {
		return failure
	}
	defer s.leave()
	if s.current == in {
		s.current = nil
		s.close(failure)
	}
	return failure
}

// settled is told that a request was answered under a log-in: the door is open again.
func (s *session) settled(in *login) {
	in.mu.Lock()
	first := !in.accepted
	in.accepted = true
	in.mu.Unlock()
	if first {
		s.door.Lock()
		defer s.door.Unlock()
		s.refusals, s.closed = 0, time.Time{}
	}
}

// logIn makes the request that logs in.
func (c *Connection) logIn(ctx context.Context) (*login, error) {
	of := c.adapter.auth.session
	vars := map[string]rules.Value{"conn": c.settings, "base": c.baseText(), "secret": c.secrets}
	answer, err := c.exchangeAs(ctx, nil, of.login, of.login.requests[0], vars, &page{number: 1})
	if err != nil {
		return nil, err
	}
	inner := map[string]rules.Value{"conn": c.settings, "base": c.baseText()}
	token, err := of.token.Eval(resultVars(inner, answer))
	if err == nil && token.String() == "" {
		err = errors.New("the answer holds no token")
	}
	if err != nil {
		return nil, &contracts.Error{Class: contracts.Auth, Status: http.StatusOK, Message: c.system + " did not open a session: " + err.Error()}
	}
	fresh := &login{header: http.Header{}, at: time.Now()}
	credentials, err := of.apply.apply(fresh.header, with(inner, "token", rules.Text(token.String())))
	if err != nil {
		return nil, err
	}
	c.redact.learn(credentials, strings.TrimPrefix(credentials, "Basic "), token.String())
	return fresh, nil
}

// ended says whether an answer means that the session is no longer accepted.
func (a auth) ended(vars map[string]rules.Value) bool {
	if a.session.expired == nil {
		return vars["status"].Equal(rules.Number(rules.Int(http.StatusUnauthorized)))
	}
	holds, err := condition(a.session.expired, vars)
	return err == nil && holds
}
