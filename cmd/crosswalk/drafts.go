package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"crosswalk/source"
	"crosswalk/store"
	"crosswalk/workspace"
)

func draftsCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "drafts",
		Short: "Changes of a workspace that somebody works on: in the store, checked, and not in force",
		Long: `A draft holds files of a workspace as somebody wants them to be. It is kept in the store, so that it can be looked at and
checked from everywhere, and is not in force. To put it in force, save it to the workspace and publish that.`,
		Example: `  crosswalk drafts write longer-warranty rules/warranty.yaml < warranty.yaml
  crosswalk drafts check longer-warranty
  crosswalk drafts save longer-warranty && crosswalk publish`,
	}
	c.AddCommand(
		draftCommand("list", "", "List the drafts", draftsList),
		draftCommand("write", "DRAFT PATH", "Put a file into a draft, from standard input or --from", draftsWrite),
		draftCommand("show", "DRAFT [PATH]", "Show the files of a draft, or one of them", draftsShow),
		draftCommand("check", "DRAFT", "Check the workspace as the draft wants it, and say what would change against what is in force", draftsCheck),
		draftCommand("save", "DRAFT", "Write the files of a draft into the workspace, and end the draft", draftsSave),
		draftCommand("discard", "DRAFT [PATH]", "Forget a draft, or one file of it", draftsDiscard),
	)
	return c
}

// draftCommand is a command about the drafts of a workspace. Arguments in brackets may be left out.
func draftCommand(name, arguments, short string, do func(c *cobra.Command, d drafts, args []string) error) *cobra.Command {
	most := len(strings.Fields(arguments))
	least := most - strings.Count(arguments, "[")
	c := &cobra.Command{
		Use:     strings.TrimSpace(name + " " + arguments),
		Short:   short,
		Example: "  crosswalk drafts " + strings.NewReplacer("DRAFT", "longer-warranty", "[PATH]", "", "PATH", "rules/warranty.yaml --from warranty.yaml").Replace(strings.TrimSpace(name+" "+arguments)),
		Args: func(c *cobra.Command, args []string) error {
			if len(args) < least || len(args) > most {
				return usageError("%s needs %s: see %s --help", c.CommandPath(), arguments, c.CommandPath())
			}
			return nil
		},
		RunE: func(c *cobra.Command, args []string) error {
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
			err = do(c, drafts{store: s, dir: dir}, args)
			switch {
			case errors.Is(err, store.ErrNotFound):
				return contentError(fmt.Errorf("there is no draft %s: see crosswalk drafts list", strings.Join(args, " ")))
			case err != nil && !isFailure(err):
				return systemError(err)
			}
			return err
		},
	}
	c.Flags().String("dir", ".", "folder of the workspace")
	storeFlags(c)
	jsonFlag(c)
	switch name {
	case "write":
		c.Flags().String("from", "", "file to read instead of standard input")
		c.Flags().Bool("delete", false, "the draft deletes the file")
		c.Flags().Bool("over", false, "also over what somebody else has written into the draft")
	case "save":
		c.Flags().Bool("force", false, "also over files that have changed since the draft began")
	}
	return c
}

// drafts are those of one workspace.
type drafts struct {
	store *store.Store
	dir   string
}

func draftsList(c *cobra.Command, d drafts, _ []string) error {
	files, err := d.store.Drafts(c.Context())
	if err != nil {
		return err
	}
	if wantsJSON(c) {
		return printJSON(c, map[string]any{"files": append([]store.DraftFile{}, files...)})
	}
	rows := [][]string{{"DRAFT", "FILE", "CHANGED", "WHO"}}
	for _, file := range files {
		name := file.Path
		if !file.Present {
			name += " (deleted)"
		}
		rows = append(rows, []string{file.Draft, name, file.ChangedAt.Local().Format(time.DateTime), file.Who})
	}
	table(c.OutOrStdout(), rows)
	return nil
}

func draftsWrite(c *cobra.Command, d drafts, args []string) error {
	base, err := workspace.ReadFile(d.dir, args[1])
	if err != nil {
		return contentError(err)
	}
	file := store.DraftFile{Draft: args[0], Path: args[1], Base: base, Who: userName()}
	if gone, _ := c.Flags().GetBool("delete"); !gone {
		file.Present = true
		if file.Body, err = readFrom(c); err != nil {
			return err
		}
	}
	over, _ := c.Flags().GetBool("over")
	if err := d.store.PutDraftFile(c.Context(), file, over); errors.Is(err, store.ErrElses) {
		return contentError(fmt.Errorf("%w: look at it with crosswalk drafts show, use a draft of another name, or overwrite it with --over", err))
	} else if err != nil {
		return err
	}
	if wantsJSON(c) {
		return printJSON(c, file)
	}
	fmt.Fprintf(c.OutOrStdout(), "%s is in the draft %s; next: crosswalk drafts check %s\n", file.Path, file.Draft, file.Draft)
	return nil
}

