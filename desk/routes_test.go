package desk

import (
	"context"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/net/html"

	"crosswalk/store"
)

// policy is who may do what. A route that is not here, or another right than here, fails the test: the desk's own
// table must be changed on purpose.
var policy = []struct {
	method, path string
	right        right
	try          string // the path with ids in it
}{
	{"GET", "/{$}", user, "/"},
	{"GET", "/login", public, "/login"},
	{"POST", "/login", public, "/login"},
	{"POST", "/logout", user, "/logout"},
	{"GET", "/ui/{file}", public, "/ui/desk.css"},
	{"GET", "/tasks/{id}", user, "/tasks/t-complete"},
	{"POST", "/tasks/{id}/answer", user, "/tasks/t-complete/answer"},
	{"POST", "/tasks/{id}/{act}", user, "/tasks/t-complete/claim"},
	{"GET", "/cases", user, "/cases"},
	{"GET", "/cases/{id}", user, "/cases/CASE"},
	{"GET", "/cases/{id}/live", user, "/cases/CASE/live"},
	{"GET", "/cases/{id}/way", user, "/cases/CASE/way"},
	{"GET", "/cases/{id}/why", user, "/cases/CASE/why?step=remedy"},
	{"POST", "/cases/{id}/repair/{act}", repairer, "/cases/CASE/repair/retry"},
	{"GET", "/repair", repairer, "/repair"},
	{"POST", "/repair", repairer, "/repair"},
	{"GET", "/cases/{id}/files/{blob}", user, "/cases/CASE/files/BLOB"},
	{"GET", "/phone", user, "/phone"},
	{"POST", "/phone", user, "/phone"},
	{"GET", "/links", user, "/links"},
	{"POST", "/links/{id}/{act}", user, "/links/LINK/correct"},
	{"GET", "/systems", user, "/systems"},
	{"POST", "/systems/{name}/{act}", lead, "/systems/crm/pause"},
	{"GET", "/schedules", user, "/schedules"},
	{"POST", "/schedules/{name}/{act}", lead, "/schedules/weekly/pause"},
	{"GET", "/robots", user, "/robots"},
	{"GET", "/inforce", user, "/inforce"},
	{"GET", "/inforce/{version}", user, "/inforce/1"},
	{"GET", "/usecases/{name}", user, "/usecases/callback"},
	{"GET", "/rules", analyst, "/rules"},
	{"GET", "/rules/{table}", analyst, "/rules/urgency"},
	{"GET", "/help", user, "/help"},
	{"GET", "/api/rules/{table}", analyst, "/api/rules/urgency"},
	{"POST", "/api/rules/{table}/check", analyst, "/api/rules/urgency/check"},
	{"POST", "/api/rules/{table}/try", analyst, "/api/rules/urgency/try"},
	{"POST", "/api/rules/{table}/backtest", analyst, "/api/rules/urgency/backtest"},
	{"POST", "/api/rules/{table}/tests", analyst, "/api/rules/urgency/tests"},
	{"POST", "/api/rules/{table}/draft", analyst, "/api/rules/urgency/draft"},
	{"POST", "/api/rules/{table}/save", analyst, "/api/rules/urgency/save"},
	{"POST", "/api/rules/{table}/discard", analyst, "/api/rules/urgency/discard"},
	{"POST", "/api/rules/{table}/upload", analyst, "/api/rules/urgency/upload"},
	{"POST", "/api/rules/{table}/download/{format}", analyst, "/api/rules/urgency/download/csv"},
	{"GET", "/api/tasks", user, "/api/tasks"},
	{"GET", "/api/tasks/{id}", user, "/api/tasks/t-complete"},
	{"POST", "/api/tasks/{id}/{act}", user, "/api/tasks/t-complete/note"},
	{"GET", "/api/cases", user, "/api/cases"},
	{"GET", "/api/cases/{id}", user, "/api/cases/CASE"},
	{"POST", "/api/cases/{id}/repair/{act}", repairer, "/api/cases/CASE/repair/retry"},
	{"GET", "/api/systems", user, "/api/systems"},
	{"GET", "/api/systems/drift", user, "/api/systems/drift"},
	{"POST", "/api/systems/{name}/{act}", lead, "/api/systems/crm/resume"},
	{"GET", "/api/links", user, "/api/links"},
	{"POST", "/api/links/{id}/{act}", user, "/api/links/LINK/correct"},
	{"POST", "/api/run/{usecase}", lead, "/api/run/complaint"},
	{"GET", "/api/events", lead, "/api/events"},
	{"POST", "/api/events", lead, "/api/events"},
	{"GET", "/api/robots", user, "/api/robots"},
	{"GET", "/api/robots/canaries/{system}/{operation}/{report}", user, "/api/robots/canaries/crm/crm.find_customer/REPORT"},
	{"GET", "/api/robots/changes/{id}", analyst, "/api/robots/changes/CHANGE"},
	{"POST", "/api/robots/changes/{id}/{act}", analyst, "/api/robots/changes/CHANGE/reject"},
	{"GET", "/api/schedules", lead, "/api/schedules"},
	{"POST", "/api/schedules/{name}/{act}", lead, "/api/schedules/weekly/pause"},
}

