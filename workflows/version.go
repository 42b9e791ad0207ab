package workflows

// The versions of the interpreter. A version is added whenever the commands of an existing path change; a recorded
// history of it is kept in testdata/histories, and no version is ever removed. A case keeps, in run.version, the one
// that it began with.
const (
	// versionFirst is the interpreter as it was first released.
	versionFirst = 1
	// versionUndo goes on in a new run while much is undone, does nothing again of which a write may have been carried
	// out, and writes down anew what a continued case waits for if something else was written down meanwhile.
	versionUndo = 2

	engineVersion = versionUndo
)
