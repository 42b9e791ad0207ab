package activities

import (
	"context"
	"encoding/json"
	"slices"

	"crosswalk/rules"
	"crosswalk/store"
)

// ReadRepairInput names what a person wants done about the case.
type ReadRepairInput struct {
	Case   string `json:"case"`
	Repair string `json:"repair"`
}

// ReadRepairOutput is what the person wants, and the writes of the case that may have been carried out without anybody
// knowing: nothing before them may be done again.
type ReadRepairOutput struct {
	Open bool `json:"open"` // neither done nor refused yet
	// Again says that it is written down as done or refused, and that nobody knows whether the case itself knows of it.
	Again     bool        `json:"again,omitempty"`
	Ended     bool        `json:"ended,omitempty"` // the case has, whatever it knows itself: see Record
	Problem   string      `json:"problem,omitempty"`
	Act       string      `json:"act"`
	Step      string      `json:"step,omitempty"`
	Bundle    string      `json:"bundle,omitempty"`
	By        string      `json:"by"`
	With      rules.Value `json:"with"`
	Value     rules.Value `json:"value"`
	Unsettled []string    `json:"unsettled,omitempty"` // paths
}

// ReadRepair reads what a person wants done about the case.
func (a *Activities) ReadRepair(ctx context.Context, in ReadRepairInput) (ReadRepairOutput, error) {
	asked, err := a.Store.Repair(ctx, in.Repair)
	if err != nil {
		return ReadRepairOutput{}, storeError(NameReadRepair, err)
	}
	if asked.CaseID != in.Case {
		return ReadRepairOutput{}, storeError(NameReadRepair, store.ErrNotFound)
	}
	out := ReadRepairOutput{Open: asked.State == store.RepairAsked, Problem: asked.Problem, Act: asked.Act, Step: asked.Step, Bundle: asked.Bundle, By: asked.Who}
	out.Again = !out.Open && !asked.Told
	of, err := a.Store.Case(ctx, in.Case)
	if err != nil {
		return ReadRepairOutput{}, storeError(NameReadRepair, err)
	}
	out.Ended = of.State == store.CaseDone || of.State == store.CaseCancelled
	var body rules.Value
	if len(asked.Body) > 0 {
		if err := json.Unmarshal(asked.Body, &body); err != nil {
			return ReadRepairOutput{}, storeError(NameReadRepair, err)
		}
	}
	out.With, out.Value = body.Get("with"), body.Get("value")
	out.Unsettled, err = a.unsettled(ctx, in.Case)
	return out, storeError(NameReadRepair, err)
}

// unsettled lists the places of the writes of a case that may have been carried out without anybody knowing.
func (a *Activities) unsettled(ctx context.Context, caseID string) ([]string, error) {
	effects, err := a.Store.Effects(ctx, caseID)
	return Unsettled(effects), err
}

// Unsettled lists the places of the writes that may have been carried out without anybody knowing.
func Unsettled(effects []store.Effect) []string {
	var paths []string
	for _, effect := range effects {
		if effect.State == store.EffectSent || effect.State == store.EffectUnknown {
			paths = append(paths, effect.StepPath)
		}
	}
	slices.Sort(paths)
	return slices.Compact(paths)
}

// SettleRepairInput is what became of it.
type SettleRepairInput struct {
	Repair  string      `json:"repair"`
	Problem string      `json:"problem,omitempty"`
	Step    string      `json:"step,omitempty"`
	Was     rules.Value `json:"was"`
	Became  rules.Value `json:"became"`
}

// SettleRepair writes down what became of it.
func (a *Activities) SettleRepair(ctx context.Context, in SettleRepairInput) error {
	settlement := store.Settlement{Problem: in.Problem, Step: in.Step}
	var err error
	if settlement.Was, err = wire(in.Was); err == nil {
		settlement.Became, err = wire(in.Became)
	}
	if err == nil {
		err = a.Store.SettleRepair(ctx, in.Repair, settlement)
	}
	return storeError(NameSettleRepair, err)
}
