// Package worker is the composition root: it makes every Temporal client, loads what was published into memory,
// connects systems, and runs the workers on their task queues. Who starts, answers and looks at cases does it with
// Cases.
package worker
