package main

import (
	"fmt"
	"net/url"
	"strings"
	"time"

	"github.com/spf13/cobra"
)

func systemsDriftCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "drift [SYSTEM]",
		Short: "List fields of systems' answers that are not as they were, and the use cases that read them",
		Long: `The first answers of each operation say what its answers are like. Later ones are compared with them, one in a second at most:
a field that is new, missing or of another type is counted. Only paths and types of fields are kept, never a value. What is listed
stops no case by itself: a case stops only where a field that it must have cannot be made any more.

--learn takes the answers as they are now for right: what is known of the system is forgotten and learned anew.`,
		Example: "  crosswalk systems drift\n  crosswalk systems drift crm --json\n  crosswalk systems drift crm --learn",
		Args:    atMostOneSystem,
		RunE:    systemsDrift,
	}
	c.Flags().Bool("learn", false, "forget what is known of the system's answers, and learn it anew")
	return c
}

func atMostOneSystem(c *cobra.Command, args []string) error {
	if len(args) > 1 {
		return usageError("%s takes one system at most, got %d: see %s --help", c.CommandPath(), len(args), c.CommandPath())
	}
	return nil
}

func systemsDrift(c *cobra.Command, args []string) error {
	system := strings.Join(args, "")
	r, err := findRunning(c)
	if err != nil {
		return err
	}
	if learn, _ := c.Flags().GetBool("learn"); learn {
		if system == "" {
			return usageError("--learn needs the system: crosswalk systems drift SYSTEM --learn")
		}
		if err := r.call(c.Context(), "POST", "/api/systems/"+url.PathEscape(system)+"/learn", map[string]string{}, nil); err != nil {
			return err
		}
	}
	var out struct {
		Drift []struct {
			System    string    `json:"system"`
			Driver    string    `json:"driver"`
			Operation string    `json:"operation"`
			Field     string    `json:"field"`
			What      string    `json:"what"`
			Kinds     string    `json:"kinds"`
			Feeds     string    `json:"feeds"`
			Counted   int64     `json:"counted"`
			FirstAt   time.Time `json:"first_at"`
			LastAt    time.Time `json:"last_at"`
			Readers   []string  `json:"readers"`
			Callers   []string  `json:"callers"`
		} `json:"drift"`
	}
	if err := r.call(c.Context(), "GET", "/api/systems/drift?system="+url.QueryEscape(system), nil, &out); err != nil {
		return err
	}
	if wantsJSON(c) {
		return printJSON(c, out)
	}
	if len(out.Drift) == 0 {
		fmt.Fprintln(c.OutOrStdout(), "the answers are as they were")
		return nil
	}
	rows := [][]string{{"SYSTEM", "OPERATION", "FIELD", "IS", "TYPE", "TIMES", "SINCE", "READ BY", "CALLED BY"}}
	for _, d := range out.Drift {
		rows = append(rows, []string{d.System, d.Operation, d.Field, d.What, d.Kinds, fmt.Sprint(d.Counted), until(d.FirstAt), strings.Join(d.Readers, " "), strings.Join(d.Callers, " ")})
	}
	table(c.OutOrStdout(), rows)
	return nil
}
