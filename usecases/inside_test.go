package usecases

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// What is done again with a step: itself, and what comes after it in the lists that it lies in.
func TestInside(t *testing.T) {
	t.Parallel()
	plan, problems := Check("test.yaml", []byte(`
usecase: test
title: Test
input: {}
steps:
  - {id: first, set: {value: 1}}
  - id: outer
    each:
      in: '${[1, 2]}'
      as: o
      steps:
        - {id: a, set: {value: 1}}
        - id: both
          together:
            branches:
              left: [{id: b, set: {value: 1}}, {id: c, set: {value: 1}}]
              right: [{id: d, set: {value: 1}}]
        - id: way
          choose:
            - {when: 'o == 1', steps: [{id: e, set: {value: 1}}, {each: {in: '${[1]}', as: i, steps: [{id: f, set: {value: 1}}]}}, {id: g, set: {value: 1}}]}
        - {id: h, set: {value: 1}}
  - {id: last, set: {value: 1}}
`), Environment{})
	require.NoError(t, problems.Err())
	tests := []struct {
		place         string
		again, around []string
	}{
		{"outer[3].a", []string{"outer[3].a", "outer[3].both", "outer[3].way", "outer[3].h"}, nil},
		{"outer[0].both.left.b", []string{"outer[0].both.left.b", "outer[0].both.left.c", "outer[0].way", "outer[0].h"}, []string{"outer[0].both"}},
		{"outer[0].both.right.d", []string{"outer[0].both.right.d", "outer[0].way", "outer[0].h"}, []string{"outer[0].both"}},
		{"outer[1].way[0].each[1][2].f", []string{"outer[1].way[0].each[1][2].f", "outer[1].way[0].g", "outer[1].h"}, []string{"outer[1].way[0].each[1]", "outer[1].way"}},
		{"outer[1].h", []string{"outer[1].h"}, nil},
	}
	for _, test := range tests {
		t.Run(test.place, func(t *testing.T) {
			t.Parallel()
			found, ok := plan.Inside(test.place)
			require.True(t, ok)
			require.Equal(t, 1, found.Top)
			require.ElementsMatch(t, test.again, found.Again)
			require.ElementsMatch(t, test.around, found.Around)
			require.True(t, found.Redoes(test.place))
			require.False(t, found.Redoes("outer[2].a"))
		})
	}
	for _, place := range []string{"", "first", "outer", "last", "outer[]", "outer[].a", "outer[x].a", "outer[-1].a", "outer[1]", "outer[1].z", "outer[1].a.b", "outer.a", "nothing[0].a"} {
		_, ok := plan.Inside(place)
		require.False(t, ok, place)
	}
}
