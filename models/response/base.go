package response

import (
	"cmp"
	"math"
	"slices"

	"dunning/data"
)

// maxNames bounds the products, and the regions, that have a margin of their own.
const maxNames = 32

// countOnce learns what needs no iteration: usual amounts, products, delays,
// addresses, the length of promises, the bins of scores.
func (f *fitter) countOnce(customers []Customer) {
	m := f.m
	logs, n := make([]float64, len(f.names)), make([]float64, len(f.names))
	products, regions := map[string]int{}, map[string]int{}
	var limits, limited float64
	for i := range f.cust {
		c := &f.cust[i]
		for _, v := range c.invs {
			if v.amount > 0 {
				for _, g := range []int{0, c.group} {
					logs[g] += math.Log(float64(v.amount))
					n[g]++
				}
			}
			if v.amount > 0 && c.limit > 0 {
				limits += math.Log(float64(v.amount) / float64(c.limit))
				limited++
			}
			products[v.product]++
			regions[c.region]++
		}
	}
	for g, name := range f.names {
		usual := math.Exp(logs[0] / max(1, n[0]))
		if n[g] > 0 {
			usual = math.Exp(logs[g] / n[g])
		}
		m.Groups[name] = Group{AmountCents: usual}
	}
	if limited > 0 {
		m.LimitShare = math.Exp(limits / limited)
	}
	f.countSettlement()
	m.Base.Product, m.Base.Region = map[string]float64{}, map[string]float64{}
	f.products, f.regions = mostFrequent(products, maxNames), mostFrequent(regions, maxNames)
	for _, name := range f.products {
		m.Base.Product[name] = 1
	}
	for _, name := range f.regions {
		m.Base.Region[name] = 1
	}
	m.Base.Unlimited = map[string]float64{}
	if m.LimitShare > 0 {
		for _, name := range f.names[1:] {
			m.Base.Unlimited[name] = 1
		}
	}
	m.Base.CohortDay = f.o.End
	if f.o.Start != nil {
		m.Base.CohortDay = f.o.Start.Base.CohortDay // its cohorts are gone on with
	}
	m.PromiseDays = usualPromise(customers)
	m.countScores(f.cust)
	m.countDelivery(customers, f.o.End)
	if len(m.ScoreBounds) == 0 {
		return
	}
	for i := range f.cust {
		c := &f.cust[i]
		for i := range c.scores {
			c.bins = append(c.bins, uint8(m.scoreCell(&c.scores[i])))
		}
	}
}

func mostFrequent(count map[string]int, most int) []string {
	names := make([]string, 0, len(count))
	for name := range count {
		names = append(names, name)
	}
	slices.SortFunc(names, func(a, b string) int { return cmp.Or(cmp.Compare(count[b], count[a]), cmp.Compare(a, b)) })
	return names[:min(len(names), most)]
}

func usualPromise(customers []Customer) int {
	sum, n := 0, 0
	for i := range customers {
		for _, p := range customers[i].Promises {
			if length := int(p.DueOn - p.MadeOn); length >= 0 && length <= maxPromiseDays {
				sum += length
				n++
			}
		}
	}
	return int(math.Round(float64(sum) / math.Max(1, float64(n))))
}

// scoreBins bounds the bins of scores.
const scoreBins = 8

// countScores cuts the scores into eighths, where there are enough.
func (m *Model) countScores(cust []fitCustomer) {
	var all []float64
	for i := range cust {
		for _, s := range cust[i].scores {
			all = append(all, s.value)
		}
	}
	if len(all) < 100 {
		return
	}
	slices.Sort(all)
	for q := 1; q < scoreBins; q++ {
		b := all[q*len(all)/scoreBins]
		if n := len(m.ScoreBounds); n == 0 || m.ScoreBounds[n-1] < b {
			m.ScoreBounds = append(m.ScoreBounds, b)
		}
	}
}

