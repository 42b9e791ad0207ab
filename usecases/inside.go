package usecases

import (
	"slices"
	"strconv"
	"strings"
)

// Inside is a step in a loop, a branch or a choice of a top-level step, with what is done again when it is. All are
// places in a case: paths with the positions of the items filled in.
type Inside struct {
	Top   int // position of the top-level step
	Step  *Step
	Place string
	// Again are the step itself and those that come after it, in its own list and in those around it.
	Again []string
	// Around are the steps around it, the top-level one left out: they are not done before it is.
	Around []string
}

// Within says whether a place is that of a step or lies inside of it.
func Within(place, step string) bool {
	rest, ok := strings.CutPrefix(place, step)
	return ok && (rest == "" || rest[0] == '.' || rest[0] == '[')
}

// Redoes says whether what lies at a place is done again.
func (i *Inside) Redoes(place string) bool {
	return slices.ContainsFunc(i.Again, func(again string) bool { return Within(place, again) })
}

// Inside finds the step at a place inside of a top-level step. Steps that stand in for others, or undo them, are not
// found: they are done again with those.
func (p *Plan) Inside(place string) (*Inside, bool) {
	for top, s := range p.Steps {
		found := &Inside{Top: top, Place: place}
		if Within(place, s.Path) && found.below(s, nil) {
			return found, true
		}
	}
	return nil, false
}

// below looks for the place in the lists of a step.
func (i *Inside) below(s *Step, items []int) bool {
	if s.Choose != nil {
		for _, branch := range s.Choose.Branches {
			if i.in(branch.Steps, items) {
				return true
			}
		}
	}
	if s.Together != nil {
		for _, branch := range s.Together.Branches {
			if i.in(branch.Steps, items) {
				return true
			}
		}
	}
	if s.Each == nil {
		return false
	}
	rest, ok := strings.CutPrefix(i.Place, s.At(items...)+"[")
	if !ok {
		return false
	}
	number, _, _ := strings.Cut(rest, "]")
	item, err := strconv.ParseUint(number, 10, 31)
	return err == nil && i.in(s.Each.Steps, append(slices.Clone(items), int(item)))
}

// in looks for the place in one list of steps.
func (i *Inside) in(list []*Step, items []int) bool {
	for n, s := range list {
		at := s.At(items...)
		switch {
		case at == i.Place:
			i.Step, i.Again = s, []string{at}
		case !Within(i.Place, at) || !i.below(s, items):
			continue
		default:
			i.Around = append(i.Around, at)
		}
		for _, after := range list[n+1:] {
			i.Again = append(i.Again, after.At(items...))
		}
		return true
	}
	return false
}
