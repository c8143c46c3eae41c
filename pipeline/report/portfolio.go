package report

import (
	"fmt"
	"html/template"
	"math"

	"dunning/data"
	"dunning/pipeline/chart"
	"dunning/pipeline/kpi"
)

// portfolio is the state of the receivables and the recent past.
func (v voice) portfolio(d Data) section {
	s := section{ID: "portfolio", Title: v.say("s_portfolio")}
	r := d.Portfolio
	if r == nil {
		s.Missing, s.Remedy = v.say("missing"), v.say("get_extract")
		return s
	}
	s.Lead = v.say("period_lead", v.Date(r.From), v.Date(r.AsOf), r.Months, r.Days)
	s.Blocks = []block{
		v.aging(r), v.months(r), v.roll(r), v.timing(r),
		{Title: v.say("t_kpi"), Table: v.indicators(r)},
		{Title: v.say("t_funnel"), Table: v.funnel(r)},
	}
	if len(r.Segments) > 0 {
		s.Blocks = append(s.Blocks, block{Title: v.say("t_segments"), Note: v.say("segments_note"), Table: v.segments(r)})
	}
	return s
}

// bucket names an aging bucket.
func (v voice) bucket(b int) string {
	switch {
	case b == 0:
		return v.say("bucket0")
	case b == kpi.Buckets-1:
		return v.say("bucket_over", kpi.BucketFrom[b]-1)
	}
	return v.say("bucket_days", kpi.BucketFrom[b], kpi.BucketFrom[b+1]-1)
}

func (v voice) aging(r *data.Indicators) block {
	b := block{Title: v.say("f_aging"), Table: &sheet{
		Header: v.says("bucket", "balance", "share", "invoices", "provision"), Align: "lrrrr"}}
	var cols []chart.Column
	for i, a := range r.Aging {
		part := v.share(float64(a.BalanceCents), float64(r.ReceivableCents), 1)
		cols = append(cols, chart.Column{Label: v.bucket(i), Note: part, Value: float64(a.BalanceCents),
			Text: v.MoneyShort(float64(a.BalanceCents)), Series: min(i, 1)})
		b.Table.Rows = append(b.Table.Rows, []string{v.bucket(i), v.Money(a.BalanceCents), part, v.Int(a.Invoices), v.Money(a.ProvisionCents)})
	}
	b.Table.Footer = []string{v.say("total"), v.Money(r.ReceivableCents), "", v.Int(r.OpenInvoices), v.Money(r.ProvisionCents)}
	b.Figure = v.picture(chart.Columns(chart.Frame{Title: b.Title, X: chart.Axis{Label: v.say("days_past_due")}}, cols))
	return b
}

func (v voice) months(r *data.Indicators) block {
	b := block{Title: v.say("f_months"), Table: &sheet{
		Header: v.says("month", "h_billed", "h_collected", "h_overdue", "h_touches", "cost"), Align: "lrrrrr"}}
	billed, collected := chart.Series{Name: v.say("billed")}, chart.Series{Name: v.say("collected")}
	var names []string
	for _, m := range r.Series {
		var touches int64
		var cost data.Cents
		for _, c := range m.Channels {
			touches, cost = touches+c.Touches, cost+c.CostCents
		}
		names = append(names, v.Month(m.To-1))
		billed.Values = append(billed.Values, float64(m.BilledCents))
		collected.Values = append(collected.Values, float64(m.CollectedCents))
		b.Table.Rows = append(b.Table.Rows, []string{v.Date(m.To), v.MoneyShort(float64(m.BilledCents)), v.MoneyShort(float64(m.CollectedCents)),
			v.percent(m.OverdueShare, 1), v.Int(touches), v.MoneyShort(float64(cost))})
	}
	b.Figure = v.picture(chart.Lines(chart.Frame{Title: b.Title, Y: chart.Axis{Format: v.MoneyShort}}, names, []chart.Series{billed, collected}))
	return b
}

func (v voice) roll(r *data.Indicators) block {
	b := block{Title: v.say("f_roll"), Table: &sheet{
		Header: v.says("month", "delinquent", "cured", "rate"), Align: "lrrr"}}
	var rows, cols []string
	var cells [][]float64
	for i, roll := range r.Roll {
		rows = append(rows, v.bucket(roll.FromBucket)+" → "+v.bucket(roll.FromBucket+1))
		var line []float64
		for _, m := range roll.Months {
			line = append(line, orNaN(m.Rate))
			if i == 0 {
				cols = append(cols, v.Month(m.To-1))
			}
		}
		cells = append(cells, append(line, orNaN(roll.Rate)))
	}
	cols = append(cols, v.say("all_months"))
	whole := func(f float64) string { return v.Decimal(f*100, 0) }
	b.Figure = v.picture(chart.HeatMap(chart.Frame{Title: b.Title, Y: chart.Axis{Label: v.say("roll_y"), Format: whole}}, rows, cols, cells, 1))
	for _, m := range r.Cure {
		b.Table.Rows = append(b.Table.Rows, []string{v.Date(m.To), v.Int(m.Delinquent), v.Int(m.Cured), v.percent(m.Rate, 1)})
	}
	b.Table.Footer = []string{v.say("k_cure"), "", "", v.percent(r.CureRate, 1)}
	return b
}

