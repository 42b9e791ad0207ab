// Package postgres starts a PostgreSQL server for tests, from the programs that Debian's package "postgresql" installs.
package postgres

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"syscall"
	"time"

	_ "github.com/jackc/pgx/v5/stdlib" // the database/sql driver "pgx"

	"crosswalk/freeport"
)

// name and password are of the server's only user.
const (
	name     = "crosswalk"
	password = "for-tests"
)

// Server is a running PostgreSQL with a data directory of its own.
type Server struct {
	address   string
	directory string
	program   string
	as        *syscall.Credential
	process   *os.Process
	ended     chan error
}

// Start makes a data directory, in memory where there is room, starts a server on a free port of this machine and waits
// until it answers. Root is refused by PostgreSQL, so that root's servers run as the user "postgres" or "nobody". The
// server ends with this process at the latest.
func Start(ctx context.Context) (*Server, error) {
	s, err := start(ctx)
	if err != nil {
		return nil, fmt.Errorf("a PostgreSQL for tests (scripts/setup test installs it): %w", err)
	}
	return s, nil
}

func start(ctx context.Context) (s *Server, err error) {
	bin, err := programs()
	if err != nil {
		return nil, err
	}
	s = &Server{ended: make(chan error, 1)}
	defer func() {
		if err != nil {
			err = errors.Join(err, s.Stop())
		}
	}()
	if s.directory, err = os.MkdirTemp(roomInMemory(), "crosswalk-postgres-"); err != nil {
		return s, err
	}
	s.program = filepath.Join(bin, "postgres")
	if s.as, err = credential(); err == nil {
		err = s.handOver()
	}
	if err != nil {
		return s, err
	}
	init := exec.CommandContext(ctx, filepath.Join(bin, "initdb"), "-D", s.data(), "-U", name, "--auth=scram-sha-256", "--encoding=UTF8", "--locale=C", "--no-sync",
		"--pwfile="+filepath.Join(s.directory, "password"))
	init.SysProcAttr, init.Dir = &syscall.SysProcAttr{Credential: s.as}, s.directory
	if said, err := init.CombinedOutput(); err != nil {
		return s, fmt.Errorf("initdb: %w: %s", err, said)
	}
	return s, s.serveSomewhere(ctx)
}

func (s *Server) data() string { return filepath.Join(s.directory, "data") }

func (s *Server) serveSomewhere(ctx context.Context) (err error) {
	for range 5 { // a port that was free a moment ago may be taken by now
		if err = s.serve(ctx); err == nil {
			return nil
		}
	}
	return err
}

// BecomeStandby starts the server again, on another port, as one that follows a primary: it answers reads and takes no
// writes.
func (s *Server) BecomeStandby(ctx context.Context) error {
	err := s.end(syscall.SIGINT)
	signal := filepath.Join(s.data(), "standby.signal")
	if err == nil {
		err = os.WriteFile(signal, nil, 0o600)
	}
	if err == nil && s.as != nil {
		err = os.Chown(signal, int(s.as.Uid), int(s.as.Gid))
	}
	if err == nil {
		err = s.serveSomewhere(ctx)
	}
	return err
}

// handOver writes the password's file and gives the directory to the user of the server.
func (s *Server) handOver() error {
	file := filepath.Join(s.directory, "password")
	if err := os.WriteFile(file, []byte(password), 0o600); err != nil || s.as == nil {
		return err
	}
	return errors.Join(os.Chown(file, int(s.as.Uid), int(s.as.Gid)), os.Chown(s.directory, int(s.as.Uid), int(s.as.Gid)))
}

func (s *Server) serve(ctx context.Context) error {
	var err error
	if s.address, err = freeport.Address("127.0.0.1"); err != nil {
		return err
	}
	_, port, _ := net.SplitHostPort(s.address)
	var said bytes.Buffer
	server := exec.Command(s.program, "-D", s.data(), "-h", "127.0.0.1", "-p", port, "-c", "unix_socket_directories=", "-c", "max_connections=300", "-c", "shared_buffers=64MB",
		"-c", "max_pred_locks_per_transaction=256")
	server.Dir, server.Stderr, server.Stdout = s.directory, &said, &said
	// The signal is sent when the thread ends that started the process: it is kept until the process has ended.
	server.SysProcAttr = &syscall.SysProcAttr{Credential: s.as, Pdeathsig: syscall.SIGQUIT}
	started := make(chan error, 1)
	go func() {
		runtime.LockOSThread()
		defer runtime.UnlockOSThread() // else the thread would end here, and with it what it has started before for somebody else
		if err := server.Start(); err != nil {
			started <- err
			return
		}
		s.process = server.Process
		started <- nil
		s.ended <- server.Wait()
	}()
	if err := <-started; err != nil {
		return err
	}
	return s.wait(ctx, &said)
}

