package serve_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"dunning/data"
	"dunning/serve"
)

// publishForecast publishes a forecast as the stage does and returns its folder.
func publishForecast(h *home, asOf data.Date) string {
	h.t.Helper()
	f := data.Receipts{AsOf: asOf, PlanID: "plan-1", ModelVersion: "m1", Nominal: .9, Past: []data.ReceiptsPast{{AsOf: asOf - 7, Weeks: 1, ExpectedCents: 90, CameCents: 100, Held: 1}}}
	for _, grain := range []struct {
		name    string
		n, days int
	}{{"week", 6, 7}, {"day", 42, 1}} {
		for k, segment := range []string{data.ReceiptsAll, "novo", "devedor"} {
			for i := range grain.n {
				mean := data.Cents(1000 * grain.days / (k + 1))
				f.Rows = append(f.Rows, data.ReceiptsRow{AsOf: asOf, Grain: grain.name, Segment: segment, From: asOf + data.Date(i*grain.days), Days: int32(grain.days),
					ExpectedCents: mean, LowCents: mean / 2, HighCents: 2 * mean, PlanCents: 30, UsualCents: 10, WithPlanCents: mean + 20})
			}
		}
	}
	dir := publish(h, "forecasts", asOf, "receipts.parquet", f.Rows)
	b, err := json.Marshal(f)
	h.must(err)
	h.must(os.WriteFile(filepath.Join(dir, "receipts.json"), b, 0o644))
	file, err := data.Stat(filepath.Join(dir, "receipts.json"), 0)
	h.must(err)
	m, err := data.ReadManifest(dir)
	h.must(err)
	m.Files = append(m.Files, file)
	h.must(data.WriteManifest(dir, m))
	return dir
}

// TestForecastAnswers: the rows that are asked for, of the day that is asked for,
// with what they were made by; a damaged one is refused.
func TestForecastAnswers(t *testing.T) {
	h := furnished(t)
	r := start(t, h, nil)
	manager := r.roles[serve.Manager]
	if a := r.ask("GET", "/v1/forecast", manager, ""); a.status != 503 {
		t.Fatalf("without a forecast: %d %s", a.status, a.body)
	}
	publishForecast(h, dayOne)
	newest := publishForecast(h, dayTwo)
	r.store.Refresh(t.Context())
	for _, tc := range []struct {
		query   string
		asOf    data.Date
		rows    int
		segment string // of the last row
	}{
		{"", dayTwo, 6, "all"},
		{"?grain=day", dayTwo, 42, "all"},
		{"?segment=devedor", dayTwo, 6, "devedor"},
		{"?segment=*&grain=day", dayTwo, 126, "devedor"},
		{"?as_of=" + dayOne.String() + "&segment=novo", dayOne, 6, "novo"},
	} {
		f := good[serve.Forecast](t, r.ask("GET", "/v1/forecast"+tc.query, manager, ""))
		if f.AsOf != tc.asOf || len(f.Rows) != tc.rows || f.Rows[len(f.Rows)-1].Segment != tc.segment || f.Rows[0].From != tc.asOf {
			t.Errorf("%q: %s, %d rows, %+v", tc.query, f.AsOf, len(f.Rows), f.Rows[len(f.Rows)-1])
		}
		if len(f.Version) != 64 || f.ModelVersion != "m1" || f.PlanID != "plan-1" || f.Nominal != .9 || len(f.Past) != 1 || f.Rows[0].LowCents >= f.Rows[0].ExpectedCents {
			t.Errorf("%q: %+v", tc.query, f)
		}
	}
	for query, want := range map[string]int{"?grain=month": 400, "?segment=gold": 400, "?as_of=yesterday": 400, "?as_of=2020-01-01": 404, "?weeks=3": 400} {
		if a := r.ask("GET", "/v1/forecast"+query, manager, ""); a.status != want {
			t.Errorf("%q: %d, want %d: %s", query, a.status, want, a.body)
		}
	}
	if a := r.ask("GET", "/v1/forecast?segment=gold", manager, ""); !strings.Contains(a.body, "all, novo, devedor") {
		t.Errorf("which segments there are: %s", a.body)
	}
	if a := r.ask("GET", "/v1/forecast", r.roles[serve.Dispatcher], ""); a.status != 403 {
		t.Errorf("a dispatcher: %d", a.status)
	}
	h.must(os.WriteFile(filepath.Join(newest, "receipts.json"), []byte(`{"as_of":"2026-03-10"}`), 0o644))
	r.store.Refresh(t.Context())
	if f := good[serve.Forecast](t, r.ask("GET", "/v1/forecast", manager, "")); f.AsOf != dayTwo || len(f.Rows) != 6 {
		t.Errorf("a damaged one took the place of the one served: %+v", f)
	}
	again := start(t, h, nil)
	if f := good[serve.Forecast](t, again.ask("GET", "/v1/forecast", again.roles[serve.Manager], "")); f.AsOf != dayOne {
		t.Errorf("a damaged one is served after a new start: %s", f.AsOf)
	}
	if a := again.ask("GET", "/v1/forecast?as_of="+dayTwo.String(), again.roles[serve.Manager], ""); a.status != 503 {
		t.Errorf("a damaged one by its day: %d %s", a.status, a.body)
	}
}
