package synth

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"time"

	"dunning/data"
)

// life is the history of one customer, lived a day at a time. Within a day:
// letters arrive, the creditor decides (on the weekly decision day), payments
// come, new invoices are issued, and on the eve of a decision day the creditor
// reviews what is open. So a decision sees the state at the start of its day,
// and between two decisions of a customer the creditor does nothing before the
// effect window has closed.
type life struct {
	cfg   *Config
	world *world
	cal   *calendar
	rng   *rand.Rand
	p     person
	open  []*openInvoice
	paid  []*openInvoice // paid in full since the last review
	rows  []*data.Invoice
	plan  []planned // not yet issued
	news  []report  // bureau reports not yet known, in order
	out   *Sources
	truth *Truth // nil when not asked for
	count *tally
	view  *outlook

	load    float64 // recent delivered touches, decaying
	loadDay int
	sent    []int // days of touches sent
	late    int   // invoices paid after their due day
	closed  int   // invoices paid

	know     knowledge
	payments int
	touches  int
	promises int
}

// report is a bureau report and the day on which it comes.
type report struct {
	day   int
	score float64
	marks int
}

// newLife returns the scratch space of one worker; the configuration is valid.
func newLife(c *Config, k *calendar) *life {
	w, ok := newWorld(c.Preset)
	if !ok {
		panic("synth: unknown preset " + string(c.Preset))
	}
	return &life{cfg: c, world: w, cal: k, view: &outlook{world: w}}
}

// live generates the customer with the given index and appends his rows to out
// and truth. The slices of l are reused from customer to customer.
func (l *life) live(index int) {
	l.history(index)
	l.finish()
}

// history lives up to the end.
func (l *life) history(index int) {
	l.begin(index)
	for day := 0; day < l.cal.days; day++ {
		if len(l.open) == 0 && len(l.paid) == 0 {
			if len(l.plan) == 0 {
				break
			}
			day = max(day, l.plan[0].issued) // nothing happens before
		}
		l.liveDay(day)
	}
}

func (l *life) begin(index int) {
	l.rng = rand.New(rand.NewPCG(l.cfg.Seed, seedOf(uint64(index))))
	l.p = newPerson(*l.cfg, l.world, l.cal, l.rng, index)
	l.open, l.paid, l.rows, l.sent, l.news = l.open[:0], l.paid[:0], l.rows[:0], l.sent[:0], l.news[:0]
	l.load, l.loadDay, l.late, l.closed, l.payments, l.touches, l.promises = 0, 0, 0, 0, 0, 0, 0
	l.know.reset(&l.p.logPrior)
	l.bureau()
	l.plan = schedule(nil, l.cal, &l.p, l.rng)
}

func (l *life) liveDay(day int) {
	for _, v := range l.open {
		v.arrive(day)
	}
	if l.decides(day) {
		l.decide(day)
	}
	l.payDay(day)
	for len(l.plan) > 0 && l.plan[0].issued <= day {
		l.issue(l.plan[0])
		l.plan = l.plan[1:]
	}
	if (l.cal.weekday[day]+1)%7 == l.p.weekday {
		l.review(day)
	}
}

// decides tells whether the day is one on which the customer's invoices are
// looked at.
func (l *life) decides(day int) bool {
	return l.cal.weekday[day] == l.p.weekday && l.cal.business[day]
}

// issue opens a planned invoice unless sales are suspended.
func (l *life) issue(n planned) {
	for _, v := range l.open {
		if n.issued-v.due > suspendDays {
			return
		}
	}
	v := l.newInvoice(n.issued, n.due, n.amount, n.product.name, n.product.tilt)
	if l.rng.Float64() < disputeShare {
		v.disputed = true
		l.dispute(v, n.issued, 18*time.Hour, data.DisputeOpened)
	}
}

// dispute logs that a dispute of the invoice began or ended.
func (l *life) dispute(v *openInvoice, day int, hour time.Duration, kind data.DisputeKind) {
	l.out.Disputes = append(l.out.Disputes, data.Dispute{CustomerID: l.p.row.CustomerID, InvoiceID: v.row.InvoiceID, At: l.cal.date(day).Time().Add(hour), Kind: kind})
}

