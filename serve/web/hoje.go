package web

import (
	"context"
	"errors"
	"math"
	"slices"

	"dunning/data"
	"dunning/serve"
	"dunning/serve/ledger"
)

// Figures are the documents that the pipeline writes beside plans and models.
type Figures interface {
	// PlanDays lists the days that have a plan, newest first.
	PlanDays() []data.Date
	// Figures returns those of the plan of a day.
	Figures(ctx context.Context, asOf data.Date) (*serve.PlanDocument, error)
	// Health returns what the evaluation of the model in force found.
	Health(ctx context.Context) (*serve.ModelEvaluation, error)
}

// todayRoom is the page that the manager opens each morning.
func (s *Site) todayRoom() {
	s.add(page{pattern: "GET " + home, title: "today.title", group: "group.today", icon: "today", roles: everybody, do: todayShow})
	s.add(page{pattern: "GET /hoje/mudancas", title: "today.title", roles: everybody, do: todayChanges})
	s.add(page{pattern: "POST /hoje/propor", title: "today.title", roles: []serve.Role{serve.Manager}, do: todayPropose})
}

// todayPage is what the page shows; Figures is nil while there is no plan.
type todayPage struct {
	Figures  *serve.PlanDocument
	AsOf     data.Date
	Kept     *ledger.Plan // the plan in the ledger, nil while nobody proposed it
	Warnings []warning
	Interval *interval
	Return   float64 // reais of recovery per real
	Used     float64 // share of the budget
	Next     nextThousand
	ByDay    Chart
	Channels []channelLine
	Heat     heat
	Blocked  []blockedLine
	Allowed  float64 // share of the options
	Changes  changesPart
	Force    inForce
}

type interval struct{ Low, High data.Cents }

// warning is something that a person should look at first.
type warning struct{ Title, Text string }

// nextThousand is what R$ 1.000 more of budget would bring in.
type nextThousand struct {
	Known     bool
	Most      data.Cents // by the price of the budget, which only falls
	Least     data.Cents // by the curve; below 0 where it does not reach so far
	PerReal   float64
	Saturated bool // the budget is not what limits the plan
}

type channelLine struct {
	data.PlanChannel
	Share  float64 // of the capacity, NaN when unlimited
	Return float64 // reais per real, NaN where nothing is spent
}

type blockedLine struct {
	data.Blocked
	Share float64 // of the options
}

func todayShow(v *visit) error {
	plan := v.site.Store.LatestPlan()
	force, err := v.inForce()
	if err != nil {
		return err
	}
	if plan == nil || v.site.Figures == nil {
		return v.show("today", todayPage{Warnings: v.storeWarnings(), Force: force})
	}
	figures, err := v.site.Figures.Figures(v.r.Context(), plan.AsOf)
	if code, _, _ := serve.CodeOf(err); err != nil && code == serve.CodeNotFound {
		return v.show("today", todayPage{Warnings: v.storeWarnings(), Force: force})
	}
	if err != nil {
		return err
	}
	out := todayPage{Figures: figures, AsOf: plan.AsOf, Force: force}
	if out.Kept, err = v.keptPlan(plan.ID); err != nil {
		return err
	}
	p := &figures.Plan
	out.Return, out.Used = ratio(p.ValueCents, p.SpentCents), ratio(p.SpentCents, p.BudgetCents)
	out.Allowed = share(p.Allowed, p.Candidates)
	out.Next = nextOf(figures)
	if out.Warnings, out.Interval, err = v.todayWarnings(figures, plan.AsOf, out.Kept); err != nil {
		return err
	}
	for _, c := range p.Channels {
		line := channelLine{PlanChannel: c, Share: math.NaN(), Return: ratio(c.ValueCents, c.CostCents)}
		if c.Capacity != nil {
			line.Share = share(c.Actions, *c.Capacity)
		}
		out.Channels = append(out.Channels, line)
	}
	for _, b := range figures.Blocked {
		out.Blocked = append(out.Blocked, blockedLine{b, share(b.Candidates, p.Candidates)})
	}
	out.ByDay, out.Heat = v.dayChart(p.Days), heatOf(p.Days, p.Prices)
	if out.Changes, err = v.changes(plan); err != nil {
		return err
	}
	return v.show("today", out)
}

