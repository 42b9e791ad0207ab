package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// tree lists a process and all that descend from it.
func tree(root int) []int {
	children := map[int][]int{}
	entries, _ := filepath.Glob("/proc/[0-9]*/stat")
	for _, entry := range entries {
		pid, fields, ok := readStat(entry)
		if !ok {
			continue
		}
		parent, _ := strconv.Atoi(fields[1])
		children[parent] = append(children[parent], pid)
	}
	all := []int{root}
	for i := 0; i < len(all); i++ {
		all = append(all, children[all[i]]...)
	}
	return all
}

// readStat returns what follows the name in /proc/PID/stat: state, parent, …
func readStat(path string) (pid int, fields []string, ok bool) {
	text, err := os.ReadFile(path)
	if err != nil {
		return 0, nil, false // it ended meanwhile
	}
	name, rest, found := strings.Cut(string(text), "(")
	pid, err = strconv.Atoi(strings.TrimSpace(name))
	end := strings.LastIndex(rest, ")")
	if !found || err != nil || end < 0 {
		return 0, nil, false
	}
	fields = strings.Fields(rest[end+1:])
	return pid, fields, len(fields) > 15
}

// ticks is the kernel's unit of CPU time on every Linux that Go runs on.
const ticksPerSecond = 100

// cpuSeconds is the CPU time of a process tree, with that of processes that ended and were waited for: a browser's
// renderers end with their pages, and their zygote waits for them.
func cpuSeconds(root int) float64 {
	var sum int
	for _, pid := range tree(root) {
		_, fields, ok := readStat(fmt.Sprintf("/proc/%d/stat", pid))
		if !ok {
			continue
		}
		for _, field := range fields[11:15] { // utime, stime, and those of waited-for children
			ticks, _ := strconv.Atoi(field)
			sum += ticks
		}
	}
	return float64(sum) / ticksPerSecond
}

// memoryMiB is the memory of a process tree; what several share is divided among them (PSS). The root counts only if
// the driver does.
func memoryMiB(root int, withDriver bool) float64 {
	var kib int
	for _, pid := range tree(root) {
		if pid == root && !withDriver {
			continue
		}
		text, err := os.ReadFile(fmt.Sprintf("/proc/%d/smaps_rollup", pid))
		if err != nil {
			continue
		}
		for line := range strings.Lines(string(text)) {
			if rest, ok := strings.CutPrefix(line, "Pss:"); ok {
				number, _ := strconv.Atoi(strings.Fields(rest)[0])
				kib += number
			}
		}
	}
	return float64(kib) / 1024
}

// load is the machine's load now, as the kernel says it.
func load() string {
	text, err := os.ReadFile("/proc/loadavg")
	if err != nil {
		return "unknown"
	}
	return strings.Join(strings.Fields(string(text))[:3], " ")
}
