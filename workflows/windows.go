package workflows

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/workflow"

	"crosswalk/contracts"
	"crosswalk/rules"
	"crosswalk/usecases"
)

// window is a part of a long list that an execution of its own works through. It belongs to the case: what it writes
// down, its effects and its tasks are the case's, by the paths that they would have in it.
type window struct {
	Case       string                 `json:"case"`
	Parent     string                 `json:"parent"` // the workflow that cut the list
	Step       string                 `json:"step"`   // path of the each in the plan
	Top        int                    `json:"top"`    // the top-level step that the case is at
	First      int                    `json:"first"`  // position of the first item
	List       []rules.Value          `json:"list"`
	Items      []int                  `json:"items,omitempty"` // the positions of the loops around it
	Entry      string                 `json:"entry,omitempty"`
	Beside     bool                   `json:"beside,omitempty"`
	Generation int                    `json:"generation"`
	Vars       map[string]rules.Value `json:"vars,omitempty"` // what its steps read of the names around it
	Facts      []fact                 `json:"facts,omitempty"`
	Writes     map[string]written     `json:"writes,omitempty"`
	Title      string                 `json:"title"`
	Started    time.Time              `json:"started"`
	Latest     time.Time              `json:"latest"`
	Seq        int                    `json:"seq"`
}

// windowResult is what a window came to.
type windowResult struct {
	Values []rules.Value      `json:"values,omitempty"`
	Facts  []fact             `json:"facts,omitempty"`
	Writes map[string]written `json:"writes,omitempty"`
	Undos  []undo             `json:"undos,omitempty"`
	Latest time.Time          `json:"latest"`
	Seq    int                `json:"seq"`
	// Steer says that an item ended or cancelled the case; Unfinished, that the window was told to stop.
	Steer      string `json:"steer,omitempty"`
	Unfinished bool   `json:"unfinished,omitempty"`
}

const (
	steerEnd    = "end"
	steerCancel = "cancel"
)

// windows works through a long list, some windows side by side. What is done stays known when the case goes on in a new
// run, and when a window that failed is tried again.
type windows struct {
	run     *run
	step    *usecases.Step
	scope   *scope
	list    rules.Value
	results []*windowResult
	end     Outcome  // of the item that ended the case
	next    int      // the first window that was not looked at
	open    []string // the windows that run, by workflow id
	failed  error
}

func (r *run) windows(ctx workflow.Context, s *usecases.Step, sc *scope, list rules.Value) (made, error) {
	w := &windows{run: r, step: s, scope: sc, list: list}
	w.results = make([]*windowResult, (list.Len()+usecases.WindowItems-1)/usecases.WindowItems)
	waits := r.waiting.start(ctx, r, Waiting{Kind: waitItems, For: stepName(s), Step: s.ID, Label: s.Label(), Path: r.place(s, sc).Path})
	defer r.waiting.stop(ctx, r, waits)
	r.recorder.flush(ctx, r)
	for {
		if err := w.work(ctx, waits); err != nil {
			return made{}, err
		}
		if w.next == len(w.results) {
			return w.gather(), nil
		}
		// The history has grown too long to start more: this is the place to go on in a new run.
		if err := r.pause(ctx, sc); err != nil {
			return made{}, err
		}
	}
}

// work starts windows as long as it may, and returns when none runs any more.
func (w *windows) work(ctx workflow.Context, waits *Waiting) error {
	clean, done := workflow.NewDisconnectedContext(ctx)
	defer done()
	running, cancel := workflow.WithCancel(ctx)
	defer cancel()
	stopping := false
	for {
		for w.mayStart(ctx) {
			w.start(running)
			waits.progress = fmt.Sprintf("%d of %d items begun", min(w.next*usecases.WindowItems, w.list.Len()), w.list.Len())
		}
		w.run.waiting.show(ctx, w.run)
		stops := func() bool { return !stopping && w.stopped(ctx) != nil }
		// Not even a cancelled case goes on before all windows have come to their end: what they did is then known.
		if err := workflow.Await(clean, func() bool { return len(w.open) == 0 || w.mayStart(ctx) || stops() }); err != nil {
			return err
		}
		if stops() {
			stopping = true
			cancel()
		}
		if len(w.open) == 0 && !w.mayStart(ctx) {
			break
		}
	}
	if err := w.stopped(ctx); err != nil {
		return err
	}
	return w.failed
}

// stopped says why no further window is started and the running ones end.
func (w *windows) stopped(ctx workflow.Context) error {
	if err := w.run.stopped(w.scope); err != nil {
		return err
	}
	return ctx.Err()
}