func (v voice) timing(r *data.Indicators) block {
	b := block{Title: v.say("f_timing"), Table: &sheet{
		Header: v.says("when", "payments", "value", "share"), Align: "lrrr"}}
	spans := []struct {
		name string
		to   int // last day of the span
		n    int64
		sum  data.Cents
	}{{v.say("timing_early"), -1, 0, 0}, {v.say("timing_first"), 4, 0, 0}, {v.say("timing_month"), 29, 0, 0}, {v.say("timing_later"), math.MaxInt, 0, 0}}
	var cols []chart.Column
	var total int64
	for _, bin := range r.Timing {
		col := chart.Column{Value: float64(bin.Payments), Series: 1}
		switch {
		case bin.FromDays == nil:
			col.Label, col.Series = fmt.Sprintf("< %d", *bin.ToDays+1), 0
		case bin.ToDays == nil:
			col.Label = fmt.Sprintf("≥ %d", *bin.FromDays)
		default:
			col.Label = fmt.Sprint(*bin.FromDays)
			if *bin.FromDays < 0 {
				col.Series = 0
			}
			if *bin.FromDays == 0 {
				col.Mark = v.say("due_date")
			}
		}
		cols = append(cols, col)
		total += bin.Payments
		for i := range spans {
			if bin.ToDays != nil && *bin.ToDays <= spans[i].to || i == len(spans)-1 {
				spans[i].n, spans[i].sum = spans[i].n+bin.Payments, spans[i].sum+bin.Cents
				break
			}
		}
	}
	for _, sp := range spans {
		b.Table.Rows = append(b.Table.Rows, []string{sp.name, v.Int(sp.n), v.Money(sp.sum), v.share(float64(sp.n), float64(total), 1)})
	}
	if total > 0 {
		b.Figure = v.picture(chart.Columns(chart.Frame{Title: b.Title, X: chart.Axis{Label: v.say("timing_x")},
			Y: chart.Axis{Label: v.say("timing_y"), Format: v.wholeShort}}, cols))
	}
	return b
}

// indicators is the table of the standing indicators.
func (v voice) indicators(r *data.Indicators) *sheet {
	p, c := r.Promises, r.Contacts
	t := &sheet{Header: v.says("indicator", "value", "meaning"), Align: "lrw"}
	add := func(key, value string, args ...any) {
		t.Rows = append(t.Rows, []string{v.say(key), value, v.say(key+"_how", args...)})
	}
	add("k_dso", v.days(r.DSO))
	add("k_best", v.days(r.BestPossibleDSO))
	add("k_add", v.days(r.ADD))
	add("k_cei", v.decimal(r.CEI, 1))
	add("k_default", v.percent(r.DefaultRate, 2))
	add("k_coverage", v.percent(r.Coverage, 1))
	add("k_cure", v.percent(r.CureRate, 1))
	add("k_liquidation", v.percent(r.Recovery.Liquidation, 1))
	add("k_recovery", v.percent(r.Recovery.Rate, 1))
	add("k_kept", v.percent(p.KeptRate, 1), v.Int(p.Kept), v.Int(p.Due), p.GraceDays)
	add("k_kept_value", v.percent(p.KeptValueRate, 1), v.Money(p.KeptCents), v.Money(p.DueCents))
	add("k_cpc", v.percent(c.RightPartyRate, 1))
	add("k_calls", v.percent(c.CallRate, 1))
	add("k_promise", v.percent(c.PromiseRate, 1))
	add("k_agreement", v.percent(c.AgreementRate, 1))
	add("k_reach", v.percent(c.Coverage, 1), v.percent(c.ConsentShare, 1))
	add("k_cost", v.unitCost(r.Cost.PerReal), v.unitCost(r.Cost.PerOverdueReal))
	inc := r.Incremental
	if inc.IncrementCents == nil {
		t.Rows = append(t.Rows, []string{v.say("k_incremental"), "–", v.say("k_no_holdout")})
		return t
	}
	value := v.unitCost(inc.PerReal)
	if inc.PerRealHi == nil {
		value = v.say("k_no_effect")
	} else {
		value += " (" + v.say("k_holdout_of", v.unitCost(inc.PerRealLo), v.unitCost(inc.PerRealHi)) + ")"
	}
	add("k_incremental", value, v.cents(inc.IncrementCents), v.say("k_holdout_of", v.cents(inc.IncrementLo), v.cents(inc.IncrementHi)))
	return t
}

func (v voice) funnel(r *data.Indicators) *sheet {
	t := &sheet{Header: v.says("channel", "reachable", "sent", "delivered", "opened", "replied", "bounced", "cost"), Align: "lrrrrrrr"}
	for _, c := range r.Contacts.Channels {
		t.Rows = append(t.Rows, []string{v.channel(c.Channel), v.Int(c.Reachable), v.Int(c.Sent), v.Int(c.Delivered),
			v.Int(c.Opened), v.Int(c.Replied), v.Int(c.Bounced), v.Money(c.CostCents)})
	}
	t.Footer = []string{v.say("total"), v.Int(r.Contacts.Reachable), v.Int(r.Contacts.Touches), "", "", v.Int(r.Contacts.RightParty), "", v.Money(r.Cost.TouchCents)}
	return t
}

// picture marks an SVG of package chart, which escapes every text it is given,
// as safe to stand in the page.
func (v voice) picture(svg []byte) template.HTML { return template.HTML(svg) }

// orNaN is how pictures take what is absent.
func orNaN(f *float64) float64 {
	if f == nil {
		return math.NaN()
	}
	return *f
}

// wholeShort writes a count on an axis.
func (v voice) wholeShort(f float64) string { return v.Decimal(f, 0) }

// unitCost writes a cost per real with the digits that a small one needs.
func (v voice) unitCost(f *float64) string {
	if f == nil {
		return "–"
	}
	return v.Rate(*f)
}
