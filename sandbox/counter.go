package sandbox

import (
	"maps"
	"strings"
	"sync"
)

// counter counts requests by system and operation since the process started. What must outlive it (tickets, executed
// keys) is counted in the state.
type counter struct {
	mu sync.Mutex
	n  map[string]map[string]int
}

// add counts one request of "METHOD /path"; parts of the path with a digit other than a version are its parameters.
func (c *counter) add(system, operation string) {
	method, path, _ := strings.Cut(operation, " ")
	parts := strings.Split(path, "/")
	for i, part := range parts {
		if strings.ContainsAny(part, "0123456789") && !(len(part) == 2 && part[0] == 'v') {
			parts[i] = "{}"
		}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.n == nil {
		c.n = map[string]map[string]int{}
	}
	if c.n[system] == nil {
		c.n[system] = map[string]int{}
	}
	c.n[system][method+" "+strings.Join(parts, "/")]++
}

func (c *counter) all() map[string]map[string]int {
	c.mu.Lock()
	defer c.mu.Unlock()
	all := map[string]map[string]int{}
	for system, n := range c.n {
		all[system] = maps.Clone(n)
	}
	return all
}

func (c *counter) reset() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.n = nil
}
