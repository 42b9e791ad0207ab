package workspace

import (
	"context"
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

// Watch reads the workspace again after every change and hands over what it finds, one result at a time,
// until the context is done. It does not hand over the state at the start.
func Watch(ctx context.Context, dir string, handle func(Result)) error {
	watcher, err := fsnotify.NewWatcher()
	if err != nil {
		return fmt.Errorf("workspace: watching %s: %w", dir, err)
	}
	defer func() { _ = watcher.Close() }() // nothing is written to it
	if err := watchFolders(watcher, dir); err != nil {
		return fmt.Errorf("workspace: watching %s: %w", dir, err)
	}
	timer := time.NewTimer(quiet)
	timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case event := <-watcher.Events:
			if !relevant(event) {
				continue
			}
			if event.Has(fsnotify.Create) {
				_ = watchFolders(watcher, event.Name) // a file is no folder, and one that is gone again does not matter
			}
			timer.Reset(quiet)
		case err := <-watcher.Errors:
			if err != nil {
				timer.Reset(quiet) // events may have been lost, so look
			}
		case <-timer.C:
			w, problems := Load(dir)
			handle(Result{Workspace: w, Problems: problems})
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
