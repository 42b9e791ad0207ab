package main

import (
	"embed"
	"os"
	"path/filepath"

	"crosswalk/source"
	"crosswalk/workspace"
)

// checkCatalogue checks everything that is shipped, as the workspace of the demo company uses it.
func checkCatalogue() source.Problems {
	dir, err := os.MkdirTemp("", "crosswalk-check-*")
	if err != nil {
		return source.Problems{{File: "catalogue", Severity: source.SeverityError, Message: err.Error()}}
	}
	defer os.RemoveAll(dir)
	if err := writeDemo(dir, sampleAddresses(), false); err != nil {
		return source.Problems{{File: "catalogue", Severity: source.SeverityError, Message: err.Error()}}
	}
	w, problems := workspace.Load(dir)
	for i := range problems {
		problems[i].File = filepath.Join("catalogue", problems[i].File)
	}
	_, inTests := readTests(w, "catalogue", nil, func(string) bool { return true })
	problems = append(problems, inTests...)
	return problems
}

//go:embed demo
var demoFiles embed.FS
