package adapters

import (
	"crosswalk/contracts"
	"crosswalk/rules"
	"crosswalk/source"
)

var limitShape = source.Record(
	source.Field{Name: "per_second", Is: source.Whole(), About: "How many requests in a second. One of the three rates.", Example: "5"},
	source.Field{Name: "per_minute", Is: source.Whole(), About: "How many requests in a minute.", Example: "300"},
	source.Field{Name: "per_hour", Is: source.Whole(), About: "How many requests in an hour.", Example: "5000"},
	source.Field{Name: "concurrency", Is: source.Whole(), About: "How many requests at once.", Default: "any number", Example: "5"},
	source.Field{Name: "cost", Is: costShape, About: "What requests cost, where the system counts that and says in its answers what is left.", Example: "{available: '${headers.x_points_left}', restore: '50', reserve: 100}"},
	source.Field{Name: "operations", Is: source.OneOrMore(source.Text()), About: "The operations that it holds for.", Default: "all", Example: "[find_customer]"},
)

// LimitShape describes one limit, as adapters and workspaces write it.
func LimitShape() *source.Shape {
	return source.NamedPart("limit", "How hard a system may be used.", limitShape)
}

// treeShape is a value that is made: what it may hold, the operation's types say.
var treeShape = source.Tree()

var adapterShape = source.Record(
	source.Field{Name: "adapter", Is: source.Matching("name", adapterName.String()), Required: true, About: "The name; the file has the same.", Example: "deskly"},
	source.Field{Name: "title", Is: source.Text(), About: "The product, for people.", Default: "the name", Example: "Deskly"},
	source.Field{Name: "version", Is: source.Text(), About: "The version of the adapter.", Example: "1.0.0"},
	source.Field{Name: "contract", Is: source.OneOrMore(source.Text()), Required: true, About: "The contract that it carries out, or several: the operations of the first have short names in this file, those of the others full ones, as in invoicing.list_invoices.", Example: "support"},
	source.Field{Name: "protocol", Is: source.Choice(protocols...), About: "How the system is spoken to.", Default: "http", Example: "sql"},
	source.Field{Name: "rpc", Is: rpcShape, About: "With protocol json_rpc: in which form calls are taken.", Default: "JSON-RPC 2.0 at the address itself", Example: "{path: /jsonrpc}"},
	source.Field{Name: "dialect", Is: source.Choice(dialects...), About: "With protocol sql: which database it is; mysql is MariaDB too.", Default: "postgresql", Example: "mysql"},
	source.Field{Name: "docs", Is: source.OneOrMore(source.Text()), About: "Where the interface is described.", Example: "[https://developers.deskly.example]"},
	source.Field{Name: "about", Is: source.Text(), About: "What is to be known of the adapter as a whole, for its page.", Example: "Deskly keeps tasks for a year."},
	source.Field{Name: "setup", Is: source.OneOrMore(source.Text()), About: "What to do in the product, step by step, for its page.", Example: "['Under Admin, API, make a token.']"},
	source.Field{Name: "scopes", Is: source.OneOrMore(source.Text()), About: "The rights that it needs there.", Example: "[tasks.read, tasks.write]"},
	source.Field{Name: "connection", Is: connectionShape, Required: true, About: "Where the system is, and what a workspace must say to reach it.", Example: "{base_url: https://api.deskly.example}"},
	source.Field{Name: "check", Is: source.Text(), About: "A reading operation that tries a connection out.", Default: "connections are not tried out", Example: "check_connection"},
	source.Field{Name: "auth", Is: source.Either(source.Choice(authNone), authShape), About: "How the system knows us. HTTP adapters must say it.", Example: "{bearer: '${secret.token}'}"},
	source.Field{Name: "headers", Is: source.Named(source.Template()), About: "Headers of every request; one whose value is missing is left out.", Default: "none", Example: "{Accept-Language: '${conn.language}'}"},
	source.Field{Name: "limits", Is: source.OneOrMore(LimitShape()), About: "How hard the system may be used.", Default: "no limit", Example: "{per_minute: 300, concurrency: 5}"},
	source.Field{Name: "wait", Is: source.ListOf(waitShape), About: "The headers in which the system says how long to wait; the first that can be read counts.", Default: "none", Example: "[{header: Retry-After, format: retry_after}]"},
	source.Field{Name: "errors", Is: source.ListOf(failureShape), About: "Which answers are errors, and of which class; the first that holds decides.", Default: "by the HTTP status", Example: "[{when: status == 409, class: conflict}]"},
	source.Field{Name: "message", Is: source.Template(), About: "The system's own words for an error.", Example: "'${body.problem.text}'"},
	source.Field{Name: "timeout", Is: source.Span(), About: "The longest that one attempt of a request may take, at most 2 minutes.", Default: "15s", Example: "30s"},
	source.Field{Name: "webhooks", Is: webhookShape, About: "How the product signs what it sends by itself; a source of a workspace names the adapter as its scheme.", Default: "it cannot be a scheme", Example: "{signature: {header: X-Deskly-Signature, encoding: hex}}"},
	source.Field{Name: "shapes", Is: source.Named(shapeShape), About: "Trees with a name, for records that several operations answer.", Example: "{task: {of: [task], give: {id: '${text(task.id)}'}}}"},
	source.Field{Name: "operations", Is: source.Named(operationShape), Required: true, About: "What it can do, by the names of the contract's operations; further ones say their effect, input and output_type.", Example: "{get_task: {request: {get: '/tasks/${input.id}'}, output: {id: '${answer.body.id}'}}}"},
)

