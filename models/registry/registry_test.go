package registry_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"dunning/data"
	"dunning/models"
	"dunning/models/registry"
	"dunning/models/trees"
	"dunning/models/uplift"
)

// stump reads column j of the names.
func stump(names []string, j int32, link trees.Link) *trees.Ensemble {
	e, err := trees.New(names, link, -1, []trees.Tree{{
		Feature: []int32{j, -1, -1}, Threshold: []float32{0.5, 0, 0}, DefaultLeft: []bool{true, false, false},
		Left: []int32{1, -1, -1}, Right: []int32{2, -1, -1}, Value: []float32{0, -1, 2}, Cover: []float32{4, 3, 1},
	}})
	if err != nil {
		panic(err)
	}
	return e
}

func artifact() registry.Artifact {
	names := []string{"f_days_past_due", "f_paid_share"}
	withOptions := append(slices.Clone(names), uplift.OptionPrefix+"sms", uplift.OptionPrefix+"voice")
	return registry.Artifact{
		Features: names, Vocabulary: json.RawMessage(`{"uf":["SP","<RJ>"],"segment":[],"product":[]}`),
		HorizonDays: 30, AsOf: data.MakeDate(2025, 6, 30), Seed: 7, CodeVersion: "v1",
		DataHashes: map[string]string{"training": "aa11"},
		PayProb:    &registry.PayProb{Ensemble: stump(names, 0, trees.Logit), Calibration: models.Calibration{Method: models.Platt, Slope: 1.1, Intercept: -0.2}},
		Uplift: &registry.Uplift{Learner: "s", Treatments: []string{"sms", "voice"},
			Bags: []*trees.Ensemble{stump(withOptions, 2, trees.Logit), stump(withOptions, 3, trees.Logit)}},
		Card: models.Card{Title: "Payment propensity", Target: "Pays within 30 days.", HorizonDays: 30},
	}
}

func TestSaveAndLoad(t *testing.T) {
	for _, c := range []struct {
		name   string
		change func(*registry.Artifact)
		timing *registry.Timing
	}{
		{"all parts", func(*registry.Artifact) {}, &registry.Timing{TrainingSeconds: 1.5}},
		{"payment only", func(a *registry.Artifact) { a.Uplift = nil }, nil},
		{"uplift only", func(a *registry.Artifact) { a.PayProb = nil }, nil},
		{"no vocabulary", func(a *registry.Artifact) { a.Vocabulary = nil }, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			a := artifact()
			c.change(&a)
			dir := filepath.Join(t.TempDir(), "v")
			version, err := registry.Save(dir, a, c.timing)
			if err != nil {
				t.Fatal(err)
			}
			l, err := registry.Load(dir)
			if err != nil {
				t.Fatal(err)
			}
			if expected, err := a.Version(); err != nil || version != expected || l.Version != version || l.Card.Version != version {
				t.Errorf("versions %q, %q, %q, %q (error %v)", version, expected, l.Version, l.Card.Version, err)
			}
			if diff := cmp.Diff(c.timing, l.Timing); diff != "" {
				t.Error(diff)
			}
			if again, err := l.Artifact.Version(); err != nil || again != version {
				t.Errorf("saved again it would be %q (error %v)", again, err)
			}
			report, err := os.ReadFile(filepath.Join(dir, registry.ReportName))
			if err != nil || !strings.Contains(string(report), version) {
				t.Errorf("card.md does not name the version (error %v)", err)
			}
			if a.PayProb != nil {
				row := []float32{1, 0}
				if got, want := l.PayProb.Ensemble.PredictRow(row), a.PayProb.Ensemble.PredictRow(row); got != want {
					t.Errorf("prediction %v, was %v", got, want)
				}
			}
			if a.Uplift != nil && len(l.Uplift.Bags) != 2 {
				t.Errorf("%d bags", len(l.Uplift.Bags))
			}
		})
	}
}

