package adapters

import "strings"

// Played says whether a server of the tests can stand in for the system: one that speaks HTTP, or PostgreSQL's protocol.
func (a *Adapter) Played() bool {
	return !a.offHTTP() || a.Protocol == "sql" && a.dialect == dialectPostgres
}

// OverHTTP says whether the system is reached by HTTP, in whatever form.
func (a *Adapter) OverHTTP() bool { return !a.offHTTP() }

// Speech is the protocol for people, of a database with its dialect.
func (a *Adapter) Speech() string {
	if a.Protocol == "sql" {
		return strings.TrimSpace(a.Protocol + " " + a.dialect)
	}
	return a.Protocol
}
