package workflows

// The versions of the interpreter. A version is added whenever the commands of an existing path change; a recorded
// history of it is kept in testdata/histories, and no version is ever removed. A case keeps, in run.version, the one
// that it began with.
const (
	// versionFirst is the interpreter as it was first released.
	versionFirst = 1

	engineVersion = versionFirst
)
