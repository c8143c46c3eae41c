package optimizer

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"runtime"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"

	"dunning/data"
)

// Instance describes a random problem of the family on which the solvers are
// measured. Every customer has a responsiveness a_i, lognormal with mean 1 and
// log-sd 0.8, each channel an effectiveness and a cost, each day a factor that
// falls by 3 % a day, and every (customer, channel, day) an independent
// lognormal factor of log-sd 0.5:
//
//	value = 500 · a_i · effect_c · 0.97^day · noise − 60 · share of harm
//
// in cents, rounded to single precision, so that some touches do harm. Of the
// Channels × Days slots each customer may use OptionShare, drawn without
// replacement. The budget pays for a touch to a third of the customers at the
// mean cost of a channel; each slot's capacity lets a twentieth to a quarter of
// them through over all days, cheap channels more.
//
// With Segments each customer is of one of them at random; each channel has
// credits of its own, and each segment may take only so many touches of each
// channel, which binds for about half of them.
//
// Customer i's values come from a generator seeded by Seed and i alone, so they
// do not depend on how many customers there are or on who draws them.
type Instance struct {
	Customers   int     // > 0
	Channels    int     // 1 … 5; in the order of data.Channels
	Days        int     // > 0
	OptionShare float64 // in (0, 1]; the default 0 means 4/7 (40 of 70 slots)
	Segments    int     // ≥ 0; 0 for one row per slot and the budget only
	Seed        uint64
	// Ladder is the rule of the grid; the zero value allows one touch.
	Ladder LadderRule
}

// Costs in cents and effects of the channels of an Instance, in the order of
// data.Channels.
var (
	instanceCost   = [...]float64{1, 8, 35, 60, 320}
	instanceEffect = [...]float64{0.4, 0.7, 1.1, 1.4, 2.0}
)

// instanceStart is the first day of an Instance.
const instanceStart = data.Date(20458) // 2026-01-05, a Monday

// streams of an instance's seed.
const (
	instanceStream = 0x64756e6e696e67
	rowStream      = 0x726f7773
)

// NewInstance draws the problem in memory. The error names the field that is
// out of its range.
func NewInstance(c Instance) (*Grid, error) {
	g, err := c.Grid()
	if err != nil {
		return nil, err
	}
	g.Values = c.draw()
	return g, nil
}

// Grid returns the instance without values: slots and rows.
func (c Instance) Grid() (*Grid, error) {
	switch {
	case c.Customers <= 0 || c.Customers > math.MaxInt32/2:
		return nil, fmt.Errorf("%w: %d customers", data.ErrUsage, c.Customers)
	case c.Channels < 1 || c.Channels > len(data.Channels):
		return nil, fmt.Errorf("%w: %d channels (have 1 to %d)", data.ErrUsage, c.Channels, len(data.Channels))
	case c.Days < 1 || c.Days*c.Channels > MaxSlots:
		return nil, fmt.Errorf("%w: %d days (have 1 to %d)", data.ErrUsage, c.Days, MaxSlots/c.Channels)
	case !(c.OptionShare >= 0 && c.OptionShare <= 1):
		return nil, fmt.Errorf("%w: option share %g outside (0, 1]", data.ErrUsage, c.OptionShare)
	case c.Segments < 0 || c.Segments > 1000:
		return nil, fmt.Errorf("%w: %d segments (have 0 to 1000)", data.ErrUsage, c.Segments)
	}
	g := &Grid{Profiles: max(1, c.Segments), Ladder: c.Ladder}
	for day := range c.Days {
		for ch := range c.Channels {
			g.Slots = append(g.Slots, Slot{data.Channels[ch], instanceStart + data.Date(day)})
		}
	}
	c.addRows(g)
	return g, nil
}

