// Package adapters is the runtime for declarative API adapters. An adapter is one YAML file that carries
// out the operations of a contract for one product; catalog/ holds those that are shipped. The package
// knows nothing of any product: authentication, paging, limits, error rules, safety of writes and the
// mapping of data are all read from the file, which is checked completely when it is loaded.
//
// An adapter is joined with the settings and secrets of one system by [Adapter.Connect], and the
// [Connection] carries out calls. docs/adapters.md describes the file.
package adapters

import (
	"slices"
	"strings"
	"time"

	"crosswalk/contracts"
	"crosswalk/rules"
)

// Adapter is one parsed and checked adapter file. It is immutable.
type Adapter struct {
	Name     string
	Title    string
	Version  string
	Contract string // the first of the contracts whose operations it carries out
	// Contracts are all of them. Operations of the first are called by their short names within the file, those of the
	// others by their full ones.
	Contracts []string
	Protocol  string // http, json_rpc or sql
	File      string
	Text      []byte // the file as it was read
	Hash      string // sha256 of the text

	Docs   []string // where the interface is described
	About  string   // what is to be known of the adapter as a whole
	Setup  []string // what to do in the product, step by step
	Scopes []string // the rights that it needs there

	Settings []Field
	Secrets  []Field
	Check    string   // the operation that tries a connection out; "" if there is none
	Webhook  *Webhook // how the product signs what it sends by itself; nil: the file does not say it

	dialect    string                // of a database
	operations map[string]*Operation // by full name
	baseURL    string
	auth       auth
	rpc        *rpc // of json_rpc
	headers    *tree
	limits     []Limit
	waits      []waitRule
	failures   []failureRule
	message    *rules.Template
	timeout    time.Duration

	readsHeaders bool // an expression may read an answer's headers; else nobody makes a record of them
}

// Field is a setting or a secret of a connection.
type Field struct {
	Name        string
	Title       string
	Description string
	Type        *rules.Type // of a setting
	Required    bool
	Default     rules.Value
	Format      string // origin, hostname, or ""
	pattern     pattern
}

// Operation is one operation as the adapter carries it out.
type Operation struct {
	Name   string // crm.find_customer
	Title  string
	Effect contracts.Effect
	Safety Safety
	Input  *rules.Type
	Output *rules.Type

	requests []*request
	failures []failureRule
	verdicts []verdict
	one      *rules.Template
	output   *tree
	timeout  time.Duration
	answer   int64 // how many bytes an answer may have, 0: as many as usual
}

// Safety says how a write is made safe.
type Safety struct {
	Kind   contracts.Safety
	TTL    time.Duration // of an idempotency key: how long the system remembers it; 0: for ever
	Late   time.Duration // how long after it was sent a request may still be carried out, although nobody waits for it any more
	Lookup string        // the operation that finds what a write of unknown outcome made; "" if none

	header, query string
	table         string // of an idempotency key: the database's table that notes it
	with          *tree  // the look-up's input
}

// Operations returns the full names of what the adapter can do, in alphabetical order.
func (a *Adapter) Operations() []string { return sortedKeys(a.operations) }

// Operation returns an operation by its full name, or nil.
func (a *Adapter) Operation(name string) *Operation { return a.operations[name] }

// Serves says whether the adapter carries out operations of a contract.
func (a *Adapter) Serves(contract string) bool { return slices.Contains(a.Contracts, contract) }

// FullName is the full name of an operation, as in crm.find_customer, by the name that the file gives it.
func (a *Adapter) FullName(written string) string {
	if contract, _, ok := strings.Cut(written, "."); ok && a.Serves(contract) {
		return written
	}
	return a.Contract + "." + written
}

// ShortName is the way back: the name that the file gives to an operation.
func (a *Adapter) ShortName(full string) string { return strings.TrimPrefix(full, a.Contract+".") }
