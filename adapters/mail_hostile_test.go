package adapters_test

import (
	"bufio"
	"context"
	"io"
	"net"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"crosswalk/adapters"
	"crosswalk/contracts"
	"crosswalk/rules"
)

// mailScript is a server of mail that says a greeting and then, to each line, what the longest prefix that fits it says; what
// stands behind … it says for ever. What it was told is kept.
type mailScript struct {
	greeting string
	answers  map[string]string
	mu       sync.Mutex
	heard    []string
}

func (s *mailScript) serve(conn net.Conn) {
	defer conn.Close()
	if !say(conn, s.greeting, "") {
		return
	}
	data := false
	for lines := bufio.NewScanner(conn); lines.Scan(); {
		line := lines.Text()
		s.mu.Lock()
		s.heard = append(s.heard, line)
		s.mu.Unlock()
		tag, command, found := strings.Cut(line, " ")
		if data = data && line != "."; data {
			continue
		}
		data = line == "DATA"
		best := ""
		for prefix := range s.answers {
			if (strings.HasPrefix(line, prefix) || found && strings.HasPrefix(command, prefix)) && len(prefix) > len(best) {
				best = prefix
			}
		}
		if !say(conn, s.answers[best], tag) {
			return
		}
	}
}

func say(conn net.Conn, text, tag string) bool {
	text = strings.ReplaceAll(text, "TAG", tag)
	if first, endless, cut := strings.Cut(text, "…"); cut {
		if _, err := io.WriteString(conn, first); err != nil {
			return false
		}
		for {
			if _, err := io.WriteString(conn, strings.Repeat(endless, 1+64<<10/len(endless))); err != nil {
				return false
			}
		}
	}
	_, err := io.WriteString(conn, text)
	return err == nil
}

func (s *mailScript) told() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return strings.Join(s.heard, "\n")
}

// open starts the server, for sending and for reading.
func (s *mailScript) open(t *testing.T, mode string) *adapters.Connection {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { _ = listener.Close() })
	go func() {
		for conn, err := listener.Accept(); err == nil; conn, err = listener.Accept() {
			go s.serve(conn)
		}
	}()
	_, text, err := net.SplitHostPort(listener.Addr().String())
	require.NoError(t, err)
	port, err := rules.ParseNum(text)
	require.NoError(t, err)
	connection, err := parsed(t, postOffice).Connect(adapters.Config{System: "post", Shared: boundless{}, Secrets: secrets(map[string]string{"password": "pw-of-the-clerk"}), AllowHosts: []string{listener.Addr().String()},
		Settings: rules.Record(fields{"smtp_host": rules.Text("127.0.0.1"), "smtp_port": rules.Number(port), "imap_host": rules.Text("127.0.0.1"), "imap_port": rules.Number(port), "user": rules.Text("clerk"), "tls": rules.Text(mode)})})
	require.NoError(t, err)
	t.Cleanup(connection.Close)
	return connection
}

