package rules

import "crosswalk/source"

// typeShape is the mapping form of a type.
var typeShape = source.Record(
	source.Field{Name: "type", Is: source.Either(source.Choice(knownTypeNames...), source.ListOf(source.Either(source.Text(), source.Nothing()))),
		About: "The kind of value: text, number, a list, a record. A list of a name and null allows it to be missing.", Default: "what the other words say", Example: "number"},
	source.Field{Name: "title", Is: source.Text(), About: "The name for people.", Default: "the name of the field", Example: "Customer number"},
	source.Field{Name: "description", Is: source.Text(), About: "What the value means.", Example: "as it is printed on the invoice"},
	source.Field{Name: "enum", Is: source.ListOf(source.Text()), About: "The only values that there are.", Default: "any value of the type", Example: "[bronze, silver, gold]"},
	source.Field{Name: "items", Is: source.Ref("type"), About: "Of a list: the type of its items.", Default: "any", Example: "text"},
	source.Field{Name: "properties", Is: source.Named(source.Ref("type")), About: "Of a record: its fields with their types.", Default: "a record of any fields", Example: "{sku: text, amount: number}"},
	source.Field{Name: "required", Is: source.Either(source.YesNo(), source.ListOf(source.Text())), About: "On a field: it is always there. On a record: a list of the fields that are.", Default: "it may be missing", Example: "true"},
	source.Field{Name: "additionalProperties", Is: source.Either(source.YesNo(), source.Ref("type")), About: "Of a record: whether it may hold further fields, or their type.", Default: "false if properties are named, else true", Example: "true"},
	source.Field{Name: "ref", Is: source.Matching("CONTRACT.KIND", refPattern.String()), About: "The text is the id of such a record of a system.", Example: "crm.customer"},
	source.Field{Name: "record", Is: source.Text(), About: "The record is a business record of this kind; it has an id with a ref.", Example: "customer"},
	source.Field{Name: "personal", Is: source.YesNo(), About: "The value says something about a person: it is kept out of logs and names, and removed when the person is erased.", Default: "false", Example: "true"},
	source.Field{Name: "minLength", Is: source.Whole(), About: "Of a text: the fewest characters.", Default: "0", Example: "2"},
	source.Field{Name: "maxLength", Is: source.Whole(), About: "Of a text: the most characters.", Default: "no limit", Example: "200"},
	source.Field{Name: "maxItems", Is: source.Whole(), About: "Of a list: the most items.", Default: "no limit", Example: "100"},
	source.Field{Name: "minimum", Is: source.Text(), About: "Of a number: the smallest.", Default: "no limit", Example: "0"},
	source.Field{Name: "maximum", Is: source.Text(), About: "Of a number: the largest.", Default: "no limit", Example: "99.95"},
	source.Field{Name: "format", Is: source.Text(), About: "Of a text: date, date-time and duration make it one of these; any other format is kept as a word for people.", Example: "date"},
	source.Field{Name: "example", Is: source.Tree(), About: "A value for people; it is not used.", Example: "INV-2041"},
	source.Field{Name: "examples", Is: source.ListOf(source.Tree()), About: "Values for people; they are not used.", Example: "[INV-2041]"},
	source.Field{Name: "$schema", Is: source.Text(), About: "Accepted from files of JSON Schema, and not used.", Example: "https://json-schema.org/draft/2020-12/schema"},
	source.Field{Name: "$id", Is: source.Text(), About: "Accepted from files of JSON Schema, and not used.", Example: "https://example.com/order.json"},
)

// TypeShape describes a type as files write it: a name, a list of one type, or a mapping.
func TypeShape() *source.Shape {
	return source.NamedPart("type", "A type: the name of one, a list with the type of its items, or a mapping that says more (a subset of JSON Schema). "+
		"The names are text, number, integer, boolean, date, date-time, duration, list, record, any; string, bool, array and object mean the same as in JSON Schema.",
		source.Either(source.Choice(knownTypeNames...), source.ListOf(source.Ref("type")), typeShape))
}

// FieldsShape describes names with their types, such as the input of a use case.
func FieldsShape() *source.Shape { return source.Named(TypeShape()) }

// inputShape is a column that rows are matched by.
var inputShape = source.Record(
	source.Field{Name: "name", Is: source.Text(), About: "The heading of the column.", Default: "the fact or the formula", Example: "Value"},
	source.Field{Name: "fact", Is: source.Words("path of a fact"), About: "The fact that the cells are about. Either this or value.", Example: "order.total"},
	source.Field{Name: "value", Is: source.Words("expression"), About: "A formula over the facts. Either this or fact.", Example: "len(order.lines)"},
	source.Field{Name: "unit", Is: source.Text(), About: "The unit, for people; percent: cells may be written as 5%.", Example: "EUR"},
	source.Field{Name: "title", Is: source.Text(), About: "What the column means, for people.", Example: "Value of the order"},
)

