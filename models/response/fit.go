package response

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"

	"dunning/data"
)

// Options steer a fit.
type Options struct {
	Classes    int       // response classes; default 6
	Iterations int       // EM maps; default 31, by which the likelihood has settled, or 15 from a Start
	End        data.Date // facts from this day on are not looked at
	Seed       uint64    // of the classes' starting points
	// Start, when not nil, is a model of the same classes from which the fit
	// goes on: one of an earlier day, or of other customers. Fewer iterations
	// are enough then.
	Start *Model
	// NoEffects keeps every effect at zero: the model to compare with.
	NoEffects bool
}

// levels are the paces that a fit starts from: half-octaves about 1, wide enough
// for those who never pay and those who always do. The fit moves them to where
// people are.
var levels = [...]float64{.03, .08, .17, .3, .5, .75, 1.1, 1.6, 2.3, 3.5}

// Weak priors, in units of information (inverse variances on the log scale) or
// of customers; they decide where the data say nothing.
const (
	touchPrior = 4.0 // a class's θ toward the mean of the classes
	meanPrior  = 1.0 // that mean toward 0
	shapePrior = 4.0 // log factors of the decay toward their start
	// dayPrior is that of the factors of the day of a touch: its weekday, and how
	// far payday is. A plan picks the best day of a week, so what noise adds to one
	// day it finds.
	dayPrior     = 60.0
	triedShare   = .05 // of the mean information of the days, from which on one was tried
	stagePrior   = 1.0 // those of the dunning stages: they differ most
	fatigueMean  = 0.2
	fatiguePrior = 15.0
	groupPrior   = 40.0 // customers of the mix of all that each group is pulled by
	ratePrior    = 20.0 // touches of the rate of all classes that each class is pulled by
	marginPrior  = 20.0 // expected payments that each margin is pulled by
	// cellCustomers is how many customers of a cohort or region say how they pay:
	// of fewer it would be said what their own paces say better.
	cellCustomers = 30
	weekDoubt     = .0025 // variance by which a month's or a week's factor differs from year to year
	levelPrior    = 5.0   // payments that each pace is pulled by toward where it began
	mergeAfter    = 12    // EM maps after which paces that came together are made one
	mergeWithin   = 1.2   // of each other
	startFade     = 4.0   // days: the shape of decay that the fit starts from
	maxStep       = 0.4   // of a Newton step
	maxEffect     = 3.0   // |θ|
)

// fitter is the state of one fit.
type fitter struct {
	m     *Model
	o     Options
	days  *calendarDays
	cust  []fitCustomer
	names []string // of groups
	haz   hazards
	reach float64 // the longest leap that is tried

	products, regions []string // with a margin of their own
	cells             cells
	began             []float64                // where the paces began
	coarse            bool                     // see coarseMargins
	staticPaid        [staticMargins][]float64 // payments by margin
	staticCustomers   [staticMargins][]float64 // customers by margin, of cohorts and regions
}

// fitCustomer is a track with the sums that change from step to step.
type fitCustomer struct {
	track
	group  int
	cell   [][staticMargins]uint8 // by invoice
	amount []amountPlace          // by invoice
	// expected is the number of payments of each invoice by the model.
	expected []float64
	base     []float32 // by record
	mult     []float32 // by record: expected hazard over base
	quiet    float64   // base hazard of the other days
	paid     float64   // events
	rate     float64   // sum of the log base hazard at events
	pace     float64   // posterior mean
	bins     []uint8   // of scores
	// sent[c] counts delivered touches with known answers, and yes[a][c] those
	// answered: opened, promised, complained.
	sent [channels]float64
	yes  [3][channels]float64
}

