package pipeline

import (
	"cmp"
	"encoding/csv"
	"fmt"
	"os"
	"slices"
	"strconv"

	"dunning/data"
	"dunning/policy"
	"dunning/policy/regua"
)

// droppedFile lists the touches of réguas that found no money, in a plan with
// réguas.
const droppedFile = "dropped.csv"

// firstDropped is how many dropped touches an outcome names.
const firstDropped = 20

// outcomes says what each régua does, in the order in which they claim customers.
func (p *planner) outcomes() []regua.Outcome {
	if p.reguas == nil {
		return nil
	}
	out := make([]regua.Outcome, len(p.reguas.set.Reguas))
	at := map[*regua.Regua]*regua.Outcome{}
	for i, r := range p.reguas.set.Reguas {
		out[i] = regua.Outcome{ID: r.ID, Version: r.Version, Title: r.Title, Mode: r.Mode, Priority: r.Priority}
		at[r] = &out[i]
	}
	rules := map[*regua.Outcome]map[string]int64{}
	value := map[*regua.Outcome]float64{}
	for _, c := range p.reguas.order {
		o := at[c.regua]
		o.Captured++
		if c.heldOut {
			o.HeldOut++
		}
		if rules[o] == nil {
			rules[o] = map[string]int64{}
		}
		for _, r := range c.refused {
			rules[o][r.RuleID]++
		}
		o.Lost += int64(c.lost)
		touched := false
		for _, t := range c.touches {
			o.Wished++
			if t.kept || t.chosen {
				touched = true
				countTouch(o, t)
				value[o] += t.worth
			}
		}
		if touched {
			o.Touched++
		}
	}
	for i := range out {
		o := &out[i]
		o.ValueCents = data.RoundCents(value[o])
		slices.SortFunc(o.Days, func(a, b regua.OutcomeDay) int {
			return cmp.Or(cmp.Compare(a.Day, b.Day), cmp.Compare(a.Channel.Index(), b.Channel.Index()))
		})
		o.Refused = p.refusals(rules[o])
	}
	for _, t := range p.dropped() {
		dropTouch(at[t.of.regua], t)
	}
	return out
}

func countTouch(o *regua.Outcome, t *reguaTouch) {
	o.Touches++
	o.CostCents += t.costCents
	if t.Day > t.DueOn {
		o.CaughtUp++
	}
	i := slices.IndexFunc(o.Days, func(d regua.OutcomeDay) bool { return d.Day == t.Day && d.Channel == t.Channel })
	if i < 0 {
		i = len(o.Days)
		o.Days = append(o.Days, regua.OutcomeDay{Day: t.Day, Channel: t.Channel})
	}
	o.Days[i].Touches++
	o.Days[i].CostCents += t.costCents
}

func dropTouch(o *regua.Outcome, t *reguaTouch) {
	i := slices.IndexFunc(o.Dropped, func(d regua.OutcomeLimit) bool { return d.Row == t.inTheWay })
	if i < 0 {
		i = len(o.Dropped)
		o.Dropped = append(o.Dropped, regua.OutcomeLimit{Row: t.inTheWay})
	}
	o.Dropped[i].Touches++
	o.Dropped[i].CostCents += t.costCents
	if len(o.FirstDropped) < firstDropped {
		o.FirstDropped = append(o.FirstDropped, regua.DroppedTouch{ReguaID: o.ID, Step: t.step().ID, CustomerID: t.of.id, Day: t.Day,
			Channel: t.Channel, CostCents: t.costCents, Row: t.inTheWay})
	}
}

// dropped lists the touches that found no money, those that go first first.
func (p *planner) dropped() (out []*reguaTouch) {
	if p.reguas == nil {
		return nil
	}
	for _, c := range p.reguas.order {
		for _, t := range c.touches {
			if t.inTheWay != "" {
				out = append(out, t)
			}
		}
	}
	slices.SortStableFunc(out, func(a, b *reguaTouch) int { return -inOrder(a, b) })
	return out
}

