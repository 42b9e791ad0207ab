package adapters

import (
	"testing"

	"github.com/stretchr/testify/require"

	"crosswalk/contracts"
)

func TestHeadersAreKeptForWhoMayReadThem(t *testing.T) {
	t.Parallel()
	const plain = `output: {id: '1', number: '1', status: open}`
	for name, c := range map[string]struct {
		operation string
		kept      bool
	}{
		"a body":                    {`request: {get: '/tasks/${input.task}'}, output: {id: '${answer.body.id}', number: '1', status: open}`, false},
		"an item of a body":         {`request: {get: /tasks, items: body.data}, output: {id: '${answer.items[0].id}', number: '1', status: open}`, false},
		"a header":                  {`request: {get: /tasks}, output: {id: '${answer.headers.location}', number: '1', status: open}`, true},
		"a header by another way":   {`request: {get: /tasks}, output: {id: '${answer["headers"].location}', number: '1', status: open}`, true},
		"the whole answer":          {`request: {get: /tasks}, output: {id: '${text(answer)}', number: '1', status: open}`, true},
		"a header in an error":      {`request: {get: /tasks}, errors: [{when: 'headers.x_left == "0"', class: rate_limited}], ` + plain, true},
		"a header in a path":        {`requests: [{name: first, get: /tasks}, {name: second, get: '/tasks/${first.headers.x_task}'}], ` + plain, true},
		"answers of several":        {`requests: [{name: all, each: '${[1, 2]}', get: '/tasks/${item}'}], output: {id: '${all.answers[0].headers.etag}', number: '1', status: open}`, true},
		"pages that a header links": {`request: {get: /tasks, items: body, paging: {kind: link, max_pages: 5}}, output: {id: '${answer.items[0].id}', number: '1', status: open}`, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			parsed, problems := Parse("kept.yaml", []byte("adapter: kept\ncontract: support\nconnection: {base_url: https://api.kept.example}\nauth: none\noperations:\n  get_task: {"+c.operation+"}\n"), contracts.Catalog())
			require.NoError(t, problems.Err())
			require.Equal(t, c.kept, parsed.readsHeaders)
		})
	}
}
