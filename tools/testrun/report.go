package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"time"
)

// event is one line of `go test -json`.
type event struct {
	Action, Package, ImportPath, Test, Output string
	Elapsed                                   float64
}

// report follows test runs: a line for each package, everything that a failed test said, and counts.
type report struct {
	out                               io.Writer
	output                            map[[2]string][]string
	passed, failed, skipped, packages int
	problems                          []string
}

func newReport(out io.Writer) *report {
	return &report{out: out, output: map[[2]string][]string{}}
}

func (r *report) run(packages []string, environment string, arguments ...string) {
	if len(packages) == 0 {
		return
	}
	test := exec.Command("go", append(append([]string{"test"}, arguments...), packages...)...)
	test.Env = append(os.Environ(), environment)
	test.Stderr = os.Stderr
	lines, err := test.StdoutPipe()
	if err == nil {
		err = test.Start()
	}
	if err != nil {
		r.problem("go test: %v", err)
		return
	}
	before := len(r.problems)
	if err := r.read(lines); err != nil {
		r.problem("go test: reading its output: %v", err)
	}
	// Whatever made it fail must be on the list; a reason that we did not see is one too.
	if err := test.Wait(); err != nil && len(r.problems) == before {
		r.problem("go test: %v", err)
	}
}

func (r *report) read(lines io.Reader) error {
	decoder := json.NewDecoder(lines)
	for {
		var e event
		if err := decoder.Decode(&e); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return err
		}
		r.take(e)
	}
}

func (r *report) take(e event) {
	key := [2]string{e.Package, e.Test}
	switch e.Action {
	case "build-output":
		fmt.Fprint(r.out, e.Output)
	case "output":
		r.output[key] = append(r.output[key], e.Output)
		return
	case "pass", "fail", "skip":
		if e.Test == "" {
			r.endPackage(e)
		} else {
			r.endTest(e)
		}
		delete(r.output, key)
	}
}

func (r *report) endTest(e event) {
	switch e.Action {
	case "pass":
		r.passed++
	case "skip":
		r.skipped++
		fmt.Fprintf(r.out, "skip  %s %s\n%s", e.Package, e.Test, strings.Join(r.output[[2]string{e.Package, e.Test}], ""))
	case "fail":
		r.failed++
		r.problem("%s %s", e.Package, e.Test)
		fmt.Fprintf(r.out, "FAIL  %s %s\n%s", e.Package, e.Test, strings.Join(r.output[[2]string{e.Package, e.Test}], ""))
	}
}

func (r *report) endPackage(e event) {
	if e.Action == "skip" { // a package without tests
		return
	}
	r.packages++
	if e.Action == "pass" {
		fmt.Fprintf(r.out, "ok    %-40s %6.1fs\n", e.Package, e.Elapsed)
		return
	}
	// A panic, a timeout or a build error belongs to the package or to a test that never ended.
	for key, output := range r.output {
		if key[0] == e.Package {
			fmt.Fprint(r.out, strings.Join(output, ""))
			delete(r.output, key)
		}
	}
	fmt.Fprintf(r.out, "FAIL  %-40s %6.1fs\n", e.Package, e.Elapsed)
	r.problem("%s", e.Package)
}

func (r *report) problem(format string, values ...any) {
	r.problems = append(r.problems, fmt.Sprintf(format, values...))
}

// summary prints the last line and says whether all is well. A skipped test has tested nothing, so it
// counts as a problem unless only some tests were asked for.
func (r *report) summary(took time.Duration, partial bool) bool {
	well := len(r.problems) == 0 && r.passed > 0 && (r.skipped == 0 || partial)
	verdict := "PASS"
	if !well {
		verdict = "FAIL"
		for _, problem := range r.problems {
			fmt.Fprintln(r.out, "failed:", problem)
		}
	}
	fmt.Fprintf(r.out, "%s: %d tests passed, %d failed, %d skipped, in %d packages, %s\n",
		verdict, r.passed, r.failed, r.skipped, r.packages, took.Round(time.Second))
	return well
}
