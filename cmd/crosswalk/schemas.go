package main

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"crosswalk/adapters"
	"crosswalk/adapters/conformance"
	"crosswalk/casetest"
	"crosswalk/contracts"
	"crosswalk/robots"
	"crosswalk/rules"
	"crosswalk/source"
	"crosswalk/usecases"
	"crosswalk/workspace"
)

// The reference is made of what the loaders know of their files.
//go:generate go run . schemas --reference --output ../../docs/reference.md

// formats are all kinds of files that people write, in the order in which they meet them.
func formats() []*source.Format {
	all := workspace.Formats()[:1]
	all = append(all, usecases.Format(), casetest.Format(), rules.TableFormat(), rules.ChainFormat(), rules.TableVersionsFormat())
	all = append(all, workspace.Formats()[1:]...)
	all = append(all, adapters.Format(), conformance.Format())
	all = append(all, robots.Formats()...)
	return append(all, contracts.Format(), rules.TestsFormat())
}

// schemaFolder is where schemas lie in a workspace.
const schemaFolder = "schemas"

func schemasCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "schemas [DIR | KIND]",
		Short: "Write the JSON Schemas of all kinds of files, for editors; or print one, or the reference",
		Long: `Writes a JSON Schema for every kind of file into a folder, by default schemas/ of the workspace here. Editors that know
YAML (those with the YAML language server) then offer the fields with their meaning, and underline what is misspelt. A file names
its schema in its first line, as the files of crosswalk init do:

  # yaml-language-server: $schema=../schemas/usecase.schema.json

With the name of a kind the schema is printed instead. Run it again after an upgrade of crosswalk.
The kinds: ` + strings.Join(formatNames(), ", "),
		Example: "  crosswalk schemas\n  crosswalk schemas acme/schemas\n  crosswalk schemas usecase\n  crosswalk schemas --reference > reference.md",
		Args:    atMostOne,
		RunE:    schemas,
		ValidArgsFunction: func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
			return formatNames(), cobra.ShellCompDirectiveDefault
		},
	}
	c.Flags().Bool("reference", false, "print the reference of all files as Markdown")
	c.Flags().String("adapters", "", "write the pages of the catalogue's adapters, as Markdown, into this folder")
	c.Flags().String("output", "", "write to this file what would be printed")
	jsonFlag(c)
	return c
}

func formatNames() []string {
	var names []string
	for _, f := range formats() {
		names = append(names, f.Name)
	}
	return names
}

func schemas(c *cobra.Command, args []string) error {
	output, _ := c.Flags().GetString("output")
	if whole, _ := c.Flags().GetBool("reference"); whole {
		if len(args) > 0 {
			return usageError("--reference is about all kinds of files: leave out %q", args[0])
		}
		return printTo(c, output, []byte(reference()))
	}
	if dir, _ := c.Flags().GetString("adapters"); dir != "" {
		if len(args) > 0 {
			return usageError("--adapters is about the catalogue: leave out %q", args[0])
		}
		if err := writeAdapterPages(dir); err != nil {
			return systemError(err)
		}
		return nil
	}
	if len(args) == 1 {
		if i := slices.IndexFunc(formats(), func(f *source.Format) bool { return f.Name == args[0] }); i >= 0 {
			text, err := formats()[i].Schema()
			if err != nil {
				return systemError(err)
			}
			return printTo(c, output, text)
		}
	}
	dir := schemaFolder
	switch {
	case output != "":
		return usageError("--output is for a single text: name a kind (%s), or use --reference", strings.Join(formatNames(), ", "))
	case len(args) == 1 && !strings.ContainsAny(args[0], `/\.`) && source.Nearest(args[0], formatNames()) != "" && !exists(args[0]):
		return usageError("there is no kind of file %q (%s); for a folder of that name write ./%s", args[0], source.DidYouMean(args[0], formatNames()), args[0])
	case len(args) == 1:
		dir = args[0]
	case workspaceDir(nil) == "":
		return usageError("there is no workspace here: name the folder for the schemas, or a kind of file (%s)", strings.Join(formatNames(), ", "))
	}
	written, err := writeSchemas(dir)
	if err != nil {
		return systemError(err)
	}
	if wantsJSON(c) {
		return printJSON(c, map[string]any{"folder": dir, "files": written})
	}
	for _, name := range written {
		fmt.Fprintln(c.OutOrStdout(), filepath.Join(dir, name))
	}
	return nil
}