// ratio is a over b, NaN where b is nothing.
func ratio(a, b data.Cents) float64 {
	if b == 0 {
		return math.NaN()
	}
	return float64(a) / float64(b)
}

// share is a over b, NaN where b is nothing.
func share(a, b int64) float64 {
	if b == 0 {
		return math.NaN()
	}
	return float64(a) / float64(b)
}

// keptPlan returns a plan of the ledger, nil where it has none of this id.
func (v *visit) keptPlan(id string) (*ledger.Plan, error) {
	kept, err := v.site.Ledger.Plan(v.r.Context(), id)
	if errors.Is(err, ledger.ErrNotFound) {
		return nil, nil
	}
	return &kept, err
}

// thousand is R$ 1.000.
const thousand = data.Cents(100_000)

// nextOf reads what R$ 1.000 more would bring from the price of the budget, an
// upper bound since returns only fall, and from the curve, a lower one.
func nextOf(f *serve.PlanDocument) nextThousand {
	out := nextThousand{Least: -1}
	for _, price := range f.Plan.Prices {
		if price.Kind == "budget" {
			out.Known, out.PerReal = true, price.PriceCents
			out.Most = data.RoundCents(price.PriceCents * float64(thousand))
		}
	}
	at := func(budget data.Cents) (data.Cents, bool) {
		for i := 1; i < len(f.Plan.Curve); i++ {
			a, b := f.Plan.Curve[i-1], f.Plan.Curve[i]
			if a.BudgetCents <= budget && budget <= b.BudgetCents && a.BudgetCents < b.BudgetCents {
				along := float64(budget-a.BudgetCents) / float64(b.BudgetCents-a.BudgetCents)
				return a.LowCents + data.RoundCents(along*float64(b.LowCents-a.LowCents)), true
			}
		}
		return 0, false
	}
	if more, ok := at(f.Plan.BudgetCents + thousand); ok {
		out.Least = min(out.Most, max(0, more-f.Plan.ValueCents))
	}
	if !out.Known || out.PerReal == 0 {
		out.Known, out.Saturated, out.Most, out.Least = true, true, 0, 0
	}
	return out
}

// dayChart shows the actions of each day by channel.
func (v *visit) dayChart(days []data.PlanDay) Chart {
	names, series := []string{}, []any{}
	dates := daysOf(days)
	table := Table{Caption: v.say("today.by_day"), Head: []string{v.say("today.day")}, Align: "l"}
	rows := make([][]string, len(dates))
	for i, d := range dates {
		names = append(names, v.lang.Day(d))
		rows[i] = []string{v.lang.Day(d)}
	}
	var total int64
	for _, ch := range data.Channels {
		values, works := make([]int64, len(dates)), false
		for _, d := range days {
			if d.Channel == ch {
				values[slices.Index(dates, d.Day)] = d.Actions
				works, total = true, total+d.Actions
			}
		}
		if !works {
			continue
		}
		table.Head, table.Align = append(table.Head, v.lang.Channel(ch)), table.Align+"r"
		for i, n := range values {
			rows[i] = append(rows[i], v.lang.Int(n))
		}
		series = append(series, map[string]any{"type": "bar", "stack": "day", "name": v.lang.Channel(ch), "data": values, "barMaxWidth": 44,
			"itemStyle": map[string]any{"color": seriesColour(ch)}})
	}
	table.Rows = rows
	return Chart{ID: "by-day", Size: "m", Table: table, Alt: v.say("today.by_day_alt", v.lang.Int(total), v.lang.Int(int64(len(dates)))),
		Option: map[string]any{
			"legend": map[string]any{"top": 0, "left": 0}, "grid": map[string]any{"top": 44},
			"tooltip": map[string]any{"trigger": "axis", "axisPointer": map[string]any{"type": "shadow"}, "valueFormatter": "int"},
			"xAxis":   map[string]any{"type": "category", "data": names},
			"yAxis":   map[string]any{"type": "value", "axisLabel": map[string]any{"formatter": "int"}, "minInterval": 1},
			"series":  series,
		}}
}

// seriesColour is the token of a channel's colour.
func seriesColour(ch data.Channel) string {
	return "$series-" + string(rune('1'+ch.Index()))
}

// daysOf lists the days that occur, in order.
func daysOf(days []data.PlanDay) []data.Date {
	var out []data.Date
	for _, d := range days {
		if !slices.Contains(out, d.Day) {
			out = append(out, d.Day)
		}
	}
	slices.Sort(out)
	return out
}

