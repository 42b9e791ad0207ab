package source

import (
	"bytes"
	"encoding/json"
	"strings"

	"gopkg.in/yaml.v3"
)

// schemaDialect is the version of JSON Schema that every editor knows.
const schemaDialect = "http://json-schema.org/draft-07/schema#"

// SchemaLine is the first line of a file that says to an editor where its schema lies. It is a comment like any other.
func SchemaLine(path string) string { return "# yaml-language-server: $schema=" + path + "\n" }

// SchemaFile is the name of the file of a format's schema.
func (f *Format) SchemaFile() string { return f.Name + ".schema.json" }

// object is a JSON object whose members keep their order, so that a schema reads like the file that it describes.
type object []member

type member struct {
	key   string
	value any
}

// MarshalJSON writes the members in their order.
func (o object) MarshalJSON() ([]byte, error) {
	var b bytes.Buffer
	b.WriteByte('{')
	for i, m := range o {
		if i > 0 {
			b.WriteByte(',')
		}
		key, err := plainJSON(m.key)
		if err != nil {
			return nil, err
		}
		value, err := plainJSON(m.value)
		if err != nil {
			return nil, err
		}
		b.Write(key)
		b.WriteByte(':')
		b.Write(value)
	}
	b.WriteByte('}')
	return b.Bytes(), nil
}

// plainJSON is JSON in which < and & stay readable.
func plainJSON(value any) ([]byte, error) {
	var b bytes.Buffer
	encoder := json.NewEncoder(&b)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(value); err != nil {
		return nil, err
	}
	return bytes.TrimRight(b.Bytes(), "\n"), nil
}

// Schema is the JSON Schema of the format.
func (f *Format) Schema() ([]byte, error) {
	schema := object{{"$schema", schemaDialect}, {"title", f.Title}, {"description", f.About}}
	schema = append(schema, f.shape(f.Root, true)...)
	if parts := f.Parts()[1:]; len(parts) > 0 {
		definitions := object{}
		for _, part := range parts {
			definitions = append(definitions, member{part.Name, f.shape(part, true)})
		}
		schema = append(schema, member{"definitions", definitions})
	}
	text, err := plainJSON(schema)
	if err != nil {
		return nil, err
	}
	var indented bytes.Buffer
	if err := json.Indent(&indented, text, "", "  "); err != nil {
		return nil, err
	}
	indented.WriteByte('\n')
	return indented.Bytes(), nil
}

// shape is the schema of a shape; that of a part is written out only where the part is defined.
func (f *Format) shape(s *Shape, define bool) object {
	if s.Name != "" && !define {
		return object{{"$ref", "#/definitions/" + s.Name}}
	}
	var about object
	if s.Name != "" && s != f.Root {
		about = object{{"description", s.About}}
	}
	switch s.kind {
	case shapeWhole:
		return append(about, member{"type", []string{"integer", "string"}}, member{"pattern", `^[0-9]+$`})
	case shapeBool:
		return append(about, member{"type", "boolean"})
	case shapeNothing:
		return append(about, member{"type", "null"})
	case shapeAny:
		return about
	case shapeRecord:
		return append(about, f.record(s)...)
	case shapeNamed:
		return append(about, member{"type", "object"}, member{"additionalProperties", f.shape(s.of, false)})
	case shapeList:
		return append(about, member{"type", "array"}, member{"items", f.shape(s.of, false)})
	case shapeEither:
		var any []object
		for _, one := range s.either {
			any = append(any, f.shape(one, false))
		}
		return append(about, member{"anyOf", any})
	case shapeRef:
		f.part(s.words)
		return object{{"$ref", "#/definitions/" + s.words}}
	default:
		return append(about, f.text(s)...)
	}
}

// text is the schema of a scalar: YAML makes numbers and truth values of some texts.
func (f *Format) text(s *Shape) object {
	schema := object{{"type", []string{"string", "number", "boolean"}}}
	if s.pattern != "" {
		schema = append(schema, member{"pattern", s.pattern})
	}
	if len(s.choices) > 0 {
		var choices []any
		for _, choice := range s.choices {
			choices = append(choices, choice)
			var plain any
			if err := yaml.Unmarshal([]byte(choice), &plain); err == nil {
				if _, isText := plain.(string); !isText {
					choices = append(choices, plain)
				}
			}
		}
		schema = object{{"enum", choices}}
	}
	return schema
}

func (f *Format) record(s *Shape) object {
	properties, required := object{}, []string{}
	for _, field := range s.fields {
		if field.Refused {
			continue
		}
		properties = append(properties, member{field.Name, f.field(field)})
		if field.Required {
			required = append(required, field.Name)
		}
	}
	schema := object{{"type", "object"}, {"additionalProperties", false}, {"properties", properties}}
	if len(required) > 0 {
		schema = append(schema, member{"required", required})
	}
	return schema
}

// field is the schema of a field with what it means. Words beside a $ref are not looked at by the old versions of the
// language, so the reference stands in an allOf.
func (f *Format) field(field Field) object {
	about := field.About
	if field.Default != "" {
		about = strings.TrimSuffix(about, ".") + ". Left out: " + field.Default + "."
	}
	schema := object{{"description", about}}
	is := f.shape(field.Is, false)
	if len(is) == 1 && is[0].key == "$ref" {
		is = object{{"allOf", []object{is}}}
	}
	schema = append(schema, is...)
	if field.Example != "" {
		var value yaml.Node
		if err := yaml.Unmarshal([]byte(field.Example), &value); err == nil {
			schema = append(schema, member{"examples", []any{asJSON(&value)}})
		}
	}
	return schema
}

// asJSON is YAML as an editor sees it: dates are texts there.
func asJSON(n *yaml.Node) any {
	switch n.Kind {
	case yaml.DocumentNode:
		return asJSON(n.Content[0])
	case yaml.SequenceNode:
		items := make([]any, len(n.Content))
		for i, item := range n.Content {
			items[i] = asJSON(item)
		}
		return items
	case yaml.MappingNode:
		fields := object{}
		for i := 0; i+1 < len(n.Content); i += 2 {
			fields = append(fields, member{n.Content[i].Value, asJSON(n.Content[i+1])})
		}
		return fields
	}
	var value any
	if err := n.Decode(&value); err != nil || n.Tag == "!!timestamp" {
		return n.Value
	}
	return value
}

// JSON is a YAML text as an editor compares it with a schema.
func JSON(text []byte) ([]byte, error) {
	var value yaml.Node
	if err := yaml.Unmarshal(text, &value); err != nil {
		return nil, err
	}
	if value.Kind == 0 {
		return []byte("null"), nil
	}
	return plainJSON(asJSON(&value))
}
