package optimizer

import "slices"

// Limits of the exchanges.
const (
	exchangeColumns = 1000
	exchangeMoves   = 1200
	exchangeRounds  = 40
)

// exchange lets pairs of customers change at once, the pair that gains most
// value first: what one move takes too much of a row another one gives back.
func (p *pool) exchange() {
	for range exchangeRounds {
		if !p.bestPair() {
			return
		}
	}
}

// pairs is the moves that a pair may be made of, with what they add to the uses.
type pairs struct {
	moves   []swap // by gain of reduced cost
	worth   []float64
	start   []int32 // move k changes row[u] by amount[u] for start[k] ≤ u < start[k+1]
	row     []int32
	amount  []float64
	left    []float64 // of each row
	atStake float64   // what all that is left of the rows is worth at the prices
}

// newPairs lists the moves of the pool that can be in a pair worth making. At
// the prices a move gains its reduced cost and what it uses; all moves together
// use no more than what is left.
func (p *pool) newPairs() *pairs {
	w := p.w
	out := &pairs{start: []int32{0}, left: make([]float64, len(w.limit))}
	for r := range out.left {
		out.left[r] = w.slack(int32(r))
		out.atStake += w.prices[r] * max(0, out.left[r])
	}
	loss := w.loss()
	p.each(func(g *poolGroup, s swap) {
		if g.gap[s.to] <= loss {
			out.moves = append(out.moves, s)
		}
	})
	slices.SortFunc(out.moves, p.before)
	if len(out.moves) == 0 {
		return out
	}
	most := out.moves[0].gain
	for k, s := range out.moves {
		if k == exchangeMoves || s.gain+most+out.atStake <= 0 {
			out.moves = out.moves[:k]
			break
		}
		g := &p.groups[s.group]
		p.setChange(g, s.from, s.to)
		out.row, out.amount = append(out.row, p.change.rows...), append(out.amount, p.change.amounts...)
		out.start = append(out.start, int32(len(out.row)))
		out.worth = append(out.worth, g.options[s.to].worth-g.options[s.from].worth)
	}
	return out
}

// bestPair makes the two moves that together gain most value; false if there
// are none. Ties go to the moves that come first.
func (p *pool) bestPair() bool {
	all := p.newPairs()
	gain, a, b := milpTolerance*max(1, abs(p.w.worth.value())*1e-3), -1, -1
	for i := range all.moves {
		if i+1 < len(all.moves) && all.moves[i].gain+all.moves[i+1].gain+all.atStake <= gain {
			break
		}
		bad := all.take(i, 1)
		for j := i + 1; j < len(all.moves); j++ {
			if all.moves[i].gain+all.moves[j].gain+all.atStake <= gain {
				break
			}
			if worth := all.worth[i] + all.worth[j]; worth > gain && p.both(all.moves[i], all.moves[j]) && all.mends(j, bad) {
				gain, a, b = worth, i, j
			}
		}
		all.take(i, -1)
	}
	if a < 0 {
		return false
	}
	for _, k := range []int{a, b} {
		s := all.moves[k]
		p.move(&p.groups[s.group], s.from, s.to)
	}
	return true
}

// both reports whether there are customers for both moves.
func (p *pool) both(a, b swap) bool {
	return a.group != b.group || a.from != b.from || p.groups[a.group].count[a.from] > 1
}

// take adds a move to what is used, so many times, and returns how many rows
// it overdraws.
func (a *pairs) take(k int, times float64) (bad int) {
	for u := a.start[k]; u < a.start[k+1]; u++ {
		left := &a.left[a.row[u]]
		if *left -= times * a.amount[u]; *left < 0 {
			bad++
		}
	}
	return bad
}

// mends reports whether a move fits into what is left and gives back enough of
// the rows overdrawn.
func (a *pairs) mends(k, bad int) bool {
	for u := a.start[k]; u < a.start[k+1]; u++ {
		left := a.left[a.row[u]]
		if a.amount[u] > left {
			return false
		}
		if left < 0 {
			bad--
		}
	}
	return bad == 0
}
