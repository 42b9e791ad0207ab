package sandbox

import (
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"unicode"
)

// crmSearch is the body of a search.
type crmSearch struct {
	FilterGroups []struct {
		Filters []crmFilter `json:"filters"`
	} `json:"filterGroups"`
	Sorts      []any    `json:"sorts"`
	Query      string   `json:"query"`
	Properties []string `json:"properties"`
	Limit      *int     `json:"limit"`
	After      any      `json:"after"` // a string; numbers are taken too
}

type crmFilter struct {
	PropertyName string   `json:"propertyName"`
	Operator     string   `json:"operator"`
	Value        string   `json:"value"`
	HighValue    string   `json:"highValue"`
	Values       []string `json:"values"`
}

var crmOperators = set("BETWEEN", "CONTAINS_TOKEN", "EQ", "GT", "GTE", "HAS_PROPERTY", "IN", "LT", "LTE", "NEQ",
	"NOT_CONTAINS_TOKEN", "NOT_HAS_PROPERTY", "NOT_IN")

func (c *crm) search(w http.ResponseWriter, r *http.Request, o *crmObjects) {
	if !c.rates.allow(rateCRMSearch) {
		reply(w, http.StatusTooManyRequests, object{ // searches carry no quota headers
			"status": "error", "message": "You have reached your secondly limit.", "errorType": "RATE_LIMIT",
			"correlationId": correlation, "policyName": "SECONDLY", "category": "RATE_LIMITS",
		})
		return
	}
	var s crmSearch
	if err := decodeStrict(r, &s); err != nil {
		crmError(w, http.StatusBadRequest, "VALIDATION_ERROR", "Invalid input JSON on line 1, column 1: "+err.Error())
		return
	}
	limit, from, problem := s.check(o)
	if problem != "" {
		crmError(w, http.StatusBadRequest, "VALIDATION_ERROR", "There was a problem with the request.", problem)
		return
	}
	var found []*crmObject
	for _, x := range s.candidates(o) {
		if s.matches(x) {
			found = append(found, x)
		}
	}
	from = min(from, len(found))
	to := min(from+limit, len(found))
	results := []object{}
	for _, x := range found[from:to] {
		results = append(results, o.shown(x, s.Properties))
	}
	answer := object{"total": len(found), "results": results}
	if to < len(found) {
		answer["paging"] = object{"next": object{"after": strconv.Itoa(to), "link": "?after=" + strconv.Itoa(to)}}
	}
	reply(w, http.StatusOK, answer)
}

// check validates a search as the product does and returns the page that is wanted.
func (s *crmSearch) check(o *crmObjects) (limit, from int, problem string) {
	limit = 10
	if s.Limit != nil {
		limit = *s.Limit
	}
	filters := 0
	for _, g := range s.FilterGroups {
		filters += len(g.Filters)
		if len(g.Filters) > 6 {
			return 0, 0, "a filter group may hold at most 6 filters"
		}
		for _, f := range g.Filters {
			if problem := f.check(o); problem != "" {
				return 0, 0, problem
			}
		}
	}
	switch {
	case limit < 1 || limit > 200:
		return 0, 0, "limit must be between 1 and 200"
	case len(s.FilterGroups) > 5, filters > 18:
		return 0, 0, "at most 5 filter groups and 18 filters are allowed"
	case len(s.Query) > 3000:
		return 0, 0, "query is too long"
	}
	after := fmt.Sprint(s.After)
	if s.After == nil || after == "" {
		return limit, 0, ""
	}
	from, err := strconv.Atoi(after)
	if err != nil || from < 0 || from > 10000 {
		return 0, 0, "after is not a paging cursor: " + after
	}
	return limit, from, ""
}

func (f crmFilter) check(o *crmObjects) string {
	switch {
	case !crmOperators[f.Operator]:
		return fmt.Sprintf("operator %q is not one of the allowed ones", f.Operator)
	case !o.properties[f.PropertyName]:
		return fmt.Sprintf("Property '%s' does not exist", f.PropertyName)
	case (f.Operator == "IN" || f.Operator == "NOT_IN") && len(f.Values) == 0:
		return f.Operator + " needs values"
	case !strings.HasSuffix(f.Operator, "HAS_PROPERTY") && !strings.HasSuffix(f.Operator, "IN") && f.Value == "":
		return f.Operator + " needs a value"
	}
	return ""
}

