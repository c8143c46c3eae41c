package pipeline

import (
	"context"

	"dunning/data"
	"dunning/optimizer"
	"dunning/policy/regua"
)

// TryRegua says what a régua would do with the scores of a day, without writing
// anything. A day of 0 means the latest that was scored. The phases of the work go
// to [regua.Report]. The error wraps [data.ErrUsage] where the day was not scored.
//
// What is forgone is what forcing its touches costs: the optimum of the
// recommendation less that of the same program with the captured customers' touches
// given. [optimizer.Boxstep.Force] says the same of ladders that the program could
// have chosen, and that the budget pays for; a régua's may be longer or closer, and
// lose touches where the money ends. So the touches are taken off the limits as in a
// plan, and the second optimum is sought from the prices of the first, on the values
// that were read once. A régua that competes, or waits for the recommendation, leaves
// the program as it is: there the first optimum is the only one.
func TryRegua(ctx context.Context, home string, config *Config, r *regua.Regua, asOf data.Date) (*regua.Trial, error) {
	regua.Report(ctx, regua.TrialReads)
	w, done, err := openScored(home, config, asOf)
	if err != nil {
		return nil, err
	}
	defer done()
	p, err := newPlanner(ctx, w)
	if err != nil {
		return nil, err
	}
	p.brief = true
	// A régua that competes takes nothing before the program: so everybody's values
	// are in it, those of the captured too, and their touches have a price.
	own := *r
	own.Mode = regua.Compete
	regua.Report(ctx, regua.TrialFollows)
	if err := p.follow(ctx, regua.NewSet([]*regua.Regua{&own})); err != nil {
		return nil, err
	}
	regua.Report(ctx, regua.TrialCandidates)
	if err := p.build(p.value, nil); err != nil {
		return nil, err
	}
	everybody := p.values
	regua.Report(ctx, regua.TrialRecommends)
	if err := p.solve(ctx); err != nil {
		return nil, err
	}
	recommended := p.answer.ObjectiveCents
	if own.Mode = r.Mode; own.Mode == regua.Replace {
		regua.Report(ctx, regua.TrialReplaces)
		if p, err = p.beside(ctx, everybody); err != nil {
			return nil, err
		}
	}
	p.takeHeld()
	if err := p.checkReguas(); err != nil {
		return nil, err
	}
	t := &regua.Trial{AsOf: w.AsOf, Outcome: p.outcomes()[0], Failed: p.reguas.failed, BudgetCents: config.BudgetCents,
		RecommendedCents: recommended, TogetherCents: p.answer.ObjectiveCents + p.fixedCents()}
	t.ForgoneCents = t.RecommendedCents - t.TogetherCents
	return t, nil
}

// beside plans what is left beside réguas that replace the recommendation for those
// whom they have: the customers of p without them, from the prices of p.
func (p *planner) beside(ctx context.Context, everybody *optimizer.MemoryValues) (*planner, error) {
	with := p.again()
	with.brief, with.reguas, with.slots, with.book, with.wide = true, p.reguas, p.slots, p.book, p.wide
	with.start, with.size = p.answer.Prices, map[string]int64{}
	with.values = newValuesLike(p)
	err := eachCustomer(everybody, func(i int, profile int32, row []float64) error {
		if p.captured(p.ids[i]) != nil {
			return nil
		}
		with.ids = append(with.ids, p.ids[i])
		with.size[p.book.segment[profile]]++
		return with.values.Add(profile, row)
	})
	if err != nil {
		return nil, err
	}
	with.grid = &optimizer.Grid{Slots: with.slots, Profiles: with.book.profiles(), Values: with.values, Ladder: with.rule}
	with.takeReplaced()
	with.addRows()
	if err := with.grid.Validate(); err != nil {
		return nil, err
	}
	return with, with.solve(ctx)
}
