package contracts

import (
	"path"
	"regexp"
	"slices"
	"strings"

	"crosswalk/rules"
	"crosswalk/source"
)

var nameShape = regexp.MustCompile(`^[a-z][a-z0-9_]{0,39}$`)

// Parse reads one contract file. The contract is nil if the file has errors; warnings come with it.
func Parse(file string, text []byte) (*Contract, source.Problems) {
	doc := source.Parse(file, text)
	p := parser{contract: &Contract{File: file, Text: slices.Clone(text), Records: map[string]*RecordKind{}, Operations: map[string]*Operation{}}}
	if doc.Root != nil {
		p.file(doc.Root)
	}
	problems := doc.Problems()
	if problems.Err() != nil {
		return nil, problems
	}
	return p.contract, problems
}

// parser reads in two rounds: first every record and operation, then what points from one to another.
type parser struct {
	contract *Contract
	later    []func()
}

func (p *parser) file(root *source.Node) {
	fields := root.Fields(contractShape)
	name := root.Required("contract", "give the contract a name, as in contract: crm")
	p.contract.Name = name.Text()
	checkName(name, "contract")
	if base := strings.TrimSuffix(path.Base(root.File()), ".yaml"); name.Exists() && base != p.contract.Name {
		name.Errorf("name the file "+p.contract.Name+".yaml", "the file is called %s.yaml, the contract %s", base, p.contract.Name)
	}
	p.contract.Title = textOr(fields["title"], p.contract.Name)
	p.contract.Description = fields["description"].Text()
	records := fields["records"]
	for _, kind := range keysOf(records) {
		checkName(records.KeyNode(kind), "record kind")
		p.contract.Records[kind] = p.record(kind, records.Get(kind))
	}
	operations := root.Required("operations", "a contract is the list of its operations")
	for _, short := range keysOf(operations) {
		checkName(operations.KeyNode(short), "operation")
		p.contract.Operations[short] = p.operation(short, operations.Get(short))
	}
	for _, step := range p.later {
		step()
	}
}

func (p *parser) record(kind string, node *source.Node) *RecordKind {
	fields := node.Fields(recordShape)
	record := &RecordKind{Name: p.contract.Name + "." + kind, Title: textOr(fields["title"], kind)}
	schema := node.Required("schema", "say which fields a record has, as in schema: {id: {type: string, ref: "+record.Name+", required: true}}")
	record.Type = recordType(schema, p.contract.Name, kind)
	p.later = append(p.later, func() {
		record.Find = p.pointer(fields["find"])
		if record.Find != nil {
			record.Keys = mappings(fields["keys"], record.Find.Input, nil)
		}
		if record.Find == nil && fields["keys"].Exists() {
			fields["keys"].Errorf("add find: with the operation that uses them", "keys without a find operation are never used")
		}
	})
	return record
}

// recordType reads the fields of a business record. Its id is what other contracts point to, and system
// tells later which of two systems of one contract it came from.
func recordType(schema *source.Node, contract, kind string) *rules.Type {
	t := *rules.ParseFields(schema)
	t.Record = kind
	name := contract + "." + kind
	id, ok := t.Field("id")
	if schema.Kind() == source.Map && (!ok || id.Type.Ref != name || !id.Required) {
		schema.Errorf("add id: {type: string, ref: "+name+", required: true}", "a record kind needs an id that is always there and is the id of its own kind")
	}
	schema.KeyNode(systemField).Errorf("remove it", "the field %q is added to every business record by itself", systemField)
	return t.With(rules.Field{Name: systemField, Required: true, Type: &rules.Type{Kind: rules.KindText, Title: "System", Description: "the system that the record came from"}})
}

// systemField is stamped on every business record by the runtime.
const systemField = "system"

