package report

import (
	"math"
	"strconv"

	"dunning/data"
	"dunning/pipeline/chart"
)

// plan is the proposal: what it does, what it costs, what else one could do,
// and the proof that nothing better was possible.
func (v voice) plan(d Data) section {
	s := section{ID: "plan", Title: v.say("s_plan")}
	p := d.Plan
	if p == nil {
		s.Missing, s.Remedy = v.say("missing"), v.say("get_optimize")
		return s
	}
	s.Lead = v.say("plan_lead", p.PlanID, v.Date(p.From), v.Date(p.To))
	if text := v.planModel(p); text != "" {
		s.Lead += " " + text
	}
	s.Blocks = []block{
		v.curve(p), v.actionsByDay(p), {Title: v.say("t_ladders"), Table: v.ladders(p), Note: v.say("ladders_note", v.Int(int64(p.GapDays)))}, v.prices(p),
		{Title: v.say("t_top"), Table: v.topActions(d)},
		{Title: v.say("t_blocked"), Table: v.blocked(d)},
		{Title: v.say("t_proof"), Table: v.proof(p), Note: v.say("plan_hash", p.SHA256)},
	}
	return s
}

// planModel says which version of the models the plan uses, and why not the
// newest; "" where nothing is known of it.
func (v voice) planModel(p *data.PlanFigures) string {
	text := ""
	switch {
	case p.ModelVersion == "":
		return ""
	case p.TrainedAsOf == nil:
		text = v.say("no_model")
	default:
		text = v.say("plan_model", p.ModelVersion, v.Date(*p.TrainedAsOf))
	}
	if p.RefusedTraining != "" {
		text += " " + v.say("plan_refused", p.RefusedTraining)
	}
	return text
}

func (v voice) curve(p *data.PlanFigures) block {
	b := block{Title: v.say("f_curve"), Table: &sheet{
		Header: v.says("budget", "expected_value", "at_most", "per_real"), Align: "rrrr"}, Note: v.say("curve_note")}
	line, most := chart.XYLine{Series: 0}, chart.XYLine{Series: 4, Dashed: true, Name: v.say("at_most")}
	wide := false
	var points []chart.Point
	for _, c := range p.Curve {
		x, y := float64(c.BudgetCents), float64(c.ValueCents)
		line.X, line.Y = append(line.X, x), append(line.Y, y)
		most.X, most.Y = append(most.X, x), append(most.Y, float64(c.HighCents))
		wide = wide || float64(c.HighCents) > 1.002*y
		name := v.Money(c.BudgetCents)
		if c.Chosen {
			points = append(points, chart.Point{X: x, Y: y, Text: v.say("chosen"), Series: 1})
			name += " ◂"
		}
		per := "–"
		if c.BudgetCents > 0 {
			per = v.Rate(y / x)
		}
		b.Table.Rows = append(b.Table.Rows, []string{name, v.Money(c.ValueCents), v.Money(max(c.ValueCents, c.HighCents)), per})
	}
	lines := []chart.XYLine{line}
	if wide { // otherwise it cannot be told from the other
		lines = append(lines, most)
	}
	b.Figure = v.picture(chart.XY(chart.Frame{Title: b.Title,
		X: chart.Axis{Label: v.say("curve_x"), Format: v.MoneyShort},
		Y: chart.Axis{Label: v.say("curve_y"), Format: v.MoneyShort}}, lines, points...))
	return b
}

// actionsByDay shows a strip per channel: the days in the order given.
func (v voice) actionsByDay(p *data.PlanFigures) block {
	b := block{Title: v.say("f_days"), Table: v.channels(p), Note: v.say("capacity_mark")}
	days := planDays(p)
	at := map[data.Date]int{}
	var names []string
	for i, day := range days {
		at[day] = i
		names = append(names, v.Day(day))
	}
	var panels []chart.Panel
	for _, ch := range data.Channels {
		panel := chart.Panel{Name: v.channel(ch), Values: make([]float64, len(days)), Limits: make([]float64, len(days)), Series: ch.Index()}
		for i := range panel.Limits {
			panel.Limits[i] = math.NaN()
		}
		var sum int64
		seen := false
		for _, pd := range p.Days {
			if pd.Channel != ch {
				continue
			}
			seen = true
			sum += pd.Actions
			panel.Values[at[pd.Day]] += float64(pd.Actions)
			if pd.Capacity != nil {
				panel.Limits[at[pd.Day]] = float64(*pd.Capacity)
			}
		}
		if seen {
			panel.Text = v.say("actions_cap", v.Int(sum))
			panels = append(panels, panel)
		}
	}
	b.Figure = v.picture(chart.Panels(chart.Frame{Title: b.Title}, names, panels))
	return b
}

