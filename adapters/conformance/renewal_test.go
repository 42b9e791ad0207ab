package conformance

import (
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"crosswalk/adapters"
	"crosswalk/contracts"
)

const pagedAdapter = `adapter: acme
contract: warehouse
connection: {base_url: https://api.acme.example, secrets: {password: {}}}
auth: AUTH
operations:
  list_stock:
    request: {get: /stock, query: {sku: '${input.sku}'}, items: '${body.items}', paging: {kind: cursor, next: '${body.next}', send: after, max_pages: 9}}
    output: {depots: {each: '${answer.items}', give: {depot: '${item}', on_hand: 1, available: 1}}}
`

const pagedTests = `source: docs/adapters.md
secrets: {password: pw-canary-9}
tests:
  - name: three pages
    operation: list_stock
    input: {sku: A}
    exchanges:
LOGIN
      - {expect: {method: GET, url: '/stock?sku=A', headers: {Authorization: Bearer t0ken-of-oauth2}}, reply: {json: {items: [a, b], next: '2'}}}
      - {expect: {method: GET, url: '/stock?sku=A&after=2'}, reply: {json: {items: [c], next: '3'}}}
      - {expect: {method: GET, url: '/stock?sku=A&after=3'}, reply: {json: {items: [d]}}}
    output: {depots: [{depot: a, on_hand: 1, available: 1}, {depot: b, on_hand: 1, available: 1}, {depot: c, on_hand: 1, available: 1}, {depot: d, on_hand: 1, available: 1}]}
`

// TestATokenRunsOutWithinAList: the list goes on with another token, whichever way it is had; an adapter that cannot get one
// is told so.
func TestATokenRunsOutWithinAList(t *testing.T) {
	t.Parallel()
	login := "      - {expect: {method: POST, url: /login, json: {password: pw-canary-9}}, reply: {json: {token: t0ken-of-oauth2}}}"
	for name, c := range map[string]struct{ auth, login, found string }{
		"authorization_code": {auth: "{oauth2: {grant: authorization_code, authorize_url: 'https://login.acme.example/a', token_url: 'https://login.acme.example/t', client_id: us}}"},
		"client_credentials": {auth: "{oauth2: {grant: client_credentials, token_url: 'https://login.acme.example/t', client_id: us, client_secret: '${secret.password}'}}"},
		"session":            {auth: "{session: {login: {post: /login, json: {password: '${secret.password}'}}, token: '${body.token}', apply: {bearer: '${token}'}}}", login: login},
		"a session whose end is not known": {auth: "{session: {login: {post: /login, json: {password: '${secret.password}'}}, token: '${body.token}', apply: {bearer: '${token}'}, on: status == 418}}", login: login,
			found: "it failed: warehouse.list_stock: auth"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			adapter, problems := adapters.Parse("acme.yaml", []byte(strings.Replace(pagedAdapter, "AUTH", c.auth, 1)), contracts.Catalog())
			require.NoError(t, problems.Err())
			tests, problems := Parse("acme.tests.yaml", []byte(strings.Replace(pagedTests, "LOGIN\n", strings.TrimPrefix(c.login+"\n", "\n"), 1)), adapter)
			require.NoError(t, problems.Err())
			report, err := Run(t.Context(), adapter, tests, regexp.MustCompile("three pages|refused on the second page"))
			require.NoError(t, err)
			require.Equal(t, 1, report.Faults)
			if c.found == "" {
				require.Empty(t, report.Findings)
				return
			}
			require.Len(t, report.Findings, 1)
			require.Contains(t, report.Findings[0].Found, c.found)
		})
	}
}
