package web

import (
	"cmp"
	"errors"
	"io/fs"
	"math"
	"net/url"
	"slices"

	"dunning/data"
	"dunning/serve"
	"dunning/serve/ledger"
	"dunning/serve/whatif"
)

// budgetPath is where the room is.
const budgetPath = "/orcamento"

// budgetRoom shows what money and capacities bring, and what others would.
func (s *Site) budgetRoom() {
	read := []serve.Role{serve.Manager, serve.Approver, serve.Auditor, serve.Scientist}
	ask := []serve.Role{serve.Manager, serve.Approver}
	s.add(page{pattern: "GET " + budgetPath, title: "budget.title", group: "group.analyse", icon: "budget", roles: read, do: budgetShow})
	s.add(page{pattern: "GET " + budgetPath + "/ponto", title: "budget.title", roles: read, do: budgetPoint})
	s.add(page{pattern: "GET " + budgetPath + "/simular", title: "budget.title", roles: ask, do: budgetSimulate})
	s.add(page{pattern: "POST " + budgetPath + "/rascunho", title: "budget.title", roles: []serve.Role{serve.Manager}, do: budgetDraft})
	s.add(page{pattern: "GET " + budgetPath + "/rascunho/{id}", title: "budget.title", roles: []serve.Role{serve.Manager}, do: budgetDrafting})
}

// budgetPage is what the template of the room shows.
type budgetPage struct {
	Missing   bool // there is no plan
	Plan      *data.PlanFigures
	Next      string // what the next real brings
	NextRange string // from and to, where the plan has both
	Curve     Chart
	Point     curvePoint // where the slider stands
	Max       int64      // reais, of the slider
	Wallets   []walletNeed
	Heat      priceMap
	Form      wishForm
	Answer    *simulation // nil while nothing is asked
	Note      string      // why nothing can be asked
	Again     string      // what to ask again soon, \"\" for nothing
}

// Step is the slider's, in reais.
func (p *budgetPage) Step() int64 { return max(1, p.Max/400) }

// At is where the slider stands, in reais.
func (p *budgetPage) At() int64 { return int64(p.Point.BudgetCents / 100) }

// PlanAt is the plan's budget, in reais.
func (p *budgetPage) PlanAt() int64 { return int64(p.Plan.BudgetCents / 100) }

// figuresOfPlan returns the figures of the latest plan; nil when there is none.
func (v *visit) figuresOfPlan() (*data.PlanFigures, error) {
	plan := v.site.Store.LatestPlan()
	if plan == nil || v.site.Reports == nil {
		return nil, nil
	}
	report, err := v.site.Reports.Report(plan.AsOf)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return report.Plan, nil
}

func budgetShow(v *visit) error {
	p, err := v.budgetPage(url.Values{}, nil)
	if err != nil {
		return err
	}
	return v.show("budget", p)
}

// budgetPage gathers the room, with an answer if one is given.
func (v *visit) budgetPage(form url.Values, answer *simulation) (*budgetPage, error) {
	plan, err := v.figuresOfPlan()
	if err != nil || plan == nil {
		return &budgetPage{Missing: true}, err
	}
	p := &budgetPage{Plan: plan, Answer: answer, Form: v.wishForm(plan, form), Next: v.say("none")}
	for i := range plan.Prices {
		if plan.Prices[i].Kind == "budget" {
			at := &plan.Prices[i]
			p.Next, p.NextRange = v.perReal(&at.PriceCents), v.priceRange(timesHundred(at.LowCents), timesHundred(at.HighCents))
		}
	}
	var simulated *whatif.Answer
	if answer != nil {
		simulated = answer.Answer
	}
	p.Curve = v.curveChart(plan, simulated)
	p.Point = v.pointAt(plan, plan.BudgetCents)
	for _, at := range plan.Curve {
		p.Max = max(p.Max, int64(at.BudgetCents/100))
	}
	p.Heat = v.planHeat(plan)
	if p.Wallets, err = v.walletNeeds(plan); err != nil {
		return nil, err
	}
	if v.site.WhatIf != nil {
		v.site.WhatIf.Status() // so that it begins to prepare
	}
	return p, nil
}

