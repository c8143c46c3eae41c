package optimizer

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"dunning/data"
)

// ladderMarket is customers of the family of Instance with prices near those
// that clear their rows: 5 channels × 14 days, 40 of the 70 slots each, ladders
// of three touches two days apart, discounts that tell four gaps apart.
func ladderMarket(customers int) (*Grid, [][]float64, []float64) {
	const channels, days = 5, 14
	rng := rand.New(rand.NewPCG(1, 2))
	g := &Grid{Profiles: 1, Ladder: LadderRule{Touches: 3, GapDays: 2, Factor: [][]float64{
		nil, {0, 0, 0.62, 0.7, 0.76, 0.8}, {0, 0, 0.45, 0.52, 0.57, 0.6},
	}}}
	budget := GridRow{Name: "budget", Limit: 28.0 * float64(customers)}
	for d := range days {
		for ch := range channels {
			s := int32(len(g.Slots))
			g.Slots = append(g.Slots, Slot{data.Channels[ch], 20458 + data.Date(d)})
			budget.Use = append(budget.Use, SlotUse{0, s, instanceCost[ch]})
			share := (0.25 - 0.05*float64(ch)) / days * (0.6 + 0.8*rng.Float64())
			g.Rows = append(g.Rows, GridRow{Name: fmt.Sprint("capacity ", s), Limit: share * float64(customers), Use: []SlotUse{{0, s, 1}}})
		}
	}
	g.Rows = append(g.Rows, budget)
	values := make([][]float64, customers)
	for i := range values {
		level := math.Exp(0.8*rng.NormFloat64() - 0.32)
		values[i] = make([]float64, len(g.Slots))
		for k, s := range rng.Perm(len(g.Slots)) {
			if values[i][s] = Forbidden; k < 40 {
				values[i][s] = 500*level*instanceEffect[s%channels]*math.Pow(0.97, float64(s/channels))*math.Exp(0.5*rng.NormFloat64()-0.125) - 60*rng.Float64()
			}
		}
	}
	return g, values, clearingPrices(g, values[:min(customers, 4000)], float64(customers))
}

// clearingPrices moves prices against the excess of demand, in ever smaller
// steps.
func clearingPrices(g *Grid, values [][]float64, customers float64) []float64 {
	t := newUseTable(g)
	prices := make([]float64, t.rows())
	for r := range prices {
		prices[r] = 100
	}
	prices[len(prices)-1] = 1
	for step := range 120 {
		l := newLadderSearch(g.Slots, t, box{prices, prices, prices})
		used := make([]float64, len(prices))
		for _, v := range values {
			o, _ := l.best(0, v)
			rows, amounts := t.of(0, o.rungs, nil, nil)
			for k, r := range rows {
				used[r] += amounts[k]
			}
		}
		rate := 0.5 / (1 + 0.05*float64(step))
		for r := range prices {
			excess := used[r]/float64(len(values))/(t.limit[r]/customers) - 1
			prices[r] *= math.Exp(rate * max(-1, min(1, excess)))
		}
	}
	return prices
}

// BenchmarkLadderSegments is BenchmarkLadder with eight segments: rows of the
// credits of each channel and of each segment's touches by channel.
func BenchmarkLadderSegments(b *testing.B) {
	g, values, prices := ladderMarket(20_000)
	const profiles = 8
	g.Profiles = profiles
	for r := range g.Rows {
		use := g.Rows[r].Use
		for p := int32(1); p < profiles; p++ {
			for _, u := range use {
				g.Rows[r].Use = append(g.Rows[r].Use, SlotUse{p, u.Slot, u.Amount})
			}
		}
	}
	for ch := range 5 {
		credits := GridRow{Name: fmt.Sprint("credits ", ch)}
		for p := range int32(profiles) {
			segment := GridRow{Name: fmt.Sprint("segment ", p, ch)}
			for s := int32(ch); s < 70; s += 5 {
				segment.Use = append(segment.Use, SlotUse{p, s, 1})
			}
			credits.Use = append(credits.Use, segment.Use...)
			g.Rows, prices = append(g.Rows, segment), append(prices, 10*float64(int(p)%2))
		}
		g.Rows, prices = append(g.Rows, credits), append(prices, 5*float64(ch%2))
	}
	benchmarkWidths(b, g, values, prices, profiles)
}

// BenchmarkLadder decides customers at boxes of several widths, in per mille of
// the prices.
func BenchmarkLadder(b *testing.B) {
	g, values, prices := ladderMarket(20_000)
	benchmarkWidths(b, g, values, prices, 1)
}

func benchmarkWidths(b *testing.B, g *Grid, values [][]float64, prices []float64, profiles int) {
	t := newUseTable(g)
	for _, width := range []float64{0, 0.1, 1, 10, 50, 250} {
		b.Run(fmt.Sprintf("width=%g", width), func(b *testing.B) {
			x := box{centre: prices}
			for _, p := range prices {
				x.lower, x.upper = append(x.lower, p*(1-width/1000)), append(x.upper, p*(1+width/1000))
			}
			l := newLadderSearch(g.Slots, t, x)
			var keep []option
			decided, kept, touches, n := 0, 0, 0, 0
			b.ReportAllocs()
			for b.Loop() {
				keep, _ = l.decide(int32(n%profiles), values[n%len(values)], 512, keep)
				decided += int(asOne(len(keep) == 1))
				kept += len(keep)
				touches += keep[0].rungs.Touches()
				n++
			}
			b.ReportMetric(float64(n)/b.Elapsed().Seconds(), "customers/s")
			b.ReportMetric(float64(decided)/float64(n), "decided")
			b.ReportMetric(float64(touches)/float64(n), "touches")
			if n > decided {
				b.ReportMetric(float64(kept-decided)/float64(n-decided), "kept/open")
			}
		})
	}
}
