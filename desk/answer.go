package desk

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strconv"

	"crosswalk/rules"
	"crosswalk/store"
)

// answer stores what the person decided, then tells the case. If telling fails, the sweeper repeats it: the answer is
// safe once it is stored.
func (d *Desk) answer(w http.ResponseWriter, r *http.Request, who person) error {
	task, err := d.visibleTask(r.Context(), r.PathValue("id"), who)
	if err != nil {
		return err
	}
	version, err := strconv.Atoi(r.PostFormValue("version"))
	if err != nil {
		return outOfDate
	}
	answer, err := readAnswer(postForm{r}, task)
	if err != nil {
		return err
	}
	if _, err := d.storeAnswer(r.Context(), who, task, version, answer); err != nil {
		return err
	}
	return redirect(w, r, "/cases/"+task.CaseID)
}

var outOfDate = refusal{http.StatusUnprocessableEntity, "The page is out of date. Open the task again."}

// storeAnswer checks the answer against what the task offers, whichever way it came, stores it and tells the case.
func (d *Desk) storeAnswer(ctx context.Context, who person, task store.Task, version int, answer rules.Value) (store.Task, error) {
	outcome, err := judge(task, answer)
	if err != nil && !task.Closed() {
		return task, err
	}
	raw, err := json.Marshal(answer)
	if err != nil {
		return task, err
	}
	answered, err := d.Store.Answer(ctx, task.ID, version, who.actor(), outcome, raw)
	if err != nil {
		return task, err
	}
	d.Telemetry.Answer(string(answered.Kind))
	d.Log.Info("task.answered", "task", answered.ID, "case", answered.CaseID, "kind", answered.Kind, "version", answered.Version)
	if err := d.audit(ctx, who, "task.answer", task.CaseID, map[string]any{"task": task.ID, "version": version, "outcome": outcome}); err != nil {
		return answered, err
	}
	if err := d.Cases.Deliver(ctx, answered); err != nil {
		d.Log.Warn("desk.answer.not_delivered", "task", task.ID, "case", task.CaseID, "error", err)
	}
	return answered, nil
}

// readAnswer makes an answer of what was filled in.
func readAnswer(form postForm, task store.Task) (rules.Value, error) {
	payload := value(task.Payload)
	if act := form.text("act"); act != "" {
		return readAct(form, payload, act)
	}
	switch task.Kind {
	case store.TaskComplete:
		return rules.Record(map[string]rules.Value{"outcome": form.value("outcome"), "note": form.value("note")}), nil
	case store.TaskApprove:
		answer := map[string]rules.Value{"reason": form.value("reason")}
		if decision := form.text("decision"); decision == "approve" || decision == "reject" {
			answer["approved"] = rules.Bool(decision == "approve")
		}
		return rules.Record(answer), nil
	case store.TaskChoose:
		index, err := form.index("choice")
		return rules.Record(map[string]rules.Value{"index": index}), err
	case store.TaskAnswer:
		record, err := form.record(formFields(payload.Get("form")))
		return rules.Record(map[string]rules.Value{"value": record}), err
	}
	return rules.Record(nil), nil
}

// readAct is an answer that says what is to be done about the case.
func readAct(form postForm, payload rules.Value, act string) (rules.Value, error) {
	answer := map[string]rules.Value{"act": rules.Text(act), "reason": form.value("reason")}
	var err error
	switch act {
	case "retry":
		if payload.Get("ask").Get("candidates").Len() > 0 && form.text("choice") != "" {
			answer["index"], err = form.index("choice")
		} else if code := form.text("code"); code != "" && !payload.Get("ask").IsMissing() {
			answer["code"] = rules.Text(code)
		}
	case "answer", "done":
		answer["value"], err = form.record(formFields(payload.Get("form")))
	case "fail":
		answer["class"] = form.value("class")
	case "redo":
		answer["step"] = form.value("step")
		if offered := correctionFor(payload, form.text("step")); offered.Get("candidates").Len() > 0 {
			answer["index"], err = form.index("choice")
		} else {
			answer["with"], err = form.record(formFields(offered.Get("fields")))
		}
	}
	return rules.Record(answer), err
}

// judge says what an answer comes to, in one word for lists and the audit, or why the task does not take it.
func judge(task store.Task, answer rules.Value) (outcome string, err error) {
	payload := value(task.Payload)
	if act := answer.Get("act").Text(); act != "" {
		return judgeAct(payload, task.Kind, act, answer)
	}
	switch task.Kind {
	case store.TaskComplete:
		return judgeComplete(payload, answer)
	case store.TaskApprove:
		approved := answer.Get("approved")
		switch {
		case approved.Kind() != rules.KindBool:
			return "", wrong("Approve or reject.")
		case approved.Bool():
			return "approved", nil
		case answer.Get("reason").Text() == "":
			return "", wrong("Say why you reject it: the agent needs the reason.")
		}
		return "rejected", nil
	case store.TaskChoose:
		return "chosen", among(answer.Get("index"), payload.Get("candidates").Len())
	case store.TaskAnswer:
		if answer.Get("value").IsMissing() {
			return "", wrong("The answer is empty.")
		}
		return "answered", nil
	}
	return "", wrong("Choose what is to be done.")
}

func judgeComplete(payload, answer rules.Value) (string, error) {
	outcome := answer.Get("outcome").Text()
	if outcomes := textsOf(payload.Get("outcomes")); outcome == "" || len(outcomes) > 0 && !slices.Contains(outcomes, outcome) {
		return "", wrong("Choose how it ended.")
	}
	if outcome == "changed" && answer.Get("note").Text() == "" {
		return "", wrong("Say in the note what you changed and why.")
	}
	return outcome, nil
}

func judgeAct(payload rules.Value, kind store.TaskKind, act string, answer rules.Value) (string, error) {
	switch {
	case act == "redo":
		step := answer.Get("step").Text()
		offered := correctionFor(payload, step)
		if offered.IsMissing() {
			return "", wrong(fmt.Sprintf("The step %q cannot be corrected here.", step))
		}
		if candidates := offered.Get("candidates"); candidates.Len() > 0 {
			return "corrected", among(answer.Get("index"), candidates.Len())
		}
		return "corrected", nil
	case act == "fail" && kind == store.TaskAnswer:
		if !slices.Contains(textsOf(payload.Get("errors")), answer.Get("class").Text()) {
			return "", wrong("Say what came out.")
		}
		return answer.Get("class").Text(), nil
	case !slices.Contains(textsOf(payload.Get("acts")), act):
		return "", wrong("Choose what is to be done.")
	case act == "retry" && !answer.Get("index").IsMissing():
		return act, among(answer.Get("index"), payload.Get("ask").Get("candidates").Len())
	}
	return act, nil
}

func among(index rules.Value, count int) error {
	if i, ok := index.Num().Int64(); index.Kind() != rules.KindNumber || !ok || i < 0 || i >= int64(count) {
		return wrong("Choose one of the candidates.")
	}
	return nil
}

// correctionFor is what a task offers for the correction of a step.
func correctionFor(payload rules.Value, step string) rules.Value {
	for _, item := range payload.Get("correct").Items() {
		if step != "" && item.Get("step").Text() == step {
			return item
		}
	}
	return rules.Missing()
}
