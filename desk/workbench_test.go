package desk

import (
	"encoding/base64"
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"crosswalk/rules"
	"crosswalk/store"
)

// bench is the workbench of a lead who is an analyst, beside a workspace.
func (s *scene) bench() *benchUser {
	s.t.Helper()
	dir := filepath.Join(s.t.TempDir(), "workspace")
	s.publish(dir, "begin")
	s.Folder = dir
	return &benchUser{s.as(boss), filepath.Join(dir, "rules", "urgency.yaml")}
}

type benchUser struct {
	*browser
	file string
}

// ask sends JSON and reads the answer.
func (b *benchUser) ask(act string, body any, into any) int {
	b.s.t.Helper()
	method, text := "GET", ""
	if body != nil {
		raw, err := json.Marshal(body)
		require.NoError(b.s.t, err)
		method, text = "POST", string(raw)
	}
	status, answer := said(b.s.t, b.do(method, "/api/rules/urgency"+act, text))
	require.NoError(b.s.t, json.Unmarshal([]byte(answer), into), answer)
	return status
}

type benchAnswer struct {
	Table    benchTable
	Check    benchCheck
	OK       bool
	Problems []benchProblem
	Drafted  bool
	CanSave  bool `json:"can_save"`
	Saved    string
	Error    string
	Content  []byte
	Text     string
	Report   struct{ Decisions, Flipped int }
}

func (b *benchUser) get() benchAnswer {
	b.s.t.Helper()
	var answer benchAnswer
	require.Equal(b.s.t, http.StatusOK, b.ask("", nil, &answer))
	return answer
}

func TestWorkbench(t *testing.T) {
	t.Parallel()
	s := newScene(t, "")
	b := s.bench()
	before, err := os.ReadFile(b.file)
	require.NoError(t, err)
	first := b.get()
	require.True(t, first.Check.OK)
	require.True(t, first.CanSave)
	require.Equal(t, []string{"id", "Danger", "Phone known", "level", "reason"}, first.Table.Header)
	require.Equal(t, []string{"other", "input", "input", "output", "output"}, first.Check.Kinds)
	require.Equal(t, []benchFact{{Path: "text", Type: "text", Required: true}, {Path: "phone_known", Type: "boolean", Required: true}}, first.Check.Facts)

	// What is wrong is said at its cell.
	table := first.Table
	table.Rows[2][3] = "latr"
	var answer benchAnswer
	require.Equal(t, http.StatusOK, b.ask("/check", map[string]any{"table": table}, &answer))
	require.False(t, answer.OK)
	require.Len(t, answer.Problems, 1)
	require.Equal(t, []int{2, 3}, []int{*answer.Problems[0].Row, *answer.Problems[0].Column})
	require.Contains(t, answer.Problems[0].Hint, `"later"`)
	require.Equal(t, http.StatusUnprocessableEntity, b.ask("/try", map[string]any{"table": table, "facts": "{}"}, &answer))
	require.Equal(t, http.StatusUnprocessableEntity, b.ask("/save", map[string]any{"table": table}, &answer))

	// A draft is kept even so, and is there again; the file is not touched.
	require.Equal(t, http.StatusOK, b.ask("/draft", map[string]any{"table": table}, &answer))
	again := b.get()
	require.True(t, again.Drafted)
	require.Equal(t, "latr", again.Table.Rows[2][3])
	now, err := os.ReadFile(b.file)
	require.NoError(t, err)
	require.Equal(t, string(before), string(now))

	// Right again: it is tried, and saved with its comments.
	table.Rows[2][3] = "today"
	_, page := said(t, b.do("POST", "/api/rules/urgency/try", string(jsonOf(t, map[string]any{"table": table, "facts": `{"text": "it drips", "phone_known": false}`}))))
	require.Contains(t, page, `Row U03 decided: level: today`)
	require.Equal(t, http.StatusUnprocessableEntity, b.ask("/try", map[string]any{"table": table, "facts": `{"text": 5}`}, &answer))
	require.Contains(t, answer.Error, "phone_known: is missing")
	require.Equal(t, http.StatusOK, b.ask("/save", map[string]any{"table": table}, &answer))
	require.Equal(t, "rules/urgency.yaml", answer.Saved)
	now, err = os.ReadFile(b.file)
	require.NoError(t, err)
	require.Equal(t, strings.Replace(string(before), "| later |", "| today |", 1), string(now), "nothing else of the file changes")
	require.False(t, b.get().Drafted)

	// Somebody else changes the file meanwhile: nothing of it is lost.
	table.Rows[0][4] = "fire"
	require.Equal(t, http.StatusOK, b.ask("/draft", map[string]any{"table": table}, &answer))
	require.NoError(t, os.WriteFile(b.file, before, 0o600))
	require.Equal(t, http.StatusConflict, b.ask("/save", map[string]any{"table": table}, &answer))
	require.Contains(t, answer.Error, "has changed since you began")
	now, err = os.ReadFile(b.file)
	require.NoError(t, err)
	require.Equal(t, string(before), string(now))
	require.Equal(t, http.StatusOK, b.ask("/discard", map[string]any{}, &answer))
	require.Equal(t, "later", b.get().Table.Rows[2][3])
}

