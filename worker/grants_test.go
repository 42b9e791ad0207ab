package worker

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"crosswalk/adapters"
	"crosswalk/contracts"
	"crosswalk/e2e/postgres"
	"crosswalk/rules"
	"crosswalk/store"
)

func TestGrantsAreKeptEncrypted(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s, err := store.Open(t.Context(), dir)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.Close()) })
	g := NewGrants(s, dir)
	_, err = g.Grant(t.Context(), "crm/acme")
	require.ErrorIs(t, err, adapters.ErrNoGrant)
	grant := adapters.Grant{AccessToken: "access-of-one", RefreshToken: "refresh-of-one", Expires: time.Now().UTC().Truncate(time.Second)}
	require.NoError(t, g.Keep(t.Context(), "crm/acme", 0, grant))
	require.ErrorIs(t, g.Keep(t.Context(), "crm/acme", 0, grant), adapters.ErrGrantChanged)
	kept, err := g.Grant(t.Context(), "crm/acme")
	require.NoError(t, err)
	require.Equal(t, grant, kept.Grant)
	require.NoError(t, g.Begin(t.Context(), "crm/acme", 1))
	next := grant
	next.RefreshToken = "refresh-of-two"
	require.NoError(t, g.Keep(t.Context(), "crm/acme", 2, next))
	sealed, err := s.Grant(t.Context(), "crm/acme")
	require.NoError(t, err)
	require.NotEmpty(t, sealed.Previous)
	require.True(t, sealed.Begun.IsZero())
	for _, one := range [][]byte{sealed.Sealed, sealed.Previous} {
		require.NotContains(t, string(one), "refresh")
	}
	require.NoError(t, g.Keep(t.Context(), "crm/other", 0, grant))
	other, err := s.Grant(t.Context(), "crm/other")
	require.NoError(t, err)
	require.NoError(t, s.ChangeGrant(t.Context(), "crm/other", other.Version, func(g *store.SealedGrant) { g.Sealed = sealed.Sealed }))
	_, err = g.Grant(t.Context(), "crm/other")
	require.ErrorContains(t, err, "with another key", "what is one connection's is not taken for another's")

	lock, err := g.Lock(t.Context(), "crm/acme")
	require.NoError(t, err)
	require.NoError(t, lock.Held(t.Context()))
	held, err := g.Lock(t.Context(), "crm/acme")
	require.NoError(t, err)
	require.Nil(t, held)
	lock.Release()
	require.Error(t, lock.Held(t.Context()))
	lock, err = g.Lock(t.Context(), "crm/acme")
	require.NoError(t, err)
	require.NotNil(t, lock)
	lock.Release()

	info, err := os.Stat(dir + "/" + grantsKeyFile)
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o600), info.Mode().Perm())
	_, err = NewGrants(s, "").Grant(t.Context(), "crm/acme")
	require.ErrorContains(t, err, "there is no key to encrypt log-ins with")
	require.NoError(t, os.WriteFile(dir+"/"+grantsKeyFile, []byte("short"), 0o600))
	_, err = g.Grant(t.Context(), "crm/acme")
	require.ErrorContains(t, err, "is shorter than")
}

// renewalAdapter is an adapter whose tokens are renewed.
const renewalAdapter = `adapter: acme
contract: support
connection:
  base_url: https://api.acme.example
  settings: {login: {required: true, format: origin}}
auth: {oauth2: {grant: authorization_code, authorize_url: '{login}/authorize', token_url: '{login}/token', client_id: us}}
operations:
  get_task: {request: {get: '/tasks/${input.task}'}, output: {id: '${answer.body.id}', number: '1', status: open}}
`

// askServer asks with as many goroutines as told, in this process, and returns the first error.
func askServer(t *testing.T, database, server string, goroutines int) error {
	t.Helper()
	s, err := store.OpenPostgres(t.Context(), database)
	require.NoError(t, err)
	defer s.Close()
	adapter, problems := adapters.Parse("acme.yaml", []byte(renewalAdapter), contracts.Catalog())
	require.Empty(t, problems.Error())
	connection, err := adapter.Connect(adapters.Config{System: "support", BaseURL: server, AllowHosts: []string{strings.TrimPrefix(server, "http://")},
		Settings: rules.Record(map[string]rules.Value{"login": rules.Text(server)}), Grants: NewGrants(s, "")})
	require.NoError(t, err)
	defer connection.Close()
	failures := make(chan error, goroutines)
	for range goroutines {
		go func() {
			_, err := connection.Call(t.Context(), adapters.Call{Operation: "support.get_task", Input: rules.Record(map[string]rules.Value{"task": rules.Text("1")})})
			failures <- err
		}()
	}
	for range goroutines {
		if failed := <-failures; failed != nil {
			err = failed
		}
	}
	return err
}

