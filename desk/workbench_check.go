package desk

import (
	"net/http"
	"slices"
	"strings"

	"crosswalk/rules"
	"crosswalk/source"
)

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
