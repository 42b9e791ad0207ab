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

	method    string
	path      *pathTemplate
	query     *tree
	headers   *tree
	json      *tree
	form      *tree
	graphql   *graphqlBody
	soap      *soapBody
	xml       *tree
	multipart *tree
	file      *tree
	answers   string // the form in which the answer comes
	rows      table  // of an answer that is a table

	call      *rules.Template // a procedure, with its arguments
	arguments *tree
	rpc       *rpc // in which form it is called

	sql   *statement
	files *fileRequest
	mail  *mailRequest

	firstOf []*request // instead of all the above: the first of these that has items

	empty  []int // statuses that mean: nothing there
	items  *rules.Template
	where  *rules.Expression // which items are kept; nil: all
	paging *paging
	writes bool // changes something in the system
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
