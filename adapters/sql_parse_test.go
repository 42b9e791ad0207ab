package adapters

import (
	"errors"
	"testing"

	mssql "github.com/microsoft/go-mssqldb"
	"github.com/sijms/go-ora/v2/network"
	"github.com/stretchr/testify/require"

	"crosswalk/contracts"
	"crosswalk/rules"
)

// TestNativeMarks writes $1 as each database wants it, and leaves texts, names and comments alone.
func TestNativeMarks(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		dialect, text, native string
		order                 []int
	}{
		{dialectMySQL, "select '$1', `$2` from t where a = $2 and b = $1 and c = $2 -- $3", "select '$1', `$2` from t where a = ? and b = ? and c = ? -- $3", []int{2, 1, 2}},
		{dialectMySQL, `select 'it\'s $1' where a = $1`, `select 'it\'s $1' where a = ?`, []int{1}},
		{dialectSQLite, `select "$1" where a = $1 and b = $1 /* $2 */`, `select "$1" where a = ?1 and b = ?1 /* $2 */`, []int{1, 1}},
		{dialectSQLServer, "select [a$1b], 'x''$1' from t where a = $2 and b = $1", "select [a$1b], 'x''$1' from t where a = @p2 and b = @p1", []int{2, 1}},
		{dialectOracle, "select 1 from t where a = $2 and b = $1 and c = $2", "select 1 from t where a = :1 and b = :2 and c = :3", []int{2, 1, 2}},
		{dialectPostgres, "select $1", "select $1", []int{1}},
	} {
		text, order := native(test.text, test.dialect)
		require.Equal(t, test.native, text, test.dialect)
		require.Equal(t, test.order, order, test.dialect)
	}
}

// TestErrorsOfServersThatDoNotRunHere reads the numbers by which SQL Server and Oracle say what is wrong.
func TestErrorsOfServersThatDoNotRunHere(t *testing.T) {
	t.Parallel()
	for number, class := range map[int32]contracts.Class{2627: contracts.Conflict, 18456: contracts.Auth, 208: contracts.Drift, 8152: contracts.Validation, 1205: contracts.Unavailable, 50000: contracts.Internal} {
		found, known := sqlServerFailure(mssql.Error{Number: number, Message: "m"})
		require.True(t, known)
		require.True(t, found.refused)
		require.Equal(t, class, found.class, number)
	}
	for number, class := range map[int]contracts.Class{1: contracts.Conflict, 1017: contracts.Auth, 942: contracts.Drift, 12899: contracts.Validation, 60: contracts.Unavailable, 3113: contracts.Unavailable, 20001: contracts.Internal} {
		found, known := oracleFailure(&network.OracleError{ErrCode: number, ErrMsg: "m"})
		require.True(t, known)
		require.Equal(t, number != 3113, found.refused, number)
		require.Equal(t, class, found.class, number)
	}
	_, known := oracleFailure(errors.New("x"))
	require.False(t, known)
}

// TestCells reads what drivers give for the types of their databases.
func TestCells(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		dialect, kind string
		given         any
		want          string
	}{
		{dialectSQLServer, "DECIMAL", []byte("12.3400"), "12.34"},
		{dialectSQLServer, "UNIQUEIDENTIFIER", []byte{0x67, 0x45, 0x23, 0x01, 0xAB, 0x89, 0xEF, 0xCD, 0x01, 0x23, 0x45, 0x67, 0x89, 0xAB, 0xCD, 0xEF}, "01234567-89AB-CDEF-0123-456789ABCDEF"},
		{dialectSQLServer, "VARBINARY", []byte{0, 1, 2}, "AAEC"},
		{dialectOracle, "NUMBER", "9007199254740993.01", "9007199254740993.01"},
		{dialectMySQL, "UNSIGNED BIGINT", uint64(18446744073709551615), "18446744073709551615"},
		{dialectMySQL, "DATETIME", []byte("2026-05-04 10:11:12.5"), "2026-05-04T10:11:12.5Z"},
		{dialectMySQL, "DATE", []byte("0000-00-00"), ""},
		{dialectMySQL, "DOUBLE", 0.1, "0.1"},
		{dialectMySQL, "FLOAT", float32(0.1), "0.1"},
		{dialectMySQL, "JSON", []byte(`{"a":1}`), `{"a":1}`},
	} {
		value, err := driverValues{test.dialect}.cell(test.kind, test.given)
		require.NoError(t, err, test.kind)
		if value.Kind() == rules.KindRecord {
			require.Equal(t, test.want, string(value.Plain()))
			continue
		}
		require.Equal(t, test.want, value.String(), test.kind)
	}
	_, err := driverValues{dialectMySQL}.cell("VARCHAR", []byte{0xff})
	require.ErrorContains(t, err, "not UTF-8")
}

func TestSQLIsRefused(t *testing.T) {
	t.Parallel()
	const head = "adapter: acme\ncontract: warehouse\nprotocol: sql\ndialect: mysql\nconnection: {settings: {host: {}, port: {type: integer}, database: {}, user: {}}, secrets: {password: {}}}\noperations:\n  x:\n    output: {a: b}\n    "
	for text, message := range map[string]string{
		"effect: read\n    request: {sql: delete from a}":                                                  "a reading operation begins with select or with",
		"effect: read\n    request: {sql: 'select 1; drop table a'}":                                       "a request is one statement",
		"effect: read\n    request: {sql: 'select $2', params: [a]}":                                       "there is no parameter $2",
		"effect: write\n    safety: natural_key\n    request: {sql: drop table a}":                         `"drop" is not a statement that an adapter runs`,
		"effect: write\n    safety: {idempotency_key: {header: K}}\n    request: {sql: delete from a}":     `"header" is for HTTP adapters`,
		"effect: write\n    safety: {idempotency_key: {table: 'a; b'}}\n    request: {sql: delete from a}": `"a; b" cannot be the name of a table`,
		"effect: write\n    safety: natural_key\n    request: {sql: select 1}":                             "a writing operation makes exactly one writing request, this one 0",
		"effect: write\n    request: {sql: delete from a}":                                                 "nothing says how a repeat is made harmless",
	} {
		_, problems := Parse("acme.yaml", []byte(head+text+"\n"), contracts.Catalog())
		require.Contains(t, problems.Error(), message)
	}
}
