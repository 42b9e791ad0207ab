package main

import (
	"bufio"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/spf13/cobra"

	"crosswalk/adapters"
	"crosswalk/adapters/conformance"
	"crosswalk/contracts"
	"crosswalk/rules"
	"crosswalk/source"
	"crosswalk/workspace"
)

func adaptersTryCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "try SYSTEM OPERATION",
		Short: "Call one operation of a system, and show request, answer and mapping",
		Long: `Calls one operation of a system of the workspace here through its adapter, and shows what went over the wire and what the
operation made of it. Secrets are masked. Nothing that runs is needed, and no case is started. An operation that writes asks
before it is carried out; --yes answers. A system that somebody has logged in to (systems login) is called with that log-in, out of the
store of the workspace (--data, --database).

With --record the call is kept as a test beside the adapter (NAME.tests.yaml), marked with the day. What says who somebody is
(names, addresses, numbers, prose) is replaced by what is made up, unless --keep-personal; read it before you commit it.`,
		Example: `  crosswalk adapters try support check_connection
  echo '{"email": "jane@example.com"}' | crosswalk adapters try crm find_customer --input -
  crosswalk adapters try support create_task --input task.json --yes --record`,
		Args: exactly("SYSTEM", "OPERATION"),
		RunE: tryAdapter,

		ValidArgsFunction: completeTry,
	}
	c.Flags().String("input", "", "the input as JSON, a file that holds it, or - for standard input; nothing: an empty one")
	c.Flags().String("driver", "", "the adapter, if the system has several (the first that serves the operation)")
	c.Flags().String("key", "", "of a write: its key; made up if it is not given")
	c.Flags().Bool("yes", false, "carry out a write without asking")
	c.Flags().Bool("record", false, "keep the call as a test beside the adapter")
	c.Flags().Bool("keep-personal", false, "with --record: leave personal data as it is")
	c.Flags().String("name", "", "with --record: the name of the test")
	c.Flags().String("dir", "", "folder of the workspace; the one here if there is one")
	storeFlags(c)
	jsonFlag(c)
	return c
}

