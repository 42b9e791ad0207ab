package adapters

import (
	"errors"
	"fmt"

	"github.com/go-sql-driver/mysql"
	mssql "github.com/microsoft/go-mssqldb"
	"github.com/sijms/go-ora/v2/network"
	"modernc.org/sqlite"

	"crosswalk/contracts"
)

const noSuchTable = "the database does not have the tables or columns that the adapter names"

// wordsFor are our words for the classes of a database's errors.
var wordsFor = map[contracts.Class]string{
	contracts.Auth:        "the database does not accept the user or the password, or the user lacks a right",
	contracts.Conflict:    "the database has such a record already",
	contracts.Drift:       noSuchTable,
	contracts.Validation:  "the database refused a value",
	contracts.Unavailable: "the database cannot answer now",
	contracts.Internal:    "the database refused the statement",
}

// classes are the numbers of a database's errors.
type classes map[contracts.Class][]int

func (c classes) of(number int) contracts.Class {
	for class, numbers := range c {
		for _, n := range numbers {
			if n == number {
				return class
			}
		}
	}
	return contracts.Internal
}

func judged(c classes, number int, message string) databaseFailure {
	class := c.of(number)
	return databaseFailure{class: class, message: fmt.Sprintf("%s (%d, %s)", wordsFor[class], number, message), refused: true, unique: class == contracts.Conflict}
}

var mysqlClasses = classes{
	contracts.Conflict:    {1022, 1062, 1169, 1586},
	contracts.Auth:        {1044, 1045, 1130, 1142, 1143, 1227, 1370, 1698, 3118},
	contracts.Drift:       {1046, 1049, 1051, 1054, 1064, 1136, 1146, 1305, 1318},
	contracts.Validation:  {1048, 1216, 1217, 1264, 1265, 1292, 1364, 1366, 1406, 1411, 1451, 1452, 1525, 1690, 3140, 3819, 4025},
	contracts.Unavailable: {1040, 1053, 1158, 1159, 1160, 1161, 1203, 1205, 1213, 1226, 1290, 1317, 1836, 1927, 1969, 3024, 4031},
}

func mysqlFailure(err error) (databaseFailure, bool) {
	var server *mysql.MySQLError
	if !errors.As(err, &server) {
		return databaseFailure{}, false
	}
	return judged(mysqlClasses, int(server.Number), server.Message), true
}

// The numbers of SQLite: the extended ones of constraints, and the plain ones.
var (
	sqliteConstraints = classes{contracts.Conflict: {1555, 2067, 2579}, contracts.Validation: {19, 275, 531, 787, 1299, 1811, 3091}}
	sqliteClasses     = classes{
		contracts.Drift:       {1, 11, 26},
		contracts.Auth:        {3, 23},
		contracts.Validation:  {18, 20, 25},
		contracts.Unavailable: {5, 6, 7, 9, 10, 13, 14, 15},
	}
)

func sqliteFailure(err error) (databaseFailure, bool) {
	var server *sqlite.Error
	if !errors.As(err, &server) {
		return databaseFailure{}, false
	}
	if code := server.Code(); code&0xff == 19 {
		return judged(sqliteConstraints, code, server.Error()), true
	}
	return judged(sqliteClasses, server.Code()&0xff, server.Error()), true
}

// halfWritten says that a file of SQLite cannot be read before somebody who may write has rolled back what a killed process left.
func halfWritten(err error) bool {
	const (
		journalLeft = 776
		logLeft     = 264 // in the mode with a write-ahead log
	)
	var server *sqlite.Error
	return errors.As(err, &server) && (server.Code() == journalLeft || server.Code() == logLeft)
}

var sqlServerClasses = classes{
	contracts.Conflict:    {2601, 2627},
	contracts.Auth:        {229, 230, 262, 297, 300, 916, 4060, 4064, 18452, 18456, 18470, 18486, 18487, 18488},
	contracts.Drift:       {102, 156, 207, 208, 213, 2812, 8144, 8145, 201},
	contracts.Validation:  {220, 241, 242, 245, 295, 515, 547, 2628, 8114, 8115, 8152},
	contracts.Unavailable: {596, 701, 1204, 1205, 1222, 3960, 6005, 10928, 10929, 40197, 40501, 40544, 40549, 40613, 41302, 41305, 41325, 41839, 49918, 49919, 49920},
}

func sqlServerFailure(err error) (databaseFailure, bool) {
	var server mssql.Error
	if !errors.As(err, &server) {
		return databaseFailure{}, false
	}
	return judged(sqlServerClasses, int(server.Number), server.Message), true
}

var oracleClasses = classes{
	contracts.Conflict:    {1},
	contracts.Auth:        {1005, 1017, 1031, 1045, 28000, 28001, 28002, 28759, 41900},
	contracts.Drift:       {900, 904, 913, 933, 936, 942, 947, 4043, 6550, 12505, 12514},
	contracts.Validation:  {1400, 1407, 1438, 1461, 1722, 1839, 1840, 1841, 1843, 1847, 1858, 1861, 2290, 2291, 2292, 6502, 12899},
	contracts.Unavailable: {18, 20, 54, 60, 257, 600, 1012, 1013, 1033, 1034, 1035, 1089, 1090, 3113, 3114, 3135, 8177, 12516, 12518, 12519, 12520, 12526, 12528, 12537, 12541, 12570, 25408, 30006},
}

func oracleFailure(err error) (databaseFailure, bool) {
	var server *network.OracleError
	if !errors.As(err, &server) {
		return databaseFailure{}, false
	}
	found := judged(oracleClasses, server.ErrCode, server.ErrMsg)
	if server.ErrCode == 3113 || server.ErrCode == 3114 || server.ErrCode == 3135 || server.ErrCode == 1012 {
		found.refused = false // the connection is gone, which says nothing of the statement
	}
	return found, true
}
