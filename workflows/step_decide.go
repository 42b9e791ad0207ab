package workflows

import (
	"go.temporal.io/sdk/workflow"

	"crosswalk/contracts"
	"crosswalk/rules"
	"crosswalk/usecases"
)

// decided is a decision as it is recorded: with its outcome or its error, so that no later version of the rules or of
// the engine can change what was decided.
type decided struct {
	rules.Decision
	Error string `json:"error,omitempty"`

	facts rules.Value
}

// decide asks a rule table. An error of the table is an error of the step: no row fits, several do, a cell cannot be
// evaluated.
func (r *run) decide(ctx workflow.Context, s *usecases.Step, sc *scope) (made, error) {
	facts, err := r.template(s.Decide.With, sc)
	if err != nil {
		return made{}, err
	}
	question := decision{table: s.Decide.Rules, facts: facts}
	var result decided
	if err := workflow.SideEffect(ctx, question.answer).Get(&result); err != nil {
		panic(err) // see route
	}
	result.facts = facts
	if result.Error != "" {
		r.recorder.undecided(r, s, sc, &result, workflow.Now(ctx))
		return made{}, failed(contracts.Internal, result.Error)
	}
	return made{value: result.Outputs, decision: &result}, nil
}

type decision struct {
	table *rules.Table
	facts rules.Value
}

func (d decision) answer(workflow.Context) any {
	facts, err := d.table.Facts.Decode(d.facts)
	var made rules.Decision
	if err == nil {
		made, err = d.table.Decide(facts)
	}
	if err != nil {
		return decided{Decision: rules.Decision{Table: d.table.Name, Hash: d.table.Hash, FactsHash: d.facts.Hash()}, Error: err.Error()}
	}
	return decided{Decision: made}
}
