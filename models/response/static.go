package response

import (
	"math"
	"slices"

	"dunning/data"
)

// The margins that no day changes.
const (
	marginAmount = iota
	marginProduct
	marginTenure
	marginCohort
	marginRegion
	marginUnlimited
	staticMargins
)

// who is what the static margins read of a customer.
type who struct {
	usual  float64 // an ordinary amount, in cents
	since  data.Date
	factor float64 // of the margins that are the customer's own
}

func (h *hazards) who(t *track) who {
	b := &h.m.Base
	factor := named(b.Region, t.region) * b.Cohort[b.cohortBin(t.since)]
	if t.limit <= 0 {
		factor *= named(b.Unlimited, t.group)
	}
	return who{h.m.usual(t.group, t.limit), t.since, factor}
}

// static is the part of an invoice's hazard that no day changes.
func (h *hazards) static(w *who, product string, amount data.Cents, issued data.Date) float64 {
	b := &h.m.Base
	return w.factor * named(b.Product, product) * placeAmount(amount, w.usual).of(b.Amount[:]) * b.Tenure[tenureBin(issued, w.since)]
}

// amountPlace is where an amount lies between the middles of two bins: within
// half an octave the hazard changes by some per cent.
type amountPlace struct {
	bin   uint8   // the lower one
	above float32 // how far toward the next, in [0, 1]
}

func placeAmount(cents data.Cents, usual float64) amountPlace {
	at := amountMiddle(cents, usual)
	bin := min(math.Floor(at), amountBins-2)
	return amountPlace{uint8(bin), float32(at - bin)}
}

// of interpolates the logarithms of a table by bin.
func (p amountPlace) of(table []float64) float64 {
	if p.above == 0 {
		return table[p.bin]
	}
	return table[p.bin] * math.Pow(table[p.bin+1]/table[p.bin], float64(p.above))
}

// share adds x to the two bins of a table.
func (p amountPlace) share(table []float64, x float64) {
	table[p.bin] += x * (1 - float64(p.above))
	table[p.bin+1] += x * float64(p.above)
}

// countStatic places the invoices in the static margins, and counts payments.
func (f *fitter) countStatic() {
	products, regions := places(f.products), places(f.regions)
	for k, n := range [staticMargins]int{amountBins, len(f.products) + 1, tenureBins, cohortBins, len(f.regions) + 1, len(f.names) + 1} {
		f.staticPaid[k], f.staticCustomers[k] = make([]float64, n), make([]float64, n)
	}
	for i := range f.cust {
		c := &f.cust[i]
		usual := f.m.usual(f.names[c.group], c.limit)
		unlimited := uint8(len(f.names)) // of those with a limit
		if c.limit <= 0 && f.m.LimitShare > 0 {
			unlimited = uint8(c.group)
		}
		c.cell, c.amount, c.expected = make([][staticMargins]uint8, len(c.invs)), make([]amountPlace, len(c.invs)), make([]float64, len(c.invs))
		f.staticCustomers[marginCohort][f.m.Base.cohortBin(c.since)]++
		f.staticCustomers[marginRegion][place(regions, c.region)]++
		for j := range c.invs {
			v := &c.invs[j]
			c.amount[j] = placeAmount(v.amount, usual)
			c.cell[j] = [staticMargins]uint8{0, place(products, v.product), uint8(tenureBin(v.first-1, c.since)), uint8(f.m.Base.cohortBin(c.since)), place(regions, c.region), unlimited}
			c.amount[j].share(f.staticPaid[marginAmount], float64(len(v.events)))
			for k := marginAmount + 1; k < staticMargins; k++ {
				f.staticPaid[k][c.cell[j][k]] += float64(len(v.events))
			}
		}
	}
}

// places numbers names; what is not among them comes after all.
func places(names []string) map[string]int {
	out := map[string]int{}
	for i, name := range names {
		out[name] = i
	}
	return out
}

func place(places map[string]int, name string) uint8 {
	if p, known := places[name]; known {
		return uint8(p)
	}
	return uint8(len(places))
}

// scaleStatic scales the static margins one after the other by what was
// expected of each invoice before the other margins moved: the next call mends
// the difference.
func (f *fitter) scaleStatic() {
	b := &f.m.Base
	var ratio [staticMargins][]float64
	for k := range staticMargins {
		expected := make([]float64, len(f.staticPaid[k]))
		for i := range f.cust {
			c := &f.cust[i]
			for j, x := range c.expected {
				cell := &c.cell[j]
				if k == marginAmount {
					c.amount[j].share(expected, x)
					continue
				}
				x *= c.amount[j].of(ratio[marginAmount])
				for before := marginAmount + 1; before < k; before++ {
					x *= ratio[before][cell[before]]
				}
				expected[cell[k]] += x
			}
		}
		ratio[k] = f.moveStatic(k, expected)
		// What has no margin of its own stays as it is.
		switch k {
		case marginProduct:
			ratio[k][len(f.products)] = 1
		case marginRegion:
			ratio[k][len(f.regions)] = 1
		case marginUnlimited:
			ratio[k][len(f.names)] = 1
		}
	}
	for i := range b.Amount {
		b.Amount[i] *= ratio[marginAmount][i]
	}
	for i := range b.Tenure {
		b.Tenure[i] *= ratio[marginTenure][i]
	}
	for i := range b.Cohort {
		b.Cohort[i] *= ratio[marginCohort][i]
	}
	for i, name := range f.products {
		b.Product[name] *= ratio[marginProduct][i]
	}
	for i, name := range f.regions {
		b.Region[name] *= ratio[marginRegion][i]
	}
	for name := range b.Unlimited {
		b.Unlimited[name] *= ratio[marginUnlimited][slices.Index(f.names, name)]
	}
}

// moveStatic returns by what the factors of a static margin are to be
// multiplied, given what is expected of their cells. Tenures, cohorts and regions are
// shrunk; products and amounts are few, or differ in truth.
func (f *fitter) moveStatic(k int, expected []float64) []float64 {
	b := &f.m.Base
	ratio, paid := make([]float64, len(expected)), f.staticPaid[k]
	var now []float64
	switch k {
	case marginTenure:
		now = b.Tenure[:]
	case marginCohort:
		now = b.Cohort[:]
	case marginRegion:
		for _, name := range f.regions {
			now = append(now, b.Region[name])
		}
	default:
		for i := range ratio {
			ratio[i] = (paid[i] + marginPrior) / (expected[i] + marginPrior)
		}
		return ratio
	}
	moved := slices.Clone(now)
	rescale(moved, paid[:len(now)], expected[:len(now)], 0)
	for i := range now {
		if k != marginTenure && f.staticCustomers[k][i] < cellCustomers {
			moved[i] = 1
		}
		ratio[i] = moved[i] / now[i]
	}
	return ratio
}
