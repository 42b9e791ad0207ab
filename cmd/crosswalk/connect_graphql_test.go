package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
)

// shelfmate is the third product of docs/connect.md: GraphQL with a token, lists as connections with cursors, errors that come
// with status 200, and a write that keeps no key but a note.
type shelfmate struct {
	mu       sync.Mutex
	bookings []map[string]any
}

type shelfmateAsked struct {
	Query     string
	Variables struct {
		Article, After string
		Input          struct {
			Article, Depot, Note string
			Pieces               int
		}
	}
}

func (s *shelfmate) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var asked shelfmateAsked
	status, body := http.StatusOK, map[string]any{}
	switch err := json.NewDecoder(r.Body).Decode(&asked); {
	case r.Header.Get("Authorization") != "Bearer sm-canary-3307":
		status, body = http.StatusUnauthorized, map[string]any{"errors": []any{map[string]any{"message": "the token is not known"}}}
	case err != nil || r.Method+" "+r.URL.Path != "POST /graphql":
		status = http.StatusBadRequest
	default:
		data, code := s.answer(asked)
		if body["data"] = data; code != "" {
			body["errors"] = []any{map[string]any{"message": "Not so: " + asked.Variables.Article + asked.Variables.Input.Article, "extensions": map[string]any{"code": code}}}
		}
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body)
}

// answer is the data, or the code of an error.
func (s *shelfmate) answer(asked shelfmateAsked) (data map[string]any, code string) {
	of := asked.Variables
	switch document, article := asked.Query, of.Article+of.Input.Article; {
	case strings.Contains(document, "viewer"):
		return map[string]any{"viewer": map[string]any{"id": "us"}}, ""
	case article != "AU-2041":
		return nil, "NO_SUCH_ARTICLE"
	case strings.Contains(document, "book(") && of.Input.Pieces > 5:
		return nil, "TOO_FEW"
	case strings.Contains(document, "book("):
		made := map[string]any{"id": fmt.Sprintf("b-%d", len(s.bookings)+1), "article": article, "pieces": of.Input.Pieces, "depot": of.Input.Depot, "note": of.Input.Note}
		s.bookings = append(s.bookings, made)
		return map[string]any{"book": map[string]any{"booking": made}}, ""
	case strings.Contains(document, "bookings("):
		return map[string]any{"article": map[string]any{"bookings": connection(s.bookings, of.After)}}, ""
	default:
		stock := []map[string]any{{"depot": "Hamburg", "pieces": 3, "free": 1}, {"depot": "Leipzig", "pieces": 9, "free": 5}, {"depot": "Wien", "pieces": 2, "free": 0}}
		return map[string]any{"article": map[string]any{"stock": connection(stock, of.After)}}, ""
	}
}

// connection is two of the nodes, behind a cursor, as Relay has it.
func connection(nodes []map[string]any, after string) map[string]any {
	from := 0
	_, _ = fmt.Sscanf(after, "c%d", &from)
	edges := []map[string]any{}
	for _, node := range nodes[min(from, len(nodes)):min(from+2, len(nodes))] {
		edges = append(edges, map[string]any{"node": node})
	}
	return map[string]any{"edges": edges, "pageInfo": map[string]any{"hasNextPage": from+2 < len(nodes), "endCursor": fmt.Sprintf("c%d", from+2)}}
}

// TestConnectAProductOfGraphQL runs the third product of docs/connect.md, with its files as they stand there.
func TestConnectAProductOfGraphQL(t *testing.T) {
	t.Parallel()
	runConnected(t, "testdata/connect_graphql.txt", "127.0.0.1:8097", &shelfmate{}, nil)
}
