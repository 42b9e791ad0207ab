package desk

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"crosswalk/intake"
	"crosswalk/rules"
	"crosswalk/store"
	"crosswalk/usecases"
	"crosswalk/workspace"
)

// wish is what somebody wants done about a case that does not go on by itself, or not in the right way.
type wish struct {
	Act    string      // one of workspace.RepairActs
	Step   string      // its path; empty: the only one that there is
	Reason string      // why
	With   rules.Value // redo: another input
	Value  rules.Value // redo: another result; answer: the result
	Yes    bool        // redo, move: it is known what that means
	Undo   bool        // cancel: what was done is undone
	DryRun bool        // cancel, redo, move: it is only said what that means
	// Only is what a case must still be like, where it was chosen by that: it may have gone on since. nil: it was named.
	Only *caseListFilter
}

// repaired is what became of a wish.
type repaired struct {
	Case      string    `json:"case"`
	Reference string    `json:"reference"`
	Act       string    `json:"act"`
	Step      string    `json:"step,omitempty"`
	Done      bool      `json:"done"`
	Message   string    `json:"message"`
	Steps     []string  `json:"steps,omitempty"`  // that are done again
	Writes    []Rewrite `json:"writes,omitempty"` // that these have made
	Bundle    string    `json:"bundle,omitempty"` // of a move: the version to go on with
	Undo      []Undo    `json:"undo,omitempty"`   // of a cancel that was not done yet: what would be undone, the first first
}

// The most that somebody may write.
const (
	longestReason = 500
	longestStep   = 200
)

var stepPath = regexp.MustCompile(`^[A-Za-z0-9_.\[\]:-]+$`)

// check refuses a wish that cannot be meant, by the name of the field.
func (w wish) check() error {
	switch {
	case !slices.Contains(workspace.RepairActs, w.Act):
		return refusal{http.StatusNotFound, "A case can be repaired by " + strings.Join(workspace.RepairActs, ", ") + "."}
	case utf8.RuneCountInString(w.Reason) > longestReason:
		return wrong(fmt.Sprintf("reason: at most %d characters.", longestReason))
	case strings.ContainsFunc(w.Reason, func(r rune) bool { return r < ' ' }):
		return wrong("reason: one line of text, without control characters.")
	case w.DryRun && w.Act != store.ActCancel && w.Act != store.ActRedo && w.Act != store.ActMove:
		return wrong("dry_run: belongs to cancel, redo and move.")
	case w.Reason == "" && w.Act != store.ActRetry && !w.DryRun:
		return wrong("reason: say why.")
	case w.Step != "" && (len(w.Step) > longestStep || !stepPath.MatchString(w.Step)):
		return wrong("step: the path of a step, as `cases show` prints it.")
	case w.Step == "" && w.Act == store.ActRedo:
		return wrong("step: say from which step on.")
	case w.Step != "" && w.Act == store.ActCancel:
		return wrong("step: a case is cancelled as a whole.")
	case w.Value.IsMissing() && w.Act == store.ActAnswer:
		return wrong("value: say what the step gives.")
	case !w.Value.IsMissing() && w.Act != store.ActAnswer && w.Act != store.ActRedo:
		return wrong("value: belongs to answer and redo.")
	case !w.With.IsMissing() && (w.Act != store.ActRedo || w.With.Kind() != rules.KindRecord):
		return wrong("with: belongs to redo, and is an object with the fields of the operation.")
	case !w.With.IsMissing() && !w.Value.IsMissing():
		return wrong("with, value: give another input or another result, not both.")
	}
	return nil
}

