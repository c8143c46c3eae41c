package report

import (
	"slices"

	"dunning/data"
	"dunning/models"
	"dunning/pipeline/chart"
)

// mostShifted is how many moved features the report shows.
const mostShifted = 8

// trust is whether the models can be believed: alarms, months, groups, drift,
// and the version that the new one would replace.
func (v voice) trust(d Data) section {
	s := section{ID: "trust", Title: v.say("s_trust")}
	h := d.Health
	if h == nil {
		s.Missing, s.Remedy = v.say("missing"), v.say("get_train")
		return s
	}
	s.Lead = v.say("trust_lead")
	if h.Recalibrated {
		s.Lead += " " + v.say("recalibrated")
	}
	s.Blocks = []block{v.alarms(h), v.versions(d.Comparison), v.vintages(h), v.cusum(h), v.groups(h), v.shifts(h), v.options(h)}
	return s
}

// alarmPhrases and groupPhrases name what alarms and groups are about.
var (
	alarmPhrases = map[data.AlarmKind]string{data.AlarmLeak: "alarm_leak", data.AlarmDrift: "alarm_drift", data.AlarmLog: "alarm_log", data.AlarmFairness: "alarm_fairness"}
	groupPhrases = map[string]string{"kind": "group_kind", "segment": "group_segment", "uf": "group_uf"}
)

// alarms lists what a person must look at. The words are made here: the texts
// of the alarms themselves are English.
func (v voice) alarms(h *data.ModelHealth) block {
	t := &sheet{Header: v.says("alarm", "where", "measured", "bound_of"), Align: "llrr", Empty: v.say("no_alarm")}
	for _, a := range h.Alarms {
		t.Rows = append(t.Rows, []string{v.say(alarmPhrases[a.Kind]), a.Subject, v.decimal(a.Figure, 3), v.decimal(a.Limit, 3)})
	}
	return block{Title: v.say("t_alarms"), Table: t}
}

// versions holds the new version against the one before.
func (v voice) versions(c *Comparison) block {
	t := &sheet{Header: v.says("figure", "challenger", "in_force"), Align: "lrr", Empty: v.say("no_champion")}
	b := block{Title: v.say("t_versions"), Table: t}
	if c == nil {
		return b
	}
	for _, f := range c.Figures {
		t.Rows = append(t.Rows, []string{f.Name, v.decimal(f.Version, 4), v.decimal(f.Other, 4)})
	}
	if c.LossDiff != nil && c.LossDiffSE != nil {
		b.Note = v.say("versions_note", v.Int(int64(c.CommonRows)), v.Decimal(*c.LossDiff, 4), v.Decimal(*c.LossDiffSE, 4))
	}
	return b
}

func (v voice) vintages(h *data.ModelHealth) block {
	b := block{Title: v.say("t_vintages"), Note: v.say("vintages_note"), Table: &sheet{
		Header: v.says("vintage", "rows", "h_predicted", "h_observed", "auc", "log_loss", "base_loss"), Align: "lrrrrrr"}}
	var months []string
	model, base := chart.Series{Name: v.say("model")}, chart.Series{Name: v.say("baseline")}
	for _, m := range h.Vintages {
		months = append(months, v.Month(m.Month))
		model.Values, base.Values = append(model.Values, orNaN(m.LogLoss)), append(base.Values, orNaN(m.BaseLogLoss))
		b.Table.Rows = append(b.Table.Rows, []string{v.Month(m.Month), v.Int(m.Rows), v.Percent(m.Predicted, 1), v.Percent(m.Observed, 1),
			v.decimal(m.AUC, 3), v.decimal(m.LogLoss, 4), v.decimal(m.BaseLogLoss, 4)})
	}
	if len(months) > 1 {
		b.Figure = v.picture(chart.Lines(chart.Frame{Title: b.Title, Y: chart.Axis{Label: v.say("log_loss"), Format: func(f float64) string { return v.Decimal(f, 1) }}},
			months, []chart.Series{model, base}))
	}
	return b
}

func (v voice) cusum(h *data.ModelHealth) block {
	b := block{Title: v.say("f_cusum"), Note: v.say("cusum_note")}
	var weeks []string
	up, down, limit := chart.Series{Name: v.say("pays_more")}, chart.Series{Name: v.say("pays_less")}, chart.Series{Name: v.say("limit")}
	for _, w := range h.Weeks {
		weeks = append(weeks, v.Day(w.From))
		up.Values, down.Values, limit.Values = append(up.Values, w.Up), append(down.Values, w.Down), append(limit.Values, models.CUSUMLimit)
	}
	if len(weeks) > 1 {
		b.Figure = v.picture(chart.Lines(chart.Frame{Title: b.Title, X: chart.Axis{Label: v.say("cusum_x")}, Y: chart.Axis{Label: v.say("cusum_y"), Format: func(f float64) string { return v.Decimal(f, 0) }}},
			weeks, []chart.Series{up, down, limit}))
	}
	return b
}

func (v voice) groups(h *data.ModelHealth) block {
	b := block{Title: v.say("t_groups"), Note: v.say("groups_note"), Table: &sheet{
		Header: v.says("group", "value_of", "rows", "h_predicted", "h_observed", "auc", "large"), Align: "llrrrrr"}}
	for _, g := range h.Groups {
		large := v.decimal(g.Large, 2)
		if g.LargeSE != nil {
			large += " ± " + v.Decimal(*g.LargeSE, 2)
		}
		b.Table.Rows = append(b.Table.Rows, []string{v.say(groupPhrases[g.Column]), g.Value, v.Int(g.Rows), v.Percent(g.Predicted, 1), v.Percent(g.Observed, 1), v.decimal(g.AUC, 3), large})
	}
	return b
}

