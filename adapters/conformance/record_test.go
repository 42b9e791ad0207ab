package conformance

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"crosswalk/adapters"
	"crosswalk/contracts"
	"crosswalk/rules"
)

const visitsAdapter = `adapter: visits
contract: warehouse
connection: {base_url: https://api.visits.example, secrets: {token: {}}}
auth: {bearer: '${secret.token}'}
operations:
  find_visit:
    effect: read
    input: {key: {type: string, required: true}}
    request: {get: /visits, items: '${body.visits}', where: WHERE}
    one: '${answer.items}'
    output: {id: '${item.id}'}
`

// TestAKeyWithinATextIsKept: what was looked for is left where it stands in a text that is replaced, and a test that does not
// come out as the call did is refused.
func TestAKeyWithinATextIsKept(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ where, description, wrong string }{
		"at the end":      {where: `item.description contains input.key`, description: "Ada Lovelace wants the key of the cellar, ref VISIT-77"},
		"a word before":   {where: `item.description endsWith "ref " + input.key`, description: "Ada Lovelace wants the key of the cellar, ref VISIT-77"},
		"in brackets":     {where: `item.description contains "[ref:" + input.key + "]"`, description: "[ref:VISIT-77] Ada Lovelace"},
		"a whole value":   {where: `item.description == input.key`, description: "VISIT-77"},
		"a key of words":  {where: `item.description contains input.key`, description: "Ada Lovelace wants the key, ref first-try"},
		"what else is so": {where: `item.description == "Ada Lovelace for " + input.key`, description: "Ada Lovelace for VISIT-77", wrong: "the call was answered, and the test that would be kept came to not_found: "},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			adapter, problems := adapters.Parse("visits.yaml", []byte(strings.Replace(visitsAdapter, "WHERE", "'"+c.where+"'", 1)), contracts.Catalog())
			require.NoError(t, problems.Err())
			answer := rules.Record(map[string]rules.Value{"visits": rules.List(rules.Record(map[string]rules.Value{"id": rules.Text("v1"), "description": rules.Text(c.description)}))})
			key := "VISIT-77"
			if strings.Contains(c.description, "first-try") {
				key = "first-try"
			}
			recording := Recording{
				Call: adapters.Call{Operation: adapter.Operations()[0], Input: rules.Record(map[string]rules.Value{"key": rules.Text(key)})},
				Seen: []*adapters.Seen{{Method: http.MethodGet, URL: "https://api.visits.example/visits", Status: http.StatusOK, Answer: answer.Plain()}},
				Base: "https://api.visits.example", Masked: func(text string) string { return text }, On: time.Now(),
			}
			text, err := recording.Write(t.Context(), adapter, &Tests{File: "visits.tests.yaml"}, nil)
			if c.wrong != "" {
				require.ErrorContains(t, err, c.wrong)
				require.ErrorContains(t, err, "--keep-personal")
				return
			}
			require.NoError(t, err)
			require.Contains(t, string(text), `output: {"id":"v1"}`)
			require.NotContains(t, string(text), "Ada")
			require.NotContains(t, string(text), "Lovelace")
		})
	}
}

// TestASecretOfAPatternIsMadeUp: a file of tests begins also where a secret must look like something.
func TestASecretOfAPatternIsMadeUp(t *testing.T) {
	t.Parallel()
	file := strings.Replace(strings.Replace(visitsAdapter, "WHERE", "'item.description == input.key'", 1), "token: {}", "token: {required: true, pattern: '^pat-[a-z]{2}[0-9]-[0-9a-f]{12}$'}", 1)
	adapter, problems := adapters.Parse("visits.yaml", []byte(file), contracts.Catalog())
	require.NoError(t, problems.Err())
	answer := rules.Record(map[string]rules.Value{"visits": rules.List(rules.Record(map[string]rules.Value{"id": rules.Text("v1"), "description": rules.Text("VISIT-77")}))})
	recording := Recording{
		Call: adapters.Call{Operation: adapter.Operations()[0], Input: rules.Record(map[string]rules.Value{"key": rules.Text("VISIT-77")})},
		Seen: []*adapters.Seen{{Method: http.MethodGet, URL: "https://api.visits.example/visits", Status: http.StatusOK, Answer: answer.Plain()}},
		Base: "https://api.visits.example", Masked: func(text string) string { return text }, On: time.Now(),
	}
	text, err := recording.Write(t.Context(), adapter, &Tests{File: "visits.tests.yaml"}, nil)
	require.NoError(t, err)
	require.Contains(t, string(text), `secrets: {"token":"pat-xx1-111111111111"}`)
}

// TestAMistakeIsNoTest: an answer that the file could not read is not kept as what it should come to, and what is recorded again
// has a name of its own.
func TestAMistakeIsNoTest(t *testing.T) {
	t.Parallel()
	adapter, problems := adapters.Parse("visits.yaml", []byte(strings.Replace(visitsAdapter, "WHERE", "'item.description == input.key'", 1)), contracts.Catalog())
	require.NoError(t, problems.Err())
	recording := func(description rules.Value, failed error) Recording {
		answer := rules.Record(map[string]rules.Value{"visits": rules.List(rules.Record(map[string]rules.Value{"id": rules.Text("v1"), "description": description}))})
		return Recording{
			Call: adapters.Call{Operation: adapter.Operations()[0], Input: rules.Record(map[string]rules.Value{"key": rules.Text("VISIT-77")})}, Failed: failed,
			Seen: []*adapters.Seen{{Method: http.MethodGet, URL: "https://api.visits.example/visits", Status: http.StatusOK, Answer: answer.Plain()}},
			Base: "https://api.visits.example", Masked: func(text string) string { return text }, On: time.Date(2026, 11, 23, 0, 0, 0, 0, time.UTC),
		}
	}
	tests := &Tests{File: "visits.tests.yaml"}
	_, err := recording(rules.Missing(), &contracts.Error{Class: contracts.Drift}).Write(t.Context(), adapter, tests, nil)
	require.ErrorContains(t, err, "the answer does not fit what the operation expects of it, which is no test: mend the operation and call it again")
	text, err := recording(rules.Text("VISIT-77"), nil).Write(t.Context(), adapter, tests, nil)
	require.NoError(t, err)
	tests, problems = Parse(tests.File, text, adapter)
	require.NoError(t, problems.Err())
	text, err = recording(rules.Text("VISIT-77"), nil).Write(t.Context(), adapter, tests, text)
	require.NoError(t, err)
	require.Contains(t, string(text), `- name: "find_visit as it was answered on 2026-11-23"`)
	require.Contains(t, string(text), `- name: "find_visit as it was answered on 2026-11-23 (2)"`)
}
