package reach

import "math"

// Habits of the population: groups of people who open at like hours, found by
// EM on the hours at which they opened (a mixture of multinomials).
const (
	habits     = 5
	habitTurns = 40
	// smooth are cases of the portfolio's own hours in each group's.
	smooth = 20.0
	// priorShare are cases of the portfolio's shares in each segment's.
	priorShare = 20.0
)

// habitMix are the groups' hours, and their shares in each segment.
type habitMix struct {
	hour  [habits][hours]float64
	log   [habits][hours]float64 // of hour
	share [][habits]float64
}

// took keeps the logarithms in step with the hours.
func (m *habitMix) took() {
	for k := range habits {
		for h, p := range m.hour[k] {
			m.log[k][h] = math.Log(p)
		}
	}
}

// fitHabits finds the groups.
func fitHabits(customers []Customer, all *[hours]float64, segments int) habitMix {
	m := habitMix{share: make([][habits]float64, segments)}
	base := pool(all, nil, 1)
	// The groups begin as everybody with one part of the day favoured.
	for k := range habits {
		sum := 0.0
		for h := range hours {
			away := math.Abs(math.Mod(float64(h)-(float64(k)+.5)*hours/habits+1.5*hours, hours) - hours/2)
			m.hour[k][h] = base[h] * math.Exp(-away/4)
			sum += m.hour[k][h]
		}
		for h := range hours {
			m.hour[k][h] /= sum
		}
	}
	for s := range m.share {
		for k := range habits {
			m.share[s][k] = 1.0 / habits
		}
	}
	m.took()
	for range habitTurns {
		m.turn(customers, &base)
	}
	return m
}

// turn is one step of EM.
func (m *habitMix) turn(customers []Customer, base *[hours]float64) {
	var hour [habits][hours]float64
	var total [habits]float64
	share := make([][habits]float64, len(m.share))
	for i := range customers {
		c := &customers[i]
		counts, n := openings(c)
		if n == 0 {
			continue
		}
		for k, p := range m.posterior(c.Segment, &counts) {
			share[c.Segment][k] += p
			total[k] += p
			for h, x := range counts {
				hour[k][h] += p * x
			}
		}
	}
	everybody := 0.0
	for k := range habits {
		everybody += total[k]
		m.hour[k] = pool(&hour[k], base, smooth)
	}
	m.took()
	if everybody == 0 {
		return
	}
	for s := range m.share {
		sum := 0.0
		for k := range habits {
			m.share[s][k] = share[s][k] + priorShare*total[k]/everybody
			sum += m.share[s][k]
		}
		for k := range habits {
			m.share[s][k] /= sum
		}
	}
}

// openings counts a customer's openings by hour.
func openings(c *Customer) (counts [hours]float64, n float64) {
	for i := range c.Touches {
		if t := &c.Touches[i]; t.Delivered && t.OpenedHour >= 0 {
			counts[t.OpenedHour%hours]++
			n++
		}
	}
	return counts, n
}

// posterior is how likely each group is for somebody of a segment who opened at
// these hours.
func (m *habitMix) posterior(segment int, counts *[hours]float64) (p [habits]float64) {
	most := math.Inf(-1)
	for k := range habits {
		p[k] = math.Log(m.share[segment][k] + 1e-12)
		for h, n := range counts {
			if n > 0 {
				p[k] += n * m.log[k][h]
			}
		}
		most = max(most, p[k])
	}
	sum := 0.0
	for k := range habits {
		p[k] = math.Exp(p[k] - most)
		sum += p[k]
	}
	for k := range habits {
		p[k] /= sum
	}
	return p
}

// pool is a distribution of counted hours, drawn to a prior one (even, for nil)
// by some cases.
func pool(counts, prior *[hours]float64, cases float64) (out [hours]float64) {
	sum := cases
	for h := range hours {
		p := 1.0 / hours
		if prior != nil {
			p = prior[h]
		}
		out[h] = counts[h] + cases*p
		sum += counts[h]
	}
	for h := range out {
		out[h] /= sum
	}
	return out
}
