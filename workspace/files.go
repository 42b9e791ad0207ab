package workspace

import (
	"errors"
	"io/fs"
	"path"
	"slices"
	"strings"

	"crosswalk/adapters"
	"crosswalk/robots"
	"crosswalk/rules"
	"crosswalk/source"
	"crosswalk/usecases"
)

// file is one text of a workspace or of a catalogue.
type file struct {
	name string // as problems and bundles show it
	text []byte
	own  bool // from the workspace, not from a catalogue
}

// catalogue is what stands in for what a folder of a workspace lacks; nil for a folder without one.
// Contracts are not among them: their catalogue is parsed already.
func catalogue(kind string) tree {
	switch kind {
	case "usecases":
		return folder{usecases.Catalog()}
	case "rules":
		return folder{rules.Catalog()}
	case "adapters":
		shipped := texts{}
		for name, adapter := range adapters.Catalog() {
			shipped[name+".yaml"] = string(adapter.Text)
		}
		return shipped
	case "robots":
		return folder{robots.Files()}
	default:
		return texts{}
	}
}

// tree is where the texts of a workspace lie: in a folder, or together in the store.
type tree interface {
	read(name string) ([]byte, error)
	list(folder string) ([]string, error) // the names of the files in it
}

// folder is a tree on disk, or a catalogue.
type folder struct{ fs.FS }

func (f folder) read(name string) ([]byte, error) { return fs.ReadFile(f.FS, name) }

func (f folder) list(name string) ([]string, error) {
	entries, err := fs.ReadDir(f.FS, name)
	var names []string
	for _, entry := range entries {
		if !entry.IsDir() {
			names = append(names, entry.Name())
		}
	}
	return names, err
}

// texts is a tree in memory.
type texts map[string]string

func (t texts) read(name string) ([]byte, error) {
	text, ok := t[name]
	if !ok {
		return nil, fs.ErrNotExist
	}
	return []byte(text), nil
}

func (t texts) list(folder string) ([]string, error) {
	var names []string
	for _, name := range sortedKeys(t) {
		if path.Dir(name) == folder {
			names = append(names, path.Base(name))
		}
	}
	return names, nil
}

// drafted is a tree with the files of a draft in the place of its own.
type drafted struct {
	draft Draft
	under tree
}

func (d drafted) read(name string) ([]byte, error) {
	text, there := d.draft[name]
	switch {
	case !there:
		return d.under.read(name)
	case text == nil:
		return nil, fs.ErrNotExist
	}
	return text, nil
}

func (d drafted) list(folder string) ([]string, error) {
	names, err := d.under.list(folder)
	for name, text := range d.draft {
		if path.Dir(name) != folder {
			continue
		}
		names = slices.DeleteFunc(names, func(other string) bool { return other == path.Base(name) })
		if text != nil {
			names = append(names, path.Base(name))
		}
	}
	if errors.Is(err, fs.ErrNotExist) && len(names) > 0 {
		err = nil // the draft makes the folder
	}
	slices.Sort(names)
	return names, err
}

// files gives access to the texts of a workspace. It notes what it could not read.
type files struct {
	root     tree
	bare     bool // no catalogue stands behind it: it holds everything that it needs
	problems source.Problems
}

// read returns a file of the workspace by its path, or nil if it is not there.
func (f *files) read(name string) *file {
	text, err := f.root.read(name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		f.problems = append(f.problems, source.Problem{File: name, Severity: source.SeverityError, Message: "the file cannot be read: " + err.Error()})
		return nil
	}
	return &file{name: name, text: text, own: true}
}

// find returns the file of a thing by its name: the workspace's own if there is one, else the catalogue's.
func (f *files) find(kind, name string, extensions ...string) *file {
	for _, extension := range extensions {
		if own := f.read(kind + "/" + name + extension); own != nil {
			return own
		}
	}
	if f.bare || !localPath(name) || strings.Contains(name, "/") {
		return nil
	}
	for _, extension := range extensions {
		if text, err := catalogue(kind).read(name + extension); err == nil {
			return &file{name: kind + "/catalog/" + name + extension, text: text}
		}
	}
	return nil
}

// own lists the files of a folder of the workspace with one of the extensions, sorted. What Excel keeps beside an open
// workbook (~$name.xlsx) is none of them.
func (f *files) own(folder string, extensions ...string) []*file {
	names, err := f.root.list(folder)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		f.problems = append(f.problems, source.Problem{File: folder, Severity: source.SeverityError, Message: "the folder cannot be read: " + err.Error()})
	}
	var found []*file
	for _, name := range names {
		if strings.HasPrefix(name, ".") || strings.HasPrefix(name, "~$") || !slices.Contains(extensions, path.Ext(name)) || strings.Contains(name, ".tests.") {
			continue
		}
		if one := f.read(folder + "/" + name); one != nil {
			found = append(found, one)
		}
	}
	return found
}

// tests lists the files of tests of a use case: NAME.tests.yaml and NAME.WHAT.tests.yaml. Those of the catalogue are
// about the catalogue's use case, so a workspace with a use case of its own has its own tests too.
func (f *files) tests(useCase string) []usecases.File {
	_, err := f.root.read("usecases/" + useCase + ".yaml")
	shipped := errors.Is(err, fs.ErrNotExist)
	found := map[string]usecases.File{}
	add := func(from tree, folder, prefix string) {
		names, _ := from.list(folder) // a folder that is not there has no tests
		for _, name := range names {
			if !strings.HasPrefix(name, useCase+".") || !strings.HasSuffix(name, ".tests.yaml") || found[name].Name != "" {
				continue
			}
			if text, err := from.read(path.Join(folder, name)); err == nil {
				found[name] = usecases.File{Name: prefix + name, Text: string(text)}
			}
		}
	}
	add(f.root, "usecases", "usecases/")
	if shipped && !f.bare {
		add(catalogue("usecases"), ".", "usecases/catalog/")
	}
	var list []usecases.File
	for _, name := range sortedKeys(found) {
		list = append(list, found[name])
	}
	return list
}

// shipped lists the names of the files of a catalogue; none if no catalogue stands behind the files.
func (f *files) shipped(kind, extension string) []string {
	if f.bare {
		return nil
	}
	names, _ := catalogue(kind).list(".") // a catalogue is embedded: it can be read
	return slices.DeleteFunc(names, func(name string) bool { return path.Ext(name) != extension || strings.Contains(name, ".tests.") })
}

// names lists what can be found in a folder, in the workspace and its catalogue.
func (f *files) names(kind string, extensions ...string) []string {
	own, _ := f.root.list(kind) // a folder that is not there is said elsewhere if it matters
	var names []string
	for _, extension := range extensions {
		for _, name := range append(f.shipped(kind, extension), own...) {
			if path.Ext(name) == extension && !strings.Contains(name, ".tests.") {
				names = append(names, stem(name))
			}
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// stem is the name of the thing that a file holds.
func stem(name string) string { return strings.TrimSuffix(path.Base(name), path.Ext(name)) }

// home is the path that a file of a catalogue would have in a workspace.
func (f *file) home() string { return strings.Replace(f.name, "/catalog/", "/", 1) }
