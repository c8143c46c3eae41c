package features

import "dunning/data"

// Dispute is a run of days on which an invoice was contested: those after
// Opened, up to Closed. Closed is far in the future while it is open.
type Dispute struct {
	Opened, Closed data.Date
}

// invoiceDispute is a dispute of the invoice at a position in History.Invoices.
type invoiceDispute struct {
	Dispute
	invoice int32
}

// addDisputes turns words about disputes into disputes, by invoice, then day. A
// word about no invoice is about all; one about an invoice that the history does
// not hold is left out.
func (x *index) addDisputes(h *History) {
	if len(h.Disputes) == 0 {
		return
	}
	for i := range h.Invoices {
		first := len(x.disputes)
		for k := range h.Disputes {
			d := &h.Disputes[k]
			if d.InvoiceID != "" && d.InvoiceID != h.Invoices[i].InvoiceID {
				continue
			}
			last := len(x.disputes) - 1
			switch open := last >= first && x.disputes[last].Closed == never; {
			case !open && d.Kind == data.DisputeOpened:
				x.disputes = append(x.disputes, invoiceDispute{Dispute{dayOf(d.At), never}, int32(i)})
			case open && d.Kind == data.DisputeClosed:
				if x.disputes[last].Closed = dayOf(d.At); x.disputes[last].Closed <= x.invoices[i].issued {
					x.disputes = x.disputes[:last] // it was over before the invoice was there
				}
			}
		}
	}
}

// disputesStats is what the customer contested before AsOf.
type disputesStats struct {
	count     int // disputes of known invoices
	openCents int64
	last      data.Date // on which one was opened
}

func (s *snapshot) readDisputes() {
	p := &s.disputes
	p.last = never
	for i := range s.x.disputes {
		d := &s.x.disputes[i]
		if d.Opened >= s.asOf || s.x.invoices[d.invoice].issued >= s.asOf {
			continue
		}
		p.count++
		if p.last == never || d.Opened > p.last {
			p.last = d.Opened
		}
		if d.Closed >= s.asOf {
			p.openCents += s.x.openCents(int(d.invoice), s.asOf)
		}
	}
}

func disputesFeatures() []Feature {
	return []Feature{
		column("disputes", "count", 0, inf, func(s *snapshot) float64 { return float64(s.disputes.count) },
			"Invoices contested so far, each as often as it was."),
		column("since_dispute", "days", 1, inf, func(s *snapshot) float64 { return s.since(s.disputes.last) },
			"Days since the last one was contested.").missing("none was contested").atDay(),
		column("open", "cents", 0, inf, func(s *snapshot) float64 { return float64(s.disputes.openCents) },
			"What is owed on contested invoices."),
		column("open", "share", 0, 1, func(s *snapshot) float64 {
			return ratio(float64(s.disputes.openCents), float64(s.h.Balance(s.asOf)))
		}, "The same ÷ the balance.").missing("nothing is open"),
	}
}
