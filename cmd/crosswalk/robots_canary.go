package main

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"crosswalk/store"
	"crosswalk/workspace"
)

func robotsCanaryCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "canary SYSTEM OPERATION",
		Short: "Try a robot now as its canary does, and say whether its pages are as they were",
		Long: `Runs the canary of a robot in the running program: find and, of a write, what prepares it, with the input of canary: in the
robot file. The fence is never armed. What the pages are like is compared with what they were like when the robot was first seen
to work. By itself a canary runs every so often, as a schedule that crosswalk schedules lists and pauses. One that fails or warns
leaves a report with its steps, the masked picture of the page and its requests: --report writes it to a file.`,
		Example: "  crosswalk robots canary erp get_order\n  crosswalk robots canary erp get_order --report report.html\n  crosswalk robots canary erp get_order --json",
		Args:    exactly("SYSTEM", "OPERATION"),
		RunE:    runCanary,
	}
	c.Flags().Duration("wait", 5*time.Minute, "how long to wait for its end")
	c.Flags().String("report", "", "write the report of the last one that failed or warned to this file")
	dataFlag(c)
	jsonFlag(c)
	return c
}

// robotsOut is what the JSON interface tells of robots.
type robotsOut struct {
	Canaries []store.RobotCanary `json:"canaries"`
	Changes  []store.RobotChange `json:"changes"`
}

func (r running) robots(ctx context.Context, query string) (out robotsOut, err error) {
	return out, r.call(ctx, "GET", "/api/robots"+query, nil, &out)
}

func (o robotsOut) canary(system, short string) store.RobotCanary {
	for _, one := range o.Canaries {
		if _, operation, _ := strings.Cut(one.Operation, "."); one.System == system && operation == short {
			return one
		}
	}
	return store.RobotCanary{}
}

func runCanary(c *cobra.Command, args []string) error {
	r, err := findRunning(c)
	if err != nil {
		return err
	}
	system, short := args[0], args[1]
	if _, after, whole := strings.Cut(short, "."); whole {
		short = after
	}
	before, err := r.robots(c.Context(), "")
	if err != nil {
		return err
	}
	began := before.canary(system, short).At
	if err := r.call(c.Context(), "POST", "/api/schedules/"+url.PathEscape(workspace.CanaryName(system, short))+"/trigger", map[string]any{}, nil); err != nil {
		return fmt.Errorf("%w; a canary is there if the robot's file has canary: and the robot is in use", err)
	}
	wait, _ := c.Flags().GetDuration("wait")
	ctx, cancel := context.WithTimeout(c.Context(), wait)
	defer cancel()
	for {
		now, err := r.robots(ctx, "")
		if err == nil {
			if found := now.canary(system, short); found.At.After(began) {
				if err := r.canaryReport(c, found); err != nil {
					return err
				}
				return sayCanary(c, found)
			}
		}
		select {
		case <-ctx.Done():
			return systemError(errors.Join(fmt.Errorf("the canary did not end within %s", wait), err))
		case <-time.After(200 * time.Millisecond):
		}
	}
}

// canaryReport writes the report of a canary to the file that was asked for, if there is one.
func (r running) canaryReport(c *cobra.Command, canary store.RobotCanary) error {
	file, _ := c.Flags().GetString("report")
	if file == "" || canary.Report == "" || canary.Class == "" && len(canary.Warnings) == 0 { // the report of one that went well is that of the last failure
		return nil
	}
	var report []byte
	if err := r.call(c.Context(), "GET", "/api/robots/canaries/"+url.PathEscape(canary.System)+"/"+url.PathEscape(canary.Operation)+"/"+canary.Report, nil, &report); err != nil {
		return err
	}
	if err := os.WriteFile(file, report, 0o600); err != nil {
		return contentError(err)
	}
	return nil
}

func sayCanary(c *cobra.Command, canary store.RobotCanary) error {
	if wantsJSON(c) {
		if err := printJSON(c, canary); err != nil {
			return err
		}
	} else {
		w := c.OutOrStdout()
		for _, warning := range canary.Warnings {
			fmt.Fprintln(w, "warning:", warning)
		}
		if canary.Class == "" {
			fmt.Fprintf(w, "%s went well (%s)\n", canary.Robot, canary.Took.Round(time.Millisecond))
		}
	}
	if canary.Class == "" {
		return nil
	}
	if wantsJSON(c) {
		return systemError(nil)
	}
	return systemError(fmt.Errorf("%s: %s", canary.Robot, canary.Message))
}

// canaryState is how the last canary of a robot ended, in a word.
func canaryState(canaries []store.RobotCanary, robot string) string {
	state := ""
	for _, one := range canaries {
		switch {
		case one.Robot != robot:
		case one.Class != "":
			return one.Class
		case len(one.Warnings) > 0:
			state = fmt.Sprintf("%d warning(s)", len(one.Warnings))
		case state == "":
			state = "ok"
		}
	}
	return state
}
