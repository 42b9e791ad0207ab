package adapters_test

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"crosswalk/contracts"
	"crosswalk/rules"
)

func gzipped(t *testing.T, text string) string {
	t.Helper()
	var packed bytes.Buffer
	z := gzip.NewWriter(&packed)
	_, err := io.WriteString(z, text)
	require.NoError(t, err)
	require.NoError(t, z.Close())
	return packed.String()
}

// TestAnswersThatLie meets answers that are not what their headers say, or more than anybody reads.
func TestAnswersThatLie(t *testing.T) {
	t.Parallel()
	const good = `{"id":"1"}`
	packed := func(encoding, body string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Encoding", encoding)
			_, _ = io.WriteString(w, body)
		}
	}
	raw := func(answer string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			conn, _, err := http.NewResponseController(w).Hijack()
			if err != nil {
				return
			}
			_, _ = io.WriteString(conn, answer)
			_ = conn.Close()
		}
	}
	for name, test := range map[string]struct {
		serve http.HandlerFunc
		class contracts.Class // none: it is read
		says  string
	}{
		"gzip":                  {packed("gzip", gzipped(t, good)), "", ""},
		"GZIP in two pieces":    {packed(" X-GZIP ", gzipped(t, good[:4])+gzipped(t, good[4:])), "", ""},
		"identity":              {packed("identity", good), "", ""},
		"br":                    {packed("br", good), contracts.Unavailable, `compressed with "br", which nobody asked for`},
		"zstd":                  {packed("zstd", good), contracts.Unavailable, `compressed with "zstd"`},
		"deflate":               {packed("deflate", good), contracts.Unavailable, `compressed with "deflate"`},
		"gzip twice":            {packed("gzip, gzip", gzipped(t, gzipped(t, good))), contracts.Unavailable, `compressed with "gzip, gzip"`},
		"gzip twice, said once": {packed("gzip", gzipped(t, gzipped(t, good))), contracts.Drift, "the answer is"},
		"gzip that is none":     {packed("gzip", good), contracts.Unavailable, `compressed with "gzip", and damaged`},
		"gzip that is cut off":  {packed("gzip", gzipped(t, good)[:20]), contracts.Unavailable, "in the middle of the answer"},
		"gzip that nobody says": {packed("", gzipped(t, good)), contracts.Drift, "the answer is"},
		"two lengths":           {raw("HTTP/1.1 200 OK\r\nContent-Length: 10\r\nContent-Length: 11\r\n\r\n" + good), contracts.Unavailable, "the connection broke"},
		"headers without end":   {raw("HTTP/1.1 200 OK\r\n" + strings.Repeat("X-Long: "+strings.Repeat("x", 1000)+"\r\n", 2000)), contracts.Unavailable, "the connection broke"},
		"a flood of 103":        {raw(strings.Repeat("HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n", 20_000)), contracts.Unavailable, "the connection broke"},
		"a chunk of all memory": {raw("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n7fffffffffffffff\r\n{"), contracts.Unavailable, "in the middle of the answer"},
		"a log-in page":         {packed("", "<!doctype html><title>Sign in</title>"), contracts.Unavailable, "a web page instead of data"},
		"a name twice":          {packed("", `{"id":"1","id":"2"}`), contracts.Drift, `"id"`},
		"a name twice, deep":    {packed("", `{"id":"1","a":[{"b":1,"b":2}]}`), contracts.Drift, `"b"`},
		"a name twice, encoded": {packed("", `{"id":"1","\u0069d":"2"}`), contracts.Drift, `"id"`},
		"100,000 lists":         {packed("", strings.Repeat("[", 100_000)+strings.Repeat("]", 100_000)), contracts.Drift, "deep"},
		"100,000 records":       {packed("", strings.Repeat(`{"a":`, 100_000)+"1"+strings.Repeat("}", 100_000)), contracts.Drift, "deep"},
		"two documents":         {packed("", good+good), contracts.Drift, "the answer is"},
		"a number beyond all":   {packed("", `{"id":"1","n":1e400000000}`), contracts.Drift, "number"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			connection := clientOf(t, getTask, test.serve, boundless{})
			found, err := ask(t, connection, "support.get_task", fields{"task": rules.Text("1")})
			if test.class == "" {
				require.NoError(t, err)
				require.Equal(t, "1", found.Get("id").Text())
				return
			}
			failure := failureOf(t, err)
			require.Equal(t, test.class, failure.Class, failure.Message)
			require.Contains(t, failure.Message, test.says)
			require.Less(t, len(failure.Message), 1000)
		})
	}
}

// TestNumbersArriveAsTheyWere: ids and money keep all their digits on the way through an answer and an expression.
func TestNumbersArriveAsTheyWere(t *testing.T) {
	t.Parallel()
	const operation = "  get_number: {effect: read, output_type: {n: any, id: string}, request: {get: /number}, output: {n: '${answer.body.n}', id: '${text(answer.body.n)}'}}\n"
	for given, want := range map[string]string{
		"9007199254740993": "9007199254740993", "-9007199254740993": "-9007199254740993", "12345678901234567890": "12345678901234567890",
		"0.1": "0.1", "19.90": "19.9", "1234567890123.01": "1234567890123.01", "-0": "0", "-0.00": "0", "1E3": "1000", "1.50e-2": "0.015",
		"1e400": "1e+400", "1e-400": "1e-400", "1e999999999999": "", "NaN": "", "Infinity": "", "01": "", "+1": "", "0x10": "", "1_000": "",
	} {
		connection := clientOf(t, operation, func(w http.ResponseWriter, _ *http.Request) { _, _ = fmt.Fprintf(w, `{"n":%s}`, given) }, boundless{})
		found, err := ask(t, connection, "support.get_number", nil)
		if want == "" {
			require.Error(t, err, "%s: %s", given, found.Plain())
			require.Equal(t, contracts.Drift, failureOf(t, err).Class, given)
			continue
		}
		require.NoError(t, err, given)
		require.Equal(t, `{"id":"`+want+`","n":`+want+`}`, string(found.Plain()), given)
	}
}

