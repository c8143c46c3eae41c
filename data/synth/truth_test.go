package synth

import (
	"context"
	"math"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"

	"dunning/data"
)

// testConfig is the portfolio of most tests.
func testConfig(customers int) Config {
	c := DefaultConfig()
	c.Customers = customers
	return c
}

// shared returns the default portfolio of 2,500 customers, made once: tests that
// only look at a portfolio look at this one.
var shared = sync.OnceValues(func() (*Portfolio, error) {
	return Generate(context.Background(), testConfig(sharedCustomers))
})

const sharedCustomers = 2500

func sharedPortfolio(t testing.TB) *Portfolio {
	t.Helper()
	p, err := shared()
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func generate(t testing.TB, c Config) *Portfolio {
	t.Helper()
	p, err := Generate(context.Background(), c)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// fork copies a life, so that its coming days can be lived again and again. The
// clocks are drawn anew: what is left of a unit exponential is one.
func (l *life) fork(rng *rand.Rand) *life {
	f := *l
	f.rng, f.out, f.truth, f.count = rng, &Sources{}, nil, &tally{}
	f.open, f.paid, f.rows, f.sent = nil, nil, nil, nil
	for _, v := range l.open {
		c := *v
		row := *v.row
		c.row, c.clock, c.mail = &row, rng.ExpFloat64(), slices.Clone(v.mail)
		f.open = append(f.open, &c)
	}
	return &f
}

// window lives from day on for wait days without a touch, touches on channel c
// (hold for -1), lives the effect window, and returns what was paid of what was
// open: all of it or not, and cents paid in the window.
func (l *life) window(day, wait, c int) (full bool, cents float64) {
	from := 0
	for d := range wait + windowDays {
		for _, v := range l.open {
			v.arrive(day + d)
		}
		if d == wait {
			from = len(l.out.Payments)
			if c >= 0 {
				l.reach(day+d, c)
			}
		}
		l.payDay(day + d)
	}
	for _, p := range l.out.Payments[from:] {
		cents += float64(p.AmountCents)
	}
	return len(l.open) == 0, cents
}

// state is a moment in a customer's life that the Monte Carlo test repeats.
type state struct {
	name string
	ok   func(l *life, day int) bool
}

func anyOpen(l *life, ok func(v *openInvoice) bool) bool {
	for _, v := range l.open {
		if ok(v) {
			return true
		}
	}
	return false
}

// TestTruth_AgreesWithMonteCarlo lives the same moments many times with the
// simulator's own code and compares frequencies with the stated truth.
func TestTruth_AgreesWithMonteCarlo(t *testing.T) {
	lastType := func(k int) func(l *life, day int) bool {
		return func(l *life, day int) bool { return len(l.open) > 0 && l.p.kind == k }
	}
	states := []state{
		{"digital, before due", func(l *life, day int) bool {
			return l.p.kind == 0 && len(l.open) == 1 && day-l.open[0].due == -4
		}},
		{"phone, long overdue", func(l *life, day int) bool {
			return l.p.kind == 1 && anyOpen(l, func(v *openInvoice) bool { return v.canAgree(day) && v.parts == 0 })
		}},
		{"phone, three open, one overdue", func(l *life, day int) bool {
			return l.p.kind == 1 && len(l.open) == 3 && anyOpen(l, func(v *openInvoice) bool { return v.canAgree(day) })
		}},
		{"part paid, overdue", func(l *life, day int) bool {
			return l.p.kind == 5 && anyOpen(l, func(v *openInvoice) bool { return v.parts == 1 && v.canAgree(day) })
		}},
		{"agreement running", func(l *life, day int) bool {
			return anyOpen(l, func(v *openInvoice) bool { return v.agreedParts > 0 && v.parts > 1 })
		}},
		{"promise running", func(l *life, day int) bool {
			return l.p.kind == 1 && anyOpen(l, func(v *openInvoice) bool { return v.promised(day) })
		}},
		{"letter on its way", func(l *life, day int) bool {
			return l.p.kind == 2 && anyOpen(l, func(v *openInvoice) bool { return len(v.mail) > 0 })
		}},
		{"tired", func(l *life, day int) bool { return l.p.kind == 0 && len(l.open) > 0 && l.loadOn(day) > 1.4 }},
		{"reactant", lastType(4)},
		{"disputed", func(l *life, day int) bool {
			return len(l.open) == 2 && anyOpen(l, func(v *openInvoice) bool { return v.disputed })
		}},
	}
	const repeats = 6_000
	c := testConfig(3000)
	for i, s := range states {
		t.Run(s.name, func(t *testing.T) {
			l, day := find(t, c, s, 100*i)
			post := l.know.posterior()
			for _, wait := range []int{0, 3} {
				var e Expectation
				l.view.see(l, day)
				l.view.expect(l, &post, wait, &e)
				compare(t, l, day, wait, &e, repeats)
			}
		})
	}
}

// find lives customers until the state comes up on a day past the first year.
func find(t *testing.T, c Config, s state, first int) (*life, int) {
	t.Helper()
	for i := first; i < first+c.Customers; i++ {
		l := newLife(&c, newCalendarOnce(c))
		l.out, l.count = &Sources{}, &tally{}
		l.begin(i)
		for day := range l.cal.days {
			if day > 200 && s.ok(l, day) {
				for _, v := range l.open {
					v.arrive(day)
				}
				return l, day
			}
			l.liveDay(day)
		}
	}
	t.Fatalf("no customer is ever %q", s.name)
	return nil, 0
}

var calendars = map[data.Date]*calendar{}

func newCalendarOnce(c Config) *calendar {
	if calendars[c.End] == nil {
		calendars[c.End] = newCalendar(c)
	}
	return calendars[c.End]
}

// compare checks the organic expectation and every channel's effect. Five
// standard errors: about 240 comparisons in all.
func compare(t *testing.T, l *life, day, wait int, e *Expectation, repeats int) {
	t.Helper()
	for c := -1; c < channels; c++ {
		rng := rand.New(rand.NewPCG(7, uint64(c+1)))
		var full, cents, squares float64
		for range repeats {
			f, x := l.fork(rng).window(day, wait, c)
			full += step(f)
			cents += x
			squares += x * x
		}
		n := float64(repeats)
		name, prob, mean := "hold", e.Organic(windowDays), float64(e.OrganicCents07)
		if c >= 0 {
			name = string(data.Channels[c])
			prob += e.EffectProb(data.Channels[c])
			mean += e.EffectCents(data.Channels[c])
		}
		se := math.Sqrt(math.Max(prob*(1-prob), 1/n) / n)
		if got := full / n; math.Abs(got-prob) > 5*se {
			t.Errorf("touch after %d days, %s: paid in full %.4f of the time, truth says %.4f (standard error %.4f)", wait, name, got, prob, se)
		}
		se = math.Sqrt((squares/n-cents/n*cents/n)/n) + 1
		if got := cents / n; math.Abs(got-mean) > 5*se {
			t.Errorf("touch after %d days, %s: paid %.1f cents, truth says %.1f (standard error %.1f)", wait, name, got, mean, se)
		}
	}
}

// TestCeiling_IsCalibrated checks what defines a posterior expectation: among
// decisions with nearly the same ceiling, truth averages to the ceiling.
func TestCeiling_IsCalibrated(t *testing.T) {
	p := sharedPortfolio(t)
	type figure struct {
		name           string
		ceiling, truth func(d *DecisionTruth) float64
	}
	figures := []figure{{"organic",
		func(d *DecisionTruth) float64 { return float64(d.CeilingOrganic07) },
		func(d *DecisionTruth) float64 { return d.Organic(7) }}}
	for _, ch := range data.Channels {
		figures = append(figures, figure{"effect of " + string(ch),
			func(d *DecisionTruth) float64 { return d.CeilingEffectProb(ch) },
			func(d *DecisionTruth) float64 { return d.EffectProb(ch) }})
	}
	for _, f := range figures {
		for _, bin := range binned(p.Truth.Decisions, f.ceiling, f.truth, 8) {
			if math.Abs(bin.bias) > 4.5*bin.se+1e-6 {
				t.Errorf("%s: where the ceiling is %.4f … %.4f truth exceeds it by %.5f on average (standard error %.5f)", f.name, bin.lo, bin.hi, bin.bias, bin.se)
			}
		}
	}
}

type bin struct{ lo, hi, bias, se float64 }

// binned compares truth with the ceiling in bins of equal width; a customer's
// decisions are one cluster, since they share one draw.
func binned(ds []DecisionTruth, ceiling, truth func(*DecisionTruth) float64, n int) []bin {
	lo, hi := math.Inf(1), math.Inf(-1)
	for i := range ds {
		lo, hi = math.Min(lo, ceiling(&ds[i])), math.Max(hi, ceiling(&ds[i]))
	}
	width := (hi - lo) / float64(n)
	bins := make([]bin, n)
	for b := range bins {
		clusters := map[string]float64{}
		var order []string
		count := 0.0
		for i := range ds {
			if min(n-1, int((ceiling(&ds[i])-lo)/width)) != b {
				continue
			}
			id := ds[i].CustomerID
			if _, ok := clusters[id]; !ok {
				order = append(order, id)
			}
			clusters[id] += truth(&ds[i]) - ceiling(&ds[i])
			count++
		}
		var total, squares float64
		for _, id := range order {
			total += clusters[id]
			squares += clusters[id] * clusters[id]
		}
		bins[b] = bin{lo + width*float64(b), lo + width*float64(b+1), 0, math.Inf(1)}
		if len(order) >= 50 { // enough for a standard error
			bins[b].bias, bins[b].se = total/count, math.Sqrt(squares)/count
		}
	}
	return bins
}
