package adapters

import (
	"net/http"
	"strings"

	"crosswalk/contracts"
	"crosswalk/source"
)

var methods = []string{"get", "post", "put", "patch", "delete", "propfind"}

// methodPropfind lists a folder and looks at a file by WebDAV: it changes nothing.
const methodPropfind = "PROPFIND"

// request reads one request of an operation.
func (p *parser) request(op *Operation, node *source.Node, in scope) *request {
	if p.adapter.Protocol == "sql" {
		return p.sqlRequest(op, node, in)
	}
	if p.adapter.Protocol == protocolRPC {
		return p.rpcRequest(op, node, in)
	}
	switch p.adapter.Protocol {
	case protocolFiles, protocolSFTP:
		return p.fileRequest(op, node, in)
	case protocolMail:
		return p.mailRequest(op, node, in)
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
		if value := fields["headers"].Get(name); strings.ContainsAny(value.Text(), "\r\n\x00") {
			value.Errorf("write it in one line", "the header %s would hold control characters", name)
		}
	}
	p.body(r, fields, in)
	r.writes = op.Effect == contracts.Write && r.method != http.MethodGet && r.method != methodPropfind && !fields["reads"].Bool() && !fields["repeatable"].Bool()
	if fields["repeatable"].Bool() && (op.Effect == contracts.Read || r.method == http.MethodPost || r.method == http.MethodPatch) {
		fields["repeatable"].Errorf("it is for a PUT or DELETE beside the request that writes", "a %s of a %sing operation cannot be said to be repeatable", r.method, op.Effect)
	}
	if op.Effect == contracts.Read && r.method != "" && r.method != http.MethodGet && r.method != methodPropfind && r.method != http.MethodPost {
		node.Errorf("", "%s changes something, and %s only reads", r.method, op.Name)
	}
	if r.graphql != nil {
		r.writes = r.graphql.mutates
		r.graphql.hold(op, fields["graphql"])
	} else if op.Effect == contracts.Read && r.method == http.MethodPost && !fields["reads"].Bool() {
		node.Errorf("add reads: true if it only looks", "a POST in a reading operation must say that it changes nothing")
	}
	for _, status := range fields["empty"].List() {
		r.empty = append(r.empty, status.Int())
	}
	after := answerScope(in)
	r.items = after.template(fields["items"])
	r.where = after.with("item", anything).condition(fields["where"])
	if r.where != nil && r.items == nil {
		fields["where"].Errorf("add items: with the list", "where needs to know where the items are")
	}
	r.paging = p.paging(fields["paging"], r, after.with("items", anything).with("last", anything))
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
	r.json, r.form, r.graphql = parseTree(fields["json"], in), parseTree(fields["form"], in), parseGraphQL(fields["graphql"], in)
	r.soap, r.xml, r.multipart, r.file = parseSOAP(fields["soap"], in), checkRoot(fields["xml"], in), parseTree(fields["multipart"], in), parseTree(fields["file"], in)
	r.answers, r.rows = answerJSON, parseTable(fields["csv"], false)
	switch {
	case fields["answers"].Exists():
		r.answers = fields["answers"].OneOf(answerForms...)
	case r.soap != nil:
		r.answers = answerSOAP
	case r.xml != nil:
		r.answers = answerXML
	}
	bodies := 0
	for _, kind := range bodyKinds {
		if !fields[kind].Exists() {
			continue
		}
		if bodies++; bodies > 1 {
			fields[kind].Errorf("keep one", "a request has one body")
		}
	}
	if bodies > 0 && r.method == http.MethodGet {
		fields["get"].Errorf("use query, or post", "a GET has no body")
	}
	for _, kind := range []string{"form", "multipart"} {
		if fields[kind].Exists() && fields[kind].Kind() != source.Map {
			fields[kind].Errorf("", "a form is a mapping")
		}
	}
}
