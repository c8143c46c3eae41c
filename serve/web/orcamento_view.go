package web

import (
	"math"
	"net/url"
	"slices"

	"dunning/data"
	"dunning/serve"
	"dunning/serve/whatif"
)

// curveChart draws what each budget brings, with the plan and, if given, a
// simulation on it.
func (v *visit) curveChart(plan *data.PlanFigures, simulated *whatif.Answer) Chart {
	low, band := [][]float64{}, [][]float64{}
	table := Table{Caption: v.say("budget.curve"), Align: "rrrr",
		Head: []string{v.say("budget.budget"), v.say("budget.at_least"), v.say("budget.at_most"), v.say("budget.marginal")}}
	for _, p := range plan.Curve {
		low = append(low, []float64{reais(p.BudgetCents), reais(p.LowCents)})
		band = append(band, []float64{reais(p.BudgetCents), reais(p.HighCents - p.LowCents)})
		at := pointOf(plan, p.BudgetCents)
		table.Rows = append(table.Rows, []string{v.lang.Money(p.BudgetCents), v.lang.Money(p.LowCents), v.lang.Money(p.HighCents), v.perReal(at.Marginal)})
	}
	here := pointOf(plan, plan.BudgetCents)
	line := func(name, color string) map[string]any {
		return map[string]any{"type": "line", "name": name, "showSymbol": false, "itemStyle": map[string]any{"color": color}, "lineStyle": map[string]any{"width": 2.5, "color": color}}
	}
	lower := line(v.say("budget.at_least"), "$accent")
	lower["data"], lower["stack"] = low, "band"
	upper := line(v.say("budget.margin"), "$accent")
	upper["data"], upper["stack"] = band, "band"
	upper["lineStyle"], upper["areaStyle"] = map[string]any{"opacity": 0}, map[string]any{"opacity": 0.18, "color": "$accent"}
	point := func(name, color string, x, y data.Cents) map[string]any {
		return map[string]any{"type": "scatter", "name": name, "symbolSize": 14, "z": 5, "itemStyle": map[string]any{"color": color, "borderColor": "$paper", "borderWidth": 2},
			"data": [][]float64{{reais(x), reais(y)}}}
	}
	series := []any{lower, upper, point(v.say("budget.plan"), "$accent", plan.BudgetCents, here.LowCents)}
	legend := []string{v.say("budget.at_least"), v.say("budget.plan")}
	alt := v.say("budget.curve_alt", v.lang.Money(plan.BudgetCents), v.lang.MoneyShort(here.LowCents), v.perReal(here.Marginal))
	if simulated != nil && simulated.Status == "optimal" {
		name := v.say("budget.simulation")
		series = append(series, point(name, "$series-2", simulated.BudgetCents, simulated.ValueCents))
		legend = append(legend, name)
		alt += " " + v.say("budget.curve_alt_sim", v.lang.Money(simulated.BudgetCents), v.lang.MoneyShort(simulated.ValueCents))
	}
	axis := func(name string) map[string]any {
		return map[string]any{"type": "value", "name": name, "nameLocation": "middle", "nameGap": 30, "axisLabel": map[string]any{"formatter": "brief", "hideOverlap": true}}
	}
	x := axis(v.say("budget.budget"))
	if n := len(plan.Curve); n > 0 {
		x["max"] = reais(plan.Curve[n-1].BudgetCents)
	}
	y := axis("")
	delete(y, "name")
	return Chart{ID: "curve", Alt: alt, Size: "m", Table: table, Option: map[string]any{
		"legend": map[string]any{"data": legend, "top": 0, "left": 0}, "grid": map[string]any{"top": 40, "bottom": 30, "right": 36},
		"tooltip": map[string]any{"trigger": "axis", "valueFormatter": "brief"},
		"xAxis":   x, "yAxis": y, "series": series}}
}

// perReal writes how many reais one real brings; a dash where unknown.
func (v *visit) perReal(f *float64) string {
	if f == nil {
		return v.say("none")
	}
	return v.lang.Money(data.RoundCents(100 * *f))
}

// priceMap is a table of channels and days with the price of one contact more.
type priceMap struct {
	Caption string
	Days    []data.Date
	Rows    []priceMapRow
}

type priceMapRow struct {
	Channel data.Channel
	Cells   []priceMapCell
}

// priceMapCell is a channel on a day.
type priceMapCell struct {
	Touches  float64
	Limited  bool
	Capacity int64  // where limited
	Price    string // of one contact more, "" for nothing
	Level    int    // 0 to 4: how dear, among all
	Title    string
}

