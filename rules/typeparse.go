package rules

import (
	"errors"
	"regexp"
	"slices"
	"strings"

	"crosswalk/source"
)

// typeNames are the names of types in files: ours, and those of JSON Schema.
var typeNames = map[string]Type{
	"any": {Kind: KindAny, Optional: true}, "bool": {Kind: KindBool}, "boolean": {Kind: KindBool},
	"number": {Kind: KindNumber}, "integer": {Kind: KindNumber, Integer: true},
	"text": {Kind: KindText}, "string": {Kind: KindText},
	"date": {Kind: KindDate}, "date-time": {Kind: KindInstant}, "duration": {Kind: KindDuration},
	"list": {Kind: KindList}, "array": {Kind: KindList}, "record": {Kind: KindRecord}, "object": {Kind: KindRecord},
}

// knownTypeNames is what a hint offers.
var knownTypeNames = []string{"text", "string", "number", "integer", "boolean", "bool", "date", "date-time", "duration", "list", "array", "record", "object", "any"}

var (
	refPattern  = regexp.MustCompile(`^[a-z][a-z0-9_-]*\.[a-z][a-z0-9_]*$`)
	namePattern = regexp.MustCompile(`^[\p{L}_][\p{L}\p{N}_]*$`)
)

// ParseType reads a type: a subset of JSON Schema 2020-12, with shorthands and our own keywords.
//
//	email: string                         a bare name of a type
//	tags: [string]                        a list of them
//	tier: {enum: [bronze, silver, gold]}  only these; type: text is understood
//	name: {type: string, required: true}  required stands on the property, or on the record as a list
//	customer: {ref: crm.customer}         a text that is the id of such a record
//	{record: customer, properties: …}     a business record: its id must have a ref, and it carries system
//
// Records are closed unless additionalProperties is given or they declare no properties at all. Problems
// are reported at their nodes; the result is never nil, and any where nothing better is known.
func ParseType(n *source.Node) *Type { return RecordTypes(nil).ParseType(n) }

// RecordTypes are business records that are declared elsewhere, by their kind: where a type names one of them and gives no
// properties, it has those.
type RecordTypes map[string]*Type

// ParseType reads a type that may name these records. See [ParseType].
func (known RecordTypes) ParseType(n *source.Node) *Type {
	switch n.Kind() {
	case source.Scalar:
		return namedType(n)
	case source.List:
		items := n.List()
		if len(items) != 1 {
			n.Errorf("write [text] or {type: list, items: …}", "a list type names the type of its items, once")
			return TypeOf(KindAny)
		}
		return ListOf(known.ParseType(items[0]))
	case source.Map:
		return known.parseSchema(n)
	default:
		n.Errorf(source.DidYouMean("", knownTypeNames), "expected a type, found %s", n.Kind())
		return TypeOf(KindAny)
	}
}

// ParseFields reads a mapping of names to types, such as the input of a use case, as a closed record type.
func ParseFields(n *source.Node) *Type { return RecordTypes(nil).ParseFields(n) }

// ParseFields reads fields whose types may name these records. See [ParseFields].
func (known RecordTypes) ParseFields(n *source.Node) *Type {
	t := &Type{Kind: KindRecord}
	known.parseFields(t, n)
	return t
}

func namedType(n *source.Node) *Type {
	name := n.Text()
	t, ok := typeNames[name]
	if !ok {
		hint := source.DidYouMean(name, knownTypeNames)
		if refPattern.MatchString(name) {
			hint = "write {ref: " + name + "}"
		}
		n.Errorf(hint, "unknown type %q", name)
		return TypeOf(KindAny)
	}
	return completed(&t)
}

// completed gives a list without items and a record without properties their most general meaning.
func completed(t *Type) *Type {
	switch {
	case t.Kind == KindList && t.Items == nil:
		t.Items = TypeOf(KindAny)
	case t.Kind == KindRecord && len(t.Fields) == 0:
		t.Open = true
	}
	return t
}

