package models_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"dunning/data"
	"dunning/features"
	"dunning/models"
)

func sigmoid(x float64) float64 { return 1 / (1 + math.Exp(-x)) }

func toss(rng *rand.Rand, p float64) float64 {
	if rng.Float64() < p {
		return 1
	}
	return 0
}

// The interval of a difference of losses covers the truth as often as it says,
// although customers come several times.
func TestLossDifferenceCovers(t *testing.T) {
	const runs, customers, each = 200, 150, 4
	covered := 0
	for seed := range uint64(runs) {
		rng := rand.New(rand.NewPCG(seed, 1))
		var y, p, q []float64
		var unit []string
		truth := 0.0
		for c := range customers {
			level := rng.NormFloat64()
			for range each {
				x := level + 0.3*rng.NormFloat64()
				prob := sigmoid(x)
				y, p, q = append(y, toss(rng, prob)), append(p, prob), append(q, 0.5)
				unit = append(unit, fmt.Sprint(c))
				truth += prob*math.Log(0.5/prob) + (1-prob)*math.Log(0.5/(1-prob))
			}
		}
		truth /= customers * each
		diff, stderr := models.LossDifference(y, p, q, unit)
		if math.Abs(diff-truth) < 1.645*stderr {
			covered++
		}
	}
	if covered < runs*86/100 {
		t.Errorf("nominal 90 %% intervals cover %d of %d times", covered, runs)
	}
}

func TestCalibrationFitKnowsItsError(t *testing.T) {
	const runs = 200
	slope, large := 0, 0
	// The constant that, added to all log-odds, gives the true mean.
	mean := func(f func(x float64) float64) (sum float64) {
		for x := -8.0; x < 8; x += 0.01 {
			sum += 0.01 * math.Exp(-x*x/2) / math.Sqrt(2*math.Pi) * f(x-0.5)
		}
		return sum
	}
	truth := mean(func(x float64) float64 { return sigmoid(0.3 + 0.8*x) })
	constant := 0.0
	for mean(func(x float64) float64 { return sigmoid(x + constant) }) < truth {
		constant += 0.001
	}
	for seed := range uint64(runs) {
		rng := rand.New(rand.NewPCG(seed, 2))
		var y, p []float64
		for range 500 {
			x := rng.NormFloat64() - 0.5
			y, p = append(y, toss(rng, sigmoid(0.3+0.8*x))), append(p, sigmoid(x))
		}
		f := models.FitCalibrationLine(y, p, nil)
		if math.Abs(f.Slope-0.8) < 1.645*f.SlopeSE {
			slope++
		}
		if math.Abs(f.Large-constant) < 1.645*f.LargeSE {
			large++
		}
	}
	for name, n := range map[string]int{"slope": slope, "in the large": large} {
		if n < runs*84/100 || n > runs*96/100 {
			t.Errorf("%s: nominal 90 %% intervals cover %d of %d times", name, n, runs)
		}
	}
}

// leaky returns 2,000 rows of honest columns and one that is not.
func leaky(kind string) (features.Matrix, []float64) {
	rng := rand.New(rand.NewPCG(3, 3))
	const n = 2000
	X := features.Matrix{Names: []string{"f_honest_days", "f_strong_share", "f_suspect_code"}, Cols: [][]float32{make([]float32, n), make([]float32, n), make([]float32, n)}}
	y := make([]float64, n)
	for i := range n {
		a, b := rng.NormFloat64(), rng.NormFloat64()
		y[i] = toss(rng, sigmoid(2.5*a+b-1))
		X.Cols[0][i], X.Cols[1][i] = float32(b), float32(a)
		switch {
		case kind == "ranks" && rng.Float64() < 0.97:
			X.Cols[2][i] = float32(y[i]) + 0.1*float32(b)
		case kind == "end state" && y[i] == 1 && rng.Float64() < 0.2:
			X.Cols[2][i] = 3
		case kind == "filled in later" && !(y[i] == 1 && rng.Float64() < 0.2):
			X.Cols[2][i] = float32(math.NaN())
		case kind == "filled in later":
			X.Cols[2][i] = 1
		}
	}
	return X, y
}

func TestLeaksAreFound(t *testing.T) {
	for _, c := range []struct {
		kind  string
		found bool
	}{{"none", false}, {"ranks", true}, {"end state", true}, {"filled in later", true}} {
		X, y := leaky(c.kind)
		got := models.Leaks(X, y)
		if c.found != (len(got) == 1 && got[0].Feature == "f_suspect_code") || !c.found && len(got) > 0 {
			t.Errorf("%s: %+v", c.kind, got)
		}
		X.Cols[2] = slices.Clone(X.Cols[2])
		for i := range X.Cols[2] { // the other direction is the same leak
			X.Cols[2][i] = -X.Cols[2][i]
		}
		if again := models.Leaks(X, y); len(again) != len(got) {
			t.Errorf("%s, turned round: %+v", c.kind, again)
		}
	}
}

func TestFeaturesThatChangeAfterAsOfShow(t *testing.T) {
	nan := float32(math.NaN())
	then := features.Matrix{Names: []string{"a", "b", "gone"}, Cols: [][]float32{{1, 2, nan}, {0.5, nan, 3}, {1, 1, 1}}}
	now := features.Matrix{Names: []string{"b", "a"}, Cols: [][]float32{{0.5, 7, 4}, {1.000001, 2, nan}}}
	got := models.Restated(then, now)
	if len(got) != 1 || got["b"] != 2 {
		t.Errorf("%v, want b in two rows", got)
	}
}

