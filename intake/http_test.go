package intake

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"crosswalk/rules"
	"crosswalk/store"
	"crosswalk/workspace"
)

// sent is what came back from a request.
type sent struct {
	status int
	body   string
	header http.Header
	Receipt
}

func (s *scene) send(t testing.TB, method, path string, header http.Header, body string) sent {
	t.Helper()
	request := httptest.NewRequest(method, path, strings.NewReader(body))
	for name, values := range header {
		request.Header[name] = values
	}
	recorder := httptest.NewRecorder()
	s.Handler().ServeHTTP(recorder, request)
	answer := sent{status: recorder.Code, body: recorder.Body.String(), header: recorder.Header()}
	_ = json.Unmarshal([]byte(answer.body), &answer.Receipt) // pages are no JSON
	return answer
}

func headers(pairs ...string) http.Header {
	h := http.Header{}
	for i := 0; i < len(pairs); i += 2 {
		h.Set(pairs[i], pairs[i+1])
	}
	return h
}

func sign(key []byte, parts ...string) string {
	h := hmac.New(sha256.New, key)
	for _, part := range parts {
		_, _ = h.Write([]byte(part))
	}
	return base64.StdEncoding.EncodeToString(h.Sum(nil))
}

func standard(secret, id string, at time.Time, body string) http.Header {
	key, _ := base64.StdEncoding.DecodeString(strings.TrimPrefix(secret, "whsec_"))
	stamp := fmt.Sprint(at.Unix())
	return headers("webhook-id", id, "webhook-timestamp", stamp, "webhook-signature", "v1,"+sign(key, id, ".", stamp, ".", body))
}

func TestStandardWebhooks(t *testing.T) {
	t.Parallel()
	const body = `{"text":"The kettle is broken.","from":{"email":"ann@example.org","name":"Ann"},"topic":"kettle"}`
	s := newScene(t)
	at := s.tell()
	other := "whsec_" + base64.StdEncoding.EncodeToString([]byte("some other secret of 32 bytes!!!"))
	signatures := func(list ...http.Header) http.Header {
		all := list[0].Clone()
		for _, more := range list[1:] {
			all.Set("webhook-signature", all.Get("webhook-signature")+" "+more.Get("webhook-signature"))
		}
		return all
	}
	good := standard(secretNew, "m1", at, body)
	without := func(name string) http.Header { h := good.Clone(); h.Del(name); return h }
	with := func(name, value string) http.Header { h := good.Clone(); h.Set(name, value); return h }
	cases := []struct {
		name   string
		header http.Header
		body   string
		status int
	}{
		{"the new secret", good, body, 202},
		{"the old secret, while both are valid", standard(secretOld, "m2", at, body), body, 202},
		{"several signatures", signatures(standard(other, "m3", at, body), standard(secretOld, "m3", at, body)), body, 202},
		{"one byte changed", good, strings.Replace(body, "kettle", "kettlf", 1), 401},
		{"a space added", good, body + " ", 401},
		{"written again with another order of keys", good, `{"from":{"email":"ann@example.org","name":"Ann"},"text":"The kettle is broken.","topic":"kettle"}`, 401},
		{"written again with an escape", good, strings.Replace(body, "k", `\u006b`, 1), 401},
		{"another secret", standard(other, "m4", at, body), body, 401},
		{"an empty secret", standard("whsec_", "m5", at, body), body, 401},
		{"ten minutes old", standard(secretNew, "m6", at.Add(-10*time.Minute), body), body, 401},
		{"ten minutes ahead", standard(secretNew, "m7", at.Add(10*time.Minute), body), body, 401},
		{"another time than was signed", with("webhook-timestamp", fmt.Sprint(at.Unix()+1)), body, 401},
		{"another id than was signed", with("webhook-id", "m8"), body, 401},
		{"no signature", without("webhook-signature"), body, 401},
		{"no id", without("webhook-id"), body, 401},
		{"no time", without("webhook-timestamp"), body, 401},
		{"half a signature", with("webhook-signature", good.Get("webhook-signature")[:20]), body, 401},
		{"another algorithm", with("webhook-signature", strings.Replace(good.Get("webhook-signature"), "v1,", "v1a,", 1)), body, 401},
		{"nothing", http.Header{}, body, 401},
		{"no JSON", standard(secretNew, "m9", at, "text"), "text", 400},
		{"a list", standard(secretNew, "m10", at, "[]"), "[]", 400},
		{"depth", standard(secretNew, "m11", at, strings.Repeat("[", 100_000)), strings.Repeat("[", 100_000), 400},
		{"too large", good, strings.Repeat("x", maxHookBytes+1), 413},
	}
	for _, c := range cases {
		before := s.entries(t)
		answer := s.send(t, "POST", "/hooks/shop", c.header, c.body)
		require.Equal(t, c.status, answer.status, c.name+": "+answer.body)
		require.Equal(t, "nosniff", answer.header.Get("X-Content-Type-Options"))
		if c.status != 202 {
			require.Equal(t, before, s.entries(t), c.name+": nothing is stored")
		}
	}
	require.Equal(t, 404, s.send(t, "POST", "/hooks/unknown", good, body).status)
	require.Equal(t, 404, s.send(t, "GET", "/hooks/shop", nil, "").status)
	require.Equal(t, 405, s.send(t, "PUT", "/hooks/shop", good, body).status)
}

