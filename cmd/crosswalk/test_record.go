package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"crosswalk/casetest"
	"crosswalk/store"
	"crosswalk/workspace"
)

// recordTest makes a test of a case and writes it beside the use case.
func recordTest(c *cobra.Command, args []string, id string) error {
	dir := workspaceDir(args)
	if len(args) > 1 || dir == "" {
		return usageError("name the one workspace that the test is for: crosswalk test DIR --record %s", id)
	}
	w, _ := workspace.Load(dir)
	of, recording, err := recordCase(c, dir, id, w)
	switch {
	case errors.Is(err, casetest.ErrNotRecorded) || errors.Is(err, store.ErrNotFound):
		return contentError(err)
	case err != nil:
		return systemError(err)
	}
	name, err := writeRecording(dir, of, recording)
	if err != nil {
		return systemError(err)
	}
	useCase := w.UseCase(recording.UseCase)
	changed := useCase == nil || useCase.Hash != recording.Hash
	if wantsJSON(c) {
		return printJSON(c, map[string]any{"file": name, "use_case": recording.UseCase, "changed_since": changed})
	}
	fmt.Fprintf(c.OutOrStdout(), "%s\nRead it before you commit it: what was free text may still say something.\n", name)
	if changed {
		fmt.Fprintln(c.OutOrStdout(), "note: the use case, its tables or contracts have changed since the case ran; crosswalk test shows what that changes")
	}
	return nil
}

func recordCase(c *cobra.Command, dir, id string, w *workspace.Workspace) (store.Case, *casetest.Recording, error) {
	data, err := dataOf(c, dir)
	if err != nil {
		return store.Case{}, nil, err
	}
	s, err := openStore(c.Context(), databaseOf(c), data)
	if err != nil {
		return store.Case{}, nil, err
	}
	defer s.Close()
	of, err := findCase(c.Context(), s, id)
	if err != nil {
		return of, nil, err
	}
	recording, err := casetest.Record(c.Context(), s, of, w.Config)
	return of, recording, err
}

// dataOf is the data directory that is there: a store is read here, and never made.
func dataOf(c *cobra.Command, dir string) (string, error) {
	if databaseOf(c) != "" {
		return "", nil
	}
	places := append([]string{filepath.Join(dir, ".crosswalk")}, defaultData...)
	if given, _ := c.Flags().GetString("data"); given != "" {
		places = []string{given}
	}
	for _, place := range places {
		if _, err := os.Stat(filepath.Join(place, store.FileName)); err == nil {
			return place, nil
		}
	}
	return "", fmt.Errorf("nothing is recorded here: there is no %s in %s; start crosswalk up in the workspace, or name the data directory of one with --data", store.FileName, strings.Join(slices.Compact(places), ", "))
}

func findCase(ctx context.Context, s *store.Store, id string) (store.Case, error) {
	of, err := s.Case(ctx, id)
	if errors.Is(err, store.ErrNotFound) {
		of, err = s.CaseByReference(ctx, id)
	}
	return of, err
}

// writeRecording writes the test under a name that is free.
func writeRecording(dir string, of store.Case, recording *casetest.Recording) (string, error) {
	if err := os.MkdirAll(filepath.Join(dir, "usecases"), 0o755); err != nil {
		return "", err
	}
	for n := 1; ; n++ {
		what := of.StartedAt.Format(time.DateOnly)
		if n > 1 {
			what = fmt.Sprintf("%s-%d", what, n)
		}
		name := filepath.Join(dir, "usecases", fmt.Sprintf("%s.recorded-%s%s", recording.UseCase, what, casetest.Extension))
		file, err := os.OpenFile(name, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o644)
		if errors.Is(err, os.ErrExist) {
			continue
		}
		if err != nil {
			return "", err
		}
		_, err = file.Write(append([]byte(schemaLine("usecases/"+filepath.Base(name))), recording.Text...))
		return name, errors.Join(err, file.Close())
	}
}
