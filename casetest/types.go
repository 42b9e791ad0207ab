package casetest

import (
	"crosswalk/rules"
)

// writtenTypes are types as tests write their values: ids of other systems are plain texts there. Types are shared and
// large, so each is changed once.
type writtenTypes map[*rules.Type]*rules.Type

// written is the type with every id a plain text.
func (w writtenTypes) written(t *rules.Type) *rules.Type {
	if t == nil {
		return nil
	}
	if done := w[t]; done != nil {
		return done
	}
	plain := *t
	w[t] = &plain
	plain.Ref = ""
	plain.Items, plain.Extra = w.written(t.Items), w.written(t.Extra)
	plain.Fields = nil
	for _, field := range t.Fields {
		field.Type = w.written(field.Type)
		plain.Fields = append(plain.Fields, field)
	}
	return &plain
}