// mayStart says whether a further window may run now. One in which everything waits for people or times does not count
// among those that are at work.
func (w *windows) mayStart(ctx workflow.Context) bool {
	if w.next == len(w.results) || w.failed != nil || w.stopped(ctx) != nil || w.run.overgrown(ctx) {
		return false
	}
	if w.step.Each.InOrder {
		return len(w.open) == 0
	}
	atWork := 0
	for _, id := range w.open {
		if !w.run.resting[id] {
			atWork++
		}
	}
	return atWork < windowsAtOnce && len(w.open) < windowsOpen
}

// start begins the next window, or takes what an earlier run of the case, or an earlier attempt, has of it.
func (w *windows) start(ctx workflow.Context) {
	index := w.next
	w.next++
	if earlier := w.run.memory(w.scope)[w.key(index)].Window; earlier != nil {
		w.results[index] = earlier
		return
	}
	id := w.id(index)
	w.open = append(w.open, id)
	future := workflow.ExecuteChildWorkflow(withWindow(ctx, id, w.name(index)), w.run.plan.UseCase+"/"+w.step.Path,
		StartInput{BundleHash: w.run.in.BundleHash, Case: w.run.in.Case, Window: w.window(ctx, index)})
	workflow.Go(ctx, func(ctx workflow.Context) {
		clean, done := workflow.NewDisconnectedContext(ctx)
		defer done()
		var out Outcome
		err := future.Get(clean, &out)
		w.open = slices.DeleteFunc(w.open, func(one string) bool { return one == id })
		delete(w.run.resting, id)
		w.ended(ctx, index, out, err)
	})
}

// ended takes what a window came to.
func (w *windows) ended(ctx workflow.Context, index int, out Outcome, err error) {
	result := out.Window
	if result != nil {
		w.run.takeOver(result)
	}
	if err != nil || result == nil || result.Unfinished && w.stopped(ctx) == nil {
		w.failed = failed(contracts.Internal, w.name(index)+" ended before they were done; Temporal says why")
		return
	}
	w.results[index] = result
	switch result.Steer {
	case steerEnd:
		w.run.end = Outcome{Outcome: out.Outcome, Result: out.Result}
		_ = w.run.stop(errEnd) // the other windows are told to end
	case steerCancel:
		_ = w.run.stop(errCancel)
	}
	if !result.Unfinished {
		w.run.memory(w.scope)[w.key(index)] = done{Window: result}
	}
}

// gather puts the results of all windows together, in the order of the list.
func (w *windows) gather() made {
	var values []rules.Value
	for i, result := range w.results {
		values = append(values, result.Values...)
		w.scope.facts.list = append(w.scope.facts.list, result.Facts...)
		delete(w.run.memory(w.scope), w.key(i))
	}
	return made{value: rules.List(values...)}
}

// takeOver makes what a window did a thing that the case did: it can be corrected, is undone, and is not done twice.
func (r *run) takeOver(result *windowResult) {
	for _, path := range workflow.DeterministicKeys(result.Writes) {
		r.state.Writes[path] = result.Writes[path]
	}
	r.state.Undos = append(r.state.Undos, result.Undos...)
	result.Writes, result.Undos = nil, nil
	if result.Latest.After(r.latest) {
		r.latest = result.Latest
	}
	r.recorder.seq = max(r.recorder.seq, result.Seq)
}

// window is what the window of that position begins with.
func (w *windows) window(ctx workflow.Context, index int) *window {
	r, sc := w.run, w.scope
	first, last := w.bounds(index)
	begin := &window{
		Case: r.id, Parent: workflow.GetInfo(ctx).WorkflowExecution.ID, Step: w.step.Path, Top: r.state.Position,
		First: first, List: w.list.Items()[first:last], Items: sc.items, Entry: sc.entry, Beside: sc.beside, Generation: r.place(w.step, sc).Generation,
		Vars: read(sc.vars, w.step.Each.Reads), Title: r.title, Started: r.started, Latest: r.latest, Seq: r.recorder.seq,
	}
	if slices.ContainsFunc(w.step.Each.Reads, func(path string) bool { return path == "case" || strings.HasPrefix(path, "case.facts") }) {
		begin.Facts = sc.facts.all()
	}
	path := r.place(w.step, sc).Path
	for i := first; i < last && len(r.state.Writes) > 0; i++ {
		for _, at := range workflow.DeterministicKeys(r.state.Writes) {
			if strings.HasPrefix(at, fmt.Sprintf("%s[%d].", path, i)) {
				if begin.Writes == nil {
					begin.Writes = map[string]written{}
				}
				begin.Writes[at] = r.state.Writes[at]
			}
		}
	}
	return begin
}

func (w *windows) bounds(index int) (first, last int) {
	return index * usecases.WindowItems, min((index+1)*usecases.WindowItems, w.list.Len())
}

// name is the window for people.
func (w *windows) name(index int) string {
	first, last := w.bounds(index)
	return fmt.Sprintf("the items %d to %d of %s", first+1, last, w.step.Label())
}

