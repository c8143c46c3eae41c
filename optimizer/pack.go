package optimizer

import (
	"cmp"
	"context"
	"errors"
	"math"
	"slices"
)

// packed is a Problem as a Grid, with the way back.
type packed struct {
	grid  *Grid
	at    [][]int32 // by customer, the candidates in the order of slots below
	slots [][]int32 // their slots, ascending
}

// Pack turns a problem into a grid of ladders: customers keep their index, and
// those whose candidates use the rows alike, slot by slot, share a profile.
// Rows keep their order; none is Discounted. The error is that of p.Validate, or
// names a value that no recovery has.
func Pack(p *Problem, ladder LadderRule) (*Grid, error) {
	if err := p.Validate(); err != nil {
		return nil, err
	}
	k, err := pack(p)
	if err != nil {
		return nil, err
	}
	k.grid.Ladder = ladder
	return k.grid, nil
}

// pack turns a problem into a grid of single touches. Customers whose
// candidates use the rows alike, slot by slot, share a profile.
func pack(p *Problem) (*packed, error) {
	out := &packed{grid: &Grid{Slots: slotsOf(p)}}
	n := p.Customers()
	out.at, out.slots = make([][]int32, n), make([][]int32, n)
	index := make(map[Slot]int32, len(out.grid.Slots))
	for s, slot := range out.grid.Slots {
		index[slot] = int32(s)
	}
	start, order := p.byCustomer()
	for i := range n {
		mine := slices.Clone(order[start[i]:start[i+1]])
		slotOf := func(j int32) int32 { c := &p.Candidates[j]; return index[Slot{c.Channel, c.Day}] }
		slices.SortFunc(mine, func(a, b int32) int { return cmp.Compare(slotOf(a), slotOf(b)) })
		out.at[i] = mine
		for _, j := range mine {
			out.slots[i] = append(out.slots[i], slotOf(j))
		}
	}
	profile := out.addRows(p)
	return out, out.addValues(p, profile)
}

func slotsOf(p *Problem) []Slot {
	seen := map[Slot]bool{}
	var slots []Slot
	for j := range p.Candidates {
		s := Slot{p.Candidates[j].Channel, p.Candidates[j].Day}
		if !seen[s] {
			seen[s] = true
			slots = append(slots, s)
		}
	}
	SortSlots(slots)
	return slots
}

// SortSlots sorts slots as a Grid wants them: by day, then in the order of
// data.Channels.
func SortSlots(slots []Slot) {
	slices.SortFunc(slots, func(a, b Slot) int {
		return cmp.Or(cmp.Compare(a.Day, b.Day), cmp.Compare(a.Channel.Index(), b.Channel.Index()))
	})
}

// addValues writes the values, in single precision where that loses nothing.
func (k *packed) addValues(p *Problem, profile []int32) error {
	single := true
	for j := range p.Candidates {
		v := p.Candidates[j].ValueCents
		single = single && float64(float32(v)) == v
	}
	values := WideMemoryValues(len(k.grid.Slots), len(k.at))
	if single {
		values = NewMemoryValues(len(k.grid.Slots), len(k.at))
	}
	row := make([]float64, len(k.grid.Slots))
	for i := range k.at {
		for s := range row {
			row[s] = Forbidden
		}
		for c, j := range k.at[i] {
			row[k.slots[i][c]] = p.Candidates[j].ValueCents
		}
		if err := values.Add(profile[i], row); err != nil {
			return err
		}
	}
	k.grid.Values = values
	return nil
}

// profiler finds the profiles of a problem's customers.
type profiler struct {
	slots int
	cols  columns
	// uses of each profile by slot: a candidate that has them, -1 while no
	// customer of the profile has the slot.
	profiles [][]int32
	byHash   map[uint64][]int32
}

// addRows sets the grid's rows and returns the profile of each customer.
func (k *packed) addRows(p *Problem) []int32 {
	f := &profiler{slots: len(k.grid.Slots), cols: p.columns(), byHash: map[uint64][]int32{}}
	profile := make([]int32, len(k.at))
	for i := range k.at {
		profile[i] = f.find(k.at[i], k.slots[i])
	}
	k.grid.Profiles = max(1, len(f.profiles))
	k.grid.Rows = make([]GridRow, len(p.Rows))
	for r := range p.Rows {
		k.grid.Rows[r] = GridRow{Name: p.Rows[r].Name, Sense: p.Rows[r].Sense, Limit: p.Rows[r].Limit}
	}
	for pr, uses := range f.profiles {
		for s, j := range uses {
			if j < 0 {
				continue
			}
			for c := f.cols.start[j]; c < f.cols.start[j+1]; c++ {
				row := &k.grid.Rows[f.cols.row[c]]
				row.Use = append(row.Use, SlotUse{int32(pr), int32(s), f.cols.amount[c]})
			}
		}
	}
	return profile
}

