package optimizer

import (
	"math"
	"math/rand/v2"
	"slices"
)

// coldStart returns a first centre and half-widths: all prices, when the whole
// problem is small enough for one linear program, and otherwise those that
// samples of the customers suggest.
func (s *boxstepRun) coldStart() (centre, half []float64, err error) {
	n := s.c.rows()
	centre, half = make([]float64, n), slices.Clone(s.c.cap)
	if len(s.c.value) <= s.MaxColumns || s.c.customer < 4*sampleGroups {
		return centre, half, nil
	}
	all := make([]portion, s.c.count())
	for i := range all {
		all[i] = portion{int32(i), s.c.weight(int32(i))}
	}
	perClass := float64(len(s.c.value)) / float64(len(all))
	return s.sample(expand(all), s.c.limit, s.c.boxAround(centre, half), half, perClass)
}

// narrow replaces the box by a smaller one, from samples of the undecided
// customers: what the decided ones use is known exactly, so these samples are
// far sharper than those of all customers were.
func (s *boxstepRun) narrow(found *scanResult, columns int, b box, half []float64) (newCentre, newHalf []float64, err error) {
	s.narrowings++
	open := make([]portion, len(found.open))
	for k, u := range found.open {
		open[k] = u.portion
	}
	limit := make([]float64, s.c.rows())
	for r := range limit {
		limit[r] = s.c.limit[r] - found.used[r]
	}
	return s.sample(expand(open), limit, b, half, float64(columns)/float64(len(open)))
}

// sample solves the problem for a few disjoint random groups of the given
// customers (the class of each, with perClass columns on the average), with the limits that are theirs scaled to the group, within the
// box. The mean of the groups' prices is the new centre. The new half-width of
// a row comes from the spread of its price over the groups, pooled with that of
// the other rows so that four lucky draws do not look like certainty; a row
// that any group stopped at an edge of the box keeps at least its room.
func (s *boxstepRun) sample(customers []int32, limit []float64, b box, half []float64, perClass float64) (centre, newHalf []float64, err error) {
	size := min(len(customers)/sampleGroups, max(50, int(sampleColumns/perClass)))
	order := slices.Clone(customers)
	rng := rand.New(rand.NewPCG(s.Seed, uint64(s.narrowings)))
	rng.Shuffle(len(order), func(a, b int) { order[a], order[b] = order[b], order[a] })
	share := float64(size) / float64(len(customers))
	prices, stopped, err := s.solveGroups(order, size, b, func(r int) float64 { return limit[r] * share })
	if err != nil {
		return nil, nil, err
	}
	// Groups that together hold most of the customers know the mean better than
	// their spread says (finite population correction), but for their bias.
	known := share * sampleGroups
	centre, newHalf = s.spread(prices, max(leastCorrection, math.Sqrt(1-known)))
	for r := range newHalf {
		if newHalf[r] > half[r] || stopped[r] {
			newHalf[r] = max(half[r], min(newHalf[r], 2*half[r]))
		}
	}
	s.Log.Debug("boxstep: samples", "customers", len(customers), "group", size, "mean_half_to_cap", meanRatio(newHalf, s.c.cap))
	return centre, newHalf, nil
}

// solveGroups solves the reduced program of each group, order[g·size:(g+1)·size],
// all at once, and returns their prices and the rows that any of them stopped
// at an edge of the box.
func (s *boxstepRun) solveGroups(order []int32, size int, b box, limit func(row int) float64) (prices [][]float64, stopped []bool, err error) {
	programs := make([]*reduced, sampleGroups)
	for g := range programs {
		found, err := s.c.scan(s.ctx, b, gather(order[g*size:(g+1)*size]))
		if err != nil {
			return nil, nil, err
		}
		left := make([]float64, s.c.rows())
		for r := range left {
			left[r] = limit(r) - found.used[r]
		}
		alike, _ := s.c.groupAlike(found.open)
		programs[g] = s.c.newReduced(alike, left, b)
	}
	answers, err := s.solveLPs(programs)
	if err != nil {
		return nil, nil, err
	}
	stopped = make([]bool, s.c.rows())
	for g, res := range answers {
		edges, _ := programs[g].touches(res)
		for r, e := range edges {
			stopped[r] = stopped[r] || e != touchNone
		}
		prices = append(prices, boxed(res.Prices, b))
	}
	return prices, stopped, nil
}

// spread returns the mean price of each row over the groups and the half-width
// that its spread suggests.
func (s *boxstepRun) spread(prices [][]float64, correction float64) (mean, half []float64) {
	n, groups := s.c.rows(), float64(len(prices))
	mean, half = make([]float64, n), make([]float64, n)
	deviation := make([]float64, n)
	pooled := 0.0
	var ratios []float64
	for r := range n {
		for _, y := range prices {
			mean[r] += y[r] / groups
		}
		for _, y := range prices {
			deviation[r] += (y[r] - mean[r]) * (y[r] - mean[r]) / (groups - 1)
		}
		pooled += deviation[r] * s.c.scale[r] * s.c.scale[r] / float64(n)
		if mean[r] > 0 {
			ratios = append(ratios, math.Sqrt(deviation[r])/mean[r])
		}
	}
	relative := 0.0
	if len(ratios) > 0 {
		slices.Sort(ratios)
		relative = ratios[len(ratios)/2]
	}
	for r := range n {
		// In cents per unit: the row's own spread, half that of a row with
		// the median relative spread, and a tenth of the mean absolute one.
		d := max(math.Sqrt(deviation[r]), relative*mean[r]/2, 0.1*math.Sqrt(pooled)/s.c.scale[r])
		half[r] = boxSpread * correction / math.Sqrt(groups) * d
		if half[r] == 0 {
			half[r] = 1e-3 * (mean[r] + 1/s.c.scale[r])
		}
	}
	return mean, half
}

func meanRatio(a, b []float64) float64 {
	total := 0.0
	for r := range a {
		total += a[r] / b[r] / float64(len(a))
	}
	return total
}
