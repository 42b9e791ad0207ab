package e2e

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// weighing parks with what is heavier than its table knows.
const weighing = `
usecase: weighing
title: 'Weigh ${input.what}'
input: {what: {type: string, required: true}, weight: {type: number, required: true}}
steps:
  - {id: noted, ask: {queue: desk, what: answer, form: {place: {type: string, required: true}}}}
  - {id: size, decide: sizes, with: {weight: '${input.weight}'}}
  - {id: checked, ask: {queue: desk, what: complete, outcomes: [fine]}}
  - {end: {outcome: '${checked.outcome}', result: {size: '${size.size}', place: '${noted.place}'}}}
`

const sizes = `
rules: 1
table: sizes
title: How large it is
facts: {weight: {type: number, title: Weight}}
hit: unique
no_match: error
inputs: [{name: Weight, fact: weight}]
outputs: [{name: size, type: string, required: true}]
rows: |
  id | Weight   | size  | why
  S1 | [0..10]  | small | a box
`

// house is a small workspace and the program that runs it, without any other system.
type house struct {
	t      *testing.T
	dir    string
	listen string
	up     *process
}

func newHouse(t *testing.T) *house {
	t.Helper()
	h := &house{t: t, dir: filepath.Join(t.TempDir(), "house"), listen: freeAddress(t)}
	for name, text := range map[string]string{
		"crosswalk.yaml":         "company: Test\npeople: {roles: roles.yaml}\n",
		"roles.yaml":             "queues: {desk: {roles: [agent]}}\nusers:\n  - {name: Ada, email: ada@example.org, password: 'env:NONE', roles: [agent]}\n",
		"usecases/weighing.yaml": weighing,
		"rules/sizes.yaml":       sizes,
	} {
		h.write(name, text)
	}
	h.begin()
	return h
}

func (h *house) write(name, text string) {
	path := filepath.Join(h.dir, name)
	require.NoError(h.t, os.MkdirAll(filepath.Dir(path), 0o700))
	require.NoError(h.t, os.WriteFile(path, []byte(text), 0o600))
}

func (h *house) begin() {
	h.up = start(h.t, `"ready":true`, "up", "--dir", h.dir, "--listen", h.listen, "--json")
	h.up.awaitReady(h.t)
}

// crosswalk runs a command on the running program and returns what it prints.
func (h *house) crosswalk(code int, args ...string) string {
	h.t.Helper()
	cmd := exec.Command(binary, append(args, "--data", filepath.Join(h.dir, ".crosswalk"))...)
	output, err := cmd.CombinedOutput()
	if code == 0 {
		require.NoError(h.t, err, "%s", output)
	}
	require.Equal(h.t, code, cmd.ProcessState.ExitCode(), "%v: %s", args, output)
	return string(output)
}

// shown is a case as cases show --json prints it.
type shown struct {
	Case struct {
		ID, Reference, State, Outcome string
		WaitingStep                   string `json:"waiting_step"`
		Result                        map[string]any
	}
	Waits []struct {
		Kind, Step, Class, Task string
	}
	Repairs []struct{ Act, State, Who, Reason string }
}

func (h *house) show(reference string) shown {
	h.t.Helper()
	var s shown
	require.NoError(h.t, json.Unmarshal([]byte(h.crosswalk(0, "cases", "show", reference, "--json")), &s))
	return s
}

// parked starts a case that parks at the table, which it does not reach before a person has answered.
func (h *house) parked(what string) string {
	h.t.Helper()
	input := filepath.Join(h.t.TempDir(), "input.json")
	require.NoError(h.t, os.WriteFile(input, []byte(`{"what": "`+what+`", "weight": 500}`), 0o600))
	var started struct{ Case struct{ Reference string } }
	require.NoError(h.t, json.Unmarshal([]byte(h.crosswalk(0, "run", "weighing", "--input", input, "--json")), &started))
	reference := started.Case.Reference
	h.crosswalk(0, "tasks", "answer", h.waitsAt(reference, "noted"), `{"value": {"place": "yard"}}`)
	h.waitsAt(reference, "size")
	return reference
}

// waitsAt waits for a case to wait for a person at a step, and returns the task.
func (h *house) waitsAt(reference, step string) string {
	h.t.Helper()
	task := ""
	until(h.t, reference+" waits at "+step, func() (bool, string) {
		s := h.show(reference)
		if len(s.Waits) != 1 || s.Waits[0].Step != step || s.Waits[0].Task == "" {
			return false, s.Case.State + " " + s.Case.WaitingStep
		}
		task = s.Waits[0].Task
		return true, ""
	})
	return task
}