// repair does what is wished, as far as the person may.
func (d *Desk) repair(ctx context.Context, who person, id string, w wish) (repaired, error) {
	if err := w.check(); err != nil {
		return repaired{}, err
	}
	if !d.mayRepair(who, w.Act) {
		return repaired{}, refusal{http.StatusForbidden, "Your roles do not let you " + w.Act + " cases: repair: in the file of roles says who may."}
	}
	of, err := d.Store.Case(ctx, id)
	if errors.Is(err, store.ErrNotFound) {
		of, err = d.Store.CaseByReference(ctx, id)
	}
	if err != nil {
		return repaired{}, err
	}
	if of.Ended() {
		return repaired{}, endedAlready
	}
	if err := d.stillFits(ctx, of, w.Only); err != nil {
		return repaired{}, err
	}
	// Whoever asked may go away in the middle of it: what was begun is done, and noted with who and why.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), longestAct)
	defer cancel()
	done := repaired{Case: of.ID, Reference: of.Reference, Act: w.Act, Step: w.Step}
	switch w.Act {
	case store.ActRetry:
		err = d.retry(ctx, who, of, w, &done)
	case store.ActAnswer, store.ActSkip:
		err = d.settle(ctx, who, of, w, &done)
	case store.ActRedo, store.ActMove:
		err = d.again(ctx, who, of, w, &done)
	case store.ActCancel:
		err = d.cancel(ctx, who, of, w, &done)
	}
	if errors.Is(err, store.ErrCaseEnded) || errors.Is(err, intake.ErrEnded) {
		err = endedAlready
	}
	return done, err
}

// longestAct bounds what one act may take: a case that is at work on a write is waited for.
const longestAct = time.Minute

var endedAlready = refusal{http.StatusConflict, "The case has ended already."}

// stillFits refuses to do something about a case that was chosen by what it waited for, and has gone on since.
func (d *Desk) stillFits(ctx context.Context, of store.Case, only *caseListFilter) error {
	if only == nil {
		return nil
	}
	chosen := only.cases(d.now())
	chosen.ID, chosen.Limit, chosen.Offset = of.ID, 1, 0
	found, err := d.Store.Cases(ctx, chosen)
	if err == nil && len(found) == 0 {
		err = refusal{http.StatusConflict, "The case has gone on since it was chosen: it is no longer one of those that were meant, and nothing was done."}
	}
	return err
}

func (d *Desk) mayRepair(who person, act string) bool {
	return who.program || d.people().MayRepair(who.roles, act)
}

// note keeps what was done, with who and why.
func (d *Desk) note(ctx context.Context, who person, w wish, done *repaired, became json.RawMessage) error {
	done.Done = true
	_, err := d.Store.NoteRepair(ctx, store.Repair{CaseID: done.Case, Act: w.Act, Step: done.Step, Reason: w.Reason, Who: who.login, Became: became})
	return err
}

// troubles are the open tasks by which a person decides about a step that failed, or about one inside of it: of a case that
// waits at a long loop no more than the loop is known.
func (d *Desk) troubles(ctx context.Context, caseID, step, act string) ([]store.Task, error) {
	tasks, err := d.Store.Tasks(ctx, store.TaskFilter{CaseID: caseID, Open: true})
	return slices.DeleteFunc(tasks, func(t store.Task) bool {
		return t.Kind != store.TaskRepair || step != "" && !usecases.Within(t.StepPath, step) || !slices.Contains(textsOf(value(t.Payload).Get("acts")), act)
	}), err
}

// retry has everything tried at once that waits for its next attempt or for a person's word that it be tried.
func (d *Desk) retry(ctx context.Context, who person, of store.Case, w wish, done *repaired) error {
	tasks, err := d.troubles(ctx, of.ID, w.Step, w.Act)
	if err != nil {
		return err
	}
	var what []string
	for _, task := range tasks {
		if err := d.decide(ctx, who, task, rules.Record(map[string]rules.Value{"act": rules.Text(w.Act)})); err != nil {
			return err
		}
		what = append(what, task.StepPath)
	}
	waits, err := d.Cases.Waits(ctx, of.ID)
	if err != nil {
		return err
	}
	for _, wait := range waits {
		if wait.Kind != "system" || wait.Trying || w.Step != "" && wait.Step != w.Step {
			continue
		}
		if _, err := d.Cases.TryNow(ctx, of.ID, wait.Operation); err != nil {
			return err
		}
		what = append(what, wait.Operation)
	}
	if len(what) == 0 {
		return refusal{http.StatusConflict, "Nothing there waits to be tried again."}
	}
	done.Message = "tried now: " + strings.Join(slices.Compact(what), ", ")
	return d.note(ctx, who, w, done, nil)
}

