package workflows

import (
	"encoding/json"
	"reflect"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"crosswalk/rules"
)

// Everything that a case knows reaches its next run: each field is filled with something, written, and read again.
func TestStateIsCarriedWhole(t *testing.T) {
	t.Parallel()
	var before, after continued
	fill(t, reflect.ValueOf(&before).Elem(), "continued")
	text, err := json.Marshal(before)
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(text, &after))
	require.Equal(t, before, after)
}

// fill gives everything that it can reach a value that is not its zero value.
func fill(t *testing.T, v reflect.Value, path string) {
	t.Helper()
	switch v.Interface().(type) {
	case rules.Value:
		v.Set(reflect.ValueOf(rules.Record(map[string]rules.Value{"amount": rules.Number(rules.Int(7)), "on": rules.Instant(time.Unix(1, 0).UTC())})))
		return
	case time.Time:
		v.Set(reflect.ValueOf(time.Unix(2, 0).UTC()))
		return
	case *facts:
		v.Set(reflect.ValueOf(&facts{list: []fact{{Step: "a", Top: 1, At: time.Unix(3, 0).UTC(), Value: rules.Text("b")}}}))
		return
	}
	switch v.Kind() {
	case reflect.Struct:
		for i := range v.NumField() {
			field := v.Type().Field(i)
			require.True(t, field.IsExported(), "%s.%s would not be carried over", path, field.Name)
			fill(t, v.Field(i), path+"."+field.Name)
		}
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		fill(t, v.Elem(), path)
	case reflect.Map:
		v.Set(reflect.MakeMap(v.Type()))
		key, value := reflect.New(v.Type().Key()).Elem(), reflect.New(v.Type().Elem()).Elem()
		fill(t, key, path+"[key]")
		fill(t, value, path+"[]")
		v.SetMapIndex(key, value)
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 1, 1))
		fill(t, v.Index(0), path+"[]")
	case reflect.String:
		v.SetString("text")
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Int, reflect.Int64:
		v.SetInt(5)
	default:
		require.Fail(t, "what a case knows holds something that the test does not know", "%s is %s", path, v.Type())
	}
}
