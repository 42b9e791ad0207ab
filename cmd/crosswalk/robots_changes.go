package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"crosswalk/robots"
	"crosswalk/store"
)

func robotsChangesCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "changes",
		Short: "List, show, accept and reject what runs propose about robot files",
		Long: `A run proposes a change where a page is not as it was: a person chose another element, an alternative finds nothing any more,
or a form or heading has changed. Nothing is changed by itself. Accepting a target or an alternative edits the file in the
workspace, after it was looked for on the pages of past runs; accepting a page takes it as it is now for right.`,
		Example: "  crosswalk robots changes list\n  crosswalk robots changes show 0f3a5c77d2e81b94\n  crosswalk robots changes accept 0f3a5c77d2e81b94 --dry-run",
	}
	list := &cobra.Command{Use: "list", Short: "List proposed changes", Args: exactly(), RunE: listChanges, Example: "  crosswalk robots changes list\n  crosswalk robots changes list --all --json"}
	list.Flags().Bool("all", false, "those that were accepted or rejected too")
	show := &cobra.Command{Use: "show CHANGE", Short: "Show a change: what it does to the file, and how it fares on the pages of past runs", Args: exactly("CHANGE"), RunE: decideChange("show"),
		Example: "  crosswalk robots changes show 0f3a5c77d2e81b94"}
	accept := &cobra.Command{Use: "accept CHANGE", Short: "Make a change in the workspace; it is refused if it means something else on a page of a past run", Args: exactly("CHANGE"), RunE: decideChange("accept"),
		Example: "  crosswalk robots changes accept 0f3a5c77d2e81b94 --dry-run\n  crosswalk robots changes accept 0f3a5c77d2e81b94"}
	accept.Flags().Bool("dry-run", false, "show the difference, and change nothing")
	reject := &cobra.Command{Use: "reject CHANGE", Short: "Leave the file as it is", Args: exactly("CHANGE"), RunE: decideChange("reject"),
		Example: "  crosswalk robots changes reject 0f3a5c77d2e81b94 --reason 'the old page comes back'"}
	reject.Flags().String("reason", "", "why, for whoever lists them")
	for _, sub := range []*cobra.Command{list, show, accept, reject} {
		if sub != list {
			sub.Flags().String("dir", "", "the workspace (default: the one here)")
		}
		dataFlag(sub)
		jsonFlag(sub)
		c.AddCommand(sub)
	}
	return c
}

func listChanges(c *cobra.Command, _ []string) error {
	r, err := findRunning(c)
	if err != nil {
		return err
	}
	query := ""
	if all, _ := c.Flags().GetBool("all"); all {
		query = "?all=1"
	}
	out, err := r.robots(c.Context(), query)
	if err != nil {
		return err
	}
	if wantsJSON(c) {
		return printJSON(c, map[string]any{"changes": out.Changes})
	}
	if len(out.Changes) == 0 {
		fmt.Fprintln(c.OutOrStdout(), "nothing is proposed")
		return nil
	}
	rows := [][]string{{"CHANGE", "ROBOT", "PLACE", "STATE", "TIMES", "WHAT", "BECOMES"}}
	for _, one := range out.Changes {
		rows = append(rows, []string{one.ID, plainLine(one.Robot), plainLine(one.Place), one.State, fmt.Sprint(one.Counted), oneLine(one.Words, 70), oneLine(becomesWords(one.Becomes), 70)})
	}
	table(c.OutOrStdout(), rows)
	return nil
}

// becomesWords says what a change writes in the place of a name, as the file would: label "Company".
func becomesWords(becomes string) string {
	var alternative struct{ With map[string]string }
	names := map[string]string{}
	if json.Unmarshal([]byte(becomes), &alternative) == nil && len(alternative.With) > 0 {
		names = alternative.With
	} else if json.Unmarshal([]byte(becomes), &names) != nil {
		return becomes
	}
	var words []string
	for _, kind := range slices.Sorted(maps.Keys(names)) {
		if kind == "heading" {
			return "heading " + strings.ReplaceAll(strconv.Quote(names[kind]), `\n`, `", "`)
		}
		words = append(words, kind+" "+strconv.Quote(names[kind]))
	}
	return strings.Join(words, ", ")
}

// proposedChange is a change with all that it is judged by.
type proposedChange struct {
	Change  store.RobotChange `json:"change"`
	FoundOn string            `json:"found_on"`
	Pages   []string          `json:"pages"`
}

