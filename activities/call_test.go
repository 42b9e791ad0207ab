package activities_test

import (
	"context"
	"encoding/json"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/testsuite"

	"crosswalk/activities"
	"crosswalk/adapters"
	"crosswalk/contracts"
	"crosswalk/rules"
	"crosswalk/store"
)

// bench runs activities on a real store; systems are played.
type bench struct {
	t     *testing.T
	store *store.Store
	acts  *activities.Activities
	play  func(adapters.Call) (rules.Value, error)
	sent  []adapters.Call

	evidence []activities.Evidence // that every call leaves
}

const caseID = "case-1"

func newBench(t *testing.T) *bench {
	t.Helper()
	opened, err := store.Open(t.Context(), t.TempDir())
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, opened.Close()) })
	b := &bench{t: t, store: opened}
	_, err = opened.CreateCase(t.Context(), store.NewCase{ID: caseID, UseCase: "test", BundleHash: "b"})
	require.NoError(t, err)
	b.restart()
	return b
}

// restart forgets everything that is only in memory, as a crash does.
func (b *bench) restart() {
	b.acts = &activities.Activities{Store: b.store, Reach: b.reach, Contracts: b}
}

func (b *bench) Contract(_, system string) (*contracts.Contract, error) {
	return contracts.Catalog()[system], nil
}

func (b *bench) reach() *activities.Reach {
	reach := &activities.Reach{Systems: map[string]*activities.System{}}
	for name, contract := range contracts.Catalog() {
		serves := map[string]activities.Service{}
		for _, short := range contract.OperationNames() {
			serves[short] = activities.Service{Hash: "1", Local: true, Safety: contracts.IdempotencyKey}
		}
		reach.Systems[name] = &activities.System{Name: name, Contract: name, Drivers: []activities.Driver{
			{Name: "adapter:first", Serves: serves, Executor: b}, {Name: "adapter:second", Serves: serves, Executor: b},
		}}
	}
	return reach
}

func (b *bench) Execute(_ context.Context, call adapters.Call) (activities.Result, error) {
	b.sent = append(b.sent, call)
	value, err := b.play(call)
	return activities.Result{Value: value, Evidence: b.evidence}, err
}

func (b *bench) input(path, system, operation, input string) activities.CallInput {
	value, err := rules.FromJSON([]byte(input))
	require.NoError(b.t, err)
	return activities.CallInput{
		Place: activities.Place{Case: caseID, Path: path, Generation: 1}, Bundle: "b", Input: value,
		Route: activities.Route{System: system, Operation: operation, Driver: "adapter:first", DriverHash: "1", Safety: contracts.IdempotencyKey},
	}
}

// local calls as a local activity does, and ordinary as an ordinary one.
func (b *bench) local(in activities.CallInput) (activities.CallOutput, *activities.Failure) {
	suite := testsuite.WorkflowTestSuite{}
	env := suite.NewTestActivityEnvironment()
	value, err := env.ExecuteLocalActivity(b.acts.Call, in)
	return b.outcome(value, err)
}

func (b *bench) ordinary(in activities.CallInput) (activities.CallOutput, *activities.Failure) {
	suite := testsuite.WorkflowTestSuite{}
	env := suite.NewTestActivityEnvironment()
	b.acts.RegisterCalls(env)
	value, err := env.ExecuteActivity(in.Route.Name(), in)
	return b.outcome(value, err)
}

func (b *bench) outcome(value converter.EncodedValue, err error) (activities.CallOutput, *activities.Failure) {
	if err != nil {
		var application *temporal.ApplicationError
		require.ErrorAs(b.t, err, &application)
		var failure activities.Failure
		require.NoError(b.t, application.Details(&failure))
		require.Equal(b.t, string(failure.Class), application.Type())
		require.Equal(b.t, !failure.Class.Temporary() || failure.Rerouted, application.NonRetryable())
		require.NotContains(b.t, application.Message(), "Jane", "a message holds no words of a customer")
		return activities.CallOutput{}, &failure
	}
	var out activities.CallOutput
	require.NoError(b.t, value.Get(&out))
	return out, nil
}

func gives(plain string) func(adapters.Call) (rules.Value, error) {
	return func(adapters.Call) (rules.Value, error) { return rules.FromJSON([]byte(plain)) }
}

func fails(failure contracts.Error) func(adapters.Call) (rules.Value, error) {
	return func(adapters.Call) (rules.Value, error) { return rules.Value{}, &failure }
}

const (
	jane   = `{"id": "301", "name": "Jane", "email": "jane@example.com"}`
	ticket = `{"id": "7", "number": "77", "status": "new"}`
	create = `{"queue": "q", "title": "T", "text": "X", "reference": "CW-1"}`
)

