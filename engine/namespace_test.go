package engine

import (
	"testing"

	"github.com/stretchr/testify/require"
	enumspb "go.temporal.io/api/enums/v1"
)

func TestAssign(t *testing.T) {
	t.Parallel()
	const keyword, number = enumspb.INDEXED_VALUE_TYPE_KEYWORD, enumspb.INDEXED_VALUE_TYPE_INT
	type kinds = map[string]enumspb.IndexedValueType
	for name, test := range map[string]struct {
		before map[string]string
		wanted kinds
		after  map[string]string
		err    string
	}{
		"first start":         {nil, kinds{"B": keyword, "A": keyword}, map[string]string{"Keyword01": "A", "Keyword02": "B"}, ""},
		"one more":            {map[string]string{"Keyword01": "B"}, kinds{"A": keyword, "B": keyword}, map[string]string{"Keyword01": "B", "Keyword02": "A"}, ""},
		"no longer wanted":    {map[string]string{"Keyword01": "Old"}, nil, map[string]string{"Keyword01": "Old"}, ""},
		"other type":          {map[string]string{"Keyword01": "A"}, kinds{"A": number}, nil, "A is registered as Keyword, wanted is Int"},
		"more than there are": {nil, kinds{"A": number, "B": number, "C": number, "D": number}, nil, "D: the embedded server has no free column of type Int"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			after, err := assign(test.before, test.wanted)
			if test.err != "" {
				require.ErrorContains(t, err, test.err)
				return
			}
			require.NoError(t, err)
			require.Equal(t, test.after, after)
		})
	}
}
