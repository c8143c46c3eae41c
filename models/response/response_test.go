package response_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"dunning/data"
	"dunning/features"
	"dunning/models/response"
)

// town is a small world with a truth of its own, unlike any other: half the
// people answer to e-mail (channel 0), half to calls (channel 3), and they pay
// at two paces. Each has one invoice a month, and each week something is
// decided at random.
type town struct {
	customers []response.Customer
	caller    []bool // who answers to calls
	days      *response.Days
	from, to  data.Date
}

const (
	townEffect = 1.2 // log hazard ratio of the channel that somebody answers to
	townFade   = 3.0 // days
)

func newTown(n int, effect float64, seed uint64) *town {
	rng := rand.New(rand.NewPCG(seed, 1))
	w := &town{from: data.MakeDate(2024, 1, 1), to: data.MakeDate(2025, 1, 1)}
	w.days = response.NewDays(features.NewCalendar(), w.from, w.to+60)
	for i := range n {
		caller := i%2 == 0
		w.caller = append(w.caller, caller)
		w.customers = append(w.customers, w.live(rng, caller, []float64{.5, 1.6}[rng.IntN(2)], effect))
	}
	return w
}

func (w *town) live(rng *rand.Rand, caller bool, pace, effect float64) response.Customer {
	c := response.Customer{Group: "all"}
	weekday := rng.IntN(7)
	for issued := w.from + data.Date(rng.IntN(30)); issued < w.to; issued += 30 {
		c.Invoices = append(c.Invoices, response.Invoice{Issued: issued, Due: issued + 10, Until: response.NoDay, AmountCents: data.Cents(8000 + rng.IntN(8000))})
	}
	for d := w.from; d < w.to; d++ {
		open := false
		for i := range c.Invoices {
			v := &c.Invoices[i]
			open = open || v.Issued < d && v.Until >= d
		}
		if int(d)%7 == weekday && open {
			c.Decisions = append(c.Decisions, d)
			if ch := []int{-1, 0, 3}[rng.IntN(3)]; ch >= 0 {
				c.Touches = append(c.Touches, response.Touch{Day: d, Channel: ch, Delivered: d, Opened: response.NoDay, Promised: response.NoDay, Complained: response.NoDay})
			}
		}
		log := 0.0
		for _, t := range c.Touches {
			if (t.Channel == 3) == caller {
				log += effect * math.Exp(-float64(d-t.Day)/townFade)
			}
		}
		for i := range c.Invoices {
			v := &c.Invoices[i]
			if v.Issued < d && v.Until >= d && rng.Float64() > math.Exp(-.05*pace*math.Exp(log)) {
				v.Until = d
				v.Payments = append(v.Payments, response.Payment{Day: d, Cents: v.AmountCents})
			}
		}
	}
	return c
}

