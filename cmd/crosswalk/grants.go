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
	if !takesGrants(w) {
		return nil, func() {}, nil
	}
	kept, data, forget, err := keptHere(c, dir, w)
	if kept == nil || err != nil {
		return nil, forget, err
	}
	return worker.NewGrants(kept, data), forget, nil
}

func takesGrants(w *workspace.Workspace) bool {
	for _, adapter := range w.Adapters {
		if adapter != nil && adapter.TakesGrants() {
			return true
		}
	}
	return false
}

// keptHere is the store that the workers of a workspace use, and its folder, if that is where it is. It is nil where nothing
// is kept yet, and where neither an adapter nor a robot needs it; forget is called when it is used no more.
func keptHere(c *cobra.Command, dir string, w *workspace.Workspace) (kept *store.Store, data string, forget func(), err error) {
	if !takesGrants(w) && len(w.Reach.Robots) == 0 {
		return nil, "", func() {}, nil
	}
	data, _ = c.Flags().GetString("data")
	switch {
	case databaseOf(c) != "":
		data = ""
	case data == "":
		data = filepath.Join(dir, ".crosswalk")
	}
	if data != "" {
		if _, err := os.Stat(filepath.Join(data, store.FileName)); errors.Is(err, os.ErrNotExist) {
			return nil, data, func() {}, nil
		}
	}
	if kept, err = openStore(c.Context(), databaseOf(c), data); err != nil {
		return nil, "", nil, systemError(err)
	}
	return kept, data, func() { _ = kept.Close() }, nil
}