// planDays lists every day of the plan's window that has room or actions.
func planDays(p *data.PlanFigures) []data.Date {
	has := map[data.Date]bool{}
	first, last := data.Date(math.MaxInt32), data.Date(math.MinInt32)
	for _, pd := range p.Days {
		has[pd.Day] = true
		first, last = min(first, pd.Day), max(last, pd.Day)
	}
	var days []data.Date
	for day := first; day <= last; day++ {
		if has[day] {
			days = append(days, day)
		}
	}
	return days
}

func (v voice) channels(p *data.PlanFigures) *sheet {
	t := &sheet{Header: v.says("channel", "actions", "capacity", "cost", "expected_value", "per_real"), Align: "lrrrrr"}
	var cost, value data.Cents
	for _, c := range p.Channels {
		t.Rows = append(t.Rows, []string{v.channel(c.Channel), v.Int(c.Actions), v.limit(c.Capacity),
			v.Money(c.CostCents), v.Money(c.ValueCents), v.returns(c.ValueCents, c.CostCents)})
		cost, value = cost+c.CostCents, value+c.ValueCents
	}
	t.Footer = []string{v.say("total"), v.Int(actionsOf(p)), "", v.Money(cost), v.Money(value), v.returns(value, cost)}
	return t
}

// returns says what a real of cost brings, "–" where nothing is spent.
func (v voice) returns(value, cost data.Cents) string {
	if cost <= 0 {
		return "–"
	}
	return v.Rate(value.Reais() / cost.Reais())
}

// dearest is how many prices the picture and the table show.
const dearest = 12

// prices shows what the limits cost. The picture holds the capacities only:
// a real of budget and a touch are not to be compared by length.
func (v voice) prices(p *data.PlanFigures) block {
	b := block{Title: v.say("f_prices"), Note: v.say("prices_note"), Table: &sheet{
		Header: v.says("limit", "used", "price", "price_range"), Align: "lrrr"}}
	var bars []chart.Bar
	for i, price := range p.Prices {
		if i == dearest {
			break
		}
		name, used := v.priceName(price), v.Decimal(price.Used, 0)+" / "+v.Decimal(price.Limit, 0)
		unit := 100.0
		if price.Kind == data.PriceBudget { // cents per cent are reais per real
			unit = 1
		}
		text := v.Rate(price.PriceCents / unit)
		switch price.Kind {
		case data.PriceBudget:
			used = v.MoneyShort(price.Used) + " / " + v.MoneyShort(price.Limit)
		case data.PriceCapacity:
			bars = append(bars, chart.Bar{Label: name, Value: price.PriceCents, Text: text, Series: max(0, price.Channel.Index())})
		}
		b.Table.Rows = append(b.Table.Rows, []string{name, used, text, v.priceRange(price, unit)})
	}
	b.Figure = v.picture(chart.Bars(chart.Frame{Title: b.Title}, bars))
	return b
}

// priceRange shows what one more unit brings and one unit less costs; "–" where
// that is not known.
func (v voice) priceRange(p data.RowPrice, unit float64) string {
	switch {
	case p.LowCents == nil:
		return "–"
	case p.HighCents == nil:
		return v.say("from_on", v.Rate(*p.LowCents/unit))
	}
	return v.say("from_to", v.Rate(*p.LowCents/unit), v.Rate(*p.HighCents/unit))
}

