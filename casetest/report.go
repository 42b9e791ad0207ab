package casetest

import (
	"encoding/xml"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"
)

// Report is what came of a run.
type Report struct {
	Results  []Result
	Coverage []Coverage
	Took     time.Duration
}

func newReport(files []*File, results []Result, took time.Duration) *Report {
	r := &Report{Results: results, Took: took}
	done := map[string]bool{}
	for _, file := range files {
		name := file.Plan.UseCase
		if done[name] || !slices.ContainsFunc(results, func(one Result) bool { return one.UseCase == name }) {
			continue // none of its tests was asked for
		}
		done[name] = true
		r.Coverage = append(r.Coverage, coverage(file, results))
	}
	return r
}

// Failed is the number of tests that failed.
func (r *Report) Failed() int {
	failed := 0
	for _, result := range r.Results {
		if !result.OK {
			failed++
		}
	}
	return failed
}

// Text writes the report for people: the failures, then a line for each use case with what its tests reach.
func (r *Report) Text(w io.Writer, missed bool) {
	for _, result := range r.Results {
		if result.OK {
			continue
		}
		fmt.Fprintf(w, "FAIL %s: %s\n", result.UseCase, result.Name)
		for _, f := range result.Failures {
			fmt.Fprintf(w, "  %s\n", strings.ReplaceAll(f.String(), "\n", "\n    "))
		}
	}
	for _, c := range r.Coverage {
		passed, all := 0, 0
		for _, result := range r.Results {
			if result.UseCase == c.UseCase {
				all++
				if result.OK {
					passed++
				}
			}
		}
		var parts []string
		for _, kind := range Kinds() {
			if reached, of := c.Count(kind); of > 0 {
				parts = append(parts, fmt.Sprintf("%d of %d %s", reached, of, kind))
			}
		}
		fmt.Fprintf(w, "%s: %d of %d tests passed; reached: %s\n", c.UseCase, passed, all, strings.Join(parts, ", "))
		if missed {
			for _, place := range c.Missed() {
				fmt.Fprintf(w, "  %s:%d: no test reaches: %s\n", place.File, place.Line, place.What)
			}
		}
	}
}

// JSON is the report for programs.
func (r *Report) JSON() map[string]any {
	type count struct {
		Reached int `json:"reached"`
		Of      int `json:"of"`
	}
	type covered struct {
		UseCase string         `json:"use_case"`
		Counts  map[Kind]count `json:"counts"`
		Missed  []Place        `json:"missed"`
	}
	type result struct {
		Result
		Milliseconds float64 `json:"milliseconds"`
	}
	coverage, results := []covered{}, []result{}
	for _, c := range r.Coverage {
		one := covered{UseCase: c.UseCase, Counts: map[Kind]count{}, Missed: c.Missed()}
		for _, kind := range Kinds() {
			reached, of := c.Count(kind)
			one.Counts[kind] = count{reached, of}
		}
		if one.Missed == nil {
			one.Missed = []Place{}
		}
		coverage = append(coverage, one)
	}
	for _, one := range r.Results {
		results = append(results, result{one, milliseconds(one.Took)})
	}
	return map[string]any{"ok": r.Failed() == 0, "tests": results, "coverage": coverage, "milliseconds": milliseconds(r.Took)}
}

func milliseconds(d time.Duration) float64 {
	return float64(d.Microseconds()) / float64(time.Millisecond/time.Microsecond)
}

type junitSuites struct {
	XMLName  xml.Name     `xml:"testsuites"`
	Tests    int          `xml:"tests,attr"`
	Failures int          `xml:"failures,attr"`
	Time     string       `xml:"time,attr"`
	Suites   []junitSuite `xml:"testsuite"`
}

type junitSuite struct {
	Name     string      `xml:"name,attr"`
	Tests    int         `xml:"tests,attr"`
	Failures int         `xml:"failures,attr"`
	Time     string      `xml:"time,attr"`
	Cases    []junitCase `xml:"testcase"`
}

type junitCase struct {
	Class    string         `xml:"classname,attr"`
	Name     string         `xml:"name,attr"`
	File     string         `xml:"file,attr"`
	Line     int            `xml:"line,attr"`
	Time     string         `xml:"time,attr"`
	Failures []junitFailure `xml:"failure"`
}

type junitFailure struct {
	Message string `xml:"message,attr"`
	Text    string `xml:",chardata"`
}

// Suite is tests of something else, such as a rule table, that stand in the same report.
type Suite struct {
	Name  string
	Tests []SuiteTest
}

// SuiteTest is one of them. It has failed if there are failures.
type SuiteTest struct {
	Name, File string
	Line       int
	Failures   []string
}

func (s Suite) junit() junitSuite {
	suite := junitSuite{Name: s.Name, Tests: len(s.Tests), Time: seconds(0)}
	for _, test := range s.Tests {
		one := junitCase{Class: s.Name, Name: test.Name, File: test.File, Line: test.Line, Time: seconds(0)}
		for _, failure := range test.Failures {
			one.Failures = append(one.Failures, junitFailure{Message: failure, Text: fmt.Sprintf("%s:%d: %s", test.File, test.Line, failure)})
		}
		if len(test.Failures) > 0 {
			suite.Failures++
		}
		suite.Cases = append(suite.Cases, one)
	}
	return suite
}

// JUnit writes the report, and further suites after it, in the form that build servers read.
func (r *Report) JUnit(w io.Writer, more ...Suite) error {
	all := junitSuites{Tests: len(r.Results), Failures: r.Failed(), Time: seconds(r.Took)}
	for _, c := range r.Coverage {
		suite := junitSuite{Name: c.UseCase}
		var took time.Duration
		for _, result := range r.Results {
			if result.UseCase != c.UseCase {
				continue
			}
			one := junitCase{Class: c.UseCase, Name: result.Name, File: result.File, Line: result.Line, Time: seconds(result.Took)}
			for _, f := range result.Failures {
				one.Failures = append(one.Failures, junitFailure{Message: f.Message, Text: f.String()})
			}
			suite.Tests++
			if !result.OK {
				suite.Failures++
			}
			took += result.Took
			suite.Cases = append(suite.Cases, one)
		}
		suite.Time = seconds(took)
		all.Suites = append(all.Suites, suite)
	}
	for _, s := range more {
		suite := s.junit()
		all.Tests, all.Failures = all.Tests+suite.Tests, all.Failures+suite.Failures
		all.Suites = append(all.Suites, suite)
	}
	if _, err := io.WriteString(w, xml.Header); err != nil {
		return fmt.Errorf("casetest: %w", err)
	}
	encoder := xml.NewEncoder(w)
	encoder.Indent("", "  ")
	if err := encoder.Encode(all); err != nil {
		return fmt.Errorf("casetest: %w", err)
	}
	_, err := io.WriteString(w, "\n")
	return err
}

func seconds(d time.Duration) string { return fmt.Sprintf("%.3f", d.Seconds()) }
