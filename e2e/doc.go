// Package e2e tests the built program from outside, as its users and its enemies meet it: real processes, the demo
// company as the other side, SIGKILL at chosen and at random moments. It uses nothing of ours but the company's types.
package e2e
