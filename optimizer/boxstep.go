package optimizer

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime"
	"slices"
	"sync"
	"time"
)

// Boxstep finds the optimum for any number of customers (Marsten, Hogan,
// Blankenship 1975, "The boxstep method for large-scale optimization"). It
// searches the prices of the rows. A box around the current prices decides
// nearly every customer: one ladder is best at every price in it. The undecided
// few form a reduced linear program whose optimum either needs nothing beyond
// the box, which proves that it is the optimum of the whole problem, or says in
// which direction the box must move. The first box comes from a sample.
//
// The answer depends on the problem alone: not on the number of cores, nor on
// how the customers are ordered or cut into blocks.
type Boxstep struct {
	LP LPSolver
	// MaxColumns bounds the reduced linear programs as long as samples can
	// still narrow the box; default 15,000.
	MaxColumns int
	// Start is where the search starts instead of the sample's prices: those of
	// yesterday's solution, one per row; nil for none.
	Start []float64
	// Intervals asks for the interval of each row's price; LP must be an
	// LPOpener then.
	Intervals bool
	Log       *slog.Logger // one line per step at level Debug; nil for silence
}

// Constants of the search; docs/OPTIMIZER.md says how they were chosen.
const (
	defaultMaxColumns = 15_000
	maxSteps          = 60  // reduced LPs before the search gives up
	maxNarrowings     = 30  // of the box within one solve
	maxCorrections    = 3   // of the sample by totals, within those
	maxRaises         = 2   // of the caps, by a factor of a thousand
	wideBox           = 6.0 // how much wider a box is read when the last was too small
)

// errUnsettled says that the search ended without an answer, errCapped that a
// row's price reached its cap.
var (
	errUnsettled = errors.New("optimizer: boxstep did not settle")
	errCapped    = errors.New("optimizer: a row at its highest price")
)

// boxstepRun is one solve.
type boxstepRun struct {
	Boxstep
	ctx        context.Context
	m          *market
	chosen     []Rungs  // of the customers that the last full read decided; nil before the first
	anonymous  bool     // nobody asks who is touched: chosen stays nil
	wide       *scanned // of the last full read
	wideBox    box
	read       bool      // there was one since the search began
	centre     []float64 // of the last box; nil before the first
	loosened   float64   // cents by which breaking ties may have lowered the bound
	work       Work
	iterations int
	narrowings int
	// temperature is that of the last smoothed dual, in cents.
	temperature float64
	// tied says that options are worth the same by the thousand: what a full read leaves
	// open is told apart. tieTemper is the temperature that this began at.
	tied      bool
	tieTemper float64
	// answered says that the last step was a reduced program, returns how often the box
	// after one was narrowed by a smoothed dual again.
	answered bool
	returns  int
	// clipped says that the last smoothed dual ended at an edge of what was read.
	clipped bool
	// sampleHalf is the half-widths of the box that the sample suggested; nil
	// while totals do not pay. freshBox says that the last box came from it.
	sampleHalf []float64
	freshBox   bool
	partRead   bool // a part of the customers was asked for totals
	// lastColumns is the size of the reduced program before the last samples.
	lastColumns int
}

// Allocate solves g. It errs only when it could not run; an outcome such as
// infeasible or out of time is the Allocation's Status. When ctx is done it
// returns soon, with TimeLimit when its deadline passed and Interrupted when it
// was cancelled; after a deadline with the best whole plan so far, which costs a
// few reads more.
func (s Boxstep) Allocate(ctx context.Context, g *Grid) (*Allocation, error) {
	if err := g.Validate(); err != nil {
		return nil, err
	}
	m, err := newMarket(ctx, g)
	if err != nil {
		return nil, err
	}
	run := s.newRun(ctx, m)
	return run.allocate()
}

// allocate searches, and answers for a search that ended without an optimum.
func (s *boxstepRun) allocate() (*Allocation, error) {
	for raised := 0; ; raised++ {
		a, err := s.settle()
		switch {
		case err == nil:
			return a, nil
		case s.ctx.Err() != nil:
			return s.stopped()
		case !errors.Is(err, errCapped):
			return nil, err
		}
		conflict, err := s.conflict()
		if s.ctx.Err() != nil {
			return s.stopped()
		}
		if err != nil || conflict != nil {
			return conflict, err
		}
		if raised == maxRaises {
			return nil, fmt.Errorf("%w: a price beyond all bounds", errUnsettled)
		}
		for r := range s.m.cap { // a demand that is met at a price beyond the cap
			s.m.cap[r] *= 1e3
		}
		s.restart()
	}
}

