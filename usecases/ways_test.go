package usecases

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestWalkFindsEveryStepAndWay(t *testing.T) {
	t.Parallel()
	text := `usecase: test
input: {email: string, list: {type: array, items: string}}
steps:
  - id: customer
    call: crm.find_customer
    with: {email: '${input.email}'}
    on_error:
      not_found: []
      not_unique: [{id: who, set: {value: '${first(error.candidates)}'}}]
  - id: size
    choose:
      - when: customer != missing
        steps: [{id: known, set: {value: 1}}]
      - otherwise: [{id: unknown, set: {value: 2}}]
  - id: all
    each: {in: '${input.list}', as: one, steps: [{id: it, set: {value: '${one}'}}]}
  - end: {result: '${all}'}
joined:
  - {id: note, set: {value: '${message.text}'}}
`
	plan, problems := Check("test.yaml", []byte(text), testEnvironment())
	require.NoError(t, problems.Err(), problems.Error())
	var paths []string
	ways := map[string]int{}
	plan.Walk(func(s *Step) {
		paths = append(paths, s.Path)
		for _, way := range s.Ways() {
			ways[s.Path+" "+way.Name+" "+way.Title] = way.Line
		}
	})
	require.Equal(t, []string{"customer", "customer.on_error.not_unique[0]", "size", "size[0].known", "size[1].unknown", "all", "all[].it", "end[3]", "joined[].note"}, paths)
	require.Equal(t, map[string]int{
		"customer on_error.not_found on error not_found": 8, "customer on_error.not_unique on error not_unique": 9,
		"size [0] when customer != missing": 12, "size [1] otherwise": 14, "all [] an item": 15,
	}, ways)
}
