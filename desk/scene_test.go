package desk

import (
	"bytes"
	"context"
	"encoding/json"
	"image"
	"image/color"
	"image/png"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"crosswalk/intake"
	"crosswalk/rules"
	"crosswalk/store"
	"crosswalk/usecases"
	"crosswalk/workspace"
)

// fakeCases stands in for the engine.
type fakeCases struct {
	store     *store.Store
	mutex     sync.Mutex
	delivered []store.Task
	cancelled []string
	undone    bool
	tried     []string
	repaired  []store.Repair
	preview   Preview
	undo      []Undo
	problem   string
	task      string
	fail      error
	during    func() // what happens while a call is tried
}

func (f *fakeCases) Deliver(_ context.Context, task store.Task) error {
	f.mutex.Lock()
	defer f.mutex.Unlock()
	f.delivered = append(f.delivered, task)
	return f.fail
}

func (f *fakeCases) Waits(context.Context, string) ([]Wait, error) {
	return []Wait{{Kind: "system", For: "crm", Step: "customer", System: "crm", Operation: "crm.find_customer", Attempt: 3, Since: time.Now().Add(-time.Minute),
		NextTry: time.Now().Add(20 * time.Second), Class: "unavailable"}}, nil
}

func (f *fakeCases) TryNow(_ context.Context, caseID, operation string) (int, error) {
	f.mutex.Lock()
	defer f.mutex.Unlock()
	f.tried = append(f.tried, caseID+" "+operation)
	if f.during != nil {
		f.during()
	}
	return 1, f.fail
}

func (f *fakeCases) WouldUndo(context.Context, store.Case) ([]Undo, error) { return f.undo, nil }

func (f *fakeCases) Preview(context.Context, store.Case, string, bool) (Preview, error) {
	f.mutex.Lock()
	defer f.mutex.Unlock()
	return f.preview, f.fail
}

func (f *fakeCases) Repair(ctx context.Context, repair store.Repair) (problem, task string, err error) {
	f.mutex.Lock()
	defer f.mutex.Unlock()
	if repair.Act == store.ActCancel && f.fail == nil { // as the worker does
		f.cancelled, f.undone = append(f.cancelled, repair.CaseID), string(repair.Body) == `{"undo":true}`
		return "", "", f.store.SettleRepair(ctx, repair.ID, store.Settlement{})
	}
	f.repaired = append(f.repaired, repair)
	return f.problem, f.task, f.fail
}

// The people of the tests.
const (
	agent    = "ada@nordwind.example"
	approver = "bob@nordwind.example"
	outsider = "cid@nordwind.example"
	boss     = "dan@nordwind.example"
	password = "correct horse battery staple"
)

// passwordHash is cheap to check, as tests log in often.
var passwordHash = hashPassword(password, 1, 64)

// scene is a desk with a store of its own and a few people.
type scene struct {
	*Desk
	t        testing.TB
	cases    *fakeCases
	mutex    sync.Mutex
	people   *workspace.People
	serve    http.Handler
	caseID   string
	tasks    map[store.TaskKind]store.Task
	picture  string
	link     store.Link
	change   string // the id of one proposed change
	report   string // the digest of the report of a canary
	stopping chan struct{}
	words    string // what the customer and the systems say
}

func newScene(t testing.TB, words string) *scene {
	t.Helper()
	kept, err := store.Open(t.Context(), t.TempDir())
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, kept.Close()) })
	s := &scene{t: t, cases: &fakeCases{store: kept}, words: words, tasks: map[store.TaskKind]store.Task{}, stopping: make(chan struct{})}
	s.people = &workspace.People{
		Users: []workspace.User{
			{Name: "Ada Agent", Email: agent, PasswordHash: passwordHash, Roles: []string{"agent"}},
			{Name: "Bob Approver", Email: approver, PasswordHash: passwordHash, Roles: []string{"approver"}},
			{Name: "Cid Elsewhere", Email: outsider, PasswordHash: passwordHash, Roles: []string{"other"}},
			{Name: "Dan Lead", Email: boss, PasswordHash: passwordHash, Roles: []string{"support-lead", "analyst"}},
		},
		Queues: []workspace.Queue{{Name: "complaints", Title: "Complaints", Roles: []string{"agent"}}, {Name: "shipping", Title: "Shipping", Roles: []string{"other"}}},
		Roles:  []string{"agent", "analyst", "approver", "other", "support-lead"},
	}
	s.Desk, err = newDesk(Options{Store: kept, Cases: s.cases, Schedules: &fakeSchedules{}, Systems: func() []string { return []string{"crm", "fulfilment"} }, TemporalUI: "http://127.0.0.1:8233", Token: "token-of-the-program", Stopping: s.stopping,
		People: func() *workspace.People { s.mutex.Lock(); defer s.mutex.Unlock(); return s.people },
		Note:   s.note, Log: slog.New(slog.NewTextHandler(io.Discard, nil)),
		Start: func(ctx context.Context, useCase string, _ []byte, _ string) (store.Case, error) {
			return kept.CreateCase(ctx, store.NewCase{UseCase: useCase})
		}})
	require.NoError(t, err)
	s.look = 10 * time.Millisecond
	s.serve = s.handler()
	return s
}

