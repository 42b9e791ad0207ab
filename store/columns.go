package store

import (
	"database/sql/driver"
	"encoding/json"
	"fmt"
	"time"
)

// notNull keeps no bytes from becoming NULL, which no column of ours takes.
func notNull(b []byte) []byte {
	if b == nil {
		return []byte{}
	}
	return b
}

// stamp reads and writes an instant as microseconds since 1970; the zero time is 0.
type stamp struct{ at *time.Time }

func (s stamp) Value() (driver.Value, error) { return micros(*s.at), nil }

func (s stamp) Scan(from any) error {
	n, ok := from.(int64)
	if !ok {
		return fmt.Errorf("an instant is stored as %T", from)
	}
	*s.at = fromMicros(n)
	return nil
}

func micros(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMicro()
}

func fromMicros(n int64) time.Time {
	if n == 0 {
		return time.Time{}
	}
	return time.UnixMicro(n).UTC()
}

// document reads and writes JSON as text, byte for byte; none is the empty text.
type document struct{ text *json.RawMessage }

func (d document) Value() (driver.Value, error) { return string(*d.text), nil }

func (d document) Scan(from any) error {
	text, err := asText(from)
	if err != nil || text == "" {
		*d.text = nil
		return err
	}
	*d.text = json.RawMessage(text)
	return nil
}

// words reads and writes a list of texts as a JSON list.
type words struct{ list *[]string }

func (w words) Value() (driver.Value, error) {
	if len(*w.list) == 0 {
		return "", nil
	}
	text, err := json.Marshal(*w.list)
	return string(text), err
}

func (w words) Scan(from any) error {
	*w.list = nil
	text, err := asText(from)
	if err != nil || text == "" {
		return err
	}
	return json.Unmarshal([]byte(text), w.list)
}

func asText(from any) (string, error) {
	switch v := from.(type) {
	case string:
		return v, nil
	case []byte:
		return string(v), nil
	}
	return "", fmt.Errorf("text is stored as %T", from)
}

// period reads and writes a duration as microseconds.
type period struct{ length *time.Duration }

func (p period) Value() (driver.Value, error) { return p.length.Microseconds(), nil }

func (p period) Scan(from any) error {
	n, ok := from.(int64)
	if !ok {
		return fmt.Errorf("a duration is stored as %T", from)
	}
	*p.length = time.Duration(n) * time.Microsecond
	return nil
}