// decide answers a task of a failed step for whoever may repair the case, whatever queue the task is in.
func (d *Desk) decide(ctx context.Context, who person, task store.Task, answer rules.Value) error {
	who.lead = true
	_, err := d.storeAnswer(ctx, who, task, task.Version, answer)
	return err
}

// settle gives the result of a step by hand, or goes on without it. What still waits for its system is given to a
// person first.
func (d *Desk) settle(ctx context.Context, who person, of store.Case, w wish, done *repaired) error {
	task, err := d.trouble(ctx, who, of, w)
	if err != nil {
		return err
	}
	done.Step = task.StepPath
	answer := map[string]rules.Value{"act": rules.Text(w.Act), "reason": rules.Text(w.Reason), "value": w.Value}
	if err := d.decide(ctx, who, task, rules.Record(answer)); err != nil {
		return err
	}
	if problem := d.askedAgain(ctx, task); problem != "" {
		return wrong("value: " + problem)
	}
	var became json.RawMessage
	if done.Message = "the case goes on without a result of " + task.StepPath; w.Act == store.ActAnswer {
		done.Message = "the step " + task.StepPath + " has the result that you gave"
		if became, err = json.Marshal(w.Value); err != nil {
			return err
		}
	}
	return d.note(ctx, who, w, done, became)
}

// trouble is the one task that the wish is about.
func (d *Desk) trouble(ctx context.Context, who person, of store.Case, w wish) (store.Task, error) {
	tasks, err := d.troubles(ctx, of.ID, w.Step, w.Act)
	if err != nil {
		return store.Task{}, err
	}
	if len(tasks) > 1 {
		return store.Task{}, refusal{http.StatusConflict, "step: the case waits at " + stepsOf(tasks) + ": name one."}
	}
	if len(tasks) == 1 {
		return tasks[0], nil
	}
	if others, err := d.troubles(ctx, of.ID, w.Step, store.ActRetry); err != nil || len(others) > 0 {
		return store.Task{}, errors.Join(err, refusal{http.StatusConflict, "The result of the step " + stepsOf(others) + " is needed: it cannot be left out. Answer it by hand."})
	}
	asked, err := d.Store.AskRepair(ctx, store.Repair{CaseID: of.ID, Act: store.ActPark, Step: w.Step, Reason: w.Reason, Who: who.login})
	if err != nil {
		return store.Task{}, err
	}
	problem, task, err := d.Cases.Repair(ctx, asked)
	if err != nil {
		return store.Task{}, err
	}
	if problem != "" {
		return store.Task{}, refusal{http.StatusConflict, sentence(problem)}
	}
	found, err := d.Store.Task(ctx, task)
	if err == nil && !slices.Contains(textsOf(value(found.Payload).Get("acts")), w.Act) {
		err = refusal{http.StatusConflict, "The result of the step " + found.StepPath + " is needed: it cannot be left out. Answer it by hand."}
	}
	return found, err
}

func stepsOf(tasks []store.Task) string {
	var paths []string
	for _, task := range tasks {
		paths = append(paths, task.StepPath)
	}
	return strings.Join(paths, ", ")
}

