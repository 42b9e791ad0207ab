// Command testrun runs all tests of the module and ends with one line that counts them.
//
//	testrun [-race=false] [-run PATTERN] [packages]
//
// Packages whose tests start the Temporal server, or the whole program, run without the race detector: it would have to
// compile the server a second time, which takes longer than all tests together, to find races in code
// that is not ours. They run one package at a time, since each wants the machine for itself, but with twice as many tests
// at once as there are processors: these wait for other processes more than they compute. All others run with it.
package main

import (
	"bufio"
	"bytes"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path"
	"runtime"
	"slices"
	"strings"
	"time"
)

const (
	server = "go.temporal.io/server/temporal"
	whole  = "e2e" // the package whose tests run the built program, server and all
)

func main() {
	race := flag.Bool("race", true, "run what can be run with the race detector")
	pattern := flag.String("run", "", "only tests that match")
	flag.Parse()
	packages := flag.Args()
	if len(packages) == 0 {
		packages = []string{"./..."}
	}
	light, heavy, err := split(packages)
	if err != nil {
		fmt.Fprintln(os.Stderr, "testrun:", err)
		os.Exit(2)
	}
	began := time.Now()
	r := newReport(os.Stdout)
	arguments := []string{"-json", "-shuffle=on", "-timeout=30m", "-run=" + *pattern}
	if *race {
		r.run(light, "CGO_ENABLED=1", append(arguments, "-race")...)
	} else {
		r.run(light, "CGO_ENABLED=0", arguments...)
	}
	r.run(heavy, "CGO_ENABLED=0", append(arguments, "-p=1", fmt.Sprintf("-parallel=%d", 2*runtime.NumCPU()))...)
	if !r.summary(time.Since(began), *pattern != "") {
		os.Exit(1)
	}
}

// split sorts the packages that have tests by whether those link the Temporal server.
func split(packages []string) (light, heavy []string, err error) {
	list := exec.Command("go", append([]string{"list", "-test", "-f", `{{.ImportPath}} {{join .Deps " "}}`}, packages...)...)
	list.Env = append(os.Environ(), "CGO_ENABLED=0")
	list.Stderr = os.Stderr
	output, err := list.Output()
	if err != nil {
		return nil, nil, fmt.Errorf("go list: %w", err)
	}
	lines := bufio.NewScanner(bytes.NewReader(output))
	lines.Buffer(nil, 1<<24)
	for lines.Scan() {
		fields := strings.Fields(lines.Text())
		name, isTest := strings.CutSuffix(fields[0], ".test")
		switch {
		case !isTest:
		case slices.Contains(fields[1:], server), path.Base(name) == whole:
			heavy = append(heavy, name)
		default:
			light = append(light, name)
		}
	}
	return light, heavy, lines.Err()
}
