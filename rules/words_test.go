package rules

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestSameIdentifier(t *testing.T) {
	t.Parallel()
	for _, same := range [][2]string{
		{"#1042", "WC-1042"}, {"WC-1042", "order 1042"}, {"1042", "001042"}, {"wc1042", "WC-1042"}, {"KX-200-B", "kx 200 b"},
		{"Bestellung Nr. 1042", "WC-1042"}, {"INV-2026-0042", "2026-0042"}, {"WC‑1042", "wc_1042"}, {"１０４２", "1042"}, {"order #WC-1042", "WC-1042"},
	} {
		require.True(t, sameIdentifier(same[0], same[1]), same)
		require.True(t, sameIdentifier(same[1], same[0]), same)
	}
	for _, different := range [][2]string{
		{"INV-1042", "WC-1042"}, {"1042", "10420"}, {"1042", "1042-7"}, {"WC-1042-B", "WC-1042"}, {"", ""}, {"", "1042"}, {"12", "WC-12"}, {"2026-0042", "2025-0042"},
	} {
		require.False(t, sameIdentifier(different[0], different[1]), different)
		require.False(t, sameIdentifier(different[1], different[0]), different)
	}
}

func TestMentioned(t *testing.T) {
	t.Parallel()
	items := []Value{}
	for _, item := range [][3]string{
		{"KF-200", "Kaffeemaschine Aroma Deluxe 3000", "WC-1042"},
		{"LMP-7", "Desk lamp for the office", "WC-1042"},
		{"HD-55", "Wireless noise-cancelling headphones black", "WC-1043"},
		{"HD-56", "Wireless noise-cancelling headphones white", "WC-1044"},
		{"カメラ1", "デジタルカメラ 望遠", "WC-1045"},
		{"TS-1", "Théière en fonte", "WC-1046"},
	} {
		items = append(items, Record(map[string]Value{"sku": Text(item[0]), "description": Text(item[1]), "order": Text(item[2])}))
	}
	list := List(items...)
	env := NewEnvironment(nil).With("text", &Type{Kind: KindText}).With("lines", ListOf(RecordType(
		Field{"sku", &Type{Kind: KindText}, true}, Field{"description", &Type{Kind: KindText}, true}, Field{"order", &Type{Kind: KindText}, true})))
	x, err := Compile(`map(mentioned(text, lines, ["sku", "description", "order"]), .sku)`, env, Options{})
	require.NoError(t, err)
	require.Equal(t, []string{"lines", "lines[].description", "lines[].order", "lines[].sku", "text"}, x.Reads())
	for text, want := range map[string]string{
		"my coffee maker is broken":               `[]`,
		"Die Kaffemaschine tropft":                `["KF-200"]`,
		"Meine KAFFEEMASCHINEN sind kaputt":       `["KF-200"]`,
		"order 1042, the lamp does not work":      `["LMP-7"]`,
		"order #1042 arrived broken":              `["KF-200","LMP-7"]`,
		"the headphones hiss":                     `["HD-55","HD-56"]`,
		"the white headphones hiss":               `["HD-56"]`,
		"kf200 leaks":                             `["KF-200"]`,
		"La theiere est fêlée":                    `["TS-1"]`,
		"カメラが壊れています":                              `["カメラ1"]`,
		"the thing for the kitchen does not work": `[]`,
		"":                  `[]`,
		"INV-1042 was paid": `[]`,
		"I paid 55 euros":   `[]`,
		"two things: article HD-55 and the lamp, see 1043": `["HD-55"]`,
	} {
		v, err := x.Eval(map[string]Value{"text": Text(text), "lines": list})
		require.NoError(t, err)
		require.Equal(t, want, string(v.Plain()), text)
	}
	_, err = Compile(`mentioned(text, lines, ["skuu"])`, env, Options{})
	require.ErrorContains(t, err, `did you mean "sku"?`)
	_, err = Compile(`mentioned(text, lines)`, env, Options{})
	require.ErrorContains(t, err, `needs the names of the fields`)
}

func TestReadable(t *testing.T) {
	t.Parallel()
	types := testTypes(t)
	variables := testVariables(t)
	customer, _ := types.Field("customer")
	require.Equal(t, "Name: Ann Ö\nTier: gold", Readable(variables["customer"], customer.Type))
	v, err := FromJSON([]byte(`{"orderNumber": 1, "a_list": ["x", 2], "nested": {"deep": [{"x": 1}, {"x": 2}]}, "note": "two\nlines"}`))
	require.NoError(t, err)
	require.Equal(t, "Note: two\n  lines\nOrder number: 1\nA list: x, 2\nNested:\n  Deep:\n    1.\n      X: 1\n    2.\n      X: 2", Readable(v, nil))
}

func TestMentionedNamesEveryThing(t *testing.T) {
	t.Parallel()
	line := func(article, order string) Value {
		return Record(map[string]Value{"article": Text(article), "order": Text(order)})
	}
	lines := List(line("Espresso Machine Aurora 2, AU-2041", "WEB-10427"), line("Descaler Kit Clarivo, CL-6203", "WEB-10427"),
		line("Pendant Light Haldenis, HA-5101", "WEB-11002"), line("Floor Lamp Quantis, QU-5210", "WEB-11002"), line("Espresso Machine Bellaro, BE-2050", "WEB-12000"))
	env := NewEnvironment(RecordType(Field{Name: "text", Type: TypeOf(KindText), Required: true},
		Field{Name: "lines", Type: ListOf(RecordType(Field{Name: "article", Type: TypeOf(KindText), Required: true}, Field{Name: "order", Type: TypeOf(KindText), Required: true})), Required: true}))
	x, err := Compile(`map(mentioned(text, lines, ["order", "article"]), .article)`, env, Options{})
	require.NoError(t, err)
	for text, want := range map[string][]string{
		"my espresso machine aurora 2 leaks":                           {"Espresso Machine Aurora 2, AU-2041"},
		"AU-2041 ist kaputt":                                           {"Espresso Machine Aurora 2, AU-2041"},
		"the floor was wet when the Aurora espresso machine broke":     {"Espresso Machine Aurora 2, AU-2041"},
		"the kit of order 10427 is incomplete, the descaler":           {"Descaler Kit Clarivo, CL-6203"},
		"WEB-10427: the descaler is missing":                           {"Descaler Kit Clarivo, CL-6203"},
		"order 10427 never came":                                       {"Espresso Machine Aurora 2, AU-2041", "Descaler Kit Clarivo, CL-6203"},
		"quantis ya no se enciende y Haldenis Pendant Light está roto": {"Pendant Light Haldenis, HA-5101", "Floor Lamp Quantis, QU-5210"},
		"Bellaro and the descaler kit, both broken":                    {"Descaler Kit Clarivo, CL-6203", "Espresso Machine Bellaro, BE-2050"},
		"HA-5101 und QU-5210 sind defekt":                              {"Pendant Light Haldenis, HA-5101", "Floor Lamp Quantis, QU-5210"},
		"where is my parcel":                                           nil,
	} {
		got, err := x.Eval(map[string]Value{"text": Text(text), "lines": lines})
		require.NoError(t, err)
		var names []string
		for _, item := range got.Items() {
			names = append(names, item.Text())
		}
		require.Equal(t, want, names, text)
	}
}
