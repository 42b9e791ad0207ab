package engine

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"
)

const lockFile = "engine.lock"

// lockDirectory makes the directory if need be and takes it for this process. The kernel gives the
// lock back when the process ends, however it ends: a lock file that a crash left is no obstacle.
func lockDirectory(directory string) (*os.File, error) {
	if err := os.MkdirAll(directory, 0o700); err != nil {
		return nil, fmt.Errorf("engine: making the data directory: %w", err)
	}
	file, err := os.OpenFile(filepath.Join(directory, lockFile), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("engine: %w", err)
	}
	if err := syscall.Flock(int(file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		defer file.Close()
		if errors.Is(err, syscall.EWOULDBLOCK) {
			return nil, fmt.Errorf("engine: the data directory %s is in use by process %s; stop that one first or choose another directory", directory, holder(file))
		}
		return nil, fmt.Errorf("engine: locking the data directory: %w", err)
	}
	if err := writeHolder(file); err != nil {
		file.Close()
		return nil, fmt.Errorf("engine: locking the data directory: %w", err)
	}
	return file, nil
}

func writeHolder(file *os.File) error {
	if err := file.Truncate(0); err != nil {
		return err
	}
	_, err := file.WriteAt(fmt.Appendf(nil, "%d\n", os.Getpid()), 0)
	return err
}

func holder(file *os.File) string {
	text, err := io.ReadAll(io.LimitReader(file, 20))
	if pid := strings.TrimSpace(string(text)); err == nil && pid != "" {
		return pid
	}
	return "(number unknown)"
}