func (c Instance) addRows(g *Grid) {
	rng := rand.New(rand.NewPCG(c.Seed, rowStream))
	customers := float64(c.Customers)
	channel := func(slot int) int { return slot % c.Channels }
	meanCost := 0.0
	for ch := range c.Channels {
		meanCost += instanceCost[ch] / float64(c.Channels)
	}
	g.AddRow(BudgetName, AtMost, math.Round(meanCost*customers/3), func(_, s int) float64 { return instanceCost[channel(s)] })
	total := make([]float64, c.Channels)
	for slot := range g.Slots {
		share := (0.25 - 0.05*float64(channel(slot))) / float64(c.Days)
		touches := math.Ceil(share * customers * (0.6 + 0.8*rng.Float64()))
		total[channel(slot)] += touches
		g.AddRow(CapacityName(g.Slots[slot].Channel, g.Slots[slot].Day), AtMost, touches, func(_, s int) float64 { return indicate(s == slot) })
	}
	if c.Segments == 0 {
		return
	}
	for ch := range c.Channels {
		g.AddRow("credits "+string(data.Channels[ch]), AtMost, math.Ceil(0.9*total[ch]), func(_, s int) float64 { return indicate(channel(s) == ch) })
	}
	for segment := range c.Segments {
		for ch := range c.Channels {
			limit := math.Ceil(total[ch] / float64(c.Segments) * (0.7 + 0.6*rng.Float64()))
			g.AddRow(fmt.Sprintf("segment %s %s", strconv.Itoa(segment+1), data.Channels[ch]), AtMost, limit,
				func(p, s int) float64 { return indicate(p == segment && channel(s) == ch) })
		}
	}
}

func indicate(is bool) float64 {
	if is {
		return 1
	}
	return 0
}

// Options returns how many slots each customer may use.
func (c Instance) Options() int {
	share := c.OptionShare
	if share == 0 {
		share = 4.0 / 7
	}
	return max(1, int(math.Round(share*float64(c.Channels*c.Days))))
}

// draw draws all customers into memory, as many at once as there are cores.
func (c Instance) draw() *MemoryValues {
	slots := c.Channels * c.Days
	m := &MemoryValues{slots: slots, n: c.Customers, narrow: make([]float32, slots*c.Customers)}
	if c.Segments > 1 {
		m.profile = make([]int32, c.Customers)
	}
	workers := runtime.GOMAXPROCS(0)
	parts := make([]drawn, workers)
	var wg sync.WaitGroup
	for w := range workers {
		wg.Go(func() {
			from, to := c.Customers*w/workers, c.Customers*(w+1)/workers
			parts[w] = newDrawn(to - from)
			var profiles []int32
			if m.profile != nil {
				profiles = m.profile[from:to]
			}
			c.newDrawer().customers(from, m.narrow[from*slots:to*slots], profiles, &parts[w])
		})
	}
	wg.Wait()
	m.sample, m.largest = mergeDrawn(parts)
	return m
}

// WriteFile draws the customers into a values file, a block per core at a time.
// Its Sample is that of the instance in memory. When ctx is done it stops, and
// leaves no file behind.
func (c Instance) WriteFile(ctx context.Context, path string) error {
	if _, err := c.Grid(); err != nil {
		return err
	}
	w, err := CreateValues(path, c.Channels*c.Days, c.Segments > 1)
	if err != nil {
		return err
	}
	defer w.Abort()
	w.layout.customers = int64(c.Customers)
	all := w.layout.all()
	workers := runtime.GOMAXPROCS(0)
	parts, errs := make([]drawn, workers), make([]error, workers)
	var next atomic.Int64
	var wg sync.WaitGroup
	for k := range workers {
		wg.Go(func() {
			d := c.newDrawer()
			parts[k] = newDrawn(c.Customers / workers)
			values, profiles := make([]float32, w.layout.perBlock*w.layout.slots), make([]int32, w.layout.perBlock)
			for errs[k] == nil {
				block := next.Add(1) - 1
				if block >= all.blocks() {
					return
				}
				_, n := all.place(block)
				first := block * w.layout.perBlock
				d.customers(int(first), values[:n*w.layout.slots], profiles[:n], &parts[k])
				if errs[k] = ctx.Err(); errs[k] == nil && w.layout.profiled {
					errs[k] = w.writeBlock(all, first, values[:n*w.layout.slots], profiles[:n])
				} else if errs[k] == nil {
					errs[k] = w.writeBlock(all, first, values[:n*w.layout.slots], nil)
				}
			}
		})
	}
	wg.Wait()
	if err := errors.Join(errs...); err != nil {
		return err
	}
	w.sample, w.layout.largest = mergeDrawn(parts)
	return w.Close()
}

// instanceCandidate is a row of the candidates table; the value keeps its
// fraction of a cent, so that the table is the instance.
type instanceCandidate struct {
	CustomerID   string       `parquet:"customer_id,delta"`
	Channel      data.Channel `parquet:"channel,dict"`
	Day          data.Date    `parquet:"day,date"`
	ValueCents   float64      `parquet:"value_cents"`
	ValueLoCents float64      `parquet:"value_lo_cents"` // the value: it is known
	CostCents    data.Cents   `parquet:"cost_cents"`
	Allowed      bool         `parquet:"allowed"`
	BlockedBy    string       `parquet:"blocked_by,dict"`
	Segment      string       `parquet:"segment,dict"` // "" without segments
}

