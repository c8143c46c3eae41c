package xgb

import (
	"errors"
	"fmt"
	"maps"
	"slices"
)

// ErrNoCgo is returned by Fit in a program that was built without cgo.
var ErrNoCgo = errors.New("xgb: built without cgo, so it cannot train: build with CGO_ENABLED=1 and libxgboost-dev")

// Objective is what is minimised, in XGBoost's own names.
type Objective string

// The objectives.
const (
	Logistic Objective = "binary:logistic"  // y in [0, 1]; the prediction is a probability
	Squared  Objective = "reg:squarederror" // any y; the prediction is a mean
	Poisson  Objective = "count:poisson"    // y ≥ 0; the prediction is a positive mean
	Tweedie  Objective = "reg:tweedie"      // y ≥ 0 with many zeros; the prediction is a positive mean
)

// Params are the parameters of training. The zero value of a field means its
// default, except where the comment says otherwise.
type Params struct {
	Objective      Objective // default Logistic
	Rounds         int       // trees; in [1, 100000], default 300
	Eta            float64   // shrinkage of each tree; in (0, 1], default 0.05
	MaxDepth       int       // splits on a path; in [1, 16], default 4
	Subsample      float64   // share of rows drawn for each tree; in (0, 1], default 0.8
	ColSample      float64   // share of columns drawn for each tree; in (0, 1], default 0.6
	MinChildWeight float64   // least sum of hessians in a leaf; > 0, default 10
	Lambda         float64   // L2 penalty of leaf values; ≥ 0, default 5; write NoPenalty for 0
	Gamma          float64   // least gain of a split; ≥ 0, default 0
	MaxBin         int       // histogram bins of a column; in [2, 4096], default 256

	// Monotone forces the prediction to rise (+1) or fall (−1) in a feature.
	// A name that is not a column is an error of Fit.
	Monotone map[string]int

	// EarlyStopRounds ends training when the loss on a held-out part has not
	// improved for that many rounds, and drops the trees after the best; 0
	// trains all rounds. EvalShare of the rows, drawn by Seed, are held out
	// then; in (0, 0.5], default 0.2.
	EarlyStopRounds int
	EvalShare       float64

	// Seed draws rows and columns. The same data, parameters and seed give the
	// same trees.
	Seed uint64
	// Threads is how many threads train one model; default 1. Training several
	// models at a time uses more cores better: the library's threads wait for
	// each other by spinning, thousands of times in a training, and on a busy
	// machine two were seen to take five times as long as one. It does not
	// follow the number of cores, because sums and draws are split by thread:
	// another number gives slightly different trees.
	Threads int
}

// NoPenalty is the Lambda that means 0.
const NoPenalty = -1

// withDefaults fills the fields that are zero.
func (p Params) withDefaults() Params {
	def := func(f *float64, v float64) {
		if *f == 0 {
			*f = v
		}
	}
	defInt := func(f *int, v int) {
		if *f == 0 {
			*f = v
		}
	}
	if p.Objective == "" {
		p.Objective = Logistic
	}
	defInt(&p.Rounds, 300)
	defInt(&p.MaxDepth, 4)
	defInt(&p.MaxBin, 256)
	defInt(&p.Threads, 1)
	def(&p.Eta, 0.05)
	def(&p.Subsample, 0.8)
	def(&p.ColSample, 0.6)
	def(&p.MinChildWeight, 10)
	def(&p.Lambda, 5)
	def(&p.EvalShare, 0.2)
	return p
}

// Validate reports every field that is out of its range.
func (p Params) Validate() error {
	p = p.withDefaults()
	var faults []error
	check := func(ok bool, format string, args ...any) {
		if !ok {
			faults = append(faults, fmt.Errorf("xgb: "+format, args...))
		}
	}
	switch p.Objective {
	case Logistic, Squared, Poisson, Tweedie:
	default:
		check(false, "Objective %q (have %s, %s, %s, %s)", p.Objective, Logistic, Squared, Poisson, Tweedie)
	}
	check(p.Rounds >= 1 && p.Rounds <= 100_000, "Rounds %d is not in [1, 100000]", p.Rounds)
	check(p.Eta > 0 && p.Eta <= 1, "Eta %g is not in (0, 1]", p.Eta)
	check(p.MaxDepth >= 1 && p.MaxDepth <= 16, "MaxDepth %d is not in [1, 16]", p.MaxDepth)
	check(p.Subsample > 0 && p.Subsample <= 1, "Subsample %g is not in (0, 1]", p.Subsample)
	check(p.ColSample > 0 && p.ColSample <= 1, "ColSample %g is not in (0, 1]", p.ColSample)
	check(p.MinChildWeight > 0 && p.MinChildWeight < 1e30, "MinChildWeight %g is not > 0", p.MinChildWeight)
	check(p.Lambda == NoPenalty || (p.Lambda >= 0 && p.Lambda < 1e30), "Lambda %g is not ≥ 0", p.Lambda)
	check(p.Gamma >= 0 && p.Gamma < 1e30, "Gamma %g is not ≥ 0", p.Gamma)
	check(p.MaxBin >= 2 && p.MaxBin <= 4096, "MaxBin %d is not in [2, 4096]", p.MaxBin)
	check(p.EarlyStopRounds >= 0, "EarlyStopRounds %d is negative", p.EarlyStopRounds)
	check(p.EvalShare > 0 && p.EvalShare <= 0.5, "EvalShare %g is not in (0, 0.5]", p.EvalShare)
	check(p.Threads >= 1 && p.Threads <= 1024, "Threads %d is not in [1, 1024]", p.Threads)
	for _, name := range slices.Sorted(maps.Keys(p.Monotone)) {
		d := p.Monotone[name]
		check(d == 1 || d == -1, "Monotone[%q] is %d, not +1 or −1", name, d)
	}
	return errors.Join(faults...)
}
