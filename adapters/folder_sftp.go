package adapters

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"path"
	"strings"
	"time"

	"github.com/pkg/sftp"
	"golang.org/x/crypto/ssh"

	"crosswalk/rules"
)

var (
	errHostKey = errors.New("the server's host key is not the one in the settings")
	errLogin   = errors.New("the server does not accept the user, the password or the key")
)

// sftpFolder is a directory of another machine. Each call has a connection of its own.
type sftpFolder struct {
	address   string
	directory string
	config    *ssh.ClientConfig
	guard     *egress
}

func openSFTP(settings, secrets rules.Value, guard *egress) (folder, error) {
	config := &ssh.ClientConfig{User: settings.Get("user").Text(), Timeout: 5 * time.Second, HostKeyCallback: pinned(settings.Get("host_key").Text())}
	if text := secrets.Get("private_key").Text(); text != "" {
		key, err := ssh.ParsePrivateKey([]byte(text))
		if err != nil {
			return nil, FieldErrors{{"secrets.private_key", "it cannot be read", "it is a key in OpenSSH's or PEM form, without a passphrase"}}
		}
		config.Auth = append(config.Auth, ssh.PublicKeys(key))
	}
	if text := secrets.Get("password").Text(); text != "" {
		config.Auth = append(config.Auth, ssh.Password(text))
	}
	if len(config.Auth) == 0 {
		return nil, FieldErrors{{"secrets", "a password or a private_key is needed", ""}}
	}
	return &sftpFolder{address: guard.hosts[0], directory: settings.Get("directory").Text(), config: config, guard: guard}, nil
}

// pinned accepts the one key of the settings, or one of several: a fingerprint as ssh-keygen -lf shows it.
func pinned(fingerprints string) ssh.HostKeyCallback {
	known := strings.FieldsFunc(fingerprints, func(r rune) bool { return r == ',' || r == ' ' })
	return func(_ string, _ net.Addr, key ssh.PublicKey) error {
		if containsText(known, ssh.FingerprintSHA256(key)) {
			return nil
		}
		return fmt.Errorf("%w: it is %s", errHostKey, ssh.FingerprintSHA256(key))
	}
}

func (s *sftpFolder) close() {}

func (s *sftpFolder) open(ctx context.Context) (openFolder, error) {
	conn, err := s.guard.dial(ctx, "tcp", s.address)
	if err != nil {
		return nil, err
	}
	stop := context.AfterFunc(ctx, func() { _ = conn.Close() }) // the library knows no contexts
	secure, channels, requests, err := ssh.NewClientConn(conn, s.address, s.config)
	if err != nil {
		stop()
		_ = conn.Close()
		if strings.Contains(err.Error(), "unable to authenticate") {
			return nil, errLogin
		}
		return nil, err
	}
	client := ssh.NewClient(secure, channels, requests)
	files, err := sftp.NewClient(client)
	if err != nil {
		stop()
		return nil, errors.Join(err, client.Close())
	}
	return &sftpSession{files: files, directory: s.directory, finish: func() {
		_ = client.Close() // first: a server that says nothing would hold up the other
		_ = files.Close()
		stop()
	}}, nil
}

type sftpSession struct {
	files     *sftp.Client
	directory string
	finish    func()
}

func (s *sftpSession) done() { s.finish() }

func (s *sftpSession) at(name string) string { return path.Join(s.directory, name) }

func (s *sftpSession) read(name string) (io.ReadCloser, error) {
	if err := s.within(path.Dir(name)); err != nil {
		return nil, err
	}
	if info, err := s.files.Lstat(s.at(name)); err != nil || !info.Mode().IsRegular() {
		return nil, errors.Join(err, notRegular(err))
	}
	return s.files.Open(s.at(name))
}

// within refuses a folder that a link leads to elsewhere, as the machine's own directories do.
func (s *sftpSession) within(folder string) error {
	root, err := s.files.RealPath(path.Join(s.directory, "."))
	if err != nil {
		return err
	}
	real, err := s.files.RealPath(s.at(folder))
	if err == nil && real != root && !strings.HasPrefix(real, strings.TrimSuffix(root, "/")+"/") {
		err = errElsewhere
	}
	return err
}

var errElsewhere = errors.New("a link leads out of the directory")

func notRegular(err error) error {
	if err == nil {
		return fs.ErrNotExist
	}
	return nil
}

func (s *sftpSession) list(name string) ([]fs.FileInfo, error) {
	if err := s.within(name); err != nil {
		return nil, err
	}
	return s.files.ReadDir(s.at(name))
}

func (s *sftpSession) remove(name string) error { return s.files.Remove(s.at(name)) }

func (s *sftpSession) write(name, part string, content []byte) (err error) {
	if err := s.within(path.Dir(name)); err != nil {
		return err
	}
	part = s.at(part)
	file, err := s.files.Create(part)
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			_ = s.files.Remove(part) // as far as the connection still allows it
		}
	}()
	_, err = file.Write(content)
	if err = errors.Join(err, file.Close()); err != nil {
		return err
	}
	return overtaken(s.rename(part, s.at(name)))
}

// rename puts a file in the place of another at once. A server without that extension can only do it where there is none.
func (s *sftpSession) rename(from, to string) error {
	if _, has := s.files.HasExtension("posix-rename@openssh.com"); has {
		return s.files.PosixRename(from, to)
	}
	return s.files.Rename(from, to)
}

// move moves a file. One that is there already and no longer here was moved by an earlier attempt.
func (s *sftpSession) move(from, to string) error {
	if err := errors.Join(s.within(path.Dir(from)), s.within(path.Dir(to))); err != nil {
		return err
	}
	err := s.rename(s.at(from), s.at(to))
	if errors.Is(err, fs.ErrNotExist) {
		if _, there := s.files.Stat(s.at(to)); there == nil {
			return nil
		}
	}
	return err
}