func (s *scene) fill(path string) string {
	return strings.NewReplacer("CASE", s.caseID, "BLOB", s.picture, "LINK", s.link.ID, "CHANGE", s.change, "REPORT", s.report).Replace(path)
}

func TestThePolicyIsTheTableOfRoutes(t *testing.T) {
	t.Parallel()
	var want, got []string
	for _, p := range policy {
		want = append(want, p.method+" "+p.path+" "+string(rune('0'+int(p.right))))
	}
	for _, r := range newScene(t, "").routes() {
		got = append(got, r.method+" "+r.path+" "+string(rune('0'+int(r.right))))
	}
	require.Equal(t, want, got)
}

func TestEveryRouteMethodAndRole(t *testing.T) {
	t.Parallel()
	s := newScene(t, "").seed()
	methods := []string{"GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"}
	for _, p := range policy {
		path := s.fill(p.try)
		for _, who := range []string{"", agent, approver, outsider, boss} {
			for _, method := range methods {
				known := slices.ContainsFunc(policy, func(q struct {
					method, path string
					right        right
					try          string
				}) bool {
					return q.method == method && s.fill(q.try) == path
				})
				status, header := s.probe(who, method, path)
				name := strings.Join([]string{who, method, path}, " ")
				checkHeaders(t, name, header)
				switch {
				case !known:
					require.Equal(t, http.StatusMethodNotAllowed, status, name)
					require.NotEmpty(t, header.Get("Allow"), name)
				case p.method+p.try == "POST/login" && method == p.method:
					require.Contains(t, []int{http.StatusUnauthorized, http.StatusTooManyRequests}, status, name)
				case method != p.method:
					// another row of the policy
				case p.right != public && who == "" && (method != "GET" || strings.HasPrefix(path, "/api/")):
					require.Equal(t, http.StatusUnauthorized, status, name)
				case p.right != public && who == "":
					require.Equal(t, http.StatusSeeOther, status, name)
					require.Equal(t, "/login", header.Get("Location"), name)
				case (p.right == lead || p.right == repairer || p.right == analyst) && who != boss:
					require.Equal(t, http.StatusForbidden, status, name)
				case strings.Contains(path, "/tasks/t-complete") && (who == outsider || who == approver):
					require.Equal(t, http.StatusForbidden, status, name)
				default:
					require.NotContains(t, []int{401, 403, 404, 405, 500}, status, name+": an empty request may be refused for what is missing in it only")
				}
			}
		}
	}
}

// probe sends an empty request and hangs up as soon as an answer that does not end by itself has begun.
func (s *scene) probe(who, method, path string) (int, http.Header) {
	s.t.Helper()
	b := s.as(who)
	ctx, cancel := context.WithCancel(s.t.Context())
	defer cancel()
	request := httptest.NewRequest(method, path, nil).WithContext(ctx)
	request.Header.Set("Sec-Fetch-Site", "same-origin")
	request.Header.Set("Content-Type", "application/json")
	if b.cookie != "" && path != "/login" {
		request.AddCookie(&http.Cookie{Name: "crosswalk", Value: b.cookie})
	}
	recorder := &hangingUp{httptest.NewRecorder(), cancel}
	s.serve.ServeHTTP(recorder, request)
	return recorder.Code, recorder.Header()
}

