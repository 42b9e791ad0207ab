package adapters

import (
	"errors"
	"fmt"

	"crosswalk/rules"
)

// decode builds a value and holds it to its type: what does not fit is the system's drift, not our answer. It stops only a
// caller who reads it.
func (c *Connection) decode(op *Operation, want *rules.Type, t *tree, vars map[string]rules.Value, reads []string) (rules.Value, error) {
	value, err := t.evalFor(vars, reads, "", func(at string, why error) { c.unfit(op, at, why.Error()) })
	if err != nil {
		return rules.Value{}, drift(op, err)
	}
	if want == nil {
		return value, nil
	}
	return c.fit(op, want, value, reads)
}

// fit holds a value to its type.
func (c *Connection) fit(op *Operation, want *rules.Type, value rules.Value, reads []string) (rules.Value, error) {
	fits, left, err := want.DecodeFor(value, reads)
	for _, one := range left {
		c.unfit(op, one.Path, one.Message)
	}
	if err == nil {
		return fits, nil
	}
	var wrong rules.DecodeErrors
	if errors.As(err, &wrong) {
		for _, one := range wrong {
			c.unfit(op, one.Path, one.Message)
		}
	}
	return rules.Value{}, drift(op, err)
}

// unfit tells who counts it of a place of the answer that does not look as declared.
func (c *Connection) unfit(op *Operation, place, why string) {
	if c.tellUnfit != nil {
		c.tellUnfit(op.Name, place, why)
	}
}

// evalFor builds the value for somebody who reads only some of its places: a field that cannot be made and is not read is
// left out. What cannot be made is told.
func (t *tree) evalFor(vars map[string]rules.Value, reads []string, at string, told func(at string, why error)) (rules.Value, error) {
	switch {
	case t == nil || t.leaf != nil || t.each != nil || t.isList:
		return t.eval(vars)
	case t.use != nil:
		inner, err := t.use.filled(vars)
		if err != nil {
			return rules.Value{}, err
		}
		return t.use.shape.give.evalFor(inner, reads, at, told)
	}
	record := rules.NewFields(len(t.keys))
	for i, key := range t.keys {
		place := key
		if at != "" {
			place = at + "." + key
		}
		value, err := t.fields[i].evalFor(vars, reads, place, told)
		if err == nil {
			record.Set(key, value)
			continue
		}
		if t.fields[i].keys == nil && t.fields[i].use == nil { // else it was told further in
			told(place, err)
		}
		if rules.Touches(reads, place) {
			return rules.Value{}, fmt.Errorf("%s: %w", key, err)
		}
	}
	return record.Record(), nil
}