// settleDispute ends a dispute at the end of a day.
func (l *life) settleDispute(v *openInvoice, day int) {
	v.disputed = false
	l.dispute(v, day, 23*time.Hour+45*time.Minute, data.DisputeClosed)
}

func (l *life) newInvoice(issued, due int, amount data.Cents, product string, tilt float64) *openInvoice {
	ratio := float64(amount) / l.p.capacity
	row := &data.Invoice{
		InvoiceID:   fmt.Sprintf("I%s-%03d", l.p.row.CustomerID[1:], len(l.rows)+1),
		CustomerID:  l.p.row.CustomerID,
		IssuedOn:    l.cal.date(issued),
		DueOn:       l.cal.date(due),
		AmountCents: amount,
		Currency:    "BRL",
		Product:     product,
	}
	l.rows = append(l.rows, row)
	v := &openInvoice{
		row: row, issued: issued, due: due, left: amount,
		coef:         l.p.trait * math.Exp(tilt) * math.Pow(ratio, capacityExponent),
		fullProb:     .96,
		promiseUntil: -1,
		clock:        l.rng.ExpFloat64(),
	}
	if ratio > 1 {
		v.fullProb = .85
	}
	l.open = append(l.open, v)
	return v
}

// payDay lets every invoice that was issued before the day be paid on it, and
// takes note of what that says about the latent draws.
func (l *life) payDay(day int) {
	factor := l.cal.hazard(l.p.pj)
	g := levelHazard[l.p.level]
	kept := l.open[:0]
	for _, v := range l.open {
		if v.issued >= day {
			kept = append(kept, v)
			continue
		}
		h := v.hazard(l.cal, factor, day)
		mult, plain := v.multipliers(l.world, day)
		parts, events := v.parts, 0
		for v.clock -= g * h * mult[l.p.kind]; v.clock < 0 && v.left > 0; events++ {
			v.clock += l.rng.ExpFloat64()
			l.pay(v, day)
		}
		l.know.day(h, &mult, plain, parts, events, v.left == 0)
		if v.left > 0 {
			v.decay(l.world)
			kept = append(kept, v)
		}
	}
	l.open = kept
}

// multipliers returns the hazard ratios of the day for each response type;
// plain tells that all are one.
func (v *openInvoice) multipliers(w *world, day int) (mult [nTypes]float64, plain bool) {
	promised := v.promised(day)
	if !v.touched && !promised {
		return ones, true
	}
	for k := range mult {
		x := v.effect[k]
		if promised {
			x += w.types[k].promise
		}
		mult[k] = math.Exp(x)
	}
	return mult, false
}

var ones = func() (m [nTypes]float64) {
	for k := range m {
		m[k] = 1
	}
	return m
}()

// pay makes the payment of one event.
func (l *life) pay(v *openInvoice, day int) {
	amount := v.left
	switch {
	case v.parts == 0:
		if l.rng.Float64() >= v.fullProb {
			amount = max(1, data.RoundCents(float64(v.left)*(.2+.6*l.rng.Float64())))
			v.parts = 1
		}
	case v.parts > 1:
		amount = max(1, v.left/data.Cents(v.parts))
		v.parts--
	}
	v.left -= amount
	l.payments++
	from := 11 * time.Hour
	if n := len(l.sent); n > 0 && l.sent[n-1] == day {
		from = 17 * time.Hour // after the touch
	}
	seconds := l.rng.IntN(int((23*time.Hour + 30*time.Minute - from) / time.Second))
	l.out.Payments = append(l.out.Payments, data.Payment{
		PaymentID:   fmt.Sprintf("P%s-%03d", l.p.row.CustomerID[1:], l.payments),
		InvoiceID:   v.row.InvoiceID,
		CustomerID:  l.p.row.CustomerID,
		PaidAt:      l.cal.date(day).Time().Add(from + time.Duration(seconds)*time.Second),
		AmountCents: amount,
		Method:      [...]string{"pix", "boleto", "cartao", "boleto"}[l.rng.IntN(4)],
	})
	if v.left == 0 {
		l.closed++
		if day > v.due {
			l.late++
		}
		if v.disputed {
			l.settleDispute(v, day)
		}
		l.paid = append(l.paid, v)
		l.count.settled(v, day)
	}
}

