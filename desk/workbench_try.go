package desk

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"crosswalk/rules"
	"crosswalk/workspace"
)

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
