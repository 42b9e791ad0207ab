// Package sshserver starts OpenSSH's server for tests, with SFTP. Debian's package "openssh-server" holds the program.
package sshserver

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/pem"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"syscall"

	"golang.org/x/crypto/ssh"

	"crosswalk/e2e/daemon"
	"crosswalk/freeport"
)

// Server is a running server that lets in the user of this process.
type Server struct {
	Port        int    // on this machine
	Fingerprint string // of the server's key
	User, Key   string // who is let in, by this private key
	directory   string
	running     *daemon.Daemon
}

// Start starts a server on a free port of this machine.
func Start(ctx context.Context) (*Server, error) {
	s := &Server{}
	if err := s.start(ctx); err != nil {
		return nil, errors.Join(fmt.Errorf("an SSH server for tests (scripts/setup test installs it): %w", err), s.Stop())
	}
	return s, nil
}

func (s *Server) start(ctx context.Context) error {
	who, err := user.Current()
	if err != nil {
		return err
	}
	s.User = who.Username
	if s.directory, err = os.MkdirTemp("", "crosswalk-ssh-"); err != nil {
		return err
	}
	host, err := s.key("host")
	if err != nil {
		return err
	}
	ours, err := s.key("user")
	if err != nil {
		return err
	}
	s.Fingerprint = ssh.FingerprintSHA256(host)
	if err := os.WriteFile(filepath.Join(s.directory, "authorized"), ssh.MarshalAuthorizedKey(ours), 0o600); err != nil {
		return err
	}
	private, err := os.ReadFile(filepath.Join(s.directory, "user"))
	if err != nil {
		return err
	}
	s.Key = string(private)
	if s.Port, err = freeport.Port("127.0.0.1"); err != nil {
		return err
	}
	if err := os.MkdirAll("/run/sshd", 0o755); err != nil { // the server's own place, which Debian makes when it starts the service
		return err
	}
	command := exec.Command("/usr/sbin/sshd", "-D", "-e", "-f", "/dev/null", "-p", fmt.Sprint(s.Port), "-h", filepath.Join(s.directory, "host"), "-o", "ListenAddress=127.0.0.1", "-o", "PidFile=none",
		"-o", "AuthorizedKeysFile="+filepath.Join(s.directory, "authorized"), "-o", "StrictModes=no", "-o", "Subsystem=sftp internal-sftp", "-o", "PermitRootLogin=yes", "-o", "PasswordAuthentication=no", "-o", "UsePAM=no", "-o", "MaxStartups=500")
	s.running, err = daemon.Start(ctx, command, func(ctx context.Context) error { return daemon.Answers(ctx, fmt.Sprintf("127.0.0.1:%d", s.Port)) })
	return err
}

// key makes a key and keeps it as a file.
func (s *Server) key(name string) (ssh.PublicKey, error) {
	_, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return nil, err
	}
	block, err := ssh.MarshalPrivateKey(private, "")
	if err != nil {
		return nil, err
	}
	if err := os.WriteFile(filepath.Join(s.directory, name), pem.EncodeToMemory(block), 0o600); err != nil {
		return nil, err
	}
	return ssh.NewPublicKey(private.Public())
}

// Stop ends the server and removes its keys.
func (s *Server) Stop() error {
	var err error
	if s.running != nil {
		err = s.running.Stop(syscall.SIGKILL)
	}
	if s.directory == "" {
		return err
	}
	return errors.Join(err, os.RemoveAll(s.directory))
}
