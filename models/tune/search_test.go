package tune

import (
	"context"
	"errors"
	"math"
	"math/rand/v2"
	"reflect"
	"slices"
	"testing"
)

// bowl is an objective whose least loss, 1, is at eta 0.1, depth 4 and, along a
// training, at 1.2 = eta · rounds; its folds differ by a constant.
type bowl struct{ folds int }

func (b bowl) NumFolds() int { return b.folds }

func (b bowl) Loss(ctx context.Context, fold int, p Params, rounds []int) ([]float64, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	out := make([]float64, len(rounds))
	for k, n := range rounds {
		step := math.Log(p[Eta]*float64(n)) - math.Log(12)
		e, d := math.Log(p[Eta]/0.1), (p[Depth]-4)/3
		out[k] = 1 + 0.1*float64(fold) + e*e + d*d + step*step
	}
	return out, nil
}

func aSearch(seed uint64) Search {
	return Search{Space: ShortSpace(), Seed: seed, InForce: Params{Eta: 0.3, Depth: 8}, Rounds: 100, Workers: 1}
}

// upTo asks for n trials.
func upTo(n int) func(int) bool { return func(k int) bool { return k < n } }

func silent(Trial) error { return nil }

func mustRun(t *testing.T, s Search, o Objective, done []Trial, n int) []Trial {
	t.Helper()
	trials, err := s.Run(context.Background(), o, done, upTo(n), silent)
	if err != nil {
		t.Fatal(err)
	}
	return trials
}

func TestSearchFindsTheBestPoint(t *testing.T) {
	for seed := range uint64(5) {
		trials := mustRun(t, aSearch(seed), bowl{3}, nil, 40)
		best := Best(trials)
		// The folds' constants are 0, 0.1 and 0.2: the least loss is 1.1. Even
		// draws alone come within about 0.03 of it.
		if best.Loss > 1.12 || best.Params[Depth] != 4 {
			t.Errorf("seed %d: trial %d from %s, %v, loss %.4f", seed, best.N, best.From, best.Params, best.Loss)
		}
	}
}

// The surface is better than going on with even points: over some seeds the
// mean of the best losses is lower.
func TestSurfaceBeatsEvenPoints(t *testing.T) {
	var surface, even float64
	for seed := range uint64(8) {
		surface += Best(mustRun(t, aSearch(seed), bowl{1}, nil, 32)).Loss - 1
		least := math.Inf(1)
		s := aSearch(seed)
		for n := 1; n < 32; n++ {
			p := s.Space.decode(halton(n, len(s.Space), seed))
			loss, _ := bowl{1}.Loss(context.Background(), 0, p, lengths(p[Eta]))
			least = min(least, slices.Min(loss))
		}
		even += least - 1
	}
	if !(surface < 0.5*even) {
		t.Errorf("mean excess loss %.5f with the surface, %.5f with even points", surface/8, even/8)
	}
}

// A search that is interrupted after a trial, amid a batch or at its end, goes on as if nothing had
// happened, and the number of workers changes nothing.
func TestInterruptedSearchIsTheUndisturbedOne(t *testing.T) {
	whole := mustRun(t, aSearch(4), bowl{3}, nil, 30)
	for n, tr := range whole {
		if tr.N != n {
			t.Fatalf("trial %d is number %d", n, tr.N)
		}
	}
	for _, cut := range []int{1, 2, 7, 8, 13, 22, 29} {
		resumed := mustRun(t, aSearch(4), bowl{3}, slices.Clone(whole[:cut]), 30)
		if !reflect.DeepEqual(resumed, whole) {
			t.Fatalf("resumed after %d trials: other trials", cut)
		}
	}
	for _, workers := range []int{2, 3, 8} {
		s := aSearch(4)
		s.Workers = workers
		if got := mustRun(t, s, bowl{3}, nil, 30); !reflect.DeepEqual(got, whole) {
			t.Errorf("%d workers: other trials", workers)
		}
	}
	if reflect.DeepEqual(whole, mustRun(t, aSearch(5), bowl{3}, nil, 30)) {
		t.Error("another seed makes the same trials")
	}
}

