package adapters

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"net/http"
	"net/url"
	"strings"
	"time"

	"crosswalk/contracts"
	"crosswalk/rules"
)

// TLS is what a workspace says about the encryption of a connection: texts in PEM.
type TLS struct {
	Certificate contracts.Secret // shows who we are
	Key         contracts.Secret
	CA          contracts.Secret // who may vouch for the system, in place of those that the machine trusts
}

// config is what the connection's transports use; the error is a FieldError.
func (t TLS) config() (*tls.Config, *FieldError) {
	config := &tls.Config{MinVersion: tls.VersionTLS12}
	if t.Certificate.IsZero() != t.Key.IsZero() {
		return nil, &FieldError{"tls", "certificate and key belong together", ""}
	}
	if !t.Certificate.IsZero() {
		pair, err := tls.X509KeyPair([]byte(t.Certificate.Reveal()), []byte(t.Key.Reveal()))
		if err != nil {
			return nil, &FieldError{"tls.certificate", "certificate and key cannot be read, or do not belong together", "both must be PEM, the key without a password"}
		}
		config.Certificates = []tls.Certificate{pair}
	}
	if !t.CA.IsZero() {
		config.RootCAs = x509.NewCertPool()
		if !config.RootCAs.AppendCertsFromPEM([]byte(t.CA.Reveal())) {
			return nil, &FieldError{"tls.ca", "it holds no certificate", "write the certificates of the authority as PEM"}
		}
	}
	return config, nil
}

// trust is how the adapter's connection is encrypted. What a workspace says about it must not be without effect: who names
// an authority of his own believes that nobody else can vouch for the system.
func (a *Adapter) trust(said TLS, settings rules.Value) (*tls.Config, *FieldError) {
	config, problem := said.config()
	if problem != nil || said.Certificate.IsZero() && said.CA.IsZero() {
		return config, problem
	}
	switch {
	case a.Protocol == protocolFiles || a.dialect == dialectSQLite:
		return nil, &FieldError{"tls", "there is no connection to encrypt: " + a.Name + " uses files of this machine", "remove it"}
	case a.Protocol == protocolSFTP:
		return nil, &FieldError{"tls", "SFTP knows no certificates of this kind", "remove it: the setting host_key says which server is meant, and the secret private_key shows who we are"}
	case a.OffHTTP() && settings.Get("tls").Text() == "off":
		return nil, &FieldError{"tls", "the setting tls is off, so that nobody looks at certificates", "use tls: require (of a database), tls or starttls (of mail)"}
	}
	return config, nil
}

// openTokens prepares what gets the tokens of the connection.
func (c *Connection) openTokens(config Config, guard *egress, vars map[string]rules.Value, trust *tls.Config) error {
	t, err := newTokens(c.adapter.auth.oauth, config, ConnectionName(config.System, c.adapter.Name), c.settings, vars, guard.allow, trust)
	if err != nil {
		return FieldErrors{{"auth.oauth2", err.Error(), ""}}
	}
	base := *c.base.url
	t.learned = func(grant Grant) {
		c.redact.learn(grant.AccessToken, grant.RefreshToken)
		if origin, err := url.Parse(grant.Base); err == nil && grant.Base != "" {
			moved := base
			moved.Scheme, moved.Host = origin.Scheme, origin.Host
			guard.also(hostPort(&moved))
			c.moved.Store(newOrigin(&moved))
		}
	}
	t.hide = c.redact.learn
	c.tokens = t
	return nil
}

// origin is where the system is.
func (c *Connection) origin() *origin {
	if moved := c.moved.Load(); moved != nil {
		return moved
	}
	return c.base
}

// where is the address that all paths begin with.
func (c *Connection) where() *url.URL { return c.origin().url }

// ready makes sure that there is a token, and that it is known where requests go.
func (c *Connection) ready(ctx context.Context) error {
	if c.tokens == nil {
		return nil
	}
	_, err := c.tokens.get(ctx)
	return err
}

// authorize puts the token that holds now into a request.
func (c *Connection) authorize(ctx context.Context, header http.Header) error {
	if c.tokens == nil {
		return nil
	}
	grant, err := c.tokens.get(ctx)
	if err != nil {
		return err
	}
	return setHeader(header, c.tokens.oauth.header, c.tokens.oauth.prefix+grant.AccessToken)
}

// renew tries to get another token, once, after the system refused the one that a request carried.
func (e *exchange) renew() bool {
	if e.renewed {
		return false
	}
	e.renewed = true
	tokens := e.connection.tokens
	token := strings.TrimPrefix(e.header.Get(tokens.oauth.header), tokens.oauth.prefix)
	return tokens.refused(e.Context, token)
}

// youngest is how old a token must be to be renewed because it is refused: one that is refused at once is not the cause.
const youngest = 10 * time.Second
