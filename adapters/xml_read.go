package adapters

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"strings"

	"golang.org/x/text/encoding/htmlindex"

	"crosswalk/rules"
)

// The bounds of a document in XML; its bytes are bounded before.
const (
	maxXMLDepth  = 100
	maxXMLTokens = 1_000_000
)

// errXML begins every complaint about a document.
var errXML = errors.New("not XML that an adapter reads")

// element is one element while it is read.
type element struct {
	name     string
	text     strings.Builder
	fields   map[string]rules.Value
	several  map[string][]rules.Value // what came more than once
	nothing  bool                     // xsi:nil
	children int
}

// readXML reads a document as a record with its root: elements and attributes (with @ before the name) by their local
// names, what comes several times as a list, text as text; an element with attributes and text has the text as #text.
// There are no document types, no entities but XML's own five, and nothing is ever fetched.
func readXML(text []byte) (rules.Value, error) {
	decoder := xml.NewDecoder(bytes.NewReader(text))
	decoder.CharsetReader = charsetReader
	root := &element{}
	open := []*element{root}
	for tokens := 0; ; tokens++ {
		token, err := decoder.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return rules.Value{}, fmt.Errorf("%w: %s", errXML, strings.TrimPrefix(err.Error(), "XML syntax error "))
		}
		if tokens > maxXMLTokens {
			return rules.Value{}, fmt.Errorf("%w: more than %d elements and texts", errXML, maxXMLTokens)
		}
		top := open[len(open)-1]
		switch token := token.(type) {
		case xml.StartElement:
			if len(open) > maxXMLDepth {
				return rules.Value{}, fmt.Errorf("%w: more than %d elements in one another", errXML, maxXMLDepth)
			}
			if top == root && root.children > 0 {
				return rules.Value{}, fmt.Errorf("%w: more after its end", errXML)
			}
			open = append(open, startElement(token))
		case xml.EndElement:
			open = open[:len(open)-1]
			open[len(open)-1].add(top.name, top.value())
			open[len(open)-1].children++
		case xml.CharData:
			if top == root && len(bytes.TrimSpace(token)) > 0 {
				return rules.Value{}, fmt.Errorf("%w: text outside of its root", errXML)
			}
			top.text.Write(token)
		case xml.Directive:
			return rules.Value{}, fmt.Errorf("%w: it declares a document type", errXML)
		}
	}
	if root.children == 0 {
		return rules.Value{}, fmt.Errorf("%w: it is empty", errXML)
	}
	return root.record(), nil
}

// charsetReader reads the encodings that a document may name; the decoder itself knows UTF-8.
func charsetReader(label string, input io.Reader) (io.Reader, error) {
	encoding, err := htmlindex.Get(label)
	if err != nil {
		return nil, fmt.Errorf("unknown encoding %q", label)
	}
	return encoding.NewDecoder().Reader(input), nil
}

func startElement(token xml.StartElement) *element {
	e := &element{name: token.Name.Local}
	for _, attribute := range token.Attr {
		switch {
		case attribute.Name.Space == "xmlns" || attribute.Name.Local == "xmlns":
		case strings.HasSuffix(attribute.Name.Space, "XMLSchema-instance"):
			e.nothing = e.nothing || attribute.Name.Local == "nil" && (attribute.Value == "true" || attribute.Value == "1")
		default:
			e.add("@"+attribute.Name.Local, rules.Text(attribute.Value))
		}
	}
	return e
}

func (e *element) add(name string, value rules.Value) {
	if e.fields == nil {
		e.fields = map[string]rules.Value{}
	}
	if list, have := e.several[name]; have {
		e.several[name] = append(list, value)
		return
	}
	if before, have := e.fields[name]; have {
		if e.several == nil {
			e.several = map[string][]rules.Value{}
		}
		e.several[name] = []rules.Value{before, value}
		return
	}
	e.fields[name] = value
}

// value is what the element is: missing, a text, or a record.
func (e *element) value() rules.Value {
	text := e.text.String()
	switch {
	case e.nothing:
		return rules.Missing()
	case len(e.fields) == 0:
		return rules.Text(text)
	case strings.TrimSpace(text) != "":
		e.add("#text", rules.Text(text))
	}
	return e.record()
}

func (e *element) record() rules.Value {
	for name, list := range e.several {
		e.fields[name] = rules.List(list...)
	}
	return rules.Record(e.fields)
}