// heat is the table of channel × day: how full each capacity is and what one
// more contact there would bring.
type heat struct {
	Days []data.Date
	Rows []heatRow
}

type heatRow struct {
	Channel data.Channel
	Cells   []heatCell
}

type heatCell struct {
	Known    bool // the channel works on this day
	Actions  int64
	Capacity *int64
	Level    int // 0 empty to 4 full
	Full     bool
	Price    data.Cents // of one more contact
}

func heatOf(days []data.PlanDay, prices []data.RowPrice) heat {
	out := heat{Days: daysOf(days)}
	for _, ch := range data.Channels {
		row := heatRow{Channel: ch, Cells: make([]heatCell, len(out.Days))}
		works := false
		for _, d := range days {
			if d.Channel != ch {
				continue
			}
			works = true
			c := heatCell{Known: true, Actions: d.Actions, Capacity: d.Capacity}
			if d.Capacity != nil && *d.Capacity > 0 {
				used := float64(d.Actions) / float64(*d.Capacity)
				c.Full = d.Actions >= *d.Capacity
				c.Level = min(4, int(math.Ceil(4*used)))
			} else if d.Actions > 0 {
				c.Level = 1
			}
			for _, p := range prices {
				if p.Kind == "capacity" && p.Channel == ch && p.Day == d.Day {
					c.Price = data.RoundCents(p.PriceCents)
				}
			}
			row.Cells[slices.Index(out.Days, d.Day)] = c
		}
		if works {
			out.Rows = append(out.Rows, row)
		}
	}
	return out
}

// changesPart is what changed against the plan of the day before; it may still
// be computed.
type changesPart struct {
	Ready  bool
	Before *data.Date // nil where there is no earlier plan
	Change serve.PlanChange
	Lines  []changeLine
}

type changeLine struct {
	Channel       data.Channel
	Before, After serve.Sums
}

// changes compares a plan with the one of the day before it that there is.
func (v *visit) changes(plan *serve.Plan) (changesPart, error) {
	out := changesPart{Ready: true}
	for _, day := range v.site.Figures.PlanDays() {
		if day < plan.AsOf {
			out.Before = &day
			break
		}
	}
	if out.Before == nil {
		return out, nil
	}
	before := *out.Before
	change, ready, err := v.site.compared.get(plan.SHA256+" "+before.String(), func() (serve.PlanChange, error) {
		// The comparison outlives the request that asked for it first.
		old, err := v.site.Store.Plan(context.Background(), before)
		if err != nil {
			return serve.PlanChange{}, err
		}
		return plan.ChangeFrom(old), nil
	})
	out.Change, out.Ready = change, ready
	for i, ch := range data.Channels {
		if c := change.Channels[i]; c.Before.Actions+c.After.Actions > 0 {
			out.Lines = append(out.Lines, changeLine{ch, c.Before, c.After})
		}
	}
	if err != nil { // the earlier plan is damaged or gone: today's is none the worse
		v.site.config.Log.Warn("plans could not be compared", "before", before.String(), "error", err)
		out.Before, err = nil, nil
	}
	return out, err
}

func todayChanges(v *visit) error {
	plan := v.site.Store.LatestPlan()
	if plan == nil || v.site.Figures == nil {
		return fail(serve.CodeNotFound)
	}
	out, err := v.changes(plan)
	if err != nil {
		return err
	}
	return v.part("today-changes", out)
}

// todayPropose makes the plan of the day a draft of the person's, and hands it
// in for approval.
func todayPropose(v *visit) error {
	plan := v.site.Store.LatestPlan()
	if plan == nil || plan.Len() == 0 {
		return fail(serve.CodeUnavailable)
	}
	if plan.SHA256 != v.r.PostForm.Get("version") {
		return fail(serve.CodeConflict) // a newer plan took its place while she looked
	}
	proposal := serve.ProposalOf(plan, v.site.Store.Portfolio(), v.login())
	if _, err := v.site.Ledger.CreatePlan(v.r.Context(), proposal); err != nil {
		return err
	}
	if _, err := v.site.Ledger.Submit(v.r.Context(), plan.ID, v.login()); err != nil {
		return err
	}
	return v.redirect(planPath(plan.ID) + "?feito=proposto")
}
