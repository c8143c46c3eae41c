package response

import (
	"encoding/json"
	"fmt"
	"math"

	"dunning/data"
)

// Sizes of the tables.
const (
	channels   = len(data.Channels)
	kinds      = 2
	effectDays = 12 // a touch has no effect from then on
	amountBins = 17 // half octaves about the usual amount
	cohortBins = 12 // years from 0 to 10, more
)

// stageBounds are the last days past due of each dunning stage but the last.
var stageBounds = [...]int{-8, -1, 3, 7, 15, 30, 60}

const stages = len(stageBounds) + 1

// pastDueBounds are the last days past due of each bucket of the base hazard
// but the last.
var pastDueBounds = [...]int{-30, -20, -15, -10, -7, -5, -4, -3, -2, -1, 0, 1, 2, 3, 5, 7, 10, 15, 20, 30, 45, 60, 90, 120}

const buckets = len(pastDueBounds) + 1

// tenureBounds are the last days after the customer's first of each bin of tenure
// but the last.
var tenureBounds = [...]int{90, 180, 365, 730}

const tenureBins = len(tenureBounds) + 1

// Class is a way of answering to touches.
type Class struct {
	// Touch is the log hazard ratio of a delivered touch of strength 1, by channel.
	Touch [channels]float64 `json:"touch"`
	// Promise is that of a running promise.
	Promise float64 `json:"promise"`
	// Opened, Promised and Complained are the probabilities that a delivered
	// touch is answered so, by channel.
	Opened     [channels]float64 `json:"opened"`
	Promised   [channels]float64 `json:"promised"`
	Complained [channels]float64 `json:"complained"`
}

// Delivery tells valid addresses from others: a share of customers is reached
// with probability Valid, the others with Invalid.
type Delivery struct {
	Share   float64 `json:"share"`
	Valid   float64 `json:"valid"`
	Invalid float64 `json:"invalid"`
	// DelayDays is the usual time from sending to delivery.
	DelayDays int `json:"delay_days"`
}

// Shape is the pooled part of a touch's strength.
type Shape struct {
	Stage [channels][stages]float64 `json:"stage"`
	Day   [dayKinds]float64         `json:"day"`
	Near  [kinds][nearKinds]float64 `json:"near"`
	Decay [effectDays]float64       `json:"decay"`
	// Fatigue is φ, the damping per unit of load, and FatigueSE its standard
	// error; the load of a touch t days ago is exp(−t/RecoveryDays).
	Fatigue      float64 `json:"fatigue"`
	FatigueSE    float64 `json:"fatigue_se"`
	RecoveryDays float64 `json:"recovery_days"`
	// Steps are what the log says of tiredness beyond the damping, by step − 1
	// and gap; see [Ensemble.Dynamics].
	Steps [MaxStep][MaxGapDays + 1]StepInfo `json:"steps"`
}

// Base is the hazard of a customer of pace 1 without touches: a product.
type Base struct {
	// PastDue has a row for each state of an invoice: see rowDecided and the
	// others. Where nobody decides (a disputed invoice, one that is not due for
	// long) people pay in another way, and such days must not pass for the
	// untouched counterpart of touched ones.
	PastDue  [stateRows][buckets]float64   `json:"past_due"`
	Day      [kinds][dayKinds]float64      `json:"day"`
	Payday   [kinds][paydayKinds]float64   `json:"payday"`
	Monthday [kinds][monthdayKinds]float64 `json:"monthday"`
	Month    [kinds][12]float64            `json:"month"`
	// Week is by the quarter of the month, and multiplies the month's.
	Week [kinds][weekKinds]float64 `json:"week"`
	// Thirteenth is by the days about the legal ones of the thirteenth salary.
	Thirteenth [kinds][thirteenthKinds]float64 `json:"thirteenth"`
	Amount     [amountBins]float64             `json:"amount"`
	// Cohort is by the years that the customer had been one on CohortDay, the end
	// of what was fitted first; a customer stays where he is.
	Cohort    [cohortBins]float64 `json:"cohort"`
	CohortDay data.Date           `json:"cohort_day"`
	// Tenure is by how long the customer had been one when the invoice was issued:
	// new ones may pay in another way.
	Tenure  [tenureBins]float64 `json:"tenure"`
	Product map[string]float64  `json:"product"`
	// Unlimited is by group, of customers without a credit limit where others
	// have one: what is usual for them is the group's amount, of another scale.
	Unlimited map[string]float64 `json:"unlimited"`
	Region    map[string]float64 `json:"region"`
}

