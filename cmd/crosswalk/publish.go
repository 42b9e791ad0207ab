package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"crosswalk/source"
	"crosswalk/store"
	"crosswalk/workspace"
)

func publishCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "publish [DIR]",
		Short: "Check a workspace, say what changes, and put it in force for new cases",
		Long: `Checks the workspace, says in words what changes against what is in force, and puts it in force for new cases: use cases
with their tables switch together. Cases that run keep the meaning they started with; how systems are reached changes for
all of them. A workspace with errors changes nothing, and neither does one that was compared with something that is not in
force any more.

--undo puts in force what was in force before; --to puts an earlier version in force again, or with the hash of a bundle
one use case as it was then. Where ` + "`crosswalk up`" + ` publishes each valid save, the next save of a file publishes the
folder again; use ` + "`up --publish manual`" + ` where this command alone decides.

A folder that does not hold what somebody else has published since it was last in step is not published: it would take that
back. Take the change into the folder, or publish over it with --over.`,
		Example: `  crosswalk publish acme --dry-run
  crosswalk publish acme --message 'warranty of kettles is 36 months'
  crosswalk publish history acme
  crosswalk publish --undo
  crosswalk publish --to 12`,
		Args: atMostOne,
		RunE: publish,
	}
	storeFlags(c)
	c.Flags().StringP("message", "m", "", "what changed and why")
	c.Flags().String("note", "", "the same as --message")
	_ = c.Flags().MarkHidden("note") // the flag is there: it was declared above
	c.Flags().Bool("dry-run", false, "say what would change, and change nothing")
	c.Flags().Bool("over", false, "also over what others have published and the folder does not hold")
	c.Flags().Bool("undo", false, "put in force again what was in force before")
	c.Flags().String("to", "", "put this version, or the bundle with this hash, in force again")
	jsonFlag(c)
	c.AddCommand(publishHistoryCommand(), publishDiffCommand())
	return c
}

// storeFlags adds what says where the store of a workspace is.
func storeFlags(c *cobra.Command) {
	c.Flags().String("data", "", "data directory (default: .crosswalk in the workspace)")
	databaseFlag(c)
}

// storeOf opens the store that belongs to a workspace.
func storeOf(c *cobra.Command, dir string) (*store.Store, error) {
	data, _ := c.Flags().GetString("data")
	if data == "" {
		data = filepath.Join(dir, ".crosswalk")
	}
	s, err := openStore(c.Context(), databaseOf(c), data)
	if err != nil {
		return nil, systemError(err)
	}
	return s, nil
}

// needWorkspace is the folder of the workspace that a command is about.
func needWorkspace(args []string) (string, error) {
	dir := workspaceDir(args)
	if dir == "" {
		return "", usageError("there is no workspace here: name its folder")
	}
	if info, err := os.Stat(dir); err != nil || !info.IsDir() {
		return "", contentError(fmt.Errorf("there is no folder %s", dir))
	}
	return dir, nil
}

func publish(c *cobra.Command, args []string) error {
	dir, err := needWorkspace(args)
	if err != nil {
		return err
	}
	undo, _ := c.Flags().GetBool("undo")
	to, _ := c.Flags().GetString("to")
	if undo && to != "" {
		return usageError("--undo and --to exclude each other")
	}
	s, err := storeOf(c, dir)
	if err != nil {
		return err
	}
	defer s.Close()
	p, err := propose(c, s, dir, undo, to)
	if err != nil {
		return err
	}
	dry, _ := c.Flags().GetBool("dry-run")
	overtaken, err := overtakenBy(c, s, dir, p, undo || to != "")
	if err != nil {
		return err
	}
	result := publication{Published: workspace.Published{Version: p.Version}, Changes: p.Changes, Open: p.Open, Overtaken: overtaken, DryRun: dry}
	if !wantsJSON(c) {
		result.print(c.OutOrStdout())
	}
	over, _ := c.Flags().GetBool("over")
	if !dry && !over && len(overtaken) > 0 {
		return contentError(fmt.Errorf("%w\nnothing was published: %s", &workspace.OvertakenError{By: overtaken}, howToCatchUp))
	}
	if !dry {
		if p.Folder, err = folderName(c, dir); err != nil {
			return systemError(err)
		}
		published, err := p.Publish(c.Context(), s, userName(), message(c, p, undo))
		switch {
		case errors.Is(err, store.ErrSuperseded):
			return contentError(fmt.Errorf("somebody else published meanwhile, and nothing was changed: see crosswalk publish history, then publish again: %w", err))
		case err != nil:
			return systemError(err)
		}
		result.Published = published
		if !wantsJSON(c) {
			fmt.Fprintln(c.OutOrStdout(), describe(published))
		}
	}
	if wantsJSON(c) {
		return printJSON(c, result)
	}
	return nil
}

