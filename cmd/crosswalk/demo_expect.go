package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"time"

	"crosswalk/sandbox"
)

// patience is how long a complaint may take to reach its end while others are on their way.
const patience = 3 * time.Minute

// reached waits until the case stands still and compares what it came to with the truth of the company.
func (s sender) reached(ctx context.Context, sent sentComplaint) (caseDetail, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	var seen caseDetail
	for {
		var d caseDetail
		err := s.running.call(ctx, http.MethodGet, "/api/cases/"+sent.caseID, nil, &d)
		if errors.Is(ctx.Err(), context.DeadlineExceeded) {
			return seen, fmt.Errorf("in %s it came no further than %q: %s", patience, seen.Case.Stage, seen.said())
		}
		if err != nil {
			return d, err
		}
		seen = d
		if d.Case.ended() || d.forPerson() {
			return d, d.matches(sent.complaint.Truth)
		}
		select {
		case <-ctx.Done():
		case <-tick.C:
		}
	}
}

// personFirst are the ends at which a person has to choose before anything can be proposed.
var personFirst = []sandbox.End{sandbox.EndAmbiguousCustomer, sandbox.EndSharedAddress, sandbox.EndNoProduct, sandbox.EndOnNoInvoice,
	sandbox.EndOnSeveral, sandbox.EndTwoProducts}

// matches says in which respect a case did not come to the end that is true.
func (d caseDetail) matches(truth sandbox.Truth) error {
	switch {
	case truth.End == sandbox.EndNotAComplaint:
		if d.Case.Outcome != "not_a_complaint" {
			return fmt.Errorf("it was taken for a complaint: %s", d.said())
		}
		return nil
	case slices.Contains(personFirst, truth.End):
		if d.openTask("choose") == "" {
			return fmt.Errorf("nobody was asked to choose: %s", d.said())
		}
		return nil
	}
	want := string(truth.Proposal)
	switch {
	case truth.End == sandbox.EndUnknownCustomer:
		want = "clarify"
	case want == "":
		want = "investigate"
	}
	if got := d.proposal(); got != want {
		return fmt.Errorf("expected %s: %s", want, d.said())
	}
	if truth.Approval != (d.openTask("approve") != "") {
		return fmt.Errorf("expected an approval to be asked for: %t: %s", truth.Approval, d.said())
	}
	if !truth.Approval && d.openTask("complete") == "" {
		return fmt.Errorf("no task for an agent: %s", d.said())
	}
	return nil
}

func (d caseDetail) openTask(kind string) string {
	for _, t := range d.Tasks {
		if t.Kind == kind && (t.State == "open" || t.State == "claimed") {
			return t.ID
		}
	}
	return ""
}

func (d caseDetail) proposal() string {
	got := ""
	for _, decision := range d.Decisions {
		if decision.Table == "complaint-resolution" {
			var outputs struct{ Resolution string }
			if json.Unmarshal(decision.Outputs, &outputs) == nil {
				got = outputs.Resolution
			}
		}
	}
	return got
}

// said is what the case came to, in a line.
func (d caseDetail) said() string {
	if d.Case.ended() {
		return "ended: " + d.Case.Outcome
	}
	for _, t := range d.Tasks {
		if t.State == "open" || t.State == "claimed" {
			return t.Kind + ": " + oneLine(t.Title, 70)
		}
	}
	return "waits for " + d.Case.WaitingFor
}