// entries counts what is stored and not handed over.
func (s *scene) entries(t testing.TB) int {
	t.Helper()
	pending, err := s.Store.PendingEntries(t.Context(), s.tell().Add(time.Hour), 1000)
	require.NoError(t, err)
	return len(pending)
}

func TestRotationEnds(t *testing.T) {
	t.Parallel()
	s := newSceneOf(t, strings.Replace(testConfig, "['env:CROSSWALK_TEST_OLD', 'env:CROSSWALK_TEST_NEW']", "['env:CROSSWALK_TEST_NEW']", 1))
	require.Equal(t, 401, s.send(t, "POST", "/hooks/shop", standard(secretOld, "m", s.tell(), `{"text":"a"}`), `{"text":"a"}`).status)
	require.Equal(t, 202, s.send(t, "POST", "/hooks/shop", standard(secretNew, "m", s.tell(), `{"text":"a"}`), `{"text":"a"}`).status)
}

func TestAWebhookManyTimesIsOneCase(t *testing.T) {
	t.Parallel()
	const body = `{"text":"The kettle is broken.","from":{"email":"ann@example.org"}}`
	s := newScene(t)
	var wait sync.WaitGroup
	answers := make([]sent, 100)
	for n := range answers {
		wait.Go(func() {
			answers[n] = s.send(t, "POST", "/hooks/shop", standard(secretNew, "same", s.tell(), body), body)
		})
	}
	wait.Wait()
	for _, answer := range answers {
		require.Equal(t, 202, answer.status)
		require.Equal(t, answers[0].CaseID, answer.CaseID)
		require.Equal(t, answers[0].Reference, answer.Reference)
	}
	s.later(8 * 24 * time.Hour) // senders repeat for days, with a new time under the same id
	late := s.send(t, "POST", "/hooks/shop", standard(secretNew, "same", s.tell(), body), body)
	require.Equal(t, Duplicate, late.Outcome)
	require.Equal(t, answers[0].CaseID, late.CaseID)
	s.sweep(t)
	require.Len(t, s.cases.started, 1)
}

func TestUnsignedWebhooksAreToldApartByWhatTheySay(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	first := s.send(t, "POST", "/hooks/open", nil, `{"words":"the kettle leaks","n":1}`)
	require.Equal(t, Started, first.Outcome)
	require.Equal(t, Duplicate, s.send(t, "POST", "/hooks/open", nil, `{"n": 1, "words":"the kettle leaks"}`).Outcome)
	require.Equal(t, Started, s.send(t, "POST", "/hooks/open", nil, `{"words":"the kettle leaks","n":2}`).Outcome)
}

func (s *scene) sendX(t testing.TB, body string) sent {
	t.Helper()
	return s.send(t, "POST", "/hooks/posts", headers("X-Twitter-Webhooks-Signature", "sha256="+sign([]byte(secretX), body)), body)
}

