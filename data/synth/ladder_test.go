package synth

import (
	"context"
	"errors"
	"math"
	"math/rand/v2"
	"os"
	"testing"

	"dunning/data"
)

// liveLadder lives the days of a ladder and the windows after it, and returns
// the cents that are paid before each of the given days.
func (l *life) liveLadder(day int, rungs []rung, until ...int) []float64 {
	out := make([]float64, len(until))
	var left [channels]bool // opted out of
	for d := range until[len(until)-1] {
		for _, v := range l.open {
			v.arrive(day + d)
		}
		for _, r := range rungs {
			if r.day != d || left[r.channel] {
				continue
			}
			if delivered, _, _ := l.reach(day+d, r.channel); delivered && channelLag[r.channel] == 0 {
				left[r.channel] = l.rng.Float64() < complainProb[l.p.kind]
			}
		}
		l.payDay(day + d)
		for k := range until {
			if d+1 == until[k] {
				for _, p := range l.out.Payments {
					out[k] += float64(p.AmountCents)
				}
			}
		}
	}
	return out
}

// The expected payments after a ladder are those that the simulator's own code
// pays on average, at every moment of it.
func TestLadder_AgreesWithMonteCarlo(t *testing.T) {
	states := []state{
		{"phone, three open, one overdue", func(l *life, day int) bool {
			return l.p.kind == 1 && len(l.open) == 3 && anyOpen(l, func(v *openInvoice) bool { return v.canAgree(day) })
		}},
		{"part paid, overdue", func(l *life, day int) bool {
			return l.p.kind == 5 && anyOpen(l, func(v *openInvoice) bool { return v.parts == 1 && v.canAgree(day) })
		}},
		{"tired", func(l *life, day int) bool { return l.p.kind == 0 && len(l.open) > 0 && l.loadOn(day) > 1.4 }},
		{"reactant", func(l *life, day int) bool { return l.p.kind == 4 && len(l.open) > 0 }},
	}
	ladders := [][]rung{
		{{voice, 0}, {voice, 2}, {whatsApp, 5}},
		{{letter, 0}, {sms, 2}, {voice, 4}},
		{{whatsApp, 1}, {whatsApp, 3}, {whatsApp, 6}},
	}
	const repeats = 4000
	c := testConfig(3000)
	for i, s := range states {
		t.Run(s.name, func(t *testing.T) {
			l, day := find(t, c, s, 100*i)
			l.view.see(l, day)
			for k, rungs := range ladders {
				until := []int{rungs[1].day + 1, rungs[2].day + windowDays}
				rng := rand.New(rand.NewPCG(11, uint64(k)))
				sum, squares := make([]float64, 2), make([]float64, 2)
				for range repeats {
					for j, x := range l.fork(rng).liveLadder(day, rungs, until...) {
						sum[j], squares[j] = sum[j]+x, squares[j]+x*x
					}
				}
				for j := range until {
					p := &paths{l: l, rungs: rungs}
					if j == 0 {
						p.rungs = rungs[:2] // the third comes later
					}
					mean, want := sum[j]/repeats, p.cents(until[j])
					se := math.Sqrt((squares[j]/repeats-mean*mean)/repeats) + 1
					if math.Abs(mean-want) > 5*se {
						t.Errorf("ladder %d, before day %d: paid %.1f cents, truth says %.1f (standard error %.1f)", k, until[j], mean, want, se)
					}
				}
			}
		})
	}
}

// A ladder of one touch is worth what the truth as of the end says, whatever
// the channel and day.
func TestLadders_OfOneTouchAreTheTruth(t *testing.T) {
	p := sharedPortfolio(t)
	c := testConfig(sharedCustomers)
	compared := 0
	for at, ch := range data.Channels {
		ladders, want := map[string][][]PlannedTouch{}, map[string]float64{}
		for k := range p.Truth.AsOf {
			row := &p.Truth.AsOf[k]
			if k%11 == at && ladders[row.CustomerID] == nil {
				ladders[row.CustomerID] = [][]PlannedTouch{{{ch, row.Day}}, nil}
				want[row.CustomerID] = row.EffectCents(ch)
			}
		}
		got, err := Ladders(context.Background(), c, ladders)
		if err != nil {
			t.Fatal(err)
		}
		for id, x := range want {
			compared++
			if one := got[id][0].WindowCents; math.Abs(one-x) > 1e-4*math.Abs(x)+1e-3 || got[id][1] != (LadderWorth{}) {
				t.Errorf("%s %v: %.4f cents, truth says %.4f; holding %v", id, ladders[id], one, x, got[id][1])
			}
		}
	}
	if compared < 500 {
		t.Fatalf("%d compared", compared)
	}
}

func TestLadders_RefuseWhatIsNotThere(t *testing.T) {
	c := testConfig(10)
	one := func(id string, touches ...PlannedTouch) map[string][][]PlannedTouch {
		return map[string][][]PlannedTouch{id: {touches}}
	}
	for name, ladders := range map[string]map[string][][]PlannedTouch{
		"no such customer": one("C00000011", PlannedTouch{data.SMS, c.End}),
		"a foreign id":     one("x", PlannedTouch{data.SMS, c.End}),
		"too early":        one("C00000001", PlannedTouch{data.SMS, c.End - 1}),
		"too late":         one("C00000001", PlannedTouch{data.SMS, c.End + 7}),
		"two a day":        one("C00000001", PlannedTouch{data.SMS, c.End}, PlannedTouch{data.Voice, c.End}),
		"hold":             one("C00000001", PlannedTouch{data.Hold, c.End}),
	} {
		if _, err := Ladders(context.Background(), c, ladders); !errors.Is(err, data.ErrBadInput) {
			t.Errorf("%s: %v", name, err)
		}
	}
	c.NullEffects = true
	got, err := Ladders(context.Background(), c, one("C00000001", PlannedTouch{data.Voice, c.End}, PlannedTouch{data.SMS, c.End + 2}))
	if err != nil || len(got["C00000001"]) != 1 || got["C00000001"][0] != (LadderWorth{}) {
		t.Errorf("no effects: %v %v", got, err)
	}
}

// Two touches of which the second follows at once are worth less than both
// alone, and the factor says by how much effects shrink.
func TestFatigueFactor(t *testing.T) {
	if f := DefaultConfig().FatigueFactor(); f != 1 {
		t.Errorf("alone: %g", f)
	}
	last := 0.0
	for gap := 1; gap <= 14; gap++ {
		two, three := DefaultConfig().FatigueFactor(gap), DefaultConfig().FatigueFactor(gap, 2*gap)
		if two <= last || two >= 1 || three >= two {
			t.Errorf("gap %d: %g, %g after %g", gap, two, three, last)
		}
		last = two
	}
}

// Whoever has the home can live its customers again; without truth there is
// nothing to compare with.
func TestReadConfig_GivesWhatWasWritten(t *testing.T) {
	home, c := t.TempDir(), testConfig(20)
	c.Seed, c.Months = 7, 4
	for _, truth := range []bool{true, false} {
		c.Truth = truth
		if _, err := Write(context.Background(), c, home, CSV, nil); err != nil {
			t.Fatal(err)
		}
		got, err := ReadConfig(home)
		if truth && (err != nil || got != c) {
			t.Errorf("%+v %v, want %+v", got, err, c)
		}
		if !truth && !errors.Is(err, os.ErrNotExist) {
			t.Errorf("without truth: %v", err)
		}
	}
}
