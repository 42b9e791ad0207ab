// Package mariadb starts a MariaDB server for tests, from the programs that Debian's package "mariadb-server-core" installs.
package mariadb

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"syscall"

	_ "github.com/go-sql-driver/mysql" // the database/sql driver "mysql"

	"crosswalk/e2e/daemon"
	"crosswalk/freeport"
)

// Name and Password are those of the server's user, who may do everything.
const (
	Name     = "crosswalk"
	Password = "for-tests"
	Database = "tests"
)

// Server is a running MariaDB with a data directory of its own.
type Server struct {
	Host      string
	Port      int
	directory string
	daemon    *daemon.Daemon
}

// Start makes a data directory and a server on a free port of this machine, with an empty database.
func Start(ctx context.Context) (*Server, error) {
	s, err := start(ctx)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("a MariaDB for tests (scripts/setup test installs it): %w", err), s.Stop())
	}
	return s, nil
}

func start(ctx context.Context) (s *Server, err error) {
	s = &Server{Host: "127.0.0.1"}
	if s.directory, err = os.MkdirTemp("", "crosswalk-mariadb-"); err != nil {
		return s, err
	}
	if s.Port, err = freeport.Port(s.Host); err != nil {
		return s, err
	}
	data, as := filepath.Join(s.directory, "data"), "--user="+strconv.Itoa(os.Geteuid())
	if os.Geteuid() == 0 {
		as = "--user=root" // it refuses root that was not asked for
	}
	install := exec.CommandContext(ctx, "mariadb-install-db", "--no-defaults", "--datadir="+data, "--skip-test-db", "--auth-root-authentication-method=normal", as)
	if said, err := install.CombinedOutput(); err != nil {
		return s, fmt.Errorf("mariadb-install-db: %w: %s", err, said)
	}
	first := filepath.Join(s.directory, "first.sql")
	// The name of this machine's user matches before an anonymous one only if there is none.
	script := fmt.Sprintf("create database %s character set utf8mb4;\ncreate user '%s'@'%%' identified by '%s';\ngrant all on *.* to '%s'@'%%';\n", Database, Name, Password, Name)
	if err := os.WriteFile(first, []byte(script), 0o600); err != nil {
		return s, err
	}
	program, err := exec.LookPath("mariadbd")
	if err != nil {
		program = "/usr/sbin/mariadbd" // Debian keeps it out of the PATH of users
	}
	command := exec.Command(program, "--no-defaults", "--datadir="+data, "--port="+strconv.Itoa(s.Port), "--bind-address=127.0.0.1", "--skip-name-resolve",
		"--socket="+filepath.Join(s.directory, "socket"), "--pid-file="+filepath.Join(s.directory, "pid"), "--init-file="+first, "--innodb-buffer-pool-size=32M", "--innodb-flush-log-at-trx-commit=0", as)
	s.daemon, err = daemon.Start(ctx, command, s.ready)
	return s, err
}

func (s *Server) ready(ctx context.Context) error {
	db, err := s.Open()
	if err != nil {
		return err
	}
	defer db.Close()
	return db.PingContext(ctx)
}

// Open opens the database as its user.
func (s *Server) Open() (*sql.DB, error) {
	return sql.Open("mysql", fmt.Sprintf("%s:%s@tcp(%s)/%s?multiStatements=true", Name, Password, net.JoinHostPort(s.Host, strconv.Itoa(s.Port)), Database))
}

// Stop ends the server at once and removes its data.
func (s *Server) Stop() error {
	err := s.daemon.Stop(syscall.SIGKILL)
	if s.directory == "" {
		return err
	}
	return errors.Join(err, os.RemoveAll(s.directory))
}