// note takes a phone note in, as the intake would.
func (s *scene) note(ctx context.Context, m intake.Message) (intake.Receipt, error) {
	parsed, err := json.Marshal(rec("channel", "phone", "text", m.Text, "from", rec("name", m.From.Name, "phone", m.From.Phone)))
	if err != nil {
		return intake.Receipt{}, err
	}
	stored, err := s.Store.StoreEntry(ctx, store.Incoming{Entry: store.Entry{Source: "calls", Channel: "phone", DedupeKey: m.DedupeKey(), UseCase: "complaint", Parsed: parsed, TypedBy: m.TypedBy}, Title: m.Text})
	return intake.Receipt{EntryID: stored.Entry.ID, CaseID: stored.Entry.CaseID, Reference: stored.Entry.CaseReference, Outcome: intake.Started}, err
}

// rec makes a record of names and values: texts, lists of texts, other values.
func rec(pairs ...any) rules.Value {
	fields := map[string]rules.Value{}
	for i := 0; i < len(pairs); i += 2 {
		fields[pairs[i].(string)] = val(pairs[i+1])
	}
	return rules.Record(fields)
}

func val(v any) rules.Value {
	switch v := v.(type) {
	case rules.Value:
		return v
	case string:
		return rules.Text(v)
	case bool:
		return rules.Bool(v)
	case int:
		return rules.Number(rules.Int(int64(v)))
	case []string:
		items := make([]rules.Value, len(v))
		for i, item := range v {
			items[i] = rules.Text(item)
		}
		return rules.List(items...)
	case []rules.Value:
		return rules.List(v...)
	}
	panic("no such value")
}

func wire(t testing.TB, v rules.Value) json.RawMessage {
	t.Helper()
	raw, err := json.Marshal(v)
	require.NoError(t, err)
	return raw
}

