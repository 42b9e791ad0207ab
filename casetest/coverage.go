package casetest

import (
	"fmt"
	"path"
	"strings"

	"crosswalk/usecases"
	"crosswalk/workflows"
)

// Kind is what is counted as reached or not.
type Kind string

// The kinds of places of a use case that tests reach.
const (
	Steps    Kind = "steps"
	Branches Kind = "branches" // of a choose, and both ways of a condition
	Errors   Kind = "errors"   // the stand-ins under on_error
	Rows     Kind = "rows"     // of the tables
)

// Kinds lists the kinds in the order in which they are shown.
func Kinds() []Kind { return []Kind{Steps, Branches, Errors, Rows} }

// Place is a place of a use case, and how many tests reached it.
type Place struct {
	Kind  Kind   `json:"kind"`
	File  string `json:"file"`
	Line  int    `json:"line"`
	What  string `json:"what"`
	Tests int    `json:"tests"`

	step *usecases.Step // and which way of it
	way  string
	row  row
}

// Coverage is what the tests of a use case reach of it.
type Coverage struct {
	UseCase string  `json:"use_case"`
	Places  []Place `json:"places"`
}

// Count returns how many places of a kind there are and how many were reached.
func (c Coverage) Count(kind Kind) (reached, all int) {
	for _, place := range c.Places {
		if place.Kind != kind {
			continue
		}
		all++
		if place.Tests > 0 {
			reached++
		}
	}
	return reached, all
}

// Missed lists the places that no test reached.
func (c Coverage) Missed() []Place {
	var missed []Place
	for _, place := range c.Places {
		if place.Tests == 0 {
			missed = append(missed, place)
		}
	}
	return missed
}

// coverage counts what tests reached of a use case: its own, and those of use cases that run it.
func coverage(file *File, results []Result) Coverage {
	plan := file.Plan
	c := Coverage{UseCase: plan.UseCase}
	plan.Walk(func(s *usecases.Step) { c.step(path.Join(file.dir, plan.File), s) })
	for _, name := range sortedKeys(plan.Tables) {
		for _, place := range plan.Tables[name].RowPlaces() {
			c.Places = append(c.Places, Place{Kind: Rows, File: path.Join(file.dir, place.File), Line: place.Line, What: fmt.Sprintf("row %s of %s", place.ID, name), row: row{plan.UseCase, tableKey(place), place.ID}})
		}
	}
	for i := range c.Places {
		place := &c.Places[i]
		for _, result := range results {
			if result.ways[way{place.step, place.way}] > 0 || result.rows[place.row] > 0 {
				place.Tests++
			}
		}
	}
	return c
}

func (c *Coverage) step(file string, s *usecases.Step) {
	add := func(kind Kind, line int, what, way string) {
		c.Places = append(c.Places, Place{Kind: kind, File: file, Line: line, What: what, step: s, way: way})
	}
	add(Steps, s.Line, "step "+s.Path, workflows.WayTaken)
	if s.When != nil {
		add(Branches, s.Line, fmt.Sprintf("step %s, skipped: not %s", s.Path, s.When.Text()), workflows.WaySkipped)
	}
	for _, way := range s.Ways() {
		kind := Branches
		if strings.HasPrefix(way.Name, "on_error.") {
			kind = Errors
		}
		add(kind, way.Line, fmt.Sprintf("step %s, %s", s.Path, way.Title), way.Name)
	}
}
