package web

import (
	"bytes"
	"encoding/csv"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"dunning/data"
	"dunning/serve"
)

// forecastPath is the room's page of receipts to come.
const forecastPath = indicatorsPath + "/previsao"

// The grains of a forecast, as the address has them and as the forecast does.
var forecastGrains = map[string]string{"semana": "week", "dia": "day"}

// tab is a link among several of which one is taken.
type tab struct {
	Name, Link string
	Current    bool
}

// indicatorTabs are the pages of the room.
func (v *visit) indicatorTabs() []tab {
	var out []tab
	for _, t := range []struct{ key, path string }{{"kpi.tab", indicatorsPath}, {"cash.tab", forecastPath}, {"seg.tab", segmentsPath}, {"area.credit", creditAreaPath}, {"area.sales", salesAreaPath}} {
		out = append(out, tab{v.say(t.key), t.path, v.r.URL.Path == t.path})
	}
	return out
}

// forecastPage is what the template shows.
type forecastPage struct {
	Missing         bool
	Tabs            []tab
	Day             data.Date
	Days            []data.Date
	Forecast        *data.Receipts
	Segment, Grain  string
	Name            string // of the segment
	Segments        []tab
	Grains          []tab
	Next            *data.ReceiptsRow // the first week
	Weeks           int
	Expected, Added data.Cents // of all weeks: expected, and what the plan adds to usual contact
	Chart           Chart
	BySegment       Table
	Past            Table
	Query           string // of exports
}

// forecasted returns the forecast that the address asks for; nil for none.
func (v *visit) forecasted() (days []data.Date, now *Report, err error) {
	days, now, _, err = v.chosenReport()
	if err != nil || now == nil || now.Forecast == nil || len(now.Forecast.Rows) == 0 {
		return days, nil, err
	}
	return days, now, nil
}

func forecastShow(v *visit) error {
	days, now, err := v.forecasted()
	if err != nil {
		return err
	}
	if now == nil {
		return v.show("forecast", forecastPage{Missing: true, Tabs: v.indicatorTabs()})
	}
	q := v.r.URL.Query()
	p := forecastPage{Tabs: v.indicatorTabs(), Day: now.AsOf, Days: days, Forecast: now.Forecast, Segment: q.Get("segmento"), Grain: q.Get("grao")}
	if p.Segment == "" {
		p.Segment = data.ReceiptsAll
	}
	if forecastGrains[p.Grain] == "" {
		p.Grain = "semana"
	}
	link := func(segment, grain string) string {
		return forecastPath + "?" + url.Values{"dia": {now.AsOf.String()}, "segmento": {segment}, "grao": {grain}}.Encode()
	}
	names := receiptSegments(now.Forecast)
	if !slices.Contains(names, p.Segment) {
		return fail(serve.CodeNotFound)
	}
	for _, s := range names {
		p.Segments = append(p.Segments, tab{v.segmentName(now, s), link(s, p.Grain), s == p.Segment})
	}
	for _, g := range []string{"semana", "dia"} {
		p.Grains = append(p.Grains, tab{v.say("cash." + g), link(p.Segment, g), g == p.Grain})
	}
	p.Name, p.Query = v.segmentName(now, p.Segment), "?dia="+now.AsOf.String()
	rows := receiptRows(now.Forecast, p.Segment, "week")
	for i := range rows {
		p.Expected += rows[i].ExpectedCents
		p.Added += rows[i].PlanCents - rows[i].UsualCents
	}
	if p.Weeks = len(rows); p.Weeks > 0 {
		p.Next = &rows[0]
	}
	p.Chart = v.receiptsChart(now.Forecast, p.Segment, forecastGrains[p.Grain], p.Name)
	p.BySegment = v.receiptsBySegment(now, link)
	p.Past = v.receiptsPast(now.Forecast)
	return v.show("forecast", p)
}

// receiptSegments lists the segments of a forecast, the whole first.
func receiptSegments(f *data.Receipts) []string {
	var out []string
	for i := range f.Rows {
		if s := f.Rows[i].Segment; !slices.Contains(out, s) {
			out = append(out, s)
		}
	}
	return out
}

// receiptRows are a segment's days or weeks, in their order.
func receiptRows(f *data.Receipts, segment, grain string) []data.ReceiptsRow {
	var out []data.ReceiptsRow
	for _, r := range f.Rows {
		if r.Segment == segment && r.Grain == grain {
			out = append(out, r)
		}
	}
	return out
}