// changeView is a change for programs.
type changeView struct {
	OK      bool              `json:"ok"`
	Change  store.RobotChange `json:"change"`
	File    string            `json:"file,omitempty"`
	Diff    string            `json:"diff,omitempty"`
	Checked *robots.Checked   `json:"checked,omitempty"`
	Problem string            `json:"problem,omitempty"`
	Written bool              `json:"written"`
}

// plannedEdit is what a change does to the workspace.
type plannedEdit struct {
	file          string
	before, after []byte
	checked       robots.Checked
}

func decideChange(act string) func(*cobra.Command, []string) error {
	return func(c *cobra.Command, args []string) error {
		r, err := findRunning(c)
		if err != nil {
			return err
		}
		var found proposedChange
		at := "/api/robots/changes/" + url.PathEscape(args[0])
		if err := r.call(c.Context(), "GET", at, nil, &found); err != nil {
			return err
		}
		view := changeView{OK: true, Change: found.Change}
		dry, _ := c.Flags().GetBool("dry-run")
		looks := act == "show" || dry
		// Whoever accepted it and could not write the file does so again.
		again := act == "accept" && found.Change.State == store.ChangeAccepted && found.Change.Kind != robots.ChangePage
		if !looks && !again && found.Change.State != store.ChangeOpen {
			return contentError(fmt.Errorf("it was %s by %s already", found.Change.State, plainLine(found.Change.DecidedBy)))
		}
		var edit plannedEdit
		if act != "reject" && found.Change.Kind != robots.ChangePage {
			edit, err = planChange(c, found)
			if view.File = edit.file; err == nil {
				view.Diff, view.Checked = lineDiff(edit.before, edit.after), &edit.checked
				if edit.checked.Contradicts() {
					err = fmt.Errorf("%s: it is not made", edit.checked)
				}
			}
			if err != nil && again {
				err = fmt.Errorf("it was accepted by %s already: %w", found.Change.DecidedBy, err)
			}
			if err != nil {
				view.OK, view.Problem = false, plainLine(err.Error())
			}
		}
		if looks || !view.OK {
			if act != "show" && !view.OK {
				return sayChange(c, view, contentError(errors.New(view.Problem)))
			}
			return sayChange(c, view, nil)
		}
		if edit.file != "" {
			if err := edit.unchanged(); err != nil {
				return contentError(err)
			}
		}
		note, _ := c.Flags().GetString("reason")
		var out struct{ Change store.RobotChange }
		if err := r.call(c.Context(), "POST", at+"/"+act, map[string]string{"note": note}, &out); err != nil {
			return err
		}
		view.Change = out.Change
		if edit.file != "" { // only now: somebody else may have decided otherwise meanwhile
			if err := edit.write(); err != nil {
				return systemError(fmt.Errorf("the change is accepted, but %w; crosswalk robots changes accept %s writes it", err, found.Change.ID))
			}
			view.Written = true
		}
		return sayChange(c, view, nil)
	}
}

// unchanged says whether the file is as it was when the change was made in memory.
func (e plannedEdit) unchanged() error {
	now, err := os.ReadFile(e.file)
	if err != nil {
		return fmt.Errorf("%s cannot be read: %w", e.file, err)
	}
	if !bytes.Equal(now, e.before) {
		return fmt.Errorf("%s was edited meanwhile, and nothing was written: try again", e.file)
	}
	return nil
}

// write puts the changed file in the place of the one that was read, as a whole or not at all, with the same permissions.
func (e plannedEdit) write() error {
	target, err := filepath.EvalSymlinks(e.file)
	if err != nil {
		return err
	}
	info, err := os.Stat(target)
	if err != nil {
		return err
	}
	f, err := os.CreateTemp(filepath.Dir(target), "."+filepath.Base(target)+"-*")
	if err != nil {
		return fmt.Errorf("%s cannot be written: %w", e.file, err)
	}
	defer os.Remove(f.Name()) // it is gone if all went well
	_, err = f.Write(e.after)
	if err = errors.Join(err, f.Chmod(info.Mode().Perm()), f.Sync(), f.Close()); err != nil {
		return fmt.Errorf("%s cannot be written: %w", e.file, err)
	}
	if err := e.unchanged(); err != nil {
		return err
	}
	return os.Rename(f.Name(), target)
}