func TestTimingDoesNotChangeTheVersion(t *testing.T) {
	a, dirs := artifact(), []string{t.TempDir(), t.TempDir()}
	for i, dir := range dirs {
		if _, err := registry.Save(dir, a, &registry.Timing{TrainingSeconds: float64(i)}); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range []string{registry.ModelName, registry.CardName, registry.ReportName} {
		first, err := os.ReadFile(filepath.Join(dirs[0], name))
		if err != nil {
			t.Fatal(err)
		}
		second, err := os.ReadFile(filepath.Join(dirs[1], name))
		if err != nil || !bytes.Equal(first, second) {
			t.Errorf("%s differs (error %v)", name, err)
		}
	}
	before, err := a.Version()
	if err != nil {
		t.Fatal(err)
	}
	a.Card.Title = "Another"
	if after, err := a.Version(); err != nil || after == before {
		t.Errorf("another card, the same version (error %v)", err)
	}
}

// Every byte counts: a change anywhere in model.json or card.json is noticed.
// Every byte of both ends is tried, every seventh between.
func TestLoadRefusesChangedBytes(t *testing.T) {
	dir := t.TempDir()
	if _, err := registry.Save(dir, artifact(), nil); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{registry.ModelName, registry.CardName} {
		path := filepath.Join(dir, name)
		sound, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		for at := range sound {
			if at%7 != 0 && at > 150 && at < len(sound)-100 {
				continue
			}
			bad := slices.Clone(sound)
			bad[at] ^= 1 << (at % 8 % 6) // 1 … 32, which changes the case of letters
			if err := os.WriteFile(path, bad, 0o644); err != nil {
				t.Fatal(err)
			}
			if _, err := registry.Load(dir); !errors.Is(err, data.ErrDamagedFile) {
				t.Fatalf("%s, byte %d, %q for %q: error %v", name, at, bad[at], sound[at], err)
			}
		}
		for _, cut := range []int{0, 1, len(sound) / 2, len(sound) - 1} {
			if err := os.WriteFile(path, sound[:cut], 0o644); err != nil {
				t.Fatal(err)
			}
			if _, err := registry.Load(dir); !errors.Is(err, data.ErrDamagedFile) {
				t.Fatalf("%s cut at byte %d: error %v", name, cut, err)
			}
		}
		if err := os.Remove(path); err != nil {
			t.Fatal(err)
		}
		if _, err := registry.Load(dir); !errors.Is(err, os.ErrNotExist) {
			t.Fatalf("without %s: error %v", name, err)
		}
		if err := os.WriteFile(path, sound, 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

func TestLoadRefusesTheCardOfAnotherVersion(t *testing.T) {
	dir, other := t.TempDir(), t.TempDir()
	a := artifact()
	if _, err := registry.Save(dir, a, nil); err != nil {
		t.Fatal(err)
	}
	a.Seed++
	if _, err := registry.Save(other, a, nil); err != nil {
		t.Fatal(err)
	}
	card, err := os.ReadFile(filepath.Join(other, registry.CardName))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, registry.CardName), card, 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := registry.Load(dir); !errors.Is(err, data.ErrDamagedFile) || !strings.Contains(err.Error(), registry.CardName) {
		t.Errorf("error %v", err)
	}
}

func TestValidateNamesTheFault(t *testing.T) {
	for _, c := range []struct {
		name   string
		change func(*registry.Artifact)
		want   string
	}{
		{"no model", func(a *registry.Artifact) { a.PayProb, a.Uplift = nil, nil }, "neither"},
		{"no features", func(a *registry.Artifact) { a.Features = nil }, "no features"},
		{"repeated feature", func(a *registry.Artifact) { a.Features[1] = a.Features[0] }, "repeated"},
		{"no horizon", func(a *registry.Artifact) { a.HorizonDays = 0 }, "horizon"},
		{"broken vocabulary", func(a *registry.Artifact) { a.Vocabulary = json.RawMessage(`{`) }, "vocabulary"},
		{"unknown column", func(a *registry.Artifact) { a.PayProb.Ensemble = stump([]string{"x"}, 0, trees.Logit) }, `"x"`},
		{"no probability", func(a *registry.Artifact) { a.PayProb.Ensemble = stump(a.Features, 0, trees.Identity) }, "probability"},
		{"no ensemble", func(a *registry.Artifact) { a.PayProb.Ensemble = nil }, "no ensemble"},
		{"falling calibration", func(a *registry.Artifact) { a.PayProb.Calibration.Slope = -1 }, "slope"},
		{"no treatments", func(a *registry.Artifact) { a.Uplift.Treatments = nil }, "0 treatments"},
		{"repeated treatment", func(a *registry.Artifact) { a.Uplift.Treatments = []string{"sms", "sms"} }, "repeated"},
		{"bag without the indicators", func(a *registry.Artifact) { a.Uplift.Bags[1] = stump(a.Features, 0, trees.Logit) }, `bag 1 does not read the indicator of "sms"`},
		{"missing bag", func(a *registry.Artifact) { a.Uplift.Bags[0] = nil }, "bag 0 is missing"},
	} {
		t.Run(c.name, func(t *testing.T) {
			a := artifact()
			c.change(&a)
			dir := filepath.Join(t.TempDir(), "v")
			if _, err := registry.Save(dir, a, nil); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("error %v, want %q in it", err, c.want)
			}
			if _, err := os.Stat(dir); !os.IsNotExist(err) {
				t.Error("a folder was made")
			}
		})
	}
}

func ExampleLoad() {
	dir, err := os.MkdirTemp("", "registry")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(dir)
	version, err := registry.Save(dir, artifact(), nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	loaded, err := registry.Load(dir)
	if err != nil {
		fmt.Println(err)
		return
	}
	p := loaded.PayProb.Ensemble.PredictRow([]float32{3, 0.8})
	fmt.Printf("same version: %t; calibrated probability %.3f\n", loaded.Version == version, loaded.PayProb.Calibration.Apply(p))
	// Output: same version: true; calibrated probability 0.711
}
