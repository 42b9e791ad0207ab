package casetest

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"crosswalk/activities"
	"crosswalk/rules"
	"crosswalk/source"
	"crosswalk/usecases"
)

// check compares the case with what its test expects.
func (s *seen) check() []Failure {
	c := &checking{seen: s, names: map[string]rules.Value{"input": s.test.input}, ranks: newRanks(s.world)}
	e := &s.test.expect
	c.ending(e)
	if e.path != nil {
		c.path(e.path)
	}
	for _, skip := range e.skips {
		if c.find(skip.step) >= 0 {
			c.fail(failureAt(skip.at, "the step %s was taken", skip))
		}
	}
	for _, result := range e.results {
		c.result(result)
	}
	for _, decision := range e.decisions {
		c.decision(decision)
	}
	if e.effects != nil {
		c.list(e.effects, c.world.effects)
	}
	if e.runs != nil {
		c.list(e.runs, c.world.ran)
	}
	if e.tasks != nil {
		c.tasks(e.tasks)
	}
	slices.SortStableFunc(c.failures, func(a, b Failure) int { return cmp.Or(cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column)) })
	return c.failures
}

type checking struct {
	*seen
	names    map[string]rules.Value
	ranks    *ranks
	failures []Failure
}

func (c *checking) fail(f Failure) { c.failures = append(c.failures, f) }

// differences reports where a value is not what is expected.
func (c *checking) differences(what string, e *expected, got rules.Value) {
	if e == nil {
		return
	}
	for _, d := range e.compare(got, c.names) {
		c.fail(Failure{File: d.File, Line: d.Line, Column: d.Column, Message: what + ": " + d.String()})
	}
}

// ending checks how the case ended, or that it still waits.
func (c *checking) ending(e *expectations) {
	switch {
	case e.waits != nil && !c.end.stuck:
		c.fail(failureAt(e.waits.at, "the case waits for nothing: it has ended with the outcome %q", c.end.outcome.Outcome))
	case e.waits != nil:
		c.waits(e.waits)
	case c.end.stuck:
		f := Failure{File: c.test.File, Line: c.test.Line, Column: 1, Message: "the case still waits " + c.waitsFor(),
			Hint: "answer it under people:, or expect it with waits:"}
		c.fail(f)
	}
	if c.end.stuck {
		c.differences("title", e.title, rules.Text(c.stored.Title))
		return
	}
	c.differences("outcome", e.outcome, rules.Text(c.end.outcome.Outcome))
	c.differences("result", e.result, c.end.outcome.Result)
	c.differences("title", e.title, rules.Text(c.stored.Title))
}

func (c *checking) waits(w *waiting) {
	if w.step != nil && !slices.ContainsFunc(c.open(), func(t activities.Task) bool { return c.steps[spotOf(t.Place)] == w.step }) {
		c.fail(failureAt(w.at, "the case does not wait in %s: it waits %s", w.stepPlace, c.waitsFor()))
	}
	c.differences("waits for", w.on, rules.Text(c.stored.WaitingFor))
	c.differences("kind of waiting", w.kind, rules.Text(c.stored.WaitingKind))
}

// open are the tasks that nobody has answered.
func (c *checking) open() []activities.Task {
	return slices.DeleteFunc(slices.Clone(c.world.tasks), func(t activities.Task) bool { return c.given[t.ID] })
}

// waitsFor says what the case waits for, in words.
func (c *checking) waitsFor() string {
	open := c.open()
	if len(open) == 0 {
		return fmt.Sprintf("for %s %s in step %q", c.stored.WaitingKind, c.stored.WaitingFor, c.stored.Stage)
	}
	var parts []string
	for _, task := range open {
		part := fmt.Sprintf("for an answer to the task %q of the kind %s in step %q", task.Title, task.Kind, c.world.name(spotOf(task.Place)))
		if problem := task.Payload.Get("problem"); !problem.IsMissing() {
			part += fmt.Sprintf(", because of %s: %s", problem.Get("class"), problem.Get("message"))
		}
		parts = append(parts, part)
	}
	return strings.Join(parts, ", and ")
}

// find is the position of the first time that a step was taken; -1 if it was not.
func (c *checking) find(step *usecases.Step) int {
	return slices.IndexFunc(c.took, func(t taken) bool { return t.step == step })
}

// path checks that steps were taken one after the other. Those that are done side by side have no order.
func (c *checking) path(list *stepList) {
	done := chosen{ranks: c.ranks}
	for _, t := range c.took {
		done.at = append(done.at, t.at)
	}
	for _, want := range list.steps {
		i := 0
		for i < len(c.took) && (c.took[i].step != want.step || !done.allows(i)) {
			i++
		}
		switch {
		case i < len(c.took):
			done.list = append(done.list, i)
		case c.find(want.step) >= 0:
			c.fail(failureAt(want.at, "the step %s was taken earlier; the way was %s", want, c.way()))
		default:
			c.fail(failureAt(want.at, "the step %s was not taken; the way was %s", want, c.way()))
		}
	}
	if !list.exactly || len(c.failures) > 0 {
		return
	}
	if n := len(list.steps); len(c.took) != n {
		last := list.steps[n-1]
		c.fail(failureAt(last.at, "expected exactly %d steps, found %d: %s", n, len(c.took), c.way()))
	}
}

