package adapters_test

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"crosswalk/adapters"
	"crosswalk/contracts"
	"crosswalk/rules"
)

// tokenServer gives tokens and takes them. It rotates refresh tokens, and whoever shows one twice loses everything.
type tokenServer struct {
	*httptest.Server
	mu        sync.Mutex
	lifetime  int // seconds that it says
	renewals  int
	answers   int
	refresh   string          // the one that holds
	used      map[string]bool // those that do not any more
	access    map[string]bool // those that hold
	challenge string          // of the code
	forms     []url.Values
	fail      func(w http.ResponseWriter) bool // answers in place of a renewal
	base      string
	refuse    bool
}

func newTokenServer(t *testing.T) *tokenServer {
	t.Helper()
	s := &tokenServer{lifetime: 3600, used: map[string]bool{}, access: map[string]bool{}}
	s.Server = httptest.NewServer(http.HandlerFunc(s.serve))
	t.Cleanup(s.Close)
	return s
}

func (s *tokenServer) serve(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case r.URL.Path == "/token":
		s.token(w, r)
	case !s.access[strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")]:
		w.WriteHeader(http.StatusUnauthorized)
	default:
		s.answers++
		_, _ = w.Write([]byte(`{"id":"1"}`))
	}
}

func (s *tokenServer) token(w http.ResponseWriter, r *http.Request) {
	_ = r.ParseForm()
	s.forms = append(s.forms, r.PostForm)
	refuse := func(code string) {
		w.WriteHeader(http.StatusBadRequest)
		_ = json.NewEncoder(w).Encode(map[string]string{"error": code, "error_description": "no " + r.PostForm.Get("refresh_token")})
	}
	if s.refuse {
		w.WriteHeader(http.StatusBadRequest)
		_ = json.NewEncoder(w).Encode(map[string]string{"error": "invalid_request", "error_description": "no " + r.PostForm.Get("assertion")})
		return
	}
	switch r.PostForm.Get("grant_type") {
	case "authorization_code":
		sum := sha256.Sum256([]byte(r.PostForm.Get("code_verifier")))
		if r.PostForm.Get("code") != "the-code" || base64.RawURLEncoding.EncodeToString(sum[:]) != s.challenge {
			refuse("invalid_grant")
			return
		}
	case "refresh_token":
		s.renewals++
		if s.fail != nil && s.fail(w) {
			return
		}
		token := r.PostForm.Get("refresh_token")
		if s.used[token] {
			s.refresh, s.access = "", map[string]bool{} // somebody has stolen it
		}
		if token == "" || token != s.refresh {
			refuse("invalid_grant")
			return
		}
		s.used[token] = true
	}
	s.refresh = rand.Text()
	access := "access-" + rand.Text()
	s.access[access] = true
	_ = json.NewEncoder(w).Encode(map[string]any{"access_token": access, "refresh_token": s.refresh, "expires_in": s.lifetime, "token_type": "bearer", "instance_url": s.base})
}

const oauthAdapter = `adapter: acme
contract: support
connection:
  base_url: https://api.acme.example
  settings: {login: {required: true, format: origin}}
  secrets: {client_id: {required: true}, client_secret: {required: true}, private_key: {}}
auth:
  oauth2:
    grant: authorization_code
    authorize_url: '{login}/authorize'
    token_url: '{login}/token'
    client_id: '${secret.client_id}'
    client_secret: '${secret.client_secret}'
    scopes: [read, write]
    authorize: {access_type: offline}
operations:
`

func (s *tokenServer) connect(t *testing.T, text string, grants adapters.Grants, more map[string]string) *adapters.Connection {
	t.Helper()
	adapter, problems := adapters.Parse("acme.yaml", []byte(text+getTask), contracts.Catalog())
	require.Empty(t, problems.Error())
	given := map[string]string{"client_id": "client-1", "client_secret": "s3cret-of-the-client"}
	for name, value := range more {
		given[name] = value
	}
	connection, err := adapter.Connect(adapters.Config{System: "support", BaseURL: s.URL, AllowHosts: []string{strings.TrimPrefix(s.URL, "http://")},
		Settings: rules.Record(fields{"login": rules.Text(s.URL)}), Secrets: secrets(given), Grants: grants})
	require.NoError(t, err)
	t.Cleanup(connection.Close)
	return connection
}

