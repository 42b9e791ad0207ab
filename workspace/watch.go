package workspace

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"strings"
	"time"

	"github.com/fsnotify/fsnotify"

	"crosswalk/source"
)

// Result is a workspace as it was read at one time.
type Result struct {
	Workspace *Workspace
	Problems  source.Problems
}

// quiet is how long nothing must change before a workspace is read again: editors write in several steps.
const quiet = 150 * time.Millisecond

// Watcher notices what changes in the folder of a workspace, from when it is made on.
type Watcher struct {
	dir     string
	changes *fsnotify.Watcher
}

// NewWatcher begins to watch. Whoever reads the folder after that misses no change; the watcher is the caller's to close.
func NewWatcher(dir string) (*Watcher, error) {
	changes, err := fsnotify.NewWatcher()
	if err == nil {
		err = watchFolders(changes, dir)
	}
	if err != nil {
		if changes != nil {
			err = errors.Join(err, changes.Close())
		}
		return nil, fmt.Errorf("workspace: watching %s: %w", dir, err)
	}
	return &Watcher{dir: dir, changes: changes}, nil
}

// Close ends it.
func (w *Watcher) Close() error { return w.changes.Close() }

// Run reads the workspace again after every change and hands over what it finds, one result at a time,
// until the context is done. It does not hand over the state at the start.
func (w *Watcher) Run(ctx context.Context, handle func(Result)) {
	timer := time.NewTimer(quiet)
	timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case event := <-w.changes.Events:
			if !relevant(event) {
				continue
			}
			if event.Has(fsnotify.Create) {
				_ = watchFolders(w.changes, event.Name) // a file is no folder, and one that is gone again does not matter
			}
			timer.Reset(quiet)
		case err := <-w.changes.Errors:
			if err != nil {
				timer.Reset(quiet) // events may have been lost, so look
			}
		case <-timer.C:
			read, problems := Load(w.dir)
			handle(Result{Workspace: read, Problems: problems})
		}
	}
}

// relevant leaves out changes of attributes and the files that editors put beside the one being edited.
func relevant(event fsnotify.Event) bool {
	name := filepath.Base(event.Name)
	return event.Op != fsnotify.Chmod && !strings.HasPrefix(name, ".") && !strings.HasSuffix(name, "~") && !strings.HasPrefix(name, "#")
}

// watchFolders adds a folder and those in it, without those whose name begins with a point.
func watchFolders(watcher *fsnotify.Watcher, dir string) error {
	return filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if !entry.IsDir() {
			return nil
		}
		if path != dir && strings.HasPrefix(entry.Name(), ".") {
			return filepath.SkipDir
		}
		return watcher.Add(path)
	})
}
