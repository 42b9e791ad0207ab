package adapters_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"crosswalk/adapters"
	"crosswalk/contracts"
	"crosswalk/rules"
)

// list is the operation that the tests of paging call: it answers the numbers of what it found.
const list = `  list_rows:
    effect: read
    output_type: {rows: [any]}
    request: {%s, items: '${body.rows}', paging: {%s}}
    output: {rows: '${map(answer.items, .n)}'}
`

func rowsFrom(first, last int) []map[string]any {
	rows := []map[string]any{}
	for n := first; n <= last; n++ {
		rows = append(rows, map[string]any{"id": fmt.Sprint("r", n), "n": n})
	}
	return rows
}

func reply(w http.ResponseWriter, body any) {
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(body)
}

// window gives up to three of seven rows after the first so many.
func window(passed int) map[string]any {
	return map[string]any{"rows": rowsFrom(passed+1, min(passed+3, 7)), "total": 7}
}

func query(r *http.Request, name string, otherwise int) int {
	if n, err := strconv.Atoi(r.URL.Query().Get(name)); err == nil {
		return n
	}
	return otherwise
}

// TestEveryKindOfPagingReadsTheWholeList pages through seven rows, three at a time.
func TestEveryKindOfPagingReadsTheWholeList(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		request, paging string
		serve           http.HandlerFunc
	}{
		"cursor": {"get: /rows", "kind: cursor, next: '${body.next}', send: after, max_pages: 9", func(w http.ResponseWriter, r *http.Request) {
			passed := query(r, "after", 0)
			body := window(passed)
			if passed+3 < 7 {
				body["next"] = passed + 3
			}
			reply(w, body)
		}},
		"cursor deep in a body": {"post: /rows, reads: true, json: {paging: {limit: 3}}", "kind: cursor, next: '${body.next}', send: paging.after, in: json, max_pages: 9", func(w http.ResponseWriter, r *http.Request) {
			var asked struct{ Paging struct{ After, Limit int } }
			_ = json.NewDecoder(r.Body).Decode(&asked)
			body := window(asked.Paging.After)
			if asked.Paging.Limit == 3 && asked.Paging.After+3 < 7 {
				body["next"] = asked.Paging.After + 3
			}
			reply(w, body)
		}},
		"page with their number": {"get: /rows", "kind: page, send: page, pages: '${headers.x_pages}', max_pages: 9", func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("X-Pages", "3")
			reply(w, window(3*(query(r, "page", 1)-1)))
		}},
		"page from 0 with a total": {"get: /rows", "kind: page, send: page, start: 0, size: 3, total: '${body.total}', max_pages: 9", func(w http.ResponseWriter, r *http.Request) {
			reply(w, window(3*query(r, "page", 9)))
		}},
		"page with a size": {"post: /rows, reads: true, form: {a: b}", "kind: page, send: page, in: form, size: 3, max_pages: 9", func(w http.ResponseWriter, r *http.Request) {
			n, _ := strconv.Atoi(r.PostFormValue("page"))
			reply(w, window(3*(n-1)))
		}},
		"offset with a total": {"get: /rows", "kind: offset, send: skip, total: '${body.total}', max_pages: 9", func(w http.ResponseWriter, r *http.Request) {
			reply(w, window(query(r, "skip", -9)))
		}},
		"offset from 1 with a size": {"get: /rows", "kind: offset, send: startIndex, start: 1, size: 3, max_pages: 9", func(w http.ResponseWriter, r *http.Request) {
			reply(w, window(query(r, "startIndex", 0)-1))
		}},
		"offset to the empty page": {"get: /rows", "kind: offset, send: skip, max_pages: 9", func(w http.ResponseWriter, r *http.Request) {
			reply(w, window(query(r, "skip", -9)))
		}},
		"keyset": {"get: /rows", "kind: keyset, next: '${last.n}', send: after, max_pages: 9", func(w http.ResponseWriter, r *http.Request) {
			reply(w, window(query(r, "after", 0)))
		}},
		"next address, seen from the one that was asked": {"get: /deep/rows", "kind: next_url, next: '${body.next}', max_pages: 9", func(w http.ResponseWriter, r *http.Request) {
			passed := query(r, "after", 0)
			body := window(passed)
			if passed+3 < 7 {
				body["next"] = fmt.Sprintf("rows?after=%d", passed+3)
			}
			if r.URL.Path != "/deep/rows" {
				w.WriteHeader(http.StatusTeapot)
			}
			reply(w, body)
		}},
		"link": {"get: /rows", "kind: link, max_pages: 9", func(w http.ResponseWriter, r *http.Request) {
			passed := query(r, "after", 0)
			if passed+3 < 7 {
				w.Header().Set("Link", fmt.Sprintf(`</rows?after=0>; rel="first", </rows?after=%d>; rel="next"`, passed+3))
			}
			reply(w, window(passed))
		}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			connection := clientOf(t, fmt.Sprintf(list, test.request, test.paging), test.serve, boundless{})
			found, err := ask(t, connection, "support.list_rows", nil)
			require.NoError(t, err)
			require.Equal(t, `{"rows":[1,2,3,4,5,6,7]}`, string(found.Plain()))
		})
	}
}

