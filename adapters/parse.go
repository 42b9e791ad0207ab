package adapters

import (
	"crypto/sha256"
	"encoding/hex"
	"path"
	"regexp"
	"slices"
	"strings"
	"time"

	"crosswalk/contracts"
	"crosswalk/rules"
	"crosswalk/source"
)

var (
	adapterName = regexp.MustCompile(`^[a-z][a-z0-9-]{0,49}$`)
	fieldName   = regexp.MustCompile(`^[a-z][a-z0-9_]{0,49}$`)
)

// Parse reads one adapter file and checks it whole against the contracts: strict fields, every
// expression with its types, the safety of every write. The adapter is nil if there are errors.
func Parse(file string, text []byte, known map[string]*contracts.Contract) (*Adapter, source.Problems) {
	doc := source.Parse(file, text)
	sum := sha256.Sum256(text)
	p := &parser{contracts: known, adapter: &Adapter{File: file, Text: slices.Clone(text), Hash: hex.EncodeToString(sum[:]), operations: map[string]*Operation{}}}
	if doc.Root != nil {
		p.file(doc.Root)
	}
	problems := doc.Problems()
	if problems.Err() != nil {
		return nil, problems
	}
	return p.adapter, problems
}

type parser struct {
	contracts map[string]*contracts.Contract
	adapter   *Adapter
	base      scope // the settings: what every expression may use
	later     []func()
}

func (p *parser) file(root *source.Node) {
	fields := root.Fields(adapterShape)
	a := p.adapter
	name := root.Required("adapter", "give the adapter a name, as in adapter: zendesk")
	a.Name = name.Text()
	if name.Exists() && !adapterName.MatchString(a.Name) {
		name.Errorf("use lower case letters, digits and -", "%q cannot be the name of an adapter", a.Name)
	}
	if base := strings.TrimSuffix(path.Base(root.File()), ".yaml"); name.Exists() && base != a.Name {
		name.Errorf("name the file "+a.Name+".yaml", "the file is called %s.yaml, the adapter %s", base, a.Name)
	}
	a.Title, a.Version = fields["title"].Text(), fields["version"].Text()
	if a.Title == "" {
		a.Title = a.Name
	}
	a.Docs, a.About, a.Setup, a.Scopes = fields["docs"].Texts(), fields["about"].Text(), fields["setup"].Texts(), fields["scopes"].Texts()
	if !p.contract(root) {
		return // nothing below can be judged, and each operation would seem to be wrong
	}
	a.Protocol = "http"
	if fields["protocol"].Exists() {
		a.Protocol = fields["protocol"].OneOf(protocols...)
	}
	if a.dialect = dialectPostgres; fields["dialect"].Exists() {
		a.dialect = fields["dialect"].OneOf(dialects...)
		if a.Protocol != "sql" {
			fields["dialect"].Errorf("remove it, or write protocol: sql", "a dialect is one of SQL")
		}
	}
	p.connection(root.Required("connection", "say where the system is, as in connection: {base_url: https://api.example.com}"))
	p.adapter.Webhook = parseWebhook(fields["webhooks"])
	p.base.shapes = parseShapes(fields["shapes"], p.base)
	p.general(root, fields)
	operations := root.Required("operations", "an adapter is the list of its operations")
	for _, short := range operations.Keys() {
		p.operation(operations, short)
	}
	if operations.Exists() && len(operations.Map()) == 0 {
		operations.Errorf("", "there is no operation")
	}
	for _, step := range p.later {
		step()
	}
	if check := fields["check"]; check.Exists() {
		a.Check = p.reading(check)
	}
	a.readsHeaders = *p.base.headers
}

