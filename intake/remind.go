package intake

import (
	"context"
	"fmt"
	"time"

	"crosswalk/store"
)

// remindWithin is how old a reminder may be: one that waited longer, because no mail could be sent, would only confuse.
const remindWithin = 24 * time.Hour

// remind writes a mail to everybody whom a task is for when the time has come to remind of it. The mail says which
// task of which case, and where; what the task is about is read in the desk, after a login.
func (i *Intake) remind(ctx context.Context) error {
	if i.People == nil {
		return nil
	}
	due, err := i.Store.Reminders(ctx, i.now().Add(-remindWithin), 50)
	if err != nil {
		return err
	}
	for _, reminder := range due {
		if err := i.remindOf(ctx, reminder); err != nil {
			return err
		}
	}
	return nil
}

func (i *Intake) remindOf(ctx context.Context, reminder store.Reminder) error {
	task, err := i.Store.Task(ctx, reminder.TaskID)
	if err != nil {
		return err
	}
	of, err := i.Store.Case(ctx, task.CaseID)
	if err != nil {
		return err
	}
	person := task.Assignee
	if task.ClaimedBy != "" {
		person = task.ClaimedBy
	}
	if task.Role != "" && task.ClaimedBy == "" {
		person = "" // whoever has the role may decide
	}
	for _, address := range i.People().Reach(task.Role, task.Queue, person, i.now()) {
		if own, err := i.Store.IsOwn(ctx, task, address); err != nil {
			return err
		} else if own {
			continue
		}
		mail := outgoing{to: address, subject: fmt.Sprintf("A task waits for you (%s)", of.Reference), caseID: task.CaseID,
			id: digest("reminder", task.ID, fmt.Sprint(reminder.Number), address)[:32] + "@crosswalk.invalid", text: i.reminderText(task, of)}
		purpose := fmt.Sprintf("reminder/%s/%d/%s", task.ID, reminder.Number, digest(address)[:12])
		if _, _, err := i.Store.QueueMail(ctx, store.Mail{CaseID: task.CaseID, Purpose: purpose, Recipient: address, Raw: mail.bytes(i.now())}); err != nil {
			return err
		}
	}
	return i.Store.MarkReminded(ctx, reminder)
}

func (i *Intake) reminderText(task store.Task, of store.Case) string {
	text := fmt.Sprintf("Hello,\n\na task of the case %s waits for you", of.Reference)
	if !task.DueAt.IsZero() {
		text += ", due on " + task.DueAt.UTC().Format("2 January 2006 at 15:04") + " UTC"
	}
	text += ".\n"
	if i.DeskURL != nil {
		text += "\n" + i.DeskURL() + "/tasks/" + task.ID + "\n"
	}
	return text + "\n" + i.Company() + "\n"
}