// heatOf arranges cells; prices are cents by channel and day.
func (v *visit) heatOf(caption string, cells []whatif.Cell) priceMap {
	h := priceMap{Caption: caption}
	dearest := 0.0
	for _, c := range cells {
		if c.Capacity == nil || *c.Capacity > 0 {
			dearest = math.Max(dearest, c.PriceCents)
		}
		if !slices.Contains(h.Days, c.Day) {
			h.Days = append(h.Days, c.Day)
		}
	}
	slices.Sort(h.Days)
	for _, c := range cells {
		if len(h.Rows) == 0 || h.Rows[len(h.Rows)-1].Channel != c.Channel {
			h.Rows = append(h.Rows, priceMapRow{Channel: c.Channel, Cells: make([]priceMapCell, len(h.Days))})
		}
		cell := priceMapCell{Touches: c.Touches}
		if c.Capacity != nil {
			cell.Limited, cell.Capacity = true, *c.Capacity
		}
		closed := c.Capacity != nil && *c.Capacity == 0 // its price says only that nobody gets in
		if c.PriceCents >= 0.5 && !closed {
			cell.Price = v.lang.Money(data.RoundCents(c.PriceCents))
			// Prices differ by orders of magnitude: steps are of their root.
			cell.Level = 1 + min(3, int(4*math.Sqrt(c.PriceCents/dearest)))
			cell.Title = v.priceRange(c.Low, c.High)
		}
		h.Rows[len(h.Rows)-1].Cells[slices.Index(h.Days, c.Day)] = cell
	}
	return h
}

// priceRange says between what a price lies, "" where it is one number.
func (v *visit) priceRange(low, high *float64) string {
	if low == nil || high == nil || math.Abs(*high-*low) < 0.5 {
		return ""
	}
	return v.say("budget.range", v.lang.Money(data.RoundCents(*low)), v.lang.Money(data.RoundCents(*high)))
}

// planHeat is the heat map of the plan as the pipeline made it.
func (v *visit) planHeat(plan *data.PlanFigures) priceMap {
	var cells []whatif.Cell
	for _, d := range plan.Days {
		c := whatif.Cell{Channel: d.Channel, Day: d.Day, Touches: float64(d.Actions), Capacity: d.Capacity}
		for _, p := range plan.Prices {
			if p.Kind == "capacity" && p.Channel == d.Channel && p.Day == d.Day {
				c.PriceCents, c.Low, c.High = p.PriceCents, p.LowCents, p.HighCents
			}
		}
		cells = append(cells, c)
	}
	return v.heatOf(v.say("budget.heat"), cells)
}

// wishForm is the form of a simulation with what was filled in.
type wishForm struct {
	Budget, BudgetHint string
	Channels           []wishChannel
	Days               []wishDay
	DayChannel, Day    string
	DayCapacity        string
	Segments           []wishSegment
}

type wishChannel struct {
	Channel  data.Channel
	Field    string
	Capacity string // filled in
	Hint     string // the plan's
	Off      bool
}

type wishDay struct {
	Value string
	Day   data.Date
}

type wishSegment struct {
	Name, Share string
	Hint        string
}

// wishForm fills the form.
func (v *visit) wishForm(plan *data.PlanFigures, form url.Values) wishForm {
	f := wishForm{Budget: form.Get(budgetField), BudgetHint: v.lang.Money(plan.BudgetCents),
		DayChannel: form.Get(dayChannel), Day: form.Get(dayField), DayCapacity: form.Get(dayCapacity)}
	for _, d := range plan.Days {
		if i := len(f.Channels) - 1; i < 0 || f.Channels[i].Channel != d.Channel {
			c := wishChannel{Channel: d.Channel, Field: capacityField + string(d.Channel), Off: slices.Contains(form[offField], string(d.Channel)), Hint: v.say("budget.unlimited")}
			c.Capacity = form.Get(c.Field)
			if d.Capacity != nil {
				c.Hint = v.lang.Int(*d.Capacity)
			}
			f.Channels = append(f.Channels, c)
		}
		if !slices.ContainsFunc(f.Days, func(w wishDay) bool { return w.Day == d.Day }) {
			f.Days = append(f.Days, wishDay{d.Day.String(), d.Day})
		}
	}
	for _, s := range v.segmentsToCover() {
		w := wishSegment{Name: s.Name}
		if s.Customers > 0 {
			w.Hint = v.say("budget.now", v.lang.Decimal(100*s.Coverage, 1))
		}
		if i := slices.Index(form[segmentField], s.Name); i >= 0 && i < len(form[coverageField]) {
			w.Share = form[coverageField][i]
		}
		f.Segments = append(f.Segments, w)
	}
	return f
}

