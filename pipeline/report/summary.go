package report

import (
	"strings"

	"dunning/data"
)

// summary is what a manager reads first: one sentence and the figures that
// decide.
func (v voice) summary(d Data) section {
	s := section{ID: "summary", Title: v.say("s_summary")}
	if r := d.Portfolio; r != nil {
		s.Facts = append(s.Facts,
			fact{v.say("receivable"), v.Money(r.ReceivableCents), v.say("n_customers", v.Int(r.OpenCustomers))},
			fact{v.say("overdue"), v.Money(r.OverdueCents), v.say("of_portfolio", v.percent(r.OverdueShare, 1))},
			fact{v.say("default_rate"), v.percent(r.DefaultRate, 1), v.Money(r.Over90Cents)},
			fact{v.say("dso"), v.days(r.DSO), v.say("best_dso", v.days(r.BestPossibleDSO))},
		)
	}
	if p := d.Plan; p != nil {
		bound := ""
		if p.ValueLoCents != nil {
			bound = v.say("at_least", v.Money(*p.ValueLoCents))
		}
		s.Facts = append(s.Facts,
			fact{v.say("budget"), v.Money(p.BudgetCents), ""},
			fact{v.say("spent"), v.Money(p.SpentCents), v.say("of_budget", v.share(float64(p.SpentCents), float64(p.BudgetCents), 1))},
			fact{v.say("expected"), v.Money(p.ValueCents), bound},
			fact{v.say("actions"), v.Int(actionsOf(p)), v.perReal(p)},
		)
	}
	if len(s.Facts) == 0 {
		s.Missing, s.Remedy = v.say("missing"), v.say("get_extract")
	}
	return s
}

// noBreak is a blank at which no line ends: an amount stays with its symbol.
const noBreak = "\u00a0"

// headline is the report in one sentence, "" when there is nothing to say.
func (v voice) headline(d Data) string {
	symbol := v.Symbol()
	return strings.ReplaceAll(v.sentence(d), symbol+" ", symbol+noBreak)
}

func (v voice) sentence(d Data) string {
	switch p := d.Plan; {
	case p != nil && p.Touched == 0:
		return v.say("headline_empty", v.Date(p.From), v.Date(p.To), v.say(whyEmpty(d)))
	case p != nil:
		return v.say("headline", v.Money(p.BudgetCents), v.Int(p.Touched), v.Date(p.From), v.Date(p.To), v.Money(p.ValueCents))
	case d.Portfolio != nil:
		return v.say("headline_none", v.Money(d.Portfolio.ReceivableCents), v.Money(d.Portfolio.OverdueCents))
	}
	return ""
}

// whyEmpty names the phrase for the first reason that leaves a plan without
// actions.
func whyEmpty(d Data) string {
	switch p := d.Plan; {
	case d.Evaluation != nil && len(d.Uplift) == 0:
		return "why_no_effect"
	case p.Customers == 0:
		return "why_no_open"
	case p.Allowed == 0:
		return "why_forbidden"
	}
	return "why_no_value"
}

// actionsOf counts the actions of all channels.
func actionsOf(p *data.PlanFigures) (n int64) {
	for _, c := range p.Channels {
		n += c.Actions
	}
	return n
}

// perReal says what a real of spend brings in, "" when nothing is spent.
func (v voice) perReal(p *data.PlanFigures) string {
	if p.SpentCents <= 0 {
		return ""
	}
	return v.say("per_spent", v.Rate(p.ValueCents.Reais()/p.SpentCents.Reais()))
}

// share writes a/b as a percentage, "–" when b is not positive.
func (v voice) share(a, b float64, digits int) string {
	if !(b > 0) {
		return "–"
	}
	return v.Percent(a/b, digits)
}
