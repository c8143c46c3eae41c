package serve_test

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"dunning/data"
	"dunning/serve"
)

func quiet() *slog.Logger { return slog.New(slog.NewTextHandler(io.Discard, nil)) }

// BenchmarkCustomerScore answers GET /v1/customers/{id}/score through the whole
// handler: key from SQLite, limits, lookup, JSON, log, metrics.
func BenchmarkCustomerScore(b *testing.B) {
	for _, n := range []int{1_000, 100_000} {
		b.Run(fmt.Sprintf("customers=%d", n), func(b *testing.B) {
			h := newHome(b)
			h.scores(dayOne, scoreRows(n, dayOne))
			server, key, store := bare(b, h)
			i := 0
			for b.Loop() {
				i = (i + 7919) % n
				req := httptest.NewRequest("GET", fmt.Sprintf("/v1/customers/c%07d/score", i), nil)
				req.Header.Set("Authorization", "Bearer "+key)
				w := httptest.NewRecorder()
				server.ServeHTTP(w, req)
				if w.Code != 200 {
					b.Fatalf("%d %s", w.Code, w.Body)
				}
			}
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "requests/s")
			runtime.KeepAlive(store)
		})
	}
}

// BenchmarkFind is the lookup alone.
func BenchmarkFind(b *testing.B) {
	for _, n := range []int{1_000, 100_000, 1_000_000} {
		b.Run(fmt.Sprintf("customers=%d", n), func(b *testing.B) {
			h := newHome(b)
			rows := scoreRows(n, dayOne)
			slices.SortFunc(rows, func(a, b data.Score) int { return strings.Compare(a.CustomerID, b.CustomerID) }) // as the score stage writes them
			h.scores(dayOne, rows)
			rows = nil
			before := heap()
			begin := time.Now()
			store, err := serve.OpenFiles(context.Background(), h.dir, nil, quiet(), nil)
			h.must(err)
			load := time.Since(begin)
			after := heap()
			ids := make([]string, 1024)
			for i := range ids {
				ids[i] = fmt.Sprintf("c%07d", i*7919%n)
			}
			i := 0
			for b.Loop() {
				if _, ok := store.Scores().Find(ids[i&1023]); !ok {
					b.Fatal("not found")
				}
				i++
			}
			b.ReportMetric((after-before)/float64(n), "B/customer")
			b.ReportMetric(load.Seconds(), "load-s")
		})
	}
}

// heap returns the live heap in bytes, after pools were emptied too.
func heap() float64 {
	for range 3 {
		runtime.GC()
	}
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return float64(m.HeapAlloc)
}

// BenchmarkScoreBatch decodes and scores 1,000 rows of 60 columns.
func BenchmarkScoreBatch(b *testing.B) {
	h := newHome(b)
	h.model("m1", map[string]float64{"f_a": 0.5, "f_b": 0.25})
	server, key, _ := bare(b, h)
	var body strings.Builder
	body.WriteString(`{"columns":["f_a","f_b"`)
	for j := range 58 {
		fmt.Fprintf(&body, `,"f_%d"`, j)
	}
	row := "[0.123" + strings.Repeat(",1.2345", 58) + ",null]"
	body.WriteString(`],"rows":[` + row + strings.Repeat(","+row, 999) + `]}`)
	for b.Loop() {
		req := httptest.NewRequest("POST", "/v1/score", strings.NewReader(body.String()))
		req.Header.Set("Authorization", "Bearer "+key)
		w := httptest.NewRecorder()
		server.ServeHTTP(w, req)
		if w.Code != 200 {
			b.Fatalf("%d %s", w.Code, w.Body)
		}
	}
	b.ReportMetric(float64(b.N)*1000/b.Elapsed().Seconds(), "rows/s")
}

func bare(b *testing.B, h *home) (http.Handler, string, *serve.FileStore) {
	b.Helper()
	ctx := context.Background()
	store, err := serve.OpenFiles(ctx, h.dir, openLinear, quiet(), nil)
	h.must(err)
	keys, err := serve.OpenKeys(ctx, h.dir, nil)
	h.must(err)
	b.Cleanup(func() { keys.Close() })
	secret, _, err := keys.Create(ctx, serve.Admin, "bench", 0)
	h.must(err)
	config := serve.DefaultConfig()
	config.RatePerSecond, config.Burst = 1e9, 1e9
	server, err := serve.New(config, store, keys, nil, quiet())
	h.must(err)
	return server.Handler(), secret, store
}
