package adapters_test

import (
	"context"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"crosswalk/adapters"
	"crosswalk/contracts"
	"crosswalk/rules"
)

// A connection to another place, such as a test account, neither shows a log-in there nor ends or replaces it.
func TestALogInStaysWhereItWasMade(t *testing.T) {
	t.Parallel()
	real, mock := newTokenServer(t), newTokenServer(t)
	grants := adapters.NewMemoryGrants()
	ours := real.connect(t, oauthAdapter, grants, nil)
	real.login(t, ours)
	real.expire(t, grants)
	kept, err := grants.Grant(t.Context(), "support/acme")
	require.NoError(t, err)
	require.Equal(t, []string{real.URL, real.URL}, []string{kept.From, kept.For})

	task := fields{"task": rules.Text("1")}
	adapter, problems := adapters.Parse("acme.yaml", []byte(oauthAdapter+getTask), contracts.Catalog())
	require.Empty(t, problems.Error())
	for _, place := range []struct{ login, base *tokenServer }{{mock, mock}, {real, mock}, {mock, real}} {
		login, base := place.login, place.base
		connection, err := adapter.Connect(adapters.Config{System: "support", BaseURL: base.URL, AllowHosts: []string{strings.TrimPrefix(base.URL, "http://"), strings.TrimPrefix(login.URL, "http://")},
			Settings: rules.Record(fields{"login": rules.Text(login.URL)}), Secrets: secrets(map[string]string{"client_id": "client-1", "client_secret": "s3cret-of-the-client"}), Grants: grants})
		require.NoError(t, err)
		_, err = ask(t, connection, "support.get_task", task)
		failure := failureOf(t, err)
		require.Equal(t, contracts.Auth, failure.Class)
		require.True(t, failure.NothingSent)
		require.ErrorContains(t, err, real.URL)
		require.ErrorContains(t, err, mock.URL+" gets nothing of it; log in with: crosswalk systems login support (that replaces it; --data DIR keeps the new one apart)")
		connection.Close()
	}
	require.Empty(t, mock.forms)
	require.Zero(t, mock.answers)
	require.Zero(t, real.renewals)
	after, err := grants.Grant(t.Context(), "support/acme")
	require.NoError(t, err)
	require.Equal(t, kept, after)
	_, err = ask(t, ours, "support.get_task", task)
	require.NoError(t, err)
	require.Equal(t, 1, real.renewals)
}

// What an earlier release kept belongs to the addresses in the adapter's file.
func TestALogInOfAnEarlierRelease(t *testing.T) {
	t.Parallel()
	mock := newTokenServer(t)
	grants := adapters.NewMemoryGrants()
	past := time.Now().Add(-time.Hour)
	old := adapters.Grant{AccessToken: "old", RefreshToken: "of the real system", Obtained: past, Expires: past.Add(time.Minute)}
	require.NoError(t, grants.Keep(t.Context(), "support/acme", 0, old))
	file := strings.NewReplacer("'{login}/token'", "https://api.acme.example/token", "'{login}/authorize'", "https://api.acme.example/authorize").Replace(oauthAdapter)
	_, err := ask(t, mock.connect(t, file, grants, nil), "support.get_task", fields{"task": rules.Text("1")})
	require.Equal(t, contracts.Auth, failureOf(t, err).Class)
	require.ErrorContains(t, err, "is one at https://api.acme.example, and "+mock.URL)
	require.Empty(t, mock.forms)
	kept, err := grants.Grant(t.Context(), "support/acme")
	require.NoError(t, err)
	require.Equal(t, old, kept.Grant)
	require.Empty(t, kept.Problem)

	adapter, problems := adapters.Parse("acme.yaml", []byte(file+getTask), contracts.Catalog())
	require.Empty(t, problems.Error())
	connection, err := adapter.Connect(adapters.Config{System: "support", Settings: rules.Record(fields{"login": rules.Text(mock.URL)}), Grants: grants,
		AllowHosts: []string{strings.TrimPrefix(mock.URL, "http://")}, Secrets: secrets(map[string]string{"client_id": "client-1", "client_secret": "s3cret-of-the-client"})})
	require.NoError(t, err)
	t.Cleanup(connection.Close)
	_, err = ask(t, connection, "support.get_task", fields{"task": rules.Text("1")})
	require.ErrorContains(t, err, "name cannot be resolved", "where it belongs it is used")
}

