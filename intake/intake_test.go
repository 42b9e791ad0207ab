package intake

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"crosswalk/rules"
	"crosswalk/store"
	"crosswalk/workspace"
)

// testUseCase takes what the channels give.
const testUseCase = `usecase: complaint
title: Complaint
input:
  channel:     {enum: [email, web, phone, social], required: true}
  from:        {type: object, required: true, personal: true, properties: {email: string, phone: string, handle: string, name: string}}
  product:     string
  text:        {type: string, required: true, personal: true}
  received_at: {type: date-time, required: true}
events: {goods-returned: {condition: {type: string, enum: [good, damaged], required: true}}}
steps:
  - {id: back, wait: {event: goods-returned, key: '${input.text}', within: 1 day}}
  - id: ticket
    call: support.create_task
    with: {queue: support, title: '${input.channel}', text: '${input.text}', reference: '${case.reference}'}
  - id: solve
    ask: {queue: support, what: complete, task: '${ticket}', outcomes: [accepted, changed]}
  - id: done
    end: {outcome: '${solve.outcome}'}
`

const testConfig = `company: Nordwind
systems:
  support: {contract: support, drivers: [{person: support}]}
people: {roles: roles.yaml}
intake:
  mails:
    mail: {listen: '127.0.0.1:0'}
    starts: complaint
    with: {channel: email, from: '${mail.from}', text: '${mail.text}', received_at: '${mail.received_at}'}
    acknowledge: true
  contact:
    form: {per_minute: 5}
    title: Tell us
    starts: complaint
    with: {channel: web, from: '${form.from}', product: '${form.product}', text: '${form.text}', received_at: '${form.received_at}'}
    acknowledge: true
  calls:
    note:
    starts: complaint
    with: {channel: phone, from: '${note.from}', product: '${note.product}', text: '${note.text}', received_at: '${note.received_at}'}
  posts:
    social: {verify: {scheme: x, secret: 'env:CROSSWALK_TEST_X'}}
    starts: complaint
    with: {channel: social, from: '${social.from}', text: '${social.text}', received_at: '${social.received_at}'}
  shop:
    webhook: {verify: {scheme: standard-webhooks, secrets: ['env:CROSSWALK_TEST_OLD', 'env:CROSSWALK_TEST_NEW']}}
    starts: complaint
    with: {channel: web, from: '${webhook.from}', text: '${webhook.text}', received_at: '${webhook.received_at}'}
    acknowledge: {subject: 'Noted: ${case.reference} ${webhook.fields.topic}', text: "Dear ${webhook.from.name ?? \"customer\"},\n\n${case.reference}."}
  open:
    webhook: {verify: {scheme: none}}
    starts: complaint
    with: {channel: web, from: '${webhook.from}', text: '${webhook.fields.words}', received_at: '${webhook.received_at}'}
    joins: {contact: false}
  payments:
    webhook: {verify: {scheme: stripe, secret: 'env:CROSSWALK_TEST_STRIPE'}}
    starts: complaint
    with: {channel: web, from: '${webhook.from}', text: '${webhook.fields.type}', received_at: '${webhook.received_at}'}
  chat:
    webhook: {verify: {scheme: slack, secret: 'env:CROSSWALK_TEST_STRIPE'}}
    starts: complaint
    with: {channel: web, from: '${webhook.from}', text: '${webhook.fields.type}', received_at: '${webhook.received_at}'}
  contacts:
    webhook: {verify: {scheme: hubspot, address: 'https://hooks.acme.example', secret: 'env:CROSSWALK_TEST_STRIPE'}}
    starts: complaint
    with: {channel: web, from: '${webhook.from}', text: '${text(len(webhook.fields.events))}', received_at: '${webhook.received_at}'}
  cases:
    webhook: {verify: {scheme: salesforce, secrets: ['env:CROSSWALK_TEST_TOKEN', 'env:CROSSWALK_TEST_SHORT']}}
    starts: complaint
    with: {channel: web, from: '${webhook.from}', text: '${webhook.text}', received_at: '${webhook.received_at}'}
  returns:
    webhook: {verify: {scheme: none}}
    event: goods-returned
    key: '${webhook.fields.order}'
    with: {condition: '${webhook.fields.condition}'}
    dedupe: '${webhook.fields.parcel}'
  returns_by_mail:
    mail: {listen: '127.0.0.1:0'}
    event: goods-returned
    key: '${mail.subject ?? ""}'
    with: {condition: good}
  solved:
    webhook: {verify: {scheme: zendesk, secret: 'env:CROSSWALK_TEST_ZENDESK'}}
    completes:
      system: support
      when: webhook.fields.event.current == "SOLVED"
      task: '${webhook.fields.detail.id}'
      by: 'agent:${webhook.fields.detail.actor_id}'
`

