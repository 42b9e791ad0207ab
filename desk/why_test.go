package desk

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"crosswalk/rules"
)

func TestWhyThisRowAndNoOther(t *testing.T) {
	t.Parallel()
	s := newScene(t, "").seed()
	ada := s.as(agent)
	status, page := ada.get("/cases/" + s.caseID)
	require.Equal(t, http.StatusOK, status)
	for _, words := range []string{"Why this row and no other: remedy", "Row H3 decided: remedy: refund", "text is it leaks , the row wants a text that starts with zzz", "months is 30, the row wants at most 24",
		"with months 24 instead of 30, row H2 matches, and row H2 decides: remedy: replace", "The table as it was then is not stored any more."} {
		require.Contains(t, strings.ReplaceAll(page, "&#34;", ""), words)
	}
	status, page = ada.get("/cases/" + s.caseID + "/why?step=remedy")
	require.Equal(t, http.StatusOK, status)
	require.Contains(t, page, "Row H3 decided")
	for _, path := range []string{"/why", "/why?step=nothing", "/why?step=remedy&generation=2"} {
		status, _ = ada.get("/cases/" + s.caseID + path)
		require.Equal(t, http.StatusNotFound, status, path)
	}
	status, _ = ada.get("/cases/nothing/why?step=remedy")
	require.Equal(t, http.StatusNotFound, status)
}

func TestALargeTableIsShortened(t *testing.T) {
	t.Parallel()
	v := explainedView{Near: make([]rules.NearMiss, 30)}
	for i := range 100 {
		v.Rows = append(v.Rows, rules.ExplainedRow{TableRow: &rules.TableRow{Row: fmt.Sprintf("R%d", i)}, Misses: make([]rules.Miss, 1+i%4)})
	}
	v.Rows[90].Misses = nil
	v.shorten()
	require.Len(t, v.Rows, explainedRows)
	require.Equal(t, 100-explainedRows, v.More)
	require.Len(t, v.Near, explainedNear)
	require.Equal(t, "R90", v.Rows[len(v.Rows)-2].Row, "what matched is there, in the order of the table")
}
