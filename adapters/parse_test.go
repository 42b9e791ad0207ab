package adapters_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"crosswalk/adapters"
	"crosswalk/contracts"
)

const minimal = `adapter: acme
contract: support
connection: {base_url: https://api.acme.example, settings: {region: {pattern: '^[a-z]+$'}, loose: {}}, secrets: {token: {required: true}}}
auth: {bearer: '${secret.token}'}
operations:
  get_task:
    request: {get: '/tasks/${input.task}'}
    output: {id: '${text(answer.body.id)}', number: '1', status: open}
`

func parse(text string) string {
	_, problems := adapters.Parse("acme.yaml", []byte(text), contracts.Catalog())
	return problems.Error()
}

func TestParse(t *testing.T) {
	t.Parallel()
	require.Empty(t, parse(minimal))
	adapter, _ := adapters.Parse("acme.yaml", []byte(minimal), contracts.Catalog())
	require.Equal(t, []string{"support.get_task"}, adapter.Operations())
	require.Equal(t, contracts.Read, adapter.Operation("support.get_task").Effect)
	require.Len(t, adapter.Hash, 64)
}

// TestParseRefuses replaces a part of a good file by a bad one and reads the message.
func TestParseRefuses(t *testing.T) {
	t.Parallel()
	operation := "  get_task:\n"
	write := "  create_task:\n    request: {post: /tasks, json: {title: '${input.title}'}}\n    output: {id: '${answer.body.id}', number: '1', status: open}\n"
	for name, test := range map[string]struct{ replace, by, message string }{
		"another name than the file's":   {"adapter: acme", "adapter: other", `acme.yaml:1:10: error: the file is called acme.yaml, the adapter other`},
		"unknown field":                  {"auth:", "autth:", `unknown field "autth" (did you mean "auth"?)`},
		"unknown contract":               {"contract: support", "contract: suport", `there is no contract "suport" (did you mean "support"? A new one is the file contracts/suport.yaml)`},
		"operation not in the contract":  {"get_task:", "get_tusk:", `the contract support has no operation "get_tusk" (did you mean "get_task"?`},
		"no auth":                        {"auth: {bearer: '${secret.token}'}\n", "", `the field "auth" is missing`},
		"plain http":                     {"https://api", "http://api", `is not an https address`},
		"host without a check":           {"https://api.acme", "'https://{loose}.acme", `the setting "loose" goes into an address without any check`},
		"unknown setting in the address": {"https://api.acme", "'https://{nowhere}.acme", `there is no setting "nowhere"`},
		"secret in a path":               {"/tasks/${input.task}", "/tasks/${secret.token}", `secret`},
		"secret in an output":            {"number: '1'", "number: '${secret.token}'", `secret`},
		"unknown input":                  {"input.task", "input.tasc", `tasc`},
		"syntax of an expression":        {"text(answer.body.id)", "text(answer.body.id", `acme.yaml:8:`},
		"field that the answer lacks":    {"status: open", "status: open, stage: x", `the contract's answer has no field "stage"`},
		"field that the answer needs":    {", status: open", "", `the contract's answer needs the field "status"`},
		"two methods":                    {"{get: '/tasks/${input.task}'}", "{get: /a, post: /b}", `a request has one method`},
		"no method":                      {"{get: '/tasks/${input.task}'}", "{query: {a: b}}", `the request has no method and path`},
		"a path that climbs":             {"/tasks/${", "/tasks/../${", `a path holds no ?, #, blanks and no ..`},
		"a query in the path":            {"/tasks/${input", "/tasks?x=${input", `a path holds no ?`},
		"a path that climbs in disguise": {"/tasks/${", "/tasks/%2e%2e%2fb/${", `a path holds no encoded ..`},
		"a path with half an encoding":   {"/tasks/${", "/tasks/%2/${", `no half of an encoding`},
		"a header of two lines":          {"{get:", `{headers: {X-A: "a\r\nX-B: c"}, get:`, `the header X-A would hold control characters`},
		"a fragment in the address":      {"https://api.acme.example", "'https://api.acme.example#x'", `is not an https address`},
		"no port":                        {"https://api.acme.example", "'https://api.acme.example:99999'", `is not an https address`},
		"letters that look like others":  {"https://api.acme.example", "https://\u0430pi.acme.example", `is not an https address`},
		"an address that is none":        {"https://api.acme.example", "'https://a pi.acme.example'", `is not an https address`},
		"a request that is a list":       {"{get: '/tasks/${input.task}'}", "[1, 2]", `expected a mapping, found a list`},
		"reading with PUT":               {"{get:", "{put:", `PUT changes something, and support.get_task only reads`},
		"reading with POST":              {"{get:", "{post:", `a POST in a reading operation must say that it changes nothing`},
		"a header that is not ours":      {"{get:", "{headers: {Host: x}, get:", `"Host" is not a header that an adapter may set`},
		"paging without a bound":         {"{get:", "{items: '${body}', paging: {kind: next_url, next: '${body.n}'}, get:", `the field "max_pages" is missing`},
		"paging without items":           {"{get:", "{paging: {kind: next_url, next: '${body.n}', max_pages: 2}, get:", `paging needs to know where the items are`},
		"unknown error class":            {"operations:", "errors: [{when: 'status == 1', class: transient}]\noperations:", `"transient" is not one of the values possible here`},
		"unknown wait format":            {"operations:", "wait: [{header: Retry-After, format: guess}]\noperations:", `"guess" is not one of`},
		"limit for an unknown operation": {"operations:", "limits: {per_second: 1, operations: [get_tusk]}\noperations:", `there is no operation "get_tusk"`},
		"check that does not exist":      {"operations:", "check: look\noperations:", `there is no operation "look"`},
		"safety of a read":               {operation, operation + "    safety: at_most_once\n", `a reading operation needs no safety`},
		"a write without safety":         {operation, write + operation, `support.create_task writes, and nothing says how a repeat is made harmless`},
		"a key without a place":          {operation, strings.Replace(write, "    request", "    safety: {idempotency_key: {ttl: 2h}}\n    request", 1) + operation, `one place for the key is needed`},
		"a look-up that does not exist":  {operation, strings.Replace(write, "    request", "    safety: {lookup: find_tusk}\n    request", 1) + operation, `there is no operation "find_tusk"`},
		"a look-up that writes":          {operation, strings.Replace(write, "    request", "    safety: {lookup: create_task}\n    request", 1) + operation, `support.create_task writes`},
		"a look-up without its input":    {operation, strings.Replace(write, "    request", "    safety: {lookup: get_task}\n    request", 1) + operation, `support.get_task needs "task"`},
		"a look-up that is not given it": {operation, strings.Replace(write, "    request", "    safety: {lookup: get_task, with: {}}\n    request", 1) + operation, `support.get_task needs "task", which with does not give`},
		"a look-up that is given more":   {operation, strings.Replace(write, "    request", "    safety: {lookup: get_task, with: {task: x, kee: y}}\n    request", 1) + operation, `support.get_task has no input "kee"`},
		"a write that only looks":        {operation, strings.Replace(strings.Replace(write, "    request", "    safety: natural_key\n    request", 1), "{post", "{reads: true, post", 1) + operation, `makes exactly one writing request, this one 0`},
		"an answer of any size":          {operation, operation + "    answer_limit: lots\n", `"lots" is no size`},
		"an answer that is too large":    {operation, operation + "    answer_limit: 65 MB\n", `an answer may have 64 MB at most`},
		"effect said twice":              {operation, operation + "    effect: read\n", `"effect" is already said by the contract`},
		"unknown shape":                  {"output: {", "output: {shape: task, with: {}}\n    title: x\n    timeout: 3s\n  find_task:\n    request: {get: /a}\n    output: {", `there is no shape "task"`},
		"setting with half a pattern":    {"'^[a-z]+$'", "'[a-z]+'", `is not a usable pattern`},
		"a name that is taken":           {"request: {get: '/tasks/${input.task}'}", "requests: [{name: input, get: /a}]", `"input" is not free here`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			require.Contains(t, minimal, test.replace)
			text := strings.Replace(minimal, test.replace, test.by, 1)
			if strings.HasPrefix(test.by, "'https") {
				text = strings.Replace(text, ".example,", ".example',", 1)
			}
			require.Contains(t, parse(text), test.message)
		})
	}
}

