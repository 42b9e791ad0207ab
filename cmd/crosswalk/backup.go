package main

import (
	"archive/tar"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"crosswalk/engine"
	"crosswalk/store"
)

// manifestName is the first file of a backup.
const manifestName = "manifest.json"

// manifest says what a backup holds.
type manifest struct {
	Format    int               `json:"format"`
	Version   string            `json:"version"` // of the program that made it
	CreatedAt time.Time         `json:"created_at"`
	Files     map[string]string `json:"files"` // SHA-256 by name
}

const manifestFormat = 1

// restoringName is the folder of a data directory that holds what a restore is putting in its place.
const restoringName = "restoring"

// restoreEnded says whether a data directory is whole: a process that began with half of it would begin with an empty one.
func restoreEnded(data string) error {
	if _, err := os.Stat(filepath.Join(data, restoringName)); err == nil {
		return fmt.Errorf("a restore into %s was broken off: run `crosswalk restore` again", data)
	}
	return nil
}

// backupFiles are the names in a backup, which are those in a data directory.
func backupFiles() []string {
	names := []string{store.FileName}
	for _, name := range engine.Files() {
		names = append(names, filepath.Join("temporal", name))
	}
	return names
}

func backupCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "backup FILE",
		Short: "Copy the data directory of `up` into a file, while it runs",
		Long: `Writes the state of one moment into a file: the store, and the engine's histories and lists. While they are copied nothing is
written to the store; work goes on when the copy is done, and nothing is lost. The file holds what customers wrote: keep it as
you keep the data. Secrets and the workspace are not in it. For PostgreSQL use its own tools: see docs/operations.md.`,
		Example: "  crosswalk backup /backup/crosswalk-$(date +%F).tar.gz --data acme/.crosswalk",
		Args:    exactly("FILE"),
		RunE:    backup,
	}
	c.Flags().String("data", ".crosswalk", "data directory")
	jsonFlag(c)
	return c
}

func backup(c *cobra.Command, args []string) error {
	data, _ := c.Flags().GetString("data")
	if _, err := os.Stat(filepath.Join(data, store.FileName)); err != nil {
		return contentError(fmt.Errorf("there is no store in %s: name the data directory of `up` with --data (a PostgreSQL has its own tools)", data))
	}
	if err := restoreEnded(data); err != nil {
		return contentError(err)
	}
	copies, err := os.MkdirTemp(filepath.Dir(args[0]), ".crosswalk-backup-")
	if err != nil {
		return systemError(err)
	}
	defer os.RemoveAll(copies)
	made, err := copyData(c.Context(), data, copies)
	if err == nil {
		err = pack(copies, args[0], made)
	}
	if err != nil {
		return systemError(err)
	}
	info, err := os.Stat(args[0])
	if err != nil {
		return systemError(err)
	}
	if wantsJSON(c) {
		return printJSON(c, map[string]any{"file": args[0], "bytes": info.Size(), "created_at": made.CreatedAt})
	}
	fmt.Fprintf(c.OutOrStdout(), "%s holds %s as it was at %s (%d bytes)\n", args[0], data, made.CreatedAt.Format(time.RFC3339), info.Size())
	return nil
}

// copyData copies all databases into a folder. The histories are copied while the store stands still: whatever a history
// says to have been done is then in the store's copy, and whatever the store's copy says to have been told to Temporal
// is in the history's. The lists are made from the histories and need not be of the same moment.
func copyData(ctx context.Context, data, into string) (manifest, error) {
	made := manifest{Format: manifestFormat, Version: version, CreatedAt: time.Now().UTC(), Files: map[string]string{}}
	if err := os.Mkdir(filepath.Join(into, "temporal"), 0o700); err != nil {
		return made, err
	}
	temporal := filepath.Join(data, "temporal")
	names := engine.Files()
	copyOne := func(name string) error {
		return engine.Snapshot(ctx, temporal, name, filepath.Join(into, "temporal", name))
	}
	err := store.Snapshot(ctx, data, filepath.Join(into, store.FileName), func() error {
		made.CreatedAt = time.Now().UTC()
		return copyOne(names[0])
	})
	for _, name := range names[1:] {
		if err == nil {
			err = copyOne(name)
		}
	}
	for _, name := range backupFiles() {
		if err == nil {
			made.Files[name], err = fileHash(filepath.Join(into, name))
		}
	}
	return made, err
}

func fileHash(path string) (string, error) {
	file, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer file.Close()
	h := sha256.New()
	_, err = io.Copy(h, file)
	return hex.EncodeToString(h.Sum(nil)), err
}