// refusals names rules in words, those that forbade most first.
func (p *planner) refusals(counts map[string]int64) []regua.OutcomeRule {
	var out []regua.OutcomeRule
	for _, id := range sortedKeys(counts) {
		r := regua.OutcomeRule{Rule: id, Wishes: counts[id]}
		switch id {
		case ruleChannelClosed:
			r.Title, r.Source = "O plano não usa este canal.", "Configuração: channels"
		case ruleReguaHours:
			r.Title, r.Source = "O horário do degrau fica fora do horário permitido.", "Régua: hours"
		default:
			if info, err := p.engine.Explain(id, p.w.AsOf); err == nil {
				r.Title, r.Source = info.Portuguese, info.Source
			}
		}
		out = append(out, r)
	}
	slices.SortStableFunc(out, func(a, b regua.OutcomeRule) int { return cmp.Compare(b.Wishes, a.Wishes) })
	return out
}

// writeDropped writes every dropped touch, those that go first first.
func writeDropped(path string, dropped []*reguaTouch) error {
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	defer f.Close()
	w := csv.NewWriter(f)
	if err := w.Write([]string{"regua_id", "step", "customer_id", "day", "channel", "cost_cents", "row"}); err != nil {
		return err
	}
	for _, t := range dropped {
		if err := w.Write([]string{t.of.regua.ID, t.step().ID, t.of.id, t.Day.String(), string(t.Channel),
			strconv.FormatInt(int64(t.costCents), 10), t.inTheWay}); err != nil {
			return err
		}
	}
	w.Flush()
	return cmp.Or(w.Error(), f.Close())
}

// reguaAction is the row of a régua's touch but for its ids.
func (p *planner) reguaAction(t *reguaTouch, value data.Cents) data.Action {
	c, step := t.of, t.step()
	number := 1
	for _, other := range c.touches {
		if other.kept && other.Day < t.Day {
			number++
		}
	}
	return data.Action{
		CustomerID: c.id, Channel: t.Channel, Day: t.Day, WindowStart: t.start, WindowEnd: t.end, Step: int32(number),
		CostCents: t.costCents, ValueCents: value, ReducedCostCents: data.RoundCents(t.worth - p.paidBy(t)),
		TreatProb: 1 - p.w.Config.HoldoutShare, Source: data.SourceRegua,
		ReguaID: c.regua.ID, ReguaVersion: int32(c.regua.Version), ReguaStep: step.ID, Template: step.Template,
		Reason: fmt.Sprintf("Régua %s (versão %d), degrau %s: %s na %s, %s; espera-se recuperar %s a mais por %s.",
			c.regua.ID, c.regua.Version, step.ID, t.Channel.Portuguese(), weekdays[t.Day.Weekday()], dayMonth(t.Day), value.BRL(), t.costCents.BRL()),
	}
}

// checkReguas asks the policy engine about every touch of the réguas with all
// others of the customer, as [planner.checkLadders] does for the ladders.
func (p *planner) checkReguas() error {
	if p.reguas == nil {
		return nil
	}
	for _, c := range p.reguas.order {
		for k, t := range c.touches {
			if !t.kept {
				continue
			}
			var others []*reguaTouch
			for j, o := range c.touches {
				if j != k && o.kept {
					others = append(others, o)
				}
			}
			facts := besides(c.facts, len(others), func(j int) (data.Date, data.Channel) { return others[j].Day, others[j].Channel })
			subject := p.engine.Prepare(&c.state.Customer, &facts)
			if ruling := p.engine.Decide(&subject, t.Channel, t.Day); ruling != policy.Allowed {
				return fmt.Errorf("pipeline: régua %s breaks rule %s for customer %q on %s", c.regua.ID, p.engine.RuleID(ruling), c.id, t.Day)
			}
		}
	}
	return nil
}
