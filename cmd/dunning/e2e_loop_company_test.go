package main

import (
	"bytes"
	"context"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"dunning/data"
	"dunning/data/synth"
	"dunning/serve"
	"dunning/serve/ledger"
)

// readTruth reads what each customer would do.
func (l *loop) readTruth() {
	l.truth = map[string][7]*synth.AsOfTruth{}
	for rows, err := range data.Scan[synth.AsOfTruth](filepath.Join(l.home, "truth", "asof.parquet")) {
		l.must(err)
		for _, r := range rows {
			days := l.truth[r.CustomerID]
			days[r.Day-l.end] = &r
			l.truth[r.CustomerID] = days
		}
	}
}

// readOpen reads what each customer owes.
func (l *loop) readOpen() {
	paid, open := map[string]int64{}, map[string]map[string]int64{}
	l.rows("payments", func(r map[string]string) { paid[r["invoice_id"]] += l.cents(r["amount_cents"]) })
	l.rows("invoices", func(r map[string]string) {
		left := l.cents(r["amount_cents"]) - paid[r["invoice_id"]]
		if left <= 0 || r["cancelled_on"] != "" {
			return
		}
		if open[r["customer_id"]] == nil {
			open[r["customer_id"]] = map[string]int64{}
		}
		open[r["customer_id"]][r["invoice_id"]] = left
	})
	l.open = open
}

func (l *loop) cents(text string) int64 {
	n, err := strconv.ParseInt(text, 10, 64)
	l.must(err)
	return n
}

// rows reads a table of the sources.
func (l *loop) rows(table string, row func(map[string]string)) {
	f, err := os.Open(filepath.Join(l.home, "sources", table+".csv"))
	l.must(err)
	defer f.Close()
	lines, err := csv.NewReader(f).ReadAll()
	l.must(err)
	for _, line := range lines[1:] {
		r := map[string]string{}
		for i, name := range lines[0] {
			r[name] = line[i]
		}
		row(r)
	}
}

// now is the time of the server.
func (l *loop) now() time.Time { return time.UnixMicro(l.clock.Load()).UTC() }

// serve starts a server as "dunning serve" does, but for its clock.
func (l *loop) serve() {
	ctx, cancel := context.WithCancel(context.Background())
	l.clock.Store(l.end.Time().Add(15 * time.Hour).UnixMicro())
	log := slog.New(slog.NewTextHandler(io.Discard, nil))
	var err error
	l.store, err = serve.OpenFiles(ctx, l.home, openModel, log, l.now)
	l.must(err)
	keys, err := serve.OpenKeys(ctx, l.home, l.now)
	l.must(err)
	for _, role := range serve.Roles {
		l.keys[role], _, err = keys.Create(ctx, role, "the "+string(role), 0)
		l.must(err)
	}
	engine, err := (&app{home: l.home}).policyEngine(log)
	l.must(err)
	l.ledger, err = serve.NewRechecker(l.store, engine).OpenLedger(ctx, ledger.Config{Path: filepath.Join(l.home, serve.DatabaseName), Clock: l.now})
	l.must(err)
	config := serve.DefaultConfig()
	config.Addr, config.Now, config.RatePerSecond, config.Burst = "127.0.0.1:0", l.now, 1e9, 1e9
	server, err := serve.New(config, l.store, keys, l.ledger, log)
	l.must(err)
	ln, err := server.Listen()
	l.must(err)
	l.url = "http://" + ln.Addr().String()
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(ctx, ln) }()
	l.t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			l.t.Error(err)
		}
		l.ledger.Close()
		keys.Close()
	})
}

// post sends a write that has to pass.
func (l *loop) post(role serve.Role, path string, body, into any) {
	l.t.Helper()
	l.n++
	text, err := json.Marshal(body)
	l.must(err)
	l.ask(role, "POST", path, bytes.NewReader(text), into)
}

// get reads.
func (l *loop) get(role serve.Role, path string, into any) {
	l.t.Helper()
	l.ask(role, "GET", path, nil, into)
}

func (l *loop) ask(role serve.Role, method, path string, body io.Reader, into any) {
	l.t.Helper()
	req, err := http.NewRequest(method, l.url+path, body)
	l.must(err)
	req.Header.Set("Authorization", "Bearer "+l.keys[role])
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
		req.Header.Set("Idempotency-Key", fmt.Sprint("write-", l.n))
	}
	res, err := http.DefaultClient.Do(req)
	l.must(err)
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	l.must(err)
	if res.StatusCode != 200 {
		l.t.Fatalf("%s %s: %d %s", method, path, res.StatusCode, text)
	}
	if into != nil {
		l.must(json.Unmarshal(text, into))
	}
}
