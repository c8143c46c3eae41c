package response

import (
	"slices"

	"dunning/data"
)

// The margins that no day changes.
const (
	marginAmount = iota
	marginProduct
	marginTenure
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
	factor := named(b.Region, t.region)
	if t.limit <= 0 {
		factor *= named(b.Unlimited, t.group)
	}
	return who{h.m.usual(t.group, t.limit), t.since, factor}
}

// static is the part of an invoice's hazard that no day changes.
func (h *hazards) static(w *who, product string, amount data.Cents, issued data.Date) float64 {
	b := &h.m.Base
	return w.factor * named(b.Product, product) * b.Amount[amountBin(amount, w.usual)] * b.Tenure[tenureBin(issued, w.since)]
}

// countStatic places the invoices in the static margins, and counts payments.
func (f *fitter) countStatic() {
	products, regions := places(f.products), places(f.regions)
	for k, n := range [staticMargins]int{amountBins, len(f.products) + 1, tenureBins, len(f.regions) + 1, len(f.names) + 1} {
		f.staticPaid[k] = make([]float64, n)
	}
	for i := range f.cust {
		c := &f.cust[i]
		usual := f.m.usual(f.names[c.group], c.limit)
		unlimited := uint8(len(f.names)) // of those with a limit
		if c.limit <= 0 && f.m.LimitShare > 0 {
			unlimited = uint8(c.group)
		}
		c.cell, c.expected = make([][staticMargins]uint8, len(c.invs)), make([]float64, len(c.invs))
		for j := range c.invs {
			v := &c.invs[j]
			c.cell[j] = [staticMargins]uint8{uint8(amountBin(v.amount, usual)), place(products, v.product),
				uint8(tenureBin(v.first-1, c.since)), place(regions, c.region), unlimited}
			for k, at := range c.cell[j] {
				f.staticPaid[k][at] += float64(len(v.events))
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
	var ratio [staticMargins][]float64
	for k := range staticMargins {
		expected := make([]float64, len(f.staticPaid[k]))
		for i := range f.cust {
			c := &f.cust[i]
			for j, x := range c.expected {
				cell := &c.cell[j]
				for before := range k {
					x *= ratio[before][cell[before]]
				}
				expected[cell[k]] += x
			}
		}
		ratio[k] = make([]float64, len(expected))
		for i, paid := range f.staticPaid[k] {
			ratio[k][i] = (paid + marginPrior) / (expected[i] + marginPrior)
		}
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
	b := &f.m.Base
	for i := range b.Amount {
		b.Amount[i] *= ratio[marginAmount][i]
	}
	for i := range b.Tenure {
		b.Tenure[i] *= ratio[marginTenure][i]
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
