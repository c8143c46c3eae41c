package segments

import "dunning/data"

// Walk puts a customer into his segment on each of the months, which ascend:
// "" before his first invoice. cuts ascend by From; before the first of them
// its figures count already. The facts of the last month come with it.
func Walk(c *Customer, months []data.Date, cuts []CutPoints) (keys []Key, last Facts) {
	keys = make([]Key, len(months))
	at, before := 0, Key("")
	for i, m := range months {
		for at+1 < len(cuts) && cuts[at+1].From <= m {
			at++
		}
		last = c.At(m)
		if last.IdleDays < 0 {
			continue
		}
		before = Next(before, last, cuts[at].Of(c.Business))
		keys[i] = before
	}
	return keys, last
}

// Movements counts customers by the segment they were in and the one they are
// in a month later; "" is who had none yet.
type Movements map[[2]Key]int64

// Agreement is the adjusted Rand index (Hubert and Arabie 1985) of the two
// months' segments over the customers who had one in both: 1 where nobody
// moved, 0 for what chance would give. It is 1 where there is nobody.
func (m Movements) Agreement() float64 {
	var all, both, rows, columns float64
	pairs := func(n float64) float64 { return n * (n - 1) / 2 }
	from, to := map[Key]float64{}, map[Key]float64{}
	for _, a := range Keys {
		for _, b := range Keys {
			n := float64(m[[2]Key{a, b}])
			all += n
			both += pairs(n)
			from[a] += n
			to[b] += n
		}
	}
	for _, k := range Keys {
		rows += pairs(from[k])
		columns += pairs(to[k])
	}
	if all < 2 {
		return 1
	}
	chance, most := rows*columns/pairs(all), (rows+columns)/2
	if most == chance {
		return 1
	}
	return (both - chance) / (most - chance)
}

// Stayed is the share of the customers with a segment in both months who did
// not move; 1 where there is nobody.
func (m Movements) Stayed() float64 {
	var same, all int64
	for k, n := range m {
		if k[0] == "" || k[1] == "" {
			continue
		}
		all += n
		if k[0] == k[1] {
			same += n
		}
	}
	if all == 0 {
		return 1
	}
	return float64(same) / float64(all)
}
