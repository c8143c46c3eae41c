package web

import (
	"fmt"
	"math"
	"net/url"
	"strings"

	"dunning/data"
	"dunning/serve"
	"dunning/serve/ledger"
)

// customersPath is where the room is.
const customersPath = "/clientes"

// customersRoom shows one customer: what happened, what is planned and why.
func (s *Site) customersRoom() {
	s.add(page{pattern: "GET " + customersPath, title: "customer.title", group: "group.analyse", icon: "customers", roles: everybody, do: customersShow})
	s.add(page{pattern: "GET " + customersPath + "/{id}", title: "customer.title", roles: everybody, do: customerShow})
	s.add(page{pattern: "POST " + customersPath + "/{id}/revisao", title: "customer.title",
		roles: []serve.Role{serve.Manager, serve.Approver, serve.Auditor}, do: customerReview})
}

// customersPage is the search.
type customersPage struct {
	Query   string
	Similar []string
	Missing bool // there is no lake
}

// similarMost is how many ids a search shows.
const similarMost = 20

func customersShow(v *visit) error {
	p := customersPage{Query: strings.TrimSpace(v.r.URL.Query().Get("q")), Missing: v.site.Histories == nil || v.site.Store.Portfolio() == nil}
	if p.Query == "" || p.Missing {
		return v.show("customers", p)
	}
	if _, ok := v.site.Store.Portfolio().Customer(p.Query); ok {
		return v.redirect(customersPath + "/" + url.PathEscape(p.Query))
	}
	var err error
	if p.Similar, err = v.site.Histories.Similar(v.r.Context(), p.Query, similarMost); err != nil {
		return err
	}
	return v.show("customers", p)
}

// customerPage is one customer.
type customerPage struct {
	ID       string
	Customer data.Customer
	Lake     bool // the lake knows him; otherwise only the ledger or the scores do
	History  *History
	Score    *data.Score
	Horizon  int
	Curve    *Chart
	Ladder   []data.Action
	Why      string
	Uplift   []channelEffect
	Consent  []channelConsent
	Flags    []string // that stop contact, in words
	Record   decisionRecord
	Reviews  []ledger.Review
	Touches  []TouchHistory // as many as the page shows
	More     int            // touches beyond those
}

// DueIn is how many days are left until the oldest invoice is due.
func (p *customerPage) DueIn() int64 { return -int64(p.Score.DaysPastDue) }

// State is the words' key of where an invoice stands.
func (i InvoiceHistory) State() string {
	switch {
	case i.CancelledOn != nil:
		return "customer.state_gone"
	case i.PaidCents >= i.AmountCents:
		return "customer.state_paid"
	case i.PaidCents > 0:
		return "customer.state_part"
	}
	return "customer.state_open"
}

// Mark is the colour of the state.
func (i InvoiceHistory) Mark() string {
	switch i.State() {
	case "customer.state_paid":
		return "good"
	case "customer.state_gone":
		return ""
	}
	return "warn"
}

// channelEffect is how much a contact adds to the probability of payment.
type channelEffect struct {
	Channel data.Channel
	Share   float64
}

type channelConsent struct {
	Channel        data.Channel
	Consent, Reach bool
}

// decisionRecord is what art. 20 of the LGPD asks for: what was decided by
// automated means, from what, and how to have it looked at.
type decisionRecord struct {
	Known    bool
	AsOf     data.Date
	Decision string // in words
	Model    string // version
	PlanID   string
	PlanHash string
	State    ledger.PlanState // "" while the plan is not in the ledger
	StateBy  string
}

// touchesShown bounds the touches of one page.
const touchesShown = 60

func customerShow(v *visit) error {
	p, err := v.customerPage(v.r.PathValue("id"))
	if err != nil {
		return err
	}
	return v.show("customer", p)
}

// customerPage gathers what is known of a customer.
func (v *visit) customerPage(id string) (*customerPage, error) {
	p := &customerPage{ID: id}
	store := v.site.Store
	if lake := store.Portfolio(); lake != nil {
		p.Customer, p.Lake = lake.Customer(id)
	}
	if scores := store.Scores(); scores != nil {
		if row, ok := scores.Find(id); ok {
			p.Score = &row
		}
	}
	if !p.Lake && p.Score == nil {
		return nil, fail(serve.CodeNotFound)
	}
	if v.site.Histories != nil {
		var err error
		if p.History, err = v.site.Histories.History(v.r.Context(), id); err != nil {
			return nil, err
		}
	}
	if p.History != nil {
		p.Customer = p.History.Customer
		p.Touches = p.History.Touches[:min(touchesShown, len(p.History.Touches))]
		p.More = len(p.History.Touches) - len(p.Touches)
	}
	v.describeScore(p)
	v.describeConsent(p)
	if err := v.describeDecision(p); err != nil {
		return nil, err
	}
	var err error
	p.Reviews, err = v.site.Ledger.Reviews(v.r.Context(), id)
	return p, err
}

