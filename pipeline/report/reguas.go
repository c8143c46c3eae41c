package report

import (
	"dunning/data"
	"dunning/policy/regua"
)

// reguas is what the company's own réguas do in the plan; a plan without any has no
// such chapter.
func (v voice) reguas(d Data) []section {
	if len(d.Reguas) == 0 {
		return nil
	}
	return []section{{ID: "reguas", Title: v.say("s_reguas"), Lead: v.say("reguas_lead"), Blocks: []block{
		{Title: v.say("t_reguas"), Table: v.reguaTouches(d), Note: v.say("reguas_note")},
		{Title: v.say("t_steps"), Table: v.reguaSteps(d), Note: v.say("steps_note")},
		{Title: v.say("t_refused"), Table: v.reguaRules(d)},
		{Title: v.say("t_dropped"), Table: v.reguaLimits(d)},
	}}}
}

// modePhrases name what a régua is beside the recommendation.
var modePhrases = map[regua.Mode]string{regua.Replace: "mode_replace", regua.Compete: "mode_compete", regua.OnlyIfHold: "mode_hold"}

// reguaTouches sets réguas beside the recommendation of the same plan.
func (v voice) reguaTouches(d Data) *sheet {
	t := &sheet{Header: v.says("regua", "mode", "captured", "touched", "actions", "cost", "expected_value", "per_real", "forgone"), Align: "llrrrrrrr"}
	var touched, touches int64
	var cost, value data.Cents
	for _, o := range d.Reguas {
		forgone := "–"
		if o.ForgoneMostCents != nil {
			forgone = v.Money(*o.ForgoneMostCents)
		}
		t.Rows = append(t.Rows, []string{o.Title, v.say(modePhrases[o.Mode]), v.Int(o.Captured), v.Int(o.Touched), v.Int(o.Touches),
			v.Money(o.CostCents), v.Money(o.ValueCents), v.returns(o.ValueCents, o.CostCents), forgone})
		touched, touches, cost, value = touched+o.Touched, touches+o.Touches, cost+o.CostCents, value+o.ValueCents
	}
	if p := d.Plan; p != nil {
		// A ladder may have touches of both, so the rest of the customers is at least so many.
		cost, value = p.SpentCents-cost, p.ValueCents-value
		t.Footer = []string{v.say("recommendation"), "", "", v.Int(max(0, p.Touched-touched)), v.Int(max(0, actionsOf(p)-touches)), v.Money(cost), v.Money(value), v.returns(value, cost), ""}
	}
	return t
}

// reguaSteps says what became of the steps.
func (v voice) reguaSteps(d Data) *sheet {
	t := &sheet{Header: v.says("regua", "wished", "caught_up", "refused", "dropped", "lost"), Align: "lrrrrr"}
	for _, o := range d.Reguas {
		refused, dropped := int64(0), int64(0)
		for _, r := range o.Refused {
			refused += r.Wishes
		}
		for _, l := range o.Dropped {
			dropped += l.Touches
		}
		t.Rows = append(t.Rows, []string{o.Title, v.Int(o.Wished), v.Int(o.CaughtUp), v.Int(refused), v.Int(dropped), v.Int(o.Lost)})
	}
	return t
}

// reguaRules says which rules forbade what réguas wished for.
func (v voice) reguaRules(d Data) *sheet {
	t := &sheet{Header: v.says("regua", "rule", "basis", "actions"), Align: "lllr", Empty: v.say("no_row")}
	for _, o := range d.Reguas {
		for _, r := range o.Refused {
			name := r.Title
			if name == "" || v.lang == "en" { // the words of a rule are Portuguese
				name = r.Rule
			}
			t.Rows = append(t.Rows, []string{o.Title, name, r.Source, v.Int(r.Wishes)})
		}
	}
	return t
}

// reguaLimits says which limits left no room.
func (v voice) reguaLimits(d Data) *sheet {
	t := &sheet{Header: v.says("regua", "limit", "actions", "cost"), Align: "llrr", Empty: v.say("no_row")}
	for _, o := range d.Reguas {
		for _, l := range o.Dropped {
			t.Rows = append(t.Rows, []string{o.Title, l.Row, v.Int(l.Touches), v.Money(l.CostCents)})
		}
	}
	return t
}
