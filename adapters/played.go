package adapters

// Played says whether a server of the tests can stand in for the system: of databases there is one that speaks
// PostgreSQL's protocol.
func (a *Adapter) Played() bool { return a.Protocol != "sql" || a.dialect == dialectPostgres }

// Speech is the protocol for people, of a database with its dialect.
func (a *Adapter) Speech() string {
	if a.Protocol == "sql" {
		return a.Protocol + " " + a.dialect
	}
	return a.Protocol
}
