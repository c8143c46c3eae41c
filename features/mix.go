package features

import "dunning/data"

// mixStats is what the customer buys and how the oldest open invoice compares.
type mixStats struct {
	invoices, recent, cancelled int
	cents                       int64
	last                        data.Date
	sameDue, sameOnTime         int // invoices of the oldest one's product whose due date has passed
}

func (s *snapshot) readMix() {
	m := &s.mix
	m.last = never
	var product string
	if s.oldest >= 0 {
		product = s.h.Invoices[s.oldest].Product
	}
	for i := range s.x.invoices[:s.issued] {
		v := &s.x.invoices[i]
		m.invoices++
		m.cents += v.amount
		m.last = v.issued
		if v.issued >= s.asOf-90 {
			m.recent++
		}
		if v.cancelled < s.asOf && v.cancelled < v.paidOn {
			m.cancelled++
			continue
		}
		if s.oldest >= 0 && v.due < s.asOf && v.amount > 0 && s.h.Invoices[i].Product == product {
			m.sameDue++
			if v.paidOn <= v.due {
				m.sameOnTime++
			}
		}
	}
}

func mixFeatures() []Feature {
	oldest := func(value func(s *snapshot, v *invoiceFact) float64) func(*snapshot) float64 {
		return func(s *snapshot) float64 {
			if s.oldest < 0 {
				return nan
			}
			return value(s, &s.x.invoices[s.oldest])
		}
	}
	const noInvoice = "no invoice was issued before"
	return []Feature{
		column("kind", "code", 0, 1, func(s *snapshot) float64 {
			switch s.h.Customer.Kind {
			case data.PF:
				return 0
			case data.PJ:
				return 1
			}
			return nan
		}, "Natural person (PF, 0) or company (PJ, 1).").missing("unknown kind"),
		column("uf", "code", 0, maxCategories-1, func(s *snapshot) float64 { return code(s.c.vocabulary.uf, s.h.Customer.UF) },
			"Federative unit, as its position in the model's vocabulary.").missing("not in the vocabulary").learned(),
		column("segment", "code", 0, maxCategories-1, func(s *snapshot) float64 { return code(s.c.vocabulary.segment, s.h.Customer.Segment) },
			"The company's own segment, as its position in the model's vocabulary.").missing("not in the vocabulary").learned(),
		column("product", "code", 0, maxCategories-1, func(s *snapshot) float64 {
			if s.oldest < 0 {
				return nan
			}
			return code(s.c.vocabulary.product, s.h.Invoices[s.oldest].Product)
		}, "Product of the oldest open invoice, as its position in the model's vocabulary.").missing(nothingOpen + " or not in the vocabulary").learned(),
		column("customer_age", "days", 0, inf, func(s *snapshot) float64 {
			if s.h.Customer.Since > s.at {
				return nan
			}
			return s.since(s.h.Customer.Since)
		}, "Days since the customer's first day with the company.").missing("that day is later").atDay(),
		column("invoices", "count", 0, inf, func(s *snapshot) float64 { return float64(s.mix.invoices) },
			"Invoices ever issued."),
		column("invoices_90", "count", 0, inf, func(s *snapshot) float64 { return float64(s.mix.recent) },
			"Invoices issued in the 90 days before AsOf."),
		column("since_issue", "days", 0, inf, func(s *snapshot) float64 { return s.since(s.mix.last) },
			"Days since the last invoice was issued.").missing(noInvoice).atDay(),
		column("amount_mean", "cents", 0, inf, func(s *snapshot) float64 { return ratio(float64(s.mix.cents), float64(s.mix.invoices)) },
			"Mean amount of an invoice.").missing(noInvoice),
		column("oldest_amount", "cents", 0, inf, oldest(func(s *snapshot, v *invoiceFact) float64 { return float64(v.amount) }),
			"Original amount of the oldest open invoice.").missing(nothingOpen),
		column("oldest_amount", "ratio", 0, inf, oldest(func(s *snapshot, v *invoiceFact) float64 {
			return float64(v.amount) * float64(s.mix.invoices) / float64(s.mix.cents)
		}), "That amount ÷ the customer's mean amount of an invoice.").missing(nothingOpen),
		column("oldest_term", "days", 0, inf, oldest(func(s *snapshot, v *invoiceFact) float64 { return float64(v.due - v.issued) }),
			"Days from issue to due date of the oldest open invoice.").missing(nothingOpen),
		column("cancelled", "share", 0, 1, func(s *snapshot) float64 { return ratio(float64(s.mix.cancelled), float64(s.mix.invoices)) },
			"Share of the invoices that were cancelled before being paid in full.").missing(noInvoice),
		column("same_product_on_time", "share", 0, 1, func(s *snapshot) float64 { return ratio(float64(s.mix.sameOnTime), float64(s.mix.sameDue)) },
			"On-time share among the invoices due before AsOf of the oldest open invoice's product.").
			missing(nothingOpen + " or no invoice of that product was due before"),
	}
}