// wholeColumns is how many columns the program of everybody may have that ends
// a search that does not settle.
const wholeColumns = 300_000

// settle searches, and once more with larger programs if that leads nowhere.
func (s *boxstepRun) settle() (*Allocation, error) {
	a, err := s.search()
	if !errors.Is(err, errUnsettled) || s.ctx.Err() != nil {
		return a, err
	}
	columns := 4 * max(s.MaxColumns, defaultMaxColumns)
	if all := int(float64(s.m.values.Customers()) * s.m.options); s.m.t.rule.touches() == 1 && all <= wholeColumns {
		columns = all + 1 // everybody in one program
	}
	s.Log.Debug("boxstep: larger programs", "columns", columns)
	s.MaxColumns, s.Start = columns, nil
	s.restart()
	return s.search()
}

// restart forgets what the search knows of the prices.
func (s *boxstepRun) restart() {
	s.wide, s.read, s.clipped, s.temperature, s.narrowings, s.lastColumns = nil, false, false, 0, 0, 0
	s.sampleHalf, s.freshBox, s.partRead, s.tied, s.answered, s.returns = nil, false, false, false, false, 0
}

func (s Boxstep) newRun(ctx context.Context, m *market) *boxstepRun {
	if s.MaxColumns <= 0 {
		s.MaxColumns = defaultMaxColumns
	}
	if s.Log == nil {
		s.Log = slog.New(slog.DiscardHandler)
	}
	return &boxstepRun{Boxstep: s, ctx: ctx, m: m}
}

func contextStatus(ctx context.Context) Status {
	if errors.Is(ctx.Err(), context.DeadlineExceeded) {
		return TimeLimit
	}
	return Interrupted
}

func (s *boxstepRun) search() (*Allocation, error) {
	centre, half, err := s.coldStart()
	if err != nil {
		return nil, err
	}
	return s.searchFrom(centre, half, maxSteps)
}

// searchFrom searches from a box; errUnsettled is wrapped after so many steps.
func (s *boxstepRun) searchFrom(centre, half []float64, steps int) (*Allocation, error) {
	strikes := make([]int, s.m.rows())
	incomplete := 0 // customers in the last step with more options than were kept
	for range steps {
		b := s.m.boxAround(centre, half)
		found, err := s.look(&b)
		if err != nil {
			return nil, err
		}
		columns := columnsOf(found.open)
		s.centre = b.centre
		if s.clipped && s.narrowings < maxNarrowings || found.tieSpread > 0 || s.worthNarrowing(columns) {
			if s.answered {
				s.returns++
			}
			s.answered = false
			if centre, half, err = s.narrow(found, b); err != nil {
				return nil, err
			}
			continue
		}
		if !s.tied && (columns > tiedColumns*max(s.MaxColumns, 5000) || s.returns >= tiedReturns) {
			s.tied, s.tieTemper = true, s.temperature
			s.lastColumns, s.narrowings, s.answered = 0, 0, false
			s.breakTies()
			for r := range half { // all that was read: ties may have led the box astray
				half[r] = s.wideBox.upper[r] - s.wideBox.lower[r]
			}
			continue
		}
		s.answered = true
		program := s.m.newReduced(found.open, s.m.leftOf(found, 1), b)
		answers, err := s.solveLPs([]*reduced{program})
		if err != nil {
			return nil, err
		}
		res := answers[0]
		edges, moved := program.touches(res, s.m.soft)
		s.Log.Debug("boxstep", "open", len(found.open), "columns", columns, "incomplete", found.incomplete, "touched", countTouches(edges))
		if !moved {
			if found.incomplete > 0 && found.incomplete == incomplete {
				proved, err := s.proves(boxed(res.Prices, b), found.worth+program.worth+res.Objective)
				if err != nil {
					return nil, err
				}
				if proved {
					found.incomplete = 0
				}
			}
			if found.incomplete == 0 {
				return s.finish(b, found, program, res)
			}
		}
		incomplete = found.incomplete
		shrink := 1.0 // as long as the program is small, what is untouched keeps its room
		if columns > s.MaxColumns/4 {
			shrink = 2.0 / 3
		}
		if centre, err = s.recentre(b, res, edges, half, strikes, shrink); err != nil {
			return nil, err
		}
		if found.incomplete > 0 {
			for r := range half {
				half[r] /= 2
			}
		}
		s.lastColumns = 0
	}
	return nil, fmt.Errorf("%w: %d steps", errUnsettled, steps)
}

