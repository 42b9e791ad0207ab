package adapters

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"strings"
	"time"

	"crosswalk/contracts"
	"crosswalk/rules"
	"crosswalk/source"
)

// The protocols of files: a directory of this machine, and one of another by SFTP.
const (
	protocolFiles = "files"
	protocolSFTP  = "sftp"
)

var fileShape = source.Record(
	source.Field{Name: "name", Is: source.Text(), About: "Under requests: the name of the result.", Default: "answer", Example: "found"},
	source.Field{Name: "when", Is: source.Condition(), About: "It is made only if this holds.", Default: "it is made", Example: "input.name != missing"},
	source.Field{Name: "read", Is: source.Template(), About: "Reads a file. Each ${…} fills one place between slashes, ${segments(…)} as many as the path has.", Example: "'stock/${input.depot}.csv'"},
	source.Field{Name: "list", Is: source.Template(), About: "Lists a folder; . is the directory itself.", Example: "inbox"},
	source.Field{Name: "match", Is: source.Text(), About: "Of list: which names, with * and ?.", Default: "all", Example: "'*.csv'"},
	source.Field{Name: "write", Is: source.Template(), About: "Writes a file, whole or not at all.", Example: "'orders/${key}.csv'"},
	source.Field{Name: "move", Is: source.Template(), About: "Moves a file.", Example: "'inbox/${input.name}'"},
	source.Field{Name: "to", Is: source.Template(), About: "Of move: where to.", Example: "'done/${input.name}'"},
	source.Field{Name: "rows", Is: treeShape, About: "Of write: the rows, as a list of records.", Example: "{each: '${input.lines}', give: {sku: '${item.sku}'}}"},
	source.Field{Name: "text", Is: source.Template(), About: "Of write: a text.", Example: "'${input.text}'"},
	source.Field{Name: "json", Is: treeShape, About: "Of write: JSON.", Example: "{number: '${input.number}'}"},
	source.Field{Name: "xml", Is: source.Named(treeShape), About: "Of write: XML, one element that holds all others.", Example: "{order: {number: '${input.number}'}}"},
	source.Field{Name: "base64", Is: source.Template(), About: "Of write: any bytes.", Example: "'${input.content}'"},
	source.Field{Name: "answers", Is: source.Choice(answerForms...), About: "Of read: what the file holds.", Default: "csv", Example: "xml"},
	source.Field{Name: "csv", Is: csvShape, About: "How rows are written.", Default: "as RFC 4180 has it", Example: "{delimiter: ';', encoding: windows-1252}"},
	source.Field{Name: "where", Is: source.Condition(), About: "Which rows are kept, each seen as item, while they are read.", Default: "all", Example: "item.sku == input.sku"},
)

// fileRequest is one thing that is done with a file.
type fileRequest struct {
	kind     string // read, list, write or move
	path, to *pathTemplate
	match    string
	rows     *tree
	json     *tree
	xml      *tree
	text     *rules.Template
	base64   *rules.Template
	table    table
}

var fileKinds = []string{"read", "list", "write", "move"}

func (p *parser) fileRequest(op *Operation, node *source.Node, in scope) *request {
	fields := node.Fields(fileShape)
	r := &request{when: in.condition(fields["when"])}
	in = in.given(r.when)
	f := &fileRequest{match: fields["match"].Text()}
	r.files = f
	for _, kind := range fileKinds {
		if !fields[kind].Exists() {
			continue
		}
		if f.kind != "" {
			fields[kind].Errorf("keep one", "a request does one thing")
		}
		f.kind, f.path = kind, parseFilePath(fields[kind], in)
	}
	if f.kind == "" {
		node.Errorf("write read, list, write or move with the name of a file", "the request does nothing")
	}
	if _, err := path.Match(f.match, ""); err != nil {
		fields["match"].Errorf("write for example '*.csv'", "%q cannot be matched with names", f.match)
	}
	f.rows, f.json, f.xml = parseTree(fields["rows"], in), parseTree(fields["json"], in), checkRoot(fields["xml"], in)
	f.text, f.base64 = in.template(fields["text"]), in.template(fields["base64"])
	contents := 0
	for _, name := range []string{"rows", "json", "xml", "text", "base64"} {
		if fields[name].Exists() {
			contents++
		}
	}
	switch {
	case f.kind == "write" && contents != 1:
		node.Errorf("write rows, text, json, xml or base64", "a file needs one content, and this has %d", contents)
	case f.kind != "write" && contents > 0:
		node.Errorf("", "only what is written has a content")
	case f.kind == "move" && !fields["to"].Exists():
		node.Errorf("add to: with the new name", "nothing says where the file is moved to")
	}
	if fields["to"].Exists() {
		f.to = parseFilePath(fields["to"], in)
	}
	f.table = parseTable(fields["csv"], f.kind == "write")
	r.answers, r.rows = answerCSV, f.table
	if fields["answers"].Exists() {
		r.answers = fields["answers"].OneOf(answerForms...)
	}
	r.where = in.with("item", anything).condition(fields["where"])
	r.writes = f.kind == "write" || f.kind == "move"
	if r.writes && op.Effect == contracts.Read {
		node.Errorf("", "%s changes something, and %s only reads", f.kind, op.Name)
	}
	return r
}

