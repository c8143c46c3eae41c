package uplift

import (
	"fmt"
	"math"
	"math/rand/v2"
)

// Entry is a touch that may be drawn to learn from: of a customer, in a slot (a
// channel on a day).
type Entry struct {
	Customer, Slot int32
	// Weight, ≥ 0, says how gladly it is drawn beyond the floor: near-ties have
	// large ones.
	Weight float64
}

// Lottery draws a known number of touches in each slot among many customers, at
// most one of each, so that money and capacities set aside for the slots are never
// exceeded and every entry's probability is known exactly.
//
// Slots are in groups (days), and all entries of a customer in slots of one group.
// The customers of a group are dealt into as many pools as it may have tickets. A
// slot whose expected number of touches is μ gets ⌊μ⌋ or ⌈μ⌉ tickets, μ on average
// (systematic sampling); the tickets go to pools of the slot's group by a random
// permutation, and in its pool a ticket goes to one of the entries of its slot. So
// an entry of pool p and slot s has the probability
//
//	μ_s ÷ pools of the group × its share of the entries of p and s
//
// where shares are even up to a floor, and what is left is in proportion to the
// weights.
type Lottery struct {
	entries  []Entry
	expected []float64 // touches by slot
	group    []int32   // by slot
	pools    []int32   // by group
	base     []int32   // first cell of each group
	slot     []int32   // place of each slot within its group
	width    []int32   // slots by group
	order    []int32   // of the entries: by cell, which is a pool and a slot
	start    []int32   // of each cell within order
	share    []float64 // of each entry, given the ticket
}

// NewLottery returns the lottery of some entries, those of each customer in
// different slots of one group; expected has the touches of each slot, group its
// group. floor is the least probability of an entry, as far as the expected touches
// allow: where they do not, all entries of the pool and slot have the same. Misuse
// of shapes panics.
func NewLottery(entries []Entry, expected []float64, group []int32, floor float64) *Lottery {
	if len(group) != len(expected) {
		panic(fmt.Sprintf("uplift: lottery: %d groups of %d slots", len(group), len(expected)))
	}
	l := &Lottery{entries: entries, expected: expected, group: group, slot: make([]int32, len(expected)), share: make([]float64, len(entries))}
	for s, mu := range expected {
		if !(mu >= 0) || math.IsInf(mu, 1) {
			panic(fmt.Sprintf("uplift: lottery: %v touches in slot %d", mu, s))
		}
		for int(group[s]) >= len(l.pools) {
			l.pools, l.width = append(l.pools, 0), append(l.width, 0)
		}
		l.slot[s] = l.width[group[s]]
		l.width[group[s]]++
		l.pools[group[s]] += int32(math.Ceil(mu))
	}
	cells := int32(0)
	for g := range l.pools {
		l.pools[g] = max(1, l.pools[g])
		l.base = append(l.base, cells)
		cells += l.pools[g] * l.width[g]
	}
	l.sort(int(cells))
	slotOf := make([]int32, cells)
	for k := range entries {
		slotOf[l.cell(k)] = entries[k].Slot
	}
	for c := range slotOf {
		l.deal(c, slotOf[c], floor)
	}
	return l
}

// sort orders the entries by cell.
func (l *Lottery) sort(cells int) {
	l.start = make([]int32, cells+1)
	for k := range l.entries {
		l.start[l.cell(k)+1]++
	}
	for c := range cells {
		l.start[c+1] += l.start[c]
	}
	l.order = make([]int32, len(l.entries))
	next := append([]int32(nil), l.start...)
	for k := range l.entries {
		c := l.cell(k)
		l.order[next[c]] = int32(k)
		next[c]++
	}
}

// cell is the pool and slot of an entry.
func (l *Lottery) cell(k int) int32 {
	e := &l.entries[k]
	return l.cellOf(e.Customer%l.pools[l.group[e.Slot]], e.Slot)
}

func (l *Lottery) cellOf(pool, slot int32) int32 {
	g := l.group[slot]
	return l.base[g] + pool*l.width[g] + l.slot[slot]
}

// deal sets the shares of the entries of one pool and slot.
func (l *Lottery) deal(c int, slot int32, floor float64) {
	mine := l.order[l.start[c]:l.start[c+1]]
	mu, weights := l.expected[slot], 0.0
	for _, k := range mine {
		weights += l.entries[k].Weight
	}
	n := float64(len(mine))
	even := 1.0 // the part that is shared out evenly
	if weights > 0 && mu > 0 {
		even = min(1, floor*n*float64(l.pools[l.group[slot]])/mu)
	}
	for _, k := range mine {
		l.share[k] = even / n
		if even < 1 {
			l.share[k] += (1 - even) * l.entries[k].Weight / weights
		}
	}
}

// Probability returns that of an entry.
func (l *Lottery) Probability(k int) float64 {
	s := l.entries[k].Slot
	return l.expected[s] / float64(l.pools[l.group[s]]) * l.share[k]
}

// Draw returns the entries that are drawn, by ticket. A ticket whose pool has no
// entry of its slot lapses.
func (l *Lottery) Draw(rng *rand.Rand) (drawn []int) {
	free := make([][]int, len(l.pools)) // pools without a ticket, in random order
	for g, n := range l.pools {
		free[g] = rng.Perm(int(n))
	}
	next, sum := rng.Float64(), 0.0
	for s, mu := range l.expected {
		g := l.group[s]
		for sum += mu; next < sum && len(free[g]) > 0; next++ {
			c := l.cellOf(int32(free[g][0]), int32(s))
			free[g] = free[g][1:]
			mine := l.order[l.start[c]:l.start[c+1]]
			if len(mine) == 0 {
				continue
			}
			u, winner := rng.Float64(), int(mine[len(mine)-1])
			for _, k := range mine {
				if u < l.share[k] {
					winner = int(k)
					break
				}
				u -= l.share[k]
			}
			drawn = append(drawn, winner)
		}
	}
	return drawn
}
