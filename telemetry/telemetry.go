// Package telemetry tells operators what happens: counts and durations for Prometheus, traces for OpenTelemetry, and
// lines of a log with stable names. It knows none of our other packages. No label, span or line holds personal data or
// a secret: they name use cases, systems, operations, classes and ids that are ours.
package telemetry

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracegrpc"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	exporter "go.opentelemetry.io/otel/exporters/prometheus"
	"go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"
	"go.opentelemetry.io/otel/trace/noop"
)

// Telemetry is that of one process. A nil *Telemetry counts and traces nothing, so that tests and small programs need
// none.
type Telemetry struct {
	metrics
	registry *prometheus.Registry
	meters   *metric.MeterProvider
	traces   *sdktrace.TracerProvider // nil: off
}

// New begins to count for a process in a role, of a release. Traces are sent if the environment names where to:
// OTEL_EXPORTER_OTLP_ENDPOINT or OTEL_EXPORTER_OTLP_TRACES_ENDPOINT, and the other variables of the OTLP exporter.
func New(ctx context.Context, role, version string) (*Telemetry, error) {
	t := &Telemetry{registry: prometheus.NewRegistry()}
	t.metrics = newMetrics(t.registry, role, version)
	t.registry.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	reader, err := exporter.New(exporter.WithRegisterer(t.registry), exporter.WithoutTargetInfo(), exporter.WithoutScopeInfo())
	if err != nil {
		return nil, fmt.Errorf("telemetry: %w", err)
	}
	t.meters = metric.NewMeterProvider(metric.WithReader(reader))
	if t.traces, err = tracesOf(ctx, role, version); err != nil {
		return nil, fmt.Errorf("telemetry: traces: %w", err)
	}
	return t, nil
}

// tracesOf is nil if the environment names nowhere to send them.
func tracesOf(ctx context.Context, role, version string) (*sdktrace.TracerProvider, error) {
	if os.Getenv("OTEL_SDK_DISABLED") == "true" || os.Getenv("OTEL_TRACES_EXPORTER") == "none" ||
		os.Getenv("OTEL_EXPORTER_OTLP_ENDPOINT") == "" && os.Getenv("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT") == "" {
		return nil, nil
	}
	protocol := os.Getenv("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL")
	if protocol == "" {
		protocol = os.Getenv("OTEL_EXPORTER_OTLP_PROTOCOL")
	}
	var sender sdktrace.SpanExporter
	var err error
	switch protocol {
	case "grpc":
		sender, err = otlptracegrpc.New(ctx)
	case "", "http/protobuf":
		sender, err = otlptracehttp.New(ctx)
	default:
		return nil, fmt.Errorf("OTEL_EXPORTER_OTLP_PROTOCOL is %q, must be grpc or http/protobuf", protocol)
	}
	if err != nil {
		return nil, err
	}
	// What OTEL_SERVICE_NAME and OTEL_RESOURCE_ATTRIBUTES say goes before ours.
	about, err := resource.Merge(resource.NewSchemaless(text("service.name", "crosswalk-"+role), text("service.version", version)), resource.Environment())
	if err != nil {
		return nil, err
	}
	return sdktrace.NewTracerProvider(sdktrace.WithBatcher(sender), sdktrace.WithResource(about)), nil
}

// Close sends what has not been sent.
func (t *Telemetry) Close(ctx context.Context) error {
	if t == nil {
		return nil
	}
	errs := []error{t.meters.Shutdown(ctx)}
	if t.traces != nil {
		errs = append(errs, t.traces.Shutdown(ctx))
	}
	return errors.Join(errs...)
}

// Handler serves what was counted, for Prometheus.
func (t *Telemetry) Handler() http.Handler {
	return promhttp.HandlerFor(t.registry, promhttp.HandlerOpts{Timeout: 10 * time.Second})
}

// Meters are what Temporal's SDK counts with; nil without telemetry.
func (t *Telemetry) Meters() *metric.MeterProvider {
	if t == nil {
		return nil
	}
	return t.meters
}

// Tracing tells whether traces are sent.
func (t *Telemetry) Tracing() bool { return t != nil && t.traces != nil }

// Tracer makes spans; they go nowhere if traces are off.
func (t *Telemetry) Tracer() trace.Tracer {
	if !t.Tracing() {
		return noop.NewTracerProvider().Tracer("crosswalk")
	}
	return t.traces.Tracer("crosswalk")
}
