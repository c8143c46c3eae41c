package web

import (
	"bytes"
	"encoding/csv"
	"fmt"
	"net/url"
	"strconv"
	"strings"

	"dunning/data"
	"dunning/serve"
)

// segmentsPath is the room's page of indicators by segment.
const segmentsPath = indicatorsPath + "/segmentos"

// segmentsPage is what the template shows: all segments, or one of them.
type segmentsPage struct {
	Missing bool
	Tabs    []tab
	Day     data.Date
	Against data.Date // 0 for none
	Days    []data.Date
	Months  int
	All     Table
	Shares  Chart
	Query   string

	One         *data.SegmentIndicators // the one that the address names
	Name        string
	Description string
	Figures     []indicator
	Aging       Chart
	How         Table  // how the figures that are no sums of classes of age come about
	Forecast    string // address of the segment's forecast
}

// bySegment returns the report that the address asks for; nil where it has no
// segments.
func (v *visit) bySegment() (days []data.Date, now, then *Report, err error) {
	days, now, then, err = v.chosenReport()
	if err != nil || now == nil || now.Portfolio == nil || len(now.Portfolio.Segments) == 0 {
		return days, nil, nil, err
	}
	return days, now, then, nil
}

// segmentOf returns one of a report's segments; nil for none.
func segmentOf(r *Report, key string) *data.SegmentIndicators {
	if r == nil || r.Portfolio == nil {
		return nil
	}
	for i := range r.Portfolio.Segments {
		if r.Portfolio.Segments[i].Segment == key {
			return &r.Portfolio.Segments[i]
		}
	}
	return nil
}

func segmentsShow(v *visit) error {
	days, now, then, err := v.bySegment()
	if err != nil {
		return err
	}
	if now == nil {
		return v.show("segments", segmentsPage{Missing: true, Tabs: v.indicatorTabs()})
	}
	p := segmentsPage{Tabs: v.indicatorTabs(), Day: now.AsOf, Days: days, Months: now.Portfolio.Months, Query: "?dia=" + now.AsOf.String()}
	against := "-"
	if then != nil {
		p.Against = then.AsOf
		against = then.AsOf.String()
	}
	link := func(segment string) string {
		return segmentsPath + "?" + url.Values{"dia": {now.AsOf.String()}, "contra": {against}, "segmento": {segment}}.Encode()
	}
	p.All, p.Shares = v.segmentsTable(now, link), v.segmentsChart(now)
	if key := v.r.URL.Query().Get("segmento"); key != "" {
		if p.One = segmentOf(now, key); p.One == nil {
			return fail(serve.CodeNotFound)
		}
		p.Name, p.Description = v.segmentName(now, key), p.One.Description
		if v.lang == English {
			p.Description = p.One.EnglishDescription
		}
		p.Figures = v.compared(segmentFigures(p.One), figuresOrNil(segmentOf(then, key)))
		for i := range p.Figures { // what is not a sum of the classes of age is reckoned below
			if p.Figures[i].From = "#como"; madeOf[p.Figures[i].Key] == "aging" {
				p.Figures[i].From = "#aging"
			}
		}
		p.How = v.segmentHow(now.Portfolio, p.One)
		p.Aging = v.agingOf("aging-one", p.One.Aging, p.One.ReceivableCents, p.One.ProvisionCents, p.One.OpenInvoices)
		if now.Forecast != nil {
			p.Forecast = forecastPath + "?" + url.Values{"dia": {now.AsOf.String()}, "segmento": {key}}.Encode()
		}
	}
	return v.show("segments", p)
}

func figuresOrNil(s *data.SegmentIndicators) []indicator {
	if s == nil {
		return nil
	}
	return segmentFigures(s)
}

