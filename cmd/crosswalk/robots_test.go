package main

import (
	"bytes"
	"database/sql"
	"encoding/base64"
	"encoding/json"
	"io/fs"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"crosswalk/sandbox"
	"crosswalk/store"
)

// commandLine runs one command line and returns what it prints.
func commandLine(t *testing.T, arguments ...string) (string, error) {
	t.Helper()
	root := rootCommand()
	var out bytes.Buffer
	root.SetOut(&out)
	root.SetErr(&out)
	root.SetArgs(arguments)
	err := root.ExecuteContext(t.Context())
	return out.String(), err
}

const parcelsUseCase = `usecase: parcels
title: Parcels of an order
input: {order: {type: string, required: true}}
steps:
  - id: found
    call: versand.find_parcels
    with: {auftrag: '${input.order}'}
  - when: len(found.rows) == 0
    end: {outcome: none}
  - end: {outcome: found}
`

// TestARecordingBecomesARobotThatAnswers is the worked example of docs/record-a-robot.md: recorded in Chrome, imported,
// checked, and run in the application, without a line that anybody wrote.
func TestARecordingBecomesARobotThatAnswers(t *testing.T) {
	world := sandbox.NewWorld(7, time.Date(2026, 11, 20, 0, 0, 0, 0, time.UTC))
	server := httptest.NewServer(sandbox.NewPortal(world, sandbox.FulfilmentLogin, sandbox.PortalOptions{}))
	t.Cleanup(server.Close)
	order := ""
	for _, one := range world.Orders {
		if digits := onlyDigits(one.Number); order == "" && len(world.ParcelsOf(one.Number)) > 0 {
			order = digits
		}
	}
	require.NotEmpty(t, order)

	recorded, err := os.ReadFile("../../examples/record-a-robot/find-parcels.json")
	require.NoError(t, err)
	text := strings.NewReplacer("http://127.0.0.1:8474", server.URL, "the-password-that-was-typed", sandbox.FulfilmentLogin.Password,
		`"value": "roboter"`, `"value": "`+sandbox.FulfilmentLogin.User+`"`, "ORDERNUMBER", order).Replace(string(recorded))
	dir := t.TempDir()
	file := filepath.Join(dir, "find-parcels.json")
	require.NoError(t, os.WriteFile(file, []byte(text), 0o600))

	acme := filepath.Join(dir, "acme")
	out, err := commandLine(t, "robots", "import", file, "--out", acme, "--system", "versand", "--yes")
	require.NoError(t, err, out)
	robot, err := os.ReadFile(filepath.Join(acme, "robots", "versand-find-parcels.yaml"))
	require.NoError(t, err)
	system, err := os.ReadFile(filepath.Join(acme, "robots", "versand.system.yaml"))
	require.NoError(t, err)
	require.Contains(t, string(robot), "frame: menu", "frames are named by their names")
	require.Contains(t, string(robot), "Sendung: {as: sendung, optional: true}", "the table of the last page is found: %s\n%s", out, robot)
	require.Contains(t, string(robot), "Datum: {as: datum, type: date, optional: true}", "what stands in its rows says what a column is")
	require.Contains(t, string(system), "browser: {dates: dd.MM.yyyy}")
	require.Contains(t, string(system), "reads_by_post: [/cgi-bin/suche]")
	require.Contains(t, string(system), "alive: {frame: menu, link: Abmelden}")

	// A recording that names the fields by their places only says nothing of a password: the pages do.
	bare := filepath.Join(dir, "bare.json")
	require.NoError(t, os.WriteFile(bare, []byte(strings.NewReplacer(`, ["input[name='kennwort']"]`, "", `["aria/Anmelden"], `, "").Replace(text)), 0o600))
	out, err = commandLine(t, "robots", "import", bare, "--out", filepath.Join(dir, "bare"), "--system", "versand", "--yes")
	require.NoError(t, err, out)
	system, err = os.ReadFile(filepath.Join(dir, "bare", "robots", "versand.system.yaml"))
	require.NoError(t, err)
	require.Contains(t, string(system), "alive: {frame: menu, link: Abmelden}", out)
	require.Contains(t, string(system), "{button: Anmelden}")

	out, err = commandLine(t, "check", acme)
	require.NoError(t, err, out)
	t.Setenv("VERSAND_USER", sandbox.FulfilmentLogin.User)
	t.Setenv("VERSAND_PASSWORD", sandbox.FulfilmentLogin.Password)
	pictures := filepath.Join(dir, "pictures")
	out, err = commandLine(t, "robots", "try", "versand", "find_parcels", "--dir", acme, "--input", `{"auftrag": "`+order+`"}`, "--pictures", pictures, "--json")
	require.NoError(t, err, "%s\n%s", out, robot)
	var tried struct {
		Output struct{ Rows []map[string]string }
		Steps  []triedStep
	}
	require.NoError(t, json.Unmarshal([]byte(out), &tried), out)
	require.NotEmpty(t, tried.Output.Rows)
	require.Contains(t, onlyDigits(tried.Output.Rows[0]["auftrag"]), order)
	require.FileExists(t, tried.Steps[len(tried.Steps)-1].Picture)
	require.FileExists(t, filepath.Join(pictures, "report.html"))

	out, err = commandLine(t, "robots", "try", "versand-find-parcels", "--dir", acme, "--input", `{"auftrag": "`+order+`"}`, "--until", "1")
	require.NoError(t, err, out)
	require.Contains(t, out, "stopped there, as asked")

	// What reads is read by a robot too where no case runs: compared with another driver, and ahead of a case.
	keys, input := filepath.Join(dir, "orders.jsonl"), filepath.Join(dir, "order.json")
	require.NoError(t, os.WriteFile(keys, []byte(`{"auftrag": "`+order+`"}`+"\n"), 0o600))
	require.NoError(t, os.WriteFile(input, []byte(`{"order": "`+order+`"}`), 0o600))
	require.NoError(t, os.MkdirAll(filepath.Join(acme, "usecases"), 0o755))
	require.NoError(t, os.WriteFile(filepath.Join(acme, "usecases", "parcels.yaml"), []byte(parcelsUseCase), 0o600))
	kept, err := store.Open(t.Context(), filepath.Join(acme, ".crosswalk"))
	require.NoError(t, err)
	defer kept.Close()
	out, err = commandLine(t, "systems", "compare", "versand", "find_parcels", "--dir", acme, "--drivers", "versand,versand", "--keys", keys, "--json")
	require.NoError(t, err, out)
	require.Contains(t, out, `"different": 0`)
	database, err := sql.Open("sqlite", filepath.Join(acme, ".crosswalk", store.FileName))
	require.NoError(t, err)
	defer database.Close()
	turns := func() (n int) {
		require.NoError(t, database.QueryRow("SELECT coalesce(sum(fence), 0) FROM leases WHERE name LIKE 'robot %'").Scan(&n))
		return n
	}
	compared := turns()
	require.Positive(t, compared, "it takes turns at the account with the workers")
	out, err = commandLine(t, "run", "parcels", "--dry-run", "--dir", acme, "--input", input)
	require.NoError(t, err, out)
	require.Contains(t, out, "read  versand.find_parcels (robot:versand)")
	require.Greater(t, turns(), compared)
	require.Contains(t, out, "ends: found")
	dried := turns()
	out, err = commandLine(t, "robots", "try", "versand-find-parcels", "--dir", acme, "--input", `{"auftrag": "`+order+`"}`, "--until", "1")
	require.NoError(t, err, out)
	require.Greater(t, turns(), dried, "so does who tries a robot")

	// The password is nowhere, in no form.
	password := sandbox.FulfilmentLogin.Password
	require.NoError(t, filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || path == file || path == bare {
			return err
		}
		written, err := os.ReadFile(path)
		for _, form := range []string{password, url.QueryEscape(password), base64.StdEncoding.EncodeToString([]byte(password))} {
			require.NotContains(t, string(written), form, path)
		}
		return err
	}))
}

func onlyDigits(text string) string {
	return strings.Map(func(r rune) rune {
		if r >= '0' && r <= '9' {
			return r
		}
		return -1
	}, text)
}
