package rules

import (
	"embed"
	"io/fs"
	"slices"
	"strings"
)

//go:embed catalog/*.yaml
var shipped embed.FS

// Catalog holds the tables that come with the program, one file each.
func Catalog() fs.FS { return shippedFiles(false) }

// CatalogTests holds the tests of the tables that come with the program.
func CatalogTests() fs.FS { return shippedFiles(true) }

func shippedFiles(tests bool) fs.FS {
	sub, err := fs.Sub(shipped, "catalog")
	if err != nil {
		panic(err) // the name is a constant
	}
	return tablesOrTests{sub, tests}
}

// tablesOrTests lists one of the two kinds of files that lie beside each other.
type tablesOrTests struct {
	fs.FS
	tests bool
}

// ReadDir leaves out the files of the other kind.
func (f tablesOrTests) ReadDir(name string) ([]fs.DirEntry, error) {
	entries, err := fs.ReadDir(f.FS, name)
	return slices.DeleteFunc(entries, func(e fs.DirEntry) bool { return strings.Contains(e.Name(), ".tests.") != f.tests }), err
}