// TestRenewalHelper is the other process of TestOneRenewalOfTwoProcesses and does nothing else.
func TestRenewalHelper(t *testing.T) {
	if server := os.Getenv("RENEWAL_SERVER"); server != "" {
		fmt.Println("asked:", askServer(t, os.Getenv("RENEWAL_DATABASE"), server, 10))
	}
}

// rotating gives tokens; a refresh token that is shown twice ends everything.
type rotating struct {
	mu       sync.Mutex
	refresh  string
	renewals int
	answers  int
	hang     chan struct{} // closed when a renewal was carried out whose answer is held back
	cut      bool          // the first renewal is carried out and its connection broken before the answer
	grace    bool          // the last token is taken once more
	last     string
}

func (s *rotating) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if r.URL.Path != "/token" {
		s.answers++
		_, _ = w.Write([]byte(`{"id":"1"}`))
		return
	}
	_ = r.ParseForm()
	s.renewals++
	shown := r.PostForm.Get("refresh_token")
	if shown != s.refresh && !(s.grace && shown == s.last) {
		s.refresh = "gone"
		w.WriteHeader(http.StatusBadRequest)
		_, _ = w.Write([]byte(`{"error":"invalid_grant"}`))
		return
	}
	s.last, s.refresh = shown, fmt.Sprintf("refresh-%d", s.renewals)
	if s.cut {
		s.cut = false
		panic(http.ErrAbortHandler)
	}
	if s.hang != nil {
		close(s.hang)
		s.hang = nil
		s.mu.Unlock()
		<-r.Context().Done() // the one who asked is killed before it gets the answer
		s.mu.Lock()
		return
	}
	_ = json.NewEncoder(w).Encode(map[string]any{"access_token": fmt.Sprintf("access-%d", s.renewals), "refresh_token": s.refresh, "expires_in": 3600})
}

// now is how often a token was shown.
func (s *rotating) now() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.renewals
}

// given is the token that a person gets who logs in.
func (s *rotating) given(refresh string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.refresh = refresh
}

const keyOfTests = "a long random text for the grants of tests"

// outdated keeps a grant that has run out, in place of what is kept, as a person does who logs in.
func outdated(t *testing.T, database, server, refresh string) {
	t.Helper()
	s, err := store.OpenPostgres(t.Context(), database)
	require.NoError(t, err)
	defer s.Close()
	past := time.Now().Add(-time.Hour)
	kept, err := NewGrants(s, "").Grant(t.Context(), "support/acme")
	if !errors.Is(err, adapters.ErrNoGrant) {
		require.NoError(t, err)
	}
	require.NoError(t, NewGrants(s, "").Keep(t.Context(), "support/acme", kept.Version, adapters.Grant{AccessToken: "old", RefreshToken: refresh, Obtained: past, Expires: past.Add(time.Minute), From: server, For: server}))
}

func helper(t *testing.T, database, server string) *exec.Cmd {
	t.Helper()
	program := exec.Command(os.Args[0], "-test.run", "^TestRenewalHelper$", "-test.v")
	program.Env = append(os.Environ(), "RENEWAL_SERVER="+server, "RENEWAL_DATABASE="+database)
	return program
}

// Two processes with ten goroutines each find a token that has run out: it is renewed once. One that is killed between
// the system's answer and our store is told honestly, or goes on where the system takes the old token once more.
func TestOneRenewalOfTwoProcesses(t *testing.T) {
	t.Setenv(GrantsKeyVariable, keyOfTests)
	server, err := postgres.Start(t.Context())
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, server.Stop()) })

	database, err := server.Create(t.Context(), "together")
	require.NoError(t, err)
	tokens := &rotating{refresh: "first"}
	systems := httptest.NewServer(tokens)
	t.Cleanup(systems.Close)
	outdated(t, database, systems.URL, "first")
	other := helper(t, database, systems.URL)
	var said bytes.Buffer
	other.Stdout, other.Stderr = &said, &said
	require.NoError(t, other.Start())
	require.NoError(t, askServer(t, database, systems.URL, 10))
	require.NoError(t, other.Wait(), said.String())
	require.Contains(t, said.String(), "asked: <nil>")
	require.Equal(t, 1, tokens.renewals)
	require.Equal(t, 20, tokens.answers)

	var waiting sync.WaitGroup // for the rights of those who are killed: both at once
	defer waiting.Wait()
	for _, grace := range []bool{true, false} {
		database, err := server.Create(t.Context(), fmt.Sprintf("killed_%t", grace))
		require.NoError(t, err)
		hang := make(chan struct{})
		tokens := &rotating{refresh: "first", grace: grace, hang: hang}
		systems := httptest.NewServer(tokens)
		outdated(t, database, systems.URL, "first")
		doomed := helper(t, database, systems.URL)
		require.NoError(t, doomed.Start())
		<-hang
		require.NoError(t, doomed.Process.Kill())
		require.Error(t, doomed.Wait())
		waiting.Go(func() {
			defer systems.Close()
			err := askServer(t, database, systems.URL, 1) // in one call: nobody waits longer for the dead than a renewal may take
			if grace {
				assert.NoError(t, err)
				return
			}
			assert.ErrorContains(t, err, "the answer was lost when a new one was asked for")
			assert.ErrorContains(t, err, "log in with: crosswalk systems login support")
		})
	}
}

