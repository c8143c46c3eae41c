package synth

import "dunning/data"

// soonDays is what "shortly after the due date" means.
const soonDays = 10

// tally counts what a portfolio looks like, block by block: exact sums of
// integers and sums of truth in the order of customers.
type tally struct {
	due, paidByDue, paidSoon int64 // invoices due before the end; paid by then; paid at most soonDays after
	open, overdue30          data.Cents
	options                  [channels + 1]int64
	organic                  float64
	effect                   [channels]float64
	judged                   int64
}

// Shares are figures of a generated portfolio, in [0, 1] but for effects.
type Shares struct {
	PaidByDue  float64 `json:"paid_by_due"`    // of the invoices due before the end
	PaidSoon   float64 `json:"paid_by_due_10"` // paid in full at most ten days after it
	Overdue30  float64 `json:"overdue_30"`     // of the open cents at the end: more than 30 days past due
	OrganicAvg float64 `json:"organic_07"`     // mean true organic probability of the logged decisions
	// Options are the shares of the logged decisions, and Effects the mean true
	// effects on P(paid in full within 7 days), by channel name.
	Options map[data.Channel]float64 `json:"options"`
	Effects map[data.Channel]float64 `json:"effect_prob,omitempty"`
}

func (t *tally) add(o *tally) {
	t.due, t.paidByDue, t.paidSoon = t.due+o.due, t.paidByDue+o.paidByDue, t.paidSoon+o.paidSoon
	t.open, t.overdue30 = t.open+o.open, t.overdue30+o.overdue30
	for i := range t.options {
		t.options[i] += o.options[i]
	}
	t.organic += o.organic
	for c := range t.effect {
		t.effect[c] += o.effect[c]
	}
	t.judged += o.judged
}

// settled counts an invoice that was paid in full on a day.
func (t *tally) settled(v *openInvoice, day int) {
	if day <= v.due {
		t.paidByDue++
	}
	if day <= v.due+soonDays {
		t.paidSoon++
	}
}

// standing counts an invoice that is open at the end.
func (t *tally) standing(v *openInvoice, end int) {
	t.open += v.left
	if end-v.due > 30 {
		t.overdue30 += v.left
	}
}

func (t *tally) decision(e *Expectation) {
	t.judged++
	t.organic += e.Organic(windowDays)
	for c, p := range e.effects().prob {
		t.effect[c] += float64(*p)
	}
}

func (t *tally) shares() Shares {
	ratio := func(a, b float64) float64 {
		if b == 0 {
			return 0
		}
		return a / b
	}
	s := Shares{
		PaidByDue:  ratio(float64(t.paidByDue), float64(t.due)),
		PaidSoon:   ratio(float64(t.paidSoon), float64(t.due)),
		Overdue30:  ratio(float64(t.overdue30), float64(t.open)),
		OrganicAvg: ratio(t.organic, float64(t.judged)),
		Options:    map[data.Channel]float64{},
	}
	total := 0.0
	for _, n := range t.options {
		total += float64(n)
	}
	s.Options[data.Hold] = ratio(float64(t.options[0]), total)
	for c, ch := range data.Channels {
		s.Options[ch] = ratio(float64(t.options[c+1]), total)
	}
	if t.judged > 0 {
		s.Effects = map[data.Channel]float64{}
		for c, ch := range data.Channels {
			s.Effects[ch] = t.effect[c] / float64(t.judged)
		}
	}
	return s
}
