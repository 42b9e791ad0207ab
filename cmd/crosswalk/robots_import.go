package main

import (
	"bufio"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"crosswalk/contracts"
	"crosswalk/robots/recording"
	"crosswalk/source"
)

func robotsImportCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "import FILE",
		Short: "Make a robot of a recording: Chrome DevTools Recorder (JSON) or Selenium IDE (.side)",
		Long: `Reads what somebody recorded in a browser and writes a robot file that passes the checks, with the file of its application and, without
--operation, a contract of its own. Every way in which the recording names an element is kept and votes. What was typed becomes
inputs and secrets: it is never written. Steps that no robot can take over are named with their number.

The pages are opened once, behind the fence, to see names of frames, the types of fields and the tables of the last page; nothing is
sent but the login and what is recognised as a search. --offline leaves that out. What the recording does not tell is asked;
--yes takes the guesses and lists them. A search that is new to an application which is there already is added to its file, for all
its robots, only if somebody says so: by the answer, or by --widen.`,
		Example: `  crosswalk robots import order-list.json --out acme
  crosswalk robots import invoice.side --out acme --yes --offline
  crosswalk robots import shipment.json --operation fulfilment.get_shipment --system acme-portal --yes`,
		Args: exactly("FILE"),
		RunE: robotsImport,
	}
	c.Flags().String("out", "", "the workspace to write to; a new folder becomes one (default: the workspace here)")
	c.Flags().Bool("yes", false, "take the guesses and list them, instead of asking")
	c.Flags().Bool("offline", false, "do not open the pages")
	c.Flags().Bool("dry-run", false, "print what would be written")
	c.Flags().Bool("force", false, "overwrite files that are there")
	c.Flags().Bool("widen", false, "let --yes add searches to the file of an application that is there, for all its robots")
	c.Flags().String("operation", "", "the operation that the robot carries out, as in orders.get_order (default: one of its own)")
	c.Flags().String("system", "", "the name of the application (default: made of its host)")
	c.Flags().String("name", "", "the name of the robot (default: made of the title of the recording)")
	c.Flags().String("test", "", "which test of a .side file (default: the first)")
	jsonFlag(c)
	return c
}

// robotImport is one import.
type robotImport struct {
	c        *cobra.Command
	dir      string
	folder   *robotFolder
	read     *recording.Recording
	options  recording.Options
	plan     *recording.Plan
	files    map[string][]byte
	problems source.Problems
	notes    []string
	searches []recording.Search
	secrets  []string // of an application that is there already
	extended string   // the file of that application, if searches were added to it
}

func robotsImport(c *cobra.Command, args []string) error {
	dir, err := importFolder(c)
	if err != nil {
		return err
	}
	text, err := os.ReadFile(args[0])
	if err != nil {
		return contentError(fmt.Errorf("the file cannot be read: %w", err))
	}
	test, _ := c.Flags().GetString("test")
	read, err := recording.Read(args[0], text, test)
	if err != nil {
		return contentError(err)
	}
	i := &robotImport{c: c, dir: dir, folder: newRobotFolder(dir), read: read}
	if err := i.decide(); err != nil {
		return err
	}
	if offline, _ := c.Flags().GetBool("offline"); !offline {
		if err := i.look(c.Context()); err != nil {
			return err
		}
	}
	i.check()
	return i.finish()
}

// importFolder is the workspace that is written to.
func importFolder(c *cobra.Command) (string, error) {
	out, _ := c.Flags().GetString("out")
	if out == "" {
		if out = workspaceDir(nil); out == "" {
			return "", usageError("there is no workspace here: name the folder to write to with --out")
		}
	}
	if _, err := os.Stat(filepath.Join(filepath.Dir(filepath.Clean(out)), "crosswalk.yaml")); err == nil && filepath.Base(out) == "robots" {
		out = filepath.Dir(filepath.Clean(out))
	}
	return out, nil
}

