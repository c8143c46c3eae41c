package foreign

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"dunning/data"
	"dunning/models"
)

// yes are the texts that mean 1 when the other value of the column means 0.
var yes = []string{"yes", "true", "y", "t", "sim", "s"}

// readOutcome returns the outcome as numbers. A binary one must be 0/1, a
// yes/no text, or have two values with positive naming the one that is 1.
func readOutcome(t *Table, c *Column, positive string, binary bool) ([]float64, error) {
	for i := range t.rows {
		if c.Missing(i) || (c.Kind == Number && math.IsInf(c.Numbers[i], 0)) {
			return nil, fmt.Errorf("%w: %s row %d: the outcome %s is empty or not finite; filter such rows out with a query", data.ErrBadInput, t.Source, i+1, c.Name)
		}
	}
	levels := c.Levels()
	if positive != "" {
		one := matchLevel(levels, positive)
		if !slices.Contains(levels, one) {
			return nil, fmt.Errorf("%w: no row of %s has the positive outcome %s = %q (values: %s)", data.ErrBadInput, t.Source, c.Name, positive, few(levels))
		}
		return indicator(c, one), nil
	}
	if c.Kind == Text {
		if len(levels) == 2 {
			for k, l := range levels {
				if slices.Contains(yes, strings.ToLower(l)) {
					return indicator(c, levels[k]), nil
				}
			}
		}
		return nil, fmt.Errorf("%w: the outcome %s of %s is a text (values: %s); say which value counts as 1 with --positive VALUE", data.ErrBadInput, c.Name, t.Source, few(levels))
	}
	if c.Kind == Time {
		return nil, fmt.Errorf("%w: the outcome %s of %s is a date, not a number", data.ErrBadInput, c.Name, t.Source)
	}
	if binary && !slices.Equal(levels, []string{"0", "1"}) {
		return nil, fmt.Errorf("%w: the outcome %s of %s is not 0 and 1 (values: %s); say which value counts as 1 with --positive VALUE, or make it 0/1 in a query", data.ErrBadInput, c.Name, t.Source, few(levels))
	}
	return c.Numbers, nil
}

func indicator(c *Column, one string) []float64 {
	y := make([]float64, 0, len(c.Texts)+len(c.Numbers))
	for _, v := range c.Strings() {
		if v == one {
			y = append(y, 1)
		} else {
			y = append(y, 0)
		}
	}
	return y
}

// few lists the first values of a column.
func few(levels []string) string {
	if len(levels) > 6 {
		return strings.Join(levels[:6], ", ") + fmt.Sprintf(" and %d more", len(levels)-6)
	}
	return strings.Join(levels, ", ")
}

// Bounds of the leak alarm.
const (
	leakAUC  = 0.95 // a single column that alone ranks better than this
	leakRows = 30   // a value in at least this many rows that always has the same rarer outcome
)

// suspect names why a single column looks like a consequence of the outcome,
// or returns "".
func (p *prepared) suspect(c *Column, levels []string) string {
	var base float64
	for _, y := range p.y {
		base += y
	}
	base /= float64(len(p.y))
	if base == 0 || base == 1 {
		return ""
	}
	if auc := p.aloneAUC(c, levels); auc > leakAUC {
		return fmt.Sprintf("alone it ranks the outcome with an AUC of %.3f", auc)
	}
	// One value, or being above 0, that always goes with the rarer outcome.
	rarer := 1.0
	if base > 0.5 {
		rarer, base = 0, 1-base
	}
	certain := func(what string, holds func(i int) bool) string {
		n := 0
		for i, y := range p.y {
			if !holds(i) {
				continue
			}
			if y != rarer {
				return ""
			}
			n++
		}
		// By chance a harmless value would do so with probability baseⁿ.
		if n < leakRows || float64(n)*math.Log(base) > math.Log(1e-9) {
			return ""
		}
		return fmt.Sprintf("all %d rows with %s have the outcome %g, which only %.1f %% have", n, what, rarer, 100*base)
	}
	if c.Kind == Number && len(levels) > 2 {
		return certain(c.Name+" > 0", func(i int) bool { return c.Numbers[i] > 0 })
	}
	if len(levels) > 50 {
		return ""
	}
	values := c.Strings()
	for _, l := range levels {
		if reason := certain(c.Name+" = "+l, func(i int) bool { return !c.Missing(i) && values[i] == l }); reason != "" {
			return reason
		}
	}
	return ""
}

// aloneAUC is the AUC of a column by itself, in its better direction: of a
// category, of its values' outcome rates, unless it has so many values that
// they would learn the outcome by heart. Rows without a value are left out.
func (p *prepared) aloneAUC(c *Column, levels []string) float64 {
	var y, score []float64
	var values []string
	if c.Kind == Text {
		if len(levels) > p.table.rows/20 {
			return 0
		}
		values = c.Texts
	}
	sum, n := map[string]float64{}, map[string]float64{}
	for i, v := range values {
		sum[v] += p.y[i]
		n[v]++
	}
	for i := range p.y {
		if c.Missing(i) {
			continue
		}
		y = append(y, p.y[i])
		if values != nil {
			score = append(score, sum[values[i]]/n[values[i]])
		} else {
			score = append(score, c.Numbers[i])
		}
	}
	if 2*len(y) < len(p.y) {
		return 0 // too rarely known to judge
	}
	auc := models.AUC(y, score)
	return max(auc, 1-auc)
}