// propose compares what is to be published with what is in force.
func propose(c *cobra.Command, s *store.Store, dir string, undo bool, to string) (workspace.Proposal, error) {
	base, err := filepath.Abs(dir)
	if err != nil {
		return workspace.Proposal{}, systemError(err)
	}
	var p workspace.Proposal
	var problems source.Problems
	switch {
	case undo:
		p, problems, err = workspace.ProposeUndo(c.Context(), s, base)
		if errors.Is(err, workspace.ErrNothingBefore) {
			return p, contentError(err)
		}
	case to != "":
		p, problems, err = proposeEarlier(c.Context(), s, to, base)
	default:
		var w *workspace.Workspace
		if w, problems = workspace.Load(dir); problems.Err() == nil {
			p, err = w.Propose(c.Context(), s)
		}
	}
	if problems.Err() != nil {
		printProblems(c.ErrOrStderr(), problems)
		return p, contentError(errors.New("nothing was published; what is in force stays"))
	}
	if err != nil && !isFailure(err) {
		err = systemError(err)
	}
	return p, err
}

func isFailure(err error) bool {
	var known failure
	return errors.As(err, &known)
}

// proposeEarlier proposes a version by its number, or a bundle by its hash or the beginning of it.
func proposeEarlier(ctx context.Context, s *store.Store, to, base string) (workspace.Proposal, source.Problems, error) {
	if version, err := strconv.ParseInt(to, 10, 64); err == nil && len(to) < shortestHash {
		p, problems, err := workspace.ProposeVersion(ctx, s, version, base)
		if errors.Is(err, store.ErrNotFound) {
			err = contentError(fmt.Errorf("there is no version %d: see crosswalk publish history", version))
		}
		return p, problems, err
	}
	bundle, err := findBundle(ctx, s, to)
	if err != nil {
		return workspace.Proposal{}, nil, err
	}
	return workspace.ProposeBundle(ctx, s, bundle.Hash, base)
}

// shortestHash is how much of a hash must be given; whatever is shorter is a version.
const shortestHash = 8

func findBundle(ctx context.Context, s *store.Store, hash string) (store.Definition, error) {
	if len(hash) < shortestHash || strings.Trim(hash, "0123456789abcdef") != "" {
		return store.Definition{}, usageError("%q is neither the number of a version nor the first %d or more characters of a hash", hash, shortestHash)
	}
	found, err := s.FindDefinitions(ctx, hash)
	switch {
	case err != nil:
		return store.Definition{}, err
	case len(found) == 0:
		return store.Definition{}, contentError(fmt.Errorf("nothing is stored under %s: see crosswalk publish history --json", hash))
	case len(found) > 1:
		return store.Definition{}, contentError(fmt.Errorf("several hashes begin with %s: write more of it", hash))
	case found[0].Kind != store.KindBundle:
		return store.Definition{}, contentError(fmt.Errorf("%s is not the bundle of a use case: name a version with --to", hash))
	}
	return found[0], nil
}

// message is what the history says of the publication.
func message(c *cobra.Command, p workspace.Proposal, undo bool) string {
	for _, flag := range []string{"message", "note"} {
		if text, _ := c.Flags().GetString(flag); text != "" {
			return text
		}
	}
	switch {
	case undo:
		return fmt.Sprintf("undo: back to version %d", p.Restores)
	case p.Restores > 0:
		return fmt.Sprintf("back to version %d", p.Restores)
	}
	return ""
}