// decide takes the decisions, asking a person unless told otherwise.
func (i *robotImport) decide() error {
	c := i.c
	yes, _ := c.Flags().GetBool("yes")
	i.options.Name, _ = c.Flags().GetString("name")
	i.options.System, _ = c.Flags().GetString("system")
	for flag, name := range map[string]string{"name": i.options.Name, "system": i.options.System} {
		if name != "" && strings.Trim(name, "abcdefghijklmnopqrstuvwxyz0123456789-") != "" {
			return usageError("--%s %s: use small letters, digits and hyphens", flag, name)
		}
	}
	if name, _ := c.Flags().GetString("operation"); name != "" {
		if i.options.Operation = i.folder.operation(name); i.options.Operation == nil {
			return usageError("--operation %s: there is no such operation; contracts have %s", name, strings.Join(operationNames(i.folder.contracts, name), ", "))
		}
	}
	if !yes {
		i.options.Ask = askOnce(asker(c))
	}
	return i.planned()
}

// operationNames lists those of the contract that is meant, or the contracts.
func operationNames(all map[string]*contracts.Contract, name string) []string {
	contract, _, _ := strings.Cut(name, ".")
	var names []string
	if known := all[contract]; known != nil {
		for _, short := range known.OperationNames() {
			names = append(names, contract+"."+short)
		}
		return names
	}
	for name := range all {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// withOperations is a contract with the operations of another one behind its own, as an application with several robots has
// them; if they cannot simply stand there, it is the other one. Anew says that those which are there already are replaced.
func withOperations(name string, contract, further []byte, anew bool) []byte {
	_, operations, found := strings.Cut(string(further), "\noperations:\n")
	operations = indented(operations, string(contract))
	before, problems := contracts.Parse(name, contract)
	if !found || problems.Err() != nil || !strings.HasSuffix(string(contract), "\n") {
		return further
	}
	added, problems := contracts.Parse(name, further)
	if problems.Err() != nil {
		return further
	}
	known := 0
	for short := range added.Operations {
		if before.Operations[short] != nil {
			known++
		}
	}
	kept := string(contract)
	if known == len(added.Operations) && known < len(before.Operations) {
		if !anew {
			return contract
		}
		for short := range added.Operations {
			kept = withoutOperation(kept, short)
		}
		before, problems = contracts.Parse(name, []byte(kept))
		if problems.Err() != nil {
			return further
		}
	}
	both := []byte(kept + operations)
	after, problems := contracts.Parse(name, both)
	if problems.Err() != nil || len(after.Operations) != len(before.Operations)+len(added.Operations) {
		return further
	}
	return both
}

// firstOperation is the first line of an operation.
var firstOperation = regexp.MustCompile(`(?m)^operations:[ \t]*(?:#.*)?\n(?:[ \t]*(?:#.*)?\n)*( +)[^ #\n]`)

// indented are operations, which are written with two spaces, as those of a contract are indented.
func indented(operations, contract string) string {
	first := firstOperation.FindStringSubmatch(contract)
	if first == nil || first[1] == "  " {
		return operations
	}
	lines := strings.SplitAfter(operations, "\n")
	for i, line := range lines {
		text := strings.TrimLeft(line, " ")
		lines[i] = strings.Repeat(first[1], (len(line)-len(text))/2) + text
	}
	return strings.Join(lines, "")
}

// withoutOperation is a contract without the lines of an operation.
func withoutOperation(contract, short string) string {
	first := firstOperation.FindStringSubmatch(contract)
	if first == nil {
		return contract
	}
	inside := false
	return strings.Join(slices.DeleteFunc(strings.SplitAfter(contract, "\n"), func(line string) bool {
		text := strings.TrimLeft(line, " ")
		if indent := len(line) - len(text); strings.TrimSpace(text) != "" && indent <= len(first[1]) {
			inside = indent == len(first[1]) && strings.HasPrefix(text, short+":")
		}
		return inside
	}), "")
}

func (i *robotImport) planned() error {
	force, _ := i.c.Flags().GetBool("force")
	plan, err := recording.NewPlan(i.read, i.options)
	if err != nil {
		return contentError(err)
	}
	system, _ := i.folder.system(plan.System, filepath.Join(i.dir, "robots"))
	if system != nil && !plan.Extends {
		i.options.Extends = true
		i.options.Formats.Numbers, i.options.Formats.Dates = system.Formats()
		i.options.LoginPath, i.options.LoginFields = system.LoginForm()
		return i.planned()
	}
	plan.Searches = slices.Clone(i.searches)
	if system != nil {
		for _, address := range system.Searches() {
			plan.Searches = append(plan.Searches, recording.Search{Address: address})
		}
		i.secrets = system.Secrets
	}
	i.plan, i.files = plan, plan.Files()
	if system != nil {
		i.addSearches()
	}
	for name, text := range i.files {
		if old, err := os.ReadFile(filepath.Join(i.dir, filepath.FromSlash(name))); err == nil && plan.Extends && strings.HasPrefix(name, "contracts/") {
			i.files[name] = withOperations(name, old, text, force)
		}
	}
	if _, err := os.Stat(filepath.Join(i.dir, "crosswalk.yaml")); err != nil {
		i.files["crosswalk.yaml"] = []byte("# A workspace: which systems there are, and how they are reached. See crosswalk init for a whole one.\nsystems:\n  " + plan.Driver(i.secrets) + "\n")
	}
	return nil
}

// asker asks on the terminal.
func asker(c *cobra.Command) func(recording.Question) (int, error) {
	in := bufio.NewReader(c.InOrStdin())
	return func(q recording.Question) (int, error) {
		w := c.ErrOrStderr()
		fmt.Fprintln(w, q.Text)
		for n, answer := range q.Answers {
			mark := "  "
			if n == q.Guess {
				mark = "* "
			}
			fmt.Fprintf(w, "%s%d  %s\n", mark, n+1, answer)
		}
		for {
			fmt.Fprintf(w, "number [%d]: ", q.Guess+1)
			line, err := in.ReadString('\n')
			line = strings.TrimSpace(line)
			switch number, bad := strconv.Atoi(line); {
			case line == "" && err == nil:
				return q.Guess, nil
			case bad == nil && number >= 1 && number <= len(q.Answers):
				return number - 1, nil
			case err != nil:
				return 0, usageError("nobody answers: --yes takes the guesses")
			}
			fmt.Fprintf(w, "write a number from 1 to %d\n", len(q.Answers))
		}
	}
}

// askOnce remembers the answers, as a plan is made again when more is known.
func askOnce(ask func(recording.Question) (int, error)) func(recording.Question) (int, error) {
	given := map[string]int{}
	return func(q recording.Question) (int, error) {
		key := q.Text + strings.Join(q.Answers, "\n")
		if answer, known := given[key]; known {
			return answer, nil
		}
		answer, err := ask(q)
		if err == nil {
			given[key] = answer
		}
		return answer, err
	}
}

// check checks what would be written, as it would stand in the workspace.
func (i *robotImport) check() {
	dir, err := os.MkdirTemp("", "crosswalk-import-")
	if err != nil {
		i.problems = source.Problems{{File: i.dir, Severity: source.SeverityError, Message: err.Error()}}
		return
	}
	defer os.RemoveAll(dir)
	program, problems := i.compile(dir)
	_ = program
	i.problems = problems
}

// finish writes the files and says what was decided.
func (i *robotImport) finish() error {
	dry, _ := i.c.Flags().GetBool("dry-run")
	force, _ := i.c.Flags().GetBool("force")
	var written, there []string
	for _, name := range slices.Sorted(maps.Keys(i.files)) {
		path := filepath.Join(i.dir, filepath.FromSlash(name))
		written = append(written, path)
		if old, err := os.ReadFile(path); err == nil && !strings.HasPrefix(string(i.files[name]), string(old)) && name != i.extended && !force { // what only adds to a file loses nothing
			there = append(there, path)
		}
	}
	if len(there) > 0 && !dry {
		return contentError(fmt.Errorf("%s: there already: nothing was written; --force overwrites, --name and --system give other names", strings.Join(there, ", ")))
	}
	if !dry {
		for name, text := range i.files {
			path := filepath.Join(i.dir, filepath.FromSlash(name))
			if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
				return systemError(err)
			}
			if err := replaceFile(path, text); err != nil {
				return systemError(err)
			}
		}
	}
	return i.report(written, dry)
}

// report says what became of the recording.
func (i *robotImport) report(written []string, dry bool) error {
	p := i.plan
	failed := i.problems.Err() != nil
	if wantsJSON(i.c) {
		inputs := []string{}
		for _, input := range p.Inputs {
			inputs = append(inputs, input.Name)
		}
		secrets := []string{}
		for _, secret := range p.Secrets {
			secrets = append(secrets, secret.Name)
		}
		out := map[string]any{"ok": !failed, "written": !dry, "robot": p.Name, "system": p.System, "operation": p.OperationName, "files": written, "inputs": inputs, "secrets": secrets,
			"guesses": append([]string{}, p.Guesses...), "warnings": append([]string{}, p.Warnings...), "notes": append([]string{}, i.notes...),
			"unsupported": append([]recording.Unsupported{}, i.read.Unsupported...), "problems": append(source.Problems{}, i.problems...), "driver": p.Driver(i.secrets)}
		if err := printJSON(i.c, out); err != nil {
			return err
		}
		if failed {
			return contentError(nil)
		}
		return nil
	}
	w := i.c.OutOrStdout()
	for _, path := range written {
		if dry {
			fmt.Fprintf(w, "would write %s\n", path)
		} else {
			fmt.Fprintf(w, "wrote %s\n", path)
		}
	}
	if dry {
		for _, name := range slices.Sorted(maps.Keys(i.files)) {
			fmt.Fprintf(w, "\n--- %s\n%s", name, i.files[name])
		}
	}
	for _, line := range []struct {
		word  string
		texts []string
	}{{"guess", p.Guesses}, {"note", i.notes}, {"warning", p.Warnings}, {"not taken over", unsupportedTexts(i.read.Unsupported)}} {
		for _, text := range line.texts {
			fmt.Fprintf(w, "%s: %s\n", line.word, text)
		}
	}
	if p.Noise > 0 {
		fmt.Fprintf(w, "left out %d step(s) that robots do not need, such as scrolling\n", p.Noise)
	}
	printProblems(w, i.problems)
	if _, made := i.files["crosswalk.yaml"]; !made && i.driver() == nil {
		fmt.Fprintf(w, "add this to systems: of crosswalk.yaml, or its driver to the system that it serves:\n  %s\n", p.Driver(i.secrets))
	}
	if failed {
		return contentError(errors.New("the robot was written, and the checks find errors in it: mend what they name, and run crosswalk robots test on it"))
	}
	if !dry {
		fmt.Fprintf(w, "next: crosswalk robots try %s --dir %s --input '%s'\n", p.Name, i.dir, exampleInput(p))
	}
	return nil
}

func exampleInput(p *recording.Plan) string {
	var fields []string
	for _, input := range p.Inputs {
		fields = append(fields, fmt.Sprintf("%q: \"…\"", input.Name))
	}
	return "{" + strings.Join(fields, ", ") + "}"
}

func unsupportedTexts(all []recording.Unsupported) (texts []string) {
	for _, one := range all {
		texts = append(texts, one.String())
	}
	return texts
}

// compile writes the files into a folder and checks them there, with the names that they will have.
func (i *robotImport) compile(dir string) (*robotFile, source.Problems) {
	for name, text := range i.files {
		path := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			return nil, source.Problems{{File: path, Severity: source.SeverityError, Message: err.Error()}}
		}
		if err := os.WriteFile(path, text, 0o600); err != nil {
			return nil, source.Problems{{File: path, Severity: source.SeverityError, Message: err.Error()}}
		}
	}
	folder := newRobotFolder(dir)
	for name, contract := range i.folder.contracts {
		if folder.contracts[name] == nil {
			folder.contracts[name] = contract
		}
	}
	if i.plan.Extends {
		name := "robots/" + i.plan.System + ".system.yaml"
		if text, err := os.ReadFile(filepath.Join(i.dir, filepath.FromSlash(name))); err == nil && i.files[name] == nil {
			_ = os.WriteFile(filepath.Join(dir, filepath.FromSlash(name)), text, 0o600)
		}
	}
	file := filepath.Join(dir, "robots", i.plan.Name+".yaml")
	read := folder.read(file, i.files["robots/"+i.plan.Name+".yaml"])
	problems := append(folder.problems, read.Problems...)
	for n := range problems {
		problems[n].File = strings.Replace(problems[n].File, dir, i.dir, 1)
	}
	return read, problems
}
