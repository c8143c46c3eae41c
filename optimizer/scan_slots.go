package optimizer

// slotTotal is what the ladders with a touch in one slot are worth and use together,
// their other touches included.
type slotTotal struct {
	worth float64
	used  []float64 // by row, in the direction ≤
}

// slotSums adds up slotTotals, exactly.
type slotSums struct {
	worth  []exactSum // by slot
	used   []exactSum // by slot and row
	rows   int
	chosen []Rungs // of a block, by the kernel
}

func newSlotSums(t *useTable) *slotSums {
	s := &slotSums{worth: make([]exactSum, t.slots), rows: t.rows()}
	for k := range s.worth {
		s.worth[k].units = centUnits
		for r := range s.rows {
			s.used = append(s.used, newExactSum(t.largest[r]))
		}
	}
	return s
}

// add adds a customer's ladder and what it uses.
func (s *slotSums) add(won option, rows []int32, amounts []float64) {
	for left := won.rungs; left != Hold; left = left.Rest() {
		slot := left.First()
		s.worth[slot].add(won.worth)
		s.addUses(slot, rows, amounts, 1)
	}
}

// addUses adds what n ladders with a touch in a slot use each.
func (s *slotSums) addUses(slot int, rows []int32, amounts []float64, n int64) {
	for k, r := range rows {
		s.used[slot*s.rows+int(r)].addTimes(amounts[k], n)
	}
}

// room returns a place for the kernel to write down each customer's ladder in, hold
// where it leaves that open.
func (s *slotSums) room(customers int) []Rungs {
	if cap(s.chosen) < customers {
		s.chosen = make([]Rungs, customers)
	}
	s.chosen = s.chosen[:customers]
	clear(s.chosen)
	return s.chosen
}

// addWorths adds what the kernel's single touches are worth; it counts them by
// profile and slot itself.
func (s *slotSums) addWorths(b Block, chosen []Rungs) {
	slots := len(s.worth)
	for i, r := range chosen {
		if r != Hold {
			slot := r.First()
			s.worth[slot].add(float64(b.Narrow[i*slots+slot]))
		}
	}
}

func (s *slotSums) merge(other *slotSums) {
	for k := range s.worth {
		s.worth[k].merge(other.worth[k])
	}
	for k := range s.used {
		s.used[k].merge(other.used[k])
	}
}

func (s *slotSums) totals() []slotTotal {
	out := make([]slotTotal, len(s.worth))
	for k := range out {
		out[k] = slotTotal{s.worth[k].value(), make([]float64, s.rows)}
		for r := range out[k].used {
			out[k].used[r] = s.used[k*s.rows+r].value()
		}
	}
	return out
}
