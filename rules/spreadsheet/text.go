package spreadsheet

import (
	"fmt"
	"path"
	"strings"

	"crosswalk/rules"
	"crosswalk/source"
)

// Text is the content of a file as package rules reads it: that of a workbook is encoded, with the place of every cell;
// every other stays what it is. The text of a workbook that cannot be read is nil, and the problems say why.
func Text(file string, content []byte) ([]byte, source.Problems) {
	if !strings.EqualFold(path.Ext(file), ".xlsx") {
		return content, nil
	}
	s, problems := Read(file, content)
	if s == nil {
		return nil, problems
	}
	return s.Encode(), problems
}

// Beside reads the files beside a table: what the table's reader gives is turned into what package rules reads. A name
// such as prices.xlsx#Sheet is a sheet with rows. found gets what is wrong with a workbook.
func Beside(folder string, read rules.TableReader, found func(source.Problems)) rules.TableReader {
	return func(name string) ([]byte, error) {
		file, sheet, rows := strings.Cut(name, "#")
		content, err := read(file)
		if err != nil || !strings.EqualFold(path.Ext(file), ".xlsx") {
			return content, err
		}
		place := path.Join(folder, file)
		if !rows {
			text, problems := Text(place, content)
			found(problems)
			if text == nil {
				return nil, fmt.Errorf("%s: %w", place, problems.Err())
			}
			return text, nil
		}
		grid, problems := ReadRows(place, content, sheet)
		found(problems)
		if grid.Header == nil {
			return nil, fmt.Errorf("it holds no rows")
		}
		return grid.Encode(), nil
	}
}
