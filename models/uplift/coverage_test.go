package uplift_test

import (
	"context"
	"fmt"
	"math"
	"testing"

	"dunning/models/uplift"
)

// Nominal 90 % intervals of effects and of a policy's value cover the truth in
// 86 to 94 of 100 simulated logs, with customers who come several times. The
// truth is that of the population, so the mean over all logs.
func TestIntervalsCover(t *testing.T) {
	const logs, rows, customers = 200, 1500, 500
	type interval struct{ lo, hi float64 }
	var effects [2][]interval
	var policies []interval
	var truth [3]float64
	refused := 0
	e := uplift.Evaluator{Outcome: interacting{}, Folds: 2, Seed: 4}
	for seed := range uint64(logs) {
		w := makeWorld(rows, 5000+seed, 0.3, 0.6)
		w.log.Unit = make([]string, rows)
		choice := make([]int, rows)
		for i := range rows {
			w.log.Unit[i] = fmt.Sprint(i * i % customers) // some come often
			value := 0.4 + 0.25*float64(w.log.X.Cols[1][i])
			if w.log.X.Cols[0][i] > 0 {
				choice[i] = 1
				value += w.effect[0][i]
			}
			truth[2] += value / (rows * logs)
		}
		got, err := e.Effects(context.Background(), w.log)
		if err != nil {
			t.Fatal(err)
		}
		for k := range got {
			truth[k] += mean(w.effect[k]) / logs
			if got[k].Refused != "" {
				refused++ // by chance the weights are off by two standard errors
				continue
			}
			effects[k] = append(effects[k], interval{got[k].DRLo, got[k].DRHi})
		}
		v, err := e.Policy(context.Background(), w.log, uplift.Deterministic(choice, 2))
		if err != nil {
			t.Fatal(err)
		}
		if v.Refused == "" {
			policies = append(policies, interval{v.DRLo, v.DRHi})
		} else {
			refused++
		}
	}
	if refused > 3*logs/10 {
		t.Errorf("%d of %d answers are refused", refused, 3*logs)
	}
	for k, name := range []string{"effect of the call", "effect of the letter", "value of the policy"} {
		intervals := policies
		if k < 2 {
			intervals = effects[k]
		}
		covered, below := 0, 0
		for _, i := range intervals {
			if i.lo <= truth[k] && truth[k] <= i.hi {
				covered++
			} else if i.hi < truth[k] {
				below++
			}
		}
		n := len(intervals)
		t.Logf("%s: %d of %d intervals cover %.4f, %d lie below", name, covered, n, truth[k], below)
		if covered < n*86/100 || covered > n*94/100 {
			t.Errorf("%s: %d of %d intervals cover", name, covered, n)
		}
	}
}

func TestBootstrapIntervalOfCopies(t *testing.T) {
	v := make([]float64, 600)
	unit := make([]string, 600)
	for i := range v {
		v[i], unit[i] = math.Sin(float64(i/3)), fmt.Sprint(i/3) // every row three times
	}
	lo, hi := uplift.BootstrapInterval(v, nil, uplift.Level, 1)
	clo, chi := uplift.BootstrapInterval(v, unit, uplift.Level, 1)
	if r := (chi - clo) / (hi - lo); r < 1.55 || r > 1.95 {
		t.Errorf("by unit the interval is %.2f times as wide, want about √3: copies are no news", r)
	}
	if lo, hi := uplift.BootstrapInterval(v[:1], nil, uplift.Level, 1); !math.IsNaN(lo) || !math.IsNaN(hi) {
		t.Errorf("one row: %v to %v", lo, hi)
	}
	if lo, hi := uplift.BootstrapInterval([]float64{2, 2, 2}, nil, uplift.Level, 1); lo != 2 || hi != 2 {
		t.Errorf("no spread: %v to %v", lo, hi)
	}
}
