package contracts

import (
	"fmt"
	"io"
	"log/slog"
)

const masked = "***"

// Secret is a text that shows itself to nobody: printing, logging and encoding it give ***. The value is
// had only by Reveal, which is therefore easy to search for.
type Secret struct{ value string }

// NewSecret wraps a text.
func NewSecret(value string) Secret { return Secret{value: value} }

// Reveal returns the text itself. Call it where the request is made, and keep the result nowhere.
func (s Secret) Reveal() string { return s.value }

// IsZero says whether the secret is empty.
func (s Secret) IsZero() bool { return s.value == "" }

// String hides the text.
func (s Secret) String() string { return masked }

// GoString hides the text from %#v.
func (s Secret) GoString() string { return masked }

// Format hides the text from every verb, also those that look into fields.
func (s Secret) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, masked) }

// MarshalText hides the text from JSON, YAML and everything else that encodes texts.
func (s Secret) MarshalText() ([]byte, error) { return []byte(masked), nil }

// LogValue hides the text from slog.
func (s Secret) LogValue() slog.Value { return slog.StringValue(masked) }
