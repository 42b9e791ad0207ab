package e2e

import (
	"bytes"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"mime"
	"net/http"
	"net/smtp"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/stretchr/testify/require"

	"crosswalk/sandbox"
)

// caseDetail is a case as the JSON interface tells it.
type caseDetail struct {
	Case struct {
		ID, Reference, Title, State, Stage, Outcome, Language string
		WaitingFor                                            string    `json:"waiting_for"`
		WaitingKind                                           string    `json:"waiting_kind"`
		EndedAt                                               time.Time `json:"ended_at"`
		Result                                                json.RawMessage
	}
	Messages []struct{ ID, Channel, State string }
	Steps    []struct {
		Path, Title, System, Operation, Driver string
		Generation                             int
		Result                                 json.RawMessage
		ErrorClass                             string `json:"error_class"`
	}
	Decisions []struct {
		Path, Table, Row string
		Generation       int
		Outputs          map[string]any
	}
	Tasks    []task
	Pending  []struct{ Operation string }
	Timeline []struct{ Kind, Text, Who string }
}

type task struct {
	ID, Kind, Title, State, Queue, Role string
	Version                             int
	AnsweredBy                          string `json:"answered_by"`
	Payload                             struct {
		Show       map[string]any
		Outcomes   []string
		Acts       []string
		Candidates []map[string]any
		Problem    map[string]any
		Form       []map[string]any
		Correct    []struct {
			Step       string
			Candidates []map[string]any
		}
	}
}

func (d caseDetail) ended() bool { return !d.Case.EndedAt.IsZero() }

// open is the open task of this kind, if there is one.
func (d caseDetail) open(kind string) (task, bool) {
	i := slices.IndexFunc(d.Tasks, func(t task) bool { return t.Kind == kind && (t.State == "open" || t.State == "claimed") })
	if i < 0 {
		return task{}, false
	}
	return d.Tasks[i], true
}

// stands says whether the automatic part is done: the case has ended or waits for a person.
func (d caseDetail) stands() bool {
	return d.ended() || slices.ContainsFunc(d.Tasks, func(t task) bool { return t.State == "open" || t.State == "claimed" })
}

// result is what a step came to, the last time that it was done.
func (d caseDetail) result(path string) map[string]any {
	found, generation := map[string]any{}, -1
	for _, s := range d.Steps {
		if s.Path == path && s.Generation > generation {
			found, generation = map[string]any{}, s.Generation
			_ = json.Unmarshal(s.Result, &found) // what is no record has no fields
		}
	}
	return found
}

// decided is an output of a table, the last time that it was asked.
func (d caseDetail) decided(table, output string) string {
	found, generation := "", -1
	for _, decision := range d.Decisions {
		if decision.Table == table && decision.Generation > generation {
			found, generation = fmt.Sprint(decision.Outputs[output]), decision.Generation
		}
	}
	return found
}

// ticket is the number of the case's ticket, or "".
func (d caseDetail) ticket() string {
	id, _ := d.result("ticket")["id"].(string)
	return id
}

// said tells in a line how the case is.
func (d caseDetail) said() string {
	var tasks []string
	for _, t := range d.Tasks {
		tasks = append(tasks, strings.TrimSpace(fmt.Sprint(t.Kind, " ", t.State, " ", t.Payload.Problem["message"], " ", t.Payload.Show["Why"])))
	}
	return fmt.Sprintf("%s is %s at %q, waits for %q (%s), outcome %q, tasks %v", d.Case.Reference, d.Case.State, d.Case.Stage, d.Case.WaitingFor, d.Case.WaitingKind, d.Case.Outcome, tasks)
}

func (w *world) look(id string) (caseDetail, error) {
	var d caseDetail
	err := w.ask(http.MethodGet, "/api/cases/"+id, nil, &d)
	return d, err
}

// await waits until a case is as the condition wants it.
func (w *world) await(id, what string, holds func(caseDetail) bool) caseDetail {
	w.t.Helper()
	var d caseDetail
	until(w.t, id+" "+what, func() (bool, string) {
		var err error
		if d, err = w.look(id); err != nil {
			return false, err.Error()
		}
		return holds(d), d.said()
	})
	return d
}

// awaitTask waits until the case has an open task of this kind.
func (w *world) awaitTask(id, kind string) (caseDetail, task) {
	w.t.Helper()
	d := w.await(id, "has a task to "+kind, func(d caseDetail) bool { _, ok := d.open(kind); return ok })
	found, _ := d.open(kind)
	return d, found
}

// answer answers a task.
func (w *world) answer(t task, outcome string, answer map[string]any) {
	w.t.Helper()
	w.must(http.MethodPost, "/api/tasks/"+t.ID+"/answer", map[string]any{"outcome": outcome, "answer": answer}, nil)
}

