package rules

import "strings"

// facts is a set of paths, such as stock, lines[0] or input.from.email, that are known to hold a value. It is
// never changed once made.
type facts map[string]bool

func (f facts) has(path string) bool { return path != "" && f[path] }

// and is what is known if both are.
func (f facts) and(g facts) facts {
	switch {
	case len(g) == 0:
		return f
	case len(f) == 0:
		return g
	}
	both := make(facts, len(f)+len(g))
	for path := range f {
		both[path] = true
	}
	for path := range g {
		both[path] = true
	}
	return both
}

// or is what is known if one of the two is, nobody knows which.
func (f facts) or(g facts) facts {
	either := facts{}
	for path := range f {
		if g[path] {
			either[path] = true
		}
	}
	return either
}

// without forgets a variable, because its name now means something else.
func (f facts) without(name string) facts {
	kept := facts{}
	for path := range f {
		if path != name && !strings.HasPrefix(path, name+".") && !strings.HasPrefix(path, name+"[") {
			kept[path] = true
		}
	}
	return kept
}

// prove adds a path and all paths that it goes through: if a.b or a[0] is there, so is a.
func prove(path string) facts {
	proven := facts{}
	for path != "" {
		proven[path] = true
		cut := strings.LastIndexAny(path, ".[")
		if cut < 0 {
			break
		}
		path = path[:cut]
	}
	return proven
}