// seed stores a case as the interpreter leaves it when it waits for people: with one task of each kind.
func (s *scene) seed() *scene {
	s.t.Helper()
	t, ctx, w := s.t, s.t.Context(), s.words
	s.publish(t.TempDir()+"/workspace", "begin "+w)
	received := time.Now().Add(-3 * time.Hour)
	stored, err := s.Store.StoreEntry(ctx, store.Incoming{
		Entry: store.Entry{Source: "mails", Channel: "email", DedupeKey: "1", UseCase: "customer-complaint", Language: "en", ReceivedAt: received, ContactKeys: []string{"email:ann@example.org"},
			Parsed:      wire(t, rec("channel", "email", "product", "Aurora kettle "+w, "text", "Hello,\nthe kettle from order WC-10427 leaks.\n"+w, "from", rec("email", "ann@example.org", "name", "Ann Lee "+w))),
			Attachments: []store.Attachment{{Name: w + "invoice.pdf", MediaType: "application/pdf", Body: []byte("%PDF")}, {Name: "leak.png", MediaType: "image/png", Body: picture(t, 200)}}},
		Title: "Complaint: Aurora kettle " + w})
	require.NoError(t, err)
	s.caseID = stored.Entry.CaseID
	s.picture, err = s.Store.PutBlob(ctx, s.caseID, "image/png", picture(t, 90))
	require.NoError(t, err)
	steps, err := s.Store.PutBlob(ctx, s.caseID, "application/json", []byte(`{}`))
	require.NoError(t, err)
	at := func(minutes int) time.Time { return received.Add(time.Duration(minutes) * time.Minute) }
	line := func(n int, article string) rules.Value {
		return rec("invoice_number", "INV-2026-0042"+string(rune('0'+n)), "article", article+" "+w, "quantity", 1, "amount", 79, "currency", "EUR", "order_number", "WC-1042"+string(rune('0'+n)), "invoice_date", rules.Date(2026, 3, 4))
	}
	lines := []rules.Value{line(7, "Kettle Aurora"), line(8, "Toaster Blaze")}
	require.NoError(t, s.Store.WriteRecord(ctx, store.Record{CaseID: s.caseID,
		Steps: []store.StepResult{
			{Path: "customer", Generation: 1, Ordinal: 1, Kind: "call", Title: "Customer", System: "crm", Operation: "crm.find_customer", Driver: "adapter:hubspot", StartedAt: at(1), FinishedAt: at(1), Result: wire(t, rec("id", "301", "system", "crm", "name", "Anne Leigh "+w, "tier", "basic"))},
			{Path: "customer", Generation: 2, Ordinal: 4, Kind: "call", Title: "Customer", System: "crm", Operation: "crm.find_customer", Driver: "adapter:hubspot", StartedAt: at(5), FinishedAt: at(5), Result: wire(t, rec("id", "302", "system", "crm", "name", "Ann Lee "+w, "tier", "gold", "emails", []string{"ann@example.org", "lee@work.example"}))},
			{Path: "invoices", Generation: 1, Ordinal: 5, Kind: "call", Title: "Invoices", System: "invoicing", Driver: "adapter:stripe", StartedAt: at(5), FinishedAt: at(5), Result: wire(t, rec("lines", lines))},
			{Path: "lines", Generation: 1, Ordinal: 6, Kind: "set", Title: "lines", StartedAt: at(5), FinishedAt: at(5), Result: wire(t, rec("all", lines))},
			{Path: "shipment", Generation: 1, Ordinal: 7, Kind: "call", Title: "Shipment", System: "fulfilment", Driver: "robot:versanddesk", StartedAt: at(6), FinishedAt: at(6), Evidence: steps + " " + s.picture, Result: wire(t, rec("status", "delivered", "delivered_on", rules.Date(2026, 3, 9), "carrier", w+"Parcels Ltd"))},
			{Path: "stock", Generation: 1, Ordinal: 8, Kind: "call", Title: "Stock", System: "warehouse", StartedAt: at(7), FinishedAt: at(7), ErrorClass: "unavailable", ErrorMessage: "no answer " + w},
		},
		Decisions: []store.Decision{
			{Path: "warranty", Generation: 1, At: at(7), Table: "warranty", Row: "3", Why: "kettles have 24 months " + w, Facts: wire(t, rec("category", "kettle "+w)), Outputs: wire(t, rec("months", 24, "remedy", "replace"))},
			{Path: "resolution", Generation: 1, At: at(8), Table: "complaint-resolution", Row: "12", Why: "covered, replaceable and in stock", Facts: wire(t, rec("covered", true)), Outputs: wire(t, rec("resolution", "replace", "reason", "It broke within the warranty "+w))},
		},
		Events:   []store.Event{{Key: "redo/customer/2", At: at(4), Kind: "redo", Text: "Customer", Who: agent}, {Key: "late/x", At: at(9), Kind: "overdue", Text: "Approve: replace"}},
		Progress: &store.Progress{Seq: 1, State: store.CaseWaiting, Stage: "solve", WaitingFor: "complaints", WaitingKind: "person", WaitingSince: at(10)}}))
	s.decide(w, at(8))
	require.NoError(t, s.Store.PutRobotCanary(ctx, store.RobotCanary{System: "crm", Operation: "crm.find_customer", Robot: "robot" + w, At: time.Now(), Class: "drift", Message: "m" + w, Warnings: []string{"w" + w}}, []byte("report"), time.Now().Add(time.Hour)))
	canaries, err := s.Store.RobotCanaries(ctx)
	require.NoError(t, err)
	s.report = canaries[0].Report
	require.NoError(t, s.Store.ProposeRobotChange(ctx, store.RobotChange{Kind: "target", Place: "a.yaml:3", Words: "label" + w, Becomes: w, Reason: "r" + w, CaseID: s.caseID}))
	changes, err := s.Store.RobotChanges(ctx, false)
	require.NoError(t, err)
	s.change = changes[0].ID
	s.link, err = s.Store.PutLink(ctx, store.Link{Left: store.Ref{System: "crm", Kind: "customer", ID: "302"}, Right: store.Ref{System: "invoicing", Kind: "customer", ID: "cus_9" + w}, Evidence: json.RawMessage(`{"operation":"invoicing.find_customer","asked_by":["emails"],"agree":["email","name"]}`), Confidence: .9, CaseID: s.caseID})
	require.NoError(t, err)
	_, _, err = s.Store.BeginEffect(ctx, store.Effect{Key: "k", CaseID: s.caseID, StepPath: "ticket", System: "support", Operation: "support.create_task", Driver: "adapter:zendesk", Safety: "idempotency_key", RequestHash: "h"}, nil)
	require.NoError(t, err)
	summary := rec("Proposal", "replace: it broke within the warranty "+w, "Customer", rec("name", "Ann Lee "+w, "tier", "gold"), "Purchase", lines[0], "Delivery", "delivered on 9 March 2026",
		"Warranty", rec("covered", true, "until", rules.Date(2028, 3, 9)), "Stock", rec("available", 4, "depot", "Hamburg"))
	correct := rules.List(rec("step", "customer", "title", "Customer", "fields", []rules.Value{field("email", "text", "ann@example.org", true), field("name", "text", w, false)}), rec("step", "purchase", "title", "Purchase", "candidates", lines))
	form := []rules.Value{field("status", "text", "", true, "pending", "delivered", "lost"), field("delivered_on", "date", "", false), field("weight", "number", "", false), field("signed", "boolean", "", false), field("scanned_at", "date-time", "", false), field("parcels", "json", "", false)}
	problem := rec("class", "drift", "message", "the page has no table of parcels "+w, "step", "Shipment", "operation", "fulfilment.get_shipment", "system", "fulfilment", "attempts", 2, "evidence", []string{steps, s.picture})
	external := store.External{System: "support", ID: "4711", URL: "javascript:alert(1)"}
	if w == "" {
		external.URL = "https://support.example/tickets/4711"
	}
	for _, task := range []store.Task{
		{ID: "t-complete", Kind: store.TaskComplete, StepPath: "solve", Queue: "complaints", Assignee: agent, Title: "replace: Complaint: Aurora kettle " + w, Language: "en", DueAt: time.Now().Add(50 * time.Hour), External: external,
			Payload: wire(t, rec("show", rec("Facts", summary, "Approval", "approved by Bob"), "outcomes", []string{"accepted", "changed", "solved_at_first_contact"}, "correct", correct))},
		{ID: "t-approve", Kind: store.TaskApprove, StepPath: "approval", Role: "approver", Title: "Approve: replace " + w, DueAt: time.Now().Add(-2 * time.Hour), Requester: agent, Payload: wire(t, rec("show", summary, "correct", correct))},
		{ID: "t-choose", Kind: store.TaskChoose, StepPath: "purchase", Queue: "complaints", Title: "Which purchase is it about? " + w, Payload: wire(t, rec("show", rec("Message", "the kettle leaks "+w), "candidates", lines))},
		{ID: "t-answer", Kind: store.TaskAnswer, StepPath: "shipment", Queue: "complaints", Title: "Shipment of an order " + w, Payload: wire(t, rec("show", rec("order_number", "WC-10427 "+w), "operation", "fulfilment.get_shipment", "form", form, "errors", []string{"not_found", "not_unique"}))},
		{ID: "t-repair", Kind: store.TaskRepair, StepPath: "shipment", Queue: "complaints", Title: "Shipment " + w, Payload: wire(t, rec("problem", problem, "form", form, "acts", []string{"retry", "answer", "skip", "cancel"}, "correct", correct))},
		{ID: "t-confirm", Kind: store.TaskConfirm, StepPath: "ticket", Queue: "complaints", Title: "Support ticket " + w, Payload: wire(t, rec("problem", problem, "show", rec("title", "Aurora kettle "+w), "form", []rules.Value{field("number", "text", "", true)}, "acts", []string{"done", "not_done", "cancel"}))},
	} {
		task.CaseID, task.Generation = s.caseID, 1
		opened, err := s.Store.OpenTask(ctx, task)
		require.NoError(t, err)
		s.tasks[task.Kind] = opened
	}
	_, err = s.Store.AddNote(ctx, "t-complete", agent, "She called again. "+w)
	require.NoError(t, err)
	return s
}

