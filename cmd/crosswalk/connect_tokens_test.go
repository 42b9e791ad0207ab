package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"sync"
	"testing"
	"time"
)

// gatehouse is the second product of docs/connect.md: tokens for a client's name and secret, lists with a cursor, a write
// that is done as often as it is asked for, and once a second page that is asked for too early.
type gatehouse struct {
	mu          sync.Mutex
	early       bool // it has refused a page
	invitations []map[string]any
}

const gatehouseToken = "gh-token-1234567890"

func (g *gatehouse) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	g.mu.Lock()
	defer g.mu.Unlock()
	status, body := g.answer(w.Header(), r)
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body)
}

func (g *gatehouse) answer(header http.Header, r *http.Request) (status int, body map[string]any) {
	if r.URL.Path == "/oauth/token" {
		if r.PostFormValue("grant_type") != "client_credentials" || r.PostFormValue("audience") != "partners" || r.PostFormValue("client_secret") != "gh-canary-7741" {
			return http.StatusUnauthorized, map[string]any{"error": "invalid_client", "error_description": "no such client"}
		}
		return http.StatusOK, map[string]any{"access_token": gatehouseToken, "token_type": "Bearer", "expires_in": 3600}
	}
	if r.Header.Get("Authorization") != "Bearer "+gatehouseToken {
		return http.StatusUnauthorized, map[string]any{"message": "the token is not known"}
	}
	from, _ := strconv.Atoi(r.URL.Query().Get("from"))
	switch r.Method + " " + r.URL.Path {
	case "GET /v3/partners":
		if from == 2 && !g.early {
			g.early = true
			header.Set("X-RateLimit-Reset", strconv.FormatInt(time.Now().Add(time.Second).Unix(), 10))
			return http.StatusTooManyRequests, map[string]any{"message": "too many requests"}
		}
		all := []map[string]any{
			{"id": "p-1", "label": "Kettles Ltd", "traits": map[string]any{"tier": "basic"}}, {"id": "p-2", "label": "Toasters"},
			{"id": "p-3", "label": "Lamps & Sons", "traits": map[string]any{"tier": "gold"}},
		}
		page := map[string]any{"partners": all[min(from, len(all)):min(from+2, len(all))]}
		if from+2 < len(all) {
			page["next"] = strconv.Itoa(from + 2)
		}
		return http.StatusOK, page
	case "GET /v3/partners/p-3/invitations":
		return http.StatusOK, map[string]any{"invitations": append([]map[string]any{}, g.invitations...)}
	case "POST /v3/partners/p-3/invitations":
		var made map[string]any
		if err := json.NewDecoder(r.Body).Decode(&made); err != nil {
			return http.StatusBadRequest, map[string]any{"message": err.Error()}
		}
		made["id"], made["until"] = fmt.Sprintf("i-%d", len(g.invitations)+1), "2026-12-06T12:00:00Z"
		g.invitations = append(g.invitations, made)
		return http.StatusCreated, made
	default:
		return http.StatusNotFound, map[string]any{"message": "no such path"}
	}
}

// TestConnectAProductWithTokens runs the second product of docs/connect.md, with its files as they stand there.
func TestConnectAProductWithTokens(t *testing.T) {
	t.Parallel()
	runConnected(t, "testdata/connect_tokens.txt", "127.0.0.1:8098", &gatehouse{}, nil)
}
