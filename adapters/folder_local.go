package adapters

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"syscall"
)

// localFolder is a directory of this machine. Nothing outside of it is reached, by links neither.
type localFolder struct{ directory string }

func openLocal(directory string) (folder, error) {
	if !filepath.IsAbs(directory) {
		return nil, FieldErrors{{"settings.directory", "it must be the whole path of a directory, from /", ""}}
	}
	return localFolder{directory}, nil
}

func (l localFolder) open(context.Context) (openFolder, error) {
	root, err := os.OpenRoot(l.directory)
	if err != nil {
		return nil, err
	}
	return localRoot{root}, nil
}

func (l localFolder) close() {}

type localRoot struct{ root *os.Root }

func (l localRoot) done() { _ = l.root.Close() }

func (l localRoot) read(name string) (io.ReadCloser, error) {
	file, err := l.root.OpenFile(name, os.O_RDONLY|syscall.O_NONBLOCK, 0) // opening a pipe waits for somebody who writes
	if err != nil {
		return nil, err
	}
	if info, err := file.Stat(); err != nil || !info.Mode().IsRegular() { // a pipe would hold us for ever
		return nil, errors.Join(fs.ErrNotExist, err, file.Close())
	}
	return file, nil
}

func (l localRoot) list(name string) ([]fs.FileInfo, error) {
	directory, err := l.root.Open(name)
	if err != nil {
		return nil, err
	}
	defer directory.Close()
	return directory.Readdir(maxItems + 1)
}

func (l localRoot) remove(name string) error { return l.root.Remove(name) }

func (l localRoot) write(name, part string, content []byte) (err error) {
	file, err := l.root.OpenFile(part, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o640)
	if err != nil {
		return err
	}
	written := false
	defer func() {
		if !written {
			_ = l.root.Remove(part)
		}
	}()
	_, err = file.Write(content)
	if err == nil {
		err = file.Sync()
	}
	if err = errors.Join(err, file.Close()); err != nil {
		return err
	}
	if err = l.root.Rename(part, name); err != nil {
		return overtaken(err)
	}
	written = true
	return l.keep(path.Dir(name))
}

// keep makes the folder's new entry outlive a loss of power.
func (l localRoot) keep(name string) error {
	directory, err := l.root.Open(name)
	if err != nil {
		return err
	}
	err = directory.Sync()
	if errors.Is(err, syscall.EINVAL) || errors.Is(err, syscall.ENOTSUP) {
		err = nil // a file system on which directories cannot be synced
	}
	return errors.Join(err, directory.Close())
}

// move moves a file. One that is there already and no longer here was moved by an earlier attempt.
func (l localRoot) move(from, to string) error {
	err := l.root.Rename(from, to)
	if errors.Is(err, fs.ErrNotExist) {
		if _, there := l.root.Stat(to); there == nil {
			return nil
		}
	}
	if err != nil {
		return err
	}
	return l.keep(path.Dir(to))
}
