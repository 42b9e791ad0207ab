package contracts

import (
	"strings"

	"crosswalk/source"
)

// Unknown reports a name for which there is no contract among those that are known. One that is known as nil has a file
// with errors, which are reported there: to say that there is none would lead away from them.
func Unknown(name *source.Node, known map[string]*Contract) {
	if _, broken := known[name.Text()]; broken {
		name.Errorf("mend that file first", "the contract %q has errors", name.Text())
		return
	}
	hint := source.DidYouMean(name.Text(), sortedKeys(known))
	if !strings.HasSuffix(hint, "?") {
		hint += "."
	}
	name.Errorf(hint+" A new one is the file contracts/"+name.Text()+".yaml", "there is no contract %q", name.Text())
}