const testRoles = `queues:
  support: {roles: [agent]}
users:
  - {name: Ada, email: ada@nordwind.example, password: 'env:CROSSWALK_TEST_OLD', roles: [agent], languages: [en, de, fr, es, nl]}
`

// The secrets of the test's sources.
const (
	secretX       = "consumer-secret-of-the-test"
	secretOld     = "whsec_b2xkLW9sZC1vbGQtb2xkLW9sZC1vbGQh"
	secretNew     = "whsec_bmV3LW5ldy1uZXctbmV3LW5ldy1uZXch"
	secretZendesk = "zendesk-secret-of-the-test"
	secretStripe  = "whsec_stripe-secret-of-the-test"
	secretToken   = "0123456789abcdefghijklmnop"
)

func TestMain(m *testing.M) {
	for name, value := range map[string]string{"CROSSWALK_TEST_X": secretX, "CROSSWALK_TEST_OLD": secretOld, "CROSSWALK_TEST_NEW": secretNew, "CROSSWALK_TEST_ZENDESK": secretZendesk, "CROSSWALK_TEST_STRIPE": secretStripe, "CROSSWALK_TEST_TOKEN": secretToken, "CROSSWALK_TEST_SHORT": secretToken + "-the-one-before"} {
		if err := os.Setenv(name, value); err != nil {
			panic(err)
		}
	}
	os.Exit(m.Run())
}

// loadSources reads sources through the workspace's own parser.
func loadSources(t testing.TB, config string) []*workspace.Source {
	t.Helper()
	dir := t.TempDir()
	for name, text := range map[string]string{"crosswalk.yaml": config, "roles.yaml": testRoles, "usecases/complaint.yaml": testUseCase} {
		path := filepath.Join(dir, name)
		require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o700))
		require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
	}
	w, problems := workspace.Load(dir)
	require.Empty(t, problems.Errors(), "%v", problems)
	return w.Config.Intake
}

// fakeCases stands in for the engine.
type fakeCases struct {
	mutex     sync.Mutex
	fail      int // so many calls fail first
	ended     map[string]bool
	started   []store.Entry
	nudged    []string
	delivered []store.Task
	store     *store.Store
	called    chan struct{}
}

func (f *fakeCases) call(then func() error) error {
	f.mutex.Lock()
	defer f.mutex.Unlock()
	defer func() {
		select {
		case f.called <- struct{}{}:
		default:
		}
	}()
	if f.fail > 0 {
		f.fail--
		return errors.New("the engine is away")
	}
	return then()
}

func (f *fakeCases) StartCase(_ context.Context, entry store.Entry) error {
	return f.call(func() error { f.started = append(f.started, entry); return nil })
}

// TellEvents nudges who waits, as the worker does.
func (f *fakeCases) TellEvents(ctx context.Context, name, key string, since time.Time) error {
	due, err := f.store.DueNudges(ctx, name, key, since, 100)
	for _, wait := range due {
		err = errors.Join(err, f.Nudge(ctx, wait.Execution), f.store.MarkNudged(ctx, wait))
	}
	return err
}

func (f *fakeCases) Nudge(_ context.Context, caseID string) error {
	return f.call(func() error {
		if f.ended[caseID] {
			return ErrEnded
		}
		f.nudged = append(f.nudged, caseID)
		return nil
	})
}

func (f *fakeCases) Deliver(ctx context.Context, task store.Task) error {
	return f.call(func() error {
		f.delivered = append(f.delivered, task)
		return f.store.MarkDelivered(ctx, task.ID)
	})
}

// scene is an intake on a store of its own.
type scene struct {
	*Intake
	cases *fakeCases
	clock time.Time
	mutex sync.Mutex
}

func newScene(t testing.TB) *scene { return newSceneOf(t, testConfig) }

func newSceneOf(t testing.TB, config string) *scene {
	t.Helper()
	sources := loadSources(t, config)
	s := &scene{clock: time.Date(2026, 6, 1, 12, 0, 0, 0, time.UTC), cases: &fakeCases{ended: map[string]bool{}, called: make(chan struct{}, 100)}}
	kept, err := store.Open(t.Context(), t.TempDir(), store.WithClock(s.tell))
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, kept.Close()) })
	s.cases.store = kept
	s.Intake = New(Options{Store: kept, Sources: func() []*workspace.Source { return sources }, Languages: func() []string { return []string{"en", "de", "fr", "es", "nl"} },
		Company: func() string { return "Nordwind" }, Cases: s.cases, Log: slog.New(slog.NewTextHandler(io.Discard, nil))})
	s.now = s.tell
	return s
}