func TestPosts(t *testing.T) {
	t.Parallel()
	s := newScene(t)

	challenge := s.send(t, "GET", "/hooks/posts?crc_token=abc", nil, "")
	require.Equal(t, 200, challenge.status)
	require.JSONEq(t, `{"response_token":"sha256=`+sign([]byte(secretX), "abc")+`"}`, challenge.body)
	require.Equal(t, 404, s.send(t, "GET", "/hooks/posts", nil, "").status)
	require.Equal(t, 404, s.send(t, "GET", "/hooks/posts?crc_token="+strings.Repeat("x", 600), nil, "").status)

	post := func(id, user, text, more string) string {
		return `{"for_user_id":"1","tweet_create_events":[{"id_str":"` + id + `","text":"` + text + `","user":{"id_str":"` + user + `","name":"Ann","screen_name":"ann_lee"}` + more + `}]}`
	}
	require.Equal(t, 401, s.send(t, "POST", "/hooks/posts", headers("X-Twitter-Webhooks-Signature", "sha256="+sign([]byte(secretX), post("5", "2", "x", ""))), post("5", "2", "y", "")).status)
	require.Equal(t, 401, s.send(t, "POST", "/hooks/posts", nil, post("5", "2", "x", "")).status)

	first := s.sendX(t, post("5", "2", "@nordwind the kettle leaks", ""))
	require.Equal(t, 202, first.status)
	require.Equal(t, Started, first.Outcome)
	require.Equal(t, "ann_lee", s.input(t, first.EntryID).Path("from", "handle").Text())
	require.Equal(t, Duplicate, s.sendX(t, post("5", "2", "@nordwind the kettle leaks", "")).Outcome)

	reply := s.sendX(t, post("6", "3", "same here", `,"in_reply_to_status_id_str":"5"`))
	require.Equal(t, first.CaseID, reply.CaseID)
	edit := s.sendX(t, post("7", "2", "@nordwind the kettle Aurora leaks", `,"edit_history":{"initial_tweet_id":"5","edit_tweet_ids":["5","7"]}`))
	require.Equal(t, Joined, edit.Outcome)
	require.Equal(t, first.CaseID, edit.CaseID)
	gone := s.sendX(t, `{"for_user_id":"1","tweet_delete_events":[{"status":{"id":"5","user_id":"2"}}]}`)
	require.Equal(t, Joined, gone.Outcome)
	require.Equal(t, first.CaseID, gone.CaseID)
	s.sweep(t)
	require.Len(t, s.cases.started, 1)
	require.Len(t, s.cases.nudged, 1, "one nudge tells of all")

	unknown := s.sendX(t, `{"for_user_id":"1","tweet_delete_events":[{"status":{"id":"99","user_id":"2"}}]}`)
	require.Equal(t, Ignored, unknown.Outcome)
	early := s.sendX(t, post("12", "4", "the toaster burns", `,"edit_history":{"initial_tweet_id":"11","edit_tweet_ids":["11","12"]}`))
	require.Equal(t, Started, early.Outcome, "an edit of what never came is a complaint all the same")

	for name, body := range map[string]string{
		"our own post":    post("20", "1", "buy our kettles", ""),
		"a shared post":   post("21", "2", "RT", `,"retweeted_status":{"id_str":"5"}`),
		"something else":  `{"for_user_id":"1","favorite_events":[{"id":"1"}]}`,
		"our own message": `{"for_user_id":"1","direct_message_events":[{"type":"message_create","id":"1","message_create":{"sender_id":"1","message_data":{"text":"hi"}}}]}`,
	} {
		answer := s.sendX(t, body)
		require.Equal(t, 202, answer.status, name)
		require.JSONEq(t, `{"messages":[]}`, answer.body, name)
	}
	direct := s.sendX(t, `{"for_user_id":"1","direct_message_events":[{"type":"message_create","id":"31","message_create":{"sender_id":"2","message_data":{"text":"where is my parcel 55512"}}}],"users":{"2":{"id_str":"2","screen_name":"Ann_Lee","name":"Ann"}}}`)
	require.Equal(t, Started, direct.Outcome)
	require.Equal(t, 400, s.sendX(t, `{"tweet_create_events":3}`).status)
}

