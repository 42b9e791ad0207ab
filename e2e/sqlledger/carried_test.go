package sqlledger

import (
	"context"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"crosswalk/contracts"
	"crosswalk/robots"
	"crosswalk/rules"
)

// memory is what pages were like, of one robot.
type memory struct {
	mutex   sync.Mutex
	prints  map[string]robots.Print
	changes []robots.Change
}

func (m *memory) Prints(context.Context, robots.Version) (map[string]robots.Print, error) {
	m.mutex.Lock()
	defer m.mutex.Unlock()
	return maps.Clone(m.prints), nil
}

func (m *memory) Learn(_ context.Context, _ robots.Version, seen []robots.Seen) error {
	m.mutex.Lock()
	defer m.mutex.Unlock()
	for _, one := range seen {
		m.prints[one.Place] = one.Print
	}
	return nil
}

func (m *memory) Propose(_ context.Context, change robots.Change) error {
	m.mutex.Lock()
	defer m.mutex.Unlock()
	m.changes = append(m.changes, change)
	return nil
}

// TestWhatAPostingCarries: SQL-Ledger's form carries a hundred hidden fields. Postings for other customers, with other articles,
// are no change of the page; a hidden field more is.
func TestWhatAPostingCarries(t *testing.T) {
	b := newBench(t)
	program, m := impatient(t), &memory{prints: map[string]robots.Print{}}
	runner := robots.NewRunner(b.pool, nil)
	runner.Remember(m)
	post := func(key, customer, order, lines string, total string) (robots.Result, error) {
		call := postingCall(t, b.server.URL, b.customer(customer), key, fileJournal(filepath.Join(t.TempDir(), "journal")))
		input, err := rules.FromJSON([]byte(fmt.Sprintf(`{"customer": %q, "order_number": %q, "currency": "USD", "total": %s, "lines": [%s]}`, b.customer(customer), order, total, lines)))
		require.NoError(t, err)
		call.Input = input
		result, err := runner.Run(t.Context(), program, call)
		for range 2 { // a slow machine
			if !contracts.ClassOf(err).Temporary() {
				break
			}
			result, err = runner.Run(t.Context(), program, call)
		}
		return result, err
	}
	const keyboard, mouse = `{"article": "KB-1", "quantity": %d, "unit_amount": 49.90}`, `{"article": "MS-1", "quantity": %d, "unit_amount": 19.50}`
	for i, c := range []struct{ customer, lines, total string }{
		{"Ada Brown", fmt.Sprintf(keyboard, 1), "49.90"}, {"Ada Brown", fmt.Sprintf(keyboard, 2), "99.80"}, {"Ben Cole", fmt.Sprintf(mouse, 1), "19.50"},
		{"Ada Brown", fmt.Sprintf(keyboard, 4), "199.60"}, {"Ben Cole", fmt.Sprintf(mouse, 3), "58.50"}, {"Ada Brown", fmt.Sprintf(keyboard, 3), "149.70"}, {"Ben Cole", fmt.Sprintf(mouse, 2), "39.00"}, {"Ada Brown", fmt.Sprintf(keyboard, 2), "99.80"},
	} {
		result, err := post(fmt.Sprint("honest ", i), c.customer, fmt.Sprint("SO-", i), c.lines, c.total)
		t.Logf("%d %v %v", i, err, result.Warnings)
		require.NoError(t, err)
	}
	require.Empty(t, m.changes)
	// The first invoice of two lines: its second row has no heading right above it, and carries what an empty one does not.
	_, err := post("two lines", "Ada Brown", "SO-8", fmt.Sprintf(keyboard+", "+mouse, 1, 1), "69.40")
	require.NoError(t, err)
	var changed atomic.Bool
	b.between.Store(func(w http.ResponseWriter, r *http.Request, next http.Handler) {
		answer := httptest.NewRecorder()
		next.ServeHTTP(answer, r)
		page := answer.Body.String()
		answer.Body.Reset()
		other := strings.ReplaceAll(page, "</form>", `<input type="hidden" name="draft" value="1"></form>`)
		if other != page {
			changed.Store(true)
		}
		answer.Body.WriteString(other)
		copyAnswer(w, answer, "")
	})
	_, err = post("changed", "Ada Brown", "SO-9", fmt.Sprintf(keyboard, 1), "49.90")
	t.Logf("%v", err)
	require.True(t, changed.Load())
	require.Error(t, err)
	require.ErrorContains(t, err, `a field that it never held, "draft" ("1")`)
	require.Equal(t, contracts.Drift, contracts.ClassOf(err))
	require.Zero(t, b.count("SELECT count(*) FROM ar WHERE ponumber = 'changed'"))
}
