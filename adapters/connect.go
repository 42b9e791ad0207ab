package adapters

import (
	"crypto/tls"
	"database/sql/driver"
	"fmt"
	"maps"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/hashicorp/go-retryablehttp"

	"crosswalk/contracts"
	"crosswalk/rules"
	"crosswalk/source"
)

// Config is what a workspace knows about one system that an adapter reaches.
type Config struct {
	System   string      // its name in the workspace
	Settings rules.Value // a record
	Secrets  map[string]contracts.Secret
	// BaseURL replaces the adapter's own address: a test account, a regional or self-hosted one.
	BaseURL string
	// AllowHosts are the host:port that may be private or local and may be spoken to without TLS.
	AllowHosts []string
	// Limits, if any, replace those of the adapter that hold for all operations, or for the same ones.
	Limits []Limit
	// Shared is what other connections to the system know too; nil: this connection is alone.
	Shared Shared
	// Grants keeps what the system gives us by OAuth2; nil: nobody does, and it is gone with the connection.
	Grants Grants
	// TokenURL replaces the addresses at which tokens are given and at which the system says where requests go, as BaseURL does for
	// requests: for trying an adapter out without the system that gives tokens.
	TokenURL string
	// Answers is told of every successful answer, so that somebody sees when they change; nil: nobody does.
	Answers func(operation string, body rules.Value)
	// Unfit is told of every place of an operation's answer that does not look as declared, whether or not the call
	// needed it; nil: nobody is.
	Unfit func(operation, place, why string)
	// TLS says how the connection is encrypted, if not as usual.
	TLS TLS
	// Database stands in the place of a database's driver, with its errors: for trying an adapter out without the database.
	// Not for PostgreSQL, whose protocol can be played.
	Database driver.Connector
}

// FieldError is something wrong with a connection's settings or secrets.
type FieldError struct {
	Field   string // settings.subdomain, secrets.token or base_url
	Message string
	Hint    string
}

// FieldErrors is everything wrong with a connection.
type FieldErrors []FieldError

// Error lists the errors, one per line.
func (e FieldErrors) Error() string {
	lines := make([]string, len(e))
	for i, one := range e {
		if lines[i] = one.Field + ": " + one.Message; one.Hint != "" {
			lines[i] += " (" + one.Hint + ")"
		}
	}
	return strings.Join(lines, "\n")
}

// Connection carries out the adapter's operations in one system. It may be used by many goroutines.
type Connection struct {
	adapter   *Adapter
	system    string
	settings  rules.Value
	headers   http.Header // with the credentials
	base      *origin
	moved     atomic.Pointer[origin] // where it is since the system said so
	tokens    *tokens                // of OAuth2; nil: there are none
	redact    *redactor
	shared    Shared
	breaker   *breaker
	limits    []Limit
	clients   map[time.Duration]*retryablehttp.Client
	answers   func(operation string, body rules.Value)
	tellUnfit func(operation, place, why string)
	close     func()
	database  database
	folder    folder
	account   mailAccount
	secrets   rules.Value // for the request that logs in
	session   *session    // nil: requests carry the same headers always

	readsHeaders bool // an expression may read an answer's headers: the adapter's, or one of what requests cost
}

// Check says what is wrong with a configuration without needing the values of its secrets: the names of
// those that will be there are enough.
func (a *Adapter) CheckConfig(config Config, secretNames []string) FieldErrors {
	_, problems := a.settings(config.Settings)
	for _, field := range a.Secrets {
		if field.Required && !slices.Contains(secretNames, field.Name) {
			problems = append(problems, FieldError{"secrets." + field.Name, "is missing", field.Title})
		}
	}
	for _, name := range secretNames {
		if !slices.ContainsFunc(a.Secrets, func(f Field) bool { return f.Name == name }) {
			problems = append(problems, FieldError{"secrets." + name, "the adapter " + a.Name + " has no such secret", source.DidYouMean(name, fieldNames(a.Secrets))})
		}
	}
	if len(problems) == 0 {
		if _, _, err := a.address(config); err != nil {
			problems = append(problems, *err)
		}
	}
	return problems
}

