package adapters

import (
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"

	"crosswalk/rules"
	"crosswalk/source"
)

// The ways to a token.
const (
	grantCode        = "authorization_code" // a person logs in once; then the token is renewed
	grantCredentials = "client_credentials"
	grantJWT         = "jwt_bearer" // an assertion that we sign
)

// oauth is how tokens are had by OAuth2.
type oauth struct {
	grant        string
	baseURL      string // of the adapter, with settings in {…}
	authorizeURL string // addresses with settings in {…}
	tokenURL     string
	client       *rules.Template
	secret       *rules.Template
	basic        bool // the client's name and secret go into a header
	scopes       []string
	authorize    *tree // further parameters of the page where a person logs in
	token        *tree // and of the requests for a token
	pkce         bool
	lifetime     time.Duration // of a token of which the system does not say it
	header       string
	prefix       string
	assertion    *assertion
	base         *tokenBase
}

// assertion is what a JWT says.
type assertion struct {
	issuer, subject, audience, key *rules.Template
	lifetime                       time.Duration
}

// tokenBase is the origin for requests, if the system names it: in the token's answer, or in one of its own.
type tokenBase struct {
	get     string
	from    *rules.Template
	pattern *regexp.Regexp
}

var oauthShape = source.Record(
	source.Field{Name: "grant", Is: source.Choice(grantCode, grantCredentials, grantJWT), Required: true, About: "How a token is had. authorization_code: a person logs in once (crosswalk systems login), and it is renewed from then on; client_credentials: with the client's own secret; jwt_bearer: with an assertion that is signed (RS256).", Example: grantCode},
	source.Field{Name: "authorize_url", Is: source.Text(), About: "Of authorization_code: the page where a person logs in, with settings in {…}.", Example: "https://login.deskly.example/authorize"},
	source.Field{Name: "token_url", Is: source.Text(), Required: true, About: "Where tokens are given, with settings in {…}.", Example: "https://login.deskly.example/token"},
	source.Field{Name: "client_id", Is: source.Template(), About: "The name of our application. All but jwt_bearer need it.", Example: "'${secret.client_id}'"},
	source.Field{Name: "client_secret", Is: source.Template(), About: "Its secret.", Default: "none", Example: "'${secret.client_secret}'"},
	source.Field{Name: "client_auth", Is: source.Choice("body", "basic"), About: "Where name and secret of the client are sent.", Default: "body", Example: "basic"},
	source.Field{Name: "scopes", Is: source.OneOrMore(source.Text()), About: "What is asked for.", Default: "none", Example: "[tasks.read, tasks.write]"},
	source.Field{Name: "authorize", Is: treeShape, About: "Further parameters of the page where a person logs in.", Default: "none", Example: "{access_type: offline}"},
	source.Field{Name: "token", Is: treeShape, About: "Further parameters of requests for tokens.", Default: "none", Example: "{audience: 'https://api.deskly.example'}"},
	source.Field{Name: "pkce", Is: source.YesNo(), About: "The log-in is bound to us by a proof key (S256).", Default: "true", Example: "false"},
	source.Field{Name: "lifetime", Is: source.Span(), About: "How long a token holds, if its answer does not say it.", Default: "until it is refused", Example: "1h"},
	source.Field{Name: "header", Is: source.Text(), About: "The header that carries the token.", Default: "Authorization", Example: "X-Access-Token"},
	source.Field{Name: "prefix", Is: source.Text(), About: "What stands before the token there.", Default: "Bearer, in Authorization", Example: "Token"},
	source.Field{Name: "jwt", Is: assertionShape, About: "Of jwt_bearer: what the assertion says.", Example: "{issuer: '${secret.client_id}', audience: 'https://login.deskly.example', key: '${secret.private_key}'}"},
	source.Field{Name: "base", Is: tokenBaseShape, About: "Where requests go, if the system says it when it gives a token: the origin in base_url is replaced.", Default: "base_url", Example: `{from: '${body.instance_url}', pattern: '^https://[a-z0-9-]+\.deskly\.example$'}`},
)

var assertionShape = source.Record(
	source.Field{Name: "issuer", Is: source.Template(), Required: true, About: "iss: who we are.", Example: "'${secret.client_id}'"},
	source.Field{Name: "subject", Is: source.Template(), About: "sub: for whom.", Default: "none", Example: "'${conn.user}'"},
	source.Field{Name: "audience", Is: source.Template(), Required: true, About: "aud: to whom.", Example: "https://login.deskly.example"},
	source.Field{Name: "key", Is: source.Template(), Required: true, About: "The private RSA key, as PEM.", Example: "'${secret.private_key}'"},
	source.Field{Name: "lifetime", Is: source.Span(), About: "How long the assertion holds.", Default: "3m", Example: "5m"},
)

var tokenBaseShape = source.Record(
	source.Field{Name: "get", Is: source.Text(), About: "The address that says it, asked with the token, with settings in {…}.", Default: "the token's own answer", Example: "https://login.deskly.example/userinfo"},
	source.Field{Name: "from", Is: source.Template(), Required: true, About: "Where the answer says it, as body.", Example: "'${body.instance_url}'"},
	source.Field{Name: "pattern", Is: source.Matching("regular expression from ^ to $", `^\^.*\$$`), Required: true, About: "What it must look like: nothing else gets our token.", Example: `'^https://[a-z0-9-]+\.deskly\.example$'`},
)