// pack writes the archive beside its place and moves it there when it is whole.
func pack(copies, target string, made manifest) (err error) {
	file, err := os.OpenFile(target+".part", os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, file.Close(), os.Remove(target+".part"))
		}
	}()
	text, err := json.MarshalIndent(made, "", "  ")
	if err == nil {
		err = os.WriteFile(filepath.Join(copies, manifestName), text, 0o600)
	}
	if err != nil {
		return err
	}
	compressed := gzip.NewWriter(file)
	archive := tar.NewWriter(compressed)
	for _, name := range append([]string{manifestName}, backupFiles()...) {
		if err := packOne(archive, copies, name); err != nil {
			return err
		}
	}
	if err := errors.Join(archive.Close(), compressed.Close(), file.Sync()); err != nil {
		return err
	}
	return errors.Join(file.Close(), os.Rename(target+".part", target))
}

func packOne(archive *tar.Writer, folder, name string) error {
	file, err := os.Open(filepath.Join(folder, name))
	if err != nil {
		return err
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return err
	}
	if err := archive.WriteHeader(&tar.Header{Name: filepath.ToSlash(name), Mode: 0o600, Size: info.Size(), ModTime: info.ModTime()}); err != nil {
		return err
	}
	_, err = io.Copy(archive, file)
	return err
}

func restoreCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "restore FILE",
		Short: "Put what `backup` copied into a data directory",
		Long: `Puts the state of a backup into a data directory; cases go on from there with the next ` + "`crosswalk up`" + `. It refuses a directory that
a running crosswalk works with, and one in which something happened after the backup, unless --discard-newer is given: that
would be forgotten. What was there is moved aside, never deleted.

What was done in other systems after the backup is not known to it. It is asked for again, and done twice only where neither
a key nor a look can tell (at_most_once): see docs/operations.md.`,
		Example: "  crosswalk restore /backup/crosswalk-2026-11-22.tar.gz --data acme/.crosswalk",
		Args:    exactly("FILE"),
		RunE:    restore,
	}
	c.Flags().String("data", ".crosswalk", "data directory")
	c.Flags().Bool("discard-newer", false, "also where something happened after the backup")
	jsonFlag(c)
	return c
}

func restore(c *cobra.Command, args []string) error {
	data, _ := c.Flags().GetString("data")
	discard, _ := c.Flags().GetBool("discard-newer")
	if pid := livingUp(data); pid != 0 {
		return contentError(fmt.Errorf("nothing was restored: process %d works with %s; stop it first", pid, data))
	}
	release, err := engine.Hold(filepath.Join(data, "temporal"))
	if err != nil {
		return contentError(fmt.Errorf("nothing was restored: %w", err))
	}
	err = restoreHeld(c, args[0], data, discard)
	if held := release(); err == nil && held != nil {
		err = systemError(held)
	}
	return err
}

// livingUp is the process that up.json names, if it lives: its engine may be elsewhere.
func livingUp(data string) int {
	raw, err := os.ReadFile(filepath.Join(data, upFile))
	var r running
	if err != nil || json.Unmarshal(raw, &r) != nil || syscall.Kill(r.PID, 0) != nil {
		return 0
	}
	return r.PID
}

func restoreHeld(c *cobra.Command, file, data string, discard bool) error {
	unpacked, err := os.MkdirTemp(data, ".restore-")
	if err != nil {
		return systemError(err)
	}
	defer os.RemoveAll(unpacked)
	made, err := unpack(file, unpacked)
	var unwritten *notWritten
	switch {
	case errors.As(err, &unwritten):
		return systemError(fmt.Errorf("nothing was restored: %w", err))
	case err != nil:
		return contentError(fmt.Errorf("nothing was restored: %s: %w", file, err))
	}
	// The store opens what it knows and refuses what a newer release wrote.
	last, err := lastChange(c.Context(), unpacked)
	if err != nil {
		return contentError(fmt.Errorf("nothing was restored: %w", err))
	}
	if _, err := os.Stat(filepath.Join(data, store.FileName)); err == nil {
		now, err := lastChange(c.Context(), data)
		if err != nil {
			return contentError(fmt.Errorf("nothing was restored: %w", err))
		}
		if now.After(last) && !discard {
			return contentError(fmt.Errorf("nothing was restored: in %s something happened at %s, after the backup of %s; --discard-newer forgets it", data,
				now.Format(time.RFC3339), made.CreatedAt.Format(time.RFC3339)))
		}
	}
	restoring := filepath.Join(data, restoringName)
	err = errors.Join(os.RemoveAll(restoring), os.Rename(unpacked, restoring))
	var aside string
	if err == nil {
		aside, err = exchangeFiles(data, restoring)
	}
	if err == nil {
		err = os.RemoveAll(restoring)
	}
	if err != nil {
		return systemError(err)
	}
	if wantsJSON(c) {
		return printJSON(c, map[string]any{"data": data, "created_at": made.CreatedAt, "aside": aside})
	}
	fmt.Fprintf(c.OutOrStdout(), "%s is as it was at %s; crosswalk up goes on from there\n", data, made.CreatedAt.Format(time.RFC3339))
	if aside != "" {
		fmt.Fprintf(c.OutOrStdout(), "what was there is in %s\n", aside)
	}
	return nil
}