// decide records a decision of a table that the case keeps in its bundle, so that it can be explained.
func (s *scene) decide(w string, at time.Time) {
	s.t.Helper()
	text := `rules: 1
table: words
hit: first
facts: {text: {type: string, required: true}, months: number}
inputs: [text, months]
outputs: {remedy: string}
rows:
  - {id: H1, text: startsWith zzz, remedy: none}
  - {id: H2, months: <= 24, remedy: ` + string(rules.Text("replace "+w).Plain()) + `, why: ` + string(rules.Text("within two years "+w).Plain()) + `}
  - {id: H3, remedy: refund}
`
	table, problems := rules.ParseTable("rules/words.yaml", []byte(text), nil)
	require.NoError(s.t, problems.Err())
	facts := rec("text", "it leaks "+w, "months", 30)
	decision, err := table.Decide(facts)
	require.NoError(s.t, err)
	hash, err := s.Store.InForceOf(s.t.Context(), "callback")
	require.NoError(s.t, err)
	stored, err := s.Store.Bundle(s.t.Context(), hash)
	require.NoError(s.t, err)
	bundle, err := usecases.ParseBundle(stored.Body)
	require.NoError(s.t, err)
	bundle.Tables["words"] = usecases.File{Name: "rules/words.yaml", Text: text}
	require.NoError(s.t, s.Store.PutBundle(s.t.Context(), bundle.Hash(), "customer-complaint", bundle.Canonical()))
	_, err = s.Store.SetBundle(s.t.Context(), s.caseID, bundle.Hash())
	require.NoError(s.t, err)
	require.NoError(s.t, s.Store.WriteRecord(s.t.Context(), store.Record{CaseID: s.caseID, Decisions: []store.Decision{{Path: "remedy", Generation: 1, At: at, Table: "words", TableHash: table.Hash, Row: decision.Row,
		Facts: wire(s.t, facts), Outputs: wire(s.t, decision.Outputs)}}}))
}

