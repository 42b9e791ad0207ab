package workspace

import (
	"path/filepath"
	"regexp"
	"slices"

	"crosswalk/source"
)

// systemName is what stands before the point in a call, so it must be a plain name.
var systemName = regexp.MustCompile(`^[a-z][a-z0-9_]{0,39}$`)

func sortedKeys[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for key := range m {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	return keys
}

// keysOf returns the keys of a mapping in the order of the file and reports anything else.
func keysOf(node *source.Node) []string {
	if !node.Exists() {
		return nil
	}
	node.Map()
	return node.Keys()
}

// localPath says whether a path stays inside the folder that it is relative to.
func localPath(name string) bool { return filepath.IsLocal(filepath.FromSlash(name)) }
