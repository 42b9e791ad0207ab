package workflows

import "crosswalk/usecases"

// endStep ends the case at once, from wherever it stands.
func (r *run) endStep(s *usecases.Step, sc *scope) (made, error) {
	result, err := r.template(s.End.Result, sc)
	if err != nil {
		return made{}, err
	}
	outcome, err := r.text(s.End.Outcome, sc)
	if err != nil {
		return made{}, err
	}
	if outcome == "" {
		outcome = outcomeDone
	}
	r.state.UndoAtEnd = s.End.Undo
	r.end = Outcome{Outcome: outcome, Result: result}
	return made{}, errEnd
}
