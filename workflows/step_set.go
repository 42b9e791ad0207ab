package workflows

import "crosswalk/usecases"

// set evaluates a value.
func (r *run) set(s *usecases.Step, sc *scope) (made, error) {
	value, err := r.template(s.Set.Value, sc)
	return made{value: value}, err
}
