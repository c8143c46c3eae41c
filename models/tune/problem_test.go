package tune

import (
	"bytes"
	"context"
	"errors"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"dunning/data"
	"dunning/features"
	"dunning/models"
	"dunning/models/xgb"
)

// interaction is a table whose label depends on the product of two columns:
// trees of depth 1, which are in force, cannot learn it.
func interaction(rows int, seed uint64) *Problem {
	rng := rand.New(rand.NewPCG(seed, 0))
	p := &Problem{X: features.Matrix{Names: []string{"a", "b", "c", "d"}, Cols: make([][]float32, 4)}, Base: xgb.Params{Seed: 1}}
	decided := make([]float64, rows)
	for i := range rows {
		for j := range p.X.Cols {
			p.X.Cols[j] = append(p.X.Cols[j], 2*rng.Float32()-1)
		}
		z := 2.5 * float64(p.X.Cols[0][i]*p.X.Cols[1][i]) / 0.5
		y := 0.0
		if rng.Float64() < 1/(1+math.Exp(-z)) {
			y = 1
		}
		p.Y = append(p.Y, y)
		decided[i] = float64(i / 4)
	}
	var err error
	if p.Folds, err = Rolling(models.Without(rows, nil), decided, decided); err != nil {
		panic(err)
	}
	return p
}

func shallow() Search {
	return Search{Space: ShortSpace(), Seed: 3, InForce: Params{Eta: 0.1, Depth: 1}, Rounds: 50, Workers: 2}
}

