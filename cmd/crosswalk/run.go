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

func runCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "run USECASE",
		Short: "Start a case with an input",
		Long: `Starts a case in the running crosswalk. With --wait the command waits until the case has ended, or waits for a person,
and prints what came out: the outcome, or the tasks that are open.

With --dry-run nothing is started and nothing is sent: the use case of the folder is played through here, reads are carried out in
the systems, and each write is shown with what it would be given, by which driver and how it is safe. What a write would answer is
made up by its contract, texts as (from support.create_task), unless --answers says it. Times are skipped. The command ends where a
person would be asked whom --answers does not answer for.`,
		Example: `  crosswalk run customer-complaint --input complaint.json --wait
  echo '{"channel": "web", "from": {"email": "a@b.example"}, "text": "It is broken", "received_at": "2026-03-01T10:00:00Z"}' |
    crosswalk run customer-complaint --input - --wait --json
  crosswalk run customer-complaint --input complaint.json --dry-run --dir acme --answers answers.yaml`,
		Args: exactly("USECASE"),
		RunE: runCase,

		ValidArgsFunction: completeUseCases,
	}
	c.Flags().String("input", "", "the input as JSON, a file that holds it, or - for standard input (required)")
	c.Flags().Bool("wait", false, "wait until the case has ended or waits for a person")
	c.Flags().Duration("timeout", 2*time.Minute, "how long to wait at most")
	c.Flags().Bool("dry-run", false, "perform reads only and show what would be written; takes the workspace of --dir, and needs nothing that runs")
	c.Flags().String("dir", ".", "with --dry-run: folder of the workspace")
	c.Flags().String("answers", "", "with --dry-run: file with people:, systems:, runs: and events: as in a file of tests")
	dataFlag(c)
	jsonFlag(c)
	return c
}

// readInput is the JSON that --input gives: as it stands there, in a file or on standard input.
func readInput(c *cobra.Command) ([]byte, error) {
	input, _ := c.Flags().GetString("input")
	switch {
	case input == "":
		return nil, usageError("name the input with --input FILE, or - for standard input")
	case input == "-":
		return io.ReadAll(c.InOrStdin())
	case strings.HasPrefix(strings.TrimSpace(input), "{"):
		return []byte(input), nil
	}
	raw, err := os.ReadFile(input)
	if err != nil {
		return nil, usageError("--input: it is neither a JSON object nor a file: %s", err)
	}
	return raw, nil
}

func runCase(c *cobra.Command, args []string) error {
	input, err := readInput(c)
	if err != nil {
		return err
	}
	if dry, _ := c.Flags().GetBool("dry-run"); dry {
		return dryRun(c, args[0], input)
	}
	r, err := findRunning(c)
	if err != nil {
		return err
	}
	var started struct {
		Case caseView `json:"case"`
	}
	if err := r.call(c.Context(), "POST", "/api/run/"+url.PathEscape(args[0]), input, &started); err != nil {
		return err
	}
	wait, _ := c.Flags().GetBool("wait")
	if !wait {
		if wantsJSON(c) {
			return printJSON(c, started)
		}
		fmt.Fprintf(c.OutOrStdout(), "%s  %s\n", started.Case.Reference, started.Case.ID)
		return nil
	}
	patience, _ := c.Flags().GetDuration("timeout")
	return waitForCase(c, r, started.Case.ID, patience)
}

// waitForCase looks at the case until it has ended or has a task for a person.
func waitForCase(c *cobra.Command, r running, id string, patience time.Duration) error {
	deadline := time.After(patience)
	tick := time.NewTicker(200 * time.Millisecond)
	defer tick.Stop()
	for {
		var raw json.RawMessage
		if err := r.call(c.Context(), "GET", "/api/cases/"+url.PathEscape(id), nil, &raw); err != nil {
			return err
		}
		var d caseDetail
		if err := json.Unmarshal(raw, &d); err != nil {
			return systemError(err)
		}
		if d.Case.ended() || d.forPerson() {
			if wantsJSON(c) {
				return printJSON(c, raw)
			}
			return printOutcome(c, d)
		}
		select {
		case <-c.Context().Done():
			return systemError(c.Context().Err())
		case <-deadline:
			return systemError(fmt.Errorf("%s waits for %s after %s: see crosswalk cases show %s", d.Case.Reference, d.Case.WaitingFor, patience, d.Case.Reference))
		case <-tick.C:
		}
	}
}

// forPerson says whether somebody has to do something before the case goes on.
func (d caseDetail) forPerson() bool {
	for _, t := range d.Tasks {
		if t.State == "open" || t.State == "claimed" {
			return true
		}
	}
	return false
}

func printOutcome(c *cobra.Command, d caseDetail) error {
	out := c.OutOrStdout()
	if d.Case.ended() {
		fmt.Fprintf(out, "%s ended: %s %s\n", d.Case.Reference, d.Case.Outcome, d.Case.Result)
		return nil
	}
	fmt.Fprintf(out, "%s waits for a person:\n", d.Case.Reference)
	for _, t := range d.Tasks {
		if t.State == "open" || t.State == "claimed" {
			fmt.Fprintf(out, "  %s  %s  %s\n", t.ID, t.Kind, oneLine(t.Title, 90))
		}
	}
	return nil
}