// hangUp ends an answer after which the server ends the connection.
const hangUp = "<hang up>"

// TestAnswersByteForByte: what old servers, gateways and hostile ones send. An answer is understood whole or is an error,
// and nothing of it is taken for the answer to the next request of that connection.
func TestAnswersByteForByte(t *testing.T) {
	t.Parallel()
	const ok, good = "HTTP/1.1 200 OK\nContent-Type: application/json\n", `{"id":"1"}`
	for name, test := range map[string]struct{ answer, want string }{ // the id, "2" if a read was tried again, or the class of the error
		"plain":                         {ok + "Content-Length: 10\n\n" + good, "1"},
		"a byte order mark":             {ok + "Content-Length: 13\n\n\ufeff" + good, "1"},
		"more than was announced":       {ok + "Content-Length: 10\n\n" + good + ok + "Content-Length: 10\n\n" + `{"id":"9"}`, "1"},
		"less than was announced":       {ok + "Content-Length: 12\n\n" + good + hangUp, "unavailable"},
		"no length, and the end":        {ok + "\n" + good + hangUp, "1"},
		"a length below nothing":        {ok + "Content-Length: -10\n\n" + good, "2"},
		"a length and chunks":           {ok + "Content-Length: 3\nTransfer-Encoding: chunked\n\na\n" + good + "\n0\n\n", "1"},
		"chunks with a trailer":         {ok + "Transfer-Encoding: chunked\nTrailer: X-Sum\n\na\n" + good + "\n0\nX-Sum: 1\n\n", "1"},
		"chunks without an end":         {ok + "Transfer-Encoding: chunked\n\na\n" + good + hangUp, "unavailable"},
		"a trailer that is no header":   {ok + "Transfer-Encoding: chunked\n\na\n" + good + "\n0\n\x00\x00\n\n", "unavailable"},
		"204 with a body":               {"HTTP/1.1 204 No Content\nContent-Type: application/json\nContent-Length: 10\n\n" + `{"id":"9"}`, "drift"},
		"304, which nobody asked for":   {"HTTP/1.1 304 Not Modified\n\n", "drift"},
		"a switch of protocols":         {"HTTP/1.1 101 Switching Protocols\nUpgrade: x\nConnection: Upgrade\n\n", "drift"},
		"a hint before the answer":      {"HTTP/1.1 103 Early Hints\nLink: </x>\n\n" + ok + "Content-Length: 10\n\n" + good, "1"},
		"HTTP/1.0":                      {"HTTP/1.0 200 OK\n\n" + good + hangUp, "1"},
		"another protocol":              {"SSH-2.0-OpenSSH_9.2\n" + hangUp, "2"},
		"a status of two digits":        {"HTTP/1.1 20 OK\nContent-Length: 10\n\n" + good, "2"},
		"a null byte among the headers": {ok + "X-A: \x00\nContent-Length: 10\n\n" + good, "2"},
		"half a character":              {ok + "Content-Length: 10\n\n" + `{"id":"` + "\xe4" + `"}`, "drift"},
		"half of a pair":                {ok + "Content-Length: 15\n\n" + `{"id":"\ud800"}`, "\ufffd"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var asked atomic.Int32
			connection := clientOf(t, getTask, func(w http.ResponseWriter, _ *http.Request) {
				conn, requests, err := http.NewResponseController(w).Hijack()
				if err != nil {
					return
				}
				defer conn.Close()
				for {
					answer := ok + "Content-Length: 10\n\n" + `{"id":"2"}`
					if asked.Add(1) == 1 {
						answer = test.answer
					}
					kept, ends := strings.CutSuffix(answer, hangUp)
					head, body, _ := strings.Cut(kept, "\n\n")
					_, err := io.WriteString(conn, strings.ReplaceAll(head, "\n", "\r\n")+"\r\n\r\n"+strings.ReplaceAll(body, "\n", "\r\n"))
					if err != nil || ends {
						return
					}
					if _, err := http.ReadRequest(requests.Reader); err != nil {
						return
					}
				}
			}, boundless{})
			found, err := ask(t, connection, "support.get_task", fields{"task": rules.Text("1")})
			got := found.Get("id").Text()
			if err != nil {
				got = string(failureOf(t, err).Class)
				require.Less(t, len(err.Error()), 1000)
			}
			require.Equal(t, test.want, got, "%v", err)
			found, err = ask(t, connection, "support.get_task", fields{"task": rules.Text("1")})
			require.NoError(t, err)
			require.Equal(t, "2", found.Get("id").Text(), "the next request has an answer of its own")
		})
	}
}