func (s *scene) tell() time.Time {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	return s.clock
}

func (s *scene) later(by time.Duration) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	s.clock = s.clock.Add(by)
}

func (s *scene) source(t testing.TB, name string) *workspace.Source {
	t.Helper()
	for _, source := range s.Sources() {
		if source.Name == name {
			return source
		}
	}
	require.Fail(t, "no source "+name)
	return nil
}

// take takes a message of a source in.
func (s *scene) take(t testing.TB, source string, m Message) Receipt {
	t.Helper()
	if m.ReceivedAt.IsZero() {
		m.ReceivedAt = s.tell()
	}
	receipt, err := s.Take(t.Context(), s.source(t, source), m)
	require.NoError(t, err)
	return receipt
}

func (s *scene) takeMail(t testing.TB, from string, lines ...string) Receipt {
	t.Helper()
	m, err := ParseMail(mailOf(lines...), from, "help@nordwind.example", s.tell())
	require.NoError(t, err)
	return s.take(t, "mails", m)
}

// sweep drives whatever is not handed over.
func (s *scene) sweep(t testing.TB) {
	t.Helper()
	require.NoError(t, s.sweepOnce(t.Context(), s.tell().Add(time.Second)))
}

func (s *scene) input(t testing.TB, entry string) rules.Value {
	t.Helper()
	found, err := s.Store.Entry(t.Context(), entry)
	require.NoError(t, err)
	var v rules.Value
	require.NoError(t, json.Unmarshal(found.Parsed, &v))
	return v
}

func TestSentTwiceIsOneCase(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	message := []string{"From: Ann Lee <ann@example.org>", "Message-ID: <one@example.org>", "Subject: Kettle", "", "The kettle is broken."}
	var wait sync.WaitGroup
	receipts := make([]Receipt, 50)
	for n := range receipts {
		wait.Go(func() { receipts[n] = s.takeMail(t, "ann@example.org", message...) })
	}
	wait.Wait()
	begun := 0
	for _, receipt := range receipts {
		require.Equal(t, receipts[0].CaseID, receipt.CaseID)
		require.Equal(t, receipts[0].Reference, receipt.Reference)
		if receipt.Outcome == Started {
			begun++
		} else {
			require.Equal(t, Duplicate, receipt.Outcome)
		}
	}
	require.Equal(t, 1, begun)
	s.sweep(t)
	require.Len(t, s.cases.started, 1)
	mails, err := s.Store.Mails(t.Context(), receipts[0].CaseID)
	require.NoError(t, err)
	require.Len(t, mails, 1)
	s.later(8 * 24 * time.Hour)
	require.Equal(t, Duplicate, s.takeMail(t, "ann@example.org", message...).Outcome)
}

func TestWhatTheUseCaseGets(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	receipt := s.take(t, "contact", Message{Channel: "web", From: Sender{Email: "ann@example.org", Name: "Ann"}, Product: "Aurora 2", Text: "It leaks."})
	input := s.input(t, receipt.EntryID)
	require.Equal(t, "web", input.Get("channel").Text())
	require.Equal(t, "ann@example.org", input.Path("from", "email").Text())
	require.Equal(t, "Aurora 2", input.Get("product").Text())
	require.True(t, s.tell().Equal(input.Get("received_at").Time()))
	require.Regexp(t, `^CW-[0-9A-HJKMNP-TV-Z]{8}$`, receipt.Reference)
}

func TestWhatTheUseCaseCannotTakeIsRefused(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	_, err := s.Take(t.Context(), s.source(t, "open"), Message{Channel: "webhook", Fields: rules.Record(nil), ReceivedAt: s.tell()})
	require.ErrorIs(t, err, ErrMalformed)
	cases, err := s.Store.Cases(t.Context(), store.CaseFilter{})
	require.NoError(t, err)
	require.Empty(t, cases)
}