func (w *town) fit(t testing.TB, o response.Options) *response.Model {
	t.Helper()
	o.End = w.to
	m, err := response.Fit(context.Background(), w.customers, w.days, o)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// Whom a channel works on is learned from what each did after earlier touches,
// and the mean effect is that of the world.
func TestTellsApartWhoAnswersToWhat(t *testing.T) {
	w := newTown(1500, townEffect, 3)
	m := w.fit(t, response.Options{Classes: 4, Seed: 1})
	r := response.NewReader(m, w.days)
	var mail, call [2]float64
	var n [2]float64
	right := 0
	for i := range w.customers {
		r.Load(&w.customers[i], w.to)
		r.At(w.to)
		side := 0
		if w.caller[i] {
			side = 1
		}
		n[side]++
		mail[side] += r.MeanTouch(0)
		call[side] += r.MeanTouch(3)
		if (r.MeanTouch(3) > r.MeanTouch(0)) == w.caller[i] {
			right++
		}
	}
	for side := range n {
		mail[side] /= n[side]
		call[side] /= n[side]
	}
	// About 25 touches in a year, of which a third is followed by a payment:
	// nobody can tell all apart.
	if share := float64(right) / float64(len(w.customers)); share < .7 {
		t.Errorf("%.2f of the customers are told apart, chance is 0.5", share)
	}
	if all := (mail[0] + mail[1] + call[0] + call[1]) / 4; math.Abs(all-townEffect/2) > .15 {
		t.Errorf("mean log hazard ratio %.3f, truth %.3f", all, townEffect/2)
	}
	if mail[0]-mail[1] < .15 || call[1]-call[0] < .15 {
		t.Errorf("callers: mail %.2f, call %.2f; others: mail %.2f, call %.2f", mail[1], call[1], mail[0], call[0])
	}
	// The decay of the world is exp(−t/3).
	for _, lag := range []int{1, 3} {
		if got, want := m.Shape.Decay[lag], math.Exp(-float64(lag)/townFade); math.Abs(got-want) > .15 {
			t.Errorf("decay after %d days %.2f, truth %.2f", lag, got, want)
		}
	}
}

func TestZeroEffectsComeOutAsAboutZero(t *testing.T) {
	w := newTown(1500, 0, 4)
	m := w.fit(t, response.Options{Classes: 4, Seed: 1})
	r := response.NewReader(m, w.days)
	var share, organic, n float64
	for i := range w.customers {
		c := &w.customers[i]
		r.Load(c, w.to)
		for _, d := range c.Decisions[len(c.Decisions)/2:] {
			r.At(d)
			e := r.Effects(d, 7)
			if e.BalanceCents > 0 {
				share += (e.Cents[0] + e.Cents[3]) / 2 / float64(e.BalanceCents)
				organic += e.OrganicCents / float64(e.BalanceCents)
				n++
			}
		}
	}
	if mean := share / n; math.Abs(mean) > .01 || organic/n < .1 {
		t.Errorf("mean effect %+.4f of the balance at an organic share of %.3f", mean, organic/n)
	}
}

// What came after a day changes nothing of what is said at that day.
func TestReadsNothingFromTheDayOn(t *testing.T) {
	w := newTown(300, townEffect, 5)
	m := w.fit(t, response.Options{Classes: 3, Iterations: 12, Seed: 1})
	rng := rand.New(rand.NewPCG(9, 9))
	reader := response.NewReader(m, w.days) // one after the other, as a plan does
	read := func(c *response.Customer, at, end data.Date) []float64 {
		r := response.NewReader(m, w.days)
		r.Load(c, end)
		r.At(at)
		if end == at {
			r = reader
			r.LoadAt(c, at)
		}
		e := r.Effects(at+2, 7)
		return append(append([]float64{r.Pace(), e.OrganicCents, e.OrganicProb, float64(e.BalanceCents)}, e.Cents[:]...), r.Classes()...)
	}
	for i := range 60 {
		c := w.customers[i]
		at := c.Decisions[rng.IntN(len(c.Decisions))]
		changed := rewriteFrom(c, at, rng)
		before, after := read(&c, at, w.to), read(&changed, at, w.to)
		if !slices.Equal(before, after) {
			t.Fatalf("customer %d at %s: what came from then on changes\n%v\nto\n%v", i, at, before, after)
		}
		if cut := read(&c, at, at); !slices.EqualFunc(before, cut, func(a, b float64) bool { return math.Abs(a-b) <= 1e-9*(1+math.Abs(a)) }) {
			t.Fatalf("customer %d at %s: a later end, day by day, changes\n%v\nto\n%v", i, at, cut, before)
		}
	}
}

// rewriteFrom replaces everything that became known on a day or later.
func rewriteFrom(c response.Customer, at data.Date, rng *rand.Rand) response.Customer {
	out := response.Customer{Kind: c.Kind, Group: c.Group}
	for _, v := range c.Invoices {
		if v.Issued >= at {
			continue
		}
		v.Payments = slices.Clone(v.Payments)
		if v.Until >= at { // still open then: paid at another time, if at all
			v.Payments = slices.DeleteFunc(v.Payments, func(p response.Payment) bool { return p.Day >= at })
			v.Until = at + data.Date(rng.IntN(20))
			v.Payments = append(v.Payments, response.Payment{Day: v.Until, Cents: v.AmountCents})
		}
		out.Invoices = append(out.Invoices, v)
	}
	out.Invoices = append(out.Invoices, response.Invoice{Issued: at, Due: at + 3, Until: response.NoDay, AmountCents: 777})
	for _, x := range c.Touches {
		if x.Day < at {
			for _, day := range []*data.Date{&x.Delivered, &x.Opened, &x.Promised, &x.Complained} {
				if *day >= at {
					*day = at + data.Date(rng.IntN(3))
				}
			}
			out.Touches = append(out.Touches, x)
		}
	}
	for range 3 {
		d := at + data.Date(rng.IntN(4))
		out.Touches = append(out.Touches, response.Touch{Day: d, Channel: rng.IntN(5), Delivered: d, Opened: d, Promised: d, Complained: response.NoDay})
	}
	slices.SortFunc(out.Touches, func(a, b response.Touch) int { return int(a.Day) - int(b.Day) })
	for _, d := range c.Decisions {
		if d < at {
			out.Decisions = append(out.Decisions, d)
		}
	}
	out.Promises = []response.Promise{{MadeOn: at, DueOn: at + 4}}
	out.Scores = []response.Score{{Day: at, Value: 500}}
	return out
}

// A few bureau scores are too few for bins; many tell paces apart.
func TestScoresAreReadWhereThereAreEnough(t *testing.T) {
	for _, every := range []int{20, 1} {
		w := newTown(120, townEffect, 12)
		for i := 0; i < len(w.customers); i += every {
			w.customers[i].Scores = []response.Score{{Day: w.from + 3, Value: float64(i)}}
		}
		m := w.fit(t, response.Options{Classes: 2, Iterations: 6, Seed: 1})
		if known := len(m.ScoreBounds) > 0; known != (every == 1) {
			t.Errorf("a score for one customer in %d: bounds %v", every, m.ScoreBounds)
		}
		r := response.NewReader(m, w.days)
		r.Load(&w.customers[0], w.to)
		if r.At(w.to); !(r.Pace() > 0) {
			t.Errorf("pace %g", r.Pace())
		}
	}
}

func TestSameCustomersAndSeedGiveTheSameBytes(t *testing.T) {
	w := newTown(200, townEffect, 6)
	var first []byte
	for range 2 {
		e, err := response.FitEnsemble(context.Background(), w.customers, w.days, response.Options{Classes: 3, Iterations: 10, End: w.to, Seed: 4}, 3, 1000, 2)
		if err != nil {
			t.Fatal(err)
		}
		b, err := json.Marshal(e)
		if err != nil {
			t.Fatal(err)
		}
		if first != nil && !bytes.Equal(first, b) {
			t.Fatal("two fits differ")
		}
		first = b
	}
	var e response.Ensemble
	if err := json.Unmarshal(first, &e); err != nil || e.Disjoint || len(e.Bags) != 3 {
		t.Fatal(err, e.Disjoint, len(e.Bags))
	}
	b, _ := json.Marshal(e.Bags[0])
	if _, err := response.Parse(b); err != nil {
		t.Fatal(err)
	}
}

func TestWithoutAPaymentThereIsNothingToLearn(t *testing.T) {
	w := newTown(20, townEffect, 7)
	for i := range w.customers {
		for j := range w.customers[i].Invoices {
			w.customers[i].Invoices[j].Payments, w.customers[i].Invoices[j].Until = nil, response.NoDay
		}
	}
	if _, err := response.Fit(context.Background(), w.customers, w.days, response.Options{End: w.to}); !errors.Is(err, data.ErrBadInput) {
		t.Fatal(err)
	}
}

func TestDamagedModelsAreRefused(t *testing.T) {
	w := newTown(60, townEffect, 8)
	whole, err := json.Marshal(w.fit(t, response.Options{Classes: 2, Iterations: 6, Seed: 1}))
	if err != nil {
		t.Fatal(err)
	}
	for name, damage := range map[string]func(*response.Model){
		"no classes":         func(m *response.Model) { m.Classes = nil },
		"a missing mix":      func(m *response.Model) { delete(m.Groups, "") },
		"a rate of 1":        func(m *response.Model) { m.Classes[0].Opened[0] = 1 },
		"a mix of one class": func(m *response.Model) { g := m.Groups["all"]; g.Class = g.Class[:1]; m.Groups["all"] = g },
		"slow letters":       func(m *response.Model) { m.Delivery[4].DelayDays = 90 },
	} {
		m, err := response.Parse(whole)
		if err != nil {
			t.Fatal(err)
		}
		damage(m)
		b, _ := json.Marshal(m)
		if _, err := response.Parse(b); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
	if _, err := response.Parse(whole[:len(whole)/2]); !errors.Is(err, data.ErrDamagedFile) {
		t.Error(err)
	}
}

// Tiredness is monotone whatever the log says, and a log that says too little
// gives the documented default.
func TestDynamicsAreMonotone(t *testing.T) {
	var none *response.Ensemble
	table, thin := none.Dynamics()
	if !thin || len(table) != (response.MaxStep-1)*response.MaxGapDays {
		t.Fatal(thin, len(table))
	}
	if f := table[0].Factor; math.Abs(f-math.Exp(-response.DefaultFatigue*math.Exp(-.1))) > 1e-12 {
		t.Errorf("default factor of a second touch on the next day %.3f", f)
	}
	w := newTown(400, townEffect, 10)
	e, err := response.FitEnsemble(context.Background(), w.customers, w.days, response.Options{Classes: 3, Iterations: 16, End: w.to, Seed: 4}, 3, 1000, 2)
	if err != nil {
		t.Fatal(err)
	}
	for b := range e.Bags { // make it believe that it knows, and contradict itself
		e.Bags[b].Shape.Fatigue, e.Bags[b].Shape.FatigueSE = .3, .05
		e.Bags[b].Shape.Steps[1][3] = response.StepInfo{Excess: 2, Info: 1e4}
		e.Bags[b].Shape.Steps[3][9] = response.StepInfo{Excess: 1, Info: 1e4}
		e.Bags[b].Shape.Steps[2][12] = response.StepInfo{Excess: -3, Info: 1e4}
		e.Bags[b].Shape.Steps[0][0] = response.StepInfo{Info: 1e4}
	}
	table, thin = e.Dynamics()
	if thin {
		t.Error("taken for thin")
	}
	at := map[[2]int]float64{}
	for _, c := range table {
		at[[2]int{c.Step, c.GapDays}] = c.Factor
		if !(c.Factor > 0 && c.Factor <= 1) || !(c.SE >= 0) {
			t.Errorf("step %d, gap %d: %g ± %g", c.Step, c.GapDays, c.Factor, c.SE)
		}
		if c.GapDays > 1 && c.Factor < at[[2]int{c.Step, c.GapDays - 1}] || c.Step > 2 && c.Factor > at[[2]int{c.Step - 1, c.GapDays}] {
			t.Errorf("step %d, gap %d: %g is not monotone", c.Step, c.GapDays, c.Factor)
		}
	}
}

func BenchmarkFit(b *testing.B) {
	w := newTown(1000, townEffect, 3)
	for b.Loop() {
		w.fit(b, response.Options{Classes: 6, Seed: 1})
	}
	b.ReportMetric(float64(len(w.customers)*b.N)/b.Elapsed().Seconds(), "customers/s")
}

// BenchmarkPlan reads customers as a plan does: the posterior at the end, and
// the effects of all channels on each of seven days.
func BenchmarkPlan(b *testing.B) {
	w := newTown(200, townEffect, 3)
	m := w.fit(b, response.Options{Classes: 6, Iterations: 12, Seed: 1})
	r := response.NewReader(m, w.days)
	n := 0
	for b.Loop() {
		for i := range w.customers {
			r.LoadAt(&w.customers[i], w.to)
			for d := range 7 {
				r.Effects(w.to+data.Date(d), 7)
			}
			n++
		}
	}
	b.ReportMetric(float64(n)/b.Elapsed().Seconds(), "customers/s")
}
