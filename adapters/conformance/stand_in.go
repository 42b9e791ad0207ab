package conformance

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
	"sync/atomic"
	"syscall"
	"time"

	ora "github.com/sijms/go-ora/v2"

	"crosswalk/rules"
)

// standIn is a driver of database/sql in the place of a vendor's, for databases whose protocol cannot be played. It gives
// cells and errors as the vendor's driver gives them.
type standIn struct {
	tables *tables
	vendor vendor
	how    entry
	secret string
}

// Connect opens a connection, or says why not as the vendor's driver does.
func (d *standIn) Connect(context.Context) (driver.Conn, error) {
	if d.how.deaf {
		return nil, &net.OpError{Op: "dial", Net: "tcp", Err: syscall.ECONNREFUSED}
	}
	if d.how.login != nil && !d.how.login(d.secret) {
		return nil, d.vendor.refuse(noEntry, "the password "+d.secret+" is wrong")
	}
	return &standInConn{standIn: d, sitting: d.tables.sit()}, nil
}

// Driver is asked for by database/sql.
func (d *standIn) Driver() driver.Driver { return standInDriver{} }

type standInDriver struct{}

// Open is not used: there is no name for a test.
func (standInDriver) Open(string) (driver.Conn, error) {
	return nil, errors.New("a test is not opened by a name")
}

type standInConn struct {
	*standIn
	sitting *sitting
	lost    atomic.Bool
}

// Prepare is not used: statements come whole.
func (c *standInConn) Prepare(string) (driver.Stmt, error) {
	return nil, errors.New("statements are not prepared")
}

// Close ends the connection; what was not committed is gone.
func (c *standInConn) Close() error {
	c.lost.Store(true)
	return nil
}

// IsValid keeps a connection that was lost out of the pool.
func (c *standInConn) IsValid() bool { return !c.lost.Load() }

// Begin is not used: BeginTx is.
func (c *standInConn) Begin() (driver.Tx, error) { return c, nil }

// BeginTx begins a transaction.
func (c *standInConn) BeginTx(context.Context, driver.TxOptions) (driver.Tx, error) { return c, nil }

// Commit makes what was written stay.
func (c *standInConn) Commit() error { return c.said(c.sitting.commit()) }

// Rollback forgets it.
func (c *standInConn) Rollback() error {
	c.lost.Store(true) // as if it had never been: a fault may still hold it
	return nil
}

// CheckNamedValue takes every argument as it is.
func (c *standInConn) CheckNamedValue(*driver.NamedValue) error { return nil }

// QueryContext answers rows.
func (c *standInConn) QueryContext(ctx context.Context, query string, arguments []driver.NamedValue) (driver.Rows, error) {
	a, err := c.ask(ctx, query, arguments)
	if err != nil {
		return nil, err
	}
	return &standInRows{vendor: c.vendor, columns: a.columns, rows: a.rows.Items()}, nil
}

// ExecContext answers how many rows were changed.
func (c *standInConn) ExecContext(ctx context.Context, query string, arguments []driver.NamedValue) (driver.Result, error) {
	if query == "SET TRANSACTION READ ONLY" {
		return driver.RowsAffected(0), nil
	}
	a, err := c.ask(ctx, query, arguments)
	return changed{a}, err
}

// changed is what a statement changed.
type changed struct{ answered }

// RowsAffected is how many rows.
func (c changed) RowsAffected() (int64, error) { return c.affected, nil }

// LastInsertId is the automatic number of the row.
func (c changed) LastInsertId() (int64, error) { return c.lastID, nil }

// answered is what a statement answers.
type answered struct {
	columns  []string
	rows     rules.Value
	affected int64
	lastID   int64
}

// ask carries a statement out, for as long as somebody waits for it.
func (c *standInConn) ask(ctx context.Context, query string, arguments []driver.NamedValue) (answered, error) {
	h, err := c.sitting.hear(query)
	if err != nil {
		return answered{}, err
	}
	var params []string
	for _, argument := range arguments {
		params = append(params, argumentText(argument.Value))
	}
	type outcome struct {
		answered
		err error
	}
	ended := make(chan outcome, 1)
	go func() {
		rows, affected, err := c.sitting.carryOut(h, params)
		ended <- outcome{answered{h.exchange.Reply.Columns, rows, affected, h.exchange.Reply.LastID}, err}
	}()
	select {
	case o := <-ended:
		return o.answered, c.said(o.err)
	case <-ctx.Done():
		c.lost.Store(true)
		return answered{}, ctx.Err()
	}
}

// said is an error as the vendor's driver gives it.
func (c *standInConn) said(err error) error {
	var refused refusal
	switch {
	case errors.Is(err, errLost):
		c.lost.Store(true)
		return c.vendor.lost
	case errors.Is(err, errKnown):
		return c.vendor.refuse(isThere, err.Error())
	case errors.As(err, &refused):
		return c.vendor.refuse(refused.kind, refused.message)
	}
	return err
}

// argumentText is an argument as a test writes it.
func argumentText(argument any) string {
	switch argument := argument.(type) {
	case nil:
		return ""
	case []byte:
		return string(argument)
	case time.Time:
		return rules.Instant(argument).String()
	case ora.TimeStampTZ:
		return rules.Instant(time.Time(argument)).String()
	case ora.Number:
		text, err := argument.String()
		if err != nil {
			return err.Error()
		}
		return text
	case bool:
		return strconv.FormatBool(argument)
	}
	return fmt.Sprint(argument)
}

type standInRows struct {
	vendor  vendor
	columns []string
	rows    []rules.Value
}

// Columns are their names.
func (r *standInRows) Columns() []string {
	names := make([]string, len(r.columns))
	for i, column := range r.columns {
		names[i], _ = columnOf(column)
	}
	return names
}

// ColumnTypeDatabaseTypeName is the vendor's name for a column's type.
func (r *standInRows) ColumnTypeDatabaseTypeName(i int) string {
	_, kind := columnOf(r.columns[i])
	return r.vendor.types[kind]
}

// Close ends them.
func (r *standInRows) Close() error { return nil }

// Next gives the next row.
func (r *standInRows) Next(cells []driver.Value) error {
	if len(r.rows) == 0 {
		return io.EOF
	}
	for i, cell := range r.rows[0].Items() {
		_, kind := columnOf(r.columns[i])
		cells[i] = r.vendor.cell(kind, cell)
	}
	r.rows = r.rows[1:]
	return nil
}
