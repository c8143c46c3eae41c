package foreign

import (
	"math"
	"slices"

	"dunning/models"
)

// GroupFairness compares predictions and outcomes within one group of a
// protected column, which the models never saw: a gap between the two means
// that the group is treated as riskier, or safer, than it is.
type GroupFairness struct {
	Column    string   `json:"column"`
	Group     string   `json:"group"`
	Rows      int      `json:"rows"`
	Observed  float64  `json:"observed"`  // mean outcome
	Predicted float64  `json:"predicted"` // mean prediction of the boosted trees
	AUC       *float64 `json:"auc"`
}

// maxGroups is up to how many values a protected column is shown value by
// value; beyond it, numbers are shown by quarters.
const maxGroups = 12

// fairness compares the predictions on the rows that have one.
func (p *prepared) fairness(predicted []float64) []GroupFairness {
	var out []GroupFairness
	for _, c := range p.protected {
		group, order := groupsOf(c)
		for _, name := range order {
			var y, q []float64
			for i, g := range group {
				if g == name && !math.IsNaN(predicted[i]) {
					y, q = append(y, p.y[i]), append(q, predicted[i])
				}
			}
			if len(y) == 0 {
				continue
			}
			out = append(out, GroupFairness{
				Column: c.Name, Group: name, Rows: len(y),
				Observed: mean(y), Predicted: mean(q), AUC: finite(models.AUC(y, q)),
			})
		}
	}
	return out
}

// groupsOf returns each row's group and the groups in order.
func groupsOf(c *Column) (group, order []string) {
	levels := c.Levels()
	group = c.Strings()
	if len(levels) <= maxGroups || c.Kind == Text {
		return group, levels
	}
	sorted := slices.Clone(c.Numbers)
	sorted = slices.DeleteFunc(sorted, math.IsNaN)
	slices.Sort(sorted)
	var upper []float64 // of the quarters, equal ones once
	for k := 1; k <= 4; k++ {
		upper = append(upper, sorted[k*len(sorted)/4-1])
	}
	upper = slices.Compact(upper)
	group = make([]string, len(c.Numbers))
	name := func(k int) string {
		top := (&Column{Kind: c.Kind, Numbers: []float64{upper[k]}}).String(0)
		if k == 0 {
			return "up to " + top
		}
		return "to " + top
	}
	for k := range upper {
		order = append(order, name(k))
	}
	for i, v := range c.Numbers {
		if !math.IsNaN(v) {
			k, _ := slices.BinarySearch(upper, v)
			group[i] = order[k]
		}
	}
	return group, order
}
