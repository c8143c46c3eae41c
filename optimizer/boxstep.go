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

// Boxstep is the Solver for many customers (Marsten, Hogan, Blankenship 1975,
// "The boxstep method for large-scale optimization"). It searches the prices of
// the rows. A box around the current prices decides nearly every customer: one
// option is best at every price in it. The undecided few form a reduced linear
// program whose optimum either needs nothing beyond the box, which proves that
// it is the optimum of the whole problem, or says in which direction the box
// must move. The first box comes from small samples.
//
// It ends with the same certificate as any other solver; should it not settle,
// or should the rows contradict each other, it hands the whole linear program
// to LP instead, so its answers are never worse than those of [FullLP].
type Boxstep struct {
	LP   LPSolver
	Seed uint64 // of the samples; the optimum does not depend on it, ties may
	// MaxColumns bounds the reduced linear programs as long as samples can
	// still narrow the box; default 15,000.
	MaxColumns int
	Log        *slog.Logger // one line per step at level Debug; nil for silence
}

// Constants of the search; docs/OPTIMIZER.md says how they were chosen.
const (
	defaultMaxColumns = 15_000
	sampleGroups      = 4      // samples of which the spread of prices is taken
	sampleColumns     = 20_000 // of one sample's reduced program
	boxSpread         = 3.0    // half-width of a box in standard errors of the mean price
	leastCorrection   = 0.4    // of the standard error, however many customers the samples hold
	maxSteps          = 60     // reduced LPs before the whole one is asked
	maxNarrowings     = 20     // rounds of samples within one solve
	wideBox           = 2.5    // how much wider the box is that a full read is spent on
)

// Solve solves p. Errors and statuses are those of [FullLP].
func (s Boxstep) Solve(ctx context.Context, p *Problem) (*Solution, error) {
	if err := p.Validate(); err != nil {
		return nil, err
	}
	run := &boxstepRun{Boxstep: s, ctx: ctx, p: p, c: newChoices(p)}
	if run.MaxColumns <= 0 {
		run.MaxColumns = defaultMaxColumns
	}
	if run.Log == nil {
		run.Log = slog.New(slog.DiscardHandler)
	}
	sol, err := run.search()
	if errors.Is(err, errUnsettled) {
		run.Log.Debug("boxstep: whole linear program", "why", err)
		full, ferr := FullLP{LP: s.LP}.Solve(ctx, p)
		if ferr != nil {
			return nil, ferr
		}
		full.Iterations += run.iterations
		full.Work = addWork(full.Work, run.work)
		return full, nil
	}
	if st := contextStatus(ctx, err); st != NotSolved {
		return &Solution{Status: st, Work: run.work}, nil
	}
	return sol, err
}

// errUnsettled says that the whole linear program must decide.
var errUnsettled = errors.New("optimizer: boxstep did not settle")

func contextStatus(ctx context.Context, err error) Status {
	switch {
	case err == nil || ctx.Err() == nil:
		return NotSolved
	case errors.Is(ctx.Err(), context.DeadlineExceeded):
		return TimeLimit
	}
	return Interrupted
}

// boxstepRun is one solve.
type boxstepRun struct {
	Boxstep
	ctx        context.Context
	p          *Problem
	c          *choices
	wide       *scanResult // of the last full read
	wideBox    box
	wideOpen   []portion // customers that it left undecided
	work       Work
	iterations int
	narrowings int
	// lastColumns is the size of the reduced program before the last samples.
	lastColumns int
}

