package report

import (
	"strconv"

	"dunning/data"
	"dunning/pipeline/chart"
)

// models is how well payment without a touch is predicted.
func (v voice) models(d Data) section {
	s := section{ID: "models", Title: v.say("s_models")}
	e := d.Evaluation
	if e == nil || len(e.Models) == 0 {
		s.Missing, s.Remedy = v.say("missing"), v.say("get_train")
		return s
	}
	s.Lead = v.say("models_lead", e.HorizonDays, v.Int(e.TestRows), v.Date(e.TestFrom), v.Date(e.TestTo), v.Int(e.TrainRows))
	if e.PaidShare != nil {
		s.Lead += " " + v.say("base_rate", v.Percent(*e.PaidShare, 1))
	}
	s.Blocks = []block{
		{Title: v.say("t_models"), Table: v.scores(e), Note: v.say("models_note")},
		{Title: v.say("t_calibration"), Table: v.calibration(e), Note: v.say("calibration_note")},
		v.reliability(e), v.lift(e), v.importance(e),
	}
	return s
}

func (v voice) scores(e *data.Evaluation) *sheet {
	t := &sheet{Header: v.says("model", "role", "auc", "log_loss", "brier", "ece"), Align: "llrrrr"}
	for _, m := range e.Models {
		role := v.say("baseline")
		if m.Champion {
			role = v.say("champion")
		}
		t.Rows = append(t.Rows, []string{m.Name, role, v.decimal(m.AUC, 3), v.decimal(m.LogLoss, 4), v.decimal(m.Brier, 4), v.decimal(m.ECE, 4)})
	}
	return t
}

func (v voice) reliability(e *data.Evaluation) block {
	b := block{Title: v.say("f_reliability"), Table: &sheet{
		Header: v.says("model", "h_predicted", "h_observed", "rows"), Align: "lrrr"}}
	lines := []chart.XYLine{{Name: v.say("perfect"), X: []float64{0, 1}, Y: []float64{0, 1}, Dashed: true, Series: 5}}
	for i, curve := range e.Reliability {
		line := chart.XYLine{Name: curve.Model, Series: i}
		for _, bin := range curve.Bins {
			line.X = append(line.X, bin.Predicted)
			line.Y = append(line.Y, bin.Observed)
			line.Sizes = append(line.Sizes, float64(bin.Rows))
			if i == 0 { // the champion: the table of every model would bury it
				b.Table.Rows = append(b.Table.Rows, []string{curve.Model, v.Percent(bin.Predicted, 1), v.Percent(bin.Observed, 1), v.Int(bin.Rows)})
			}
		}
		lines = append(lines, line)
	}
	if len(e.Reliability) > 0 {
		whole := func(f float64) string { return v.Percent(f, 0) }
		b.Figure = v.picture(chart.XY(chart.Frame{Title: b.Title,
			X: chart.Axis{Label: v.say("predicted"), Format: whole, Max: 1},
			Y: chart.Axis{Label: v.say("observed"), Format: whole, Max: 1}}, lines))
	}
	return b
}

func (v voice) lift(e *data.Evaluation) block {
	b := block{Title: v.say("f_lift"), Table: &sheet{
		Header: v.says("tenth", "rows", "h_observed", "lift"), Align: "rrrr"}}
	var cols []chart.Column
	for _, l := range e.Lift {
		tenth := strconv.Itoa(l.Decile)
		cols = append(cols, chart.Column{Label: tenth, Value: l.Observed, Text: v.Percent(l.Observed, 0)})
		b.Table.Rows = append(b.Table.Rows, []string{tenth, v.Int(l.Rows), v.Percent(l.Observed, 1), v.Decimal(l.Lift, 2)})
	}
	var refs []chart.Reference
	if e.PaidShare != nil {
		refs = append(refs, chart.Reference{Value: *e.PaidShare, Text: v.say("mean", v.Percent(*e.PaidShare, 0))})
	}
	if len(cols) > 0 {
		b.Figure = v.picture(chart.Columns(chart.Frame{Title: b.Title, X: chart.Axis{Label: v.say("lift_x")}}, cols, refs...))
	}
	return b
}

// mostImportant is how many features the picture shows.
const mostImportant = 12

func (v voice) importance(e *data.Evaluation) block {
	b := block{Title: v.say("f_importance"), Table: &sheet{Header: v.says("feature", "shap"), Align: "lr"}}
	var bars []chart.Bar
	for i, f := range e.Importance {
		if i == mostImportant {
			break
		}
		name := f.Feature
		if f.Description != "" {
			name = f.Description
		}
		value := v.Decimal(f.MeanAbsSHAP, 3)
		bars = append(bars, chart.Bar{Label: name, Value: f.MeanAbsSHAP, Text: value})
		b.Table.Rows = append(b.Table.Rows, []string{f.Feature, value})
	}
	b.Figure = v.picture(chart.Bars(chart.Frame{Title: b.Title}, bars))
	return b
}

