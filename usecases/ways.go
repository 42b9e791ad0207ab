package usecases

import (
	"fmt"

	"crosswalk/contracts"
)

// Way is a list of steps inside of a step that is not always taken.
type Way struct {
	Name  string // unique in the step: [0] for a branch, on_error.not_found for stand-ins
	Title string // when it is taken, in words
	Line  int    // in the use case's file
	Steps []*Step
}

// Ways lists the ways that a step may take, in the order of the file.
func (s *Step) Ways() []Way {
	var ways []Way
	if s.Choose != nil {
		for i, branch := range s.Choose.Branches {
			way := Way{Name: BranchWay(i), Title: "otherwise", Line: branch.Line, Steps: branch.Steps}
			if branch.When != nil {
				way.Title = "when " + branch.When.Text()
			}
			ways = append(ways, way)
		}
	}
	if s.Each != nil {
		ways = append(ways, Way{Name: EachWay, Title: "an item", Line: s.Line, Steps: s.Each.Steps})
	}
	if s.Together != nil {
		for _, branch := range s.Together.Branches {
			ways = append(ways, Way{Name: TogetherWay(branch.Name), Title: branch.Name, Line: branch.Line, Steps: branch.Steps})
		}
	}
	if s.Wait != nil && len(s.Wait.OnTimeout) > 0 {
		ways = append(ways, Way{Name: TimeoutWay, Title: "not in time", Line: s.Line, Steps: s.Wait.OnTimeout})
	}
	for _, handler := range s.OnError {
		ways = append(ways, Way{Name: ErrorWay(handler.Class), Title: "on error " + string(handler.Class), Line: handler.Line, Steps: handler.Steps})
	}
	if s.Undo != nil {
		ways = append(ways, Way{Name: UndoWay, Title: "undone", Line: s.Undo.Line, Steps: s.Undo.Steps})
	}
	return ways
}

// EachWay is the way of a loop that has an item.
const EachWay = "[]"

// TimeoutWay is the way of the stand-ins for an event that did not come in time.
const TimeoutWay = "on_timeout"

// BranchWay is the way of a branch, by its position.
func BranchWay(index int) string { return fmt.Sprintf("[%d]", index) }

// TogetherWay is the way of a branch that runs beside others, by its name.
func TogetherWay(branch string) string { return "." + branch }

// UndoWay is the way of the steps that take a step's effect back.
const UndoWay = "undo"

// ErrorWay is the way of the stand-ins for an error.
func ErrorWay(class contracts.Class) string { return "on_error." + string(class) }

// Walk goes through all steps of the plan in the order of the file, the inner ones after the one that they stand in.
func (p *Plan) Walk(visit func(*Step)) {
	walk(p.Steps, visit)
	if p.Joined != nil {
		walk(p.Joined.Steps, visit)
	}
}

func walk(steps []*Step, visit func(*Step)) {
	for _, s := range steps {
		visit(s)
		for _, way := range s.Ways() {
			walk(way.Steps, visit)
		}
	}
}

// Step finds a step by its path, wherever it stands; nil if there is none.
func (p *Plan) Step(path string) *Step {
	var found *Step
	p.Walk(func(s *Step) {
		if s.Path == path {
			found = s
		}
	})
	return found
}
