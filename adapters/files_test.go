package adapters_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"crosswalk/adapters"
	"crosswalk/contracts"
	"crosswalk/e2e/sshserver"
	"crosswalk/rules"
)

const depot = `adapter: acme
contract: warehouse
protocol: %s
connection: {settings: %s, secrets: {private_key: {}, password: {}}}
operations:
  stock:
    effect: read
    input: {depot: {type: string, required: true}, sku: {type: string, required: true}}
    request: {read: 'stock/${input.depot}.csv', csv: {delimiter: ';', encoding: windows-1252}, where: 'item["Artikel"] == input.sku'}
    output: {rows: '${answer.items}'}
  files:
    effect: read
    request: {list: stock, match: '*.csv'}
    output: {names: '${map(answer.items, .name)}', sizes: '${map(answer.items, .size)}'}
  order:
    effect: write
    safety: natural_key
    input: {lines: [any]}
    request: {write: 'orders/${key}.csv', rows: '${input.lines}', csv: {columns: [sku, note, quantity], delimiter: tab}}
    output: {name: '${answer.name}'}
  note:
    effect: write
    safety: natural_key
    input: {name: string, text: string}
    request: {write: 'orders/${input.name}', text: '${input.text}'}
    output: {name: '${answer.name}'}
  read_note:
    effect: read
    input: {name: string}
    request: {read: 'orders/${input.name}', answers: text}
    output: {text: '${answer.body}'}
  copy_note:
    effect: write
    safety: natural_key
    input: {name: string}
    requests:
      - {name: had, read: 'orders/${input.name}', answers: json}
      - {name: made, write: 'done/${had.body.name}.txt', text: '${had.body.text}'}
    output: {name: '${made.name}'}
  done:
    effect: write
    safety: natural_key
    input: {name: string}
    request: {move: 'orders/${input.name}', to: 'done/${input.name}'}
    output: {name: '${answer.name}'}
`

func parsed(t *testing.T, text string) *adapters.Adapter {
	t.Helper()
	adapter, problems := adapters.Parse("acme.yaml", []byte(text), contracts.Catalog())
	require.Empty(t, problems.Error())
	return adapter
}

