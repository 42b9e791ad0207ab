package adapters_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"io"
	"log"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/emersion/go-imap/v2"
	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"crosswalk/adapters"
	"crosswalk/contracts"
	"crosswalk/e2e/postgres"
	"crosswalk/rules"
)

// authority signs certificates for a test.
type authority struct {
	certificate *x509.Certificate
	key         *ecdsa.PrivateKey
}

func newAuthority(t *testing.T) authority {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "our own"}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign}
	raw, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	require.NoError(t, err)
	certificate, err := x509.ParseCertificate(raw)
	require.NoError(t, err)
	return authority{certificate, key}
}

func (a authority) pem() string {
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: a.certificate.Raw}))
}

// issue returns a certificate and its key as PEM.
func (a authority) issue(t *testing.T, usage x509.ExtKeyUsage) (certificate, private string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	template := &x509.Certificate{SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: "one"}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		ExtKeyUsage: []x509.ExtKeyUsage{usage}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}}
	raw, err := x509.CreateCertificate(rand.Reader, template, a.certificate, &key.PublicKey, a.key)
	require.NoError(t, err)
	encoded, err := x509.MarshalPKCS8PrivateKey(key)
	require.NoError(t, err)
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: raw})), string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: encoded}))
}

// A system of an authority of our own that lets in only who shows a certificate.
func TestCertificates(t *testing.T) {
	t.Parallel()
	ours := newAuthority(t)
	certificate, key := ours.issue(t, x509.ExtKeyUsageServerAuth)
	pair, err := tls.X509KeyPair([]byte(certificate), []byte(key))
	require.NoError(t, err)
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(`{"id":"1"}`)) }))
	clients := x509.NewCertPool()
	clients.AddCert(ours.certificate)
	server.TLS = &tls.Config{Certificates: []tls.Certificate{pair}, ClientAuth: tls.RequireAndVerifyClientCert, ClientCAs: clients}
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	server.StartTLS()
	t.Cleanup(server.Close)
	adapter, problems := adapters.Parse("acme.yaml", []byte("adapter: acme\ncontract: support\nconnection: {base_url: https://api.acme.example}\nauth: none\noperations:\n"+getTask), contracts.Catalog())
	require.Empty(t, problems.Error())
	shown, private := ours.issue(t, x509.ExtKeyUsageClientAuth)
	all := adapters.TLS{Certificate: contracts.NewSecret(shown), Key: contracts.NewSecret(private), CA: contracts.NewSecret(ours.pem())}
	for name, c := range map[string]struct {
		with         adapters.TLS
		refused, why string
	}{
		"both":                  {all, "", ""},
		"no certificate":        {adapters.TLS{CA: all.CA}, "", "the connection broke"},
		"an unknown authority":  {adapters.TLS{Certificate: all.Certificate, Key: all.Key}, "", "the system's certificate is not one that is trusted here"},
		"half":                  {adapters.TLS{Certificate: all.Certificate}, "tls: certificate and key belong together", ""},
		"no certificate at all": {adapters.TLS{Certificate: contracts.NewSecret("x"), Key: all.Key}, "tls.certificate: certificate and key cannot be read", ""},
		"an authority of none":  {adapters.TLS{CA: contracts.NewSecret("x")}, "tls.ca: it holds no certificate", ""},
	} {
		connection, err := adapter.Connect(adapters.Config{System: "support", BaseURL: server.URL, AllowHosts: []string{strings.TrimPrefix(server.URL, "https://")}, TLS: c.with})
		if c.refused != "" {
			require.ErrorContains(t, err, c.refused, name)
			require.NotContains(t, err.Error(), "PRIVATE")
			continue
		}
		require.NoError(t, err)
		_, err = connection.Call(t.Context(), adapters.Call{Operation: "support.get_task", Input: rules.Record(fields{"task": rules.Text("1")})})
		if c.why == "" {
			require.NoError(t, err, name)
		} else {
			require.ErrorContains(t, err, c.why, name)
		}
		connection.Close()
	}
}