// Fit estimates a model from whole histories. Customers without an open day
// before the end say nothing and are skipped; the rest must have payments, else
// the error wraps data.ErrBadInput. The same customers, in the same order, and
// options give the same model.
func Fit(ctx context.Context, customers []Customer, days *Days, o Options) (*Model, error) {
	if o.Classes <= 0 {
		o.Classes = 6
	}
	if o.Iterations <= 0 {
		o.Iterations = 31
		if o.Start != nil {
			o.Iterations = 15
		}
	}
	f := &fitter{o: o, days: &days.calendarDays}
	if err := f.prepare(customers); err != nil {
		return nil, err
	}
	goesOn := o.Start != nil && len(o.Start.Classes) == o.Classes
	if goesOn {
		f.m.Levels = slices.Clone(o.Start.Levels)
	}
	f.began = slices.Clone(f.m.Levels)
	f.start()
	f.countCells()
	f.reach = 4
	first := 0
	if goesOn {
		f.goOn(o.Start)
	} else {
		f.coarse = true
		f.fitBase(4)
		for first = range 4 {
			f.em(false)
		}
		f.coarse = false
		first++
	}
	for i := first; i+3 <= o.Iterations; i += 3 {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		f.leap(true)
		if i >= mergeAfter && !goesOn {
			f.mergeLevels()
		}
	}
	f.finish()
	return f.m, f.m.Validate()
}

// prepare lays out the customers and what is counted once.
func (f *fitter) prepare(customers []Customer) error {
	f.m = &Model{Levels: slices.Clone(levels[:]), Groups: map[string]Group{}}
	f.m.Deliveries = reportsDeliveries(customers)
	f.m.Decisions = slices.ContainsFunc(customers, func(c Customer) bool { return len(c.Decisions) > 0 })
	if f.m.Decisions {
		f.m.countAttention(customers, f.days, f.o.End)
	}
	f.cust = make([]fitCustomer, 0, len(customers))
	payments := 0
	group := map[string]int{"": 0}
	f.names = []string{""}
	for i := range customers {
		var c fitCustomer
		c.reset(&customers[i], f.days, f.m, f.o.End)
		if len(c.invs) == 0 {
			continue
		}
		c.watch, c.doubts = watch{}, doubts{} // the spans say it
		g, ok := group[c.track.group]
		if !ok {
			g = len(f.names)
			group[c.track.group] = g
			f.names = append(f.names, c.track.group)
		}
		c.group = g
		for j := range c.invs {
			c.paid += float64(len(c.invs[j].events))
		}
		payments += int(c.paid)
		c.base, c.mult = make([]float32, len(c.recs)), make([]float32, len(c.recs))
		c.pace = 1
		for _, s := range c.signals {
			if !s.delivered {
				continue
			}
			c.sent[s.channel]++
			for a, yes := range []bool{s.opened, s.promised, s.complained} {
				if yes {
					c.yes[a][s.channel]++
				}
			}
		}
		f.cust = append(f.cust, c)
	}
	if payments == 0 {
		return fmt.Errorf("response: %w: no customer pays an open invoice before %s", data.ErrBadInput, f.o.End)
	}
	f.m.Customers = len(f.cust)
	f.countOnce(customers)
	return nil
}

// reportsDeliveries tells whether the log says what was delivered.
func reportsDeliveries(customers []Customer) bool {
	sent, delivered := 0, 0
	for i := range customers {
		for _, t := range customers[i].Touches {
			sent++
			if t.Delivered != NoDay {
				delivered++
			}
		}
	}
	return delivered*5 > sent
}

