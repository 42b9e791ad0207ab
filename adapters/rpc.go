package adapters

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"

	"crosswalk/contracts"
	"crosswalk/rules"
	"crosswalk/source"
)

const protocolRPC = "json_rpc"

// rpc says in which form a system that is spoken to by JSON-RPC takes its calls.
type rpc struct {
	path    *pathTemplate
	version string // of the member jsonrpc; "": the envelope has none
	values  *valueTags
}

// The versions of the envelope.
const (
	rpcVersion2    = "2.0"
	rpcVersionNone = "none"
)

// parseRPC reads what holds for all calls; what is not said is JSON-RPC 2.0 at the address itself.
func parseRPC(node *source.Node, in scope) *rpc {
	fields := node.Fields(rpcShape)
	r := &rpc{path: &pathTemplate{literals: []string{"/"}}, version: rpcVersion2}
	if fields["path"].Exists() {
		r.path = parsePath(fields["path"], in)
	}
	if fields["version"].Exists() && fields["version"].OneOf(rpcVersion2, rpcVersionNone) == rpcVersionNone {
		r.version = ""
	}
	r.values = parseValueTags(fields["values"])
	return r
}

// rpcRequest reads one call of a procedure. In a reading operation all of them look only; in a writing one those that
// say so.
func (p *parser) rpcRequest(op *Operation, node *source.Node, in scope) *request {
	fields := node.Fields(callShape)
	r := &request{when: in.condition(fields["when"]), method: http.MethodPost, path: p.adapter.rpc.path, rpc: p.adapter.rpc}
	in = in.given(r.when)
	if fields["first_of"].Exists() {
		p.firstOf(op, r, node, in)
		return r
	}
	if fields["each"].Exists() {
		r.each, in = parseLoops(fields["each"], in)
	}
	after := answerScope(in)
	r.items = after.template(fields["items"])
	r.where = after.with("item", anything).condition(fields["where"])
	if r.where != nil && r.items == nil {
		fields["where"].Errorf("add items: with the list", "where needs to know where the items are")
	}
	if r.paging = p.paging(fields["paging"], r, after.with("items", anything).with("last", anything)); r.paging != nil {
		in = in.with("page", pageType)
		if r.items == nil {
			node.Errorf("add items: with the list of a page", "paging needs to know where the items are")
		}
		if r.paging.kind == pagingNext || r.paging.kind == pagingLink {
			fields["paging"].Get("kind").Errorf("use page, offset, cursor or keyset: the parameters read page.number, page.offset or page.cursor", "%s is for requests with an address of their own", r.paging.kind)
		}
		fields["paging"].KeyNode("send").Errorf("let the parameters read page.number, page.offset or page.cursor", "a procedure has no parameter of that name")
	}
	r.call = in.template(node.Required("call", "the procedure, as in call: model.party.party.search_read"))
	r.arguments = parseTree(fields["params"], in)
	r.arguments.keepPlaces()
	r.writes = op.Effect == contracts.Write && !fields["reads"].Bool()
	return r
}

// keepPlaces keeps what is missing in lists as null: in the parameters of a procedure, and in what they hold, places
// have meanings.
func (t *tree) keepPlaces() {
	if t == nil {
		return
	}
	t.places = t.isList
	for _, inner := range t.items {
		inner.keepPlaces()
	}
	for _, inner := range t.fields {
		inner.keepPlaces()
	}
	if t.each != nil {
		t.each.give.keepPlaces()
	}
}

// pageType is what the parameters of a procedure know about the page that is asked for.
var pageType = rules.RecordType(
	rules.Field{Name: "number", Type: rules.TypeOf(rules.KindNumber), Required: true},
	rules.Field{Name: "offset", Type: rules.TypeOf(rules.KindNumber), Required: true},
	rules.Field{Name: "cursor", Type: anything},
)

// rpcID is the id of every call: each travels in a request of its own, whose answer can be no other's.
const rpcID = 1

