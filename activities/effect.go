package activities

import (
	"context"
	"encoding/json"
	"errors"
	"time"

	"crosswalk/contracts"
	"crosswalk/rules"
	"crosswalk/store"
)

// write carries out a write under the ledger: the intent is stored before anything is sent, an effect that is confirmed
// is answered from the ledger, and one that may have been sent is never sent again blindly.
func (c *call) write(ctx context.Context) (CallOutput, *Failure, error) {
	effect, fresh, failure, err := c.begin(ctx)
	if failure != nil || err != nil {
		return CallOutput{}, failure, err
	}
	switch {
	case fresh:
		return c.send(ctx, effect, time.Time{}, time.Time{})
	case effect.State == store.EffectConfirmed:
		return c.fromLedger(effect)
	case effect.State == store.EffectUnknown:
		return CallOutput{}, &Failure{Class: contracts.OutcomeUnknown, Message: effect.Error}, nil
	}
	before, last := effect.FirstSentAt, effect.LastSentAt // zero for an intent that was certainly not sent
	if !c.announces() {
		if effect, err = c.Store.EffectSent(ctx, effect.Key); err != nil {
			return CallOutput{}, nil, err
		}
	}
	if !before.IsZero() && effect.Driver != c.in.Route.Driver {
		// Another driver may have sent it: what makes that one's writes safe says nothing about this one's.
		return c.doubt(ctx, effect, "it was sent by "+effect.Driver+" and may have been carried out")
	}
	return c.send(ctx, effect, before, last)
}

// announces says whether the driver tells the moment in which a write leaves.
func (c *call) announces() bool { return c.driver.Serves[c.in.Route.Operation].Announces }

// begin stores the intent, together with the answers of the local reads that it was decided on.
func (c *call) begin(ctx context.Context) (store.Effect, bool, *Failure, error) {
	request, err := json.Marshal(c.in.Input)
	if err != nil {
		return store.Effect{}, false, nil, err
	}
	reads, state := c.reads.of(c.in.Case), store.EffectSent
	if c.announces() {
		state = store.EffectIntent
	}
	effect, fresh, err := c.Store.BeginEffect(ctx, store.Effect{
		Key: EffectKey(c.in.Place), CaseID: c.in.Case, StepPath: c.in.Path, Generation: c.in.Generation,
		System: c.in.Route.System, Operation: c.operation.Name, Driver: c.in.Route.Driver, Safety: string(c.in.Route.Safety),
		RequestHash: c.operation.Name + "/" + c.in.Input.Hash(), Request: request, State: state,
	}, reads)
	if errors.Is(err, store.ErrConflict) {
		return effect, false, &Failure{Class: contracts.Conflict, Message: "this step has asked for something else before, and that may have been carried out", NothingSent: true}, nil
	}
	if err == nil {
		c.reads.stored(c.in.Case, len(reads))
	}
	return effect, fresh, nil, err
}

// send lets the driver do it and writes the outcome into the ledger. The ledger is written even when the attempt's
// time is over: what is known must not be lost.
func (c *call) send(ctx context.Context, effect store.Effect, firstSent, lastSent time.Time) (CallOutput, *Failure, error) {
	c.sending = func(ctx context.Context) error {
		sent, err := c.Store.SendEffect(ctx, effect)
		if err == nil {
			effect = sent
		}
		return err
	}
	output, failure, err := c.execute(ctx, effect.Key, firstSent, lastSent)
	ctx = context.WithoutCancel(ctx)
	switch {
	case err != nil:
		return CallOutput{}, nil, err
	case failure == nil:
		return c.confirm(ctx, effect, output)
	case failure.Class == contracts.OutcomeUnknown:
		return c.doubt(ctx, effect, failure.Message)
	case firstSent.IsZero() && certain(failure):
		_, err := c.Store.VoidEffect(ctx, effect, string(failure.Class))
		c.settled(store.EffectVoid)
		return CallOutput{}, failure, err
	case c.in.Route.Safety == contracts.AtMostOnce && !failure.NothingSent:
		return c.doubt(ctx, effect, failure.Message)
	}
	return CallOutput{}, failure, nil
}

