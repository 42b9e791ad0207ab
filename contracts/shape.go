package contracts

import (
	"crosswalk/rules"
	"crosswalk/source"
)

var contractShape = source.Record(
	source.Field{Name: "contract", Is: source.Matching("name", nameShape.String()), Required: true, About: "The name of the kind of system; the file has the same.", Example: "returns"},
	source.Field{Name: "title", Is: source.Text(), About: "The name for people.", Default: "the name", Example: "Returns of goods"},
	source.Field{Name: "description", Is: source.Text(), About: "What such systems are there for.", Example: "Where returned goods are announced."},
	source.Field{Name: "records", Is: source.Named(recordShape), About: "The business records that such a system holds, by their kind.", Example: "{parcel: {schema: {id: {ref: returns.parcel, required: true}}}}"},
	source.Field{Name: "operations", Is: source.Named(operationShape), Required: true, About: "What can be asked of such a system.", Example: "{find_parcel: {effect: read, output: {record: parcel}}}"},
)

var recordShape = source.Record(
	source.Field{Name: "title", Is: source.Text(), About: "The name for people.", Default: "the kind", Example: "Parcel"},
	source.Field{Name: "schema", Is: rules.FieldsShape(), Required: true, About: "The fields with their types. id is needed, with a ref to this kind.", Example: "{id: {type: string, ref: returns.parcel, required: true}, status: string}"},
	source.Field{Name: "find", Is: source.Text(), About: "The operation that finds such a record from what another system knows of the same thing.", Example: "find_parcel"},
	source.Field{Name: "keys", Is: source.Named(source.Text()), About: "Which input of find is filled with which field of the other record.", Example: "{number: order_number}"},
)

var operationShape = source.Record(
	source.Field{Name: "title", Is: source.Text(), About: "What is done, for people.", Default: "the name", Example: "Find a parcel"},
	source.Field{Name: "description", Is: source.Text(), About: "What else is to be known.", Example: "By the number that is printed on it."},
	source.Field{Name: "effect", Is: source.Choice(string(Read), string(Write)), Required: true, About: "Whether it only looks or changes something.", Example: "read"},
	source.Field{Name: "input", Is: rules.FieldsShape(), About: "What it takes.", Default: "nothing", Example: "{number: {type: string, required: true}}"},
	source.Field{Name: "output", Is: source.Either(recordOf, rules.TypeShape(), rules.FieldsShape()), Required: true, About: "What it answers: {record: KIND}, fields with their types, or a type.", Example: "{record: parcel}"},
	source.Field{Name: "errors", Is: source.ListOf(source.Choice(ClassNames()...)), About: "The classes of errors that belong to its meaning.", Default: "none", Example: "[not_found, not_unique]"},
	source.Field{Name: "redo", Is: redoShape, About: "Of a write: what stands in for it when it is to be done again.", Example: "{operation: update_parcel, with: {parcel: id}}"},
	source.Field{Name: "lookup", Is: source.Text(), About: "Of a write: the operation that finds out whether it was done.", Example: "find_parcel"},
)

// recordOf is the answer of an operation that is one of the contract's records.
var recordOf = source.Record(source.Field{Name: "record", Is: source.Text(), Required: true, About: "The kind of record that is answered.", Example: "parcel"})

var redoShape = source.Record(
	source.Field{Name: "operation", Is: source.Text(), Required: true, About: "The operation that changes what the first one made.", Example: "update_parcel"},
	source.Field{Name: "with", Is: source.Named(source.Text()), About: "Which of its inputs is filled with which field of the first answer; the others are those of the write.", Example: "{parcel: id}"},
)

// Format describes the files of contracts.
func Format() *source.Format {
	return &source.Format{Name: "contract", Title: "Contract", Files: "contracts/NAME.yaml", Page: "workspace.md", Root: contractShape,
		About: "The operations that a kind of system offers, with the types of what they take and answer. Use cases call them; adapters, robots and people carry them out."}
}
