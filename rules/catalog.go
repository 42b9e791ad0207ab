package rules

import (
	"embed"
	"io/fs"
)

//go:embed catalog/*.yaml
var shipped embed.FS

// Catalog holds the tables that come with the program, one file each.
func Catalog() fs.FS {
	sub, err := fs.Sub(shipped, "catalog")
	if err != nil {
		panic(err) // the name is a constant
	}
	return sub
}
