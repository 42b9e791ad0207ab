package adapters_test

import (
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"crosswalk/adapters"
	"crosswalk/rules"
)

// TestNoProxyIsTaken: what the environment says of proxies, which would see what we say and hide whom we say it to, is passed
// over. Another process is asked, since the standard library reads its environment once.
func TestNoProxyIsTaken(t *testing.T) {
	t.Parallel()
	proxy, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { _ = proxy.Close() })
	asked := make(chan struct{}, 100)
	go func() {
		for conn, err := proxy.Accept(); err == nil; conn, err = proxy.Accept() {
			asked <- struct{}{}
			_ = conn.Close()
		}
	}()
	program := exec.CommandContext(t.Context(), os.Args[0], "-test.run", "^TestProxyHelper$", "-test.v")
	program.Env = append(os.Environ(), "PROXY_HELPER=1")
	for _, name := range []string{"HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"} {
		program.Env = append(program.Env, name+"=http://"+proxy.Addr().String(), strings.ToLower(name)+"=http://"+proxy.Addr().String())
	}
	said, err := program.CombinedOutput()
	require.NoError(t, err, "%s", said)
	require.Equal(t, 5, strings.Count(string(said), "the host's name cannot be resolved"), "%s", said)
	require.Len(t, asked, 1, "only whoever takes the standard library's own client")
}

// TestProxyHelper is the other process of TestNoProxyIsTaken and does nothing else.
func TestProxyHelper(t *testing.T) {
	if os.Getenv("PROXY_HELPER") == "" {
		return
	}
	if answer, err := http.Get("http://system.invalid/"); err == nil {
		_ = answer.Body.Close()
	}
	const nobody = "system.invalid"
	tasks := "adapter: acme\ncontract: support\nconnection: {base_url: 'https://system.invalid'}\nauth: none\noperations:\n" + getTask
	tokens := strings.Replace(tasks, "auth: none", "auth: {oauth2: {grant: client_credentials, token_url: 'https://system.invalid/token', client_id: us}}", 1)
	port := rules.Number(rules.Int(22))
	post := fields{"smtp_host": rules.Text(nobody), "smtp_port": port, "imap_host": rules.Text(nobody), "imap_port": port, "user": rules.Text("clerk"), "tls": rules.Text("tls")}
	folder := fields{"host": rules.Text(nobody), "port": port, "user": rules.Text("clerk"), "directory": rules.Text("/"), "host_key": rules.Text("SHA256:x")}
	password := map[string]string{"password": "pw-of-the-clerk"}
	stock := loadTests(t, "warehouse-sql")
	for _, c := range []struct {
		adapter   *adapters.Adapter
		settings  rules.Value
		secrets   map[string]string
		operation string
		input     fields
	}{
		{parsed(t, tasks), rules.Record(nil), nil, "support.get_task", fields{"task": rules.Text("1")}},
		{parsed(t, tokens), rules.Record(nil), nil, "support.get_task", fields{"task": rules.Text("1")}},
		{parsed(t, postOffice), rules.Record(post), password, "support.find", nil},
		{parsed(t, fmt.Sprintf(depot, "sftp", "{host: {}, port: {type: integer}, user: {}, directory: {}, host_key: {}}")), rules.Record(folder), password, "warehouse.files", nil},
		{adapters.Catalog()["warehouse-sql"], stock.Settings.With("host", rules.Text(nobody)), stock.Secrets, "warehouse.check_stock", fields{"sku": rules.Text("A"), "country": rules.Text("DE")}},
	} {
		connection, err := c.adapter.Connect(adapters.Config{System: "system", Shared: boundless{}, Settings: c.settings, Secrets: secrets(c.secrets)})
		require.NoError(t, err)
		_, err = ask(t, connection, c.operation, c.input)
		fmt.Println(c.operation, err)
		connection.Close()
	}
}
