// Package workflows is the deterministic interpreter: one Temporal workflow that runs every use case.
//
// The workflow type is the use case's name and the workflow id is the case id. A case keeps its meaning (the
// bundle named by its hash) for life; how systems are reached is recorded call by call. Everything that leaves
// the process goes through package activities; everything here is a function of the workflow's history.
//
// One file holds one step kind (step_<kind>.go). Retries and timeouts stand in policy.go and nowhere else.
package workflows
