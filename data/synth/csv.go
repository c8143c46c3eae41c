package synth

import (
	"strconv"
	"strings"
	"time"

	"dunning/data"
)

// record encodes rows of one table as CSV (RFC 4180, LF): booleans true or
// false, days 2006-01-02, instants RFC 3339 in UTC, NULL empty.
type record struct {
	buf []byte
	col int
	// spoil is a column whose text is replaced by with, for planted faults; -1
	// for none.
	spoil int
	with  string
}

// add starts a field and reports whether its own text is to be written.
func (r *record) add() bool {
	if r.col > 0 {
		r.buf = append(r.buf, ',')
	}
	r.col++
	if r.col-1 == r.spoil {
		r.buf = append(r.buf, r.with...)
		return false
	}
	return true
}

func (r *record) end() {
	r.buf = append(r.buf, '\n')
	r.col = 0
}

func (r *record) text(s string) {
	if !r.add() {
		return
	}
	if !strings.ContainsAny(s, ",\"\r\n") {
		r.buf = append(r.buf, s...)
		return
	}
	r.buf = append(r.buf, '"')
	r.buf = append(r.buf, strings.ReplaceAll(s, `"`, `""`)...)
	r.buf = append(r.buf, '"')
}

func (r *record) bool(b bool) {
	if r.add() {
		r.buf = strconv.AppendBool(r.buf, b)
	}
}

func (r *record) int(n int64) {
	if r.add() {
		r.buf = strconv.AppendInt(r.buf, n, 10)
	}
}

func (r *record) cents(n data.Cents) { r.int(int64(n)) }

func (r *record) float(f float64) {
	if r.add() {
		r.buf = strconv.AppendFloat(r.buf, f, 'g', -1, 64)
	}
}

func (r *record) day(d data.Date) {
	if r.add() {
		r.buf = d.Time().AppendFormat(r.buf, time.DateOnly)
	}
}

func (r *record) instant(t time.Time) {
	if r.add() {
		r.buf = t.UTC().AppendFormat(r.buf, time.RFC3339)
	}
}

func (r *record) null() { r.add() }

func (r *record) customer(c SourceCustomer) {
	r.text(c.CustomerID)
	r.text(string(c.Kind))
	r.text(c.UF)
	r.text(c.Timezone)
	r.day(c.Since)
	r.text(c.Segment)
	for _, b := range [...]bool{c.ConsentEmail, c.ConsentSMS, c.ConsentWhatsApp, c.ConsentVoice, c.ConsentLetter,
		c.ReachEmail, c.ReachSMS, c.ReachWhatsApp, c.ReachVoice, c.ReachLetter} {
		r.bool(b)
	}
	r.text(string(c.PreferredChannel))
	for _, b := range [...]bool{c.Dispute, c.Litigation, c.OverIndebted, c.Deceased, c.DoNotContact} {
		r.bool(b)
	}
	r.cents(c.CreditLimitCents)
	r.text(c.Document)
	r.end()
}

func (r *record) invoice(v data.Invoice) {
	r.text(v.InvoiceID)
	r.text(v.CustomerID)
	r.day(v.IssuedOn)
	r.day(v.DueOn)
	r.cents(v.AmountCents)
	r.text(v.Currency)
	r.text(v.Product)
	if v.CancelledOn == nil {
		r.null()
	} else {
		r.day(*v.CancelledOn)
	}
	r.end()
}

func (r *record) payment(p data.Payment) {
	r.text(p.PaymentID)
	r.text(p.InvoiceID)
	r.text(p.CustomerID)
	r.instant(p.PaidAt)
	r.cents(p.AmountCents)
	r.text(p.Method)
	r.end()
}

func (r *record) touch(t data.Touch) {
	r.text(t.TouchID)
	r.text(t.CustomerID)
	r.text(string(t.Channel))
	r.instant(t.SentAt)
	r.cents(t.CostCents)
	r.text(t.Template)
	r.text(t.PlanID)
	if t.TreatProb == nil {
		r.null()
	} else {
		r.float(*t.TreatProb)
	}
	r.end()
}

func (r *record) touchEvent(e SourceTouchEvent) {
	r.text(e.TouchID)
	r.instant(e.At)
	r.text(string(e.Kind))
	r.end()
}

func (r *record) promise(p data.Promise) {
	r.text(p.PromiseID)
	r.text(p.CustomerID)
	r.instant(p.MadeAt)
	r.day(p.DueOn)
	r.cents(p.AmountCents)
	r.int(int64(p.InstalmentNo))
	r.end()
}

func (r *record) dispute(d data.Dispute) {
	r.text(d.CustomerID)
	r.text(d.InvoiceID)
	r.instant(d.At)
	r.text(string(d.Kind))
	r.end()
}

func (r *record) bureauReport(b data.BureauReport) {
	r.text(b.CustomerID)
	r.instant(b.At)
	r.text(b.Provider)
	r.float(b.Score)
	r.int(int64(b.NegativeRecords))
	r.cents(b.CostCents)
	r.end()
}