// login does what a person and a browser do.
func (s *tokenServer) login(t *testing.T, connection *adapters.Connection) {
	t.Helper()
	login, err := connection.Login("http://127.0.0.1:1/callback")
	require.NoError(t, err)
	page, err := url.Parse(login.Address)
	require.NoError(t, err)
	query := page.Query()
	require.Equal(t, "/authorize", page.Path)
	require.Equal(t, "read write", query.Get("scope"))
	require.Equal(t, "offline", query.Get("access_type"))
	require.Equal(t, "S256", query.Get("code_challenge_method"))
	require.NotContains(t, login.Address, "s3cret")
	s.mu.Lock()
	s.challenge = query.Get("code_challenge")
	s.mu.Unlock()
	require.ErrorContains(t, login.Finish(t.Context(), url.Values{"code": {"the-code"}, "state": {"another"}}), "not the answer to the log-in")
	require.ErrorContains(t, login.Finish(t.Context(), url.Values{"error": {"access_denied"}, "state": {query.Get("state")}}), "the system refused: access_denied")
	require.NoError(t, login.Finish(t.Context(), url.Values{"code": {"the-code"}, "state": {query.Get("state")}}))
}

func TestLogin(t *testing.T) {
	t.Parallel()
	s := newTokenServer(t)
	connection := s.connect(t, oauthAdapter, nil, nil)
	task := fields{"task": rules.Text("1")}
	_, err := ask(t, connection, "support.get_task", task)
	require.Equal(t, contracts.Auth, failureOf(t, err).Class)
	require.ErrorContains(t, err, "nobody has logged in to support yet; log in with: crosswalk systems login support")
	s.login(t, connection)
	_, err = ask(t, connection, "support.get_task", task)
	require.NoError(t, err)
	require.Zero(t, s.renewals)
	require.Equal(t, "http://127.0.0.1:1/callback", s.forms[0].Get("redirect_uri"))
}

// Twenty goroutines of two processes find a token that runs out, and it is renewed once.
func TestOneRenewal(t *testing.T) {
	t.Parallel()
	s := newTokenServer(t)
	grants := adapters.NewMemoryGrants()
	connections := []*adapters.Connection{s.connect(t, oauthAdapter, grants, nil), s.connect(t, oauthAdapter, grants, nil)}
	s.lifetime = 0
	s.login(t, connections[0])
	s.expire(t, grants)
	s.lifetime = 3600
	var running sync.WaitGroup
	for i := range 20 {
		running.Go(func() {
			_, err := ask(t, connections[i%2], "support.get_task", fields{"task": rules.Text("1")})
			if err != nil {
				t.Error(err)
			}
		})
	}
	running.Wait()
	require.Equal(t, 1, s.renewals)
	require.Equal(t, 20, s.answers)
}

// expire has what is kept run out.
func (s *tokenServer) expire(t *testing.T, grants adapters.Grants) {
	t.Helper()
	kept, err := grants.Grant(t.Context(), "support/acme")
	require.NoError(t, err)
	old := kept.Grant
	old.Obtained, old.Expires = old.Obtained.Add(-time.Hour), old.Obtained.Add(-time.Second)
	require.NoError(t, grants.Keep(t.Context(), "support/acme", kept.Version, old))
}

// What a token server says decides what becomes of the grant: only a refusal ends it.
func TestRenewalsThatFail(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		fail    func(w http.ResponseWriter) bool
		crashed bool
		class   contracts.Class
		message string
		wait    time.Duration
		again   bool // it goes on when the server is well again
	}{
		"down":        {func(w http.ResponseWriter) bool { w.WriteHeader(503); return true }, false, contracts.Unavailable, "it answered 503", 0, true},
		"too many":    {func(w http.ResponseWriter) bool { w.Header().Set("Retry-After", "7"); w.WriteHeader(429); return true }, false, contracts.Unavailable, "it answered 429", 7 * time.Second, true},
		"maintenance": {func(w http.ResponseWriter) bool { _, _ = w.Write([]byte("<html>")); return true }, false, contracts.Unavailable, "cannot be read", 0, true},
		"another client": {func(w http.ResponseWriter) bool {
			w.WriteHeader(401)
			_, _ = w.Write([]byte(`{"error":"invalid_client"}`))
			return true
		}, false, contracts.Auth, "invalid_client", 0, true},
		"refused": {func(w http.ResponseWriter) bool {
			w.WriteHeader(400)
			_, _ = w.Write([]byte(`{"error":"invalid_grant"}`))
			return true
		}, false, contracts.Auth, "the system does not take it any more; log in with", 0, false},
		"lost": {func(w http.ResponseWriter) bool {
			w.WriteHeader(400)
			_, _ = w.Write([]byte(`{"error":"invalid_grant"}`))
			return true
		}, true, contracts.Auth, "the answer was lost when a new one was asked for", 0, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newTokenServer(t)
			grants := adapters.NewMemoryGrants()
			connection := s.connect(t, oauthAdapter, grants, nil)
			s.login(t, connection)
			s.expire(t, grants)
			if c.crashed {
				kept, err := grants.Grant(t.Context(), "support/acme")
				require.NoError(t, err)
				require.NoError(t, grants.Begin(t.Context(), "support/acme", kept.Version))
			}
			s.fail = c.fail
			_, err := ask(t, connection, "support.get_task", fields{"task": rules.Text("1")})
			failure := failureOf(t, err)
			require.Equal(t, c.class, failure.Class, err)
			require.ErrorContains(t, err, c.message)
			require.Equal(t, c.wait, failure.RetryAfter)
			require.True(t, failure.NothingSent)
			require.NotContains(t, err.Error(), s.refresh)
			s.fail = nil
			_, err = ask(t, connection, "support.get_task", fields{"task": rules.Text("1")})
			if c.again {
				require.NoError(t, err)
				return
			}
			require.ErrorContains(t, err, "log in with")
			require.Equal(t, 1, s.renewals, "what is refused is not shown again")
			s.login(t, connection)
			_, err = ask(t, connection, "support.get_task", fields{"task": rules.Text("1")})
			require.NoError(t, err)
		})
	}
}

