package policy

import "dunning/data"

// LeavePaused takes paused invoices out of what counts as owed, as known before AsOf:
// BalanceCents and DaysPastDue become those of the invoices that are not paused. Where
// all that are open are paused, both stay, and PausedUntil is the last day before the
// first of them goes on. Invoices and payments are all of the customer's, in any
// order. Planning and sending ask it alike.
func (e *Engine) LeavePaused(f *Facts, invoices []data.Invoice, payments []data.Payment) {
	paused := false
	for i := range invoices {
		paused = paused || e.pauseOf(&invoices[i]) >= f.AsOf
	}
	if !paused {
		return
	}
	paid := map[string]data.Cents{}
	for i := range payments {
		if p := &payments[i]; p.AmountCents > 0 && data.DateOf(p.PaidAt) < f.AsOf {
			paid[p.InvoiceID] += p.AmountCents
		}
	}
	rest, dueOn, until := data.Cents(0), data.Date(0), data.Date(0)
	for i := range invoices {
		v := &invoices[i]
		open := v.AmountCents - paid[v.InvoiceID]
		if open <= 0 || v.IssuedOn >= f.AsOf || v.CancelledOn != nil && *v.CancelledOn < f.AsOf {
			continue
		}
		if last := e.pauseOf(v); last >= f.AsOf {
			if until == 0 || last < until {
				until = last
			}
			continue
		}
		if rest == 0 || v.DueOn < dueOn {
			dueOn = v.DueOn
		}
		rest += open
	}
	switch {
	case rest > 0:
		f.BalanceCents, f.DaysPastDue = rest, int32(f.AsOf-dueOn)
	case until != 0:
		f.PausedUntil = until
	}
}

// pauseOf is the last day of an invoice's pause, 0 for none.
func (e *Engine) pauseOf(v *data.Invoice) data.Date { return e.pausedInvoices[v.InvoiceID] }
