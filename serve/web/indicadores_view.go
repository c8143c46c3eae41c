package web

import (
	"strings"

	"dunning/data"
)

// agingChart draws the open balance by days past due.
func (v *visit) agingChart(k *data.Indicators) Chart {
	return v.agingOf("aging-chart", k.Aging, k.ReceivableCents, k.ProvisionCents, k.OpenInvoices)
}

// agingOf draws the classes of a balance.
func (v *visit) agingOf(id string, aging []data.AgingBucket, receivable, provision data.Cents, invoices int64) Chart {
	names, values := []string{}, []float64{}
	var overdue, over90 data.Cents
	t := Table{Caption: v.say("kpi.aging"), Align: "lrrrr", Head: []string{v.say("kpi.bucket"), v.say("kpi.balance"), v.say("kpi.share"), v.say("kpi.invoices"), v.say("kpi.provision")}}
	for _, b := range aging {
		name := v.bucket(b.FromDays, b.ToDays)
		if b.FromDays > 0 {
			overdue += b.BalanceCents
		}
		if b.FromDays > 90 {
			over90 += b.BalanceCents
		}
		names, values = append(names, name), append(values, reais(b.BalanceCents))
		t.Rows = append(t.Rows, []string{name, v.lang.Money(b.BalanceCents), v.lang.Percent(shareOf(b.BalanceCents, receivable)), v.lang.Int(b.Invoices), v.lang.Money(b.ProvisionCents)})
	}
	t.Foot = []string{v.say("table.total"), v.lang.Money(receivable), v.lang.Percent(1), v.lang.Int(invoices), v.lang.Money(provision)}
	return Chart{ID: id, Size: "m", Table: t,
		Alt: v.say("kpi.aging_alt", v.lang.MoneyShort(receivable), v.lang.MoneyShort(overdue), v.lang.MoneyShort(over90)),
		Option: map[string]any{"tooltip": map[string]any{"trigger": "axis", "valueFormatter": "brief"},
			"xAxis": map[string]any{"type": "category", "data": names, "axisLabel": map[string]any{"interval": 0, "hideOverlap": true}},
			"yAxis": map[string]any{"type": "value", "axisLabel": map[string]any{"formatter": "brief"}},
			"series": []any{map[string]any{"type": "bar", "name": v.say("kpi.balance"), "data": values, "barMaxWidth": 56,
				"itemStyle": map[string]any{"color": "$accent", "borderRadius": []int{4, 4, 0, 0}}}}}}
}

// bucket names a class of days past due; those up to day 0 are not yet due.
func (v *visit) bucket(from int, to *int) string {
	switch {
	case to == nil:
		return v.say("kpi.over", v.lang.Int(int64(from-1)))
	case *to <= 0:
		return v.say("kpi.current")
	}
	return v.say("kpi.from_to", v.lang.Int(int64(from)), v.lang.Int(int64(*to)))
}

func shareOf(part, all data.Cents) float64 {
	if all == 0 {
		return 0
	}
	return float64(part) / float64(all)
}

// month names a monthly window by its end.
func (v *visit) month(to data.Date) string {
	if v.lang == English {
		return to.Time().Format("Jan 06")
	}
	return [...]string{"jan", "fev", "mar", "abr", "mai", "jun", "jul", "ago", "set", "out", "nov", "dez"}[to.Time().Month()-1] + to.Time().Format("/06")
}

