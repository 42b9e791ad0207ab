package sandbox

import (
	"encoding/base64"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// stripeClause is one condition of the search language: field:'value' (the same, whatever the case) or
// field~'value' (contains, at least three characters).
var stripeClause = regexp.MustCompile(`^\s*(-?)(email|name|phone|metadata\[(?:'|")[^'"]+(?:'|")\])\s*([:~])\s*(?:'((?:[^'\\]|\\.)*)'|"((?:[^"\\]|\\.)*)")\s*`)

// stripeQuery is a parsed search: clauses that are all (AND) or alternatively (OR) to hold.
type stripeQuery struct {
	either  bool
	clauses []func(object) bool
}

func parseStripeQuery(text string) (stripeQuery, error) {
	var q stripeQuery
	operator := ""
	for {
		m := stripeClause.FindStringSubmatch(text)
		if m == nil {
			return q, fmt.Errorf("we were unable to parse your search query at %q", text)
		}
		clause, err := stripeCondition(m)
		if err != nil {
			return q, err
		}
		q.clauses = append(q.clauses, clause)
		text = text[len(m[0]):]
		if text == "" {
			return q, nil
		}
		word, rest, _ := strings.Cut(text, " ")
		if word = strings.ToUpper(word); word != "AND" && word != "OR" {
			return q, fmt.Errorf("we were unable to parse your search query at %q", text)
		}
		if operator != "" && operator != word {
			return q, fmt.Errorf("AND and OR cannot be mixed")
		}
		operator, q.either, text = word, word == "OR", rest
	}
}

func stripeCondition(m []string) (func(object) bool, error) {
	negated, field, contains := m[1] == "-", m[2], m[3] == "~"
	want := strings.ToLower(regexp.MustCompile(`\\(.)`).ReplaceAllString(m[4]+m[5], "$1"))
	if contains && len([]rune(want)) < 3 {
		return nil, fmt.Errorf("substring match needs at least 3 characters")
	}
	return func(o object) bool {
		have, _ := o[field].(string) // metadata is empty here
		have = strings.ToLower(have)
		hit := have == want
		if contains {
			hit = strings.Contains(have, want)
		}
		return hit != negated
	}, nil
}

func (q stripeQuery) holds(o object) bool {
	if q.either {
		return slices.ContainsFunc(q.clauses, func(f func(object) bool) bool { return f(o) })
	}
	return !slices.ContainsFunc(q.clauses, func(f func(object) bool) bool { return !f(o) })
}

func (s *invoicing) searchCustomers(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	if !s.known(w, q, "query", "limit", "page", "expand") {
		return
	}
	if q.Get("query") == "" {
		stripeError(w, http.StatusBadRequest, "parameter_missing", "query", "Missing required param: query.")
		return
	}
	query, err := parseStripeQuery(q.Get("query"))
	if err != nil {
		stripeError(w, http.StatusBadRequest, "", "query", err.Error())
		return
	}
	limit, err := bounded(q.Get("limit"), 10, 100)
	if err != nil {
		stripeError(w, http.StatusBadRequest, "parameter_invalid_integer", "limit", "Invalid integer: "+err.Error())
		return
	}
	found := choose(s.customers, query.holds)
	from, ok := stripePage(q.Get("page"), len(found))
	if !ok {
		stripeError(w, http.StatusBadRequest, "", "page", "Invalid page token")
		return
	}
	to := min(from+limit, len(found))
	answer := object{"object": "search_result", "url": r.URL.Path, "has_more": to < len(found), "next_page": nil, "data": found[from:to:to]}
	if to < len(found) {
		answer["next_page"] = base64.RawURLEncoding.EncodeToString([]byte("page:" + strconv.Itoa(to)))
	}
	reply(w, http.StatusOK, answer)
}

func stripePage(token string, most int) (int, bool) {
	if token == "" {
		return 0, true
	}
	plain, err := base64.RawURLEncoding.DecodeString(token)
	if err != nil {
		return 0, false
	}
	from, err := strconv.Atoi(strings.TrimPrefix(string(plain), "page:"))
	return from, err == nil && from >= 0 && from <= most
}
