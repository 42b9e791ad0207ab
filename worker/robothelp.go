package worker

import (
	"context"

	"crosswalk/adapters"
	"crosswalk/robots"
	"crosswalk/rules"
	"crosswalk/store"
)

// askedTasks finds the tasks of a case.
type askedTasks func(ctx context.Context, filter store.TaskFilter) ([]store.Task, error)

// helped is what a person gave since the last attempt of a call: the answer of the newest task of its step, if that was
// to try again. What was given for an earlier attempt is of no use any more.
func (r robot) helped(ctx context.Context, call adapters.Call) robots.Help {
	if r.help == nil || call.Case == "" {
		return robots.Help{}
	}
	newest, err := r.newestTask(ctx, call)
	if err != nil {
		return robots.Help{} // then it is asked for again
	}
	answer, failed := rules.FromJSON(newest.Answer)
	payload, broken := rules.FromJSON(newest.Payload)
	if failed != nil || broken != nil || answer.Get("act").Text() != "retry" {
		return robots.Help{}
	}
	ask := payload.Get("ask")
	help := robots.Help{Code: answer.Get("code").Text(), Step: ask.Get("step").Text(), Hash: ask.Get("hash").Text()}
	if index, whole := answer.Get("index").Num().Int64(); whole && answer.Get("index").Kind() == rules.KindNumber {
		if candidates := ask.Get("candidates").Items(); index >= 0 && index < int64(len(candidates)) {
			help.Target = candidates[index].Get("target").Text()
		}
	}
	return help
}

// newestTask is the newest task in which somebody is asked about the step of a call; an empty one if there is none.
func (r robot) newestTask(ctx context.Context, call adapters.Call) (newest store.Task, err error) {
	tasks, err := r.help(ctx, store.TaskFilter{CaseID: call.Case, Kinds: []store.TaskKind{store.TaskRepair}})
	for _, task := range tasks {
		if task.StepPath == call.Path && task.CreatedAt.After(newest.CreatedAt) {
			newest = task
		}
	}
	return newest, err
}

// over says that nobody will come back to a run of the call that waits: the question was taken back with its case, or
// answered in another way than to try again.
func (r robot) over(ctx context.Context, call adapters.Call) bool {
	if r.help == nil || call.Case == "" {
		return false
	}
	newest, err := r.newestTask(ctx, call)
	if err != nil {
		return false
	}
	switch newest.State {
	case store.TaskSuperseded, store.TaskCancelled:
		return true
	case store.TaskAnswered:
		answer, err := rules.FromJSON(newest.Answer)
		return err == nil && answer.Get("act").Text() != "retry"
	}
	return false
}
