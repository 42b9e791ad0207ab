package main

import (
	"encoding/json"
	"fmt"
	"net/url"
	"strings"
	"time"

	"github.com/spf13/cobra"
)

func systemsCommand() *cobra.Command {
	c := &cobra.Command{Use: "systems", Short: "List, pause and resume the systems that cases reach, and log in at them"}
	list := &cobra.Command{Use: "list", Short: "List systems, whether they are in use, and which cases wait for them", Args: exactly(), RunE: listSystems,
		Example: "  crosswalk systems list\n  crosswalk systems list --json"}
	pause := &cobra.Command{Use: "pause SYSTEM", Short: "Keep all cases from calling a system; they wait visibly", Args: exactly("SYSTEM"), RunE: setSystem("pause"),
		Example: "  crosswalk systems pause crm --reason 'migration until noon'"}
	pause.Flags().String("reason", "", "why")
	resume := &cobra.Command{Use: "resume SYSTEM", Short: "Let cases call a system again", Args: exactly("SYSTEM"), RunE: setSystem("resume"),
		Example: "  crosswalk systems resume crm"}
	c.AddCommand(systemsCompareCommand())
	for _, sub := range []*cobra.Command{list, pause, resume, systemsDriftCommand()} {
		dataFlag(sub)
		jsonFlag(sub)
		c.AddCommand(sub)
	}
	c.AddCommand(systemsLoginCommand())
	return c
}

func listSystems(c *cobra.Command, _ []string) error {
	r, err := findRunning(c)
	if err != nil {
		return err
	}
	return printSystems(c, r, "GET", "/api/systems", nil)
}

func setSystem(act string) func(*cobra.Command, []string) error {
	return func(c *cobra.Command, args []string) error {
		r, err := findRunning(c)
		if err != nil {
			return err
		}
		reason, _ := c.Flags().GetString("reason")
		return printSystems(c, r, "POST", "/api/systems/"+url.PathEscape(args[0])+"/"+act, map[string]string{"reason": reason})
	}
}

func printSystems(c *cobra.Command, r running, method, path string, body any) error {
	var out struct {
		Systems []struct {
			System  string `json:"system"`
			Waiting int    `json:"waiting"`
			Cases   []struct {
				ID        string    `json:"id"`
				Reference string    `json:"reference"`
				UseCase   string    `json:"use_case"`
				Step      string    `json:"step"`
				Since     time.Time `json:"since"`
			} `json:"cases"`
			Held []struct {
				Adapter string    `json:"adapter"`
				Until   time.Time `json:"until"`
				Broken  bool      `json:"broken,omitempty"`
			} `json:"held"`
			State struct {
				Paused    bool      `json:"paused"`
				Reason    string    `json:"reason"`
				Who       string    `json:"who"`
				Since     time.Time `json:"since"`
				NotBefore time.Time `json:"not_before"`
			} `json:"state"`
		} `json:"systems"`
	}
	if err := r.call(c.Context(), method, path, body, &out); err != nil {
		return err
	}
	if wantsJSON(c) {
		return printJSON(c, out)
	}
	rows := [][]string{{"SYSTEM", "STATE", "CASES WAITING"}}
	for _, s := range out.Systems {
		state := "in use"
		switch {
		case s.State.Paused:
			state = "paused by " + s.State.Who + " " + s.State.Reason
		case s.State.NotBefore.After(time.Now()):
			state = "asked us to wait until " + s.State.NotBefore.Format(time.RFC3339)
		}
		for _, held := range s.Held {
			text := "paused by the system until "
			if held.Broken {
				text = "left alone after several failures, tried again at "
			}
			state = strings.TrimPrefix(state+"; ", "in use; ") + text + held.Until.Format(time.RFC3339) + " (" + held.Adapter + ")"
		}
		rows = append(rows, []string{s.System, state, fmt.Sprint(s.Waiting)})
	}
	table(c.OutOrStdout(), rows)
	for _, s := range out.Systems {
		if len(s.Cases) == 0 {
			continue
		}
		fmt.Fprintf(c.OutOrStdout(), "\nwaiting for %s, the longest first:\n", s.System)
		rows := [][]string{}
		for _, one := range s.Cases {
			rows = append(rows, []string{one.Reference, one.UseCase, one.Step, "since " + one.Since.Format(time.RFC3339)})
		}
		table(c.OutOrStdout(), rows)
	}
	return nil
}

func linksCommand() *cobra.Command {
	c := &cobra.Command{Use: "links", Short: "List and correct which records of different systems are the same"}
	list := &cobra.Command{Use: "list", Short: "List links, the newest first", Args: exactly(), RunE: listLinks,
		Example: "  crosswalk links list --system crm --id 301"}
	list.Flags().String("system", "", "only with this system")
	list.Flags().String("id", "", "only of this record")
	list.Flags().String("case", "", "only those found by this case (id)")
	correct := &cobra.Command{Use: "correct LINK ID", Short: "Say that the right side is another record", Args: exactly("LINK", "ID"), RunE: func(c *cobra.Command, args []string) error {
		return changeLink(c, args[0], "correct", args[1])
	}}
	remove := &cobra.Command{Use: "remove LINK", Short: "Say that the two are not the same", Args: exactly("LINK"), RunE: func(c *cobra.Command, args []string) error {
		return changeLink(c, args[0], "remove", "")
	}}
	for _, sub := range []*cobra.Command{correct, remove} {
		sub.Flags().String("note", "", "why")
	}
	for _, sub := range []*cobra.Command{list, correct, remove} {
		dataFlag(sub)
		jsonFlag(sub)
		c.AddCommand(sub)
	}
	return c
}

func changeLink(c *cobra.Command, link, act, id string) error {
	r, err := findRunning(c)
	if err != nil {
		return err
	}
	note, _ := c.Flags().GetString("note")
	return r.call(c.Context(), "POST", "/api/links/"+url.PathEscape(link)+"/"+act, map[string]string{"id": id, "note": note}, nil)
}

func listLinks(c *cobra.Command, _ []string) error {
	r, err := findRunning(c)
	if err != nil {
		return err
	}
	q := url.Values{}
	for _, flag := range []string{"system", "id", "case"} {
		value, _ := c.Flags().GetString(flag)
		q.Set(flag, value)
	}
	type record struct{ System, Kind, ID string }
	var out struct {
		Links []struct {
			ID       string          `json:"id"`
			Left     record          `json:"left"`
			Right    record          `json:"right"`
			Evidence json.RawMessage `json:"evidence"`
			State    string          `json:"state"`
		} `json:"links"`
	}
	if wantsJSON(c) {
		var raw json.RawMessage
		if err := r.call(c.Context(), "GET", "/api/links?"+q.Encode(), nil, &raw); err != nil {
			return err
		}
		return printJSON(c, raw)
	}
	if err := r.call(c.Context(), "GET", "/api/links?"+q.Encode(), nil, &out); err != nil {
		return err
	}
	rows := [][]string{{"LINK", "ONE RECORD", "IS THE SAME AS", "STATE", "FOUND BY"}}
	for _, l := range out.Links {
		rows = append(rows, []string{l.ID, l.Left.System + " " + l.Left.ID, l.Right.System + " " + l.Right.ID, l.State, oneLine(string(l.Evidence), 60)})
	}
	table(c.OutOrStdout(), rows)
	return nil
}
