// Package conformance holds an adapter to what it promises, without the product: it plays the tests that stand beside the
// file, and then disturbs every operation by itself. A server of its own answers with every status, with answers that are cut
// off, endless, of another shape or hostile, carries writes out and loses the answer, and looks at everything that reaches it.
// What it finds says which operation, which fault, what was expected, what happened, and what to change in the file.
//
// It runs over the catalogue in the tests of adapters, and over anybody's own files by `crosswalk adapters test`.
package conformance
