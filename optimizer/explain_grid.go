package optimizer

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"

	"dunning/data"
)

// LadderExplanation says why a customer's ladder is worth choosing, or not.
type LadderExplanation struct {
	Customer         int32
	Rungs            Rungs
	ValueCents       float64
	CostCents        float64            // what the row named [BudgetName] counts; 0 without one
	Paid             []Paid             // rows with a price that the ladder uses, in the grid's order
	ReducedCostCents float64            // value less all that is paid
	Touches          []TouchExplanation // in the order of the days; nil for hold
	// RunnerUp is the customer's best other ladder at the same prices, which may
	// be hold; of equals the one with the smaller Rungs. Where the ladder was
	// chosen at exact prices it is the second best. Alone says that there is no
	// other: every slot is forbidden.
	RunnerUp                 Rungs
	RunnerUpValueCents       float64
	RunnerUpReducedCostCents float64
	Alone                    bool
}

// TouchExplanation is a ladder's touch. The sums over a ladder's touches are
// those of the ladder.
type TouchExplanation struct {
	Slot            int // index in Grid.Slots
	GapDays         int // since the touch before; 0 for the first
	Factor          float64
	ValueCents      float64 // without the discount
	DiscountedCents float64 // Factor × ValueCents
	CostCents       float64
	PaidCents       float64 // for all rows
}

// explainChunk is how many of the customers asked for one goroutine takes at
// once: some blocks' worth where all customers are asked for.
const explainChunk = 4096

// ExplainGrid explains the ladders of the customers asked for, in their order.
// chosen has the ladder of every customer of g, as a [WholePlan] has it, prices
// the DualPrice of each row. Only the blocks of the customers asked for are
// read, the same block seldom twice. The error wraps [data.ErrBadNumber] for a
// customer that there is not, or is that of reading.
func ExplainGrid(ctx context.Context, g *Grid, prices []float64, chosen []Rungs, customers []int32) ([]LadderExplanation, error) {
	if len(prices) != len(g.Rows) || len(chosen) != g.Values.Customers() {
		return nil, fmt.Errorf("%w: %d prices for %d rows, %d ladders for %d customers", data.ErrBadNumber, len(prices), len(g.Rows), len(chosen), g.Values.Customers())
	}
	order := make([]int, len(customers))
	for k, i := range customers {
		if order[k] = k; i < 0 || int(i) >= len(chosen) {
			return nil, fmt.Errorf("%w: customer %d of %d", data.ErrBadNumber, i, len(chosen))
		}
	}
	slices.SortFunc(order, func(a, b int) int { return cmp.Or(cmp.Compare(customers[a], customers[b]), cmp.Compare(a, b)) })
	e := &gridExplanation{g: g, t: newUseTable(g), dual: prices, chosen: chosen, customers: customers, order: order,
		out: make([]LadderExplanation, len(customers)), budget: -1}
	e.prices = e.t.pricesOf(prices)
	for r := range g.Rows {
		if g.Rows[r].Name == BudgetName {
			e.budget = int32(r)
		}
	}
	return e.out, e.run(ctx)
}

// gridExplanation is one call of ExplainGrid.
type gridExplanation struct {
	g         *Grid
	t         *useTable
	dual      []float64
	prices    []float64 // in the direction ≤
	chosen    []Rungs
	customers []int32
	order     []int // indices of customers, by customer
	out       []LadderExplanation
	budget    int32 // row, −1 for none
}

// run explains chunk by chunk, as many at once as there are cores.
func (e *gridExplanation) run(ctx context.Context) error {
	chunks := (len(e.order) + explainChunk - 1) / explainChunk
	errs := make([]error, min(runtime.GOMAXPROCS(0), chunks))
	var next atomic.Int64
	var wg sync.WaitGroup
	for k := range errs {
		wg.Go(func() {
			x := e.newExplainer()
			for errs[k] == nil {
				c := int(next.Add(1)) - 1
				if c >= chunks {
					return
				}
				errs[k] = x.chunk(ctx, e.order[c*explainChunk:min(len(e.order), (c+1)*explainChunk)])
			}
		})
	}
	wg.Wait()
	return errors.Join(errs...)
}

// gridExplainer belongs to one goroutine.
type gridExplainer struct {
	*gridExplanation
	search  *ladderSearch
	at      blockFinder
	values  []float64
	rows    []int32
	amounts []float64
}

func (e *gridExplanation) newExplainer() *gridExplainer {
	return &gridExplainer{gridExplanation: e, at: blockFinder{values: e.g.Values}, values: make([]float64, e.t.slots),
		search: newLadderSearch(e.g.Slots, e.t, box{centre: e.prices, lower: e.prices, upper: e.prices})}
}

