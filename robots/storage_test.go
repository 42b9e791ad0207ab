package robots

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"crosswalk/contracts"
	"crosswalk/rules"
)

// single is an application of one page, which keeps its login in the browser and sends no cookie.
type single struct {
	*httptest.Server
	mutex  sync.Mutex
	tokens map[string]bool
	logins int
	paths  map[string]int
	found  []string // what the form found in the browser, at each login
	more   string   // a script that runs after the login
}

// singlePage keeps the token in the storage that its place names, and shows it.
const singlePage = `<!doctype html><title>Stock</title><main></main><script>
const kept = %s;
const main = document.querySelector('main');
const asked = new URLSearchParams(location.search).get('shows');
function welcome(me) {
  main.innerHTML = '<a href="#out">Sign out</a><p>Stock of: ' + me + '</p>';
  if (asked) main.innerHTML += '<p>' + JSON.parse(kept.getItem('session')).token + '</p>';
}
function form() {
  main.innerHTML = '<label>Name <input name=name></label><label>Password <input type=password name=password></label><button>Sign in</button>';
  main.querySelector('button').onclick = async () => {
    const answer = await fetch('/login', {method: 'POST', body: JSON.stringify({password: main.querySelector('[type=password]').value, kept: localStorage.length + sessionStorage.length})});
    kept.setItem('session', JSON.stringify({token: (await answer.json()).token, language: 'en'}));
    %s
    start();
  };
}
async function start() {
  const session = JSON.parse(kept.getItem('session') || '{}');
  const answer = await fetch('/me', {headers: {Authorization: session.token || ''}});
  if (answer.ok) welcome(await answer.text()); else form();
}
start();
</script>`

func serveSingle(t *testing.T, storage, more string) *single {
	t.Helper()
	s := &single{tokens: map[string]bool{}, paths: map[string]int{}, more: more}
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.mutex.Lock()
		defer s.mutex.Unlock()
		s.paths[r.URL.Path]++
		switch r.URL.Path {
		case "/":
			_, _ = fmt.Fprintf(w, singlePage, storage, s.more)
		case "/me":
			if !s.tokens[r.Header.Get("Authorization")] {
				w.WriteHeader(http.StatusUnauthorized)
				return
			}
			_, _ = fmt.Fprint(w, "Ada")
		case "/login":
			var sent struct {
				Password string
				Kept     int
			}
			if json.NewDecoder(r.Body).Decode(&sent) != nil || sent.Password != "for-robots" {
				w.WriteHeader(http.StatusUnauthorized)
				return
			}
			s.logins++
			s.found = append(s.found, fmt.Sprint(sent.Kept))
			token := fmt.Sprintf("eyJhbGciOi.%d.wJalrXUtnFEMI-K7MDENG", s.logins)
			s.tokens[token] = true
			_ = json.NewEncoder(w).Encode(map[string]string{"token": token})
		default:
			w.WriteHeader(http.StatusNotFound)
		}
	}))
	t.Cleanup(s.Close)
	return s
}

// revoke makes all logins so far worthless.
func (s *single) revoke() {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	clear(s.tokens)
}

// seen is how often somebody logged in, what the form found in the browser each time, and whether a blank page was asked for.
func (s *single) seen(t *testing.T) (logins int, found []string) {
	t.Helper()
	s.mutex.Lock()
	defer s.mutex.Unlock()
	require.Zero(t, s.paths[blankPath], "the blank page was asked for")
	return s.logins, s.found
}

const singleSystem = plainSystem + `session:
  secrets: [password]
  start: /
  alive: {link: Sign out}
  login:
    - goto: /
    - fill: {into: {label: Name}, value: ada}
    - fill: {into: {label: Password}, value: '${secret.password}'}
    - click: {button: Sign in}
`

const singleFind = `
  - goto: /?shows=1
  - read: {from: {label: Stock of}, as: whose}
`

func singleCall(s *single) Call {
	return Call{Base: s.URL, Input: rules.Record(map[string]rules.Value{"number": rules.Text("1")}), Secrets: map[string]contracts.Secret{"password": contracts.NewSecret("for-robots")}, Pictures: true}
}

func TestLoginsOfApplicationsOfOnePage(t *testing.T) {
	t.Parallel()
	for _, storage := range []string{"localStorage", "sessionStorage"} {
		t.Run(storage, func(t *testing.T) {
			t.Parallel()
			s, stored := serveSingle(t, storage, ""), &storedLogins{kept: map[string][]byte{}}
			program := compileTest(t, singleSystem, singleFind, "{whose: '${whose}'}")
			run := func() {
				t.Helper()
				runner := NewRunner(pool, nil) // each is a process of its own
				runner.KeepLogins(stored)
				result, err := runner.Run(t.Context(), program, singleCall(s))
				require.NoError(t, err)
				require.Equal(t, "Ada", result.Output.Get("any").Get("whose").Text())
				for _, file := range result.Evidence {
					require.NotContains(t, string(file.Bytes), "wJalrXUtnFEMI", file.Name)
				}
			}
			run()
			run()
			logins, _ := s.seen(t)
			require.Equal(t, 1, logins, "the login was kept")
			s.revoke()
			run()
			run()
			logins, found := s.seen(t)
			require.Equal(t, 2, logins, "the dead one was thrown away, and the new one kept")
			require.Equal(t, []string{"0", "0"}, found, "what was kept is gone when somebody logs in anew")
			account, err := json.Marshal(stored.kept)
			require.NoError(t, err)
			require.NotContains(t, string(account), "eyJhbGciOi.1.", "a dead login is kept nowhere")
		})
	}
}

