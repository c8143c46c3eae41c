package synth

import (
	"context"
	"errors"
	"math"
	"reflect"
	"runtime"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"dunning/data"
)

func TestConfig_ValidateReportsEveryFault(t *testing.T) {
	if err := DefaultConfig().Validate(); err != nil {
		t.Errorf("the defaults are refused: %v", err)
	}
	bad := Config{Customers: 0, Months: 1, End: 0, HoldoutShare: math.NaN(), DirtyShare: .6, ChannelCostCents: [channels]data.Cents{-1}}
	err := bad.Validate()
	if !errors.Is(err, data.ErrUsage) {
		t.Fatalf("error %v is no wrong usage", err)
	}
	for _, what := range []string{"customers 0", "months 1", "end 1970-01-01", "holdout share NaN", "dirty share 0.6", "cost of email -1"} {
		if !strings.Contains(err.Error(), what) {
			t.Errorf("the fault %q is not reported in:\n%v", what, err)
		}
	}
	if _, err := Generate(context.Background(), bad); !errors.Is(err, data.ErrUsage) {
		t.Errorf("Generate took a bad configuration: %v", err)
	}
}

func TestGenerate_IsDeterministic(t *testing.T) {
	c := testConfig(300) // two blocks
	want := generate(t, c)
	for _, procs := range []int{1, 3} {
		old := runtime.GOMAXPROCS(procs)
		got := generate(t, c)
		runtime.GOMAXPROCS(old)
		if !reflect.DeepEqual(want, got) { // cmp.Diff is slow where nothing differs
			t.Fatalf("GOMAXPROCS %d gives another portfolio:\n%.600s", procs, cmp.Diff(want, got))
		}
	}
	c.Seed++
	if got := generate(t, c); reflect.DeepEqual(want.Sources.Invoices, got.Sources.Invoices) {
		t.Error("another seed gives the same invoices")
	}
}

func TestGenerate_FirstCustomersDoNotDependOnTheOthers(t *testing.T) {
	few, many := generate(t, testConfig(100)), sharedPortfolio(t)
	n := len(few.Truth.Decisions)
	if diff := cmp.Diff(few.Truth.Decisions, many.Truth.Decisions[:n]); diff != "" {
		t.Errorf("more customers change the first:\n%.600s", diff)
	}
}

func TestGenerate_TruthChangesNothingElse(t *testing.T) {
	c := testConfig(200)
	with := generate(t, c)
	c.Truth = false
	without := generate(t, c)
	if diff := cmp.Diff(with.Sources, without.Sources); diff != "" {
		t.Errorf("sources differ without truth:\n%.600s", diff)
	}
	if len(without.Truth.Decisions)+len(without.Truth.AsOf)+len(without.Truth.Customers) > 0 {
		t.Error("truth was generated though not asked for")
	}
}

// TestGenerate_HasPlausibleMagnitudes checks the figures that the parameters
// were chosen for, in bands that five other seeds keep too.
func TestGenerate_HasPlausibleMagnitudes(t *testing.T) {
	p := sharedPortfolio(t)
	s := p.Shares
	band := func(name string, got, lo, hi float64) {
		t.Helper()
		if !(got >= lo && got <= hi) {
			t.Errorf("%s is %.4f, not within %.3f … %.3f", name, got, lo, hi)
		}
	}
	band("share of invoices paid within ten days after the due date", s.PaidSoon, .80, .90)
	band("share of the open balance overdue by more than 30 days", s.Overdue30, .05, .12)
	band("mean organic probability", s.OrganicAvg, .15, .35)
	for _, ch := range data.Channels {
		band("mean effect of "+string(ch), s.Effects[ch], .01, .06)
		if ch != data.Voice && s.Effects[ch] >= s.Effects[data.Voice] {
			t.Errorf("%s works better than voice on average", ch)
		}
		harm := 0.0
		for i := range p.Truth.Decisions {
			harm += step(p.Truth.Decisions[i].EffectProb(ch) < -1e-4)
		}
		band("share of decisions in which "+string(ch)+" does harm", harm/float64(len(p.Truth.Decisions)), .03, .40)
	}
	band("share of promises kept", promisesKept(p), .30, .70)
	band("invoices per customer", float64(len(p.Sources.Invoices))/sharedCustomers, 15, 30)
	holdout := 0.0
	for _, c := range p.Truth.Customers {
		holdout += step(c.Holdout)
	}
	band("holdout share", holdout/sharedCustomers, .04, .06)
}

