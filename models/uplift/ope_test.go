package uplift_test

import (
	"context"
	"fmt"
	"math"
	"strings"
	"testing"

	"dunning/models/uplift"
)

var evaluator = uplift.Evaluator{Outcome: interacting{}, Treat: linear{logit: true}, Seed: 4}

func TestEstimatorsAgreeWithTheTruth(t *testing.T) {
	for _, c := range []struct {
		name   string
		effect float64
		logged bool
	}{
		{"logged probabilities", 0.3, true},
		{"estimated probabilities", 0.3, false},
		{"no effect", 0, true},
		{"no effect, estimated probabilities", 0, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := makeWorld(40_000, 21, c.effect, 1.2)
			if !c.logged {
				w.log.OptionProb = nil
			}
			got, err := evaluator.Effects(context.Background(), w.log)
			if err != nil {
				t.Fatal(err)
			}
			for k, e := range got {
				truth := mean(w.effect[k])
				if e.Refused != "" {
					t.Fatalf("refused: %s", e.Refused)
				}
				for name, v := range map[string]float64{"ips": e.IPS, "snips": e.SNIPS, "dr": e.DR} {
					if math.Abs(v-truth) > 3.5*e.DRSE {
						t.Errorf("treatment %d: %s %.4f, truth %.4f, s.e. %.4f", k+1, name, v, truth, e.DRSE)
					}
				}
				if e.Naive < truth+5*e.DRSE {
					t.Errorf("treatment %d: naive %.4f is not visibly too high (truth %.4f): the test tests nothing", k+1, e.Naive, truth)
				}
				if e.ESS < 1000 || math.Abs(e.MeanWeight-1) > 0.03 {
					t.Errorf("treatment %d: ESS %.0f, mean weight %.3f", k+1, e.ESS, e.MeanWeight)
				}
			}
		})
	}
}

// The standard error must be that of the estimator over many logs.
func TestStandardErrorIsHonest(t *testing.T) {
	const logs = 40
	var est, se []float64
	for seed := range uint64(logs) {
		w := makeWorld(3000, 300+seed, 0.3, 1)
		got, err := evaluator.Effects(context.Background(), w.log)
		if err != nil {
			t.Fatal(err)
		}
		est, se = append(est, got[1].DR), append(se, got[1].DRSE)
	}
	var ss float64
	for _, v := range est {
		ss += (v - mean(est)) * (v - mean(est))
	}
	spread := math.Sqrt(ss / (logs - 1))
	// 40 draws know a standard deviation to about 11 %.
	if r := spread / mean(se); r < 0.7 || r > 1.35 {
		t.Errorf("spread of the estimates %.4f, mean s.e. %.4f", spread, mean(se))
	}
}

func TestPolicyValue(t *testing.T) {
	w := makeWorld(40_000, 22, 0.4, 1)
	choice := make([]int, w.log.Rows())
	var truth float64
	for i := range choice {
		x1 := float64(w.log.X.Cols[1][i])
		truth += 0.4 + 0.25*x1
		if w.log.X.Cols[0][i] > 0 {
			choice[i] = 1
			truth += w.effect[0][i]
		}
	}
	truth /= float64(len(choice))
	for _, logged := range []bool{true, false} {
		if !logged {
			w.log.OptionProb = nil
		}
		v, err := evaluator.Policy(context.Background(), w.log, uplift.Deterministic(choice, 2))
		if err != nil || v.Refused != "" {
			t.Fatal(err, v.Refused)
		}
		for name, got := range map[string]float64{"ips": v.IPS, "snips": v.SNIPS, "direct": v.Direct, "dr": v.DR} {
			if math.Abs(got-truth) > 4*v.DRSE {
				t.Errorf("logged %v: %s %.4f, truth %.4f, s.e. %.4f", logged, name, got, truth, v.DRSE)
			}
		}
	}
}

func TestUnitsWidenTheStandardError(t *testing.T) {
	w := makeWorld(4000, 23, 0.3, 0.5)
	rows := make([]int, 0, 8000)
	unit := make([]string, 0, 8000)
	for i := range 4000 { // every customer's row stands twice in the log
		rows = append(rows, i, i)
		unit = append(unit, fmt.Sprint(i), fmt.Sprint(i))
	}
	double := w.log.Take(rows)
	loose, err := evaluator.Effects(context.Background(), double)
	if err != nil {
		t.Fatal(err)
	}
	double.Unit = unit
	tight, err := evaluator.Effects(context.Background(), double)
	if err != nil {
		t.Fatal(err)
	}
	if r := tight[0].DRSE / loose[0].DRSE; math.Abs(r-math.Sqrt2) > 0.05 {
		t.Errorf("s.e. by unit is %.3f times the s.e. by row, want √2: a copy is no news", r)
	}
}