// TestTheAnswerToARenewalIsLost: the connection breaks after the system has given a new token, while two processes want it.
// Where the system takes the old one once more all goes on by itself; where it does not, both say what to do, the token is not
// shown a third time, and after a log-in both go on.
func TestTheAnswerToARenewalIsLost(t *testing.T) {
	t.Setenv(GrantsKeyVariable, keyOfTests)
	server, err := postgres.Start(t.Context())
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, server.Stop()) })
	for _, grace := range []bool{true, false} {
		database, err := server.Create(t.Context(), fmt.Sprintf("lost_%t", grace))
		require.NoError(t, err)
		tokens := &rotating{refresh: "first", grace: grace, cut: true}
		systems := httptest.NewServer(tokens)
		t.Cleanup(systems.Close)
		outdated(t, database, systems.URL, "first")
		both := func() (ours error, theirs string) {
			other := helper(t, database, systems.URL)
			var said bytes.Buffer
			other.Stdout, other.Stderr = &said, &said
			require.NoError(t, other.Start())
			ours = askServer(t, database, systems.URL, 10)
			require.NoError(t, other.Wait(), said.String())
			return ours, said.String()
		}
		_, _ = both() // who asked was not answered; the others asked again
		ours, theirs := both()
		require.Equal(t, 2, tokens.now())
		if grace {
			require.NoError(t, ours)
			require.Contains(t, theirs, "asked: <nil>")
			continue
		}
		for _, failure := range []string{ours.Error(), theirs} {
			require.Contains(t, failure, "the answer was lost when a new one was asked for")
			require.Contains(t, failure, "log in with: crosswalk systems login support")
		}
		tokens.given("of a person")
		outdated(t, database, systems.URL, "of a person")
		ours, theirs = both()
		require.NoError(t, ours)
		require.Contains(t, theirs, "asked: <nil>")
		require.Equal(t, 3, tokens.now())
	}
}

// TestOneWhoWasHeldUpSendsNoRenewal: the right of a process that gave no word for long goes over to another, and the first
// one, when it goes on, knows it before it shows the refresh token. The others' clocks have no say in it.
func TestOneWhoWasHeldUpSendsNoRenewal(t *testing.T) {
	t.Setenv(GrantsKeyVariable, keyOfTests)
	dir := t.TempDir()
	ours, err := store.Open(t.Context(), dir)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, ours.Close()) })
	ahead, err := store.Open(t.Context(), dir, store.WithClock(func() time.Time { return time.Now().Add(lockTime + time.Hour) }))
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, ahead.Close()) })
	lock, err := NewGrants(ours, dir).Lock(t.Context(), "crm/acme")
	require.NoError(t, err)
	held := lock.(*grantLock)
	held.stop() // no word from now on but what the test says
	<-held.done

	now := time.Now()
	others := NewGrants(ahead, dir).(*grants)
	others.now = func() time.Time { return now }
	look := func(ctx context.Context, after time.Duration) (adapters.GrantLock, error) {
		now = now.Add(after)
		return others.Lock(ctx, "crm/acme")
	}
	waits := func(after time.Duration) {
		t.Helper()
		taken, err := look(t.Context(), after)
		require.NoError(t, err)
		require.Nil(t, taken)
	}
	waits(0) // a clock that is ahead is no reason
	waits(lockGap)
	waits(lockGap - time.Second)
	require.NoError(t, held.Held(t.Context()), "nobody has taken it") // and it is a word
	waits(time.Second)
	waits(lockGap)
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = look(gone, time.Second)
	require.Error(t, err, "the store cannot be reached")
	waits(lockGap - time.Second) // nobody could have given word meanwhile
	waits(lockGap)
	waits(lockGap + time.Second) // nor when nobody looked
	waits(lockGap)
	waits(lockGap)
	taken, err := look(t.Context(), 0)
	require.NoError(t, err)
	require.NotNil(t, taken)
	require.ErrorIs(t, held.Held(t.Context()), store.ErrLeaseHeld)
	held.Release()
	require.NoError(t, taken.Held(t.Context()), "what is another's is not given back")
	taken.Release()
	require.ErrorIs(t, taken.Held(t.Context()), store.ErrLeaseHeld, "what was given back is not prolonged")
	next, err := NewGrants(ours, dir).Lock(t.Context(), "crm/acme")
	require.NoError(t, err)
	require.NotNil(t, next, "what was given back is free at once")
	next.Release()
}
