package report

import (
	"dunning/data"
	"dunning/pipeline/chart"
)

// receipts is the forecast of what will be paid.
func (v voice) receipts(d Data) section {
	s := section{ID: "forecast", Title: v.say("s_forecast")}
	f := d.Forecast
	if f == nil || len(f.Rows) == 0 {
		s.Missing, s.Remedy = v.say("missing"), v.say("get_manifests")
		return s
	}
	s.Lead = v.say("forecast_lead", v.percent(&f.Nominal, 0))
	s.Blocks = []block{
		v.receiptsOf(f, "week", v.say("f_forecast_weeks")), v.receiptsOf(f, "day", v.say("f_forecast_days")),
		{Title: v.say("t_forecast_segments"), Table: v.receiptsBySegment(d)}, {Title: v.say("t_forecast_past"), Note: v.backcast(f), Table: v.receiptsPast(f)},
	}
	return s
}

// receiptsOf draws the whole portfolio's receipts by day or week.
func (v voice) receiptsOf(f *data.Receipts, grain, title string) block {
	b := block{Title: title, Note: v.say("forecast_note", v.percent(&f.Nominal, 0)), Table: &sheet{
		Header: v.says("from_day", "expected_receipts", "low_bound", "high_bound", "plan_adds", "with_plan"), Align: "lrrrrr"}}
	lines := []chart.Series{{Name: v.say("expected_receipts")}, {Name: v.say("with_plan")}, {Name: v.say("low_bound"), Dashed: true}, {Name: v.say("high_bound"), Dashed: true}}
	var names []string
	for _, r := range f.Rows {
		if r.Segment != data.ReceiptsAll || r.Grain != grain {
			continue
		}
		names = append(names, r.From.Time().Format("02/01"))
		for i, c := range []data.Cents{r.ExpectedCents, r.WithPlanCents, r.LowCents, r.HighCents} {
			lines[i].Values = append(lines[i].Values, float64(c))
		}
		b.Table.Rows = append(b.Table.Rows, []string{v.Date(r.From), v.Money(r.ExpectedCents), v.Money(r.LowCents), v.Money(r.HighCents), v.Money(r.PlanCents - r.UsualCents), v.Money(r.WithPlanCents)})
	}
	b.Figure = v.picture(chart.Lines(chart.Frame{Title: title, Y: chart.Axis{Format: v.MoneyShort}}, names, lines))
	return b
}

// receiptsBySegment shows each segment's next week and all weeks.
func (v voice) receiptsBySegment(d Data) *sheet {
	t := &sheet{Header: v.says("segment", "next_week", "low_bound", "high_bound", "all_weeks"), Align: "lrrrr", Empty: v.say("no_row")}
	at := map[string]int{}
	var sums []data.Cents
	for _, r := range d.Forecast.Rows {
		if r.Grain != "week" || r.Segment == data.ReceiptsAll {
			continue
		}
		i, known := at[r.Segment]
		if !known {
			i = len(t.Rows)
			at[r.Segment] = i
			sums = append(sums, 0)
			t.Rows = append(t.Rows, []string{v.segment(d.Portfolio, r.Segment), v.Money(r.ExpectedCents), v.Money(r.LowCents), v.Money(r.HighCents), ""})
		}
		sums[i] += r.ExpectedCents
		t.Rows[i][4] = v.Money(sums[i])
	}
	return t
}

// receiptsPast holds earlier forecasts against what came.
func (v voice) receiptsPast(f *data.Receipts) *sheet {
	t := &sheet{Header: v.says("said_on", "weeks", "expected_receipts", "came", "held_weeks"), Align: "lrrrr", Empty: v.say("no_past")}
	for _, p := range f.Past {
		t.Rows = append(t.Rows, []string{v.Date(p.AsOf), v.Int(int64(p.Weeks)), v.Money(p.ExpectedCents), v.Money(p.CameCents), v.Int(int64(p.Held))})
	}
	return t
}

// backcast says how the method would have done on past days.
func (v voice) backcast(f *data.Receipts) string {
	b := f.Backcast
	if b == nil {
		return ""
	}
	return v.say("backcast", v.Int(int64(b.Origins)), v.Date(b.From), v.Date(b.To), v.percent(&b.HeldDays, 1), v.percent(&b.HeldWeeks, 1), v.percent(&b.ErrorDays, 1), v.percent(&b.ErrorWeeks, 1))
}

// segment names a segment by the words of the indicators.
func (v voice) segment(k *data.Indicators, key string) string {
	if k != nil {
		for _, s := range k.Segments {
			if s.Segment == key && s.Name != "" {
				return v.pick(phrase{s.Name, s.EnglishName})
			}
		}
	}
	return key
}

// segments is the table of the indicators by segment.
func (v voice) segments(r *data.Indicators) *sheet {
	t := &sheet{Header: v.says("segment", "customers", "balance", "overdue", "default_rate", "k_coverage", "k_dso", "k_cei"), Align: "lrrrrrrr"}
	for _, s := range r.Segments {
		t.Rows = append(t.Rows, []string{v.segment(r, s.Segment), v.Int(s.Customers), v.Money(s.ReceivableCents), v.percent(s.OverdueShare, 1), v.percent(s.DefaultRate, 1), v.percent(s.Coverage, 1), v.days(s.DSO), v.decimal(s.CEI, 1)})
	}
	return t
}
