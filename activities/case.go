package activities

import (
	"context"
	"errors"
	"fmt"

	"crosswalk/contracts"
	"crosswalk/rules"
	"crosswalk/store"
)

// CaseID names the case that a step runs. Round tells those of one step apart that had to be run again.
func CaseID(p Place, useCase string, round int) string {
	return useCase + "-" + hashed(p, fmt.Sprintf("run/%d", round))[:20]
}

// OpenCaseInput is a case that another one runs.
type OpenCaseInput struct {
	Place               // of the step that runs it
	ID      string      `json:"id"`
	UseCase string      `json:"useCase"`
	Input   rules.Value `json:"input"`

	Language string `json:"language,omitempty"`
}

// OpenCaseOutput is what the case begins with.
type OpenCaseOutput struct {
	Bundle    string      `json:"bundle"`
	Reference string      `json:"reference"`
	Input     rules.Value `json:"input"` // decoded by the use case's type
}

// OpenCase stores a case that another one runs, with the bundle that is in force now. Done again, it finds the same
// case with the same bundle.
func (a *Activities) OpenCase(ctx context.Context, in OpenCaseInput) (OpenCaseOutput, error) {
	found, err := a.Store.Case(ctx, in.ID)
	if errors.Is(err, store.ErrNotFound) {
		found = store.Case{}
		found.BundleHash, err = a.Store.InForceOf(ctx, in.UseCase)
	}
	if errors.Is(err, store.ErrNotFound) {
		return OpenCaseOutput{}, temporalError(NameOpenCase, Failure{Class: contracts.NotFound, Message: "no use case " + in.UseCase + " is in force: publish it again", NothingSent: true})
	}
	if err != nil {
		return OpenCaseOutput{}, storeError(NameOpenCase, err)
	}
	takes, err := a.UseCases.Input(ctx, found.BundleHash)
	if err != nil {
		return OpenCaseOutput{}, storeError(NameOpenCase, err)
	}
	input, err := takes.Decode(in.Input)
	if err != nil {
		return OpenCaseOutput{}, temporalError(NameOpenCase, Failure{Class: contracts.Validation, Message: "what is given to " + in.UseCase + " does not fit the version that is in force: " + err.Error(), NothingSent: true})
	}
	if found.ID == "" {
		found, err = a.Store.CreateCase(ctx, store.NewCase{ID: in.ID, UseCase: in.UseCase, BundleHash: found.BundleHash, Language: in.Language, Parent: in.Case, ParentStep: in.Path})
	}
	return OpenCaseOutput{Bundle: found.BundleHash, Reference: found.Reference, Input: input}, storeError(NameOpenCase, err)
}
