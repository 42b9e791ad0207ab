package main

import (
	"strings"
	"testing"
	"time"
)

func TestReport(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		events, wanted string
		partial, well  bool
	}{
		"all pass": {`{"Action":"output","Package":"p","Test":"A","Output":"chatter\n"}
{"Action":"pass","Package":"p","Test":"A"}
{"Action":"pass","Package":"p","Elapsed":1.5}`, "ok    p                                           1.5s\nPASS: 1 tests passed, 0 failed, 0 skipped, in 1 packages, 2s\n", false, true},
		"a failure with its words": {`{"Action":"output","Package":"p","Test":"A","Output":"why\n"}
{"Action":"fail","Package":"p","Test":"A"}
{"Action":"fail","Package":"p","Elapsed":1}`, "FAIL  p A\nwhy\nFAIL  p                                           1.0s\nfailed: p A\nfailed: p\nFAIL: 0 tests passed, 1 failed, 0 skipped, in 1 packages, 2s\n", false, false},
		"a panic in a test that never ends": {`{"Action":"output","Package":"p","Test":"A","Output":"panic\n"}
{"Action":"fail","Package":"p","Elapsed":1}`, "panic\nFAIL  p                                           1.0s\nfailed: p\nFAIL: 0 tests passed, 0 failed, 0 skipped, in 1 packages, 2s\n", false, false},
		"skipped": {`{"Action":"pass","Package":"p","Test":"A"}
{"Action":"skip","Package":"p","Test":"B"}`, "skip  p B\nFAIL: 1 tests passed, 0 failed, 1 skipped, in 0 packages, 2s\n", false, false},
		"skipped, some asked for": {`{"Action":"pass","Package":"p","Test":"A"}
{"Action":"skip","Package":"p","Test":"B"}`, "skip  p B\nPASS: 1 tests passed, 0 failed, 1 skipped, in 0 packages, 2s\n", true, true},
		"nothing": {``, "FAIL: 0 tests passed, 0 failed, 0 skipped, in 0 packages, 2s\n", false, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var out strings.Builder
			r := newReport(&out)
			if err := r.read(strings.NewReader(test.events)); err != nil {
				t.Fatal(err)
			}
			if well := r.summary(2*time.Second, test.partial); well != test.well || out.String() != test.wanted {
				t.Fatalf("well %v, wanted %v; said\n%s\nwanted\n%s", well, test.well, out.String(), test.wanted)
			}
		})
	}
}
