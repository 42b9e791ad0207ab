package desk

import (
	"bufio"
	"context"
	"html"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"crosswalk/store"
	"crosswalk/workspace"
)

// tryLogin posts the login form and gives the answer.
func (s *scene) tryLogin(email, password string, cookies ...*http.Cookie) *http.Response {
	s.t.Helper()
	request := httptest.NewRequest("POST", "/login", strings.NewReader(url.Values{"email": {email}, "password": {password}}.Encode()))
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	request.Header.Set("Sec-Fetch-Site", "same-origin")
	for _, cookie := range cookies {
		request.AddCookie(cookie)
	}
	recorder := httptest.NewRecorder()
	s.serve.ServeHTTP(recorder, request)
	return recorder.Result()
}

func TestLogin(t *testing.T) {
	t.Parallel()
	s := newScene(t, "")
	for _, wrong := range [][2]string{{agent, "wrong"}, {"nobody@nordwind.example", password}, {"", ""}, {agent, ""}, {"*)(uid=*", "x"}} {
		response := s.tryLogin(wrong[0], wrong[1])
		status, body := said(t, response)
		require.Equal(t, http.StatusUnauthorized, status)
		require.Contains(t, body, "The address or the password is wrong.")
		require.Empty(t, response.Cookies())
	}
	planted := &http.Cookie{Name: "crosswalk", Value: "token-that-somebody-planted"}
	response := s.tryLogin(" ADA@nordwind.example ", password, planted)
	require.Equal(t, http.StatusSeeOther, response.StatusCode)
	require.Equal(t, "/", response.Header.Get("Location"))
	require.Len(t, response.Cookies(), 1)
	cookie := response.Cookies()[0]
	require.NotEqual(t, planted.Value, cookie.Value)
	require.GreaterOrEqual(t, len(cookie.Value), 43)
	require.True(t, cookie.HttpOnly)
	require.Equal(t, http.SameSiteLaxMode, cookie.SameSite)
	require.Equal(t, "/", cookie.Path)

	in := &browser{s: s, cookie: cookie.Value, header: http.Header{"Sec-Fetch-Site": {"same-origin"}}}
	status, body := in.get("/")
	require.Equal(t, http.StatusOK, status)
	require.Contains(t, body, "Ada Agent")
	status, _ = (&browser{s: s, cookie: planted.Value, header: in.header}).get("/")
	require.Equal(t, http.StatusSeeOther, status, "the planted token opens nothing")

	again := s.tryLogin(agent, password, cookie)
	require.NotEqual(t, cookie.Value, again.Cookies()[0].Value)
	status, _ = in.get("/")
	require.Equal(t, http.StatusSeeOther, status, "logging in again leaves the old login")
}

func TestLoginOverTLS(t *testing.T) {
	t.Parallel()
	s := newScene(t, "")
	s.Secure = true
	response := s.tryLogin(agent, password)
	require.Equal(t, "__Host-crosswalk", response.Cookies()[0].Name)
	require.True(t, response.Cookies()[0].Secure)
	require.NotEmpty(t, response.Header.Get("Strict-Transport-Security"))
}

func TestLoginIsLimited(t *testing.T) {
	t.Parallel()
	s := newScene(t, "")
	for range attemptsUser {
		require.Equal(t, http.StatusUnauthorized, s.tryLogin(agent, "wrong").StatusCode)
	}
	require.Equal(t, http.StatusTooManyRequests, s.tryLogin(agent, password).StatusCode, "even with the right one")
	require.Equal(t, http.StatusSeeOther, s.tryLogin(boss, password).StatusCode, "others are not shut out")
}

