package adapters

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"crosswalk/rules"
)

// TestRowsAreBounded: a quote that nobody closes does not gather the file in memory, and a long file of short rows is read.
func TestRowsAreBounded(t *testing.T) {
	t.Parallel()
	rows := 0
	count := func(rules.Value) error { rows++; return nil }
	err := plainTable.read(strings.NewReader("name\n\""+strings.Repeat("x", maxRow+1)), count)
	require.ErrorIs(t, err, errTooLarge)
	require.Zero(t, rows)
	const some = 300
	long := "name\n" + strings.Repeat(strings.Repeat("x", maxRow/100)+"\n", some)
	require.NoError(t, plainTable.read(strings.NewReader(long), count))
	require.Equal(t, some, rows)
}

// TestFilesThatAreNotInTheirEncoding: what would be read as other rows than a person sees in the file is refused with the
// reason.
func TestFilesThatAreNotInTheirEncoding(t *testing.T) {
	t.Parallel()
	sku := rules.List(rules.Record(map[string]rules.Value{"sku": rules.Text("A"), "on_hand": rules.Text("1")}))
	two := rules.List(append(sku.Items(), rules.Record(map[string]rules.Value{"sku": rules.Text("B"), "on_hand": rules.Text("2")}))...)
	for name, c := range map[string]struct {
		text  string
		rows  rules.Value
		wrong string
	}{
		"UTF-16 with a mark":       {text: "\xff\xfes\x00k\x00u\x00,\x00o\x00n\x00_\x00h\x00a\x00n\x00d\x00\n\x00A\x00,\x001\x00\n\x00", rows: sku},
		"UTF-8 with a mark":        {text: "\xef\xbb\xbfsku,on_hand\r\nA,1\r\n", rows: sku},
		"line ends of two kinds":   {text: "sku,on_hand\nA,1\r\nB,2\n", rows: two},
		"UTF-16 without a mark":    {text: "s\x00k\x00u\x00\n\x00A\x00\n\x00", wrong: "line 1 is not utf-8"},
		"UTF-16 below its heading": {text: "sku\nA\x00\n", wrong: "line 2 is not utf-8"},
		"a heading in Latin 1":     {text: "sku,gr\xf6\xdfe\nA,1\n", wrong: "line 1 is not utf-8"},
		"line ends of old Macs":    {text: "sku,on_hand\rA,1\rB,2\r", wrong: "carriage return alone"},
		"such ends in between":     {text: "sku,on_hand\nA,1\rB,2\n", wrong: "line 2 has 3 cells"},
		"two of a name":            {text: "sku,sku\nA,B\n", wrong: `two columns are called "sku"`},
		"a quote without end":      {text: "sku\n\"A\nB\n", wrong: "quote"},
		"a million columns":        {text: "sku\n" + strings.Repeat(",", 1_000_000) + "\n", wrong: "line 2 has 1000001 cells"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			rows, err := plainTable.readAll([]byte(c.text))
			if c.wrong != "" {
				require.ErrorIs(t, err, errRows)
				require.ErrorContains(t, err, c.wrong)
				return
			}
			require.NoError(t, err)
			require.Equal(t, c.rows.Hash(), rows.Hash())
		})
	}
}