// The context's end loses only trials that were not recorded.
func TestStoppedSearchKeepsWhatWasRecorded(t *testing.T) {
	ctx, stop := context.WithCancel(context.Background())
	var kept []Trial
	s := aSearch(1)
	s.Workers = 3
	_, err := s.Run(ctx, bowl{2}, nil, upTo(30), func(tr Trial) error {
		if kept = append(kept, tr); len(kept) == 9 {
			stop()
		}
		return nil
	})
	if !errors.Is(err, context.Canceled) {
		t.Fatalf("error %v", err)
	}
	if got, want := mustRun(t, s, bowl{2}, kept, 30), mustRun(t, s, bowl{2}, nil, 30); !reflect.DeepEqual(got, want) {
		t.Error("resumed after a stop: other trials")
	}
}

func TestDroppedTrialsSawOneFold(t *testing.T) {
	trials := mustRun(t, aSearch(2), bowl{3}, nil, 40)
	dropped := 0
	for _, tr := range trials {
		switch {
		case tr.Dropped && len(tr.Losses) != 1, !tr.Dropped && len(tr.Losses) != 3:
			t.Errorf("trial %d, dropped %v, saw %d folds", tr.N, tr.Dropped, len(tr.Losses))
		case tr.Dropped:
			dropped++
		}
	}
	if dropped < 4 || trials[0].Dropped || Best(trials).Dropped {
		t.Errorf("%d dropped; what is in force %v, the best %v", dropped, trials[0].Dropped, Best(trials).Dropped)
	}
	// A trial that would have been the best is never in the worse half.
	least := math.Inf(1)
	for _, tr := range trials {
		least = min(least, tr.First)
	}
	if got := Best(trials).First; got != least {
		t.Errorf("the best trial's first fold has %.4f, the least is %.4f", got, least)
	}
}

func TestObjectiveErrorNamesTheTrial(t *testing.T) {
	_, err := aSearch(1).Run(context.Background(), broken{}, nil, upTo(9), silent)
	if err == nil || err.Error() != "tune: trial 0: the loss is NaN" {
		t.Errorf("error %v", err)
	}
}

type broken struct{}

func (broken) NumFolds() int { return 1 }

func (broken) Loss(context.Context, int, Params, []int) ([]float64, error) {
	return []float64{math.NaN()}, nil
}

func TestSpaceDecodesWithinBoundsAndBack(t *testing.T) {
	rng := rand.New(rand.NewPCG(9, 0))
	s := FullSpace()
	for range 500 {
		u := make([]float64, len(s))
		for k := range u {
			u[k] = rng.Float64()
		}
		p := s.decode(u)
		for _, d := range s {
			if v := p[d.Name]; v < d.Low || v > d.High || d.Integer && v != math.Trunc(v) {
				t.Fatalf("%s = %v is not within %v to %v", d.Name, v, d.Low, d.High)
			}
		}
		if again := s.decode(s.encode(p)); again[Depth] != p[Depth] || math.Abs(again[Eta]/p[Eta]-1) > 0.02 {
			t.Fatalf("%v becomes %v", p, again)
		}
	}
	if u := s.encode(Params{Eta: 1, Depth: 40}); u[0] >= 1 || u[1] >= 1 || u[2] != 0 {
		t.Errorf("outside the space: %v", u)
	}
}

// The sequence fills every tenth of every dimension within its first points.
func TestHaltonIsEven(t *testing.T) {
	const n, tenths = 200, 10
	for k := range primes {
		var count [tenths]int
		for i := 1; i <= n; i++ {
			count[int(halton(i, len(primes), 7)[k]*tenths)]++
		}
		for at, c := range count {
			if c < n/tenths-6 || c > n/tenths+6 {
				t.Errorf("dimension %d: %d of %d points in tenth %d", k, c, n, at)
			}
		}
	}
}
