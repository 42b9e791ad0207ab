package conformance

import (
	"database/sql"
	"database/sql/driver"
	"errors"
	"io"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/go-sql-driver/mysql"
	mssql "github.com/microsoft/go-mssqldb"
	"github.com/sijms/go-ora/v2/network"

	"crosswalk/contracts"
	"crosswalk/rules"
)

// What a database may refuse.
const (
	noTable   = "no such table"
	noColumn  = "no such column"
	noRight   = "no right"
	noNumber  = "not a number"
	isThere   = "a unique key has this value already"
	tooMany   = "too many connections"
	stopping  = "shutting down"
	deadlock  = "deadlock"
	otherwise = "something else"
	noEntry   = "the password is refused"
)

// refusals are what a database may refuse, and their classes.
var refusals = map[string]contracts.Class{
	noTable: contracts.Drift, noColumn: contracts.Drift, noRight: contracts.Auth, noNumber: contracts.Validation, isThere: contracts.Conflict,
	tooMany: contracts.Unavailable, stopping: contracts.Unavailable, deadlock: contracts.Unavailable, otherwise: contracts.Internal,
}

// refusal is what a database says in place of an answer.
type refusal struct{ kind, message string }

// Error is the message.
func (r refusal) Error() string { return r.message }

// vendor is what the driver of a database gives: its errors, its names for types, and cells.
type vendor struct {
	refuse func(kind, message string) error
	lost   error             // what it says when the connection is lost while it waits for an answer
	types  map[string]string // by the types of columns in tests
	cell   func(kind string, v rules.Value) driver.Value
}

// vendors are the dialects whose protocol is not played, with the numbers that the vendors document.
var vendors = map[string]vendor{
	"mysql": {
		refuse: func(kind, message string) error {
			return &mysql.MySQLError{Message: message, Number: map[string]uint16{noTable: 1146, noColumn: 1054, noRight: 1142, noNumber: 1366, isThere: 1062,
				tooMany: 1040, stopping: 1053, deadlock: 1213, otherwise: 1105, noEntry: 1045}[kind]}
		},
		lost:  mysql.ErrInvalidConn,
		types: map[string]string{"text": "VARCHAR", "int4": "INT", "int8": "BIGINT", "numeric": "DECIMAL", "bool": "TINYINT", "date": "DATE", "timestamptz": "DATETIME", "jsonb": "JSON"},
		cell:  mysqlCell,
	},
	"sqlserver": {
		refuse: func(kind, message string) error {
			return mssql.Error{Message: message, Number: map[string]int32{noTable: 208, noColumn: 207, noRight: 229, noNumber: 245, isThere: 2627,
				tooMany: 10928, stopping: 6005, deadlock: 1205, otherwise: 50000, noEntry: 18456}[kind]}
		},
		lost:  io.EOF,
		types: map[string]string{"text": "NVARCHAR", "int4": "INT", "int8": "BIGINT", "numeric": "DECIMAL", "bool": "BIT", "date": "DATE", "timestamptz": "DATETIMEOFFSET", "jsonb": "NVARCHAR"},
		cell:  sqlServerCell,
	},
	"oracle": {
		refuse: func(kind, message string) error {
			return &network.OracleError{ErrMsg: message, ErrCode: map[string]int{noTable: 942, noColumn: 904, noRight: 1031, noNumber: 1722, isThere: 1,
				tooMany: 12519, stopping: 1089, deadlock: 60, otherwise: 20001, noEntry: 1017}[kind]}
		},
		lost:  driver.ErrBadConn, // its driver says so although the statement has left
		types: map[string]string{"text": "NCHAR", "int4": "NUMBER", "int8": "NUMBER", "numeric": "NUMBER", "bool": "NUMBER", "date": "DATE", "timestamptz": "TimeStampTZ_DTY", "jsonb": "NCHAR"},
		cell:  oracleCell,
	},
	"sqlite": {
		refuse: sqliteRefusal,
		lost:   driver.ErrBadConn,
		types:  map[string]string{"text": "TEXT", "int4": "INTEGER", "int8": "INTEGER", "numeric": "NUMERIC", "bool": "BOOLEAN", "date": "DATE", "timestamptz": "TIMESTAMP", "jsonb": "TEXT"},
		cell:   sqliteCell,
	},
}

