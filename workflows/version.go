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

	// versionInside does a step inside of a loop, a branch or a choice again without what stands around it, and takes only
	// calls of systems from who is waited for, and works messages through in a case that was moved to a version which takes them.
	versionInside = 3

	// versionLate goes on with what stands in for an event that did not come, where a case that unwound there began to wait
	// anew, and takes the tasks back at once that nobody has come to again since one redo and that another one asks anew.
	versionLate = 4

	engineVersion = versionLate
)
