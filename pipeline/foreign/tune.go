package foreign

import (
	"context"
	"fmt"
	"strings"

	"dunning/data"
	"dunning/models"
	"dunning/models/tune"
)

// TuneReport is what a search on a foreign table found.
type TuneReport struct {
	Table    string `json:"table"`
	Outcome  string `json:"outcome"`
	Test     string `json:"test"` // the split whose test rows were not touched
	TestRows int    `json:"test_rows"`
	Rows     int    `json:"rows"` // of the search and its confirmation
	Features int    `json:"features"`
	*tune.Report
}

// Tune searches the parameters of the boosted trees of [Train], all that
// [Params] holds. It sets aside the test rows of the roles' split, of which
// neither labels nor columns play a part: those of time:DATE, order:SHARE or
// random:SHARE; for folds, where every row is in some test, those of
// random:0.2. The rest is cut by time where the split is, and dealt at random
// otherwise. A treatment column is no feature. workers is the number of trials
// at a time. Errors are those of [Train] and of [tune.Run].
func Tune(ctx context.Context, r Roles, workers int, o tune.Options, progress func(string)) (*TuneReport, error) {
	if err := r.check(false); err != nil {
		return nil, err
	}
	if r.Split == "" || strings.HasPrefix(r.Split, "folds:") {
		r.Split = "random:0.2"
	}
	plan, err := parseSplit(r.Split)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", data.ErrUsage, err)
	}
	progress = orSilent(progress)
	whole, err := readPrepared(ctx, r, true, progress)
	if err != nil {
		return nil, err
	}
	rounds, err := whole.rounds(r)
	if err != nil {
		return nil, err
	}
	test := rounds[0][0].test
	rows := rounds[0][0].train
	// Which columns look like leaks is seen on the rows that are left.
	p, err := prepare(whole.table.take(rows), r, true)
	if err != nil {
		return nil, err
	}
	base := r.Params.xgb(r.Seed).WithDefaults()
	problem := &tune.Problem{X: p.trees, Y: p.y, Unit: p.unit, Base: base}
	all := models.Without(len(rows), nil)
	switch plan.kind {
	case "time":
		known := p.matured
		if known == nil {
			known = p.time
		}
		problem.Folds, err = tune.Rolling(all, p.time, known)
		o.Day = func(v float64) string { return data.Date(v).String() }
	case "order":
		place := make([]float64, len(rows))
		for k := range place {
			place[k] = float64(k)
		}
		problem.Folds, err = tune.Rolling(all, place, place)
	default:
		problem.Folds = tune.Drawn(all, p.y, p.unit, r.Seed)
	}
	if err != nil {
		return nil, err
	}
	search := tune.Search{Space: tune.FullSpace(), Seed: r.Seed, Rounds: base.Rounds, Workers: workers, InForce: tune.Params{
		tune.Eta: base.Eta, tune.Depth: float64(base.MaxDepth), tune.MinChildWeight: base.MinChildWeight,
		tune.Lambda: base.Lambda, tune.Subsample: base.Subsample, tune.ColSample: base.ColSample}}
	progress(fmt.Sprintf("searching on %d rows, %d features", len(rows), len(p.trees.Names)))
	found, err := tune.Run(ctx, search, problem, o)
	if err != nil {
		return nil, fmt.Errorf("foreign: %s: %w", whole.table.Source, err)
	}
	return &TuneReport{Table: whole.table.Source, Outcome: r.Outcome, Test: r.Split, TestRows: len(test),
		Rows: len(rows), Features: len(p.trees.Names), Report: found}, nil
}

// take returns a table of some of the rows.
func (t *Table) take(rows []int) *Table {
	out := &Table{Source: t.Source, Skipped: t.Skipped, rows: len(rows)}
	for _, c := range t.Columns {
		out.Columns = append(out.Columns, Column{Name: c.Name, Kind: c.Kind,
			Numbers: models.Take(c.Numbers, rows), Texts: models.Take(c.Texts, rows), Present: models.Take(c.Present, rows)})
	}
	return out
}