// A token is renewed early; while the token server is down, the old one goes on as long as it holds.
func TestEarlyRenewal(t *testing.T) {
	t.Parallel()
	s := newTokenServer(t)
	grants := adapters.NewMemoryGrants()
	connection := s.connect(t, oauthAdapter, grants, nil)
	s.login(t, connection)
	kept, err := grants.Grant(t.Context(), "support/acme")
	require.NoError(t, err)
	near := kept.Grant
	near.Expires = time.Now().Add(4 * time.Minute)
	near.Obtained = near.Expires.Add(-time.Hour)
	require.NoError(t, grants.Keep(t.Context(), "support/acme", kept.Version, near))
	s.fail = func(w http.ResponseWriter) bool { w.WriteHeader(503); return true }
	_, err = ask(t, connection, "support.get_task", fields{"task": rules.Text("1")})
	require.NoError(t, err)
	require.Equal(t, 1, s.renewals)
	_, err = ask(t, connection, "support.get_task", fields{"task": rules.Text("1")})
	require.NoError(t, err)
	require.Equal(t, 1, s.renewals, "it is not asked at every call")
}

// A token that the system takes back before its time is renewed once, and the request is sent again.
func TestATokenThatIsTakenBack(t *testing.T) {
	t.Parallel()
	s := newTokenServer(t)
	grants := adapters.NewMemoryGrants()
	connection := s.connect(t, oauthAdapter, grants, nil)
	s.login(t, connection)
	kept, err := grants.Grant(t.Context(), "support/acme")
	require.NoError(t, err)
	older := kept.Grant
	older.Obtained = older.Obtained.Add(-time.Minute)
	require.NoError(t, grants.Keep(t.Context(), "support/acme", kept.Version, older))
	s.access = map[string]bool{}
	_, err = ask(t, connection, "support.get_task", fields{"task": rules.Text("1")})
	require.NoError(t, err)
	require.Equal(t, 1, s.renewals)
	s.access = map[string]bool{}
	_, err = ask(t, connection, "support.get_task", fields{"task": rules.Text("1")})
	require.Equal(t, contracts.Auth, failureOf(t, err).Class, "a new token is not the cause")
	require.Equal(t, 1, s.renewals)
}