// segmentName names a segment by the report's words.
func (v *visit) segmentName(r *Report, key string) string {
	if key == data.ReceiptsAll {
		return v.say("cash.all")
	}
	if r.Portfolio != nil {
		for _, s := range r.Portfolio.Segments {
			if s.Segment == key && s.Name != "" {
				if v.lang == English {
					return s.EnglishName
				}
				return s.Name
			}
		}
	}
	return key
}

// receiptsHead are the columns of a forecast's tables.
func (v *visit) receiptsHead() []string {
	return []string{v.say("cash.from"), v.say("cash.expected"), v.say("cash.low"), v.say("cash.high"), v.say("cash.plan"), v.say("cash.usual"), v.say("cash.with_plan")}
}

func (v *visit) receiptsLine(name string, r *data.ReceiptsRow) []string {
	out := []string{name}
	for _, c := range []data.Cents{r.ExpectedCents, r.LowCents, r.HighCents, r.PlanCents, r.UsualCents, r.WithPlanCents} {
		out = append(out, v.lang.Money(c))
	}
	return out
}

// receiptsChart draws what is expected within its band.
func (v *visit) receiptsChart(f *data.Receipts, segment, grain, name string) Chart {
	rows := receiptRows(f, segment, grain)
	c := Chart{ID: "receipts", Size: "l", Table: Table{Caption: v.say("cash.caption", name), Align: "lrrrrrr", Head: v.receiptsHead()}, Note: v.say("cash.note", v.lang.Percent(f.Nominal))}
	names, low, expected, with := []string{}, []float64{}, []float64{}, []float64{}
	band := [][]any{} // the band's width above its lower bound, and the upper bound to be read
	for i := range rows {
		r := &rows[i]
		names = append(names, v.lang.Day(r.From))
		low, expected, with = append(low, reais(r.LowCents)), append(expected, reais(r.ExpectedCents)), append(with, reais(r.WithPlanCents))
		band = append(band, []any{i, reais(r.HighCents - r.LowCents), reais(r.HighCents)})
		c.Table.Rows = append(c.Table.Rows, v.receiptsLine(v.lang.Day(r.From), r))
	}
	if len(rows) > 0 {
		c.Alt = v.say("cash.alt", name, v.lang.MoneyShort(rows[0].ExpectedCents), v.lang.MoneyShort(rows[0].LowCents), v.lang.MoneyShort(rows[0].HighCents))
	}
	line := func(name, color, kind string, values []float64) map[string]any {
		return map[string]any{"type": "line", "name": name, "data": values, "symbolSize": 6, "showSymbol": len(values) <= 10, "itemStyle": map[string]any{"color": color}, "lineStyle": map[string]any{"width": 2.5, "type": kind, "color": color}}
	}
	none, upTo := map[string]any{"opacity": 0}, v.say("cash.band", v.lang.Percent(f.Nominal))
	c.Option = map[string]any{"legend": map[string]any{"top": 0, "left": 0, "data": []string{v.say("cash.expected"), v.say("cash.with_plan"), upTo}}, "grid": map[string]any{"top": 40, "right": 34}, "tooltip": map[string]any{"trigger": "axis", "valueFormatter": "brief"},
		"xAxis": map[string]any{"type": "category", "data": names, "boundaryGap": false, "axisLabel": map[string]any{"hideOverlap": true}},
		"yAxis": map[string]any{"type": "value", "min": 0, "axisLabel": map[string]any{"formatter": "brief"}},
		"series": []any{
			map[string]any{"type": "line", "name": v.say("cash.low"), "data": low, "stack": "band", "showSymbol": false, "silent": true, "lineStyle": none, "itemStyle": map[string]any{"color": "$accent"}},
			map[string]any{"type": "line", "name": upTo, "data": band, "encode": map[string]any{"x": 0, "y": 1, "tooltip": []int{2}}, "stack": "band", "showSymbol": false, "silent": true, "lineStyle": none,
				"itemStyle": map[string]any{"color": "$accent-soft"}, "areaStyle": map[string]any{"color": "$accent-soft", "opacity": 1}},
			line(v.say("cash.expected"), "$accent", "solid", expected), line(v.say("cash.with_plan"), "$series-2", "dashed", with)}}
	return c
}