func zendesk(at time.Time, id, body string) http.Header {
	stamp := at.UTC().Format(time.RFC3339)
	return headers("X-Zendesk-Webhook-Signature", sign([]byte(secretZendesk), stamp, body), "X-Zendesk-Webhook-Signature-Timestamp", stamp, "X-Zendesk-Webhook-Invocation-Id", id)
}

func TestATicketSolvedThereCompletesTheTaskHere(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	receipt := s.takeMail(t, "ann@example.org", "From: ann@example.org", "", "The kettle is broken.")
	payload, err := json.Marshal(rules.Record(map[string]rules.Value{"outcomes": rules.List(rules.Text("accepted"), rules.Text("changed"))}))
	require.NoError(t, err)
	task, err := s.Store.OpenTask(t.Context(), store.Task{ID: "task", CaseID: receipt.CaseID, Kind: store.TaskComplete, Queue: "support", Title: "Solve", Payload: payload,
		External: store.External{System: "support", ID: "4711"}})
	require.NoError(t, err)
	event := func(ticket, now string) string {
		return `{"type":"zen:event-type:ticket.status_changed","event":{"current":"` + now + `","previous":"OPEN"},"detail":{"id":"` + ticket + `","actor_id":"77"}}`
	}
	solved := event("4711", "SOLVED")
	at := s.tell()
	require.Equal(t, 401, s.send(t, "POST", "/hooks/solved", zendesk(at, "i0", solved), solved+" ").status)
	require.Equal(t, 401, s.send(t, "POST", "/hooks/solved", zendesk(at.Add(-6*time.Minute), "i0", solved), solved).status)
	require.Equal(t, 401, s.send(t, "POST", "/hooks/solved", nil, solved).status)
	for _, body := range []string{event("4711", "PENDING"), event("1", "SOLVED")} {
		require.Equal(t, Ignored, s.send(t, "POST", "/hooks/solved", zendesk(at, digest(body)[:8], body), body).Outcome)
	}
	missing := `{"event":{"current":"SOLVED"},"detail":{}}`
	require.Equal(t, 400, s.send(t, "POST", "/hooks/solved", zendesk(at, "i9", missing), missing).status)

	_, err = s.Store.ClaimTask(t.Context(), task.ID, task.Version, store.Actor{User: "ada@nordwind.example", Queues: []string{"support"}})
	require.NoError(t, err)
	s.cases.fail = 1 // the case cannot be told at once
	var wait sync.WaitGroup
	var mutex sync.Mutex
	outcomes := map[Outcome]int{}
	for n := range 50 {
		wait.Go(func() {
			answer := s.send(t, "POST", "/hooks/solved", zendesk(at, fmt.Sprint("i", n%25), solved), solved)
			mutex.Lock()
			defer mutex.Unlock()
			outcomes[answer.Outcome]++
		})
	}
	wait.Wait()
	require.Equal(t, map[Outcome]int{Completed: 1, Duplicate: 49}, outcomes)
	s.sweep(t)
	require.Len(t, s.cases.redelivered, 1, "by the sweeper, which waits for no case")
	done := s.cases.redelivered[0]
	require.Equal(t, "accepted", done.Outcome, "an outcome that the task knows")
	require.Equal(t, "agent:77", done.AnsweredBy)
	require.JSONEq(t, `{"outcome":"accepted","in_system":true}`, string(done.Answer))
}