func TestPSI(t *testing.T) {
	rng := rand.New(rand.NewPCG(4, 4))
	sample := func(n int, shift float64, missing float64) []float32 {
		out := make([]float32, n)
		for i := range out {
			out[i] = float32(rng.NormFloat64() + shift)
			if rng.Float64() < missing {
				out[i] = float32(math.NaN())
			}
		}
		return out
	}
	for _, c := range []struct {
		name   string
		a, b   []float32
		lo, hi float64
	}{
		{"the same", sample(5000, 0, 0.1), sample(5000, 0, 0.1), 0, 0.02},
		// Of two normal distributions one standard deviation apart the divergence is 1; tenths lose a little.
		{"moved by one standard deviation", sample(5000, 0, 0), sample(5000, 1, 0), 0.8, 1.05},
		{"unknown from now on", sample(5000, 0, 0), sample(5000, 0, 0.5), models.MaxPSI, math.Inf(1)},
		{"one value", make([]float32, 100), make([]float32, 100), 0, 1e-9},
	} {
		if got := models.PSI(c.a, c.b); !(got >= c.lo && got <= c.hi) {
			t.Errorf("%s: %.3f, want %.2f to %.2f", c.name, got, c.lo, c.hi)
		}
	}
	if got := models.PSI(nil, []float32{1}); !math.IsNaN(got) {
		t.Errorf("without a reference: %v", got)
	}
}

// Rates and lines use no outcome before it is known: changing the outcomes of
// decisions that are not ripe changes nothing.
func TestRollingLooksBackOnly(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 5))
	r := models.Rolling{HorizonDays: 7, WindowDays: 28}
	var asOf []data.Date
	var y, p []float64
	for d := range 120 {
		for range 10 {
			asOf, p = append(asOf, data.Date(20000+d)), append(p, 0.2+0.6*rng.Float64())
			y = append(y, toss(rng, p[len(p)-1]))
		}
	}
	day := data.Date(20080)
	rate, line := r.Rates(asOf, y, []data.Date{day})[0], r.Lines(asOf, y, p, []data.Date{day})[0]
	later, ripe := slices.Clone(y), slices.Clone(y)
	for i, d := range asOf {
		if d+7 > day {
			later[i] = 1 - y[i]
		} else if d+7 == day {
			ripe[i] = 1
		}
	}
	if r.Rates(asOf, later, []data.Date{day})[0] != rate || r.Lines(asOf, later, p, []data.Date{day})[0] != line {
		t.Error("outcomes of the future were used")
	}
	if r.Rates(asOf, ripe, []data.Date{day})[0] == rate || r.Lines(asOf, ripe, p, []data.Date{day})[0] == line {
		t.Error("the outcomes that just became known were not used")
	}
	if got := r.Rates(asOf, y, []data.Date{20000})[0]; got != 0.5 {
		t.Errorf("rate before anything is known: %v", got)
	}
}

// The chart alarms about a level that moved by half a logit within some weeks,
// is quiet where nothing moved, and is quiet again soon after the predictions
// are right again.
func TestCUSUM(t *testing.T) {
	chart := func(seed uint64, shift func(week int) float64) (alarms []int) {
		rng := rand.New(rand.NewPCG(seed, 6))
		rows := func(from, to int, shift func(int) float64) (period []int, y, p []float64) {
			for w := from; w < to; w++ {
				common := 0.15 * rng.NormFloat64() // paydays and holidays move everybody
				for range 150 {
					x := rng.NormFloat64() - 0.5
					period, p = append(period, w), append(p, sigmoid(x))
					y = append(y, toss(rng, sigmoid(x+common+shift(w))))
				}
			}
			return period, y, p
		}
		none := func(int) float64 { return 0 }
		rp, ry, rq := rows(-26, 0, none)
		tp, ty, tq := rows(0, 40, shift)
		for _, c := range models.CalibrationCUSUM(tp, ty, tq, rp, ry, rq) {
			if c.Alarm {
				alarms = append(alarms, c.Period)
			}
		}
		return alarms
	}
	quiet, mended := 0, 0
	for seed := range uint64(40) {
		if len(chart(seed, func(int) float64 { return 0 })) == 0 {
			quiet++
		}
		moved := chart(seed, func(w int) float64 {
			if w >= 10 && w < 25 {
				return -0.6
			}
			return 0
		})
		if len(moved) == 0 || !slices.ContainsFunc(moved, func(w int) bool { return w >= 10 && w < 18 }) {
			t.Errorf("seed %d: a break at week 10 alarms at %v", seed, moved)
		}
		if !slices.ContainsFunc(moved, func(w int) bool { return w >= 33 }) {
			mended++
		}
	}
	if mended < 28 { // the reference weeks know the spread to a fifth only
		t.Errorf("eight weeks after the predictions are right again only %d of 40 charts are quiet", mended)
	}
	if quiet < 34 { // one false alarm in some 460 weeks: 40 weeks stay quiet in about nine cases of ten
		t.Errorf("only %d of 40 quiet charts are quiet", quiet)
	}
}
