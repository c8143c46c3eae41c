package synth

import (
	"fmt"
	"math"
	"math/rand/v2"
	"time"

	"dunning/data"
)

// grid is one number per latent point: response type by liquidity level.
type grid [nTypes][nLevels]float64

// person is a customer: what is observed of him, and what is latent.
type person struct {
	row SourceCustomer
	pj  bool
	// trait multiplies the hazard of every invoice: observed traits only.
	trait float64
	// usual is the median of his invoices and capacity the amount he carries
	// easily, in cents; capacity is known from the limit, or the segment where
	// no limit is set.
	usual, capacity float64
	offsetHours     int // of local time from UTC
	weekday         time.Weekday
	holdout         bool
	// blocked customers (litigation, deceased, do not contact) are never
	// touched by the log.
	blocked bool
	deliver [channels]float64
	hours   int // hour profile

	// Latent: drawn from prior, which is a function of observed traits.
	kind, level int
	logPrior    grid
}

// seedOf spreads a customer's index over 64 bits, so that neighbours' streams
// have nothing in common (splitmix64).
func seedOf(i uint64) uint64 {
	z := (i + 1) * 0x9e3779b97f4a7c15
	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9
	z = (z ^ (z >> 27)) * 0x94d049bb133111eb
	return z ^ (z >> 31)
}

// newPerson draws the customer with the given index, all from rng.
func newPerson(c Config, w *world, k *calendar, rng *rand.Rand, index int) person {
	var p person
	p.row.CustomerID = fmt.Sprintf("C%08d", index+1)
	p.pj = rng.Float64() < .25
	p.row.Kind = data.PF
	if p.pj {
		p.row.Kind = data.PJ
	}
	seg := p.drawSegment(rng)
	place := &ufs[pickBy(rng, len(ufs), func(i int) float64 { return ufs[i].share })]
	p.row.UF, p.offsetHours = place.name, place.offset
	if rng.Float64() < .8 {
		p.row.Timezone = place.timezone
	}
	p.row.Since = k.start - data.Date(rng.IntN(6*365))
	if rng.Float64() < .2 { // came during the history
		p.row.Since = k.start + data.Date(rng.IntN(k.days*9/10))
	}
	p.weekday = time.Monday + time.Weekday(rng.IntN(5))
	p.holdout = rng.Float64() < c.HoldoutShare
	p.hours = rng.IntN(len(hourProfiles))
	if p.pj && rng.Float64() < .7 {
		p.hours = 1
	}
	p.row.Document = document(rng, p.pj)
	p.drawMoney(rng, seg)
	p.drawContact(rng)
	p.drawFlags(rng)
	years := math.Min(5, math.Max(0, float64(k.start-p.row.Since)/365))
	p.trait = math.Exp(.04*years + place.tilt)
	p.setPrior(w, seg, place, years)
	p.drawLatent(rng)
	return p
}

func (p *person) drawSegment(rng *rand.Rand) *segment {
	s := &segments[pickBy(rng, len(segments), func(i int) float64 {
		if segments[i].pj != p.pj {
			return 0
		}
		return segments[i].share
	})]
	p.row.Segment = s.name
	return s
}

func (p *person) drawMoney(rng *rand.Rand, s *segment) {
	p.usual = s.median * math.Exp(s.spread*rng.NormFloat64())
	limit := 3 * p.usual * math.Exp(.4*rng.NormFloat64())
	p.row.CreditLimitCents = max(10_000, data.RoundCents(limit/10_000)*10_000)
	if rng.Float64() < .08 {
		p.row.CreditLimitCents = 0
	}
	p.capacity = float64(p.row.CreditLimitCents) / 2
	if p.row.CreditLimitCents == 0 {
		p.capacity = s.capacity
	}
}

func (p *person) drawContact(rng *rand.Rand) {
	r := &p.row
	consent := [channels]*bool{&r.ConsentEmail, &r.ConsentSMS, &r.ConsentWhatsApp, &r.ConsentVoice, &r.ConsentLetter}
	reach := [channels]*bool{&r.ReachEmail, &r.ReachSMS, &r.ReachWhatsApp, &r.ReachVoice, &r.ReachLetter}
	for c := range channels {
		*consent[c] = rng.Float64() >= .03
		*reach[c] = rng.Float64() >= [channels]float64{.07, .05, .10, .08, .03}[c]
		p.deliver[c] = unreachableProb
		if *reach[c] {
			p.deliver[c] = deliverProb[c]
		}
	}
	if rng.Float64() < .3 {
		r.PreferredChannel = data.Channels[rng.IntN(channels)]
	}
}

func (p *person) drawFlags(rng *rand.Rand) {
	r := &p.row
	r.Litigation = rng.Float64() < .003
	r.Deceased = !p.pj && rng.Float64() < .001
	r.DoNotContact = rng.Float64() < .005
	r.OverIndebted = !p.pj && rng.Float64() < .015
	p.blocked = r.Litigation || r.Deceased || r.DoNotContact
}

// setPrior tilts the population's shares by observed traits, weakly: types and
// levels are independent given the traits.
func (p *person) setPrior(w *world, s *segment, place *uf, years float64) {
	score := s.tilt + .05*(years-2)
	if p.row.OverIndebted {
		score -= 1.2
	}
	tilt := [nTypes]float64{0: s.digital - .06*(years-2), 1: place.phone, 2: .08 * (years - 2)}
	if p.pj {
		tilt[2] += .5
		tilt[4] -= .3
	}
	var types [nTypes]float64
	var levels [nLevels]float64
	for k := range types {
		types[k] = w.types[k].share * math.Exp(tilt[k])
	}
	for l := range levels {
		levels[l] = levelShare[l] * math.Exp(levelTilt[l]*score)
	}
	typeSum, levelSum := sum(types[:]), sum(levels[:])
	for k := range types {
		for l := range levels {
			p.logPrior[k][l] = math.Log(types[k] / typeSum * levels[l] / levelSum)
		}
	}
}

func (p *person) drawLatent(rng *rand.Rand) {
	i := pickBy(rng, nTypes*nLevels, func(i int) float64 { return math.Exp(p.logPrior[i/nLevels][i%nLevels]) })
	p.kind, p.level = i/nLevels, i%nLevels
}

// consent points to the consent flag of a channel.
func (p *person) consent(c int) *bool {
	r := &p.row
	return [channels]*bool{&r.ConsentEmail, &r.ConsentSMS, &r.ConsentWhatsApp, &r.ConsentVoice, &r.ConsentLetter}[c]
}

func (p *person) truth() CustomerTruth {
	return CustomerTruth{
		CustomerID:      p.row.CustomerID,
		ResponseType:    responseTypes[p.kind].name,
		LiquidityLevel:  levelNames[p.level],
		Liquidity:       float32(levelHazard[p.level]),
		HourProfile:     hourNames[p.hours],
		Holdout:         p.holdout,
		DecisionWeekday: int32(p.weekday),
		CapacityCents:   data.RoundCents(p.capacity),
	}
}

// pickBy draws an index below n with probability proportional to its weight.
func pickBy(rng *rand.Rand, n int, weight func(int) float64) int {
	total := 0.0
	for i := range n {
		total += weight(i)
	}
	u := rng.Float64() * total
	last := 0
	for i := range n {
		if w := weight(i); w > 0 {
			last = i
			if u < w {
				return i
			}
			u -= w
		}
	}
	return last
}

func sum(x []float64) float64 {
	total := 0.0
	for _, v := range x {
		total += v
	}
	return total
}