// chunk explains some customers, by index.
func (x *gridExplainer) chunk(ctx context.Context, order []int) error {
	for len(order) > 0 {
		if err := ctx.Err(); err != nil {
			return err
		}
		done := 0
		err := x.at.find(ctx, int(x.customers[order[0]]), func(b Block) {
			for _, k := range order {
				i := int(x.customers[k]) - b.First
				if i >= b.Customers {
					break
				}
				x.explain(&x.out[k], x.customers[k], b.profile(i), b.values(i, x.values))
				done++
			}
		})
		if err != nil {
			return err
		}
		order = order[done:]
	}
	return nil
}

// explain fills in one explanation.
func (x *gridExplainer) explain(out *LadderExplanation, customer, profile int32, values []float64) {
	out.Customer, out.Rungs = customer, x.chosen[customer]
	second, reduced, any := x.search.runnerUp(profile, values)
	switch won := &x.search.won; {
	case out.Rungs != won.rungs:
		second, reduced = won.option, won.s
	case !any:
		out.Alone = true
		second, reduced = option{}, 0
	}
	out.RunnerUp, out.RunnerUpValueCents, out.RunnerUpReducedCostCents = second.rungs, second.worth, reduced
	out.ValueCents = worthOf(x.t, values, out.Rungs)
	out.ReducedCostCents = out.ValueCents
	x.rows, x.amounts = x.t.of(profile, out.Rungs, x.rows, x.amounts)
	for k, r := range x.rows {
		use := x.t.sign[r] * x.amounts[k]
		if price := x.dual[r]; price != 0 {
			paid := Paid{Row: int(r), Name: x.g.Rows[r].Name, PriceCents: price, Use: use, Cents: price * use}
			out.Paid = append(out.Paid, paid)
			out.ReducedCostCents -= paid.Cents
		}
		if r == x.budget {
			out.CostCents = use
		}
	}
	x.touches(out, profile, values)
}

// touches fills in the touches.
func (x *gridExplainer) touches(out *LadderExplanation, profile int32, values []float64) {
	if out.Rungs == Hold {
		return
	}
	out.Touches = make([]TouchExplanation, 0, out.Rungs.Touches())
	last := 0
	for r := out.Rungs; r != Hold; r = r.Rest() {
		s, step := r.First(), len(out.Touches)
		t := TouchExplanation{Slot: s, ValueCents: values[s]}
		if step > 0 {
			t.GapDays = x.t.day[s] - last
		}
		last = x.t.day[s]
		t.Factor = x.t.rule.factor(step, t.GapDays)
		t.DiscountedCents = t.Factor * t.ValueCents
		rows, amounts := x.t.touch(profile, s)
		for k, row := range rows {
			a := amounts[k]
			if x.t.discounted[row] {
				a *= t.Factor
			}
			t.PaidCents += x.prices[row] * a
			if row == x.budget {
				t.CostCents += x.t.sign[row] * a
			}
		}
		out.Touches = append(out.Touches, t)
	}
}

// blockFinder finds the block of a customer. Where blocks are of about the same
// size the first guess is right or next to it.
type blockFinder struct{ values Values }

// find hands the block of customer i to use.
func (f blockFinder) find(ctx context.Context, i int, use func(Block)) error {
	low, high := 0, f.values.Blocks()-1 // the block is among these
	first, end := 0, f.values.Customers()
	for low <= high {
		k := low + min(high-low, (i-first)*(high-low+1)/max(1, end-first))
		found := false
		err := f.values.Read(ctx, k, func(b Block) error {
			switch {
			case i < b.First:
				high, end = k-1, b.First
			case i >= b.First+b.Customers:
				low, first = k+1, b.First+b.Customers
			default:
				found = true
				use(b)
			}
			return nil
		})
		if err != nil || found {
			return err
		}
	}
	return fmt.Errorf("optimizer: %w: customer %d is in no block", data.ErrBadNumber, i)
}

// PriceTableGrid returns one line per row, in the grid's order. What is used is
// what the linear program's optimum uses, broken shares included; a.Prices may
// come from elsewhere.
func PriceTableGrid(g *Grid, a *Allocation) []Price {
	t := newUseTable(g)
	used := make([]sum, t.rows())
	for r, x := range a.used {
		used[r].add(x)
	}
	shares := make(map[int32][]Share, len(a.Split))
	for _, s := range a.Split {
		shares[s.Customer] = append(shares[s.Customer], s)
	}
	var rows []int32
	var amounts []float64
	for _, near := range a.near {
		add := func(r Rungs, share float64) {
			rows, amounts = t.of(near.profile, r, rows, amounts)
			for k, row := range rows {
				used[row].add(share * amounts[k])
			}
		}
		for _, i := range near.members {
			add(a.Chosen[i], 1) // hold for those with shares
			for _, s := range shares[i] {
				add(s.Rungs, s.Share)
			}
		}
	}
	table := make([]Price, len(g.Rows))
	for r := range g.Rows {
		row := &g.Rows[r]
		table[r] = Price{Row: row.Name, Sense: row.Sense.String(), Limit: row.Limit, Used: 0 + t.sign[r]*used[r].value(), DualPrice: a.Prices[r]}
	}
	return table
}
