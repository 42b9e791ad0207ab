package usecases

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// TestOutlineHasThePathsOfThePlan walks the plan of every shipped use case and looks for its steps in the outline.
func TestOutlineHasThePathsOfThePlan(t *testing.T) {
	t.Parallel()
	text := `usecase: outline
input: {list: {type: array, items: string, required: true}}
steps:
  - {id: first, set: {value: 1}}
  - id: way
    choose:
      - when: first == 1
        steps: [{id: inner, set: {value: 2}}, {set: {value: 3}}]
      - otherwise: [{id: other, set: {value: 4}}]
  - id: all
    each: {in: '${input.list}', as: one, steps: [{id: mark, set: {value: '${one}'}}]}
  - id: last
    set: {value: '${way ?? inner}'}
    on_error: {internal: [{set: {value: 5}}, {id: named, set: {value: 6}}]}
  - end: {result: {last: '${last}', all: '${all}'}}
joined:
  - set: {value: '${message.text}'}
`
	plan, problems := Check("outline.yaml", []byte(text), Environment{})
	require.NoError(t, problems.Err())
	outline := Bundle{UseCase: File{Name: "outline.yaml", Text: text}}.Outline()
	var written []string
	for _, step := range outline {
		written = append(written, step.Path)
	}
	var planned []string
	var walk func([]*Step)
	walk = func(steps []*Step) {
		for _, step := range steps {
			planned = append(planned, step.Path)
			if step.Choose != nil {
				for _, branch := range step.Choose.Branches {
					walk(branch.Steps)
				}
			}
			if step.Each != nil {
				walk(step.Each.Steps)
			}
			for _, handler := range step.OnError {
				walk(handler.Steps)
			}
		}
	}
	walk(plan.Steps)
	walk(plan.Joined.Steps)
	require.Equal(t, planned, written)
	require.Equal(t, map[string]string{"choose[0].when": "first == 1"}, outline[1].Fields, "nested steps speak for themselves")
	require.Equal(t, map[string]string{"each.in": "${input.list}", "each.as": "one"}, outline[5].Fields)
}
