package features

// paceStats compares the customer's payments with what the baseline expected
// of him. A pace of 1 is the portfolio's.
type paceStats struct {
	known    bool
	quiet    float64 // on days without a touch within quietDays
	recent   float64 // the same within the last 90 days
	expected float64 // payments expected within 7 days from the day of the action, at the quiet pace
}

// paceTrials is how many expected payments a pace is pulled by: a customer's
// to the portfolio's, his quiet one to his own, a recent one to the quiet one.
const paceTrials = 2

func (s *snapshot) readPace() {
	p, e, b := &s.pace, &s.c.exposure, &s.c.baseline
	if p.known = b.known(); !p.known {
		return
	}
	e.read(s.h, b, s.c.calendar)
	all := pace(e.between(e.paid, -never, s.asOf), e.between(e.expected, -never, s.asOf), 1, paceTrials)
	p.quiet = pace(e.between(e.paidQuiet, -never, s.asOf), e.between(e.expectedQuiet, -never, s.asOf), all, paceTrials)
	p.recent = pace(e.between(e.paidQuiet, s.asOf-90, s.asOf), e.between(e.expectedQuiet, s.asOf-90, s.asOf), p.quiet, paceTrials)
	kind := kindIndex(s.h.Customer.Kind)
	for i := range s.x.invoices[:s.issued] {
		if v := &s.x.invoices[i]; v.openUntil >= s.asOf {
			for d := s.at; d < s.at+7; d++ {
				p.expected += b.hazardAt(v, kind, d, s.c.calendar)
			}
		}
	}
	p.expected *= p.quiet
}

// paceFeatures belong to the payment history.
func paceFeatures() []Feature {
	known := func(value func(*paceStats) float64) func(*snapshot) float64 {
		return func(s *snapshot) float64 {
			if !s.pace.known {
				return nan
			}
			return value(&s.pace)
		}
	}
	const noBaseline = "the vocabulary has no baseline"
	return []Feature{
		column("pace", "ratio", 0, inf, known(func(p *paceStats) float64 { return p.quiet }),
			"Payments ÷ those that the portfolio's hazard expected of the same open invoices on the same days, over days without a touch in 7 days, pulled by 2 expected payments to the customer's pace on all days, itself pulled by 2 to 1.").missing(noBaseline).learned(),
		column("pace_90", "ratio", 0, inf, known(func(p *paceStats) float64 { return p.recent }),
			"The same over the last 90 days, pulled by 2 expected payments to that of all time.").missing(noBaseline).learned(),
		column("expected_7", "count", 0, inf, known(func(p *paceStats) float64 { return p.expected }),
			"Payments that this pace lets expect on the open invoices in the 7 days from the day of the action, if none of them ends one.").missing(noBaseline).atDay().learned(),
	}
}
