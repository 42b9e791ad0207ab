package main

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"time"

	"github.com/spf13/cobra"

	"crosswalk/desk"
	"crosswalk/worker"
)

func schedulesCommand() *cobra.Command {
	c := &cobra.Command{Use: "schedules", Short: "List, pause, resume and trigger schedules and pollers; have a poller read from the beginning"}
	list := &cobra.Command{Use: "list", Short: "List schedules and pollers: when each runs next, and how the last run ended", Args: exactly(), RunE: listSchedules,
		Example: "  crosswalk schedules list\n  crosswalk schedules list --json"}
	pause := &cobra.Command{Use: "pause NAME", Short: "Let a schedule or poller rest; what runs ends", Args: exactly("NAME"), RunE: actOnSchedule("pause"),
		Example: "  crosswalk schedules pause weekly-report --reason 'holidays'"}
	pause.Flags().String("reason", "", "why, for whoever lists them")
	resume := &cobra.Command{Use: "resume NAME", Short: "Let it run again; what it missed is not made up for", Args: exactly("NAME"), RunE: actOnSchedule("resume"),
		Example: "  crosswalk schedules resume weekly-report"}
	trigger := &cobra.Command{Use: "trigger NAME", Short: "Run it once, as soon as the run before is over", Args: exactly("NAME"), RunE: actOnSchedule("trigger"),
		Example: "  crosswalk schedules trigger returns"}
	rewind := &cobra.Command{Use: "rewind NAME", Short: "Forget a poller's cursor: its next call is as the first; what came before is known by its id", Args: exactly("NAME"),
		RunE: actOnSchedule("rewind"), Example: "  crosswalk schedules rewind returns"}
	for _, sub := range []*cobra.Command{list, pause, resume, trigger, rewind} {
		dataFlag(sub)
		jsonFlag(sub)
		c.AddCommand(sub)
	}
	return c
}

// schedulesOut is what the JSON interface gives.
type schedulesOut struct {
	Schedules []desk.Schedule `json:"schedules"`
}

func listSchedules(c *cobra.Command, _ []string) error {
	r, err := findRunning(c)
	if err != nil {
		return err
	}
	var out schedulesOut
	if err := r.call(c.Context(), "GET", "/api/schedules", nil, &out); err != nil {
		return err
	}
	return printSchedules(c, out)
}

func printSchedules(c *cobra.Command, out schedulesOut) error {
	if wantsJSON(c) {
		return printJSON(c, out)
	}
	if len(out.Schedules) == 0 {
		fmt.Fprintln(c.OutOrStdout(), "no schedules and no pollers")
		return nil
	}
	rows := [][]string{{"NAME", "KIND", "WHEN", "DOES", "NEXT", "LAST", "OUTCOME", "RUNS"}}
	moment := func(at time.Time) string {
		if at.IsZero() {
			return ""
		}
		return at.Local().Format(time.DateTime)
	}
	for _, s := range out.Schedules {
		next := moment(s.Next)
		if s.Paused {
			next = "paused: " + oneLine(s.Note, 40)
		}
		outcome := s.Outcome
		if s.Problem != "" {
			outcome += ": " + oneLine(s.Problem, 100)
		}
		rows = append(rows, []string{s.Name, s.Kind, s.When, s.Does, next, moment(s.Last), outcome, fmt.Sprint(s.Runs)})
	}
	table(c.OutOrStdout(), rows)
	return nil
}

func actOnSchedule(act string) func(*cobra.Command, []string) error {
	return func(c *cobra.Command, args []string) error {
		r, err := findRunning(c)
		if err != nil {
			return err
		}
		body := map[string]any{}
		if reason, err := c.Flags().GetString("reason"); err == nil {
			body["reason"] = reason
		}
		var out schedulesOut
		if err := r.call(c.Context(), "POST", "/api/schedules/"+url.PathEscape(args[0])+"/"+act, body, &out); err != nil {
			return err
		}
		return printSchedules(c, out)
	}
}

// deskSchedules shows schedules and pollers to the desk.
type deskSchedules struct{ timers *worker.Timers }

// Schedules lists them.
func (d deskSchedules) Schedules(ctx context.Context) ([]desk.Schedule, error) {
	found, err := d.timers.List(ctx)
	list := make([]desk.Schedule, len(found))
	for i, one := range found {
		list[i] = desk.Schedule{Name: one.Name, Kind: one.Kind, Title: one.Title, When: one.When, Does: one.Does, Paused: one.Paused, Note: one.Note, Next: one.Next,
			Last: one.Last, Outcome: one.Outcome, Problem: one.Problem, Runs: one.Runs, Skipped: one.Skipped, Cursor: one.Cursor, Recent: []desk.ScheduleRun{}}
		for _, run := range one.Recent {
			list[i].Recent = append(list[i].Recent, desk.ScheduleRun(run))
		}
	}
	return list, err
}

// ActOnSchedule pauses, resumes, triggers or rewinds one.
func (d deskSchedules) ActOnSchedule(ctx context.Context, name, act, who, reason string) error {
	err := d.timers.Act(ctx, name, act, who, reason)
	if errors.Is(err, worker.ErrNoTimer) {
		return desk.ErrNoSchedule
	}
	if errors.Is(err, worker.ErrNoPoller) {
		return desk.ErrNoPoller
	}
	return err
}
