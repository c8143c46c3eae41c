package pipeline

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"dunning/data"
	"dunning/models/cashflow"
	"dunning/models/segments"
)

// keptFolder is where the first forecast of each day stays as it was made, so
// that what came can be held against what was said before it came.
const keptFolder = "forecasts/kept"

// keptForecast is a forecast of an earlier day.
type keptForecast struct {
	asOf data.Date
	rows []data.ReceiptsRow
}

// keepForecast keeps the rows, unless a forecast of the day is kept already: it
// is never replaced.
func keepForecast(home string, asOf data.Date, rows []data.ReceiptsRow) error {
	dir := filepath.Join(home, filepath.FromSlash(keptFolder))
	if err := makeDir(dir); err != nil {
		return err
	}
	path := filepath.Join(dir, asOf.String()+".parquet")
	if _, err := os.Lstat(path); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if _, err := data.Write(path, rows); err != nil {
		return err
	}
	return data.SyncDir(dir)
}

// prepareForecast reads the kept forecasts of earlier days within two horizons:
// they are part of the stage's key.
func prepareForecast(_ context.Context, w *Work) (map[string]string, error) {
	var kept []keptForecast
	hashes := map[string]string{}
	defer func() { w.prepared = kept }()
	dir := filepath.Join(w.Home, filepath.FromSlash(keptFolder))
	entries, err := os.ReadDir(dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	for _, e := range entries {
		asOf, err := data.ParseDate(strings.TrimSuffix(e.Name(), ".parquet"))
		if err != nil || asOf >= w.AsOf || asOf < w.AsOf-2*receiptsDays {
			continue
		}
		path := filepath.Join(dir, e.Name())
		rows, err := data.Read[data.ReceiptsRow](path)
		if err != nil {
			return nil, err
		}
		if hashes["kept "+asOf.String()], err = w.hashes.hash(path); err != nil {
			return nil, err
		}
		kept = append(kept, keptForecast{asOf, rows})
	}
	return hashes, nil
}

// note adds what one customer paid since the forecast, by segment of its day.
func (k *keptForecast) note(came map[string][]float64, one *cashflow.Book, asOf data.Date) {
	n := min(int(asOf-k.asOf), receiptsDays)
	for s, days := range one.Receipts(k.asOf, k.asOf, n) {
		for d, x := range days {
			if x == 0 {
				continue
			}
			for _, name := range []string{data.ReceiptsAll, string(segments.Keys[s])} {
				if came[name] == nil {
					came[name] = make([]float64, receiptsDays)
				}
				came[name][d] += x
			}
		}
	}
}

// outcomes are the rows of kept forecasts whose days are all known.
func (f *forecaster) outcomes() []data.ReceiptsOutcome {
	out := []data.ReceiptsOutcome{}
	for i, k := range f.past {
		for _, r := range k.rows {
			if r.From+data.Date(r.Days) > f.w.AsOf || r.From < k.asOf || int(r.From-k.asOf)+int(r.Days) > receiptsDays {
				continue
			}
			came := 0.0
			for _, p := range f.parts {
				if days := p.came[i][r.Segment]; days != nil {
					for _, x := range days[r.From-k.asOf : r.From-k.asOf+data.Date(r.Days)] {
						came += x
					}
				}
			}
			out = append(out, data.ReceiptsOutcome{ReceiptsRow: r, CameCents: data.RoundCents(came)})
		}
	}
	return out
}

// sumReceipts sums up the weeks of the whole, by forecast.
func sumReceipts(outcomes []data.ReceiptsOutcome) []data.ReceiptsPast {
	var out []data.ReceiptsPast
	for _, o := range outcomes {
		if o.Grain != cashflow.Weekly.String() || o.Segment != data.ReceiptsAll {
			continue
		}
		if len(out) == 0 || out[len(out)-1].AsOf != o.AsOf {
			out = append(out, data.ReceiptsPast{AsOf: o.AsOf})
		}
		p := &out[len(out)-1]
		p.Weeks++
		p.ExpectedCents += o.ExpectedCents
		p.CameCents += o.CameCents
		if o.CameCents >= o.LowCents && o.CameCents <= o.HighCents {
			p.Held++
		}
	}
	return out
}