func TestRefusals(t *testing.T) {
	fresh := func() uplift.Log { return makeWorld(3000, 24, 0.3, 1).log }
	chosen := func(l uplift.Log) []float64 {
		p := make([]float64, l.Rows())
		for i, a := range l.Option {
			p[i] = l.OptionProb[a][i]
		}
		return p
	}
	for _, c := range []struct {
		name string
		log  func() uplift.Log
		want string
	}{
		{"no control arm", func() uplift.Log {
			l := fresh()
			for i := range l.Option {
				l.Option[i] = 1 + i%2
			}
			return l
		}, "everyone was treated"},
		{"no control arm, nothing logged", func() uplift.Log {
			l := fresh()
			l.OptionProb = nil
			for i := range l.Option {
				l.Option[i] = 1 + i%2
			}
			return l
		}, "everyone was treated"},
		{"no treated row", func() uplift.Log {
			l := fresh()
			for i := range l.Option {
				l.Option[i] = 0
			}
			return l
		}, "no row was treated"},
		{"probability 0", func() uplift.Log {
			l := fresh()
			l.OptionProb[0][17] = 0
			return l
		}, "row 18 logs the probability 0"},
		{"probability 1", func() uplift.Log {
			l := fresh()
			l.TreatProb = make([]float64, l.Rows())
			for i := range l.TreatProb {
				l.TreatProb[i] = 1
			}
			l.OptionProb = nil
			return l
		}, "must lie strictly between"},
		{"probability above 1", func() uplift.Log {
			l := fresh()
			l.TreatProb = chosen(l)
			l.OptionProb = nil
			for i := range l.TreatProb {
				l.TreatProb[i] *= 40
			}
			return l
		}, "must lie strictly between"},
		{"probability NaN", func() uplift.Log {
			l := fresh()
			l.OptionProb[1][2], l.OptionProb[0][2] = math.NaN(), math.NaN()
			return l
		}, "probability NaN"},
		{"probabilities too small by a fifth", func() uplift.Log {
			l := fresh()
			for t := range l.OptionProb {
				for i := range l.OptionProb[t] {
					l.OptionProb[t][i] *= 0.8
				}
			}
			return l
		}, "do not fit the log"},
		{"a few rows carry the weight", func() uplift.Log {
			l := fresh()
			l.TreatProb = chosen(l)
			l.OptionProb = nil
			for i := range 40 {
				l.TreatProb[i] = 1e-5
			}
			return l
		}, "effective sample size"},
		{"treatment determined by a feature", func() uplift.Log {
			l := fresh()
			l.OptionProb = nil
			for i, x := range l.X.Cols[0] {
				l.Option[i] = 0
				if x > 0.2 {
					l.Option[i] = 1
				} else if x > -0.2 {
					l.Option[i] = 2
				}
			}
			return l
		}, "no overlap"},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := evaluator.Effects(context.Background(), c.log())
			if err != nil {
				t.Fatal(err)
			}
			if e := got[0]; !strings.Contains(e.Refused, c.want) || !math.IsNaN(e.DR) || !math.IsNaN(e.Naive) {
				t.Errorf("refused %q, DR %v, naive %v; want %q", e.Refused, e.DR, e.Naive, c.want)
			}
		})
	}
}

func TestPolicyRefusals(t *testing.T) {
	w := makeWorld(3000, 25, 0.3, 1)
	n := w.log.Rows()
	t.Run("an option the log never chose", func(t *testing.T) {
		l := w.log
		l.Treatments = append(l.Treatments[:2:2], "visit")
		l.TreatProb = make([]float64, n)
		for i, a := range l.Option {
			l.TreatProb[i] = l.OptionProb[a][i]
		}
		l.OptionProb = nil
		v, err := evaluator.Policy(context.Background(), l, uplift.Uniform(n, 3))
		if err != nil || !strings.Contains(v.Refused, `chooses "visit" in 3000 rows`) {
			t.Errorf("%q, %v", v.Refused, err)
		}
	})
	t.Run("an option without a chance in a row", func(t *testing.T) {
		l := makeWorld(3000, 25, 0.3, 1).log
		row := 0 // the first that had not the option
		for l.Option[row] == 2 {
			row++
		}
		l.OptionProb[2][row] = 0
		v, err := evaluator.Policy(context.Background(), l, uplift.Uniform(n, 2))
		if err != nil || !strings.Contains(v.Refused, fmt.Sprintf("row %d logs the probability 0", row+1)) {
			t.Errorf("%q, %v", v.Refused, err)
		}
		// A policy that never wants it there is not harmed.
		if v, err = evaluator.Policy(context.Background(), l, uplift.Deterministic(make([]int, n), 2)); err != nil || v.Refused != "" {
			t.Errorf("%q, %v", v.Refused, err)
		}
	})
}
