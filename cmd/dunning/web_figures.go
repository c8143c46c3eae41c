package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"dunning/data"
	"dunning/features"
	"dunning/models/registry"
	"dunning/pipeline"
	"dunning/serve/web"
)

// reportFiles are the reports of a home. Each is read once for as long as its
// file stays the same.
type reportFiles struct {
	home string
	mu   sync.Mutex
	read map[data.Date]readReport
}

type readReport struct {
	changed time.Time
	report  *web.Report
}

// reportsKept bounds the reports in memory.
const reportsKept = 16

// reportName is the report's file for programs.
const reportName = "report.json"

func (r *reportFiles) folder(day data.Date) string {
	return pipeline.ReportStage().FolderOf(r.home, day)
}

// Days lists the days with a report.
func (r *reportFiles) Days() ([]data.Date, error) {
	entries, err := os.ReadDir(filepath.Dir(r.folder(0)))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("reports: %w", err)
	}
	var out []data.Date
	for _, e := range entries {
		if day, err := data.ParseDate(e.Name()); err == nil {
			out = append(out, day)
		}
	}
	slices.Sort(out)
	slices.Reverse(out)
	return out, nil
}

// Report reads the report of a day.
func (r *reportFiles) Report(day data.Date) (*web.Report, error) {
	path := filepath.Join(r.folder(day), reportName)
	info, err := os.Stat(path)
	if err != nil {
		return nil, fmt.Errorf("reports: %w", err)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if known, ok := r.read[day]; ok && known.changed.Equal(info.ModTime()) {
		return known.report, nil
	}
	b, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("reports: %w", err)
	}
	out := &web.Report{}
	if err := json.Unmarshal(b, out); err != nil {
		return nil, fmt.Errorf("%s: %w: %w", path, data.ErrDamagedFile, err)
	}
	if r.read == nil || len(r.read) >= reportsKept {
		r.read = map[data.Date]readReport{}
	}
	r.read[day] = readReport{info.ModTime(), out}
	return out, nil
}

// lakeHistories are the customers of a home's lake.
type lakeHistories struct{ home string }

func (l *lakeHistories) open() (pipeline.Output, error) {
	return pipeline.OpenOutput(pipeline.ExtractStage().FolderOf(l.home, 0))
}

// History reads one customer: of one partition of the lake, his rows.
func (l *lakeHistories) History(ctx context.Context, customerID string) (*web.History, error) {
	in, err := l.open()
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	part := features.PartName(data.Partition(customerID, len(in.Parts("customers"))))
	path := func(table string) string { return filepath.Join(in.Dir, table, part) }
	customers, err := rowsOf(ctx, path("customers"), customerID, func(r *data.Customer) string { return r.CustomerID })
	if err != nil || len(customers) == 0 {
		return nil, err
	}
	h := features.History{Customer: customers[0]}
	var errs [6]error
	h.Invoices, errs[0] = rowsOf(ctx, path("invoices"), customerID, func(r *data.Invoice) string { return r.CustomerID })
	h.Payments, errs[1] = rowsOf(ctx, path("payments"), customerID, func(r *data.Payment) string { return r.CustomerID })
	h.Touches, errs[2] = rowsOf(ctx, path("touches"), customerID, func(r *data.Touch) string { return r.CustomerID })
	h.Events, errs[3] = rowsOf(ctx, path("touch_events"), customerID, func(r *data.TouchEvent) string { return r.CustomerID })
	h.Promises, errs[4] = rowsOf(ctx, path("promises"), customerID, func(r *data.Promise) string { return r.CustomerID })
	if len(in.Parts("disputes")) > 0 { // a lake of an older program has none
		h.Disputes, errs[5] = rowsOf(ctx, path("disputes"), customerID, func(r *data.Dispute) string { return r.CustomerID })
	}
	if err := errors.Join(errs[:]...); err != nil {
		return nil, err
	}
	return historyOf(features.NewHistory(h)), nil
}

// rowsOf reads the rows of one customer from a table of the lake, which is in the
// order of the customers.
func rowsOf[T any](ctx context.Context, path, customerID string, id func(*T) string) ([]T, error) {
	var out []T
	for batch, err := range data.ScanFrom[T](path, "customer_id", customerID) {
		if err == nil {
			err = ctx.Err()
		}
		if err != nil {
			return nil, err
		}
		for i := range batch {
			if id(&batch[i]) != customerID {
				return out, nil
			}
			out = append(out, batch[i])
		}
	}
	return out, nil
}

// historyOf arranges a customer's rows, the latest first.
func historyOf(h *features.History) *web.History {
	out := &web.History{Customer: h.Customer, Promises: slices.Clone(h.Promises)}
	byInvoice := map[string][]data.Payment{}
	for _, p := range h.Payments {
		byInvoice[p.InvoiceID] = append(byInvoice[p.InvoiceID], p)
	}
	for _, v := range h.Invoices {
		one := web.InvoiceHistory{Invoice: v, Payments: byInvoice[v.InvoiceID]}
		for _, p := range one.Payments {
			one.PaidCents += p.AmountCents
		}
		out.Invoices = append(out.Invoices, one)
	}
	slices.SortStableFunc(out.Invoices, func(a, b web.InvoiceHistory) int { return int(b.DueOn) - int(a.DueOn) })
	byTouch := map[string][]data.TouchEvent{}
	for _, e := range h.Events {
		byTouch[e.TouchID] = append(byTouch[e.TouchID], e)
	}
	for _, t := range h.Touches {
		if t.Channel == data.Hold {
			continue // a decision not to contact
		}
		events := byTouch[t.TouchID]
		slices.SortStableFunc(events, func(a, b data.TouchEvent) int { return a.At.Compare(b.At) })
		out.Touches = append(out.Touches, web.TouchHistory{Touch: t, Events: events})
	}
	slices.SortStableFunc(out.Touches, func(a, b web.TouchHistory) int { return b.SentAt.Compare(a.SentAt) })
	slices.SortStableFunc(out.Promises, func(a, b data.Promise) int { return b.MadeAt.Compare(a.MadeAt) })
	return out
}

