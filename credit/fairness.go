package credit

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strconv"

	"dunning/models"
)

// Fairness compares how groups fare that the model must not know. Differences
// are against the largest group of the same column.
type Fairness struct {
	ApprovePD float64         `json:"approve_pd"` // approved means a PD up to this
	Groups    []GroupFairness `json:"groups"`
	// ImpactRatio is, by column of two groups or more, the lowest approval rate of a group over the
	// highest: below 0.8 (the four-fifths rule) somebody should look. Groups of
	// fewer than 100 rows do not count.
	ImpactRatio map[string]float64 `json:"impact_ratio"`
}

// GroupFairness is one group, out of sample.
type GroupFairness struct {
	Column      string  `json:"column"`
	Group       string  `json:"group"`
	Rows        int     `json:"rows"`
	DefaultRate float64 `json:"default_rate"`
	MeanPD      float64 `json:"mean_pd"`
	// Calibration is observed over predicted defaults: above 1 the group
	// defaults more often than the model says.
	Calibration  float64 `json:"calibration"`
	ApprovalRate float64 `json:"approval_rate"`
	// ApprovedDefaultRate is the share of defaults among the approved.
	ApprovedDefaultRate float64 `json:"approved_default_rate"`
	// TPR is the share of good payers who are approved (equal opportunity, Hardt
	// et al. 2016); TPRDiff is that less the reference group's, in points of 1.
	TPR          float64 `json:"tpr"`
	TPRDiff      float64 `json:"tpr_diff"`
	ApprovalDiff float64 `json:"approval_diff"`
	Reference    bool    `json:"reference"`

	metrics models.Metrics
}

// How many rows a group needs to be shown, and to count for the impact ratio:
// the approval rate of 100 is known to some ten points.
const (
	leastGroup      = 30
	leastRatioGroup = 100
)

// mostGroups is up to how many values of a number are groups of their own;
// beyond it the quarters are.
const mostGroups = 8

func fairness(columns []Column, y, pd []float64, approve float64) Fairness {
	f := Fairness{ApprovePD: approve, ImpactRatio: map[string]float64{}}
	for _, c := range columns {
		group, order := groupsOf(c)
		var groups []GroupFairness
		for _, name := range order {
			if g := groupOf(name, group, y, pd, approve); g.Rows >= leastGroup {
				g.Column = c.Name
				groups = append(groups, g)
			}
		}
		if len(groups) == 0 {
			continue
		}
		ref := slices.MaxFunc(groups, func(a, b GroupFairness) int { return cmp.Compare(a.Rows, b.Rows) })
		low, high, counted := math.Inf(1), 0.0, 0
		for i := range groups {
			g := &groups[i]
			g.TPRDiff, g.ApprovalDiff, g.Reference = g.TPR-ref.TPR, g.ApprovalRate-ref.ApprovalRate, g.Group == ref.Group
			if g.Rows >= leastRatioGroup {
				low, high, counted = min(low, g.ApprovalRate), max(high, g.ApprovalRate), counted+1
			}
		}
		if high > 0 && counted > 1 {
			f.ImpactRatio[c.Name] = low / high
		}
		f.Groups = append(f.Groups, groups...)
	}
	return f
}

func groupOf(name string, group []string, y, pd []float64, approve float64) GroupFairness {
	var gy, gp []float64
	var approved, approvedBad, good, goodApproved float64
	for i, g := range group {
		if g != name {
			continue
		}
		gy, gp = append(gy, y[i]), append(gp, pd[i])
		if pd[i] <= approve {
			approved++
			approvedBad += y[i]
			goodApproved += 1 - y[i]
		}
		good += 1 - y[i]
	}
	share := func(part, of float64) float64 {
		if of == 0 {
			return 0
		}
		return part / of
	}
	out := GroupFairness{Group: name, Rows: len(gy), metrics: models.Evaluate(gy, gp)}
	if len(gy) > 0 {
		out.DefaultRate, out.MeanPD = mean(gy), mean(gp)
		out.Calibration = share(out.DefaultRate, out.MeanPD)
		out.ApprovalRate = approved / float64(len(gy))
		out.ApprovedDefaultRate, out.TPR = share(approvedBad, approved), share(goodApproved, good)
	}
	return out
}

// groupsOf returns each row's group, "" for unknown, and the groups in order.
func groupsOf(c Column) (group, order []string) {
	if c.Texts != nil {
		group = make([]string, len(c.Texts))
		for i, v := range c.Texts {
			if c.Present[i] {
				group[i] = v
			}
		}
		order = slices.Clone(group)
		slices.Sort(order)
		order = slices.DeleteFunc(slices.Compact(order), func(s string) bool { return s == "" })
		return group, order
	}
	group = make([]string, len(c.Numbers))
	known := slices.DeleteFunc(slices.Clone(c.Numbers), math.IsNaN)
	slices.Sort(known)
	number := func(v float64) string { return strconv.FormatFloat(v, 'g', -1, 64) }
	levels := slices.Compact(slices.Clone(known))
	upper, word := levels, number
	if len(levels) > mostGroups {
		upper = nil
		for k := 1; k <= 4; k++ {
			upper = append(upper, known[k*len(known)/4-1])
		}
		upper = slices.Compact(upper)
		word = func(v float64) string { return fmt.Sprintf("up to %s", number(v)) }
	}
	for _, v := range upper {
		order = append(order, word(v))
	}
	for i, v := range c.Numbers {
		if !math.IsNaN(v) {
			k, _ := slices.BinarySearch(upper, v)
			group[i] = order[min(k, len(order)-1)]
		}
	}
	return group, order
}
