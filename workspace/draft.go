package workspace

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

	"crosswalk/store"
)

// ErrChanged says that a file of the workspace is not what a draft began with.
var ErrChanged = errors.New("the file has changed since the draft began")

// DraftOf is a stored draft as LoadDraft takes it.
func DraftOf(stored []store.DraftFile) Draft {
	draft := Draft{}
	for _, file := range stored {
		draft[file.Path] = nil
		if file.Present {
			draft[file.Path] = append([]byte{}, file.Body...)
		}
	}
	return draft
}

// ReadFile reads a file of the workspace in a folder, for a draft to begin with; nothing if there is none. A path that
// leaves the folder, or names what a workspace does not hold, is an error.
func ReadFile(dir, name string) ([]byte, error) {
	if !localPath(name) || filepath.ToSlash(filepath.Clean(name)) != name || name == "." || name[0] == '.' {
		return nil, fmt.Errorf("%q is not the path of a file in a workspace: write it with slashes, as in rules/warranty.yaml", name)
	}
	text, err := os.ReadFile(filepath.Join(dir, filepath.FromSlash(name)))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	return text, err
}

// SaveDraft writes the files of a draft into the folder of the workspace. Files that have changed since the draft began
// are left alone, with all others (ErrChanged), unless force is set.
func SaveDraft(dir string, stored []store.DraftFile, force bool) (err error) {
	folder, err := os.Open(dir)
	if err != nil {
		return fmt.Errorf("workspace: %w", err)
	}
	defer func() { err = errors.Join(err, folder.Close()) }()
	// Two who save at once would both find the file as their drafts began with it. The lock goes with the open folder.
	for err = syscall.EINTR; errors.Is(err, syscall.EINTR); {
		err = syscall.Flock(int(folder.Fd()), syscall.LOCK_EX)
	}
	if err != nil {
		return fmt.Errorf("workspace: locking %s: %w", dir, err)
	}
	for _, file := range stored {
		now, err := ReadFile(dir, file.Path)
		if err != nil {
			return err
		}
		if !force && !bytes.Equal(now, file.Base) && !bytes.Equal(now, file.Body) {
			return fmt.Errorf("%s: %w", file.Path, ErrChanged)
		}
	}
	for _, file := range stored {
		if err := saveFile(filepath.Join(dir, filepath.FromSlash(file.Path)), file); err != nil {
			return fmt.Errorf("workspace: saving %s: %w", file.Path, err)
		}
	}
	return nil
}

// saveFile replaces a file as a whole, so that nobody reads half of it.
func saveFile(target string, file store.DraftFile) error {
	if !file.Present {
		if err := os.Remove(target); !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		return nil
	}
	if err := os.MkdirAll(filepath.Dir(target), 0o755); err != nil {
		return err
	}
	mode := fs.FileMode(0o644)
	if info, err := os.Stat(target); err == nil {
		mode = info.Mode().Perm()
	}
	temporary := filepath.Join(filepath.Dir(target), "."+filepath.Base(target)+".new")
	if err := os.WriteFile(temporary, file.Body, mode); err != nil {
		return err
	}
	return os.Rename(temporary, target)
}