func field(name, kind, value string, required bool, enum ...string) rules.Value {
	f := rec("name", name, "title", name, "type", kind, "required", required)
	if value != "" {
		f = f.With("value", rules.Text(value))
	}
	if len(enum) > 0 {
		f = f.With("enum", val(enum))
	}
	return f
}

// picture is an image of a lighter and a darker half.
func picture(t testing.TB, grey uint8) []byte {
	t.Helper()
	canvas := image.NewGray(image.Rect(0, 0, 480, 160))
	for x := range 480 {
		for y := range 160 {
			canvas.SetGray(x, y, color.Gray{Y: grey + uint8(x/8)})
		}
	}
	var b bytes.Buffer
	require.NoError(t, png.Encode(&b, canvas))
	return b.Bytes()
}

// browser sends requests as one person's browser does.
type browser struct {
	s      *scene
	cookie string
	header http.Header
}

// as is the browser of somebody who has logged in; "" of nobody.
func (s *scene) as(login string) *browser {
	s.t.Helper()
	b := &browser{s: s, header: http.Header{"Sec-Fetch-Site": {"same-origin"}}}
	if login != "" {
		b.cookie = "token-of-" + login
		_, err := s.Store.UseLogin(s.t.Context(), tokenHash(b.cookie))
		if err != nil {
			_, err = s.Store.CreateLogin(s.t.Context(), tokenHash(b.cookie), login, "test", loginIdle, loginLongest)
		}
		require.NoError(s.t, err)
	}
	return b
}

func (b *browser) do(method, path string, body string) *http.Response {
	b.s.t.Helper()
	request := httptest.NewRequest(method, path, strings.NewReader(body))
	for name, values := range b.header {
		request.Header[name] = values
	}
	if b.cookie != "" {
		request.AddCookie(&http.Cookie{Name: "crosswalk", Value: b.cookie})
	}
	if body != "" && request.Header.Get("Content-Type") == "" {
		kind := "application/x-www-form-urlencoded"
		if strings.HasPrefix(path, "/api/") {
			kind = "application/json"
		}
		request.Header.Set("Content-Type", kind)
	} else if strings.HasPrefix(path, "/api/") && request.Header.Get("Content-Type") == "" {
		request.Header.Set("Content-Type", "application/json")
	}
	recorder := httptest.NewRecorder()
	b.s.serve.ServeHTTP(recorder, request)
	return recorder.Result()
}

func (b *browser) get(path string) (int, string) {
	b.s.t.Helper()
	return said(b.s.t, b.do("GET", path, ""))
}

func (b *browser) post(path string, pairs ...string) (int, string) {
	b.s.t.Helper()
	form := url.Values{}
	for i := 0; i < len(pairs); i += 2 {
		form.Add(pairs[i], pairs[i+1])
	}
	return said(b.s.t, b.do("POST", path, form.Encode()))
}

func said(t testing.TB, response *http.Response) (int, string) {
	t.Helper()
	body, err := io.ReadAll(response.Body)
	require.NoError(t, err)
	return response.StatusCode, string(body)
}
