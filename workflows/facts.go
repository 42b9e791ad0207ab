package workflows

import (
	"encoding/json"
	"time"

	"crosswalk/rules"
	"crosswalk/usecases"
)

// fact is one thing that the case found out: the answer of a system, a decision, the answer of a person.
type fact struct {
	Step      string      `json:"step"`
	Top       int         `json:"top"` // position of its top-level step
	Title     string      `json:"title"`
	System    string      `json:"system"`
	Operation string      `json:"operation"`
	At        time.Time   `json:"at"`
	Value     rules.Value `json:"value"`
}

// facts is a list of facts; the facts of a loop's item are its own until the loop is done, so that parallel items
// keep their order.
type facts struct {
	outer *facts
	list  []fact
}

// MarshalJSON writes the facts of the outermost list, which is the only one that a case carries over.
func (f *facts) MarshalJSON() ([]byte, error) { return json.Marshal(append([]fact{}, f.list...)) }

// UnmarshalJSON reads them.
func (f *facts) UnmarshalJSON(text []byte) error { return json.Unmarshal(text, &f.list) }

func (f *facts) add(one fact) { f.list = append(f.list, one) }

// from drops the facts of the top-level steps from a position on: they are redone.
func (f *facts) from(top int) {
	kept := f.list[:0]
	for _, one := range f.list {
		if one.Top < top {
			kept = append(kept, one)
		}
	}
	f.list = kept
}

func (f *facts) values() []rules.Value {
	if f == nil {
		return nil
	}
	list := f.outer.values()
	for _, one := range f.list {
		list = append(list, rules.Record(map[string]rules.Value{
			"step":      rules.Text(one.Step),
			"title":     rules.Text(one.Title),
			"system":    rules.Text(one.System),
			"operation": rules.Text(one.Operation),
			"at":        rules.Instant(one.At),
			"value":     one.Value,
		}))
	}
	return list
}

// caseValue is what expressions see as `case`.
func (r *run) caseValue(sc *scope) rules.Value {
	return rules.Record(map[string]rules.Value{
		"id":         rules.Text(r.id),
		"reference":  rules.Text(r.in.Case.Reference),
		"title":      rules.Text(r.title),
		"language":   optional(r.in.Case.Language),
		"channel":    optional(r.in.Case.Channel),
		"started_at": rules.Instant(r.started),
		"facts":      rules.List(sc.facts.values()...),
	})
}

func optional(text string) rules.Value {
	if text == "" {
		return rules.Value{}
	}
	return rules.Text(text)
}

// isFact says whether a step's result tells something about the business. A write is an effect, and choose, each
// and set only arrange what other steps found.
func isFact(s *usecases.Step) bool {
	switch {
	case s.Call != nil:
		return s.Call.Operation.Effect == "read"
	case s.Decide != nil, s.Ask != nil, s.Run != nil:
		return true
	case s.Wait != nil:
		return s.Wait.Event != ""
	}
	return false
}