func (s *boxstepRun) search() (*Solution, error) {
	centre, half, err := s.coldStart()
	if err != nil {
		return nil, err
	}
	strikes := make([]int, s.c.rows())
	for step := range maxSteps {
		b := s.c.boxAround(centre, half)
		found, err := s.look(b)
		if err != nil {
			return nil, err
		}
		groups, columns := s.c.groupAlike(found.open)
		if s.worthNarrowing(columns) {
			if centre, half, err = s.narrow(found, columns, b, half); err != nil {
				return nil, err
			}
			continue
		}
		limit := make([]float64, s.c.rows())
		for r := range limit {
			limit[r] = s.c.limit[r] - found.used[r]
		}
		program := s.c.newReduced(groups, limit, b)
		answers, err := s.solveLPs([]*reduced{program})
		if err != nil {
			return nil, err
		}
		res := answers[0]
		edges, moved := program.touches(res)
		s.Log.Debug("boxstep", "step", step, "open", len(found.open), "columns", program.lp.Cols(), "touched", countTouches(edges))
		if !moved {
			return s.finish(b, program, res)
		}
		if centre, err = s.recentre(b, res, edges, half, strikes); err != nil {
			return s.infeasible(err)
		}
		s.lastColumns = 0
	}
	return nil, fmt.Errorf("%w: %d steps", errUnsettled, maxSteps)
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
// are stopped again; the others lose a third. A row stopped at its cap asks for
// what no option is worth: the whole linear program judges that.
func (s *boxstepRun) recentre(b box, res *LPSolution, edges []touch, half []float64, strikes []int) ([]float64, error) {
	for r, e := range edges {
		if e == touchNone {
			half[r] *= 2.0 / 3
			continue
		}
		if e == touchUpper && b.upper[r] >= s.c.cap[r] {
			return nil, fmt.Errorf("%w: row %q at its highest price", errUnsettled, s.p.Rows[r].Name)
		}
		strikes[r]++
		half[r] *= float64(int(1) << min(strikes[r], 3))
	}
	return boxed(res.Prices, b), nil
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
// are read again, as long as the box lies within that read's wider box.
func (s *boxstepRun) look(b box) (*scanResult, error) {
	began := time.Now()
	defer func() { s.work.ScanSeconds += time.Since(began).Seconds() }()
	if s.wide == nil || !s.wideBox.contains(b) {
		w := s.widen(b)
		wide, err := s.c.scan(s.ctx, w, nil)
		if err != nil {
			return nil, err
		}
		s.work.FullReads++
		s.wide, s.wideBox = wide, w
		s.wideOpen = make([]portion, 0, len(wide.open)) // not nil, which would mean all
		for _, u := range wide.open {
			s.wideOpen = append(s.wideOpen, u.portion)
		}
	}
	found, err := s.c.scan(s.ctx, b, s.wideOpen)
	if err != nil {
		return nil, err
	}
	for r := range found.used {
		found.used[r] += s.wide.used[r]
	}
	s.work.Undecided = append(s.work.Undecided, len(found.open))
	return found, nil
}

func (s *boxstepRun) widen(b box) box {
	half := make([]float64, len(b.centre))
	for r := range half {
		half[r] = wideBox * max(b.upper[r]-b.centre[r], b.centre[r]-b.lower[r])
	}
	return s.c.boxAround(b.centre, half)
}

// solveLPs solves reduced programs side by side and counts the work. All must
// be optimal.
func (s *boxstepRun) solveLPs(programs []*reduced) ([]*LPSolution, error) {
	began := time.Now()
	answers, errs := make([]*LPSolution, len(programs)), make([]error, len(programs))
	var wg sync.WaitGroup
	turn := make(chan struct{}, runtime.GOMAXPROCS(0))
	for k, p := range programs {
		wg.Go(func() {
			turn <- struct{}{}
			defer func() { <-turn }()
			answers[k], errs[k] = s.LP.SolveLP(s.ctx, p.lp)
		})
	}
	wg.Wait()
	s.work.LPSeconds += time.Since(began).Seconds()
	for k, p := range programs {
		s.work.ReducedLPs++
		s.work.LargestLP = max(s.work.LargestLP, p.lp.Cols())
		if errs[k] != nil {
			return nil, fmt.Errorf("optimizer: reduced linear program: %w", errs[k])
		}
		s.iterations += answers[k].Iterations
		if answers[k].Status == Optimal {
			continue
		}
		if err := s.ctx.Err(); err != nil {
			return nil, err
		}
		return nil, fmt.Errorf("%w: a reduced linear program is %s", errUnsettled, answers[k].Status)
	}
	return answers, nil
}

// finish assembles the whole solution: winners of the decided customers, the
// reduced program's shares of the others, its prices.
func (s *boxstepRun) finish(b box, program *reduced, res *LPSolution) (*Solution, error) {
	began := time.Now()
	x := make([]float64, len(s.p.Candidates))
	t := newTester(s.c, b)
	var keep []int32
	for i := range int32(s.c.count()) {
		var winner int32
		if winner, keep = t.decide(i, keep); len(keep) == 1 && winner != hold {
			for _, m := range s.c.member[s.c.members[i]:s.c.members[i+1]] {
				x[s.c.candidates(m)[winner-s.c.first[i]]] = 1
			}
		}
	}
	program.shares(s.c, res, x)
	prices := boxed(res.Prices, b)
	for r := range prices {
		prices[r] = 0 + s.c.sign[r]*prices[r] // 0 + −0 is +0
	}
	s.c.closedPrices(s.p, prices)
	sol := &Solution{Status: Optimal, Iterations: s.iterations}
	finish(s.p, sol, x, prices)
	s.work.FullReads++
	s.work.FinishSeconds += time.Since(began).Seconds()
	sol.Work = s.work
	if gap := sol.Gap(); !(abs(gap) <= 1e-8) {
		return nil, fmt.Errorf("%w: gap %g at the end", errUnsettled, gap)
	}
	return sol, nil
}

// infeasible answers for a search that ended for the given reason, a row at its
// cap: infeasible when some rows cannot be met, that reason otherwise.
func (s *boxstepRun) infeasible(why error) (*Solution, error) {
	short, err := diagnose(s.ctx, s.Boxstep, s.p)
	if err != nil {
		return nil, err
	}
	if len(short) == 0 {
		return nil, why
	}
	return &Solution{Status: Infeasible, Iterations: s.iterations, Shortfalls: short, Work: s.work}, nil
}

func addWork(a, b Work) Work {
	a.FullReads += b.FullReads
	a.ReducedLPs += b.ReducedLPs
	a.LargestLP = max(a.LargestLP, b.LargestLP)
	a.Undecided = slices.Concat(b.Undecided, a.Undecided)
	a.ScanSeconds += b.ScanSeconds
	a.LPSeconds += b.LPSeconds
	a.FinishSeconds += b.FinishSeconds
	return a
}