var connectionShape = source.Record(
	source.Field{Name: "base_url", Is: source.Text(), About: "The address that all paths begin with, with settings in {…}. HTTP adapters must say it.", Example: "'https://{account}.deskly.example/api'"},
	source.Field{Name: "settings", Is: source.Named(settingShape), About: "What a workspace says about its account; expressions see it as conn.", Default: "none", Example: "{account: {required: true, pattern: '^[a-z0-9-]+$'}}"},
	source.Field{Name: "secrets", Is: source.Named(secretShape), About: "The secrets that are needed, readable in auth and headers only.", Default: "none", Example: "{token: {title: Token, required: true}}"},
)

var secretShape = source.Record(
	source.Field{Name: "title", Is: source.Text(), About: "The name for people.", Default: "its name", Example: "Token"},
	source.Field{Name: "description", Is: source.Text(), About: "Where it is found.", Example: "Under Admin, API."},
	source.Field{Name: "required", Is: source.YesNo(), About: "It must be given.", Default: "false", Example: "true"},
	source.Field{Name: "pattern", Is: source.Matching("regular expression from ^ to $", `^\^.*\$$`), About: "What it must look like.", Default: "anything", Example: "'^[a-z0-9-]+$'"},
)

var settingShape = secretShape.With(
	source.Field{Name: "type", Is: source.Choice("string", "integer", "number", "boolean", "object"), About: "The type of the value.", Default: "string", Example: "integer"},
	source.Field{Name: "default", Is: treeShape, About: "What holds if the workspace does not say it.", Default: "it is missing", Example: "443"},
	source.Field{Name: "format", Is: source.Choice("origin", "hostname"), About: "A form that may stand in an address without a pattern.", Default: "none", Example: "hostname"},
)

var authShape = source.Part("auth", "How a system knows us: one of these.",
	source.Field{Name: authBearer, Is: source.Template(), About: "A bearer token.", Example: "'${secret.token}'"},
	source.Field{Name: authBasic, Is: basicShape, About: "Name and password.", Example: "{username: '${secret.key}', password: x}"},
	source.Field{Name: authHeader, Is: ownHeaderShape, About: "A header of its own.", Example: "{name: X-Api-Key, value: '${secret.key}'}"},
	source.Field{Name: authLogin, Is: sessionShape, About: "A request that logs in, whose answer signs the others.", Example: "{login: {post: /login, json: {password: '${secret.password}'}}, token: '${body.token}', apply: {bearer: '${token}'}}"},
	source.Field{Name: authOAuth, Is: oauthShape, About: "Tokens by OAuth2, which are renewed.", Example: "{grant: client_credentials, token_url: 'https://login.deskly.example/token', client_id: '${secret.client_id}', client_secret: '${secret.client_secret}'}"},
)