// parseFilePath reads the name of a file below the connection's directory.
func parseFilePath(node *source.Node, in scope) *pathTemplate {
	t := parsePieces(node, in)
	if literal := strings.Join(t.literals, "x"); strings.HasPrefix(literal, "/") || strings.Contains(literal, "..") || strings.ContainsAny(literal, "\\\x00") || literal == "" {
		node.Errorf("write a name below the directory, as in orders/new.csv", "%q leads elsewhere", node.Text())
	}
	return t
}

// file writes the name of a file. A value never adds a folder, leaves one out, climbs, or makes a file hidden.
func (t *pathTemplate) file(vars map[string]rules.Value) (string, error) {
	var name strings.Builder
	for i, expression := range t.values {
		name.WriteString(t.literals[i])
		value, err := expression.Eval(vars)
		if err != nil {
			return "", fmt.Errorf("name: %w", err)
		}
		places := []rules.Value{value}
		if expression.Type().Kind == rules.KindList && value.Len() > 0 { // of segments(…), and never what a system answers
			places = value.Items()
		}
		for n, place := range places {
			text := place.String()
			if kind := place.Kind(); kind == rules.KindList || kind == rules.KindRecord || text == "" || strings.HasPrefix(text, ".") || len(text) > 200 ||
				strings.ContainsFunc(text, func(r rune) bool { return r < 0x20 || strings.ContainsRune(`/\:*?"<>|`, r) || r == 0x7f }) {
				return "", fmt.Errorf("%q cannot stand in the name of a file", text)
			}
			if n > 0 {
				name.WriteByte('/')
			}
			name.WriteString(text)
		}
	}
	name.WriteString(t.literals[len(t.values)])
	return path.Clean(name.String()), nil
}

// folder is a directory that holds an adapter's files. Names are below it, with slashes.
type folder interface {
	open(ctx context.Context) (openFolder, error)
	close()
}

// openFolder is a folder while a call uses it.
type openFolder interface {
	read(name string) (io.ReadCloser, error)
	list(name string) ([]fs.FileInfo, error)
	// write makes the file appear whole, in place of one of that name, or not at all: it is written as the part, which is renamed.
	write(name, part string, content []byte) error
	remove(name string) error
	move(from, to string) error
	done()
}

// file does what a request says.
func (c *Connection) file(ctx context.Context, e *exchange, op *Operation, r *request, vars map[string]rules.Value) (rules.Value, error) {
	name, err := r.files.path.file(vars)
	if err != nil {
		return rules.Value{}, unexpected(op, r, err)
	}
	to, content := "", []byte(nil)
	if r.files.to != nil {
		if to, err = r.files.to.file(vars); err != nil {
			return rules.Value{}, unexpected(op, r, err)
		}
	}
	if r.files.kind == "write" {
		if content, err = r.files.content(vars); err != nil {
			return rules.Value{}, unexpected(op, r, err)
		}
	}
	if err := unmended(ctx, r, func() string { return name + " " + to }, content); err != nil {
		return rules.Value{}, unexpected(op, r, err)
	}
	var answer rules.Value
	err = c.attempt(ctx, e, op, func(ctx context.Context) *contracts.Error {
		open, err := c.folder.open(ctx)
		if err != nil {
			failure := c.fileError(err)
			failure.NothingSent = true
			return failure
		}
		defer open.done()
		switch r.files.kind {
		case "list":
			answer, err = r.files.listed(open, name)
		case "write":
			err = writeWhole(ctx, open, name, vars["key"].Text(), content)
			answer = rules.Record(map[string]rules.Value{"name": rules.Text(name), "size": rules.Number(rules.Int(int64(len(content))))})
		case "move":
			err = open.move(name, to)
			answer = rules.Record(map[string]rules.Value{"name": rules.Text(to)})
		default:
			answer, err = c.readFile(ctx, op, r, open, name, vars)
		}
		if err == nil {
			return nil
		}
		failure := c.fileError(err)
		if e.writes && failure.Class == contracts.Unavailable && !e.knowable {
			failure.Class = contracts.OutcomeUnknown
		}
		return failure
	})
	return answer, err
}

