package response

import (
	"math"

	"dunning/data"
)

// dayFactors is the part of the base hazard that a day has for all invoices of
// a kind of customer.
func (b *Base) dayFactors(days *calendarDays) (out [kinds][]float64) {
	for k := range out {
		out[k] = make([]float64, len(days.rows))
		for i, r := range days.rows {
			out[k][i] = b.Day[k][r.day] * b.Payday[k][r.payday] * b.Monthday[k][r.monthday] * b.Month[k][r.month]
		}
	}
	return out
}

// pastDueTable is the margin of days past due by day, from tableFrom on.
type pastDueTable [2][tableTo - tableFrom + 1]float64

const (
	tableFrom = -60
	tableTo   = 200
)

func (b *Base) pastDueTable() (t pastDueTable) {
	for row := range t {
		for i := range t[row] {
			t[row][i] = b.PastDue[row][bucketOf(i+tableFrom)]
		}
	}
	return t
}

func (t *pastDueTable) at(row, pastDue int) float64 {
	return t[row][min(max(pastDue, tableFrom), tableTo)-tableFrom]
}

// strength is that of a pair on its first day.
func (s *Shape) strength(p *pair, kind int) float64 {
	return s.Stage[p.channel][p.stage] * s.Day[p.day] * s.Near[kind][p.near] * math.Exp(-s.Fatigue*float64(p.load))
}

// hazards reads the base hazard of invoices.
type hazards struct {
	m     *Model
	days  *calendarDays
	byDay [kinds][]float64
	byDue pastDueTable
}

func newHazards(m *Model, days *calendarDays) hazards {
	return hazards{m, days, m.Base.dayFactors(days), m.Base.pastDueTable()}
}

// static is the part of an invoice's hazard that no day changes.
func (h *hazards) static(product string, amount data.Cents, usual float64) float64 {
	return h.m.Base.product(product) * h.m.Base.Amount[amountBin(amount, usual)]
}

// on is the base hazard of an invoice on a day of a row of Base.PastDue.
func (h *hazards) on(kind, row int, static float64, due, d data.Date) float64 {
	f := h.byDay[kind]
	return static * h.byDue.at(row, int(d-due)) * f[min(max(int(d-h.days.first), 0), len(f)-1)]
}
