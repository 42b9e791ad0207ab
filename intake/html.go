package intake

import (
	"errors"
	"io"
	"strings"

	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"
)

// htmlText is what a person reads of an HTML mail, as plain text. Nothing of the markup survives, nothing is fetched.
func htmlText(document string) string {
	tokenizer := html.NewTokenizer(strings.NewReader(document))
	tokenizer.SetMaxBuf(1 << 20)
	var text strings.Builder
	skip := 0 // depth within elements whose content nobody reads
	for {
		switch tokenizer.Next() {
		case html.ErrorToken:
			if err := tokenizer.Err(); err != nil && !errors.Is(err, io.EOF) {
				text.WriteString("\n[…]")
			}
			return squeeze(text.String())
		case html.TextToken:
			if skip == 0 {
				text.WriteString(strings.Join(strings.Fields(" "+string(tokenizer.Text())+" "), " "))
				text.WriteByte(' ')
			}
		case html.StartTagToken:
			name, _ := tokenizer.TagName()
			tag := atom.Lookup(name)
			if unread(tag) {
				skip++
			}
			if breaks(tag) {
				text.WriteByte('\n')
			}
		case html.SelfClosingTagToken:
			name, _ := tokenizer.TagName()
			if breaks(atom.Lookup(name)) {
				text.WriteByte('\n')
			}
		case html.EndTagToken:
			name, _ := tokenizer.TagName()
			tag := atom.Lookup(name)
			if unread(tag) && skip > 0 {
				skip--
			}
			if breaks(tag) {
				text.WriteByte('\n')
			}
		}
	}
}

func unread(tag atom.Atom) bool {
	switch tag {
	case atom.Script, atom.Style, atom.Head, atom.Title, atom.Template, atom.Noscript, atom.Object, atom.Svg:
		return true
	}
	return false
}

func breaks(tag atom.Atom) bool {
	switch tag {
	case atom.Br, atom.P, atom.Div, atom.Tr, atom.Li, atom.H1, atom.H2, atom.H3, atom.H4, atom.Table, atom.Ul, atom.Ol, atom.Blockquote, atom.Hr:
		return true
	}
	return false
}

// squeeze trims every line and keeps at most one empty line between paragraphs.
func squeeze(text string) string {
	var lines []string
	empty := true
	for line := range strings.SplitSeq(text, "\n") {
		line = strings.TrimSpace(line)
		if line == "" && empty {
			continue
		}
		empty = line == ""
		lines = append(lines, line)
	}
	return strings.TrimSpace(strings.Join(lines, "\n"))
}