func TestFormWithoutScript(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	page := s.send(t, "GET", "/forms/contact", nil, "")
	require.Equal(t, 200, page.status)
	require.Contains(t, page.body, "Tell us")
	require.NotContains(t, page.body, "<script")
	require.Contains(t, page.header.Get("Content-Security-Policy"), "default-src 'none'")
	require.Contains(t, page.header.Get("Content-Type"), "text/html")
	require.Equal(t, 200, s.send(t, "GET", "/forms/form.css", nil, "").status)
	require.Equal(t, 404, s.send(t, "GET", "/forms/unknown", nil, "").status)

	plain := headers("Content-Type", "application/x-www-form-urlencoded")
	thanks := s.send(t, "POST", "/forms/contact", plain, url.Values{"text": {"The kettle leaks, order 10427"}, "email": {"Ann@Example.org"}, "name": {"Ann"}}.Encode())
	require.Equal(t, 200, thanks.status)
	require.Regexp(t, `CW-[0-9A-Z]{8}`, thanks.body)

	asked := headers("Content-Type", "application/x-www-form-urlencoded", "Accept", "application/json")
	again := s.send(t, "POST", "/forms/contact", asked, url.Values{"text": {"The kettle leaks, order 10427"}, "email": {"ann@example.org"}, "name": {"Ann"}}.Encode())
	require.Equal(t, Duplicate, again.Outcome)

	for _, wrong := range []url.Values{
		{"email": {"ann@example.org"}},
		{"text": {"x"}},
		{"text": {"x"}, "email": {"ann"}},
		{"text": {"x"}, "email": {"ann@example.org\r\nBcc: all@example.org"}},
	} {
		s.later(time.Hour)
		refused := s.send(t, "POST", "/forms/contact", plain, wrong.Encode())
		require.Equal(t, 422, refused.status, wrong)
		require.Contains(t, refused.body, `role="alert"`)
		require.Contains(t, refused.body, "<form")
	}
}

func TestFormKeepsWhatWasWrittenAndShowsItAsText(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	const hostile = `"><script>alert(1)</script>`
	refused := s.send(t, "POST", "/forms/contact", headers("Content-Type", "application/x-www-form-urlencoded"), url.Values{"text": {hostile}, "name": {hostile}, "email": {"nowhere"}}.Encode())
	require.NotContains(t, refused.body, "<script>")
	require.Contains(t, refused.body, "&lt;script&gt;")
}

func TestFormIsLimited(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	post := func(n int) sent {
		return s.send(t, "POST", "/forms/contact", headers("Content-Type", "application/x-www-form-urlencoded"), url.Values{"text": {fmt.Sprint("complaint ", n)}, "email": {"ann@example.org"}}.Encode())
	}
	for n := range 5 {
		require.Equal(t, 200, post(n).status)
	}
	require.Equal(t, 429, post(6).status)
	s.later(61 * time.Second)
	require.Equal(t, 200, post(7).status)
}

// multipartForm writes a form with files.
func multipartForm(t testing.TB, fields map[string]string, files ...Attachment) (string, http.Header) {
	t.Helper()
	var body bytes.Buffer
	w := multipart.NewWriter(&body)
	for name, value := range fields {
		require.NoError(t, w.WriteField(name, value))
	}
	for _, file := range files {
		part, err := w.CreateFormFile("photo", file.Name)
		require.NoError(t, err)
		_, err = part.Write(file.Bytes)
		require.NoError(t, err)
	}
	require.NoError(t, w.Close())
	return body.String(), headers("Content-Type", w.FormDataContentType(), "Accept", "application/json")
}

func TestFormWithPhotos(t *testing.T) {
	t.Parallel()
	png := []byte("\x89PNG\r\n\x1a\nand so on")
	heic := []byte("\x00\x00\x00\x18ftypheicand so on")
	fields := map[string]string{"text": "The kettle leaks", "email": "ann@example.org"}
	cases := []struct {
		name   string
		files  []Attachment
		status int
		names  []string
	}{
		{"none chosen", []Attachment{{}}, 202, nil},
		{"two", []Attachment{{Name: "a.png", Bytes: png}, {Name: "b.heic", Bytes: heic}}, 202, []string{"a.png", "b.heic"}},
		{"a path in the name", []Attachment{{Name: `..\..\etc\pass` + "\u202E" + `gnp.exe`, Bytes: png}}, 202, []string{"passgnp.exe"}},
		{"six", []Attachment{{Name: "1", Bytes: png}, {Name: "2", Bytes: png}, {Name: "3", Bytes: png}, {Name: "4", Bytes: png}, {Name: "5", Bytes: png}, {Name: "6", Bytes: png}}, 422, nil},
		{"no picture", []Attachment{{Name: "a.png", Bytes: []byte("<svg onload=alert(1)>")}}, 422, nil},
		{"too large", []Attachment{{Name: "a.png", Bytes: append(png, make([]byte, MaxAttachmentBytes)...)}}, 422, nil},
		{"the whole form too large", []Attachment{{Name: "a.png", Bytes: append(png, make([]byte, maxFormBytes)...)}}, 422, nil},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s := newScene(t)
			body, header := multipartForm(t, fields, c.files...)
			answer := s.send(t, "POST", "/forms/contact", header, body)
			require.Equal(t, c.status, answer.status, answer.body)
			if c.status != 202 {
				return
			}
			entry, err := s.Store.Entry(t.Context(), answer.EntryID)
			require.NoError(t, err)
			var names []string
			for _, file := range entry.Attachments {
				names = append(names, file.Name)
				blob, err := s.Store.Blob(t.Context(), entry.CaseID, file.BlobID)
				require.NoError(t, err)
				require.True(t, strings.HasPrefix(blob.MediaType, "image/"))
			}
			require.Equal(t, c.names, names)
		})
	}
}