// provedGap is the largest gap, over the objective, of a proof.
const provedGap = 1e-12

// proves reports whether prices prove in one read that an objective is the
// optimum, whatever the options that were not kept: thousands of ladders that are
// worth the same stay open in the smallest box.
func (s *boxstepRun) proves(prices []float64, objective float64) (bool, error) {
	read, err := s.m.scan(s.ctx, []request{{box: box{prices, prices, prices}, limit: 1, totals: true}})
	if err != nil {
		return false, err
	}
	s.work.FullReads++
	return s.m.bound(read[0], prices)-objective <= provedGap*max(1, abs(objective)), nil
}

// Ties are taken to be the reason where a program has so many times MaxColumns, or
// where so often the answer of one led to a box that was too large for the next.
const (
	tiedColumns = 2
	tiedReturns = 3
)

// tieShare is how much of an option's worth breaking ties may take away.
const tieShare = 1e-10

// breakTies lowers the worth of what the last full read left open, each option
// by another share below tieShare. Where values come from a few levels, thousands of
// customers with different sets of slots are undecided at every price of an optimum;
// afterwards most of them are decided. The bound is raised by all that was taken away,
// so the gap shows what it cost.
func (s *boxstepRun) breakTies() {
	s.Log.Debug("boxstep: ties broken", "open", len(s.wide.open))
	size := 0.0
	var total sum
	for i := range s.wide.open {
		g := &s.wide.open[i]
		g.options = slices.Clone(g.options)
		most := 0.0
		for k, o := range g.options {
			h := hash{g.hash}
			h.word(uint64(o.rungs))
			less := tieShare * abs(o.worth) * float64(h.mixed()>>11) / (1 << 53)
			g.options[k].worth -= less
			most, size = max(most, less), max(size, abs(o.worth))
		}
		total.add(most * float64(len(g.members)))
	}
	s.loosened = total.value()
	s.wide.tieSpread = tieShare * size
}

// columnsOf counts the columns of the groups' reduced program.
func columnsOf(groups []group) (n int) {
	for _, g := range groups {
		n += len(g.options) - 1
	}
	return n
}

// worthNarrowing reports whether samples should narrow the box before a reduced
// program of so many columns: it is too large, and the last samples, if any,
// made it a good deal smaller.
func (s *boxstepRun) worthNarrowing(columns int) bool {
	better := s.lastColumns == 0 || float64(columns) < 0.7*float64(s.lastColumns)
	s.lastColumns = columns
	return columns > s.MaxColumns && better && s.narrowings < maxNarrowings
}

func countTouches(edges []touch) (n int) {
	for _, e := range edges {
		if e != touchNone {
			n++
		}
	}
	return n
}

// recentre returns the prices of the reduced program and adapts the half-widths
// in place: rows stopped at an edge get twice the room, and more each time they
// are stopped again; the others shrink. A row stopped at its cap asks for
// what no option is worth.
func (s *boxstepRun) recentre(b box, res *LPSolution, edges []touch, half []float64, strikes []int, shrink float64) ([]float64, error) {
	for r, e := range edges {
		if e == touchNone {
			half[r] *= shrink
			continue
		}
		if e == touchUpper && b.upper[r] >= s.m.cap[r] {
			return nil, fmt.Errorf("%w: %q", errCapped, s.m.g.Rows[r].Name)
		}
		if e == touchUpper && s.edge(r, b.upper[r]) > 0 || e == touchLower && s.edge(r, b.lower[r]) < 0 {
			s.wide = nil
		}
		strikes[r]++
		half[r] *= float64(int(1) << min(strikes[r], 3))
	}
	return boxed(res.Prices, b), nil
}

// edge returns 1 for a price on the upper edge of the last full read's box, −1
// on the lower, 0 elsewhere or where the box ends with all prices.
func (s *boxstepRun) edge(r int, price float64) float64 {
	switch {
	case s.wide == nil || s.m.t.closed[r]:
		return 0
	case price >= s.wideBox.upper[r] && price < s.m.cap[r]:
		return 1
	case price <= s.wideBox.lower[r] && price > 0:
		return -1
	}
	return 0
}

