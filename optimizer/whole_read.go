package optimizer

import (
	"cmp"
	"errors"
	"math"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
)

// Limits of the wide pool.
const (
	wideOptions = 400   // options with the smallest gaps
	wideHelp    = 200   // more of them that help unmet rows
	nearTests   = 2_000 // ladders of one customer that are looked at
)

// nearOption is an option that a customer might change to.
type nearOption struct {
	key      float64 // the smaller the nearer
	profile  int32
	customer int32
	to, now  option
}

func compareNear(a, b nearOption) int {
	return cmp.Or(cmp.Compare(a.key, b.key), cmp.Compare(a.profile, b.profile), cmp.Compare(a.to.rungs, b.to.rungs),
		cmp.Compare(a.to.worth, b.to.worth), cmp.Compare(a.now.rungs, b.now.rungs), cmp.Compare(a.customer, b.customer))
}

// nearest keeps the nearest options it is offered.
type nearestOptions struct {
	room    int
	largest float64 // keys beyond it are not kept
	kept    []nearOption
}

func (n *nearestOptions) offer(o nearOption) {
	if o.key > n.largest {
		return
	}
	if n.kept = append(n.kept, o); len(n.kept) >= 2*n.room {
		n.cut()
	}
}

func (n *nearestOptions) cut() {
	slices.SortFunc(n.kept, compareNear)
	if len(n.kept) > n.room {
		n.kept = n.kept[:n.room]
		n.largest = n.kept[n.room-1].key
	}
}

// reader looks for options near the best; it belongs to one goroutine.
type reader struct {
	w       *whole
	search  *ladderSearch
	near    nearestOptions
	help    nearestOptions
	raised  []*ladderSearch // at prices at which unmet rows are dearer
	unmet   []int32
	values  []float64
	rows    []int32
	amounts []float64
	use     []exactSum // of the plan, by readUse
	worth   exactSum
}

// widePool reads all customers and returns those with options that come nearest
// to their best; beyond the loss of the plan there is nothing to gain.
func (w *whole) widePool() (*pool, error) {
	w.reads++
	var unmet []int32
	for r := range w.limit {
		if w.slack(int32(r)) < 0 {
			unmet = append(unmet, int32(r))
		}
	}
	loss := w.loss()
	readers, err := readAll(w, func() *reader {
		r := w.newReader(unmet)
		r.near.largest = loss
		return r
	}, func(r *reader, b Block) {
		for i := range b.Customers {
			r.customer(b.profile(i), int32(b.First+i), b.values(i, r.values))
		}
	})
	if err != nil {
		return nil, err
	}
	first := readers[0]
	for _, r := range readers[1:] {
		first.near.kept = append(first.near.kept, r.near.kept...)
		first.help.kept = append(first.help.kept, r.help.kept...)
	}
	first.near.cut()
	first.help.cut()
	return w.newPool(groupsOf(append(first.near.kept, first.help.kept...))), nil
}

func (w *whole) newReader(unmet []int32) *reader {
	at := func(prices []float64) *ladderSearch {
		return newLadderSearch(w.g.Slots, w.t, box{centre: prices, lower: prices, upper: prices})
	}
	r := &reader{w: w, search: at(w.prices), unmet: unmet, values: make([]float64, w.t.slots)}
	r.near.room, r.help.room = wideOptions, wideHelp
	r.help.largest = math.Inf(1)
	worth := max(1, w.g.Values.Largest()) * float64(w.t.rule.touches())
	if len(unmet) > 0 {
		for _, raise := range []float64{0.01, 0.1, 1, 100} {
			prices := slices.Clone(w.prices)
			for _, u := range unmet {
				prices[u] += raise * worth / w.t.scale[u]
			}
			r.raised = append(r.raised, at(prices))
		}
	}
	return r
}

// customer offers the options of a customer that are near to the best.
func (r *reader) customer(profile, customer int32, values []float64) {
	rungs := r.w.chosen[customer]
	now := option{rungs, worthOf(r.w.t, values, rungs)}
	r.search.within(profile, values, r.near.largest, func(to option, gap float64) float64 {
		if to.rungs != rungs {
			r.near.offer(nearOption{gap, profile, customer, to, now})
		}
		return r.near.largest
	})
	for _, s := range r.raised {
		to, _ := s.best(profile, values)
		if relief := r.relief(profile, rungs, to.rungs); relief > 0 {
			gap := max(0, r.search.won.s-r.reduced(profile, to))
			r.help.offer(nearOption{gap / relief, profile, customer, to, now})
		}
	}
}

// relief returns by how much a change helps the unmet rows, the share of the
// need of each that it meets.
func (r *reader) relief(profile int32, from, to Rungs) (total float64) {
	if from == to {
		return 0
	}
	add := func(sign float64, rungs Rungs) {
		r.rows, r.amounts = r.w.t.of(profile, rungs, r.rows, r.amounts)
		for _, u := range r.unmet {
			if k, ok := slices.BinarySearch(r.rows, u); ok {
				total += sign * r.amounts[k] / -r.w.slack(u)
			}
		}
	}
	add(1, from)
	add(-1, to)
	return min(1, total)
}