func TestALoginThatEndsOnTheWayIsForgottenWhole(t *testing.T) {
	t.Parallel()
	s := serveSingle(t, "localStorage", "")
	system := strings.Replace(singleSystem, "  login:", "  lost: {button: Sign in}\n  login:", 1)
	program := compileTest(t, system, "\n  - goto: /"+singleFind, "{whose: '${whose}'}")
	call, once := singleCall(s), sync.Once{}
	call.Watch = func(w Watched) {
		if strings.HasPrefix(w.Place, "test.yaml") {
			once.Do(s.revoke) // the next page is that of somebody who is not logged in
		}
	}
	runner := NewRunner(pool, nil)
	for range 2 {
		result, err := runner.Run(t.Context(), program, call)
		require.NoError(t, err)
		require.Equal(t, "Ada", result.Output.Get("any").Get("whose").Text())
	}
	logins, found := s.seen(t)
	require.Equal(t, 2, logins)
	require.Equal(t, []string{"0", "0"}, found)
}

// TestALoginThatCannotBePutBackIsForgotten holds that a run logs in where what was kept does not fit into the browser any more.
func TestALoginThatCannotBePutBackIsForgotten(t *testing.T) {
	t.Parallel()
	s, stored := serveSingle(t, "localStorage", ""), &storedLogins{kept: map[string][]byte{}}
	program := compileTest(t, singleSystem, singleFind, "{whose: '${whose}'}")
	run := func() {
		t.Helper()
		runner := NewRunner(pool, nil)
		runner.KeepLogins(stored)
		_, err := runner.Run(t.Context(), program, singleCall(s))
		require.NoError(t, err)
	}
	run()
	for account, login := range stored.kept {
		var kept storedLogin
		require.NoError(t, json.Unmarshal(login, &kept))
		kept.Storage[0].Local["more"] = strings.Repeat("x", 6<<20)
		login, err := json.Marshal(kept)
		require.NoError(t, err)
		stored.kept[account] = login
	}
	run()
	run()
	logins, _ := s.seen(t)
	require.Equal(t, 2, logins)
}

func TestWhatIsTooLargeIsNotKept(t *testing.T) {
	t.Parallel()
	s := serveSingle(t, "localStorage", `localStorage.setItem('cache', 'x'.repeat(300000));`)
	program := compileTest(t, singleSystem, singleFind, "{whose: '${whose}'}")
	runner := NewRunner(pool, nil)
	for range 2 {
		result, err := runner.Run(t.Context(), program, singleCall(s))
		require.NoError(t, err)
		for _, file := range result.Evidence {
			if file.Name == "steps.json" {
				require.Contains(t, string(file.Bytes), "too large to be kept between runs")
			}
		}
	}
	logins, _ := s.seen(t)
	require.Equal(t, 2, logins)
}

func TestTokensAreTold(t *testing.T) {
	t.Parallel()
	require.Equal(t, []string{"eyJhbGciOiJIUzI1NiJ9.e30.abcdefgh", "3f2504e0-4f89-11d3-9a0c", "2Fk3J9x8Qz1aBcDe", "s/k3J9x8Qz1aBcDe"}, tokensIn([]string{
		`{"token": "eyJhbGciOiJIUzI1NiJ9.e30.abcdefgh", "name": "Ada Brown", "seen": "2026-03-05"}`, "nothingbutlettersinonelongword",
		"3f2504e0-4f89-11d3-9a0c", "s%2Fk3J9x8Qz1aBcDe"}))
}

func TestStorageIsMergedByOrigin(t *testing.T) {
	t.Parallel()
	of := func(origin, value string) originStorage {
		return originStorage{Origin: origin, Local: map[string]string{"a": value}}
	}
	merged := mergedStorage([]originStorage{of("https://a.example", "1"), of("https://b.example", "1"), of("https://c.example", "1")},
		[]originStorage{of("https://c.example", "2"), {Origin: "https://a.example"}})
	require.Equal(t, []originStorage{of("https://b.example", "1"), of("https://c.example", "2")}, merged)
}

func TestOnlyTheLoginIsKept(t *testing.T) {
	t.Parallel()
	left := []originStorage{{Origin: "http://a", Local: map[string]string{"token": "1"}, Session: map[string]string{"language": "en"}}}
	now := []originStorage{
		{Origin: "http://a", Local: map[string]string{"token": "2", "filter": "open"}, Session: map[string]string{"draft": "Dear"}},
		{Origin: "http://b", Local: map[string]string{"seen": "1"}},
	}
	require.Equal(t, []originStorage{{Origin: "http://a", Local: map[string]string{"token": "2"}, Session: map[string]string{}}}, ofLogin(left, now))
}
