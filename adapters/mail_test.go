package adapters_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/emersion/go-imap/v2/imapclient"
	"github.com/stretchr/testify/require"

	"crosswalk/adapters"
	"crosswalk/contracts"
	"crosswalk/e2e/mailserver"
	"crosswalk/rules"
)

const postOffice = `adapter: acme
contract: support
protocol: mail
connection:
  settings: {smtp_host: {}, smtp_port: {type: integer}, imap_host: {}, imap_port: {type: integer}, user: {}, tls: {}}
  secrets: {password: {required: true}}
operations:
  send:
    effect: write
    safety: {lookup: find_sent}
    input: {to: {type: list, required: true}, subject: {type: string, required: true}, text: string, html: string, reply: string}
    request: {send: {from: 'Support <support@acme.example>', to: '${input.to}', subject: '${input.subject}', text: '${input.text}', html: '${input.html}', in_reply_to: '${input.reply}', headers: {Auto-Submitted: auto-generated}, attachments: [{name: 'größe.txt', type: text/plain, content: hello}]}}
    output: {id: '${answer.message_id}'}
  send_once:
    effect: write
    safety: at_most_once
    input: {to: {type: list, required: true}, subject: {type: string, required: true}}
    request: {send: {from: support@acme.example, to: '${input.to}', subject: '${input.subject}', text: x}}
    output: {id: '${answer.message_id}'}
  find_sent:
    effect: read
    input: {key: {type: string, required: true}}
    request: {search: {message_id: '${message_id(input.key, "support@acme.example")}'}}
    not_found: 'len(answer.items) == 0'
    output: {id: '${answer.items[0].message_id}'}
  find:
    effect: read
    input: {subject: string, since: date}
    request: {search: {subject: '${input.subject}', since: '${input.since}', unseen: true}, content: true, limit: 2}
    output: {items: '${answer.items}', found: '${answer.found}'}
  find_done:
    effect: read
    request: {search: {}, mailbox: Done}
    output: {items: '${answer.items}'}
  see:
    effect: write
    safety: natural_key
    input: {uid: {type: number, required: true}}
    request: {flag: {uid: '${input.uid}', add: [seen], remove: [flagged]}}
    output: {ok: true}
  file_away:
    effect: write
    safety: at_most_once
    input: {uid: {type: number, required: true}}
    request: {move: {uid: '${input.uid}', to: Done}}
    output: {ok: true}
  keep:
    effect: write
    safety: at_most_once
    input: {text: string}
    request: {append: {from: support@acme.example, to: jane@acme.example, subject: kept, text: '${input.text}'}, mailbox: Sent}
    output: {id: '${answer.message_id}'}
`

