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
  leavers:
    webhook: {verify: {scheme: mailchimp, secret: 'env:CROSSWALK_TEST_STRIPE'}}
    starts: complaint
    with: {channel: web, from: {email: '${webhook.fields.data.email}', name: '${webhook.fields.data.merges.FNAME}'}, text: '${webhook.fields.data.reason}', received_at: '${webhook.received_at}'}
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
	mutex       sync.Mutex
	fail        int // so many calls fail first
	ended       map[string]bool
	started     []store.Entry
	nudged      []string
	delivered   []store.Task
	redelivered []store.Task // by the sweeper
	store       *store.Store
	called      chan struct{}
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

func (f *fakeCases) Redeliver(ctx context.Context, tasks []store.Task) error {
	return f.call(func() error {
		f.redelivered = append(f.redelivered, tasks...)
		var err error
		for _, task := range tasks {
			err = errors.Join(err, f.store.MarkDelivered(ctx, task.ID))
		}
		return err
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

// The secrets of the test's sources.
const (
	secretX       = "consumer-secret-of-the-test"
	secretOld     = "whsec_b2xkLW9sZC1vbGQtb2xkLW9sZC1vbGQh"
	secretNew     = "whsec_bmV3LW5ldy1uZXctbmV3LW5ldy1uZXch"
	secretZendesk = "zendesk-secret-of-the-test"
	secretStripe  = "whsec_stripe-secret-of-the-test"
	secretToken   = "0123456789abcdefghijklmnop"
)