func TestClientCredentialsAndAssertions(t *testing.T) {
	t.Parallel()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	require.NoError(t, err)
	encoded, err := x509.MarshalPKCS8PrivateKey(key)
	require.NoError(t, err)
	text := string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: encoded}))
	credentials := strings.NewReplacer("grant: authorization_code", "grant: client_credentials", "    authorize_url: '{login}/authorize'\n", "", "    authorize: {access_type: offline}\n", "    token: {resource: tasks}\n").Replace(oauthAdapter)
	jwt := strings.NewReplacer("grant: client_credentials", "grant: jwt_bearer\n    jwt: {issuer: '${secret.client_id}', subject: 'ada@acme.example', audience: '${conn.login}', key: '${secret.private_key}'}").Replace(credentials)
	for grant, file := range map[string]string{"client_credentials": credentials, "urn:ietf:params:oauth:grant-type:jwt-bearer": jwt} {
		s := newTokenServer(t)
		connection := s.connect(t, file, nil, map[string]string{"private_key": text})
		for range 3 {
			_, err := ask(t, connection, "support.get_task", fields{"task": rules.Text("1")})
			require.NoError(t, err)
		}
		require.Len(t, s.forms, 1)
		require.Equal(t, grant, s.forms[0].Get("grant_type"))
		require.Equal(t, "tasks", s.forms[0].Get("resource"))
		if grant == "client_credentials" {
			continue
		}
		parts := strings.Split(s.forms[0].Get("assertion"), ".")
		require.Len(t, parts, 3)
		signature, err := base64.RawURLEncoding.DecodeString(parts[2])
		require.NoError(t, err)
		sum := sha256.Sum256([]byte(parts[0] + "." + parts[1]))
		require.NoError(t, rsa.VerifyPKCS1v15(&key.PublicKey, crypto.SHA256, sum[:], signature))
		body, err := base64.RawURLEncoding.DecodeString(parts[1])
		require.NoError(t, err)
		var claims map[string]any
		require.NoError(t, json.Unmarshal(body, &claims))
		require.Equal(t, "client-1", claims["iss"])
		require.Equal(t, "ada@acme.example", claims["sub"])
		require.Equal(t, s.URL, claims["aud"])
	}
	s := newTokenServer(t)
	s.refuse = true
	_, err = ask(t, s.connect(t, jwt, nil, map[string]string{"private_key": text}), "support.get_task", fields{"task": rules.Text("1")})
	require.ErrorContains(t, err, "no ***", "the server repeats the assertion")
	s.refuse = false
	_, err = ask(t, s.connect(t, jwt, nil, map[string]string{"private_key": "no key"}), "support.get_task", fields{"task": rules.Text("1")})
	require.ErrorContains(t, err, "the key is not PEM")
}

// The origin that a token's answer names is used, if the adapter expects such a one; another one gets no token.
func TestTheOriginOfATokensAnswer(t *testing.T) {
	t.Parallel()
	for base, message := range map[string]string{
		"https://evil.example": "sends requests to an address that the adapter does not expect",
		"":                     "sends requests to an address that the adapter does not expect",
		// It fits the pattern; nobody is there, and that is said of this origin.
		"https://eu1.acme.example": "name cannot be resolved",
	} {
		s := newTokenServer(t)
		s.base = base
		file := strings.Replace(oauthAdapter, "grant: authorization_code", "grant: client_credentials\n    base: {from: '${body.instance_url}', pattern: '^https://[a-z0-9-]+\\.acme\\.example$'}", 1)
		_, err := ask(t, s.connect(t, file, nil, nil), "support.get_task", fields{"task": rules.Text("1")})
		require.ErrorContains(t, err, message, "%q", base)
		require.Zero(t, s.answers)
	}
}

func TestOAuthFilesThatAreRefused(t *testing.T) {
	t.Parallel()
	for message, change := range map[string][2]string{
		`acme.yaml:9:12: error: "password" is not one of the values possible here`:    {"grant: authorization_code", "grant: password"},
		`acme.yaml:11:16: error: "http://acme.example/token" is not an https address`: {"token_url: '{login}/token'", "token_url: 'http://acme.example/token'"},
		`acme.yaml:11:16: error: there is no setting "lgin"`:                          {"'{login}/token'", "'{lgin}/token'"},
		`the field "authorize_url" is missing (the page where a person logs in)`:      {"    authorize_url: '{login}/authorize'\n", ""},
		`the field "client_id" is missing`:                                            {"    client_id: '${secret.client_id}'\n", ""},
		`the field "jwt" is missing (what the assertion says)`:                        {"grant: authorization_code", "grant: jwt_bearer"},
		`"^http://.*$" is not a usable pattern of origins`:                            {"scopes: [read, write]", "base: {from: '${body.url}', pattern: '^http://.*$'}"},
		`unknown field clientid (did you mean "client_id"?)`:                          {"${secret.client_id}", "${secret.clientid}"},
	} {
		text := strings.Replace(oauthAdapter, change[0], change[1], 1)
		require.NotEqual(t, oauthAdapter, text)
		_, problems := adapters.Parse("acme.yaml", []byte(text+getTask), contracts.Catalog())
		require.ErrorContains(t, problems, message)
	}
}