var basicShape = source.Record(
	source.Field{Name: "username", Is: source.Template(), Required: true, About: "The name.", Example: "'${secret.user}'"},
	source.Field{Name: "password", Is: source.Template(), About: "The password.", Default: "empty", Example: "'${secret.password}'"},
)

var ownHeaderShape = source.Record(
	source.Field{Name: "name", Is: source.Text(), Required: true, About: "The name of the header.", Example: "X-Api-Key"},
	source.Field{Name: "value", Is: source.Template(), Required: true, About: "Its value.", Example: "'${secret.key}'"},
)

var waitShape = source.Record(
	source.Field{Name: "header", Is: source.Text(), Required: true, About: "The name of the header.", Example: "Retry-After"},
	source.Field{Name: "format", Is: source.Choice(waitFormats...), Required: true, About: "In which form the wait comes.", Example: waitRetryAfter},
)

var failureShape = source.Record(
	source.Field{Name: "when", Is: source.Condition(), Required: true, About: "Which answers are meant; it sees status, headers and body.", Example: "status == 409"},
	source.Field{Name: "class", Is: source.Choice(contracts.ClassNames()...), Required: true, About: "The class of the error.", Example: "conflict"},
	source.Field{Name: "nothing_done", Is: source.YesNo(), About: "The answer proves that a write was not carried out.", Default: "false", Example: "true"},
)

var shapeShape = source.Record(
	source.Field{Name: "of", Is: source.OneOrMore(source.Text()), About: "The names of the values that it is filled with.", Default: "none", Example: "[task]"},
	source.Field{Name: "give", Is: treeShape, Required: true, About: "The tree.", Example: "{id: '${text(task.id)}'}"},
)

var operationShape = source.Part("operation", "An operation as the adapter carries it out.",
	source.Field{Name: "title", Is: source.Text(), About: "What is done, for people.", Default: "what the contract says", Example: "Find a customer"},
	source.Field{Name: "effect", Is: source.Choice(string(contracts.Read), string(contracts.Write)), About: "Of an operation that the contract does not have: whether it changes something.", Example: "read"},
	source.Field{Name: "input", Is: rules.FieldsShape(), About: "Of an operation that the contract does not have: what it takes.", Default: "nothing", Example: "{key: {type: string, required: true}}"},
	source.Field{Name: "output_type", Is: rules.FieldsShape(), About: "Of an operation that the contract does not have: what it answers.", Default: "anything", Example: "{ok: boolean}"},
	source.Field{Name: "safety", Is: source.Either(source.Choice(string(contracts.NaturalKey), string(contracts.AtMostOnce)), safetyShape), About: "Of a write, which must say it: how a repeat is made harmless. natural_key: it overwrites the same record; at_most_once: it is never sent again.", Example: "{idempotency_key: {header: Request-Key, ttl: 24h}}"},
	source.Field{Name: "request", Is: requestShape, About: "The only request; its result is called answer. Either this or requests.", Example: "{get: '/tasks/${input.id}'}"},
	source.Field{Name: "requests", Is: source.ListOf(requestShape), About: "Several requests, in order, each with a name; each sees the results of those before it.", Example: "[{name: found, get: /people, query: {email: '${input.email}'}}]"},
	source.Field{Name: "errors", Is: source.ListOf(failureShape), About: "As those of the adapter, and looked at before them.", Default: "those of the adapter", Example: "[{when: status == 404, class: not_found}]"},
	source.Field{Name: "one", Is: source.Template(), About: "The list of what was found; output is made for each as item. None is not_found, several are not_unique.", Example: "'${found.items}'"},
	source.Field{Name: "not_found", Is: source.Condition(), About: "It is not_found if this holds.", Example: "len(answer.items) == 0"},
	source.Field{Name: "not_unique", Is: notUniqueShape, About: "When it is not_unique, and between what is to be chosen.", Example: "{when: len(answer.items) > 1, candidates: '${answer.items}'}"},
	source.Field{Name: "fail", Is: source.ListOf(verdictShape), About: "Further outcomes that are errors.", Example: "[{when: answer.body.locked, class: conflict, message: it is locked}]"},
	source.Field{Name: "output", Is: treeShape, Required: true, About: "The answer, as a tree.", Example: "{id: '${answer.body.id}'}"},
	source.Field{Name: "timeout", Is: source.Span(), About: "The longest that one attempt of a request may take.", Default: "that of the adapter", Example: "30s"},
	source.Field{Name: "answer_limit", Is: source.Matching("megabytes", megabytes.String()), About: "How large one answer may be, at most 64 MB.", Default: "4 MB on the wire and 16 MB unpacked", Example: "40 MB"},
)

