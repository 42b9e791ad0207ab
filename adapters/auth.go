package adapters

import (
	"encoding/base64"
	"fmt"
	"net/http"

	"crosswalk/rules"
	"crosswalk/source"
)

// The kinds of authentication.
const (
	authNone   = "none"
	authBearer = "bearer"
	authBasic  = "basic"
	authHeader = "header"
	authLogin  = "session"
	authOAuth  = "oauth2"
)

// auth says how a system knows us. Only here and in headers may a secret be read.
type auth struct {
	kind     string
	name     string // of the header
	value    *rules.Template
	password *rules.Template
	session  *sessionAuth // of authLogin: all of the above stands in it
	oauth    *oauth       // of authOAuth
}

// auth reads how the system knows us. A session is read with what a request may hold.
func (p *parser) auth(node *source.Node, secret scope) auth {
	if node.Kind() != source.Map || !node.Get(authLogin).Exists() && !node.Get(authOAuth).Exists() {
		return parseAuth(node, secret)
	}
	if fields := node.Fields(authShape); len(fields) > 1 {
		node.Errorf("keep one", "there are %d ways to authenticate", len(fields))
	}
	if node.Get(authOAuth).Exists() {
		return auth{kind: authOAuth, oauth: p.parseOAuth(node.Get(authOAuth), secret)}
	}
	return auth{kind: authLogin, session: p.parseSession(node.Get(authLogin), secret)}
}

func parseAuth(node *source.Node, in scope) auth {
	if node.Kind() != source.Map {
		return auth{kind: node.OneOf(authNone)}
	}
	fields := node.Fields(authShape)
	if len(fields) > 1 {
		node.Errorf("keep one", "there are %d ways to authenticate", len(fields))
	}
	switch {
	case fields[authBearer].Exists():
		return auth{kind: authBearer, name: "Authorization", value: in.template(fields[authBearer])}
	case fields[authBasic].Exists():
		basic := fields[authBasic]
		basic.Fields(basicShape)
		return auth{kind: authBasic, name: "Authorization", value: in.template(basic.Required("username", "")), password: in.template(basic.Get("password"))}
	case fields[authHeader].Exists():
		header := fields[authHeader]
		header.Fields(ownHeaderShape)
		name := header.Required("name", "")
		if in.has("token") && name.Text() == "Cookie" { // a session's
			return auth{kind: authHeader, name: "Cookie", value: in.template(header.Required("value", ""))}
		}
		return auth{kind: authHeader, name: headerName(name), value: in.template(header.Required("value", ""))}
	}
	node.Errorf("write bearer, basic, header, session or oauth2, or auth: none", "no way to authenticate is given")
	return auth{kind: authNone}
}

// apply puts the credentials into a request's headers and returns them, to be kept out of every text.
func (a auth) apply(header http.Header, vars map[string]rules.Value) (credentials string, err error) {
	if a.kind == authNone || a.kind == authLogin || a.kind == authOAuth || a.kind == "" {
		return "", nil
	}
	value, err := a.value.Eval(vars)
	if err != nil {
		return "", fmt.Errorf("auth: %w", err)
	}
	credentials = value.String()
	switch a.kind {
	case authBearer:
		credentials = "Bearer " + credentials
	case authBasic:
		password := rules.Missing()
		if a.password != nil {
			if password, err = a.password.Eval(vars); err != nil {
				return "", fmt.Errorf("auth: %w", err)
			}
		}
		credentials = "Basic " + base64.StdEncoding.EncodeToString([]byte(credentials+":"+password.String()))
	}
	return credentials, setHeader(header, a.name, credentials)
}