// outputShape is a column that a row decides.
var outputShape = source.Record(
	source.Field{Name: "name", Is: source.Text(), Required: true, About: "The heading of the column, and the field of the decision.", Example: "answer"},
	source.Field{Name: "type", Is: TypeShape(), About: "The type of the value.", Default: "text", Example: "number"},
	source.Field{Name: "values", Is: source.ListOf(source.Text()), About: "The only values that may be given.", Default: "any value of the type", Example: "[change, refuse]"},
	source.Field{Name: "title", Is: source.Text(), About: "What the column means, for people.", Example: "What is answered"},
	source.Field{Name: "unit", Is: source.Text(), About: "The unit, for people; percent: cells may be written as 5%.", Example: "EUR"},
	source.Field{Name: "required", Is: source.YesNo(), About: "Every row must give a value.", Default: "false", Example: "true"},
)

// effectiveShape says when a table is in force.
var effectiveShape = source.Record(
	source.Field{Name: "from", Is: source.Words("date"), About: "The first day.", Default: "no first day", Example: "2026-01-01"},
	source.Field{Name: "to", Is: source.Words("date"), About: "The last day.", Default: "no last day", Example: "2026-12-31"},
	source.Field{Name: "by", Is: source.Words("expression"), Required: true, About: "The date that decides: a fact or a formula.", Example: "order.date"},
)

// acceptShape is a finding that is accepted.
var acceptShape = source.Record(
	source.Field{Name: FindingGap, Is: source.Named(source.Text()), About: "Facts that no row decides: the cells that a row for them would have.", Example: "{Amount: < 0}"},
	source.Field{Name: FindingOverlap, Is: source.ListOf(source.Text()), About: "Two rows that both match.", Example: "[R1, R2]"},
	source.Field{Name: FindingNever, Is: source.Either(source.Text(), source.ListOf(source.Text())), About: "A row that can never decide.", Example: "R7"},
	source.Field{Name: FindingUnused, Is: source.Text(), About: "An input that never matters.", Example: "Country"},
	source.Field{Name: FindingFails, Is: source.Either(source.Text(), source.ListOf(source.Text())), About: "A row that cannot be evaluated for some facts.", Example: "R3"},
	source.Field{Name: "why", Is: source.Text(), Required: true, About: "The reason, for whoever reads the table next.", Example: "amounts are never negative"},
)

// decisionShape is a file that decides: its name, what every such file says of itself, and what makes it the kind it is.
func decisionShape(name source.Field, fields ...source.Field) *source.Shape {
	head := []source.Field{
		{Name: "rules", Is: source.Choice("1"), Required: true, About: "The language level: it fixes the meaning of cells and numbers.", Example: "1"},
		name,
		{Name: "title", Is: source.Text(), About: "The question that it answers, for people.", Default: "the name", Example: "For how long we promise what"},
		{Name: "owner", Is: source.Text(), About: "Whom to ask about it.", Example: "service@example.com"},
		{Name: "description", Is: source.Text(), About: "What else is to be known.", Example: "The law's two years at least."},
		{Name: "facts", Is: FieldsShape(), Required: true, About: "What the decision is made of: names with their types. It is the input of the decide step.", Example: "{category: string, days: number}"},
	}
	return source.Record(append(append(head, fields...), source.Field{Name: "tests", Is: source.Either(source.Text(), source.ListOf(source.Named(source.Text()))),
		About: "Examples with what must be decided: a block of text, a list of mappings, or the name of a .csv or .xlsx file.", Default: "none", Example: "warranty.tests.csv"})...)
}

// tableShape is a rule table.
var tableShape = decisionShape(source.Field{Name: "table", Is: source.Text(), Required: true, About: "The name under which use cases decide with it.", Example: "warranty"},
	source.Field{Name: "hit", Is: source.Choice(hitPolicyNames()...), Required: true, About: "Which of the rows that match decide, and what is made of several. unique: at most one may match. first: the first one from top to bottom.", Example: "unique"},
	source.Field{Name: "no_match", Is: source.Choice("error", "empty"), About: "What happens if no row matches; empty: the result is an empty list, or 0, where the hit policy gives a list or a number of all rows.", Default: "error, unless there is a default", Example: "error"},
	source.Field{Name: "default", Is: source.Tree(), About: "The decision if no row matches: every output with its value.", Default: "that no row matches is an error", Example: "{answer: refuse}"},
	source.Field{Name: "value", Is: source.Words("expression"), About: "A formula that gives a number: how much is at stake in a decision, for figures.", Example: "order.total"},
	source.Field{Name: "inputs", Is: source.Either(source.ListOf(source.Either(source.Words("path of a fact"), inputShape)), source.Named(source.Words("path of a fact or expression"))),
		Required: true, About: "The columns that rows are matched by, in order: facts, or names with facts or formulas.", Example: "[category, {name: Days, fact: days}]"},
	source.Field{Name: "outputs", Is: source.Either(source.ListOf(outputShape), FieldsShape()), Required: true,
		About: "The columns that a row decides.", Example: "{months: number, remedy: string}"},
	source.Field{Name: "rows", Is: source.Either(source.Text(), source.ListOf(source.Named(source.Text()))), Required: true,
		About:   "The rows: a block of text with | between the cells and a header first, a list of mappings, or the name of a .csv file beside the table or of a sheet, as in prices.xlsx#Sheet1. Every row has an id; why, note and off may stand beside it.",
		Example: "warranty.csv"},
	source.Field{Name: "effective", Is: effectiveShape, About: "When the table is in force, by a date among the facts; then rows may have dates of their own, in the columns from and to.", Default: "always", Example: "{from: 2026-01-01, by: order.date}"},
	source.Field{Name: "complete", Is: source.Choice("warn", "error", "off"), About: "What check makes of facts that no row decides.", Default: "warn", Example: "error"},
	source.Field{Name: "accept", Is: source.ListOf(acceptShape), About: "Findings of the analysis that the author is content with, each with the reason.", Default: "none", Example: "[{gap: {Amount: < 0}, why: amounts are never negative}]"},
)

