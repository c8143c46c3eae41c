package main

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/hex"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	tracepb "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	spans "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/proto"

	"dunning/serve"
	"dunning/serve/ledger"
)

// collector keeps the spans that it is sent.
type collector struct {
	t     *testing.T
	mu    sync.Mutex
	spans map[string]*spans.Span // the last of each name
	raw   bytes.Buffer
}

// ServeHTTP takes an export.
func (c *collector) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	var in io.Reader = r.Body
	if r.Header.Get("Content-Encoding") == "gzip" {
		var err error
		if in, err = gzip.NewReader(r.Body); err != nil {
			c.t.Error(err)
			return
		}
	}
	b, err := io.ReadAll(in)
	var export tracepb.ExportTraceServiceRequest
	if err == nil {
		err = proto.Unmarshal(b, &export)
	}
	if err != nil || r.URL.Path != "/v1/traces" {
		c.t.Errorf("%s: %v", r.URL.Path, err)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.raw.Write(b)
	for _, resource := range export.ResourceSpans {
		for _, scope := range resource.ScopeSpans {
			for _, s := range scope.Spans {
				c.spans[s.Name] = s
			}
		}
	}
}

// TestTracing: requests and the ledger's writes reach a collector as one trace, and
// nothing of a person does. Without a collector nothing is traced.
func TestTracing(t *testing.T) {
	log := slog.New(slog.DiscardHandler)
	t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "")
	if off, _, err := startTracing(t.Context(), log); off != nil || err != nil {
		t.Fatalf("without an endpoint: %v, %v", off, err)
	}
	c := &collector{t: t, spans: map[string]*spans.Span{}}
	receiver := httptest.NewServer(c)
	defer receiver.Close()
	t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", receiver.URL)
	tracing, stop, err := startTracing(t.Context(), log)
	if err != nil {
		t.Fatal(err)
	}
	l, err := ledger.Open(t.Context(), ledger.Config{Path: filepath.Join(t.TempDir(), "dunning.db"), Clock: time.Now, Tracing: tracing})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	config := serve.DefaultConfig()
	config.Tracing = tracing
	server, err := serve.New(config, serve.Nothing{}, nil, l, log)
	if err != nil {
		t.Fatal(err)
	}
	person := &http.Client{Transport: server.Local("Fulana")}
	const parent = "4bf92f3577b34da6a3ce929d0e0e4736"
	req, _ := http.NewRequestWithContext(context.Background(), "POST", "http://home/v1/wallets", strings.NewReader(`{"wallet_id":"main","currency":"BRL","name":"Cofre da Fulana"}`))
	req.Header.Set("Idempotency-Key", "k1")
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("traceparent", "00-"+parent+"-00f067aa0ba902b7-01")
	for _, ask := range []func() (*http.Response, error){
		func() (*http.Response, error) { return person.Do(req) },
		func() (*http.Response, error) { return person.Get("http://home/v1/customers/c0000042/score") },
	} {
		res, err := ask()
		if err != nil || res.StatusCode >= 500 && res.StatusCode != 503 {
			t.Fatalf("%v, %v", res, err)
		}
	}
	stop()
	write, post, get := c.spans["ledger.write"], c.spans["POST /v1/wallets"], c.spans["GET /v1/customers/{id}/score"]
	if write == nil || post == nil || get == nil {
		t.Fatalf("spans: %v", c.spans)
	}
	if !bytes.Equal(write.ParentSpanId, post.SpanId) || !bytes.Equal(write.TraceId, post.TraceId) {
		t.Error("the write is not within its request")
	}
	if got := hex.EncodeToString(post.TraceId); got != parent {
		t.Errorf("the request is in the trace %s, not in its caller's", got)
	}
	for _, personal := range []string{"c0000042", "Fulana", "Cofre", "main"} {
		if bytes.Contains(c.raw.Bytes(), []byte(personal)) {
			t.Errorf("the collector learned %q", personal)
		}
	}
}