// TestPagingThatIsNotWholeIsAnError meets systems that lead in circles, further than is read, elsewhere, or to an end
// before the end.
func TestPagingThatIsNotWholeIsAnError(t *testing.T) {
	t.Parallel()
	same := func(extra string) http.HandlerFunc {
		calls := 0
		return func(w http.ResponseWriter, _ *http.Request) {
			calls++
			_, _ = fmt.Fprintf(w, `{"rows":[{"id":"a","n":1,"seen":%d},{"id":"b","n":2}],"total":9%s}`, calls, strings.ReplaceAll(extra, "N", strconv.Itoa(calls)))
		}
	}
	for name, test := range map[string]struct {
		paging string
		serve  http.HandlerFunc
		class  contracts.Class
		says   string
	}{
		"the same cursor":              {"kind: cursor, next: '${body.next}', send: after, max_pages: 9", same(`,"next":"x"`), contracts.Drift, "led to the same page twice"},
		"other cursors, the same rows": {"kind: cursor, next: '${body.next}', send: after, max_pages: 9", same(`,"next":"xN"`), contracts.Drift, "the same page twice"},
		"an offset that is not heard":  {"kind: offset, send: skip, total: '${body.total}', max_pages: 9", same(""), contracts.Drift, "the same page twice"},
		"a page that is not heard":     {"kind: page, send: page, size: 2, max_pages: 9", same(""), contracts.Drift, "the same page twice"},
		"a keyset that is not heard":   {"kind: keyset, send: after, next: '${last.id}', max_pages: 9", same(""), contracts.Drift, "twice"},
		"a keyset without its key":     {"kind: keyset, send: after, next: '${last.uid}', max_pages: 9", same(""), contracts.Drift, "the last item does not have"},
		"the same address":             {"kind: next_url, next: '${body.next}', max_pages: 9", same(`,"next":"/rows?p=1"`), contracts.Drift, "led to the same page twice"},
		"another host":                 {"kind: next_url, next: '${body.next}', max_pages: 9", same(`,"next":"https://evil.example/rows"`), contracts.Drift, `lies on another host, \"evil.example\"`},
		"two cursors in turn": {"kind: cursor, next: '${body.next}', send: after, max_pages: 9", func(w http.ResponseWriter, r *http.Request) {
			next := "A"
			if r.URL.Query().Get("after") == "A" {
				next = "B"
			}
			_, _ = fmt.Fprintf(w, `{"rows":[],"next":%q}`, next)
		}, contracts.Drift, "led to the same page twice"},
		"empty pages for ever": {"kind: cursor, next: '${body.next}', send: after, max_pages: 4", func(w http.ResponseWriter, r *http.Request) {
			_, _ = fmt.Fprintf(w, `{"rows":[],"next":"%sx"}`, r.URL.Query().Get("after"))
		}, contracts.Internal, "more than the 4 pages"},
		"full pages for ever": {"kind: offset, send: skip, size: 2, max_pages: 4", func(w http.ResponseWriter, r *http.Request) {
			passed := query(r, "skip", 0)
			reply(w, map[string]any{"rows": rowsFrom(passed+1, passed+2)})
		}, contracts.Internal, "more than the 4 pages"},
		"another port":             {"kind: next_url, next: '${body.next}', max_pages: 9", same(`,"next":"//127.0.0.1:1/rows"`), contracts.Drift, "lies on another host"},
		"another scheme":           {"kind: next_url, next: '${body.next}', max_pages: 9", same(`,"next":"ftp://127.0.0.1/rows"`), contracts.Drift, "lies on another host"},
		"an address without host":  {"kind: next_url, next: '${body.next}', max_pages: 9", same(`,"next":"http:rows"`), contracts.Drift, "lies on another host"},
		"an address that is none":  {"kind: next_url, next: '${body.next}', max_pages: 9", same(`,"next":"http://[::1"`), contracts.Drift, "cannot be read"},
		"more pages than are read": {"kind: cursor, next: '${body.next}', send: after, max_pages: 1", same(`,"next":"xN"`), contracts.Internal, "more than the 1 pages"},
		"fewer rows than the system has": {"kind: offset, send: skip, total: '${body.total}', max_pages: 9", func(w http.ResponseWriter, r *http.Request) {
			if query(r, "skip", 0) > 0 {
				_, _ = io.WriteString(w, `{"rows":[],"total":9}`)
				return
			}
			_, _ = io.WriteString(w, `{"rows":[{"id":"a","n":1}],"total":9}`)
		}, contracts.Drift, "the list ended after 1 of 9 items"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			connection := clientOf(t, fmt.Sprintf(list, "get: /rows", test.paging), test.serve, boundless{})
			_, err := ask(t, connection, "support.list_rows", nil)
			failure := failureOf(t, err)
			require.Equal(t, test.class, failure.Class, failure.Message)
			require.Contains(t, strings.ReplaceAll(failure.Message, `"`, `\"`), test.says)
		})
	}
}

