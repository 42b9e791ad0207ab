package workspace

import (
	"maps"
	"slices"
	"strings"

	"crosswalk/rules"
	"crosswalk/usecases"
)

// steps compares the steps of a use case: first those that stand at the same place, then those of the same name
// elsewhere, which have moved.
func (c *comparison) steps(before, after []usecases.OutlineStep) {
	was := map[string]usecases.OutlineStep{}
	for _, step := range before {
		was[step.Path] = step
	}
	from := map[string]usecases.OutlineStep{} // by the path that a step has now
	for _, step := range after {
		if old, same := was[step.Path]; same && (step.ID != "" || alike(old, step)) {
			from[step.Path] = old
			delete(was, step.Path)
		}
	}
	for _, step := range after {
		if _, found := from[step.Path]; found {
			continue
		}
		if old, found := counterpart(step, before, was); found {
			from[step.Path] = old
			delete(was, old.Path)
		}
	}
	displaced := displacedSteps(before, after, from)
	for i, step := range after {
		old, found := from[step.Path]
		if !found {
			c.add("step", step.Path, added, "step %s added %s: %s", step.Path, whereIs(after, i), doing(step))
			continue
		}
		if step.ID != "" && old.Path != step.Path {
			c.add("step", step.Path, moved, "step %s moved %s, it was %s", step.ID, whereIs(after, i), old.Path)
		} else if displaced[step.Path] {
			c.add("step", step.Path, moved, "step %s moved %s", step.Path, whereIs(after, i))
		}
		c.step(old, step)
	}
	for _, step := range before {
		if _, gone := was[step.Path]; gone {
			c.add("step", step.Path, removed, "step %s removed: it %s", step.Path, did(step))
		}
	}
	c.effects(before, after)
}

// counterpart finds where a step stood that has no path in common with an old one: by its name, or if it has none by
// being the same.
func counterpart(step usecases.OutlineStep, before []usecases.OutlineStep, left map[string]usecases.OutlineStep) (usecases.OutlineStep, bool) {
	for _, old := range before {
		if _, free := left[old.Path]; !free || old.ID != step.ID {
			continue
		}
		if step.ID != "" || alike(old, step) {
			return old, true
		}
	}
	return usecases.OutlineStep{}, false
}

// alike says whether two steps without names can be taken for the same one.
func alike(a, b usecases.OutlineStep) bool {
	return a.Kind == b.Kind && a.Operation == b.Operation && a.Table == b.Table && (a.Path == b.Path || maps.Equal(a.Fields, b.Fields))
}

// displacedSteps finds steps that stand in the same list as before, but in another order: the fewest that must be
// moved to come from one order to the other.
func displacedSteps(before, after []usecases.OutlineStep, from map[string]usecases.OutlineStep) map[string]bool {
	position := map[string]int{}
	for i, step := range before {
		position[step.Path] = i
	}
	lists := map[string][]string{}
	for _, step := range after {
		if old, found := from[step.Path]; found && old.Parent == step.Parent && step.ID != "" {
			lists[step.Parent] = append(lists[step.Parent], step.Path)
		}
	}
	displaced := map[string]bool{}
	for _, paths := range lists {
		order := make([]int, len(paths))
		for i, path := range paths {
			order[i] = position[from[path].Path]
		}
		for i, stays := range rising(order) {
			displaced[paths[i]] = !stays
		}
	}
	return displaced
}

// rising marks a longest rising subsequence.
func rising(numbers []int) []bool {
	length, previous := make([]int, len(numbers)), make([]int, len(numbers))
	last := -1
	for i := range numbers {
		length[i], previous[i] = 1, -1
		for j := range i {
			if numbers[j] < numbers[i] && length[j]+1 > length[i] {
				length[i], previous[i] = length[j]+1, j
			}
		}
		if last < 0 || length[i] > length[last] {
			last = i
		}
	}
	stays := make([]bool, len(numbers))
	for ; last >= 0; last = previous[last] {
		stays[last] = true
	}
	return stays
}

// whereIs says behind which step of its list a step stands.
func whereIs(steps []usecases.OutlineStep, index int) string {
	for i := index - 1; i >= 0; i-- {
		if steps[i].Parent == steps[index].Parent {
			return "after " + steps[i].Path
		}
	}
	if steps[index].Parent == "" {
		return "at the beginning"
	}
	return "first in " + strings.TrimSuffix(steps[index].Parent, ".")
}