// certain says that a failure proves that the system did not carry the request out. What follows a successful
// request (an answer that looks strange, a fault of ours) proves nothing.
func certain(f *Failure) bool {
	if f.Ask != nil { // a question, whatever its class, may come after the request
		return f.NothingSent
	}
	switch f.Class {
	case contracts.Unavailable, contracts.Drift, contracts.Internal:
		return f.NothingSent
	}
	return true
}

func (c *call) confirm(ctx context.Context, effect store.Effect, output CallOutput) (CallOutput, *Failure, error) {
	result, err := json.Marshal(output.Value)
	if err != nil {
		return CallOutput{}, nil, err
	}
	settled, err := c.Store.ConfirmEffect(ctx, effect.Key, result, output.Value.Get("id").Text())
	if err != nil {
		return CallOutput{}, nil, err
	}
	c.settled(store.EffectConfirmed)
	output.At = settled.SettledAt
	checked, failure := c.checked(output)
	return checked, failure, nil
}

// fromLedger answers a write that is done.
func (c *call) fromLedger(effect store.Effect) (CallOutput, *Failure, error) {
	output := CallOutput{At: effect.SettledAt}
	if len(effect.Result) > 0 {
		if err := json.Unmarshal(effect.Result, &output.Value); err != nil {
			return CallOutput{}, nil, err
		}
	}
	checked, failure := c.checked(output)
	return checked, failure, nil
}

// doubt leaves the effect to a person.
func (c *call) doubt(ctx context.Context, effect store.Effect, why string) (CallOutput, *Failure, error) {
	_, err := c.Store.MarkEffectUnknown(ctx, effect.Key, why)
	c.settled(store.EffectUnknown)
	return CallOutput{}, &Failure{Class: contracts.OutcomeUnknown, Message: why}, err
}

// SettleInput is what a person found out about a write whose outcome was unknown.
type SettleInput struct {
	Place
	Happened bool        `json:"happened"`
	Result   rules.Value `json:"result"`
	By       string      `json:"by"`
	Note     string      `json:"note,omitempty"`
}

// SettleEffect writes a person's word about a write into the ledger. A write that has no row there was never tried.
func (a *Activities) SettleEffect(ctx context.Context, in SettleInput) error {
	key := EffectKey(in.Place)
	effect, err := a.Store.Effect(ctx, key)
	if errors.Is(err, store.ErrNotFound) || err == nil && (effect.State == store.EffectConfirmed || effect.State == store.EffectVoid) {
		return nil // nothing to settle, or settled by an earlier attempt of this very activity
	}
	if err == nil && effect.State != store.EffectUnknown {
		_, err = a.Store.MarkEffectUnknown(ctx, key, "given up by a person")
	}
	var result json.RawMessage
	if err == nil && in.Happened {
		result, err = json.Marshal(in.Result)
	}
	if err == nil {
		_, err = a.Store.ResolveUnknown(ctx, key, in.By, store.Resolution{
			Happened: in.Happened, Result: result, RemoteRef: in.Result.Get("id").Text(), Note: in.Note,
		})
	}
	return storeError(NameSettleEffect, err)
}

// ReadEffectInput names the step of a write.
type ReadEffectInput struct{ Place }

// ReadEffectOutput is what the ledger knows of the write.
type ReadEffectOutput struct {
	Certain  bool        `json:"certain"` // if not, a person must say whether it happened
	Happened bool        `json:"happened"`
	Result   rules.Value `json:"result"`
}

// ReadEffect tells what became of a write that the case could not wait for.
func (a *Activities) ReadEffect(ctx context.Context, in ReadEffectInput) (ReadEffectOutput, error) {
	effect, err := a.Store.Effect(ctx, EffectKey(in.Place))
	if errors.Is(err, store.ErrNotFound) {
		return ReadEffectOutput{Certain: true}, nil
	}
	if err != nil {
		return ReadEffectOutput{}, storeError(NameReadEffect, err)
	}
	out := ReadEffectOutput{Happened: effect.State == store.EffectConfirmed}
	out.Certain = out.Happened || effect.State == store.EffectVoid || effect.State == store.EffectIntent
	if out.Happened && len(effect.Result) > 0 {
		err = json.Unmarshal(effect.Result, &out.Result)
	}
	return out, storeError(NameReadEffect, err)
}
