package conformance

import (
	"crypto/ed25519"
	"crypto/rand"
	"crypto/subtle"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/url"
	"os"
	"path"
	"path/filepath"
	"strings"

	"github.com/pkg/sftp"
	"golang.org/x/crypto/ssh"
)

// shelf is a folder of this machine that holds the files of a test.
type shelf struct{ directory string }

func openShelf(exchanges []Exchange, how manner) (server, error) {
	directory, err := os.MkdirTemp("", "crosswalk-adapters-test-")
	if err != nil {
		return nil, err
	}
	s := shelf{directory}
	if err := os.Mkdir(filepath.Join(directory, exchangeFolder), 0o700); err != nil || how.empty {
		return s, err
	}
	for _, x := range exchanges {
		name := x.Expect.File + x.Expect.Written
		if name == "" {
			continue
		}
		at := filepath.Join(directory, exchangeFolder, filepath.FromSlash(path.Clean("/"+name)))
		err = errors.Join(err, os.MkdirAll(filepath.Dir(at), 0o700))
		if x.Expect.File != "" {
			err = errors.Join(err, os.WriteFile(at, x.Reply.body(""), 0o600))
		}
	}
	return s, err
}

func (s shelf) address() string {
	return (&url.URL{Scheme: "file", Path: filepath.Join(s.directory, exchangeFolder)}).String()
}

func (s shelf) close() { _ = os.RemoveAll(s.directory) }

func (s shelf) outcome(exchanges []Exchange) []string {
	return writtenAs(exchanges, func(name string) ([]byte, error) {
		return os.ReadFile(filepath.Join(s.directory, exchangeFolder, filepath.FromSlash(name)))
	})
}

func (s shelf) things() map[string]string {
	all := map[string]string{}
	_ = filepath.WalkDir(s.directory, func(at string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		relative, _ := filepath.Rel(s.directory, at)
		content, err := os.ReadFile(at)
		all[filepath.ToSlash(relative)] = string(content)
		return err
	})
	return all
}

// writtenAs compares the files that a test expects with what is there.
func writtenAs(exchanges []Exchange, read func(name string) ([]byte, error)) (problems []string) {
	for _, x := range exchanges {
		if x.Expect.Written == "" {
			continue
		}
		content, err := read(x.Expect.Written)
		switch {
		case err != nil:
			problems = append(problems, "not written: "+x.Expect.Written)
		case strings.ReplaceAll(strings.TrimSpace(string(content)), "\r\n", "\n") != strings.TrimSpace(x.Expect.Text):
			problems = append(problems, fmt.Sprintf("%s holds %q, not %q", x.Expect.Written, short(string(content)), short(x.Expect.Text)))
		}
	}
	return problems
}

// sftpServer is a folder in memory behind SSH: nobody who finds its port reaches this machine's files.
type sftpServer struct {
	listener net.Listener
	config   *ssh.ServerConfig
	key      string
	handlers sftp.Handlers
	files    *sftp.Client // our own way to them
}

func openSFTP(exchanges []Exchange, password string, how manner) (server, error) {
	_, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return nil, err
	}
	signer, err := ssh.NewSignerFromKey(private)
	if err != nil {
		return nil, err
	}
	s := &sftpServer{key: ssh.FingerprintSHA256(signer.PublicKey()), handlers: sftp.InMemHandler()}
	s.config = &ssh.ServerConfig{PasswordCallback: func(_ ssh.ConnMetadata, given []byte) (*ssh.Permissions, error) {
		if how.refuses || subtle.ConstantTimeCompare(given, []byte(password)) != 1 {
			return nil, errors.New("refused")
		}
		return nil, nil
	}}
	s.config.AddHostKey(signer)
	ours, theirs := net.Pipe()
	go func() { _ = sftp.NewRequestServer(theirs, s.handlers).Serve() }()
	if s.files, err = sftp.NewClientPipe(ours, ours); err != nil {
		return nil, err
	}
	if err := s.fill(exchanges, how); err != nil {
		return nil, err
	}
	if s.listener, err = listening(how); err != nil {
		return nil, err
	}
	go s.serve()
	return s, nil
}

func (s *sftpServer) fill(exchanges []Exchange, how manner) error {
	if err := s.files.Mkdir("/" + exchangeFolder); err != nil {
		return err
	}
	for _, x := range exchanges {
		name := x.Expect.File + x.Expect.Written
		if name == "" || how.empty {
			continue
		}
		if err := s.files.MkdirAll(path.Dir("/" + exchangeFolder + "/" + name)); err != nil {
			return err
		}
		if x.Expect.File == "" {
			continue
		}
		file, err := s.files.Create("/" + exchangeFolder + "/" + name)
		if err == nil {
			_, err = file.Write(x.Reply.body(""))
			err = errors.Join(err, file.Close())
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (s *sftpServer) serve() {
	for {
		conn, err := s.listener.Accept()
		if err != nil {
			return
		}
		go s.visit(conn)
	}
}

func (s *sftpServer) visit(conn net.Conn) {
	defer conn.Close()
	_, channels, requests, err := ssh.NewServerConn(conn, s.config)
	if err != nil {
		return
	}
	go ssh.DiscardRequests(requests)
	for offered := range channels {
		channel, asked, err := offered.Accept()
		if err != nil {
			return
		}
		go func() {
			for request := range asked {
				_ = request.Reply(request.Type == "subsystem", nil)
			}
		}()
		go func() {
			_ = sftp.NewRequestServer(channel, s.handlers).Serve()
			_ = channel.Close()
		}()
	}
}

func (s *sftpServer) address() string {
	return "sftp://" + s.listener.Addr().String() + "?" + url.Values{"key": {s.key}}.Encode()
}

func (s *sftpServer) close() {
	_ = s.listener.Close()
	_ = s.files.Close()
}

func (s *sftpServer) outcome(exchanges []Exchange) []string {
	return writtenAs(exchanges, func(name string) ([]byte, error) { return s.content("/" + exchangeFolder + "/" + name) })
}

func (s *sftpServer) things() map[string]string {
	all := map[string]string{}
	walker := s.files.Walk("/")
	for walker.Step() {
		if walker.Err() == nil && !walker.Stat().IsDir() {
			content, err := s.content(walker.Path())
			if err != nil {
				content = []byte("unreadable: " + err.Error())
			}
			all[strings.TrimPrefix(walker.Path(), "/")] = string(content)
		}
	}
	return all
}

func (s *sftpServer) content(name string) ([]byte, error) {
	file, err := s.files.Open(name)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	return io.ReadAll(file)
}