// receiptsBySegment shows each segment's next week and all its weeks.
func (v *visit) receiptsBySegment(now *Report, link func(segment, grain string) string) Table {
	t := Table{Caption: v.say("cash.by_segment"), Align: "lrrrr", Head: []string{v.say("kpi.segment"), v.say("cash.next"), v.say("cash.low"), v.say("cash.high"), v.say("cash.weeks_sum")}}
	for _, s := range receiptSegments(now.Forecast) {
		rows := receiptRows(now.Forecast, s, "week")
		if len(rows) == 0 {
			continue
		}
		var sum data.Cents
		for i := range rows {
			sum += rows[i].ExpectedCents
		}
		t.Rows = append(t.Rows, []string{v.segmentName(now, s), v.lang.Money(rows[0].ExpectedCents), v.lang.Money(rows[0].LowCents), v.lang.Money(rows[0].HighCents), v.lang.Money(sum)})
		t.Links = append(t.Links, link(s, "semana"))
	}
	return t
}

// receiptsPast holds earlier forecasts against what came.
func (v *visit) receiptsPast(f *data.Receipts) Table {
	t := Table{Caption: v.say("cash.past"), Align: "lrrrrr", Head: []string{v.say("cash.made"), v.say("cash.weeks"), v.say("cash.expected"), v.say("cash.came"), v.say("cash.off"), v.say("cash.held")}}
	for _, p := range f.Past {
		off := v.say("none")
		if p.CameCents > 0 {
			off = v.lang.Percent(float64(p.ExpectedCents-p.CameCents) / float64(p.CameCents))
		}
		t.Rows = append(t.Rows, []string{v.lang.Date(p.AsOf), v.lang.Int(int64(p.Weeks)), v.lang.Money(p.ExpectedCents), v.lang.Money(p.CameCents), off, v.say("cash.of", v.lang.Int(int64(p.Held)), v.lang.Int(int64(p.Weeks)))})
	}
	return t
}

// forecastCSV exports all days and weeks, for programs.
func forecastCSV(v *visit) error {
	_, now, err := v.forecasted()
	if err != nil {
		return err
	}
	if now == nil {
		return fail(serve.CodeUnavailable)
	}
	var b bytes.Buffer
	w := csv.NewWriter(&b)
	w.Write([]string{"as_of", "grain", "segment", "from", "days", "expected", "low", "high", "plan", "usual", "with_plan"}) // Error reports it
	for _, r := range now.Forecast.Rows {
		row := []string{r.AsOf.String(), r.Grain, plainCell(r.Segment), r.From.String(), strconv.Itoa(int(r.Days))}
		for _, c := range []data.Cents{r.ExpectedCents, r.LowCents, r.HighCents, r.PlanCents, r.UsualCents, r.WithPlanCents} {
			row = append(row, strconv.FormatFloat(c.Reais(), 'f', 2, 64))
		}
		w.Write(row)
	}
	w.Flush()
	if err := w.Error(); err != nil {
		return fmt.Errorf("web: csv: %w", err)
	}
	return v.attach(csvKind, "previsao-"+now.AsOf.String()+".csv", b.Bytes())
}

// forecastSheet exports the forecast as an Excel workbook.
func forecastSheet(v *visit) error {
	_, now, err := v.forecasted()
	if err != nil {
		return err
	}
	if now == nil {
		return fail(serve.CodeUnavailable)
	}
	var tables []namedTable
	for _, grain := range []string{"semana", "dia"} {
		t := Table{Caption: v.say("cash." + grain), Align: "llrrrrrr", Head: append([]string{v.say("kpi.segment")}, v.receiptsHead()...)}
		for _, s := range receiptSegments(now.Forecast) {
			rows := receiptRows(now.Forecast, s, forecastGrains[grain])
			for i := range rows {
				t.Rows = append(t.Rows, append([]string{v.segmentName(now, s)}, v.receiptsLine(rows[i].From.String(), &rows[i])...))
			}
		}
		tables = append(tables, namedTable{v.say("cash." + grain), t})
	}
	tables = append(tables, namedTable{v.say("cash.by_segment"), v.receiptsBySegment(now, func(string, string) string { return "" })}, namedTable{v.say("cash.past"), v.receiptsPast(now.Forecast)})
	return v.sheets("previsao-"+now.AsOf.String()+".xlsx", tables)
}

// BackcastWords says how the method did on past days; "" where that is unknown.
func (p forecastPage) BackcastWords(v Language, text string) string {
	b := p.Forecast.Backcast
	if b == nil {
		return ""
	}
	return strings.TrimSpace(fmt.Sprintf(text, v.Int(int64(b.Origins)), v.Date(b.From), v.Date(b.To), v.Percent(b.HeldDays), v.Percent(b.HeldWeeks), v.Percent(b.ErrorDays), v.Percent(b.ErrorWeeks)))
}
