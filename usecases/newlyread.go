package usecases

import (
	"crosswalk/rules"
)

// newlyRead says which place of an answer that the case has the other version reads, and this one did not: there the answer
// has nothing, but may have had something that did not look as declared, and was left out because nobody read it.
func newlyRead(done, next *Step, results map[string]rules.Value) (step *Step, place string) {
	if done.Call != nil && next.Call != nil {
		if place := unread(done.Call.Operation.Output, results[done.ID], "", done.Call.Reads, next.Call.Reads); place != "" {
			return next, place
		}
	}
	if done.Choose == nil || next.Choose == nil {
		return nil, ""
	}
	for i, branch := range done.Choose.Branches[:min(len(done.Choose.Branches), len(next.Choose.Branches))] {
		other := next.Choose.Branches[i].Steps
		for j, inner := range branch.Steps[:min(len(branch.Steps), len(other))] {
			if step, place := newlyRead(inner, other[j], results); place != "" {
				return step, place
			}
		}
	}
	return nil, ""
}

// unread finds the first place at which a value has nothing and that is read now, and was not before.
func unread(t *rules.Type, value rules.Value, place string, before, now []string) string {
	if t == nil || !rules.Touches(now, place) {
		return ""
	}
	switch {
	case value.IsMissing():
		if !rules.Touches(before, place) {
			return place
		}
	case value.Kind() == rules.KindList:
		for _, item := range value.Items() {
			if found := unread(t.Items, item, place+"[]", before, now); found != "" {
				return found
			}
		}
	case value.Kind() == rules.KindRecord:
		for _, field := range t.Fields {
			inner := field.Name
			if place != "" {
				inner = place + "." + field.Name
			}
			if found := unread(field.Type, value.Get(field.Name), inner, before, now); found != "" {
				return found
			}
		}
	}
	return ""
}