// publication is what `publish` prints.
type publication struct {
	workspace.Published                       // with a dry run, Version is what was compared with
	DryRun              bool                  `json:"dry_run"`
	Changes             []workspace.Change    `json:"changes"`
	Open                []workspace.OpenCases `json:"open_cases"`
	Overtaken           []workspace.Overtaken `json:"overtaken,omitempty"` // what others published and this takes back
}

func (p publication) print(out io.Writer) {
	switch {
	case p.Version == 0:
		fmt.Fprintln(out, "nothing is in force yet")
	case len(p.Changes) == 0:
		fmt.Fprintf(out, "nothing differs from version %d, which is in force\n", p.Version)
	default:
		fmt.Fprintf(out, "against version %d, which is in force:\n", p.Version)
	}
	printChanges(out, p.Changes)
	for _, open := range p.Open {
		fmt.Fprintf(out, "%d open case(s) of %s, %d of them waiting, keep the bundle that they started with\n", open.Open, open.UseCase, open.Waiting)
	}
	if p.DryRun && len(p.Overtaken) > 0 {
		fmt.Fprintln(out, &workspace.OvertakenError{By: p.Overtaken})
	}
	if p.DryRun {
		fmt.Fprintln(out, "nothing was published")
	}
}

// printChanges prints changes below their subjects, with a sign for what became of each.
func printChanges(out io.Writer, changes []workspace.Change) {
	subject := ""
	for _, change := range changes {
		if change.Subject != subject {
			subject = change.Subject
			fmt.Fprintln(out, "  "+subject)
		}
		sign := map[string]string{"added": "+", "removed": "-", "moved": ">"}[change.Change]
		if sign == "" {
			sign = "~"
		}
		fmt.Fprintln(out, "    "+sign+" "+oneLine(change.Text, 400))
	}
}

func describe(p workspace.Published) string {
	if len(p.Changed)+len(p.Removed) == 0 {
		return fmt.Sprintf("in force: version %d, no use case changed", p.Version)
	}
	text := fmt.Sprintf("in force: version %d", p.Version)
	if len(p.Changed) > 0 {
		text += fmt.Sprintf(", changed %v", p.Changed)
	}
	if len(p.Removed) > 0 {
		text += fmt.Sprintf(", taken out %v", p.Removed)
	}
	return text
}

func publishHistoryCommand() *cobra.Command {
	c := &cobra.Command{
		Use:     "history [DIR]",
		Short:   "What came into force when, who did it, and why",
		Example: "  crosswalk publish history\n  crosswalk publish history acme --limit 5 --json",
		Args:    atMostOne,
		RunE:    publishHistory,
	}
	storeFlags(c)
	c.Flags().Int("limit", 50, "how many versions at most")
	jsonFlag(c)
	return c
}

// pastVersion is one entry of the history.
type pastVersion struct {
	store.Release
	InForce bool              `json:"in_force"`
	Changed map[string]string `json:"changed"` // use case → hash of its bundle; "" where it was taken out of force
	Reach   bool              `json:"reach"`   // how systems are reached changed too
}

func publishHistory(c *cobra.Command, args []string) error {
	dir, err := needWorkspace(args)
	if err != nil {
		return err
	}
	s, err := storeOf(c, dir)
	if err != nil {
		return err
	}
	defer s.Close()
	limit, _ := c.Flags().GetInt("limit")
	history, err := readHistory(c.Context(), s, limit)
	if err != nil {
		return systemError(err)
	}
	if wantsJSON(c) {
		return printJSON(c, map[string]any{"versions": history})
	}
	rows := [][]string{{"VERSION", "WHEN", "WHO", "CHANGED", "MESSAGE"}}
	for _, one := range history {
		number := strconv.FormatInt(one.Version, 10)
		if one.InForce {
			number += " in force"
		}
		rows = append(rows, []string{number, one.At.Local().Format(time.DateTime), one.Who, strings.Join(one.what(), ", "), oneLine(one.Note, 80)})
	}
	table(c.OutOrStdout(), rows)
	return nil
}