// Connect joins the adapter with one system. It does not reach for the system yet. The error is of type
// FieldErrors.
func (a *Adapter) Connect(config Config) (*Connection, error) {
	problems := a.CheckConfig(config, sortedKeys(config.Secrets))
	secrets := map[string]rules.Value{}
	var values []string
	for _, field := range a.Secrets {
		value := config.Secrets[field.Name].Reveal()
		if value == "" {
			continue
		}
		if field.pattern.Regexp != nil && !field.pattern.MatchString(value) {
			problems = append(problems, FieldError{"secrets." + field.Name, "does not look as expected", "it must fit " + field.pattern.String()})
		}
		secrets[field.Name] = rules.Text(value)
		values = append(values, value)
	}
	if len(problems) > 0 {
		return nil, problems
	}
	c := &Connection{adapter: a, system: config.System, shared: config.Shared, limits: a.limitsWith(config.Limits), answers: config.Answers, tellUnfit: config.Unfit, close: func() {}}
	c.settings, _ = a.settings(config.Settings)
	if c.shared == nil {
		c.shared = NewMemory()
	}
	c.shared = of{c.shared, ConnectionName(config.System, a.Name)}
	c.readsHeaders = a.readsHeaders || slices.ContainsFunc(c.limits, func(l Limit) bool { return l.Cost != nil })
	c.breaker = newBreaker(c.shared, c.system)
	guard, base, problem := a.address(config)
	if problem != nil {
		return nil, FieldErrors{*problem}
	}
	if base != nil {
		c.base = newOrigin(base)
	}
	vars := map[string]rules.Value{"conn": c.settings, "base": c.baseText(), "secret": rules.Record(secrets)}
	trust, problem := a.trust(config.TLS, c.settings)
	if problem != nil {
		return nil, FieldErrors{*problem}
	}
	if a.Protocol == "sql" {
		c.redact = newRedactor(values...)
		return c, c.openDatabase(guard, vars, trust, config.Database)
	}
	if a.OffHTTP() {
		c.redact = newRedactor(values...)
		return c, c.openServer(guard, vars, trust)
	}
	return c, c.openHTTP(config, guard, vars, values, trust)
}

// openHTTP fixes the headers that every request carries, and builds the clients.
func (c *Connection) openHTTP(config Config, guard *egress, vars map[string]rules.Value, secrets []string, trust *tls.Config) error {
	c.headers = http.Header{"Accept": {"application/json"}, "Accept-Encoding": {"gzip"}, "User-Agent": {"crosswalk"}}
	credentials, err := c.adapter.auth.apply(c.headers, vars)
	if err == nil {
		err = setHeaders(c.headers, c.adapter.headers, vars)
	}
	c.secrets, c.session = vars["secret"], newSession(c.adapter.auth.session)
	c.redact = newRedactor(append(secrets, credentials, strings.TrimPrefix(strings.TrimPrefix(credentials, "Basic "), "Bearer "))...)
	if err != nil {
		return FieldErrors{{"auth", c.redact.text(err.Error()), ""}}
	}
	if c.adapter.auth.kind == authOAuth {
		if err := c.openTokens(config, guard, vars, trust); err != nil {
			return err
		}
	}
	transport := newTransport(guard, trust)
	c.close = transport.CloseIdleConnections
	c.clients = map[time.Duration]*retryablehttp.Client{}
	operations := slices.Collect(maps.Values(c.adapter.operations))
	if c.session != nil {
		operations = append(operations, c.session.of.login)
	}
	for _, op := range operations {
		if c.clients[op.timeout] == nil {
			c.clients[op.timeout] = newClient(&gate{system: c.system, shared: c.shared, breaker: c.breaker, next: transport, timeout: op.timeout, authorize: c.authorize})
		}
	}
	return nil
}

// baseText is the address as expressions see it; missing for a database.
func (c *Connection) baseText() rules.Value {
	if c.base == nil {
		return rules.Missing()
	}
	return rules.Text(c.origin().text)
}

// origin is the address that all paths begin with, also as a text: every request needs it.
type origin struct {
	url  *url.URL
	text string
}

func newOrigin(u *url.URL) *origin { return &origin{u, u.String()} }

// Close gives back what the connection holds. Calls that still run are not cut off, and a renewal of its token is waited
// for until what came is kept: a minute at most.
func (c *Connection) Close() {
	if c.tokens != nil {
		c.tokens.close()
	}
	c.close()
}