// run starts a case by hand and returns its id.
func (w *world) run(m sandbox.Complaint) string {
	w.t.Helper()
	from := map[string]string{}
	for key, value := range map[string]string{"email": m.From.Email, "phone": m.From.Phone, "handle": m.From.Handle, "name": m.From.Name} {
		if value != "" {
			from[key] = value
		}
	}
	var started struct{ Case struct{ ID string } }
	w.must(http.MethodPost, "/api/run/customer-complaint", map[string]any{"channel": m.Channel, "from": from, "text": m.Text, "received_at": m.ReceivedAt}, &started)
	require.NotEmpty(w.t, started.Case.ID)
	return started.Case.ID
}

// form sends a complaint by the web form, as a browser does; the error is for who is killed meanwhile.
func (w *world) form(m sandbox.Complaint) (string, error) {
	fields := url.Values{"text": {m.Text}, "product": {m.Product}, "name": {m.From.Name}, "email": {m.From.Email}, "phone": {m.From.Phone}}
	return w.deliver("/forms/complaint", "application/x-www-form-urlencoded", "", []byte(fields.Encode()))
}

// social sends a post, signed or with a signature of the caller's.
func (w *world) social(m sandbox.Complaint, id, signature string) (string, error) {
	body, err := json.Marshal(map[string]any{"for_user_id": "1", "tweet_create_events": []any{map[string]any{
		"id_str": id, "text": m.Text, "created_at": m.ReceivedAt.Format(time.RubyDate),
		"user": map[string]string{"id_str": "2" + id, "name": m.From.Name, "screen_name": m.From.Handle},
	}}})
	if err != nil {
		return "", err
	}
	if signature == "" {
		secret, err := os.ReadFile(filepath.Join(w.dir, "secrets", "x-consumer-secret"))
		if err != nil {
			return "", err
		}
		mac := hmac.New(sha256.New, bytes.TrimSpace(secret))
		mac.Write(body)
		signature = "sha256=" + base64.StdEncoding.EncodeToString(mac.Sum(nil))
	}
	return w.deliver("/hooks/posts", "application/json", signature, body)
}

func (w *world) deliver(path, contentType, signature string, body []byte) (string, error) {
	r, err := http.NewRequest(http.MethodPost, "http://"+w.listen+path, bytes.NewReader(body))
	if err != nil {
		return "", err
	}
	r.Header.Set("Content-Type", contentType)
	r.Header.Set("Accept", "application/json")
	if signature != "" {
		r.Header.Set("X-Twitter-Webhooks-Signature", signature)
	}
	answer, err := web.Do(r)
	if err != nil {
		return "", err
	}
	defer answer.Body.Close()
	var receipt struct{ Case, Error string }
	if err := json.NewDecoder(answer.Body).Decode(&receipt); err != nil {
		return "", err
	}
	if answer.StatusCode >= 300 || receipt.Case == "" {
		return "", fmt.Errorf("%s: %s", answer.Status, receipt.Error)
	}
	return receipt.Case, nil
}

// mailText is a complaint as a mail program sends it.
func mailText(m sandbox.Complaint, messageID string) []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, "From: %s <%s>\r\nTo: service@nordwind-home.example\r\nSubject: %s\r\nMessage-ID: <%s>\r\nDate: %s\r\n",
		mime.QEncoding.Encode("utf-8", m.From.Name), m.From.Email, mime.QEncoding.Encode("utf-8", m.Subject), messageID, m.ReceivedAt.Format(time.RFC1123Z))
	b.WriteString("MIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\n")
	b.WriteString(strings.ReplaceAll(m.Text, "\n", "\r\n") + "\r\n")
	return b.Bytes()
}

// send sends a mail; nil means that it was acknowledged.
func (w *world) send(m sandbox.Complaint, messageID string) error {
	return smtp.SendMail(w.mail, nil, m.From.Email, []string{"service@nordwind-home.example"}, mailText(m, messageID))
}

// caseOf finds the only case whose customer wrote from this address.
func (w *world) casesFrom(email string) []string {
	w.t.Helper()
	var out struct{ Cases []struct{ ID string } }
	w.must(http.MethodGet, "/api/cases?q="+url.QueryEscape(email), nil, &out)
	ids := []string{}
	for _, c := range out.Cases {
		ids = append(ids, c.ID)
	}
	return ids
}

// allCases are the ids of all cases.
func (w *world) allCases() []string {
	w.t.Helper()
	var out struct{ Cases []struct{ ID string } }
	w.must(http.MethodGet, "/api/cases?limit=1000", nil, &out)
	ids := []string{}
	for _, c := range out.Cases {
		ids = append(ids, c.ID)
	}
	return ids
}

func newID() string { return strings.ToLower(rand.Text()) + "@customers.example" }