func TestReadIsStampedAndChecked(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.play = gives(jane)
	for _, run := range []func(activities.CallInput) (activities.CallOutput, *activities.Failure){b.local, b.ordinary} {
		out, failure := run(b.input("customer", "crm", "find_customer", `{"email": "x"}`))
		require.Nil(t, failure)
		require.Equal(t, "crm", out.Value.Get("system").Text())
	}
	b.play = gives(`{"id": "301"}`)
	_, failure := b.ordinary(b.input("other", "crm", "find_customer", `{"email": "x"}`))
	require.Equal(t, contracts.Drift, failure.Class)
}

func TestWriteHappensOnce(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.play = gives(ticket)
	in := b.input("ticket", "support", "create_task", create)
	first, failure := b.local(in)
	require.Nil(t, failure)
	b.restart()
	again, failure := b.local(in)
	require.Nil(t, failure)
	require.Len(t, b.sent, 1, "the ledger answers")
	require.Equal(t, first.Value.Plain(), again.Value.Plain())
	require.True(t, first.At.Equal(again.At))

	_, failure = b.local(b.input("ticket", "support", "create_task", `{"queue": "other", "title": "T", "text": "X", "reference": "CW-1"}`))
	require.Equal(t, contracts.Conflict, failure.Class)
	require.Len(t, b.sent, 1)
}

func TestWhatAFailedWriteLeavesInTheLedger(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name    string
		failure contracts.Error
		safety  contracts.Safety
		class   contracts.Class
		state   store.EffectState
		resent  bool // the next attempt knows that the first may have been carried out
	}{
		{"refused", contracts.Error{Class: contracts.Validation}, contracts.IdempotencyKey, contracts.Validation, store.EffectVoid, false},
		{"declined", contracts.Error{Class: contracts.Declined}, contracts.AtMostOnce, contracts.Declined, store.EffectVoid, false},
		{"not sent", contracts.Error{Class: contracts.Unavailable, NothingSent: true}, contracts.AtMostOnce, contracts.Unavailable, store.EffectVoid, false},
		{"lost with a key", contracts.Error{Class: contracts.Unavailable}, contracts.IdempotencyKey, contracts.Unavailable, store.EffectSent, true},
		{"lost without", contracts.Error{Class: contracts.Unavailable}, contracts.AtMostOnce, contracts.OutcomeUnknown, store.EffectUnknown, false},
		{"odd answer without a key", contracts.Error{Class: contracts.Drift}, contracts.AtMostOnce, contracts.OutcomeUnknown, store.EffectUnknown, false},
		{"unknown", contracts.Error{Class: contracts.OutcomeUnknown}, contracts.Lookup, contracts.OutcomeUnknown, store.EffectUnknown, false},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			b := newBench(t)
			b.play = fails(test.failure)
			in := b.input("ticket", "support", "create_task", create)
			in.Route.Safety = test.safety
			_, failure := b.ordinary(in)
			require.Equal(t, test.class, failure.Class)
			effect, err := b.store.Effect(t.Context(), activities.EffectKey(in.Place))
			require.NoError(t, err)
			require.Equal(t, test.state, effect.State)

			b.play = gives(ticket)
			_, failure = b.ordinary(in)
			if test.state == store.EffectUnknown {
				require.Equal(t, contracts.OutcomeUnknown, failure.Class)
				require.Len(t, b.sent, 1, "nothing is sent before a person has said what happened")
				return
			}
			require.Nil(t, failure)
			require.Equal(t, test.resent, !b.sent[1].FirstSent.IsZero())
			require.Equal(t, b.sent[0].Key, b.sent[1].Key)
		})
	}
}

func TestAnotherDriverDoesNotRepeatAWrite(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.play = fails(contracts.Error{Class: contracts.Unavailable})
	in := b.input("ticket", "support", "create_task", create)
	_, failure := b.ordinary(in)
	require.Equal(t, contracts.Unavailable, failure.Class)
	in.Route.Driver = "adapter:second"
	_, failure = b.ordinary(in)
	require.Equal(t, contracts.OutcomeUnknown, failure.Class)
	require.Len(t, b.sent, 1)
}

