package engine

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
)

const lockFile = "engine.lock"

// directoryLock keeps a data directory for this process. It is a plain descriptor: the garbage collector closes an
// os.File that nobody refers to any more, and the lock of a server that still runs would go with it.
type directoryLock int

// lockDirectory makes the directory if need be and takes it for this process. The kernel gives the
// lock back when the process ends, however it ends: a lock file that a crash left is no obstacle.
func lockDirectory(directory string) (directoryLock, error) {
	if err := os.MkdirAll(directory, 0o700); err != nil {
		return 0, fmt.Errorf("engine: making the data directory: %w", err)
	}
	path := filepath.Join(directory, lockFile)
	descriptor, err := syscall.Open(path, syscall.O_RDWR|syscall.O_CREAT|syscall.O_CLOEXEC, 0o600)
	if err != nil {
		return 0, fmt.Errorf("engine: opening %s: %w", path, err)
	}
	lock := directoryLock(descriptor)
	if err := syscall.Flock(descriptor, syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		defer lock.release()
		if errors.Is(err, syscall.EWOULDBLOCK) {
			return 0, fmt.Errorf("engine: the data directory %s is in use by process %s; stop that one first or choose another directory", directory, holder(path))
		}
		return 0, fmt.Errorf("engine: locking the data directory: %w", err)
	}
	if err := os.WriteFile(path, fmt.Appendf(nil, "%d\n", os.Getpid()), 0o600); err != nil {
		defer lock.release()
		return 0, fmt.Errorf("engine: locking the data directory: %w", err)
	}
	return lock, nil
}

// release gives the directory back. Closing alone would leave it to a program that is being started at this moment: until
// that one runs, it has all our files open.
func (l directoryLock) release() error {
	return errors.Join(syscall.Flock(int(l), syscall.LOCK_UN), syscall.Close(int(l)))
}

func holder(path string) string {
	text, err := os.ReadFile(path)
	if pid := strings.TrimSpace(string(text)); err == nil && pid != "" {
		return pid
	}
	return "(number unknown)"
}