// cannotAsk says why nothing can be simulated, "" when it can.
func (v *visit) cannotAsk() string {
	if v.site.WhatIf == nil {
		return v.say("budget.no_engine")
	}
	switch v.site.WhatIf.Status().State {
	case whatif.Ready:
		return ""
	case whatif.Failed:
		return v.say("budget.failed")
	}
	return v.say("budget.preparing")
}

// curvePoint is what one budget brings.
type curvePoint struct {
	BudgetCents, LowCents, HighCents data.Cents
	// Marginal is reais per real more, nil where unknown.
	Marginal *float64
	Next     string // the same in words, "" where unknown
}

// pointAt is pointOf with its words.
func (v *visit) pointAt(plan *data.PlanFigures, budget data.Cents) curvePoint {
	p := pointOf(plan, budget)
	if p.Marginal != nil {
		p.Next = v.perReal(p.Marginal)
	}
	return p
}

// timesHundred turns reais into cents.
func timesHundred(f *float64) *float64 {
	if f == nil {
		return nil
	}
	out := 100 * *f
	return &out
}

// pointOf reads a curve at a budget. The optimum is concave in the budget: it is
// not below the chord of two points, and not above what rises with the less
// steep slope before them.
func pointOf(plan *data.PlanFigures, budget data.Cents) curvePoint {
	out := curvePoint{BudgetCents: budget}
	c := plan.Curve
	if len(c) == 0 {
		return out
	}
	i, exact := slices.BinarySearchFunc(c, budget, func(p data.BudgetPoint, b data.Cents) int { return cmp.Compare(p.BudgetCents, b) })
	switch {
	case exact:
		out.LowCents, out.HighCents, out.Marginal = c[i].LowCents, c[i].HighCents, c[i].PriceCents
	case i == 0:
		out.LowCents, out.HighCents = 0, c[0].HighCents
	case i == len(c):
		out.LowCents, out.HighCents = c[i-1].LowCents, c[i-1].HighCents
	default:
		share := float64(budget-c[i-1].BudgetCents) / float64(c[i].BudgetCents-c[i-1].BudgetCents)
		at := func(a, b data.Cents) data.Cents { return data.RoundCents(float64(a) + share*float64(b-a)) }
		out.LowCents = at(c[i-1].LowCents, c[i].LowCents)
		out.HighCents = c[i].HighCents
		if p := c[i-1].PriceCents; p != nil {
			out.HighCents = min(out.HighCents, c[i-1].HighCents+data.RoundCents(*p*float64(budget-c[i-1].BudgetCents)))
		}
		if p := c[i].PriceCents; p != nil {
			out.HighCents = min(out.HighCents, c[i].HighCents-data.RoundCents(*p*float64(c[i].BudgetCents-budget)))
		}
		out.HighCents = max(out.HighCents, out.LowCents)
	}
	if out.Marginal == nil && i > 0 && i < len(c) { // the slope of the chord
		from, to := c[i-1], c[i]
		slope := float64(to.LowCents-from.LowCents) / math.Max(1, float64(to.BudgetCents-from.BudgetCents))
		out.Marginal = &slope
	}
	return out
}

// budgetPoint answers the slider.
func budgetPoint(v *visit) error {
	plan, err := v.figuresOfPlan()
	if err != nil {
		return err
	}
	if plan == nil {
		return fail(serve.CodeUnavailable)
	}
	cents, ok := v.lang.parseMoney(v.r.URL.Query().Get("b"))
	if !ok {
		return fail(serve.CodeInvalid)
	}
	if !v.partial() {
		p, err := v.budgetPage(url.Values{}, nil)
		if err != nil {
			return err
		}
		p.Point = v.pointAt(plan, cents)
		return v.show("budget", p)
	}
	return v.part("budget-point", v.pointAt(plan, cents))
}