// TestFiles reads and writes a directory of this machine, and one behind OpenSSH's server.
func TestFiles(t *testing.T) {
	t.Parallel()
	t.Run("directory", func(t *testing.T) {
		t.Parallel()
		directory := t.TempDir()
		connection, err := parsed(t, fmt.Sprintf(depot, "files", "{directory: {}}")).Connect(adapters.Config{System: "depot", Shared: boundless{}, Settings: rules.Record(fields{"directory": rules.Text(directory)})})
		require.NoError(t, err)
		t.Cleanup(connection.Close)
		testFolder(t, connection, directory)
		testCopies(t, connection, directory)
		testLinks(t, connection, directory)
		require.NoError(t, syscall.Mkfifo(filepath.Join(directory, "orders", "pipe"), 0o600))
		_, err = ask(t, connection, "warehouse.read_note", fields{"name": rules.Text("pipe")})
		require.Equal(t, contracts.NotFound, failureOf(t, err).Class, "nobody writes into it, and it holds nobody up")
	})
	t.Run("sftp", func(t *testing.T) {
		t.Parallel()
		directory := t.TempDir()
		server, err := sshserver.Start(t.Context())
		require.NoError(t, err)
		t.Cleanup(func() { require.NoError(t, server.Stop()) })
		port, fingerprint, key := server.Port, server.Fingerprint, server.Key
		adapter := parsed(t, fmt.Sprintf(depot, "sftp", "{host: {}, port: {type: integer}, user: {}, directory: {}, host_key: {}}"))
		config := adapters.Config{System: "depot", Shared: boundless{}, AllowHosts: []string{fmt.Sprintf("127.0.0.1:%d", port)}, Secrets: secrets(map[string]string{"private_key": key}),
			Settings: rules.Record(fields{"host": rules.Text("127.0.0.1"), "port": rules.Number(rules.Int(int64(port))), "user": rules.Text(server.User), "directory": rules.Text(directory), "host_key": rules.Text(fingerprint)})}
		connection, err := adapter.Connect(config)
		require.NoError(t, err)
		t.Cleanup(connection.Close)
		testFolder(t, connection, directory)
		testCopies(t, connection, directory)
		testLinks(t, connection, directory)

		config.Settings = config.Settings.With("host_key", rules.Text("SHA256:somebody-elses"))
		connection, err = adapter.Connect(config)
		require.NoError(t, err)
		_, err = ask(t, connection, "warehouse.files", nil)
		require.Equal(t, contracts.Auth, failureOf(t, err).Class, err)
		require.Contains(t, failureOf(t, err).Message, "host key is not the one in the settings")
		_, err = connection.Call(context.Background(), adapters.Call{Operation: "warehouse.note", Key: "K", Input: rules.Record(fields{"name": rules.Text("not-for-strangers"), "text": rules.Text("x")})})
		require.Equal(t, contracts.Auth, failureOf(t, err).Class, err)
		require.True(t, failureOf(t, err).NothingSent)
		require.NoFileExists(t, filepath.Join(directory, "orders", "not-for-strangers"))

		config.Settings, config.Secrets = config.Settings.With("host_key", rules.Text(fingerprint)), secrets(map[string]string{"password": "pw-canary-55"})
		connection, err = adapter.Connect(config)
		require.NoError(t, err)
		_, err = ask(t, connection, "warehouse.files", nil)
		require.Equal(t, contracts.Auth, failureOf(t, err).Class, err)

		config.AllowHosts = nil
		connection, err = adapter.Connect(config)
		require.NoError(t, err)
		_, err = ask(t, connection, "warehouse.files", nil)
		require.Contains(t, failureOf(t, err).Message, "must be allowed by host and port")
	})
}

func testFolder(t *testing.T, connection *adapters.Connection, directory string) {
	t.Helper()
	for _, name := range []string{"stock", "orders", "done"} {
		require.NoError(t, os.Mkdir(filepath.Join(directory, name), 0o755))
	}
	var rows strings.Builder
	rows.WriteString("Artikel;Bezeichnung;Menge\r\n")
	for i := range 20_000 {
		_, _ = fmt.Fprintf(&rows, "A-%d;\"K\xe4se; \"\"alt\"\"\";%d\r\n", i, i)
	}
	require.NoError(t, os.WriteFile(filepath.Join(directory, "stock", "HH.csv"), []byte(rows.String()), 0o600))
	require.NoError(t, os.WriteFile(filepath.Join(directory, "stock", ".part.csv"), nil, 0o600))
	found, err := ask(t, connection, "warehouse.stock", fields{"depot": rules.Text("HH"), "sku": rules.Text("A-19999")})
	require.NoError(t, err)
	require.Equal(t, `[{"Artikel":"A-19999","Bezeichnung":"Käse; \"alt\"","Menge":"19999"}]`, string(found.Get("rows").Plain()))
	found, err = ask(t, connection, "warehouse.files", nil)
	require.NoError(t, err)
	require.Equal(t, `["HH.csv"]`, string(found.Get("names").Plain()))
	_, err = ask(t, connection, "warehouse.stock", fields{"depot": rules.Text("MUC"), "sku": rules.Text("x")})
	require.Equal(t, contracts.NotFound, failureOf(t, err).Class)

	write := func(operation string, input fields) error {
		_, err := connection.Call(context.Background(), adapters.Call{Operation: "warehouse." + operation, Key: "K-1", Input: rules.Record(input)})
		return err
	}
	line := func(sku, note string, quantity int64) rules.Value {
		return rules.Record(fields{"sku": rules.Text(sku), "note": rules.Text(note), "quantity": rules.Number(rules.Int(quantity))})
	}
	for range 2 { // the same file, whole, again
		require.NoError(t, write("order", fields{"lines": rules.List(line("A\t1", "=cmd|' /c calc'!A0", -5), line("+49", "-1.5", 2))}))
	}
	text, err := os.ReadFile(filepath.Join(directory, "orders", "K-1.csv"))
	require.NoError(t, err)
	require.Equal(t, "sku\tnote\tquantity\r\n\"A\t1\"\t'=cmd|' /c calc'!A0\t-5\r\n+49\t-1.5\t2\r\n", string(text))
	require.NoError(t, write("done", fields{"name": rules.Text("K-1.csv")}))
	require.NoError(t, write("done", fields{"name": rules.Text("K-1.csv")}), "it was moved by an earlier attempt")
	require.FileExists(t, filepath.Join(directory, "done", "K-1.csv"))
	for _, hostile := range []string{"../escape", "a/b", "..", ".", "", ".hidden", "a\x00b", "a\nb", `a\b`, strings.Repeat("x", 300)} {
		err := write("note", fields{"name": rules.Text(hostile), "text": rules.Text("x")})
		require.Equal(t, contracts.Validation, failureOf(t, err).Class, "%q", hostile)
	}
	left, err := os.ReadDir(filepath.Join(directory, "orders"))
	require.NoError(t, err)
	require.Empty(t, left, "no part of a file is left behind")
	require.NoError(t, write("note", fields{"name": rules.Text("größe.txt"), "text": rules.Text("größer")}))
	found, err = ask(t, connection, "warehouse.read_note", fields{"name": rules.Text("größe.txt")})
	require.NoError(t, err)
	require.Equal(t, "größer", found.Get("text").Text())
}

