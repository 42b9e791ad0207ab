package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/spf13/cobra"

	"crosswalk/adapters"
	"crosswalk/adapters/conformance"
	"crosswalk/source"
)

func adaptersNewCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "new NAME",
		Short: "Start an adapter of one's own from one of the catalogue",
		Long: `Copies an adapter of the catalogue with its tests into adapters/ of the workspace here, under a new name. Those called generic-…
are meant for it: one for each kind of interface, REST, GraphQL, OData, SOAP, SQL, files, SFTP and mail. Replace the paths,
fields, limits and safety by those of your product; crosswalk adapters test says what does not fit yet.`,
		Example: `  crosswalk adapters new parcelo --from generic-rest
  crosswalk adapters new our-stock --from generic-sql --dir acme
  crosswalk adapters new our-shop --from woocommerce`,
		Args: exactly("NAME"),
		RunE: newAdapter,
	}
	c.Flags().String("from", "generic-rest", "the adapter of the catalogue to start from")
	c.Flags().String("dir", "", "folder of the workspace; the one here if there is one")
	jsonFlag(c)
	_ = c.RegisterFlagCompletionFunc("from", completeAdapters)
	return c
}

var adapterName = regexp.MustCompile(`^[a-z][a-z0-9]*(-[a-z0-9]+)*$`)

func newAdapter(c *cobra.Command, args []string) error {
	name := args[0]
	if !adapterName.MatchString(name) {
		return usageError("%q is no name of an adapter: small letters, digits and dashes, as in our-shop", name)
	}
	dir, _ := c.Flags().GetString("dir")
	dirs := []string{}
	if dir != "" {
		dirs = append(dirs, dir)
	}
	dir, err := needWorkspace(dirs)
	if err != nil {
		return err
	}
	from, _ := c.Flags().GetString("from")
	model := adapters.Catalog()[from]
	if model == nil {
		return contentError(fmt.Errorf("the catalogue has no adapter %q (%s)", from, source.DidYouMean(from, sortedNames(adapters.Catalog()))))
	}
	_, tests, err := adapters.CatalogTests(from)
	if err != nil {
		return err
	}
	file := filepath.Join(dir, "adapters", name+".yaml")
	text := strings.Replace(string(model.Text), "adapter: "+from+"\n", "adapter: "+name+"\n", 1)
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		return contentError(err)
	}
	files := []struct{ path, text string }{{file, text}, {conformance.TestsFile(file), string(recordedLine.ReplaceAll(tests, nil))}}
	for _, one := range files {
		if _, err := os.Lstat(one.path); !errors.Is(err, os.ErrNotExist) {
			return contentError(fmt.Errorf("%s is there already: choose another name, or remove it", one.path))
		}
	}
	for _, one := range files {
		if err := os.WriteFile(one.path, []byte(one.text), 0o644); err != nil {
			return contentError(err)
		}
	}
	if wantsJSON(c) {
		return printJSON(c, map[string]any{"adapter": name, "from": from, "file": files[0].path, "tests": files[1].path})
	}
	_, err = fmt.Fprintf(c.OutOrStdout(), "%s and %s, from %s\nnext: alter both, name the adapter as a driver in crosswalk.yaml, and run crosswalk adapters test %s\n", files[0].path, files[1].path, from, name)
	return err
}

// recordedLine says that a running system answered an example so: of an adapter that is about to become another one it did not.
var recordedLine = regexp.MustCompile(`(?m)^ +recorded: .*\n`)