// A crash after a write makes the workflow task run again: what the write was decided on must come out the same.
func TestLocalReadsBeforeAWriteOutliveACrash(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	read := b.input("customer", "crm", "find_customer", `{"email": "x"}`)
	missing := b.input("other", "crm", "find_customer", `{"email": "y"}`)
	b.play = gives(jane)
	before, failure := b.local(read)
	require.Nil(t, failure)
	b.play = fails(contracts.Error{Class: contracts.NotFound})
	_, failure = b.local(missing)
	require.Equal(t, contracts.NotFound, failure.Class)
	b.play = gives(ticket)
	_, failure = b.local(b.input("ticket", "support", "create_task", create))
	require.Nil(t, failure)

	b.restart()
	b.play = gives(`{"id": "999", "name": "Somebody else"}`)
	after, failure := b.local(read)
	require.Nil(t, failure)
	require.Equal(t, before.Value.Plain(), after.Value.Plain())
	require.True(t, before.At.Equal(after.At))
	_, failure = b.local(missing)
	require.Equal(t, contracts.NotFound, failure.Class)
	require.Len(t, b.sent, 3)

	fresh := read
	fresh.Generation = 2
	after, _ = b.local(fresh)
	require.Equal(t, "999", after.Value.Get("id").Text(), "a step that is redone asks again")
}

// A workflow task may be done again in the very process that did it first: when it took too long.
func TestLocalReadsBeforeAWriteAreNotMadeAgainInTheSameProcess(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	read := b.input("customer", "crm", "find_customer", `{"email": "x"}`)
	b.play = gives(jane)
	first, failure := b.local(read)
	require.Nil(t, failure)
	b.play = gives(ticket)
	_, failure = b.local(b.input("ticket", "support", "create_task", create))
	require.Nil(t, failure)
	b.play = gives(`{"id": "302", "name": "John", "email": "john@example.com"}`)
	again, failure := b.local(read)
	require.Nil(t, failure)
	require.Equal(t, first.Value.Plain(), again.Value.Plain())
	other, failure := b.local(b.input("other", "crm", "find_customer", `{"email": "x"}`))
	require.Nil(t, failure)
	require.Equal(t, "302", other.Value.Get("id").Text())
}

func TestPersonSettlesAnUnknownWrite(t *testing.T) {
	t.Parallel()
	for happened, state := range map[bool]store.EffectState{true: store.EffectConfirmed, false: store.EffectVoid} {
		t.Run(fmt.Sprint(happened), func(t *testing.T) {
			t.Parallel()
			b := newBench(t)
			b.play = fails(contracts.Error{Class: contracts.OutcomeUnknown})
			in := b.input("ticket", "support", "create_task", create)
			_, failure := b.ordinary(in)
			require.Equal(t, contracts.OutcomeUnknown, failure.Class)
			result, err := rules.FromJSON([]byte(ticket))
			require.NoError(t, err)
			for range 2 { // an activity may run twice
				require.NoError(t, b.acts.SettleEffect(t.Context(), activities.SettleInput{Place: in.Place, Happened: happened, Result: result, By: "ann"}))
			}
			effect, err := b.store.Effect(t.Context(), activities.EffectKey(in.Place))
			require.NoError(t, err)
			require.Equal(t, state, effect.State)
			b.play = gives(`{"id": "8", "number": "88", "status": "new"}`)
			out, failure := b.ordinary(in)
			require.Nil(t, failure)
			require.Equal(t, map[bool]string{true: "77", false: "88"}[happened], out.Value.Get("number").Text())
		})
	}
}

func TestPausedSystem(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	require.NoError(t, b.store.PauseSystem(t.Context(), "crm", "ann", "maintenance"))
	_, failure := b.local(b.input("customer", "crm", "find_customer", `{"email": "x"}`))
	require.True(t, failure.Paused)
	require.Equal(t, contracts.Unavailable, failure.Class)
	require.Empty(t, b.sent)
}

func TestRouteThatIsGone(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	in := b.input("customer", "crm", "find_customer", `{"email": "x"}`)
	in.Route.Driver = "adapter:removed"
	_, failure := b.local(in)
	require.True(t, failure.Rerouted)
}

func TestContactsOfAFoundCustomerAreKnown(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	value, err := rules.FromJSON([]byte(`{"id": "1", "system": "crm", "name": "Jane", "email": " Jane@Example.com", "phones": ["+49 (170) 123-45-67", "12"], "handle": "@JaneD"}`))
	require.NoError(t, err)
	place := activities.Place{Case: caseID, Path: "customer", Generation: 1}
	for range 2 {
		_, err := b.acts.Record(t.Context(), activities.Record{Case: caseID, Steps: []activities.StepRecord{{Place: place, Seq: 1, Kind: "call", Value: value}}})
		require.NoError(t, err)
	}
	keys, err := b.store.ContactKeys(t.Context(), caseID)
	require.NoError(t, err)
	require.Equal(t, []string{"email:jane@example.com", "handle:janed", "phone:701234567"}, keys)
	steps, err := b.store.Steps(t.Context(), caseID)
	require.NoError(t, err)
	require.Len(t, steps, 1)
	var stored rules.Value
	require.NoError(t, json.Unmarshal(steps[0].Result, &stored))
	require.True(t, stored.Equal(value))
}
