package optimizer

import (
	"cmp"
	"math"
	"slices"
)

// classes groups customers whose options, by day and channel, are worth the
// same and use the same.
type classes struct {
	order    []int32 // allowed candidates by customer
	starts   []int32 // those of customer i: order[starts[i]:starts[i+1]]
	member   []int32 // customers by class, ascending within it
	members  []int32 // those of class i: member[members[i]:members[i+1]]
	customer int     // number of customers
}

// count returns the number of classes.
func (c *classes) count() int { return len(c.members) - 1 }

// weight returns how many customers a class has.
func (c *classes) weight(i int32) int32 { return c.members[i+1] - c.members[i] }

// candidates returns a customer's allowed candidates: option k of the class is
// the k-th of them, for each of its members.
func (c *classes) candidates(customer int32) []int32 {
	return c.order[c.starts[customer]:c.starts[customer+1]]
}

// newClasses groups the customers of p; banned candidates, in ascending order,
// are left out.
func newClasses(p *Problem, cols columns, banned []int32) classes {
	starts, order := p.byCustomer()
	if len(banned) > 0 {
		starts, order = without(starts, order, banned)
	}
	c := classes{order: order, starts: starts, customer: len(starts) - 1}
	for i := range int32(c.customer) {
		sortOptions(p, c.candidates(i))
	}
	byHash := make(map[uint64][]int32, c.customer) // classes of a hash
	of := make([]int32, c.customer)
	var first []int32 // the first customer of each class
	for i := range int32(c.customer) {
		h := c.hash(p, cols, i)
		class := int32(-1)
		for _, k := range byHash[h] {
			if c.alike(p, cols, first[k], i) {
				class = k
				break
			}
		}
		if class < 0 {
			class = int32(len(first))
			first = append(first, i)
			byHash[h] = append(byHash[h], class)
		}
		of[i] = class
	}
	c.members = make([]int32, len(first)+1)
	for _, k := range of {
		c.members[k+1]++
	}
	for k := range first {
		c.members[k+1] += c.members[k]
	}
	c.member = make([]int32, c.customer)
	next := slices.Clone(c.members[:len(first)])
	for i, k := range of {
		c.member[next[k]] = int32(i)
		next[k]++
	}
	return c
}

// sortOptions sorts one customer's candidates by day and channel, so that their
// order in the problem makes no difference.
func sortOptions(p *Problem, candidates []int32) {
	compare := func(a, b int32) int {
		x, y := &p.Candidates[a], &p.Candidates[b]
		if x.Day != y.Day {
			return cmp.Compare(x.Day, y.Day)
		}
		return cmp.Compare(x.Channel.Index(), y.Channel.Index())
	}
	if !slices.IsSortedFunc(candidates, compare) {
		slices.SortFunc(candidates, compare)
	}
}

// without drops banned candidates from the lists by customer.
func without(starts, order, banned []int32) (keptStarts, kept []int32) {
	keptStarts = make([]int32, len(starts))
	for i := range len(starts) - 1 {
		for _, j := range order[starts[i]:starts[i+1]] {
			if _, ok := slices.BinarySearch(banned, j); !ok {
				kept = append(kept, j)
			}
		}
		keptStarts[i+1] = int32(len(kept))
	}
	return keptStarts, kept
}

// hash hashes a customer's options.
func (c *classes) hash(p *Problem, cols columns, customer int32) uint64 {
	h := newHash()
	for _, j := range c.candidates(customer) {
		h.word(math.Float64bits(p.Candidates[j].ValueCents))
		for k := cols.start[j]; k < cols.start[j+1]; k++ {
			h.word(uint64(cols.row[k]))
			h.word(math.Float64bits(cols.amount[k]))
		}
	}
	return h.sum
}

// alike compares two customers option by option.
func (c *classes) alike(p *Problem, cols columns, a, b int32) bool {
	ca, cb := c.candidates(a), c.candidates(b)
	if len(ca) != len(cb) {
		return false
	}
	for k, j := range ca {
		l := cb[k]
		if p.Candidates[j].ValueCents != p.Candidates[l].ValueCents ||
			!slices.Equal(cols.row[cols.start[j]:cols.start[j+1]], cols.row[cols.start[l]:cols.start[l+1]]) ||
			!slices.Equal(cols.amount[cols.start[j]:cols.start[j+1]], cols.amount[cols.start[l]:cols.start[l+1]]) {
			return false
		}
	}
	return true
}

// portion is a number of customers of one class.
type portion struct {
	class, weight int32
}

// expand lists a class once for each of its customers.
func expand(portions []portion) []int32 {
	var out []int32
	for _, p := range portions {
		for range p.weight {
			out = append(out, p.class)
		}
	}
	return out
}

// gather counts a list of classes, which it sorts.
func gather(units []int32) []portion {
	slices.Sort(units)
	out := make([]portion, 0, len(units))
	for _, k := range units {
		if n := len(out); n > 0 && out[n-1].class == k {
			out[n-1].weight++
		} else {
			out = append(out, portion{k, 1})
		}
	}
	return out
}
