package workflows

import (
	"go.temporal.io/sdk/workflow"

	"crosswalk/usecases"
)

// choose runs the first branch whose condition holds, in the scope around it. If none does, the result is missing.
func (r *run) choose(ctx workflow.Context, s *usecases.Step, sc *scope) (made, error) {
	for i, branch := range s.Choose.Branches {
		held, err := r.holds(branch.When, sc)
		if err != nil {
			return made{}, err
		}
		if held {
			r.took(s, sc, usecases.BranchWay(i))
			value, err := r.sequence(ctx, branch.Steps, sc)
			return made{value: value}, err
		}
	}
	return made{}, nil
}
