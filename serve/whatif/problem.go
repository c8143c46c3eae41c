package whatif

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"dunning/data"
	"dunning/optimizer"
)

// Problem is what a plan solved. It is read only once it is handed over.
type Problem struct {
	PlanID string
	AsOf   data.Date
	// Grid has the plan's rows, the budget's first, net of what réguas take. Its
	// values are those of the touches that the plan may choose.
	Grid *optimizer.Grid
	// Allowed has the values of every touch that the law allows, of the same
	// customers: what a wished coverage may need. Nil means Grid.Values.
	Allowed optimizer.Values
	// Segments names the segment of each profile.
	Segments []string
	// FixedCents is worth what réguas send beside the program, TakenCents what
	// that costs, TakenSlots how many touches it is.
	FixedCents float64
	TakenCents data.Cents
	TakenSlots map[optimizer.Slot]int64
	// MinimumRow and MaximumRow name the rows of a segment's coverage and share.
	MinimumRow, MaximumRow func(segment string) string
	// Release gives up the values; nil for nothing to do.
	Release func()
}

// RowKind says what a row limits.
type RowKind string

// The kinds of rows.
const (
	BudgetRow   RowKind = "budget"
	CapacityRow RowKind = "capacity" // of a channel on a day
	CoverageRow RowKind = "coverage" // of a segment, at least
	ShareRow    RowKind = "share"    // of the budget that a segment may take
	OtherRow    RowKind = "other"
)

// Row is a row in the terms of the plan.
type Row struct {
	Kind    RowKind      `json:"kind"`
	Name    string       `json:"name"`
	Channel data.Channel `json:"channel,omitempty"`
	Day     data.Date    `json:"day,omitempty"`
	Segment string       `json:"segment,omitempty"`
}

// prepared is a problem with what every answer needs of it.
type prepared struct {
	*Problem
	rows     []Row
	cost     [][]float64      // of a touch in cents, by profile, then slot
	profile  []int32          // by customer; nil when all are 0
	size     map[string]int64 // customers by segment
	channels []data.Channel   // of the slots, in the order of data.Channels
	base     *Answer          // to the zero Wish
	baseAt   *optimizer.Allocation
	// scale is the share of the portfolio's customers that the values have: 1, or
	// less of a sample. Limits are scaled by it, and answers back.
	scale  float64
	sample *prepared // for quick answers; nil where exact ones are quick enough
}

// prepare looks through a problem once.
func prepare(ctx context.Context, p *Problem) (*prepared, error) {
	if len(p.Grid.Rows) == 0 || p.Grid.Rows[0].Name != optimizer.BudgetName {
		return nil, fmt.Errorf("whatif: %w: the first row of plan %s is not the budget", data.ErrBadInput, p.PlanID)
	}
	if len(p.Segments) != p.Grid.Profiles {
		return nil, fmt.Errorf("whatif: %w: %d segments for %d profiles", data.ErrBadInput, len(p.Segments), p.Grid.Profiles)
	}
	out := &prepared{Problem: p, size: map[string]int64{}, scale: 1}
	out.cost = make([][]float64, p.Grid.Profiles)
	for k := range out.cost {
		out.cost[k] = make([]float64, len(p.Grid.Slots))
	}
	for _, u := range p.Grid.Rows[0].Use {
		out.cost[u.Profile][u.Slot] = u.Amount
	}
	for _, ch := range data.Channels {
		if slices.ContainsFunc(p.Grid.Slots, func(s optimizer.Slot) bool { return s.Channel == ch }) {
			out.channels = append(out.channels, ch)
		}
	}
	out.nameRows()
	return out, out.readProfiles(ctx)
}

// nameRows says what each row is about.
func (p *prepared) nameRows() {
	known := map[string]Row{optimizer.BudgetName: {Kind: BudgetRow}}
	for _, s := range p.Grid.Slots {
		known[optimizer.CapacityName(s.Channel, s.Day)] = Row{Kind: CapacityRow, Channel: s.Channel, Day: s.Day}
	}
	for _, s := range p.Segments {
		known[p.MinimumRow(s)] = Row{Kind: CoverageRow, Segment: s}
		known[p.MaximumRow(s)] = Row{Kind: ShareRow, Segment: s}
	}
	p.rows = make([]Row, len(p.Grid.Rows))
	for r := range p.Grid.Rows {
		name := p.Grid.Rows[r].Name
		row, ok := known[name]
		if !ok {
			row.Kind = OtherRow
		}
		row.Name = name
		p.rows[r] = row
	}
}

