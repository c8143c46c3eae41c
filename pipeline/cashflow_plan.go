package pipeline

import (
	"math"

	"dunning/data"
	"dunning/features"
	"dunning/models/segments"
)

// usualDays is how far back touches are counted as usual.
const usualDays = 28

// fadeDays is the half-life by which what a touch adds is spread over the days
// after it: that of the simulator's touches, and about what is seen of others.
const fadeDays = 2.5

// usualTouches counts the touches of the last usualDays, by segment.
type usualTouches map[segments.Key]*[len(data.Channels)]float64

func (u usualTouches) note(h *features.History, segment segments.Key, asOf data.Date) {
	for i := range h.Touches {
		day, ch := data.DateOf(h.Touches[i].SentAt), h.Touches[i].Channel.Index()
		if ch < 0 || day >= asOf || day < asOf-usualDays {
			continue
		}
		if u[segment] == nil {
			u[segment] = &[len(data.Channels)]float64{}
		}
		u[segment][ch]++
	}
}

// plannedReceipts is what contacts add, by segment and day from AsOf.
type plannedReceipts struct {
	planID      string
	plan, usual map[string]*[receiptsDays]float64
}

// within returns what the plan and usual contact add within days of a segment.
func (p *plannedReceipts) within(segment string, from, days int) (plan, usual data.Cents) {
	sum := func(of map[string]*[receiptsDays]float64) data.Cents {
		total := 0.0
		if x := of[segment]; x != nil {
			for _, v := range x[from : from+days] {
				total += v
			}
		}
		return data.RoundCents(total)
	}
	return sum(p.plan), sum(p.usual)
}

// planned spreads what the plan's contacts are worth over the days after each,
// and what contacts as usual would be worth on the same days: so many on each
// channel as of late, each worth the mean of the customers who are open.
func (f *forecaster) planned() (*plannedReceipts, error) {
	p := &plannedReceipts{plan: map[string]*[receiptsDays]float64{}, usual: map[string]*[receiptsDays]float64{}}
	fade := fading(f.w.Config.Features.HorizonDays)
	add := func(to map[string]*[receiptsDays]float64, segment string, day int, cents float64) {
		for _, name := range []string{data.ReceiptsAll, segment} {
			if to[name] == nil {
				to[name] = &[receiptsDays]float64{}
			}
			for i, share := range fade {
				if at := day + i; at >= 0 && at < receiptsDays {
					to[name][at] += share * cents
				}
			}
		}
	}
	actions, err := data.Read[data.Action](f.w.Input("optimize").Path(planFile))
	if err != nil {
		return nil, err
	}
	for i := range actions {
		a := &actions[i]
		p.planID = a.PlanID
		add(p.plan, string(f.segment[a.CustomerID]), int(a.Day-f.w.AsOf), float64(a.ValueCents))
	}
	worth, err := f.meanWorth()
	if err != nil {
		return nil, err
	}
	for _, segment := range segments.Keys { // in one order, whatever the partitions
		perDay := 0.0
		for _, part := range f.parts {
			if n := part.touches[segment]; n != nil {
				for ch, count := range n {
					perDay += count / usualDays * worth[ch]
				}
			}
		}
		for day := range f.w.Config.Features.PlanDays {
			add(p.usual, string(segment), day, perDay)
		}
	}
	return p, nil
}

// meanWorth is the mean value of a touch on each channel over open customers.
func (f *forecaster) meanWorth() (worth [len(data.Channels)]float64, err error) {
	var n [len(data.Channels)]float64
	for batch, err := range data.Scan[data.Score](f.w.Input("score").Path(scoresFile)) {
		if err != nil {
			return worth, err
		}
		for i := range batch {
			for c, ch := range data.Channels {
				if u := batch[i].Uplift(ch); u != nil {
					worth[c] += *u * float64(batch[i].BalanceCents)
					n[c]++
				}
			}
		}
	}
	for c := range worth {
		worth[c] /= max(n[c], 1)
	}
	return worth, nil
}

// fading shares what a touch adds among the days of its window.
func fading(horizonDays int) []float64 {
	out, sum := make([]float64, horizonDays), 0.0
	for i := range out {
		out[i] = math.Exp2(-float64(i) / fadeDays)
		sum += out[i]
	}
	for i := range out {
		out[i] /= sum
	}
	return out
}