func TestHoneypot(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	body, header := multipartForm(t, map[string]string{"text": "cheap pills", "email": "ann@example.org", "website": "https://spam.example"})
	answer := s.send(t, "POST", "/forms/contact", header, body)
	require.Equal(t, 202, answer.status, "a machine learns nothing")
	require.Equal(t, Ignored, answer.Outcome)
	s.sweep(t)
	require.Empty(t, s.cases.started)
	header.Del("Accept")
	page := s.send(t, "POST", "/forms/contact", header, body)
	require.Contains(t, page.body, "Thank you")
}

func FuzzParseX(f *testing.F) {
	f.Add([]byte(`{"for_user_id":"1","tweet_create_events":[{"id_str":"5","text":"x","user":{"id_str":"2","screen_name":"a"},"edit_history":{"edit_tweet_ids":["4","5"]}}]}`))
	f.Add([]byte(`{"tweet_delete_events":[{"status":{"id":"1"}}],"direct_message_events":[{"type":"message_create","id":"1"}],"users":{"1":null}}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		messages, err := ParseX(body, time.Time{})
		if err != nil {
			require.ErrorIs(t, err, ErrMalformed)
		}
		for _, m := range messages {
			require.NotEmpty(t, m.ID)
			require.NotContains(t, m.From.Handle+m.From.Name, "\n")
			require.NotEmpty(t, m.DedupeKey())
		}
	})
}

func FuzzParseHook(f *testing.F) {
	f.Add("application/json", []byte(`{"text":"x","from":{"email":"a@b.example","name":"n"},"product":{"a":[1,2.50,null,true]}}`))
	f.Add("application/json", []byte(`{"from":"x","text":3}`))
	f.Add(formType, []byte(`type=unsubscribe&data[email]=a%40b.example&data[merges][FNAME]=A&text=%ff&a[]=1&a[]=2`))
	f.Fuzz(func(t *testing.T, contentType string, body []byte) {
		m, err := parseHook(&workspace.Source{}, "id", contentType, body, time.Time{})
		if err != nil {
			require.ErrorIs(t, err, ErrMalformed)
			return
		}
		require.NotContains(t, m.From.Email+m.From.Name+m.From.Phone+m.From.Handle+m.Subject+m.Product, "\n")
		_ = messageValue(m).Hash()
	})
}

func FuzzForm(f *testing.F) {
	f.Add("multipart/form-data; boundary=b", "--b\r\nContent-Disposition: form-data; name=\"text\"\r\n\r\nx\r\n--b--")
	f.Add("application/x-www-form-urlencoded", "text=x&email=a%40b.example")
	f.Fuzz(func(t *testing.T, contentType, body string) {
		request := httptest.NewRequest("POST", "/forms/contact", io.NopCloser(strings.NewReader(body)))
		request.Header.Set("Content-Type", contentType)
		m, err := parseForm(request, time.Time{})
		if err == nil {
			require.NotEmpty(t, m.Text)
			require.NotContains(t, m.From.Email+m.From.Name+m.From.Phone+m.Product, "\n")
		}
	})
}
