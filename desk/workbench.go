package desk

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"path"
	"slices"
	"strings"

	"crosswalk/rules"
	"crosswalk/rules/spreadsheet"
	"crosswalk/source"
	"crosswalk/store"
	"crosswalk/workspace"
)

// analysts are the roles that may use the workbench.
var analysts = []string{"analyst", "operator"}

// Analyst tells whether the person may work on rule tables.
func (p person) Analyst() bool { return p.analyst }

// benchTable is a table as the workbench sends and takes it: the YAML beside the rows, and the rows as texts.
type benchTable struct {
	Head   string     `json:"head"`
	Header []string   `json:"header"`
	Rows   [][]string `json:"rows"`
	Above  []string   `json:"above,omitempty"` // by row: the comments above it, each line with its #
	Below  string     `json:"below,omitempty"`
}

// tableFile is where a table stands.
type tableFile struct {
	name  string // of the table
	path  string // in the workspace
	text  []byte
	parts map[string]string
	own   bool // it is a file of the workspace, not of the catalogue
}

func (f tableFile) read(name string) ([]byte, error) {
	text, ok := f.parts[name]
	if !ok {
		return nil, fmt.Errorf("there is no file %s", name)
	}
	return []byte(text), nil
}

// tableFiles are the tables of the workspace beside which the desk runs, else those in force.
func (d *Desk) tableFiles(ctx context.Context) ([]tableFile, error) {
	var files []tableFile
	if d.Folder != "" {
		w, _ := workspace.Load(d.Folder)
		for _, one := range w.RuleTables() {
			files = append(files, tableFile{one.Name, one.File.Name, []byte(one.File.Text), one.File.Parts, !strings.Contains(one.File.Name, "/catalog/")})
		}
		return files, nil
	}
	version, err := d.Store.Version(ctx)
	if err != nil {
		return nil, err
	}
	state, err := workspace.StateAt(ctx, d.Store, version)
	if err != nil {
		return nil, err
	}
	for _, bundle := range state.Bundles {
		for name, file := range bundle.Tables {
			if !slices.ContainsFunc(files, func(f tableFile) bool { return f.name == name }) {
				files = append(files, tableFile{name, file.Name, []byte(file.Text), file.Parts, true})
			}
		}
	}
	slices.SortFunc(files, func(a, b tableFile) int { return strings.Compare(a.name, b.name) })
	return files, nil
}

func (d *Desk) tableFile(ctx context.Context, name string) (tableFile, error) {
	files, err := d.tableFiles(ctx)
	if err != nil {
		return tableFile{}, err
	}
	i := slices.IndexFunc(files, func(f tableFile) bool { return f.name == name })
	if i < 0 {
		return tableFile{}, refusal{http.StatusNotFound, "There is no table " + name + "."}
	}
	return files[i], nil
}

// draftName is the draft of one person on one table.
func draftName(table string, who person) string { return "workbench " + table + " " + who.login }

// home is the path at which a changed table is saved: one of the catalogue becomes the workspace's own.
func (f tableFile) home() string {
	if f.own {
		return f.path
	}
	return "rules/" + path.Base(f.path)
}

// rowsPath is the file that holds the rows, if it is not that of the table.
func rowsPath(f tableFile, written *rules.TableSource) string {
	if written.Rows.File == "" {
		return f.home()
	}
	return path.Join(path.Dir(f.home()), written.Rows.File)
}

// workbenchList is the page with all tables.
func (d *Desk) workbenchList(w http.ResponseWriter, r *http.Request, who person) error {
	files, err := d.tableFiles(r.Context())
	if err != nil {
		return err
	}
	drafts, err := d.Store.Drafts(r.Context())
	if err != nil {
		return err
	}
	type line struct {
		Name, Title, Path string
		Rows              int
		Broken, Draft     bool
	}
	var lines []line
	for _, f := range files {
		one := line{Name: f.name, Path: f.path, Draft: slices.ContainsFunc(drafts, func(file store.DraftFile) bool { return file.Draft == draftName(f.name, who) })}
		if table, _ := rules.ParseTable(f.path, f.text, f.read); table != nil {
			one.Title, one.Rows = table.Title, len(table.Rows())
		} else {
			one.Broken = true
		}
		lines = append(lines, one)
	}
	return d.render(w, http.StatusOK, "workbenches", page{Title: "Rules", Person: who, Here: "rules", Data: lines})
}