func TestDatabaseAdaptersOnlyRead(t *testing.T) {
	t.Parallel()
	const text = `adapter: acme
contract: warehouse
protocol: sql
connection: {settings: {host: {format: hostname}, port: {type: integer}, database: {}, user: {}}, secrets: {password: {}}}
operations:
  check_stock:
    request: {sql: "select 1 as n where 'x' = $1", params: ['${input.sku}']}
    output: {sku: '${input.sku}', available: 0, elsewhere: 0, ships_to: false}
`
	require.Empty(t, parse(text))
	require.Contains(t, parse(strings.Replace(text, "select 1", "delete from x; select 1", 1)), "begins with select or with")
	require.Contains(t, parse(strings.Replace(text, "= $1", "= '${input.sku}'", 1)), "an expression cannot stand in a query")
	require.Contains(t, parse(strings.Replace(text, "= $1", "= 1", 1)), "the query has no $1")
	require.Contains(t, parse(strings.Replace(text, ", user: {}", "", 1)), `needs the setting "user"`)
}

// TestSeveralContracts: one file may carry out several contracts; operations of the first have short names.
func TestSeveralContracts(t *testing.T) {
	t.Parallel()
	text := strings.Replace(minimal, "contract: support", "contract: [support, warehouse]\nlimits: [{per_second: 1, operations: [warehouse.check_stock]}]", 1) +
		"  warehouse.check_stock:\n    request: {get: '/stock/${input.sku}'}\n    output: {sku: '${input.sku}', available: 0, elsewhere: 0, ships_to: false}\n"
	require.Empty(t, parse(text))
	adapter, _ := adapters.Parse("acme.yaml", []byte(text), contracts.Catalog())
	require.Equal(t, []string{"support.get_task", "warehouse.check_stock"}, adapter.Operations())
	require.True(t, adapter.Serves("warehouse"))
	require.False(t, adapter.Serves("crm"))
	require.Equal(t, "warehouse.check_stock", adapter.ShortName(adapter.FullName("warehouse.check_stock")))
	require.Equal(t, "get_task", adapter.ShortName(adapter.FullName("get_task")))
	require.Contains(t, parse(strings.Replace(text, "  warehouse.check", "  orders.check", 1)), `"orders.check_stock" cannot be the name of an operation`)
	require.Contains(t, parse(strings.Replace(text, "  warehouse.check_stock", "  warehouse.check_stick", 1)), `the contract warehouse has no operation`)
	require.Contains(t, parse(strings.Replace(text, "[support, warehouse]", "[support, warehouse, support]", 1)), `the contract "support" is there twice`)
	require.Contains(t, parse(strings.Replace(text, "[support, warehouse]", "[support, warehous]", 1)), `there is no contract "warehous" (did you mean "warehouse"? A new one is the file contracts/warehous.yaml)`)
}
