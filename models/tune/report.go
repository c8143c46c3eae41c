package tune

import (
	"context"
	"slices"
)

// FoldRows says how large a fold is.
type FoldRows struct {
	// From is the first day that is predicted; empty where folds are not cut
	// by days.
	From      string `json:"from,omitempty"`
	TrainRows int    `json:"train_rows"`
	Rows      int    `json:"rows"` // predicted
}

// Report is what a search found. It has no times in it: the same trials give
// the same report.
type Report struct {
	Seed    uint64       `json:"seed"`
	Journal string       `json:"journal"` // path
	Space   Space        `json:"space"`
	Folds   []FoldRows   `json:"folds"` // of the search
	Trials  []Trial      `json:"trials"`
	InForce Trial        `json:"in_force"`
	Winner  Trial        `json:"winner"`
	Confirm Confirmation `json:"confirmation"`
	// ConfirmFrom is the first day of the confirmation's rows; empty where
	// folds are not cut by days.
	ConfirmFrom string `json:"confirmation_from,omitempty"`
	// Better tells that the winner is better beyond doubt: the confirmation's
	// interval lies below 0.
	Better bool `json:"better"`
}

// Options steer [Run].
type Options struct {
	Folder string // of the journal
	// More is asked before trial n whether to make it.
	More func(n int) bool
	// Told is given every trial that is done, of this run and, first, of the
	// journal; nil: nobody.
	Told func(Trial)
	// Day writes what cuts the folds as a day; nil where it is none.
	Day func(float64) string
}

// Run goes on with the search that the folder's journal holds, or begins it,
// and compares its best trial with what is in force. Errors: of the problem, as
// [Rolling] says; of the journal; of training; the context's.
func Run(ctx context.Context, s Search, p *Problem, o Options) (r *Report, err error) {
	if err := p.check(); err != nil {
		return nil, err
	}
	print, err := fingerprint(s, p)
	if err != nil {
		return nil, err
	}
	j, err := openJournal(o.Folder, header{Version: journalVersion, Search: print, Seed: s.Seed, Space: s.Space})
	if err != nil {
		return nil, err
	}
	defer func() {
		if cerr := j.Close(); err == nil {
			err = cerr
		}
	}()
	told := func(t Trial) {
		if o.Told != nil {
			o.Told(t)
		}
	}
	for _, t := range j.trials {
		told(t)
	}
	// What is in force is always judged: a report without it would say nothing.
	more := func(n int) bool { return n == 0 || o.More(n) }
	trials, err := s.Run(ctx, p, j.trials, more, func(t Trial) error {
		if err := j.append(t); err != nil {
			return err
		}
		told(t)
		return nil
	})
	if err != nil {
		return nil, err
	}
	r = &Report{Seed: s.Seed, Journal: j.path, Space: s.Space, Trials: trials, InForce: trials[0], Winner: Best(trials)}
	if r.Confirm, err = p.confirm(ctx, r.InForce, r.Winner); err != nil {
		return nil, err
	}
	r.Better = r.Confirm.Better()
	for k, f := range p.Folds.Search {
		rows := FoldRows{TrainRows: len(f.Train), Rows: len(f.Valid)}
		if o.Day != nil {
			rows.From = o.Day(p.Folds.From[k])
		}
		r.Folds = append(r.Folds, rows)
	}
	if o.Day != nil {
		r.ConfirmFrom = o.Day(p.Folds.From[len(p.Folds.From)-1])
	}
	return r, nil
}

// Ranked returns the trials, best first.
func (r *Report) Ranked() []Trial {
	out := slices.Clone(r.Trials)
	slices.SortFunc(out, compare)
	return out
}
