package adapters

import "strings"

// Dialect is which database an adapter of databases speaks to; "" of any other adapter.
func (a *Adapter) Dialect() string {
	if a.Protocol != "sql" {
		return ""
	}
	return a.dialect
}

// Speech is the protocol for people, of a database with its dialect.
func (a *Adapter) Speech() string {
	return strings.TrimSpace(a.Protocol + " " + a.Dialect())
}

// Spoken is a statement that reached a database.
type Spoken struct {
	Text      string // as the file has it
	Marks     []int  // which parameter of the file each mark of what reached the database is; nil: as they are numbered
	Writes    bool
	Procedure bool // it runs a procedure, which may commit by itself
}

// Spoken finds the statement of the file that reached a database in the notation of its dialect. One that is none of the
// file's, as of the table of keys, is given back as it came.
func (a *Adapter) Spoken(native string) Spoken {
	found := Spoken{Text: native}
	for _, op := range a.operations {
		op.anyRequest(func(r *request) bool {
			if r.sql == nil {
				return false
			}
			text, order := a.inItsNotation(r.sql.text)
			if text != native {
				return false
			}
			found = Spoken{Text: r.sql.text, Marks: order, Writes: r.sql.writes, Procedure: r.sql.calls()}
			return true
		})
	}
	return found
}

func (a *Adapter) inItsNotation(text string) (string, []int) {
	written, order := native(text, a.dialect)
	if a.dialect == dialectMySQL || a.dialect == dialectOracle {
		return written, order
	}
	return written, nil // marks with numbers: each parameter is sent once, in its order
}
