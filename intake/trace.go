package intake

import (
	"context"

	"go.opentelemetry.io/otel/propagation"
)

// The trace of an entry is kept with it, so that a case belongs to the trace of its message also when the sweeper
// starts it, or another process.

const traceHeader = "traceparent"

// traceOf is the trace of a context; "" if there is none.
func traceOf(ctx context.Context) string {
	carrier := propagation.MapCarrier{}
	propagation.TraceContext{}.Inject(ctx, carrier)
	return carrier[traceHeader]
}

// inTrace goes on with a trace; one that cannot be read is none.
func inTrace(ctx context.Context, trace string) context.Context {
	return propagation.TraceContext{}.Extract(ctx, propagation.MapCarrier{traceHeader: trace})
}
