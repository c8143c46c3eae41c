package whatif_test

import (
	"context"
	"errors"
	"log/slog"
	"math"
	"sync"
	"testing"
	"time"

	"dunning/data"
	"dunning/optimizer"
	"dunning/optimizer/clp"
	"dunning/serve/whatif"
)

// seed of the drawn portfolios.
const seed = 11

// drawn is a source with a random portfolio of two segments, all touches of which
// are allowed and those that earn their cost may be chosen.
type drawn struct {
	customers int
	touches   int
	mu        sync.Mutex
	version   string
	released  int
}

func (d *drawn) Version() string {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.version
}

func (d *drawn) become(version string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.version = version
}

func (d *drawn) Load(context.Context) (*whatif.Problem, error) {
	in := optimizer.Instance{Customers: d.customers, Channels: 3, Days: 5, Segments: 2, Seed: seed,
		Ladder: optimizer.LadderRule{Touches: d.touches, GapDays: 2, Factor: [][]float64{{1}, {0.5, 0.5, 0.5, 0.7}, {0.3, 0.3, 0.3, 0.4}}}}
	g, err := optimizer.NewInstance(in)
	if err != nil {
		return nil, err
	}
	g.Rows = g.Rows[:1+len(g.Slots)] // budget and capacities
	all := g.Values
	cost := make([]float64, len(g.Slots))
	for _, u := range g.Rows[0].Use {
		cost[u.Slot] = u.Amount
	}
	worth := optimizer.NewMemoryValues(len(g.Slots), d.customers)
	for k := range all.Blocks() {
		err := all.Read(context.Background(), k, func(b optimizer.Block) error {
			row := make([]float64, len(g.Slots))
			for i := range b.Customers {
				for s := range row {
					if row[s] = float64(b.Narrow[i*len(row)+s]); row[s] <= cost[s] {
						row[s] = optimizer.Forbidden
					}
				}
				if err := worth.Add(b.Profile[i], row); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return nil, err
		}
	}
	g.Values = worth
	return &whatif.Problem{PlanID: d.Version(), Grid: g, Allowed: all, Segments: []string{"a", "b"},
		MinimumRow: func(s string) string { return "minimum " + s }, MaximumRow: func(s string) string { return "maximum " + s },
		Release: func() { d.mu.Lock(); d.released++; d.mu.Unlock() }}, nil
}

// ready returns an engine that has prepared the portfolio.
func ready(t *testing.T, d *drawn) *whatif.Engine {
	t.Helper()
	if d.version == "" {
		d.version = "plan-1"
	}
	e := whatif.New(d, clp.New(), slog.New(slog.DiscardHandler))
	if err := e.Prepare(t.Context()); err != nil {
		t.Fatal(err)
	}
	return e
}

func ask(t *testing.T, e *whatif.Engine, w whatif.Wish) *whatif.Answer {
	t.Helper()
	a, err := e.Answer(t.Context(), "ana", w)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func cents(c data.Cents) *data.Cents { return &c }

func TestMoreBudgetBringsAtMostItsPrice(t *testing.T) {
	for name, touches := range map[string]int{"single touches": 1, "ladders": 3} {
		t.Run(name, func(t *testing.T) {
			e := ready(t, &drawn{customers: 3000, touches: touches})
			base := e.Status().Base
			if base.Status != "optimal" || base.ValueCents <= 0 || base.MarginalCents <= 0 {
				t.Fatalf("base %+v", base)
			}
			if base.SpentCents > base.BudgetCents {
				t.Errorf("spends %d of %d", base.SpentCents, base.BudgetCents)
			}
			more := ask(t, e, whatif.Wish{BudgetCents: cents(base.BudgetCents * 11 / 10)})
			less := ask(t, e, whatif.Wish{BudgetCents: cents(base.BudgetCents * 9 / 10)})
			step := float64(base.BudgetCents) / 10
			gain, loss := float64(more.ValueCents-base.ValueCents), float64(base.ValueCents-less.ValueCents)
			if gain < 0 || gain > base.MarginalCents*step+2 {
				t.Errorf("a tenth more brings %g cents, at a price of %g", gain, base.MarginalCents)
			}
			if loss < base.MarginalCents*step-2 {
				t.Errorf("a tenth less costs %g cents, at a price of %g", loss, base.MarginalCents)
			}
			if less.MarginalCents < base.MarginalCents-1e-9 || more.MarginalCents > base.MarginalCents+1e-9 {
				t.Errorf("prices %g, %g, %g do not fall with the budget", less.MarginalCents, base.MarginalCents, more.MarginalCents)
			}
		})
	}
}

func TestAnswersAreThoseOfTheWholeProgram(t *testing.T) {
	d := &drawn{customers: 400, touches: 1}
	e := ready(t, d)
	problem, err := d.Load(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	problem.Grid.Rows[0].Limit = math.Round(0.7 * problem.Grid.Rows[0].Limit)
	for r := range problem.Grid.Rows[1:] { // nothing on the first day's first channel
		if r == 0 {
			problem.Grid.Rows[1+r].Limit = 0
		}
	}
	p, err := problem.Grid.Problem(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	want, err := clp.New().Solve(t.Context(), p)
	if err != nil {
		t.Fatal(err)
	}
	slot := problem.Grid.Slots[0]
	got := ask(t, e, whatif.Wish{BudgetCents: cents(data.RoundCents(problem.Grid.Rows[0].Limit)),
		Capacities: []whatif.CapacityWish{{Channel: slot.Channel, Day: slot.Day, Touches: 0}}})
	if diff := math.Abs(float64(got.ValueCents) - want.ObjectiveCents); diff > 2 {
		t.Errorf("value %d, the whole linear program has %.1f", got.ValueCents, want.ObjectiveCents)
	}
	if got.Cells[0].Touches != 0 {
		t.Errorf("%g touches where the capacity is nothing", got.Cells[0].Touches)
	}
}

func TestChannelsCanBeSwitchedOff(t *testing.T) {
	e := ready(t, &drawn{customers: 2000, touches: 2})
	base := e.Status().Base
	off := base.Channels[1].Channel
	a := ask(t, e, whatif.Wish{Off: []data.Channel{off}})
	if a.Channels[1].Touches != 0 || base.Channels[1].Touches == 0 {
		t.Errorf("%s: %g touches before, %g when switched off", off, base.Channels[1].Touches, a.Channels[1].Touches)
	}
	if a.ValueCents > base.ValueCents {
		t.Errorf("worth %d without %s, %d with it", a.ValueCents, off, base.ValueCents)
	}
	sum := 0.0
	for _, c := range a.Cells {
		sum += c.Touches
	}
	if math.Abs(sum-a.Touches) > 1e-6 {
		t.Errorf("the cells add up to %g touches, not %g", sum, a.Touches)
	}
}

func TestCoverageIsMetByCustomers(t *testing.T) {
	e := ready(t, &drawn{customers: 2000, touches: 3})
	base := e.Status()
	wish := min(1, base.Segments[0].Coverage+0.1)
	a := ask(t, e, whatif.Wish{Coverage: []whatif.CoverageWish{{Segment: "a", Share: wish}}})
	if a.Status != "optimal" || len(a.Short) > 0 {
		t.Fatalf("status %s, short %v", a.Status, a.Short)
	}
	if got := a.Coverage["a"]; got < wish-1/float64(base.Segments[0].Customers) {
		t.Errorf("covers %.4f of segment a, wished %.4f", got, wish)
	}
	if a.ValueCents > base.Base.ValueCents {
		t.Errorf("worth %d with a demand, %d without", a.ValueCents, base.Base.ValueCents)
	}
}

func TestWishesThatContradictEachOtherAreNamed(t *testing.T) {
	e := ready(t, &drawn{customers: 600, touches: 1})
	a := ask(t, e, whatif.Wish{BudgetCents: cents(100), Coverage: []whatif.CoverageWish{{Segment: "b", Share: 0.9}}})
	if a.Status != "infeasible" {
		t.Fatalf("status %s", a.Status)
	}
	if len(a.Demands) != 1 || a.Demands[0].Kind != whatif.CoverageRow || a.Demands[0].Segment != "b" {
		t.Errorf("demands %+v", a.Demands)
	}
	if len(a.Beside) == 0 || a.Beside[0].Kind != whatif.BudgetRow {
		t.Errorf("in the way: %+v", a.Beside)
	}
}

func TestWishesThatMakeNoSenseAreRefused(t *testing.T) {
	e := ready(t, &drawn{customers: 100, touches: 1})
	for name, w := range map[string]whatif.Wish{
		"negative budget":  {BudgetCents: cents(-1)},
		"unknown channel":  {Off: []data.Channel{"pigeon"}},
		"unknown segment":  {Coverage: []whatif.CoverageWish{{Segment: "z", Share: 0.1}}},
		"share beyond all": {Coverage: []whatif.CoverageWish{{Segment: "a", Share: 1.5}}},
		"another day":      {Capacities: []whatif.CapacityWish{{Channel: data.Email, Day: 1, Touches: 5}}},
	} {
		if _, err := e.Answer(t.Context(), "ana", w); !errors.Is(err, data.ErrUsage) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestANewerWishEndsTheOneBefore(t *testing.T) {
	d := &drawn{customers: 20_000, touches: 2}
	e := ready(t, d)
	ended := make(chan error, 1)
	go func() {
		_, err := e.Answer(context.WithoutCancel(t.Context()), "ana", whatif.Wish{Off: []data.Channel{data.Email}})
		ended <- err
	}()
	time.Sleep(20 * time.Millisecond)
	if a, err := e.Answer(t.Context(), "ana", whatif.Wish{Off: []data.Channel{data.SMS}}); err != nil || a.Status != "optimal" {
		t.Fatalf("the newer wish: %v", err)
	}
	if err := <-ended; !errors.Is(err, whatif.ErrReplaced) {
		t.Errorf("the older wish ended with %v", err)
	}
}

func TestANewPlanReplacesTheOld(t *testing.T) {
	d := &drawn{customers: 100, touches: 1}
	e := ready(t, d)
	if e.Status().PlanID != "plan-1" {
		t.Fatalf("status %+v", e.Status())
	}
	d.become("plan-2")
	if err := e.Prepare(t.Context()); err != nil {
		t.Fatal(err)
	}
	if s := e.Status(); s.PlanID != "plan-2" || s.State != whatif.Ready {
		t.Errorf("status %+v", s)
	}
	if d.released != 1 {
		t.Errorf("%d problems released", d.released)
	}
}

func TestWithoutAPlanThereIsNoAnswer(t *testing.T) {
	e := whatif.New(&drawn{customers: 10, touches: 1}, clp.New(), slog.New(slog.DiscardHandler))
	if err := e.Prepare(t.Context()); err != nil {
		t.Fatal(err)
	}
	if s := e.Status(); s.State != whatif.Absent {
		t.Errorf("state %s", s.State)
	}
	if _, err := e.Answer(t.Context(), "ana", whatif.Wish{}); !errors.Is(err, whatif.ErrNotReady) {
		t.Errorf("%v", err)
	}
}
