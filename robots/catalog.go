package robots

import (
	"embed"
	"fmt"
	"io/fs"
	"strings"
	"sync"
)

//go:embed catalog/*.yaml
var files embed.FS

// Files is the catalogue of system files and robot files that comes with the program.
func Files() fs.FS {
	catalog, err := fs.Sub(files, "catalog")
	if err != nil {
		panic(err) // the folder is embedded above
	}
	return catalog
}

type shipped struct {
	systems map[string]*System
	robots  map[string]*Robot
}

// catalog parses the embedded files once. A mistake in them is one of ours, which the tests find.
var catalog = sync.OnceValue(func() shipped {
	all := shipped{systems: map[string]*System{}, robots: map[string]*Robot{}}
	names, err := fs.Glob(files, "catalog/*.yaml")
	if err != nil {
		panic(err)
	}
	for _, name := range names {
		text, err := files.ReadFile(name)
		if err != nil {
			panic(err)
		}
		if strings.HasSuffix(name, ".system.yaml") {
			system, problems := ParseSystem("robots/"+name, text)
			if problems.Err() != nil {
				panic(fmt.Sprintf("robots: the catalogue is broken:\n%s", problems.Error()))
			}
			all.systems[system.Name] = system
			continue
		}
		robot, problems := Parse("robots/"+name, text)
		if problems.Err() != nil {
			panic(fmt.Sprintf("robots: the catalogue is broken:\n%s", problems.Error()))
		}
		all.robots[robot.Name] = robot
	}
	return all
})

// CatalogRobot returns a robot of the catalogue and its system, or nil.
func CatalogRobot(name string) (*Robot, *System) {
	robot := catalog().robots[name]
	if robot == nil {
		return nil, nil
	}
	return robot, catalog().systems[robot.System]
}

// CatalogNames lists the robots of the catalogue.
func CatalogNames() []string { return sortedKeys(catalog().robots) }