// seriesChart draws what was billed and collected by month.
func (v *visit) seriesChart(k *data.Indicators) Chart {
	months, billed, collected := []string{}, []float64{}, []float64{}
	t := Table{Caption: v.say("kpi.series"), Align: "lrrrrr", Head: []string{v.say("kpi.month"), v.say("kpi.billed"), v.say("kpi.collected"), v.say("kpi.receivable"), v.say("kpi.overdue"), v.say("kpi.overdue_share")}}
	for _, m := range k.Series {
		months = append(months, v.month(m.To))
		billed, collected = append(billed, reais(m.BilledCents)), append(collected, reais(m.CollectedCents))
		t.Rows = append(t.Rows, []string{v.month(m.To), v.lang.Money(m.BilledCents), v.lang.Money(m.CollectedCents), v.lang.Money(m.ReceivableCents), v.lang.Money(m.OverdueCents), v.figure(m.OverdueShare, asShare)})
	}
	bar := func(name, color string, values []float64) map[string]any {
		return map[string]any{"type": "bar", "name": name, "data": values, "barMaxWidth": 18, "itemStyle": map[string]any{"color": color, "borderRadius": []int{3, 3, 0, 0}}}
	}
	return Chart{ID: "series-chart", Size: "m", Table: t, Alt: v.say("kpi.series_alt", v.lang.MoneyShort(k.BilledCents), v.lang.MoneyShort(k.CollectedCents)),
		Option: map[string]any{"legend": map[string]any{"top": 0, "left": 0}, "grid": map[string]any{"top": 36}, "tooltip": map[string]any{"trigger": "axis", "valueFormatter": "brief"},
			"xAxis":  map[string]any{"type": "category", "data": months},
			"yAxis":  map[string]any{"type": "value", "axisLabel": map[string]any{"formatter": "brief"}},
			"series": []any{bar(v.say("kpi.billed"), "$series-1", billed), bar(v.say("kpi.collected"), "$series-3", collected)}}}
}

// shareChart draws the shares that tell how the portfolio ages, by month.
func (v *visit) shareChart(k *data.Indicators) Chart {
	months, overdue := []string{}, []any{}
	for _, m := range k.Series {
		months, overdue = append(months, v.month(m.To)), append(overdue, pointer(m.OverdueShare))
	}
	cure := []any{}
	t := Table{Caption: v.say("kpi.trend"), Align: "lrr", Head: []string{v.say("kpi.month"), v.say("kpi.overdue_share"), v.say("kpi.cure")}}
	for i := range k.Series {
		var rate *float64
		if i < len(k.Cure) {
			rate = k.Cure[i].Rate
		}
		cure = append(cure, pointer(rate))
		t.Rows = append(t.Rows, []string{months[i], v.figure(k.Series[i].OverdueShare, asShare), v.figure(rate, asShare)})
	}
	line := func(name, color string, values []any) map[string]any {
		return map[string]any{"type": "line", "name": name, "data": values, "showSymbol": false, "smooth": 0.2, "itemStyle": map[string]any{"color": color}, "lineStyle": map[string]any{"width": 2.5, "color": color}}
	}
	return Chart{ID: "trend-chart", Size: "m", Table: t, Alt: v.say("kpi.trend_alt", v.figure(k.OverdueShare, asShare), v.figure(k.CureRate, asShare)),
		Option: map[string]any{"legend": map[string]any{"top": 0, "left": 0}, "grid": map[string]any{"top": 36}, "tooltip": map[string]any{"trigger": "axis", "valueFormatter": "pct"},
			"xAxis":  map[string]any{"type": "category", "data": months, "boundaryGap": false},
			"yAxis":  map[string]any{"type": "value", "min": 0, "axisLabel": map[string]any{"formatter": "pct"}},
			"series": []any{line(v.say("kpi.overdue_share"), "$series-2", overdue), line(v.say("kpi.cure"), "$series-3", cure)}}}
}

// pointer is a figure as charts take it: null where unknown.
func pointer(f *float64) any {
	if f == nil {
		return nil
	}
	return *f
}

// rollTable shows how balances move from one class to the next, by month.
func (v *visit) rollTable(k *data.Indicators) Table {
	t := Table{Caption: v.say("kpi.roll"), Align: "l", Head: []string{v.say("kpi.from_bucket")}}
	if len(k.Roll) > 0 {
		months := k.Roll[0].Months
		for _, m := range months[max(0, len(months)-rollMonths):] {
			t.Head, t.Align = append(t.Head, v.month(m.To)), t.Align+"r"
		}
	}
	t.Head, t.Align = append(t.Head, v.say("kpi.all_months")), t.Align+"r"
	for _, r := range k.Roll {
		name := ""
		if r.FromBucket+1 < len(k.Aging) {
			from, to := k.Aging[r.FromBucket], k.Aging[r.FromBucket+1]
			name = v.say("kpi.arrow", v.bucket(from.FromDays, from.ToDays), v.bucket(to.FromDays, to.ToDays))
		}
		row := []string{name}
		for _, m := range r.Months[max(0, len(r.Months)-rollMonths):] {
			row = append(row, v.figure(m.Rate, asShare))
		}
		t.Rows = append(t.Rows, append(row, v.figure(r.Rate, asShare)))
	}
	return t
}

