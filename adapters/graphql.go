package adapters

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"crosswalk/contracts"
	"crosswalk/rules"
	"crosswalk/source"
)

var graphqlShape = source.Record(
	source.Field{Name: "query", Is: source.Text(), Required: true, About: "The document, as it stands: data reaches it by variables only.", Example: "'query($id: ID!) { order(id: $id) { name } }'"},
	source.Field{Name: "variables", Is: treeShape, About: "The variables; what is missing is left out.", Default: "none", Example: "{id: '${input.id}'}"},
	source.Field{Name: "partial", Is: source.YesNo(), About: "Data that comes beside errors is taken.", Default: "false", Example: "true"},
)

// graphqlBody is a document of GraphQL with its variables.
type graphqlBody struct {
	query     string
	variables *tree
	partial   bool
	mutates   bool
}

var graphqlComment = regexp.MustCompile(`(?m)#[^\n]*`)

func parseGraphQL(node *source.Node, in scope) *graphqlBody {
	if !node.Exists() {
		return nil
	}
	fields := node.Fields(graphqlShape)
	text := node.Required("query", "write the document, as in query: '{ shop { name } }'")
	g := &graphqlBody{query: strings.TrimSpace(text.Text()), variables: parseTree(fields["variables"], in), partial: fields["partial"].Bool()}
	if strings.Contains(g.query, "${") {
		text.Errorf("declare a variable in the document, as in query($id: ID!), and give it under variables", "an expression cannot stand in a document of GraphQL")
	}
	if fields["variables"].Exists() && fields["variables"].Kind() != source.Map {
		fields["variables"].Errorf("", "variables are a mapping")
	}
	first := strings.ToLower(firstWord(strings.NewReplacer("(", " ", "{", " { ", "@", " ").Replace(graphqlComment.ReplaceAllString(g.query, ""))))
	switch first {
	case "mutation":
		g.mutates = true
	case "query", "{", "fragment":
	default:
		if text.Exists() {
			text.Errorf("begin with query, { or mutation; an operation comes before its fragments", "%q is not how a document begins that an adapter can send", first)
		}
	}
	return g
}

// hold holds a document to the operation's effect.
func (g *graphqlBody) hold(op *Operation, node *source.Node) {
	if g.mutates && op.Effect == contracts.Read {
		node.Errorf("write a query, or do it in a writing operation", "a mutation changes something, and %s only reads", op.Name)
	}
}

// encode makes the body.
func (g *graphqlBody) encode(vars map[string]rules.Value, paging *paging, at page) (rules.Value, error) {
	variables, err := g.variables.eval(vars)
	if err != nil {
		return rules.Value{}, fmt.Errorf("variables: %w", err)
	}
	if variables.IsMissing() {
		variables = rules.Record(nil)
	}
	return rules.Record(map[string]rules.Value{"query": rules.Text(g.query), "variables": paging.applyTree(at, "variables", variables)}), nil
}

// said is what a protocol that has errors of its own says in an answer's body.
type said struct {
	class   contracts.Class // "": nothing
	message string
	nothing bool // nothing was carried out
	decides bool // it says more than the status
}

// said reads what the answer itself says of a failure.
func (r *request) said(body rules.Value) said {
	switch {
	case r.graphql != nil:
		return r.graphql.said(body)
	case r.soap != nil:
		return r.soap.said(body)
	case r.rpc != nil:
		class, refusal := rpcClass(body.Get("error"))
		return said{class: class, nothing: refusal, message: body.Path("error", "message").Text()}
	}
	return said{}
}

// said reads errors, which come with a status of 200. Without data the document was refused before it was carried out;
// beside data a mutation may be half done.
func (g *graphqlBody) said(body rules.Value) said {
	if body.Kind() != rules.KindRecord {
		return said{class: contracts.Drift, message: "the answer is not one of GraphQL"}
	}
	errors := body.Get("errors")
	if errors.Len() == 0 {
		if body.Get("data").IsMissing() {
			return said{class: contracts.Drift, message: "the answer has neither data nor errors"}
		}
		return said{}
	}
	data := body.Get("data")
	if g.partial && !data.IsMissing() {
		return said{}
	}
	// An error of a field that was carried out has its path; a document that was refused before has none.
	refused := data.IsMissing() && !slices.ContainsFunc(errors.Items(), func(e rules.Value) bool { return e.Get("path").Len() > 0 })
	first := errors.At(0)
	found := said{class: contracts.Internal, message: first.Get("message").Text(), nothing: refused}
	code := first.Path("extensions", "code").Text()
	if code == "" {
		code = first.Get("type").Text() // GitHub's place
	}
	if class, known := graphqlCodes[strings.ToUpper(code)]; known {
		found.class = class.class
		found.nothing = refused || class.nothing && data.IsMissing()
	} else if refused && code == "" {
		found.class = contracts.Drift // a document that does not fit the schema, as most servers refuse it
	}
	if code != "" {
		found.message = strings.TrimSpace(found.message + " (" + code + ")")
	}
	return found
}

// graphqlCodes are the codes that servers share; an adapter's errors come before them.
var graphqlCodes = map[string]struct {
	class   contracts.Class
	nothing bool
}{
	"THROTTLED":                    {contracts.RateLimited, true},
	"RATE_LIMITED":                 {contracts.RateLimited, true},
	"MAX_COST_EXCEEDED":            {contracts.Drift, true},
	"UNAUTHENTICATED":              {contracts.Auth, true},
	"UNAUTHORIZED":                 {contracts.Auth, true},
	"ACCESS_DENIED":                {contracts.Auth, true},
	"FORBIDDEN":                    {contracts.Auth, true},
	"NOT_FOUND":                    {contracts.NotFound, true},
	"BAD_USER_INPUT":               {contracts.Validation, true},
	"GRAPHQL_PARSE_FAILED":         {contracts.Drift, true},
	"GRAPHQL_VALIDATION_FAILED":    {contracts.Drift, true},
	"PERSISTED_QUERY_NOT_FOUND":    {contracts.Drift, true},
	"INTERNAL_SERVER_ERROR":        {contracts.Unavailable, false},
	"SERVICE_UNAVAILABLE":          {contracts.Unavailable, false},
	"OPERATION_RESOLUTION_FAILURE": {contracts.Drift, true},
	"UNDEFINEDFIELD":               {contracts.Drift, true},
	"MISSINGREQUIREDARGUMENTS":     {contracts.Drift, true},
	"ARGUMENTLITERALSINCOMPATIBLE": {contracts.Drift, true},
	"VARIABLEMISMATCH":             {contracts.Drift, true},
	"INVALID_VARIABLE":             {contracts.Validation, true},
	"SHOP_INACTIVE":                {contracts.Auth, true},
	"INTERNAL_ERROR":               {contracts.Unavailable, false},
	"TIMEOUT":                      {contracts.Unavailable, false},
}
