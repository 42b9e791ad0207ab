package desk

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"time"

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

// benchProblem is what is wrong with a table, at its cell: rows are counted from 0, and -1 is the header.
type benchProblem struct {
	Row      *int   `json:"row,omitempty"`
	Column   *int   `json:"column,omitempty"`
	Line     int    `json:"line,omitempty"` // of the head
	Severity string `json:"severity"`
	Message  string `json:"message"`
	Hint     string `json:"hint,omitempty"`
}

// benchFact is a fact that the table takes, for the form that tries it.
type benchFact struct {
	Path     string   `json:"path"`
	Type     string   `json:"type"`
	Title    string   `json:"title,omitempty"`
	Required bool     `json:"required"`
	Enum     []string `json:"enum,omitempty"`
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

// comments takes only lines that are comments.
func comments(text string) []string {
	var lines []string
	for _, line := range strings.Split(text, "\n") {
		if line = strings.TrimSpace(line); strings.HasPrefix(line, "#") {
			lines = append(lines, line)
		}
	}
	return lines
}

// benchCheck is what the workbench shows of a table beside its cells.
type benchCheck struct {
	OK       bool           `json:"ok"`
	Problems []benchProblem `json:"problems"`
	Kinds    []string       `json:"kinds"` // by column: input, output, other
	Facts    []benchFact    `json:"facts"`
	Findings []benchFinding `json:"findings"` // what an analysis of the whole table shows
	Title    string         `json:"title,omitempty"`
}

// benchFinding is one thing that an analysis found: it stops nobody, unless the table says that it is an error.
type benchFinding struct {
	Kind     string   `json:"kind"`
	Severity string   `json:"severity,omitempty"`
	Rows     []string `json:"rows,omitempty"`
	Message  string   `json:"message"`
	Hint     string   `json:"hint,omitempty"`
}

// benchAnalysis is how many steps the analysis takes while somebody types; the command line takes more.
const benchAnalysis = rules.AnalyzeSteps / 20

// findings analyses a table. What could not be analysed is said too.
func findings(table *rules.Table) []benchFinding {
	found := []benchFinding{}
	for _, part := range table.Parts() {
		analysis := part.Analyze(benchAnalysis)
		for _, one := range analysis.Unexplained() {
			found = append(found, benchFinding{Kind: one.Kind, Severity: string(one.Severity), Rows: one.Rows, Message: one.Message, Hint: one.Hint})
		}
		for _, one := range analysis.Unclear {
			finding := benchFinding{Kind: "unclear", Message: one.Column + ": " + one.Text + " cannot be analysed: " + one.Why}
			if one.Row != "" {
				finding.Rows, finding.Message = []string{one.Row}, "row "+one.Row+", "+finding.Message
			}
			found = append(found, finding)
		}
		for _, text := range analysis.Unchecked {
			found = append(found, benchFinding{Kind: "unchecked", Message: text})
		}
	}
	return found
}

func checkBench(file string, t benchTable) benchCheck {
	table, problems := rules.CompileTable(t.source(file))
	check := benchCheck{OK: table != nil, Problems: []benchProblem{}, Kinds: []string{}, Facts: []benchFact{}, Findings: []benchFinding{}}
	for _, p := range problems {
		check.Problems = append(check.Problems, benchProblemOf(p))
	}
	if table == nil {
		return check
	}
	check.Title = table.Title
	for _, name := range t.Header {
		kind := "other"
		if _, output := table.Outputs.Field(strings.TrimSpace(name)); output {
			kind = "output"
		} else if !slices.Contains([]string{"id", "why", "note", "off", "from", "to"}, strings.TrimSpace(name)) {
			kind = "input"
		}
		check.Kinds = append(check.Kinds, kind)
	}
	check.Facts, check.Findings = benchFacts(table.Facts, "", true, nil), findings(table)
	return check
}

func benchProblemOf(p source.Problem) benchProblem {
	one := benchProblem{Severity: string(p.Severity), Message: p.Message, Hint: p.Hint, Line: p.Line}
	if p.Cell == gridMark {
		row, column := p.Line-2, p.Column-1
		one.Row, one.Column, one.Line = &row, &column, 0
	}
	return one
}

// benchFacts lists the fields of a form; a list, and a record of unknown fields, is one field with JSON.
func benchFacts(t *rules.Type, above string, required bool, to []benchFact) []benchFact {
	for _, field := range t.Fields {
		name := above + field.Name
		needed := required && field.Required && !field.Type.Optional
		if field.Type.Kind == rules.KindRecord && len(field.Type.Fields) > 0 {
			to = benchFacts(field.Type, name+".", needed, to)
			continue
		}
		one := benchFact{Path: name, Type: field.Type.Kind.String(), Title: field.Type.Title, Required: needed}
		for _, v := range field.Type.Enum {
			one.Enum = append(one.Enum, v.String())
		}
		to = append(to, one)
	}
	return to
}

// apiTableCheck checks a table as somebody is typing it.
func (d *Desk) apiTableCheck(w http.ResponseWriter, r *http.Request, _ person) error {
	f, in, err := d.benchRequest(r)
	if err != nil {
		return err
	}
	return answerJSON(w, checkBench(f.path, in.Table))
}

// benchBody is what the workbench sends.
type benchBody struct {
	Table benchTable `json:"table"`
	Facts string     `json:"facts"` // JSON, with numbers as they were typed
	From  string     `json:"from"`
	To    string     `json:"to"`
	File  string     `json:"file"`    // of an upload
	Text  string     `json:"content"` // of an upload, in base64
}

func (d *Desk) benchRequest(r *http.Request) (tableFile, benchBody, error) {
	var in benchBody
	f, err := d.tableFile(r.Context(), r.PathValue("table"))
	if err != nil {
		return f, in, err
	}
	decoder := json.NewDecoder(r.Body)
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&in); err != nil {
		var large *http.MaxBytesError
		if errors.As(err, &large) {
			return f, in, err
		}
		return f, in, wrong("The request cannot be read: " + err.Error())
	}
	return f, in, nil
}