func sayChange(c *cobra.Command, view changeView, failed error) error {
	if wantsJSON(c) {
		if err := printJSON(c, view); err != nil {
			return err
		}
		if failed != nil {
			return contentError(nil)
		}
		return nil
	}
	w := c.OutOrStdout()
	fmt.Fprintf(w, "%s of %s, %s\n  %s\n  %s, %d time(s)\n", view.Change.ID, plainLine(view.Change.Robot), plainLine(view.Change.Place), plainLine(view.Change.Words), plainLine(view.Change.Reason), view.Change.Counted)
	for line := range strings.Lines(view.Diff) {
		fmt.Fprintln(w, plainLine(strings.TrimSuffix(line, "\n")))
	}
	if view.Checked != nil {
		fmt.Fprintln(w, plainLine(view.Checked.String()))
	}
	switch {
	case failed != nil:
		return failed
	case view.Problem != "":
		fmt.Fprintln(w, view.Problem)
	case view.Written:
		fmt.Fprintf(w, "written to %s; crosswalk check and crosswalk publish put it in force, or up does so by itself\n", view.File)
	case view.Change.State != store.ChangeOpen:
		fmt.Fprintln(w, view.Change.State)
	}
	return nil
}

// planChange makes the change in memory, checks the file and looks for the target on the pages of past runs.
func planChange(c *cobra.Command, found proposedChange) (plannedEdit, error) {
	folder, err := openRobots(c)
	if err != nil {
		return plannedEdit{}, err
	}
	before, err := folder.one(found.Change.Robot)
	if err != nil {
		return plannedEdit{}, err
	}
	change := robots.Change{Version: robots.Version(found.Change.RobotVersion), Kind: found.Change.Kind, Place: found.Change.Place, Words: found.Change.Words, Becomes: found.Change.Becomes}
	if before.Program == nil {
		return plannedEdit{}, fmt.Errorf("%s has errors: crosswalk robots test shows them", before.Robot.File)
	}
	edit := plannedEdit{file: before.Robot.File, before: before.Robot.Text}
	if change.InSystemFile() {
		edit.file, edit.before = before.System.File, before.System.Text
	}
	if _, err := os.Stat(edit.file); before.Shipped || err != nil {
		return edit, fmt.Errorf("%s is of the catalogue: copy it to robots/ of the workspace and change it there", edit.file)
	}
	if before.Program.Hash != change.Hash {
		return edit, fmt.Errorf("%s has changed since this was proposed: reject it; the next run proposes what is still needed", filepath.Base(edit.file))
	}
	if edit.after, err = before.Program.Edit(change); err != nil {
		return edit, err
	}
	after, err := compileEdited(before, change, edit.after)
	if err != nil {
		return edit, err
	}
	if _, err := robots.FindChromium(robots.Shell); err != nil {
		return edit, err
	}
	pages := found.Pages
	if found.FoundOn != "" {
		pages = append(pages, found.FoundOn)
	}
	pool := robots.NewPool(robots.PoolOptions{Runs: 1})
	defer pool.Close()
	edit.checked = robots.NewRunner(pool, nil).Check(c.Context(), before.Program, after, change, pages)
	return edit, nil
}

// compileEdited checks the files as they would be.
func compileEdited(before *robotFile, change robots.Change, text []byte) (*robots.Program, error) {
	robot, system := before.Robot, before.System
	if change.InSystemFile() {
		changed, problems := robots.ParseSystem(system.File, text)
		if problems.Err() != nil {
			return nil, problems.Err()
		}
		system = changed
	} else {
		changed, problems := robots.Parse(robot.File, text)
		if problems.Err() != nil {
			return nil, problems.Err()
		}
		robot = changed
	}
	program, problems := robots.Compile(robot, system, before.Operation)
	return program, problems.Err()
}

// lineDiff shows the lines that differ; a change is in one place.
func lineDiff(before, after []byte) string {
	old, now := strings.SplitAfter(string(before), "\n"), strings.SplitAfter(string(after), "\n")
	from := 0
	for from < len(old) && from < len(now) && old[from] == now[from] {
		from++
	}
	oldEnd, nowEnd := len(old), len(now)
	for oldEnd > from && nowEnd > from && old[oldEnd-1] == now[nowEnd-1] {
		oldEnd--
		nowEnd--
	}
	var b bytes.Buffer
	for _, line := range old[from:oldEnd] {
		fmt.Fprintf(&b, "- %s\n", strings.TrimRight(line, "\n"))
	}
	for _, line := range now[from:nowEnd] {
		fmt.Fprintf(&b, "+ %s\n", strings.TrimRight(line, "\n"))
	}
	return b.String()
}
