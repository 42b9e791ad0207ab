// Command crosswalk connects a company's systems: it checks and runs use cases, and is the desk, the worker and the
// engine in one program. `crosswalk --help` lists what it does.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/spf13/cobra"
)

// version is that of the release; `go build -ldflags "-X main.version=…"` sets it.
var version = "development"

// The exit codes that scripts rely on.
const (
	exitContent = 1 // the user's content is wrong
	exitUsage   = 2 // the command line is wrong
	exitSystem  = 3 // a system or the engine failed
)

// failure is an error with its exit code. A failure without a message has been reported already.
type failure struct {
	code int
	err  error
}

// Error is the message.
func (f failure) Error() string {
	if f.err == nil {
		return ""
	}
	return f.err.Error()
}

// Unwrap returns the cause.
func (f failure) Unwrap() error { return f.err }

func contentError(err error) error { return failure{exitContent, err} }
func usageError(format string, args ...any) error {
	return failure{exitUsage, fmt.Errorf(format, args...)}
}
func systemError(err error) error { return failure{exitSystem, err} }

func main() {
	os.Exit(run(os.Args[1:]))
}

// run executes one command line and returns the exit code.
func run(args []string) int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	root := rootCommand()
	root.SetArgs(args)
	err := root.ExecuteContext(ctx)
	if err == nil {
		return 0
	}
	var known failure
	if !errors.As(err, &known) {
		known = failure{exitUsage, err} // cobra's own errors are about the command line
	}
	if message := known.Error(); message != "" {
		fmt.Fprintln(os.Stderr, "crosswalk: "+message)
	}
	return known.code
}

func rootCommand() *cobra.Command {
	root := &cobra.Command{
		Use:           "crosswalk",
		Short:         "Connect a company's systems: use cases across them, decided by rules, handed to people",
		Version:       version,
		SilenceUsage:  true,
		SilenceErrors: true,
		Example: `  crosswalk demo                      see it work on a demo company
  crosswalk init acme                 begin a workspace of your own
  crosswalk check acme                find everything that is wrong in it
  crosswalk up --dir acme             run it`,
	}
	root.SetFlagErrorFunc(func(c *cobra.Command, err error) error {
		return usageError("%s: see %s --help", err, c.CommandPath())
	})
	root.AddCommand(backupCommand(), restoreCommand(), schemasCommand())
	root.AddCommand(demoCommand(), upCommand(), workerCommand(), intakeCommand(), deskCommand(), engineCommand(), initCommand(), checkCommand(), testCommand(), publishCommand(), draftsCommand(), rulesCommand(), useCasesCommand(), runCommand(),
		robotsCommand(), casesCommand(), tasksCommand(), systemsCommand(), linksCommand(), eventsCommand(), schedulesCommand(), sandboxCommand(), passwordCommand(), adaptersCommand())
	completeArguments(root)
	for _, c := range root.Commands() {
		refuseUnknown(c)
	}
	return root
}

// refuseUnknown has a command that only holds others refuse what it does not hold; it would show its help and end as if
// that had been done.
func refuseUnknown(c *cobra.Command) {
	for _, sub := range c.Commands() {
		refuseUnknown(sub)
	}
	if c.Runnable() || !c.HasSubCommands() {
		return
	}
	c.RunE = func(c *cobra.Command, args []string) error {
		if len(args) == 0 {
			return c.Help()
		}
		var names []string
		for _, sub := range c.Commands() {
			names = append(names, sub.Name())
		}
		return usageError("unknown command %q for %q: it has %s", args[0], c.CommandPath(), strings.Join(names, ", "))
	}
}

// exactly demands n arguments and says which.
func exactly(names ...string) cobra.PositionalArgs {
	return func(c *cobra.Command, args []string) error {
		if len(args) != len(names) {
			return usageError("%s needs %d argument(s) %v, got %d: see %s --help", c.CommandPath(), len(names), names, len(args), c.CommandPath())
		}
		return nil
	}
}

func atMostOne(c *cobra.Command, args []string) error {
	if len(args) > 1 {
		return usageError("%s takes one folder at most, got %d: see %s --help", c.CommandPath(), len(args), c.CommandPath())
	}
	return nil
}
