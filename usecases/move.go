package usecases

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"maps"
	"slices"

	"crosswalk/rules"
	"crosswalk/source"
)

// meaning is what a top-level step says, in one word: two steps of one meaning do the same, whatever their titles and
// wherever they stand in their files. The tables that it decides with are part of it.
func (c *checker) meaning(step *source.Node) string {
	hash := sha256.New()
	for _, key := range step.Keys() {
		if key == "title" {
			continue
		}
		leaves := step.Get(key).Leaves(nil)
		for _, place := range slices.Sorted(maps.Keys(leaves)) {
			_, _ = fmt.Fprintf(hash, "%s%s=%q\n", key, place, leaves[place]) // a hash never fails
		}
	}
	for _, name := range c.decidesWith(step) {
		if table := c.env.Tables[name]; table != nil {
			_, _ = fmt.Fprintf(hash, "table %s=%s\n", name, table.Hash)
		}
	}
	return hex.EncodeToString(hash.Sum(nil))
}

// decidesWith lists the tables of a step and of the steps inside of it, in the order of the file.
func (c *checker) decidesWith(step *source.Node) []string {
	var tables []string
	if name := plain(step.Get("decide")); name != "" {
		tables = append(tables, name)
	}
	for _, list := range nested(step) {
		if list.steps.Kind() != source.List {
			continue
		}
		for _, inner := range list.steps.List() {
			tables = append(tables, c.decidesWith(inner)...)
		}
	}
	return tables
}

// Movable says why a case of this plan cannot go on with another one from a top-level step on: "" if it can. It can if
// the steps before, which the case has done, are the same in both, and their results and the input are what the other
// plan reads. With no results at all, these are not compared.
func (p *Plan) Movable(to *Plan, from int, results map[string]rules.Value) string {
	if p.UseCase != to.UseCase {
		return fmt.Sprintf("it is another use case: %s, not %s", to.UseCase, p.UseCase)
	}
	for i, done := range p.Steps[:min(from, len(p.Steps))] {
		if i >= len(to.Steps) {
			return fmt.Sprintf("the step %s, which the case has done, is not there any more", done.Path)
		}
		next := to.Steps[i]
		if next.Path != done.Path {
			return fmt.Sprintf("the case has done the step %s where the other version has the step %s", done.Path, next.Path)
		}
		if next.Meaning != done.Meaning {
			return fmt.Sprintf("the step %s, which the case has done, means something else in the other version", done.Path)
		}
		if problem := unfit(next.Type, results[done.ID]); results != nil && done.ID != "" && problem != "" {
			return fmt.Sprintf("the result of the step %s is not what the other version reads: %s", done.Path, problem)
		}
		if step, place := newlyRead(done, next, results); results != nil && place != "" {
			return fmt.Sprintf("the other version reads %s of the answer of the step %s, which this one did not: it is not there, and may have been left out because it did not look as declared; go on from the step %s, so that it is asked again", place, step.Path, done.Path)
		}
	}
	if from >= len(to.Steps) {
		return "the other version has no step after those that the case has done"
	}
	if problem := unfit(to.Input, results["input"]); results != nil && problem != "" {
		return "the input of the case is not what the other version takes: " + problem
	}
	return ""
}

// unfit says why a value is not of a type.
func unfit(t *rules.Type, value rules.Value) string {
	if t == nil || value.IsMissing() && t.Optional {
		return ""
	}
	if _, err := t.Decode(value); err != nil {
		return err.Error()
	}
	return ""
}
