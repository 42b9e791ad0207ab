package rules

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestWireRoundTrip(t *testing.T) {
	t.Parallel()
	for wire, plain := range map[string]string{
		`null`:                                  `null`,
		`true`:                                  `true`,
		`12.5`:                                  `12.5`,
		`"a\n"`:                                 `"a\n"`,
		`{"$date":"2026-01-02"}`:                `"2026-01-02"`,
		`{"$instant":"2026-01-02T03:04:05.5Z"}`: `"2026-01-02T03:04:05.5Z"`,
		`{"$duration":"72h"}`:                   `"72h"`,
		`[1,null,{"$date":"2026-01-02"}]`:       `[1,null,"2026-01-02"]`,
		`{"a":1,"b":{"c":[]}}`:                  `{"a":1,"b":{"c":[]}}`,
		`{"$record":{"$date":"x"}}`:             `{"$date":"x"}`,
		`{"$record":{"$record":{"a":1},"z":1}}`: `{"$record":{"a":1},"z":1}`,
		`{"$record":{"$record":{"$record":{"$a":1}}}}`: `{"$record":{"$a":1}}`,
		`9007199254740993`:                     `9007199254740993`,
		`0.1234567890123456789012345678901234`: `0.1234567890123456789012345678901234`,
		`"\u2028\u0000"`:                       `"\u2028\u0000"`,
	} {
		var v Value
		require.NoError(t, json.Unmarshal([]byte(wire), &v), wire)
		again, err := json.Marshal(v)
		require.NoError(t, err)
		require.Equal(t, wire, string(again))
		require.Equal(t, plain, string(v.Plain()))
	}
}

func TestWireRefuses(t *testing.T) {
	t.Parallel()
	for _, text := range []string{``, `{`, `[1,]`, `{"a":1,"a":2}`, `01`, `1.`, `.5`, `+1`, `NaN`, `"`, "\"\n\"", `"\x"`, `"\u12"`, `1 2`,
		`{"$date":"2026-02-30"}`, `{"$date":1}`, `{"$nope":1}`, `{"$date":"2026-01-02","b":1}`, `1e999999`, `12345678901234567890123456789012345`, "\"\xff\""} {
		var v Value
		require.Error(t, v.UnmarshalJSON([]byte(text)), text)
	}
}

func TestMissingFieldsAreAbsent(t *testing.T) {
	t.Parallel()
	v, err := FromJSON([]byte(`{"b": null, "a": 1}`))
	require.NoError(t, err)
	require.Equal(t, []string{"a"}, v.Keys())
	require.True(t, v.Equal(Record(map[string]Value{"a": Number(Int(1)), "b": Missing()})))
	require.Equal(t, `{"a":1,"c":true}`, string(v.With("c", Bool(true)).With("b", Missing()).Plain()))
	require.Equal(t, `{}`, string(v.With("a", Missing()).Plain()))
}

func TestFieldsInAnyOrderMakeTheSameRecord(t *testing.T) {
	t.Parallel()
	f := NewFields(1)
	for _, name := range []string{"c", "a", "e", "b", "d", "f"} {
		f.Set(name, Text(name))
	}
	f.Set("b", Text("other"))
	f.Set("d", Missing())
	f.Set("g", Missing())
	require.True(t, f.Record().Equal(Record(map[string]Value{"a": Text("a"), "b": Text("other"), "c": Text("c"), "e": Text("e"), "f": Text("f")})))
	require.Equal(t, []string{"a", "b", "c", "e", "f"}, f.Record().Keys())
}

func TestDates(t *testing.T) {
	t.Parallel()
	require.Equal(t, "0001-01-01", Date(1, 1, 1).String())
	require.Equal(t, "9999-12-31", Date(9999, 12, 31).String())
	require.True(t, Date(2025, 2, 29).IsMissing())
	require.Equal(t, "2026-03-01T11:00:00Z", Instant(time.Date(2026, 3, 1, 12, 0, 0, 0, time.FixedZone("", 3600))).String())
	for text, want := range map[string]string{"3 days": "72h", "P2D": "48h", "PT1H30M": "1h30m", "90s": "1m30s", "0s": "0s", "1h0m5s": "1h0m5s"} {
		v, err := ParseDuration(text)
		require.NoError(t, err)
		require.Equal(t, want, v.String())
	}
	for _, text := range []string{"P1M", "P", "PT", "soon", "", "P99999999999D"} {
		_, err := ParseDuration(text)
		require.Error(t, err, text)
	}
}