// TestMailOfARealSystem sends through Postfix and reads in Dovecot.
func TestMailOfARealSystem(t *testing.T) {
	t.Parallel()
	server, err := mailserver.Start(context.Background())
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, server.Stop()) })
	config := adapters.Config{System: "post", Shared: boundless{}, Secrets: secrets(map[string]string{"password": mailserver.Password}), AllowHosts: []string{fmt.Sprintf("127.0.0.1:%d", server.SMTP), fmt.Sprintf("127.0.0.1:%d", server.IMAP)},
		Settings: rules.Record(fields{"smtp_host": rules.Text("127.0.0.1"), "smtp_port": rules.Number(rules.Int(int64(server.SMTP))), "imap_host": rules.Text("127.0.0.1"), "imap_port": rules.Number(rules.Int(int64(server.IMAP))), "user": rules.Text("support@acme.example"), "tls": rules.Text("off")})}
	adapter := parsed(t, postOffice)
	post, err := adapter.Connect(config)
	require.NoError(t, err)
	t.Cleanup(post.Close)
	write := func(operation, key string, input fields, before time.Time) (rules.Value, error) {
		return post.Call(context.Background(), adapters.Call{Operation: "support." + operation, Key: key, Input: rules.Record(input), FirstSent: before})
	}
	me := rules.List(rules.Text("Support <support@acme.example>"), rules.Text("jane@acme.example"))
	letter := fields{"to": me, "subject": rules.Text("Größe\r\nBcc: evil@acme.example"), "text": rules.Text("Hallo\n.\nEnde – größer"), "html": rules.Text("<p>Hallo</p>"), "reply": rules.Text("<first@acme.example>")}
	sent, err := write("send", "K-1", letter, time.Time{})
	require.NoError(t, err)
	require.Regexp(t, `^[0-9a-f]{32}@acme\.example$`, sent.Get("id").Text())

	var found rules.Value
	require.Eventually(t, func() bool {
		found, err = ask(t, post, "support.find", fields{"subject": rules.Text("Bcc")})
		return err == nil && found.Get("items").Len() == 1
	}, time.Minute, 50*time.Millisecond, "%v", err)
	mail := found.Get("items").At(0)
	require.Equal(t, sent.Get("id").Text(), mail.Get("message_id").Text())
	require.Equal(t, "Größe Bcc: evil@acme.example", mail.Get("subject").Text(), "a subject is one line")
	require.Equal(t, "Hallo\n.\nEnde – größer", strings.TrimSpace(strings.ReplaceAll(mail.Get("text").Text(), "\r", "")))
	require.Equal(t, "<p>Hallo</p>", strings.TrimSpace(mail.Get("html").Text()))
	require.Equal(t, `[{"name":"größe.txt","type":"text/plain"}]`, string(mail.Get("files").Plain()))
	require.Equal(t, `{"email":"support@acme.example","name":"Support"}`, string(mail.Get("from").Plain()))
	require.Equal(t, "first@acme.example", strings.Trim(mail.Get("in_reply_to").Text(), "<>"))

	// A mail that may have gone out is looked up by its Message-ID, and not sent again.
	again, err := write("send", "K-1", letter, time.Now().Add(-time.Minute))
	require.NoError(t, err)
	require.True(t, sent.Equal(again))
	found, err = ask(t, post, "support.find", fields{"subject": rules.Text("Bcc")})
	require.NoError(t, err)
	require.Equal(t, "1", found.Get("found").String())
	_, err = write("send_once", "K-2", fields{"to": me, "subject": rules.Text("x")}, time.Now().Add(-time.Minute))
	require.Equal(t, contracts.OutcomeUnknown, failureOf(t, err).Class)

	uid := fields{"uid": mail.Get("uid")}
	for range 2 {
		_, err = write("see", "K-3", uid, time.Time{})
		require.NoError(t, err)
	}
	found, err = ask(t, post, "support.find", fields{"subject": rules.Text("Bcc")})
	require.NoError(t, err)
	require.Zero(t, found.Get("items").Len(), "it was seen")
	_, err = write("file_away", "K-4", uid, time.Time{})
	require.NoError(t, err)
	_, err = write("file_away", "K-5", uid, time.Time{})
	require.Equal(t, contracts.NotFound, failureOf(t, err).Class)
	found, err = ask(t, post, "support.find_done", nil)
	require.NoError(t, err)
	require.Equal(t, 1, found.Get("items").Len())
	_, err = write("keep", "K-6", fields{"text": rules.Text("a copy")}, time.Time{})
	require.NoError(t, err)

	// What the server refuses was not sent, and says so.
	for to, class := range map[string]contracts.Class{"": contracts.Validation, "no address": contracts.Validation, "a@b.example\r\nRCPT TO:<c@d.example>": contracts.Validation} {
		_, err = write("send_once", "K-7", fields{"to": rules.List(rules.Text(to)), "subject": rules.Text("x")}, time.Time{})
		require.Equal(t, class, failureOf(t, err).Class, to)
		require.True(t, failureOf(t, err).NothingSent, to)
	}
	_, err = write("send", "K-8", fields{"to": me, "subject": rules.Text("large"), "text": rules.Text(strings.Repeat("x", 1_200_000))}, time.Time{})
	require.Equal(t, contracts.Validation, failureOf(t, err).Class, err)
	require.True(t, failureOf(t, err).NothingSent)

	config.Secrets = secrets(map[string]string{"password": "pw-canary-66"})
	wrong, err := adapter.Connect(config)
	require.NoError(t, err)
	_, err = ask(t, wrong, "support.find_done", nil)
	require.Equal(t, contracts.Auth, failureOf(t, err).Class, err)
	_, err = wrong.Call(context.Background(), adapters.Call{Operation: "support.send_once", Key: "K-9", Input: rules.Record(fields{"to": me, "subject": rules.Text("x")})})
	require.Equal(t, contracts.Auth, failureOf(t, err).Class, err)
	require.NotContains(t, err.Error(), "canary")
	config.AllowHosts = nil
	_, err = adapter.Connect(config)
	require.ErrorContains(t, err, "would not be encrypted")
}

