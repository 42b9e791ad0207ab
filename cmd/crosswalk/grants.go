package main

import (
	"errors"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"crosswalk/adapters"
	"crosswalk/store"
	"crosswalk/worker"
	"crosswalk/workspace"
)

// grantsHere are the log-ins that the workers of a workspace use, so that what is tried by hand is tried as they would do
// it, and a token that is renewed meanwhile is theirs too. They are nil where no adapter wants one and where nothing is
// kept yet; forget is called when they are used no more.
func grantsHere(c *cobra.Command, dir string, w *workspace.Workspace) (grants adapters.Grants, forget func(), err error) {
	wanted := false
	for _, adapter := range w.Adapters {
		wanted = wanted || adapter != nil && adapter.TakesGrants()
	}
	if !wanted {
		return nil, func() {}, nil
	}
	data, _ := c.Flags().GetString("data")
	switch {
	case databaseOf(c) != "":
		data = ""
	case data == "":
		data = filepath.Join(dir, ".crosswalk")
	}
	if data != "" {
		if _, err := os.Stat(filepath.Join(data, store.FileName)); errors.Is(err, os.ErrNotExist) {
			return nil, func() {}, nil
		}
	}
	kept, err := openStore(c.Context(), databaseOf(c), data)
	if err != nil {
		return nil, nil, systemError(err)
	}
	return worker.NewGrants(kept, data), func() { _ = kept.Close() }, nil
}
