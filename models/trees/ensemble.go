package trees

import (
	"errors"
	"fmt"
	"math"
	"slices"

	"dunning/models"
)

// Link says how a margin becomes a prediction.
type Link string

// The links.
const (
	Identity Link = "identity" // prediction = margin
	Logit    Link = "logit"    // prediction = 1 / (1 + exp(−margin)), a probability
	Log      Link = "log"      // prediction = exp(margin), a positive mean
)

// MaxDepth bounds the splits on the way from a root to a leaf. It bounds the
// time of a prediction and the memory of an explanation, which is quadratic in
// the depth.
const MaxDepth = 64

// maxFeatures is what the flattened nodes can address.
const maxFeatures = math.MaxUint16

// ErrInvalid marks a forest that breaks a rule of this package; the error that
// wraps it names the tree, the node and the rule.
var ErrInvalid = errors.New("trees: invalid ensemble")

// Tree is one decision tree as parallel slices, one entry per node, the root
// first. All slices have the same length, at least 1.
type Tree struct {
	Feature     []int32   `json:"feature"`      // position in Ensemble.Features; −1 marks a leaf
	Threshold   []float32 `json:"threshold"`    // left when x < threshold; 0 in a leaf
	DefaultLeft []bool    `json:"default_left"` // side of NaN; false in a leaf
	Left        []int32   `json:"left"`         // node index; −1 in a leaf
	Right       []int32   `json:"right"`        // node index; −1 in a leaf
	Value       []float32 `json:"value"`        // margin that a leaf adds; 0 in a split
	Cover       []float32 `json:"cover"`        // weight (sum of hessians) of the training rows that reached the node, ≥ 0
}

// Ensemble is a validated forest. It is immutable and safe for concurrent use.
// It implements models.Model.
type Ensemble struct {
	features []string
	link     Link
	base     float32
	trees    []Tree
	flat     flat
	packed   *packed   // nil where the forest is too large for it
	expected float64   // base + expected leaf of every tree: the margin that SHAP values start from
	means    []float64 // expected leaf of every tree
}

var _ models.Model = (*Ensemble)(nil)

// New validates a forest and takes ownership of the slices, which must not
// change afterwards. base is the margin of an empty forest. The error wraps
// [ErrInvalid] and names the place.
func New(features []string, link Link, base float32, forest []Tree) (*Ensemble, error) {
	if err := checkHeader(features, link, base); err != nil {
		return nil, err
	}
	e := &Ensemble{features: features, link: link, base: base, trees: forest}
	depths := make([]int, len(forest))
	for t := range forest {
		depth, err := forest[t].check(len(features))
		if err != nil {
			return nil, fmt.Errorf("%w: tree %d: %w", ErrInvalid, t, err)
		}
		depths[t] = depth
	}
	e.flat = flatten(forest, depths)
	e.packed = e.flat.pack()
	e.means = make([]float64, len(forest))
	e.expected = float64(base)
	for t := range forest {
		e.means[t] = forest[t].mean(0)
		e.expected += e.means[t]
	}
	return e, nil
}

func checkHeader(features []string, link Link, base float32) error {
	switch {
	case link != Identity && link != Logit && link != Log:
		return fmt.Errorf("%w: link %q (have %s, %s, %s)", ErrInvalid, link, Identity, Logit, Log)
	case !finite(base):
		return fmt.Errorf("%w: base_margin is %g", ErrInvalid, base)
	case len(features) == 0:
		return fmt.Errorf("%w: no features", ErrInvalid)
	case len(features) > maxFeatures:
		return fmt.Errorf("%w: %d features, at most %d", ErrInvalid, len(features), maxFeatures)
	}
	seen := make(map[string]bool, len(features))
	for j, name := range features {
		if name == "" {
			return fmt.Errorf("%w: feature %d has no name", ErrInvalid, j)
		}
		if seen[name] {
			return fmt.Errorf("%w: feature %d: duplicate name %q", ErrInvalid, j, name)
		}
		seen[name] = true
	}
	return nil
}