// profilesTried is how many profiles a customer is compared with before it gets
// one of its own.
const profilesTried = 16

// find returns a profile in which each candidate's slot has the candidate's
// uses or none yet. The latest profiles are tried first, then those that use
// the customer's first slot alike.
func (f *profiler) find(candidates, slots []int32) int32 {
	if len(candidates) == 0 {
		if len(f.profiles) == 0 {
			f.open(nil, nil)
		}
		return 0
	}
	first := f.hash(slots[0], candidates[0])
	same := f.byHash[first]
	for t := len(same) - 1; t >= max(0, len(same)-profilesTried); t-- {
		if f.fits(same[t], candidates, slots) {
			return f.join(same[t], candidates, slots)
		}
	}
	for t := len(f.profiles) - 1; t >= max(0, len(f.profiles)-profilesTried); t-- {
		if f.fits(int32(t), candidates, slots) {
			return f.join(int32(t), candidates, slots)
		}
	}
	return f.open(candidates, slots)
}

func (f *profiler) fits(profile int32, candidates, slots []int32) bool {
	uses := f.profiles[profile]
	for k, j := range candidates {
		if at := uses[slots[k]]; at >= 0 && !f.alike(at, j) {
			return false
		}
	}
	return true
}

func (f *profiler) join(profile int32, candidates, slots []int32) int32 {
	for k, j := range candidates {
		if f.profiles[profile][slots[k]] < 0 {
			f.profiles[profile][slots[k]] = j
			h := f.hash(slots[k], j)
			f.byHash[h] = append(f.byHash[h], profile)
		}
	}
	return profile
}

func (f *profiler) open(candidates, slots []int32) int32 {
	uses := make([]int32, f.slots)
	for s := range uses {
		uses[s] = -1
	}
	f.profiles = append(f.profiles, uses)
	return f.join(int32(len(f.profiles)-1), candidates, slots)
}

func (f *profiler) alike(a, b int32) bool {
	c := &f.cols
	return slices.Equal(c.row[c.start[a]:c.start[a+1]], c.row[c.start[b]:c.start[b+1]]) &&
		slices.Equal(c.amount[c.start[a]:c.start[a+1]], c.amount[c.start[b]:c.start[b+1]])
}

func (f *profiler) hash(slot, j int32) uint64 {
	h := newHash()
	h.word(uint64(slot))
	for k := f.cols.start[j]; k < f.cols.start[j+1]; k++ {
		h.word(uint64(f.cols.row[k]))
		h.word(math.Float64bits(f.cols.amount[k]))
	}
	return h.mixed()
}

// Solve solves a problem of single touches, packed as a grid. Errors and
// statuses are those of [FullLP].
func (s Boxstep) Solve(ctx context.Context, p *Problem) (*Solution, error) {
	if err := p.Validate(); err != nil {
		return nil, err
	}
	k, err := pack(p)
	if err != nil {
		return nil, err
	}
	a, err := s.Allocate(ctx, k.grid)
	if errors.Is(err, errUnsettled) {
		return FullLP{LP: s.LP}.Solve(ctx, p)
	}
	if err != nil {
		return nil, err
	}
	sol := &Solution{Status: a.Status, Prices: a.Prices, Iterations: a.Iterations, Shortfalls: a.Shortfalls, Beside: a.Beside, Work: a.Work}
	if a.Status == Optimal {
		began := sol.Work.FinishSeconds
		finish(p, sol, k.shares(p, a), a.Prices)
		sol.Work.FinishSeconds += began
	}
	return sol, nil
}

// shares returns the allocation by candidate.
func (k *packed) shares(p *Problem, a *Allocation) []float64 {
	x := make([]float64, len(p.Candidates))
	set := func(i int32, r Rungs, share float64) {
		if at, ok := slices.BinarySearch(k.slots[i], int32(r.First())); ok && r != Hold {
			x[k.at[i][at]] = share
		}
	}
	for i, r := range a.Chosen {
		set(int32(i), r, 1)
	}
	for _, s := range a.Split {
		set(s.Customer, s.Rungs, s.Share)
	}
	return x
}