func (p *parser) operation(short string, node *source.Node) *Operation {
	fields := node.Fields(operationShape)
	name := p.contract.Name + "." + short
	op := &Operation{Name: name, Contract: p.contract.Name, Short: short, Title: textOr(fields["title"], name), Description: fields["description"].Text()}
	op.Effect = Effect(node.Required("effect", "write effect: read, or effect: write if it changes anything").OneOf(string(Read), string(Write)))
	op.Input = rules.ParseFields(fields["input"])
	p.output(op, node.Required("output", "say what the operation answers; {} if nothing"))
	for _, item := range fields["errors"].List() {
		class := Class(item.OneOf(ClassNames()...))
		if class != "" && slices.Contains(op.Errors, class) {
			item.Errorf("remove one", "%s is there twice", class)
		}
		op.Errors = append(op.Errors, class)
	}
	if slices.Contains(op.Errors, NotUnique) && op.Output != nil {
		op.Candidates = rules.ListOf(op.Output)
	}
	p.later = append(p.later, func() {
		op.Lookup = p.pointer(fields["lookup"])
		if op.Lookup != nil && op.Lookup.Effect == Write {
			fields["lookup"].Errorf("name a reading operation", "%s writes, so it cannot be used to look", op.Lookup.Name)
		}
		if op.Effect == Read {
			for _, key := range []string{"redo", "lookup"} {
				node.KeyNode(key).Errorf("remove it, or write effect: write", "%q is for operations that write", key)
			}
			return
		}
		p.redo(op, fields["redo"])
	})
	return op
}

// output reads {record: kind}, a schema ({type: …}) or the properties of a record.
func (p *parser) output(op *Operation, node *source.Node) {
	kind := node.Get("record")
	if kind.Kind() == source.Scalar && len(node.Keys()) == 1 {
		record := p.contract.Records[kind.Text()]
		if record == nil {
			kind.Errorf(source.DidYouMean(kind.Text(), sortedKeys(p.contract.Records)), "the contract has no record kind %q", kind.Text())
			return
		}
		op.Record, op.Output = record, record.Type
		return
	}
	if node.Get("type").Kind() == source.Scalar && (node.Get("properties").Exists() || node.Get("additionalProperties").Exists() || node.Get("items").Exists()) {
		op.Output = p.kinds().ParseType(node)
	} else {
		op.Output = p.kinds().ParseFields(node)
	}
	if op.Output.Kind != rules.KindRecord {
		node.Errorf("give it a name, as in {lines: {type: array, …}}", "an operation answers a record, not a %s", op.Output.Kind)
	}
}

// kinds are the types of the contract's records, which an output may name anywhere in it.
func (p *parser) kinds() rules.RecordTypes {
	types := rules.RecordTypes{}
	for kind, record := range p.contract.Records {
		types[kind] = record.Type
	}
	return types
}

func (p *parser) redo(op *Operation, node *source.Node) {
	if !node.Exists() {
		return
	}
	fields := node.Fields(redoShape)
	update := p.pointer(node.Required("operation", "name the operation that updates what this one made"))
	if update == nil {
		return
	}
	if update.Effect != Write {
		fields["operation"].Errorf("name a writing operation", "%s only reads", update.Name)
	}
	op.Redo = &Redo{Operation: update, With: mappings(fields["with"], update.Input, op.Output)}
}

func (p *parser) pointer(node *source.Node) *Operation {
	if !node.Exists() {
		return nil
	}
	op := p.contract.Operations[node.Text()]
	if op == nil {
		node.Errorf(source.DidYouMean(node.Text(), p.contract.OperationNames()), "the contract has no operation %q", node.Text())
	}
	return op
}

// mappings reads {input: field}. Fields are checked only where the record is known.
func mappings(node *source.Node, inputs, record *rules.Type) []Mapping {
	var list []Mapping
	for _, input := range keysOf(node) {
		if _, ok := inputs.Field(input); !ok {
			node.KeyNode(input).Errorf(source.DidYouMean(input, inputs.FieldNames()), "the operation has no input %q", input)
		}
		field := node.Get(input)
		if record != nil {
			if _, ok := record.Field(field.Text()); !ok {
				field.Errorf(source.DidYouMean(field.Text(), record.FieldNames()), "the record has no field %q", field.Text())
			}
		}
		list = append(list, Mapping{Input: input, Field: field.Text()})
	}
	return list
}

func keysOf(node *source.Node) []string {
	if !node.Exists() {
		return nil
	}
	node.Map() // reports anything but a mapping
	return node.Keys()
}

func checkName(node *source.Node, what string) {
	if node.Exists() && !nameShape.MatchString(node.Text()) {
		node.Errorf("use small letters, digits and _, beginning with a letter", "%q is not a name for a %s", node.Text(), what)
	}
}

func textOr(node *source.Node, fallback string) string {
	if !node.Exists() {
		return fallback
	}
	return node.Text()
}
