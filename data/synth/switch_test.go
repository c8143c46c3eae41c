package synth

import (
	"context"
	"errors"
	"slices"
	"testing"

	"dunning/data"
)

// A switch changes nothing of what came before it; from then on people pay as
// much slower as it says, and the truth says so, too.
func TestSwitch_IsFeltFromItsDayOn(t *testing.T) {
	c := testConfig(400)
	c.Months = 12
	never, err := Generate(context.Background(), c)
	if err != nil {
		t.Fatal(err)
	}
	c.SwitchMonth, c.SwitchPace = 9, .4
	then, err := Generate(context.Background(), c)
	if err != nil {
		t.Fatal(err)
	}
	day := data.MakeDate(c.End.Time().Year(), c.End.Time().Month()-3, c.End.Time().Day())
	before := func(p *Portfolio) (out []data.Payment) {
		for _, x := range p.Sources.Payments {
			if data.DateOf(x.PaidAt) < day {
				out = append(out, x)
			}
		}
		return out
	}
	if a, b := before(never), before(then); len(a) == 0 || !slices.EqualFunc(a, b, func(x, y data.Payment) bool {
		return x.InvoiceID == y.InvoiceID && x.PaidAt == y.PaidAt && x.AmountCents == y.AmountCents
	}) {
		t.Errorf("%d payments before the switch, %d without one: they differ", len(b), len(a))
	}
	mean := func(p *Portfolio, late bool) (prob, paid float64) {
		n := 0.0
		for i := range p.Truth.Decisions {
			d := &p.Truth.Decisions[i]
			if (d.AsOf >= day) == late && d.DaysPastDue <= 0 {
				prob += d.Organic(7)
				n++
			}
		}
		return prob / n, n
	}
	for _, late := range []bool{false, true} {
		was, n := mean(never, late)
		is, m := mean(then, late)
		if n < 50 || m < 50 {
			t.Fatalf("%g and %g decisions are too few to compare", n, m)
		}
		if ratio := is / was; late && (ratio < .4 || ratio > .75) || !late && (ratio < .93 || ratio > 1.001) {
			t.Errorf("after the switch %t: P(paid) is %.3f of what it is without one", late, ratio)
		}
	}
}

func TestSwitch_OutsideOfTheHistoryIsRefused(t *testing.T) {
	for _, c := range []Config{{SwitchMonth: -1, SwitchPace: 1}, {SwitchMonth: 99, SwitchPace: 1}, {SwitchMonth: 3}, {SwitchMonth: 3, SwitchPace: 21}} {
		full := testConfig(10)
		full.SwitchMonth, full.SwitchPace = c.SwitchMonth, c.SwitchPace
		if err := full.Validate(); !errors.Is(err, data.ErrUsage) {
			t.Errorf("month %d, pace %g: %v", c.SwitchMonth, c.SwitchPace, err)
		}
	}
}