// testCopies writes what a file holds: half of a character is not written back, and a list in it is no path.
func testCopies(t *testing.T, connection *adapters.Connection, directory string) {
	t.Helper()
	for content, refused := range map[string]string{
		`{"name": "whole", "text": "Jane \ud83d\ude00", "other": "\ud83d"}`: "",
		`{"name": "half", "text": "thanks \ud83d"}`:                         "the record holds half of a character",
		`{"name": "half \ud83d", "text": "thanks"}`:                         "the record holds half of a character",
		`{"name": ["other", "place"], "text": "x"}`:                         "cannot stand in the name of a file",
	} {
		require.NoError(t, os.WriteFile(filepath.Join(directory, "orders", "note.json"), []byte(content), 0o600))
		_, err := connection.Call(t.Context(), adapters.Call{Operation: "warehouse.copy_note", Key: "K-2", Input: rules.Record(fields{"name": rules.Text("note.json")})})
		if refused == "" {
			require.NoError(t, err)
			continue
		}
		require.ErrorContains(t, err, refused, content)
		require.Equal(t, contracts.Validation, failureOf(t, err).Class)
	}
	copied, err := filepath.Glob(filepath.Join(directory, "done", "*.txt"))
	require.NoError(t, err)
	require.Equal(t, []string{filepath.Join(directory, "done", "whole.txt")}, copied)
}

// testLinks follows links that lead out of the directory: a file's, and a folder's.
func testLinks(t *testing.T, connection *adapters.Connection, directory string) {
	t.Helper()
	outside := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(outside, "secret.csv"), []byte("secret"), 0o600))
	require.NoError(t, os.Symlink(filepath.Join(outside, "secret.csv"), filepath.Join(directory, "orders", "link")))
	_, err := ask(t, connection, "warehouse.read_note", fields{"name": rules.Text("link")})
	require.Error(t, err, "a link leads out of the directory")
	require.NotContains(t, err.Error(), "secret")
	require.NoError(t, os.Rename(filepath.Join(directory, "stock"), filepath.Join(directory, "before")))
	require.NoError(t, os.Symlink(outside, filepath.Join(directory, "stock")))
	_, err = ask(t, connection, "warehouse.files", nil)
	require.Error(t, err)
	_, err = ask(t, connection, "warehouse.stock", fields{"depot": rules.Text("secret"), "sku": rules.Text("x")})
	require.Error(t, err)
}

