// Package casetest runs the tests that analysts write for their use cases: files beside the use case that say what
// comes in, what the systems and people answer, and what must come of it.
//
// A test runs through the interpreter and the activities that also run cases, in Temporal's test environment, where
// time is skipped. Only the systems and the people are played. A call that the test has no answer for fails the test;
// nothing is ever sent. docs/testing.md is the reference of the format.
package casetest
