package serve

import (
	"context"
	"net/http"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"
)

// traced begins a span for each request, within the caller's trace where he sent
// one (traceparent). What the request was about is known only at its end.
func (s *Server) traced(next http.Handler) http.Handler {
	if s.config.Tracing == nil {
		return next
	}
	tracer := s.config.Tracing.Tracer("dunning/serve")
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ctx := propagation.TraceContext{}.Extract(r.Context(), propagation.HeaderCarrier(r.Header))
		ctx, span := tracer.Start(ctx, "request", trace.WithSpanKind(trace.SpanKindServer))
		defer span.End()
		next.ServeHTTP(w, r.WithContext(ctx))
	})
}

// endSpan says what a request was: its route's pattern, never the values in it.
func endSpan(ctx context.Context, method, route string, status int, id string) {
	span := trace.SpanFromContext(ctx)
	span.SetName(method + " " + route)
	span.SetAttributes(attribute.String("http.request.method", method), attribute.String("http.route", route),
		attribute.Int("http.response.status_code", status), attribute.String("dunning.request_id", id))
	if status >= http.StatusInternalServerError {
		span.SetStatus(codes.Error, "")
	}
}
