package optimizer

import (
	"fmt"
	"math"
	"math/rand/v2"

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
// so that some touches do harm. Of the Channels × Days slots each customer may
// use OptionShare, drawn without replacement. The budget pays for a touch to a
// third of the customers at the mean cost of a channel; each slot's capacity
// lets a twentieth to a quarter of them through over all days, cheap channels
// more.
type Instance struct {
	Customers   int     // > 0
	Channels    int     // 1 … 5; in the order of data.Channels
	Days        int     // > 0
	OptionShare float64 // in (0, 1]; the default 0 means 4/7 (40 of 70 slots)
	Seed        uint64
}

// Costs in cents and effects of the channels of an Instance, in the order of
// data.Channels.
var (
	instanceCost   = [...]float64{1, 8, 35, 60, 320}
	instanceEffect = [...]float64{0.4, 0.7, 1.1, 1.4, 2.0}
)

// instanceStart is the first day of an Instance.
const instanceStart = data.Date(20458) // 2026-01-05, a Monday

// NewInstance draws the problem. The error names the field that is out of its
// range.
func NewInstance(c Instance) (*Problem, error) {
	if c.OptionShare == 0 {
		c.OptionShare = 4.0 / 7
	}
	switch {
	case c.Customers <= 0 || c.Customers > math.MaxInt32/2:
		return nil, fmt.Errorf("%w: %d customers", data.ErrUsage, c.Customers)
	case c.Channels < 1 || c.Channels > len(data.Channels):
		return nil, fmt.Errorf("%w: %d channels (have 1 to %d)", data.ErrUsage, c.Channels, len(data.Channels))
	case c.Days < 1 || c.Days > 366:
		return nil, fmt.Errorf("%w: %d days (have 1 to 366)", data.ErrUsage, c.Days)
	case !(c.OptionShare > 0 && c.OptionShare <= 1):
		return nil, fmt.Errorf("%w: option share %g outside (0, 1]", data.ErrUsage, c.OptionShare)
	}
	slots := c.Channels * c.Days
	options := max(1, int(math.Round(c.OptionShare*float64(slots))))
	if float64(c.Customers)*float64(options) > math.MaxInt32/2 {
		return nil, fmt.Errorf("%w: %d customers with %d options are more than one problem holds", data.ErrUsage, c.Customers, options)
	}
	p := &Problem{Candidates: make([]Candidate, 0, c.Customers*options)}
	rng := rand.New(rand.NewPCG(c.Seed, 0x64756e6e696e67))
	order := make([]int, slots)
	for i := range c.Customers {
		c.addCustomer(p, rng, int32(i), order, options)
	}
	meanCost := 0.0
	for ch := range c.Channels {
		meanCost += instanceCost[ch] / float64(c.Channels)
	}
	p.Rows = append(p.Rows, p.BudgetRow(math.Round(meanCost*float64(c.Customers)/3)))
	var capacities []Capacity
	for day := range c.Days {
		for ch := range c.Channels {
			share := (0.25 - 0.05*float64(ch)) / float64(c.Days)
			touches := math.Ceil(share * float64(c.Customers) * (0.6 + 0.8*rng.Float64()))
			capacities = append(capacities, Capacity{data.Channels[ch], instanceStart + data.Date(day), touches})
		}
	}
	p.Rows = append(p.Rows, p.CapacityRows(capacities)...)
	return p, nil
}

// addCustomer draws one customer's options; order is scratch of one int per
// slot.
func (c Instance) addCustomer(p *Problem, rng *rand.Rand, i int32, order []int, options int) {
	for s := range order {
		order[s] = s
	}
	for k := range options { // the first options places of a random order
		o := k + rng.IntN(len(order)-k)
		order[k], order[o] = order[o], order[k]
	}
	level := math.Exp(0.8*rng.NormFloat64() - 0.32)
	for _, s := range order[:options] {
		ch, day := s%c.Channels, s/c.Channels
		value := 500 * level * instanceEffect[ch] * math.Pow(0.97, float64(day)) * math.Exp(0.5*rng.NormFloat64()-0.125)
		p.Candidates = append(p.Candidates, Candidate{
			Customer: i, Channel: data.Channels[ch], Day: instanceStart + data.Date(day),
			ValueCents: value - 60*rng.Float64(), CostCents: instanceCost[ch],
		})
	}
}
