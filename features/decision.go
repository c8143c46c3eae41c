package features

import (
	"cmp"
	"hash/fnv"
	"math"
	"slices"

	"dunning/data"
)

// Point is one decision point of a customer: what was chosen on a day.
type Point struct {
	AsOf      data.Date
	Option    data.Channel
	TreatProb float64 // probability with which the option was chosen, NaN when not logged
}

// PointRow is one row of a table of explicit decision points, for a caller who
// knows better than the touch log when something was decided.
type PointRow struct {
	CustomerID string       `parquet:"customer_id,dict"`
	AsOf       data.Date    `parquet:"as_of,date"`
	Option     data.Channel `parquet:"option,dict"`
	TreatProb  *float64     `parquet:"treat_prob,optional"` // nil when not logged
}

// Point returns the row without its customer.
func (r PointRow) Point() Point {
	p := Point{AsOf: r.AsOf, Option: r.Option, TreatProb: math.NaN()}
	if r.TreatProb != nil {
		p.TreatProb = *r.TreatProb
	}
	return p
}

// Decisions says how decision points are found in a touch log.
type Decisions struct {
	// Logged tells that the log of this portfolio keeps its holds (some
	// customer's [History.HasHolds]): then each logged decision is a point, and
	// a day without one was no decision. Otherwise each touch is a point, and
	// holds are supposed on a grid of days.
	Logged bool
	// LoggedFrom, where not Logged and not 0, is the day from which holds are kept
	// all the same: from it on what is logged counts, before it what is supposed.
	LoggedFrom data.Date
	// From and To bound AsOf: From <= AsOf < To.
	From, To data.Date
	// GridDays is the step of the grid of supposed holds, in days; 0 means 7.
	// Each customer's grid starts on a day that a hash of the id chooses, so
	// that holds fall on all weekdays alike when the step is a week.
	GridDays int
}

// Points returns the customer's decision points with an open balance, by day,
// at most one a day: AsOf is the UTC day of sent_at, and of several decisions
// on one day the first that is not a hold wins (a touch on the day undoes the
// hold). The probability of a supposed hold is NaN.
func (d Decisions) Points(h *History) []Point {
	var points []Point
	for i := range h.Touches {
		t := &h.Touches[i]
		p := Point{AsOf: h.index.touches[i].day, Option: t.Channel, TreatProb: math.NaN()}
		if t.TreatProb != nil {
			p.TreatProb = *t.TreatProb
		}
		if p.AsOf < d.From || p.AsOf >= d.To || (t.Channel == data.Hold && !d.logged(p.AsOf)) || !h.open(p.AsOf) {
			continue
		}
		if n := len(points); n > 0 && points[n-1].AsOf == p.AsOf {
			if points[n-1].Option == data.Hold && p.Option != data.Hold {
				points[n-1] = p
			}
			continue
		}
		points = append(points, p)
	}
	if !d.Logged {
		points = d.addGrid(h, points)
	}
	return points
}

// logged reports whether the holds of a day are logged.
func (d Decisions) logged(day data.Date) bool {
	return d.Logged || d.LoggedFrom != 0 && day >= d.LoggedFrom
}

// addGrid merges supposed holds into the touches' points.
func (d Decisions) addGrid(h *History, points []Point) []Point {
	step := data.Date(d.GridDays)
	if step <= 0 {
		step = 7
	}
	if len(h.index.invoices) == 0 {
		return points
	}
	hash := fnv.New32a()
	hash.Write([]byte(h.Customer.CustomerID))
	phase := data.Date(hash.Sum32() % uint32(step))
	day := max(d.From, h.index.invoices[0].issued+1)
	if r := ((day-phase)%step + step) % step; r != 0 { // up to the next day of the grid
		day += step - r
	}
	touched := len(points)
	for ; day < d.To && !d.logged(day); day += step {
		_, found := slices.BinarySearchFunc(points[:touched], day, func(p Point, day data.Date) int { return cmp.Compare(p.AsOf, day) })
		if !found && h.open(day) {
			points = append(points, Point{AsOf: day, Option: data.Hold, TreatProb: math.NaN()})
		}
	}
	slices.SortFunc(points, func(a, b Point) int { return cmp.Compare(a.AsOf, b.AsOf) })
	return points
}

// Open returns those of the given points at which the customer had an open
// balance, by day. The slice is new.
func (h *History) Open(points []Point) []Point {
	var open []Point
	for _, p := range points {
		if h.open(p.AsOf) {
			open = append(open, p)
		}
	}
	slices.SortStableFunc(open, func(a, b Point) int { return cmp.Compare(a.AsOf, b.AsOf) })
	return open
}

// open reports whether the customer had an open balance at AsOf.
func (h *History) open(asOf data.Date) bool {
	for i := range h.index.invoices[:h.index.issuedBefore(asOf)] {
		if h.index.invoices[i].openUntil >= asOf {
			return true
		}
	}
	return false
}