// simulation is an answer beside the plan.
type simulation struct {
	*whatif.Answer
	Asked      url.Values // the form, for what is saved
	Conflicts  []string   // what contradicts each other, in words
	Short      []string
	Lines      []simulationLine
	Channels   []channelChange
	Heat       priceMap
	CanSave    bool
	Superseded bool // the plan changed since the page was made
}

// simulationLine compares a figure.
type simulationLine struct {
	Name, Plan, Now, Change string
	Better                  int // 1 better, −1 worse, 0 neither
}

// channelChange compares a channel.
type channelChange struct {
	Channel             data.Channel
	Plan, Now           float64
	PlanCents, NowCents data.Cents
}

func budgetSimulate(v *visit) error {
	form := v.r.URL.Query()
	wish, err := readWish(v.lang, form)
	if err != nil {
		return err
	}
	if why := v.cannotAsk(); why != "" {
		return v.simulated(form, nil, why)
	}
	a, err := v.site.WhatIf.Answer(v.r.Context(), v.login(), wish)
	switch {
	case errors.Is(err, whatif.ErrReplaced):
		return v.part("budget-replaced", nil)
	case errors.Is(err, whatif.ErrNotReady):
		return v.simulated(form, nil, v.say("budget.preparing"))
	case errors.Is(err, data.ErrUsage):
		return fail(serve.CodeInvalid)
	case err != nil:
		return err
	}
	return v.simulated(form, v.compare(form, wish, a), "")
}

// simulated shows an answer, or why there is none, alone or within the page.
func (v *visit) simulated(form url.Values, s *simulation, note string) error {
	again := ""
	if s == nil && v.site.WhatIf != nil && v.site.WhatIf.Status().State == whatif.Preparing {
		again = v.r.URL.RequestURI()
	}
	if v.partial() {
		return v.part("budget-answer", &budgetPage{Answer: s, Note: note, Again: again})
	}
	p, err := v.budgetPage(form, s)
	if err != nil {
		return err
	}
	p.Note, p.Again = note, again
	return v.show("budget", p)
}

// walletNeed is a wallet beside what the plan takes of it.
type walletNeed struct {
	ID        string
	Name      string
	Channel   data.Channel // "" for money
	Available ledger.Units
	Need      ledger.Units
	After     ledger.Units
	Unit      string // what one more unit brings
}

// Short says whether the wallet does not pay for the plan.
func (w walletNeed) Short() bool { return w.After < 0 }

// Write writes an amount in the wallet's unit.
func (w walletNeed) Write(l Language, n ledger.Units) string {
	if w.Channel == "" {
		return l.Money(data.Cents(n))
	}
	return l.Int(int64(n))
}

// walletNeeds compares what wallets hold with what the plan would take of each.
func (v *visit) walletNeeds(plan *data.PlanFigures) ([]walletNeed, error) {
	wallets, err := v.site.Ledger.Wallets(v.r.Context())
	if err != nil {
		return nil, err
	}
	var out []walletNeed
	for _, w := range wallets {
		var unit *float64
		n := walletNeed{ID: w.ID, Name: w.Name, Channel: w.Currency.Channel(), Available: w.Balances.Available}
		if n.Channel == "" {
			n.Need = ledger.Units(plan.SpentCents)
		}
		for _, d := range plan.Days {
			if d.Channel == n.Channel {
				n.Need += ledger.Units(d.Actions)
			}
		}
		for _, p := range plan.Prices {
			// A credit more is worth the dearest day on which it could be sent.
			if n.Channel == "" && p.Kind == "budget" || n.Channel != "" && p.Channel == n.Channel {
				if unit == nil || p.PriceCents > *unit {
					unit = &p.PriceCents
				}
			}
		}
		n.After = n.Available - n.Need
		switch {
		case unit == nil:
			n.Unit = v.say("none")
		case n.Channel == "":
			n.Unit = v.perReal(unit)
		default:
			n.Unit = v.lang.Money(data.RoundCents(*unit))
		}
		out = append(out, n)
	}
	return out, nil
}
