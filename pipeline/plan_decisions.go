package pipeline

import (
	"fmt"
	"path/filepath"

	"dunning/data"
	"dunning/optimizer"
)

// DecisionsFile is what the optimize stage writes beside the plan: every decision
// with the probability of each of its options.
const DecisionsFile = "decisions.parquet"

// Decision is one decision of a plan about a customer who is not in the permanent
// holdout: about a touch of his ladder or, where none is planned for him, about the
// days of the plan as a whole. The probabilities of the options add up to 1.
type Decision struct {
	PlanID     string       `parquet:"plan_id,dict"`
	CustomerID string       `parquet:"customer_id"`
	Day        data.Date    `parquet:"day,date"` // of the option that was drawn; of hold the planned touch's, or the plan's first
	Step       int32        `parquet:"step"`     // 1 for the first touch of the ladder as it was planned
	Planned    data.Channel `parquet:"planned,dict"`
	Option     data.Channel `parquet:"option,dict"` // that was drawn
	// ProbHold and its neighbours are the probabilities of the options; 0 of a
	// channel that could not be drawn.
	ProbHold     float64 `parquet:"prob_hold"`
	ProbEmail    float64 `parquet:"prob_email"`
	ProbSMS      float64 `parquet:"prob_sms"`
	ProbWhatsApp float64 `parquet:"prob_whatsapp"`
	ProbVoice    float64 `parquet:"prob_voice"`
	ProbLetter   float64 `parquet:"prob_letter"`
}

// prob returns the place of an option's probability.
func (d *Decision) prob(option data.Channel) *float64 {
	if option == data.Hold {
		return &d.ProbHold
	}
	return [...]*float64{&d.ProbEmail, &d.ProbSMS, &d.ProbWhatsApp, &d.ProbVoice, &d.ProbLetter}[option.Index()]
}

// Prob returns the probability of an option.
func (d *Decision) Prob(option data.Channel) float64 { return *d.prob(option) }

// checkLimits adds up what the plan's rows take of budget and capacities. More than
// there is would be a fault of this program.
func (p *planner) checkLimits(actions []data.Action) error {
	cents, taken := data.Cents(0), map[optimizer.Slot]float64{}
	for i := range actions {
		cents += actions[i].CostCents
		taken[optimizer.Slot{Channel: actions[i].Channel, Day: actions[i].Day}]++
	}
	if cents > p.w.Config.BudgetCents {
		return fmt.Errorf("%w: the plan spends %d cents of %d", optimizer.ErrCertificate, cents, p.w.Config.BudgetCents)
	}
	for _, c := range p.capacities() {
		if n := taken[optimizer.Slot{Channel: c.Channel, Day: c.Day}]; n > c.Touches {
			return fmt.Errorf("%w: the plan has %g touches on %s of %s, there is room for %g", optimizer.ErrCertificate, n, c.Channel, c.Day, c.Touches)
		}
	}
	return nil
}

// writeDecisions writes what was decided.
func (p *planner) writeDecisions() error {
	if p.explored == nil {
		return nil
	}
	rows := p.explored.decisions
	for i := range rows {
		rows[i].PlanID = p.out.Plan.PlanID
	}
	file, err := data.Write(filepath.Join(p.w.Dir, DecisionsFile), rows)
	if err != nil {
		return err
	}
	p.w.Wrote(DecisionsFile, file)
	return nil
}