// countDelivery tells valid addresses from others, by EM on two points.
func (m *Model) countDelivery(customers []Customer, end data.Date) {
	type tally struct{ yes, no float64 }
	for c := range channels {
		d := &m.Delivery[c]
		*d = Delivery{Share: .95, Valid: .9, Invalid: .1}
		var all []tally
		var delay, delayed float64
		for i := range customers {
			var t tally
			for j := range customers[i].Touches {
				touch := &customers[i].Touches[j]
				s, known := signalOf(touch, m.Deliveries, end)
				if !known || touch.Channel != c {
					continue
				}
				if s.delivered {
					t.yes++
					if m.Deliveries {
						delay += float64(touch.Delivered - touch.Day)
						delayed++
					}
				} else {
					t.no++
				}
			}
			if t.yes+t.no > 0 {
				all = append(all, t)
			}
		}
		d.DelayDays = int(math.Round(delay / math.Max(1, delayed)))
		for range 30 {
			var w, vy, vn, iy, in float64
			for _, t := range all {
				p := d.valid(t.yes, t.no)
				w += p
				vy, vn = vy+p*t.yes, vn+p*t.no
				iy, in = iy+(1-p)*t.yes, in+(1-p)*t.no
			}
			d.Share = (w + 1.9) / (float64(len(all)) + 2)
			d.Valid = (vy + 1.8) / (vy + vn + 2)
			d.Invalid = (iy + .2) / (iy + in + 2)
		}
	}
}

// valid is the posterior that an address is valid.
func (d *Delivery) valid(yes, no float64) float64 {
	a := math.Log(d.Share) + yes*math.Log(d.Valid) + no*math.Log(1-d.Valid)
	b := math.Log(1-d.Share) + yes*math.Log(d.Invalid) + no*math.Log(1-d.Invalid)
	return 1 / (1 + math.Exp(b-a))
}

// cells counts payments, and what is expected of them but for the margins of
// days past due and of the calendar, by kind of customer, row, bucket and day.
type cells struct {
	days           int
	paid, expected []float64
}

func (c *cells) at(kind, row, bucket, day int) int {
	return ((kind*stateRows+row)*buckets+bucket)*c.days + day
}

// countCells lays out the payments once.
func (f *fitter) countCells() {
	b := &f.m.Base
	f.cells.days = len(f.days.rows)
	n := kinds * stateRows * buckets * f.cells.days
	f.cells.paid, f.cells.expected = make([]float64, n), make([]float64, n)
	f.countStatic()
	var days, paid float64
	for i := range f.cust {
		c := &f.cust[i]
		for j := range c.invs {
			v := &c.invs[j]
			days += float64(v.last - v.first + 1)
			walk := c.walk(v)
			for _, e := range v.events {
				s := walk.at(e.Day)
				f.cells.paid[f.cells.at(c.kind, int(s.row), bucketOf(int(e.Day-s.due)), f.days.index(e.Day))]++
				paid++
			}
		}
		for j := range c.mult {
			c.mult[j] = 1
		}
	}
	for row := range b.PastDue {
		fill(b.PastDue[row][:], paid/days)
	}
	for k := range kinds {
		fill(b.Day[k][:], 1)
		fill(b.Payday[k][:], 1)
		fill(b.Monthday[k][:], 1)
		fill(b.Month[k][:], 1)
		fill(b.Week[k][:], 1)
		fill(b.Thirteenth[k][:], 1)
	}
	fill(b.Amount[:], 1)
	fill(b.Tenure[:], 1)
	fill(b.Cohort[:], 1)
	f.refresh()
}

// fitBase moves the margins by iterative proportional scaling, given
// everybody's pace and effects, and leaves the customers' sums up to date.
func (f *fitter) fitBase(sweeps int) {
	f.expectCells()
	for range sweeps {
		f.scaleDays()
	}
	f.scaleStatic()
	f.refresh()
}

// expectCells fills what is expected in the cells, and of each invoice.
func (f *fitter) expectCells() {
	clear(f.cells.expected)
	for i := range f.cust {
		c := &f.cust[i]
		w := f.haz.who(&c.track)
		for j := range c.invs {
			v := &c.invs[j]
			x := f.haz.static(&w, v.product, v.amount, v.first-1)
			sum, at := 0.0, v.rec0
			first := f.days.index(v.first)
			day := f.haz.byDay[c.kind]
			walk := c.walk(v)
			for d := v.first; d <= v.last; d++ {
				y := x * v.exposed(d) * c.pace
				if at < v.rec1 && c.recs[at].day == d {
					y = x * v.exposed(d) * float64(c.mult[at])
					at++
				}
				k := min(first+int(d-v.first), f.cells.days-1)
				s := walk.at(d)
				due := min(max(int(d-s.due), tableFrom), tableTo) - tableFrom
				f.cells.expected[f.cells.at(c.kind, int(s.row), int(bucketTable[due]), k)] += y
				sum += y * f.haz.byDue[s.row][due] * day[k]
			}
			c.expected[j] = sum
		}
	}
}