// TestNextPagesStayUnderThePath: where the address of a system has a path, what lies beside it may be another customer's.
func TestNextPagesStayUnderThePath(t *testing.T) {
	t.Parallel()
	for next, follows := range map[string]bool{
		"/ours/rows?p=2": true, "rows?p=2": true, "?p=2": true, "/ours/a/../rows?p=2": true, "/ours/a%2Fb?p=2": true,
		"/theirs/rows": false, "/oursnot/rows": false, "../theirs/rows": false, "/ours/../theirs/rows": false, "/ours/%2e%2e/theirs/rows": false, "/ours/.%2E/theirs/rows": false,
		"/ours/..%2ftheirs/rows": false, "/ours/%2e%2e%5ctheirs": false, "/": false,
	} {
		t.Run(next, func(t *testing.T) {
			t.Parallel()
			var asked []string
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				asked = append(asked, r.RequestURI)
				if body := (map[string]any{"rows": rowsFrom(len(asked), len(asked))}); len(asked) == 1 {
					body["next"] = next
					reply(w, body)
				} else {
					reply(w, body)
				}
			}))
			t.Cleanup(server.Close)
			connection, err := parsed(t, "adapter: acme\ncontract: support\nconnection: {base_url: https://api.acme.example}\nauth: none\noperations:\n"+fmt.Sprintf(list, "get: /rows", "kind: next_url, next: '${body.next}', max_pages: 9")).
				Connect(adapters.Config{System: "support", BaseURL: server.URL + "/ours", AllowHosts: []string{strings.TrimPrefix(server.URL, "http://")}, Shared: boundless{}})
			require.NoError(t, err)
			t.Cleanup(connection.Close)
			found, err := ask(t, connection, "support.list_rows", nil)
			if follows {
				require.NoError(t, err)
				require.Equal(t, `{"rows":[1,2]}`, string(found.Plain()))
				return
			}
			require.ErrorContains(t, err, "lies outside of /ours")
			require.Equal(t, contracts.Drift, failureOf(t, err).Class)
			require.Len(t, asked, 1)
		})
	}
}