func TestACredentialOfTheDeskGoesBeforeTheWorkspaces(t *testing.T) {
	t.Parallel()
	s := newScene(t, "")
	b := s.as(agent)
	require.NoError(t, s.Store.SetCredential(t.Context(), agent, HashPassword("new one")))
	status, _ := b.get("/")
	require.Equal(t, http.StatusSeeOther, status, "a new password ends the logins")
	require.Equal(t, http.StatusUnauthorized, s.tryLogin(agent, password).StatusCode)
	require.Equal(t, http.StatusSeeOther, s.tryLogin(agent, "new one").StatusCode)
}

func TestPasswordHashes(t *testing.T) {
	t.Parallel()
	hash := HashPassword("secret")
	require.True(t, checkPassword(hash, "secret"))
	require.False(t, checkPassword(hash, "Secret"))
	require.NotEqual(t, hash, HashPassword("secret"))
	for _, bad := range []string{"", "secret", "$argon2id$v=19$m=65536,t=3,p=1$$", "$argon2id$v=19$m=99999999,t=3,p=1$c2FsdHNhbHQ$c3Vtc3Vtc3Vtc3Vtc3Vt", "$argon2i" + strings.TrimPrefix(hash, "$argon2id"), strings.Replace(hash, "t=3", "t=0", 1)} {
		require.False(t, checkPassword(bad, "secret"), bad)
	}
}

func TestALoginEndsAtOnce(t *testing.T) {
	t.Parallel()
	cases := map[string]func(t *testing.T, s *scene, b *browser){
		"logged out": func(t *testing.T, _ *scene, b *browser) {
			status, _ := b.post("/logout")
			require.Equal(t, http.StatusSeeOther, status)
		},
		"removed from the workspace": func(_ *testing.T, s *scene, _ *browser) {
			s.mutex.Lock()
			defer s.mutex.Unlock()
			s.people = &workspace.People{Users: s.people.Users[1:], Queues: s.people.Queues}
		},
		"logins revoked": func(t *testing.T, s *scene, _ *browser) {
			require.NoError(t, s.Store.RevokeUser(t.Context(), agent))
		},
		"no people at all": func(_ *testing.T, s *scene, _ *browser) {
			s.mutex.Lock()
			defer s.mutex.Unlock()
			s.people = nil
		},
	}
	for name, end := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newScene(t, "").seed()
			server := httptest.NewServer(s.serve)
			t.Cleanup(server.Close)
			b := s.as(agent)
			request, err := http.NewRequestWithContext(t.Context(), "GET", server.URL+"/cases/"+s.caseID+"/live", nil)
			require.NoError(t, err)
			request.AddCookie(&http.Cookie{Name: "crosswalk", Value: b.cookie})
			open, err := http.DefaultClient.Do(request)
			require.NoError(t, err)
			defer open.Body.Close()
			require.Equal(t, "text/event-stream", open.Header.Get("Content-Type"))
			lines := bufio.NewScanner(open.Body)
			require.True(t, lines.Scan())
			end(t, s, b)
			for lines.Scan() { //nolint:revive // until the server ends it
			}
			require.NoError(t, lines.Err())
			status, _ := b.get("/")
			require.Equal(t, http.StatusSeeOther, status)
			status, _ = b.get("/api/tasks")
			require.Equal(t, http.StatusUnauthorized, status)
		})
	}
}

func TestARoleHoldsFromTheMomentThatItIsGiven(t *testing.T) {
	t.Parallel()
	s := newScene(t, "").seed()
	b := s.as(agent)
	status, _ := b.post("/systems/crm/pause", "reason", "maintenance")
	require.Equal(t, http.StatusForbidden, status)
	give := func(roles ...string) {
		s.mutex.Lock()
		defer s.mutex.Unlock()
		users := append([]workspace.User{}, s.people.Users...)
		users[0].Roles = roles
		s.people = &workspace.People{Users: users, Queues: s.people.Queues}
	}
	give("support-lead")
	status, _ = b.post("/systems/crm/pause", "reason", "maintenance")
	require.Equal(t, http.StatusSeeOther, status)
	give("other")
	status, _ = b.get("/tasks/t-choose")
	require.Equal(t, http.StatusForbidden, status)
	_, inbox := b.get("/")
	require.NotContains(t, inbox, "t-choose")
}

