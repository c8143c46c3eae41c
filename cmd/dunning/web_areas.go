package main

import (
	"context"
	"errors"
	"io/fs"
	"log/slog"
	"path/filepath"
	"sync"

	"dunning/credit/portfolio"
	"dunning/data"
)

// behaviourShown is how many customers of each list a report keeps.
const behaviourShown = 2000

// behaviourReports makes the report of customers' behaviour when somebody looks
// at it, once for each lake and day: it reads the whole history.
type behaviourReports struct {
	a   *app
	day func() data.Date // of the report
	log *slog.Logger

	mu     sync.Mutex
	made   string // lake and day of report
	report *portfolio.Report
	making string // lake and day of what is being made; "" for nothing
	failed string // lake and day of what could not be made
	err    error
}

// Behaviour returns the report, or the one before while it is being made.
func (b *behaviourReports) Behaviour(context.Context) (*portfolio.Report, bool, error) {
	lake, err := filepath.EvalSymlinks(filepath.Join(b.a.home, "lake", "extract", "current"))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, false, nil
	}
	if err != nil {
		return nil, false, err
	}
	day := b.day()
	want := lake + " " + day.String()
	b.mu.Lock()
	defer b.mu.Unlock()
	switch {
	case b.made == want:
		return b.report, false, nil
	case b.failed == want:
		return nil, false, b.err
	case b.making == "":
		b.making = want
		go b.make(want, day)
	}
	return b.report, true, nil
}

// make makes the report. It is not bound to the request: who asked need not wait.
func (b *behaviourReports) make(want string, day data.Date) {
	r, err := b.a.portfolioReport(day, behaviourShown)
	b.mu.Lock()
	defer b.mu.Unlock()
	b.making = ""
	if err != nil {
		b.log.Error("the report of customers' behaviour could not be made", "error", err)
		b.failed, b.err = want, err
		return
	}
	b.made, b.report = want, r
}