func TestWhereKeepsWhatIsWanted(t *testing.T) {
	t.Parallel()
	operation := strings.Replace(fmt.Sprintf(list, "get: /rows, where: 'item.n > 2 and item.n < 6'", "kind: offset, send: skip, size: 3, max_pages: 9"), "any", "number", 1)
	connection := clientOf(t, operation, func(w http.ResponseWriter, r *http.Request) { reply(w, window(query(r, "skip", 0))) }, boundless{})
	found, err := ask(t, connection, "support.list_rows", nil)
	require.NoError(t, err)
	require.Equal(t, `{"rows":[3,4,5]}`, string(found.Plain()))
}

// TestOData reads lists of both versions, asks with quoted values and reads the words of an error.
func TestOData(t *testing.T) {
	t.Parallel()
	operations := `  find_rows:
    effect: read
    input: {name: string, from: date}
    output_type: {names: [string]}
    request:
      get: /Customers
      query: {$filter: "Name eq ${odata(input.name)} and Since ge ${odata_v2(input.from)}", $top: 2}
      items: '${odata_items(body)}'
      paging: {kind: next_url, next: '${odata_next(body)}', max_pages: 5}
    output: {names: '${map(answer.items, .Name)}'}
  get_row:
    effect: read
    input: {id: string}
    request: {get: '/Customers(${odata(input.id)})'}
    output: {since: '${odata_time(answer.body.d.Since)}'}
`
	const old = "/Date(1767225600000+0000)/"
	text := "adapter: acme\ncontract: support\nconnection: {base_url: https://api.acme.example}\nauth: none\nmessage: '${odata_message(body)}'\noperations:\n" + operations
	connection := serve(t, text, func(w http.ResponseWriter, r *http.Request) {
		switch {
		case r.URL.Path == "/Customers('O''Neil')":
			reply(w, map[string]any{"d": map[string]any{"Since": old}})
		case r.URL.Path != "/Customers":
			w.WriteHeader(http.StatusBadRequest)
			_, _ = io.WriteString(w, `{"error":{"code":"005","message":{"lang":"en","value":"no such customer"}}}`)
		case r.URL.Query().Get("$skiptoken") != "":
			reply(w, map[string]any{"d": map[string]any{"results": []any{map[string]any{"Name": "third"}}}})
		case !strings.HasPrefix(r.URL.RawQuery, "$filter=Name%20eq%20%27O%27%27Neil%27%20and%20Since%20ge%20datetime%272026-01-02T00%3A00%3A00%27&$top=2"):
			w.WriteHeader(http.StatusTeapot)
			_, _ = io.WriteString(w, `{"error":{"message":"`+r.URL.RawQuery+`"}}`)
		default:
			reply(w, map[string]any{"value": []any{map[string]any{"Name": "first"}, map[string]any{"Name": "second"}}, "@odata.nextLink": "Customers?$skiptoken=2"})
		}
	}, boundless{})
	from, err := rules.ParseDate("2026-01-02")
	require.NoError(t, err)
	found, err := ask(t, connection, "support.find_rows", fields{"name": rules.Text("O'Neil"), "from": from})
	require.NoError(t, err)
	require.Equal(t, `{"names":["first","second","third"]}`, string(found.Plain()))
	found, err = ask(t, connection, "support.get_row", fields{"id": rules.Text("O'Neil")})
	require.NoError(t, err)
	require.Equal(t, `{"since":"2026-01-01T00:00:00Z"}`, string(found.Plain()))
	_, err = ask(t, connection, "support.get_row", fields{"id": rules.Text("') or (1 eq 1")})
	require.Contains(t, failureOf(t, err).Message, "no such customer")
}
