package adapters

import (
	"testing"

	"github.com/stretchr/testify/require"

	"crosswalk/rules"
)

func TestQuoting(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ function, text, want string }{
		{"soql", `O'Hara\`, `'O\'Hara\\'`},
		{"soql", "a\nb", `'a\nb'`},
		{"sdata", `O'Hara' or 1 eq 1`, `'O''Hara'' or 1 eq 1'`},
		{"shopify_quote", `a" OR email:*\`, `"a\" OR email:*\\"`},
		{"servicenow_quote", "a^ORactive=true\n", "a^^ORactive=true "},
		{"jql", `EX" OR project = "B\`, `"EX\" OR project = \"B\\"`},
		{"md5", "urist.mcvankab@freddiesjokes.com", "62eeb292278cc15f5817cb78f7790b08"},
	} {
		for _, f := range quotingFunctions {
			if f.Name == test.function {
				got, err := f.Call([]rules.Value{rules.Text(test.text)})
				require.NoError(t, err)
				require.Equal(t, test.want, got.Text(), test.function)
			}
		}
	}
}