func TestMailIsRefused(t *testing.T) {
	t.Parallel()
	const head = "adapter: acme\ncontract: support\nprotocol: mail\nconnection: {settings: {imap_host: {}, imap_port: {}}, secrets: {password: {}}}\noperations:\n  x:\n    effect: read\n    output: {a: b}\n    request: "
	for request, message := range map[string]string{
		"{search: {}, limit: 9999}":            "between 1 and 500 mails",
		"{flag: {uid: 1, add: [seen]}}":        "flag changes something, and support.x only reads",
		"{send: {from: a, to: b, subject: c}}": `send needs the setting "smtp_host"`,
		"{search: {}, flag: {uid: 1}}":         "a request does one thing",
		"{}":                                   "the request does nothing",
		"{append: {from: a, to: b}}":           `the field "subject" is missing`,
		"{append: {from: a, to: b, subject: c, headers: {Bcc: x}}}": `"Bcc" is not a header that an adapter may set`,
	} {
		require.Contains(t, parse(head+request+"\n"), message, request)
	}
}

// TestTheExamplesOfMailAreWhatServersAnswer plays the examples of the adapter to start from with Postfix and Dovecot, each in a
// mailbox of its own, which is why they say that they are recorded.
func TestTheExamplesOfMailAreWhatServersAnswer(t *testing.T) {
	t.Parallel()
	server, err := mailserver.Start(context.Background())
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, server.Stop()) })
	tests, imapAt := loadTests(t, "generic-mail"), fmt.Sprintf("127.0.0.1:%d", server.IMAP)
	connect := func(user string) *adapters.Connection {
		connection, err := adapters.Catalog()["generic-mail"].Connect(adapters.Config{System: "post", Shared: boundless{}, Secrets: secrets(map[string]string{"password": mailserver.Password}), AllowHosts: []string{fmt.Sprintf("127.0.0.1:%d", server.SMTP), imapAt},
			Settings: rules.Record(fields{"smtp_host": rules.Text("127.0.0.1"), "smtp_port": rules.Number(rules.Int(int64(server.SMTP))), "imap_host": rules.Text("127.0.0.1"), "imap_port": rules.Number(rules.Int(int64(server.IMAP))),
				"user": rules.Text(user), "sender": tests.Settings.Get("sender"), "tls": rules.Text("off")})})
		require.NoError(t, err)
		t.Cleanup(connection.Close)
		return connection
	}
	for i, test := range tests.Tests {
		user := fmt.Sprintf("example%d@acme.example", i)
		for _, x := range test.Exchanges {
			if x.Expect.Mailbox != "" && x.Expect.Holds == "" {
				client, err := imapclient.DialInsecure(imapAt, nil)
				require.NoError(t, err)
				require.NoError(t, client.Login(user, mailserver.Password).Wait())
				letter := strings.ReplaceAll(x.Reply.Text, "\n", "\r\n")
				appending := client.Append(x.Expect.Mailbox, int64(len(letter)), nil)
				_, err = appending.Write([]byte(letter))
				require.NoError(t, err)
				require.NoError(t, appending.Close())
				_, err = appending.Wait()
				require.NoError(t, err)
				require.NoError(t, client.Logout().Wait())
			}
		}
		connection := connect(user)
		output, err := connection.Call(t.Context(), adapters.Call{Operation: test.Operation, Input: test.Input, Key: test.Key})
		if test.Error != nil {
			require.Equal(t, test.Error.Class, contracts.ClassOf(err), "%s: %v", test.Name, err)
			continue
		}
		require.NoError(t, err, test.Name)
		require.Equal(t, string(test.Output.Plain()), string(output.Plain()), test.Name)
		for _, x := range test.Exchanges {
			mailbox, id := "INBOX", output.Get("message_id")
			switch {
			case x.Expect.Holds != "":
				mailbox, id = x.Expect.Mailbox, rules.Text(x.Expect.Holds)
			case len(x.Expect.Mail) > 0:
				connection = connect(x.Expect.Mail["from"]) // to whom the copy goes
			default:
				continue
			}
			require.Eventually(t, func() bool {
				found, err := connection.Call(context.Background(), adapters.Call{Operation: "mail.get_message", Input: rules.Record(fields{"message": id, "folder": rules.Text(mailbox)})})
				return err == nil && (len(x.Expect.Mail) == 0 || found.Get("subject").Text() == x.Expect.Mail["subject"] && strings.TrimSpace(found.Get("text").Text()) == x.Expect.Mail["text"])
			}, time.Minute, 50*time.Millisecond, test.Name)
		}
	}
}