func TestAnOpenPageDoesNotKeepALoginAlive(t *testing.T) {
	t.Parallel()
	s := newScene(t, "").seed()
	b := s.as(agent)
	request := httptest.NewRequest("GET", "/", nil)
	who := s.personNamed(agent, tokenHash(b.cookie))
	require.True(t, s.stillIn(request, who))
	s.now = func() time.Time { return time.Now().Add(loginIdle + time.Second) }
	require.False(t, s.stillIn(request, who))
}

func TestLiveTellsOfChanges(t *testing.T) {
	t.Parallel()
	s := newScene(t, "").seed()
	server := httptest.NewServer(s.serve)
	t.Cleanup(server.Close)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, "GET", server.URL+"/cases/"+s.caseID+"/live", nil)
	require.NoError(t, err)
	request.AddCookie(&http.Cookie{Name: "crosswalk", Value: s.as(agent).cookie})
	open, err := http.DefaultClient.Do(request)
	require.NoError(t, err)
	defer open.Body.Close()
	lines := bufio.NewScanner(open.Body)
	next := func(want string) {
		t.Helper()
		for lines.Scan() {
			if strings.HasPrefix(lines.Text(), want) {
				return
			}
		}
		require.Fail(t, "the stream ended before "+want)
	}
	next(": listening")
	_, err = s.Store.ClaimTask(t.Context(), "t-choose", 1, store.Actor{User: boss, All: true})
	require.NoError(t, err)
	next("event: changed")
	require.NoError(t, s.Store.WriteRecord(t.Context(), store.Record{CaseID: s.caseID, Steps: []store.StepResult{{Path: "more", Generation: 1, Kind: "call", Title: "More", System: "crm", FinishedAt: time.Now()}}}))
	next("event: changed")
}

// What comes between the making of a page and its first look is told, and so is what came while the browser was not connected.
func TestLiveTellsOfWhatCameBefore(t *testing.T) {
	t.Parallel()
	s := newScene(t, "").seed()
	server := httptest.NewServer(s.serve)
	t.Cleanup(server.Close)
	_, page := said(t, s.as(agent).do("GET", "/cases/"+s.caseID, ""))
	live := regexp.MustCompile(`data-live="([^"]+)"`).FindStringSubmatch(page)
	require.Len(t, live, 2, page)
	told := func(last string) (id string) {
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		request, err := http.NewRequestWithContext(ctx, "GET", server.URL+html.UnescapeString(live[1]), nil)
		require.NoError(t, err)
		request.Header.Set("Last-Event-ID", last)
		request.AddCookie(&http.Cookie{Name: "crosswalk", Value: s.as(agent).cookie})
		open, err := http.DefaultClient.Do(request)
		require.NoError(t, err)
		defer open.Body.Close()
		for lines := bufio.NewScanner(open.Body); lines.Scan(); {
			if id, is := strings.CutPrefix(lines.Text(), "id: "); is {
				return id
			}
		}
		require.Fail(t, "the stream ended before it told anything")
		return ""
	}
	record := func(path string) {
		require.NoError(t, s.Store.WriteRecord(t.Context(), store.Record{CaseID: s.caseID, Steps: []store.StepResult{{Path: path, Generation: 1, Kind: "call", Title: "More", System: "crm", FinishedAt: time.Now()}}}))
	}
	record("more")
	first := told("")
	record("even more")
	require.NotEqual(t, first, told(first))
}

func TestAnOpenPageDoesNotHoldUpTheEndOfTheProgram(t *testing.T) {
	t.Parallel()
	s := newScene(t, "").seed()
	close(s.stopping)
	response := s.as(agent).do("GET", "/cases/"+s.caseID+"/live", "")
	_, body := said(t, response)
	require.Contains(t, body, ": listening")
}

