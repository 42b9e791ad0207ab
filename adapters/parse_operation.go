package adapters

import (
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"crosswalk/contracts"
	"crosswalk/rules"
	"crosswalk/source"
)

// operation reads one operation. Its name is one of the contract's, or a further one that declares its
// own effect, input and output.
func (p *parser) operation(operations *source.Node, short string) {
	node := operations.Get(short)
	fields := node.Fields(operationShape)
	op := &Operation{Name: p.fullName(short), Title: fields["title"].Text(), timeout: fields["timeout"].Duration()}
	if op.timeout == 0 {
		op.timeout = p.adapter.timeout
	}
	op.answer = answerLimit(fields["answer_limit"])
	_, plain, _ := strings.Cut(op.Name, ".")
	if !fieldName.MatchString(plain) {
		operations.KeyNode(short).Errorf("use lower case letters, digits and _", "%q cannot be the name of an operation", short)
	}
	p.signature(op, node, operations.KeyNode(short), fields)
	p.adapter.operations[op.Name] = op
	in := p.base.with("input", op.Input)
	p.safety(op, node, fields["safety"], in)
	if op.Safety.Kind == contracts.IdempotencyKey || op.Effect == contracts.Write {
		in = in.with("key", rules.TypeOf(rules.KindText))
	}
	op.failures = parseFailures(fields["errors"], p.base)
	in = p.requests(op, node, fields, in)
	p.results(op, node, fields, in)
	p.checkWrites(op, node)
}

// megabytes is a number of megabytes as people write it.
var megabytes = regexp.MustCompile(`^([1-9][0-9]{0,3}) ?MB$`)

// answerLimit reads how large an answer may be, in bytes; 0: nothing is said.
func answerLimit(node *source.Node) int64 {
	if !node.Exists() {
		return 0
	}
	found := megabytes.FindStringSubmatch(node.Text())
	if found == nil {
		node.Errorf("write it as 40 MB", "%q is no size", node.Text())
		return 0
	}
	size, _ := strconv.ParseInt(found[1], 10, 64) // at most four digits
	if size <<= 20; size > maxAnswer {
		node.Errorf("let the operation fetch the data in pages, see paging", "an answer may have %d MB at most", maxAnswer>>20)
	}
	return size
}

// signature takes effect, input and output from the contract, or reads them for an operation of the
// adapter's own.
func (p *parser) signature(op *Operation, node, key *source.Node, fields map[string]*source.Node) {
	var known *contracts.Operation
	of, plain, _ := strings.Cut(op.Name, ".")
	if contract := p.contracts[of]; contract != nil {
		known = contract.Operation(plain)
		if known == nil && !fields["effect"].Exists() {
			key.Errorf(source.DidYouMean(key.Text(), contract.OperationNames())+" (or declare effect, input and output_type for an operation of the adapter's own)",
				"the contract %s has no operation %q", contract.Name, key.Text())
		}
	}
	if known != nil {
		for _, name := range []string{"effect", "input", "output_type"} {
			node.KeyNode(name).Errorf("remove it", "%q is already said by the contract", name)
		}
		op.Effect, op.Input, op.Output = known.Effect, known.Input, known.Output
		if op.Title == "" {
			op.Title = known.Title
		}
		return
	}
	op.Effect = contracts.Effect(fields["effect"].OneOf(string(contracts.Read), string(contracts.Write)))
	op.Input, op.Output = rules.RecordType(), anything
	if fields["input"].Exists() {
		op.Input = rules.ParseFields(fields["input"])
	}
	if fields["output_type"].Exists() {
		op.Output = rules.ParseFields(fields["output_type"])
	}
}

