//go:build cgo

package clp_test

import (
	"context"
	"math"
	"syscall"
	"testing"
	"time"

	"dunning/optimizer"
	"dunning/optimizer/clp"
)

// cpuTime is what all threads of this process have used.
func cpuTime(t *testing.T) time.Duration {
	t.Helper()
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		t.Fatal(err)
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}

// TestStopEndsTheWork cancels solves of a program that takes CLP tens of
// seconds: they must end at once (a busy machine may take a second), and after that no thread may compute.
func TestStopEndsTheWork(t *testing.T) {
	lp := instance(t, 20_000, 5, 14).LP()
	for _, algorithm := range []clp.Algorithm{clp.Dual, clp.Primal} {
		for name, status := range map[string]optimizer.Status{"cancel": optimizer.Interrupted, "deadline": optimizer.TimeLimit} {
			t.Run(algorithm.String()+"/"+name, func(t *testing.T) {
				session := open(t, &clp.Solver{Algorithm: algorithm}, lp)
				const after = 600 * time.Millisecond
				ctx, cancel := context.WithCancel(context.Background())
				if status == optimizer.TimeLimit {
					ctx, cancel = context.WithTimeout(context.Background(), after)
				} else {
					time.AfterFunc(after, cancel)
				}
				defer cancel()
				began := time.Now()
				s, err := session.Solve(ctx)
				late := time.Since(began) - after
				if err != nil || s.Status != status || s.X != nil || s.Prices != nil {
					t.Fatalf("%+v %v, want %s", s, err, status)
				}
				if late > time.Second {
					t.Errorf("ended %s after the stop", late)
				}
				t.Logf("ended %s after the stop, %d iterations", late, s.Iterations)
				idle := cpuTime(t)
				time.Sleep(100 * time.Millisecond)
				if used := cpuTime(t) - idle; used > 50*time.Millisecond {
					t.Errorf("%s of computing within 100 ms after the end", used)
				}
			})
		}
	}
}

// TestStoppedSolveGoesOn stops a solve several times; it goes on from where it
// stood to the optimum of an undisturbed one.
func TestStoppedSolveGoesOn(t *testing.T) {
	lp := instance(t, 1500, 5, 14).LP()
	want, err := clp.New().SolveLP(context.Background(), lp)
	if err != nil || want.Status != optimizer.Optimal {
		t.Fatal(want, err)
	}
	for _, algorithm := range []clp.Algorithm{clp.Dual, clp.Primal, clp.Barrier} {
		session := open(t, &clp.Solver{Algorithm: algorithm}, lp)
		stops := 0
		for limit := 20 * time.Millisecond; ; limit *= 2 {
			ctx, cancel := context.WithTimeout(context.Background(), limit)
			s, err := session.Solve(ctx)
			cancel()
			if err != nil {
				t.Fatal(err)
			}
			if s.Status == optimizer.TimeLimit {
				stops++
				continue
			}
			if s.Status != optimizer.Optimal || math.Abs(s.Objective-want.Objective) > 1e-9*want.Objective {
				t.Fatalf("%s, %d stops: %s %.12g, want %.12g", algorithm, stops, s.Status, s.Objective, want.Objective)
			}
			break
		}
		if stops == 0 {
			t.Errorf("%s was never stopped", algorithm)
		}
	}
}

func TestEndedContextStartsNothing(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	lp := program([]float64{1}, [][]float64{{1}}, []float64{1}, 1)
	for name, solver := range solvers() {
		if s, err := solver.SolveLP(ctx, lp); err != nil || s.Status != optimizer.Interrupted {
			t.Errorf("%s: %+v %v", name, s, err)
		}
	}
	if s, err := open(t, clp.New(), lp).Solve(ctx); err != nil || s.Status != optimizer.Interrupted {
		t.Errorf("session: %+v %v", s, err)
	}
}