func (h *house) finish(reference, size string) shown {
	h.t.Helper()
	h.crosswalk(0, "tasks", "complete", h.waitsAt(reference, "checked"), "--outcome", "fine")
	var s shown
	until(h.t, reference+" ends", func() (bool, string) {
		s = h.show(reference)
		return s.Case.State == "done", s.Case.State
	})
	require.Equal(h.t, map[string]any{"size": size, "place": "yard"}, s.Case.Result)
	return s
}

// TestParkedCasesAreRepairedEachWay parks cases at a table that says nothing about them, and helps each on in another way.
func TestParkedCasesAreRepairedEachWay(t *testing.T) {
	t.Parallel()
	h := newHouse(t)

	// Tried again, which changes nothing; then answered by hand, first wrongly.
	answered := h.parked("answered")
	require.Contains(t, h.crosswalk(0, "cases", "show", answered), "waits for repair at size since ")
	require.Contains(t, h.crosswalk(0, "cases", "retry", answered), "tried now: size")
	h.waitsAt(answered, "size")
	require.Contains(t, h.crosswalk(1, "cases", "skip", answered, "--reason", "x"), "is needed: it cannot be left out")
	require.Contains(t, h.crosswalk(1, "cases", "answer", answered, `{"sighs": "huge"}`, "--reason", "weighed it"), "value:")
	require.Contains(t, h.crosswalk(0, "cases", "answer", answered, `{"size": "huge"}`, "--reason", "weighed it"), "has the result that you gave")
	s := h.finish(answered, "huge")
	require.Equal(t, "retry", s.Repairs[0].Act)
	require.Equal(t, "answer", s.Repairs[len(s.Repairs)-1].Act)
	require.Equal(t, "weighed it", s.Repairs[len(s.Repairs)-1].Reason)
	require.Equal(t, "operator", s.Repairs[0].Who)
	require.Contains(t, h.crosswalk(1, "cases", "retry", answered), "ended already")

	// Done again from the step, with another result.
	redone := h.parked("redone")
	said := h.crosswalk(0, "cases", "redo", redone, "size", "--value", `{"size": "very large"}`, "--reason", "measured")
	require.Contains(t, said, "from size on: size")
	require.Contains(t, said, "no write in another system is touched")
	h.waitsAt(redone, "size")
	h.crosswalk(0, "cases", "redo", redone, "size", "--value", `{"size": "very large"}`, "--reason", "measured", "--yes")
	h.finish(redone, "very large")

	// The table is mended: the cases that are parked there are moved, all at once. One has done more than they.
	ahead := h.parked("ahead")
	h.crosswalk(0, "cases", "answer", ahead, `{"size": "huge"}`, "--reason", "weighed it")
	h.waitsAt(ahead, "checked")
	first, second, cancelled := h.parked("first"), h.parked("second"), h.parked("cancelled")
	h.write("rules/sizes.yaml", sizes+"  S2 | [11..999] | large | a pallet\n")
	until(t, "the mended table is in force", func() (bool, string) {
		output := h.crosswalk(0, "cases", "move", first, "--reason", "mended", "--json")
		return strings.Contains(output, `"step": "size"`), output
	})
	require.Contains(t, h.crosswalk(1, "cases", "move", ahead, "--reason", "mended"), "The step size, which the case has done, means something else in the other version")
	require.Contains(t, h.crosswalk(0, "cases", "cancel", cancelled, "--reason", "a test"), "cancelled")
	until(t, "it is cancelled", func() (bool, string) { s := h.show(cancelled); return s.Case.State == "cancelled", s.Case.State })
	listed := h.crosswalk(0, "cases", "move", "--state", "parked", "--use-case", "weighing")
	require.Contains(t, listed, "2 cases; nothing was done: add --yes to move them")
	require.Contains(t, h.crosswalk(0, "cases", "move", "--state", "parked", "--use-case", "weighing", "--reason", "mended", "--yes"), "2/2 ")
	h.finish(first, "large")

	// A moved case outlives the program, which goes through its history with both versions.
	h.up.kill()
	h.begin()
	h.finish(second, "large")
	require.Contains(t, h.crosswalk(0, "cases", "move", ahead, "--step", "size", "--reason", "mended", "--yes"), "from size on")
	h.finish(ahead, "large")
}