// bucketTable is bucketOf as a table from tableFrom on.
var bucketTable = func() (t [tableTo - tableFrom + 1]uint8) {
	for i := range t {
		t[i] = uint8(bucketOf(i + tableFrom))
	}
	return t
}()

// coarseMargins are those of scaleDays that a fit starts with. Quarters of months
// and days of the month can stand for nearly anything: they come last, for what
// the others leave.
const coarseMargins = 5

// scaleDays scales each margin of days past due and of the calendar once.
func (f *fitter) scaleDays() {
	b := &f.m.Base
	var pastDue []float64
	for row := range b.PastDue {
		pastDue = append(pastDue, b.PastDue[row][:]...)
	}
	margins := []struct {
		to    [kinds][]float64
		doubt float64 // variance of a cell from year to year; −1 for a margin that is not shrunk
		where func(row, bucket int, r dayRow) int
	}{
		{[kinds][]float64{pastDue, pastDue}, -1, func(row, bucket int, _ dayRow) int { return row*buckets + bucket }},
		{[kinds][]float64{b.Day[0][:], b.Day[1][:]}, 0, func(_, _ int, r dayRow) int { return int(r.day) }},
		{[kinds][]float64{b.Payday[0][:], b.Payday[1][:]}, 0, func(_, _ int, r dayRow) int { return int(r.payday) }},
		{[kinds][]float64{b.Month[0][:], b.Month[1][:]}, weekDoubt, func(_, _ int, r dayRow) int { return int(r.month) }},
		{[kinds][]float64{b.Thirteenth[0][:], b.Thirteenth[1][:]}, weekDoubt, func(_, _ int, r dayRow) int { return int(r.thirteenth) }},
		{[kinds][]float64{b.Week[0][:], b.Week[1][:]}, weekDoubt, func(_, _ int, r dayRow) int { return int(r.week) }},
		{[kinds][]float64{b.Monthday[0][:], b.Monthday[1][:]}, 0, func(_, _ int, r dayRow) int { return int(r.monthday) }},
	}
	if f.coarse {
		margins = margins[:coarseMargins]
	}
	for _, g := range margins {
		f.scale(g.to, g.doubt, g.where)
		for row := range b.PastDue {
			copy(b.PastDue[row][:], pastDue[row*buckets:])
		}
	}
}

// scale scales one margin: to holds a table by kind of customer, or twice the
// same.
func (f *fitter) scale(to [kinds][]float64, doubt float64, where func(row, bucket int, r dayRow) int) {
	b := &f.m.Base
	shared := &to[0][0] == &to[1][0]
	byDay := b.dayFactors(f.days)
	var paid, expected [kinds][max(stateRows*buckets, weekKinds)]float64
	for kind := range kinds {
		table := kind
		if shared {
			table = 0
		}
		for row := range stateRows {
			for bucket := range buckets {
				at := f.cells.at(kind, row, bucket, 0)
				for d, x := range f.cells.expected[at : at+f.cells.days] {
					n := f.cells.paid[at+d]
					if x == 0 && n == 0 {
						continue
					}
					i := where(row, bucket, f.days.rows[d])
					paid[table][i] += n
					expected[table][i] += x * b.PastDue[row][bucket] * byDay[kind][d]
				}
			}
		}
	}
	for kind := range kinds {
		if shared && kind > 0 {
			break
		}
		if doubt >= 0 {
			n := len(to[kind])
			rescale(to[kind], paid[kind][:n], expected[kind][:n], doubt)
			continue
		}
		for i := range to[kind] {
			to[kind][i] *= (paid[kind][i] + marginPrior) / (expected[kind][i] + marginPrior)
		}
	}
}

// refresh recomputes what the EM steps read of the base hazard.
func (f *fitter) refresh() {
	f.haz = newHazards(f.m, f.days)
	for i := range f.cust {
		c := &f.cust[i]
		w := f.haz.who(&c.track)
		c.quiet, c.rate = 0, 0
		for j := range c.invs {
			v := &c.invs[j]
			static := f.haz.static(&w, v.product, v.amount, v.first-1)
			at := v.rec0
			walk := c.walk(v)
			for d := v.first; d <= v.last; d++ {
				x := f.haz.on(c.kind, walk.at(d), static, d) * v.exposed(d)
				if at < v.rec1 && c.recs[at].day == d {
					c.base[at] = float32(x)
					at++
				} else {
					c.quiet += x
				}
			}
			walk = c.walk(v)
			for _, e := range v.events {
				c.rate += math.Log(f.haz.on(c.kind, walk.at(e.Day), static, e.Day))
			}
		}
	}
}
