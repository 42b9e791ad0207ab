package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"crosswalk/sandbox"
)

// sandboxFile tells other commands where a running sandbox is.
const sandboxFile = "sandbox.json"

// faultNames are those that people type, and what the sandbox calls them.
const faultHelp = "down, slow, answer-lost, executed-late, rate-limited, wrong-content"

func sandboxCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "sandbox",
		Short: "Run the demo company: stand-ins for six systems that speak the real products' protocols",
		Example: `  crosswalk sandbox --data company --seed 7
  crosswalk sandbox --data crosswalk-demo/.sandbox --workspace crosswalk-demo
  crosswalk sandbox stop crm
  crosswalk sandbox fault support answer-lost`,
		Args: exactly(),
		RunE: runSandbox,
	}
	c.Flags().String("data", ".sandbox", "folder of its state")
	c.Flags().Uint64("seed", 1, "of the company; a folder keeps the seed that it began with")
	c.Flags().Int("ports", demoPorts, "first of the ports that it listens on; 0 for any that are free")
	c.Flags().String("workspace", "", "also write the demo's workspace, connected to these systems, into this folder (for `crosswalk up --dir`)")
	c.Flags().String("listen", "127.0.0.1:7700", "where that workspace's `up` listens, for the support system's webhook")
	stop := &cobra.Command{Use: "stop SYSTEM", Short: "Let a system refuse connections", Args: exactly("SYSTEM"), RunE: func(c *cobra.Command, args []string) error {
		return orderSandbox(c, args[0], "stop", nil)
	}}
	start := &cobra.Command{Use: "start SYSTEM", Short: "Bring a stopped system back", Args: exactly("SYSTEM"), RunE: func(c *cobra.Command, args []string) error {
		return orderSandbox(c, args[0], "start", nil)
	}}
	fault := &cobra.Command{Use: "fault SYSTEM FAULT", Short: "Order a fault: " + faultHelp, Args: exactly("SYSTEM", "FAULT"), RunE: orderFault,
		Example: "  crosswalk sandbox fault support answer-lost\n  crosswalk sandbox fault crm slow --seconds 5 --times 3"}
	fault.Flags().Int("times", 1, "for how many requests; 0: until `sandbox start SYSTEM`")
	fault.Flags().Float64("seconds", 0, "how long, for slow, executed-late and rate-limited")
	fault.Flags().String("operation", "", "only requests such as 'POST /api/v2/tickets'")
	show := &cobra.Command{Use: "status", Short: "Show systems, addresses, faults and what was executed", Args: exactly(), RunE: func(c *cobra.Command, _ []string) error {
		var out json.RawMessage
		if err := askSandbox(c, http.MethodGet, "/control/status", nil, &out); err != nil {
			return err
		}
		return printJSON(c, out)
	}}
	for _, sub := range []*cobra.Command{stop, start, fault, show} {
		sub.Flags().String("data", "", "folder of the sandbox, or of the demo (default: where one runs here)")
		c.AddCommand(sub)
	}
	return c
}

