// Package mailserver starts a real mail system for tests: Postfix takes mail by SMTP and hands it to Dovecot, which keeps
// it and gives it by IMAP. Debian's packages "postfix", "dovecot-imapd" and "dovecot-lmtpd" hold the programs; both need
// to be started by root.
package mailserver

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"

	"crosswalk/e2e/daemon"
	"crosswalk/freeport"
)

// Domain is the one whose mail is kept; every user of it has the Password.
const (
	Domain   = "acme.example"
	Password = "for-tests"
)

// Server is a running mail system.
type Server struct {
	SMTP, IMAP int // the ports, on this machine
	directory  string
	daemons    []*daemon.Daemon
}

const dovecot = `
base_dir = %[1]s/run
log_path = /dev/stderr
ssl = no
disable_plaintext_auth = no
protocols = imap lmtp
listen = 127.0.0.1
mail_max_userip_connections = 1000
mail_location = maildir:%[1]s/mail/%%u
auth_mechanisms = plain login
first_valid_uid = 1
passdb {
  driver = static
  args = password=` + Password + `
}
userdb {
  driver = static
  args = uid=mail gid=mail home=%[1]s/mail/%%u
}
service imap-login {
  chroot =
  inet_listener imap {
    port = %[2]d
  }
  inet_listener imaps {
    port = 0
  }
}
service lmtp {
  inet_listener lmtp {
    port = %[3]d
  }
}
service auth {
  inet_listener {
    port = %[4]d
  }
}
namespace inbox {
  inbox = yes
  mailbox Sent {
    auto = create
  }
  mailbox Done {
    auto = create
  }
}
`

const mainCf = `
compatibility_level = 3.6
queue_directory = %[1]s/queue
data_directory = %[1]s/data
maillog_file = %[1]s/log
maillog_file_prefixes = /
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
myhostname = mail.` + Domain + `
mydestination =
virtual_mailbox_domains = ` + Domain + `
virtual_mailbox_maps = static:all
virtual_transport = lmtp:inet:127.0.0.1:%[2]d
smtpd_sasl_auth_enable = yes
smtpd_sasl_type = dovecot
smtpd_sasl_path = inet:127.0.0.1:%[3]d
smtpd_recipient_restrictions = permit_sasl_authenticated, reject
smtpd_relay_restrictions = permit_sasl_authenticated, reject
smtpd_reject_unlisted_recipient = no
default_transport = error:nothing leaves this machine
message_size_limit = 1000000
queue_run_delay = 2s
minimal_backoff_time = 2s
maximal_backoff_time = 5s
`

const masterCf = `
127.0.0.1:%[1]d inet n - n - - smtpd
postlog unix-dgram n - n - 1 postlogd
pickup unix n - n 60 1 pickup
cleanup unix n - n - 0 cleanup
qmgr unix n - n 2 1 qmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
verify unix - - n - 1 verify
proxymap unix - - n - - proxymap
error unix - - n - - error
retry unix - - n - - error
lmtp unix - - n - - lmtp
anvil unix - - n - 1 anvil
scache unix - - n - 1 scache
tlsmgr unix - - n 1000? 1 tlsmgr
`

// Start starts both servers on free ports of this machine.
func Start(ctx context.Context) (*Server, error) {
	s := &Server{}
	if err := s.start(ctx); err != nil {
		return nil, errors.Join(fmt.Errorf("a mail system for tests (scripts/setup test installs it): %w", err), s.Stop())
	}
	return s, nil
}

func (s *Server) start(ctx context.Context) (err error) {
	if s.directory, err = os.MkdirTemp("", "crosswalk-mail-"); err != nil {
		return err
	}
	if err := os.Chmod(s.directory, 0o755); err != nil { // both servers go on as users of their own
		return err
	}
	var ports [4]int
	for i := range ports {
		if ports[i], err = freeport.Port("127.0.0.1"); err != nil {
			return err
		}
	}
	s.SMTP, s.IMAP = ports[0], ports[1]
	lmtp, auth := ports[2], ports[3]
	for name, text := range map[string]string{
		"dovecot.conf":    fmt.Sprintf(dovecot, s.directory, s.IMAP, lmtp, auth),
		"postfix/main.cf": fmt.Sprintf(mainCf, s.directory, lmtp, auth), "postfix/master.cf": fmt.Sprintf(masterCf, s.SMTP),
	} {
		file := filepath.Join(s.directory, name)
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
			return err
		}
	}
	for name, owner := range map[string]string{"mail": "mail:mail", "data": "postfix:postfix", "queue": "root:root"} {
		if err := os.Mkdir(filepath.Join(s.directory, name), 0o755); err != nil {
			return err
		}
		if said, err := exec.CommandContext(ctx, "chown", owner, filepath.Join(s.directory, name)).CombinedOutput(); err != nil {
			return fmt.Errorf("%w: %s", err, said)
		}
	}
	if err := s.run(ctx, s.IMAP, "/usr/sbin/dovecot", "-F", "-c", filepath.Join(s.directory, "dovecot.conf")); err != nil {
		return err
	}
	config := filepath.Join(s.directory, "postfix")
	if said, err := exec.CommandContext(ctx, "/usr/sbin/postfix", "-c", config, "check").CombinedOutput(); err != nil { // it makes what the queue needs
		return fmt.Errorf("postfix check: %w: %s", err, said)
	}
	return s.run(ctx, s.SMTP, "/usr/lib/postfix/sbin/master", "-c", config, "-d") // which, unlike postfix start-fg, is the process that we start
}

func (s *Server) run(ctx context.Context, port int, program string, arguments ...string) error {
	command := exec.Command(program, arguments...)
	command.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	running, err := daemon.Start(ctx, command, func(ctx context.Context) error { return daemon.Answers(ctx, fmt.Sprintf("127.0.0.1:%d", port)) })
	if err != nil {
		log, _ := os.ReadFile(filepath.Join(s.directory, "log")) // there is none of a server that did not come so far
		return fmt.Errorf("%s: %w: %s", program, err, log)
	}
	s.daemons = append(s.daemons, running)
	return nil
}

// Idle says whether all mail that was taken has been delivered.
func (s *Server) Idle() (bool, error) {
	for _, name := range []string{"maildrop", "incoming", "active", "deferred"} {
		left := 0
		err := filepath.WalkDir(filepath.Join(s.directory, "queue", name), func(_ string, entry fs.DirEntry, err error) error {
			if errors.Is(err, fs.ErrNotExist) {
				return nil // it was delivered while we looked
			}
			if err == nil && !entry.IsDir() {
				left++
			}
			return err
		})
		if err != nil || left > 0 {
			return false, err
		}
	}
	return true, nil
}

// Stop ends the servers and removes what they keep.
func (s *Server) Stop() error {
	var err error
	for _, running := range s.daemons {
		err = errors.Join(err, running.Stop(syscall.SIGTERM))
	}
	s.daemons = nil
	if s.directory == "" {
		return err
	}
	var left error
	for range 100 { // the master is gone, and its children, which it does not wait for, may still write into the queue
		if left = os.RemoveAll(s.directory); left == nil {
			break
		}
		time.Sleep(100 * time.Millisecond)
	}
	return errors.Join(err, left)
}
