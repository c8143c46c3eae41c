package pipeline

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"dunning/data"
	"dunning/features"
	"dunning/models/tune"
)

// decisions is a trainer over made-up decision points, two a day for 400 days,
// and its test period from day 330 on.
func decisions() *trainer {
	rng := rand.New(rand.NewPCG(8, 0))
	const rows, horizon = 800, 7
	f := &features.Frame{Matrix: features.Matrix{Names: []string{"f_a", "f_b"}, Cols: make([][]float32, 2)}}
	for i := range rows {
		a, b := rng.Float32(), rng.Float32()
		f.Cols[0], f.Cols[1] = append(f.Cols[0], a), append(f.Cols[1], b)
		f.CustomerID = append(f.CustomerID, fmt.Sprint("c", i%90))
		f.UnitID = append(f.UnitID, fmt.Sprint("u", i))
		f.AsOf = append(f.AsOf, data.Date(i/2))
		f.OutcomePaid = append(f.OutcomePaid, rng.Float32() < a*b+0.2)
		f.Option = append(f.Option, []data.Channel{data.Hold, data.Hold, data.Hold, data.SMS}[i%4])
		f.TouchedAfter = append(f.TouchedAfter, i%11 == 0)
	}
	c := DefaultConfig()
	c.Features.HorizonDays, c.Train.Rounds = horizon, 30
	t := &trainer{w: &Work{Config: c, Seed: 1}, frame: f, X: f.Matrix, cut: 330}
	for i, d := range f.AsOf {
		switch {
		case d >= t.cut:
			t.test = append(t.test, i)
		case d+horizon <= t.cut:
			t.train = append(t.train, i)
		}
	}
	return t
}

// searched returns the journal's bytes and the report of a short search.
func searched(t *testing.T, tr *trainer) ([]byte, *tune.Report) {
	t.Helper()
	p, err := tr.tuneProblem()
	if err != nil {
		t.Fatal(err)
	}
	folder := t.TempDir()
	r, err := tune.Run(context.Background(), tuneSearch(tr.w.Config, 2), p, tune.Options{Folder: folder, More: func(n int) bool { return n < 4 }})
	if err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(r.Journal)
	if err != nil {
		t.Fatal(err)
	}
	if r.Journal, err = filepath.Rel(folder, r.Journal); err != nil {
		t.Fatal(err)
	}
	return b, r
}

// Whatever labels and features the test period has, and the rows whose outcome
// was not known when it begins, the search is the same, byte for byte.
func TestTuneDoesNotTouchTheTestPeriod(t *testing.T) {
	journal, report := searched(t, decisions())
	other := decisions()
	changed := 0
	for i, d := range other.frame.AsOf {
		if d+7 > other.cut {
			other.frame.OutcomePaid[i] = !other.frame.OutcomePaid[i]
			other.X.Cols[0][i] = 99
			changed++
		}
	}
	if changed != 152 { // days 324 to 399
		t.Fatalf("%d rows changed", changed)
	}
	again, same := searched(t, other)
	if string(again) != string(journal) || !reflect.DeepEqual(same, report) {
		t.Error("the test period changes the search")
	}
	// One label before it does.
	other = decisions()
	for i := other.train[len(other.train)-1]; ; i-- {
		if other.organic(i) {
			other.frame.OutcomePaid[i] = !other.frame.OutcomePaid[i]
			break
		}
	}
	if again, _ := searched(t, other); string(again) == string(journal) {
		t.Error("a label of the search changes nothing")
	}
}

func TestWriteSettingsKeepsTheRest(t *testing.T) {
	settings := []Setting{{"rounds", "277"}, {"depth", "2"}, {"eta", "0.065"}}
	for _, c := range []struct{ name, before, after string }{
		{"keys that are there and one that is not", "# mine\nseed: 7\n\ntrain:\n    split: time:auto # kept\n    rounds: 150     # trees\n    depth: 4\n\nbudget_cents: 9\n",
			"# mine\nseed: 7\n\ntrain:\n    eta: 0.065\n    split: time:auto # kept\n    rounds: 277     # trees\n    depth: 2\n\nbudget_cents: 9\n"},
		{"no section", "seed: 7", "seed: 7\n\ntrain:\n  rounds: 277\n  depth: 2\n  eta: 0.065\n"},
		{"an empty file", "", "\ntrain:\n  rounds: 277\n  depth: 2\n  eta: 0.065\n"},
		{"an empty section", "train:\nseed: 7\n", "train:\n  rounds: 277\n  depth: 2\n  eta: 0.065\nseed: 7\n"},
		{"a list beside", "train:\n  exclude: [f_a]\n  eta: 0.1\n", "train:\n  rounds: 277\n  depth: 2\n  exclude: [f_a]\n  eta: 0.065\n"},
	} {
		path := filepath.Join(t.TempDir(), "dunning.yaml")
		if err := os.WriteFile(path, []byte(c.before), 0o644); err != nil {
			t.Fatal(err)
		}
		if err := WriteSettings(path, "train", settings); err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		if got, _ := os.ReadFile(path); string(got) != c.after {
			t.Errorf("%s:\n%s\nwant\n%s", c.name, got, c.after)
		}
	}
	for name, before := range map[string]string{
		"braces":     "train: {rounds: 150}\n",
		"a quoted":   "train:\n  rounds: \"150\"\n",
		"no mapping": "- train\n",
		"no YAML":    "train: [\n",
		"a list":     "train:\n  rounds: [1]\n",
	} {
		path := filepath.Join(t.TempDir(), "dunning.yaml")
		if err := os.WriteFile(path, []byte(before), 0o644); err != nil {
			t.Fatal(err)
		}
		err := WriteSettings(path, "train", settings)
		if !errors.Is(err, data.ErrUsage) || !strings.Contains(err.Error(), path) {
			t.Errorf("%s: %v", name, err)
		}
		if got, _ := os.ReadFile(path); string(got) != before {
			t.Errorf("%s: the file was changed to %q", name, got)
		}
	}
	if err := WriteSettings(filepath.Join(t.TempDir(), "none.yaml"), "train", settings); !errors.Is(err, data.ErrUsage) {
		t.Errorf("no file: %v", err)
	}
}