// WriteCandidates writes the instance as a Parquet table of candidates, by
// customer and slot. When ctx is done it stops, and leaves no file behind.
func (c Instance) WriteCandidates(ctx context.Context, path string) error {
	g, err := c.Grid()
	if err != nil {
		return err
	}
	w, err := data.Create[instanceCandidate](path)
	if err != nil {
		return err
	}
	defer w.Abort()
	d, values := c.newDrawer(), make([]float32, len(g.Slots))
	var rows []instanceCandidate
	for i := range c.Customers {
		profile := d.customer(i, values)
		id, segment := fmt.Sprintf("c%09d", i), ""
		if c.Segments > 0 {
			segment = strconv.Itoa(int(profile) + 1)
		}
		for s, v := range values {
			if value := float64(v); value != Forbidden {
				rows = append(rows, instanceCandidate{id, g.Slots[s].Channel, g.Slots[s].Day, value, value,
					data.Cents(instanceCost[s%c.Channels]), true, "", segment})
			}
		}
		if len(rows) < 8192 && i < c.Customers-1 {
			continue
		}
		if err := errors.Join(ctx.Err(), w.Append(rows...)); err != nil {
			return err
		}
		rows = rows[:0]
	}
	_, err = w.Close()
	return err
}

// drawn is what is to be known of the customers that one goroutine drew.
type drawn struct {
	sample  sketch
	largest float32
}

// newDrawn returns room for the notes on so many customers.
func newDrawn(customers int) drawn {
	return drawn{sample: sketch{kept: make([]sketched, 0, min(customers, 2*sampleMost))}}
}

func mergeDrawn(parts []drawn) (sample sketch, largest float64) {
	sample.kept = make([]sketched, 0, 2*sampleMost)
	for k := range parts {
		largest = max(largest, float64(parts[k].largest))
		for _, s := range parts[k].sample.kept {
			sample.offer(s.hash, s.customer)
		}
		parts[k].sample.kept = nil
	}
	sample.cut()
	sample.kept = slices.Clone(sample.kept) // without the room to grow
	return sample, largest
}

// drawer draws customers; one goroutine's.
type drawer struct {
	c     Instance
	order []int
	day   []float64 // factor of each day
	pcg   *rand.PCG
	rng   *rand.Rand
}

func (c Instance) newDrawer() *drawer {
	d := &drawer{c: c, order: make([]int, c.Channels*c.Days), pcg: rand.NewPCG(0, 0)}
	d.rng = rand.New(d.pcg)
	for day := range c.Days {
		d.day = append(d.day, math.Pow(0.97, float64(day)))
	}
	return d
}

// customers draws the customers from first on: values, and profiles if there are
// any, and notes them.
func (d *drawer) customers(first int, values []float32, profiles []int32, to *drawn) {
	slots := len(d.order)
	for i := range len(values) / slots {
		row := values[i*slots : (i+1)*slots]
		profile := d.customer(first+i, row)
		if profiles != nil {
			profiles[i] = profile
		}
		to.sample.offer(sampleHashNarrow(profile, row), first+i)
		for _, v := range row {
			if !math.IsInf(float64(v), -1) {
				to.largest = max(to.largest, v, -v)
			}
		}
	}
}

// customer draws customer i's values into row and returns the profile.
func (d *drawer) customer(i int, row []float32) int32 {
	c := &d.c
	d.pcg.Seed(c.Seed^instanceStream, uint64(i))
	for s := range row {
		d.order[s], row[s] = s, float32(Forbidden)
	}
	level := math.Exp(0.8*d.rng.NormFloat64() - 0.32)
	for k := range c.Options() { // the first options places of a random order
		o := k + d.rng.IntN(len(row)-k)
		d.order[k], d.order[o] = d.order[o], d.order[k]
		s := d.order[k]
		ch, day := s%c.Channels, s/c.Channels
		value := 500 * level * instanceEffect[ch] * d.day[day] * math.Exp(0.5*d.rng.NormFloat64()-0.125)
		row[s] = float32(value - 60*d.rng.Float64())
	}
	if c.Segments > 1 {
		return int32(d.rng.IntN(c.Segments))
	}
	return 0
}

// Problem draws the instance as a Problem of single touches.
func (c Instance) Problem() (*Problem, error) {
	g, err := NewInstance(c)
	if err != nil {
		return nil, err
	}
	return g.Problem(context.Background())
}