func (v voice) shifts(h *data.ModelHealth) block {
	b := block{Title: v.say("f_shifts"), Note: v.say("shifts_note")}
	var bars []chart.Bar
	for i, s := range h.Shifts {
		if i == mostShifted {
			break
		}
		bars = append(bars, chart.Bar{Label: s.Feature, Value: s.PSI, Text: v.Decimal(s.PSI, 3)})
	}
	if len(bars) > 0 {
		b.Figure = v.picture(chart.Bars(chart.Frame{Title: b.Title}, bars))
	}
	return b
}

func (v voice) options(h *data.ModelHealth) block {
	t := &sheet{Header: v.says("channel", "rows", "done_share", "mean_weight"), Align: "lrrr", Empty: v.say("no_probabilities")}
	for _, o := range h.Options {
		weight := v.decimal(o.MeanWeight, 3)
		if o.SE != nil {
			weight += " ± " + v.Decimal(*o.SE, 3)
		}
		t.Rows = append(t.Rows, []string{v.channel(o.Option), v.Int(o.Rows), v.Percent(o.Share, 1), weight})
	}
	return block{Title: v.say("t_options"), Note: v.say("options_note"), Table: t}
}

// calibration is the second table of figures: how well each model separates and
// how right its level is.
func (v voice) calibration(e *data.Evaluation) *sheet {
	t := &sheet{Header: v.says("model", "gini", "ks", "pr_auc", "skill", "slope", "intercept", "large"), Align: "lrrrrrrr"}
	for _, m := range e.Models {
		t.Rows = append(t.Rows, []string{m.Name, v.decimal(m.Gini, 3), v.decimal(m.KS, 3), v.decimal(m.PRAUC, 3), v.decimal(m.BrierSkill, 3),
			v.decimal(m.Slope, 2), v.decimal(m.Intercept, 2), v.decimal(m.Large, 2)})
	}
	return t
}

// areas are the Qini areas with their intervals, in points of the balance.
func (v voice) areas(d Data) block {
	t := &sheet{Header: v.says("channel", "area", "interval90"), Align: "lrr"}
	for _, u := range d.Uplift {
		if u.QiniArea == nil || u.QiniAreaLo == nil || u.QiniAreaHi == nil {
			continue
		}
		t.Rows = append(t.Rows, []string{v.channel(u.Channel), v.Decimal(*u.QiniArea*100, 2), v.say("k_holdout_of", v.Decimal(*u.QiniAreaLo*100, 2), v.Decimal(*u.QiniAreaHi*100, 2))})
	}
	return block{Title: v.say("t_area"), Note: v.say("area_note"), Table: t}
}

// effectDeciles holds estimated effects against what the log says, tenth by
// tenth, in points of the balance.
func (v voice) effectDeciles(d Data) []block {
	picture, list := block{Title: v.say("f_deciles"), Note: v.say("deciles_note")}, block{Title: v.say("t_deciles")}
	list.Table = &sheet{Header: v.says("tenth"), Align: "r"}
	var lines []chart.XYLine
	rows := map[int][]string{} // cells by tenth
	most, last := 0.0, 0
	for _, u := range d.Uplift {
		if len(u.Deciles) == 0 {
			continue
		}
		line := chart.XYLine{Name: v.channel(u.Channel), Series: max(0, u.Channel.Index())}
		for _, e := range slices.Backward(u.Deciles) { // the line ends where the estimate is largest
			line.X, line.Y = append(line.X, 100*e.Estimated), append(line.Y, 100*e.Robust)
			line.Sizes = append(line.Sizes, float64(e.Rows))
			most, last = max(most, 100*e.Estimated), max(last, e.Decile)
			for len(rows[e.Decile]) < len(lines) { // a channel before has no such tenth
				rows[e.Decile] = append(rows[e.Decile], "–")
			}
			rows[e.Decile] = append(rows[e.Decile], v.Decimal(100*e.Estimated, 1)+" → "+v.Decimal(100*e.Robust, 1)+" ± "+v.Decimal(100*e.SE, 1))
		}
		lines = append(lines, line)
		list.Table.Header, list.Table.Align = append(list.Table.Header, v.channel(u.Channel)), list.Table.Align+"r"
	}
	if len(lines) == 0 {
		return nil
	}
	for tenth := 1; tenth <= last; tenth++ {
		for len(rows[tenth]) < len(lines) {
			rows[tenth] = append(rows[tenth], "–")
		}
		list.Table.Rows = append(list.Table.Rows, append([]string{v.Int(int64(tenth))}, rows[tenth]...))
	}
	lines = append(lines, chart.XYLine{Name: v.say("perfect"), X: []float64{0, most}, Y: []float64{0, most}, Dashed: true, Series: 5})
	one := func(f float64) string { return v.Decimal(f, 1) }
	picture.Figure = v.picture(chart.XY(chart.Frame{Title: picture.Title, X: chart.Axis{Label: v.say("estimated_x"), Format: one}, Y: chart.Axis{Label: v.say("robust_y"), Format: one}}, lines))
	return []block{picture, list}
}