// check validates one tree and returns its depth, the number of splits on the
// longest path.
func (t *Tree) check(numFeatures int) (depth int, err error) {
	n := len(t.Feature)
	if n == 0 {
		return 0, errors.New("no nodes")
	}
	if n > math.MaxInt32/2 {
		return 0, fmt.Errorf("%d nodes", n)
	}
	for _, s := range []struct {
		name string
		len  int
	}{
		{"threshold", len(t.Threshold)}, {"default_left", len(t.DefaultLeft)},
		{"left", len(t.Left)}, {"right", len(t.Right)},
		{"value", len(t.Value)}, {"cover", len(t.Cover)},
	} {
		if s.len != n {
			return 0, fmt.Errorf("%s has %d entries, feature has %d", s.name, s.len, n)
		}
	}
	for i := range n {
		if err := t.checkNode(i, numFeatures); err != nil {
			return 0, fmt.Errorf("node %d: %w", i, err)
		}
	}
	return t.checkShape()
}

// checkNode validates what a node says by itself.
func (t *Tree) checkNode(i, numFeatures int) error {
	n := int32(len(t.Feature))
	switch {
	case t.Feature[i] < -1 || int(t.Feature[i]) >= numFeatures:
		return fmt.Errorf("feature %d of %d", t.Feature[i], numFeatures)
	case !finite(t.Threshold[i]):
		return fmt.Errorf("threshold is %g", t.Threshold[i])
	case !finite(t.Value[i]):
		return fmt.Errorf("value is %g", t.Value[i])
	case !finite(t.Cover[i]) || t.Cover[i] < 0:
		return fmt.Errorf("cover is %g", t.Cover[i])
	}
	if t.Feature[i] < 0 {
		switch {
		case t.Left[i] != -1 || t.Right[i] != -1:
			return fmt.Errorf("a leaf with children %d and %d", t.Left[i], t.Right[i])
		case t.Threshold[i] != 0 || t.DefaultLeft[i]:
			return errors.New("a leaf with a threshold or a default side")
		}
		return nil
	}
	switch {
	case t.Left[i] <= 0 || t.Left[i] >= n:
		return fmt.Errorf("left child %d of %d nodes", t.Left[i], n)
	case t.Right[i] <= 0 || t.Right[i] >= n:
		return fmt.Errorf("right child %d of %d nodes", t.Right[i], n)
	case t.Value[i] != 0:
		return fmt.Errorf("a split with value %g", t.Value[i])
	}
	return nil
}

// checkShape walks the tree from its root, level by level, and refuses nodes
// that are reached twice (a cycle or a shared child) or never.
func (t *Tree) checkShape() (depth int, err error) {
	reached := make([]bool, len(t.Feature))
	reached[0] = true
	count := 1
	level := []int32{0}
	for {
		var next []int32
		for _, i := range level {
			if t.Feature[i] < 0 {
				continue
			}
			for _, c := range [2]int32{t.Left[i], t.Right[i]} {
				if reached[c] {
					return 0, fmt.Errorf("node %d: child %d is reached twice", i, c)
				}
				reached[c] = true
				count++
				next = append(next, c)
			}
		}
		if len(next) == 0 {
			break
		}
		if depth++; depth > MaxDepth {
			return 0, fmt.Errorf("deeper than %d", MaxDepth)
		}
		level = next
	}
	if count < len(t.Feature) {
		return 0, fmt.Errorf("node %d is never reached", slices.Index(reached, false))
	}
	return depth, nil
}

// mean returns the cover-weighted mean leaf below node i. Recursion is bounded
// by MaxDepth.
func (t *Tree) mean(i int32) float64 {
	if t.Feature[i] < 0 {
		return float64(t.Value[i])
	}
	l, r := t.shares(i)
	return l*t.mean(t.Left[i]) + r*t.mean(t.Right[i])
}

// shares returns the parts of the training weight that went left and right at
// split i; halves where no weight was recorded.
func (t *Tree) shares(i int32) (left, right float64) {
	l, r := float64(t.Cover[t.Left[i]]), float64(t.Cover[t.Right[i]])
	if l+r == 0 {
		return 0.5, 0.5
	}
	return l / (l + r), r / (l + r)
}

// Features names the columns the ensemble reads, in the order of a row. The
// slice is a copy.
func (e *Ensemble) Features() []string { return slices.Clone(e.features) }

// NumTrees returns the number of trees.
func (e *Ensemble) NumTrees() int { return len(e.trees) }

// Link returns how margins become predictions.
func (e *Ensemble) Link() Link { return e.link }

// Inverse turns a margin into a prediction.
func (l Link) Inverse(margin float64) float64 {
	switch l {
	case Logit:
		return 1 / (1 + math.Exp(-margin))
	case Log:
		return math.Exp(margin)
	}
	return margin
}

func finite(f float32) bool {
	return !math.IsNaN(float64(f)) && !math.IsInf(float64(f), 0)
}
