package web

import (
	"compress/gzip"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"dunning/credit/portfolio"
	"dunning/data"
)

// keptDay is the last day of the kept home (testdata/home).
var keptDay = data.MakeDate(2026, 1, 5)

var isoDay = regexp.MustCompile(`\b20\d\d-\d\d-\d\d`)

// kept reads a document of the kept home, with its days moved so that the last
// one is the tests' today.
func kept[T any](t testing.TB, name string) *T {
	t.Helper()
	f, err := os.Open(filepath.Join("testdata", "home", name+".json.gz"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(z)
	if err != nil {
		t.Fatal(err)
	}
	moved := isoDay.ReplaceAllStringFunc(string(text), func(s string) string {
		d, err := data.ParseDate(s)
		if err != nil {
			return s
		}
		return (d + today - keptDay).String()
	})
	out := new(T)
	if err := json.Unmarshal([]byte(moved), out); err != nil {
		t.Fatal(err)
	}
	return out
}

// demoReports are the kept home's, with the demo's own plan.
type demoReports struct{ now, before *Report }

func keptReports(t testing.TB, plan *data.PlanFigures) *demoReports {
	out := &demoReports{kept[Report](t, "report"), kept[Report](t, "report-before")}
	out.now.Plan, out.before.Plan = plan, plan
	return out
}

func (d *demoReports) Days() ([]data.Date, error) {
	return []data.Date{d.now.AsOf, d.before.AsOf}, nil
}

func (d *demoReports) Report(day data.Date) (*Report, error) {
	switch day {
	case d.now.AsOf:
		return d.now, nil
	case d.before.AsOf:
		return d.before, nil
	}
	return nil, fs.ErrNotExist
}

// demoHistories knows one customer, with the history of one of the kept home's.
type demoHistories struct{ one *History }

func (d demoHistories) History(_ context.Context, id string) (*History, error) {
	if id != d.one.Customer.CustomerID {
		return nil, nil
	}
	return d.one, nil
}

func (demoHistories) Similar(_ context.Context, prefix string, most int) (out []string, err error) {
	for i := 0; i < 1500 && len(out) < most; i++ {
		if strings.HasPrefix(customerID(i), prefix) {
			out = append(out, customerID(i))
		}
	}
	return out, nil
}

// demoBehaviours is how the kept home's customers behave.
type demoBehaviours struct {
	report *portfolio.Report
	making bool
}

func (d *demoBehaviours) Behaviour(context.Context) (*portfolio.Report, bool, error) {
	return d.report, d.making, nil
}

// demoModels has a version in force and a challenger that the gate lets pass
// unless it is shut.
type demoModels struct {
	champion string
	shut     bool
	details  []*ModelDetail // the latest first
	gate     *GateVerdict   // a refusal
	deeds    []ModelDeed
}

func keptModels(t testing.TB) *demoModels {
	m := &demoModels{champion: "aaaa1111aaaa1111", details: []*ModelDetail{kept[ModelDetail](t, "challenger"), kept[ModelDetail](t, "champion")},
		gate: kept[GateVerdict](t, "gate"), deeds: *kept[[]ModelDeed](t, "deeds")}
	// The clock of the kept home went on while its days stood still.
	for _, d := range m.details {
		d.RegisteredAt, d.RegisteredBy = d.AsOf.Time().Add(9*time.Hour), "pipeline"
	}
	for i := range m.deeds {
		m.deeds[i].At, m.deeds[i].By = nine, "pipeline"
	}
	return m
}

func (m *demoModels) Versions(context.Context) ([]ModelVersion, error) {
	var out []ModelVersion
	for _, d := range m.details {
		v := d.ModelVersion
		if v.Alias = "challenger"; v.ID == m.champion {
			v.Alias = "champion"
		}
		out = append(out, v)
	}
	return out, nil
}

func (m *demoModels) Version(ctx context.Context, id string) (*ModelDetail, error) {
	list, _ := m.Versions(ctx)
	for i, d := range m.details {
		if d.ID == id {
			out := *d
			out.ModelVersion = list[i]
			return &out, nil
		}
	}
	return nil, nil
}

func (m *demoModels) Deeds(context.Context) ([]ModelDeed, error) { return m.deeds, nil }

func (m *demoModels) Gate(_ context.Context, id string) (*GateVerdict, error) {
	out := &GateVerdict{Version: id, Champion: m.gate.Champion, OK: !m.shut}
	for _, c := range m.gate.Checks {
		if !c.OK && !m.shut {
			figure := 0.0
			c.OK, c.Figure = true, &figure
		}
		out.Checks = append(out.Checks, c)
	}
	return out, nil
}

func (m *demoModels) Promote(ctx context.Context, id, _, _ string) (*GateVerdict, error) {
	g, _ := m.Gate(ctx, id)
	if !g.OK {
		return g, fmt.Errorf("%w: the gate", data.ErrRefused)
	}
	m.champion = id
	return g, nil
}

func (m *demoModels) Rollback(context.Context, string, string) (from, to string, err error) {
	from, m.champion = m.champion, "aaaa1111aaaa1111"
	return from, m.champion, nil
}
