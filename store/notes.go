package store

import (
	"context"
	"time"
)

// Note is what somebody wrote on a task.
type Note struct {
	ID     string    `json:"id"`
	TaskID string    `json:"task_id"`
	CaseID string    `json:"case_id"`
	At     time.Time `json:"at"`
	Who    string    `json:"who"`
	Text   string    `json:"text"`
}

const noteColumns = "id, task_id, case_id, at, who, body"

func (n *Note) fields() []any {
	return []any{&n.ID, &n.TaskID, &n.CaseID, stamp{&n.At}, &n.Who, &n.Text}
}

// AddNote writes a note on a task, open or closed. It is no new version: a note changes nothing that is decided on.
func (s *Store) AddNote(ctx context.Context, taskID, who, text string) (Note, error) {
	note := Note{ID: s.NewID(), TaskID: taskID, At: s.now().UTC().Truncate(time.Microsecond), Who: who, Text: text}
	err := s.write(ctx, "note on "+taskID, func(tx session) error {
		task, err := taskByID(ctx, tx, taskID)
		if err != nil {
			return err
		}
		note.CaseID = task.CaseID
		_, err = tx.insert(ctx, "task_notes", noteColumns, note.fields(), "")
		return err
	})
	return note, err
}

// Notes lists the notes on a task, oldest first.
func (s *Store) Notes(ctx context.Context, taskID string) ([]Note, error) {
	found, err := many[Note](ctx, s.read(), "SELECT "+noteColumns+" FROM task_notes WHERE task_id = ? ORDER BY at, id", taskID)
	return found, wrap("notes on "+taskID, err)
}
