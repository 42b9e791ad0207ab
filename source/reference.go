package source

import (
	"fmt"
	"strings"
)

// Reference is the format's part of the reference, in Markdown: a table of the fields of every mapping.
func (f *Format) Reference() string {
	w := &reference{format: f}
	w.printf("## %s\n\n", f.Title)
	w.printf("`%s` · schema `%s`\n\n", f.Files, f.Name)
	w.printf("%s\n", f.About)
	if f.Page != "" {
		w.printf("See [%s](%s).\n", f.Page, f.Page)
	}
	for _, part := range f.Parts() {
		if part != f.Root {
			w.printf("\n### %s: %s\n\n%s\n", f.Name, part.Name, part.About)
		}
		w.part(part)
	}
	return w.String()
}

type reference struct {
	strings.Builder
	format *Format
}

func (w *reference) printf(format string, args ...any) { fmt.Fprintf(&w.Builder, format, args...) }

// part writes the table of a part. A shape that is one of several is written as it is in words, and the mappings among
// them in the same table: which fields go together, their meaning says.
func (w *reference) part(s *Shape) {
	if s.kind != shapeRecord {
		w.printf("\nIt is %s.\n", w.kind(s))
	}
	if !holdsFields(s) {
		return
	}
	w.printf("\n| field | type | meaning | left out | example |\n|---|---|---|---|---|\n")
	w.rows("", s)
}

// rows writes the fields of a shape; those of inner mappings follow with their path.
func (w *reference) rows(path string, s *Shape) {
	switch s.kind {
	case shapeRecord:
		for _, field := range s.fields {
			if !field.Refused {
				w.field(path, field)
			}
		}
	case shapeNamed:
		w.inner(path+"*NAME*.", s.of)
	case shapeList:
		w.inner(strings.TrimSuffix(path, ".")+"[].", s.of)
	case shapeEither:
		seen := map[string]bool{}
		for _, one := range s.either {
			if one.kind == shapeList && one.of != nil && seen[fmt.Sprintf("%p", one.of)] {
				continue // a list of what may stand alone has the same fields
			}
			seen[fmt.Sprintf("%p", one)] = true
			w.inner(path, one)
		}
	}
}

// inner writes what is inside, unless it is a part, which has a table of its own.
func (w *reference) inner(path string, s *Shape) {
	if s.Name == "" {
		w.rows(path, s)
	}
}

func (w *reference) field(path string, field Field) {
	name, left := "`"+path+field.Name+"`", field.Default
	if path != "" {
		name = "`" + strings.ReplaceAll(path, "*NAME*", "NAME") + field.Name + "`"
	}
	if field.Required {
		left = "*it is needed*"
	}
	about, example := field.About, ""
	if field.Example != "" {
		example = "`" + cell(field.Example) + "`"
	}
	w.printf("| %s | %s | %s | %s | %s |\n", name, cell(w.kind(field.Is)), cell(about), cell(left), example)
	w.inner(path+field.Name+".", field.Is)
}

// cell is a text that may stand in a table.
func cell(text string) string {
	return strings.ReplaceAll(strings.ReplaceAll(text, "|", `\|`), "\n", " ")
}

// kind is what a shape is, in words.
func (w *reference) kind(s *Shape) string {
	if s.Name != "" && s != w.format.Root && !strings.HasPrefix(s.Name, "_") {
		return w.link(s.Name)
	}
	return w.plain(s)
}

func (w *reference) link(name string) string {
	return fmt.Sprintf("[%s](#%s-%s)", name, w.format.Name, strings.ReplaceAll(strings.ToLower(name), " ", "-"))
}

func (w *reference) plain(s *Shape) string {
	switch s.kind {
	case shapeWhole:
		return "whole number"
	case shapeBool:
		return "`true` or `false`"
	case shapeNothing:
		return "nothing"
	case shapeAny:
		return "any value, with `${…}`"
	case shapeRecord:
		return "mapping"
	case shapeNamed:
		return "names with " + w.many(s.of)
	case shapeList:
		return "list of " + w.many(s.of)
	case shapeRef:
		return w.link(s.words)
	case shapeEither:
		return w.alternatives(s)
	}
	if len(s.choices) > 0 {
		return "`" + strings.Join(s.choices, "` `") + "`"
	}
	if s.words != "" {
		return s.words
	}
	return "text"
}

// many is a shape as what there is a number of.
func (w *reference) many(s *Shape) string {
	word := w.kind(s)
	if s.Name != "" || len(s.choices) > 0 || s.kind == shapeRef || s.kind == shapeEither || s.kind == shapeBool || s.kind == shapeAny {
		return word
	}
	if s.kind == shapeList {
		return "lists of " + w.many(s.of)
	}
	if s.words != "" {
		return word
	}
	return word + "s"
}

func (w *reference) alternatives(s *Shape) string {
	if len(s.either) == 2 && s.either[1].kind == shapeList && s.either[1].of == s.either[0] {
		return w.kind(s.either[0]) + ", or a list"
	}
	words := []string{}
	for _, one := range s.either {
		words = append(words, w.kind(one))
	}
	return strings.Join(words, " or ")
}

func holdsFields(s *Shape) bool {
	if len(s.fields) > 0 {
		return true
	}
	for _, inner := range s.inner() {
		if inner.Name == "" && holdsFields(inner) {
			return true
		}
	}
	return false
}