var safetyShape = source.Record(
	source.Field{Name: string(contracts.IdempotencyKey), Is: keyShape, About: "The system knows a repeat by its key.", Example: "{header: Request-Key, ttl: 24h}"},
	source.Field{Name: string(contracts.Lookup), Is: source.Text(), About: "The reading operation that finds what was written: alone, it looks before each try; beside a key, after its ttl.", Example: "find_task"},
	source.Field{Name: "late", Is: source.Span(), About: "How long after it was sent a request may still be carried out: as long, a look-up that finds nothing proves nothing, and it is not sent again.", Default: "not at all", Example: "1m"},
	source.Field{Name: "with", Is: treeShape, About: "The input of the look-up, made of input, key and first_sent, when the write was first sent.", Default: "the inputs of the same names, and key", Example: "{external: '${key}'}"},
)

var keyShape = source.Record(
	source.Field{Name: "header", Is: source.Text(), About: "The header that carries the key. One of the three.", Example: "Idempotency-Key"},
	source.Field{Name: "query", Is: source.Text(), About: "The parameter of the address that carries it.", Example: "request_id"},
	source.Field{Name: "body", Is: source.YesNo(), About: "The body holds ${key}.", Default: "false", Example: "true"},
	source.Field{Name: "table", Is: source.Text(), About: "Of a database, in place of the others: the table in which the key is noted, in the transaction of the write.", Example: "crosswalk_effects"},
	source.Field{Name: "ttl", Is: source.Span(), About: "How long the system remembers the key.", Default: "for ever", Example: "24h"},
)

var notUniqueShape = source.Record(
	source.Field{Name: "when", Is: source.Condition(), Required: true, About: "Several fit if this holds.", Example: "len(answer.items) > 1"},
	source.Field{Name: "candidates", Is: treeShape, Required: true, About: "The records to choose from.", Example: "'${answer.items}'"},
)

var verdictShape = source.Record(
	source.Field{Name: "when", Is: source.Condition(), Required: true, About: "It is an error if this holds.", Example: "answer.body.locked"},
	source.Field{Name: "class", Is: source.Choice(contracts.ClassNames()...), Required: true, About: "The class of the error.", Example: "conflict"},
	source.Field{Name: "message", Is: source.Text(), Required: true, About: "What is wrong, in a sentence.", Example: "the record is locked"},
)