// promisesKept is the share of promises due before the end that payments since
// the promise cover within a day after their due day.
func promisesKept(p *Portfolio) float64 {
	payments := map[string][]data.Payment{}
	for _, x := range p.Sources.Payments {
		payments[x.CustomerID] = append(payments[x.CustomerID], x)
	}
	kept, due := 0.0, 0.0
	for _, r := range p.Sources.Promises {
		if r.DueOn >= DefaultConfig().End {
			continue
		}
		var cents data.Cents
		for _, x := range payments[r.CustomerID] {
			if !x.PaidAt.Before(r.MadeAt) && data.DateOf(x.PaidAt) <= r.DueOn+1 {
				cents += x.AmountCents
			}
		}
		due++
		kept += step(cents >= r.AmountCents)
	}
	return kept / due
}

// TestLog_IsConfounded checks that the log misleads whoever compares the called
// with those who were left alone: they paid less, and calls help.
func TestLog_IsConfounded(t *testing.T) {
	p := sharedPortfolio(t)
	outcome := paidInFull(p)
	var paid, n [channels + 1]float64
	for i, touch := range p.Sources.Touches {
		o := touch.Channel.Index() + 1
		n[o]++
		paid[o] += step(outcome[i])
	}
	naive := paid[voice+1]/n[voice+1] - paid[0]/n[0]
	if truth := p.Shares.Effects[data.Voice]; naive > -.05 || truth < .01 {
		t.Errorf("naive effect of voice %.3f and true mean effect %.3f: want clearly negative and positive", naive, truth)
	}
}

// paidInFull tells for every decision whether all that was open at the start
// of its day was paid in the seven days from it, from the source tables alone.
func paidInFull(p *Portfolio) []bool {
	type history struct {
		invoices []data.Invoice
		paid     map[string][]data.Payment
	}
	all := map[string]*history{}
	for _, c := range p.Sources.Customers {
		all[c.CustomerID] = &history{paid: map[string][]data.Payment{}}
	}
	for _, v := range p.Sources.Invoices {
		h := all[v.CustomerID]
		h.invoices = append(h.invoices, v)
	}
	for _, x := range p.Sources.Payments {
		all[x.CustomerID].paid[x.InvoiceID] = append(all[x.CustomerID].paid[x.InvoiceID], x)
	}
	out := make([]bool, len(p.Sources.Touches))
	for i, touch := range p.Sources.Touches {
		day := data.DateOf(touch.SentAt)
		h := all[touch.CustomerID]
		out[i] = true
		var balance data.Cents
		for _, v := range h.invoices {
			if v.IssuedOn >= day || v.CancelledOn != nil && *v.CancelledOn < day {
				continue
			}
			open, later := v.AmountCents, data.Cents(0)
			for _, x := range h.paid[v.InvoiceID] {
				switch on := data.DateOf(x.PaidAt); {
				case on < day:
					open -= x.AmountCents
				case on < day+windowDays:
					later += x.AmountCents
				}
			}
			balance += open
			out[i] = out[i] && later == open
		}
		if balance != p.Truth.Decisions[i].BalanceCents {
			panic("the balance of the sources is not that of truth")
		}
	}
	return out
}

// TestTruth_AgreesWithTheSources compares the logged outcomes with what truth
// says of the options chosen: the sources tell the story that truth is about.
func TestTruth_AgreesWithTheSources(t *testing.T) {
	p := sharedPortfolio(t)
	outcome := paidInFull(p)
	for o := -1; o < channels; o++ {
		var bias, variance float64
		for i := range outcome {
			d := &p.Truth.Decisions[i]
			if p.Sources.Touches[i].Channel.Index() != o || d.AsOf+windowDays > DefaultConfig().End {
				continue
			}
			prob := d.Organic(windowDays)
			if o >= 0 {
				prob += d.EffectProb(data.Channels[o])
			}
			bias += step(outcome[i]) - prob
			variance += prob * (1 - prob)
		}
		// Decisions of a customer overlap in nothing: given the past, each
		// outcome is a new draw, so the sum is a martingale.
		if z := bias / math.Sqrt(variance); math.Abs(z) > 4.5 {
			t.Errorf("option %d: logged outcomes miss truth by %.1f standard errors", o, z)
		}
	}
}

func TestNullEffects_MakeEveryEffectZero(t *testing.T) {
	c := testConfig(500)
	c.NullEffects = true
	p := generate(t, c)
	check := func(e *Expectation) {
		for _, ch := range data.Channels {
			for _, x := range []float64{e.EffectProb(ch), e.EffectCents(ch), e.CeilingEffectProb(ch), e.CeilingEffectCents(ch)} {
				if x != 0 {
					t.Fatalf("an effect of %s is %g", ch, x)
				}
			}
		}
	}
	for i := range p.Truth.Decisions {
		check(&p.Truth.Decisions[i].Expectation)
	}
	for i := range p.Truth.AsOf {
		check(&p.Truth.AsOf[i].Expectation)
	}
	if p.Shares.Options[data.Voice] == 0 || len(p.Sources.Promises) == 0 {
		t.Error("the log of a portfolio without effects has no calls or promises")
	}
}
