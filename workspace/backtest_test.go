package workspace

import (
	"encoding/json"
	"fmt"
	"os"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"crosswalk/rules"
	"crosswalk/store"
)

const worth = `rules: 1
table: worth
hit: first
facts: {amount: {type: number, required: true}, tier: {enum: [silver, gold]}}
value: amount
inputs: [amount, tier]
outputs: {route: string, share: number}
rows: |
  id | amount | tier | route | share
  A  | <= 100 | -    | auto  |
  B  | > 100  | gold | auto  |
  C  | -      | -    | human | ${amount / 10}
`

func worthTable(t testing.TB, text string) *rules.Table {
	t.Helper()
	table, problems := rules.ParseTable("rules/worth.yaml", []byte(text), nil)
	require.NoError(t, problems.Err())
	return table
}

// decide stores so many decisions of a table, with amounts from 1 up.
func decide(t testing.TB, s *store.Store, table *rules.Table, count int) {
	t.Helper()
	made, err := s.CreateCase(t.Context(), store.NewCase{UseCase: "buying"})
	require.NoError(t, err)
	record := store.Record{CaseID: made.ID}
	for i := range count {
		facts, err := rules.FromJSON([]byte(fmt.Sprintf(`{"amount": %d, "tier": "silver"}`, i+1)))
		require.NoError(t, err)
		decision, err := table.Decide(facts)
		require.NoError(t, err)
		wire, err := json.Marshal(facts)
		require.NoError(t, err)
		outputs, err := json.Marshal(decision.Outputs)
		require.NoError(t, err)
		record.Decisions = append(record.Decisions, store.Decision{Path: fmt.Sprintf("each[%d].worth", i), Generation: 1, At: time.Date(2026, 1, 1, 0, 0, i, 0, time.UTC), Table: "worth",
			TableHash: table.Hash, Row: decision.Row, Facts: wire, Outputs: outputs})
		if len(record.Decisions) == 5000 || i == count-1 {
			require.NoError(t, s.WriteRecord(t.Context(), record))
			record.Decisions = nil
		}
	}
}

func TestBacktestGroups(t *testing.T) {
	t.Parallel()
	s := openStore(t)
	table := worthTable(t, worth)
	decide(t, s, table, 3000)
	changed := worthTable(t, replaced(worth, "<= 100", "<= 200"))
	report, err := Backtest{Table: changed, InForce: table, Value: changed.Value, Examples: 2}.Run(t.Context(), s)
	require.NoError(t, err)
	require.Equal(t, []int{3000, 2900, 100, 0, 0}, []int{report.Decisions, report.Same, report.Flipped, report.Failed, report.Earlier})
	require.Len(t, report.Groups, 100, "each had a share of its own")
	require.Equal(t, "C", report.Groups[0].From.Row)
	require.Equal(t, "A", report.Groups[0].To.Row)

	// Where all have outputs of their own, memory stays bounded and the sums are complete.
	none := worthTable(t, replaced(worth, "| human | ${amount / 10}", "| human | ${amount / 20}"))
	report, err = Backtest{Table: none, InForce: table, Value: none.Value, Examples: 2}.Run(t.Context(), s)
	require.NoError(t, err)
	require.Equal(t, 2900, report.Flipped)
	require.Len(t, report.Groups, maxFlipGroups+1)
	require.True(t, report.Groups[0].Various)
	require.Equal(t, 2900-maxFlipGroups, report.Groups[0].Count)
	sum := 0
	for _, group := range report.Groups {
		total, err := strconv.Atoi(group.Total)
		require.NoError(t, err)
		sum += total
	}
	require.Equal(t, 3000*3001/2-100*101/2, sum)
	require.Len(t, report.Groups[0].Examples, 2)
}

func replaced(text, from, to string) string { return strings.Replace(text, from, to, 1) }

// TestBacktestOfMany is for measuring: CROSSWALK_BACKTEST says how many decisions there are.
func TestBacktestOfMany(t *testing.T) {
	count, err := strconv.Atoi(os.Getenv("CROSSWALK_BACKTEST"))
	if err != nil {
		count = 20_000
	}
	s := openStore(t)
	table := worthTable(t, worth)
	decide(t, s, table, count)
	changed := worthTable(t, replaced(worth, "<= 100", "<= 200"))
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	begun := time.Now()
	most := uint64(0)
	report, err := Backtest{Table: changed, InForce: table, Value: changed.Value, Examples: 2, Progress: func(done, of int) {
		require.LessOrEqual(t, done, of)
		runtime.ReadMemStats(&after)
		most = max(most, after.HeapAlloc)
	}}.Run(t.Context(), s)
	require.NoError(t, err)
	require.Equal(t, count, report.Decisions)
	t.Logf("%d decisions in %s, heap at most %d MiB", count, time.Since(begun).Round(time.Millisecond), most>>20)
	require.Less(t, most, before.HeapAlloc+(128<<20), "few decisions are held at a time")
}
