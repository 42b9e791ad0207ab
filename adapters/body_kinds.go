package adapters

import (
	"bytes"
	"crypto/rand"
	"encoding/base64"
	"fmt"
	"mime/multipart"
	"net/textproto"
	"strings"

	"crosswalk/rules"
	"crosswalk/source"
)

// bodyKinds are the fields that hold a body, of which a request has one.
var bodyKinds = []string{"json", "form", "graphql", "soap", "xml", "multipart", "file"}

// The forms in which an answer comes.
const (
	answerJSON   = "json"
	answerXML    = "xml"
	answerCSV    = "csv"
	answerText   = "text"
	answerBase64 = "base64"
	answerSOAP   = "soap"
)

var answerForms = []string{answerJSON, answerXML, answerCSV, answerText, answerBase64}

// accepts is what we say that we take.
var accepts = map[string]string{answerXML: "application/xml, text/xml", answerCSV: "text/csv", answerText: "text/*, */*;q=0.5", answerBase64: "*/*"}

// encodeXML writes a document with one root.
func encodeXML(t *tree, vars map[string]rules.Value) ([]byte, error) {
	w := &xmlWriter{}
	w.WriteString(`<?xml version="1.0" encoding="UTF-8"?>` + "\n")
	if err := w.element(t.keys[0], t.fields[0], vars); err != nil {
		return nil, fmt.Errorf("xml: %w", err)
	}
	return w.Bytes(), nil
}

// encodeMultipart writes a form with files: a record with content or base64 is a file, everything else a field.
func encodeMultipart(value rules.Value) (body []byte, contentType string, err error) {
	var buffer bytes.Buffer
	w := multipart.NewWriter(&buffer)
	if err := w.SetBoundary("crosswalk-" + strings.ToLower(rand.Text())); err != nil {
		return nil, "", err
	}
	for i, name := range value.Keys() {
		field := value.Items()[i]
		if err := writePart(w, name, field); err != nil {
			return nil, "", fmt.Errorf("multipart: %s: %w", name, err)
		}
	}
	err = w.Close()
	return buffer.Bytes(), w.FormDataContentType(), err
}

func writePart(w *multipart.Writer, name string, field rules.Value) error {
	switch field.Kind() {
	case rules.KindMissing:
		return nil
	case rules.KindList:
		for _, item := range field.Items() {
			if err := writePart(w, name, item); err != nil {
				return err
			}
		}
		return nil
	case rules.KindRecord:
		content, contentType, err := fileContent(field)
		if err != nil {
			return err
		}
		header := textproto.MIMEHeader{"Content-Type": {contentType}}
		header.Set("Content-Disposition", fmt.Sprintf(`form-data; name="%s"; filename="%s"`, quoteName(name), quoteName(field.Get("name").String())))
		part, err := w.CreatePart(header)
		if err == nil {
			_, err = part.Write(content)
		}
		return err
	default:
		return w.WriteField(quoteName(name), field.String())
	}
}

// quoteName keeps a name within its quotes, as browsers do.
func quoteName(name string) string {
	return strings.NewReplacer("\\", "%5C", `"`, "%22", "\r", "%0D", "\n", "%0A").Replace(name)
}

// fileContent is the content of a file: {name, type, content} as text, or {name, type, base64}.
func fileContent(file rules.Value) (content []byte, contentType string, err error) {
	contentType = file.Get("type").Text()
	if contentType == "" {
		contentType = "application/octet-stream"
	}
	if strings.ContainsFunc(contentType, func(r rune) bool { return r < 0x20 || r > 0x7e }) {
		return nil, "", fmt.Errorf("type: %q is not the type of a file", contentType)
	}
	if text := file.Get("content"); !text.IsMissing() {
		return []byte(text.String()), contentType, nil
	}
	if file.Get("base64").Kind() != rules.KindText {
		return nil, "", fmt.Errorf("a file needs content or base64")
	}
	content, err = base64.StdEncoding.DecodeString(file.Get("base64").Text())
	if err != nil {
		return nil, "", fmt.Errorf("base64: %w", err)
	}
	return content, contentType, nil
}

// checkRoot makes sure that a document in XML has one root.
func checkRoot(node *source.Node, in scope) *tree {
	if !node.Exists() {
		return nil
	}
	checkXML(node, map[string]string{})
	if node.Kind() != source.Map || len(node.Keys()) != 1 {
		node.Errorf("write for example xml: {order: {number: '${input.number}'}}", "a document in XML has one element that holds all others")
		return nil
	}
	return parseTree(node, in)
}

// decodeAnswer reads an answer's text by the form in which it comes. halves says how many halves of characters in JSON
// became U+FFFD.
func decodeAnswer(form string, rows table, text []byte) (value rules.Value, halves int, err error) {
	if form == "" || form == answerJSON {
		return rules.FromJSONGently(text)
	}
	value, err = decodeOther(form, rows, text)
	return value, 0, err
}

func decodeOther(form string, rows table, text []byte) (rules.Value, error) {
	switch form {
	case answerXML:
		return readXML(text)
	case answerSOAP:
		return readSOAP(text)
	case answerCSV:
		return rows.readAll(text)
	case answerBase64:
		return rules.Text(base64.StdEncoding.EncodeToString(text)), nil
	default:
		return rules.Text(strings.ToValidUTF8(string(text), "\uFFFD")), nil
	}
}