// A token server cannot move our credentials: redirects are not followed, and a private address must be allowed.
func TestWhereCredentialsGo(t *testing.T) {
	t.Parallel()
	elsewhere := 0
	other := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { elsewhere++ }))
	t.Cleanup(other.Close)
	for _, status := range []int{301, 302, 303, 307, 308} {
		s := httptest.NewServer(http.RedirectHandler(other.URL, status))
		t.Cleanup(s.Close)
		file := strings.Replace(oauthAdapter, "grant: authorization_code", "grant: client_credentials", 1)
		_, err := ask(t, (&tokenServer{Server: s}).connect(t, file, nil, nil), "support.get_task", fields{"task": rules.Text("1")})
		require.Equal(t, contracts.Auth, failureOf(t, err).Class, err)
		require.NotContains(t, err.Error(), "s3cret")
	}
	require.Zero(t, elsewhere)
	adapter, problems := adapters.Parse("acme.yaml", []byte(strings.Replace(oauthAdapter, "grant: authorization_code", "grant: client_credentials", 1)+getTask), contracts.Catalog())
	require.Empty(t, problems.Error())
	connect := func(login string) (*adapters.Connection, error) {
		return adapter.Connect(adapters.Config{System: "support", Settings: rules.Record(fields{"login": rules.Text(login)}), Secrets: secrets(map[string]string{"client_id": "c", "client_secret": "s3cret-of-the-client"})})
	}
	_, err := connect(other.URL)
	require.ErrorContains(t, err, "is not encrypted")
	connection, err := connect(strings.Replace(other.URL, "http:", "https:", 1))
	require.NoError(t, err)
	_, err = ask(t, connection, "support.get_task", fields{"task": rules.Text("1")})
	require.ErrorContains(t, err, "a private one must be allowed")
}

// Where a workspace replaces the address of the product, its log-in goes with it; a log-in elsewhere stays where it is.
func TestTheLogInGoesWithTheAddress(t *testing.T) {
	t.Parallel()
	ours := strings.NewReplacer("grant: authorization_code", "grant: client_credentials", "    authorize_url: '{login}/authorize'\n", "", "token_url: '{login}/token'", "token_url: https://api.acme.example/token").Replace(oauthAdapter)
	require.Contains(t, ours, "base_url: https://api.acme.example")
	s := newTokenServer(t)
	for range 2 {
		_, err := ask(t, s.connect(t, ours, nil, nil), "support.get_task", fields{"task": rules.Text("1")})
		require.NoError(t, err)
	}
	require.NotEmpty(t, s.forms)
	given := len(s.forms)
	_, err := ask(t, s.connect(t, strings.Replace(ours, "https://api.acme.example/token", "https://login.acme.invalid/token", 1), nil, nil), "support.get_task", fields{"task": rules.Text("1")})
	require.ErrorContains(t, err, "cannot be resolved")
	require.Len(t, s.forms, given)
}

// A secret cannot stand in an address.
func TestNoSecretInAnAddress(t *testing.T) {
	t.Parallel()
	for _, request := range []string{"get: /tasks, query: {key: '${secret.client_id}'}", "get: '/tasks/${secret.client_id}'"} {
		text := strings.Replace(oauthAdapter+getTask, "get: '/tasks/${input.task}'", request, 1)
		_, problems := adapters.Parse("acme.yaml", []byte(text), contracts.Catalog())
		require.ErrorContains(t, problems, "secret")
	}
}

// A renewal whose answer does not say where requests go loses nothing: the next one shows the new refresh token.
func TestARenewalThatDoesNotSayWhereRequestsGo(t *testing.T) {
	t.Parallel()
	s := newTokenServer(t)
	s.base = "https://eu1.acme.example"
	grants := adapters.NewMemoryGrants()
	file := strings.Replace(oauthAdapter, "grant: authorization_code", "grant: authorization_code\n    base: {from: '${body.instance_url}', pattern: '^https://[a-z0-9-]+\\.acme\\.example$'}", 1)
	connection := s.connect(t, file, grants, nil)
	s.login(t, connection)
	kept, err := grants.Grant(t.Context(), "support/acme")
	require.NoError(t, err)
	without := kept.Grant
	without.Base = "" // as an earlier release kept it
	require.NoError(t, grants.Keep(t.Context(), "support/acme", kept.Version, without))
	s.expire(t, grants)
	s.base = ""
	_, err = ask(t, connection, "support.get_task", fields{"task": rules.Text("1")})
	require.ErrorContains(t, err, "an address that the adapter does not expect")
	kept, err = grants.Grant(t.Context(), "support/acme")
	require.NoError(t, err)
	require.Equal(t, s.refresh, kept.RefreshToken)
	s.base = "https://eu1.acme.example"
	_, err = ask(t, connection, "support.get_task", fields{"task": rules.Text("1")})
	require.ErrorContains(t, err, "name cannot be resolved")
	s.expire(t, grants)
	s.base = ""
	_, err = ask(t, s.connect(t, file, grants, nil), "support.get_task", fields{"task": rules.Text("1")})
	require.ErrorContains(t, err, "name cannot be resolved", "it goes where it went until now")
	require.Equal(t, 3, s.renewals)
}