// review is the creditor's weekly look at what is open, at the end of the day
// before the decision day: agreements that ran out, disputes, write-offs,
// renegotiations, credit notes, and payments that the bank sent back. None of
// it depends on the latent draws but through what was paid.
func (l *life) review(day int) {
	for _, v := range l.paid {
		if l.rng.Float64() < .002 {
			l.replace(v, day, v.row.AmountCents, reopened)
		}
	}
	l.paid = l.paid[:0]
	open := slices.Clone(l.open)
	l.open = l.open[:0]
	for _, v := range open {
		u, late := l.rng.Float64(), day-v.due
		switch {
		case v.issued >= day:
			l.open = append(l.open, v)
		case v.disputed && late > 10 && u < .15:
			l.settleDispute(v, day)
			if u < .075 {
				l.cancel(v, day)
				continue
			}
			l.open = append(l.open, v)
		case v.disputed:
			l.open = append(l.open, v)
		case late > writeOffDays, u < .0008:
			l.cancel(v, day)
		case late >= 60 && v.agreedParts == 0 && u < .025:
			l.replace(v, day, data.RoundCents(float64(v.left)*1.03), renegotiated)
		default:
			v.settle(day)
			l.open = append(l.open, v)
		}
	}
}

// settle ends an agreement ten days after its last instalment day: what is
// left is owed at once again.
func (v *openInvoice) settle(day int) {
	if v.agreedParts > 0 && day > v.agreedOn+5+30*(v.agreedParts-1)+10 {
		v.agreedParts, v.parts = 0, 1
	}
}

func (l *life) cancel(v *openInvoice, day int) {
	on := l.cal.date(day)
	v.row.CancelledOn = &on
}

// replace cancels an invoice and issues another in its place.
func (l *life) replace(v *openInvoice, day int, amount data.Cents, product string) {
	l.cancel(v, day)
	l.newInvoice(day, l.cal.businessOn(day+10), amount, product, 0)
}

// bureau draws the reports that will come: on few natural persons and most
// companies, about twice a year.
func (l *life) bureau() {
	share := .25
	if l.p.pj {
		share = .7
	}
	if l.rng.Float64() >= share {
		return
	}
	day := max(0, int(l.p.row.Since-l.cal.start)) + l.rng.IntN(20)
	for ; day < l.cal.days; day += 150 + l.rng.IntN(60) {
		r := report{day: day, marks: poisson(l.rng, levelMarks[l.p.level])}
		r.score = math.Round(min(1000, max(0, levelScore[l.p.level]+scoreNoise*l.rng.NormFloat64())))
		l.news = append(l.news, r)
		l.out.BureauReports = append(l.out.BureauReports, data.BureauReport{
			CustomerID:      l.p.row.CustomerID,
			At:              l.cal.date(day).Time().Add(time.Duration(11+l.rng.IntN(8)) * time.Hour),
			Provider:        [...]string{"serasa", "spc", "boavista"}[l.rng.IntN(3)],
			Score:           r.score,
			NegativeRecords: int32(r.marks),
			CostCents:       180,
		})
	}
}

func poisson(rng *rand.Rand, mean float64) int {
	n := 0
	for t := rng.ExpFloat64(); t < mean; t += rng.ExpFloat64() {
		n++
	}
	return n
}

// finish writes what is only known at the end: the customer with the consents
// that he has left, his invoices, and the truth as of the end.
func (l *life) finish() {
	for _, v := range l.open {
		l.p.row.Dispute = l.p.row.Dispute || v.disputed
		l.count.standing(v, l.cal.days)
	}
	l.out.Customers = append(l.out.Customers, l.p.row)
	for _, row := range l.rows {
		l.out.Invoices = append(l.out.Invoices, *row)
		if row.DueOn < l.cfg.End {
			l.count.due++
		}
	}
	if l.truth == nil {
		return
	}
	l.truth.Customers = append(l.truth.Customers, l.p.truth())
	if len(l.open) > 0 {
		l.judgeEnd()
	}
}
