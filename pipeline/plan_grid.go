package pipeline

import (
	"context"
	"encoding/binary"
	"fmt"
	"iter"
	"math"

	"dunning/data"
	"dunning/optimizer"
	"dunning/policy/regua"
)

// build streams the candidates, customer by customer in the order of their
// ids, into a grid: the allowed ones that are worth planning by the given
// values. blocked sees those that are not allowed; nil for nobody.
func (p *planner) build(value func(*data.Candidate) data.Cents, blocked func(*data.Candidate)) error {
	p.slots = p.planSlots()
	p.book = newProfileBook(p.slots, p.w.Config)
	p.size = map[string]int64{}
	p.values = optimizer.NewMemoryValues(len(p.slots), len(p.scores))
	row, cost := make([]float64, len(p.slots)), make([]float64, len(p.slots))
	at := make(map[optimizer.Slot]int, len(p.slots))
	for s, slot := range p.slots {
		at[slot] = s
	}
	for mine, err := range p.candidates() {
		if err != nil {
			return err
		}
		any := false
		for s := range row {
			row[s], cost[s] = optimizer.Forbidden, math.NaN()
		}
		segment := p.segmentOf(mine[0].CustomerID)
		for k := range mine {
			c := &mine[k]
			p.out.Plan.Candidates++
			if !c.Allowed {
				if blocked != nil {
					blocked(c)
				}
				continue
			}
			p.out.Plan.Allowed++
			v := value(c)
			s, ok := at[optimizer.Slot{Channel: c.Channel, Day: c.Day}]
			if ok && p.explores {
				p.allowed.note(c.CustomerID, option{int32(s), c.CostCents, p.value(c)})
			}
			if !p.worthPlanning(v, c.CostCents, segment) {
				continue
			}
			if !ok {
				return fmt.Errorf("%w: customer %q: a candidate for %s on %s, which the plan does not have; run the stage score again with --force",
					data.ErrDamagedFile, c.CustomerID, c.Channel, c.Day)
			}
			row[s], cost[s], any = float64(v), float64(c.CostCents), true
		}
		if c := p.captured(mine[0].CustomerID); c != nil {
			c.price(mine, value, &p.rule)
			if any && c.regua.Mode == regua.Replace {
				if any = false; !p.brief {
					if err := p.setAside(c, p.book.of(segment, cost), row); err != nil {
						return err
					}
				}
			}
		}
		if !any {
			continue
		}
		p.ids = append(p.ids, mine[0].CustomerID)
		p.size[segment]++
		if err := p.add(p.book.of(segment, cost), row); err != nil {
			return err
		}
	}
	p.grid = &optimizer.Grid{Slots: p.slots, Profiles: p.book.profiles(), Values: p.values, Ladder: p.rule}
	p.takeReplaced()
	p.addRows()
	return p.grid.Validate()
}

// worthPlanning reports whether an allowed candidate is worth more than it costs
// or needed for a minimum. Credits that are not spent today can be spent
// tomorrow, so a contact that does not earn its cost is no use of them, however
// much budget is left.
func (p *planner) worthPlanning(value, cost data.Cents, segment string) bool {
	return value > cost || p.demanded[segment]
}

// planSlots are the channels that a plan may use on its days.
func (p *planner) planSlots() []optimizer.Slot {
	var slots []optimizer.Slot
	for _, day := range planDays(p.w) {
		for _, ch := range data.Channels {
			if _, used := p.w.Config.Channels[ch]; used {
				slots = append(slots, optimizer.Slot{Channel: ch, Day: day})
			}
		}
	}
	return slots
}

// add appends a customer. Whole cents fit single precision up to R$ 167,772;
// the first customer beyond it makes all values wide.
func (p *planner) add(profile int32, row []float64) error {
	for _, v := range row {
		if !p.wide && float64(float32(v)) != v {
			if err := p.widen(); err != nil {
				return err
			}
		}
	}
	if err := p.values.Add(profile, row); err != nil {
		return fmt.Errorf("customer %q: %w", p.ids[len(p.ids)-1], err)
	}
	return nil
}