func readHistory(ctx context.Context, s *store.Store, limit int) ([]pastVersion, error) {
	releases, err := s.Releases(ctx, limit)
	if err != nil {
		return nil, err
	}
	history := []pastVersion{}
	for i, release := range releases {
		one := pastVersion{Release: release, InForce: i == 0, Changed: map[string]string{}}
		changed, err := s.PublishedBy(ctx, release.Version)
		if err != nil {
			return nil, err
		}
		for _, part := range changed {
			if part.Kind == store.KindBundle {
				one.Changed[part.Name] = part.Hash
			} else {
				one.Reach = true
			}
		}
		history = append(history, one)
	}
	return history, nil
}

// what lists what a version changed.
func (v pastVersion) what() []string {
	var what []string
	for _, name := range slices.Sorted(maps.Keys(v.Changed)) {
		if v.Changed[name] == "" {
			name += " (out of force)"
		}
		what = append(what, name)
	}
	if v.Reach {
		what = append(what, "systems")
	}
	return what
}

func publishDiffCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "diff A [B]",
		Short: "What differs between two versions, in words",
		Long: `Says in words what differs between two versions, or two bundles of a use case: A is compared with B, or with what is in
force. The word "workspace" stands for the folder as it is now.`,
		Example: "  crosswalk publish diff 11 12\n  crosswalk publish diff 12 workspace --dir acme",
		Args:    cobra.RangeArgs(1, 2),
		RunE:    publishDiff,
	}
	storeFlags(c)
	c.Flags().String("dir", ".", "folder of the workspace")
	jsonFlag(c)
	return c
}

func publishDiff(c *cobra.Command, args []string) error {
	dir, _ := c.Flags().GetString("dir")
	dir, err := needWorkspace([]string{dir})
	if err != nil {
		return err
	}
	s, err := storeOf(c, dir)
	if err != nil {
		return err
	}
	defer s.Close()
	if len(args) == 1 {
		args = append(args, "")
	}
	states := make([]workspace.State, 2)
	for i, name := range args {
		if states[i], err = namedState(c, s, dir, name); err != nil && !isFailure(err) {
			return systemError(err)
		} else if err != nil {
			return err
		}
	}
	changes := workspace.Changes(states[0], states[1])
	if wantsJSON(c) {
		if changes == nil {
			changes = []workspace.Change{}
		}
		return printJSON(c, map[string]any{"changes": changes})
	}
	if len(changes) == 0 {
		fmt.Fprintln(c.OutOrStdout(), "nothing differs")
	}
	printChanges(c.OutOrStdout(), changes)
	return nil
}

// namedState reads a version by its number, one bundle by its hash, the workspace as it is, or "" for what is in force.
func namedState(c *cobra.Command, s *store.Store, dir, name string) (workspace.State, error) {
	if name == "workspace" {
		w, problems := workspace.Load(dir)
		if problems.Err() != nil {
			printProblems(c.ErrOrStderr(), problems)
			return workspace.State{}, contentError(fmt.Errorf("%s has %d error(s)", dir, len(problems.Errors())))
		}
		return w.State(), nil
	}
	latest, err := s.Version(c.Context())
	if err != nil {
		return workspace.State{}, err
	}
	if name == "" {
		return workspace.StateAt(c.Context(), s, latest)
	}
	if number, err := strconv.ParseInt(name, 10, 64); err == nil && len(name) < shortestHash {
		if number < 0 || number > latest {
			return workspace.State{}, contentError(fmt.Errorf("there is no version %d: see crosswalk publish history", number))
		}
		return workspace.StateAt(c.Context(), s, number)
	}
	bundle, err := findBundle(c.Context(), s, name)
	if err != nil {
		return workspace.State{}, err
	}
	return workspace.StateOf(c.Context(), s, bundle.Hash)
}
