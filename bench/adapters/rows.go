package main

import (
	"context"
	"fmt"
	"net/http"
	"runtime"
	"strconv"
	"time"

	"crosswalk/adapters"
	"crosswalk/rules"
)

// The rows that are paged through, and what they may take.
const (
	rowPages  = 1000
	rowsOfOne = 1000
	mostRows  = 64 << 20
)

var rowsAdapter = fmt.Sprintf(`adapter: measured
contract: support
connection: {base_url: https://api.measured.example}
auth: none
operations:
  list_rows:
    effect: read
    output_type: {rows: [number]}
    request:
      get: /rows
      items: '${body.rows}'
      where: 'item.n %% 100000 == 0'
      paging: {kind: keyset, next: '${last.n}', send: after, size: %d, max_pages: %d}
    output: {rows: '${map(answer.items, .n)}'}
`, rowsOfOne, rowPages+1)

// measureRows pages through a million rows, of which ten are kept. The server is in this process: its memory counts too.
func measureRows(ctx context.Context) error {
	var most uint64
	address, stop, err := serve(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var now runtime.MemStats
		runtime.ReadMemStats(&now)
		most = max(most, now.HeapInuse+now.StackInuse)
		passed, _ := strconv.Atoi(r.URL.Query().Get("after")) // the first page has none
		writeRows(w, passed)
	}))
	if err != nil {
		return err
	}
	defer func() { _ = stop() }()
	connection, err := connect(rowsAdapter, address, nil)
	if err != nil {
		return err
	}
	defer connection.Close()
	var before runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	begun := time.Now()
	found, err := connection.Call(ctx, adapters.Call{Operation: "support.list_rows", Input: rules.Record(nil)})
	if err != nil {
		return err
	}
	if kept := found.Get("rows").Len(); kept != 10 {
		return fmt.Errorf("%d rows of a million were kept instead of 10", kept)
	}
	grown := int64(most) - int64(before.HeapInuse+before.StackInuse)
	fmt.Printf("a million rows in %d pages: %d MiB more than before  goal at most %d MiB  %s (%.1f s)\n", rowPages, grown>>20, mostRows>>20, verdict(grown <= mostRows), time.Since(begun).Seconds())
	if grown > mostRows {
		return fmt.Errorf("a million rows take too much memory")
	}
	return nil
}

func writeRows(w http.ResponseWriter, passed int) {
	w.Header().Set("Content-Type", "application/json")
	_, _ = w.Write([]byte(`{"rows":[`)) // a caller that is gone needs no answer
	comma := ""
	for n := passed + 1; n <= min(passed+rowsOfOne, rowPages*rowsOfOne); n++ {
		_, _ = fmt.Fprintf(w, `%s{"id":"r%d","n":%d,"name":"a customer whose name has some length"}`, comma, n, n)
		comma = ","
	}
	_, _ = w.Write([]byte(`]}`))
}