// widen copies the values to double precision.
func (p *planner) widen() error {
	wide := optimizer.WideMemoryValues(len(p.slots), len(p.scores))
	err := eachCustomer(p.values, func(_ int, profile int32, row []float64) error { return wide.Add(profile, row) })
	p.values, p.wide = wide, true
	return err
}

// candidates yields the candidates of one customer after the other, in the
// order of their ids whatever the partitions. A slice is valid until the next.
func (p *planner) candidates() iter.Seq2[[]data.Candidate, error] {
	return func(yield func([]data.Candidate, error) bool) {
		in := p.w.Input("score")
		var parts []*candidatePart
		for _, f := range in.Parts(candidatesTable) {
			next, stop := ahead(data.Scan[data.Candidate](in.Path(f.Name)))
			defer stop()
			part := &candidatePart{name: f.Name, next: next}
			if err := part.advance(); err != nil {
				yield(nil, err)
				return
			}
			parts = append(parts, part)
		}
		for {
			var first *candidatePart
			for _, part := range parts {
				if len(part.mine) > 0 && (first == nil || part.mine[0].CustomerID < first.mine[0].CustomerID) {
					first = part
				}
			}
			if first == nil || !yield(first.mine, nil) {
				return
			}
			if err := first.advance(); err != nil {
				yield(nil, err)
				return
			}
		}
	}
}

// candidatePart is one partition of the candidates, which is sorted by
// customer.
type candidatePart struct {
	name  string
	next  func() ([]data.Candidate, error, bool)
	batch []data.Candidate // read, and not yet handed out
	mine  []data.Candidate // of the customer at hand; none at the end
}

// advance moves to the next customer.
func (c *candidatePart) advance() error {
	last := ""
	if len(c.mine) > 0 {
		last = c.mine[0].CustomerID
	}
	c.mine = c.mine[:0]
	for {
		if len(c.batch) == 0 {
			batch, err, ok := c.next()
			if err != nil {
				return err
			}
			if !ok {
				return nil
			}
			c.batch = batch
			continue
		}
		if len(c.mine) > 0 && c.batch[0].CustomerID != c.mine[0].CustomerID {
			return nil
		}
		if c.batch[0].CustomerID <= last {
			return fmt.Errorf("%s: %w: customer %q after %q; run the stage score again with --force", c.name, data.ErrDamagedFile, c.batch[0].CustomerID, last)
		}
		c.mine = append(c.mine, c.batch[0])
		c.batch = c.batch[1:]
	}
}

// profileBook gives customers their profile in the grid: what touches cost, and
// the segment where segments have rows of their own.
type profileBook struct {
	slots    []optimizer.Slot
	standard []float64       // cost of each slot in the configuration
	limited  map[string]bool // segments with rows
	index    map[string]int32
	segment  []string    // by profile
	cost     [][]float64 // by profile, then slot
}

func newProfileBook(slots []optimizer.Slot, c *Config) *profileBook {
	b := &profileBook{slots: slots, limited: map[string]bool{}, index: map[string]int32{}}
	for _, s := range slots {
		b.standard = append(b.standard, float64(c.Channels[s.Channel].CostCents))
	}
	for _, s := range c.Segments {
		b.limited[s.Segment] = true
	}
	return b
}

// of returns the profile of a customer of a segment with the given costs by
// slot, NaN where he has no candidate.
func (b *profileBook) of(segment string, cost []float64) int32 {
	key := ""
	if b.limited[segment] {
		key = segment
	}
	own := false
	for s, c := range cost {
		own = own || c != b.standard[s] && !math.IsNaN(c)
	}
	named := key
	if own {
		bits := make([]byte, 0, 8*len(cost))
		for s, c := range cost {
			if math.IsNaN(c) {
				c = b.standard[s]
			}
			bits = binary.LittleEndian.AppendUint64(bits, math.Float64bits(c))
		}
		key += "\x00" + string(bits)
	}
	if i, ok := b.index[key]; ok {
		return i
	}
	i := int32(len(b.segment))
	costs := append([]float64(nil), b.standard...)
	for s, c := range cost {
		if !math.IsNaN(c) {
			costs[s] = c
		}
	}
	b.index[key], b.segment, b.cost = i, append(b.segment, named), append(b.cost, costs)
	return i
}

