package optimizer

import "math"

// ladderPrices is what the prices of a box take from the slots' values for
// customers of one profile.
type ladderPrices struct {
	profile int32
	sum     ladderView // at the centre; every row is bounded touch by touch
	centre  ladderView // the same without gains
	gain    []float64  // by level, then day: the most that sum adds to a touch beyond centre
	reach   []float64  // by step: the most that it adds to a ladder whose last touch is of the step

	// The pivot row at its upper and its lower end, the others bounded touch by
	// touch; set by setEnds when the profile has its first open customer.
	ends  []ladderView
	both  [2]ladderView // memory of ends
	pivot int32         // −1 if the box has no width for this profile: one end
}

// ladderView is the prices of slots at a point of the box, with the most that
// moving to other points can gain. A touch with factor f is worth f·v and pays
//
//	f·paid + flat
//
// where paid are the discounted rows. Moving the prices within the box, other
// ladders gain at most f·paidGain + flatGain on a touch that the winner has
// not, and the winner loses at most f·paidLoss + flatLoss on one of its own.
type ladderView struct {
	paid, flat         []float64
	paidGain, flatGain []float64
	paidLoss, flatLoss []float64
	widePaid, wideFlat []float64 // paid − paidGain, flat − flatGain
}

func (v *ladderView) resize(slots int) {
	for _, p := range []*[]float64{&v.paid, &v.flat, &v.paidGain, &v.flatGain, &v.paidLoss, &v.flatLoss, &v.widePaid, &v.wideFlat} {
		if *p == nil {
			*p = make([]float64, slots)
		}
		clear(*p)
	}
}

// set fills p for a profile, but for the ends. tables is scratch.
func (p *ladderPrices) set(profile int32, t *useTable, b box, h *ladderShape, tables ladderTables) {
	p.profile, p.ends = profile, nil
	p.sum.price(profile, t, b, -1, 0)
	p.centre = ladderView{paid: p.sum.paid, flat: p.sum.flat, widePaid: p.sum.paid, wideFlat: p.sum.flat}
	if p.gain == nil {
		p.gain = make([]float64, len(h.factor)*h.days)
	}
	clear(p.gain)
	for s := range t.slots {
		for k, f := range h.factor {
			at := k*h.days + int(h.dayOf[s])
			p.gain[at] = max(p.gain[at], f*p.sum.paidGain[s]+p.sum.flatGain[s])
		}
	}
	tables.level = p.gain
	tables.run(h)
	p.reach = p.reach[:0]
	for j := range h.steps {
		p.reach = append(p.reach, tables.top[(j+1)*h.days-1])
	}
}

// setEnds fills the ends. score is scratch, by row, all zero before and after.
func (p *ladderPrices) setEnds(t *useTable, b box, score []float64) {
	if p.pivot = pivotRow(p.profile, t, b, score); p.pivot < 0 {
		p.both[0].price(p.profile, t, b, -1, 0)
		p.ends = p.both[:1]
		return
	}
	p.both[0].price(p.profile, t, b, p.pivot, b.upper[p.pivot])
	p.both[1].price(p.profile, t, b, p.pivot, b.lower[p.pivot])
	p.ends = p.both[:]
}

// price adds up the rows of each slot, prices at the centre but for that of the
// pivot row, and what the widths of all rows but that can bring.
func (v *ladderView) price(profile int32, t *useTable, b box, pivot int32, pivotPrice float64) {
	v.resize(t.slots)
	for s := range t.slots {
		rows, amounts := t.touch(profile, s)
		for k, r := range rows {
			a, price := amounts[k], b.centre[r]
			gain, loss := b.rise(r, -a), b.rise(r, a)
			if r == pivot {
				price, gain, loss = pivotPrice, 0, 0
			}
			if t.discounted[r] {
				v.paid[s] += price * a
				v.paidGain[s] += gain
				v.paidLoss[s] += loss
			} else {
				v.flat[s] += price * a
				v.flatGain[s] += gain
				v.flatLoss[s] += loss
			}
		}
		v.widePaid[s], v.wideFlat[s] = v.paid[s]-v.paidGain[s], v.flat[s]-v.flatGain[s]
	}
}

// pivotRow returns the row in which touch-by-touch bounds would lose most: the
// one with the greatest width times use, summed over the slots.
func pivotRow(profile int32, t *useTable, b box, score []float64) int32 {
	best, most := int32(-1), 0.0
	for s := range t.slots {
		rows, amounts := t.touch(profile, s)
		for k, r := range rows {
			score[r] += math.Abs(amounts[k]) * (b.upper[r] - b.lower[r])
			if score[r] > most || score[r] == most && r < best {
				best, most = r, score[r]
			}
		}
	}
	for s := range t.slots {
		rows, _ := t.touch(profile, s)
		for _, r := range rows {
			score[r] = 0
		}
	}
	return best
}

// rise returns the most that d·(price − centre) can be within the box.
func (b box) rise(r int32, d float64) float64 {
	if d >= 0 {
		return d * (b.upper[r] - b.centre[r])
	}
	return -d * (b.centre[r] - b.lower[r])
}
