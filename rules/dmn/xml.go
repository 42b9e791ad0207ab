package dmn

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
)

// The limits of a model. They bound time and memory for hostile files.
const (
	MaxBytes    = 4 << 20
	maxDepth    = 64
	maxElements = 200_000
)

// namespaces are those of the models of DMN; that of 1.1 has the same tables.
var namespaces = []string{
	"http://www.omg.org/spec/DMN/20151101/dmn.xsd",
	"http://www.omg.org/spec/DMN/20180521/MODEL/",
	"https://www.omg.org/spec/DMN/20191111/MODEL/",
	"https://www.omg.org/spec/DMN/20211108/MODEL/",
	"https://www.omg.org/spec/DMN/20230324/MODEL/",
}

// element is an element of the model with its place. Elements of other vocabularies (diagrams, extensions) are left out.
type element struct {
	name       string
	attributes map[string]string
	text       string
	line       int
	column     int
	children   []*element
}

func (e *element) attribute(name string) string {
	if e == nil {
		return ""
	}
	return e.attributes[name]
}

func (e *element) child(names ...string) *element {
	if e == nil {
		return nil
	}
	if i := slices.IndexFunc(e.children, func(c *element) bool { return slices.Contains(names, c.name) }); i >= 0 {
		return e.children[i]
	}
	return nil
}

func (e *element) all(name string) []*element {
	if e == nil {
		return nil
	}
	var found []*element
	for _, c := range e.children {
		if c.name == name {
			found = append(found, c)
		}
	}
	return found
}

// says is the text of an element <text> within, without the space around it.
func (e *element) says() string {
	if text := e.child("text"); text != nil {
		return strings.TrimSpace(text.text)
	}
	return ""
}

// parse reads a model. The error has the line at which it was found.
func parse(content []byte) (*element, int, error) {
	if len(content) > MaxBytes {
		return nil, 0, fmt.Errorf("the model has %d bytes; at most %d are read", len(content), MaxBytes)
	}
	decoder := xml.NewDecoder(bytes.NewReader(content))
	var root *element
	var open []*element
	skipped, count := 0, 0 // skipped is how deep we are in something that is no model
	for {
		line, column := decoder.InputPos()
		token, err := decoder.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, line, fmt.Errorf("this is not valid XML: %w", err)
		}
		switch token := token.(type) {
		case xml.Directive:
			return nil, line, errors.New("the model has a document type, which may hide what it says")
		case xml.StartElement:
			if count++; count > maxElements {
				return nil, line, fmt.Errorf("the model has more than %d elements", maxElements)
			}
			if len(open)+skipped >= maxDepth {
				return nil, line, fmt.Errorf("the model is nested deeper than %d levels", maxDepth)
			}
			if skipped > 0 || !slices.Contains(namespaces, token.Name.Space) {
				if root == nil {
					return nil, line, fmt.Errorf("this is no DMN model of version 1.2 to 1.5: its first element is %q of %q", token.Name.Local, token.Name.Space)
				}
				skipped++
				continue
			}
			e := &element{name: token.Name.Local, attributes: map[string]string{}, line: line, column: column}
			for _, a := range token.Attr {
				if a.Name.Space == "" {
					e.attributes[a.Name.Local] = a.Value
				}
			}
			if len(open) > 0 {
				last := open[len(open)-1]
				last.children = append(last.children, e)
			} else if root == nil {
				root = e
			}
			open = append(open, e)
		case xml.CharData:
			if skipped == 0 && len(open) > 0 {
				open[len(open)-1].text += string(token)
			}
		case xml.EndElement:
			if skipped > 0 {
				skipped--
			} else {
				open = open[:len(open)-1]
			}
		}
	}
	if root == nil || root.name != "definitions" {
		return nil, 1, errors.New("this is no DMN model: it has no definitions")
	}
	return root, 0, nil
}
