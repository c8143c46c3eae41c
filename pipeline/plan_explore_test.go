package pipeline

import (
	"context"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"dunning/data"
	"dunning/models/uplift"
	"dunning/optimizer"
)

// exploringPlanner has solved a plan of 480 customers with whole ladders, part of
// whose money and places is set aside.
func exploringPlanner(t *testing.T) *planner {
	t.Helper()
	p := reguaPlanner(t, 480, 3)
	p.explores, p.w.Config.Explore = true, ExploreConfig{Share: 0.1, Floor: 0.004}
	p.w.Config.BudgetCents *= 2
	p.w.Config.Segments = nil
	if err := p.build(p.value, nil); err != nil {
		t.Fatal(err)
	}
	if err := p.solve(context.Background()); err != nil {
		t.Fatal(err)
	}
	return p
}

// redraw plans again what was solved, with another draw.
func redraw(p *planner, chosen []optimizer.Rungs, explained []optimizer.LadderExplanation, seed uint64) *planner {
	again := *p
	plan := *p.out.Plan
	again.out.Plan = &plan
	w := &Work{Config: p.w.Config, AsOf: p.w.AsOf, Seed: seed, Tmp: p.w.Tmp, progress: Silent{}, inputs: p.w.inputs}
	again.w, again.chosen, again.explained = w, slices.Clone(chosen), slices.Clone(explained)
	return &again
}

// Over many seeds each option is drawn as often as its logged probability says, and
// the inverse logged probabilities of what was drawn add up to the options that
// could be drawn, option by option: five standard deviations, and 3 %.
func TestExploredDecisionsFollowTheirLoggedProbabilities(t *testing.T) {
	p := exploringPlanner(t)
	chosen, explained := slices.Clone(p.chosen), slices.Clone(p.explained)
	asked := newExploration(redraw(p, chosen, explained, 0))
	asked.ask()
	type option struct {
		customer string
		step     int32
		channel  data.Channel
	}
	const seeds = 1000
	prob, times, decided := map[option]float64{}, map[option]float64{}, map[option]float64{}
	weight, possible := map[data.Channel]float64{}, map[data.Channel]float64{}
	for seed := range uint64(seeds) {
		e := *asked
		e.p = redraw(p, chosen, explained, seed)
		e.draw = rand.New(rand.NewPCG(seed, 4))
		e.decisions, e.won, e.prob, e.wonDay = nil, nil, map[plannedTouch]float64{}, map[int32]data.Date{}
		e.decide()
		for _, d := range e.decisions {
			sum := 0.0
			for _, ch := range append([]data.Channel{data.Hold}, data.Channels[:]...) {
				q := d.Prob(ch)
				sum += q
				if q == 0 {
					continue
				}
				o := option{d.CustomerID, d.Step, ch}
				if before, known := prob[o]; known && math.Abs(before-q) > 1e-12 {
					t.Fatalf("%+v: probability %v and %v", o, before, q)
				}
				prob[o] = q
				decided[o]++
				possible[ch]++
				if d.Option == ch {
					times[o]++
					weight[ch] += 1 / q
				}
			}
			if math.Abs(sum-1) > 1e-9 || d.Prob(d.Option) == 0 {
				t.Fatalf("%+v: probabilities add up to %v", d, sum)
			}
		}
	}
	explored := 0
	for o, q := range prob {
		if off := math.Abs(times[o] - decided[o]*q); off > 5*math.Sqrt(decided[o]*q*(1-q))+1e-9 {
			t.Errorf("%+v is drawn %v times of %v, its probability is %.5f", o, times[o], decided[o], q)
		}
		if q < 0.5 {
			explored++
		}
	}
	if explored < 300 {
		t.Errorf("only %d options are explored", explored)
	}
	for ch, n := range possible {
		if mean := weight[ch] / n; math.Abs(mean-1) > 0.03 {
			t.Errorf("%s: the mean inverse probability is %.4f", ch, mean)
		}
	}
}