// describeScore fills in the payment curve and the effects.
func (v *visit) describeScore(p *customerPage) {
	s := p.Score
	if s == nil {
		return
	}
	for k, f := range []*float64{s.UpliftEmail, s.UpliftSMS, s.UpliftWhatsApp, s.UpliftVoice, s.UpliftLetter} {
		if f != nil {
			p.Uplift = append(p.Uplift, channelEffect{data.Channels[k], *f})
		}
	}
	if m := v.site.Store.Model(); m != nil {
		p.Horizon = m.Info().HorizonDays
	}
	if p.Horizon <= 0 {
		return
	}
	// As the planning does: who pays within H days with probability p has paid by
	// the end of day d with probability 1 − (1−p)^(d/H).
	days, values := []string{}, []float64{}
	t := Table{Caption: v.say("customer.curve"), Align: "lr", Head: []string{v.say("customer.day"), v.say("customer.paid_by")}}
	for d := range p.Horizon {
		paid := 1 - math.Pow(1-s.PayProb, float64(d+1)/float64(p.Horizon))
		days, values = append(days, v.lang.Day(s.AsOf+data.Date(d))), append(values, paid)
		t.Rows = append(t.Rows, []string{days[d], v.lang.Percent(paid)})
	}
	p.Curve = &Chart{ID: "paid", Size: "s", Table: t, Alt: v.say("customer.curve_alt", v.lang.Percent(s.PayProb), v.lang.Int(int64(p.Horizon))),
		Option: map[string]any{"tooltip": map[string]any{"trigger": "axis", "valueFormatter": "pct"},
			"xAxis": map[string]any{"type": "category", "data": days, "axisLabel": map[string]any{"hideOverlap": true}},
			"yAxis": map[string]any{"type": "value", "min": 0, "max": 1, "axisLabel": map[string]any{"formatter": "pct"}},
			"series": []any{map[string]any{"type": "line", "name": v.say("customer.paid_by"), "data": values, "showSymbol": false, "itemStyle": map[string]any{"color": "$accent"},
				"lineStyle": map[string]any{"width": 2.5, "color": "$accent"}, "areaStyle": map[string]any{"opacity": 0.15, "color": "$accent"}}}}}
}

// describeConsent says on which channels he may be contacted, and what stops it.
func (v *visit) describeConsent(p *customerPage) {
	c := &p.Customer
	for k, consent := range []bool{c.ConsentEmail, c.ConsentSMS, c.ConsentWhatsApp, c.ConsentVoice, c.ConsentLetter} {
		reach := []bool{c.ReachEmail, c.ReachSMS, c.ReachWhatsApp, c.ReachVoice, c.ReachLetter}[k]
		p.Consent = append(p.Consent, channelConsent{data.Channels[k], consent, reach})
	}
	for _, flag := range []struct {
		key string
		is  bool
	}{{"customer.dispute", c.Dispute}, {"customer.litigation", c.Litigation}, {"customer.indebted", c.OverIndebted},
		{"customer.deceased", c.Deceased}, {"customer.leave", c.DoNotContact}} {
		if flag.is {
			p.Flags = append(p.Flags, v.say(flag.key))
		}
	}
}

// describeDecision fills in the ladder, why, and the record of the decision.
func (v *visit) describeDecision(p *customerPage) error {
	plan := v.site.Store.LatestPlan()
	if plan == nil || p.Score == nil {
		return nil
	}
	p.Ladder = plan.Ladder(p.ID)
	r := decisionRecord{Known: true, AsOf: plan.AsOf, Model: p.Score.ModelVersion, PlanID: plan.ID, PlanHash: plan.SHA256}
	if len(p.Ladder) == 0 {
		p.Why = v.say("customer.why_hold")
		r.Decision = v.say("customer.decided_hold")
	} else {
		p.Why = p.Ladder[0].Reason
		var parts []string
		for _, a := range p.Ladder {
			parts = append(parts, fmt.Sprintf("%s, %s", v.lang.Channel(a.Channel), v.lang.Day(a.Day)))
		}
		r.Decision = v.say("customer.decided", strings.Join(parts, "; "))
	}
	// Newest first: the day's own plan, or the part of it that was approved.
	plans, err := v.site.Ledger.Plans(v.r.Context())
	if err != nil {
		return err
	}
	for _, known := range plans {
		if known.ID == plan.ID {
			r.State, r.StateBy = known.State, known.StateBy
		}
	}
	p.Record = r
	return nil
}

// customerReview writes down that a person is to look at the decision.
func customerReview(v *visit) error {
	id := v.r.PathValue("id")
	p, err := v.customerPage(id)
	if err != nil {
		return err
	}
	decision := v.say("customer.review_no_plan")
	if p.Record.Known {
		decision = fmt.Sprintf("%s %s (SHA-256 %s, %s)", p.Record.Decision, p.Record.PlanID, p.Record.PlanHash, p.Record.Model)
	}
	if _, err := v.site.Ledger.AskReview(v.r.Context(), ledger.ReviewRequest{CustomerID: id, Actor: v.login(),
		Reason: strings.TrimSpace(v.r.PostForm.Get("motivo")), Decision: decision}); err != nil {
		return err
	}
	return v.redirect(customersPath + "/" + url.PathEscape(id) + "?feito=revisao#revisao")
}