func TestTheSweeperDrivesWhatWasNotHandedOver(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	s.cases.fail = 3
	receipt := s.takeMail(t, "ann@example.org", "From: ann@example.org", "", "The kettle is broken.")
	// Nothing runs: this is what a kill between storing and handing over leaves.
	require.Empty(t, s.cases.started)
	for range 3 {
		require.Error(t, s.sweepOnce(t.Context(), s.tell().Add(time.Second)))
		require.Empty(t, s.cases.started)
	}
	s.sweep(t)
	require.Len(t, s.cases.started, 1)
	require.Equal(t, receipt.CaseID, s.cases.started[0].CaseID)
	s.sweep(t)
	require.Len(t, s.cases.started, 1, "handed over once")
	entry, err := s.Store.Entry(t.Context(), receipt.EntryID)
	require.NoError(t, err)
	require.Equal(t, store.EntryStarted, entry.State)
}

func TestRunHandsOverAtOnce(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() { defer close(done); s.Run(ctx) }()
	receipt := s.takeMail(t, "ann@example.org", "From: ann@example.org", "", "The kettle is broken.")
	<-s.cases.called
	cancel()
	<-done
	require.Equal(t, receipt.EntryID, s.cases.started[0].ID)
}

func TestJoining(t *testing.T) {
	t.Parallel()
	first := []string{"From: Ann Lee <ann@example.org>", "Message-ID: <one@example.org>", "Subject: Kettle", "",
		"Hello,", "the kettle Aurora from order WC-10427 is leaking since Monday.", "Kind regards", "Ann Lee, 10115 Berlin, +49 30 1234567"}
	cases := []struct {
		name string
		send func(t *testing.T, s *scene, first Receipt) Receipt
		want Outcome
	}{
		{"a reply in the thread", func(t *testing.T, s *scene, _ Receipt) Receipt {
			return s.takeMail(t, "ann@example.org", "From: ann@example.org", "Message-ID: <two@example.org>", "In-Reply-To: <one@example.org>", "", "And another thing: nobody answers.")
		}, Joined},
		{"a reply to the acknowledgement, from another address", func(t *testing.T, s *scene, first Receipt) Receipt {
			return s.takeMail(t, "ann@work.example", "From: ann@work.example", "Message-ID: <two@work.example>", "In-Reply-To: <"+first.EntryID+"@crosswalk.invalid>", "", "I have a photo.")
		}, Joined},
		{"a mail that names the reference", func(t *testing.T, s *scene, first Receipt) Receipt {
			return s.takeMail(t, "bob@example.org", "From: bob@example.org", "Subject: Re: your case "+first.Reference, "", "I am her husband.")
		}, Joined},
		{"the same order by the form", func(t *testing.T, s *scene, _ Receipt) Receipt {
			return s.take(t, "contact", Message{Channel: "web", From: Sender{Email: "Ann@Example.org"}, Product: "10427", Text: "Still nothing heard from you!"})
		}, Joined},
		{"the same words by telephone", func(t *testing.T, s *scene, _ Receipt) Receipt {
			require.NoError(t, s.Store.AddContactKeys(t.Context(), s.caseOf(t, "ann@example.org"), []string{"phone:" + NormalisePhone("+49 30 1234567")}))
			return s.take(t, "calls", Message{Channel: "phone", ID: "n1", From: Sender{Phone: "030 1234567"}, Text: "Customer says that her Aurora kettle is leaking"})
		}, Joined},
		{"another product of the same person", func(t *testing.T, s *scene, _ Receipt) Receipt {
			return s.takeMail(t, "ann@example.org", "From: ann@example.org", "Message-ID: <three@example.org>", "", "Hello,", "the toaster Blaze burns every slice.", "Kind regards", "Ann Lee, 10115 Berlin, +49 30 1234567")
		}, Started},
		{"another order of the same person", func(t *testing.T, s *scene, _ Receipt) Receipt {
			return s.takeMail(t, "ann@example.org", "From: ann@example.org", "Message-ID: <three@example.org>", "", "The kettle Aurora from order WC-10511 is leaking too.")
		}, Started},
		{"the same words of somebody else", func(t *testing.T, s *scene, _ Receipt) Receipt {
			return s.takeMail(t, "eve@example.org", "From: eve@example.org", "Message-ID: <three@example.org>", "", "The kettle Aurora from order WC-10427 is leaking since Monday.")
		}, Started},
		{"a source that joins by thread only", func(t *testing.T, s *scene, _ Receipt) Receipt {
			return s.take(t, "open", Message{Channel: "webhook", From: Sender{Email: "ann@example.org"}, Fields: rules.Record(map[string]rules.Value{"words": rules.Text("kettle Aurora order WC-10427 is leaking")}), Text: "kettle Aurora order WC-10427 is leaking"})
		}, Started},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s := newScene(t)
			begun := s.takeMail(t, "ann@example.org", first...)
			s.later(time.Minute)
			got := c.send(t, s, begun)
			require.Equal(t, c.want, got.Outcome)
			require.Equal(t, c.want == Joined, begun.CaseID == got.CaseID)
			s.sweep(t)
			if c.want == Joined {
				require.Equal(t, []string{begun.CaseID}, s.cases.nudged)
				require.Len(t, s.cases.started, 1)
			} else {
				require.Len(t, s.cases.started, 2)
			}
		})
	}
}