// Whatever is drawn, the plan keeps budget, capacities, gaps and law; a share of its
// touches is drawn, and the regret that it reports is what the draws cost on average.
func TestExploredPlansKeepEveryLimit(t *testing.T) {
	ctx := context.Background()
	p := exploringPlanner(t)
	chosen, explained := slices.Clone(p.chosen), slices.Clone(p.explained)
	var drawn, planned, left float64
	var told *data.Explored
	const seeds = 15
	for seed := range uint64(seeds) {
		mine := redraw(p, chosen, explained, seed)
		if err := mine.explore(ctx); err != nil {
			t.Fatal(err)
		}
		actions := mine.actions()
		if err := mine.checkLimits(actions); err != nil {
			t.Errorf("seed %d: %v", seed, err)
		}
		ladders, explored := map[string][]optimizer.Slot{}, 0
		for _, a := range actions {
			if !(a.TreatProb > 0 && a.TreatProb <= 1) {
				t.Fatalf("seed %d: %+v", seed, a)
			}
			if a.Source == data.SourceExploration {
				explored++
			}
			if n := len(ladders[a.CustomerID]); n > 0 && a.Day-ladders[a.CustomerID][n-1].Day < 2 || int(a.Step) > n+1 {
				t.Errorf("seed %d: %+v after %v", seed, a, ladders[a.CustomerID])
			}
			ladders[a.CustomerID] = append(ladders[a.CustomerID], optimizer.Slot{Channel: a.Channel, Day: a.Day})
		}
		for id, l := range ladders {
			if !mine.ladderAllowed(id, l) {
				t.Errorf("seed %d: the ladder %v of %s is not allowed", seed, l, id)
			}
		}
		told = mine.out.Plan.Explored
		if int64(explored) != told.Touches || mine.out.Plan.Exploration != told.Touches {
			t.Errorf("seed %d: %d touches drawn, %+v", seed, explored, told)
		}
		drawn, left = drawn+float64(told.Touches), left+float64(told.LeftOut)
		planned += float64(len(actions))
	}
	if share := drawn / planned; share < 0.05 || share > 0.105 {
		t.Errorf("%.3f of the touches are drawn", share)
	}
	if left == 0 || told.RegretCents <= 0 || told.RegretCents > 0.1*p.out.Plan.PlanValueCents {
		t.Errorf("%v left out, regret %v of %v", left, told.RegretCents, p.out.Plan.PlanValueCents)
	}
}

// What réguas took cannot be drawn a second time.
func TestExplorationLeavesWhatReguasTook(t *testing.T) {
	p := exploringPlanner(t)
	p.reguas = &reguaPlan{byID: map[string]*reguaCustomer{}, wallet: p.newWallet()}
	free := newExploration(p)
	for _, c := range p.capacities() {
		p.reguas.wallet.takenSlots[optimizer.Slot{Channel: c.Channel, Day: c.Day}] = int64(c.Touches)
	}
	p.reguas.wallet.takenCents = p.w.Config.BudgetCents - 7
	taken := newExploration(p)
	for s, slot := range p.slots {
		if slot.Channel == data.Email && (free.room[s] < 1 || taken.room[s] != 0) {
			t.Errorf("%v: room for %v, and for %v once réguas took all", slot, free.room[s], taken.room[s])
		}
	}
	if p.exploreCents() != 7 {
		t.Errorf("%d cents of 7", p.exploreCents())
	}
}

// Without a share nothing is set aside and nothing is drawn.
func TestNothingIsExploredWithoutAShare(t *testing.T) {
	p := reguaPlanner(t, 40, 3)
	p.w.Config.Explore = ExploreConfig{}
	if err := p.build(p.value, nil); err != nil {
		t.Fatal(err)
	}
	if err := p.solve(context.Background()); err != nil {
		t.Fatal(err)
	}
	if err := p.explore(context.Background()); err != nil || p.explored != nil || p.grid.Rows[budgetRow].Limit != float64(p.w.Config.BudgetCents) {
		t.Errorf("%v, %+v, limit %v", err, p.explored, p.grid.Rows[budgetRow].Limit)
	}
	if q := uplift.NewLottery(nil, nil, nil, 0).Draw(rand.New(rand.NewPCG(1, 1))); q != nil {
		t.Errorf("an empty lottery draws %v", q)
	}
}