// workbench is the page of one table; what it holds is fetched by its script.
func (d *Desk) workbench(w http.ResponseWriter, r *http.Request, who person) error {
	f, err := d.tableFile(r.Context(), r.PathValue("table"))
	if err != nil {
		return err
	}
	return d.render(w, http.StatusOK, "workbench", page{Title: "Rules: " + f.name, Person: who, Here: "rules", Data: map[string]any{"Name": f.name, "Path": f.home(), "CanSave": d.Folder != ""}})
}

// apiTable gives a table: the person's draft of it if there is one, else as its file is.
func (d *Desk) apiTable(w http.ResponseWriter, r *http.Request, who person) error {
	f, err := d.tableFile(r.Context(), r.PathValue("table"))
	if err != nil {
		return err
	}
	text, parts, drafted := f.text, f.parts, false
	var problems source.Problems
	files, err := d.Store.Draft(r.Context(), draftName(f.name, who))
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return err
	}
	for _, file := range files {
		drafted = true
		if file.Path == f.home() {
			if text, problems = spreadsheet.Text(file.Path, file.Body); text == nil {
				return wrong("The draft cannot be read: " + problems.Error())
			}
		} else {
			parts = map[string]string{path.Base(file.Path): string(file.Body)}
		}
	}
	written, problems := rules.ReadTable(f.home(), text, tableFile{parts: parts}.read)
	if written == nil {
		return wrong("The file " + f.path + " cannot be taken apart: " + problems.Error())
	}
	table := benchOf(written)
	return answerJSON(w, map[string]any{"name": f.name, "file": f.home(), "drafted": drafted, "can_save": d.Folder != "", "table": table, "check": checkBench(f.path, table)})
}

func answerJSON(w http.ResponseWriter, document any) error {
	writeJSON(w, http.StatusOK, document)
	return nil
}

func benchOf(written *rules.TableSource) benchTable {
	var t benchTable
	var head []string
	for _, line := range written.Head {
		head = append(head, line.Text)
	}
	t.Head = strings.Join(head, "\n")
	for _, cell := range written.Rows.Header {
		t.Header = append(t.Header, cell.Text)
	}
	t.Rows = [][]string{}
	for _, row := range written.Rows.Rows {
		cells := make([]string, len(t.Header))
		for i := range min(len(cells), len(row.Cells)) {
			cells[i] = row.Cells[i].Text
		}
		t.Rows, t.Above = append(t.Rows, cells), append(t.Above, strings.Join(row.Above, "\n"))
	}
	t.Below = strings.Join(written.Rows.Below, "\n")
	return t
}

// source is the table as it can be compiled. Its cells are placed so that a problem names row and column of the grid.
func (t benchTable) source(file string) *rules.TableSource {
	s := &rules.TableSource{File: file}
	for i, line := range strings.Split(strings.ReplaceAll(t.Head, "\r\n", "\n"), "\n") {
		s.Head = append(s.Head, rules.SourceLine{Text: line, Place: rules.Place{File: file, Line: i + 1, Column: 1}})
	}
	cells := func(row int, texts []string) []rules.SourceCell {
		var all []rules.SourceCell
		for i, text := range texts {
			text = strings.Join(strings.FieldsFunc(text, func(r rune) bool { return r == '\n' || r == '\r' }), " ")
			all = append(all, rules.SourceCell{Text: text, Place: rules.Place{File: file, Cell: gridMark, Line: row + 2, Column: i + 1}})
		}
		return all
	}
	s.Rows.Header = cells(-1, t.Header)
	for i, row := range t.Rows {
		if strings.TrimSpace(strings.Join(row, "")) == "" {
			continue
		}
		one := rules.SourceRow{Cells: cells(i, row)}
		if i < len(t.Above) {
			one.Above = comments(t.Above[i])
		}
		s.Rows.Rows = append(s.Rows.Rows, one)
	}
	s.Rows.Below = comments(t.Below)
	return s
}

// gridMark tells places in the grid from those of the head.
const gridMark = "#"