func skipWithoutCgo(t *testing.T, err error) {
	t.Helper()
	if errors.Is(err, xgb.ErrNoCgo) {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
}

func TestRunFindsWhatDepthOneCannotLearn(t *testing.T) {
	folder := t.TempDir()
	var told int
	r, err := Run(context.Background(), shallow(), interaction(800, 1), Options{Folder: folder, More: upTo(8), Told: func(Trial) { told++ }})
	skipWithoutCgo(t, err)
	if !r.Better || r.Confirm.High >= 0 || r.Winner.Params[Depth] < 2 || r.InForce.N != 0 || told != 8 {
		t.Errorf("better %v, confirmation %+v, winner %+v, told %d", r.Better, r.Confirm, r.Winner, told)
	}
	if d := r.Confirm.Winner.LogLoss - r.Confirm.InForce.LogLoss; math.Abs(d-r.Confirm.Difference) > 1e-9 {
		t.Errorf("difference %v, log losses differ by %v", r.Confirm.Difference, d)
	}
	// Going on with nothing more to do changes neither report nor journal.
	before := readJournal(t, folder)
	again, err := Run(context.Background(), shallow(), interaction(800, 1), Options{Folder: folder, More: upTo(8)})
	if err != nil || !reflect.DeepEqual(again, r) || !bytes.Equal(before, readJournal(t, folder)) {
		t.Errorf("again: %v", err)
	}
}

// Where there is nothing to be found, no gain is claimed.
func TestRunClaimsNothingOnNoise(t *testing.T) {
	p := interaction(900, 2)
	rng := rand.New(rand.NewPCG(5, 0))
	for i := range p.Y {
		p.Y[i] = float64(rng.IntN(2))
	}
	// Hardly any tree is in force, so nothing can be better.
	s := shallow()
	s.Rounds = 1
	r, err := Run(context.Background(), s, p, Options{Folder: t.TempDir(), More: upTo(6)})
	skipWithoutCgo(t, err)
	if r.Better {
		t.Errorf("confirmation %+v", r.Confirm)
	}
}

func readJournal(t *testing.T, folder string) []byte {
	t.Helper()
	found, _ := filepath.Glob(filepath.Join(folder, "*.jsonl"))
	if len(found) != 1 {
		t.Fatalf("journals: %v", found)
	}
	b, err := os.ReadFile(found[0])
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// A journal that ends anywhere, even amid a line, is gone on with and ends with
// the same bytes.
func TestTornJournalGoesOn(t *testing.T) {
	p, folder := interaction(300, 1), t.TempDir()
	run := func(n int) error {
		_, err := Run(context.Background(), shallow(), p, Options{Folder: folder, More: upTo(n)})
		return err
	}
	skipWithoutCgo(t, run(4))
	want := readJournal(t, folder)
	path, _ := filepath.Glob(filepath.Join(folder, "*.jsonl"))
	for _, at := range []int{0, 10, bytes.IndexByte(want, '\n') + 1, len(want) - 1} {
		if err := os.WriteFile(path[0], want[:at], 0o644); err != nil {
			t.Fatal(err)
		}
		if err := run(4); err != nil {
			t.Fatalf("torn at byte %d: %v", at, err)
		}
		if got := readJournal(t, folder); !bytes.Equal(got, want) {
			t.Errorf("torn at byte %d: another journal\n%s\n%s", at, got, want)
		}
	}
	for name, bad := range map[string][]byte{
		"no JSON":             append(slices.Clone(want), "what?\n"...),
		"a trial is missing":  append(want[:bytes.IndexByte(want, '\n')+1:bytes.IndexByte(want, '\n')+1], want[bytes.LastIndexByte(want[:len(want)-1], '\n')+1:]...),
		"of another search":   bytes.Replace(slices.Clone(want), []byte(`"seed":3`), []byte(`"seed":4`), 1),
		"a field of no trial": bytes.Replace(slices.Clone(want), []byte(`"rounds"`), []byte(`"round"`), 1),
	} {
		if err := os.WriteFile(path[0], bad, 0o644); err != nil {
			t.Fatal(err)
		}
		if err := run(4); !errors.Is(err, data.ErrDamagedFile) || !strings.Contains(err.Error(), path[0]+" line ") {
			t.Errorf("%s: %v", name, err)
		}
		if got := readJournal(t, folder); !bytes.Equal(got, bad) {
			t.Errorf("%s: the journal was changed", name)
		}
	}
}

func TestJournalIsLocked(t *testing.T) {
	h := header{Version: 1, Search: strings.Repeat("a", 64)}
	folder := t.TempDir()
	j, err := openJournal(folder, h)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := openJournal(folder, h); !errors.Is(err, data.ErrRefused) {
		t.Errorf("second search: %v", err)
	}
	if err := j.Close(); err != nil {
		t.Fatal(err)
	}
	if j, err = openJournal(folder, h); err != nil {
		t.Fatal(err)
	}
	j.Close()
}

// Whatever a trial depends on gives another journal; what no fold reads does
// not.
func TestFingerprintCoversTheSearch(t *testing.T) {
	print := func(change func(*Search, *Problem)) string {
		s, p := shallow(), interaction(200, 1)
		change(&s, p)
		v, err := fingerprint(s, p)
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
	same := print(func(*Search, *Problem) {})
	for name, change := range map[string]func(*Search, *Problem){
		"seed":     func(s *Search, _ *Problem) { s.Seed++ },
		"in force": func(s *Search, _ *Problem) { s.InForce = Params{Eta: 0.1, Depth: 2} },
		"rounds":   func(s *Search, _ *Problem) { s.Rounds++ },
		"space":    func(s *Search, _ *Problem) { s.Space = FullSpace() },
		"base":     func(_ *Search, p *Problem) { p.Base.Lambda = 7 },
		"use":      func(_ *Search, p *Problem) { p.Calibrated = true },
		"label":    func(_ *Search, p *Problem) { p.Y[150] = 1 - p.Y[150] },
		"value":    func(_ *Search, p *Problem) { p.X.Cols[2][3]++ },
		"fold":     func(_ *Search, p *Problem) { p.Folds.Search[1].Train = p.Folds.Search[1].Train[1:] },
		"unit":     func(_ *Search, p *Problem) { p.Unit = make([]string, len(p.Y)) },
	} {
		if print(change) == same {
			t.Errorf("%s: the same fingerprint", name)
		}
	}
	s := shallow()
	s.Workers = 7
	if v, _ := fingerprint(s, interaction(200, 1)); v != same {
		t.Error("the number of workers gives another fingerprint")
	}
}

// No fold learns what was not known when the rows that it predicts begin, and
// each window comes after the one before.
func TestRollingFoldsLookBackOnly(t *testing.T) {
	rng := rand.New(rand.NewPCG(11, 0))
	const rows, horizon = 1000, 7
	decided, known := make([]float64, rows), make([]float64, rows)
	for i := range rows {
		decided[i] = float64(rng.IntN(300))
		known[i] = decided[i] + horizon - 1
	}
	decided[5], known[9] = math.NaN(), math.NaN()
	used := models.Without(rows, []int{1, 2, 3})
	f, err := Rolling(used, decided, known)
	if err != nil {
		t.Fatal(err)
	}
	if len(f.Search) != searchFolds || len(f.From) != searchFolds+1 || !slices.IsSorted(f.From) {
		t.Fatalf("%d folds, from %v", len(f.Search), f.From)
	}
	for k, fold := range f.all() {
		for _, i := range fold.Valid {
			if decided[i] < f.From[k] || k < searchFolds && decided[i] >= f.From[k+1] {
				t.Errorf("fold %d predicts a row of day %v", k, decided[i])
			}
		}
		for _, i := range fold.Train {
			if known[i] >= f.From[k] || i <= 3 && i >= 1 {
				t.Errorf("fold %d learns row %d, known on day %v, before day %v", k, i, known[i], f.From[k])
			}
		}
		if n := len(fold.Valid); n < 100 || n > 150 {
			t.Errorf("fold %d predicts %d rows of 125", k, n)
		}
	}
	for name, rows := range map[string][]int{"no row": nil, "one day": {0, 0, 0, 0}} {
		if _, err := Rolling(rows, decided, known); !errors.Is(err, data.ErrBadInput) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// Drawn folds keep units together and the confirmation's rows to itself.
func TestDrawnFoldsKeepTheConfirmationApart(t *testing.T) {
	const rows = 400
	y, unit := make([]float64, rows), make([]string, rows)
	for i := range rows {
		y[i] = float64(i % 2)
		unit[i] = string(rune('a' + i%40))
	}
	for name, units := range map[string][]string{"labels": nil, "units": unit} {
		f := Drawn(models.Without(rows, []int{0}), y, units, 3)
		predicted := map[int]int{}
		for k, fold := range f.all() {
			for _, i := range fold.Valid {
				predicted[i]++
				if slices.Contains(fold.Train, i) {
					t.Errorf("%s: fold %d learns and predicts row %d", name, k, i)
				}
			}
			if units == nil {
				continue
			}
			for _, i := range fold.Valid {
				if slices.ContainsFunc(fold.Train, func(j int) bool { return unit[j] == unit[i] }) {
					t.Fatalf("fold %d splits unit %s", k, unit[i])
				}
			}
		}
		for _, fold := range f.Search {
			for _, i := range f.Confirm.Valid {
				if slices.Contains(fold.Train, i) {
					t.Errorf("%s: the search learns row %d of the confirmation", name, i)
				}
			}
		}
		if len(predicted) != rows-1 || predicted[0] != 0 {
			t.Errorf("%s: %d rows predicted", name, len(predicted))
		}
	}
}

// What calibration mends does not count where the model is used calibrated:
// predictions that are right but too bold are as good as right ones.
func TestCalibratedProblemForgivesBoldness(t *testing.T) {
	rng := rand.New(rand.NewPCG(6, 0))
	var y, right, bold []float64
	for range 2000 {
		z := 2 * rng.NormFloat64()
		p := 1 / (1 + math.Exp(-z))
		v := 0.0
		if rng.Float64() < p {
			v = 1
		}
		y, right, bold = append(y, v), append(right, p), append(bold, 1/(1+math.Exp(-3*z)))
	}
	loss := func(p Problem, q []float64) float64 { return models.LogLoss(y, p.asUsed(y, q)) }
	if d := loss(Problem{}, bold) - loss(Problem{}, right); d < 0.1 {
		t.Errorf("uncalibrated, boldness costs %.4f only", d)
	}
	if d := loss(Problem{Calibrated: true}, bold) - loss(Problem{Calibrated: true}, right); math.Abs(d) > 1e-6 {
		t.Errorf("calibrated, boldness costs %.6f", d)
	}
}

func TestFoldsWithOneOutcomeAreRefused(t *testing.T) {
	p := interaction(200, 1)
	for i := range p.Y {
		p.Y[i] = 1
	}
	_, err := Run(context.Background(), shallow(), p, Options{Folder: t.TempDir(), More: upTo(1)})
	if !errors.Is(err, data.ErrBadInput) {
		t.Errorf("error %v", err)
	}
}