// modelVersions are the versions of a home's models.
type modelVersions struct{ a *app }

// Versions lists them.
func (m *modelVersions) Versions(context.Context) ([]web.ModelVersion, error) {
	s := pipeline.Models(m.a.home)
	list, err := s.List()
	if err != nil {
		return nil, err
	}
	var out []web.ModelVersion
	for _, v := range list {
		t, err := pipeline.OpenTrained(s, v.ID)
		if err != nil {
			return nil, err
		}
		out = append(out, versionOf(v, t))
	}
	return out, nil
}

func versionOf(v registry.Status, t *pipeline.TrainedVersion) web.ModelVersion {
	scores := t.Evaluation.Payment.Models
	return web.ModelVersion{ID: v.ID, Alias: v.Alias, AsOf: v.AsOf, RegisteredAt: v.RegisteredAt, RegisteredBy: v.RegisteredBy,
		AUC: scores[0].AUC, LogLoss: scores[0].LogLoss, BaseLogLoss: scores[len(scores)-1].LogLoss, Alarms: len(t.Evaluation.Health.Alarms)}
}

// Version returns one with what its training found out.
func (m *modelVersions) Version(_ context.Context, id string) (*web.ModelDetail, error) {
	s := pipeline.Models(m.a.home)
	list, err := s.List()
	if err != nil {
		return nil, err
	}
	at := slices.IndexFunc(list, func(v registry.Status) bool { return v.ID == id })
	if at < 0 {
		return nil, nil
	}
	t, err := pipeline.OpenTrained(s, id)
	if err != nil {
		return nil, err
	}
	out := &web.ModelDetail{ModelVersion: versionOf(list[at], t), Seed: t.Seed, ConfigHash: t.ConfigHash, CodeHash: t.CodeHash,
		FeatureHash: t.FeatureHash, DataHashes: t.DataHashes}
	card, err := os.ReadFile(filepath.Join(s.Dir(id), "card.md"))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("models: %w", err)
	}
	out.Card = string(bytes.TrimSpace(card))
	out.Evaluation, out.Uplift, out.Health = t.Evaluation.Payment, t.Evaluation.Uplift, t.Evaluation.Health
	return out, nil
}

// Deeds lists the journal.
func (m *modelVersions) Deeds(context.Context) ([]web.ModelDeed, error) {
	entries, err := pipeline.Models(m.a.home).Journal()
	if err != nil {
		return nil, err
	}
	var out []web.ModelDeed
	for _, e := range slices.Backward(entries) {
		out = append(out, web.ModelDeed{At: e.At, Deed: string(e.Deed), Version: e.Version, Previous: e.Previous, By: e.By, Why: e.Why})
	}
	return out, nil
}

// Gate asks the gate.
func (m *modelVersions) Gate(ctx context.Context, id string) (*web.GateVerdict, error) {
	g, err := pipeline.Gate(ctx, m.a.home, id)
	if err != nil {
		return nil, err
	}
	return verdictOf(g), nil
}

func verdictOf(g pipeline.GateResult) *web.GateVerdict {
	out := &web.GateVerdict{Version: g.Version, Champion: g.Champion, OK: g.OK}
	for _, c := range g.Checks {
		out.Checks = append(out.Checks, web.GateCheck(c))
	}
	return out
}

// Promote puts a version into force.
func (m *modelVersions) Promote(ctx context.Context, id, by, why string) (*web.GateVerdict, error) {
	config, err := m.a.loadConfig()
	if err != nil {
		return nil, err
	}
	g, err := pipeline.PromoteBy(ctx, m.a.home, config, id, by, why)
	return verdictOf(g), err
}

// Rollback withdraws the version in force.
func (m *modelVersions) Rollback(_ context.Context, by, why string) (from, to string, err error) {
	return pipeline.Models(m.a.home).Rollback(by, why)
}

// customerKey is all that a search reads of a customer.
type customerKey struct {
	CustomerID string `parquet:"customer_id"`
}

// Similar lists ids that begin with a text, as the lake has them.
func (l *lakeHistories) Similar(ctx context.Context, prefix string, most int) ([]string, error) {
	in, err := l.open()
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var out []string
	for _, part := range in.Parts("customers") {
		found := 0 // each part is in the order of the ids
		for batch, err := range data.ScanFrom[customerKey](in.Path(part.Name), "customer_id", prefix) {
			if err == nil {
				err = ctx.Err()
			}
			if err != nil {
				return nil, err
			}
			for _, c := range batch {
				if !strings.HasPrefix(c.CustomerID, prefix) || found >= most {
					found = most
					break
				}
				out = append(out, c.CustomerID)
				found++
			}
			if found >= most {
				break
			}
		}
	}
	slices.Sort(out)
	return out[:min(most, len(out))], nil
}