// Group is the mix within an observed group.
type Group struct {
	Class []float64 `json:"class"` // share of each class
	Level []float64 `json:"level"` // share of each pace
	// AmountCents is the geometric mean of the group's invoices.
	AmountCents float64 `json:"amount_cents"`
}

// Model is a fitted model. It is immutable and safe for concurrent use.
type Model struct {
	Classes []Class   `json:"classes"`
	Levels  []float64 `json:"levels"` // paces, ascending
	// Groups by name; "" is the mix of all, used where a name is unknown.
	Groups map[string]Group `json:"groups"`
	Base   Base             `json:"base"`
	Shape  Shape            `json:"shape"`
	// Decisions tells that the log keeps decisions to hold; otherwise all days
	// count as decided about.
	Decisions bool `json:"decisions"`
	// Disputes tells that the log keeps the disputes of invoices: then nothing
	// is guessed of what holds invoices back.
	Disputes bool `json:"disputes"`
	// Attention is P(a day is decided about | one invoice is open and not held
	// back), by what the day is in the rhythm of the customer's decisions and by
	// days past due.
	Attention attention `json:"attention"`
	// Deliveries tells that the log reports deliveries; otherwise each touch
	// counts as delivered on its day.
	Deliveries bool               `json:"deliveries"`
	Delivery   [channels]Delivery `json:"delivery"`
	// PromiseDays is the usual length of a promise.
	PromiseDays int `json:"promise_days"`
	// ScoreBounds cut a bureau's scores into bins, and ScoreLevel[l] is the
	// share of each bin and count of negative records (see scoreCell) among
	// customers of pace l; empty without scores.
	ScoreBounds []float64   `json:"score_bounds,omitempty"`
	ScoreLevel  [][]float64 `json:"score_level,omitempty"`
	// Settlement says how much of an invoice payments settle.
	Settlement *Settlement `json:"settlement"`
	// LimitShare is the geometric mean of amounts over the customer's credit
	// limit; 0 where no limits are known.
	LimitShare float64 `json:"limit_share"`

	Customers     int     `json:"customers"`      // that it was fitted on
	LogLikelihood float64 `json:"log_likelihood"` // of their histories, per customer
}

// Validate reports tables of another shape and numbers that are none.
func (m *Model) Validate() error {
	if len(m.Classes) == 0 || len(m.Levels) == 0 || m.PromiseDays < 0 || m.PromiseDays > maxPromiseDays {
		return fmt.Errorf("response: %w: %d classes, %d paces, promises of %d days", data.ErrBadNumber, len(m.Classes), len(m.Levels), m.PromiseDays)
	}
	if _, ok := m.Groups[""]; !ok {
		return fmt.Errorf("response: %w: no mix of all groups", data.ErrMissingValue)
	}
	for name, g := range m.Groups {
		if len(g.Class) != len(m.Classes) || len(g.Level) != len(m.Levels) {
			return fmt.Errorf("response: %w: group %q mixes %d classes and %d paces", data.ErrBadNumber, name, len(g.Class), len(g.Level))
		}
	}
	if len(m.ScoreLevel) != 0 && len(m.ScoreLevel) != len(m.Levels) {
		return fmt.Errorf("response: %w: scores of %d paces", data.ErrBadNumber, len(m.ScoreLevel))
	}
	for _, bins := range m.ScoreLevel {
		if len(bins) != m.scoreCells() {
			return fmt.Errorf("response: %w: %d bins of scores", data.ErrBadNumber, len(bins))
		}
	}
	for r := range m.Attention {
		for _, p := range m.Attention[r] {
			if !(p >= 0 && p < 1) {
				return fmt.Errorf("response: %w: %g of the days decided about", data.ErrBadProbability, p)
			}
		}
	}
	if m.Settlement == nil {
		return fmt.Errorf("response: %w: no settlement", data.ErrMissingValue)
	}
	if err := m.Settlement.validate(); err != nil {
		return err
	}
	for c, d := range m.Delivery {
		if d.DelayDays < 0 || d.DelayDays > SignalDays {
			return fmt.Errorf("response: %w: %s takes %d days", data.ErrBadNumber, data.Channels[c], d.DelayDays)
		}
	}
	for _, class := range m.Classes {
		for c := range channels {
			for _, p := range []float64{class.Opened[c], class.Promised[c], class.Complained[c], m.Delivery[c].Valid, m.Delivery[c].Invalid, m.Delivery[c].Share} {
				if !(p > 0 && p < 1) {
					return fmt.Errorf("response: %w: %g", data.ErrBadProbability, p)
				}
			}
		}
	}
	return nil
}

