package main

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"crosswalk/contracts"
	"crosswalk/rules"
	"crosswalk/source"
	"crosswalk/worker"
	"crosswalk/workspace"
)

func systemsCompareCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "compare SYSTEM OPERATION",
		Short: "Ask two drivers of a system the same, and say where their answers differ",
		Long: `Carries out a reading operation by two drivers of a system of the workspace here, once for each input of a file, and compares what
they answer: an API against the robot that it is to replace, say. The file has one input as JSON in each line. A driver may be switched off
in crosswalk.yaml. Nothing is written, and nothing that runs is needed.

To find nothing, to find several and to be refused are answers too. What is none (the system is down, the key is wrong) ends it with exit
code 3, for it says nothing about the driver. Else the exit code is 0 if all answers are the same, and 1 if one differs.`,
		Example: "  crosswalk systems compare fulfilment get_shipment --drivers shipstation,acme-portal --keys orders.jsonl",
		Args:    exactly("SYSTEM", "OPERATION"),
		RunE:    compareDrivers,

		ValidArgsFunction: completeTry,
	}
	c.Flags().String("drivers", "", "the two drivers, as A,B (required)")
	c.Flags().String("keys", "", "file with one input as JSON in each line, or - for standard input (required)")
	c.Flags().String("dir", "", "folder of the workspace; the one here if there is one")
	jsonFlag(c)
	return c
}

// comparedInput is what two drivers answered for one input.
type comparedInput struct {
	Line        int          `json:"line"`
	Input       any          `json:"input"`
	Same        bool         `json:"same"`
	Differences []difference `json:"differences"`
}

// difference is a place where two answers differ.
type difference struct {
	Field string `json:"field"`
	A     any    `json:"a"`
	B     any    `json:"b"`
}

func compareDrivers(c *cobra.Command, args []string) error {
	dir, _ := c.Flags().GetString("dir")
	dirs := []string{}
	if dir != "" {
		dirs = append(dirs, dir)
	}
	dir, err := needWorkspace(dirs)
	if err != nil {
		return err
	}
	w, problems := workspace.Load(dir)
	if problems.Err() != nil {
		printProblems(c.ErrOrStderr(), problems.Errors())
		return contentError(fmt.Errorf("%s has %d error(s)", dir, len(problems.Errors())))
	}
	drivers, _ := c.Flags().GetString("drivers")
	names := strings.Split(drivers, ",")
	if len(names) != 2 {
		return usageError("name two drivers with --drivers A,B")
	}
	system := w.Config.System(args[0])
	if system == nil || system.Contract == nil {
		return contentError(fmt.Errorf("there is no system %q in crosswalk.yaml", args[0]))
	}
	operation := system.Contract.Operation(args[1])
	switch {
	case operation == nil:
		return contentError(fmt.Errorf("the contract %s has no operation %q (%s)", system.Contract.Name, args[1], source.DidYouMean(args[1], system.Contract.OperationNames())))
	case operation.Effect != contracts.Read:
		return contentError(fmt.Errorf("%s writes: only what reads is compared", operation.Name))
	}
	inputs, err := comparedInputs(c, operation)
	if err != nil {
		return err
	}
	kept, data, forget, err := keptHere(c, dir, w)
	if err != nil {
		return err
	}
	defer forget()
	var reads []*worker.Reads
	for _, name := range names {
		only, err := onlyDriver(w, system, strings.TrimSpace(name))
		if err != nil {
			return err
		}
		one := worker.NewReads(only, kept, data, slog.New(slog.DiscardHandler))
		defer one.Close()
		reads = append(reads, one)
	}
	compared, different := []comparedInput{}, 0
	for i, input := range inputs {
		a, _, failedA := reads[0].Read(c.Context(), system.Name, operation, input)
		b, _, failedB := reads[1].Read(c.Context(), system.Name, operation, input)
		for side, failed := range []error{failedA, failedB} {
			if failed != nil && !answers(failed) {
				return systemError(fmt.Errorf("input %d: %s gave no answer that could be compared: %w", i+1, names[side], failed))
			}
		}
		one := comparedInput{Line: i + 1, Input: plainJSON(input), Differences: []difference{}}
		one.Differences = append(one.Differences, differences("", answered(operation, a, failedA), answered(operation, b, failedB))...)
		if one.Same = len(one.Differences) == 0; !one.Same {
			different++
		}
		compared = append(compared, one)
	}
	return showCompared(c, names, compared, different)
}

// answered is what a driver answered, or the class of its error: to find nothing is an answer too.
func answered(operation *contracts.Operation, value rules.Value, failed error) rules.Value {
	if failed != nil {
		return rules.Record(map[string]rules.Value{"error": rules.Text(string(contracts.ClassOf(failed)))})
	}
	if decoded, err := operation.Output.Decode(value); err == nil {
		return decoded
	}
	return value
}