// TestCertificatesOfADatabase: a PostgreSQL whose certificate an authority of our own gave, and that lets in only who shows one.
func TestCertificatesOfADatabase(t *testing.T) {
	t.Parallel()
	server, err := postgres.Start(t.Context())
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, server.Stop()) })
	dsn, err := server.Create(t.Context(), "secure")
	require.NoError(t, err)
	ours := newAuthority(t)
	certificate, key := ours.issue(t, x509.ExtKeyUsageServerAuth)
	operator, err := pgx.Connect(t.Context(), dsn)
	require.NoError(t, err)
	for name, text := range map[string]string{"server.crt": certificate, "server.key": key, "root.crt": ours.pem(), "pg_hba.conf": "local all all trust\nhostnossl all all 127.0.0.1/32 scram-sha-256\nhostssl all all 127.0.0.1/32 scram-sha-256 clientcert=verify-ca\n"} {
		_, err := operator.Exec(t.Context(), "copy (select unnest(string_to_array('"+text+"', e'\n'))) to program 'umask 077; cat > "+name+"'") // the server's own files, in its own directory
		require.NoError(t, err)
	}
	for _, statement := range []string{"alter system set ssl_ca_file = 'root.crt'", "alter system set ssl = on", "select pg_reload_conf()"} {
		_, err := operator.Exec(t.Context(), statement)
		require.NoError(t, err)
	}
	require.NoError(t, operator.Close(t.Context()))
	host, port, err := net.SplitHostPort(server.Address())
	require.NoError(t, err)
	number, err := rules.ParseNum(port)
	require.NoError(t, err)
	user, password := server.User()
	adapter := parsed(t, "adapter: acme\ncontract: support\nprotocol: sql\nconnection: {settings: {host: {}, port: {type: integer}, database: {}, user: {}, tls: {}}, secrets: {password: {}}}\noperations:\n  look:\n    effect: read\n    request: {sql: 'select ssl from pg_stat_ssl where pid = pg_backend_pid()'}\n    output: {ssl: '${answer.items[0].ssl}'}\n")
	shown, private := ours.issue(t, x509.ExtKeyUsageClientAuth)
	all := adapters.TLS{Certificate: contracts.NewSecret(shown), Key: contracts.NewSecret(private), CA: contracts.NewSecret(ours.pem())}
	look := func(with adapters.TLS, mode string) (rules.Value, error) {
		connection, err := adapter.Connect(adapters.Config{System: "support", AllowHosts: []string{server.Address()}, TLS: with, Secrets: secrets(map[string]string{"password": password}), Settings: rules.Record(fields{
			"host": rules.Text(host), "port": rules.Number(number), "database": rules.Text("secure"), "user": rules.Text(user), "tls": rules.Text(mode)})})
		if err != nil {
			return rules.Value{}, err
		}
		defer connection.Close()
		return connection.Call(t.Context(), adapters.Call{Operation: "support.look", Input: rules.Record(nil)})
	}
	var answer rules.Value
	require.Eventually(t, func() bool { // the server reads its settings when it comes to it
		answer, err = look(all, "require")
		return err == nil
	}, time.Minute, 20*time.Millisecond, "%v", err)
	require.True(t, answer.Get("ssl").Bool())
	_, err = look(adapters.TLS{CA: all.CA}, "require")
	require.Equal(t, contracts.Auth, failureOf(t, err).Class, err)
	_, err = look(adapters.TLS{Certificate: all.Certificate, Key: all.Key}, "require")
	require.ErrorContains(t, err, "the system's certificate is not one that is trusted here")
	require.True(t, failureOf(t, err).NothingSent)
	_, err = look(all, "off")
	require.ErrorContains(t, err, "tls: the setting tls is off, so that nobody looks at certificates")
}

// TestCertificatesWhereThereAreNone: what a workspace says about the encryption is never without effect.
func TestCertificatesWhereThereAreNone(t *testing.T) {
	t.Parallel()
	with := adapters.TLS{CA: contracts.NewSecret(newAuthority(t).pem())}
	_, err := parsed(t, fmt.Sprintf(depot, "files", "{directory: {}}")).Connect(adapters.Config{System: "depot", TLS: with, Settings: rules.Record(fields{"directory": rules.Text("/tmp")})})
	require.ErrorContains(t, err, "there is no connection to encrypt")
	_, err = parsed(t, fmt.Sprintf(depot, "sftp", "{host: {}, port: {type: integer}, user: {}, directory: {}, host_key: {}}")).Connect(adapters.Config{System: "depot", TLS: with, Secrets: secrets(map[string]string{"password": "x"}), Settings: rules.Record(nil)})
	require.ErrorContains(t, err, "SFTP knows no certificates of this kind")
}

// TestCertificatesOfMail: servers of mail whose certificate an authority of our own gave, and that let in only who shows one.
func TestCertificatesOfMail(t *testing.T) {
	t.Parallel()
	ours := newAuthority(t)
	certificate, key := ours.issue(t, x509.ExtKeyUsageServerAuth)
	pair, err := tls.X509KeyPair([]byte(certificate), []byte(key))
	require.NoError(t, err)
	clients := x509.NewCertPool()
	clients.AddCert(ours.certificate)
	shown, private := ours.issue(t, x509.ExtKeyUsageClientAuth)
	all := adapters.TLS{Certificate: contracts.NewSecret(shown), Key: contracts.NewSecret(private), CA: contracts.NewSecret(ours.pem())}
	encryption := &tls.Config{Certificates: []tls.Certificate{pair}, ClientAuth: tls.RequireAndVerifyClientCert, ClientCAs: clients}
	for _, mode := range []string{"tls", "starttls"} {
		office := &imapOffice{caps: capabilities(imap.CapMove), tls: encryption, mode: mode, with: all}
		found, err := ask(t, office.open(t), "support.find", nil)
		require.NoError(t, err, mode)
		require.Equal(t, "3", found.Get("found").String())
		office.with = adapters.TLS{CA: all.CA}
		_, err = ask(t, office.open(t), "support.find", nil)
		require.Equal(t, contracts.Unavailable, failureOf(t, err).Class, "%s: %v", mode, err)
		office.with = adapters.TLS{Certificate: all.Certificate, Key: all.Key}
		_, err = ask(t, office.open(t), "support.find", nil)
		require.ErrorContains(t, err, "the system's certificate is not one that is trusted here", mode)
	}
}