// segmentFigures are a segment's indicators.
func segmentFigures(s *data.SegmentIndicators) []indicator {
	cents := func(c data.Cents) *float64 { f := float64(c); return &f }
	count := func(n int64) *float64 { f := float64(n); return &f }
	return []indicator{
		{Key: "kpi.customers", Unit: asCount, Now: count(s.Customers)},
		{Key: "kpi.open_customers", Unit: asCount, Now: count(s.OpenCustomers)},
		{Key: "kpi.overdue_customers", Unit: asCount, Now: count(s.OverdueCustomers), Good: -1},
		{Key: "kpi.receivable", Unit: asMoney, Now: cents(s.ReceivableCents)},
		{Key: "kpi.overdue", Unit: asMoney, Now: cents(s.OverdueCents), Good: -1},
		{Key: "kpi.overdue_share", Unit: asShare, Now: s.OverdueShare, Good: -1},
		{Key: "kpi.over90", Unit: asMoney, Now: cents(s.Over90Cents), Good: -1},
		{Key: "kpi.default", Unit: asShare, Now: s.DefaultRate, Good: -1},
		{Key: "kpi.provision", Unit: asMoney, Now: cents(s.ProvisionCents)},
		{Key: "kpi.coverage", Unit: asShare, Now: s.Coverage, Good: 1},
		{Key: "kpi.dso", Unit: asDays, Now: s.DSO, Good: -1},
		{Key: "kpi.cei", Unit: asPoints, Now: s.CEI, Good: 1},
		{Key: "kpi.cure", Unit: asShare, Now: s.CureRate, Good: 1},
		{Key: "kpi.billed", Unit: asMoney, Now: cents(s.BilledCents)},
		{Key: "kpi.collected", Unit: asMoney, Now: cents(s.CollectedCents), Good: 1},
	}
}

// segmentHow writes down how a segment's figures are reckoned: with their sums where
// the report keeps them, else in words.
func (v *visit) segmentHow(k *data.Indicators, s *data.SegmentIndicators) Table {
	t := Table{Caption: v.say("seg.how"), Align: "llr", Head: []string{v.say("kpi.indicator"), v.say("seg.sum"), v.say("model.figure")}}
	add := func(key, sum, figure string) { t.Rows = append(t.Rows, []string{v.say(key), sum, figure}) }
	add("kpi.customers", v.say("seg.how_customers"), v.lang.Int(s.Customers))
	add("kpi.open_customers", v.say("seg.how_open", v.lang.Date(k.AsOf)), v.lang.Int(s.OpenCustomers))
	add("kpi.overdue_customers", v.say("seg.how_overdue", v.lang.Date(k.AsOf)), v.lang.Int(s.OverdueCustomers))
	add("kpi.billed", v.say("seg.how_billed", v.lang.Date(k.From), v.lang.Date(k.AsOf)), v.lang.Money(s.BilledCents))
	add("kpi.collected", v.say("seg.how_collected", v.lang.Date(k.From), v.lang.Date(k.AsOf)), v.lang.Money(s.CollectedCents))
	add("kpi.dso", v.say("seg.how_dso", v.lang.Money(s.ReceivableCents), v.lang.Money(s.BilledCents), v.lang.Int(int64(k.Days))), v.figure(s.DSO, asDays))
	current := s.ReceivableCents - s.OverdueCents
	add("kpi.cei", v.say("seg.how_cei", v.lang.Money(s.BilledCents), v.lang.Int(int64(k.Months)), v.lang.Money(s.ReceivableCents), v.lang.Money(current)), v.figure(s.CEI, asPoints))
	add("kpi.cure", v.say("seg.how_cure", v.lang.Int(int64(k.Months))), v.figure(s.CureRate, asShare))
	return t
}

// segmentsTable shows the segments side by side, and the whole below.
func (v *visit) segmentsTable(now *Report, link func(string) string) Table {
	t := Table{Caption: v.say("seg.all"), Align: "lrrrrrrrr", Head: []string{v.say("kpi.segment"), v.say("kpi.customers"), v.say("kpi.receivable"), v.say("kpi.overdue_share"),
		v.say("kpi.default"), v.say("kpi.coverage"), "DSO", "CEI", v.say("kpi.cure")}}
	k := now.Portfolio
	for i := range k.Segments {
		s := &k.Segments[i]
		t.Rows = append(t.Rows, []string{v.segmentName(now, s.Segment), v.lang.Int(s.Customers), v.lang.Money(s.ReceivableCents), v.figure(s.OverdueShare, asShare),
			v.figure(s.DefaultRate, asShare), v.figure(s.Coverage, asShare), v.figure(s.DSO, asDays), v.figure(s.CEI, asPoints), v.figure(s.CureRate, asShare)})
		t.Links = append(t.Links, link(s.Segment))
	}
	t.Foot = []string{v.say("table.total"), v.lang.Int(k.Customers), v.lang.Money(k.ReceivableCents), v.figure(k.OverdueShare, asShare),
		v.figure(k.DefaultRate, asShare), v.figure(k.Coverage, asShare), v.figure(k.DSO, asDays), v.figure(k.CEI, asPoints), v.figure(k.CureRate, asShare)}
	return t
}