// hangingUp goes away at the first thing that it is told before the answer is complete.
type hangingUp struct {
	*httptest.ResponseRecorder
	hangUp func()
}

func (h *hangingUp) Flush() { h.hangUp() }

func checkHeaders(t *testing.T, name string, h http.Header) {
	t.Helper()
	require.Contains(t, h.Get("Content-Security-Policy"), "default-src 'none'", name)
	require.Contains(t, h.Get("Content-Security-Policy"), "frame-ancestors 'none'", name)
	for header, want := range map[string]string{"X-Content-Type-Options": "nosniff", "Referrer-Policy": "same-origin", "Cross-Origin-Opener-Policy": "same-origin", "Cross-Origin-Resource-Policy": "same-origin", "X-Frame-Options": "DENY"} {
		require.Equal(t, want, h.Get(header), name+" "+header)
	}
	if !strings.Contains(name, "/ui/") {
		require.Equal(t, "no-store", h.Get("Cache-Control"), name)
	}
}

func TestWhatIsNotThere(t *testing.T) {
	t.Parallel()
	s := newScene(t, "").seed()
	for _, who := range []string{"", agent, boss} {
		for _, path := range []string{"/nothing", "/tasks", "/cases/" + s.caseID + "/other/x", "/ui/", "/api", "/api/nothing", "/ui/x/y", "/.git/config", "/cases/CASE/files"} {
			response := s.as(who).do("GET", path, "")
			require.Equal(t, http.StatusNotFound, response.StatusCode, who+path)
			checkHeaders(t, path, response.Header)
		}
	}
	b := s.as(boss)
	for _, path := range []string{"/ui/desk.go", "/tasks/none", "/cases/none", "/cases/none/live", "/cases/" + s.caseID + "/files/none", "/api/tasks/none", "/api/cases/CW-00000000"} {
		status, body := b.get(path)
		require.Equal(t, http.StatusNotFound, status, path)
		require.NotContains(t, body, "sql", path)
	}
	for path, want := range map[string]int{"/tasks/t-complete/steal": 404, "/systems/crm/delete": 404, "/systems/none/pause": 404, "/links/" + s.link.ID + "/delete": 404, "/links/none/remove": 404, "/cases/none/repair/retry": 404, "/cases/CASE/repair/dance": 404} {
		status, _ := b.post(path, "version", "1", "reason", "x")
		require.Equal(t, want, status, path)
	}
	status, body := s.as("").do("GET", "/api/nothing", "").StatusCode, ""
	require.Equal(t, 404, status, body)
}

func TestABrokenStoreIsAnErrorWithoutDetails(t *testing.T) {
	t.Parallel()
	s := newScene(t, "").seed()
	s.cases.fail = context.DeadlineExceeded
	status, body := s.as(boss).post("/cases/"+s.caseID+"/repair/cancel", "reason", "twice", "yes", "yes")
	require.Equal(t, 500, status)
	require.NotContains(t, body, "deadline")
	require.Contains(t, body, "noted in the log")
}

// pages are all pages that show something of a case.
func (s *scene) pages() []string {
	list := []string{"/", "/?state=closed", "/?q=kettle", "/cases", "/cases?q=kettle", "/cases/" + s.caseID, "/cases/" + s.caseID + "/why?step=remedy", "/links", "/systems", "/robots", "/phone", "/help", "/login"}
	for _, task := range s.tasks {
		list = append(list, "/tasks/"+task.ID)
	}
	return list
}

// hostileWords are all of them in a few scenes.
func hostileWords() map[string][]string {
	return map[string][]string{"markup": hostile[:6], "templates and styles": hostile[6:11], "the rest": hostile[11:]}
}

// hostile is what people and systems may say to harm whoever reads it.
var hostile = []string{
	`<script>alert(1)</script>`, `"><img src=x onerror=alert(1)>`, `'-alert(1)-'`, `<svg/onload=alert(1)>`, `javascript:alert(1)`, `</textarea><script>alert(1)</script>`,
	`</title><script>alert(1)</script>`, `{{.}}{{template "top"}}`, `<style>*{display:none}</style>`, `<a href="javascript:alert(1)">x</a>`, `&lt;b&gt;`, `<!--`, `]]>`, "\u202Eevil\u202C", `<math><mi xlink:href="data:x,<script>">`, `"autofocus onfocus="alert(1)`,
}