func readFrom(c *cobra.Command) ([]byte, error) {
	name, _ := c.Flags().GetString("from")
	var text []byte
	var err error
	if name == "" {
		text, err = io.ReadAll(io.LimitReader(c.InOrStdin(), source.MaxBytes+1))
	} else {
		text, err = os.ReadFile(name)
	}
	switch {
	case err != nil:
		return nil, usageError("%s", err)
	case len(text) > source.MaxBytes:
		return nil, contentError(fmt.Errorf("the file has more than %d bytes", source.MaxBytes))
	}
	return text, nil
}

func draftsShow(c *cobra.Command, d drafts, args []string) error {
	files, err := d.store.Draft(c.Context(), args[0])
	if err != nil {
		return err
	}
	type shown struct {
		store.DraftFile
		Text string `json:"text"`
	}
	found := []shown{}
	for _, file := range files {
		if len(args) == 1 || args[1] == file.Path {
			found = append(found, shown{file, string(file.Body)})
		}
	}
	if len(found) == 0 {
		return store.ErrNotFound
	}
	if wantsJSON(c) {
		return printJSON(c, map[string]any{"files": found})
	}
	for _, file := range found {
		switch {
		case !file.Present:
			fmt.Fprintf(c.OutOrStdout(), "# %s is deleted\n", file.Path)
		case len(args) == 2:
			fmt.Fprint(c.OutOrStdout(), file.Text)
		default:
			fmt.Fprintf(c.OutOrStdout(), "# %s\n%s\n", file.Path, strings.TrimRight(file.Text, "\n"))
		}
	}
	return nil
}

func draftsCheck(c *cobra.Command, d drafts, args []string) error {
	files, err := d.store.Draft(c.Context(), args[0])
	if err != nil {
		return err
	}
	w, problems := workspace.LoadDraft(d.dir, workspace.DraftOf(files))
	var p workspace.Proposal
	if problems.Err() == nil {
		if p, err = w.Propose(c.Context(), d.store); err != nil {
			return err
		}
	}
	if wantsJSON(c) {
		err = printJSON(c, map[string]any{"ok": problems.Err() == nil, "problems": append(source.Problems{}, problems...),
			"version": p.Version, "changes": append([]workspace.Change{}, p.Changes...), "open_cases": append([]workspace.OpenCases{}, p.Open...)})
	} else {
		printProblems(c.OutOrStdout(), problems)
		if problems.Err() == nil {
			publication{Published: workspace.Published{Version: p.Version}, Changes: p.Changes, Open: p.Open, DryRun: true}.print(c.OutOrStdout())
		}
	}
	if n := len(problems.Errors()); n > 0 {
		if wantsJSON(c) {
			return contentError(nil)
		}
		return contentError(fmt.Errorf("the draft %s has %d error(s)", args[0], n))
	}
	return err
}

func draftsSave(c *cobra.Command, d drafts, args []string) error {
	files, err := d.store.Draft(c.Context(), args[0])
	if err != nil {
		return err
	}
	force, _ := c.Flags().GetBool("force")
	if err := workspace.SaveDraft(d.dir, files, force); errors.Is(err, workspace.ErrChanged) {
		return contentError(fmt.Errorf("%w: nothing was written; compare the two, take what is new into the file of the draft, and save with --force", err))
	} else if err != nil {
		return err
	}
	more, err := d.store.EndDraft(c.Context(), files)
	if err != nil {
		return err
	}
	var paths []string
	for _, file := range files {
		paths = append(paths, file.Path)
	}
	if wantsJSON(c) {
		return printJSON(c, map[string]any{"saved": paths, "more": more})
	}
	what := "the draft has ended"
	if more {
		what = "more was written into the draft meanwhile, and stays in it"
	}
	fmt.Fprintf(c.OutOrStdout(), "saved %s; %s\n", strings.Join(paths, ", "), what)
	return nil
}

func draftsDiscard(c *cobra.Command, d drafts, args []string) error {
	path := ""
	if len(args) == 2 {
		path = args[1]
	}
	if err := d.store.DiscardDraft(c.Context(), args[0], path); err != nil {
		return err
	}
	if wantsJSON(c) {
		return printJSON(c, map[string]any{"discarded": args})
	}
	fmt.Fprintf(c.OutOrStdout(), "forgotten: %s\n", strings.Join(args, " "))
	return nil
}
