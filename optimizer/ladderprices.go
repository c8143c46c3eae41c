package optimizer

import "math"

// ladderPrices is what the prices of a box take from the slots' values for
// customers of one profile.
type ladderPrices struct {
	profile int32
	centre  ladderView
	sum     ladderView    // at the centre; every row is bounded touch by touch
	ends    []ladderView  // the pivot row at its upper and its lower end, the others bounded touch by touch
	pivot   int32         // the widest row; −1 if the box has no width for this profile: one end
	both    [2]ladderView // memory of ends
	gain    []float64     // by level, then day: the most that sum adds to a touch beyond centre
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

// setLadderPrices fills p for a profile. score is scratch, by row, all zero
// before and after.
func setLadderPrices(p *ladderPrices, profile int32, t *useTable, b box, h *ladderShape, score []float64) {
	p.profile, p.pivot = profile, pivotRow(profile, t, b, score)
	p.centre.resize(t.slots)
	p.centre.price(profile, t, b, -1, 0, false)
	p.sum.resize(t.slots)
	p.sum.price(profile, t, b, -1, 0, true)
	if p.pivot >= 0 {
		p.ends = p.both[:]
		p.both[0].resize(t.slots)
		p.both[0].price(profile, t, b, p.pivot, b.upper[p.pivot], true)
		p.both[1].resize(t.slots)
		p.both[1].price(profile, t, b, p.pivot, b.lower[p.pivot], true)
	} else {
		p.both[0] = p.sum
		p.ends = p.both[:1]
	}
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
}

// price adds up the rows of each slot at the centre, the pivot row at its end;
// with wide set also what the widths of all other rows can bring.
func (v *ladderView) price(profile int32, t *useTable, b box, pivot int32, end float64, wide bool) {
	for s := range t.slots {
		rows, amounts := t.touch(profile, s)
		for k, r := range rows {
			a, price := amounts[k], b.centre[r]
			if r == pivot {
				price = end
			}
			gain, loss := 0.0, 0.0
			if wide && r != pivot {
				gain, loss = b.rise(r, -a), b.rise(r, a)
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