// envelope is the body of a call.
func (r *request) envelope(form *rpc, vars map[string]rules.Value, at page) ([]byte, error) {
	if r.paging != nil {
		vars = with(vars, "page", rules.Record(map[string]rules.Value{
			"number": rules.Number(rules.Int(int64(at.number))), "offset": rules.Number(rules.Int(int64(at.passed))), "cursor": at.cursor,
		}))
	}
	method, err := r.call.Eval(vars)
	if err != nil {
		return nil, fmt.Errorf("call: %w", err)
	}
	arguments, err := r.arguments.eval(vars)
	if err != nil {
		return nil, fmt.Errorf("params: %w", err)
	}
	if arguments.IsMissing() {
		arguments = rules.List()
	}
	message := struct {
		Version string          `json:"jsonrpc,omitempty"`
		ID      int             `json:"id"`
		Method  string          `json:"method"`
		Params  json.RawMessage `json:"params"`
	}{form.version, rpcID, method.String(), form.values.encode(arguments).Plain()}
	return json.Marshal(message)
}

// opened is an answer whose tagged values are read. An envelope that is none, or belongs to another call, is an error.
func (form *rpc) opened(body rules.Value) (rules.Value, error) {
	if body.Kind() != rules.KindRecord {
		return rules.Value{}, errors.New("no envelope of JSON-RPC")
	}
	id := body.Get("id")
	if !id.IsMissing() && !id.Equal(rules.Number(rules.Int(rpcID))) || id.IsMissing() && body.Get("error").IsMissing() {
		return rules.Value{}, errors.New("that of another call")
	}
	return form.values.decode(body)
}

// rpcClass is the class of an error that no rule of the adapter names, and whether it proves that nothing was done. The
// codes are those of JSON-RPC 2.0; any other error is the procedure's own refusal.
func rpcClass(failure rules.Value) (class contracts.Class, refusal bool) {
	code, isCode := failure.Get("code").Num().Int64()
	switch {
	case failure.IsMissing():
		return "", false
	case !isCode || failure.Get("code").Kind() != rules.KindNumber:
		return contracts.Validation, true
	case code == -32700 || code == -32600 || code == -32601 || code == -32602:
		return contracts.Drift, true // we speak in a way that it does not understand
	case code == -32603 || code <= -32000 && code >= -32099:
		return contracts.Unavailable, false
	default:
		return contracts.Validation, true
	}
}

var rpcShape = source.Record(
	source.Field{Name: "path", Is: source.Template(), About: "Where the calls go.", Default: "/", Example: "/jsonrpc"},
	source.Field{Name: "version", Is: source.Choice(rpcVersion2, rpcVersionNone), About: "What the member jsonrpc says; none: the envelope holds id, method and params only.", Default: "2.0", Example: rpcVersionNone},
	source.Field{Name: "values", Is: valueTagsShape, About: "How values that JSON does not have are written.", Default: "as texts", Example: "{tag: __class__, types: {date: {kind: date, in: [year, month, day]}}}"},
)

var callShape = source.Record(
	source.Field{Name: "name", Is: source.Text(), About: "Under requests: the name of the result.", Default: "answer", Example: "found"},
	source.Field{Name: "when", Is: source.Condition(), About: "It is made only if this holds.", Default: "it is made", Example: "input.name != missing"},
	source.Field{Name: "call", Is: source.Template(), About: "The procedure that is called.", Example: "model.party.party.search_read"},
	source.Field{Name: "params", Is: treeShape, About: "Its parameters: a list, in which what is missing stays as null, or a mapping.", Default: "none", Example: "[[[code, '=', '${input.sku}']], 0, 10]"},
	source.Field{Name: "reads", Is: source.YesNo(), About: "In a writing operation: this call changes nothing.", Default: "false", Example: "true"},
	source.Field{Name: "each", Is: source.Either(source.Template(), source.Named(source.Template())), About: "Repeats the call for every item of a list: item, or the name given.", Default: "it is made once", Example: "{line: '${input.lines}'}"},
	source.Field{Name: "first_of", Is: source.ListOf(source.Ref("request")), About: "In place of call: calls that are tried in order until one has items.", Example: "[{call: people.find, items: '${body.result}'}]"},
	source.Field{Name: "items", Is: source.Template(), About: "Where the list is in the answer.", Example: "'${body.result}'"},
	source.Field{Name: "where", Is: source.Condition(), About: "Which items are kept; it sees item.", Default: "all", Example: "item.state == 'posted'"},
	source.Field{Name: "paging", Is: pagingShape, About: "How the next pages are asked for: the parameters read page.number, page.offset (how many items the pages before had) or page.cursor.", Default: "there is one page", Example: "{kind: offset, size: 100, max_pages: 50}"},
)