// readProfiles notes who is of which profile, and counts the segments.
func (p *prepared) readProfiles(ctx context.Context) error {
	v := p.Grid.Values
	if p.Grid.Profiles > 1 {
		p.profile = make([]int32, v.Customers())
	}
	for k := range v.Blocks() {
		err := v.Read(ctx, k, func(b optimizer.Block) error {
			for i := range b.Customers {
				profile := int32(0)
				if b.Profile != nil {
					profile = b.Profile[i]
				}
				if p.profile != nil {
					p.profile[b.First+i] = profile
				}
				p.size[p.Segments[profile]]++
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}

func (p *prepared) hasChannel(ch data.Channel) bool { return slices.Contains(p.channels, ch) }

// segments lists the segments by name.
func (p *prepared) segments() []string { return slices.Sorted(maps.Keys(p.size)) }

// changed is a grid with wished limits.
type changed struct {
	*prepared
	grid     *optimizer.Grid
	rows     []Row
	wanted   map[string]float64 // customers that coverage demands, by segment
	demanded []bool             // by profile: any allowed touch may be chosen
	tooMuch  bool               // the budget does not pay for what réguas take
}

// with returns the grid with a wish.
func (p *prepared) with(w Wish) *changed {
	g := *p.Grid
	g.Rows = slices.Clone(g.Rows)
	c := &changed{prepared: p, grid: &g, rows: slices.Clone(p.rows), wanted: map[string]float64{}}
	if w.BudgetCents != nil {
		c.setBudget(*w.BudgetCents)
	}
	for _, s := range w.Capacities {
		for _, slot := range g.Slots {
			if slot.Channel == s.Channel && (s.Day == 0 || s.Day == slot.Day) {
				c.setCapacity(slot, s.Touches)
			}
		}
	}
	for _, slot := range g.Slots {
		if slices.Contains(w.Off, slot.Channel) {
			c.setCapacity(slot, 0)
		}
	}
	for _, s := range w.Coverage {
		c.setCoverage(s)
	}
	if c.demanded != nil && p.Allowed != nil {
		g.Values = &someAllowed{all: p.Allowed, cost: p.cost, demanded: c.demanded}
	}
	return c
}

// setBudget sets the budget, and with it what is a share of it.
func (c *changed) setBudget(cents data.Cents) {
	limit := c.scale * float64(cents-c.TakenCents)
	c.tooMuch = limit < 0
	old := c.grid.Rows[0].Limit/c.scale + float64(c.TakenCents)
	for r := range c.grid.Rows {
		if c.rows[r].Kind == ShareRow && old > 0 {
			c.grid.Rows[r].Limit *= float64(cents) / old
		}
	}
	c.grid.Rows[0].Limit = max(0, limit)
}

// row returns the index of the row of a name; it makes the row where there is
// none.
func (c *changed) row(row Row, sense optimizer.Sense, amount func(profile, slot int) float64) int {
	for r := range c.rows {
		if c.rows[r].Name == row.Name {
			return r
		}
	}
	c.grid.AddRow(row.Name, sense, 0, amount)
	c.rows = append(c.rows, row)
	return len(c.rows) - 1
}

func (c *changed) setCapacity(slot optimizer.Slot, touches int64) {
	row := Row{Kind: CapacityRow, Name: optimizer.CapacityName(slot.Channel, slot.Day), Channel: slot.Channel, Day: slot.Day}
	r := c.row(row, optimizer.AtMost, func(_, s int) float64 { return indicator(c.grid.Slots[s] == slot) })
	c.grid.Rows[r].Limit = c.scale * float64(max(0, touches-c.TakenSlots[slot]))
}

func (c *changed) setCoverage(s CoverageWish) {
	row := Row{Kind: CoverageRow, Name: c.MinimumRow(s.Segment), Segment: s.Segment}
	r := c.row(row, optimizer.AtLeast, func(p, _ int) float64 { return indicator(c.Segments[p] == s.Segment) })
	c.wanted[s.Segment] = s.Share * float64(c.size[s.Segment])
	c.grid.Rows[r].Limit = c.wanted[s.Segment]
	if c.demanded == nil {
		c.demanded = make([]bool, c.grid.Profiles)
	}
	for p := range c.demanded {
		// The plan's own minimums hold as they do there.
		c.demanded[p] = c.demanded[p] || c.Segments[p] == s.Segment || c.hasRow(c.MinimumRow(c.Segments[p]))
	}
}

// hasRow says whether the plan has a row of this name.
func (p *prepared) hasRow(name string) bool {
	return slices.ContainsFunc(p.rows, func(r Row) bool { return r.Name == name })
}

func indicator(is bool) float64 {
	if is {
		return 1
	}
	return 0
}
