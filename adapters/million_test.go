package adapters_test

import (
	"fmt"
	"net/http"
	"runtime"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestAMillionRowsTakeTheMemoryOfAPage pages through a million rows, of which a few are kept. The server is in this process
// too: what is measured after each page holds its memory and that of the tests beside it, so that this one runs alone.
func TestAMillionRowsTakeTheMemoryOfAPage(t *testing.T) {
	const pages, size = 1000, 1000
	var most uint64
	operation := strings.Replace(fmt.Sprintf(list, "get: /rows, where: 'item.n % 100000 == 0'", fmt.Sprintf("kind: keyset, next: '${last.n}', send: after, size: %d, max_pages: %d", size, pages+1)), "any", "number", 1)
	var before runtime.MemStats
	connection := clientOf(t, operation, func(w http.ResponseWriter, r *http.Request) {
		var now runtime.MemStats
		runtime.ReadMemStats(&now)
		most = max(most, now.HeapInuse+now.StackInuse)
		passed := query(r, "after", 0)
		last := min(passed+size, pages*size)
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write([]byte(`{"rows":[`))
		for n := passed + 1; n <= last; n++ {
			comma := ","
			if n == last {
				comma = ""
			}
			_, _ = fmt.Fprintf(w, `{"id":"r%d","n":%d,"name":"a customer whose name has some length"}%s`, n, n, comma)
		}
		_, _ = w.Write([]byte(`]}`))
	}, boundless{})
	runtime.GC()
	runtime.ReadMemStats(&before)
	found, err := ask(t, connection, "support.list_rows", nil)
	require.NoError(t, err)
	require.Equal(t, 10, found.Get("rows").Len())
	grown := int64(most) - int64(before.HeapInuse+before.StackInuse)
	t.Logf("a million rows: %d MiB more than before", grown>>20)
	require.Less(t, grown, int64(64<<20))
}
