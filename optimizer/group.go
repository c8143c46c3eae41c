package optimizer

import (
	"math"
	"slices"
)

// group is undecided customers whose kept options are worth the same and use
// the same: one class of the reduced program, even where the options that the
// box ruled out differ.
type group struct {
	options []int32 // of the first part; the winner first
	weight  float64 // customers
	parts   []undecided
}

// groupAlike groups undecided customers, in the order of their first part, and
// counts the columns that the groups make.
func (c *choices) groupAlike(open []undecided) (groups []group, columns int) {
	byHash := make(map[uint64][]int32, len(open))
	for _, u := range open {
		h := newHash()
		for _, o := range u.options {
			h.word(math.Float64bits(c.worth(o)))
			rows, amounts := c.uses(o)
			for k := range rows {
				h.word(uint64(rows[k]))
				h.word(math.Float64bits(amounts[k]))
			}
		}
		at := int32(-1)
		for _, g := range byHash[h.sum] {
			if c.optionsAlike(groups[g].options, u.options) {
				at = g
				break
			}
		}
		if at < 0 {
			at = int32(len(groups))
			byHash[h.sum] = append(byHash[h.sum], at)
			groups = append(groups, group{options: u.options})
			columns += len(u.options) - 1
		}
		groups[at].weight += float64(u.weight)
		groups[at].parts = append(groups[at].parts, u)
	}
	return groups, columns
}

func (c *choices) optionsAlike(a, b []int32) bool {
	return slices.EqualFunc(a, b, func(x, y int32) bool {
		rx, ax := c.uses(x)
		ry, ay := c.uses(y)
		return (x == hold) == (y == hold) && c.worth(x) == c.worth(y) && slices.Equal(rx, ry) && slices.Equal(ax, ay)
	})
}

// hash is FNV-1a over words.
type hash struct{ sum uint64 }

func newHash() hash { return hash{14695981039346656037} }

func (h *hash) word(w uint64) { h.sum = (h.sum ^ w ^ w>>32) * 1099511628211 }

// hand gives the group's options to its customers, totals[k] of option k.
func (c *choices) hand(g group, totals, x []float64) {
	queue := handOut{c: c, g: g, room: 1}
	for k, total := range totals {
		for total > shareTolerance {
			customer, u, ok := queue.front()
			if !ok {
				return
			}
			take := min(total, queue.room)
			if o := u.options[k]; o != hold {
				x[c.candidates(customer)[o-c.first[u.class]]] += take
			}
			total -= take
			queue.take(take)
		}
	}
}

// shareTolerance is a share of a customer that is rounding.
const shareTolerance = 1e-12

// handOut walks the customers of a group, one after the other.
type handOut struct {
	c      *choices
	g      group
	part   int     // of g.parts
	member int32   // of the part's class
	room   float64 // of the customer in front
}

func (h *handOut) front() (customer int32, u undecided, ok bool) {
	if h.part == len(h.g.parts) {
		return 0, u, false
	}
	u = h.g.parts[h.part]
	return h.c.member[h.c.members[u.class]+h.member], u, true
}

func (h *handOut) take(share float64) {
	if h.room -= share; h.room > shareTolerance {
		return
	}
	h.room, h.member = 1, h.member+1
	if h.member == h.g.parts[h.part].weight {
		h.member, h.part = 0, h.part+1
	}
}
