package worker

import (
	"fmt"

	"go.opentelemetry.io/otel/propagation"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/contrib/opentelemetry"
	"go.temporal.io/sdk/interceptor"

	"crosswalk/telemetry"
)

// observe lets Temporal's SDK count, and carry traces from whoever starts a case over its workflow to its activities.
// The headers that carry them are no commands: histories replay with them and without.
func observe(o *client.Options, t *telemetry.Telemetry) error {
	if t == nil {
		return nil
	}
	o.MetricsHandler = opentelemetry.NewMetricsHandler(opentelemetry.MetricsHandlerOptions{Meter: t.Meters().Meter("temporal")})
	if !t.Tracing() {
		return nil
	}
	tracing, err := opentelemetry.NewTracingInterceptor(opentelemetry.TracerOptions{Tracer: t.Tracer(), TextMapPropagator: propagation.TraceContext{}})
	if err != nil {
		return fmt.Errorf("worker: traces: %w", err)
	}
	o.Interceptors = append(o.Interceptors, interceptor.ClientInterceptor(tracing))
	return nil
}