func (s *scene) caseOf(t *testing.T, email string) string {
	t.Helper()
	found, err := s.Store.Cases(t.Context(), store.CaseFilter{Contact: "email:" + email})
	require.NoError(t, err)
	require.NotEmpty(t, found)
	return found[0].ID
}

func TestALateMessageGetsACaseOfItsOwn(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	first := s.takeMail(t, "ann@example.org", "From: ann@example.org", "Message-ID: <one@example.org>", "", "The kettle is broken.")
	s.sweep(t)
	// It joins while the case is open for us, and the case ends before it can be told.
	second := s.takeMail(t, "ann@example.org", "From: ann@example.org", "Message-ID: <two@example.org>", "In-Reply-To: <one@example.org>", "", "Still broken.")
	require.Equal(t, Joined, second.Outcome)
	s.cases.ended[first.CaseID] = true
	s.sweep(t)
	require.Len(t, s.cases.started, 2)
	own := s.cases.started[1]
	require.Equal(t, second.EntryID, own.ID)
	require.NotEqual(t, first.CaseID, own.CaseID)
	mails, err := s.Store.Mails(t.Context(), own.CaseID)
	require.NoError(t, err)
	require.Len(t, mails, 1, "the sender is told the new reference")
	require.Contains(t, string(mails[0].Raw), own.CaseReference)
	s.sweep(t)
	require.Len(t, s.cases.started, 2)

	for _, id := range []string{first.CaseID, own.CaseID} {
		require.NoError(t, s.Store.EndCase(t.Context(), id, store.End{State: store.CaseDone, Outcome: "done", At: s.tell()}))
	}
	third := s.takeMail(t, "ann@example.org", "From: ann@example.org", "Message-ID: <three@example.org>", "In-Reply-To: <one@example.org>", "", "It is broken again.")
	require.Equal(t, Started, third.Outcome)
}

func TestJoinsWithin(t *testing.T) {
	t.Parallel()
	s := newSceneOf(t, testConfig+"  short:\n    note:\n    starts: complaint\n    with: {channel: phone, from: '${note.from}', text: '${note.text}', received_at: '${note.received_at}'}\n    joins: {within: 2 days}\n")
	say := func(id string) Receipt {
		return s.take(t, "short", Message{Channel: "phone", ID: id, From: Sender{Phone: "030 1234567"}, Text: "kettle leaking"})
	}
	require.Equal(t, Started, say("1").Outcome)
	s.later(30 * time.Hour)
	require.Equal(t, Joined, say("2").Outcome)
	s.later(30 * time.Hour)
	require.Equal(t, Joined, say("3").Outcome, "within two days of the last message, not of the first")
	s.later(60 * time.Hour)
	require.Equal(t, Started, say("4").Outcome)
}

func TestAutomaticMailStartsNothing(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	for _, header := range []string{"Auto-Submitted: auto-replied", "Precedence: bulk", "List-Id: <x>", "X-Autoreply: yes", "X-Crosswalk-Case: c"} {
		receipt := s.takeMail(t, "ann@example.org", "From: ann@example.org", header, "Message-ID: <"+digest(header)[:9]+"@x>", "Content-Type: text/plain", "", "I am away")
		require.Equal(t, Ignored, receipt.Outcome)
		require.NotEmpty(t, receipt.Reason)
	}
	require.Equal(t, Ignored, s.takeMail(t, "", "From: MAILER-DAEMON@example.org", "", "undeliverable").Outcome)
	require.Equal(t, Ignored, s.take(t, "contact", Message{Channel: "web", From: Sender{Email: "b@example.org"}, Text: "buy", Automatic: "the form was filled by a machine",
		Attachments: []Attachment{{Name: "x", MediaType: "image/png", Bytes: []byte("x")}}}).Outcome)
	s.sweep(t)
	require.Empty(t, s.cases.started)
	due, err := s.Store.ClaimMails(t.Context(), 10, time.Minute)
	require.NoError(t, err)
	require.Empty(t, due)
}
