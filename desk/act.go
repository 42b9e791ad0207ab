package desk

import (
	"context"
	"encoding/json"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"crosswalk/store"
)

// taskAct is what somebody does with a task beside answering it.
type taskAct struct {
	Act      string
	Version  int // that the person saw
	Assignee string
	Queue    string
	Text     string
}

// act is a form on the page of a task.
func (d *Desk) act(w http.ResponseWriter, r *http.Request, who person) error {
	task, err := d.visibleTask(r.Context(), r.PathValue("id"), who)
	if err != nil {
		return err
	}
	form := postForm{r}
	in := taskAct{Act: r.PathValue("act"), Assignee: form.text("assignee"), Queue: form.text("queue"), Text: form.text("text")}
	if in.Version, err = strconv.Atoi(form.text("version")); err != nil && in.Act != "note" {
		return outOfDate
	}
	if _, err := d.actOn(r.Context(), who, task, in); err != nil {
		return err
	}
	if in.Act == "reassign" {
		return redirect(w, r, "/") // it may not be ours to see any more
	}
	return redirect(w, r, "/tasks/"+task.ID)
}

// actOn does one act on a task at the version that the person saw, and notes it in the audit.
func (d *Desk) actOn(ctx context.Context, who person, task store.Task, in taskAct) (store.Task, error) {
	var err error
	switch in.Act {
	case "claim":
		task, err = d.Store.ClaimTask(ctx, task.ID, in.Version, who.actor())
	case "release":
		task, err = d.Store.ReleaseTask(ctx, task.ID, in.Version, who.actor())
	case "reassign":
		task, err = d.reassign(ctx, who, task, in)
	case "note":
		if strings.TrimSpace(in.Text) == "" {
			return task, wrong("The note is empty.")
		}
		_, err = d.Store.AddNote(ctx, task.ID, who.login, in.Text)
	default:
		return task, refusal{http.StatusNotFound, "A task can be claimed, released, reassigned, noted on and answered."}
	}
	if err != nil {
		return task, err
	}
	return task, d.audit(ctx, who, "task."+in.Act, task.CaseID, map[string]any{"task": task.ID, "version": in.Version})
}

func (d *Desk) reassign(ctx context.Context, who person, task store.Task, in taskAct) (store.Task, error) {
	assignee := strings.ToLower(in.Assignee)
	user := d.people().User(assignee)
	mayDecide := func() bool {
		other := personOf(user, d.people(), "", d.now())
		return other.lead || slices.Contains(other.roles, task.Role)
	}
	switch {
	case assignee != "" && user == nil:
		return task, wrong("There is nobody with the address " + assignee + ".")
	case in.Queue != "" && d.people().Queue(in.Queue) == nil:
		return task, wrong("There is no queue " + in.Queue + ".")
	case user != nil && task.Role != "" && !mayDecide():
		return task, wrong(user.Name + " does not have the role " + task.Role + ", which this task needs.")
	case assignee == "" && in.Queue == "" && task.Assignee == "" && task.ClaimedBy == "":
		return task, wrong("Choose a person or a queue.")
	}
	return d.Store.ReassignTask(ctx, task.ID, in.Version, who.actor(), assignee, in.Queue)
}

// audit notes who did what. Detail never holds what a customer wrote.
func (d *Desk) audit(ctx context.Context, who person, what, caseID string, detail map[string]any) error {
	if len(who.standsFor) > 0 {
		detail["deputy_for"] = who.standsFor
	}
	raw, err := json.Marshal(detail)
	if err != nil {
		return err
	}
	_, err = d.Store.Audit(ctx, store.AuditEntry{Who: who.login, What: what, CaseID: caseID, Detail: raw})
	return err
}
