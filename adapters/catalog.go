package adapters

import (
	"embed"
	"fmt"
	"strings"
	"sync"

	"crosswalk/contracts"
)

//go:embed catalog/*.yaml
var files embed.FS

// Catalog returns the adapters that come with the program, by name. The map is the caller's own.
func Catalog() map[string]*Adapter {
	shipped := loadCatalog()
	own := make(map[string]*Adapter, len(shipped))
	for name, adapter := range shipped {
		own[name] = adapter
	}
	return own
}

// CatalogTests returns the tests that stand beside an adapter of the catalogue.
func CatalogTests(name string) (file string, text []byte, err error) {
	file = "catalog/" + name + ".tests.yaml"
	text, err = files.ReadFile(file)
	return "adapters/" + file, text, err
}

// loadCatalog parses the embedded files once. A mistake in them is one of ours, which the tests find.
var loadCatalog = sync.OnceValue(func() map[string]*Adapter {
	entries, err := files.ReadDir("catalog")
	if err != nil {
		panic(err)
	}
	known, shipped := contracts.Catalog(), map[string]*Adapter{}
	for _, entry := range entries {
		if strings.HasSuffix(entry.Name(), ".tests.yaml") {
			continue
		}
		file := "catalog/" + entry.Name()
		text, err := files.ReadFile(file)
		if err != nil {
			panic(err)
		}
		adapter, problems := Parse("adapters/"+file, text, known)
		if problems.Err() != nil {
			panic(fmt.Sprintf("adapters: the catalogue is broken:\n%s", problems.Error()))
		}
		shipped[adapter.Name] = adapter
	}
	return shipped
})
