package engine

import (
	"database/sql"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	sqliteschema "go.temporal.io/server/schema/sqlite"
)

func TestNeededIndexesAreUsed(t *testing.T) {
	t.Parallel()
	visibility := database{name: "visibility", schema: "sqlite/v3/visibility", version: sqliteschema.VisibilityVersion, file: filepath.Join(t.TempDir(), "v.db")}
	require.NoError(t, visibility.prepareSchema(t.Context()))
	file, err := sql.Open("sqlite", "file:"+visibility.file)
	require.NoError(t, err)
	defer file.Close()
	var indexes int
	require.NoError(t, file.QueryRow("SELECT count(*) FROM sqlite_master WHERE type = 'index' AND tbl_name = 'executions_visibility' AND sql IS NOT NULL").Scan(&indexes))
	require.Equal(t, len(searched)+1, indexes, "the server's schema has changed its form: see lean")

	const order = ` ORDER BY COALESCE(close_time, '9999-12-31 23:59:59+00:00') DESC, start_time DESC, run_id LIMIT 10`
	for condition, index := range map[string]string{
		"Keyword01 = 'warranty' AND TemporalNamespaceDivision IS NULL": "by_keyword_01",
		"TemporalNamespaceDivision IS NULL":                            "by_temporal_namespace_division",
		"Keyword05 = 'warranty'":                                       "by_keyword_05",
		"workflow_type_name = 'complaint'":                             "by_workflow_type",
		"workflow_id = 'one'":                                          "by_workflow_id",
		"parent_workflow_id = 'one'":                                   "by_parent_workflow_id",
	} {
		rows, err := file.Query("EXPLAIN QUERY PLAN SELECT * FROM executions_visibility WHERE namespace_id = 'n' AND " + condition + order)
		require.NoError(t, err)
		var plan strings.Builder
		for rows.Next() {
			var id, parent, unused int
			var step string
			require.NoError(t, rows.Scan(&id, &parent, &unused, &step))
			plan.WriteString(step + "\n")
		}
		require.NoError(t, rows.Err())
		require.Contains(t, plan.String(), "USING INDEX "+index, condition)
	}
}