var httpShape = source.Record(
	source.Field{Name: "name", Is: source.Text(), About: "Under requests: the name of the result.", Default: "answer", Example: "found"},
	source.Field{Name: "when", Is: source.Condition(), About: "It is made only if this holds.", Default: "it is made", Example: "input.name != missing"},
	source.Field{Name: "get", Is: source.Template(), About: "A GET, with the path. Each ${…} fills one place between slashes.", Example: "'/tasks/${input.id}'"},
	source.Field{Name: "post", Is: source.Template(), About: "A POST, with the path.", Example: "/tasks"},
	source.Field{Name: "put", Is: source.Template(), About: "A PUT, with the path.", Example: "'/tasks/${input.id}'"},
	source.Field{Name: "patch", Is: source.Template(), About: "A PATCH, with the path.", Example: "'/tasks/${input.id}'"},
	source.Field{Name: "delete", Is: source.Template(), About: "A DELETE, with the path.", Example: "'/tasks/${input.id}'"},
	source.Field{Name: "propfind", Is: source.Template(), About: "A PROPFIND of WebDAV, with the path; it only reads.", Example: "'/files/${segments(input.folder)}'"},
	source.Field{Name: "query", Is: treeShape, About: "The parameters of the address; what is missing is left out.", Default: "none", Example: "{email: '${input.email}'}"},
	source.Field{Name: "headers", Is: source.Named(source.Template()), About: "Further headers.", Default: "none", Example: "{If-Match: '${found.headers.etag}'}"},
	source.Field{Name: "json", Is: treeShape, About: "A body in JSON.", Default: "no body", Example: "{subject: '${input.title}'}"},
	source.Field{Name: "form", Is: source.Named(treeShape), About: "A body as a form, in place of json.", Default: "no body", Example: "{subject: '${input.title}'}"},
	source.Field{Name: "graphql", Is: graphqlShape, About: "A body of GraphQL, in place of json.", Default: "no body", Example: "{query: 'query($id: ID!) { order(id: $id) { name } }', variables: {id: '${input.id}'}}"},
	source.Field{Name: "soap", Is: soapShape, About: "A body of SOAP, in place of json.", Default: "no body", Example: "{namespaces: {o: 'urn:orders'}, body: {'o:GetOrder': {'o:Number': '${input.number}'}}}"},
	source.Field{Name: "xml", Is: source.Named(treeShape), About: "A body in XML, in place of json: one element that holds all others.", Default: "no body", Example: "{order: {'@id': '${input.number}', line: {each: '${input.lines}', give: {sku: '${item.sku}'}}}}"},
	source.Field{Name: "multipart", Is: source.Named(treeShape), About: "A form with files, in place of json: a field that holds content or base64 is a file.", Default: "no body", Example: "{title: '${input.title}', file: {name: '${input.name}', type: application/pdf, base64: '${input.content}'}}"},
	source.Field{Name: "file", Is: source.Named(treeShape), About: "A file as the whole body, in place of json.", Default: "no body", Example: "{type: application/pdf, base64: '${input.content}'}"},
	source.Field{Name: "answers", Is: source.Choice(answerForms...), About: "The form in which the answer comes; base64 is any file.", Default: "json; that of soap and xml with such a body", Example: "xml"},
	source.Field{Name: "csv", Is: csvShape, About: "How an answer in CSV is written.", Default: "as RFC 4180 has it", Example: "{delimiter: ';', encoding: windows-1252}"},
	source.Field{Name: "reads", Is: source.YesNo(), About: "This POST changes nothing.", Default: "false", Example: "true"},
	source.Field{Name: "repeatable", Is: source.YesNo(), About: "This PUT or DELETE sets a state, and may be made again: it stands before the one request that writes.", Default: "false", Example: "true"},
	source.Field{Name: "each", Is: source.Either(source.Template(), source.Named(source.Template())), About: "Repeats the request for every item of a list: item, or the name given.", Default: "it is made once", Example: "{line: '${input.lines}'}"},
	source.Field{Name: "first_of", Is: source.ListOf(source.Ref("request")), About: "In place of method and path: requests that are tried in order until one has items.", Example: "[{get: /people, items: '${body.people}'}]"},
	source.Field{Name: "items", Is: source.Template(), About: "Where the list is in the answer.", Example: "'${body.people}'"},
	source.Field{Name: "where", Is: source.Condition(), About: "Which items are kept, each seen as item; a page is dropped once it was looked through, so that a long list takes little memory.", Default: "all", Example: "item.active"},
	source.Field{Name: "paging", Is: pagingShape, About: "How the next pages are asked for.", Default: "there is one page", Example: "{kind: cursor, next: '${body.cursor}', send: cursor, max_pages: 5}"},
	source.Field{Name: "empty", Is: source.ListOf(source.Whole()), About: "Statuses that mean that nothing is there.", Default: "none", Example: "[404]"},
)

// requestShape is a request by HTTP, or a query of a database.
var requestShape = source.NamedPart("request", "One request: by HTTP, or a call (json_rpc), a query (sql), or what is done with a file or a mail.", source.Either(httpShape, callShape, queryShape, fileShape, mailShape))

// Format describes the files of adapters.
func Format() *source.Format {
	return &source.Format{Name: "adapter", Title: "Adapter", Files: "adapters/NAME.yaml", Page: "adapters.md", Root: adapterShape,
		About: "How the operations of a contract are carried out by the API of one product."}
}