// TestNoParentLeadsOutOfTheDirectory: a folder on the way to a file that is a link to elsewhere is not followed, by no operation,
// at no depth; one that stays within the directory is.
func TestNoParentLeadsOutOfTheDirectory(t *testing.T) {
	t.Parallel()
	server, err := sshserver.Start(t.Context())
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, server.Stop()) })
	for name, settings := range map[string]fields{
		"generic-files": {},
		"generic-sftp":  {"host": rules.Text("127.0.0.1"), "port": rules.Number(rules.Int(int64(server.Port))), "user": rules.Text(server.User), "host_key": rules.Text(server.Fingerprint)},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			whole := t.TempDir()
			directory, outside := filepath.Join(whole, "root"), filepath.Join(whole, "root-of-others") // one name begins with the other
			for _, folder := range []string{filepath.Join(directory, "inbox"), filepath.Join(directory, "plain", "deep"), filepath.Join(outside, "deep")} {
				require.NoError(t, os.MkdirAll(folder, 0o700))
			}
			for _, folder := range []string{outside, filepath.Join(outside, "deep"), filepath.Join(directory, "inbox")} {
				require.NoError(t, os.WriteFile(filepath.Join(folder, "theirs.csv"), []byte("secret\r\nx\r\n"), 0o600))
			}
			for link, to := range map[string]string{"whole": outside, "relative": "../root-of-others", "deep": filepath.Join(outside, "deep"), "climbs": "..", "done": filepath.Join(outside, "deep"), "stays": "plain"} {
				require.NoError(t, os.Symlink(to, filepath.Join(directory, link)))
			}
			config := adapters.Config{System: name, Shared: boundless{}, Settings: rules.Record(settings).With("directory", rules.Text(directory))}
			if name == "generic-sftp" {
				config.AllowHosts, config.Secrets = []string{fmt.Sprintf("127.0.0.1:%d", server.Port)}, secrets(map[string]string{"private_key": server.Key})
			}
			connection, err := adapters.Catalog()[name].Connect(config)
			require.NoError(t, err)
			t.Cleanup(connection.Close)
			do := func(operation string, input fields) error {
				_, err := connection.Call(t.Context(), adapters.Call{Operation: "files." + operation, Key: "K-1", Input: rules.Record(input)})
				return err
			}
			for _, folder := range []string{"whole", "relative", "deep", "climbs/root-of-others", "whole/deep", "relative/deep"} {
				for operation, input := range map[string]fields{
					"write_file": {"path": rules.Text(folder + "/ours.txt"), "text": rules.Text("x")}, "list_files": {"folder": rules.Text(folder)},
					"read_file": {"path": rules.Text(folder + "/theirs.csv")}, "read_rows": {"path": rules.Text(folder + "/theirs.csv")},
				} {
					err := do(operation, input)
					require.Error(t, err, "%s %s", operation, folder)
					require.NotContains(t, err.Error(), "secret")
				}
			}
			require.Error(t, do("take_away", fields{"name": rules.Text("theirs.csv")}), "done leads elsewhere")
			require.FileExists(t, filepath.Join(directory, "inbox", "theirs.csv"))
			require.NoError(t, filepath.WalkDir(outside, func(at string, entry os.DirEntry, err error) error {
				require.True(t, entry.IsDir() || entry.Name() == "theirs.csv", at)
				return err
			}))
			require.NoError(t, do("write_file", fields{"path": rules.Text("stays/deep/ours.txt"), "text": rules.Text("x")}))
			require.FileExists(t, filepath.Join(directory, "plain", "deep", "ours.txt"))
		})
	}
}