func runSandbox(c *cobra.Command, _ []string) error {
	data, _ := c.Flags().GetString("data")
	seed, _ := c.Flags().GetUint64("seed")
	ports, _ := c.Flags().GetInt("ports")
	options := sandbox.Options{Directory: data, Seed: seed, Addresses: map[string]string{}, Logger: slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelWarn}))}
	if ports > 0 {
		options.ControlAddress = fmt.Sprintf("127.0.0.1:%d", ports)
		for i, system := range sandbox.Systems {
			options.Addresses[system] = fmt.Sprintf("127.0.0.1:%d", ports+1+i)
		}
	}
	company, err := sandbox.Start(c.Context(), options)
	if err != nil {
		return systemError(err)
	}
	defer os.Remove(filepath.Join(data, sandboxFile))
	raw, err := json.Marshal(map[string]any{"control": company.ControlURL(), "pid": os.Getpid(), "systems": company.Addresses()})
	if err == nil {
		err = os.WriteFile(filepath.Join(data, sandboxFile), raw, 0o600)
	}
	if err != nil {
		return systemError(errors.Join(err, company.Stop()))
	}
	if dir, _ := c.Flags().GetString("workspace"); dir != "" {
		listen, _ := c.Flags().GetString("listen")
		if err := connectDemo(c.Context(), dir, data, listen, ports); err != nil {
			return errors.Join(err, company.Stop())
		}
	}
	rows := [][]string{{"SYSTEM", "ADDRESS"}, {"control", company.ControlURL()}}
	for _, system := range sandbox.Systems {
		rows = append(rows, []string{system, company.Addresses()[system].URL})
	}
	table(c.OutOrStdout(), rows)
	fmt.Fprintln(c.OutOrStdout(), "ready")
	<-c.Context().Done()
	if err := company.Stop(); err != nil {
		return systemError(err)
	}
	return nil
}

// findSandbox finds the control address of a sandbox that runs here.
func findSandbox(c *cobra.Command) (string, error) {
	places := []string{".sandbox", "crosswalk-demo/.sandbox"}
	if given, _ := c.Flags().GetString("data"); given != "" {
		places = []string{given, filepath.Join(given, ".sandbox")}
	}
	for _, place := range places {
		raw, err := os.ReadFile(filepath.Join(place, sandboxFile))
		if err != nil {
			continue
		}
		var found struct {
			Control string `json:"control"`
		}
		if err := json.Unmarshal(raw, &found); err == nil && found.Control != "" {
			return found.Control, nil
		}
	}
	return "", systemError(fmt.Errorf("no sandbox runs here (looked in %s): start `crosswalk demo` or `crosswalk sandbox`, or name its folder with --data", strings.Join(places, ", ")))
}

func askSandbox(c *cobra.Command, method, path string, body, into any) error {
	control, err := findSandbox(c)
	if err != nil {
		return err
	}
	return controlSandbox(c.Context(), control, method, path, body, into)
}

// controlSandbox gives an order to a running sandbox.
func controlSandbox(ctx context.Context, control, method, path string, body, into any) error {
	var content io.Reader
	if body != nil {
		raw, err := json.Marshal(body)
		if err != nil {
			return systemError(err)
		}
		content = bytes.NewReader(raw)
	}
	request, err := http.NewRequestWithContext(ctx, method, control+path, content)
	if err != nil {
		return systemError(err)
	}
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		return systemError(fmt.Errorf("the sandbox does not answer: %w", err))
	}
	defer answer.Body.Close()
	raw, err := io.ReadAll(answer.Body)
	if err != nil {
		return systemError(err)
	}
	if answer.StatusCode != http.StatusOK {
		var problem struct {
			Error string `json:"error"`
		}
		_ = json.Unmarshal(raw, &problem)
		return contentError(errors.New(problem.Error))
	}
	if into == nil {
		return nil
	}
	return json.Unmarshal(raw, into)
}

func orderSandbox(c *cobra.Command, system, order string, body any) error {
	if err := askSandbox(c, http.MethodPost, "/control/"+system+"/"+order, body, nil); err != nil {
		return err
	}
	fmt.Fprintf(c.OutOrStdout(), "%s: %s\n", system, order)
	return nil
}

func orderFault(c *cobra.Command, args []string) error {
	times, _ := c.Flags().GetInt("times")
	seconds, _ := c.Flags().GetFloat64("seconds")
	operation, _ := c.Flags().GetString("operation")
	fault := map[string]any{"fault": args[1]}
	if times > 0 {
		fault["times"] = times
	}
	if seconds > 0 {
		fault["seconds"] = seconds
	}
	if operation != "" {
		fault["operation"] = operation
	}
	return orderSandbox(c, args[0], "fault", fault)
}
