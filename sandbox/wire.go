package sandbox

import (
	"encoding/json"
	"net/http"
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

// textOrNull is null for "".
func textOrNull(s string) any {
	if s == "" {
		return nil
	}
	return s
}

// since is a moment in the life of a record that was there before the demo began: so many days before today.
func (w *World) since(days int) time.Time { return w.Today.AddDate(0, 0, -days).Add(9 * time.Hour) }
