package cashflow_test

import (
	"flag"
	"slices"
	"testing"

	"dunning/data"
	"dunning/models/cashflow"
)

// full asks for the tables of docs/FORECAST.md: more customers, more origins.
var full = flag.Bool("full", false, "all origins, as docs/FORECAST.md has them: some minutes")

// days is the horizon: six weeks.
const days = 42

// trial says how much a test looks at.
type trial struct {
	origins int // a week apart, to the end
	begin   int // of these only calibrate
	// cover are the least and the most that intervals may hold of what came.
	least, most float64
}

// TestForecastBeatsItsRivalsOnTheSimulator, by day and by week.
func TestForecastBeatsItsRivalsOnTheSimulator(t *testing.T) {
	customers, months, try := 4000, 18, trial{36, 18, .80, .98}
	if *full {
		customers, months, try = 6000, 24, trial{70, 20, .86, .94}
	}
	b, err := simulate(customers, months, 6)
	if err != nil {
		t.Fatal(err)
	}
	b.judge(t, try)
}

// TestForecastBeatsItsRivalsOnTrafficFines: a real log, with summers of its
// own and one December in which old penalties were paid by the thousand. Without
// -full every eighth fine, at the same origins.
func TestForecastBeatsItsRivalsOnTrafficFines(t *testing.T) {
	every, try := 8, trial{180, 26, .80, .96}
	if *full {
		every, try = 1, trial{180, 26, .86, .94}
	}
	readFines(t, every).judge(t, try)
}

// judge compares forecasts with rivals and intervals with their nominal share
// at past origins, each knowing what was known then.
func (b *book) judge(t *testing.T, try trial) {
	outcomes, err := cashflow.Backcast(t.Context(), b.Book, cashflow.Origins(b.first, b.asOf, try.origins), b.asOf, days, 2)
	if err != nil {
		t.Fatal(err)
	}
	var ours errors
	rivals := map[string]*errors{"seasonal naive, one week": {}, "seasonal naive, four weeks": {}, "roll rates by aging": {}}
	var held holding
	origins := 0
	for i := try.begin; i < len(outcomes) && len(outcomes[i].Came[0]) == days; i++ {
		o := &outcomes[i]
		origins++
		c := cashflow.Calibrate(outcomes[:i], o.Origin)
		came, all := b.total(o.Origin, days), cashflow.Total(o.Curves)
		held.add(c, true, all, came)
		for s, curve := range o.Curves {
			held.add(c, false, curve, o.Came[s])
		}
		ours.add(means(c, all, cashflow.Daily), means(c, all, cashflow.Weekly), came)
		for name, forecast := range map[string][]float64{"seasonal naive, one week": b.naive(o.Origin, days, 1),
			"seasonal naive, four weeks": b.naive(o.Origin, days, 4), "roll rates by aging": b.rollRate(o.Origin, days)} {
			rivals[name].add(forecast, weekly(forecast), came)
		}
	}
	t.Logf("%d origins; absolute error over receipts, by day and by week", origins)
	t.Logf("%-27s %.3f %.3f", "ours", ours.day/ours.receipts, ours.week/ours.receipts)
	for name, e := range rivals {
		t.Logf("%-27s %.3f %.3f", name, e.day/e.receipts, e.week/e.receipts)
		if ours.day >= e.day || ours.week >= e.week {
			t.Errorf("%s is no worse", name)
		}
	}
	for k, name := range map[[2]int]string{{0, 0}: "days", {1, 0}: "weeks", {0, 1}: "days of segments", {1, 1}: "weeks of segments"} {
		share := held[k[0]][k[1]].in / held[k[0]][k[1]].all
		t.Logf("intervals of %s hold %.3f", name, share)
		if share < try.least || share > try.most {
			t.Errorf("intervals of %s hold %.3f of what came, want %.2f to %.2f", name, share, try.least, try.most)
		}
	}
}

// holding counts outcomes and those within their interval, by grain and scope.
type holding [2][2]struct{ in, all float64 }

func (h *holding) add(c *cashflow.Calibration, whole bool, of *cashflow.Curve, came []float64) {
	k := 1
	if whole {
		k = 0
	}
	for g, got := range map[cashflow.Grain][]float64{cashflow.Daily: came, cashflow.Weekly: weekly(came)} {
		for i, x := range got {
			a := c.Interval(g, whole, of, i)
			h[g][k].all++
			if x >= a.Low && x <= a.High {
				h[g][k].in++
			}
		}
	}
}

func means(c *cashflow.Calibration, of *cashflow.Curve, g cashflow.Grain) (out []float64) {
	n := len(of.Day)
	if g == cashflow.Weekly {
		n = len(of.Week)
	}
	for i := range n {
		out = append(out, c.Interval(g, true, of, i).Mean)
	}
	return out
}

func weekly(day []float64) []float64 {
	out := make([]float64, len(day)/7)
	for i, x := range day {
		out[i/7] += x
	}
	return out
}

// TestForecastSeesNothingThatComesLater: what happens from the origin on
// changes nothing.
func TestForecastSeesNothingThatComesLater(t *testing.T) {
	b, err := simulate(300, 12, 3)
	if err != nil {
		t.Fatal(err)
	}
	origin := b.asOf - 60
	forecast := func(b *book) cashflow.Outcome {
		o, err := cashflow.Backcast(t.Context(), b.Book, []data.Date{origin}, b.asOf, days, 1)
		if err != nil {
			t.Fatal(err)
		}
		return o[0]
	}
	was := forecast(b)
	for i := range b.Customers {
		c := &b.Customers[i]
		c.Invoices = slices.DeleteFunc(c.Invoices, func(v cashflow.Invoice) bool { return v.Issued >= origin })
		for j := range c.Invoices {
			v := &c.Invoices[j]
			v.Payments = slices.DeleteFunc(slices.Clone(v.Payments), func(p cashflow.Payment) bool { return p.Day >= origin })
			if v.Until >= origin {
				v.Until = cashflow.Never
			}
		}
	}
	is := forecast(b)
	for s := range was.Curves {
		if !slices.Equal(was.Curves[s].Day, is.Curves[s].Day) || !slices.Equal(was.Curves[s].WeekVar, is.Curves[s].WeekVar) {
			t.Fatalf("segment %d: %v with the future, %v without", s, was.Curves[s].Day, is.Curves[s].Day)
		}
	}
}

// TestIntervalsOfNothingAreNothing: no customers, and customers without
// history, give finite figures.
func TestIntervalsOfNothingAreNothing(t *testing.T) {
	asOf := data.MakeDate(2025, 6, 2)
	for name, customers := range map[string][]cashflow.Customer{
		"nobody":   nil,
		"no bills": {{}},
		"one bill": {{Invoices: []cashflow.Invoice{{Issued: asOf - 200, Due: asOf - 190, Until: cashflow.Never, Cents: 1000}}}},
	} {
		b := cashflow.NewBook(customers, 2)
		outcomes, err := cashflow.Backcast(t.Context(), b, []data.Date{asOf - 7}, asOf, days, 1)
		if err != nil {
			t.Fatal(err)
		}
		c := cashflow.Calibrate(outcomes, asOf)
		for i := range days {
			a := c.Interval(cashflow.Daily, true, cashflow.Total(outcomes[0].Curves), i)
			if !(a.Low >= 0 && a.Low <= a.Mean+1e-9 && a.Mean <= a.High+1e-9 && a.High < 1e6) {
				t.Errorf("%s, day %d: %+v", name, i, a)
			}
		}
	}
}