// safety reads how a write is made safe. A write that does not say so is refused: nobody can know
// afterwards whether it may be repeated.
func (p *parser) safety(op *Operation, node, safety *source.Node, in scope) {
	switch {
	case op.Effect == contracts.Read:
		node.KeyNode("safety").Errorf("remove it", "a reading operation needs no safety")
		return
	case safety == nil:
		node.Errorf("write safety: {idempotency_key: {header: …, ttl: …}}, natural_key, {lookup: …} or at_most_once",
			"%s writes, and nothing says how a repeat is made harmless", op.Name)
		return
	case safety.Kind() == source.Scalar:
		op.Safety.Kind = contracts.Safety(safety.OneOf(string(contracts.NaturalKey), string(contracts.AtMostOnce)))
		return
	}
	fields := safety.Fields(safetyShape)
	if key := fields[string(contracts.IdempotencyKey)]; key.Exists() {
		parts := key.Fields(keyShape)
		op.Safety.Kind, op.Safety.TTL, op.Safety.query = contracts.IdempotencyKey, parts["ttl"].Duration(), parts["query"].Text()
		if parts["header"].Exists() {
			op.Safety.header = headerName(parts["header"])
		}
		if p.adapter.Protocol == "sql" {
			op.Safety.table = p.keyTable(key, parts)
		} else if (op.Safety.header == "") == (op.Safety.query == "") && !parts["body"].Bool() {
			key.Errorf("write header: NAME, query: NAME, or body: true if the body holds ${key}", "one place for the key is needed")
		}
	}
	lookup := fields[string(contracts.Lookup)]
	if op.Safety.Kind == "" {
		op.Safety.Kind = contracts.Lookup
	}
	if lookup == nil {
		if op.Safety.Kind == contracts.Lookup {
			safety.Errorf("write idempotency_key, or lookup with the operation that finds the record", "nothing says how a repeat is made harmless")
		}
		return
	}
	op.Safety.Late = fields["late"].Duration()
	p.later = append(p.later, func() { p.lookup(op, lookup, fields["with"], in) })
}

// keyTable reads the table in which a database notes the keys of effects.
func (p *parser) keyTable(key *source.Node, parts map[string]*source.Node) string {
	for _, name := range []string{"header", "query", "body", "ttl"} {
		parts[name].Errorf("remove it", "%q is for HTTP adapters", name)
	}
	table := key.Required("table", "the table that notes keys, as in table: crosswalk_effects; docs/protocols.md says how it is made")
	if table.Exists() && !ledgerTable.MatchString(table.Text()) {
		table.Errorf("use letters, digits and _", "%q cannot be the name of a table", table.Text())
	}
	return table.Text()
}

// lookup resolves the operation that finds what a write made. Its inputs are the write's own of the same
// names, or those that with gives.
func (p *parser) lookup(op *Operation, lookup, with *source.Node, in scope) {
	op.Safety.Lookup = p.reading(lookup)
	found := p.adapter.operations[op.Safety.Lookup]
	if found == nil {
		return
	}
	if with.Exists() {
		op.Safety.with = parseTree(with, in.with("key", rules.TypeOf(rules.KindText)).with("first_sent", rules.TypeOf(rules.KindInstant)))
		for _, field := range found.Input.Fields {
			if field.Required && !with.Get(field.Name).Exists() {
				with.Errorf("add it: the look-up is given what stands here and nothing else", "%s needs %q, which with does not give", found.Name, field.Name)
			}
		}
		for _, name := range with.Keys() {
			if _, ok := found.Input.Field(name); !ok {
				with.KeyNode(name).Errorf(source.DidYouMean(name, found.Input.FieldNames()), "%s has no input %q", found.Name, name)
			}
		}
		return
	}
	for _, field := range found.Input.Fields {
		if field.Name == "key" {
			continue // the key of the effect itself
		}
		if own, ok := op.Input.Field(field.Name); field.Required && (!ok || !own.Required) {
			lookup.Errorf("add with: {"+field.Name+": …, key: '${key}'}, with all that the look-up needs", "%s needs %q, which %s does not have for certain", found.Name, field.Name, op.Name)
		}
	}
}

// requests reads the requests in order; each sees the results of those before it.
func (p *parser) requests(op *Operation, node *source.Node, fields map[string]*source.Node, in scope) scope {
	single, several := fields["request"], fields["requests"]
	switch {
	case single.Exists() && several.Exists():
		several.Errorf("keep one of them", "request and requests are both given")
	case single.Exists():
		r := p.request(op, single, in)
		if r.name = "answer"; single.Get("name").Exists() {
			single.Get("name").Errorf("remove it, or write requests", "a single request is always called answer")
		}
		op.requests = []*request{r}
		return in.with(r.name, anything)
	case !several.Exists():
		node.Errorf("write request: {get: /path} or a list under requests", "%s makes no request", op.Name)
	}
	for _, item := range several.List() {
		r := p.request(op, item, in)
		name := item.Required("name", "a name under which later expressions read the result")
		if r.name = name.Text(); name.Exists() && (!fieldName.MatchString(r.name) || in.has(r.name)) {
			name.Errorf("choose another name of lower case letters, digits and _", "%q is not free here", r.name)
		}
		op.requests = append(op.requests, r)
		in = in.with(r.name, anything)
	}
	return in
}

