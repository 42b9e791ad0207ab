package engine

import (
	"fmt"
	"os"
	"runtime/debug"
	"sync"
)

// collectAt is how much a process that holds the server may allocate, in per cent of what is alive, before garbage is
// collected. The server keeps tens of megabytes of caches alive and makes as much garbage in a few cases: with Go's
// default of 100 every eighth second of processor time goes into collecting.
const collectAt = 400

// suitMemory suits the garbage collector to the server, once in a process, unless the environment says otherwise.
// From half of the machine's memory on it collects more often again instead of taking more.
var suitMemory = sync.OnceFunc(func() {
	if os.Getenv("GOGC") != "" || os.Getenv("GOMEMLIMIT") != "" {
		return
	}
	if total := memory(); total > 0 {
		debug.SetGCPercent(collectAt)
		debug.SetMemoryLimit(total / 2)
	}
})

// memory is how many bytes this process may use: what its container allows, or the machine has; 0: unknown.
func memory() int64 {
	var total, allowed int64
	if text, err := os.ReadFile("/proc/meminfo"); err == nil {
		if _, err := fmt.Sscanf(string(text), "MemTotal: %d kB", &total); err == nil {
			total *= 1024
		}
	}
	if text, err := os.ReadFile("/sys/fs/cgroup/memory.max"); err == nil {
		if _, err := fmt.Sscan(string(text), &allowed); err == nil && allowed > 0 && (total == 0 || allowed < total) {
			total = allowed // "max" is no number
		}
	}
	return total
}
