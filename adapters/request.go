package adapters

import (
	"time"

	"crosswalk/rules"
)

// request is one request of an operation, with what it depends on and what it yields. Its result is read
// by later requests and by the output under its name, as a record: status, headers, body, items.
type request struct {
	name string
	when *rules.Expression // nil: always
	each []loop            // none: once

	method  string
	path    *pathTemplate
	query   *tree
	headers *tree
	json    *tree
	form    *tree

	sql    string
	params []*rules.Template

	firstOf []*request // instead of all the above: the first of these that has items

	empty  []int // statuses that mean: nothing there
	items  *rules.Template
	paging *paging
	writes bool // changes something in the system
}

// The kinds of paging.
const (
	pagingCursor = "cursor"   // the answer names the next page's cursor
	pagingPage   = "page"     // pages are numbered
	pagingNext   = "next_url" // the answer gives the next page's address
)

// paging says how the next page is asked for and when there is none.
type paging struct {
	kind     string
	next     *rules.Template // cursor, next_url: missing ends
	pages    *rules.Template // page: how many there are; without it a page that is not full is the last
	send     string          // the name under which cursor or number go out
	in       string          // query, form or json
	size     int             // page: how many items a full page has
	maxPages int
}

// waitRule is one place where a system says how long to wait.
type waitRule struct {
	header string
	format string
}

// maxEach bounds how many requests one each makes; maxItems how many items a paged list has.
const (
	maxEach     = 100
	maxItems    = rules.MaxItems
	defaultTime = 15 * time.Second
)