// compiled is the table that was sent; a table with errors can be tried no more than it can be published.
func (d *Desk) compiled(r *http.Request) (tableFile, benchBody, *rules.Table, error) {
	f, in, err := d.benchRequest(r)
	if err != nil {
		return f, in, nil, err
	}
	table, _ := rules.CompileTable(in.Table.source(f.path))
	if table == nil {
		return f, in, nil, wrong("The table has errors: correct them first.")
	}
	return f, in, table, nil
}

// apiTableTry explains what the table decides on some facts.
func (d *Desk) apiTableTry(w http.ResponseWriter, r *http.Request, _ person) error {
	_, in, table, err := d.compiled(r)
	if err != nil {
		return err
	}
	facts, err := rules.FromJSON([]byte(in.Facts))
	if err != nil {
		return wrong("The facts cannot be read: " + err.Error())
	}
	explained, err := table.Explain(facts)
	if err != nil {
		return wrong(strings.TrimPrefix(err.Error(), "table "+table.Name+": "))
	}
	return answerJSON(w, explained)
}

// apiTableTests runs the tests that stand beside the table, or in its file, on the table as it was sent.
func (d *Desk) apiTableTests(w http.ResponseWriter, r *http.Request, _ person) error {
	f, in, err := d.benchRequest(r)
	if err != nil {
		return err
	}
	s := in.Table.source(f.path)
	if before, _ := rules.ReadTable(f.path, f.text, f.read); before != nil {
		s.Tests = before.Tests
	}
	table, _ := rules.CompileTable(s)
	if table == nil {
		return wrong("The table has errors: correct them first.")
	}
	tests, problems := table.OwnTests()
	folder := rules.CatalogTests()
	if f.own && d.Folder != "" {
		folder = os.DirFS(filepath.Join(d.Folder, "rules"))
	}
	if !f.own || d.Folder != "" {
		names, err := workspace.TableTestFiles(folder, f.name, table)
		if err != nil {
			return wrong(err.Error())
		}
		for _, name := range names {
			more, found, err := workspace.ReadTableTests(folder, name, "rules/"+name, table)
			if err != nil {
				return err
			}
			tests, problems = append(tests, more...), append(problems, found...)
		}
	}
	results := []rules.TestResult{}
	for i := range tests {
		if tests[i].Confirmed { // what a person has not confirmed does not count
			results = append(results, table.RunTest(&tests[i]))
		}
	}
	texts := []string{}
	for _, problem := range problems.Errors() {
		texts = append(texts, problem.Error())
	}
	return answerJSON(w, map[string]any{"tests": results, "problems": texts})
}

// benchBacktest bounds how long somebody waits for a back-test on a page; the command line has no bound.
const benchBacktest = 20 * time.Second

// apiTableBacktest runs the table over recorded decisions, against what is in force.
func (d *Desk) apiTableBacktest(w http.ResponseWriter, r *http.Request, _ person) error {
	f, in, table, err := d.compiled(r)
	if err != nil {
		return err
	}
	b := workspace.Backtest{Table: table, Value: table.Value, Examples: 5}
	if b.Filter.Since, err = dayOf(in.From, 0); err != nil {
		return err
	}
	if b.Filter.Until, err = dayOf(in.To, 1); err != nil {
		return err
	}
	if b.InForce, err = workspace.TableInForce(r.Context(), d.Store, f.name, ""); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(r.Context(), benchBacktest)
	defer cancel()
	report, err := b.Run(ctx, d.Store)
	cut := errors.Is(err, context.DeadlineExceeded)
	if err != nil && !cut {
		return err
	}
	return answerJSON(w, map[string]any{"report": report, "cut": cut})
}

// dayOf is the beginning of a day, or of one some days later; the zero time if none is named.
func dayOf(text string, later int) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	day, err := time.Parse(time.DateOnly, text)
	if err != nil {
		return day, wrong("Write a day as in 2026-03-31.")
	}
	return day.AddDate(0, 0, later), nil
}