func exists(name string) bool {
	_, err := os.Stat(name)
	return err == nil
}

func printTo(c *cobra.Command, file string, text []byte) error {
	if file == "" {
		_, err := c.OutOrStdout().Write(text)
		return err
	}
	if err := os.WriteFile(file, text, 0o644); err != nil {
		return systemError(err)
	}
	return nil
}

// writeSchemas writes the schemas of all kinds of files into a folder.
func writeSchemas(dir string) ([]string, error) {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, err
	}
	var written []string
	for _, f := range formats() {
		text, err := f.Schema()
		if err != nil {
			return nil, err
		}
		if err := os.WriteFile(filepath.Join(dir, f.SchemaFile()), text, 0o644); err != nil {
			return nil, err
		}
		written = append(written, f.SchemaFile())
	}
	return written, nil
}

// schemaLine is the first line of a file of a workspace, by its path in it.
func schemaLine(name string) string {
	kind := formatOf(name)
	if kind == "" {
		return ""
	}
	up := strings.Repeat("../", strings.Count(filepath.ToSlash(name), "/"))
	return source.SchemaLine(up + schemaFolder + "/" + kind + ".schema.json")
}

// formatOf is the kind of a file of a workspace, by its path in it; "" for one that has no schema.
func formatOf(name string) string {
	folder, base, inside := strings.Cut(filepath.ToSlash(name), "/")
	switch {
	case !strings.HasSuffix(name, ".yaml"):
		return ""
	case name == "crosswalk.yaml":
		return "crosswalk"
	case name == "roles.yaml":
		return "roles"
	case !inside:
		return ""
	}
	switch {
	case folder == "rules" && strings.HasSuffix(base, ".tests.yaml"):
		return "rule-tests"
	case folder == "usecases" && strings.HasSuffix(base, casetest.Extension):
		return "usecase-tests"
	case folder == "usecases":
		return "usecase"
	case folder == "rules":
		return "rule-table"
	case folder == "adapters" && !strings.HasSuffix(base, ".tests.yaml"):
		return "adapter"
	case folder == "adapters":
		return "adapter-tests"
	case folder == "robots" && strings.HasSuffix(base, ".system.yaml"):
		return "robot-system"
	case folder == "robots":
		return "robot"
	case folder == "contracts":
		return "contract"
	}
	return ""
}

// reference is all formats as one page.
func reference() string {
	var b strings.Builder
	b.WriteString(`# Reference of all files

This page is made of what the program itself knows of its files (` + "`crosswalk schemas --reference`" + `), as are the JSON Schemas that
` + "`crosswalk schemas`" + ` writes for editors. It lists every field; the pages named beside each kind explain how they are used.

A *condition* is an expression of [the language](expressions.md); in texts, ` + "`${…}`" + ` holds an expression. A *duration* is written as
` + "`30s`, `10 minutes`, `2h` or `3 days`" + `; [working time](usecases.md#working-time) as ` + "`2 business days`" + `. An empty column says that
nothing holds if the field is left out. Unknown fields are errors everywhere.

| kind | files | |
|---|---|---|
`)
	for _, f := range formats() {
		fmt.Fprintf(&b, "| [%s](#%s) | `%s` | %s |\n", f.Name, strings.ReplaceAll(strings.ToLower(f.Title), " ", "-"), f.Files, f.About)
	}
	for _, f := range formats() {
		b.WriteString("\n" + f.Reference())
	}
	return b.String()
}
