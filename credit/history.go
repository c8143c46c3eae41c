package credit

import "dunning/data"

// history is what an applicant's earlier invoices say on a day; −1 for unknown.
type history struct {
	invoices, months, worstDays int
	lateShare                   float64
	overdue                     data.Cents
}

// readHistory sums up the invoices that were due on asOf. A payment after asOf
// counts as none.
func readHistory(rows []PastInvoice, asOf data.Date) history {
	h := history{invoices: -1, months: -1, worstDays: -1, lateShare: -1}
	if rows == nil {
		return h
	}
	h.invoices, h.worstDays = 0, 0
	late, first := 0, asOf
	for _, v := range rows {
		if v.DueOn >= asOf {
			continue
		}
		h.invoices++
		first = min(first, v.DueOn)
		paid := v.PaidOn != nil && *v.PaidOn <= asOf
		days := int(asOf - v.DueOn)
		if paid {
			days = int(*v.PaidOn - v.DueOn)
		} else {
			h.overdue += v.AmountCents
		}
		if days > 0 {
			late++
		}
		h.worstDays = max(h.worstDays, days)
	}
	h.months = int(asOf-first) / 30
	if h.invoices > 0 {
		h.lateShare = float64(late) / float64(h.invoices)
	}
	return h
}

// values are the history under the names that a model's features may have.
func (h history) values() map[string]float64 {
	if h.invoices < 0 {
		return nil
	}
	v := map[string]float64{"history_invoices": float64(h.invoices), "history_months": float64(h.months),
		"history_worst_days": float64(h.worstDays), "history_overdue_cents": float64(h.overdue)}
	if h.invoices > 0 {
		v["history_late_share"] = h.lateShare
	}
	return v
}