// uplift is how well the effect of touches is known.
func (v voice) uplift(d Data) section {
	s := section{ID: "uplift", Title: v.say("s_uplift")}
	if len(d.Uplift) == 0 {
		s.Missing, s.Remedy = v.say("missing"), v.say("get_uplift")
		return s
	}
	s.Lead = v.say("uplift_lead")
	t := &sheet{Header: v.says("channel", "learner", "treated", "ate", "interval", "qini", "uplift30"), Align: "llrrrrr"}
	var lines []chart.XYLine
	for _, u := range d.Uplift {
		interval := "–"
		if u.ATELo != nil && u.ATEHi != nil {
			interval = v.say("k_holdout_of", v.Decimal(*u.ATELo*100, 2), v.Decimal(*u.ATEHi*100, 2))
		}
		t.Rows = append(t.Rows, []string{v.channel(u.Channel), u.Learner, v.Int(u.Treated), v.points(u.ATE), interval, v.decimal(u.Qini, 4), v.points(u.UpliftAt30)})
		lines = append(lines, v.qiniLines(u)...)
	}
	s.Blocks = []block{{Title: v.say("t_uplift"), Table: t}}
	figure := v.picture(chart.XY(chart.Frame{Title: v.say("f_qini"),
		X: chart.Axis{Label: v.say("qini_x"), Format: func(f float64) string { return v.Percent(f, 0) }},
		Y: chart.Axis{Label: v.say("qini_y"), Format: func(f float64) string { return v.Decimal(f, 3) }}}, lines))
	s.Blocks = append(s.Blocks, block{Title: v.say("f_qini"), Figure: figure, Note: v.say("qini_note"), Table: v.gains(d)}, v.areas(d))
	s.Blocks = append(s.Blocks, v.effectDeciles(d)...)
	return s
}

// qiniLines are the curve of a channel and the straight line of touching at
// random.
func (v voice) qiniLines(u data.UpliftFigures) []chart.XYLine {
	if len(u.Curve) == 0 {
		return nil
	}
	series := max(0, u.Channel.Index())
	curve := chart.XYLine{Name: v.channel(u.Channel), Series: series}
	for _, p := range u.Curve {
		curve.X, curve.Y = append(curve.X, p.Share), append(curve.Y, p.Gain)
	}
	last := u.Curve[len(u.Curve)-1]
	random := chart.XYLine{X: []float64{0, last.Share}, Y: []float64{0, last.Gain}, Dashed: true, Series: series}
	return []chart.XYLine{random, curve}
}

// gains reads the Qini curves at a few shares.
func (v voice) gains(d Data) *sheet {
	shares := [...]float64{0.1, 0.3, 0.5, 1}
	t := &sheet{Header: []string{v.say("channel")}, Align: "lrrrr"}
	for _, s := range shares[:len(shares)-1] {
		t.Header = append(t.Header, v.say("best", v.Percent(s, 0)))
	}
	t.Header = append(t.Header, v.say("all_months"))
	for _, u := range d.Uplift {
		row := []string{v.channel(u.Channel)}
		for _, s := range shares {
			row = append(row, v.decimal(gainAt(u.Curve, s), 4))
		}
		t.Rows = append(t.Rows, row)
	}
	return t
}

// gainAt interpolates a Qini curve; nil where the curve does not reach.
func gainAt(curve []data.QiniPoint, share float64) *float64 {
	for i, p := range curve {
		switch {
		case p.Share == share:
			return Known(p.Gain)
		case p.Share > share && i > 0:
			prev := curve[i-1]
			return Known(prev.Gain + (p.Gain-prev.Gain)*(share-prev.Share)/(p.Share-prev.Share))
		}
	}
	return nil
}

// truth compares with what only a simulator knows.
func (v voice) truth(d Data) section {
	s := section{ID: "truth", Title: v.say("s_truth")}
	tr := d.Truth
	if tr == nil {
		s.Missing, s.Remedy = v.say("missing"), v.say("get_truth")
		return s
	}
	s.Lead = v.say("truth_lead")
	scores := &sheet{Header: v.says("who", "auc", "log_loss", "brier", "rmse"), Align: "lrrrr"}
	for _, w := range []struct {
		key   string
		score *TruthScore
	}{{"w_ours", tr.Ours}, {"w_ceiling", tr.Ceiling}, {"w_oracle", tr.Oracle}} {
		if w.score != nil {
			scores.Rows = append(scores.Rows, []string{v.say(w.key), v.decimal(w.score.AUC, 3), v.decimal(w.score.LogLoss, 4), v.decimal(w.score.Brier, 4), v.decimal(w.score.RMSE, 4)})
		}
	}
	effects := &sheet{Header: v.says("channel", "true_ate", "our_ate", "correlation"), Align: "lrrr"}
	for _, e := range tr.Effects {
		effects.Rows = append(effects.Rows, []string{v.channel(e.Channel), v.points(e.TrueATE), v.points(e.OurATE), v.decimal(e.Correlation, 2)})
	}
	s.Blocks = []block{
		{Title: v.say("t_truth"), Table: scores},
		{Title: v.say("t_effects"), Table: effects},
		v.truePlans(d),
	}
	return s
}

// truePlans shows what plans of the same means would truly bring.
func (v voice) truePlans(d Data) block {
	b := block{Title: v.say("t_truth_plan"), Table: &sheet{
		Header: v.says("plan_word", "value", "of_oracle"), Align: "lrr"}}
	var bars []chart.Bar
	add := func(key string, c *data.Cents, series int) {
		if c == nil {
			return
		}
		of := "–"
		if o := d.Truth.OraclePlanCents; o != nil {
			of = v.share(float64(*c), float64(*o), 0)
		}
		b.Table.Rows = append(b.Table.Rows, []string{v.say(key), v.Money(*c), of})
		bars = append(bars, chart.Bar{Label: v.say(key), Value: float64(*c), Text: v.MoneyShort(float64(*c)), Series: series})
	}
	add("p_oracle", d.Truth.OraclePlanCents, 5)
	add("p_ceiling", d.Truth.CeilingPlanCents, 5)
	add("p_ours", d.Truth.PlanTrueCents, 0)
	add("p_random", d.Truth.RandomPlanCents, 5)
	if d.Plan != nil {
		add("p_promised", &d.Plan.ValueCents, 4)
	}
	b.Figure = v.picture(chart.Bars(chart.Frame{Title: b.Title}, bars))
	return b
}