// answers is whether an error says something about what was asked, and not only that nobody could be asked.
func answers(failed error) bool {
	switch contracts.ClassOf(failed) {
	case contracts.NotFound, contracts.NotUnique, contracts.Validation, contracts.Conflict, contracts.Declined:
		return true
	}
	return false
}

// onlyDriver is the workspace's reach with one driver of the system, switched on.
func onlyDriver(w *workspace.Workspace, system *workspace.System, name string) (*workspace.Reach, error) {
	var known []string
	for _, driver := range system.Drivers {
		known = append(known, driver.Name)
		if driver.Name != name && driver.ID() != name {
			continue
		}
		if driver.Kind == workspace.ByPerson {
			return nil, contentError(fmt.Errorf("%s is people, who are not asked here", driver.ID()))
		}
		on, alone, config, reach := *driver, *system, *w.Config, *w.Reach
		on.Off, alone.Off = false, false
		alone.Drivers = []*workspace.Driver{&on}
		config.Systems = []*workspace.System{&alone}
		reach.Config = &config
		return &reach, nil
	}
	return nil, contentError(fmt.Errorf("the system %s has no driver %q (%s)", system.Name, name, source.DidYouMean(name, known)))
}

func comparedInputs(c *cobra.Command, operation *contracts.Operation) ([]rules.Value, error) {
	from, _ := c.Flags().GetString("keys")
	var raw []byte
	var err error
	switch from {
	case "":
		return nil, usageError("name the inputs with --keys FILE, or - for standard input")
	case "-":
		var all bytes.Buffer
		_, err = all.ReadFrom(c.InOrStdin())
		raw = all.Bytes()
	default:
		raw, err = os.ReadFile(from)
	}
	if err != nil {
		return nil, usageError("%s", err)
	}
	var inputs []rules.Value
	lines := bufio.NewScanner(bytes.NewReader(raw))
	lines.Buffer(nil, 1<<20)
	for n := 1; lines.Scan(); n++ {
		if strings.TrimSpace(lines.Text()) == "" {
			continue
		}
		input, err := rules.Decode(operation.Input, lines.Bytes())
		if err != nil {
			return nil, contentError(fmt.Errorf("%s:%d: the input does not fit %s: %w", from, n, operation.Name, err))
		}
		inputs = append(inputs, input)
	}
	if err := lines.Err(); err != nil {
		return nil, contentError(fmt.Errorf("%s: %w", from, err))
	}
	if len(inputs) == 0 {
		return nil, contentError(errors.New(from + " holds no input: write one as JSON in each line"))
	}
	return inputs, nil
}

// differences are the places where two values differ.
func differences(path string, a, b rules.Value) []difference {
	switch {
	case a.Equal(b):
		return nil
	case a.Kind() == rules.KindRecord && b.Kind() == rules.KindRecord:
		var all []difference
		names := append(slices.Clone(a.Keys()), b.Keys()...)
		slices.Sort(names)
		for _, name := range slices.Compact(names) {
			all = append(all, differences(strings.TrimPrefix(path+"."+name, "."), a.Get(name), b.Get(name))...)
		}
		return all
	case a.Kind() == rules.KindList && b.Kind() == rules.KindList && a.Len() == b.Len():
		var all []difference
		for i := range a.Len() {
			all = append(all, differences(fmt.Sprintf("%s[%d]", path, i), a.At(i), b.At(i))...)
		}
		return all
	}
	return []difference{{path, plainJSON(a), plainJSON(b)}}
}

func showCompared(c *cobra.Command, names []string, compared []comparedInput, different int) error {
	if wantsJSON(c) {
		if err := printJSON(c, map[string]any{"a": names[0], "b": names[1], "inputs": len(compared), "different": different, "compared": compared}); err != nil {
			return err
		}
		if different > 0 {
			return contentError(nil)
		}
		return nil
	}
	out := c.OutOrStdout()
	for _, one := range compared {
		for _, d := range one.Differences {
			fmt.Fprintf(out, "input %d: %s: %s says %s, %s says %s\n", one.Line, d.Field, names[0], shownSide(d.A), names[1], shownSide(d.B))
		}
	}
	if different > 0 {
		return contentError(fmt.Errorf("%d of %d inputs are answered differently", different, len(compared)))
	}
	fmt.Fprintf(out, "%s and %s answer %d input(s) alike\n", names[0], names[1], len(compared))
	return nil
}

func shownSide(side any) string {
	if raw, ok := side.(rawJSON); ok {
		return string(raw)
	}
	return "nothing"
}