// id is the workflow id of a window. It begins with that of the case and never depends on the run.
func (w *windows) id(index int) string {
	first, last := w.bounds(index)
	place := w.run.place(w.step, w.scope)
	id := fmt.Sprintf("%s/%s[%d-%d]", w.run.id, place.Path, first, last-1)
	if place.Generation > 1 {
		id += fmt.Sprintf("~%d", place.Generation)
	}
	return id
}

// key names the window among what is done inside of the top-level step.
func (w *windows) key(index int) string {
	place := w.run.place(w.step, w.scope)
	place.Path = fmt.Sprintf("%s[%d..]", place.Path, index*usecases.WindowItems)
	return doneKey(place)
}

// read keeps of some names what the paths read: whole values, or some fields of records.
func read(vars map[string]rules.Value, paths []string) map[string]rules.Value {
	kept, whole := map[string]rules.Value{}, map[string]bool{}
	for _, path := range paths {
		name, rest := path, ""
		if i := strings.IndexAny(path, ".["); i >= 0 {
			name, rest = path[:i], path[i:]
		}
		value, ok := vars[name]
		if !ok || name == "case" || whole[name] {
			continue
		}
		field, isField := strings.CutPrefix(rest, ".")
		if !isField || value.Kind() != rules.KindRecord {
			kept[name], whole[name] = value, true
			continue
		}
		if i := strings.IndexAny(field, ".["); i >= 0 {
			field = field[:i]
		}
		if kept[name].IsMissing() {
			kept[name] = rules.Record(nil)
		}
		kept[name] = kept[name].With(field, value.Get(field))
	}
	return kept
}

// beginWindow prepares the run of a window.
func (r *run) beginWindow(w *window) {
	r.state.Position = w.Top
	r.state.Results = w.Vars
	if r.state.Results == nil {
		r.state.Results = map[string]rules.Value{}
	}
	r.state.Facts = &facts{list: w.Facts}
	if w.Writes != nil {
		r.state.Writes = w.Writes
	}
	r.title, r.started, r.latest, r.recorder.seq = w.Title, w.Started, w.Latest, w.Seq
}

// runWindow works through the items of a window. It gives its result whatever comes, so that what was done is known.
func (r *run) runWindow(ctx workflow.Context) (Outcome, error) {
	w := r.in.Window
	workflow.Go(ctx, r.tellResting)
	before := r.state.Facts.list
	sc := *r.top
	sc.facts = &facts{outer: r.top.facts}
	result, err := r.items(ctx, r.plan.Step(w.Step), &sc, w.List, w.First)
	if errors.Is(err, errContinue) {
		r.state.Facts.list = before
		return Outcome{}, r.continueAsNew(ctx)
	}
	clean, cancel := workflow.NewDisconnectedContext(ctx)
	defer cancel()
	r.mail.closed = true
	r.recorder.handOver(clean, r)
	if err := workflow.Await(clean, func() bool { return workflow.AllHandlersFinished(clean) }); err != nil {
		return Outcome{}, err
	}
	out := Outcome{Window: &windowResult{Values: result.value.Items(), Facts: sc.facts.list, Writes: r.state.Writes, Undos: r.state.Undos, Latest: r.latest, Seq: r.recorder.seq}}
	switch {
	case errors.Is(err, errEnd):
		out.Outcome, out.Result, out.Window.Steer = r.end.Outcome, r.end.Result, steerEnd
	case errors.Is(err, errCancel):
		out.Window.Steer = steerCancel
	case err != nil:
		out.Window.Unfinished = true
	}
	return out, nil
}

// tellResting tells who cut the list when everything in the window waits, so that others are begun meanwhile.
func (r *run) tellResting(ctx workflow.Context) {
	if workflow.Await(ctx, func() bool { return r.moving == 0 && len(r.waiting.list) > 0 && r.interrupt == nil }) != nil {
		return
	}
	info := workflow.GetInfo(ctx)
	if err := workflow.SignalExternalWorkflow(ctx, r.in.Window.Parent, "", SignalResting, info.WorkflowExecution.ID).Get(ctx, nil); err != nil {
		r.log.Debug("who cut the list was not told that the window waits", "error", err)
	}
}

// withWindow are the options of a window.
func withWindow(ctx workflow.Context, id, summary string) workflow.Context {
	return workflow.WithChildOptions(ctx, workflow.ChildWorkflowOptions{
		WorkflowID: id, WaitForCancellation: true, StaticSummary: summary,
		ParentClosePolicy:     enumspb.PARENT_CLOSE_POLICY_REQUEST_CANCEL,
		WorkflowIDReusePolicy: enumspb.WORKFLOW_ID_REUSE_POLICY_ALLOW_DUPLICATE,
	})
}

// all lists the facts that are known here, those from outside first.
func (f *facts) all() []fact {
	if f == nil {
		return nil
	}
	return append(f.outer.all(), f.list...)
}
