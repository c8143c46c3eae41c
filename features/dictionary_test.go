package features_test

import (
	"math"
	"regexp"
	"strings"
	"testing"

	"dunning/data"
	"dunning/features"
)

func TestDictionaryIsWellFormed(t *testing.T) {
	name := regexp.MustCompile(`^f_(aging|payhist|mix|touchhist|engagement|promises|bureau|disputes|calendar|cohort)_[a-z0-9_]+_(cents|share|count|days|ratio|code|hours|score|bdays|flag|gain)$`)
	seen := map[string]bool{}
	all := features.Dictionary()
	if len(all) < 60 {
		t.Errorf("%d features, the dictionary promises at least 60", len(all))
	}
	for _, f := range all {
		if !name.MatchString(f.Name) {
			t.Errorf("%s: not of the form f_<family>_<what>_<unit>", f.Name)
		}
		if seen[f.Name] {
			t.Errorf("%s: twice", f.Name)
		}
		seen[f.Name] = true
		if !strings.HasSuffix(f.Doc, ".") || len(f.Doc) < 12 {
			t.Errorf("%s: doc %q is not a sentence", f.Name, f.Doc)
		}
		if !(f.Min < f.Max) {
			t.Errorf("%s: range [%g, %g]", f.Name, f.Min, f.Max)
		}
	}
}

// Every feature takes more than one value on a small portfolio, stays within
// its documented range, and is missing only where the dictionary says it may
// be, at AsOf and on later days of the planning window.
func TestEveryFeatureVariesWithinItsRange(t *testing.T) {
	dictionary := features.Dictionary()
	c := newTestComputer()
	row := make([]float32, len(dictionary))
	lowest, highest := make([]float64, len(row)), make([]float64, len(row))
	for j := range row {
		lowest[j], highest[j] = math.Inf(1), math.Inf(-1)
	}
	for seed := range uint64(40) {
		h := features.NewHistory(generated(seed, 20, 40))
		for day := start - 20; day < start+600; day += 7 {
			for _, later := range []data.Date{0, 3, 13} {
				c.Row(h, day, day+later, row)
				for j, f := range dictionary {
					v := float64(row[j])
					switch {
					case math.IsNaN(v) && f.Missing == "":
						t.Fatalf("%s: NaN (seed %d, as of %s), the dictionary says never", f.Name, seed, day)
					case math.IsNaN(v):
					case v < f.Min || v > f.Max || math.IsInf(v, 0):
						t.Fatalf("%s = %g outside %s (seed %d, as of %s, day +%d)", f.Name, v, f.Range(), seed, day, later)
					default:
						lowest[j], highest[j] = min(lowest[j], v), max(highest[j], v)
					}
				}
			}
		}
	}
	for j, f := range dictionary {
		if !(lowest[j] < highest[j]) {
			t.Errorf("%s does not vary: always %g", f.Name, lowest[j])
		}
	}
}
