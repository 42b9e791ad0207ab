package workspace

import (
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

//go:embed template
var template embed.FS

// ErrNotEmpty says that a folder holds something already.
var ErrNotEmpty = errors.New("workspace: the folder is not empty")

// Init makes a new workspace in a folder, which must be empty or not exist: a small use case that works,
// with its rule table. It returns the files that it wrote, relative to the folder.
func Init(dir string) ([]string, error) {
	entries, err := os.ReadDir(dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("workspace: %w", err)
	}
	if len(entries) > 0 {
		return nil, fmt.Errorf("%w: %s", ErrNotEmpty, dir)
	}
	root, err := fs.Sub(template, "template")
	if err != nil {
		return nil, fmt.Errorf("workspace: %w", err)
	}
	var written []string
	err = fs.WalkDir(root, ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		target := filepath.Join(dir, filepath.FromSlash(name))
		if entry.IsDir() {
			return os.MkdirAll(target, 0o755)
		}
		text, err := fs.ReadFile(root, name)
		if err != nil {
			return err
		}
		written = append(written, name)
		return os.WriteFile(target, text, 0o644)
	})
	if err != nil {
		return nil, fmt.Errorf("workspace: making %s: %w", dir, err)
	}
	return written, nil
}