func (known RecordTypes) parseSchema(n *source.Node) *Type {
	keys := n.Fields(typeShape)
	t := baseType(n, keys)
	t.Title, t.Description = keys["title"].Text(), keys["description"].Text()
	t.Personal = keys["personal"].Bool()
	parseFormat(t, keys["format"])
	parseLimits(t, keys)
	parseEnum(t, keys["enum"])
	if items := keys["items"]; items != nil && wants(items, t, KindList) {
		t.Items = known.ParseType(items)
	}
	if properties := keys["properties"]; properties != nil && wants(properties, t, KindRecord) {
		known.parseFields(t, properties)
	}
	if required := keys["required"]; required.Kind() == source.List {
		requireFields(t, required)
	}
	known.parseExtra(t, n, keys["additionalProperties"])
	known.parseIdentity(t, n, keys)
	return t
}

// baseType finds the kind: it is given, or follows from another keyword.
func baseType(n *source.Node, keys map[string]*source.Node) *Type {
	if given := keys["type"]; given != nil {
		if given.Kind() != source.List {
			t := *namedType(given)
			if t.Kind == KindRecord || t.Kind == KindList {
				t.Open, t.Items = false, nil
			}
			return &t
		}
		return nullableType(given)
	}
	switch {
	case keys["record"] != nil || keys["properties"] != nil || keys["additionalProperties"] != nil:
		return &Type{Kind: KindRecord}
	case keys["items"] != nil:
		return &Type{Kind: KindList}
	case keys["ref"] != nil || keys["enum"] != nil || keys["format"] != nil || keys["maxLength"] != nil:
		return &Type{Kind: KindText}
	case keys["minimum"] != nil || keys["maximum"] != nil:
		return &Type{Kind: KindNumber}
	default:
		n.Warnf("add type: any if that is meant", "nothing says which type this is; it is taken as any")
		return TypeOf(KindAny)
	}
}

// nullableType reads JSON Schema's type: [string, 'null'].
func nullableType(given *source.Node) *Type {
	var t *Type
	optional := false
	for _, item := range given.List() {
		text := ""
		if item.Kind() == source.Scalar {
			text = item.Text()
		}
		switch {
		case item.Kind() == source.Null || text == "null":
			optional = true
		case t == nil:
			named := *namedType(item)
			t = &named
		default:
			item.Errorf("use any, and text() or a condition where the value is used", "a value of several types is not supported")
		}
	}
	if t == nil {
		given.Errorf("", "no type is named here")
		return TypeOf(KindAny)
	}
	t.Optional = t.Optional || optional
	return t
}

func wants(n *source.Node, t *Type, kind Kind) bool {
	if t.Kind == kind {
		return true
	}
	n.Errorf("", "this belongs to a %s, and the type here is %s", kind, t.Kind)
	return false
}

func parseFormat(t *Type, n *source.Node) {
	if n == nil {
		return
	}
	t.Format = n.Text()
	if t.Kind != KindText {
		return
	}
	switch t.Format {
	case "date":
		t.Kind = KindDate
	case "date-time":
		t.Kind = KindInstant
	case "duration":
		t.Kind = KindDuration
	}
}

func parseLimits(t *Type, keys map[string]*source.Node) {
	for _, limit := range []struct {
		key  string
		kind Kind
		into *int
	}{{"minLength", KindText, &t.MinLength}, {"maxLength", KindText, &t.MaxLength}, {"maxItems", KindList, &t.MaxItems}} {
		if n := keys[limit.key]; n != nil && wants(n, t, limit.kind) {
			if *limit.into = n.Int(); *limit.into < 0 {
				n.Errorf("", "a limit cannot be negative")
			}
		}
	}
	for _, limit := range []struct {
		key  string
		into **Num
	}{{"minimum", &t.Minimum}, {"maximum", &t.Maximum}} {
		if n := keys[limit.key]; n != nil && wants(n, t, KindNumber) {
			number, err := ParseNum(n.Text())
			if err != nil {
				n.Errorf("", "%s is %s", quoted(n.Text()), err)
				continue
			}
			*limit.into = &number
		}
	}
}

func parseEnum(t *Type, n *source.Node) {
	if n == nil {
		return
	}
	items := n.List()
	if t.Kind == KindText && len(items) > 0 && !slices.ContainsFunc(items, func(item *source.Node) bool { return !isNumberNode(item) }) {
		t.Kind = KindNumber
	}
	plain := &Type{Kind: t.Kind}
	seen := map[string]bool{}
	for _, item := range items {
		value, err := plain.decodeText(item.Text())
		if err != nil {
			item.Errorf("", "%s", err)
			continue
		}
		if seen[value.String()] {
			item.Errorf("remove one of them", "%s is there twice", quoted(item.Text()))
		}
		seen[value.String()] = true
		t.Enum = append(t.Enum, value)
	}
}