func TestOtherSites(t *testing.T) {
	t.Parallel()
	s := newScene(t, "").seed()
	form := url.Values{"version": {"1"}}.Encode()
	cases := []struct {
		name, path, body string
		header           http.Header
		status           int
	}{
		{"our own page", "/tasks/t-complete/claim", form, http.Header{"Sec-Fetch-Site": {"same-origin"}}, 303},
		{"an older browser, our own page", "/tasks/t-complete/claim", form, http.Header{"Origin": {"http://example.com"}}, 303},
		{"another site", "/tasks/t-complete/claim", form, http.Header{"Sec-Fetch-Site": {"cross-site"}}, 403},
		{"another host of the same site", "/tasks/t-complete/claim", form, http.Header{"Sec-Fetch-Site": {"same-site"}}, 403},
		{"an older browser, another site", "/tasks/t-complete/claim", form, http.Header{"Origin": {"http://evil.example"}}, 403},
		{"a frame without an origin", "/tasks/t-complete/claim", form, http.Header{"Origin": {"null"}}, 403},
		{"nothing said", "/tasks/t-complete/claim", form, http.Header{}, 403},
		{"a login from another site", "/login", url.Values{"email": {agent}, "password": {password}}.Encode(), http.Header{"Sec-Fetch-Site": {"cross-site"}}, 403},
		{"JSON as text, as a foreign form sends it", "/api/tasks/t-choose/claim", `{"version":1}`, http.Header{"Content-Type": {"text/plain"}, "Sec-Fetch-Site": {"same-origin"}}, 403},
		{"JSON as JSON", "/api/tasks/t-choose/claim", `{"version":1}`, http.Header{"Sec-Fetch-Site": {"same-origin"}}, 200},
	}
	for _, c := range cases {
		b := s.as(agent)
		b.header = c.header
		response := b.do("POST", c.path, c.body)
		require.Equal(t, c.status, response.StatusCode, c.name)
		checkHeaders(t, c.name, response.Header)
		require.Empty(t, response.Header.Get("Access-Control-Allow-Origin"), c.name)
	}
	require.Equal(t, http.StatusBadRequest, s.as(agent).do("POST", "/tasks/t-complete/claim", "version=%zz").StatusCode)
	for _, path := range []string{"/tasks/t-complete/claim?version=1", "/tasks/t-complete/answer?act=retry", "/logout", "/systems/crm/pause"} {
		require.Equal(t, http.StatusMethodNotAllowed, s.as(boss).do("GET", path, "").StatusCode, path+": nothing changes by looking")
	}
}

func TestTheProgramsToken(t *testing.T) {
	t.Parallel()
	s := newScene(t, "").seed()
	for token, want := range map[string]int{"token-of-the-program": 200, "token-of-the-progran": 401, "": 401, "token": 401} {
		request := httptest.NewRequest("GET", "/api/tasks", nil)
		request.Header.Set("Authorization", "Bearer "+token)
		recorder := httptest.NewRecorder()
		s.serve.ServeHTTP(recorder, request)
		require.Equal(t, want, recorder.Code, token)
	}
	s.Token = ""
	request := httptest.NewRequest("GET", "/api/tasks", nil)
	request.Header.Set("Authorization", "Bearer ")
	recorder := httptest.NewRecorder()
	s.serve.ServeHTTP(recorder, request)
	require.Equal(t, 401, recorder.Code, "no token is no password")
}

func TestNoOpenRedirect(t *testing.T) {
	t.Parallel()
	for _, back := range []string{"https://evil.example", "//evil.example", "/cases/../login", "/cases/x?y", "/\\evil", "javascript:alert(1)", "/cases/", "/tasks//evil.example"} {
		request := httptest.NewRequest("POST", "/", strings.NewReader(url.Values{"back": {back}}.Encode()))
		request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		require.Equal(t, "/links", backTo(request, "/links"), back)
	}
}