// TableFormat describes the files of rule tables.
func TableFormat() *source.Format {
	return &source.Format{Name: "rule-table", Title: "Rule table", Files: "rules/NAME.yaml", Page: "rule-tables.md", Root: tableShape,
		About: "A decision table: facts come in, the row that matches decides. The head of a table in one CSV file has the same fields, in leading lines that begin with #."}
}

// versionDateShape says by which date a version is chosen.
var versionDateShape = source.Record(
	source.Field{Name: "by", Is: source.Words("expression"), Required: true, About: "The date that decides which version is in force: a fact or a formula.", Example: "order.date"},
)

// versionsShape is a table whose versions stand in files of their own.
var versionsShape = decisionShape(source.Field{Name: "table", Is: source.Text(), Required: true, About: "The name under which use cases decide with it; that of every version.", Example: "warranty"},
	source.Field{Name: "effective", Is: versionDateShape, Required: true, About: "Which date picks the version.", Example: "{by: sold_on}"},
	source.Field{Name: "versions", Is: source.ListOf(source.Text()), Required: true, About: "The files of the versions; their dates follow one another.", Example: "[warranty-2025.yaml, warranty-2026.yaml]"},
)

// TableVersionsFormat describes the files of tables with versions.
func TableVersionsFormat() *source.Format {
	return &source.Format{Name: "rule-versions", Title: "Versions of a rule table", Files: "rules/NAME.yaml", Page: "rule-tables.md", Root: versionsShape,
		About: "A table that changed: each version is a file of its own, and a date among the facts says which one decides."}
}

// chainStepShape is one table of a chain.
var chainStepShape = source.Record(
	source.Field{Name: "table", Is: source.Text(), Required: true, About: "The name of the table.", Example: "credit-rating"},
	source.Field{Name: "id", Is: source.Text(), About: "Under which later tables and the result read what it decided: decisions.ID.", Default: "the name of the table, with _ for -", Example: "rating"},
	source.Field{Name: "with", Is: source.Named(source.Tree()), About: "The table's facts.", Default: "the facts of the decision that have the same names", Example: "{category: '${category}', rating: '${decisions.rating.class}'}"},
)

// chainShape is a decision of several tables.
var chainShape = decisionShape(source.Field{Name: "decision", Is: source.Text(), Required: true, About: "The name under which use cases decide with it.", Example: "credit"},
	source.Field{Name: "steps", Is: source.ListOf(chainStepShape), Required: true, About: "The tables, in the order in which they decide.", Example: "[{table: credit-rating}, {table: credit-limit}]"},
	source.Field{Name: "result", Is: source.Tree(), About: "What is decided, made of facts and decisions.", Default: "what the last table decides", Example: "{limit: '${decisions.credit_limit.amount}'}"},
)

// ChainFormat describes the files of chained decisions.
func ChainFormat() *source.Format {
	return &source.Format{Name: "rule-chain", Title: "Decision of several tables", Files: "rules/NAME.yaml", Page: "rule-tables.md", Root: chainShape,
		About: "Rule tables one after the other, as one decision: what a table decides is a fact of those after it."}
}

// testsShape is tests that stand beside a table.
var testsShape = source.Record(
	source.Field{Name: "table", Is: source.Text(), About: "The table that they are about; the file is named after it.", Example: "warranty"},
	source.Field{Name: "given", Is: source.Tree(), About: "Facts that hold for every test that does not say them itself.", Default: "none", Example: "{category: kitchen}"},
	source.Field{Name: "tests", Is: source.Either(source.Text(), source.ListOf(source.Named(source.Tree()))), Required: true,
		About: "The tests: a block of text with | between the cells and a header first, or a list of mappings. Facts stand under their names, what must be decided under => and the name of the output.", Example: "[{category: kitchen, '=> months': 24}]"},
)

// TestsFormat describes the files of tests of rule tables.
func TestsFormat() *source.Format {
	return &source.Format{Name: "rule-tests", Title: "Tests of a rule table", Files: "rules/NAME.tests.yaml", Page: "rule-tables.md", Root: testsShape,
		About: "Facts with what a table must decide about them."}
}