// profiles returns the number of profiles, at least one.
func (b *profileBook) profiles() int {
	if len(b.segment) == 0 {
		b.segment, b.cost = append(b.segment, ""), append(b.cost, b.standard)
	}
	return len(b.segment)
}

// addRows adds budget, capacities and the rows of segments, less what réguas took
// before and what is set aside to be drawn at random.
func (p *planner) addRows() {
	b := p.book
	p.grid.AddRow(optimizer.BudgetName, optimizer.AtMost, float64(max(0, p.w.Config.BudgetCents-p.exploreCents()-p.takenCents())), func(profile, slot int) float64 { return b.cost[profile][slot] })
	for _, c := range p.capacities() {
		p.grid.AddRow(optimizer.CapacityName(c.Channel, c.Day), optimizer.AtMost, max(0, c.Touches-p.exploreRoom(c.Touches)-float64(p.takenSlots(c))), func(_, slot int) float64 {
			return indicator(p.slots[slot] == optimizer.Slot{Channel: c.Channel, Day: c.Day})
		})
	}
	for _, s := range p.w.Config.Segments {
		if s.MinCoverage != nil {
			p.grid.AddRow(minimumName(s.Segment), optimizer.AtLeast, *s.MinCoverage*float64(p.size[s.Segment]), func(profile, _ int) float64 {
				return indicator(b.segment[profile] == s.Segment)
			})
		}
		if s.MaxShare != nil {
			p.grid.AddRow(maximumName(s.Segment), optimizer.AtMost, max(0, *s.MaxShare*float64(p.w.Config.BudgetCents)-float64(p.takenOf(s.Segment))), func(profile, slot int) float64 {
				return indicator(b.segment[profile] == s.Segment) * b.cost[profile][slot]
			})
		}
	}
}

func maximumName(segment string) string { return fmt.Sprintf("segment %s maximum", segment) }

func minimumName(segment string) string { return fmt.Sprintf("segment %s minimum", segment) }

// capacities lists the limited channels on every day of the plan.
func (p *planner) capacities() []optimizer.Capacity {
	var out []optimizer.Capacity
	for _, ch := range data.Channels {
		c, used := p.w.Config.Channels[ch]
		if !used || c.CapacityPerDay == nil {
			continue
		}
		for _, day := range planDays(p.w) {
			out = append(out, optimizer.Capacity{Channel: ch, Day: day, Touches: float64(*c.CapacityPerDay)})
		}
	}
	return out
}

// eachCustomer hands the values of one customer after the other to use, which
// must not keep them.
func eachCustomer(m *optimizer.MemoryValues, use func(i int, profile int32, row []float64) error) error {
	for k := range m.Blocks() {
		if err := eachOfBlock(m, k, use); err != nil {
			return err
		}
	}
	return nil
}

// eachOfBlock is eachCustomer for one block.
func eachOfBlock(m *optimizer.MemoryValues, k int, use func(i int, profile int32, row []float64) error) error {
	n := m.Slots()
	row := make([]float64, n)
	return m.Read(context.Background(), k, func(b optimizer.Block) error { // memory waits for nothing
		for i := range b.Customers {
			for s := range row {
				if b.Wide != nil {
					row[s] = b.Wide[i*n+s]
				} else {
					row[s] = float64(b.Narrow[i*n+s])
				}
			}
			profile := int32(0)
			if b.Profile != nil {
				profile = b.Profile[i]
			}
			if err := use(b.First+i, profile, row); err != nil {
				return err
			}
		}
		return nil
	})
}