func isNumberNode(n *source.Node) bool { return n.Tag() == "!!int" || n.Tag() == "!!float" }

func (known RecordTypes) parseFields(t *Type, n *source.Node) {
	properties := n.Map()
	names := n.Keys()
	if len(names) > MaxKeys {
		n.Errorf("", "a record has at most %d fields", MaxKeys)
		names = names[:MaxKeys]
	}
	for _, name := range names {
		if !namePattern.MatchString(name) {
			n.KeyNode(name).Warnf("expressions can read it only as record[\"name\"]; letters, digits and _ are better", "%q is not a plain name", name)
		}
		property := properties[name]
		field := Field{Name: name, Type: known.ParseType(property)}
		if required := property.Get("required"); required.Kind() == source.Scalar {
			field.Required = required.Bool()
		}
		t.Fields = append(t.Fields, field)
	}
}

func requireFields(t *Type, required *source.Node) {
	for _, item := range required.List() {
		i := slices.IndexFunc(t.Fields, func(field Field) bool { return field.Name == item.Text() })
		if i < 0 {
			item.Errorf(source.DidYouMean(item.Text(), t.FieldNames()), "there is no property %q", item.Text())
			continue
		}
		t.Fields[i].Required = true
	}
}

func (known RecordTypes) parseExtra(t *Type, n, extra *source.Node) {
	switch {
	case extra == nil:
		*t = *completed(t)
	case !wants(extra, t, KindRecord):
	case extra.Tag() == "!!bool":
		t.Open = extra.Bool()
	default:
		t.Open, t.Extra = true, known.ParseType(extra)
	}
}

// parseIdentity reads ref and record: what a text or a record stands for in the business.
func (known RecordTypes) parseIdentity(t *Type, n *source.Node, keys map[string]*source.Node) {
	if ref := keys["ref"]; ref != nil && wants(ref, t, KindText) {
		if t.Ref = ref.Text(); !refPattern.MatchString(t.Ref) {
			ref.Errorf("write contract.kind, as in crm.customer", "%q does not name a kind of record", t.Ref)
			t.Ref = ""
		}
	}
	record := keys["record"]
	if record == nil || !wants(record, t, KindRecord) {
		return
	}
	t.Record = record.Text()
	if declared := known[t.Record]; declared != nil && keys["properties"] == nil {
		t.Fields, t.Open, t.Extra = declared.Fields, declared.Open, declared.Extra
		return
	}
	hint := "add properties: {id: {ref: contract." + t.Record + "}}"
	if known != nil {
		hint += ", or declare it under records"
	}
	i := slices.IndexFunc(t.Fields, func(field Field) bool { return field.Name == "id" })
	switch {
	case i < 0 || t.Fields[i].Type.Ref == "":
		record.Errorf(hint, "a business record needs a property id with a ref")
	case refKind(t.Fields[i].Type.Ref) != t.Record:
		record.Errorf("", "the id of this %s is declared as the id of %s", t.Record, article(t.Fields[i].Type.Ref))
	default:
		t.Fields[i].Required = true
	}
	if _, taken := t.Field(systemField); taken {
		n.Get("properties").KeyNode(systemField).Errorf("remove it", "the property %q is added to every business record by itself", systemField)
		return
	}
	t.Fields = append(t.Fields, Field{Name: systemField, Required: true,
		Type: &Type{Kind: KindText, Title: "System", Description: "the system that the record came from"}})
}

// systemField is stamped by the runtime on every business record that a system returns.
const systemField = "system"

// decodeText reads a literal of a file as a value of the type, whatever YAML made of it.
func (t *Type) decodeText(text string) (Value, error) {
	switch t.Kind {
	case KindNumber:
		n, err := ParseNum(text)
		switch {
		case errors.Is(err, errNotANumber):
			return Value{}, &DecodeError{Message: quoted(text) + " is not a number"}
		case err != nil:
			return Value{}, &DecodeError{Message: quoted(text) + ": " + err.Error()}
		}
		return t.Decode(Number(n))
	case KindBool:
		switch strings.ToLower(text) {
		case "true":
			return Bool(true), nil
		case "false":
			return Bool(false), nil
		}
		return Value{}, &DecodeError{Message: quoted(text) + " is not true or false"}
	default:
		return t.Decode(Text(text))
	}
}
