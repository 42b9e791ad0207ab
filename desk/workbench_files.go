package desk

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"net/http"
	"path"
	"strings"

	"crosswalk/rules"
	"crosswalk/rules/spreadsheet"
	"crosswalk/source"
	"crosswalk/store"
	"crosswalk/workspace"
)

// written is the content of the file that changes when the table is saved, with its path.
func written(f tableFile, t benchTable) (string, []byte, error) {
	before, _ := rules.ReadTable(f.path, f.text, f.read)
	s := t.source(f.path)
	name := f.home()
	if before != nil {
		name, s.Tests = rowsPath(f, before), before.Tests
		s.Rows.File = before.Rows.File
	}
	var text []byte
	var err error
	switch extension := strings.ToLower(path.Ext(f.path)); {
	case strings.Contains(strings.ToLower(s.Rows.File), ".xlsx") || extension == ".dmn":
		return "", nil, wrong("The rows of this table stand in a file that is not written here: download a spreadsheet, and put it there.")
	case extension == ".xlsx":
		if text, err = spreadsheet.Write(s); err != nil {
			return "", nil, wrong("A spreadsheet is kept only without errors: correct them first, or download CSV.")
		}
	case s.Rows.File != "":
		rows := rules.TableSource{File: s.Rows.File, Rows: s.Rows}
		rows.Rows.File = ""
		text, err = rows.CSV()
	case extension == ".csv":
		text, err = s.CSV()
	default:
		text = s.YAML()
	}
	if err != nil {
		return "", nil, wrong("The table cannot be written: " + err.Error())
	}
	return name, text, nil
}

// apiTableDraft keeps what somebody has typed, right or wrong.
func (d *Desk) apiTableDraft(w http.ResponseWriter, r *http.Request, who person) error {
	f, in, err := d.benchRequest(r)
	if err != nil {
		return err
	}
	if err := d.keepDraft(r.Context(), f, in.Table, who); err != nil {
		return err
	}
	return answerJSON(w, map[string]any{"kept": true})
}

func (d *Desk) keepDraft(ctx context.Context, f tableFile, t benchTable, who person) error {
	name, text, err := written(f, t)
	if err != nil {
		return err
	}
	base, err := d.baseOf(f, name)
	if err != nil {
		return err
	}
	return d.Store.PutDraftFile(ctx, store.DraftFile{Draft: draftName(f.name, who), Path: name, Body: text, Base: base, Present: true, Who: who.login}, false)
}

// baseOf is what a draft begins with: the file of the workspace, which may not be there, else what is in force.
func (d *Desk) baseOf(f tableFile, name string) ([]byte, error) {
	if d.Folder != "" {
		return workspace.ReadFile(d.Folder, name)
	}
	if part, ok := f.parts[path.Base(name)]; ok {
		return []byte(part), nil
	}
	return f.text, nil
}

// apiTableSave writes the draft into the workspace, unless the file has changed since the draft began.
func (d *Desk) apiTableSave(w http.ResponseWriter, r *http.Request, who person) error {
	if d.Folder == "" {
		return wrong("This desk does not run beside a workspace: download the file and put it there.")
	}
	f, in, _, err := d.compiled(r)
	if err != nil {
		return err
	}
	if err := d.keepDraft(r.Context(), f, in.Table, who); err != nil {
		return err
	}
	files, err := d.Store.Draft(r.Context(), draftName(f.name, who))
	if err != nil {
		return err
	}
	err = workspace.SaveDraft(d.Folder, files, false)
	if errors.Is(err, workspace.ErrChanged) {
		return refusal{http.StatusConflict, "The file has changed since you began, and nothing was written: download yours, discard the draft, and look at what is there now."}
	}
	if err != nil {
		return err
	}
	if _, err := d.Store.EndDraft(r.Context(), files); err != nil {
		return err
	}
	if err := d.audit(r.Context(), who, "rules.save", "", map[string]any{"table": f.name, "file": files[0].Path}); err != nil {
		return err
	}
	return answerJSON(w, map[string]any{"saved": files[0].Path})
}

// apiTableDiscard forgets a draft.
func (d *Desk) apiTableDiscard(w http.ResponseWriter, r *http.Request, who person) error {
	f, err := d.tableFile(r.Context(), r.PathValue("table"))
	if err != nil {
		return err
	}
	if err := d.Store.DiscardDraft(r.Context(), draftName(f.name, who), ""); err != nil && !errors.Is(err, store.ErrNotFound) {
		return err
	}
	return answerJSON(w, map[string]any{"discarded": true})
}

// apiTableUpload reads a file that somebody has changed elsewhere, and gives it back as a grid. Nothing is kept.
func (d *Desk) apiTableUpload(w http.ResponseWriter, r *http.Request, _ person) error {
	f, in, err := d.benchRequest(r)
	if err != nil {
		return err
	}
	content, err := base64.StdEncoding.DecodeString(in.Text)
	if err != nil {
		return wrong("The file cannot be read.")
	}
	uploaded, problems := readUpload(f, in.File, content)
	if uploaded == nil {
		return wrong("The file cannot be read: " + problems.Error())
	}
	table := benchOf(uploaded)
	return answerJSON(w, map[string]any{"table": table, "check": checkBench(f.path, table)})
}

// readUpload reads a table, or rows alone, which then stand under the head that the table has.
func readUpload(f tableFile, name string, content []byte) (*rules.TableSource, source.Problems) {
	if strings.EqualFold(path.Ext(name), ".csv") && !bytes.HasPrefix(bytes.TrimPrefix(content, []byte("\ufeff")), []byte("#")) && !bytes.HasPrefix(bytes.TrimPrefix(content, []byte("\ufeff")), []byte("\"#")) {
		before, problems := rules.ReadTable(f.path, f.text, f.read)
		if before == nil {
			return nil, problems
		}
		rows, problems := rules.ReadTable("rows.yaml", []byte("rows: rows.csv\n"), func(string) ([]byte, error) { return content, nil })
		if rows == nil || problems.Err() != nil {
			return nil, problems
		}
		before.Rows.Header, before.Rows.Rows, before.Rows.Below = rows.Rows.Header, rows.Rows.Rows, rows.Rows.Below
		return before, nil
	}
	text, problems := spreadsheet.Text(name, content)
	if text == nil || problems.Err() != nil {
		return nil, problems
	}
	read, problems := rules.ReadTable(name, text, f.read)
	if problems.Err() != nil {
		return nil, problems
	}
	return read, nil
}

// apiTableDownload writes the table that was sent as a file.
func (d *Desk) apiTableDownload(w http.ResponseWriter, r *http.Request, _ person) error {
	f, in, err := d.benchRequest(r)
	if err != nil {
		return err
	}
	s := in.Table.source(f.path)
	var content []byte
	switch r.PathValue("format") {
	case "yaml":
		content = s.YAML()
	case "csv":
		if content, err = s.CSV(); err != nil {
			return wrong("The table cannot be written as CSV: " + err.Error())
		}
	case "xlsx":
		if content, err = spreadsheet.Write(s); err != nil {
			return wrong("A spreadsheet is made only of a table without errors: correct them first, or download CSV.")
		}
	default:
		return nothingHere
	}
	return answerJSON(w, map[string]any{"file": f.name + "." + r.PathValue("format"), "content": content})
}
