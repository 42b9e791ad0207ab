package adapters

import (
	"database/sql"
	"encoding/base64"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	mssql "github.com/microsoft/go-mssqldb"
	ora "github.com/sijms/go-ora/v2"

	"crosswalk/rules"
)

// plainArgument is a value as text: what is no scalar is written as JSON.
func plainArgument(value rules.Value) string {
	if kind := value.Kind(); kind == rules.KindList || kind == rules.KindRecord {
		return string(value.Plain())
	}
	return value.String()
}

// driverValues turns values into what a driver takes, and what it gives into values, without loss.
type driverValues struct{ dialect string }

// arguments are the parameters as the marks in the statement want them.
func (v driverValues) arguments(params []rules.Value, order []int) ([]any, error) {
	numbered := v.dialect == dialectSQLite || v.dialect == dialectSQLServer
	var arguments []any
	if numbered {
		for _, param := range params {
			argument, err := v.argument(param)
			if err != nil {
				return nil, err
			}
			arguments = append(arguments, argument)
		}
		return arguments, nil
	}
	for _, n := range order {
		argument, err := v.argument(params[n-1])
		if err != nil {
			return nil, err
		}
		arguments = append(arguments, argument)
	}
	return arguments, nil
}

func (v driverValues) argument(value rules.Value) (any, error) {
	switch value.Kind() {
	case rules.KindMissing:
		return nil, nil
	case rules.KindBool:
		if v.dialect == dialectOracle {
			return map[bool]int64{false: 0, true: 1}[value.Bool()], nil
		}
		return value.Bool(), nil
	case rules.KindNumber:
		if whole, ok := value.Num().Int64(); ok && value.Num().IsInt() {
			return whole, nil
		}
		if v.dialect == dialectOracle {
			number, err := ora.NewNumberFromString(value.String())
			if err != nil {
				return nil, fmt.Errorf("%w: %w", errCell, err)
			}
			return *number, nil
		}
		return value.String(), nil // a decimal as text is exact, a float would not be
	case rules.KindDate:
		if v.dialect == dialectOracle {
			return value.Time(), nil
		}
		return value.String(), nil
	case rules.KindInstant:
		return v.instant(value.Time().UTC()), nil
	default:
		return plainArgument(value), nil
	}
}

func (v driverValues) instant(at time.Time) any {
	switch v.dialect {
	case dialectMySQL:
		return at.Format("2006-01-02 15:04:05.999999")
	case dialectSQLite:
		return at.Format("2006-01-02 15:04:05.999999999")
	case dialectOracle:
		return ora.TimeStampTZ(at)
	default:
		return at
	}
}

// rows calls visit for each row.
func (v driverValues) rows(rows *sql.Rows, visit func(rules.Value) error) error {
	defer rows.Close()
	columns, err := rows.ColumnTypes()
	if err != nil {
		return err
	}
	cells, pointers := make([]any, len(columns)), make([]any, len(columns))
	for i := range cells {
		pointers[i] = &cells[i]
	}
	for rows.Next() {
		if err := rows.Scan(pointers...); err != nil {
			return fmt.Errorf("%w: %w", errCell, err)
		}
		fields := make(map[string]rules.Value, len(columns))
		for i, column := range columns {
			value, err := v.cell(strings.ToUpper(column.DatabaseTypeName()), cells[i])
			if err != nil {
				return fmt.Errorf("column %s: %w: %w", column.Name(), errCell, err)
			}
			fields[column.Name()] = value
		}
		if visit == nil {
			continue
		}
		if err := visit(rules.Record(fields)); err != nil {
			return err
		}
	}
	return rows.Err()
}

// cell reads one value of a column of the given type.
func (v driverValues) cell(kind string, given any) (rules.Value, error) {
	kind, _, _ = strings.Cut(kind, "(")
	kind = strings.TrimSpace(strings.TrimPrefix(kind, "UNSIGNED "))
	switch given := given.(type) {
	case nil:
		return rules.Missing(), nil
	case bool:
		return rules.Bool(given), nil
	case int64:
		return rules.Number(rules.Int(given)), nil
	case uint64:
		return numberOf(strconv.FormatUint(given, 10))
	case float32:
		return floatOf(float64(given), 32)
	case float64:
		return floatOf(given, 64)
	case time.Time:
		if kind == "DATE" && v.dialect != dialectOracle { // Oracle's date has a time
			return rules.Date(given.Year(), given.Month(), given.Day()), nil
		}
		if kind == "TIME" {
			return rules.Text(given.Format("15:04:05.999999999")), nil
		}
		return rules.Instant(given), nil
	case []byte:
		return v.bytes(kind, given)
	case string:
		return v.text(kind, given)
	default:
		return v.text(kind, fmt.Sprint(given))
	}
}

func numberOf(text string) (rules.Value, error) {
	number, err := rules.ParseNum(strings.TrimSpace(text))
	return rules.Number(number), err
}

func floatOf(f float64, bits int) (rules.Value, error) {
	if math.IsNaN(f) || math.IsInf(f, 0) {
		return rules.Value{}, fmt.Errorf("%v is no number", f)
	}
	return numberOf(strconv.FormatFloat(f, 'f', -1, bits))
}

// bytes reads what drivers give as bytes: texts and numbers, and what really is bytes, which becomes base64.
func (v driverValues) bytes(kind string, given []byte) (rules.Value, error) {
	switch kind {
	case "UNIQUEIDENTIFIER":
		var id mssql.UniqueIdentifier
		if err := id.Scan(given); err != nil {
			return rules.Value{}, err
		}
		return rules.Text(id.String()), nil
	case "BLOB", "TINYBLOB", "MEDIUMBLOB", "LONGBLOB", "BINARY", "VARBINARY", "IMAGE", "RAW", "LONG RAW", "BIT", "GEOMETRY", "ROWVERSION":
		return rules.Text(base64.StdEncoding.EncodeToString(given)), nil
	case "": // SQLite does not know the type of an expression
		if !utf8.Valid(given) {
			return rules.Text(base64.StdEncoding.EncodeToString(given)), nil
		}
	}
	return v.text(kind, string(given))
}

func (v driverValues) text(kind, text string) (rules.Value, error) {
	switch kind {
	case "DECIMAL", "NUMERIC", "MONEY", "SMALLMONEY", "NUMBER", "TINYINT", "SMALLINT", "MEDIUMINT", "INT", "INTEGER", "BIGINT", "FLOAT", "DOUBLE", "REAL", "YEAR", "BINARYFLOAT", "BINARYDOUBLE", "IBFLOAT", "IBDOUBLE":
		return numberOf(text)
	case "DATE":
		if strings.HasPrefix(text, "0000-00-00") { // MySQL's way to write that there is none
			return rules.Missing(), nil
		}
		return rules.ParseDate(text)
	case "DATETIME", "TIMESTAMP", "DATETIME2":
		if strings.HasPrefix(text, "0000-00-00") {
			return rules.Missing(), nil
		}
		return timestamp(text)
	case "JSON":
		return rules.FromJSON([]byte(text))
	}
	if !utf8.ValidString(text) {
		return rules.Value{}, fmt.Errorf("a text that is not UTF-8")
	}
	return rules.Text(text), nil
}