// segmentsChart draws the shares of the classes of age of each segment's balance.
func (v *visit) segmentsChart(now *Report) Chart {
	k := now.Portfolio
	c := Chart{ID: "segment-aging", Size: "l", Table: Table{Caption: v.say("seg.aging"), Align: "l", Head: []string{v.say("kpi.segment")}}}
	names := []string{}
	var series []any
	worst, share := "", -1.0
	for i := len(k.Segments) - 1; i >= 0; i-- { // the first on top
		s := &k.Segments[i]
		names = append(names, v.segmentName(now, s.Segment))
		if s.OverdueShare != nil && *s.OverdueShare > share {
			worst, share = names[len(names)-1], *s.OverdueShare
		}
	}
	colors := []string{"$series-3", "$series-1", "$series-5", "$series-4", "$series-2", "$bad"}
	for b, a := range k.Aging {
		values := []float64{}
		for i := len(k.Segments) - 1; i >= 0; i-- {
			values = append(values, shareOf(k.Segments[i].Aging[b].BalanceCents, k.Segments[i].ReceivableCents))
		}
		name := v.bucket(a.FromDays, a.ToDays)
		c.Table.Head, c.Table.Align = append(c.Table.Head, name), c.Table.Align+"r"
		series = append(series, map[string]any{"type": "bar", "stack": "all", "name": name, "data": values, "barMaxWidth": 22, "itemStyle": map[string]any{"color": colors[b%len(colors)]}})
	}
	for i := range k.Segments {
		row := []string{v.segmentName(now, k.Segments[i].Segment)}
		for _, a := range k.Segments[i].Aging {
			row = append(row, v.lang.Money(a.BalanceCents))
		}
		c.Table.Rows = append(c.Table.Rows, row)
	}
	c.Alt = v.say("seg.aging_alt", worst, v.lang.Percent(max(0, share)))
	c.Option = map[string]any{"legend": map[string]any{"top": 0, "left": 0}, "grid": map[string]any{"top": 56}, "tooltip": map[string]any{"trigger": "axis", "valueFormatter": "pct"},
		"xAxis":  map[string]any{"type": "value", "max": 1, "axisLabel": map[string]any{"formatter": "pct", "hideOverlap": true}},
		"yAxis":  map[string]any{"type": "category", "data": names, "axisLabel": map[string]any{"interval": 0, "width": 130, "overflow": "truncate"}},
		"series": series}
	return c
}

// segmentsCSV exports all figures of all segments, for programs.
func segmentsCSV(v *visit) error {
	_, now, _, err := v.bySegment()
	if err != nil {
		return err
	}
	if now == nil {
		return fail(serve.CodeUnavailable)
	}
	var b bytes.Buffer
	w := csv.NewWriter(&b)
	w.Write([]string{"segment", "name", "indicator", "unit", "as_of", "value"}) // Error reports it
	for i := range now.Portfolio.Segments {
		s := &now.Portfolio.Segments[i]
		for _, one := range segmentFigures(s) {
			value := ""
			if x, ok := one.machine(one.Now); ok {
				value = strconv.FormatFloat(x, 'f', -1, 64)
			}
			w.Write([]string{plainCell(s.Segment), plainCell(v.segmentName(now, s.Segment)), strings.TrimPrefix(one.Key, "kpi."), unitNames[one.Unit], now.AsOf.String(), value})
		}
	}
	w.Flush()
	if err := w.Error(); err != nil {
		return fmt.Errorf("web: csv: %w", err)
	}
	return v.attach(csvKind, "segmentos-"+now.AsOf.String()+".csv", b.Bytes())
}

// segmentsSheet exports the tables as an Excel workbook.
func segmentsSheet(v *visit) error {
	_, now, _, err := v.bySegment()
	if err != nil {
		return err
	}
	if now == nil {
		return fail(serve.CodeUnavailable)
	}
	all := v.segmentsTable(now, func(string) string { return "" })
	return v.sheets("segmentos-"+now.AsOf.String()+".xlsx", []namedTable{{v.say("seg.tab"), all}, {v.say("seg.aging"), v.segmentsChart(now).Table}})
}
