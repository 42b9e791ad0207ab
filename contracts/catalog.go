package contracts

import (
	"embed"
	"fmt"
	"sync"
)

//go:embed catalog/*.yaml
var files embed.FS

// Catalog returns the contracts that come with the program, by name. The map is the caller's own.
func Catalog() map[string]*Contract {
	shipped := loadCatalog()
	own := make(map[string]*Contract, len(shipped))
	for name, contract := range shipped {
		own[name] = contract
	}
	return own
}

// loadCatalog parses the embedded files once. A mistake in them is one of ours, which the tests find.
var loadCatalog = sync.OnceValue(func() map[string]*Contract {
	entries, err := files.ReadDir("catalog")
	if err != nil {
		panic(err)
	}
	shipped := map[string]*Contract{}
	for _, entry := range entries {
		file := "catalog/" + entry.Name()
		text, err := files.ReadFile(file)
		if err != nil {
			panic(err)
		}
		contract, problems := Parse("contracts/"+file, text)
		if problems.Err() != nil {
			panic(fmt.Sprintf("contracts: the catalogue is broken:\n%s", problems.Error()))
		}
		shipped[contract.Name] = contract
	}
	return shipped
})
