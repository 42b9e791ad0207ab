package sandbox

import (
	"bytes"
	"encoding/json"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// object is a JSON object of an answer. Its keys are written sorted.
type object map[string]any

// reply writes a JSON answer.
func reply(w http.ResponseWriter, status int, v any) {
	if w.Header().Get("Content-Type") == "" {
		w.Header().Set("Content-Type", "application/json; charset=utf-8")
	}
	w.WriteHeader(status)
	_, _ = w.Write(append(appendJSON(nil, v), '\n')) // the caller may be gone
}

// appendJSON writes objects and what texts holds by hand: the encoder would read through each finished text again, which
// is most of what an answer with many records costs.
func appendJSON(text []byte, v any) []byte {
	switch v := v.(type) {
	case nil:
		return append(text, "null"...)
	case bool:
		return strconv.AppendBool(text, v)
	case int64:
		return strconv.AppendInt(text, v, 10)
	case string:
		if plain(v) {
			return append(append(append(text, '"'), v...), '"')
		}
	case json.RawMessage:
		return append(text, v...)
	case object:
		if v == nil {
			return append(text, "null"...)
		}
		text = append(text, '{')
		for i, key := range slices.Sorted(maps.Keys(v)) {
			if i > 0 {
				text = append(text, ',')
			}
			text = append(appendJSON(text, key), ':')
			text = appendJSON(text, v[key])
		}
		return append(text, '}')
	}
	var b bytes.Buffer
	encoder := json.NewEncoder(&b)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(v); err != nil {
		panic(err) // our own record: strings, numbers, lists
	}
	return append(text, bytes.TrimSpace(b.Bytes())...)
}

// plain says that a text stands in JSON as it is.
func plain(s string) bool {
	return !strings.ContainsFunc(s, func(r rune) bool { return r < ' ' || r == '"' || r == '\\' || r > '~' })
}

// texts holds records that hardly ever change as they are sent, each from the first time on.
type texts struct{ known sync.Map }

type textKey struct {
	kind string
	id   any
}

// of is a list of records of one kind, which have an id, as JSON.
func (t *texts) of(kind string, list []object) json.RawMessage {
	all := []byte{'['}
	for i, o := range list {
		key := textKey{kind, o["id"]}
		text, known := t.known.Load(key)
		if !known {
			text, _ = t.known.LoadOrStore(key, appendJSON(nil, o))
		}
		if i > 0 {
			all = append(all, ',')
		}
		all = append(all, text.([]byte)...)
	}
	return append(all, ']')
}

// forget is for a record that has changed.
func (t *texts) forget(kind string, id any) { t.known.Delete(textKey{kind, id}) }

// textOrNull is null for "".
func textOrNull(s string) any {
	if s == "" {
		return nil
	}
	return s
}

// since is a moment in the life of a record that was there before the demo began: so many days before today.
func (w *World) since(days int) time.Time { return w.Today.AddDate(0, 0, -days).Add(9 * time.Hour) }