func TestFilesAreRefused(t *testing.T) {
	t.Parallel()
	const head = "adapter: acme\ncontract: warehouse\nprotocol: files\nconnection: {settings: {directory: {}}}\noperations:\n  x:\n    effect: read\n    output: {a: b}\n    request: "
	for request, message := range map[string]string{
		"{read: ../x.csv}":        `"../x.csv" leads elsewhere`,
		"{read: /etc/passwd}":     `"/etc/passwd" leads elsewhere`,
		"{write: x.csv, text: a}": "write changes something, and warehouse.x only reads",
		"{read: a, list: b}":      "a request does one thing",
		"{read: a, text: b}":      "only what is written has a content",
		"{list: a, match: '['}":   `"[" cannot be matched with names`,
		"{move: a}":               "nothing says where the file is moved to",
		"{}":                      "the request does nothing",
		"{read: a.csv, csv: {formulas: removed}}": `"removed" is not one of the values`,
	} {
		require.Contains(t, parse(head+request+"\n"), message, request)
	}
	_, err := parsed(t, head+"{read: a}\n").Connect(adapters.Config{System: "x", Settings: rules.Record(fields{"directory": rules.Text("relative")})})
	require.ErrorContains(t, err, "it must be the whole path of a directory")
}

// TestTheExamplesOfFilesAreWhatServersAnswer plays the examples of the adapters to start from in a directory of this machine and
// behind OpenSSH's server, which is why they say that they are recorded.
func TestTheExamplesOfFilesAreWhatServersAnswer(t *testing.T) {
	t.Parallel()
	server, err := sshserver.Start(t.Context())
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, server.Stop()) })
	for name, settings := range map[string]fields{
		"generic-files": {},
		"generic-sftp":  {"host": rules.Text("127.0.0.1"), "port": rules.Number(rules.Int(int64(server.Port))), "user": rules.Text(server.User), "host_key": rules.Text(server.Fingerprint)},
	} {
		adapter := adapters.Catalog()[name]
		config := adapters.Config{System: name, Shared: boundless{}}
		if name == "generic-sftp" {
			config.AllowHosts, config.Secrets = []string{fmt.Sprintf("127.0.0.1:%d", server.Port)}, secrets(map[string]string{"private_key": server.Key})
		}
		for _, test := range loadTests(t, name).Tests {
			directory := t.TempDir()
			at := func(file string) string { return filepath.Join(directory, filepath.FromSlash(file)) }
			for _, folder := range []string{"inbox", "done", "orders"} {
				require.NoError(t, os.MkdirAll(at(folder), 0o700))
			}
			for _, x := range test.Exchanges {
				if x.Expect.File != "" {
					require.NoError(t, os.MkdirAll(filepath.Dir(at(x.Expect.File)), 0o700))
					require.NoError(t, os.WriteFile(at(x.Expect.File), []byte(x.Reply.Text), 0o600))
				}
			}
			config.Settings = rules.Record(settings).With("directory", rules.Text(directory))
			connection, err := adapter.Connect(config)
			require.NoError(t, err)
			output, err := connection.Call(t.Context(), adapters.Call{Operation: test.Operation, Input: test.Input, Key: test.Key})
			connection.Close()
			if test.Error != nil {
				require.Equal(t, test.Error.Class, contracts.ClassOf(err), "%s: %s: %v", name, test.Name, err)
				continue
			}
			require.NoError(t, err, "%s: %s", name, test.Name)
			require.Equal(t, string(test.Output.Plain()), string(output.Plain()), "%s: %s", name, test.Name)
			for _, x := range test.Exchanges {
				if x.Expect.Written != "" {
					content, err := os.ReadFile(at(x.Expect.Written))
					require.NoError(t, err, "%s: %s", name, test.Name)
					require.Equal(t, strings.TrimSpace(x.Expect.Text), strings.ReplaceAll(strings.TrimSpace(string(content)), "\r\n", "\n"), "%s: %s", name, test.Name)
				}
			}
		}
	}
}
