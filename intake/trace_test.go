package intake

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel/trace"

	"crosswalk/store"
)

// A case belongs to the trace of the message that began it, also when the sweeper starts it after a crash.
func TestTheSweeperKeepsTheTrace(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	came := trace.NewSpanContext(trace.SpanContextConfig{TraceID: trace.TraceID{1, 2, 3}, SpanID: trace.SpanID{4, 5}, TraceFlags: trace.FlagsSampled})
	ctx := trace.ContextWithSpanContext(t.Context(), came)
	m, err := ParseMail(mailOf("From: ann@example.org", "Message-ID: <one@x>", "", "The kettle is broken."), "ann@example.org", "help@nordwind.example", s.tell())
	require.NoError(t, err)
	receipt, err := s.Take(ctx, s.source(t, "mails"), m)
	require.NoError(t, err)
	entry, err := s.Store.Entry(t.Context(), receipt.EntryID)
	require.NoError(t, err)
	require.Contains(t, entry.Trace, came.TraceID().String())
	traced := &tracedCases{fakeCases: s.cases}
	s.Cases = traced
	s.sweep(t)
	require.Equal(t, came.TraceID(), traced.trace.TraceID())
	require.True(t, traced.trace.IsSampled())
	require.False(t, trace.SpanContextFromContext(inTrace(t.Context(), "no trace")).IsValid())
}

// tracedCases sees in which trace a case is started.
type tracedCases struct {
	*fakeCases
	trace trace.SpanContext
}

func (c *tracedCases) StartCase(ctx context.Context, entry store.Entry) error {
	c.trace = trace.SpanContextFromContext(ctx)
	return c.fakeCases.StartCase(ctx, entry)
}
