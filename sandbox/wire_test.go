package sandbox

import (
	"bytes"
	"encoding/json"
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/require"
)

// What is written by hand is what the encoder writes.
func TestReplyWritesWhatTheEncoderWrites(t *testing.T) {
	t.Parallel()
	var none object
	record := object{"id": int64(7), "name": "Łucja \"Lu\" <a&b>\n\u2028", "plain": "x y", "open": true, "gone": nil, "none": none, "n": 3, "price": 1.5,
		"list": []object{{"b": 1, "a": "é"}}, "empty": object{}, "inner": object{"deep": []string{"x"}}, "é\"": "key"}
	var want bytes.Buffer
	encoder := json.NewEncoder(&want)
	encoder.SetEscapeHTML(false)
	require.NoError(t, encoder.Encode(record))
	got := httptest.NewRecorder()
	reply(got, 200, record)
	require.Equal(t, want.String(), got.Body.String())

	var kept texts
	for range 2 {
		got = httptest.NewRecorder()
		reply(got, 200, object{"data": kept.of("record", []object{record, {"id": 8}})})
		require.JSONEq(t, `{"data": [`+want.String()+`, {"id": 8}]}`, got.Body.String())
	}
}
