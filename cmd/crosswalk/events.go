package main

import (
	"encoding/json"
	"fmt"
	"io"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"
)

// eventView is an event as the JSON interface gives it.
type eventView struct {
	ID         string          `json:"id"`
	Name       string          `json:"name"`
	Key        string          `json:"key"`
	Source     string          `json:"source"`
	Payload    json.RawMessage `json:"payload,omitempty"`
	SentBy     string          `json:"sent_by,omitempty"`
	ReceivedAt time.Time       `json:"received_at"`
	StoredAt   time.Time       `json:"stored_at"`
	KeepUntil  time.Time       `json:"keep_until"`
	Cases      []string        `json:"cases"`
	Waiting    int             `json:"waiting"`
}

func eventsCommand() *cobra.Command {
	c := &cobra.Command{Use: "events", Short: "List and send what happens outside and cases wait for"}
	list := &cobra.Command{Use: "list", Short: "List events, the newest first, with the cases that have had each", Args: exactly(), RunE: listEvents,
		Example: "  crosswalk events list --name goods-returned\n  crosswalk events list --key 1042 --json"}
	list.Flags().String("name", "", "only events of this name")
	list.Flags().String("key", "", "only events with this key")
	list.Flags().String("case", "", "only what this case (id) has had")
	list.Flags().Int("limit", 50, "at most this many")
	send := &cobra.Command{Use: "send NAME", Short: "Send an event to the cases that wait for it", Args: exactly("NAME"), RunE: sendEvent,
		Long: `Stores an event and tells the cases that wait for its name and key. One that no case waits for yet is kept for a while.
What it tells is a JSON object that fits the event as the use cases declare it.`,
		Example: `  crosswalk events send goods-returned --key 1042 --input goods.json
  echo '{"condition": "good"}' | crosswalk events send goods-returned --key 1042 --input - --id parcel-77`}
	send.Flags().String("key", "", "which case is meant, for example an order number")
	send.Flags().String("input", "", "file with what the event tells, as JSON; - for the standard input (default: nothing)")
	send.Flags().String("id", "", "the event's own id: sent twice, it is one event")
	for _, sub := range []*cobra.Command{list, send} {
		dataFlag(sub)
		jsonFlag(sub)
		c.AddCommand(sub)
	}
	return c
}

func listEvents(c *cobra.Command, _ []string) error {
	r, err := findRunning(c)
	if err != nil {
		return err
	}
	q := url.Values{}
	for _, name := range []string{"name", "key", "case"} {
		value, _ := c.Flags().GetString(name)
		q.Set(name, value)
	}
	limit, _ := c.Flags().GetInt("limit")
	q.Set("limit", fmt.Sprint(limit))
	var out struct {
		Events []eventView `json:"events"`
	}
	if err := r.call(c.Context(), "GET", "/api/events?"+q.Encode(), nil, &out); err != nil {
		return err
	}
	if wantsJSON(c) {
		return printJSON(c, out)
	}
	if len(out.Events) == 0 {
		fmt.Fprintln(c.OutOrStdout(), "no events")
		return nil
	}
	rows := [][]string{{"EVENT", "KEY", "CAME", "FROM", "CASES", "WAITING", "KEPT UNTIL"}}
	for _, e := range out.Events {
		rows = append(rows, []string{e.Name, oneLine(e.Key, 40), e.ReceivedAt.Local().Format(time.DateTime), e.Source, strings.Join(e.Cases, " "), fmt.Sprint(e.Waiting), e.KeepUntil.Local().Format(time.DateOnly)})
	}
	table(c.OutOrStdout(), rows)
	cutOff(c, len(out.Events), limit)
	return nil
}

func sendEvent(c *cobra.Command, args []string) error {
	key, _ := c.Flags().GetString("key")
	if strings.TrimSpace(key) == "" {
		return usageError("say which case is meant, with --key: see %s --help", c.CommandPath())
	}
	payload, err := readPayload(c)
	if err != nil {
		return err
	}
	r, err := findRunning(c)
	if err != nil {
		return err
	}
	id, _ := c.Flags().GetString("id")
	var out struct {
		Entry   string `json:"entry"`
		Outcome string `json:"outcome"`
	}
	body := map[string]any{"name": args[0], "key": key, "id": id, "data": payload}
	if err := r.call(c.Context(), "POST", "/api/events", body, &out); err != nil {
		return err
	}
	if wantsJSON(c) {
		return printJSON(c, out)
	}
	if out.Outcome == "duplicate" {
		fmt.Fprintf(c.OutOrStdout(), "%s: it had come before\n", out.Entry)
		return nil
	}
	fmt.Fprintf(c.OutOrStdout(), "%s: stored\n", out.Entry)
	return nil
}

// readPayload reads what an event tells.
func readPayload(c *cobra.Command) (json.RawMessage, error) {
	name, _ := c.Flags().GetString("input")
	var raw []byte
	var err error
	switch name {
	case "":
		return json.RawMessage("{}"), nil
	case "-":
		raw, err = io.ReadAll(c.InOrStdin())
	default:
		raw, err = os.ReadFile(name)
	}
	if err != nil {
		return nil, contentError(err)
	}
	if !json.Valid(raw) {
		return nil, contentError(fmt.Errorf("%s is not JSON", name))
	}
	return raw, nil
}