// start sets the parameters from which the fit begins: classes that differ at
// random, everything else flat.
func (f *fitter) start() {
	m, K := f.m, f.o.Classes
	rng := rand.New(rand.NewPCG(f.o.Seed, 0x9e3779b97f4a7c15))
	rates := f.pooledRates()
	m.Classes = make([]Class, K)
	for k := range m.Classes {
		c := &m.Classes[k]
		for ch := range channels {
			lean := rng.NormFloat64()
			if !f.o.NoEffects {
				c.Touch[ch] = .3 + .5*lean
			}
			c.Opened[ch] = shifted(rates[0][ch], .4*lean)
			c.Promised[ch] = shifted(rates[1][ch], .4*rng.NormFloat64())
			c.Complained[ch] = shifted(rates[2][ch], -.4*lean)
		}
		if !f.o.NoEffects {
			c.Promise = .3
		}
	}
	for g := range f.names {
		m.Groups[f.names[g]] = Group{Class: flat(K), Level: flat(len(m.Levels)), AmountCents: m.Groups[f.names[g]].AmountCents}
	}
	s := &m.Shape
	s.RecoveryDays, s.Fatigue = recoveryDays, fatigueMean
	for c := range s.Stage {
		for i := range s.Stage[c] {
			s.Stage[c][i] = 1
		}
	}
	fill(s.Day[:], 1)
	for k := range s.Near {
		fill(s.Near[k][:], 1)
	}
	for t := range s.Decay {
		s.Decay[t] = math.Exp(-float64(t) / startFade)
	}
	if len(m.ScoreBounds) > 0 {
		m.ScoreLevel = make([][]float64, len(m.Levels))
		for l := range m.ScoreLevel {
			m.ScoreLevel[l] = flat(m.scoreCells())
		}
	}
}

// goOn takes over what another model found out, as far as the same groups,
// products and bins of scores are there. What was counted once stays.
func (f *fitter) goOn(from *Model) {
	m := f.m
	m.Classes, m.Shape = slices.Clone(from.Classes), from.Shape
	for name, g := range m.Groups {
		mix := from.group(name)
		g.Class, g.Level = slices.Clone(mix.Class), slices.Clone(mix.Level)
		m.Groups[name] = g
	}
	products, regions, unlimited := m.Base.Product, m.Base.Region, m.Base.Unlimited
	m.Base = from.Base
	m.Base.Product, m.Base.Region, m.Base.Unlimited = products, regions, unlimited
	for name := range products {
		products[name] = named(from.Base.Product, name)
	}
	for name := range regions {
		regions[name] = named(from.Base.Region, name)
	}
	for name := range unlimited {
		unlimited[name] = named(from.Base.Unlimited, name)
	}
	m.Levels = slices.Clone(from.Levels)
	if len(from.ScoreBounds) == len(m.ScoreBounds) {
		for l := range m.ScoreLevel {
			m.ScoreLevel[l] = slices.Clone(from.ScoreLevel[l])
		}
	}
	f.refresh()
}

// pooledRates are the rates of answers over all customers.
func (f *fitter) pooledRates() (rates [3][channels]float64) {
	var sent [channels]float64
	for i := range f.cust {
		for c := range channels {
			sent[c] += f.cust[i].sent[c]
			for a := range rates {
				rates[a][c] += f.cust[i].yes[a][c]
			}
		}
	}
	for a := range rates {
		for c := range channels {
			rates[a][c] = (rates[a][c] + .5) / (sent[c] + 2)
		}
	}
	return rates
}

// finish drops classes into the order of their mean effect, so that two fits
// can be read side by side.
func (f *fitter) finish() {
	order := make([]int, len(f.m.Classes))
	for k := range order {
		order[k] = k
	}
	mean := func(k int) (sum float64) {
		for _, t := range f.m.Classes[k].Touch {
			sum += t
		}
		return sum
	}
	slices.SortStableFunc(order, func(a, b int) int {
		switch d := mean(a) - mean(b); {
		case d > 0:
			return -1
		case d < 0:
			return 1
		}
		return 0
	})
	classes := slices.Clone(f.m.Classes)
	for k, from := range order {
		f.m.Classes[k] = classes[from]
	}
	for name, g := range f.m.Groups {
		mix := slices.Clone(g.Class)
		for k, from := range order {
			g.Class[k] = mix[from]
		}
		f.m.Groups[name] = g
	}
}

func shifted(p, logit float64) float64 {
	return 1 / (1 + math.Exp(-math.Log(p/(1-p))-logit))
}

func flat(n int) []float64 {
	out := make([]float64, n)
	fill(out, 1/float64(n))
	return out
}

func fill(x []float64, v float64) {
	for i := range x {
		x[i] = v
	}
}
