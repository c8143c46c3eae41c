package kpi

import "dunning/data"

// divide fills the figures that are quotients of the sums, by the formulas of
// docs/INDICATORS.md.
func (r *reading) divide() {
	r.OverdueShare = ratio(r.OverdueCents, r.ReceivableCents)
	r.DefaultRate = ratio(r.Over90Cents, r.ReceivableCents)
	r.Coverage = ratio(r.ProvisionCents, r.Over90Cents)
	r.divideSales()
	r.divideMonths()

	p := &r.Promises
	p.KeptRate = ratio(p.Kept, p.Due)
	p.KeptValueRate = ratio(p.KeptCents, p.DueCents)
	v := &r.Recovery
	v.Liquidation = ratio(v.CollectedCents, v.AssignedCents)
	v.Rate = ratio(v.OpeningCollectedCents, v.OpeningCents)

	c := &r.Contacts
	c.RightPartyRate = ratio(c.RightParty, c.Touches)
	voice := c.Channels[data.Voice.Index()]
	c.CallRate = ratio(voice.Replied, voice.Sent)
	c.PromiseRate = ratio(p.Agreements, c.RightParty)
	c.AgreementRate = ratio(p.Agreements, c.CustomersContacted)
	c.Coverage = ratio(c.Reachable, r.Customers)
	c.ConsentShare = ratio(c.Contactable, r.Customers)

	if c.Touches > 0 {
		r.Cost.PerReal = ratio(r.Cost.TouchCents, r.CollectedCents)
		r.Cost.PerOverdueReal = ratio(r.Cost.TouchCents, r.CollectedOverdueCents)
	}
}

// divideSales fills the indicators that compare receivables with sales.
func (r *reading) divideSales() {
	days, sales := float64(r.Days), float64(r.BilledCents)
	r.DSO = quotient(float64(r.ReceivableCents)*days, sales)
	r.BestPossibleDSO = quotient(float64(r.CurrentCents)*days, sales)
	r.ADD = quotient(float64(r.OverdueCents)*days, sales) // = DSO − best possible DSO, without cancellation
	r.CEI = effectiveness(r.BeginningReceivableCents, r.BilledCents, r.ReceivableCents, r.CurrentCents, r.Months)
}

// effectiveness is the CEI; nil past a beginning that is smaller than what is
// current, where the formula has nothing collectable to divide by.
func effectiveness(beginning, billed, ending, current data.Cents, months int) *float64 {
	base := float64(beginning) + float64(billed)/float64(months)
	return quotient((base-float64(ending))*100, base-float64(current))
}

// divideMonths fills the rates by month and over all months.
func (r *reading) divideMonths() {
	for i := range r.Series {
		r.Series[i].OverdueShare = ratio(r.Series[i].OverdueCents, r.Series[i].ReceivableCents)
	}
	for i := range r.Roll {
		var from, to data.Cents
		for j := range r.Roll[i].Months {
			m := &r.Roll[i].Months[j]
			m.Rate = ratio(m.ToCents, m.FromCents)
			from, to = from+m.FromCents, to+m.ToCents
		}
		r.Roll[i].Rate = ratio(to, from)
	}
	var delinquent, cured int64
	for i := range r.Cure {
		m := &r.Cure[i]
		m.Rate = ratio(m.Cured, m.Delinquent)
		delinquent, cured = delinquent+m.Delinquent, cured+m.Cured
	}
	r.CureRate = ratio(cured, delinquent)
}

// ratio returns a/b, nil when b is not positive.
func ratio[N ~int64](a, b N) *float64 { return quotient(float64(a), float64(b)) }

// quotient returns a/b, nil when b is not positive.
func quotient(a, b float64) *float64 {
	if !(b > 0) {
		return nil
	}
	q := a / b
	return &q
}
