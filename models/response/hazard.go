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
			out[k][i] = b.Day[k][r.day] * b.Payday[k][r.payday] * b.Monthday[k][r.monthday] * b.Month[k][r.month] * b.Week[k][r.week] * b.Thirteenth[k][r.thirteenth]
		}
	}
	return out
}

// pastDueTable is the margin of days past due by day, from tableFrom on.
type pastDueTable [stateRows][tableTo - tableFrom + 1]float64

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

// on is the base hazard of an invoice on a day of a span.
func (h *hazards) on(kind int, s *span, static float64, d data.Date) float64 {
	f := h.byDay[kind]
	return static * h.byDue.at(int(s.row), int(d-s.due)) * f[min(max(int(d-h.days.first), 0), len(f)-1)]
}
