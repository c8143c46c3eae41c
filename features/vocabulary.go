package features

import (
	"cmp"
	"encoding/json"
	"fmt"
	"math"
	"slices"

	"dunning/data"
)

// maxCategories bounds the categories of a column that a vocabulary keeps: the
// most frequent ones.
const maxCategories = 256

// Vocabulary gives categories their codes: the position in the list. It is
// learned from the customers a model is trained on and kept with the model, so
// that a code never changes its meaning; what it does not hold is NaN.
type Vocabulary struct {
	UF      []string `json:"uf"`
	Segment []string `json:"segment"`
	Product []string `json:"product"`
	// Baseline is how the portfolio as a whole pays; learned alongside.
	Baseline Baseline `json:"baseline"`
}

// Validate reports a list that is too long or holds a category twice.
func (v Vocabulary) Validate() error {
	for _, list := range []struct {
		name  string
		words []string
	}{{"uf", v.UF}, {"segment", v.Segment}, {"product", v.Product}} {
		if len(list.words) > maxCategories {
			return fmt.Errorf("features: vocabulary: %w: %d categories of %s, at most %d", data.ErrBadNumber, len(list.words), list.name, maxCategories)
		}
		sorted := slices.Sorted(slices.Values(list.words))
		for i := 1; i < len(sorted); i++ {
			if sorted[i] == sorted[i-1] {
				return fmt.Errorf("features: vocabulary: %w: %s %q", data.ErrDuplicateID, list.name, sorted[i])
			}
		}
	}
	return v.Baseline.Validate()
}

// ParseVocabulary reads the JSON of a [Vocabulary] and validates it.
func ParseVocabulary(b []byte) (*Vocabulary, error) {
	var v Vocabulary
	if err := json.Unmarshal(b, &v); err != nil {
		return nil, fmt.Errorf("features: vocabulary: %w: %w", data.ErrDamagedFile, err)
	}
	if err := v.Validate(); err != nil {
		return nil, err
	}
	return &v, nil
}

// VocabularyBuilder counts what a [Vocabulary] is learned from: categories, and
// for the baseline open days, payments, touches and opens. The zero value is
// ready; partitions may count apart and be merged in any order. It is not safe for
// concurrent use.
type VocabularyBuilder struct {
	uf, segment, product map[string]int
	exposure             exposureCounts
	calendar             *calendar
}

// Add counts a customer as known at AsOf. The empty string is
// unknown, not a category.
func (b *VocabularyBuilder) Add(h *History, asOf data.Date) {
	if b.uf == nil {
		b.uf, b.segment, b.product = map[string]int{}, map[string]int{}, map[string]int{}
		b.calendar = newCalendar()
	}
	b.exposure.count(h, asOf, b.calendar)
	count(b.uf, h.Customer.UF, 1)
	count(b.segment, h.Customer.Segment, 1)
	for i := range h.Invoices[:h.index.issuedBefore(asOf)] {
		count(b.product, h.Invoices[i].Product, 1)
	}
}

// Merge adds the counts of another builder.
func (b *VocabularyBuilder) Merge(o *VocabularyBuilder) {
	if o.uf == nil {
		return
	}
	if b.uf == nil {
		b.uf, b.segment, b.product = map[string]int{}, map[string]int{}, map[string]int{}
		b.calendar = newCalendar()
	}
	b.exposure.add(&o.exposure)
	for _, m := range []struct{ to, from map[string]int }{{b.uf, o.uf}, {b.segment, o.segment}, {b.product, o.product}} {
		for word, n := range m.from {
			count(m.to, word, n)
		}
	}
}

func count(words map[string]int, word string, n int) {
	if word != "" {
		words[word] += n
	}
}

// Vocabulary returns the codes: of each column the most frequent categories,
// at most 256, in alphabetical order. It depends on the counts alone.
func (b *VocabularyBuilder) Vocabulary() *Vocabulary {
	list := func(words map[string]int) []string {
		type counted struct {
			word string
			n    int
		}
		all := make([]counted, 0, len(words))
		for w, n := range words {
			all = append(all, counted{w, n})
		}
		slices.SortFunc(all, func(a, b counted) int { return cmp.Or(cmp.Compare(b.n, a.n), cmp.Compare(a.word, b.word)) })
		out := make([]string, 0, min(len(all), maxCategories))
		for _, c := range all[:min(len(all), maxCategories)] {
			out = append(out, c.word)
		}
		slices.Sort(out)
		return out
	}
	return &Vocabulary{UF: list(b.uf), Segment: list(b.segment), Product: list(b.product), Baseline: b.exposure.baseline()}
}

// vocabularyIndex looks codes up.
type vocabularyIndex struct {
	uf, segment, product map[string]float64
}

func newVocabularyIndex(v *Vocabulary) *vocabularyIndex {
	if v == nil {
		return &vocabularyIndex{}
	}
	index := func(words []string) map[string]float64 {
		m := make(map[string]float64, len(words))
		for i, w := range words {
			m[w] = float64(i)
		}
		return m
	}
	return &vocabularyIndex{uf: index(v.UF), segment: index(v.Segment), product: index(v.Product)}
}

// code returns the code of a category, NaN for one that is unknown.
func code(codes map[string]float64, word string) float64 {
	if c, ok := codes[word]; ok {
		return c
	}
	return nan
}

// finite turns what a source gave as infinite into NaN.
func finite(x float64) float64 {
	if math.IsInf(x, 0) || math.Abs(x) > math.MaxFloat32 {
		return nan
	}
	return x
}
