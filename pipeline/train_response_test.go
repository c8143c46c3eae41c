package pipeline

import (
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"

	"dunning/data"
	"dunning/models/response"
)

// decidedAtRandom are decisions between holding and calling whose true effects
// are truth(estimate).
func decidedAtRandom(rng *rand.Rand, rows int, truth func(estimate float64) float64) *responses {
	r := &responses{}
	voice := data.Voice.Index()
	for i := range rows {
		d := decided{customer: fmt.Sprint(i / 3), asOf: data.Date(i % 100), option: -1, prob: .6, organic: .3, stage: i % 3, balance: 30_000}
		d.effect[voice] = .04 + .05*rng.NormFloat64()
		d.reached[voice], d.allowed[voice] = .6, true
		p := d.organic
		if rng.Float64() < .4 {
			d.option, d.prob = voice, .4
			p += truth(d.effect[voice])
		}
		if rng.Float64() < p {
			d.paid = 1
		}
		r.points = append(r.points, d)
	}
	return r
}

func TestEstimatesAreReadAsTheLogAllows(t *testing.T) {
	for _, c := range []struct {
		name   string
		truth  func(float64) float64
		usable bool
		mean   float64 // corrected, over the estimates' own distribution
	}{
		{"right", func(e float64) float64 { return e }, true, .04},
		{"a level too high by 2 points", func(e float64) float64 { return e - .02 }, true, .02},
		{"half the scale", func(e float64) float64 { return e / 2 }, true, .02},
		{"an effect, but the same for all", func(float64) float64 { return .04 }, false, .04},
		{"none", func(float64) float64 { return 0 }, false, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := decidedAtRandom(rand.New(rand.NewPCG(11, 3)), 60_000, c.truth)
			all, err := r.correct([]data.Channel{data.Voice, data.Letter}, 1000, 50)
			if err != nil {
				t.Fatal(err)
			}
			if all[data.Letter] != nil {
				t.Error("a channel that was never used is corrected")
			}
			v := all[data.Voice]
			mean := 0.0
			for i := range r.points {
				d := &r.points[i]
				k := data.Voice.Index()
				e, stderr := v.effect(d.effect[k], d.organic, d.reached[k], d.stage, d.balance)
				mean += e / float64(len(r.points))
				if !(stderr >= 0) {
					t.Fatalf("standard error %g", stderr)
				}
			}
			if v.Usable != c.usable || math.Abs(mean-c.mean) > .012 {
				t.Errorf("usable %v, mean %.4f (truth %.4f), slope %.2f ± %.2f", v.Usable, mean, c.mean, v.Slope, v.SlopeSE)
			}
			if !c.usable && c.mean == 0 && v.Average != 0 {
				t.Errorf("%+.4f ± %.4f counts as an effect", v.Mean, v.MeanSE)
			}
		})
	}
}

func TestTouchDynamicsAreReadAsTheyWereWritten(t *testing.T) {
	dir := t.TempDir()
	check := func(name string) {
		t.Helper()
		f, err := LoadTouchDynamics(dir)
		if err != nil {
			t.Fatalf("%s: %s", name, err)
		}
		if len(f) != response.MaxStep || len(f[0]) != response.MaxGapDays+1 || f[0][1] != 1 {
			t.Fatalf("%s: %d steps of %d gaps", name, len(f), len(f[0]))
		}
		// e^(−½·e^(−0.1)): a second touch on the next day, by default.
		if want := math.Exp(-.5 * math.Exp(-.1)); math.Abs(f[1][1]-want) > 1e-9 || f[1][0] != f[1][1] {
			t.Errorf("%s: factor %g, want %g", name, f[1][1], want)
		}
	}
	check("no file")
	if err := saveDynamics(dir, nil); err != nil {
		t.Fatal(err)
	}
	check("the default's file")
	whole, err := os.ReadFile(filepath.Join(dir, DynamicsFile))
	if err != nil {
		t.Fatal(err)
	}
	for name, damaged := range map[string]string{
		"half a file":    string(whole[:len(whole)/2]),
		"no cells":       `{"schema_version": 1, "source": "log", "steps": []}`,
		"another schema": `{"schema_version": 9, "source": "log", "steps": []}`,
		"a bonus":        `{"schema_version": 1, "source": "log", "steps": [{"step": 2, "gap_days": 1, "factor": 1.5, "se": 0}]}`,
	} {
		if err := os.WriteFile(filepath.Join(dir, DynamicsFile), []byte(damaged), 0o644); err != nil {
			t.Fatal(err)
		}
		if _, err := LoadTouchDynamics(dir); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}
