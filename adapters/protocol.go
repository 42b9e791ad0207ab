package adapters

import (
	"crypto/tls"
	"errors"
	"slices"

	"crosswalk/rules"
	"crosswalk/source"
)

// protocols are the ways in which a system can be spoken to.
var protocols = []string{"http", protocolRPC, "sql", protocolFiles, protocolSFTP, protocolMail}

// OffHTTP says that the adapter speaks something that is not carried by HTTP: settings lead to the system, and there are
// no headers, statuses and bodies.
func (a *Adapter) OffHTTP() bool {
	return slices.Contains([]string{"sql", protocolFiles, protocolSFTP, protocolMail}, a.Protocol)
}

// serverSettings makes sure that an adapter has the settings that lead to its system.
func (p *parser) serverSettings(node *source.Node) {
	needs := map[string][]string{protocolFiles: {"directory"}, protocolSFTP: {"host", "port", "user", "directory", "host_key"}}[p.adapter.Protocol]
	for _, name := range needs {
		if !slices.Contains(fieldNames(p.adapter.Settings), name) {
			node.Errorf("add it under settings", "an adapter of files needs the setting %q", name)
		}
	}
	if p.adapter.Protocol == "sql" {
		p.sqlSettings(node)
	}
}

// openServer prepares a connection that does not go by HTTP; it is made with the first call.
func (c *Connection) openServer(guard *egress, vars map[string]rules.Value, trust *tls.Config) error {
	var err error
	switch secrets := vars["secret"]; c.adapter.Protocol {
	case protocolFiles:
		c.folder, err = openLocal(c.settings.Get("directory").Text())
	case protocolSFTP:
		c.folder, err = openSFTP(c.settings, secrets, guard)
	case protocolMail:
		c.account = mailAccount{settings: c.settings, password: secrets.Get("password").Text(), guard: guard, trust: trust}
	}
	var known FieldErrors
	if err != nil && !errors.As(err, &known) {
		return FieldErrors{{"settings", c.redact.text(err.Error()), ""}}
	}
	return err
}
