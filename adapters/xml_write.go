package adapters

import (
	"bytes"
	"encoding/xml"
	"fmt"
	"regexp"
	"strings"
	"unicode/utf8"

	"crosswalk/rules"
	"crosswalk/source"
)

var (
	xmlName   = regexp.MustCompile(`^([A-Za-z_][A-Za-z0-9_.-]*:)?[A-Za-z_][A-Za-z0-9_.-]*$`)
	xmlPrefix = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_.-]*$`)
)

// checkXML makes sure that the names in a tree can be those of elements and attributes, and that their prefixes are
// declared.
func checkXML(node *source.Node, namespaces map[string]string) {
	switch node.Kind() {
	case source.List:
		for _, item := range node.List() {
			checkXML(item, namespaces)
		}
	case source.Map:
		if node.Get("each").Exists() && node.Get("give").Exists() {
			checkXML(node.Get("give"), namespaces)
			return
		}
		if node.Get("shape").Exists() && node.Get("with").Exists() {
			return
		}
		for _, key := range node.Keys() {
			name := strings.TrimPrefix(key, "@")
			prefix, _, prefixed := strings.Cut(name, ":")
			switch {
			case key == "#text":
			case !xmlName.MatchString(name):
				node.KeyNode(key).Errorf("", "%q cannot be the name of an element", key)
			case prefixed && namespaces[prefix] == "":
				node.KeyNode(key).Errorf("declare it, as in namespaces: {"+prefix+": 'urn:…'}", "the prefix %q is not declared", prefix)
			}
			checkXML(node.Get(key), namespaces)
		}
	}
}

// xmlWriter writes a document. Data become text and attributes, never structure.
type xmlWriter struct{ bytes.Buffer }

// element writes a tree under a name: a mapping as an element with others in it, in the order of the file; a list as the
// element so many times; what is missing not at all.
func (w *xmlWriter) element(name string, t *tree, vars map[string]rules.Value) error {
	switch {
	case t.each != nil:
		return iterate(t.each.loops, vars, func(inner map[string]rules.Value) error {
			holds, err := condition(t.each.where, inner)
			if err != nil || !holds {
				return err
			}
			return w.element(name, t.each.give, inner)
		})
	case t.use != nil:
		inner, err := t.use.filled(vars)
		if err != nil {
			return err
		}
		return w.element(name, t.use.shape.give, inner)
	case t.isList:
		for _, item := range t.items {
			if err := w.element(name, item, vars); err != nil {
				return err
			}
		}
		return nil
	case t.leaf != nil:
		value, err := t.leaf.Eval(vars)
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		return w.value(name, value)
	}
	inner := &xmlWriter{}
	attributes := &xmlWriter{}
	for i, key := range t.keys {
		if err := w.part(key, t.fields[i], vars, attributes, inner); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	w.close(name, attributes, inner)
	return nil
}

// part writes one field of a mapping: an attribute, the element's own text, or an element.
func (w *xmlWriter) part(key string, t *tree, vars map[string]rules.Value, attributes, inner *xmlWriter) error {
	if key != "#text" && !strings.HasPrefix(key, "@") {
		return inner.element(key, t, vars)
	}
	value, err := t.eval(vars)
	if err != nil {
		return fmt.Errorf("%s: %w", key, err)
	}
	return addText(key, value, attributes, inner)
}

// value writes a value under a name.
func (w *xmlWriter) value(name string, value rules.Value) error {
	switch value.Kind() {
	case rules.KindMissing:
		return nil
	case rules.KindList:
		for _, item := range value.Items() {
			if err := w.value(name, item); err != nil {
				return err
			}
		}
		return nil
	case rules.KindRecord:
		attributes, inner := &xmlWriter{}, &xmlWriter{}
		for i, key := range value.Keys() {
			field := value.Items()[i]
			if key == "#text" || strings.HasPrefix(key, "@") {
				if err := addText(key, field, attributes, inner); err != nil {
					return fmt.Errorf("%s: %w", name, err)
				}
				continue
			}
			if !xmlName.MatchString(key) || strings.Contains(key, ":") {
				return fmt.Errorf("%s: %q cannot be the name of an element", name, key)
			}
			if err := inner.value(key, field); err != nil {
				return fmt.Errorf("%s: %w", name, err)
			}
		}
		w.close(name, attributes, inner)
		return nil
	}
	inner := &xmlWriter{}
	if err := inner.text(value.String()); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	w.close(name, &xmlWriter{}, inner)
	return nil
}

// addText writes an attribute, or the text of an element that has attributes.
func addText(key string, value rules.Value, attributes, inner *xmlWriter) error {
	switch kind := value.Kind(); {
	case kind == rules.KindMissing:
		return nil
	case kind == rules.KindList || kind == rules.KindRecord:
		return fmt.Errorf("%s: a %s is no text", key, kind)
	case key == "#text":
		return inner.text(value.String())
	case !xmlName.MatchString(key[1:]):
		return fmt.Errorf("%q cannot be the name of an attribute", key[1:])
	}
	attributes.WriteString(" " + key[1:] + `="`)
	if err := attributes.text(value.String()); err != nil {
		return fmt.Errorf("%s: %w", key, err)
	}
	attributes.WriteByte('"')
	return nil
}

func (w *xmlWriter) close(name string, attributes, inner *xmlWriter) {
	w.WriteString("<" + name)
	w.Write(attributes.Bytes())
	if inner.Len() == 0 {
		w.WriteString("/>")
		return
	}
	w.WriteByte('>')
	w.Write(inner.Bytes())
	w.WriteString("</" + name + ">")
}

// text writes text with everything escaped that could be structure. What XML cannot carry is refused: to leave it out
// would change the data unseen.
func (w *xmlWriter) text(text string) error {
	for _, r := range text {
		if r == utf8.RuneError || r < 0x20 && r != '\t' && r != '\n' && r != '\r' || r == 0xFFFE || r == 0xFFFF {
			return fmt.Errorf("XML cannot carry the character %U", r)
		}
	}
	return xml.EscapeText(w, []byte(text))
}
