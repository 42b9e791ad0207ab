package activities

import (
	"context"
	"encoding/json"
	"errors"

	"crosswalk/rules"
	"crosswalk/store"
)

// OpenTaskInput is a task, and what the case has found out so far: whoever takes the task sees all of it.
type OpenTaskInput struct {
	Task   Task   `json:"task"`
	Record Record `json:"record"`
}

// OpenTask stores a task for a person. The same id again is the same task.
func (a *Activities) OpenTask(ctx context.Context, in OpenTaskInput) error {
	if err := a.writeRecord(ctx, in.Record); err != nil && !errors.Is(err, store.ErrCaseEnded) {
		return storeError(NameOpenTask, err)
	}
	payload, err := json.Marshal(in.Task.Payload)
	if err != nil {
		return storeError(NameOpenTask, err)
	}
	t := in.Task
	_, err = a.Store.OpenTask(ctx, store.Task{
		ID: t.ID, CaseID: t.Case, StepPath: t.Path, Generation: t.Generation, Kind: store.TaskKind(t.Kind),
		Queue: t.Queue, Role: t.Role, Title: t.Title, Language: t.Language, Assignee: t.Assignee, DueAt: t.Due,
		Payload: payload, External: external(t), Requester: t.Requester, Workflow: t.Workflow,
	})
	return storeError(NameOpenTask, err)
}

// external is where the same task is found in the support system.
func external(t Task) store.External {
	if t.Mirror.Kind() == rules.KindText {
		return store.External{System: t.MirrorSystem, ID: t.Mirror.Text()}
	}
	system := t.Mirror.Get("system").Text()
	if system == "" {
		system = t.MirrorSystem
	}
	id := t.Mirror.Get("id").Text()
	if id == "" {
		return store.External{}
	}
	return store.External{System: system, ID: id, URL: t.Mirror.Get("url").Text()}
}

// CloseTaskInput names a task that nobody needs to answer any more.
type CloseTaskInput struct {
	Task string `json:"task"`
}

// CloseTask takes a task back. One that was answered stays so.
func (a *Activities) CloseTask(ctx context.Context, in CloseTaskInput) error {
	return storeError(NameCloseTask, a.Store.CloseTask(ctx, in.Task, store.TaskSuperseded))
}

// RemindInput names a task, and says how often its people were reminded.
type RemindInput struct {
	Task   string `json:"task"`
	Number int    `json:"number"`
}

// Remind has the people of a task reminded of it, once for each number.
func (a *Activities) Remind(ctx context.Context, in RemindInput) error {
	return storeError(NameRemind, a.Store.Remind(ctx, in.Task, in.Number))
}

// ReadAnswerInput names the task.
type ReadAnswerInput struct {
	Task string `json:"task"`
}

// ReadAnswerOutput is the answer, if there is one.
type ReadAnswerOutput struct {
	Answered bool   `json:"answered"`
	Answer   Answer `json:"answer"`
}

// ReadAnswer reads what a person answered.
func (a *Activities) ReadAnswer(ctx context.Context, in ReadAnswerInput) (ReadAnswerOutput, error) {
	task, err := a.Store.Task(ctx, in.Task)
	if err != nil || task.State != store.TaskAnswered {
		return ReadAnswerOutput{}, storeError(NameReadAnswer, err)
	}
	out := ReadAnswerOutput{Answered: true, Answer: Answer{By: task.AnsweredBy, At: task.AnsweredAt}}
	if len(task.Answer) > 0 {
		err = json.Unmarshal(task.Answer, &out.Answer.Value)
	}
	if err == nil && out.Answer.Act() == ActRedo {
		out.Answer.Unsettled, err = a.unsettled(ctx, task.CaseID)
	}
	return out, storeError(NameReadAnswer, err)
}