// candidates are records among which are all that match, in the list's order: where each group of filters asks for a
// value, those that have it.
func (s *crmSearch) candidates(o *crmObjects) []*crmObject {
	if len(s.FilterGroups) == 0 {
		return o.list
	}
	var some []*crmObject
	for _, g := range s.FilterGroups {
		var first crmFilter
		if len(g.Filters) > 0 {
			first = g.Filters[0]
		}
		switch first.Operator {
		case "EQ":
			some = append(some, o.equal[[2]string{first.PropertyName, strings.ToLower(first.Value)}]...)
		case "CONTAINS_TOKEN", "HAS_PROPERTY":
			some = append(some, o.having[first.PropertyName]...)
		default:
			return o.list
		}
	}
	slices.SortFunc(some, func(a, b *crmObject) int { return a.at - b.at })
	return slices.Compact(some)
}

// matches: any group of which all filters hold, and the query.
func (s *crmSearch) matches(x *crmObject) bool {
	if s.Query != "" && !x.mentions(s.Query) {
		return false
	}
	if len(s.FilterGroups) == 0 {
		return true
	}
	for _, g := range s.FilterGroups {
		if !slices.ContainsFunc(g.Filters, func(f crmFilter) bool { return !f.holds(x.lower[f.PropertyName]) }) {
			return true
		}
	}
	return false
}

// mentions looks for the query's words in the properties that are searched by default.
func (x *crmObject) mentions(query string) bool {
	words := tokens(query)
	for _, word := range words {
		hit := false
		for _, name := range []string{"firstname", "lastname", "email", "hs_additional_emails", "phone", "company", "name", "domain"} {
			hit = hit || slices.ContainsFunc(tokens(x.properties[name]), func(t string) bool { return strings.HasPrefix(t, word) })
		}
		if !hit {
			return false
		}
	}
	return len(words) > 0
}

// holds compares with a value in lower case.
func (f crmFilter) holds(have string) bool {
	want := strings.ToLower(f.Value)
	switch f.Operator {
	case "EQ":
		return have != "" && have == want
	case "NEQ":
		return have != want
	case "IN": // compares with the lower-cased value; upper case in the request never matches
		return have != "" && slices.Contains(f.Values, have)
	case "NOT_IN":
		return !slices.Contains(f.Values, have)
	case "HAS_PROPERTY":
		return have != ""
	case "NOT_HAS_PROPERTY":
		return have == ""
	case "CONTAINS_TOKEN":
		return containsToken(have, want)
	case "NOT_CONTAINS_TOKEN":
		return !containsToken(have, want)
	case "BETWEEN":
		return have >= want && have <= strings.ToLower(f.HighValue)
	case "GT":
		return have > want
	case "GTE":
		return have >= want
	case "LT":
		return have != "" && have < want
	case "LTE":
		return have != "" && have <= want
	}
	return false
}

// containsToken looks for a word, which may begin or end with the wildcard *.
func containsToken(have, want string) bool {
	pattern := strings.Trim(want, "*")
	if strings.HasPrefix(want, "*") && strings.HasSuffix(want, "*") {
		return strings.Contains(have, pattern)
	}
	fits := func(token string) bool {
		switch {
		case strings.HasPrefix(want, "*"):
			return strings.HasSuffix(token, pattern)
		case strings.HasSuffix(want, "*"):
			return strings.HasPrefix(token, pattern)
		}
		return token == pattern
	}
	if have == "" {
		return false
	}
	for _, separate := range []func(string) []string{tokens, func(s string) []string { return strings.FieldsFunc(s, isListSeparator) }} {
		if slices.ContainsFunc(separate(have), fits) {
			return true
		}
	}
	return false
}

func isListSeparator(r rune) bool { return r == ';' || r == ',' || unicode.IsSpace(r) }

func tokens(s string) []string {
	return strings.FieldsFunc(strings.ToLower(s), func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) })
}