// Who needs no person to log in gets himself a token at the new place, and the one of the old place stays out of it.
func TestATokenOfAnotherPlaceIsNotUsed(t *testing.T) {
	t.Parallel()
	s := newTokenServer(t)
	grants := adapters.NewMemoryGrants()
	elsewhere := adapters.Grant{AccessToken: "of another", RefreshToken: "refresh of another", Obtained: time.Now(), From: "https://login.acme.example", For: "https://api.acme.example", Base: "https://eu1.acme.example"}
	require.NoError(t, grants.Keep(t.Context(), "support/acme", 0, elsewhere))
	file := strings.Replace(oauthAdapter, "grant: authorization_code", "grant: client_credentials", 1)
	_, err := ask(t, s.connect(t, file, grants, nil), "support.get_task", fields{"task": rules.Text("1")})
	require.NoError(t, err)
	require.Len(t, s.forms, 1)
	kept, err := grants.Grant(t.Context(), "support/acme")
	require.NoError(t, err)
	require.Equal(t, s.URL, kept.From)
	require.Equal(t, s.refresh, kept.RefreshToken)
}

// An address is at the product's own origin however the file writes it.
func TestALogInAtTheSameHostMoves(t *testing.T) {
	t.Parallel()
	for base, token := range map[string]string{
		"https://api.acme.example":      "https://api.acme.example:443/token",
		"https://API.acme.example/v2":   "https://api.Acme.example/token",
		"https://api.acme.example:443/": "HTTPS://api.acme.example/token",
	} {
		s := newTokenServer(t)
		file := strings.NewReplacer("grant: authorization_code", "grant: client_credentials", "https://api.acme.example", base, "'{login}/token'", token).Replace(oauthAdapter)
		_, err := ask(t, s.connect(t, file, nil, nil), "support.get_task", fields{"task": rules.Text("1")})
		require.NoError(t, err, "%s %s", base, token)
		require.Len(t, s.forms, 1)
	}
}

// A command that is stopped while a token is renewed ends when the token is kept.
func TestCloseWaitsForARenewal(t *testing.T) {
	t.Parallel()
	s := newTokenServer(t)
	grants := adapters.NewMemoryGrants()
	connection := s.connect(t, oauthAdapter, grants, nil)
	s.login(t, connection)
	s.expire(t, grants)
	arrived, answer := make(chan struct{}), make(chan struct{})
	s.fail = func(http.ResponseWriter) bool {
		close(arrived)
		<-answer
		return false
	}
	ctx, stop := context.WithCancel(t.Context())
	failed := make(chan error, 1)
	go func() {
		_, err := connection.Call(ctx, adapters.Call{Operation: "support.get_task", Input: rules.Record(fields{"task": rules.Text("1")})})
		failed <- err
	}()
	<-arrived
	stop()
	require.Error(t, <-failed)
	closed := make(chan struct{})
	go func() {
		connection.Close()
		close(closed)
	}()
	select {
	case <-closed:
		t.Error("closed before the token came")
	default:
	}
	close(answer)
	<-closed
	kept, err := grants.Grant(t.Context(), "support/acme")
	require.NoError(t, err)
	require.Equal(t, s.refresh, kept.RefreshToken)
	connection.Close() // again: nothing is waited for
}

// Who only waits for another process's renewal has nothing to lose, and does not hold up the one who closes.
func TestCloseEndsAWait(t *testing.T) {
	t.Parallel()
	s := newTokenServer(t)
	grants := adapters.NewMemoryGrants()
	connection := s.connect(t, oauthAdapter, grants, nil)
	s.login(t, connection)
	s.expire(t, grants)
	lock, err := grants.Lock(t.Context(), "support/acme")
	require.NoError(t, err)
	defer lock.Release()
	failed := make(chan error, 1)
	go func() {
		_, err := connection.Call(t.Context(), adapters.Call{Operation: "support.get_task", Input: rules.Record(fields{"task": rules.Text("1")})})
		failed <- err
	}()
	connection.Close()
	require.ErrorContains(t, <-failed, "another process is renewing the log-in to support")
	require.Zero(t, s.renewals)
}
