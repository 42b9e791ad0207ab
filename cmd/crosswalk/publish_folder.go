package main

import (
	"cmp"
	"fmt"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"crosswalk/store"
	"crosswalk/workspace"
)

const howToCatchUp = "take it into the folder (crosswalk publish diff VERSION workspace shows what differs), or publish over it with crosswalk publish --over"

// folderID names a folder among all that publish to a store: beside the store's own files by the way there, so that both may
// be moved together, and with a database by machine and path.
func folderID(database, data, dir string) (string, error) {
	absolute, err := filepath.Abs(dir)
	if err != nil {
		return "", err
	}
	if database != "" {
		machine, err := os.Hostname()
		return machine + ":" + absolute, err
	}
	from, err := filepath.Abs(cmp.Or(data, filepath.Join(dir, ".crosswalk")))
	if err != nil {
		return "", err
	}
	if relative, err := filepath.Rel(from, absolute); err == nil {
		return relative, nil
	}
	return absolute, nil // on another drive
}

func folderName(c *cobra.Command, dir string) (string, error) {
	data, _ := c.Flags().GetString("data")
	id, err := folderID(databaseOf(c), data, dir)
	if err != nil {
		return "", fmt.Errorf("naming the folder %s: %w", dir, err)
	}
	return id, nil
}

// overtakenBy lists what publishing a folder takes back. Whoever goes back to an earlier version wants that.
func overtakenBy(c *cobra.Command, s *store.Store, dir string, p workspace.Proposal, back bool) ([]workspace.Overtaken, error) {
	if back {
		return nil, nil
	}
	folder, err := folderName(c, dir)
	if err != nil {
		return nil, systemError(err)
	}
	overtaken, err := p.Workspace.Overtaken(c.Context(), s, folder, p.Version)
	if err != nil {
		return nil, systemError(err)
	}
	return overtaken, nil
}
