package response

import (
	"context"
	"math"

	"golang.org/x/sync/errgroup"

	"dunning/data"
)

// Ensemble is some models of the same log, fitted on different customers: their
// mean is the estimate, and their spread says how far it may be off.
type Ensemble struct {
	Bags []*Model `json:"bags"`
	// Disjoint tells that no two bags share a customer; otherwise bag b is the
	// fit on all but one group of customers.
	Disjoint bool `json:"disjoint"`
}

// FitEnsemble fits one model per bag. The customers are dealt out in turn, so
// that their order decides; where every bag can have perBag customers of its
// own, bags are disjoint and no larger than that, else each leaves one group
// out. With a single bag there is no spread.
func FitEnsemble(ctx context.Context, customers []Customer, days *Days, o Options, bags, perBag, cores int) (*Ensemble, error) {
	bags = max(bags, 1)
	e := &Ensemble{Bags: make([]*Model, bags), Disjoint: len(customers) >= bags*perBag}
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(max(cores, 1))
	for b := range bags {
		var mine []Customer
		for i := range customers {
			own := i%bags == b
			if bags == 1 || own == e.Disjoint {
				mine = append(mine, customers[i])
			}
		}
		if e.Disjoint {
			mine = mine[:min(len(mine), perBag)]
		}
		opts := o
		opts.Seed += uint64(b)
		group.Go(func() (err error) {
			e.Bags[b], err = Fit(ctx, mine, days, opts)
			return err
		})
	}
	return e, group.Wait()
}

// EnsembleReader reads customers with all models of an ensemble. Each goroutine
// needs its own.
type EnsembleReader struct {
	readers []*Reader
	// share turns the bags' sum of squared deviations into the variance of
	// their mean.
	share float64
}

// NewEnsembleReader returns a reader; see [NewReader].
func NewEnsembleReader(e *Ensemble, days *Days) *EnsembleReader {
	r := &EnsembleReader{}
	for _, m := range e.Bags {
		r.readers = append(r.readers, NewReader(m, days))
	}
	B := float64(len(e.Bags))
	switch {
	case len(e.Bags) < 2:
		r.share = math.NaN()
	case e.Disjoint:
		r.share = 1 / (B * (B - 1))
	default:
		r.share = (B - 1) / B
	}
	return r
}

// Load takes a customer; see [Reader.Load].
func (r *EnsembleReader) Load(c *Customer, end data.Date) {
	for _, m := range r.readers {
		m.Load(c, end)
	}
}

// LoadAt takes a customer and moves to a day; see [Reader.LoadAt].
func (r *EnsembleReader) LoadAt(c *Customer, day data.Date) {
	for _, m := range r.readers {
		m.LoadAt(c, day)
	}
}

// At moves to a day; see [Reader.At].
func (r *EnsembleReader) At(day data.Date) {
	for _, m := range r.readers {
		m.At(day)
	}
}

// Delivered is the mean of [Reader.Delivered].
func (r *EnsembleReader) Delivered(channel int) (p float64) {
	for _, m := range r.readers {
		p += m.Delivered(channel) / float64(len(r.readers))
	}
	return p
}

// Effects returns the mean of the models' effects, and the standard error of
// Cents by the spread of the models, NaN for a single one.
func (r *EnsembleReader) Effects(day data.Date, horizonDays int) (mean Effect, stderr [channels]float64) {
	B := float64(len(r.readers))
	var squares [channels]float64
	for _, m := range r.readers {
		e := m.Effects(day, horizonDays)
		mean.BalanceCents = e.BalanceCents
		mean.OrganicCents += e.OrganicCents / B
		mean.OrganicProb += e.OrganicProb / B
		for c, v := range e.Cents {
			mean.Cents[c] += v / B
			mean.Spread[c] += e.Spread[c] / B
			squares[c] += v * v
		}
	}
	for c := range stderr {
		stderr[c] = math.Sqrt(max(squares[c]-B*mean.Cents[c]*mean.Cents[c], 0) * r.share)
	}
	return mean, stderr
}
