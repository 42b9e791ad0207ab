package main

import (
	"os"
	"path/filepath"

	"crosswalk/adapters"
	"crosswalk/adapters/conformance"
	"crosswalk/contracts"
)

// The pages of the catalogue's adapters are made of their files.
//go:generate go run . schemas --adapters ../../docs/adapters

// adapterPages are the pages of the catalogue's adapters by file name.
func adapterPages() (map[string]string, error) {
	all, known := adapters.Catalog(), contracts.Catalog()
	pages, tests := map[string]string{}, map[string]*conformance.Tests{}
	for name, adapter := range all {
		file, text, err := adapters.CatalogTests(name)
		if err != nil {
			return nil, err
		}
		read, problems := conformance.Parse(file, text, adapter)
		if err := problems.Err(); err != nil {
			return nil, err
		}
		tests[name] = read
		pages[name+".md"] = conformance.Page(adapter, read, known)
	}
	pages["README.md"] = conformance.Index(all, tests)
	return pages, nil
}

// writeAdapterPages writes the pages into a folder, and takes away those of adapters that are gone.
func writeAdapterPages(dir string) error {
	pages, err := adapterPages()
	if err != nil {
		return err
	}
	if err := os.MkdirAll(dir, 0o750); err != nil {
		return err
	}
	present, err := filepath.Glob(filepath.Join(dir, "*.md"))
	if err != nil {
		return err
	}
	for _, path := range present {
		if _, still := pages[filepath.Base(path)]; !still {
			if err := os.Remove(path); err != nil {
				return err
			}
		}
	}
	for name, text := range pages {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil { //#nosec G306 -- documentation is for everybody
			return err
		}
	}
	return nil
}
