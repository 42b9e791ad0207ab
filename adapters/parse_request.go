package adapters

import (
	"net/http"
	"strings"

	"crosswalk/contracts"
	"crosswalk/source"
)

var methods = []string{"get", "post", "put", "patch", "delete"}

// request reads one request of an operation.
func (p *parser) request(op *Operation, node *source.Node, in scope) *request {
	if p.adapter.Protocol == "sql" {
		return p.sqlRequest(op, node, in)
	}
	fields := node.Fields(httpShape)
	r := &request{when: in.condition(fields["when"])}
	if fields["first_of"].Exists() {
		p.firstOf(op, r, node, in.given(r.when))
		return r
	}
	in = in.given(r.when)
	if fields["each"].Exists() {
		r.each, in = parseLoops(fields["each"], in)
	}
	for _, method := range methods {
		if path := fields[method]; path.Exists() {
			if r.method != "" {
				path.Errorf("keep one", "a request has one method")
			}
			r.method, r.path = strings.ToUpper(method), parsePath(path, in)
		}
	}
	if r.method == "" {
		node.Errorf("write for example get: /path", "the request has no method and path")
	}
	r.query, r.headers = parseTree(fields["query"], in), parseTree(fields["headers"], in)
	for _, name := range fields["headers"].Keys() {
		headerName(fields["headers"].KeyNode(name))
	}
	p.body(r, fields, in)
	r.writes = op.Effect == contracts.Write && r.method != http.MethodGet && !fields["reads"].Bool()
	if op.Effect == contracts.Read && r.method != http.MethodGet && r.method != http.MethodPost {
		node.Errorf("", "%s changes something, and %s only reads", r.method, op.Name)
	}
	if op.Effect == contracts.Read && r.method == http.MethodPost && !fields["reads"].Bool() {
		node.Errorf("add reads: true if it only looks", "a POST in a reading operation must say that it changes nothing")
	}
	for _, status := range fields["empty"].List() {
		r.empty = append(r.empty, status.Int())
	}
	after := answerScope(in)
	r.items = after.template(fields["items"])
	r.paging = p.paging(fields["paging"], after.with("items", anything))
	if r.paging != nil && r.items == nil {
		node.Errorf("add items: with the list of a page", "paging needs to know where the items are")
	}
	return r
}

func (p *parser) firstOf(op *Operation, r *request, node *source.Node, in scope) {
	for _, key := range node.Keys() {
		if key != "name" && key != "when" && key != "first_of" {
			node.KeyNode(key).Errorf("put it into the requests of first_of", "%q cannot stand beside first_of", key)
		}
	}
	for _, item := range node.Get("first_of").List() {
		if item.Get("name").Exists() || item.Get("first_of").Exists() {
			item.Errorf("", "a request in first_of has no name and no first_of of its own")
		}
		alternative := p.request(op, item, in)
		if alternative.items == nil {
			item.Errorf("add items: with the list that may be empty", "first_of needs to see whether a request found something")
		}
		if alternative.writes {
			item.Errorf("", "a writing request cannot be one of several")
		}
		r.firstOf = append(r.firstOf, alternative)
	}
}

func (p *parser) body(r *request, fields map[string]*source.Node, in scope) {
	r.json, r.form = parseTree(fields["json"], in), parseTree(fields["form"], in)
	if r.json != nil && r.form != nil {
		fields["form"].Errorf("keep one", "a request has one body")
	}
	if (r.json != nil || r.form != nil) && r.method == http.MethodGet {
		fields["get"].Errorf("use query, or post", "a GET has no body")
	}
	if r.form != nil && fields["form"].Kind() != source.Map {
		fields["form"].Errorf("", "a form is a mapping")
	}
}

func (p *parser) paging(node *source.Node, in scope) *paging {
	if !node.Exists() {
		return nil
	}
	fields := node.Fields(pagingShape)
	g := &paging{
		kind:     node.Required("kind", "cursor, page or next_url").OneOf(pagingCursor, pagingPage, pagingNext),
		next:     in.template(fields["next"]),
		pages:    in.template(fields["pages"]),
		send:     fields["send"].Text(),
		in:       "query",
		size:     positive(fields["size"]),
		maxPages: positive(node.Required("max_pages", "bound the number of pages")),
	}
	if fields["in"].Exists() {
		g.in = fields["in"].OneOf("query", "form", "json")
	}
	switch {
	case g.kind == pagingCursor && (g.next == nil || g.send == ""):
		node.Errorf("next: where the answer has the cursor; send: the parameter that carries it", "cursor paging needs next and send")
	case g.kind == pagingPage && (g.send == "" || g.pages == nil && g.size == 0):
		node.Errorf("send: the parameter; pages: where the answer has their number, or size: how many items a full page has", "page paging needs send, and pages or size")
	case g.kind == pagingNext && g.next == nil:
		node.Errorf("next: where the answer has the address, as in '${link(headers, \"next\")}'", "next_url paging needs next")
	}
	return g
}
