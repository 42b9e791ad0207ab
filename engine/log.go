package engine

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync/atomic"

	"go.temporal.io/server/common/log"
	"go.temporal.io/server/common/log/tag"
)

// serverLogger gives the server's log to slog. The server tells at "info" what it does all day;
// that is only passed on when asked for. Once it is being stopped, its parts warn of each other's
// absence; that is no news either.
type serverLogger struct {
	to      *slog.Logger
	tags    []tag.Tag
	verbose bool
	ending  *atomic.Bool
}

// needless is a warning that leads nowhere here: Nexus over HTTP is for calls between clusters.
const needless = "HTTP API port has not been set"

func newServerLogger(options Options) *serverLogger {
	return &serverLogger{to: options.Logger, verbose: options.Verbose, ending: new(atomic.Bool)}
}

// fatal is what the server wanted to end the process for. During the start it becomes an error.
type fatal struct{ message string }

var (
	_ log.Logger     = (*serverLogger)(nil)
	_ log.WithLogger = (*serverLogger)(nil)
)

func (l *serverLogger) Debug(string, ...tag.Tag) {}

func (l *serverLogger) Info(message string, tags ...tag.Tag) {
	if l.verbose {
		l.write(slog.LevelInfo, message, tags)
	}
}

func (l *serverLogger) Warn(message string, tags ...tag.Tag) {
	if l.verbose || !l.ending.Load() && !strings.HasPrefix(message, needless) {
		l.write(slog.LevelWarn, message, tags)
	}
}

func (l *serverLogger) Error(message string, tags ...tag.Tag) {
	l.write(slog.LevelError, message, tags)
}

// DPanic is for states that should not be; the server itself only logs them in production.
func (l *serverLogger) DPanic(message string, tags ...tag.Tag) {
	l.write(slog.LevelError, message, tags)
}

func (l *serverLogger) Panic(message string, tags ...tag.Tag) {
	l.write(slog.LevelError, message, tags)
	panic(message)
}

func (l *serverLogger) Fatal(message string, tags ...tag.Tag) {
	for _, t := range tags {
		message += fmt.Sprintf(", %s %v", t.Key(), t.Value())
	}
	panic(fatal{message})
}

// With implements log.WithLogger. The server makes a logger for each task, and most of them never say a word.
func (l *serverLogger) With(tags ...tag.Tag) log.Logger {
	return &serverLogger{to: l.to, tags: slices.Concat(l.tags, tags), verbose: l.verbose, ending: l.ending}
}

func (l *serverLogger) write(level slog.Level, message string, tags []tag.Tag) {
	if l.to.Enabled(context.Background(), level) {
		l.to.LogAttrs(context.Background(), level, "temporal: "+message, attributes(slices.Concat(l.tags, tags))...)
	}
}

func attributes(tags []tag.Tag) []slog.Attr {
	attributes := make([]slog.Attr, 0, len(tags))
	for _, t := range tags {
		attributes = append(attributes, slog.Any(t.Key(), t.Value()))
	}
	return attributes
}