func TestNothingOfTheCustomerIsHTML(t *testing.T) {
	t.Parallel()
	for name, list := range hostileWords() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			words := strings.Join(list, " ")
			s := newScene(t, words).seed()
			require.NoError(t, s.Store.PauseSystem(t.Context(), "crm", words, words))
			for _, who := range []string{agent, boss, ""} {
				for _, path := range s.pages() {
					if _, body := s.as(who).get(path); body != "" {
						checkInert(t, path, body)
					}
				}
			}
			_, body := s.as(agent).post("/phone", "text", "", "name", words, "product", words, "phone", words, "email", words)
			checkInert(t, "/phone", body)
			_, body = s.as(agent).post("/tasks/t-complete/reassign", "version", "1", "assignee", words)
			checkInert(t, "reassign", body)
			_, page := s.as(agent).get("/cases/" + s.caseID)
			require.Contains(t, textOf(t, page), strings.Join(strings.Fields(words), " "), "shown as it is")
		})
	}
}

// checkInert looks at a page as a browser does: nothing on it may run, style, fetch or lead anywhere but what is ours.
func checkInert(t *testing.T, path, page string) {
	t.Helper()
	document, err := html.Parse(strings.NewReader(page))
	require.NoError(t, err)
	for node := range document.Descendants() {
		if node.Type == html.CommentNode {
			require.Fail(t, "a comment on "+path, node.Data)
		}
		if node.Type != html.ElementNode {
			continue
		}
		require.Contains(t, elements, node.Data, path)
		for _, attribute := range node.Attr {
			require.Contains(t, attributes, attribute.Key, path)
			switch attribute.Key {
			case "src", "href", "action", "data-live":
				require.Regexp(t, `^(/[^/]|/$|https?://[a-z0-9.:]+/|#ZgotmplZ)`, attribute.Val, path)
			}
		}
		if node.Data == "script" {
			require.Nil(t, node.FirstChild, path)
		}
	}
}

var (
	elements   = strings.Fields("html head meta title link script body header a nav form span button main h1 h2 p strong label small input textarea select option table thead tbody tr th td dl dt dd div article section details summary img ul ol li aside fieldset legend br kbd")
	attributes = strings.Fields("lang charset name content rel href src defer class action method type value id for rows required autofocus autocomplete placeholder aria-label aria-current accesskey selected checked open data-live dir alt loading download role formnovalidate inputmode spellcheck")
)

func textOf(t *testing.T, page string) string {
	t.Helper()
	document, err := html.Parse(strings.NewReader(page))
	require.NoError(t, err)
	var text strings.Builder
	for node := range document.Descendants() {
		if node.Type == html.TextNode {
			text.WriteString(node.Data + " ")
		}
	}
	return strings.Join(strings.Fields(text.String()), " ")
}

func TestFilesAreShownOnlyIfTheyAreHarmless(t *testing.T) {
	t.Parallel()
	s := newScene(t, "").seed()
	b := s.as(agent)
	for kind, inline := range map[string]bool{"image/png": true, "image/jpeg": true, "image/svg+xml": false, "text/html": false, "application/pdf": false, "text/html; charset=utf-8": false} {
		id, err := s.Store.PutBlob(t.Context(), s.caseID, kind, []byte("<script>alert(1)</script>"+kind))
		require.NoError(t, err)
		response := b.do("GET", "/cases/"+s.caseID+"/files/"+id, "")
		checkHeaders(t, kind, response.Header)
		require.Contains(t, response.Header.Get("Content-Security-Policy"), "sandbox")
		if inline {
			require.Equal(t, kind, response.Header.Get("Content-Type"))
		} else {
			require.Equal(t, "application/octet-stream", response.Header.Get("Content-Type"))
			require.Equal(t, "attachment", response.Header.Get("Content-Disposition"))
		}
	}
	other, err := s.Store.CreateCase(t.Context(), store.NewCase{UseCase: "complaint"})
	require.NoError(t, err)
	status, _ := b.get("/cases/" + other.ID + "/files/" + s.picture)
	require.Equal(t, 404, status, "a file belongs to one case")
}
