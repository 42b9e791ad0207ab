package telemetry

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"regexp"
	"slices"
)

// eventName is the form of our own messages: they are names that programs may look for, and are never renamed.
var eventName = regexp.MustCompile(`^[a-z_]+(\.[a-z_]+)+$`)

// NewLogger writes lines. As JSON each line has an event: the name of what happened, or "log" with its message for what
// Temporal's libraries say.
func NewLogger(w io.Writer, asJSON bool, level slog.Level) *slog.Logger {
	if !asJSON {
		return slog.New(masked{slog.NewTextHandler(w, &slog.HandlerOptions{Level: level})})
	}
	return slog.New(masked{slog.NewJSONHandler(w, &slog.HandlerOptions{Level: level, ReplaceAttr: func(groups []string, a slog.Attr) slog.Attr {
		if len(groups) == 0 && a.Key == slog.MessageKey {
			if eventName.MatchString(a.Value.String()) {
				return slog.Attr{Key: "event", Value: a.Value}
			}
			return slog.Attr{Value: slog.GroupValue(slog.String("event", "log"), slog.String("message", a.Value.String()))}
		}
		return a
	}})})
}

// Errors come from libraries and other people's servers, which like to repeat what they were given: addresses of
// customers, and queries of requests, in which credentials may stand.
var hidden = []struct {
	what *regexp.Regexp
	by   string
}{
	{regexp.MustCompile(`(\w+://)[^/@\s"']+@`), "$1"},
	{regexp.MustCompile(`[\pL\pN._%+\-]+@[\pL\pN\-]+(\.[\pL\pN\-]+)+`), "(address)"},
	{regexp.MustCompile(`(\w+://[^\s"'?]+)\?[^\s"']*`), "$1?(query)"},
	{regexp.MustCompile(`\+\d[\d ()/\-]{6,}\d`), "(number)"},
}

func mask(text string) string {
	for _, h := range hidden {
		text = h.what.ReplaceAllString(text, h.by)
	}
	return text
}

// masked hides what may be personal or secret in texts and errors.
type masked struct{ slog.Handler }

// Handle writes a line.
func (m masked) Handle(ctx context.Context, r slog.Record) error {
	clean := slog.NewRecord(r.Time, r.Level, mask(r.Message), r.PC)
	r.Attrs(func(a slog.Attr) bool {
		clean.AddAttrs(maskAttr(a))
		return true
	})
	return m.Handler.Handle(ctx, clean)
}

// WithAttrs adds attributes to every line.
func (m masked) WithAttrs(attrs []slog.Attr) slog.Handler {
	attrs = slices.Clone(attrs)
	for i := range attrs {
		attrs[i] = maskAttr(attrs[i])
	}
	return masked{m.Handler.WithAttrs(attrs)}
}

// WithGroup puts what follows into a group.
func (m masked) WithGroup(name string) slog.Handler { return masked{m.Handler.WithGroup(name)} }

func maskAttr(a slog.Attr) slog.Attr {
	value := a.Value.Resolve()
	switch value.Kind() {
	case slog.KindString:
		return slog.String(a.Key, mask(value.String()))
	case slog.KindGroup:
		group := slices.Clone(value.Group())
		for i := range group {
			group[i] = maskAttr(group[i])
		}
		return slog.Attr{Key: a.Key, Value: slog.GroupValue(group...)}
	case slog.KindAny:
		return slog.String(a.Key, mask(fmt.Sprint(value.Any())))
	}
	return slog.Attr{Key: a.Key, Value: value}
}