// rollMonths is how many months of the roll rates fit a page.
const rollMonths = 6

// channelTable shows the contacts of the period by channel.
func (v *visit) channelTable(k *data.Indicators) Table {
	t := Table{Caption: v.say("kpi.contacts"), Align: "lrrrrr", Head: []string{v.say("kpi.channel"), v.say("kpi.sent"), v.say("kpi.delivered"), v.say("kpi.opened"), v.say("kpi.replied"), v.say("kpi.touch_cost")}}
	part := func(n, of int64) string {
		if of == 0 {
			return v.lang.Int(n)
		}
		return v.lang.Int(n) + " (" + v.lang.Percent(float64(n)/float64(of)) + ")"
	}
	for _, c := range k.Contacts.Channels {
		t.Rows = append(t.Rows, []string{v.lang.Channel(c.Channel), v.lang.Int(c.Sent), part(c.Delivered, c.Sent), part(c.Opened, c.Sent), part(c.Replied, c.Sent), v.lang.Money(c.CostCents)})
	}
	return t
}

// segmentTable shows the open portfolio of today by segment.
func (v *visit) segmentTable() Table {
	t := Table{Caption: v.say("kpi.segments"), Align: "lrrrrr", Head: []string{v.say("kpi.segment"), v.say("kpi.open_customers"), v.say("kpi.balance"), v.say("kpi.overdue_of"), v.say("kpi.default"), v.say("kpi.expected")}}
	for _, s := range v.site.segments.of(v.site.Store) {
		name := s.Segment
		if name == "" {
			name = v.say("kpi.no_segment")
		}
		t.Rows = append(t.Rows, []string{name, v.lang.Int(s.Customers), v.lang.Money(s.BalanceCents), v.lang.Percent(shareOf(s.OverdueCents, s.BalanceCents)),
			v.lang.Percent(shareOf(s.Over90Cents, s.BalanceCents)), v.lang.Money(s.PaidCents)})
	}
	return t
}

// partsTable shows the sums that the quotients are made of.
func (v *visit) partsTable(k *data.Indicators) Table {
	t := Table{Caption: v.say("kpi.parts"), Align: "lrl", Head: []string{v.say("kpi.part"), v.say("kpi.sum"), v.say("kpi.used_in")}}
	add := func(key, value string, used ...string) {
		for i := range used {
			used[i] = v.say(used[i])
		}
		t.Rows = append(t.Rows, []string{v.say(key), value, strings.Join(used, ", ")})
	}
	r := k.Recovery
	add("kpi.part_days", v.lang.Int(int64(k.Days)), "kpi.dso", "kpi.best_dso", "kpi.add")
	add("kpi.part_beginning", v.lang.Money(k.BeginningReceivableCents), "kpi.cei")
	add("kpi.billed", v.lang.Money(k.BilledCents), "kpi.cei", "kpi.dso", "kpi.best_dso")
	add("kpi.receivable", v.lang.Money(k.ReceivableCents), "kpi.cei", "kpi.dso")
	add("kpi.part_current", v.lang.Money(k.CurrentCents), "kpi.cei", "kpi.best_dso")
	add("kpi.part_due", v.lang.Int(k.Promises.Due)+" · "+v.lang.Money(k.Promises.DueCents), "kpi.kept", "kpi.kept_value")
	add("kpi.part_kept", v.lang.Int(k.Promises.Kept)+" · "+v.lang.Money(k.Promises.KeptCents), "kpi.kept", "kpi.kept_value")
	add("kpi.part_assigned", v.lang.Money(r.AssignedCents), "kpi.liquidation")
	add("kpi.part_assigned_paid", v.lang.Money(r.CollectedCents), "kpi.liquidation")
	add("kpi.part_opening", v.lang.Money(r.OpeningCents), "kpi.recovery")
	add("kpi.part_opening_paid", v.lang.Money(r.OpeningCollectedCents), "kpi.recovery")
	return t
}