// content is what is written.
func (f *fileRequest) content(vars map[string]rules.Value) ([]byte, error) {
	switch {
	case f.rows != nil:
		rows, err := f.rows.eval(vars)
		if err != nil {
			return nil, fmt.Errorf("rows: %w", err)
		}
		return f.table.write(rows)
	case f.json != nil:
		value, err := f.json.eval(vars)
		return value.Plain(), err
	case f.xml != nil:
		return encodeXML(f.xml, vars)
	case f.base64 != nil:
		value, err := f.base64.Eval(vars)
		if err != nil {
			return nil, err
		}
		content, _, err := fileContent(rules.Record(map[string]rules.Value{"base64": value}))
		return content, err
	default:
		value, err := f.text.Eval(vars)
		if err != nil {
			return nil, err
		}
		return f.table.encode([]byte(value.String()))
	}
}

func (f *fileRequest) listed(open openFolder, name string) (rules.Value, error) {
	found, err := open.list(name)
	if err != nil {
		return rules.Value{}, err
	}
	items := []rules.Value{}
	for _, info := range found {
		if fits, _ := path.Match(f.match, info.Name()); !info.Mode().IsRegular() || strings.HasPrefix(info.Name(), ".") || f.match != "" && !fits {
			continue // a file that is being written begins with a dot
		}
		items = append(items, rules.Record(map[string]rules.Value{"name": rules.Text(info.Name()), "size": rules.Number(rules.Int(info.Size())), "modified": rules.Instant(info.ModTime().UTC().Truncate(time.Second))}))
		if len(items) > maxItems {
			return rules.Value{}, errTooLarge
		}
	}
	return rules.Record(map[string]rules.Value{"items": rules.List(items...)}), nil
}

// readFile reads rows while they come, and everything else within the bounds of an answer.
func (c *Connection) readFile(ctx context.Context, op *Operation, r *request, open openFolder, name string, vars map[string]rules.Value) (rules.Value, error) {
	file, err := open.read(name)
	if err != nil {
		return rules.Value{}, err
	}
	defer file.Close()
	if r.answers == answerCSV {
		kept := collection{where: r.where}
		err := r.rows.read(file, func(row rules.Value) error { return kept.add(op, rules.List(row), vars, true) })
		return rules.Record(map[string]rules.Value{"items": rules.List(kept.items...)}), err
	}
	_, most := op.Bounds()
	var text bytes.Buffer
	if _, err := io.Copy(&text, io.LimitReader(file, most+1)); err != nil {
		return rules.Value{}, err
	}
	if int64(text.Len()) > most {
		return rules.Value{}, errTooLarge
	}
	body, halves, err := decodeAnswer(r.answers, r.rows, text.Bytes())
	c.mended(ctx, op, halves)
	if err != nil {
		return rules.Value{}, fmt.Errorf("%w: %w", errRows, err)
	}
	return rules.Record(map[string]rules.Value{"body": body}), nil
}

// fileError is what an error of a folder means.
func (c *Connection) fileError(err error) *contracts.Error {
	var known *contracts.Error
	if errors.As(err, &known) {
		return known
	}
	failure := &contracts.Error{Class: contracts.Unavailable}
	switch {
	case errors.Is(err, fs.ErrNotExist):
		failure.Class, failure.Message = contracts.NotFound, "there is no such file"
	case errors.Is(err, fs.ErrPermission):
		failure.Class, failure.Message = contracts.Auth, "the user may not do that with this file"
	case errors.Is(err, errLogin), errors.Is(err, errHostKey):
		failure.Class, failure.Message = contracts.Auth, err.Error()
	case errors.Is(err, errRows), errors.Is(err, errXML):
		failure.Class, failure.Message = contracts.Drift, err.Error()
	case errors.Is(err, errTooLarge):
		failure.Class, failure.Message = contracts.Drift, err.Error()
	case errors.Is(err, errEgress):
		failure.Class, failure.Message = contracts.Internal, explain(err)
	default:
		failure.Message = explain(err)
	}
	failure.Message = c.system + ": " + failure.Message
	return failure
}