func (s *Server) wait(ctx context.Context, said *bytes.Buffer) error {
	db, err := sql.Open("pgx", s.DSN("postgres"))
	if err != nil {
		return err
	}
	defer db.Close()
	ctx, cancel := context.WithTimeout(ctx, 5*time.Minute)
	defer cancel()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		if db.PingContext(ctx) == nil {
			return nil
		}
		select {
		case err := <-s.ended:
			s.process = nil
			return fmt.Errorf("it ended: %w: %s", err, said.String())
		case <-ctx.Done():
			return fmt.Errorf("it does not answer: %w", ctx.Err())
		case <-tick.C:
		}
	}
}

// Address is the server's host:port.
func (s *Server) Address() string { return s.address }

// User and Password open every database.
func (s *Server) User() (user, password string) { return name, "for-tests" }

// DSN is the address of one of its databases.
func (s *Server) DSN(database string) string {
	return (&url.URL{Scheme: "postgres", User: url.UserPassword(name, password), Host: s.address, Path: database, RawQuery: "sslmode=disable"}).String()
}

// Create makes a database and returns its address.
func (s *Server) Create(ctx context.Context, database string) (dsn string, err error) {
	db, err := sql.Open("pgx", s.DSN("postgres"))
	if err != nil {
		return "", err
	}
	defer db.Close()
	if _, err := db.ExecContext(ctx, "CREATE DATABASE "+database); err != nil {
		return "", fmt.Errorf("database %s: %w", database, err)
	}
	return s.DSN(database), nil
}

// Stop ends the server at once and removes its data.
func (s *Server) Stop() error {
	err := s.end(syscall.SIGQUIT)
	if s.directory == "" {
		return err
	}
	return errors.Join(err, os.RemoveAll(s.directory))
}

// end ends the process: SIGQUIT at once, SIGINT after it has written what it holds.
func (s *Server) end(by syscall.Signal) error {
	if s.process == nil {
		return nil
	}
	err := s.process.Signal(by)
	<-s.ended
	s.process = nil
	return err
}

// roomInMemory is a folder that costs no waiting for disks, if it holds enough; else "", the system's temporary one.
func roomInMemory() string {
	const folder, enough = "/dev/shm", 2 << 30
	var found syscall.Statfs_t
	if syscall.Statfs(folder, &found) != nil || found.Bavail*uint64(found.Bsize) < enough {
		return ""
	}
	return folder
}

// programs finds the folder of initdb and postgres; Debian keeps them out of the PATH.
func programs() (string, error) {
	installed, err := filepath.Glob("/usr/lib/postgresql/*/bin/postgres")
	if err != nil {
		return "", err
	}
	if len(installed) > 0 {
		newest := slices.MaxFunc(installed, func(a, b string) int { return version(a) - version(b) })
		return filepath.Dir(newest), nil
	}
	found, err := exec.LookPath("initdb")
	if err != nil {
		return "", err
	}
	if found, err = filepath.EvalSymlinks(found); err != nil {
		return "", err
	}
	return filepath.Dir(found), nil
}

func version(path string) int {
	n, _ := strconv.Atoi(filepath.Base(filepath.Dir(filepath.Dir(path))))
	return n
}

// credential is nil if this process may run the server itself.
func credential() (*syscall.Credential, error) {
	if os.Geteuid() != 0 {
		return nil, nil
	}
	found, err := user.Lookup("postgres")
	if err != nil {
		if found, err = user.Lookup("nobody"); err != nil {
			return nil, err
		}
	}
	uid, err := strconv.ParseUint(found.Uid, 10, 32)
	if err != nil {
		return nil, err
	}
	gid, err := strconv.ParseUint(found.Gid, 10, 32)
	return &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}, err
}