// doing says what a step does.
func doing(step usecases.OutlineStep) string {
	switch step.Kind {
	case "call":
		return "calls " + step.Operation + effectOf(step)
	case "decide":
		return "decides with " + step.Table
	case "ask":
		text := "asks"
		for _, who := range []string{"ask.queue", "ask.role", "ask.who"} {
			if to := step.Fields[who]; to != "" {
				text += " " + strings.TrimPrefix(who, "ask.") + " " + quote(to)
			}
		}
		return text + " to " + step.Fields["ask.what"]
	case "end":
		return "ends the case"
	case "":
		return "does nothing"
	}
	return map[string]string{"set": "sets a value", "choose": "chooses a way", "each": "repeats for each item", "together": "runs branches together",
		"wait": "waits", "run": "runs something else"}[step.Kind]
}

func did(step usecases.OutlineStep) string {
	verb, rest, _ := strings.Cut(doing(step), " ")
	past := map[string]string{"calls": "called", "decides": "decided", "asks": "asked", "ends": "ended", "does": "did", "sets": "set", "chooses": "chose",
		"repeats": "repeated", "runs": "ran", "waits": "waited"}[verb]
	return strings.TrimSpace(past + " " + rest)
}

// step compares two forms of one step.
func (c *comparison) step(before, after usecases.OutlineStep) {
	if doing(before) != doing(after) && (before.Kind != after.Kind || before.Operation != after.Operation || before.Table != after.Table) {
		c.add("step", after.Path, changed, "step %s %s, it %s", after.Path, doing(after), did(before))
	}
	c.fields(labelled{"step", after.Path, "step " + after.Path}, before.Fields, after.Fields)
}

// table compares two forms of a table: its rows by their ids, everything else by its place.
func (c *comparison) table(before, after *rules.Table, was, is usecases.File) {
	count := len(c.changes)
	if before != nil && after != nil {
		c.rows(before.Written(), after.Written())
	}
	c.fields(labelled{kind: "column"}, rules.TableHead(was.Name, []byte(was.Text)), rules.TableHead(is.Name, []byte(is.Text)))
	if was.Name != is.Name {
		c.add("setting", "file", changed, "read from %s, it was %s", is.Name, was.Name)
	}
	if len(c.changes) == count {
		c.add("setting", "file", changed, "only comments or spaces changed")
	}
}

func (c *comparison) rows(before, after []rules.WrittenRow) {
	was := map[string]rules.WrittenRow{}
	order := map[string]int{}
	for i, row := range before {
		was[row.ID], order[row.ID] = row, i
	}
	var kept []string
	var numbers []int
	for i, row := range after {
		old, found := was[row.ID]
		if !found {
			c.add("row", row.ID, added, "row %s added %s: %s", row.ID, whereRow(after, i), cells(row))
			continue
		}
		delete(was, row.ID)
		kept, numbers = append(kept, row.ID), append(numbers, order[row.ID])
		c.fields(labelled{"row", row.ID, "row " + row.ID}, cellsOf(old), cellsOf(row))
	}
	for i, stays := range rising(numbers) {
		if !stays {
			c.add("row", kept[i], moved, "row %s moved %s", kept[i], whereRow(after, slices.IndexFunc(after, func(r rules.WrittenRow) bool { return r.ID == kept[i] })))
		}
	}
	for _, row := range before {
		if _, gone := was[row.ID]; gone {
			c.add("row", row.ID, removed, "row %s removed: %s", row.ID, cells(row))
		}
	}
}

func whereRow(rows []rules.WrittenRow, index int) string {
	if index == 0 {
		return "at the top"
	}
	return "after " + rows[index-1].ID
}

func cellsOf(row rules.WrittenRow) map[string]string {
	cells := map[string]string{}
	for _, cell := range row.Cells {
		cells[cell.Column] = cell.Text
	}
	return cells
}

func cells(row rules.WrittenRow) string {
	var texts []string
	for _, cell := range row.Cells {
		if cell.Text != "" && cell.Text != "-" {
			texts = append(texts, cell.Column+" "+quote(cell.Text))
		}
	}
	return strings.Join(texts, ", ")
}