// results reads what becomes of the requests' results.
func (p *parser) results(op *Operation, node *source.Node, fields map[string]*source.Node, in scope) {
	op.one = in.template(fields["one"])
	if fields["one"].Exists() {
		in = in.with("item", anything)
		for _, key := range []string{"not_found", "not_unique"} {
			node.KeyNode(key).Errorf("remove it", "one: already says when nothing or several are found")
		}
	}
	if condition := in.condition(fields["not_found"]); condition != nil {
		op.verdicts = append(op.verdicts, verdict{when: condition, class: contracts.NotFound, message: "there is no such record"})
	}
	if several := fields["not_unique"]; several.Exists() {
		several.Fields(notUniqueShape)
		op.verdicts = append(op.verdicts, verdict{class: contracts.NotUnique, message: "several records fit",
			when: in.condition(several.Required("when", "")), candidates: parseTree(several.Required("candidates", "the records to choose from"), in)})
	}
	for _, item := range fields["fail"].List() {
		item.Fields(verdictShape)
		op.verdicts = append(op.verdicts, verdict{
			when:    in.condition(item.Required("when", "")),
			class:   contracts.Class(item.Required("class", "").OneOf(contracts.ClassNames()...)),
			message: item.Required("message", "say in a sentence what is wrong").Text(),
		})
	}
	op.output = parseTree(node.Required("output", "say what the operation answers"), in)
	checkOutput(fields["output"], op.Output, in.shapes)
}

// checkOutput compares the fields that are given with those that the contract wants, as far as they can
// be seen without running anything.
func checkOutput(node *source.Node, want *rules.Type, shapes map[string]*shape) {
	if want == nil || want.Kind == rules.KindAny || node.Kind() == source.Absent {
		return
	}
	if node.Get("each").Exists() && node.Get("give").Exists() {
		if want.Kind != rules.KindList {
			node.Errorf("", "a list is given where %s is wanted", want)
		} else if want.Items != nil {
			checkOutput(node.Get("give"), want.Items, shapes)
		}
		return
	}
	if s := shapes[node.Get("shape").Text()]; s != nil && node.Get("with").Exists() {
		checkOutput(s.node, want, shapes)
		return
	}
	if node.Kind() != source.Map || want.Kind != rules.KindRecord {
		return
	}
	for _, key := range node.Keys() {
		field, ok := want.Field(key)
		if !ok && !want.Open {
			node.KeyNode(key).Errorf(source.DidYouMean(key, want.FieldNames()), "the contract's answer has no field %q", key)
			continue
		}
		if ok {
			checkOutput(node.Get(key), field.Type, shapes)
		}
	}
	for _, field := range want.Fields {
		if field.Required && field.Name != "system" && node.Get(field.Name) == nil {
			node.Errorf("", "the contract's answer needs the field %q", field.Name)
		}
	}
}

// checkWrites holds an operation to its effect: a reading one changes nothing, and a writing one makes a
// single change, because only one can be made safe.
func (p *parser) checkWrites(op *Operation, node *source.Node) {
	writes := 0
	for _, r := range op.requests {
		if r.writes {
			writes++
		}
		if r.writes && (r.each != nil || r.paging != nil) {
			node.Errorf("", "the writing request %q cannot be repeated by each or paging", r.name)
		}
	}
	if op.Effect == contracts.Write && writes != 1 {
		node.Errorf("make several operations of it, or mark requests that only look with reads: true", "a writing operation makes exactly one writing request, this one %d", writes)
	}
}

var headerShape = regexp.MustCompile(`^[A-Za-z0-9-]{1,64}$`)

// forbiddenHeaders are those that HTTP itself sets, or that would let a file speak for somebody else.
var forbiddenHeaders = []string{"Host", "Content-Length", "Transfer-Encoding", "Connection", "Accept-Encoding", "Cookie", "Te", "Trailer", "Upgrade"}

func headerName(node *source.Node) string {
	name := http.CanonicalHeaderKey(node.Text())
	if node.Exists() && (!headerShape.MatchString(name) || slices.Contains(forbiddenHeaders, name)) {
		node.Errorf("", "%q is not a header that an adapter may set", node.Text())
	}
	return name
}