func jsonOf(t *testing.T, v any) []byte {
	t.Helper()
	raw, err := json.Marshal(v)
	require.NoError(t, err)
	return raw
}

// TestWorkbenchProof shows what an analysis finds and what the tests beside the table say, of the table as it is typed.
func TestWorkbenchProof(t *testing.T) {
	t.Parallel()
	s := newScene(t, "")
	b := s.bench()
	first := b.get()
	for _, finding := range first.Check.Findings {
		require.Equal(t, "unclear", finding.Kind, "what cannot be analysed is said, and nothing else is found: %s", finding.Message)
	}
	table := first.Table
	table.Rows = table.Rows[:2]
	var answer struct {
		Findings []benchFinding
		Tests    []rules.TestResult
		Problems []string
	}
	require.Equal(t, http.StatusOK, b.ask("/check", map[string]any{"table": table}, &answer))
	require.True(t, slices.ContainsFunc(answer.Findings, func(f benchFinding) bool { return f.Kind == "gap" }), "%v", answer.Findings)

	name := strings.TrimSuffix(b.file, ".yaml") + ".tests.csv"
	require.NoError(t, os.WriteFile(name, []byte("id,text,phone_known,=> row\nX1,it drips,false,U03\nX2,it drips,true,U02\n"), 0o600))
	require.Equal(t, http.StatusOK, b.ask("/tests", map[string]any{"table": first.Table}, &answer))
	require.Empty(t, answer.Problems)
	result := func(id string) rules.TestResult {
		i := slices.IndexFunc(answer.Tests, func(r rules.TestResult) bool { return r.ID == id })
		require.GreaterOrEqual(t, i, 0, id)
		return answer.Tests[i]
	}
	require.True(t, result("X1").OK && result("X2").OK)
	more := strings.TrimSuffix(b.file, ".yaml") + ".more.tests.csv"
	require.NoError(t, os.WriteFile(more, []byte("id,text,phone_known,confirmed,=> row\nX3,it drips,true,true,U02\nX4,it drips,true,false,U01\n"), 0o600))
	require.Equal(t, http.StatusOK, b.ask("/tests", map[string]any{"table": first.Table}, &answer))
	require.True(t, result("X3").OK, "every file of tests beside the table is read, as the command line does")
	require.False(t, slices.ContainsFunc(answer.Tests, func(r rules.TestResult) bool { return r.ID == "X4" }), "what nobody has confirmed does not count")
	require.NoError(t, os.Remove(more))
	require.Equal(t, http.StatusOK, b.ask("/tests", map[string]any{"table": table}, &answer))
	require.Contains(t, strings.Join(answer.Problems, " "), "U03", "a test names a row that is gone")
	require.True(t, result("X2").OK)
	table.Rows[1][2] = "false"
	require.Equal(t, http.StatusOK, b.ask("/tests", map[string]any{"table": table}, &answer))
	require.False(t, result("X2").OK)
}

