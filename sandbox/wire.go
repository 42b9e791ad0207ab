package sandbox

import (
	"bytes"
	"encoding/json"
	"net/http"
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
	encoder := json.NewEncoder(w)
	encoder.SetEscapeHTML(false)
	_ = encoder.Encode(v) // the caller may be gone
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
			var b bytes.Buffer
			encoder := json.NewEncoder(&b)
			encoder.SetEscapeHTML(false)
			if err := encoder.Encode(o); err != nil {
				panic(err) // our own record: strings, numbers, lists
			}
			text, _ = t.known.LoadOrStore(key, bytes.TrimSpace(b.Bytes()))
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