// Parse reads the JSON of a [Model] and validates it.
func Parse(b []byte) (*Model, error) {
	var m Model
	if err := json.Unmarshal(b, &m); err != nil {
		return nil, fmt.Errorf("response: %w: %w", data.ErrDamagedFile, err)
	}
	return &m, m.Validate()
}

// group returns the mix of a group.
func (m *Model) group(name string) Group {
	if g, ok := m.Groups[name]; ok {
		return g
	}
	return m.Groups[""]
}

// usual is an ordinary amount of a customer, in cents: by his limit, or his
// group's.
func (m *Model) usual(group string, limit data.Cents) float64 {
	if limit > 0 && m.LimitShare > 0 {
		return float64(limit) * m.LimitShare
	}
	return m.group(group).AmountCents
}

// unlimited tells that a customer has no limit where others have one.
func (m *Model) unlimited(limit data.Cents) bool { return limit <= 0 && m.LimitShare > 0 }

// named returns the margin of a name: 1 for one that is not known.
func named(margin map[string]float64, name string) float64 {
	if f, ok := margin[name]; ok {
		return f
	}
	return 1
}

// cohortBin places the day on which the customer became one.
func (b *Base) cohortBin(since data.Date) int {
	return min(max(int(b.CohortDay-since)/365, 0), cohortBins-1)
}

// tenureBin places the day of issue against that on which the customer became one.
func tenureBin(issued, since data.Date) int { return position(tenureBounds[:], int(issued-since)) }

// position returns the bin of x among ascending last values.
func position(bounds []int, x int) int {
	lo, hi := 0, len(bounds)
	for lo < hi {
		mid := (lo + hi) / 2
		if x <= bounds[mid] {
			hi = mid
		} else {
			lo = mid + 1
		}
	}
	return lo
}

func stageOf(pastDue int) int  { return position(stageBounds[:], pastDue) }
func bucketOf(pastDue int) int { return position(pastDueBounds[:], pastDue) }

// amountMiddle places an amount against the customer's usual one, as a number
// between the first bin and the last: whole at the middle of a bin.
func amountMiddle(cents data.Cents, usual float64) float64 {
	if cents <= 0 || !(usual > 0) {
		return amountBins / 2
	}
	return min(max(2*math.Log2(float64(cents)/usual)+amountBins/2, 0), amountBins-1)
}

// recordKinds are the counts of negative records that are told apart: none, one,
// two, more.
const recordKinds = 4

// scoreCells is how many cells a bureau's reports fall into.
func (m *Model) scoreCells() int { return (len(m.ScoreBounds) + 1) * recordKinds }

// scoreCell places a bureau's report by its score, then by its negative records.
func (m *Model) scoreCell(s *scoreFact) int {
	n := 0
	for n < len(m.ScoreBounds) && s.value > m.ScoreBounds[n] {
		n++
	}
	return n*recordKinds + min(max(s.records, 0), recordKinds-1)
}
