package workflows

import "go.temporal.io/sdk/workflow"

// The versions of the interpreter. A version is added whenever the commands of an existing path change; a recorded
// history of it is kept in testdata/histories, and no version is ever removed.
const (
	// versionFirst is the interpreter as it was first released.
	versionFirst = 1

	engineVersion = versionFirst
)

// version is the one place that asks which version of the interpreter a case began with.
func version(ctx workflow.Context) int {
	return int(workflow.GetVersion(ctx, "engine", versionFirst, engineVersion))
}