// ladders counts the customers by their number of touches.
func (v voice) ladders(p *data.PlanFigures) *sheet {
	t := &sheet{Header: v.says("touches_each", "customers", "actions"), Align: "rrr", Empty: v.say("no_row")}
	for k, n := range p.Ladders {
		touches := int64(k + 1)
		t.Rows = append(t.Rows, []string{v.Int(touches), v.Int(n), v.Int(n * touches)})
	}
	t.Footer = []string{v.say("total"), v.Int(p.Touched), v.Int(actionsOf(p))}
	return t
}

// priceName says in words what one more unit of the row is.
func (v voice) priceName(p data.RowPrice) string {
	switch p.Kind {
	case data.PriceBudget:
		return v.say("p_budget")
	case data.PriceCapacity:
		return v.say("p_capacity", v.channel(p.Channel), v.Weekday(p.Day), v.Day(p.Day))
	}
	return p.Row
}

// shownActions is how many actions the page lists.
const shownActions = 20

func (v voice) topActions(d Data) *sheet {
	t := &sheet{Header: v.says("customer", "channel", "day", "cost", "expected_value", "reason"), Align: "lllrrw", Empty: v.say("no_row")}
	for i, a := range d.TopActions {
		if i == shownActions {
			break
		}
		t.Rows = append(t.Rows, []string{a.CustomerID, v.channel(a.Channel), v.Date(a.Day), v.Money(a.CostCents), v.Money(a.ValueCents), a.Reason})
	}
	return t
}

func (v voice) blocked(d Data) *sheet {
	t := &sheet{Header: v.says("rule", "basis", "blocked_cand", "customers"), Align: "llrr", Empty: v.say("no_row")}
	for _, r := range d.Blocked {
		name := r.Rule
		if r.Title != "" {
			name = r.Title
		}
		t.Rows = append(t.Rows, []string{name, r.Source, v.Int(r.Candidates), v.Int(r.Customers)})
	}
	return t
}

func (v voice) proof(p *data.PlanFigures) *sheet {
	violation := "–"
	if p.MaxViolation != nil {
		violation = scientific(*p.MaxViolation)
	}
	t := &sheet{Header: v.says("indicator", "value"), Align: "lr", Rows: [][]string{
		{v.say("status"), p.Status},
		{v.say("solver"), p.Solver},
		{v.say("objective"), v.Money(data.RoundCents(p.ObjectiveCents))},
		{v.say("bound"), v.Money(data.RoundCents(p.BoundCents))},
		{v.say("gap"), scientific(p.Gap)},
		{v.say("violation"), violation},
		{v.say("integrality"), v.Money(data.RoundCents(p.IntegralityLossCents))},
		{v.say("candidates"), v.Int(p.Candidates)},
		{v.say("allowed"), v.Int(p.Allowed)},
		{v.say("exploration"), v.Int(p.Exploration)},
		{v.say("holdout"), v.Int(p.Holdout)},
	}}
	if x := p.Explored; x != nil {
		t.Rows = append(t.Rows, []string{v.say("explored_out"), v.Int(x.LeftOut)}, []string{v.say("explore_kept"), v.Money(x.SetAsideCents)},
			[]string{v.say("explore_cost"), v.Money(data.RoundCents(x.RegretCents))})
	}
	if p.Capped > 0 {
		t.Rows = append(t.Rows, []string{v.say("capped"), v.Int(p.Capped)})
	}
	if p.UncappedCents != nil {
		t.Rows = append(t.Rows, []string{v.say("caps_cost"), v.Money(data.RoundCents(max(0, *p.UncappedCents-p.BoundCents)))})
	}
	if p.Trimmed > 0 {
		t.Rows = append(t.Rows, []string{v.say("trimmed"), v.Int(p.Trimmed)})
	}
	for _, u := range p.Unmet {
		t.Rows = append(t.Rows, []string{v.say("unmet", u.Row), v.say("of_demand", v.Decimal(u.Reached, 0), v.Decimal(u.Demanded, 0))})
	}
	return t
}

// scientific writes a very small number so that it is not taken for zero.
func scientific(f float64) string {
	if f == 0 {
		return "0"
	}
	return strconv.FormatFloat(f, 'e', 1, 64)
}