func TestWorkbenchFiles(t *testing.T) {
	t.Parallel()
	s := newScene(t, "")
	b := s.bench()
	table := b.get().Table
	for _, format := range []string{"csv", "yaml", "xlsx"} {
		var down, up benchAnswer
		require.Equal(t, http.StatusOK, b.ask("/download/"+format, map[string]any{"table": table}, &down))
		require.Equal(t, http.StatusOK, b.ask("/upload", map[string]any{"file": "urgency." + format, "content": base64.StdEncoding.EncodeToString(down.Content)}, &up))
		require.True(t, up.Check.OK, format)
		require.Equal(t, table.Header, up.Table.Header)
		require.Equal(t, table.Rows, up.Table.Rows, format)
	}
	var up benchAnswer
	rows := "id;Danger;Phone known;level;reason\nX1;true;-;now;danger\n"
	require.Equal(t, http.StatusOK, b.ask("/upload", map[string]any{"file": "rows.csv", "content": base64.StdEncoding.EncodeToString([]byte(rows))}, &up))
	require.Equal(t, [][]string{{"X1", "true", "-", "now", "danger"}}, up.Table.Rows)
	require.True(t, up.Check.OK, "rows alone stand under the head that the table has")
	for _, content := range []string{"", "rules: [", "\x00\xff"} {
		require.Equal(t, http.StatusUnprocessableEntity, b.ask("/upload", map[string]any{"file": "x.yaml", "content": base64.StdEncoding.EncodeToString([]byte(content))}, &up), content)
	}
	status, _ := said(t, b.do("POST", "/api/rules/urgency/download/exe", `{}`))
	require.Equal(t, http.StatusNotFound, status)
	status, _ = said(t, b.do("POST", "/api/rules/none/check", `{}`))
	require.Equal(t, http.StatusNotFound, status)
	status, _ = said(t, b.do("POST", "/api/rules/urgency/check", `{"table": {"rows": 5}}`))
	require.Equal(t, http.StatusUnprocessableEntity, status)

	// A table that is a spreadsheet stays one.
	var down, answer benchAnswer
	require.Equal(t, http.StatusOK, b.ask("/download/xlsx", map[string]any{"table": table}, &down))
	book := strings.TrimSuffix(b.file, ".yaml") + ".xlsx"
	require.NoError(t, os.Rename(b.file, b.file+".kept"))
	require.NoError(t, os.WriteFile(book, down.Content, 0o600))
	ours := b.get().Table
	ours.Rows[2][3] = "now"
	require.Equal(t, http.StatusOK, b.ask("/save", map[string]any{"table": ours}, &answer), answer.Error)
	require.Equal(t, "rules/urgency.xlsx", answer.Saved)
	require.Equal(t, "now", b.get().Table.Rows[2][3])
	ours.Rows[2][3] = "nonsense"
	require.Equal(t, http.StatusUnprocessableEntity, b.ask("/draft", map[string]any{"table": ours}, &answer))
	require.NoError(t, os.Remove(book))
	require.NoError(t, os.Rename(b.file+".kept", b.file))

	// Elsewhere than beside a workspace it is what is in force, and cannot be saved.
	s.Folder = ""
	elsewhere := b.get()
	require.False(t, elsewhere.CanSave)
	require.Equal(t, table.Rows, elsewhere.Table.Rows)
	require.Equal(t, http.StatusUnprocessableEntity, b.ask("/save", map[string]any{"table": table}, &up))
	require.Contains(t, up.Error, "download the file")
	status, page := b.browser.get("/rules")
	require.Equal(t, http.StatusOK, status)
	require.Contains(t, page, "How soon do we call back?")
	status, _ = s.as(agent).get("/rules")
	require.Equal(t, http.StatusForbidden, status)
}

func TestWorkbenchBacktest(t *testing.T) {
	t.Parallel()
	s := newScene(t, "")
	b := s.bench()
	table := b.get().Table
	made, err := s.Store.CreateCase(t.Context(), store.NewCase{UseCase: "callback"})
	require.NoError(t, err)
	require.NoError(t, s.Store.WriteRecord(t.Context(), store.Record{CaseID: made.ID, Decisions: []store.Decision{{Path: "urgency", Generation: 1, At: s.now(), Table: "urgency", Row: "U03",
		Facts: wire(t, rec("text", "it drips", "phone_known", false)), Outputs: wire(t, rec("level", "later", "reason", "x"))}}}))
	var answer benchAnswer
	require.Equal(t, http.StatusOK, b.ask("/backtest", map[string]any{"table": table}, &answer))
	require.Equal(t, 1, answer.Report.Decisions)
	require.Equal(t, 0, answer.Report.Flipped)
	table.Rows[2][3] = "today"
	require.Equal(t, http.StatusOK, b.ask("/backtest", map[string]any{"table": table, "from": "2020-01-01", "to": "2100-01-01"}, &answer))
	require.Equal(t, 1, answer.Report.Flipped)
	require.Equal(t, http.StatusUnprocessableEntity, b.ask("/backtest", map[string]any{"table": table, "from": "May"}, &answer))
}
