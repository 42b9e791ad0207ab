package spreadsheet

import (
	"archive/zip"
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"path"
	"slices"
	"strings"
)

// The limits of a workbook. They bound time and memory for hostile files; honest ones stay far below.
const (
	MaxBytes  = 4 << 20  // of the file
	maxPart   = 16 << 20 // of one part of it, unpacked
	maxParts  = 32 << 20 // of all parts together that are read
	maxDepth  = 64       // of elements in a part
	maxSheets = 100
	maxTexts  = 400_000 // shared strings
	maxCells  = 400_000 // with content, on one sheet
	maxRow    = 10_000  // the last row that may have content
	maxColumn = 256     // the last column that may have content
	maxMerged = 10_000
)

// refusal is why a file is not read at all: what is wrong and what to do.
type refusal struct{ message, hint string }

func (r *refusal) Error() string { return r.message }

func refuse(hint, format string, args ...any) error {
	return &refusal{fmt.Sprintf(format, args...), hint}
}

const saveAgain = "open it in the spreadsheet program and save it as Excel workbook (.xlsx)"

// container gives access to the parts of a workbook.
type container struct {
	parts map[string]*zip.File
	left  int64 // bytes that may still be unpacked
}

// open finds out what a file is, and refuses everything but a plain workbook.
func open(file string, content []byte) (*container, error) {
	switch {
	case len(content) == 0:
		return nil, refuse(saveAgain, "the file is empty")
	case len(content) > MaxBytes:
		return nil, refuse("split it, or remove pictures and other sheets", "the file has %d bytes; at most %d are read", len(content), MaxBytes)
	case bytes.HasPrefix(content, []byte("\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1")):
		if bytes.Contains(content, utf16("EncryptedPackage")) {
			return nil, refuse("save it without a password: File > Info > Protect Workbook", "the workbook is encrypted with a password")
		}
		return nil, refuse(saveAgain, "this is a workbook of the old kind (.xls)")
	case !bytes.HasPrefix(content, []byte("PK")):
		return nil, refuse(saveAgain, "this is not an Excel workbook, whatever its name says")
	case strings.EqualFold(path.Ext(file), ".xlsm"):
		return nil, refuse("save it as Excel workbook (.xlsx), without macros", "a workbook with macros is not read")
	}
	reader, err := zip.NewReader(bytes.NewReader(content), int64(len(content)))
	if err != nil {
		return nil, refuse(saveAgain, "the workbook is damaged: %s", err)
	}
	c := &container{parts: make(map[string]*zip.File, len(reader.File)), left: maxParts}
	for _, f := range reader.File {
		name := strings.ToLower(strings.TrimPrefix(strings.ReplaceAll(f.Name, `\`, "/"), "/"))
		switch {
		case f.Flags&1 != 0:
			return nil, refuse("save it without a password", "the workbook is encrypted")
		case c.parts[name] != nil:
			return nil, refuse(saveAgain, "the workbook is damaged: it has two parts called %s", f.Name)
		case strings.HasSuffix(name, "vbaproject.bin"), strings.HasPrefix(name, "xl/macrosheets/"):
			return nil, refuse("save it as Excel workbook (.xlsx), without macros", "a workbook with macros is not read")
		case name == "xl/workbook.bin":
			return nil, refuse(saveAgain, "this is a binary workbook (.xlsb)")
		case name == "content.xml":
			return nil, refuse("save it as Excel workbook (.xlsx)", "this is an OpenDocument spreadsheet")
		}
		c.parts[name] = f
	}
	return c, nil
}

func utf16(text string) []byte {
	var b []byte
	for _, r := range text {
		b = append(b, byte(r), 0)
	}
	return b
}

// each walks through a part. The visitor gets every element with the names of those around it, and its text
// when it ends.
func (c *container) each(name string, start func(xml.StartElement, []string) error, end func(name, text string, within []string) error) error {
	part := c.parts[strings.ToLower(name)]
	if part == nil {
		return refuse(saveAgain, "the workbook is damaged: its part %s is missing", name)
	}
	if part.UncompressedSize64 > maxPart {
		return refuse("remove what is not a rule from it", "the part %s of the workbook is too large: %d bytes, at most %d are read", name, part.UncompressedSize64, maxPart)
	}
	if part.UncompressedSize64 > uint64(c.left) {
		return refuse("remove what is not a rule from it", "the workbook is too large: at most %d bytes of it are unpacked", maxParts)
	}
	c.left -= int64(part.UncompressedSize64)
	reader, err := part.Open()
	if err != nil {
		return refuse(saveAgain, "the workbook is damaged: %s: %s", name, err)
	}
	defer reader.Close()
	limited := io.LimitReader(reader, int64(part.UncompressedSize64)) // whatever else the archive says
	decoder := xml.NewDecoder(limited)
	var within []string
	var text []byte
	for {
		token, err := decoder.Token()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return refuse(saveAgain, "the workbook is damaged: %s: %s", name, err)
		}
		switch token := token.(type) {
		case xml.Directive:
			return refuse(saveAgain, "the workbook is damaged: %s has a document type", name)
		case xml.StartElement:
			if len(within) >= maxDepth {
				return refuse(saveAgain, "the workbook is damaged: %s is nested deeper than %d levels", name, maxDepth)
			}
			if err := start(token, within); err != nil {
				return err
			}
			within, text = append(within, token.Name.Local), text[:0]
		case xml.CharData:
			text = append(text, token...)
		case xml.EndElement:
			within = within[:len(within)-1]
			if err := end(token.Name.Local, string(text), within); err != nil {
				return err
			}
			text = text[:0]
		}
	}
}

func attribute(e xml.StartElement, name string) string {
	if i := slices.IndexFunc(e.Attr, func(a xml.Attr) bool { return a.Name.Local == name }); i >= 0 {
		return e.Attr[i].Value
	}
	return ""
}

func isTrue(value string) bool { return value == "1" || value == "true" || value == "on" }

// relations reads what the ids of a part stand for: paths of other parts, by id.
func (c *container) relations(of string) (map[string]relation, error) {
	folder, name := path.Split(of)
	found := map[string]relation{}
	err := c.each(folder+"_rels/"+name+".rels", func(e xml.StartElement, _ []string) error {
		if e.Name.Local != "Relationship" || attribute(e, "TargetMode") == "External" {
			return nil // what is outside is never looked at
		}
		target := attribute(e, "Target")
		if strings.HasPrefix(target, "/") {
			target = strings.TrimPrefix(target, "/")
		} else {
			target = path.Join(folder, target)
		}
		kind := attribute(e, "Type")
		found[attribute(e, "Id")] = relation{kind: kind[strings.LastIndexByte(kind, '/')+1:], target: target}
		return nil
	}, func(string, string, []string) error { return nil })
	return found, err
}

type relation struct{ kind, target string }