// boxed returns the coupling rows' prices, moved into the box where rounding
// left it.
func boxed(prices []float64, b box) []float64 {
	out := make([]float64, len(b.lower))
	for r := range out {
		out[r] = min(max(prices[r], b.lower[r]), b.upper[r])
	}
	return out
}

// look scans at the box. Only customers that the last full read left undecided
// are looked at again, as long as the box is centred in that read's box; it is
// cut off at that one's edges.
func (s *boxstepRun) look(b *box) (*scanned, error) {
	began := time.Now()
	defer func() { s.work.ScanSeconds += time.Since(began).Seconds() }()
	if s.wide == nil || !s.wideBox.holds(b.centre) || s.wide.incomplete > 0 {
		w := *b
		switch {
		case !s.read || s.wide != nil:
		case s.tied: // as wide as before: how far equal options reach is not seen in small boxes
			w = s.m.asWide(*b, s.wideBox)
			*b = w
		default:
			w = s.m.readable(s.m.widen(*b), *b) // the last box was too small: one read more is enough
		}
		if s.chosen == nil && !s.anonymous {
			s.chosen = make([]Rungs, s.m.values.Customers()) // not sooner: the sample is in memory before
		}
		read, err := s.m.scan(s.ctx, []request{{box: w, limit: keepLimit, chosen: s.chosen}})
		if err != nil {
			return nil, err
		}
		s.work.FullReads++
		s.read, s.loosened = true, 0
		s.wide, s.wideBox = read[0], w
		s.Log.Debug("boxstep: full read", "open", len(s.wide.open), "columns", columnsOf(s.wide.open), "incomplete", s.wide.incomplete)
		if s.tied {
			s.breakTies()
		}
	}
	*b = s.wideBox.cut(*b)
	found := s.m.narrowGroups(s.wide.open, *b, nil)
	for r := range found.used {
		found.used[r] += s.wide.used[r]
	}
	found.worth += s.wide.worth
	found.incomplete, found.tieSpread = s.wide.incomplete, s.wide.tieSpread
	s.work.Undecided = append(s.work.Undecided, len(found.open))
	return found, nil
}

// widen returns a box that reaches wideBox times as far from the same centre.
func (m *market) widen(b box) box {
	half := make([]float64, len(b.centre))
	for r := range half {
		half[r] = wideBox * max(b.upper[r]-b.centre[r], b.centre[r]-b.lower[r])
	}
	return m.boxAround(b.centre, half)
}

// asWide returns a box around the same centre that reaches as far as another.
func (m *market) asWide(b, other box) box {
	half := halfOf(b)
	for r := range half {
		half[r] = max(half[r], (other.upper[r]-other.lower[r])/2)
	}
	return m.boxAround(b.centre, half)
}

// each runs f for 0 ≤ k < n, as many at once as there are cores.
func (s *boxstepRun) each(n int, f func(k int)) {
	var wg sync.WaitGroup
	turn := make(chan struct{}, runtime.GOMAXPROCS(0))
	for k := range n {
		wg.Go(func() {
			turn <- struct{}{}
			defer func() { <-turn }()
			f(k)
		})
	}
	wg.Wait()
}

// solveLPs solves reduced programs side by side and counts the work. All must
// be optimal.
func (s *boxstepRun) solveLPs(programs []*reduced) ([]*LPSolution, error) {
	began := time.Now()
	answers, errs := make([]*LPSolution, len(programs)), make([]error, len(programs))
	s.each(len(programs), func(k int) { answers[k], errs[k] = s.LP.SolveLP(s.ctx, programs[k].lp) })
	s.work.LPSeconds += time.Since(began).Seconds()
	for k, p := range programs {
		s.work.ReducedLPs++
		s.work.LargestLP = max(s.work.LargestLP, p.lp.Cols())
		if errs[k] != nil {
			return nil, fmt.Errorf("optimizer: reduced linear program: %w", errs[k])
		}
		s.iterations += answers[k].Iterations
		if answers[k].Status == Optimal {
			p.cents(answers[k])
			continue
		}
		if err := s.ctx.Err(); err != nil {
			return nil, err
		}
		return nil, fmt.Errorf("%w: a reduced linear program is %s", errUnsettled, answers[k].Status)
	}
	return answers, nil
}