// reduced returns the reduced cost of an option.
func (r *reader) reduced(profile int32, o option) float64 {
	r.rows, r.amounts = r.w.t.of(profile, o.rungs, r.rows, r.amounts)
	s := o.worth
	for k, row := range r.rows {
		s -= r.w.prices[row] * r.amounts[k]
	}
	return s
}

// groupsOf gives each customer met what it has now, hold, and the options met.
func groupsOf(options []nearOption) []group {
	slices.SortFunc(options, func(a, b nearOption) int {
		return cmp.Or(cmp.Compare(a.customer, b.customer), cmp.Compare(a.to.rungs, b.to.rungs))
	})
	var out []group
	for k := 0; k < len(options); {
		first := options[k]
		g := group{profile: first.profile, members: []int32{first.customer}, options: []option{first.now}}
		for ; k < len(options) && options[k].customer == first.customer; k++ {
			if o := options[k].to; !slices.Contains(g.options, o) {
				g.options = append(g.options, o)
			}
		}
		g.options = withHold(g.options)
		slices.SortFunc(g.options, func(a, b option) int { return cmp.Compare(a.rungs, b.rungs) })
		g.hash = hashOptions(g.profile, g.options)
		out = append(out, g)
	}
	return mergeAlike(out)
}

// within offers to take every ladder whose s is at most slack below the
// winner's, hold and the winner included, with that gap; take returns the slack
// from there on, which may only fall. Of a customer with very many it looks at
// nearTests.
func (l *ladderSearch) within(profile int32, values []float64, slack float64, take func(o option, gap float64) float64) {
	l.best(profile, values)
	won, tests := l.won.s, 0
	w := &l.walk
	w.view, w.values, w.ladderTables = &l.p.centre, values, l.ladderTables
	least := func() float64 {
		return max(none/2, won-slack-2*roundingOf*(l.won.size+math.Abs(won)+slack))
	}
	w.visit = func(r Rungs) bool {
		l.uses(r)
		worth := l.worth(r)
		if gap := max(0, won-l.reduce(worth)); gap <= slack {
			slack = take(option{r, worth}, gap)
			w.least = least()
		}
		tests++
		return tests > nearTests
	}
	if w.least = least(); !w.visit(Hold) {
		w.all()
	}
}

// worthOf returns what a ladder is worth to the customer with the given values.
func worthOf(t *useTable, values []float64, r Rungs) float64 {
	total, last := 0.0, 0
	for step := 0; r != Hold; step, r = step+1, r.Rest() {
		s := r.First()
		total += float64(values[s] * t.rule.factor(step, t.day[s]-last))
		last = t.day[s]
	}
	return total
}

// readUse reads all customers to find what the plan uses and is worth.
func (w *whole) readUse() error {
	readers, err := readAll(w, func() *reader {
		r := &reader{w: w, values: make([]float64, w.t.slots), worth: exactSum{units: centUnits}}
		for row := range w.limit {
			r.use = append(r.use, newExactSum(w.t.largest[row]*float64(w.t.rule.touches())))
		}
		return r
	}, func(r *reader, b Block) {
		for i := range b.Customers {
			rungs := w.chosen[b.First+i]
			if rungs == Hold {
				continue
			}
			r.worth.add(worthOf(w.t, b.values(i, r.values), rungs))
			r.rows, r.amounts = w.t.of(b.profile(i), rungs, r.rows, r.amounts)
			for k, row := range r.rows {
				r.use[row].add(r.amounts[k])
			}
		}
	})
	if err != nil {
		return err
	}
	for _, r := range readers[1:] {
		readers[0].worth.merge(r.worth)
		for row := range r.use {
			readers[0].use[row].merge(r.use[row])
		}
	}
	w.worth = sum{total: readers[0].worth.value()}
	for row := range w.used {
		w.used[row] = sum{total: readers[0].use[row].value()}
	}
	w.reads++
	return nil
}

// readAll hands every block of the values to one of some readers, as many as
// there are cores.
func readAll(w *whole, open func() *reader, use func(r *reader, b Block)) ([]*reader, error) {
	blocks := w.g.Values.Blocks()
	readers := make([]*reader, min(runtime.GOMAXPROCS(0), max(1, blocks)))
	errs := make([]error, len(readers))
	var next atomic.Int64
	var wg sync.WaitGroup
	for k := range readers {
		readers[k] = open()
		wg.Go(func() {
			for errs[k] == nil {
				b := int(next.Add(1)) - 1
				if b >= blocks {
					return
				}
				if errs[k] = w.ctx.Err(); errs[k] == nil {
					errs[k] = w.g.Values.Read(w.ctx, b, func(b Block) error {
						use(readers[k], b)
						return nil
					})
				}
			}
		})
	}
	wg.Wait()
	return readers, errors.Join(errs...)
}