// segmentsToCover lists the named segments: the plan's with their coverage, or,
// while those are being prepared, the portfolio's.
func (v *visit) segmentsToCover() (out []whatif.Segment) {
	if v.site.WhatIf == nil {
		return nil
	}
	status := v.site.WhatIf.Status()
	out = slices.Clone(status.Segments)
	if status.State != whatif.Ready {
		for _, s := range v.site.segments.of(v.site.Store) {
			out = append(out, whatif.Segment{Name: s.Segment})
		}
	}
	return slices.DeleteFunc(out, func(s whatif.Segment) bool { return s.Name == "" })
}

// compare puts an answer beside the plan.
func (v *visit) compare(form url.Values, wish whatif.Wish, a *whatif.Answer) *simulation {
	s := &simulation{Answer: a, Asked: form}
	if plan := v.site.Store.LatestPlan(); plan != nil && plan.ID != a.PlanID {
		s.Superseded = true
	}
	row := func(r whatif.Row) string { return v.rowWords(r) }
	for _, d := range a.Demands {
		s.Conflicts = append(s.Conflicts, v.demandWords(d))
	}
	for _, r := range a.Beside {
		s.Conflicts = append(s.Conflicts, v.say("budget.beside", row(r)))
	}
	for _, d := range a.Short {
		s.Short = append(s.Short, v.demandWords(d))
	}
	base := a.Base
	if a.Status != "optimal" || base == nil {
		return s
	}
	s.CanSave = v.may(serve.Manager) && v.site.MakeDraft != nil && !wish.IsZero() && !s.Superseded
	money := func(key string, was, is data.Cents, sign int) {
		line := simulationLine{Name: v.say(key), Plan: v.lang.Money(was), Now: v.lang.Money(is), Change: v.change(reais(is-was), v.lang.Money(is-was))}
		line.Better = sign * direction(float64(is-was))
		s.Lines = append(s.Lines, line)
	}
	number := func(key string, was, is float64) {
		s.Lines = append(s.Lines, simulationLine{Name: v.say(key), Plan: v.lang.Decimal(was, 0), Now: v.lang.Decimal(is, 0), Change: v.change(is-was, v.lang.Decimal(is-was, 0))})
	}
	money("budget.budget", base.BudgetCents, a.BudgetCents, 0)
	money("budget.recovery", base.ValueCents, a.ValueCents, 1)
	money("budget.spent", base.SpentCents, a.SpentCents, 0)
	money("budget.net", base.ValueCents-base.SpentCents, a.ValueCents-a.SpentCents, 1)
	number("budget.touches", base.Touches, a.Touches)
	number("budget.touched", float64(base.Touched), float64(a.Touched))
	s.Lines = append(s.Lines, simulationLine{Name: v.say("budget.marginal"), Plan: v.perReal(&base.MarginalCents), Now: v.perReal(&a.MarginalCents),
		Change: v.change(a.MarginalCents-base.MarginalCents, v.lang.Money(data.RoundCents(100*(a.MarginalCents-base.MarginalCents))))})
	for k, c := range a.Channels {
		line := channelChange{Channel: c.Channel, Now: c.Touches, NowCents: c.CostCents}
		if k < len(base.Channels) {
			line.Plan, line.PlanCents = base.Channels[k].Touches, base.Channels[k].CostCents
		}
		s.Channels = append(s.Channels, line)
	}
	s.Heat = v.heatOf(v.say("budget.heat_now"), a.Cells)
	return s
}

// change writes a difference with its sign; an equal sign for none.
func (v *visit) change(by float64, words string) string {
	switch {
	case math.Abs(by) < 0.005:
		return "="
	case by > 0:
		return "+" + words
	}
	return words
}

func direction(f float64) int {
	switch {
	case f > 0:
		return 1
	case f < 0:
		return -1
	}
	return 0
}

// rowWords names a limit.
func (v *visit) rowWords(r whatif.Row) string {
	switch r.Kind {
	case whatif.BudgetRow:
		return v.say("budget.row_budget")
	case whatif.CapacityRow:
		return v.say("budget.row_capacity", v.lang.Channel(r.Channel), v.lang.Day(r.Day))
	case whatif.CoverageRow:
		return v.say("budget.row_coverage", r.Segment)
	case whatif.ShareRow:
		return v.say("budget.row_share", r.Segment)
	}
	return r.Name
}

// demandWords says what a demand asks for and what can be reached.
func (v *visit) demandWords(d whatif.Demand) string {
	if d.Kind == whatif.BudgetRow {
		return v.say("budget.demand_budget", v.lang.Money(data.RoundCents(d.Demanded)))
	}
	return v.say("budget.demand", v.rowWords(d.Row), v.lang.Decimal(math.Ceil(d.Demanded), 0), v.lang.Decimal(math.Floor(d.Reached), 0))
}

// reais is an amount as charts take it.
func reais(c data.Cents) float64 { return c.Reais() }
