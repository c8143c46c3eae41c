package tune

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"slices"
	"sync"

	"golang.org/x/sync/errgroup"
)

// batchSize is how many trials are proposed from the same knowledge, and so
// how many can run at a time. It is part of what a search finds.
const batchSize = 4

// Objective judges parameters. Its methods may be called from several
// goroutines, and return the same for the same arguments.
type Objective interface {
	// NumFolds returns the number of folds, at least 1.
	NumFolds() int
	// Loss trains once on a fold and returns the mean loss at each of some
	// rising numbers of rounds.
	Loss(ctx context.Context, fold int, p Params, rounds []int) ([]float64, error)
}

// Trial is one point and what was found there.
type Trial struct {
	N      int    `json:"trial"` // from 0, which is what is in force
	From   string `json:"from"`  // in force, halton or surface
	Params Params `json:"params"`
	Rounds int    `json:"rounds"` // the best of the lengths that were scored
	// First is the loss on the first fold at the length that is best there: by
	// it trials are dropped.
	First float64 `json:"first_fold_loss"`
	// Losses are those of the folds at Rounds, Loss their mean: of one fold
	// where the trial was dropped.
	Losses  []float64 `json:"losses"`
	Loss    float64   `json:"loss"`
	Dropped bool      `json:"dropped,omitempty"`
}

// Where a trial comes from.
const (
	fromInForce = "in force"
	fromHalton  = "halton"
	fromSurface = "surface"
)

// compare orders trials: those on all folds by loss, then the dropped ones by
// the loss of their first fold.
func compare(a, b Trial) int {
	if a.Dropped != b.Dropped {
		if b.Dropped {
			return -1
		}
		return 1
	}
	if a.Dropped {
		return cmp.Or(cmp.Compare(a.First, b.First), cmp.Compare(a.N, b.N))
	}
	return cmp.Or(cmp.Compare(a.Loss, b.Loss), cmp.Compare(a.N, b.N))
}

// Best returns the best trial; there must be one.
func Best(trials []Trial) Trial { return slices.MinFunc(trials, compare) }

// Search is what makes trials: equal searches over equal objectives make equal
// trials.
type Search struct {
	Space   Space
	Seed    uint64
	InForce Params // of trial 0; a parameter that is not in the space stays as it is
	Rounds  int    // of trial 0
	Workers int    // trials at a time, at least 1; changes no result
}

// steps are the products of shrinkage and rounds at which a trial is scored: a
// training must go about as far, whatever its shrinkage.
var steps = []float64{3, 5, 8, 12, 18, 27}

// lengths returns the rising numbers of rounds at which a shrinkage is scored.
func lengths(eta float64) []int {
	out := make([]int, len(steps))
	for k, s := range steps {
		out[k] = int(math.Round(s / eta))
	}
	return out
}

// Run goes on after the trials that are done, asks more before each further
// one whether to make it, and gives every trial to record in order, as soon as
// it and all before it are done. It returns all trials. When more says no,
// those that have begun are finished. An error, also that of the context,
// leaves out what was not recorded.
func (s Search) Run(ctx context.Context, o Objective, done []Trial, more func(n int) bool, record func(Trial) error) ([]Trial, error) {
	s.Space.check()
	trials := slices.Clone(done)
	for {
		begin := len(trials) / batchSize * batchSize
		known := trials[:begin:begin]
		batch, asked := begin+batchSize-len(trials), 0
		results := make([]Trial, batch)
		group, running := errgroup.WithContext(ctx)
		group.SetLimit(max(1, s.Workers))
		var out inOrder
		out.record = func(t Trial) error {
			trials = append(trials, t)
			return record(t)
		}
		first := len(trials)
		for ; asked < batch && running.Err() == nil && more(first+asked); asked++ {
			k := asked
			group.Go(func() (err error) {
				if results[k], err = s.trial(running, o, first+k, known); err != nil {
					return fmt.Errorf("tune: trial %d: %w", first+k, err)
				}
				return out.done(k, results)
			})
		}
		if err := group.Wait(); err != nil {
			return trials, err
		}
		if err := ctx.Err(); err != nil {
			return trials, err
		}
		if asked < batch {
			return trials, nil
		}
	}
}

// inOrder records results in their order, whichever is done first.
type inOrder struct {
	mu     sync.Mutex
	ready  [batchSize]bool
	next   int
	record func(Trial) error
}

func (o *inOrder) done(k int, results []Trial) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.ready[k] = true
	for ; o.next < len(results) && o.ready[o.next]; o.next++ {
		if err := o.record(results[o.next]); err != nil {
			return err
		}
	}
	return nil
}

// trial makes trial n, knowing those of the batches before its own.
func (s Search) trial(ctx context.Context, o Objective, n int, known []Trial) (Trial, error) {
	t := Trial{N: n, From: fromInForce, Params: s.InForce}
	rounds := []int{s.Rounds}
	if n > 0 {
		t.Params, t.From = s.propose(n, known)
		rounds = lengths(s.eta(t.Params))
	}
	sum := make([]float64, len(rounds))
	var byFold [][]float64
	for f := range o.NumFolds() {
		loss, err := o.Loss(ctx, f, t.Params, rounds)
		if err != nil {
			return t, err
		}
		byFold = append(byFold, loss)
		for k, v := range loss {
			sum[k] += v
		}
		if f == 0 {
			t.First = slices.Min(loss)
			if n > 0 && o.NumFolds() > 1 && behind(t.First, known) {
				t.Dropped = true
				break
			}
		}
	}
	best := 0
	for k := range sum {
		if sum[k] < sum[best] {
			best = k
		}
	}
	t.Rounds, t.Loss = rounds[best], sum[best]/float64(len(byFold))
	for _, loss := range byFold {
		t.Losses = append(t.Losses, loss[best])
	}
	if math.IsNaN(t.Loss) || math.IsInf(t.Loss, 0) {
		return t, fmt.Errorf("the loss is %g", t.Loss)
	}
	return t, nil
}

// eta returns the shrinkage of a trial, that in force where it is not searched.
func (s Search) eta(p Params) float64 {
	if v, ok := p[Eta]; ok {
		return v
	}
	return s.InForce[Eta]
}

// behind tells whether a loss on the first fold is in the worse half of those
// seen there.
func behind(first float64, known []Trial) bool {
	if len(known) == 0 {
		return false
	}
	better := 0
	for _, t := range known {
		if t.First < first {
			better++
		}
	}
	return 2*better > len(known)
}