// askedAgain waits a moment for what the case makes of an answer: one that does not fit is asked for again, with why.
func (d *Desk) askedAgain(ctx context.Context, answered store.Task) string {
	for range 20 {
		tasks, err := d.troubles(ctx, answered.CaseID, answered.StepPath, store.ActRetry)
		if err != nil {
			return ""
		}
		if len(tasks) > 0 && tasks[0].ID != answered.ID {
			return value(tasks[0].Payload).Get("problem").Get("message").Text()
		}
		of, err := d.Store.Case(ctx, answered.CaseID)
		if err != nil || of.WaitingStep != answered.StepPath {
			return ""
		}
		select {
		case <-ctx.Done():
			return ""
		case <-time.After(d.look / 5):
		}
	}
	return ""
}

// again has steps done again, from one on, or with another version of the use case: only when it is known what that
// repeats in other systems.
func (d *Desk) again(ctx context.Context, who person, of store.Case, w wish, done *repaired) error {
	preview, err := d.Cases.Preview(ctx, of, w.Step, w.Act == store.ActMove)
	if err != nil {
		return err
	}
	done.Step, done.Steps, done.Writes = preview.Step, preview.Steps, preview.Writes
	if w.Act == store.ActMove {
		done.Bundle = preview.Bundle
	}
	if preview.Problem != "" {
		return refusal{http.StatusConflict, sentence(preview.Problem)}
	}
	if !w.Yes || w.DryRun {
		done.Message = "nothing was done yet: say yes if this is what you want"
		return nil
	}
	asked := store.Repair{CaseID: of.ID, Act: w.Act, Step: w.Step, Reason: w.Reason, Who: who.login, Bundle: done.Bundle}
	if w.Act == store.ActRedo && (!w.With.IsMissing() || !w.Value.IsMissing()) {
		if asked.Body, err = json.Marshal(rules.Record(map[string]rules.Value{"with": w.With, "value": w.Value})); err != nil {
			return err
		}
	}
	if asked, err = d.Store.AskRepair(ctx, asked); err != nil {
		return err
	}
	problem, _, err := d.Cases.Repair(ctx, asked)
	if err != nil {
		return err
	}
	if problem != "" {
		return refusal{http.StatusConflict, sentence(problem)}
	}
	if done.Done, done.Message = true, "done again from "+done.Step+" on"; w.Act == store.ActMove {
		done.Message = "goes on with the version in force, from " + done.Step + " on"
	}
	return nil
}

// cancel ends a case, or says what would be undone.
func (d *Desk) cancel(ctx context.Context, who person, of store.Case, w wish, done *repaired) error {
	if w.DryRun {
		var err error
		if done.Message = "nothing was done yet; what it did would stay as it is"; w.Undo {
			done.Undo, err = d.Cases.WouldUndo(ctx, of)
			done.Message = fmt.Sprintf("nothing was done yet; %d steps would be undone", len(done.Undo))
		}
		return err
	}
	before, err := d.Store.Repairs(ctx, of.ID)
	if err != nil {
		return err
	}
	body, err := json.Marshal(map[string]bool{"undo": w.Undo})
	if err != nil {
		return err
	}
	asked, err := d.Store.AskRepair(ctx, store.Repair{CaseID: of.ID, Act: w.Act, Reason: w.Reason, Who: who.login, Body: body})
	if err != nil {
		return err
	}
	problem, _, err := d.Cases.Repair(ctx, asked)
	if err != nil {
		return err
	}
	if problem != "" {
		return refusal{http.StatusConflict, sentence(problem)}
	}
	done.Done = true
	first := slices.IndexFunc(before, func(r store.Repair) bool { return r.Act == store.ActCancel && r.State == store.RepairDone })
	if first >= 0 {
		done.Message = fmt.Sprintf("was cancelled before, by %s, who decided whether what it did is undone", before[first].Who)
	} else if done.Message = "cancelled; what it did stays as it is"; w.Undo {
		done.Message = "cancelled; what it did is undone where its steps say how"
	}
	return nil
}

func sentence(text string) string {
	first, size := utf8.DecodeRuneInString(text)
	return strings.ToUpper(string(first)) + text[size:] + "."
}