// contract reads which contracts are carried out, and says whether all of them are known.
func (p *parser) contract(root *source.Node) bool {
	known := true
	node := root.Required("contract", "name the contract that the adapter carries out, as in contract: support")
	named := []*source.Node{node}
	if node.Kind() == source.List {
		named = node.List()
	}
	for _, one := range named {
		switch name := one.Text(); {
		case !one.Exists():
			continue
		case p.contracts[name] == nil:
			contracts.Unknown(one, p.contracts)
			known = false
		case p.adapter.Serves(name):
			one.Errorf("remove one", "the contract %q is there twice", name)
		}
		p.adapter.Contracts = append(p.adapter.Contracts, one.Text())
	}
	if len(p.adapter.Contracts) > 0 {
		p.adapter.Contract = p.adapter.Contracts[0]
	}
	return known
}

// general reads what holds for all operations.
func (p *parser) general(root *source.Node, fields map[string]*source.Node) {
	a := p.adapter
	if a.OffHTTP() {
		for _, key := range []string{"auth", "headers", "wait", "errors", "message"} {
			root.KeyNode(key).Errorf("remove it", "%q is for HTTP adapters", key)
		}
	} else {
		secret := p.base.with("secret", secretType(a.Secrets))
		if a.Protocol == protocolRPC {
			a.rpc = parseRPC(fields["rpc"], p.base)
		} else if fields["rpc"].Exists() {
			root.KeyNode("rpc").Errorf("write protocol: json_rpc, or remove it", "%q is for protocol: json_rpc", "rpc")
		}
		a.auth = p.auth(root.Required("auth", "say how the system knows us, as in auth: {bearer: '${secret.token}'}, or auth: none"), secret)
		a.headers = parseTree(fields["headers"], secret)
		for _, node := range fields["wait"].List() {
			node.Fields(waitShape)
			a.waits = append(a.waits, waitRule{header: node.Required("header", "").Text(), format: node.Required("format", "say in which form the wait comes").OneOf(waitFormats...)})
		}
		a.failures = parseFailures(fields["errors"], p.base)
		a.message = answerScope(p.base).template(fields["message"])
	}
	a.limits = ParseLimits(fields["limits"])
	for _, limit := range a.limits {
		for _, short := range limit.Operations {
			if fields["operations"].Get(short) == nil {
				fields["limits"].Errorf(source.DidYouMean(short, fields["operations"].Keys()), "there is no operation %q", short)
			}
		}
	}
	if a.timeout = fields["timeout"].Duration(); a.timeout == 0 {
		a.timeout = defaultTime
	}
	if a.timeout > 2*time.Minute {
		fields["timeout"].Errorf("", "one request may take two minutes at most")
	}
}

// parseFailures reads error rules.
func parseFailures(node *source.Node, base scope) []failureRule {
	var failures []failureRule
	in := answerScope(base)
	for _, item := range node.List() {
		fields := item.Fields(failureShape)
		failures = append(failures, failureRule{
			when:    in.condition(item.Required("when", "say which answers are meant, as in when: 'status == 404'")),
			class:   contracts.Class(item.Required("class", "name the error class").OneOf(contracts.ClassNames()...)),
			nothing: fields["nothing_done"].Bool(),
		})
	}
	return failures
}

// answerScope holds what is known after an answer.
func answerScope(base scope) scope {
	return base.with("status", rules.TypeOf(rules.KindNumber)).with("headers", anything).with("body", anything)
}

// reading resolves the name of an operation that does not write.
func (p *parser) reading(node *source.Node) string {
	op := p.adapter.operations[p.fullName(node.Text())]
	switch {
	case op == nil:
		node.Errorf(source.DidYouMean(node.Text(), p.shortNames()), "there is no operation %q", node.Text())
		return ""
	case op.Effect != contracts.Read:
		node.Errorf("name a reading operation", "%s writes", op.Name)
	}
	return op.Name
}

func (p *parser) fullName(written string) string { return p.adapter.FullName(written) }

func (p *parser) shortNames() []string {
	var names []string
	for _, name := range sortedKeys(p.adapter.operations) {
		names = append(names, p.adapter.ShortName(name))
	}
	return names
}

func sortedKeys[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for key := range m {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	return keys
}