// TestServersOfMailThatMisbehave: nothing goes out in the clear that must not, a mail goes to all of its recipients or to none,
// and what never ends is given up.
func TestServersOfMailThatMisbehave(t *testing.T) {
	t.Parallel()
	smtp := func(more map[string]string) map[string]string {
		all := map[string]string{"": "500 what\r\n", "EHLO": "250-mail\r\n250 AUTH PLAIN\r\n", "AUTH": "235 in\r\n", "MAIL": "250 ok\r\n", "RCPT": "250 ok\r\n", "DATA": "354 go on\r\n", ".": "250 kept\r\n", "QUIT": "221 bye\r\n"}
		for line, answer := range more {
			all[line] = answer
		}
		return all
	}
	imap := func(more map[string]string) map[string]string {
		all := map[string]string{"": "", "CAPABILITY": "* CAPABILITY IMAP4rev1\r\nTAG OK done\r\n", "LOGIN": "TAG OK in\r\n", "SELECT": "* 1 EXISTS\r\nTAG OK open\r\n", "EXAMINE": "* 1 EXISTS\r\nTAG OK open\r\n", "UID SEARCH": "* SEARCH 1\r\nTAG OK done\r\n", "LOGOUT": "* BYE\r\nTAG OK bye\r\n"}
		for line, answer := range more {
			all[line] = answer
		}
		return all
	}
	const hello = "220 mail\r\n"
	const ready = "* OK [CAPABILITY IMAP4rev1] mail\r\n"
	for name, c := range map[string]struct {
		operation, mode string
		server          *mailScript
		class           contracts.Class
		says            string
		unsent          bool
		never           string // is not told to it
	}{
		"one of two recipients is refused":   {"send_once", "off", &mailScript{greeting: hello, answers: smtp(map[string]string{"RCPT TO:<b@": "550 nobody\r\n"})}, contracts.Validation, "550: nobody", true, "DATA"},
		"one of two recipients has to wait":  {"send_once", "off", &mailScript{greeting: hello, answers: smtp(map[string]string{"RCPT TO:<b@": "451 later\r\n"})}, contracts.Unavailable, "451: later", true, "DATA"},
		"the mail is refused in the end":     {"send_once", "off", &mailScript{greeting: hello, answers: smtp(map[string]string{".": "552 too large\r\n"})}, contracts.Validation, "552: too large", true, "QUIT"},
		"a greeting without end":             {"send_once", "off", &mailScript{greeting: "220-mail …x"}, contracts.Unavailable, "", true, "EHLO"},
		"an answer of lines without end":     {"send_once", "off", &mailScript{greeting: hello, answers: map[string]string{"": "…250-mail\r\n"}}, contracts.Drift, "larger than an adapter reads", true, "MAIL"},
		"no STARTTLS for sending":            {"send_once", "starttls", &mailScript{greeting: hello, answers: smtp(nil)}, contracts.Auth, "offers no STARTTLS", true, "AUTH"},
		"STARTTLS that is refused":           {"send_once", "starttls", &mailScript{greeting: hello, answers: smtp(map[string]string{"EHLO": "250-mail\r\n250 STARTTLS\r\n", "STARTTLS": "454 not now\r\n"})}, contracts.Unavailable, "454: not now", true, "AUTH"},
		"STARTTLS with words after it":       {"send_once", "starttls", &mailScript{greeting: hello, answers: smtp(map[string]string{"EHLO": "250-mail\r\n250 STARTTLS\r\n", "STARTTLS": "220 go\r\n250 AUTH PLAIN\r\n"})}, contracts.Unavailable, "", true, "AUTH"},
		"no STARTTLS for reading":            {"find", "starttls", &mailScript{greeting: ready, answers: imap(map[string]string{"STARTTLS": "TAG BAD what\r\n"})}, contracts.Auth, "offers no STARTTLS", false, "LOGIN"},
		"logged in before anything is said":  {"find", "starttls", &mailScript{greeting: "* PREAUTH [CAPABILITY IMAP4rev1] in\r\n", answers: imap(map[string]string{"STARTTLS": "TAG BAD what\r\n"})}, contracts.Auth, "offers no STARTTLS", false, "EXAMINE"},
		"a literal that is larger than said": {"find", "off", &mailScript{greeting: ready, answers: imap(map[string]string{"UID FETCH": "* 1 FETCH (UID 1 BODY[] {9}\r\n" + strings.Repeat("x", 4000) + ")\r\nTAG OK done\r\n"})}, contracts.Unavailable, "", false, "x"},
		"a literal of all memory":            {"find", "off", &mailScript{greeting: ready, answers: imap(map[string]string{"UID FETCH": "* 1 FETCH (UID 1 BODY[] {9223372036854775807}\r\n…x"})}, contracts.Drift, "larger than an adapter reads", false, "x"},
		"a name as a literal of all memory":  {"find", "off", &mailScript{greeting: ready, answers: imap(map[string]string{"UID FETCH": "* 1 FETCH (UID 1 ENVELOPE (NIL {9223372036854775807}\r\n…x"})}, contracts.Drift, "larger than an adapter reads", false, "x"},
		"parts within parts":                 {"find", "off", &mailScript{greeting: ready, answers: imap(map[string]string{"UID FETCH": "* 1 FETCH (UID 1 BODYSTRUCTURE …("})}, contracts.Drift, "larger than an adapter reads", false, "x"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			connection := c.server.open(t, c.mode)
			input := rules.Record(nil)
			if c.operation == "send_once" {
				input = rules.Record(fields{"to": rules.List(rules.Text("a@acme.example"), rules.Text("b@acme.example")), "subject": rules.Text("x")})
			}
			_, err := connection.Call(context.Background(), adapters.Call{Operation: "support." + c.operation, Key: "K", Input: input})
			failure := failureOf(t, err)
			require.Equal(t, c.class, failure.Class, failure.Message)
			require.Contains(t, failure.Message, c.says)
			require.Equal(t, c.unsent, failure.NothingSent)
			require.NotContains(t, strings.ToUpper(c.server.told()), c.never)
			if c.mode == "starttls" {
				require.NotContains(t, c.server.told(), "clerk")
			}
		})
	}
}