func (c *checking) way() string {
	names := make([]string, len(c.took))
	for i, t := range c.took {
		names[i] = c.world.name(t.at)
	}
	return strings.Join(names, ", ")
}

func (c *checking) result(want stepResult) {
	value, last, found := rules.Value{}, "", c.find(want.step) >= 0
	for at, result := range c.results {
		if c.steps[at] == want.step && (value.IsMissing() || at.path > last) {
			value, last = result, at.path
		}
	}
	if !found && want.value.shape != source.Null && value.IsMissing() {
		c.fail(failureAt(want.at, "the step %s was not taken, so it has no result; the way was %s", want.stepPlace, c.way()))
		return
	}
	c.differences(want.name, want.value, value)
}

func (c *checking) decision(want decisionResult) {
	var made *decision
	for i := range c.decisions {
		if c.steps[spot{c.decisions[i].caseID, c.decisions[i].Path}] == want.step {
			made = &c.decisions[i] // the last one
		}
	}
	if made == nil {
		c.fail(failureAt(want.at, "nothing was decided in %s; the way was %s", want.stepPlace, c.way()))
		return
	}
	if made.Error != "" {
		c.fail(failureAt(want.at, "the table %s failed: %s", made.Table, made.Error))
		return
	}
	var outputs, facts rules.Value
	if json.Unmarshal(made.Outputs, &outputs) != nil || json.Unmarshal(made.Facts, &facts) != nil {
		outputs, facts = rules.Value{}, rules.Value{}
	}
	before := len(c.failures)
	c.differences("row of "+made.Table, want.row, rules.Text(made.Row))
	c.differences(want.name, want.gives, outputs)
	if len(c.failures) > before {
		last := &c.failures[len(c.failures)-1]
		last.Message += fmt.Sprintf("\n  row %s decided on %s", made.Row, shown(facts))
		if made.Why != "" {
			last.Message += ": " + made.Why
		}
	}
}

func (c *checking) tasks(want *taskList) {
	done := chosen{ranks: c.ranks}
	for _, task := range c.world.tasks {
		done.at = append(done.at, spotOf(task.Place))
	}
	for _, t := range want.list {
		i := 0
		for i < len(c.world.tasks) && !(c.is(t, c.world.tasks[i]) && done.allows(i)) {
			i++
		}
		if i < len(c.world.tasks) {
			done.list = append(done.list, i)
			continue
		}
		var left []activities.Task
		for i, task := range c.world.tasks {
			if !slices.Contains(done.list, i) {
				left = append(left, task)
			}
		}
		c.missingTask(t, left)
	}
	if want.exactly && len(want.list) != len(c.world.tasks) {
		c.fail(failureAt(want.at, "expected exactly %d tasks, found %d: %s", len(want.list), len(c.world.tasks), c.listTasks()))
	}
}

// missingTask says how the nearest task differs from the one that is expected.
func (c *checking) missingTask(want taskResult, tasks []activities.Task) {
	for _, task := range tasks {
		if want.step != nil && c.steps[spotOf(task.Place)] != want.step {
			continue
		}
		for _, field := range want.fields {
			c.differences("task in "+c.world.name(spotOf(task.Place))+": "+field.name, field.value, c.taskValue(task, field.name))
		}
		return
	}
	c.fail(failureAt(want.at, "there was no such task; the tasks were: %s", c.listTasks()))
}

func (c *checking) listTasks() string {
	if len(c.world.tasks) == 0 {
		return "none"
	}
	var parts []string
	for _, t := range c.world.tasks {
		parts = append(parts, fmt.Sprintf("%s in %s (%q)", t.Kind, c.world.name(spotOf(t.Place)), t.Title))
	}
	return strings.Join(parts, ", ")
}

func (c *checking) is(t taskResult, task activities.Task) bool {
	if t.step != nil && c.steps[spotOf(task.Place)] != t.step {
		return false
	}
	for _, field := range t.fields {
		if !field.value.holds(c.taskValue(task, field.name), c.names) {
			return false
		}
	}
	return true
}

func (c *checking) taskValue(task activities.Task, field string) rules.Value {
	texts := map[string]string{"task": task.Kind, "queue": task.Queue, "role": task.Role, "who": task.Assignee, "title": task.Title}
	switch field {
	case "reminded":
		return rules.Number(rules.Int(int64(c.reminded[task.ID])))
	case "show":
		return task.Payload.Get("show")
	case "from":
		return task.Payload.Get("candidates")
	case "outcomes":
		return task.Payload.Get("outcomes")
	}
	if texts[field] == "" {
		return rules.Value{}
	}
	return rules.Text(texts[field])
}