func lastChange(ctx context.Context, data string) (time.Time, error) {
	s, err := store.Open(ctx, data)
	if err != nil {
		return time.Time{}, err
	}
	last, err := s.LastChange(ctx)
	return last, errors.Join(err, s.Close())
}

// exchangeFiles moves what is there aside, if anything is, and puts the unpacked files in its place.
func exchangeFiles(data, unpacked string) (aside string, err error) {
	for _, name := range backupFiles() {
		for _, suffix := range []string{"", "-wal", "-shm"} {
			from := filepath.Join(data, name+suffix)
			if _, err := os.Stat(from); errors.Is(err, os.ErrNotExist) {
				continue
			}
			if aside == "" {
				aside = filepath.Join(data, "before-restore-"+time.Now().UTC().Format("20060102T150405.000"))
			}
			to := filepath.Join(aside, name+suffix)
			if err := errors.Join(os.MkdirAll(filepath.Dir(to), 0o700), os.Rename(from, to)); err != nil {
				return aside, err
			}
		}
	}
	for _, name := range backupFiles() {
		if err := os.Rename(filepath.Join(unpacked, name), filepath.Join(data, name)); err != nil {
			return aside, err
		}
	}
	return aside, nil
}

// notWritten is a file of a backup that could not be written here, as on a full disk: nothing is wrong with the backup.
type notWritten struct{ err error }

func (e *notWritten) Error() string { return "it could not be unpacked: " + e.err.Error() }

func (e *notWritten) Unwrap() error { return e.err }

// unpack writes the files of a backup into a folder and compares them with its manifest.
func unpack(file, into string) (made manifest, err error) {
	packed, err := os.Open(file)
	if err != nil {
		return made, err
	}
	defer packed.Close()
	compressed, err := gzip.NewReader(packed)
	if err != nil {
		return made, fmt.Errorf("it is no backup: %w", err)
	}
	if err := os.Mkdir(filepath.Join(into, "temporal"), 0o700); err != nil {
		return made, err
	}
	for archive := tar.NewReader(compressed); ; {
		header, err := archive.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return made, fmt.Errorf("it is damaged: %w", err)
		}
		name := filepath.FromSlash(header.Name)
		switch {
		case name == manifestName:
			err = json.NewDecoder(archive).Decode(&made)
		case slices.Contains(backupFiles(), name):
			var unwritten *notWritten
			if err = writeFile(filepath.Join(into, name), archive); err != nil && !errors.As(err, &unwritten) {
				err = fmt.Errorf("it is damaged: %w", err)
			}
		default:
			err = fmt.Errorf("it holds the unknown file %q", header.Name)
		}
		if err != nil {
			return made, err
		}
	}
	if made.Format != manifestFormat {
		return made, fmt.Errorf("it is of format %d, this program knows %d", made.Format, manifestFormat)
	}
	for _, name := range backupFiles() {
		hash, err := fileHash(filepath.Join(into, name))
		if err != nil || hash != made.Files[name] {
			return made, errors.Join(fmt.Errorf("it is damaged: %s is not what was backed up", name), err)
		}
	}
	return made, nil
}

func writeFile(path string, from io.Reader) error {
	file, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return &notWritten{err}
	}
	return writeInto(file, from)
}

// writeInto fills a file and closes it.
func writeInto(file *os.File, from io.Reader) error {
	_, err := io.Copy(file, from)
	if ours := (*fs.PathError)(nil); err != nil && !(errors.As(err, &ours) && ours.Path == file.Name()) {
		return errors.Join(err, file.Close()) // the backup could not be read
	}
	if err == nil {
		err = file.Sync()
	}
	if err = errors.Join(err, file.Close()); err != nil {
		return &notWritten{err}
	}
	return nil
}
