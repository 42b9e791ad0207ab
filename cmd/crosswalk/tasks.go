package main

import (
	"encoding/json"
	"fmt"
	"net/url"
	"time"

	"github.com/spf13/cobra"
)

// taskView is a task as the JSON interface gives it.
type taskView struct {
	ID         string          `json:"id"`
	CaseID     string          `json:"case_id"`
	Version    int             `json:"version"`
	Kind       string          `json:"kind"`
	Queue      string          `json:"queue"`
	Role       string          `json:"role"`
	Title      string          `json:"title"`
	Assignee   string          `json:"assignee"`
	ClaimedBy  string          `json:"claimed_by"`
	State      string          `json:"state"`
	DueAt      time.Time       `json:"due_at"`
	Payload    json.RawMessage `json:"payload"`
	AnsweredBy string          `json:"answered_by"`
	Outcome    string          `json:"outcome"`
	External   struct {
		System, ID, URL string
	} `json:"external"`
}

func tasksCommand() *cobra.Command {
	c := &cobra.Command{Use: "tasks", Short: "List, show and do tasks"}
	list := &cobra.Command{Use: "list", Short: "List open tasks, what is due first", Args: exactly(), RunE: listTasks,
		Example: "  crosswalk tasks list --queue complaints\n  crosswalk tasks list --json"}
	list.Flags().String("queue", "", "only this queue")
	list.Flags().String("kind", "", "complete, approve, choose, answer, repair or confirm")
	list.Flags().String("case", "", "only this case (id)")
	list.Flags().String("search", "", "words: title, reference, e-mail, ticket")
	list.Flags().Bool("closed", false, "those that are done")
	list.Flags().Int("limit", 50, "at most this many")
	show := &cobra.Command{Use: "show TASK", Short: "Show a task with its facts", Args: exactly("TASK"), RunE: showTask}
	claim := &cobra.Command{Use: "claim TASK", Short: "Take a task", Args: exactly("TASK"), RunE: actOnTask("claim")}
	release := &cobra.Command{Use: "release TASK", Short: "Give a task back to its queue", Args: exactly("TASK"), RunE: actOnTask("release")}
	complete := &cobra.Command{Use: "complete TASK", Short: "Complete a task with an outcome", Args: exactly("TASK"), RunE: completeTask,
		Example: "  crosswalk tasks complete t4x… --outcome accepted --note 'replacement is on its way'"}
	complete.Flags().String("outcome", "accepted", "how it ended; one of the task's outcomes")
	complete.Flags().String("note", "", "what else there is to say")
	answer := &cobra.Command{Use: "answer TASK JSON", Short: "Answer a task of any kind", Args: exactly("TASK", "JSON"), RunE: answerTask,
		Example: `  crosswalk tasks answer t4x… '{"approved": true}'
  crosswalk tasks answer t4x… '{"index": 0}'
  crosswalk tasks answer t4x… '{"act": "retry"}'`}
	retry := &cobra.Command{Use: "retry TASK", Short: "Let the step of a repair task be tried again", Args: exactly("TASK"), RunE: func(c *cobra.Command, args []string) error {
		return sendAnswer(c, args[0], "retry", map[string]any{"act": "retry"})
	}}
	for _, sub := range []*cobra.Command{list, show, claim, release, complete, answer, retry} {
		dataFlag(sub)
		jsonFlag(sub)
		c.AddCommand(sub)
	}
	return c
}

func listTasks(c *cobra.Command, _ []string) error {
	r, err := findRunning(c)
	if err != nil {
		return err
	}
	q := url.Values{}
	for flag, parameter := range map[string]string{"queue": "queue", "kind": "kind", "case": "case", "search": "q"} {
		value, _ := c.Flags().GetString(flag)
		q.Set(parameter, value)
	}
	if closed, _ := c.Flags().GetBool("closed"); closed {
		q.Set("state", "closed")
	}
	limit, _ := c.Flags().GetInt("limit")
	q.Set("limit", fmt.Sprint(limit))
	var out struct {
		Tasks []taskView `json:"tasks"`
	}
	if err := r.call(c.Context(), "GET", "/api/tasks?"+q.Encode(), nil, &out); err != nil {
		return err
	}
	if wantsJSON(c) {
		return printJSON(c, out)
	}
	if len(out.Tasks) == 0 {
		fmt.Fprintln(c.OutOrStdout(), "no tasks")
		return nil
	}
	rows := [][]string{{"TASK", "KIND", "QUEUE", "FOR", "STATE", "TITLE"}}
	for _, t := range out.Tasks {
		queue, person := t.Queue, t.ClaimedBy
		if t.Role != "" {
			queue = t.Role
		}
		if person == "" {
			person = t.Assignee
		}
		rows = append(rows, []string{t.ID, t.Kind, queue, person, t.State, oneLine(t.Title, 70)})
	}
	table(c.OutOrStdout(), rows)
	cutOff(c, len(out.Tasks), limit)
	return nil
}

func showTask(c *cobra.Command, args []string) error {
	r, err := findRunning(c)
	if err != nil {
		return err
	}
	var out json.RawMessage
	if err := r.call(c.Context(), "GET", "/api/tasks/"+url.PathEscape(args[0]), nil, &out); err != nil {
		return err
	}
	return printJSON(c, out)
}

func actOnTask(act string) func(*cobra.Command, []string) error {
	return func(c *cobra.Command, args []string) error { return sendAct(c, args[0], act, map[string]any{}) }
}

func sendAct(c *cobra.Command, task, act string, body map[string]any) error {
	r, err := findRunning(c)
	if err != nil {
		return err
	}
	var out struct {
		Task taskView `json:"task"`
	}
	if err := r.call(c.Context(), "POST", "/api/tasks/"+url.PathEscape(task)+"/"+act, body, &out); err != nil {
		return err
	}
	if wantsJSON(c) {
		return printJSON(c, out)
	}
	fmt.Fprintf(c.OutOrStdout(), "%s: %s %s\n", out.Task.ID, out.Task.State, out.Task.Outcome)
	return nil
}

func sendAnswer(c *cobra.Command, task, outcome string, answer any) error {
	return sendAct(c, task, "answer", map[string]any{"outcome": outcome, "answer": answer})
}

func completeTask(c *cobra.Command, args []string) error {
	outcome, _ := c.Flags().GetString("outcome")
	note, _ := c.Flags().GetString("note")
	answer := map[string]any{"outcome": outcome}
	if note != "" {
		answer["note"] = note
	}
	return sendAnswer(c, args[0], outcome, answer)
}

func answerTask(c *cobra.Command, args []string) error {
	var answer map[string]any
	if err := json.Unmarshal([]byte(args[1]), &answer); err != nil {
		return usageError("the answer is not a JSON object: %s", err)
	}
	outcome := "answered"
	if act, ok := answer["act"].(string); ok {
		outcome = act
	}
	return sendAnswer(c, args[0], outcome, json.RawMessage(args[1]))
}
