package workspace

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"crosswalk/contracts"
	"crosswalk/source"
)

// Reference says where a secret is kept: env:NAME or file:PATH. The secret itself never stands in a
// workspace, which lives in a repository.
type Reference struct {
	text string
	base string // the folder that a relative file belongs to
}

var (
	envReference  = regexp.MustCompile(`^env:[A-Za-z_][A-Za-z0-9_]*$`)
	fileReference = regexp.MustCompile(`^file:.+$`)
)

// secretHint tells what to write instead of a literal secret.
const secretHint = "keep secrets out of the workspace: write env:NAME or file:PATH"

// parseReference reads a reference. The text of a refused one is not repeated in the message.
func parseReference(node *source.Node, base string) Reference {
	text := node.Text()
	switch {
	case !node.Exists() || node.Kind() != source.Scalar:
		return Reference{}
	case envReference.MatchString(text), fileReference.MatchString(text):
		return Reference{text: text, base: base}
	}
	node.Errorf(secretHint, "a secret must not stand here itself")
	return Reference{}
}

// IsZero says whether no reference was given.
func (r Reference) IsZero() bool { return r.text == "" }

// String is the reference as it is written, which is no secret.
func (r Reference) String() string { return r.text }

// Resolve reads the secret. It is called as late as possible, so that a secret that changed is picked up
// and one that is not needed is not read.
func (r Reference) Resolve() (contracts.Secret, error) {
	switch kind, name, _ := strings.Cut(r.text, ":"); kind {
	case "env":
		value, ok := os.LookupEnv(name)
		if !ok || value == "" {
			return contracts.Secret{}, fmt.Errorf("the environment variable %s is not set", name)
		}
		return contracts.NewSecret(value), nil
	case "file":
		path := name
		if !filepath.IsAbs(path) {
			path = filepath.Join(r.base, path)
		}
		content, err := os.ReadFile(path)
		if err != nil {
			return contracts.Secret{}, fmt.Errorf("reading a secret: %w", err)
		}
		return contracts.NewSecret(strings.TrimRight(string(content), "\r\n")), nil
	}
	return contracts.Secret{}, fmt.Errorf("no secret is referred to")
}

// setting reads a setting that may be kept outside of the workspace, for what differs between machines.
// An environment variable that is not set is an error, because what depends on it cannot be checked.
func setting(node *source.Node) string {
	text := node.Text()
	if !envReference.MatchString(text) {
		return text
	}
	name := strings.TrimPrefix(text, "env:")
	value, ok := os.LookupEnv(name)
	if !ok {
		node.Errorf("set it, or write the value here", "the environment variable %s is not set", name)
	}
	return value
}
