package portfolio

import (
	"cmp"
	"slices"

	"dunning/data"
)

// The rules of the report, in days and numbers of invoices.
const (
	onTimeDays  = 3   // after the due date that still count as on time
	seriousDays = 30  // after the due date from which an invoice is seriously late
	goodDays    = 180 // since the first due date that a good payer needs
	goodRows    = 6   // invoices due that a good payer needs, all on time
	idleDays    = 180 // without a purchase after which a limit is idle
	fullUse     = 0.7 // of a good payer's limit in use: it may be too small
	firstDays   = 15  // past due now, of somebody who never was late before
	risingSteps = 3   // months in sequence in which the mean delay rose
	risingDays  = 10  // by which it rose over them
)

// invoiceFacts are one invoice on the day of the report.
type invoiceFacts struct {
	data.Invoice
	due      bool // before the day
	open     data.Cents
	lateDays int // until it was paid, or until now; 0 for early
}

// customerFacts are one customer on the day of the report.
type customerFacts struct {
	data.Customer
	invoices []invoiceFacts // by due date
	due      int
	onTime   int
	open     data.Cents
	overdue  data.Cents
	lateNow  int        // days past due of the oldest open invoice
	worst    int        // most days late of any
	lastYear data.Cents // billed in 365 days
	lastBuy  data.Date
}

// payment of an invoice: when and how much.
type payment struct {
	on     data.Date
	amount data.Cents
}

// factsOf reads one customer's invoices; payments and invoices after asOf do not
// count, nor do invoices that were cancelled by then.
func factsOf(c data.Customer, invoices []data.Invoice, paid map[string][]payment, asOf data.Date) customerFacts {
	f := customerFacts{Customer: c}
	for _, v := range invoices {
		if v.IssuedOn > asOf || v.CancelledOn != nil && *v.CancelledOn <= asOf || v.AmountCents == 0 {
			continue
		}
		one := invoiceFacts{Invoice: v, due: v.DueOn < asOf, open: v.AmountCents}
		end := asOf
		for _, p := range paid[v.InvoiceID] {
			if p.on > asOf {
				break
			}
			if one.open -= p.amount; one.open <= 0 {
				one.open, end = 0, p.on
				break
			}
		}
		one.lateDays = max(0, int(end-v.DueOn))
		f.add(one, asOf)
	}
	slices.SortStableFunc(f.invoices, func(a, b invoiceFacts) int { return cmp.Compare(a.DueOn, b.DueOn) })
	return f
}

func (f *customerFacts) add(v invoiceFacts, asOf data.Date) {
	f.invoices = append(f.invoices, v)
	f.open += v.open
	f.lastBuy = max(f.lastBuy, v.IssuedOn)
	if v.IssuedOn > asOf-365 {
		f.lastYear += v.AmountCents
	}
	if !v.due {
		return
	}
	f.due++
	f.worst = max(f.worst, v.lateDays)
	if v.lateDays <= onTimeDays {
		f.onTime++
	}
	if v.open > 0 {
		f.overdue += v.open
		f.lateNow = max(f.lateNow, v.lateDays)
	}
}

// good tells a payer who is worth a reward.
func (f *customerFacts) good(asOf data.Date) bool {
	return f.due >= goodRows && f.onTime == f.due && f.overdue == 0 && int(asOf-f.invoices[0].DueOn) >= goodDays
}

// use is the share of the limit in use, 0 without a limit.
func (f *customerFacts) use() float64 {
	if f.CreditLimitCents <= 0 {
		return 0
	}
	return float64(f.open) / float64(f.CreditLimitCents)
}

// limitReview says why the limit needs a look, "" for none.
func (f *customerFacts) limitReview(asOf data.Date) Why {
	switch {
	case f.CreditLimitCents <= 0:
		return ""
	case f.lateNow >= seriousDays && f.open < f.CreditLimitCents:
		return WhyLateWithRoom
	case f.good(asOf) && f.use() >= fullUse:
		return WhyGoodAndFull
	case int(asOf-f.lastBuy) >= idleDays:
		return WhyIdle
	}
	return ""
}

// alert says how the behaviour deteriorates, "" for not.
func (f *customerFacts) alert() Why {
	if f.lateNow >= firstDays && f.due > goodRows && f.due-f.onTime == f.openLate() {
		return WhyFirstDelay
	}
	months := f.monthlyDelay()
	if len(months) <= risingSteps {
		return ""
	}
	last := months[len(months)-1-risingSteps:]
	for i := 1; i < len(last); i++ {
		if last[i] <= last[i-1] {
			return ""
		}
	}
	if last[risingSteps]-last[0] < risingDays {
		return ""
	}
	return WhyRising
}

// openLate counts the invoices that are late and unpaid.
func (f *customerFacts) openLate() (n int) {
	for _, v := range f.invoices {
		if v.due && v.open > 0 && v.lateDays > onTimeDays {
			n++
		}
	}
	return n
}

// monthlyDelay is the mean delay of the invoices due in each month that had any,
// oldest first.
func (f *customerFacts) monthlyDelay() []float64 {
	var out []float64
	month, sum, n := -1, 0.0, 0.0
	for _, v := range f.invoices {
		if !v.due {
			continue
		}
		t := v.DueOn.Time()
		if m := t.Year()*12 + int(t.Month()); m != month {
			if n > 0 {
				out = append(out, sum/n)
			}
			month, sum, n = m, 0, 0
		}
		sum, n = sum+float64(v.lateDays), n+1
	}
	if n > 0 {
		out = append(out, sum/n)
	}
	return out
}
