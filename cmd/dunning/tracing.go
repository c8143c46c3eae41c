package main

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"time"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"

	"dunning/data"
)

// traceGrace bounds how long a stop waits for the collector.
const traceGrace = 5 * time.Second

// startTracing sends spans to the collector that the standard variables of
// OpenTelemetry name (OTEL_EXPORTER_OTLP_ENDPOINT, or …_TRACES_ENDPOINT). Without
// one it returns nil: nothing is traced. stop sends what is left.
func startTracing(ctx context.Context, log *slog.Logger) (tracing trace.TracerProvider, stop func(), err error) {
	named := os.Getenv("OTEL_EXPORTER_OTLP_ENDPOINT") + os.Getenv("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")
	if named == "" || os.Getenv("OTEL_SDK_DISABLED") == "true" || os.Getenv("OTEL_TRACES_EXPORTER") == "none" {
		return nil, func() {}, nil
	}
	exporter, err := otlptracehttp.New(ctx) // reads the rest of the variables
	if err != nil {
		return nil, nil, fmt.Errorf("%w: OpenTelemetry: %w", data.ErrUsage, err)
	}
	what, err := resource.New(ctx, resource.WithAttributes(attribute.String("service.name", "dunning")), resource.WithTelemetrySDK(), resource.WithFromEnv())
	if err != nil {
		return nil, nil, fmt.Errorf("%w: OpenTelemetry: %w", data.ErrUsage, err)
	}
	otel.SetErrorHandler(otel.ErrorHandlerFunc(func(err error) { log.Warn("spans were not sent", "error", err) }))
	provider := sdktrace.NewTracerProvider(sdktrace.WithBatcher(exporter), sdktrace.WithResource(what))
	return provider, func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), traceGrace)
		defer cancel()
		if err := provider.Shutdown(ctx); err != nil {
			log.Warn("spans were not sent", "error", err)
		}
	}, nil
}
