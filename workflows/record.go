package workflows

import (
	"time"

	"go.temporal.io/sdk/workflow"

	"crosswalk/activities"
	"crosswalk/contracts"
	"crosswalk/rules"
	"crosswalk/usecases"
)

// recorder collects the record of the case: what outlives Temporal's history and what people search. It is written
// when the case parks or ends, in one go, and each row has the step's place for its key: written twice, it is there once.
type recorder struct {
	record activities.Record
	seq    int
	told   bool // this run has written down where the case stands
	// ended is how the case has ended, as the store knows from a workflow task that was lost after it wrote that down. What
	// came in meanwhile has the case take no other way.
	ended *activities.End
}

func (c *recorder) begin(r *run) { c.record.Case = r.id }

// made adds the result of a step.
func (c *recorder) made(r *run, s *usecases.Step, sc *scope, title string, result made, begun, done time.Time) {
	c.seq++
	c.record.Steps = append(c.record.Steps, activities.StepRecord{
		Place: r.place(s, sc), Seq: c.seq, Kind: s.Kind(), Title: title,
		System: sourceOf(s, result), Operation: operationOf(s), Driver: result.route.Driver, DriverHash: result.route.DriverHash,
		Begun: begun, Done: done, Value: result.value, Evidence: result.evidence,
	})
	if d := result.decision; d != nil {
		c.decided(r, s, sc, d, done)
	}
}

// undecided adds a decision that failed: why a table said nothing is worth keeping.
func (c *recorder) undecided(r *run, s *usecases.Step, sc *scope, d *decided, at time.Time) {
	c.decided(r, s, sc, d, at)
}

func (c *recorder) decided(r *run, s *usecases.Step, sc *scope, d *decided, at time.Time) {
	var details *rules.DecisionDetails
	if !d.Empty() {
		details = &d.DecisionDetails
	}
	c.record.Decisions = append(c.record.Decisions, activities.DecisionRecord{
		Place: r.place(s, sc), At: at, Table: d.Table, Hash: d.Hash, Row: d.Row, Why: d.Why,
		Facts: d.facts, FactsHash: d.FactsHash, Outputs: d.Outputs, Error: d.Error, Details: details,
	})
}

// failed adds a step that did not succeed and that a person is asked about.
func (c *recorder) failed(r *run, s *usecases.Step, sc *scope, f *failure, at time.Time) {
	c.seq++
	c.record.Steps = append(c.record.Steps, activities.StepRecord{
		Place: r.place(s, sc), Seq: c.seq, Kind: s.Kind(), Title: s.Label(),
		System: sourceOf(s, made{}), Operation: operationOf(s), Begun: at, Done: at, Class: f.Class, Message: f.Message, Evidence: f.Evidence,
	})
}

// event adds a line to the timeline.
func (c *recorder) event(key, kind, text, who string, at time.Time) {
	c.record.Events = append(c.record.Events, activities.Event{Key: key, Kind: kind, Text: text, Who: who, At: at})
}

// take hands over what was collected, with where the case stands.
func (c *recorder) take(r *run) activities.Record {
	c.seq++
	out := c.record
	progress := r.waiting.progress(r)
	progress.Seq = c.seq
	if r.in.Window == nil { // where the case stands is not for its windows to say
		out.Progress, c.told = &progress, true
	}
	c.record = activities.Record{Case: r.id}
	return out
}

// flush writes what was collected and where the case stands.
func (c *recorder) flush(ctx workflow.Context, r *run) {
	c.write(ctx, r, c.take(r))
}

// handOver writes what was collected before a new run takes over. Where the case stands has not changed by that.
func (c *recorder) handOver(ctx workflow.Context, r *run) {
	record := c.take(r)
	if record.Progress = nil; len(record.Steps)+len(record.Decisions)+len(record.Events) > 0 {
		c.write(ctx, r, record)
	}
}

// end writes the last of it.
func (c *recorder) end(ctx workflow.Context, r *run, cancelled bool) {
	title := r.title
	if c.told { // it is written down already
		title = ""
	}
	record := c.take(r)
	record.Progress = nil
	record.End = &activities.End{State: activities.CaseDone, Outcome: r.end.Outcome, Stage: r.stage(), Title: title, Result: r.end.Result, At: workflow.Now(ctx)}
	if cancelled {
		record.End.State = activities.CaseCancelled
	}
	c.write(ctx, r, record)
}

// write never stops the case: what cannot be written now is tried for long by an ordinary activity.
func (c *recorder) write(ctx workflow.Context, r *run, record activities.Record) {
	var before *activities.End
	if err := r.store(ctx, activities.NameRecord, record, &before); err != nil {
		r.log.Error("the record of the case was not written", "class", string(classOf(err)))
	}
	if before != nil {
		c.ended = before
	}
}

// store calls an activity that needs our own store only: inside the workflow task, and if that fails as an ordinary
// activity until it succeeds.
func (r *run) store(ctx workflow.Context, name string, in, out any) error {
	err := workflow.ExecuteLocalActivity(withLocal(ctx, ""), name, in).Get(ctx, out)
	if f, ok := asFailure(activityFailure(err)); ok && f.Class.Temporary() {
		err = workflow.ExecuteActivity(withStore(ctx), name, in).Get(ctx, out)
	}
	return activityFailure(err)
}

func classOf(err error) contracts.Class {
	if f, ok := asFailure(err); ok {
		return f.Class
	}
	return contracts.ClassOf(err)
}