// parseOAuth reads how tokens are had.
func (p *parser) parseOAuth(node *source.Node, in scope) *oauth {
	fields := node.Fields(oauthShape)
	o := &oauth{
		grant: node.Required("grant", "how a token is had").OneOf(grantCode, grantCredentials, grantJWT), client: in.template(fields["client_id"]), secret: in.template(fields["client_secret"]),
		basic: fields["client_auth"].OneOf("body", "basic") == "basic", scopes: fields["scopes"].Texts(), pkce: !fields["pkce"].Exists() || fields["pkce"].Bool(),
		baseURL: p.adapter.baseURL, lifetime: fields["lifetime"].Duration(), header: "Authorization", prefix: "Bearer ", authorize: parseTree(fields["authorize"], in), token: parseTree(fields["token"], in),
	}
	o.tokenURL = p.tokenAddress(node.Required("token_url", "where tokens are given"))
	if fields["header"].Exists() {
		if o.header = headerName(fields["header"]); o.header != "Authorization" {
			o.prefix = ""
		}
	}
	if fields["prefix"].Exists() {
		o.prefix = strings.TrimSpace(fields["prefix"].Text()) + " "
	}
	if o.grant == grantCode {
		o.authorizeURL = p.tokenAddress(node.Required("authorize_url", "the page where a person logs in"))
	}
	if o.grant != grantJWT && o.client == nil {
		node.Required("client_id", "the name of our application, as in '${secret.client_id}'")
	}
	if o.grant == grantJWT {
		jwt := node.Required("jwt", "what the assertion says")
		said := jwt.Fields(assertionShape)
		o.assertion = &assertion{issuer: in.template(jwt.Required("issuer", "")), subject: in.template(said["subject"]), audience: in.template(jwt.Required("audience", "")), key: in.template(jwt.Required("key", "")), lifetime: 3 * time.Minute}
		if said["lifetime"].Exists() {
			o.assertion.lifetime = said["lifetime"].Duration()
		}
	}
	if fields["base"].Exists() {
		o.base = p.parseTokenBase(fields["base"])
	}
	return o
}

func (p *parser) parseTokenBase(node *source.Node) *tokenBase {
	fields := node.Fields(tokenBaseShape)
	base := &tokenBase{from: emptyScope().with("body", anything).template(node.Required("from", "where the answer says it"))}
	if fields["get"].Exists() {
		base.get = p.tokenAddress(fields["get"])
	}
	pattern := node.Required("pattern", "what it must look like")
	expression, err := regexp.Compile(pattern.Text())
	if text := pattern.Text(); err != nil || !strings.HasPrefix(text, "^https://") || !strings.HasSuffix(text, "$") {
		pattern.Errorf(`write a pattern of the whole origin, as in '^https://[a-z0-9-]+\.example\.com$'`, "%q is not a usable pattern of origins", text)
		expression = nil
	}
	base.pattern = expression
	return base
}

// tokenAddress reads an address that our credentials are sent to.
func (p *parser) tokenAddress(node *source.Node) string {
	text := node.Text()
	if !node.Exists() {
		return ""
	}
	for _, match := range placeholder.FindAllStringSubmatch(text, -1) {
		p.checkPlaceholder(node, match[1])
	}
	if strings.HasPrefix(text, "{") {
		return text // the whole origin is a setting, which has a format of its own
	}
	if example, err := url.Parse(placeholder.ReplaceAllString(text, "x")); err != nil || example.Scheme != "https" || example.Host == "" || example.User != nil {
		node.Errorf("write for example https://login.example.com/oauth/token", "%q is not an https address", text)
	}
	return text
}

// moved is an address where the system really is: what the file has at the product's own origin goes with it when a
// workspace replaces base_url, as a test account's log-in does. An address at another origin stays.
func (o *oauth) moved(address, base string, settings rules.Value) string {
	if base == "" || originOf(address, settings) != originOf(o.baseURL, settings) {
		return address
	}
	_, path := splitOrigin(address)
	replaced, _ := splitOrigin(base)
	return replaced + path
}

// originOf is the origin of an address, as https://login.example.com:8443: without capitals and without a port that need not
// be said. It is empty if the address is none.
func originOf(address string, settings rules.Value) string {
	u, err := url.Parse(fill(address, settings))
	if err != nil || u.Host == "" {
		return ""
	}
	usual := map[string]string{"http": ":80", "https": ":443"}[u.Scheme]
	return u.Scheme + "://" + strings.TrimSuffix(hostPort(u), usual)
}

// fill puts settings into an address.
func fill(address string, settings rules.Value) string {
	return placeholder.ReplaceAllStringFunc(address, func(match string) string { return settings.Get(strings.Trim(match, "{}")).String() })
}

// splitOrigin parts an address, whose settings may still be in {…}, before its path.
func splitOrigin(address string) (origin, path string) {
	start := 0
	if i := strings.Index(address, "://"); i >= 0 {
		start = i + len("://")
	}
	if i := strings.IndexByte(address[start:], '/'); i >= 0 {
		return address[:start+i], address[start+i:]
	}
	return address, ""
}

// resolve puts settings into an address, and says if it may not be spoken to.
func resolve(address string, settings rules.Value, allow []string) (*url.URL, error) {
	u, err := url.Parse(fill(address, settings))
	switch {
	case err != nil || u.Host == "" || u.User != nil || u.Scheme != "https" && u.Scheme != "http":
		return nil, fmt.Errorf("%q is not an address as in https://login.example.com/token", address)
	case u.Scheme == "http" && !slices.Contains(allow, hostPort(u)):
		return nil, fmt.Errorf("%s is not encrypted: use https, or allow the host and port in the workspace", u.Redacted())
	}
	return u, nil
}
