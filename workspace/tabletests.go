package workspace

import (
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"

	"crosswalk/rules"
	"crosswalk/rules/spreadsheet"
	"crosswalk/source"
)

// testExtensions are those of files of tests; in a workbook it is the sheet tests.
var testExtensions = []string{".yaml", ".csv", ".xlsx"}

// TableTestFiles lists the files of tests beside a table, which lies in folder as name with an extension: NAME.tests.yaml,
// NAME.WHAT.tests.yaml, the same as CSV and as a workbook, and the file that the table names itself. A folder that is not
// there has none.
func TableTestFiles(folder fs.FS, name string, table *rules.Table) ([]string, error) {
	entries, err := fs.ReadDir(folder, ".")
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	named := table.TestsFile()
	var names []string
	for _, entry := range entries {
		file := entry.Name()
		extension := path.Ext(file)
		beside := strings.HasPrefix(file, name+".") && strings.HasSuffix(strings.TrimSuffix(file, extension), rules.TestExtension)
		if (beside || file == named) && slices.Contains(testExtensions, strings.ToLower(extension)) {
			names = append(names, file)
		}
	}
	if named != "" && !slices.Contains(names, named) { // also one in another folder: what is written there is not the table's
		return nil, fmt.Errorf("the table %s names the tests %q, and no such file (.yaml, .csv or .xlsx) lies beside it", table.Name, named)
	}
	return names, nil
}

// ReadTableTests reads a file of tests that TableTestFiles has found; problems name it as shown.
func ReadTableTests(folder fs.FS, name, shown string, table *rules.Table) ([]rules.TableTest, source.Problems, error) {
	text, err := fs.ReadFile(folder, name)
	if err != nil {
		return nil, nil, fmt.Errorf("the tests of the table %s cannot be read: %w", table.Name, err)
	}
	if !strings.EqualFold(path.Ext(name), ".xlsx") {
		tests, problems := rules.ReadTests(shown, text, table)
		return tests, problems, nil
	}
	grid, problems := spreadsheet.ReadRows(shown, text, "tests")
	tests, found := rules.ReadTestRows(grid, table)
	return tests, append(problems, found...), nil
}
