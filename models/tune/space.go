package tune

import (
	"fmt"
	"math"
	"strconv"
)

// Parameters that a search may vary, under the names of the configuration.
const (
	Eta            = "eta"              // shrinkage of each tree
	Depth          = "depth"            // splits on a path
	MinChildWeight = "min_child_weight" // least sum of hessians in a leaf
	Lambda         = "lambda"           // L2 penalty of leaf values
	Subsample      = "subsample"        // share of rows drawn for each tree
	ColSample      = "col_sample"       // share of columns drawn for each tree
)

// Dim is one parameter of a space.
type Dim struct {
	Name    string  `json:"name"`
	Low     float64 `json:"low"`
	High    float64 `json:"high"`              // above Low
	Log     bool    `json:"log,omitempty"`     // even on a logarithmic scale; Low > 0 then
	Integer bool    `json:"integer,omitempty"` // whole numbers only
}

// Space is what is searched. Its order is part of a search: another order gives
// other trials.
type Space []Dim

// The bounds are one to two powers of two around what package xgb trains with.
var (
	etaDim   = Dim{Name: Eta, Low: 0.03, High: 0.3, Log: true}
	depthDim = Dim{Name: Depth, Low: 2, High: 8, Integer: true}
)

// ShortSpace varies the shrinkage and the depth, which a home's configuration
// holds.
func ShortSpace() Space { return Space{etaDim, depthDim} }

// FullSpace varies what the roles of a foreign table hold.
func FullSpace() Space {
	return Space{
		etaDim, depthDim,
		{Name: MinChildWeight, Low: 1, High: 100, Log: true},
		{Name: Lambda, Low: 0.5, High: 50, Log: true},
		{Name: Subsample, Low: 0.4, High: 1},
		{Name: ColSample, Low: 0.2, High: 1},
	}
}

// Params are the values of a space's parameters, by name.
type Params map[string]float64

// decode returns the parameters at a point of the unit cube, one coordinate per
// dimension in [0, 1). Values have three digits: what is judged is what a
// person reads and writes down.
func (s Space) decode(u []float64) Params {
	p := make(Params, len(s))
	for k, d := range s {
		p[d.Name] = d.value(u[k])
	}
	return p
}

func (d Dim) value(u float64) float64 {
	switch {
	case d.Integer:
		return math.Floor(d.Low + u*(d.High-d.Low+1))
	case d.Log:
		return threeDigits(d.Low * math.Pow(d.High/d.Low, u))
	}
	return threeDigits(d.Low + u*(d.High-d.Low))
}

// threeDigits rounds to three significant decimal digits.
func threeDigits(v float64) float64 {
	r, _ := strconv.ParseFloat(strconv.FormatFloat(v, 'g', 3, 64), 64)
	return r
}

// encode is the inverse of decode, up to its rounding. What lies outside the
// space is moved to its border.
func (s Space) encode(p Params) []float64 {
	u := make([]float64, len(s))
	for k, d := range s {
		u[k] = min(max(d.unit(p[d.Name]), 0), math.Nextafter(1, 0))
	}
	return u
}

func (d Dim) unit(v float64) float64 {
	switch {
	case d.Integer: // the middle of the value's share
		return (v - d.Low + 0.5) / (d.High - d.Low + 1)
	case d.Log:
		return math.Log(v/d.Low) / math.Log(d.High/d.Low)
	}
	return (v - d.Low) / (d.High - d.Low)
}

// check panics on a space that no code of ours makes.
func (s Space) check() {
	if len(s) == 0 || len(s) > len(primes) {
		panic(fmt.Sprintf("tune: a space of %d dimensions", len(s)))
	}
	for _, d := range s {
		if !(d.Low < d.High) || d.Log && d.Low <= 0 {
			panic(fmt.Sprintf("tune: %s is searched from %g to %g", d.Name, d.Low, d.High))
		}
	}
}