// completeTry offers the systems of the workspace, and then the operations of the one that was named.
func completeTry(c *cobra.Command, args []string, begun string) ([]string, cobra.ShellCompDirective) {
	dir, _ := c.Flags().GetString("dir")
	if dir == "" {
		dir = workspaceDir(nil)
	}
	if dir == "" || len(args) > 1 {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	w, _ := workspace.Load(dir)
	var names []string
	for _, system := range w.Config.Systems {
		if len(args) == 0 {
			names = append(names, system.Name)
		} else if system.Name == args[0] {
			names = append(names, triedOperations(w, system)...)
		}
	}
	return slices.DeleteFunc(names, func(name string) bool { return !strings.HasPrefix(name, begun) }), cobra.ShellCompDirectiveNoFileComp
}

func triedOperations(w *workspace.Workspace, system *workspace.System) []string {
	var names []string
	for _, driver := range system.Drivers {
		if adapter := w.Adapters[driver.Name]; driver.Kind == workspace.ByAdapter && adapter != nil {
			for _, name := range adapter.Operations() {
				names = append(names, adapter.ShortName(name))
			}
		}
	}
	return names
}

// trySubject is the operation that is called and how it is reached.
type trySubject struct {
	dir    string
	w      *workspace.Workspace
	route  workspace.Route
	op     *adapters.Operation
	config adapters.Config
}

func findTry(c *cobra.Command, systemName, operation string) (trySubject, error) {
	dir, _ := c.Flags().GetString("dir")
	args := []string{}
	if dir != "" {
		args = append(args, dir)
	}
	dir, err := needWorkspace(args)
	if err != nil {
		return trySubject{}, err
	}
	w, problems := workspace.Load(dir)
	system := w.Config.System(systemName)
	if system == nil {
		var names []string
		for _, s := range w.Config.Systems {
			names = append(names, s.Name)
		}
		return trySubject{}, contentError(fmt.Errorf("there is no system %q in crosswalk.yaml (%s)", systemName, source.DidYouMean(systemName, names)))
	}
	wanted, _ := c.Flags().GetString("driver")
	var known []string
	for _, driver := range system.Drivers {
		adapter := w.Adapters[driver.Name]
		if driver.Kind != workspace.ByAdapter || wanted != "" && wanted != driver.Name && wanted != driver.ID() {
			continue
		}
		if adapter == nil {
			printProblems(c.ErrOrStderr(), problems.Errors())
			return trySubject{}, contentError(fmt.Errorf("the adapter %s has errors", driver.Name))
		}
		for _, name := range adapter.Operations() {
			short := adapter.ShortName(name)
			if known = append(known, short); name != operation && short != operation {
				continue
			}
			t := trySubject{dir: dir, w: w, op: adapter.Operation(name), route: workspace.Route{System: system, Driver: driver, Operation: name, Adapter: adapter}}
			if t.config, err = w.AdapterConfig(t.route, adapters.NewMemory()); err != nil {
				return t, contentError(err)
			}
			return t, nil
		}
	}
	if len(known) == 0 {
		return trySubject{}, contentError(fmt.Errorf("the system %s is reached by no adapter that can be tried", systemName))
	}
	return trySubject{}, contentError(fmt.Errorf("no adapter of %s carries out %q (%s)", systemName, operation, source.DidYouMean(operation, known)))
}

// triedExchange is one attempt of a request as it is shown.
type triedExchange struct {
	Method        string            `json:"method"`
	URL           string            `json:"url"`
	Headers       map[string]string `json:"headers"`
	Body          string            `json:"body,omitempty"`
	Status        int               `json:"status,omitempty"`
	AnswerHeaders map[string]string `json:"answer_headers,omitempty"`
	Answer        string            `json:"answer,omitempty"`
	Failed        string            `json:"failed,omitempty"`
	Milliseconds  int64             `json:"milliseconds"`
}

func tryAdapter(c *cobra.Command, args []string) error {
	t, err := findTry(c, args[0], args[1])
	if err != nil {
		return err
	}
	call := adapters.Call{Operation: t.op.Name}
	if call.Input, err = tryInput(c, t.op); err != nil {
		return err
	}
	if t.op.Effect == contracts.Write {
		if err := agree(c, t); err != nil {
			return err
		}
		if call.Key, _ = c.Flags().GetString("key"); call.Key == "" {
			call.Key = "try-" + rand.Text()[:12]
		}
	}
	grants, forget, err := grantsHere(c, t.dir, t.w)
	if err != nil {
		return err
	}
	defer forget()
	t.config.Grants = grants
	connection, err := t.route.Adapter.Connect(t.config)
	if err != nil {
		return contentError(err)
	}
	defer connection.Close()
	var mu sync.Mutex
	var all []*adapters.Seen
	ctx := adapters.Watch(c.Context(), func(seen *adapters.Seen, done bool) {
		if done {
			mu.Lock()
			defer mu.Unlock()
			all = append(all, seen)
		}
	})
	output, failed := connection.Call(ctx, call)
	mu.Lock()
	defer mu.Unlock()
	exchanges := []triedExchange{}
	for _, seen := range all {
		exchanges = append(exchanges, shownExchange(connection, seen))
	}
	file, recordErr := "", error(nil)
	if record, _ := c.Flags().GetBool("record"); record {
		file, recordErr = recordTry(c, t, conformance.Recording{Call: call, Failed: failed, Seen: all}, connection)
	}
	// What was answered is shown first: of a write that was made it is all that there is.
	if err := showTry(c, t, call, exchanges, output, failed, file); err != nil && recordErr == nil {
		return err
	}
	return recordErr
}

// tryInput reads the input and holds it to the contract.
func tryInput(c *cobra.Command, op *adapters.Operation) (rules.Value, error) {
	input := rules.Record(nil)
	if from, _ := c.Flags().GetString("input"); from != "" {
		raw, err := readInput(c)
		if err != nil {
			return input, err
		}
		if input, err = rules.FromJSON(raw); err != nil {
			return input, contentError(fmt.Errorf("the input is not JSON: %w", err))
		}
	}
	decoded, err := op.Input.Decode(input)
	if err != nil {
		return input, contentError(fmt.Errorf("the input does not fit %s: %w", op.Name, err))
	}
	return decoded, nil
}

// agree has a person say that something may be written.
func agree(c *cobra.Command, t trySubject) error {
	if yes, _ := c.Flags().GetBool("yes"); yes {
		return nil
	}
	if from, _ := c.Flags().GetString("input"); from == "-" {
		return usageError("%s writes in %s: add --yes to carry it out", t.op.Name, t.route.System.Name)
	}
	fmt.Fprintf(c.ErrOrStderr(), "%s writes in %s (%s). Carry it out? [y/N] ", t.op.Name, t.route.System.Name, t.route.Driver.ID())
	answer, err := bufio.NewReader(c.InOrStdin()).ReadString('\n')
	if err != nil && !errors.Is(err, io.EOF) {
		return usageError("%s", err)
	}
	if answer = strings.ToLower(strings.TrimSpace(answer)); answer == "y" || answer == "yes" {
		return nil
	}
	return usageError("nothing was sent: %s writes, and nobody agreed; add --yes", t.op.Name)
}

func shownExchange(connection *adapters.Connection, seen *adapters.Seen) triedExchange {
	x := triedExchange{Method: seen.Method, URL: connection.Masked(seen.URL), Headers: shownHeaders(connection, seen.Header), Body: connection.Masked(string(seen.Body)),
		Status: seen.Status, AnswerHeaders: shownHeaders(connection, seen.AnswerHeader), Answer: connection.Masked(string(seen.Answer)), Milliseconds: seen.Took.Milliseconds()}
	if seen.Err != nil {
		x.Failed = connection.Masked(seen.Err.Error())
	}
	return x
}

// shownHeaders are headers without what lets somebody in.
func shownHeaders(connection *adapters.Connection, header http.Header) map[string]string {
	shown := map[string]string{}
	for name, values := range header {
		if slices.Contains([]string{"Authorization", "Cookie", "Set-Cookie", "Proxy-Authorization"}, name) {
			values = []string{"***"}
		}
		shown[name] = connection.Masked(strings.Join(values, ", "))
	}
	return shown
}

func showTry(c *cobra.Command, t trySubject, call adapters.Call, exchanges []triedExchange, output rules.Value, failed error, file string) error {
	var failure *contracts.Error
	if failed != nil && !errors.As(failed, &failure) {
		failure = contracts.NewError(contracts.Internal, call.Operation, "%s", failed)
	}
	if wantsJSON(c) {
		shown := map[string]any{"system": t.route.System.Name, "operation": call.Operation, "driver": t.route.Driver.ID(), "input": plainJSON(call.Input), "exchanges": exchanges}
		if failure != nil {
			shown["error"] = map[string]any{"class": failure.Class, "message": failure.Message, "status": failure.Status, "candidates": plainJSON(failure.Candidates), "retry_after": failure.RetryAfter.String()}
		} else {
			shown["output"] = plainJSON(output)
		}
		if file != "" {
			shown["recorded"] = file
		}
		if err := printJSON(c, shown); err != nil {
			return err
		}
	} else {
		printTry(c.OutOrStdout(), t, call, exchanges, output, failure, file)
	}
	if failure == nil {
		return nil
	}
	return systemError(nil)
}

func printTry(out io.Writer, t trySubject, call adapters.Call, exchanges []triedExchange, output rules.Value, failure *contracts.Error, file string) {
	fmt.Fprintf(out, "%s of %s by %s\ninput: %s\n", call.Operation, t.route.System.Name, t.route.Driver.ID(), call.Input.Plain())
	for _, x := range exchanges {
		fmt.Fprintf(out, "\n> %s %s\n", x.Method, x.URL)
		printHeaders(out, ">", x.Headers)
		if x.Body != "" {
			fmt.Fprintf(out, "> %s\n", shortened(x.Body))
		}
		if x.Failed != "" {
			fmt.Fprintf(out, "< no answer after %d ms: %s\n", x.Milliseconds, x.Failed)
			continue
		}
		if x.Method == adapters.Statement {
			fmt.Fprintf(out, "< after %d ms\n", x.Milliseconds)
		} else {
			fmt.Fprintf(out, "< %d after %d ms\n", x.Status, x.Milliseconds)
		}
		printHeaders(out, "<", x.AnswerHeaders)
		if x.Answer != "" {
			fmt.Fprintf(out, "< %s\n", shortened(x.Answer))
		}
	}
	fmt.Fprintln(out)
	if failure != nil {
		fmt.Fprintf(out, "error: %s: %s\n", failure.Class, failure.Message)
		if failure.Candidates.Len() > 0 {
			fmt.Fprintf(out, "candidates: %s\n", failure.Candidates.Plain())
		}
	} else {
		fmt.Fprintf(out, "output: %s\n", output.Plain())
	}
	if file != "" {
		fmt.Fprintf(out, "kept as a test in %s; read it before you commit it: what is free text may still say something\n", file)
		if beside := strings.TrimSuffix(file, conformance.Extension) + ".yaml"; missing(beside) {
			fmt.Fprintf(out, "the adapter is of the catalogue: it is played once %s stands beside it\n", beside)
		}
	}
}

func missing(file string) bool {
	_, err := os.Stat(file)
	return errors.Is(err, os.ErrNotExist)
}

func printHeaders(out io.Writer, mark string, headers map[string]string) {
	for _, name := range sortedNames(headers) {
		fmt.Fprintf(out, "%s %s: %s\n", mark, name, oneLine(headers[name], 200))
	}
}

// shortened is a body for a screen; --json has all of it.
func shortened(text string) string {
	const most = 4000
	if len(text) > most {
		return strings.ToValidUTF8(text[:most], "") + fmt.Sprintf("… (%d bytes; --json shows all)", len(text))
	}
	return text
}

func plainJSON(v rules.Value) any {
	if v.IsMissing() {
		return nil
	}
	return rawJSON(v.Plain())
}

type rawJSON []byte

// MarshalJSON is the value as it is.
func (r rawJSON) MarshalJSON() ([]byte, error) { return r, nil }

// recordTry writes the call as a test beside the adapter. One of the catalogue gets its file in the workspace.
func recordTry(c *cobra.Command, t trySubject, recorded conformance.Recording, connection *adapters.Connection) (string, error) {
	file := filepath.Join(t.dir, "adapters", t.route.Adapter.Name+conformance.Extension)
	before, err := os.ReadFile(file)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return "", systemError(err)
	}
	tests := &conformance.Tests{File: file}
	if len(before) > 0 {
		parsed, problems := conformance.Parse(file, before, t.route.Adapter)
		if problems.Err() != nil {
			return "", contentError(errors.New(problems.Errors().Error()))
		}
		tests = parsed
	}
	recorded.Personal, _ = c.Flags().GetBool("keep-personal")
	recorded.Name, _ = c.Flags().GetString("name")
	recorded.Settings, recorded.Base, recorded.Masked, recorded.On = t.config.Settings, connection.Base(), connection.Masked, time.Now()
	text, err := recorded.Write(c.Context(), t.route.Adapter, tests, before)
	if err != nil {
		return "", contentError(fmt.Errorf("the call was made, and cannot be recorded: %w", err))
	}
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		return "", systemError(err)
	}
	if err := os.WriteFile(file, text, 0o644); err != nil {
		return "", systemError(err)
	}
	return file, nil
}
