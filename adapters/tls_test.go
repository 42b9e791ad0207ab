package adapters_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"io"
	"log"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"crosswalk/adapters"
	"crosswalk/contracts"
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