// Adapter returns the adapter.
func (c *Connection) Adapter() *Adapter { return c.adapter }

// Safety says how the connection makes a write safe; the zero Safety for a read.
func (c *Connection) Safety(operation string) Safety {
	if op := c.adapter.operations[operation]; op != nil {
		return op.Safety
	}
	return Safety{}
}

// settings checks and completes the settings.
func (a *Adapter) settings(given rules.Value) (rules.Value, FieldErrors) {
	var problems FieldErrors
	for _, name := range given.Keys() {
		if !slices.Contains(fieldNames(a.Settings), name) {
			problems = append(problems, FieldError{"settings." + name, "the adapter " + a.Name + " has no such setting", source.DidYouMean(name, fieldNames(a.Settings))})
		}
	}
	complete := map[string]rules.Value{}
	for _, field := range a.Settings {
		value := given.Get(field.Name)
		if value.IsMissing() {
			value = field.Default
		}
		if value.IsMissing() {
			if field.Required {
				problems = append(problems, FieldError{"settings." + field.Name, "is missing", field.Title})
			}
			continue
		}
		checked, err := field.check(value)
		if err != nil {
			problems = append(problems, FieldError{"settings." + field.Name, err.Error(), field.Description})
		}
		complete[field.Name] = checked
	}
	return rules.Record(complete), problems
}

// address is where the system is, and the guard that lets the connection reach nothing else.
func (a *Adapter) address(config Config) (*egress, *url.URL, *FieldError) {
	settings, _ := a.settings(config.Settings)
	allow := make([]string, len(config.AllowHosts))
	for i, host := range config.AllowHosts {
		allow[i] = strings.ToLower(host)
	}
	if a.Protocol == protocolMail {
		hosts, problem := mailHosts(settings, allow)
		return &egress{hosts: hosts, allow: allow}, nil, problem
	}
	if a.OffHTTP() {
		if a.dialect == dialectSQLite || a.Protocol == protocolFiles {
			return &egress{hosts: []string{""}, allow: allow}, nil, nil
		}
		host := net.JoinHostPort(strings.ToLower(settings.Get("host").Text()), settings.Get("port").String())
		return &egress{hosts: []string{host}, allow: allow}, nil, nil
	}
	text := config.BaseURL
	if text == "" {
		text = placeholder.ReplaceAllStringFunc(a.baseURL, func(match string) string { return settings.Get(strings.Trim(match, "{}")).String() })
	}
	base, err := parseOrigin(text)
	if err != nil {
		return nil, nil, &FieldError{"base_url", err.Error(), ""}
	}
	if base.Scheme == "http" && !slices.Contains(allow, hostPort(base)) {
		return nil, nil, &FieldError{"base_url", fmt.Sprintf("%s is not encrypted", base.Redacted()), "use https, or allow the host and port in the workspace"}
	}
	base.Path = strings.TrimSuffix(base.Path, "/")
	return &egress{hosts: []string{hostPort(base)}, allow: allow}, base, nil
}

func (a *Adapter) limitsWith(own []Limit) []Limit {
	if len(own) == 0 {
		return a.limits
	}
	limits := slices.Clone(own)
	for _, limit := range a.limits {
		if len(limit.Operations) > 0 && !slices.ContainsFunc(own, limit.replacedBy) {
			limits = append(limits, limit)
		}
	}
	return limits
}

// replacedBy says whether another limit is for the same operations: that of the workspace, whose contract with the
// vendor may allow more, stands for the adapter's.
func (l Limit) replacedBy(own Limit) bool {
	return len(own.Operations) > 0 && !slices.ContainsFunc(l.Operations, func(name string) bool { return !slices.Contains(own.Operations, name) })
}

func fieldNames(fields []Field) []string {
	names := make([]string, len(fields))
	for i, field := range fields {
		names[i] = field.Name
	}
	return names
}

// setHeaders sets headers from a tree; what is missing is left out.
func setHeaders(header http.Header, t *tree, vars map[string]rules.Value) error {
	values, err := t.eval(vars)
	if err != nil {
		return fmt.Errorf("headers: %w", err)
	}
	for i, name := range values.Keys() {
		if err := setHeader(header, http.CanonicalHeaderKey(name), values.Items()[i].String()); err != nil {
			return err
		}
	}
	return nil
}
