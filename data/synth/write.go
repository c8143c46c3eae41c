package synth

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"golang.org/x/sync/errgroup"

	"dunning/data"
)

// Tables lists the source tables in the order in which they are written.
var Tables = [...]string{"customers", "invoices", "payments", "touches", "touch_events", "promises", "bureau_reports", "disputes"}

// Folders below the home.
const (
	sourcesFolder = "sources"
	truthFolder   = "truth"
)

// Report says what Write wrote. Files are named relative to the home.
type Report struct {
	Sources []data.File    `json:"sources"`
	Truth   []data.File    `json:"truth"`
	Shares  Shares         `json:"shares"`
	Faults  map[string]int `json:"faults,omitempty"` // planted, by rule
}

// written is a block as it goes to the tables: with planted faults, and as
// text where the tables are CSV.
type written struct {
	*block
	csv       [len(Tables)]encoded
	faults    []fault
	faultText encoded
	rows      [len(Tables)]int // of the source tables, faults included
}

// Write generates the portfolio that c describes below home: the source tables
// as home/sources/TABLE.csv or .parquet, the truth as home/truth/*.parquet,
// with c itself as home/truth/portfolio.json, and, with c.DirtyShare above zero,
// home/truth/faults.csv. Folders are made;
// files of these names are replaced, each only when it is complete, and truth
// that does not belong to the new portfolio is removed. Memory is bounded
// whatever c.Customers. progress, when not nil, is called in order with the
// number of customers done.
//
// It returns the faults of c.Validate, an error wrapping [data.ErrUsage] for an
// unknown format or a home that cannot be written, ctx's error, or that of the
// file system.
func Write(ctx context.Context, c Config, home string, format Format, progress func(done int)) (Report, error) {
	if err := c.Validate(); err != nil {
		return Report{}, err
	}
	if format != CSV && format != Parquet {
		return Report{}, fmt.Errorf("%w: simulate: format %q (have %s, %s)", data.ErrUsage, format, CSV, Parquet)
	}
	set, err := openTables(c, home, format)
	if err != nil {
		return Report{}, fmt.Errorf("%w: home %s cannot be written: %w; choose another with --home or change its permissions", data.ErrUsage, home, err)
	}
	defer set.abort()
	byRule := map[string]int{}
	var count tally
	var before [len(Tables)]int // rows in earlier blocks
	err = set.run(ctx, func(ctx context.Context, send func(*written) error) error {
		finish := func(b *block) *written { return finishBlock(c, format, b) }
		return blocks(ctx, c, finish, func(w *written) error {
			w.numberFaults(&before, byRule)
			count.add(&w.tally)
			if progress != nil {
				progress(min(c.Customers, (w.index+1)*blockCustomers))
			}
			return send(w)
		})
	})
	if err != nil {
		return Report{}, err
	}
	report, err := set.close()
	if err == nil {
		err = saveConfig(c, home)
	}
	report.Shares = count.shares()
	if c.DirtyShare > 0 {
		report.Faults = byRule
	}
	return report, err
}

// tableSet is all outputs of one portfolio.
type tableSet struct {
	sources, truth []table
	stale          []string // removed at the end: truth of an earlier portfolio
}

func openTables(c Config, home string, format Format) (set *tableSet, err error) {
	sources, truth := filepath.Join(home, sourcesFolder), filepath.Join(home, truthFolder)
	for _, dir := range []string{sources, truth} {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return nil, err
		}
	}
	set = &tableSet{}
	defer func(opened *tableSet) {
		if err != nil {
			opened.abort()
		}
	}(set) // the result is nil by then
	for i := range Tables {
		t, err := openSource(sources, i, format)
		if err != nil {
			return nil, err
		}
		set.sources = append(set.sources, t)
	}
	for _, f := range []struct {
		name string
		want bool
		open func(path string) (table, error)
	}{
		{"customers.parquet", c.Truth, func(path string) (table, error) {
			return newParquetTable(path, func(w *written) []CustomerTruth { return w.Truth.Customers })
		}},
		{"decisions.parquet", c.Truth, func(path string) (table, error) {
			return newParquetTable(path, func(w *written) []DecisionTruth { return w.Decisions })
		}},
		{"asof.parquet", c.Truth, func(path string) (table, error) {
			return newParquetTable(path, func(w *written) []AsOfTruth { return w.AsOf })
		}},
		{"faults.csv", c.DirtyShare > 0, func(path string) (table, error) {
			return newCSVTable(path, faultColumns, func(w *written) encoded { return w.faultText })
		}},
	} {
		path := filepath.Join(truth, f.name)
		if !f.want {
			set.stale = append(set.stale, path)
			continue
		}
		t, err := f.open(path)
		if err != nil {
			return nil, err
		}
		set.truth = append(set.truth, t)
	}
	return set, nil
}

// openSource opens source table i of Tables.
func openSource(dir string, i int, format Format) (table, error) {
	path := filepath.Join(dir, Tables[i]+"."+string(format))
	if format == CSV {
		return newCSVTable(path, sourceColumns[i], func(w *written) encoded { return w.csv[i] })
	}
	switch Tables[i] {
	case "customers":
		return newParquetTable(path, func(w *written) []SourceCustomer { return w.Sources.Customers })
	case "invoices":
		return newParquetTable(path, func(w *written) []data.Invoice { return w.Invoices })
	case "payments":
		return newParquetTable(path, func(w *written) []data.Payment { return w.Payments })
	case "touches":
		return newParquetTable(path, func(w *written) []data.Touch { return w.Touches })
	case "touch_events":
		return newParquetTable(path, func(w *written) []SourceTouchEvent { return w.TouchEvents })
	case "promises":
		return newParquetTable(path, func(w *written) []data.Promise { return w.Promises })
	case "bureau_reports":
		return newParquetTable(path, func(w *written) []data.BureauReport { return w.BureauReports })
	}
	return newParquetTable(path, func(w *written) []data.Dispute { return w.Disputes })
}

// run lets every table write in its own goroutine while produce sends blocks,
// which all tables read. It returns the first error.
func (set *tableSet) run(ctx context.Context, produce func(ctx context.Context, send func(*written) error) error) error {
	g, ctx := errgroup.WithContext(ctx)
	var queues []chan *written
	for _, t := range set.all() {
		queue := make(chan *written, 1)
		queues = append(queues, queue)
		g.Go(func() error {
			for w := range queue {
				if err := t.append(w); err != nil {
					return err
				}
			}
			return nil
		})
	}
	g.Go(func() error {
		defer func() {
			for _, q := range queues {
				close(q)
			}
		}()
		return produce(ctx, func(w *written) error {
			for _, q := range queues {
				select {
				case q <- w:
				case <-ctx.Done():
					return context.Cause(ctx)
				}
			}
			return nil
		})
	})
	return g.Wait()
}

func (set *tableSet) all() []table {
	return append(append([]table(nil), set.sources...), set.truth...)
}

func (set *tableSet) abort() {
	for _, t := range set.all() {
		t.abort()
	}
}

// close gives all files their names, sources first.
func (set *tableSet) close() (r Report, err error) {
	for _, group := range []struct {
		folder string
		tables []table
		files  *[]data.File
	}{{sourcesFolder, set.sources, &r.Sources}, {truthFolder, set.truth, &r.Truth}} {
		for _, t := range group.tables {
			f, err := t.close()
			if err != nil {
				return Report{}, err
			}
			f.Name = group.folder + "/" + f.Name
			*group.files = append(*group.files, f)
		}
	}
	for _, path := range set.stale {
		if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
			return Report{}, fmt.Errorf("synth: %w", err)
		}
	}
	return r, nil
}
