package pipeline

import (
	"slices"

	"dunning/data"
	"dunning/features"
	"dunning/policy"
)

// factsDays is how far back touches matter to a rule.
const factsDays = 31

// policyFacts gathers what the rules of an engine ask about a customer, as known
// before asOf.
func policyFacts(h *features.History, asOf data.Date, balance data.Cents, pastDue int32, engine *policy.Engine) policy.Facts {
	f := policy.Facts{AsOf: asOf, BalanceCents: balance, DaysPastDue: pastDue}
	engine.LeavePaused(&f, h.Invoices, h.Payments)
	voice := map[string]bool{}
	for _, t := range h.Touches {
		day := data.DateOf(t.SentAt)
		if t.Channel == data.Hold || day >= asOf || day < asOf-factsDays {
			continue
		}
		f.Touches = append(f.Touches, day)
		f.TouchedOn = append(f.TouchedOn, t.Channel)
		if t.Channel == data.Voice {
			voice[t.TouchID] = true
		}
	}
	if len(voice) > 0 { // a reply to a call is a conversation
		for _, e := range h.Events {
			if day := data.DateOf(e.At); e.Kind == data.EventReplied && day < asOf && voice[e.TouchID] {
				f.LastConversation = max(f.LastConversation, day)
			}
		}
	}
	for _, p := range h.Payments {
		if day := data.DateOf(p.PaidAt); day < asOf {
			f.LastPaymentOn = max(f.LastPaymentOn, day)
		}
	}
	for _, p := range h.Promises {
		if data.DateOf(p.MadeAt) < asOf && p.DueOn >= asOf {
			f.PromiseOpenUntil = max(f.PromiseOpenUntil, p.DueOn)
		}
	}
	return f
}

// unpaused leaves out the invoices that are paused on a day.
func unpaused(invoices []data.Invoice, until map[string]data.Date, day data.Date) []data.Invoice {
	if len(until) == 0 {
		return invoices
	}
	return slices.DeleteFunc(slices.Clone(invoices), func(v data.Invoice) bool {
		last, ok := until[v.InvoiceID]
		return ok && last >= day
	})
}