// mysqlCell is a cell as the driver of MySQL gives it: whole numbers as such, everything else as bytes.
func mysqlCell(kind string, v rules.Value) driver.Value {
	switch whole, ok := wholeOf(v); {
	case v.IsMissing():
		return nil
	case ok && kind != "numeric":
		return whole
	case v.Kind() == rules.KindBool && v.Bool():
		return int64(1)
	case v.Kind() == rules.KindBool:
		return int64(0)
	case kind == "timestamptz":
		return []byte(timeOf(kind, v).Format("2006-01-02 15:04:05.999999"))
	}
	return []byte(cellText(v))
}

// sqlServerCell is a cell as the driver of SQL Server gives it: decimals as bytes, times as such.
func sqlServerCell(kind string, v rules.Value) driver.Value {
	switch whole, ok := wholeOf(v); {
	case v.IsMissing():
		return nil
	case ok && kind != "numeric":
		return whole
	case v.Kind() == rules.KindBool:
		return v.Bool()
	case kind == "date" || kind == "timestamptz":
		return timeOf(kind, v)
	case kind == "numeric":
		return []byte(cellText(v))
	}
	return cellText(v)
}

// oracleCell is a cell as the driver of Oracle gives it: every number as a text, times as such, and no booleans.
func oracleCell(kind string, v rules.Value) driver.Value {
	switch {
	case v.IsMissing() || v.Kind() == rules.KindText && v.Text() == "": // an empty text is NULL there
		return nil
	case v.Kind() == rules.KindBool && v.Bool():
		return "1"
	case v.Kind() == rules.KindBool:
		return "0"
	case kind == "date" || kind == "timestamptz":
		return timeOf(kind, v)
	}
	return cellText(v)
}

// sqliteCell is a cell as the driver of SQLite gives it, which goes by what a column is declared as.
func sqliteCell(kind string, v rules.Value) driver.Value {
	switch whole, ok := wholeOf(v); {
	case v.IsMissing():
		return nil
	case ok:
		return whole
	case v.Kind() == rules.KindBool:
		return v.Bool()
	case kind == "date" || kind == "timestamptz":
		return timeOf(kind, v)
	}
	return cellText(v)
}

func wholeOf(v rules.Value) (int64, bool) {
	if v.Kind() != rules.KindNumber || !v.Num().IsInt() {
		return 0, false
	}
	return v.Num().Int64()
}

func cellText(v rules.Value) string {
	if kind := v.Kind(); kind == rules.KindList || kind == rules.KindRecord {
		return string(v.Plain())
	}
	return v.String()
}

// timeOf is a cell of a date or time; the beginning of time if it is none, as a fault writes it.
func timeOf(kind string, v rules.Value) time.Time {
	of := rules.KindInstant
	if kind == "date" {
		of = rules.KindDate
	}
	read, err := rules.TypeOf(of).Decode(v)
	if err != nil {
		return time.Time{}
	}
	return read.Time().UTC()
}

// sqliteRefusal is an error of SQLite itself, whose numbers cannot be made up. It knows no rights and no end of its own: the
// file that is locked stands for those that it does not have.
func sqliteRefusal(kind, message string) error {
	found, err := sqliteRefusals()
	if err != nil {
		return err
	}
	if refused := found[kind]; refused != nil {
		return refused
	}
	return refusal{kind, message}
}

// sqliteKinds are what SQLite refuses, and a statement that it refuses so.
var sqliteKinds = map[string]string{
	noTable: "select 1 from nowhere", noColumn: "select gone from t", isThere: "insert into t values (1)", noNumber: "insert into t values ('x')",
}

var sqliteRefusals = sync.OnceValues(func() (found map[string]error, err error) {
	directory, err := os.MkdirTemp("", "crosswalk-adapters-test-")
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(directory)) }()
	file := "file:" + filepath.Join(directory, "refusals.db")
	first, err := sql.Open("sqlite", file)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, first.Close()) }()
	if _, err := first.Exec("create table t (n integer primary key) strict; insert into t values (1)"); err != nil {
		return nil, err
	}
	found = map[string]error{}
	for kind, statement := range sqliteKinds {
		_, found[kind] = first.Exec(statement)
	}
	tx, err := first.Begin()
	if err != nil {
		return nil, err
	}
	defer func() { _ = tx.Rollback() }()
	if _, err := tx.Exec("insert into t values (2)"); err != nil {
		return nil, err
	}
	second, err := sql.Open("sqlite", file)
	if err != nil {
		return nil, err
	}
	_, found[deadlock] = second.Exec("insert into t values (3)") // the file is locked
	return found, second.Close()
})
